"""Starts the program on free ports, speaks to it, stops it."""
import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
from tap import Tap  # noqa: E402,F401  (the tests take it from here)

# What it says of its listeners, and what they are called here.
LISTENS = {"gRPC": re.compile(r"gRPC .* on 127\.0\.0\.1:(\d+)"),
           "ingest": re.compile(r"HTTP \(OTLP.* on 127\.0\.0\.1:(\d+)"),
           "HTTP": re.compile(r"HTTP \(page.* on 127\.0\.0\.1:(\d+)")}
# How long is waited for what comes at once where nothing else goes on: it is to come on any machine, at any load.
LONG_S = 60
FREE_PORTS = [word for name in ("grpc", "http", "api") for word in ("--set", name + "_port=0")]


def free_port():
    """A port for what begins to listen later. The kernel hands out those from 32768 on by itself, to any test that runs
    beside this one; of the others two tests hardly take the same."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


class Daemon:
    """restored: to come back only when all that its directory has is applied; it listens long before that."""

    def __init__(self, binary, *arguments, command="run", listeners=3, restored=True):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [binary, command, *FREE_PORTS, *arguments], stderr=self.log)
        self.port = {}
        if not self.wait(lambda: self.listening(listeners), LONG_S):
            raise RuntimeError("it does not listen: " + self.said())
        if restored and "--data" in arguments and not self.wait(self.is_restored, LONG_S):
            raise RuntimeError("it does not come to the end of its start: " + self.said())

    def said(self):
        self.log.seek(0)
        return self.log.read().decode()

    def listening(self, listeners):
        said = self.said()
        self.port = {name: m.group(1) for name, m in ((n, r.search(said)) for n, r in LISTENS.items()) if m}
        if self.process.poll() is not None:
            raise RuntimeError("it ended: " + self.said())
        return len(self.port) >= listeners

    def is_restored(self):
        if self.process.poll() is not None:
            raise RuntimeError("it ended: " + self.said())
        return "data: data in " in self.said() or '"event":"data","text":"data in ' in self.said()

    def wait(self, condition, timeout_s):
        """Waits until the condition gives something true, and gives that; False when the time is over."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            got = condition()
            if got:
                return got
            time.sleep(0.05)
        return False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port['HTTP']}"

    @property
    def ingest(self):
        return f"http://127.0.0.1:{self.port['ingest']}"

    @property
    def grpc(self):
        return f"127.0.0.1:{self.port['gRPC']}"

    def ask(self, path, method="GET", body=None, content_type=None, headers=None):
        """(status, headers, text)"""
        data = body.encode() if isinstance(body, str) else body
        request = urllib.request.Request(self.url + path, method=method, data=data, headers=headers or {})
        if content_type:
            request.add_header("Content-Type", content_type)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers, refused.read().decode()

    def get(self, path):
        return json.loads(self.ask(path)[2])

    def counters(self):
        return self.get("/api/v1/status")["counters"]

    def metrics(self):
        """name -> value of the metrics without labels"""
        lines = self.ask("/metrics")[2].splitlines()
        return {line.split()[0]: float(line.split()[1]) for line in lines if line[0] != "#" and "{" not in line}

    def incidents(self):
        return {i["id"]: i for i in self.get("/api/v1/incidents?limit=1024")["incidents"]}

    def troubles(self):
        """Its incidents but those of missing telemetry: where a machine is too busy for the made-up traffic to be sent
        in time, the daemon rightly tells that, too."""
        return {i: one for i, one in self.incidents().items() if not one["summary"].startswith("telemetry degraded")}

    def stop(self, number=signal.SIGTERM):
        """The exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=LONG_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()


def run(binary, *arguments, **more):
    """A command that ends by itself."""
    return subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=120, check=False, **more)


def replay(binary, recording):
    """What a recording gives once more, without its incidents."""
    return run(binary, "replay", "--format", "recording", "--incidents", os.devnull, recording)
