#!/usr/bin/env python3
"""Foreshock beside the OpenTelemetry Collector with its connector spanmetrics: one capture of spans is played to both,
one after the other and then once more, as fast as each takes it. Prints the spans that each has measured and the
CPU-seconds that its process took for them.

    bench_collector.py FORESHOCK BENCH_CALL CAPTURE [--seconds 2]

The Collector is built from the Go module proxy into build/collector, with the versions of go.mod: an OTLP receiver, the
connector, and an exporter that drops; without telemetry of its own. Foreshock has no data directory: neither of the two
writes to a disk. Skips where Go, the modules or the capture are not to be had. Exports of 100 spans, and of 5 as Envoy
sends them, over 8 connections with 16 calls at a time."""
import argparse
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "test", "e2e"))
from e2e_daemon import Daemon  # noqa: E402

CONNECTIONS, IN_FLIGHT = 8, 16
ROUNDS = 2
FLUSH_S = 2
CONFIG = """\
receivers: { otlp: { protocols: { grpc: { endpoint: "127.0.0.1:%d" } } } }
connectors: { span_metrics: { metrics_flush_interval: %ds } }
exporters: { drop: }
service:
  pipelines:
    traces: { receivers: [otlp], exporters: [span_metrics] }
    metrics: { receivers: [span_metrics], exporters: [drop] }
"""


def collector_build(target):
    """None, or why not."""
    go = shutil.which("go") or "/usr/local/go/bin/go"
    if not os.path.exists(go):
        return "there is no Go here"
    if os.path.exists(target):
        return None
    made = subprocess.run([go, "build", "-o", target, "."], cwd=HERE, capture_output=True, text=True, check=False)
    return None if made.returncode == 0 else "it cannot be built: " + made.stderr.strip().splitlines()[-1]


def cpu_s(pid):
    with open("/proc/%d/stat" % pid, encoding="utf-8") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def port_free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Foreshock:
    name = "foreshock"

    def __init__(self, args, _):
        self.daemon = Daemon(args.foreshock)
        self.pid, self.port = self.daemon.process.pid, int(self.daemon.port["gRPC"])

    def measured(self):
        with urllib.request.urlopen(self.daemon.url + "/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return int(re.search(r"^foreshock_spans_total (\d+)", text, re.MULTILINE).group(1))

    def close(self):
        self.daemon.stop()


class Collector:
    name = "collector"

    def __init__(self, args, folder):
        self.port = port_free()
        config = os.path.join(folder, "collector.yaml")
        with open(config, "w", encoding="utf-8") as f:
            f.write(CONFIG % (self.port, FLUSH_S))
        self.said = tempfile.TemporaryFile()
        self.process = subprocess.Popen([args.collector, config], stderr=self.said)
        self.pid = self.process.pid
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise RuntimeError("the Collector does not listen")

    def measured(self):
        time.sleep(2 * FLUSH_S)
        self.said.seek(0)
        told = re.findall(rb"measured (\d+)", self.said.read())
        return int(told[-1]) if told else 0

    def close(self):
        self.process.terminate()
        self.process.wait(20)


def play(args, kind, each, folder):
    """(spans measured, CPU-seconds, spans a second of time)"""
    it = kind(args, folder)
    try:
        before, began = cpu_s(it.pid), time.monotonic()
        done = subprocess.run([args.call, str(it.port), args.capture, str(each), str(args.seconds), str(CONNECTIONS),
                               str(IN_FLIGHT)], check=True, capture_output=True, text=True)
        took = time.monotonic() - began
        measured = it.measured()
        cpu = cpu_s(it.pid) - before
    finally:
        it.close()
    sent = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", done.stdout)}
    if measured != sent["spans"] or sent["refused"]:
        print("# %s: of %d spans %d measured, %d calls refused" % (kind.name, sent["spans"], measured, sent["refused"]))
    return measured, cpu, measured / took


def compare(args, each, folder):
    rate = {Foreshock: [], Collector: []}
    for _ in range(ROUNDS):
        for kind, rates in rate.items():
            spans, cpu, per_s = play(args, kind, each, folder)
            rates.append(spans / cpu)
            print("# %-9s exports of %3d: spans=%d cpu_s=%.2f spans_per_cpu_s=%.0f spans_per_s=%.0f" %
                  (kind.name, each, spans, cpu, spans / cpu, per_s), flush=True)
    print("# exports of %d: %.1f times the spans a CPU-second" %
          (each, statistics.mean(rate[Foreshock]) / statistics.mean(rate[Collector])), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("foreshock")
    p.add_argument("call")
    p.add_argument("capture")
    p.add_argument("--seconds", type=int, default=2)
    p.add_argument("--collector", default=os.path.join(ROOT, "build", "collector"), help="where it is built")
    args = p.parse_args()
    why = None if os.path.exists(args.capture) else "there is no capture of spans"
    why = why or collector_build(args.collector)
    if why:
        print("# collector: skipped, " + why)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        for each in (100, 5):
            compare(args, each, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
