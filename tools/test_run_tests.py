"""Tests of run_tests.py's reading of TAP: what must not pass for green. Prints TAP."""
import argparse
import os
import sys
import tempfile

import run_tests
from tap import Tap

# what, output, exit status, (passed, failed, skipped)
CASES = [
    ("two points", "1..2\nok 1 - a\nok 2 - b\n", 0, (2, 0, 0)),
    ("the plan may come last", "ok 1 - a\n1..1\n", 0, (1, 0, 0)),
    ("several groups in one program", "1..1\nok 1 - a\n1..1\nok 1 - b\n", 0, (2, 0, 0)),
    ("a failed point", "1..2\nok 1 - a\nnot ok 2 - b\n", 1, (1, 1, 0)),
    ("a failed point, status 0", "1..1\nnot ok 1 - b\n", 0, (0, 1, 0)),
    ("a skipped point", "1..2\nok 1 - a\nok 2 - b # SKIP no corpus here\n", 0, (1, 0, 1)),
    ("a skip that cmocka calls not ok", "1..1\nnot ok 1 # SKIP b\n", 0, (0, 0, 1)),
    ("all skipped", "1..0 # SKIP no oracle here\n", 0, (0, 0, 1)),
    ("a crash after its points", "1..1\nok 1 - a\n", -11, (1, 1, 0)),
    ("fewer points than planned", "1..3\nok 1 - a\n", 0, (1, 1, 0)),
    ("more points than planned", "1..1\nok 1 - a\nok 2 - b\n", 0, (2, 1, 0)),
    ("nothing printed", "", 0, (0, 1, 0)),
    ("other output is not counted", "1..1\nhello\n# ok 1 - c\nok 1 - a\nokay\n", 0, (1, 0, 0)),
]


def test_build(tap):
    """A build that fails is a failure; while it goes on, scripts run: this one ends only once a script has run."""
    tap.equal("a build that fails", run_tests.build_run("false").failed, 1)
    tap.equal("a build that does not", run_tests.build_run("true")[1:4], (0, 0, 0))
    with tempfile.TemporaryDirectory() as folder:
        script, ran, scripts = (os.path.join(folder, name) for name in ("script.py", "ran", "scripts.txt"))
        with open(script, "w", encoding="utf-8") as out:
            out.write(f"open({ran!r}, 'w').close()\nprint('ok 1 - it runs\\n1..1')\n")
        with open(scripts, "w", encoding="utf-8") as out:
            out.write(script + "\n")
        waits = f"sh -c 'for i in $(seq 600); do [ -e {ran} ] && exit 0; sleep 0.1; done; exit 1'"
        args = argparse.Namespace(variant=[], scripts=scripts, build=waits, jobs=1, beside=1, words=[])
        tap.equal("scripts run beside the build", [(r.passed, r.failed) for r in run_tests.run_all(args)],
                  [(0, 0), (1, 0)])


def main():
    tap = Tap()
    for name, text, status, wanted in CASES:
        tap.equal(name, run_tests.tap_read(text, status)[:3], wanted)
    for rooms, wanted in (([], True), (["io"], True), (["base"], False), (["-io"], False), (["-base"], True)):
        tap.equal(f"rooms {rooms} and a test of io", run_tests.rooms_want(rooms, {"io"}), wanted)
    missing = run_tests.run_one(run_tests.Test("none", ["./no-such-program"], {}, 5, "."))
    tap.equal("a program that is not there", missing.failed, 1)
    slow = run_tests.run_one(run_tests.Test("slow", ["sleep", "30"], {}, 0.2, "."))
    tap.equal("a program that hangs", slow.failed, 1)
    spins = "import time\nwhile time.process_time() < 0.2: pass"
    busy = run_tests.run_one(run_tests.Test("busy", [sys.executable, "-c", spins], {}, 60, "."))
    tap.ok("its processor time is known", 0.2 <= busy.cpu_seconds <= busy.seconds + 0.1, busy.cpu_seconds)
    test_build(tap)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
