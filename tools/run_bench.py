"""Runs the benchmarks of a Meson build one after the other, and shows what they print.

    run_bench.py BUILD_DIR [WORD ...]      with WORDs, only those whose name has one of them
"""
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main():
    build_dir, words = sys.argv[1], sys.argv[2:]
    introspect = ["meson", "introspect", "--benchmarks", build_dir]
    made = subprocess.run(introspect, capture_output=True, text=True, check=True)
    benches = [b for b in json.loads(made.stdout) if not words or any(w in b["name"] for w in words)]
    failed = []
    for bench in benches:
        print(f"== {bench['name']}", flush=True)
        done = subprocess.run(bench["cmd"], cwd=ROOT, env={**os.environ, **bench["env"]}, check=False)
        if done.returncode:
            failed.append(bench["name"])
    if failed or not benches:
        print(f"failed: {', '.join(failed)}" if failed else "no such benchmark", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
