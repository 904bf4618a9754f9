"""The conformance tests of h2spec against a daemon's receivers, in plain text and in TLS:  h2spec.py BINARY

Needs the program h2spec (go install github.com/summerwind/h2spec/cmd/h2spec@latest), on the PATH or in $H2SPEC; skips
without it. The exception stands below, with its reason.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
for folder in ("tools", "test/e2e"):
    sys.path.insert(0, os.path.join(ROOT, folder))

from e2e_daemon import Daemon  # noqa: E402
from e2e_pki import LOCAL, Authority  # noqa: E402
from tap import Tap  # noqa: E402

# In plain text a listener speaks HTTP/1.1, too. What does not begin as HTTP/2 is no HTTP/2 connection (RFC 9113, 3.4,
# lets GOAWAY be left out for that reason): it is answered 400 in HTTP/1.1, which RFC 9112, 3, asks for, and closed. The
# test takes nothing but GOAWAY or a bare end.
SNIFFED = {"3.5/2"}


def failures(text):
    """The failed tests as SECTION/NUMBER, and the counts that it ends with."""
    section, found = "", set()
    part = text.split("\nFailures:", 1)[-1] if "\nFailures:" in text else ""
    for line in part.splitlines():
        if m := re.match(r"\s*([\d.]+)\. ", line):
            section = m.group(1)
        elif m := re.match(r"\s*× (\d+):", line):
            found.add(f"{section}/{m.group(1)}")
    counts = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", text)
    return found, tuple(int(n) for n in counts.groups()) if counts else None


def main():
    tap = Tap()
    program = os.environ.get("H2SPEC") or shutil.which("h2spec")
    if not program or not shutil.which("openssl"):
        tap.skip("h2spec", "the program h2spec, or openssl, is not here")
        return tap.done()
    with tempfile.TemporaryDirectory() as root:
        cert, key = Authority(root, "ca").issue(LOCAL)
        files = [w for name in ("grpc", "http")
                 for w in ("--set", f"{name}_tls_cert={cert}", "--set", f"{name}_tls_key={key}")]
        for tls in (False, True):
            with Daemon(sys.argv[1], *(files if tls else ())) as daemon:
                for name in ("ingest", "gRPC"):
                    words = [program, "-h", "127.0.0.1", "-p", daemon.port[name], "-o", "3", "--strict"]
                    ran = subprocess.run(words + (["-t", "-k"] if tls else []), capture_output=True, text=True,
                                         timeout=300, check=False)
                    failed, counts = failures(ran.stdout)
                    what = f"{name} in {'TLS' if tls else 'plain text'}"
                    print(f"# {what}: {counts}, failed {sorted(failed)}", flush=True)
                    tap.equal(f"{what}: all but the known exceptions", counts and failed, set() if tls else SNIFFED)
                tap.equal("a clean end", daemon.stop(), 0)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
