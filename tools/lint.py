"""Runs clang-tidy, cppcheck and gcc -fanalyzer over the project's own C, and shows what they find.

    lint.py CLANG_BUILD ANALYZER_BUILD     two Meson builds; the second is compiled with -fanalyzer

What is looked for is in .clang-tidy and below; tests, fuzz targets and benchmarks are left to the compilers.
"""
import glob
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CPPCHECK = ["cppcheck", "--std=c11", "--enable=warning,portability,performance", "--inline-suppr", "--quiet",
            "--error-exitcode=1", "--suppress=missingInclude", "--suppress=missingIncludeSystem",
            "--suppress=unknownMacro", "--suppress=preprocessorErrorDirective", "-D_GNU_SOURCE", "-D__STDC__=1"]


def sources_find():
    return sorted(glob.glob(os.path.join(ROOT, "src", "*", "*.c")))


def compiled(build_dir, sources):
    """Those of the sources that the build compiles."""
    with open(os.path.join(build_dir, "compile_commands.json"), encoding="utf-8") as file:
        known = {os.path.realpath(os.path.join(c["directory"], c["file"])) for c in json.load(file)}
    return [s for s in sources if os.path.realpath(s) in known]


def clang_tidy(build_dir, sources):
    def one(source):
        done = subprocess.run(["clang-tidy", "--quiet", "-p", build_dir, source], capture_output=True, text=True,
                              check=False)
        return re.sub(r"^\d+ warnings? .*\n", "", done.stdout, flags=re.MULTILINE).strip()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [text for text in pool.map(one, sources) if text]


def cppcheck(sources):
    includes = [f"-I{folder}" for folder in sorted(glob.glob(os.path.join(ROOT, "src", "*")))]
    done = subprocess.run([*CPPCHECK, *includes, *sources], capture_output=True, text=True, check=False)
    return [done.stderr.strip()] if done.returncode else []


def gcc_analyzer(build_dir, sources):
    """Compiles the sources' objects anew and gathers the warnings."""
    with open(os.path.join(build_dir, "compile_commands.json"), encoding="utf-8") as file:
        commands = [c for c in json.load(file)
                    if os.path.realpath(os.path.join(c["directory"], c["file"])) in map(os.path.realpath, sources)]

    def one(command):
        done = subprocess.run(command["command"], shell=True, cwd=command["directory"], capture_output=True, text=True,
                              check=False)
        return done.stderr.strip()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [text for text in pool.map(one, commands) if text]


def main():
    clang_build, analyzer_build = sys.argv[1:3]
    sources = compiled(clang_build, sources_find())
    failed = False
    for name, found in (("clang-tidy", clang_tidy(clang_build, sources)), ("cppcheck", cppcheck(sources)),
                        ("gcc -fanalyzer", gcc_analyzer(analyzer_build, sources))):
        print(f"{name}: {'nothing found' if not found else ''}")
        print("\n".join(found), end="\n" if found else "")
        failed |= bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
