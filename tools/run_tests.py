"""Runs every test of the project and adds up their TAP.

    run_tests.py --variant NAME=BUILD_DIR[:ROOM,-ROOM] ... --scripts LIST [--build COMMAND] [--jobs N] [--beside N]
                 [WORD ...]
    run_tests.py --list-targets BUILD_DIR [--rooms ROOM,ROOM]

A variant is a Meson build; its tests are those that `meson introspect` names, or only those of the rooms given, or
(-ROOM) without those of a room. LIST has one Python test a line: a script and its arguments. With WORDs, only tests
whose name has one of them are run.

Scripts need the first variant alone, and mostly wait: N of them at a time run beside all else, which takes the
processor's time that they leave. All else is COMMAND, which builds the other variants, and then the programs of all
variants, as many at a time as there are JOBS.
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
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TIMEOUT_S = 600  # a test that hangs; one that only has to share a slow machine is to come to its end
BUILD_TIMEOUT_S = 3600
OUTPUT_TAIL = 12000
POINT = re.compile(r"^(not )?ok\b[ \t]*\d*[ \t]*(?:-[ \t]*)?(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)\s*(?:#\s*(.*))?$")
# What only computes gives way to what listens and measures delays. Not further: it is to go on where others are busy.
GIVES_WAY = ["nice", "-n", "10"]
SHOWING = threading.Lock()
SKIP = re.compile(r"#\s*skip\b", re.IGNORECASE)

Test = collections.namedtuple("Test", "name command env timeout_s folder")
Result = collections.namedtuple("Result", "test passed failed skipped problems output seconds cpu_seconds")


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
            yield Test(f"{name}/{test['name']}", [*GIVES_WAY, *test["cmd"]], {**sanitizers, **test["env"]},
                       max(test["timeout"], TIMEOUT_S), test["workdir"] or build_dir)


def script_tests(path):
    """Tests of a list of Python scripts."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            words = shlex.split(line, comments=True)
            if words:
                yield Test(" ".join(words), [python_find(), *words], {}, TIMEOUT_S, ROOT)


def run_command(test, env):
    """(output, exit status, seconds of processor time of it and of all that it waited for)."""
    with subprocess.Popen(test.command, cwd=test.folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as program:
        late = threading.Event()
        alarm = threading.Timer(test.timeout_s, lambda: (late.set(), program.kill()))
        alarm.start()
        text = program.stdout.read().decode("utf-8", "replace")
        _, status, usage = os.wait4(program.pid, 0)
        alarm.cancel()
        program.returncode = os.waitstatus_to_exitcode(status)
    if late.is_set():
        return f"{text}\nstopped after {test.timeout_s} s\n", "none", usage.ru_utime + usage.ru_stime
    return text, program.returncode, usage.ru_utime + usage.ru_stime


def run_one(test):
    started = time.monotonic()
    env = {**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP", "PYTHONDONTWRITEBYTECODE": "1", **test.env}
    try:
        text, code, cpu_s = run_command(test, env)
    except OSError as error:
        text, code, cpu_s = f"cannot run {test.command[0]}: {error}\n", "none", 0
    passed, failed, skipped, problems = tap_read(text, code)
    return Result(test, passed, failed, skipped, problems, text, time.monotonic() - started, cpu_s)


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


def shown(result):
    """The result; a failure is shown as it comes."""
    if result.failed:
        with SHOWING:
            report_failure(result)
    return result


def build_run(command):
    """The result of a build: one failure, or nothing but the time that it took."""
    started = time.monotonic()
    text, code, cpu_s = run_command(Test("build", [*GIVES_WAY, *shlex.split(command)], {}, BUILD_TIMEOUT_S, ROOT), None)
    problems = [] if code == 0 else [f"{command}: exit status {code}"]
    return Result(Test(f"build ({command})", [], {}, 0, ROOT), 0, len(problems), 0, problems, text,
                  time.monotonic() - started, cpu_s)


def run_all(args):
    """Results in the order of the tests."""
    def wanted(tests):
        return [t for t in tests if not args.words or any(w in t.name for w in args.words)]
    with concurrent.futures.ThreadPoolExecutor(args.beside) as beside, \
            concurrent.futures.ThreadPoolExecutor(args.jobs) as programs:
        scripts = beside.map(lambda t: shown(run_one(t)), wanted(script_tests(args.scripts) if args.scripts else []))
        built = [shown(build_run(args.build))] if args.build else []
        variants = args.variant[:1] if any(b.failed for b in built) else args.variant
        tests = [t for n, spec in enumerate(variants) for t in wanted(variant_tests(spec, n == 0))]
        return built + list(programs.map(lambda t: shown(run_one(t)), tests)) + list(scripts)


def report_times(results):
    """The ten slowest; all of them, with their processor time, in build/log/tests.tsv."""
    slowest = sorted(results, key=lambda r: -r.seconds)
    print("slowest (of which processor time):")
    for r in slowest[:10]:
        print(f"  {r.seconds:6.1f} s ({r.cpu_seconds:.1f} s)  {r.test.name}")
    os.makedirs(os.path.join(ROOT, "build", "log"), exist_ok=True)
    with open(os.path.join(ROOT, "build", "log", "tests.tsv"), "w", encoding="utf-8") as table:
        table.write("seconds\tcpu_seconds\ttest\n")
        table.writelines(f"{r.seconds:.2f}\t{r.cpu_seconds:.2f}\t{r.test.name}\n" for r in slowest)


def summarise(results):
    """Prints the end of the report; True where something was tested and nothing failed."""
    report_skips(results)
    report_times(results)
    passed, failed, skipped = (sum(getattr(r, key) for r in results) for key in ("passed", "failed", "skipped"))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed == 0 and passed > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", action="append", default=[])
    parser.add_argument("--scripts")
    parser.add_argument("--build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--beside", type=int, default=4)
    parser.add_argument("--list-targets")
    parser.add_argument("--rooms", default="")
    parser.add_argument("words", nargs="*")
    args = parser.parse_args()
    if args.list_targets:
        print(" ".join(list_targets(args.list_targets, [r for r in args.rooms.split(",") if r])))
        return 0
    results = run_all(args)
    return 0 if summarise(results) else 1


if __name__ == "__main__":
    sys.exit(main())
