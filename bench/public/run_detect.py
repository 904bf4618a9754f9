#!/usr/bin/env python3
"""Foreshock's own detectors on public data sets, beside what others published or what a simple method gives.

    run_detect.py --gauge PROGRAM --rate PROGRAM [--datasets DIR] [--only SET,SET] [--csv FILE]

Prints a table, and writes it as CSV where asked. Without the data sets it says so and ends well. README.md explains."""
import argparse
import collections
import csv
import math
import os
import re
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import public_baseline  # noqa: E402
import public_data  # noqa: E402
import public_events  # noqa: E402
import public_nab  # noqa: E402
import public_vus  # noqa: E402

EVENT_SETS = ("ms_cloud_monitoring", "asd", "jumpstarter", "smd8")
NOTE_NATS = 9.2     # ln 10,000: where a gauge would open a note
NOTE_RISE = 3.0     # nats above all of the last NOTE_ROWS rows: news, no longer the same note
NOTE_ROWS = 96
THRESHOLDS = (6, 8, 10, 12, 15, 20, 26.6)  # ln c of the counts; 26.6 is 1 a week over 600,000 detectors
HALVES = (("0", (0,)), ("1", (1,)), ("all", (0, 1)))

Row = collections.namedtuple("Row", "set half series metric ours reference value command")


class Table:
    def __init__(self):
        self.rows = []

    def add(self, name, half, series, metric, ours, references):
        """references: {name: value}; without any one row without."""
        command = f"run_detect.py --only {name}"
        for reference, value in references.items() or (("", ""),):
            self.rows.append(Row(name, half, series, metric, shown(ours), reference, shown(value), command))

    def print(self):
        for r in self.rows:
            print(f"{r.set:20} half {r.half:4} {r.series:>4} series  {r.metric:40} {r.ours:>8}  "
                  f"{r.reference:24} {r.value}")

    def write(self, path):
        with open(path, "w", newline="", encoding="utf-8") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(Row._fields)
            out.writerows(self.rows)


def shown(value):
    return value if isinstance(value, str) else f"{value:.3f}".rstrip("0").rstrip(".")


def picked(cases, halves):
    return [c for c in cases if c.half in halves]


# ---- NAB ----

def notes_of(scores):
    """Scores of new notes, 0 elsewhere: what would be told, once an episode."""
    out, highest = [], collections.deque()  # (row, score), falling
    for row, score in enumerate(scores):
        while highest and highest[0][0] < row - NOTE_ROWS:
            highest.popleft()
        out.append(score if score > (highest[0][1] + NOTE_RISE if highest else 0.0) else 0.0)
        while highest and highest[-1][1] <= score:
            highest.pop()
        highest.append((row, score))
    return out


def nab_published(half):
    column = {"0": "open_27_half0", "1": "open_27_half1", "all": "open_27"}[half]
    with open(os.path.join(HERE, "published_nab.csv"), encoding="utf-8") as file:
        return {(row["detector"], row["profile"]): float(row[column]) for row in csv.DictReader(file)}


def nab_run(args, table):
    cases = list(public_data.cases_read(args.datasets, "nab"))
    notes = {c.name: notes_of(public_data.gauge_scores(args.gauge, c)) for c in cases}
    for half, members in HALVES:
        series = [public_nab.Series(c.name, c.times, notes[c.name], c.label["anomalies"])
                  for c in picked(cases, members)]
        published = nab_published(half)
        for profile in public_nab.PROFILES:
            score, threshold = public_nab.nab_best(series, profile)
            others = {d: v for (d, p), v in published.items() if p == profile}
            table.add("nab", half, len(series), f"NAB {profile} best threshold {threshold:.1f}", score, others)
        table.add("nab", half, len(series), f"NAB standard at {NOTE_NATS} nats",
                  public_nab.nab_at(series, NOTE_NATS), {})


# ---- VUS-PR on the series of TSB-AD ----

