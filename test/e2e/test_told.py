"""What people and pipelines say takes effect at once, also where nothing is heard of the mesh, and outlives a kill.

    test_told.py BINARY
"""
import json
import os
import signal
import sys
import tempfile
import threading
import time
import urllib.request

from e2e_daemon import LONG_S, Daemon, Tap, run
from e2e_log import AUDIT, log_add
from e2e_receivers import Double

try:
    from e2e_feed import Feed
except ImportError as missing:
    Feed, MISSING = None, str(missing)

LEARN_S, FAIL_S, WITHIN_S = 16, 6, 1.0
CHANGE = {"source": "argo", "kind": "deploy", "summary": "cart to v3",
          "entity": {"kind": "service", "namespace": "shop", "service": "cart"}}


class Events:
    """Names and data of the live stream, with the time at which each came."""

    def __init__(self, daemon):
        self.got = []
        self.stream = urllib.request.urlopen(daemon.url + "/api/v1/stream", timeout=60)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        name = None
        try:
            for line in self.stream:
                if line.startswith(b"event: "):
                    name = line[7:].strip().decode()
                elif line.startswith(b"data: ") and name != "summary":
                    self.got.append((time.monotonic(), name, json.loads(line[6:])))
        except (OSError, ValueError, AttributeError):
            pass  # the daemon is gone


def post(daemon, path, body):
    """(status, when it was answered)"""
    status = daemon.ask(path, "POST", json.dumps(body), "application/json")[0]
    return status, time.monotonic()


def within(daemon, answered, condition):
    """Did it come to be so within a second of the answer?"""
    daemon.wait(condition, 10)
    return time.monotonic() - answered <= WITHIN_S and bool(condition())


def changes(daemon):
    return [(c["source"], c["summary"]) for c in daemon.get("/api/v1/changes")["changes"]]


def test_change(tap, daemon, what, ticks):
    events, before = Events(daemon), daemon.get("/api/v1/status")["tick"]["seq"]
    status, answered = post(daemon, "/api/v1/changes", CHANGE)
    tap.equal(f"{what}: a change is taken", status, 202)
    tap.ok(f"{what}: and listed within a second", within(daemon, answered, lambda: ("argo", "cart to v3") in
                                                         changes(daemon)), changes(daemon))
    tap.ok(f"{what}: and on the live stream", within(daemon, answered, lambda: [
        e for e in events.got if e[1] == "change" and e[2]["summary"] == "cart to v3"]), events.got)
    tap.equal(f"{what}: it is on record, whole", {k: v for k, v in daemon.get("/api/v1/audit")["actions"][0]["change"]
                                                  .items() if k != "at"}, CHANGE)
    got = daemon.wait(lambda: daemon.get("/api/v1/status")["tick"]["seq"] - before, WITHIN_S)
    tap.equal(f"{what}: {ticks} tick of its own", got or 0, ticks)


def trouble(daemon, feed):
    feed.go(LEARN_S)
    feed.failing = "cart"
    feed.go(FAIL_S)
    found = daemon.wait(lambda: [i for i in daemon.troubles().values() if i["state"] == "open"], LONG_S)
    return found[0]["id"] if found else None


def silence(daemon):
    """Until no tick comes any more."""
    seq = lambda: daemon.get("/api/v1/status")["tick"]["seq"]  # noqa: E731
    last = [None]

    def same():
        was, last[0] = last[0], seq()
        time.sleep(1)
        return was == last[0]
    return daemon.wait(same, LONG_S)


def test_verb(tap, daemon, incident, verb, is_so):
    events = Events(daemon)
    status, answered = post(daemon, f"/api/v1/incidents/{incident}/{verb}", {"who": "ann"})
    tap.equal(f"{verb} of an incident while nothing is heard", status, 202)
    tap.ok(f"{verb} shows within a second", within(daemon, answered, lambda: is_so(daemon.incidents()[incident])),
           daemon.incidents()[incident])
    tap.ok(f"{verb} is on the live stream", within(daemon, answered, lambda: [
        e for e in events.got if e[1] == "incident" and e[2]["id"] == incident and is_so(e[2])]), events.got[-1:])


