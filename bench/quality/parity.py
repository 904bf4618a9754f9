#!/usr/bin/env python3
"""Is a fault found from each source alone? A recording of access logs is turned into what the same sidecars would send
otherwise (access logs over OTLP, spans of all requests and of a tenth, metrics scraped each second or each 15 s), each
is replayed by itself, and scored against one truth.

    parity.py --rate 12 --seed 1001 --seed 2003
    parity.py --rate 12,60 --csv parity.csv     # the table; at 60 samples of a tenth, and the access log beside"""
import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile

import parity_logs
import parity_metrics
import parity_read
import parity_spans
import score

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SCENARIOS = ("errors_service", "errors_pod", "latency_service", "latency_pod", "outage")
COLUMNS = ("rate", "seed", "scenario", "fault", "source", "found", "delay_s", "culprit_exact", "service_right",
           "false", "stray")
DURATION_S = 1130  # the first event of these scenarios is over, with half a minute to spare


class Recording:
    """One simulated recording, read at most once for the forms that are made of it."""

    def __init__(self, als):
        self.als, self.out, self.read = als, als + ".other", {}

    def messages(self):
        if "all" not in self.read:
            self.read["all"] = [reports for _, reports in parity_read.messages(self.als)]
        return self.read["all"]

    def by_end(self):
        return sorted((r for reports in self.messages() for r in reports), key=lambda r: r.end_ns)

    def sampled(self, sample):
        """The reports of those traces; of all of them where those are read already."""
        if "all" in self.read:
            return self.by_end()
        if sample.threshold not in self.read:
            self.read[sample.threshold] = [
                r for _, reports in parity_read.messages(self.als, sample.keeps) for r in reports]
        return self.read[sample.threshold]


def as_it_is(recording):
    return "als", recording.als


def as_logs(recording):
    parity_logs.write(recording.messages(), recording.out)
    return "otlp-logs-grpc", recording.out


def as_metrics(pace_s):
    def make(recording):
        parity_metrics.write(recording.by_end(), recording.out, pace_s)
        return "otlp-metrics-grpc", recording.out
    return make


def as_spans(percent, says):
    def make(recording):
        sample = parity_spans.Sample(percent, says)
        parity_spans.write(recording.sampled(sample), recording.out, sample)
        return "otlp-traces-grpc", recording.out
    return make


# name: how it is made (recording -> form and file for `foreshock replay`)
SOURCES = {
    "access log": as_it_is,
    "access log over OTLP": as_logs,
    "spans": as_spans(100, False),
    "spans, a tenth with th": as_spans(10, True),
    "spans, a tenth": as_spans(10, False),
    "scraped each 1 s": as_metrics(1.0),
    "scraped each 15 s": as_metrics(15.0),
}
BUSY_RATE = 50  # from here on only samples, and what they are held against
BUSY_SOURCES = ("access log", "spans, a tenth with th", "spans, a tenth")


def replay(args, form, path):
    done = subprocess.run([args.foreshock, "replay", "--format", form, "--incidents", "-", path], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return score.read_incidents(done.stdout.decode().splitlines())


def rows_of(truth, incidents):
    result = score.score(truth, incidents)
    for e in result["events"]:
        yield {"fault": e["fault"], "found": int(e["found"]),
               "delay_s": "%.2f" % e["delay"] if e.get("delay") is not None else "",
               "culprit_exact": int(e.get("exact") == 1), "service_right": int(e.get("service") == 1),
               "false": len(result["false"]), "stray": len(result["stray"])}


def simulate(args, scenario, seed, rate, folder):
    """The recording, and its truth of what was over in time."""
    als, truth_path = os.path.join(folder, "a.als"), os.path.join(folder, "a.json")
    subprocess.run([args.meshsim, "--scenario", os.path.join(HERE, "scenarios", scenario + ".txt"),
                    "--seed", str(seed), "--duration", str(DURATION_S), "--rate", str(rate),
                    "--out", als, "--truth", truth_path], check=True, stderr=subprocess.PIPE)
    with open(truth_path, encoding="utf-8") as f:
        truth = json.load(f)
    truth["events"] = [e for e in truth["events"] if e["at"] + e["for"] < DURATION_S]
    return Recording(als), truth


def scenario_run(args, scenario, seed, rate, folder):
    recording, truth = simulate(args, scenario, seed, rate, folder)
    sources = args.source or (BUSY_SOURCES if rate >= BUSY_RATE else SOURCES)
    for source in sources:
        form, path = SOURCES[source](recording)
        for row in rows_of(json.loads(json.dumps(truth)), replay(args, form, path)):
            yield {"rate": "%g" % rate, "seed": seed, "scenario": scenario, "source": source} | row


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--foreshock", default=os.path.join(ROOT, "build/release/src/daemon/foreshock"))
    p.add_argument("--meshsim", default=os.path.join(ROOT, "build/release/bench/sim/meshsim"))
    p.add_argument("--seed", type=int, action="append", help="1001 and 2003 unless given")
    p.add_argument("--rate", default="12", help="user requests a second; several with commas")
    p.add_argument("--scenario", action="append", help="only these")
    p.add_argument("--source", action="append", choices=SOURCES, help="only these")
    p.add_argument("--csv")
    p.add_argument("--work", help="folder for recordings")
    return p.parse_args()


def main():
    args = arguments()
    rows = []
    for rate in map(float, args.rate.split(",")):
        for scenario in args.scenario or SCENARIOS:
            for seed in args.seed or (1001, 2003):
                with tempfile.TemporaryDirectory(dir=args.work) as folder:
                    for row in scenario_run(args, scenario, seed, rate, folder):
                        print(" ".join("%s=%s" % (k, row[k]) for k in COLUMNS), flush=True)
                        rows.append(row)
    if args.csv:
        with open(args.csv, "w", newline="", encoding="utf-8") as f:
            w = csv.DictWriter(f, COLUMNS, lineterminator="\n")
            w.writeheader()
            w.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
