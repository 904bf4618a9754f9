#!/usr/bin/env python3
"""Is the place named where the time went? Replays scenarios/time_PLACE.txt, whose recordings end ten seconds after the
first slow request: what their incident says last is what it says within ten seconds.

    places.py --seeds 2001:50 --csv places.csv"""
import argparse
import collections
import concurrent.futures
import csv
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PLACES = ("client_proxy", "network", "server_proxy", "application", "retries", "download")
COLUMNS = ("place", "runs", "right", "edge_right", "found_median_s", "found_max_s", "named_instead")


def seconds(text):
    """RFC 3339 in UTC, to a microsecond."""
    return datetime.datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00").timestamp()


def edge_fits(target, time):
    """The edge that was named is the target's, or one into a target that is a service."""
    edge = time["edge"]
    return edge["service"] == target["service"] and edge["caller"] == target.get("caller", edge["caller"])


def judged(truth, incidents):
    """Of the incidents with an answer the one that was found first: (named, edge right, found after s)."""
    event = truth["events"][0]
    told = sorted((i for i in incidents if i.get("time")), key=lambda i: i["detected_at"])
    if not told:
        return "nothing", False, None
    time = told[0]["time"]
    found = seconds(told[0]["detected_at"]) - seconds(truth["start"]) - event["at"]
    return time["place"], edge_fits(event["target"], time), found


def run_one(args, place, seed):
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        als, truth = os.path.join(folder, "a.als"), os.path.join(folder, "a.json")
        scenario = os.path.join(HERE, "scenarios", "time_%s.txt" % place)
        subprocess.run([args.meshsim, "--scenario", scenario, "--seed", str(seed), "--out", als, "--truth", truth],
                       check=True, stderr=subprocess.PIPE)
        replay = subprocess.run([args.foreshock, "replay", "--format", "als", "--incidents", "-", als], check=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with open(truth, encoding="utf-8") as f:
            return judged(json.load(f), [json.loads(line) for line in replay.stdout.splitlines()])


def row_of(place, results):
    found = [f for _, _, f in results if f is not None]
    other = collections.Counter(named for named, _, _ in results if named != place)
    return {
        "place": place, "runs": len(results),
        "right": "%.3f" % (sum(named == place for named, _, _ in results) / len(results)),
        "edge_right": "%.3f" % (sum(named == place and edge for named, edge, _ in results) / len(results)),
        "found_median_s": "%.2f" % statistics.median(found) if found else "",
        "found_max_s": "%.2f" % max(found) if found else "",
        "named_instead": " ".join("%s:%d" % pair for pair in sorted(other.items())),
    }


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--meshsim", default=os.path.join(ROOT, "build", "release", "bench", "sim", "meshsim"))
    p.add_argument("--foreshock", default=os.path.join(ROOT, "build", "foreshock"))
    p.add_argument("--seeds", default="2001:50", help="FIRST:COUNT (1 to 99 are for tuning, the table starts at 2001)")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--csv", help="write the rows here (places.csv is kept in git)")
    p.add_argument("--least", type=float, default=0.0, help="exit 1 where fewer than this share of a place are right")
    return p.parse_args()


def main():
    args = arguments()
    first, _, count = args.seeds.partition(":")
    seeds = range(int(first), int(first) + int(count or 1))
    with tempfile.TemporaryDirectory() as args.work, concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        jobs = [(p, pool.submit(run_one, args, p, s)) for p in PLACES for s in seeds]
        results = {p: [job.result() for q, job in jobs if q == p] for p in PLACES}
    rows = [row_of(p, results[p]) for p in PLACES]
    widths = [max(len(c), *(len(str(r[c])) for r in rows)) for c in COLUMNS]
    for r in [dict(zip(COLUMNS, COLUMNS))] + rows:
        print("  ".join(str(r[c]).ljust(w) for c, w in zip(COLUMNS, widths)).rstrip())
    if args.csv:
        with open(args.csv, "w", newline="", encoding="utf-8") as f:
            writer = csv.DictWriter(f, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return 1 if any(float(r["right"]) < args.least for r in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
