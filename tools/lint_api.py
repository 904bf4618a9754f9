"""docs/openapi.yaml against a running daemon that hears traffic, by schemathesis: what the document allows is taken,
what it forbids is refused with the right status, and every answer has its shape.

    lint_api.py BINARY PACKAGES      PACKAGES: the folder that has schemathesis

The stream never ends, and is left to test_api.py.
"""
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "test", "e2e"))
from e2e_daemon import Daemon  # noqa: E402
from e2e_feed import Feed, in_background  # noqa: E402
from test_api import incident_log_write  # noqa: E402

EXAMPLES, FEED_S = 50, 600
START = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"


def main():
    binary, packages = map(os.path.abspath, sys.argv[1:3])
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        incident_log_write(data)
        with Daemon(binary, "--data", data) as daemon:
            in_background(Feed(daemon.grpc).go, FEED_S)  # actions wait for a tick, and ticks for traffic
            run = subprocess.run(
                [sys.executable, "-c", START, "--config-file", os.path.join(ROOT, "tools", "lint_api.toml"), "run",
                 os.path.join(ROOT, "docs", "openapi.yaml"), "--url", daemon.url, "--exclude-path", "/api/v1/stream",
                 "--max-examples", str(EXAMPLES), "--rate-limit", "50/s", "--request-timeout", "10", "--no-color",
                 "--seed", "1"],
                cwd=folder, env={**os.environ, "PYTHONPATH": packages}, capture_output=True, text=True, check=False)
    print(f"schemathesis: {'nothing found' if run.returncode == 0 else ''}")
    print(run.stdout + run.stderr if run.returncode else "", end="")
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
