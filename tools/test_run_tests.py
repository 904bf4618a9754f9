"""Tests of run_tests.py's reading of TAP: what must not pass for green. Prints TAP."""
import sys

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
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
