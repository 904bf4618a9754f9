"""Reads the public data sets (one format: zstd-compressed CSV with a `time` column, labels.json beside it) and runs the
project's programs over them."""
import collections
import hashlib
import json
import os
import subprocess

# labels: 0 or 1 a row, from the anomalies of labels.json; first: the row at which scoring starts.
Case = collections.namedtuple("Case", "name half path label times labels first")


def half_of(name):
    """Constants were chosen by looking at half 0 only."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2


def csv_text(path):
    done = subprocess.run(["zstd", "-dc", path], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def labels_of(times, anomalies):
    labels, at, anomalies = [0] * len(times), 0, sorted(anomalies)
    for i, time in enumerate(times):
        while at < len(anomalies) and time > anomalies[at][1]:
            at += 1
        labels[i] = int(at < len(anomalies) and time >= anomalies[at][0])
    return labels


def cases_read(root, name):
    """The labelled cases of one set, by name."""
    with open(os.path.join(root, name, "labels.json"), encoding="utf-8") as file:
        entries = json.load(file)
    for entry in sorted(entries, key=lambda e: e["case"]):
        path = os.path.join(root, name, entry["files"][0])
        if entry["kind"] != "detect" or not os.path.exists(path):
            continue
        times = [int(float(line.split(",", 1)[0])) for line in csv_text(path).splitlines()[1:]]
        yield Case(entry["case"], half_of(entry["case"]), path, entry, times,
                   labels_of(times, entry["anomalies"]), entry["train_rows"])


def rows_cut(text, first):
    """The CSV without its first rows of numbers."""
    lines = text.splitlines(keepends=True)
    return lines[0] + "".join(lines[1 + first:])


def program_lines(command, text):
    """What a program prints for a CSV on standard input: the cells of each line."""
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True)
    return [line.split(",") for line in done.stdout.splitlines()]


def gauge_scores(program, case, first=0):
    """The gauge detector's score of each row from `first` on, in nats."""
    return [float(row[1]) for row in program_lines([program], rows_cut(csv_text(case.path), first))]
