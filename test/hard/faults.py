"""Faults of disk, files, receivers and the process itself, one after the other under live traffic: what is kept, and
that nothing is lost or told twice.

    faults.py BINARY              quick: those that no other test has
    faults.py BINARY --long       all; the receiver is down for ten minutes, the process is killed 50 times
    faults.py BINARY --table      also prints the table of docs/history.md
    faults.py BINARY WORD         only the faults with WORD in their name

A disk of its own (tmpfs) needs root or user namespaces; without either those faults are skipped.
"""
import contextlib
import glob
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import e2e_receivers as r  # noqa: E402
from e2e_daemon import LONG_S, Daemon, Tap, run  # noqa: E402
from test_alerts import config_write, told  # noqa: E402
from test_blackbox import stored  # noqa: E402

try:
    from e2e_feed import Feed
except ImportError as missing:
    Feed, MISSING = None, str(missing)

LEARN_S, FAIL_S = 16, 6
OFTEN = ("--set", "checkpoint_interval=2s", "--set", "box_before=5s", "--set", "journal_segment_bytes=1048576")


class Table:
    def __init__(self):
        self.rows = []

    def row(self, fault, kept, said):
        self.rows.append((fault, kept, said))

    def text(self):
        head = ["| fault | what is kept | what is said |", "| --- | --- | --- |"]
        return "\n".join(head + ["| " + " | ".join(row) + " |" for row in self.rows])


class Scene:
    """A folder, a receiver of alerts, and a daemon that learned something."""

    def __init__(self, binary, folder, name, data=None):
        self.binary, self.folder = binary, os.path.join(folder, name)
        os.makedirs(self.folder, exist_ok=True)
        self.data = data or os.path.join(self.folder, "data")
        self.double = r.Double()
        self.config = config_write(self.folder, [{"name": "hook", "type": "webhook", "url": self.double.url()}])

    def start(self, *more):
        return Daemon(self.binary, "--config", self.config, "--data", self.data, *OFTEN, *more)

    def learned(self, daemon):
        """The smallest age of what is learned of the services, in seconds; 0 where one has nothing."""
        entities = [{"kind": "service", "namespace": "shop", "service": s} for s in ("front", "cart", "pay")]
        series = [daemon.get("/api/v1/series?entity=" + urllib.parse.quote(json.dumps(e)))["series"] for e in entities]
        return min((one["age_s"] if one["normal"] else 0 for s in series for one in s[:1]), default=0)

    def opened(self):
        return [i for event, i in told(self.double) if event == "opened"]

    def close(self):
        self.double.close()


def health(daemon):
    return json.loads(daemon.ask("/healthz")[2])


def fail_service(daemon, feed, service, seconds=FAIL_S):
    feed.failing = service
    feed.go(seconds)
    feed.failing = None
    return daemon.wait(daemon.troubles, LONG_S) or {}


def until_over(daemon, feed, limit_s=90):
    until = time.monotonic() + limit_s
    while time.monotonic() < until and any(i["state"] == "open" for i in daemon.incidents().values()):
        feed.go(1)


# ---- the disk ----

@contextlib.contextmanager
def small_disk(folder, size):
    """A disk of its own, or None."""
    os.makedirs(folder, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], capture_output=True,
                          check=False)
    if done.returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=False)


class Ballast:
    """Takes all room that is left, and whatever becomes free, until it is let go."""

    def __init__(self, path):
        self.path, self.going = path, threading.Event()
        self.take()
        self.thread = threading.Thread(target=self.more, daemon=True)
        self.thread.start()

    def take(self):
        with open(self.path, "ab", buffering=0) as out:
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while out.write(b"\xa5" * size) == size:
                        pass

    def more(self):
        while not self.going.wait(0.02):
            self.take()

    def go(self):
        self.going.set()
        self.thread.join()
        os.unlink(self.path)


