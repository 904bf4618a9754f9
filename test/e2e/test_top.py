"""`foreshock top`: once in a pipe; live on a terminal, with a daemon that goes and comes back.

    test_top.py BINARY
"""
import fcntl
import os
import pty
import re
import select
import struct
import sys
import tempfile
import termios
import time

from e2e_daemon import Daemon, Tap, run
from test_api import ID, incident_log_write

ROWS, COLUMNS = 24, 80
WAIT_S = 15


class Terminal:
    def __init__(self, *command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", LC_ALL="C.UTF-8")
            os.execv(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.said = ""

    def until(self, part):
        """The newest whole screen that has the part, or what came until the time was over."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.said += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    break
            screens = [s for s in self.said.split("\033[H")[1:] if "q ends" in s and part in s]
            if screens:
                self.said = ""
                return screens[-1]
        return self.said

    def end(self, key):
        """The exit status, and what was said at the end."""
        os.write(self.fd, key)
        said = self.until("\033[?1049l")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), said + self.said


def lines_of(screen):
    return [re.sub(r"\033\[[0-9;?]*[a-zA-Z]", "", line) for line in screen.split("\r\n")]


def test_pipe(tap, binary, daemon):
    out = run(binary, "top", "--url", daemon.url)
    lines = out.stdout.splitlines()
    tap.ok("in a pipe: one screen, without colours", out.returncode == 0 and "\033" not in out.stdout, out.stderr)
    tap.ok("incidents come first", "2 open incidents" in lines[3] and ID in lines[4] and "cart fails" in lines[4],
           lines)
    tap.ok("and what is not known yet is said", lines[-1] == "no service has been heard yet", lines)
    out = run(binary, "top", "--url", "http://127.0.0.1:1")
    tap.ok("no daemon is 1 and says so", out.returncode == 1 and "is `foreshock run` running there?" in out.stderr)


def test_live(tap, binary, daemon):
    terminal = Terminal(binary, "top", "--url", daemon.url)
    screen = terminal.until("cart fails")
    lines = lines_of(screen)
    tap.ok("on a terminal: a screen that fits", "cart fails" in screen and len(lines) <= ROWS and
           all(len(line) <= COLUMNS for line in lines), screen)
    tap.ok("the critical one is red", "\033[1;31mcritical" in screen, screen)
    daemon.stop()
    screen = terminal.until("not fresh")
    tap.ok("a daemon that is gone: what was known stays, and is told to be old",
           "not fresh" in screen and "cart fails" in screen, screen)
    status, said = terminal.end(b"q")
    tap.equal("q ends it, and the terminal is as before", (status, "\033[?25h\033[?1049l" in said), (0, True))


def main():
    tap, binary = Tap(), os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        incident_log_write(data)
        with Daemon(binary, "--data", data) as daemon:
            test_pipe(tap, binary, daemon)
            test_live(tap, binary, daemon)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
