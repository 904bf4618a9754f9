"""The whole daemon, live: counters, an incident, kill -9, and that a recording replays to the same incidents.

    test_live.py BINARY
"""
import json
import os
import signal
import sys
import tempfile

from e2e_daemon import LONG_S, Daemon, Tap, run

try:
    from e2e_feed import Feed
except ImportError as missing:
    Feed, MISSING = None, str(missing)

LEARN_S, FAIL_S = 16, 6


def names(incident):
    return [c["entity"].get("service") for c in incident["root_causes"]]


def replay(binary, recording, threads):
    out = run(binary, "replay", "--format", "recording", "--threads", str(threads), "--digest", recording)
    return out.stdout, out.stderr.split("digest ")[-1].split()[0], out.returncode


def first_life(tap, daemon, binary):
    """Learning, a fault, and the incident; ends with kill -9 in mid-stream."""
    feed = Feed(daemon.grpc)
    feed.go(LEARN_S)
    tap.equal("no incident while all is well", daemon.troubles(), {})
    feed.failing = "cart"
    feed.go(FAIL_S)
    found = daemon.wait(daemon.troubles, LONG_S)
    tap.ok("errors of one service become an incident", bool(found))
    incident = next(iter(found.values())) if found else {"root_causes": [{"entity": {}}], "id": "0" * 16, "kind": ""}
    tap.equal("of kind errors, with that service as its first cause", (incident["kind"], names(incident)[:1]),
              ("errors", ["cart"]))
    told = run(binary, "explain", "--url", daemon.url, incident["id"])
    tap.ok("explain tells it", told.returncode == 0 and "cart" in told.stdout, told.stdout + told.stderr)
    tap.ok("with its numbers and its plot", "In numbers\ncart failed " in told.stdout and "s a point" in told.stdout,
           told.stdout)
    listed = run(binary, "incidents", "--url", daemon.url, "--json")
    tap.ok("incidents lists it", incident["id"] in listed.stdout, listed.stdout + listed.stderr)
    daemon.wait(lambda: daemon.counters()["entries"] == feed.traffic.entries, LONG_S)
    metrics = daemon.metrics()
    for name, want in (("messages", feed.messages), ("entries", feed.traffic.entries),
                       ("requests_server", feed.traffic.entries), ("streams_opened", len(feed.streams))):
        tap.equal(f"counter {name} is what was sent", metrics[f"foreshock_{name}_total"], want)
    status, incidents = daemon.get("/api/v1/status"), daemon.troubles()
    daemon.stop(signal.SIGKILL)
    feed.end()
    return status, incidents


def second_life(tap, daemon, before, incidents):
    after = daemon.get("/api/v1/status")
    tap.equal("the series are known after kill -9", after["series"], before["series"])
    tap.ok("no more than the last ticks are lost", after["tick"]["seq"] >= before["tick"]["seq"] - 2,
           f"{after['tick']} {before['tick']}")
    tap.equal("the incidents are known after kill -9", sorted(daemon.troubles()), sorted(incidents))
    feed = Feed(daemon.grpc, seed=2)
    feed.go(2)
    tap.ok("streams end with OK", feed.end())
    daemon.wait(lambda: daemon.counters()["entries"] == feed.traffic.entries, LONG_S)
    tap.equal("it goes on counting", daemon.counters()["entries"], feed.traffic.entries)
    tap.equal("with the same series", daemon.get("/api/v1/status")["series"], before["series"])
    tap.equal("SIGTERM ends it with 0", daemon.stop(), 0)


def incident_states(folder):
    """The JSON bodies of an incident log; only as much of the format as that needs."""
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        at = 24
        while at + 9 <= len(data):
            n = int.from_bytes(data[at:at + 4], "little")
            yield json.loads(data[at + 9:at + 9 + n])
            at += 9 + n


def test_lives(tap, binary, folder):
    data = os.path.join(folder, "data")
    with Daemon(binary, "--data", data) as daemon:
        before, incidents = first_life(tap, daemon, binary)
    with Daemon(binary, "--data", data) as daemon:
        second_life(tap, daemon, before, incidents)
    revs = {}
    for state in incident_states(os.path.join(data, "incidents")):
        revs.setdefault(state["id"], []).append(state["rev"])
    tap.ok("no state of an incident is written twice", revs and all(r == sorted(set(r)) for r in revs.values()), revs)
    with Daemon(binary, "--data", data) as daemon:
        tap.equal("the series are known after SIGTERM", daemon.get("/api/v1/status")["series"], before["series"])
        tap.ok("from the checkpoint", "checkpoint loaded, 0 ticks applied" in daemon.said(), daemon.said())


def test_log(tap, daemon):
    """A line an event, not one a record: what it said while an incident opened."""
    lines = [json.loads(line) for line in daemon.said().splitlines()]
    tap.ok("log: each line is an object of time, level, event and text",
           all(set(line) == {"at", "level", "event", "text"} for line in lines), lines)
    opened = [line for line in lines if line["event"] == "incident"]
    tap.ok("log: an incident that opens is a warning, said once", len(opened) == len(daemon.known)
           and all(line["level"] == "warning" and "opened" in line["text"] for line in opened), opened)
    tap.ok("log: there are few lines", len(lines) <= 6 + len(opened), lines)


def test_recording(tap, binary, folder):
    recording, data = os.path.join(folder, "live.rec"), os.path.join(folder, "recorded")
    with Daemon(binary, "--record", recording, "--data", data, "--set", "log=json") as daemon:
        feed = Feed(daemon.grpc, seed=3)
        feed.go(LEARN_S)
        feed.failing = "pay"
        feed.go(4)
        daemon.wait(daemon.troubles, LONG_S)
        feed.end()
        daemon.wait(lambda: daemon.counters()["entries"] == feed.traffic.entries, LONG_S)
        daemon.known = daemon.incidents()
        tap.equal("a recorded run ends with 0", daemon.stop(), 0)
        test_log(tap, daemon)
    live = {state["id"]: state for state in incident_states(os.path.join(data, "incidents"))}
    one = replay(binary, recording, 1)
    replayed = {i["id"]: i for i in map(json.loads, one[0].splitlines())}
    tap.ok("the replay ends the live run's incidents in the same states", live and replayed == live,
           f"{replayed}\n{live}")
    ticks = run(binary, "replay", "--format", "journal", "--digest", data)
    tap.equal("and so does a replay of the journal, to the same digest",
              (ticks.stdout, ticks.stderr.split("digest ")[-1].split()[0]), one[:2])
    for threads in (2, 4):
        tap.equal(f"{threads} threads give the same bytes and digest", replay(binary, recording, threads), one)


def test_record(tap, binary, folder):
    recording = os.path.join(folder, "only.rec")
    with Daemon(binary, "--out", recording, command="record", listeners=2) as recorder:
        feed = Feed(recorder.grpc, seed=4)
        feed.go(2)
        tap.ok("record ends streams with OK", feed.end())
        tap.equal("record ends with 0", recorder.stop(), 0)
    out = run(binary, "replay", "--format", "recording", recording)
    tap.ok("every entry is in the recording", f"{feed.traffic.entries} entries" in out.stderr, out.stderr)


def main():
    tap, binary = Tap(), os.path.abspath(sys.argv[1])
    if not Feed:
        tap.skip("live tests", MISSING)
        return tap.done()
    with tempfile.TemporaryDirectory() as folder:
        test_lives(tap, binary, folder)
        test_recording(tap, binary, folder)
        test_record(tap, binary, folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
