#!/usr/bin/env python3
"""Public root-cause data through the program's own ranking: the table of README.md.

    rank_score.py --data ../shared/datasets --bin build/release/bench/rank [--csv results.csv] [--explain dev|all]
"""
import argparse
import collections
import contextlib
import csv
import math
import os
import subprocess
import sys

import rank_nezha
import rank_petshop
import rank_sample
from rank_data import half_of

WEEK_S = 7 * 24 * 3600
ALERTS_PER_WEEK = 1.0
SPLITS = ("dev", "held")

Alarm = collections.namedtuple("Alarm", "name kind first row nats")
# place: of the truth in the ranking, from 1; 0 where it is not in it. found: there was something to rank at all.
Result = collections.namedtuple("Result", "set name fault onset place found extra")


class Programs:
    def __init__(self, folder, without, gauges=False):
        self.folder = folder
        self.without = [word for name in without for word in ("--without", name)] + gauges * ["--with", "gauges"]

    def lines(self, name, text, *arguments):
        command = [os.path.join(self.folder, name), *arguments]
        done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True)
        return [line.split() for line in done.stdout.splitlines()]

    def ranking(self, text):
        return [words[0] for words in self.lines("bench_rank", text, *self.without)]

    def alarms(self, text, step_s):
        """At the threshold that allows one false alarm a week over all series that are watched."""
        series = max(1, len(text.splitlines()))
        log_c = math.log(series * WEEK_S / step_s / ALERTS_PER_WEEK)
        rows = self.lines("bench_watch", text, f"{log_c:.6f}")
        return [Alarm(name, kind, int(first), int(row), float(nats)) for name, kind, first, row, nats in rows]


def place_of(names, truth):
    return names.index(truth) + 1 if truth in names else 0


def troubles_of(alarms, slack):
    """Alarms of one kind that begin at about the same row are one trouble; the strongest trouble first."""
    out = []
    for alarm in sorted(alarms, key=lambda a: (a.kind, a.first)):
        if out and out[-1][-1].kind == alarm.kind and alarm.first - out[-1][-1].first <= slack:
            out[-1].append(alarm)
        else:
            out.append([alarm])
    return sorted(out, key=lambda group: -max(a.nats for a in group))


def petshop_own(programs, case):
    """Everything from the rows alone: which trouble, since when, who."""
    base = len(case.normal.times)
    text = rank_petshop.watch_text(case.edges, rank_petshop.table_join(case.normal, case.issue), case.victim)
    alarms = [a for a in programs.alarms(text, rank_petshop.STEP_S) if a.row >= base]
    places = []
    for group in troubles_of(alarms, 1):
        row = max(0, min(a.first for a in group) - base)
        names = programs.ranking(case.text(row, None if group[0].kind == "errors" else "Average"))
        places.append(place_of(names, case.truth))
    return places


def petshop_run(programs, root):
    for case in rank_petshop.cases_read(root):
        names = programs.ranking(case.text())
        yield Result("petshop", case.name, case.fault, "given", place_of(names, case.truth), bool(names), 0)
        places = petshop_own(programs, case)
        first = places[0] if places else 0
        yield Result("petshop", case.name, case.fault, "own, strongest", first, bool(places), max(0, len(places) - 1))
        right = min((p for p in places if p), default=0)
        yield Result("petshop", case.name, case.fault, "own, any", right, bool(places), max(0, len(places) - 1))


def normal_table(programs, root):
    """What is found in PetShop's normal files: a row a scenario, for the users' side and for all services."""
    out = []
    for scenario, (edges, table) in sorted(rank_petshop.normals_read(root).items()):
        alarms = programs.alarms(rank_petshop.watch_text(edges, table, rank_petshop.ENTRY), rank_petshop.STEP_S)
        entry = [a for a in alarms if a.name == rank_petshop.ENTRY]
        for what, some in (("users' side", entry), ("all services", alarms)):
            out.append([f"petshop normal {scenario}", "own", "all", what, len(table.times), "", "", "", "", "",
                        len(troubles_of(some, 1))])
        for a in alarms:
            print(f"petshop normal {scenario}: {a.name} {a.kind}, rows {a.first} to {a.row}, {a.nats:.1f} nats",
                  file=sys.stderr)
    return out


def nezha_run(programs, root):
    for case in rank_nezha.cases_read(root):
        names = programs.ranking(case.text(case.start_s))
        yield Result(case.set, case.name, case.fault, "given", place_of(names, case.truth), bool(names), 0)
        minutes = case.minutes_alarms(programs.alarms(case.watch_text(), rank_nezha.MINUTE_S))
        spans = case.spans_alarms(programs.alarms(case.spans_text(), rank_nezha.TICK_US * 1e-6))
        for how, alarms in (("own, minutes", minutes), ("own, spans", spans), ("own, both", minutes + spans)):
            onset = case.onset_of(alarms)
            names = programs.ranking(case.text(onset)) if onset else []
            yield Result(case.set, case.name, case.fault, how, place_of(names, case.truth), onset is not None,
                         case.early_of(alarms))


def sample_run(programs, root):
    for case in rank_sample.cases_read(root):
        names = programs.ranking(case.text())
        yield Result("rcaeval_sample", case.name, case.fault, "given", place_of(names, case.truth), bool(names), 0)


def figures_of(results):
    n = len(results)
    at = [sum(0 < r.place <= k for r in results) / n for k in range(1, 6)]
    return [n, sum(r.found for r in results), f"{at[0]:.3f}", f"{at[2]:.3f}", f"{at[4]:.3f}", f"{sum(at) / 5:.3f}",
            sum(r.extra for r in results)]


def table_of(results):
    groups = collections.defaultdict(list)
    for r in results:
        for split in (SPLITS[half_of(r.name)], "all"):
            for fault in (r.fault, "all"):
                groups[r.set, r.onset, split, fault].append(r)
    return [list(key) + figures_of(group) for key, group in sorted(groups.items())]


HEADER = ["set", "onset", "split", "fault", "cases", "found", "ac1", "ac3", "ac5", "avg5", "extra"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="../shared/datasets")
    parser.add_argument("--bin", default="build/release/bench/rank")
    parser.add_argument("--csv")
    parser.add_argument("--explain", choices=("dev", "all"), help="name the cases that are not right")
    parser.add_argument("--only", choices=("dev",), help="look at one half only")
    parser.add_argument("--without", action="append", default=[], help="a part of the ranking; may be repeated")
    parser.add_argument("--gauges", action="store_true", help="weigh gauges as the engine does")
    args = parser.parse_args()
    if not os.path.isdir(os.path.join(args.data, "petshop")):
        print(f"rank_score: no data in {args.data}, nothing to do")
        return 0
    programs, results = Programs(args.bin, args.without, args.gauges), []
    for run in (petshop_run, nezha_run, sample_run):
        results += [r for r in run(programs, args.data) if args.only is None or half_of(r.name) == 0]
    rows = table_of(results) + normal_table(programs, args.data)
    with open(args.csv, "w", encoding="utf-8", newline="") if args.csv else contextlib.nullcontext(sys.stdout) as out:
        csv.writer(out, lineterminator="\n").writerows([HEADER] + rows)
    for r in results:
        if args.explain and r.place != 1 and (args.explain == "all" or half_of(r.name) == 0):
            print(f"{r.name}: {r.onset}: place {r.place or 'none'}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