def vus_of(args, case, first):
    """first: rows that TSB-AD leaves out at the beginning."""
    text = public_data.rows_cut(public_data.csv_text(case.path), first)
    values = [float(line.split(",")[1]) for line in text.splitlines()[1:]]
    scores, labels = public_data.gauge_scores(args.gauge, case, first), case.labels[first:]
    width = public_vus.period_of(values)
    simple = public_baseline.baseline_scores(text)
    return public_vus.vus_pr(labels, scores, width), public_vus.vus_pr(labels, simple, width)


def published_vus(args, kind):
    with open(os.path.join(args.datasets, "published", f"tsb_ad_{kind}_vus_pr_matched.csv"), encoding="utf-8") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    fields = list(next(iter(rows.values())))
    methods = fields[fields.index("file") + 1:fields.index("ts_len")]
    return {name: {m: float(row[m]) for m in methods} for name, row in rows.items()}


def vus_run(args, table, name, kind, first_of):
    published = published_vus(args, kind)
    cases = [c for c in public_data.cases_read(args.datasets, name) if c.label.get("tsb_ad_file") in published]
    ours = {c.name: vus_of(args, c, first_of(c)) for c in cases}
    for half, members in HALVES:
        some = picked(cases, members)
        if not some:
            continue
        by_method = {m: statistics.mean(published[c.label["tsb_ad_file"]][m] for c in some)
                     for m in next(iter(published.values()))}
        by_method["EWMA-z (here)"] = statistics.mean(ours[c.name][1] for c in some)
        table.add(name, half, len(some), "VUS-PR mean", statistics.mean(ours[c.name][0] for c in some), by_method)


# ---- labelled incidents ----

def events_run(args, table, name):
    cases = list(public_data.cases_read(args.datasets, name))

    def scored(case, scores):
        return public_events.Scored(case.name, scores[case.first:], case.labels[case.first:], case.label["step_s"])

    ours = {c.name: scored(c, public_data.gauge_scores(args.gauge, c)) for c in cases}
    simple = {c.name: scored(c, public_baseline.baseline_scores(public_data.csv_text(c.path))) for c in cases}
    for half, members in HALVES:
        some = [c.name for c in picked(cases, members)]
        many, others = [ours[n] for n in some], [simple[n] for n in some]
        for rate in (0.1, 0.01):
            table.add(name, half, len(some), f"event recall at {rate} false a series-day",
                      public_events.recall_at(many, rate)[0],
                      {"EWMA-z (here)": public_events.recall_at(others, rate)[0]})
        for metric, f1 in (("mean best F1 of rows", public_events.f1_plain),
                           ("mean best F1, point-adjusted", public_events.f1_adjusted)):
            table.add(name, half, len(some), metric, public_events.f1_best(many, f1),
                      {"EWMA-z (here)": public_events.f1_best(others, f1)})
        at = public_events.counts_all(many, NOTE_NATS)
        table.add(name, half, len(some), f"event recall at {NOTE_NATS} nats", at.found / max(at.events, 1), {})
        table.add(name, half, len(some), f"false a series-day at {NOTE_NATS} nats", at.false / at.days, {})


# ---- unlabelled request rates ----

def rates_nasa(root):
    """1 s counts, as they are."""
    for name in sorted(os.listdir(os.path.join(root, "request_rates"))):
        if name.startswith("nasa"):
            yield name.split(".")[0], public_data.csv_text(os.path.join(root, "request_rates", name))