def disk_fails(tap, table, binary, folder, name, breaks, mends):
    with small_disk(os.path.join(folder, name, "disk"), "64m") as disk:
        if not disk:
            tap.skip(f"{name}: a disk of its own", "neither root nor user namespaces")
            return
        scene = Scene(binary, folder, name, data=os.path.join(disk, "data"))
        with scene.start() as daemon:
            feed = Feed(daemon.grpc)
            feed.go(LEARN_S)
            broken = breaks(disk)
            feed.go(3)
            found = fail_service(daemon, feed, "cart")
            tap.equal(f"{name}: the fault is found", len(found), 1)
            tap.ok(f"{name}: its alert goes out", daemon.wait(lambda: scene.opened() == list(found), 2))
            problem = str(health(daemon).get("problems"))
            tap.ok(f"{name}: /healthz says so", health(daemon)["status"] != "ok" and "data" in problem, problem)
            errors = daemon.counters()["journal_errors"]
            tap.ok(f"{name}: and it is counted", errors > 0)
            mends(broken)
            tap.ok(f"{name}: it writes again by itself",
                   daemon.wait(lambda: feed.go(0.5) or health(daemon)["status"] == "ok", LONG_S), str(health(daemon)))
            tap.equal(f"{name}: the incident of meanwhile is in the log", set(stored(scene.data)), set(found))
            before = scene.learned(daemon)
            daemon.wait(lambda: feed.go(0.5), 7)
            daemon.stop(signal.SIGKILL)
            said = daemon.said()
        with scene.start() as daemon:
            feed = Feed(daemon.grpc)
            feed.go(2)
            tap.ok(f"{name}: after a kill all is known", scene.learned(daemon) >= before, daemon.said())
            tap.equal(f"{name}: and the incident, and no other", set(daemon.troubles()), set(found))
            until_over(daemon, feed)
            feed.go(1)
            tap.equal(f"{name}: it was told once", scene.opened(), list(found))
            out = run(binary, "replay", "--incident", list(found)[0], "--data", scene.data)
            tap.ok(f"{name}: its last state can be made again", out.returncode == 0, out.stderr)
            daemon.stop()
        scene.close()
        tap.ok(f"{name}: said on standard error, and the end of it", "going on in memory" in said and
               "writing again" in said, said)
        table.row(name, "all detection and all alerts; in memory what is learned and told, and on disk once it is "
                  "back. A kill meanwhile costs what was learned since the disk failed; black boxes begin anew when "
                  "the disk is back", "`/healthz`; standard error, beginning and end; "
                  "`foreshock_journal_errors_total`, `foreshock_store_errors_total`")


def disk_full(tap, table, binary, folder, _):
    disk_fails(tap, table, binary, folder, "disk full", lambda disk: Ballast(os.path.join(disk, "ballast")), Ballast.go)


def disk_read_only(tap, table, binary, folder, _):
    """A file stands where the directory would be: no permission is needed for that, and none overrides it."""
    name = "directory not writable"
    scene = Scene(binary, folder, name, data=os.path.join(folder, "file", "data"))
    with open(os.path.join(folder, "file"), "w", encoding="utf-8"):
        pass
    with scene.start() as daemon:
        feed = Feed(daemon.grpc)
        feed.go(LEARN_S)
        found = fail_service(daemon, feed, "cart")
        tap.equal(f"{name}: the fault is found", len(found), 1)
        tap.ok(f"{name}: its alert goes out", daemon.wait(lambda: scene.opened() == list(found), 2))
        tap.ok(f"{name}: /healthz says so", health(daemon)["status"] != "ok", str(health(daemon)))
        os.unlink(os.path.join(folder, "file"))
        tap.ok(f"{name}: once it can be written, it is", daemon.wait(
            lambda: feed.go(0.5) or health(daemon)["status"] == "ok", LONG_S), str(health(daemon)))
        tap.equal(f"{name}: the incident of before, too", set(stored(scene.data)), set(found))
        daemon.stop()
    scene.close()
    table.row(name, "as above", "as above")


# ---- damaged files ----

def flip(path, where=0.5):
    with open(path, "r+b") as file:
        size = os.path.getsize(path)
        file.seek(int(size * where))
        byte = file.read(1)
        file.seek(int(size * where))
        file.write(bytes([byte[0] ^ 0xff]))


def damaged(tap, table, binary, folder, name, damage, keeps, said_words, kept, said, end=signal.SIGKILL, once=True):
    scene = Scene(binary, folder, name)
    with scene.start() as daemon:
        feed = Feed(daemon.grpc)
        feed.go(LEARN_S)
        found = fail_service(daemon, feed, "cart")
        tap.equal(f"{name}: an incident", len(found), 1)
        feed.go(3)
        before = scene.learned(daemon)
        daemon.stop(end)
    damage(scene.data)
    with scene.start() as daemon:
        feed = Feed(daemon.grpc)
        feed.go(2)
        after, words = scene.learned(daemon), daemon.said()
        tap.ok(f"{name}: {'what is learned is there' if keeps else 'it learns anew'}",
               after >= before - 6 if keeps else after < before - 6, f"{before} s before, {after} s after; {words}")
        tap.equal(f"{name}: the incident is known", set(found) - set(daemon.incidents()), set())
        tap.ok(f"{name}: it is said", all(w in words for w in said_words), words)
        if once:
            tap.equal(f"{name}: told once", scene.opened().count(list(found)[0]), 1)
        tap.ok(f"{name}: and all is well", daemon.wait(lambda: health(daemon)["status"] == "ok", LONG_S),
               str(health(daemon)))
        daemon.stop()
    scene.close()
    table.row(name, kept, said)


