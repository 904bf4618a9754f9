"""Builds the page from web/ with the pinned packages of its lock file: type check, bundle, one file.

    build_page.py            writes web/dist/page.html
    build_page.py --check    a test (TAP): is web/dist/page.html what web/ builds?

Needs Node 18 and npm; the check is left out where they are not. The packages lie in build/web.
"""
import filecmp
import hashlib
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Tap  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WEB, WORK = os.path.join(ROOT, "web"), os.path.join(ROOT, "build", "web")
NODE_MIN = 18


def node_missing():
    """Why the page cannot be built here, or None."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "no node and npm here"
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    major = re.match(r"v(\d+)\.", said)
    return None if major and int(major.group(1)) >= NODE_MIN else f"node {said.strip()} is older than {NODE_MIN}"


def packages_need():
    """build/web/node_modules holds what the lock file says."""
    stamp = os.path.join(WORK, ".lock-sha256")
    with open(os.path.join(WEB, "package-lock.json"), "rb") as file:
        want = hashlib.sha256(file.read()).hexdigest()
    if os.path.exists(stamp):
        with open(stamp, encoding="ascii") as file:
            if file.read() == want:
                return
    subprocess.run(["npm", "ci"], cwd=WORK, check=True, stdout=subprocess.DEVNULL)
    with open(stamp, "w", encoding="ascii") as file:
        file.write(want)


def build():
    """The path of a fresh page."""
    shutil.rmtree(os.path.join(WORK, "src"), ignore_errors=True)
    shutil.copytree(WEB, WORK, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules", "dist"))
    packages_need()
    subprocess.run(["node", "node_modules/typescript/bin/tsc", "--noEmit"], cwd=WORK, check=True)
    subprocess.run(["node", "build.mjs", "page.html"], cwd=WORK, check=True)
    return os.path.join(WORK, "page.html")


def check():
    tap, missing = Tap(), node_missing()
    if missing:
        tap.skip("web/dist/page.html is what web/ builds", missing)
    else:
        same = filecmp.cmp(build(), os.path.join(WEB, "dist", "page.html"), shallow=False)
        tap.ok("web/dist/page.html is what web/ builds", same, "./dev page writes it anew")
    with open(os.path.join(WEB, "package-lock.json"), encoding="utf-8") as file:
        tap.ok("the lock file names no place to load from", '"resolved"' not in file.read())
    return tap.done()


def main():
    if sys.argv[1:] == ["--check"]:
        return check()
    missing = node_missing()
    if missing:
        print(f"the page: {missing}", file=sys.stderr)
        return 1
    shutil.copy(build(), os.path.join(WEB, "dist", "page.html"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