def rates_nginx(root):
    """Counters every 5 s: differences, spread evenly over the seconds, since the split is not known."""
    path = os.path.join(root, "request_rates", "nginx-org-status.csv.zst")
    lines = public_data.csv_text(path).splitlines()
    names = lines[0].split(",")
    rows = [[float(cell or "nan") for cell in line.split(",")] for line in lines[1:]]
    for service in sorted({n.split("/")[0] for n in names if n.endswith("/4xx")}):
        at = [names.index(f"{service}/{field}") for field in ("requests", "5xx", "4xx")]
        out = ["time,requests,server,client"]
        for before, row in zip(rows, rows[1:]):
            steps = int(row[0] - before[0])
            deltas = [max(int(row[i] - before[i]), 0) if row[i] == row[i] and before[i] == before[i] else 0 for i in at]
            for s in range(steps):
                parts = [d * (s + 1) // steps - d * s // steps for d in deltas]
                out.append(",".join(str(v) for v in [int(before[0]) + s, *parts]))
        yield service, "\n".join(out) + "\n"


def rates_logs(root):
    """Access logs in the combined format, counted by second. Lines are in order of time but for some minutes."""
    entry = re.compile(r'\[([^\]]+)\] "[^"]*" (\d{3}) ')
    for name in sorted(os.listdir(os.path.join(root, "access_logs"))):
        if not name.endswith(".log.zst"):
            continue
        seconds = collections.defaultdict(lambda: [0, 0, 0])
        for found in entry.finditer(public_data.csv_text(os.path.join(root, "access_logs", name))):
            at = int(time.mktime(time.strptime(found[1].split()[0], "%d/%b/%Y:%H:%M:%S")))
            cell = seconds[at]
            cell[0] += 1
            cell[1] += found[2][0] == "5"
            cell[2] += found[2][0] == "4"
        rows = [f"{at},{','.join(map(str, cell))}" for at, cell in sorted(seconds.items())]
        yield name.split(".")[0], "\n".join(["time,requests,server,client", *rows]) + "\n"


def rates_run(args, table, name, sources):
    alarms, seconds, series = collections.Counter(), 0, 0
    for source in sources:
        for case, text in source(args.datasets):
            done = public_data.program_lines([args.rate, *map(str, THRESHOLDS)], text)
            series += 1
            seconds += int(next(cells[2] for cells in done if cells[1] == "seconds"))
            for bar, signal, at, log_e in done:
                if signal == "seconds":
                    continue
                alarms[float(bar), signal] += 1
                if float(bar) >= 15:
                    print(f"  {case}: {signal} at {at}, ln e {log_e}, threshold {bar}")
    days = seconds / 86400.0
    for bar in THRESHOLDS:
        for signals in (("requests_down",), ("requests_up",), None):
            names = signals or sorted({s for _, s in alarms} - {"requests_down", "requests_up"})
            count = sum(alarms[float(bar), s] for s in names)
            table.add(name, "all", series, f"{'+'.join(signals or ('all others',))} alarms a series-day at ln c {bar}",
                      count / days, {"bound a signal, T/c": f"{86400.0 * math.exp(-bar):.2g}"})


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gauge", required=True)
    parser.add_argument("--rate", required=True)
    parser.add_argument("--datasets", default=os.path.join(HERE, "..", "..", "..", "shared", "datasets"))
    parser.add_argument("--only", default="")
    parser.add_argument("--csv")
    return parser.parse_args()


def main():
    args = read_arguments()
    if not os.path.isdir(args.datasets):
        print(f"public: no data sets at {os.path.normpath(args.datasets)} (--datasets DIR): nothing to do")
        return 0
    runs = {
        "nab": lambda t: (nab_run(args, t), vus_run(args, t, "nab", "U", lambda c: 1)),
        **{name: lambda t, n=name: events_run(args, t, n) for name in EVENT_SETS},
        "smd8": lambda t: (events_run(args, t, "smd8"), vus_run(args, t, "smd8", "M", lambda c: c.first)),
        "request_rates": lambda t: rates_run(args, t, "request_rates", (rates_nasa, rates_nginx)),
        "access_logs": lambda t: rates_run(args, t, "access_logs", (rates_logs,)),
    }
    wanted, table = [w for w in args.only.split(",") if w] or list(runs), Table()
    for name in wanted:
        if os.path.exists(os.path.join(args.datasets, name, "labels.json")):
            started = time.time()
            runs[name](table)
            print(f"{name}: {time.time() - started:.1f} s", flush=True)
        else:
            print(f"public: no {name} at {args.datasets}: left out")
    table.print()
    if args.csv:
        table.write(args.csv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
