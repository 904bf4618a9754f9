"""Runs every libFuzzer target of a build for a while, after the canary has shown that fuzzing finds bugs.

    run_fuzz.py BUILD_DIR [--seconds N] [--jobs N] [--only NAME]

New inputs that reach new code are gathered under BUILD_DIR/found and, reduced, merged into the corpus of the target
(fuzz/ROOM/corpus_NAME). A finding is kept as BUILD_DIR/found/NAME-crash-*, and named.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INPUT_BYTES_MAX = 1 << 16
MEMORY_MB = 1024


def canary_sings(build_dir):
    """True where the planted bug of fuzz_canary.c is found."""
    with tempfile.TemporaryDirectory() as out:
        done = subprocess.run([os.path.join(build_dir, "fuzz", "fuzz_canary"), "-max_total_time=60", "-seed=1",
                               f"-artifact_prefix={out}/"], capture_output=True, text=True, check=False)
        return done.returncode != 0 and "heap-buffer-overflow" in done.stderr


def targets_find(build_dir, only):
    """[(name, program, corpus)]"""
    for corpus in sorted(glob.glob(os.path.join(ROOT, "fuzz", "*", "corpus_*"))):
        name = os.path.basename(corpus).removeprefix("corpus_")
        program = os.path.join(build_dir, "fuzz", f"fuzz_{name}")
        if os.path.exists(program) and only in ("", name):
            yield name, program, corpus


def fuzz_one(name, program, corpus, seconds, found):
    """(name, finding or None, inputs tried, inputs added to the corpus)"""
    fresh = os.path.join(found, name)
    os.makedirs(fresh, exist_ok=True)
    options = [f"-max_len={INPUT_BYTES_MAX}", f"-rss_limit_mb={MEMORY_MB}", "-timeout=10", "-print_final_stats=1",
               f"-artifact_prefix={found}/{name}-"]
    done = subprocess.run([program, f"-max_total_time={seconds}", *options, fresh, corpus], capture_output=True,
                          text=True, errors="replace", check=False)
    tried = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    finding = done.stderr[-6000:] if done.returncode else None
    before = len(os.listdir(corpus))
    if not finding:
        subprocess.run([program, "-merge=1", *options, corpus, fresh], capture_output=True, check=False)
    return name, finding, int(tried.group(1)) if tried else 0, len(os.listdir(corpus)) - before


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build_dir")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    if not canary_sings(args.build_dir):
        print("the canary's bug was not found: fuzzing is broken", file=sys.stderr)
        return 1
    found = os.path.join(os.path.abspath(args.build_dir), "found")
    targets = list(targets_find(args.build_dir, args.only))
    findings = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=args.jobs) as pool:
        runs = [pool.submit(fuzz_one, *target, args.seconds, found) for target in targets]
        for run in concurrent.futures.as_completed(runs):
            name, finding, tried, added = run.result()
            print(f"{name}: {tried:,} inputs in {args.seconds} s, {added} kept, "
                  f"{'FOUND SOMETHING' if finding else 'no finding'}", flush=True)
            if finding:
                findings += 1
                print(finding)
    if not targets:
        print("no such target", file=sys.stderr)
    return 1 if findings or not targets else 0


if __name__ == "__main__":
    sys.exit(main())
