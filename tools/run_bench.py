"""Runs the benchmarks of a Meson build one after the other, then those in Python, and shows what they print.

    run_bench.py BUILD_DIR [WORD ...]      with WORDs, only those whose name has one of them
"""
import glob
import json
import os
import subprocess
import sys

# Benchmarks that also take bodies of real streams as arguments, and how many at once.
ON_CAPTURES = {"als": 5, "fold": 5, "line": 1}
# Those that take captured exports of spans, and what stands before the file.
ON_SPANS = {"otlp": [], "unary": ["100000"]}
# A script, and files of the build.
SCRIPTS = {"serve": ["bench/serve/bench_serve.py", "src/daemon/foreshock"],
           "collector": ["bench/collector/bench_collector.py", "src/daemon/foreshock", "bench/daemon/bench_call"]}
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run_tests import python_find  # noqa: E402


def main():
    build_dir, words = sys.argv[1], sys.argv[2:]
    introspect = ["meson", "introspect", "--benchmarks", build_dir]
    made = subprocess.run(introspect, capture_output=True, text=True, check=True)
    benches = [b for b in json.loads(made.stdout) if not words or any(w in b["name"] for w in words)]
    captures = sorted(glob.glob(os.path.join(ROOT, "build", "bench-als", "*.grpc")))
    spans = os.path.join(ROOT, "build", "bench-otlp.grpc")
    failed = []
    for bench in benches:
        runs = [bench["cmd"]]
        if captures and bench["name"] in ON_CAPTURES:  # and again on real captures
            runs.append(bench["cmd"][:1] + captures[:ON_CAPTURES[bench["name"]]])
        if os.path.exists(spans) and bench["name"] in ON_SPANS:
            runs.append(bench["cmd"][:1] + ON_SPANS[bench["name"]] + [spans])
        for command in runs:
            print(f"== {bench['name']}", flush=True)
            done = subprocess.run(command, cwd=build_dir, env={**os.environ, **bench["env"]}, check=False)
            if done.returncode:
                failed.append(bench["name"])
    scripts = {name: what for name, what in SCRIPTS.items() if not words or any(w in name for w in words)}
    for name, (script, *programs) in scripts.items():
        print(f"== {name}", flush=True)
        command = [python_find(), os.path.join(ROOT, script), *(os.path.join(build_dir, p) for p in programs)]
        if subprocess.run(command + [spans] * (name == "collector"), check=False).returncode:
            failed.append(name)
    if failed or not benches and not scripts:
        print(f"failed: {', '.join(failed)}" if failed else "no such benchmark", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
