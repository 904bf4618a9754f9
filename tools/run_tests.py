"""Runs every test of the project and adds up their TAP.

    run_tests.py --variant NAME=BUILD_DIR[:ROOM,-ROOM] ... --scripts LIST [--jobs N] [WORD ...]
    run_tests.py --list-targets BUILD_DIR [--rooms ROOM,ROOM]

A variant is a Meson build; its tests are those that `meson introspect` names, or only those of the rooms given, or
(-ROOM) without those of a room. LIST has one Python test a line: a script and its arguments. With WORDs, only tests
whose name has one of them are run.
Silent but for failures; the last line is "N passed, N failed", with ", N skipped" where some were.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TIMEOUT_S = 300
OUTPUT_TAIL = 12000
POINT = re.compile(r"^(not )?ok\b[ \t]*\d*[ \t]*(?:-[ \t]*)?(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)\s*(?:#\s*(.*))?$")
SKIP = re.compile(r"#\s*skip\b", re.IGNORECASE)

Test = collections.namedtuple("Test", "name command env timeout_s folder")
Result = collections.namedtuple("Result", "test passed failed skipped problems output seconds")


def tap_read(text, exit_code):
    """(passed, failed, skipped, problems) of one program's output. A program that breaks off, exits with an error
    without naming a failure, or tests nothing is itself a failure."""
    passed = failed = skipped = planned = plans = empty_plans = 0
    problems = []
    for line in text.splitlines():
        plan, point = PLAN.match(line), POINT.match(line)
        if plan:
            plans += 1
            planned += int(plan.group(1))
            empty_plans += plan.group(1) == "0"
        elif point and SKIP.search(line):
            skipped += 1
        elif point and point.group(1):
            failed += 1
            problems.append(point.group(2).strip() or line)
        elif point:
            passed += 1
    points = passed + failed + skipped
    if plans == 0:
        problems.append("no TAP plan: it broke off, or is no test")
    elif points != planned:
        problems.append(f"planned {planned} tests, ran {points}")
    elif exit_code != 0 and not failed:
        problems.append("all points passed")
    if problems and not failed:
        problems[-1] += f" (exit status {exit_code})"
        failed = 1
    return passed, failed, skipped + empty_plans, problems


def python_find():
    """The virtual environment's Python, which has the oracles, where there is one."""
    venv = os.path.join(ROOT, "build", "venv", "bin", "python")
    return venv if os.path.exists(venv) else sys.executable


def programs_in(command, build_dir):
    """Those words of a command that are files of the build, relative to it; Meson's commands start from there."""
    build_dir = os.path.realpath(build_dir)
    paths = [os.path.realpath(os.path.join(build_dir, word)) for word in command]
    return [os.path.relpath(path, build_dir) for path in paths if path.startswith(build_dir + os.sep)]


def rooms_want(rooms, folders):
    """Is a test of these folders asked for? rooms: names to take (all, where there are none) and -names to leave."""
    taken = {room for room in rooms if not room.startswith("-")}
    left = {room[1:] for room in rooms if room.startswith("-")}
    return not folders & left and (not taken or bool(folders & taken))


def introspect_tests(build_dir, rooms):
    """Meson's tests of a build directory. A test's room is the folder of its program."""
    made = subprocess.run(["meson", "introspect", "--tests", build_dir], capture_output=True, text=True, check=True)
    for test in json.loads(made.stdout):
        # A word that only looks like a file of the build ("2", "--flag") is no program.
        programs = [p for p in programs_in(test["cmd"], build_dir) if os.sep in p]
        folders = {os.path.basename(os.path.dirname(path)) for path in programs}
        if rooms_want(rooms, folders):
            if os.path.basename(test["cmd"][0]).startswith("python"):
                test["cmd"][0] = python_find()
            yield test, programs


def list_targets(build_dir, rooms):
    """Ninja targets of those tests' programs."""
    return sorted({path for _, programs in introspect_tests(build_dir, rooms) for path in programs})


def variant_tests(spec, first):
    """Tests of NAME=BUILD_DIR[:ROOM,-ROOM]. Those that run no program of the build are run in the first one only."""
    name, _, rest = spec.partition("=")
    build_dir, _, rooms = rest.partition(":")
    sanitizers = {
        "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
    }
    for test, programs in introspect_tests(build_dir, [r for r in rooms.split(",") if r]):
        if first or programs:
            yield Test(f"{name}/{test['name']}", test["cmd"], {**sanitizers, **test["env"]},
                       max(test["timeout"], TIMEOUT_S), test["workdir"] or build_dir)


def script_tests(path):
    """Tests of a list of Python scripts."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            words = shlex.split(line, comments=True)
            if words:
                yield Test(" ".join(words), [python_find(), *words], {}, TIMEOUT_S, ROOT)


def run_one(test):
    started = time.monotonic()
    env = {**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP", "PYTHONDONTWRITEBYTECODE": "1", **test.env}
    try:
        done = subprocess.run(test.command, cwd=test.folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=test.timeout_s, check=False)
        text, code = done.stdout.decode("utf-8", "replace"), done.returncode
    except subprocess.TimeoutExpired as late:
        text, code = (late.stdout or b"").decode("utf-8", "replace"), "none"
        text += f"\nstopped after {test.timeout_s} s\n"
    except OSError as error:
        text, code = f"cannot run {test.command[0]}: {error}\n", "none"
    passed, failed, skipped, problems = tap_read(text, code)
    return Result(test, passed, failed, skipped, problems, text, time.monotonic() - started)


def report_failure(result):
    print(f"FAILED {result.test.name}")
    for problem in result.problems:
        print(f"  {problem}")
    lines = [line for line in result.output.splitlines() if not line.startswith("ok ")]
    print("  " + "\n  ".join("\n".join(lines)[-OUTPUT_TAIL:].splitlines()), flush=True)


def report_skips(results):
    for result in results:
        for line in result.output.splitlines():
            if SKIP.search(line):
                print(f"skipped: {result.test.name}: {line.split('#', 1)[1].strip()}")


def run_all(tests, jobs):
    """Results in the order of the tests; failures are shown as they come."""
    results = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=jobs) as pool:
        for result in pool.map(run_one, tests):
            if result.failed:
                report_failure(result)
            results.append(result)
    return results


def summarise(results):
    """Prints the end of the report; True where something was tested and nothing failed."""
    report_skips(results)
    print("slowest: " + ", ".join(f"{r.test.name} {r.seconds:.1f} s"
                                  for r in sorted(results, key=lambda r: -r.seconds)[:5]))
    passed, failed, skipped = (sum(getattr(r, key) for r in results) for key in ("passed", "failed", "skipped"))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed == 0 and passed > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", action="append", default=[])
    parser.add_argument("--scripts")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--list-targets")
    parser.add_argument("--rooms", default="")
    parser.add_argument("words", nargs="*")
    args = parser.parse_args()
    if args.list_targets:
        print(" ".join(list_targets(args.list_targets, [r for r in args.rooms.split(",") if r])))
        return 0
    programs = [test for n, spec in enumerate(args.variant) for test in variant_tests(spec, n == 0)]
    scripts = list(script_tests(args.scripts)) if args.scripts else []
    if args.words:
        programs, scripts = ([t for t in some if any(w in t.name for w in args.words)] for some in (programs, scripts))
    # Scripts start daemons and measure delays: one at a time.
    results = run_all(programs, args.jobs) + run_all(scripts, 1)
    return 0 if summarise(results) else 1


if __name__ == "__main__":
    sys.exit(main())