def segments(data):
    return sorted(glob.glob(os.path.join(data, "journal", "*.seg")))


def checkpoint_damaged(tap, table, binary, folder, _):
    damaged(tap, table, binary, folder, "checkpoint damaged", lambda data: flip(os.path.join(data, "checkpoint")), True,
            ["checkpoint: its length or CRC is wrong", "checkpoint loaded"],
            "everything: the checkpoint before it and the journal since are used", "standard error")


def checkpoints_damaged(tap, table, binary, folder, _):
    def both(data):
        flip(os.path.join(data, "checkpoint"))
        flip(os.path.join(data, "checkpoint.before"))

    def and_begin(data):
        both(data)
        os.unlink(segments(data)[0])

    damaged(tap, table, binary, folder, "both checkpoints damaged", both, True,
            ["its length or CRC is wrong", "no checkpoint"],
            "everything, where the journal reaches back to its beginning (young directories)", "standard error")
    damaged(tap, table, binary, folder, "both, and the journal's beginning is gone", and_begin, False,
            ["its length or CRC is wrong", "no checkpoint"],
            "incidents, what was told, the history; learning begins anew, the journal is put aside as `journal.old`, "
            "black boxes are given up", "standard error; `foreshock_boxes_dropped_total`")


def segment_torn(tap, table, binary, folder, _):
    def tear(data):
        os.truncate(segments(data)[-1], os.path.getsize(segments(data)[-1]) - 11)

    damaged(tap, table, binary, folder, "journal torn at its end", tear, True, ["checkpoint loaded"],
            "everything but the tick that is torn", "nothing: it is what a kill leaves")


def segment_damaged(tap, table, binary, folder, _):
    damaged(tap, table, binary, folder, "journal damaged", lambda data: flip(segments(data)[-1], 0.97), True,
            ["CRC is wrong", "checkpoint loaded"],
            "the last checkpoint and the ticks up to the damage; an incident that ended behind it may open and be told "
            "once more; open incidents' black boxes begin anew",
            "standard error, file and offset; `foreshock_boxes_shortened_total`", once=False)


