#!/usr/bin/env python3
"""Tests of wild.py: what it draws is the same each time, is what meshsim reads, and can be found. Prints TAP."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
sys.path.insert(0, HERE)
import wild  # noqa: E402
from tap import Tap  # noqa: E402

SEEDS = range(1, 41)
tap = Tap()


def statements(text, word):
    return [line.split() for line in text.split("\n") if line.startswith(word + " ")]


def test_same():
    tap.ok("a seed draws one scenario", all(wild.scenario(s) == wild.scenario(s) for s in SEEDS))
    tap.ok("another seed another one", len({wild.scenario(s) for s in SEEDS}) == len(SEEDS))


def reached(text):
    """The services that users' requests come to, in the end."""
    found = {words[1] for words in statements(text, "op") if any(w.startswith("weight=") for w in words)}
    calls = [words[1:3] for words in statements(text, "call")]
    for _ in calls:
        found |= {b for a, b in calls if a in found}
    return {op.split(".")[0] for op in found}


def test_meshes():
    texts = [wild.scenario(s) for s in SEEDS]
    alone = [(s, t) for s, t in zip(SEEDS, texts) if reached(t) != {w[1] for w in statements(t, "service")}]
    tap.ok("every service is called", not alone, "seeds %s" % [s for s, _ in alone])
    tap.ok("small and large ones, one cluster and four",
          {1, 4} <= {len(statements(t, "cluster")) for t in texts} and
          min(len(statements(t, "service")) for t in texts) <= 4 and
          max(len(statements(t, "service")) for t in texts) >= 24)
    kinds = {w[1] for t in texts for w in statements(t, "event")}
    tap.ok("nearly all kinds of events", len(kinds) >= 14, "only %s" % sorted(kinds))


def event_times(words):
    at, length = (float(w.split("=")[1]) for w in words[2:4])
    return at, at + length


def test_events():
    apart = True
    for s in SEEDS:
        times = [event_times(w) for w in statements(wild.scenario(s), "event")]
        gaps = [b[0] - a[1] for a, b in zip(times, times[1:])]
        apart &= times[0][0] >= wild.LEARN_S and all(gap >= wild.REST_S[0] - 1 for gap in gaps)
    tap.ok("nothing happens while it learns, nor twice at once", apart)


def test_meshsim(meshsim):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "wild.txt")
        for s in SEEDS:
            with open(path, "w") as f:
                f.write(wild.scenario(s))
            done = subprocess.run([meshsim, "--scenario", path, "--seed", str(s), "--duration", "5",
                                   "--out", os.devnull, "--truth", os.devnull], stderr=subprocess.PIPE, check=False)
            if done.returncode:
                tap.ok("meshsim reads what is drawn", False, "seed %d: %s" % (s, done.stderr.decode()))
                return
    tap.ok("meshsim reads what is drawn", True)


def main():
    for test in (test_same, test_meshes, test_events):
        test()
    test_meshsim(sys.argv[1])
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
