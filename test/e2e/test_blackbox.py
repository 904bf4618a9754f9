"""The black box: an incident of a running daemon is made again byte for byte, from its data directory and from a pack;
and what happens where the room for it ends.

    test_blackbox.py BINARY
"""
import glob
import json
import os
import re
import signal
import sys
import tempfile
import time

from e2e_daemon import LONG_S, Daemon, Tap, run

try:
    from e2e_feed import Feed
except ImportError as missing:
    Feed, MISSING = None, str(missing)

LEARN_S, FAIL_S = 16, 6
OFTEN = ("--set", "checkpoint_interval=2s", "--set", "box_before=5s")


def stored(data):
    """id -> the last line of the incident log that tells of it, as it stands there."""
    found = {}
    for path in sorted(glob.glob(os.path.join(data, "incidents", "*.seg"))):
        with open(path, "rb") as file:
            log = file.read()
        at = 24
        while at + 9 <= len(log):
            n = int.from_bytes(log[at:at + 4], "little")
            if log[at + 8] == 2:
                line = log[at + 9:at + 9 + n].decode()
                found[json.loads(line)["id"]] = line
            at += 9 + n
    return found


def box(data, incident):
    with open(os.path.join(data, "box", incident + ".json"), encoding="utf-8") as file:
        return json.load(file)


def trouble(daemon, feed, service="cart", seconds=FAIL_S):
    """Lets the service fail; the ids of the incidents that are new after it."""
    before = set(daemon.troubles())
    feed.failing = service
    feed.go(seconds)
    feed.failing = None
    return daemon.wait(lambda: set(daemon.troubles()) - before, LONG_S) or set()


def over(daemon, feed, limit_s=60):
    """Feeds until no incident is open."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until and any(i["state"] == "open" for i in daemon.incidents().values()):
        feed.go(1)


def made_again(tap, binary, what, expected, *arguments):
    out = run(binary, "replay", *arguments)
    tap.equal(f"{what}: the same line", out.stdout, expected + "\n")
    tap.ok(f"{what}: and it says so", out.returncode == 0 and "byte for byte" in out.stderr, out.stderr)


def test_open(tap, binary, daemon, data, incident):
    """While it is open and the daemon runs: whatever state the log has last."""
    out = run(binary, "replay", "--incident", incident, "--data", data)
    tap.ok("an open incident of a running daemon is made again", out.returncode == 0 and "byte for byte" in out.stderr,
           out.stderr)
    status, _, _ = daemon.ask(f"/api/v1/incidents/{incident}/mute", "POST", '{"who": "ann"}', "application/json")
    tap.equal("muted by hand meanwhile", status, 202)


def test_pack(tap, binary, folder, data, incident, line):
    pack = os.path.join(folder, "pack")
    out = run(binary, "export", "--incident", incident, "--data", data, "--out", pack)
    tap.equal("export", (out.returncode, out.stderr), (0, ""))
    made_again(tap, binary, "from the pack alone", line, pack)
    made_again(tap, binary, "with four threads", line, "--threads", "4", pack)
    with open(pack, "rb") as file:
        whole = file.read()
    tap.ok("no half of it is beside it", not os.path.exists(pack + ".part"))
    out = run(binary, "export", "--incident", incident, "--data", data, "--out", pack)
    tap.ok("an existing file is not overwritten", out.returncode == 1 and "exists already" in out.stderr, out.stderr)
    for what, damaged in (("cut", whole[:-20]), ("cut in its memory", whole[:3000]),
                          ("damaged", whole[:len(whole) // 2] + b"\xff" + whole[len(whole) // 2 + 1:])):
        with open(pack + "-bad", "wb") as file:
            file.write(damaged)
        out = run(binary, "replay", pack + "-bad")
        tap.ok(f"a pack that is {what} is refused", out.returncode == 1 and out.stderr, out.stderr)


def names_of(node, key=None):
    """Every text of an incident's JSON that names something of the mesh or of a request."""
    if isinstance(node, dict):
        return {name for k, v in node.items() for name in names_of(v, k)}
    if isinstance(node, list):
        return {name for v in node for name in names_of(v, key)}
    named = ("namespace", "service", "pod", "route", "cluster", "region", "zone", "version", "caller", "request_id",
             "trace_id")
    return {node} if key in named and node else set()


def without_names(node):
    """The same with numbers, times and closed words alone."""
    if isinstance(node, dict):
        texts = ("summary", "evidence", "refuted_by", "id", "text", "telemetry", "request_id", "trace_id")
        return {k: without_names(v) for k, v in node.items() if k not in texts and not names_of({k: v})
                or isinstance(v, (dict, list))}
    return [without_names(v) for v in node] if isinstance(node, list) else node


def test_hashed(tap, binary, folder, data, incident, line):
    pack = os.path.join(folder, "hashed")
    out = run(binary, "export", "--incident", incident, "--data", data, "--out", pack, "--hash-names")
    tap.equal("export with hashed names", (out.returncode, out.stderr), (0, ""))
    out = run(binary, "replay", pack)
    tap.ok("makes it again", out.returncode == 0 and "byte for byte" in out.stderr, out.stderr)
    was, now = json.loads(line), json.loads(out.stdout or "{}")
    tap.equal("the same but for names", without_names(now), without_names(was))
    tap.equal("each name is one hash", len(names_of(now)), len(names_of(was)))
    tap.equal("causes keep their levels", [sorted(c["entity"]) for c in now["root_causes"]],
              [sorted(c["entity"]) for c in was["root_causes"]])
    with open(pack, "rb") as file:
        whole = file.read()
    with open(os.path.join(folder, "pack"), "rb") as file:
        plain = file.read()
    words = [w.encode() for w in sorted(names_of(was)) + ["front", "6d5f", "shop", "eu-1", "eu-west", "items", "ann"]]
    tap.equal("the words are in the plain pack", [w for w in words if w not in plain], [])
    tap.equal("and none is in the hashed one", [w for w in words if w in whole], [])