def test_silent(tap, binary, folder):
    """An incident is open, and then everybody falls silent: an operator is heard all the same."""
    hook, data, recording = Double(), os.path.join(folder, "silent"), os.path.join(folder, "recording")
    config = os.path.join(folder, "conf.yaml")
    with open(config, "w", encoding="utf-8") as out:
        out.write(f"receivers:\n- name: hook\n  type: webhook\n  url: http://127.0.0.1:{hook.port}/\n")
    told = lambda: [g.json["event"] for g in hook.got]  # noqa: E731
    with Daemon(binary, "--config", config, "--data", data, "--record", recording) as daemon:
        feed = Feed(daemon.grpc)
        incident = trouble(daemon, feed)
        tap.ok("an incident opens", incident)
        if not incident:
            return
        feed.end()
        tap.ok("no tick comes once the streams are gone", silence(daemon))
        test_verb(tap, daemon, incident, "ack", lambda i: i["acked"])
        tap.ok("the receiver hears of it", daemon.wait(lambda: "acknowledged" in told(), WITHIN_S), told())
        test_verb(tap, daemon, incident, "mute", lambda i: i["muted"])
        tap.ok("and the end of it, as it is muted now", daemon.wait(lambda: told()[-1:] == ["ended"], WITHIN_S), told())
        test_change(tap, daemon, "silent", 1)
        line = daemon.incidents()[incident]
        post(daemon, "/api/v1/changes", {**CHANGE, "summary": "the last word"})
        daemon.stop(signal.SIGKILL)
    out = run(binary, "replay", "--incident", incident, "--data", data)
    tap.ok("its black box makes it again, with all that was said", out.returncode == 0 and "byte for byte" in out.stderr
           and json.loads(out.stdout)["acked"], out.stderr)
    time.sleep(0.6)
    log_add(data, AUDIT, {"at": now(), "who": "ann", "token": None, "action": "expect", "about": incident,
                          "result": "accepted"})
    with Daemon(binary, "--config", config, "--data", data) as daemon:
        tap.ok("an action that was recorded, and then came the kill, is done",
               daemon.wait(lambda: daemon.incidents()[incident]["verdict"] == "expected", 2), daemon.said())
        tap.ok("what was answered before the kill is known after it", within(
            daemon, time.monotonic(), lambda: ("argo", "the last word") in changes(daemon)), changes(daemon))
        tap.equal("each change once", len(changes(daemon)), len(set(changes(daemon))))
        after = daemon.incidents()[incident]
        tap.equal("and so is the incident", [after[k] for k in ("acked", "muted")], [True, True])
    again = os.path.join(folder, "again")
    run(binary, "replay", "--format", "recording", "--incidents", again, recording)
    with open(again, encoding="utf-8") as file:
        lines = {i["id"]: i for i in map(json.loads, file)}
    same = ("id", "verdict", "started_at", "detected_at", "acked", "summary", "decisions")
    tap.equal("the recording has what was said, too, at its place", [lines.get(incident, {}).get(k) for k in same],
              [line[k] for k in same])


def now(seconds=0):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + seconds)) + ".5Z"


def test_resumed(tap, binary, folder):
    """What a process leaves that was killed between an action's record and the tick with it."""
    data = os.path.join(folder, "resumed")
    record = {"at": now(-2), "who": "argo", "token": None, "action": "change", "about": "cart to v3",
              "result": "accepted", "change": {"at": now(-3), **CHANGE}}
    log_add(data, AUDIT, {**record, "result": "busy", "change": {**record["change"], "summary": "refused"}})
    log_add(data, AUDIT, {**record, "at": now(-7200), "change": {**record["change"], "summary": "of long ago"}})
    log_add(data, AUDIT, record)
    with Daemon(binary, "--data", data) as daemon:
        tap.ok("what no tick has is told again", "1 actions that no tick had" in daemon.said(), daemon.said())
        tap.equal("listed once; refused ones are not", sorted(changes(daemon)),
                  [("argo", "cart to v3"), ("argo", "of long ago")])
        tap.equal("nothing is degraded where nobody was ever heard", daemon.incidents(), {})


def main():
    tap, binary = Tap(), os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        with Daemon(binary) as daemon:
            test_change(tap, daemon, "never heard anything", 0)
        test_resumed(tap, binary, folder)
        if Feed:
            test_silent(tap, binary, folder)
        else:
            tap.skip("silent", MISSING)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