def history_damaged(tap, table, binary, folder, _):
    def hurt(data):
        with open(os.path.join(data, "history.db"), "r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * 8192)

    damaged(tap, table, binary, folder, "history damaged", hurt, True, ["put aside as .corrupt"],
            "everything that the incident log holds: it is filled from there; older incidents are in "
            "`history.db.corrupt`",
            "standard error; `foreshock_store_errors_total`", end=signal.SIGTERM)


# ---- receivers, and the process ----

def receiver_down(tap, table, binary, folder, long):
    name, down_s = "receiver of alerts down", 600 if long else 8
    scene = Scene(binary, folder, name)
    scene.double.last = (503, {}, b"")
    with scene.start() as daemon:
        feed = Feed(daemon.grpc)
        feed.go(LEARN_S)
        found = fail_service(daemon, feed, "cart")
        from_s = time.monotonic()
        while time.monotonic() < from_s + down_s:
            feed.go(1)
        refused = len(scene.double.got)
        scene.double.got.clear()
        scene.double.last = (200, {}, b"{}")
        waiting = daemon.get("/api/v1/status")["alerts"][0]
        tap.ok(f"{name}: it waits, and is seen to", waiting["waiting"] > 0 and waiting["retried"] > 0, str(waiting))
        tap.ok(f"{name}: it arrives once the receiver is back", daemon.wait(
            lambda: feed.go(1) or scene.opened() == list(found), 70), str(told(scene.double)))
        until_over(daemon, feed)
        daemon.wait(lambda: [e for e, _ in told(scene.double)][-1:] == ["ended"], LONG_S)
        events = told(scene.double)
        tap.equal(f"{name}: each event once, in order, after {refused} refusals", len(set(events)), len(
            [e for e in events if e[0] != "changed"]) + len({e for e in events if e[0] == "changed"}))
        tap.equal(f"{name}: nothing is given up", sum(daemon.get("/api/v1/status")["alerts"][0]["dead"].values()), 0)
        daemon.stop()
    scene.close()
    table.row(f"{name} for 10 minutes" if long else name, "every message, in order, up to `retry_for`; kills included",
              "`/api/v1/status`, `foreshock_alerts_waiting`, `foreshock_alerts_retried_total`")


def kills(tap, table, binary, folder, long):
    name, lives = "kill -9", 50 if long else 8
    scene, chance = Scene(binary, folder, name), random.Random(7)
    ids, slow_s, lost, log_lost = set(), 0.0, [], []
    with scene.start() as daemon:
        feed = Feed(daemon.grpc)
        feed.go(LEARN_S)
        daemon.stop(signal.SIGKILL)
    for life in range(lives):
        begun = time.monotonic()
        with scene.start() as daemon:
            slow_s = max(slow_s, time.monotonic() - begun)
            known = set(daemon.incidents())
            lost += sorted(ids - known)
            log_lost += sorted(ids - set(stored(scene.data)))
            feed = Feed(daemon.grpc)
            feed.failing = ("cart", "cart", None, "pay", "pay", None)[life % 6]
            killer = threading.Timer(chance.uniform(0.5, 8.0), daemon.process.kill)
            killer.start()
            with contextlib.suppress(Exception):
                while daemon.process.poll() is None:
                    feed.go(0.3)
                    ids |= {i for i, one in daemon.incidents().items() if one["verdict"] == "unhealthy"}
            killer.join()
            feed.channel.close()
    with scene.start() as daemon:
        feed = Feed(daemon.grpc)
        until_over(daemon, feed, 150)
        feed.go(1)
        lost += sorted(ids - set(daemon.incidents()))
        learned = scene.learned(daemon)
        daemon.stop()
    ids |= {i for _, i in told(scene.double)}
    sent = [got.headers["webhook-id"] for got in scene.double.got]
    tap.ok(f"{lives} kills: incidents were found meanwhile", len(ids) >= 2, str(ids))
    tap.equal(f"{lives} kills: no incident is lost", lost, [])
    tap.equal(f"{lives} kills: nor from the log", log_lost, [])
    story = [[e for e, k in told(scene.double) if k == i and e != "changed"] for i in sorted(ids)]
    tap.equal(f"{lives} kills: none is opened or ended twice in a row",
              [s for s in story if any(a == b for a, b in zip(s, s[1:]))], [])
    again = len(sent) - len(set(sent))
    tap.ok(f"{lives} kills: {again} of {len(sent)} messages came again, under the same webhook-id",
           again <= lives // 10)
    tap.equal(f"{lives} kills: every one was told", sorted(set(scene.opened())), sorted(ids))
    tap.ok(f"{lives} kills: what was learned is there", learned > LEARN_S, str(learned))
    made = [run(binary, "replay", "--incident", i, "--data", scene.data) for i in sorted(ids)]
    tap.equal(f"{lives} kills: each is made again byte for byte", [m.stderr for m in made if m.returncode], [])
    tap.ok(f"{lives} kills: each life is ready within {slow_s:.2f} s", slow_s < 10)
    scene.close()
    table.row(f"{name} × {lives}, at random moments", "every incident, every message, all that was learned but the "
              "ticks that were not closed. A kill between a receiver's answer and the note of it sends that message "
              "again, under the same `webhook-id`", "standard error: checkpoint and ticks applied")


FAULTS = (disk_full, disk_read_only, checkpoint_damaged, checkpoints_damaged, segment_torn, segment_damaged,
          history_damaged, receiver_down, kills)

# The others are in test_history.py, test_alerts.py and the tests of the journal, but for the time that they take.
QUICK = (disk_full, disk_read_only, checkpoints_damaged, segment_damaged, kills)


def main():
    tap, table, arguments = Tap(), Table(), sys.argv[2:]
    words = [a for a in arguments if not a.startswith("--")]
    if not Feed:
        tap.skip("faults", MISSING)
        return tap.done()
    with tempfile.TemporaryDirectory() as folder:
        for fault in FAULTS if words or "--long" in arguments else QUICK:
            if not words or any(w in fault.__name__ for w in words):
                fault(tap, table, os.path.abspath(sys.argv[1]), folder, "--long" in arguments)
    if "--table" in arguments:
        print("\n".join("# " + line for line in table.text().split("\n")))
    return tap.done()


if __name__ == "__main__":
    if os.geteuid() != 0 and not os.environ.get("FAULTS_INSIDE") and shutil.which("unshare"):
        inside = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, *sys.argv]
        if subprocess.run(inside[:4] + ["true"], capture_output=True, check=False).returncode == 0:
            os.environ["FAULTS_INSIDE"] = "1"
            os.execvp("unshare", inside)
    sys.exit(main())