def test_again(tap, binary, folder):
    data = os.path.join(folder, "again")
    with Daemon(binary, "--data", data, *OFTEN) as daemon:
        feed = Feed(daemon.grpc)
        feed.go(LEARN_S)
        new = trouble(daemon, feed)
        tap.ok("an incident", len(new) == 1, str(new))
        tap.equal("counted", [daemon.counters()[n] for n in ("boxes", "boxes_shortened", "boxes_dropped")], [1, 0, 0])
        incident = new.pop() if new else "0" * 16
        test_open(tap, binary, daemon, data, incident)
        feed.go(1)
        daemon.stop(signal.SIGKILL)
    with Daemon(binary, "--data", data, *OFTEN) as daemon:
        feed = Feed(daemon.grpc)
        over(daemon, feed)
        feed.go(2)
        line = stored(data)[incident]
        end = json.loads(line)
        tap.ok("killed while it was open, it is over in the next life, and still muted",
               end["ended_at"] and end["muted"], line[:300])
        it = box(data, incident)
        tap.ok("its box is closed, and begins before it", it["to"] is not None and it["checkpoint"] is not None and
               int(it["checkpoint"][17:33], 16) < it["started"], str(it)[:200])
        made_again(tap, binary, "over two lives", line, "--incident", incident, "--data", data)
        daemon.stop()
    test_pack(tap, binary, folder, data, incident, line)
    test_hashed(tap, binary, folder, data, incident, line)


def test_room(tap, binary, folder):
    """Small segments and little room: the log that boxes hold goes with the oldest of them, and an open one begins
    anew."""
    data = os.path.join(folder, "room")
    small = ("--set", "journal_segment_bytes=65536", "--set", "journal_segments=2", "--set", "box_bytes=100000")
    with Daemon(binary, "--data", data, *OFTEN, *small) as daemon:
        feed = Feed(daemon.grpc, rate_per_pod=150)
        feed.go(LEARN_S)
        first = trouble(daemon, feed)
        over(daemon, feed)
        second = trouble(daemon, feed, "pay", 3 * FAIL_S)
        held = sum(os.path.getsize(p) for p in glob.glob(os.path.join(data, "journal", "*.seg")))
        count = daemon.counters()
        daemon.stop()
        said = daemon.said()
    tap.ok("two troubles", first and second, f"{first} {second}")
    tap.ok("the first box gave way", count["boxes_dropped"] >= 1 and "others need the room" in said,
           said[-600:])
    tap.ok("the journal stays within its segments and the room", held < 100000 + 4 * 80000, str(held))
    lines = stored(data)
    for incident in sorted(set(lines) & second):
        made_again(tap, binary, "the open one begins anew, and is made again", lines[incident], "--incident", incident,
                   "--data", data)
    out = run(binary, "replay", "--incident", sorted(first)[0], "--data", data)
    tap.ok("who asks for what was given up is told", out.returncode == 1 and "there is none" in out.stderr, out.stderr)


def test_other_engine(tap, binary, folder):
    """An incident that outlives the configuration it was found with."""
    data = os.path.join(folder, "other")
    with Daemon(binary, "--data", data, *OFTEN) as daemon:
        feed = Feed(daemon.grpc)
        feed.go(LEARN_S)
        new = trouble(daemon, feed)
        daemon.stop(signal.SIGKILL)
    with Daemon(binary, "--data", data, *OFTEN, "--set", "alerts_per_week=3") as daemon:
        feed = Feed(daemon.grpc)
        over(daemon, feed)
        feed.go(2)
        said = daemon.said()
        daemon.stop()
    lines = stored(data)
    tap.ok("another configuration is said", "begins anew" in said, said)
    for incident in new:
        made_again(tap, binary, "after the change", lines[incident], "--incident", incident, "--data", data)
        conf = box(data, incident)["conf"]
        tap.equal("and its box has the new one", re.search("alerts_per_week: (.*)", conf).group(1), "3")


def test_refusals(tap, binary, folder):
    data = os.path.join(folder, "again")
    for what, arguments, status in (
            ("no id", ("--incident", "cart", "--data", data), 1),
            ("an unknown incident", ("--incident", "00000000000000ff", "--data", data), 1),
            ("no directory", ("--incident", "00000000000000ff"), 2),
            ("nothing at all", (), 2)):
        out = run(binary, "replay", *arguments)
        tap.equal(f"{what} is refused", (out.returncode, out.stdout), (status, ""))
        tap.ok(f"{what}: in one line", out.stderr.count("\n") == 1, out.stderr)
    path = glob.glob(os.path.join(data, "box", "*.json"))[0]
    with open(path, "r+", encoding="utf-8") as file:
        file.write("!")
    out = run(binary, "replay", "--incident", os.path.basename(path)[:16], "--data", data)
    tap.ok("a damaged box is refused", out.returncode == 1 and "damaged" in out.stderr, out.stderr)
    with Daemon(binary, "--data", data) as daemon:
        tap.equal("and counted at the start", daemon.counters()["box_errors"], 1)


def main():
    tap, binary = Tap(), os.path.abspath(sys.argv[1])
    if not Feed:
        tap.skip("the black box", MISSING)
        return tap.done()
    with tempfile.TemporaryDirectory() as folder:
        test_again(tap, binary, folder)
        test_room(tap, binary, folder)
        test_other_engine(tap, binary, folder)
        test_refusals(tap, binary, folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
