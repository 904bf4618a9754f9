"""Reads the public root-cause sets (zstd-compressed CSV, labels.json beside) into tables."""
import collections
import csv
import hashlib
import io
import json
import os
import subprocess

# times: of the rows; column: name -> list of numbers a row, None where missing.
Table = collections.namedtuple("Table", "times column")


def half_of(name):
    """Choices were made by looking at half 0 only."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2


def csv_rows(path):
    done = subprocess.run(["zstd", "-dc", path], stdout=subprocess.PIPE, text=True, check=True)
    return csv.reader(io.StringIO(done.stdout))


_TABLES = {}


def table_read(path):
    if path not in _TABLES:
        rows = csv_rows(path)
        header = next(rows)[1:]
        times, cells = [], []
        for row in rows:
            times.append(int(float(row[0])))
            cells.append([float(cell) if cell else None for cell in row[1:]])
        _TABLES[path] = Table(times, dict(zip(header, map(list, zip(*cells)))))
    return _TABLES[path]


def table_cut(table, keep):
    """The rows whose time passes `keep`."""
    at = [i for i, time in enumerate(table.times) if keep(time)]
    return Table([table.times[i] for i in at],
                 {name: [values[i] for i in at] for name, values in table.column.items()})


def table_join(first, second):
    """First's rows, then second's; a column that one lacks is missing there."""
    out = {}
    for name in list(first.column) + [name for name in second.column if name not in first.column]:
        out[name] = (first.column.get(name, [None] * len(first.times)) +
                     second.column.get(name, [None] * len(second.times)))
    return Table(first.times + second.times, out)


def labels_read(root, name):
    path = os.path.join(root, name, "labels.json")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return sorted((e for e in json.load(file) if e["kind"] == "rca"), key=lambda e: e["case"])


def topology_read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return [tuple(row) for row in list(csv.reader(file))[1:]]
