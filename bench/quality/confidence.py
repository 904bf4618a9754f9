#!/usr/bin/env python3
"""Fits the coefficients of an incident's confidence (src/incident/incident_confidence.c) to replays of tuning seeds.

    ./confidence.py WORK    a directory that score.py --work left behind: NAME.SEED.truth.json and .incidents.jsonl

The model is a logistic regression of "a true incident whose first root cause is the exact entity" on what the incident
itself says. Printed are the coefficients in the order of the C table, and the calibration error on every fifth
scenario, which is left out of the fit."""
import glob
import json
import math
import os
import sys

import score

FEATURES = ("one", "margin", "evidence", "latency", "traffic", "other", "service", "pod", "edge", "route", "many")
ROUNDS, STEP, RIDGE = 4000, 0.3, 1e-3


def features(i):
    causes, finding = i["root_causes"], i.get("finding") or {}
    first = causes[0]["entity"]["kind"] if causes else ""
    margin = causes[0]["score"] - (causes[1]["score"] if len(causes) > 1 else 0.0) if causes else 0.0
    over = finding.get("log_e", 0.0) - finding.get("threshold", 0.0)
    signal = causes[0]["signal"] if causes else ""
    latency = signal == "latency"
    traffic = signal in ("requests_down", "requests_up")
    errors = signal in ("errors", "unreachable", "timeouts", "overload")
    return (1.0, margin, min(max(over, 0.0), 20.0) / 20.0, latency, traffic, not (latency or traffic or errors),
            first == "service", first == "pod", first == "edge", first == "route", min(len(i["affected"]), 8) / 8.0)


def samples(work):
    for path in sorted(glob.glob(os.path.join(work, "*.truth.json"))):
        name = os.path.basename(path)[:-len(".truth.json")]
        lines = os.path.join(work, name + ".incidents.jsonl")
        if not os.path.exists(lines):
            continue
        with open(path) as f:
            truth = json.load(f)
        with open(lines) as f:
            raw = [json.loads(line) for line in f if line.strip()]
        incidents = [score.read_incident(i) for i in raw]
        score.add_regions(truth, incidents)
        score.assign(score.with_times(truth), incidents)
        for i, r in zip(incidents, raw):
            if i["verdict"] != "unhealthy" or score.is_telemetry(i):
                continue
            e = i.get("event")
            so = e is not None and (score.rank(e, i, score.exact) == 1 or not score.target_levels(e["target"]))
            yield name, features(r), so


def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, x))))


def fit(rows):
    w = [0.0] * len(FEATURES)
    for _ in range(ROUNDS):
        g = [RIDGE * v for v in w]
        for x, so in rows:
            d = sigmoid(sum(a * b for a, b in zip(w, x))) - so
            for k, v in enumerate(x):
                g[k] += d * v / len(rows)
        w = [a - STEP * b for a, b in zip(w, g)]
    return w


def main():
    work = sys.argv[1]
    found = list(samples(work))
    names = sorted({n.rsplit(".", 1)[0] for n, _, _ in found})
    held = {n for k, n in enumerate(names) if k % 5 == 0}
    rows = [(x, so) for n, x, so in found if n.rsplit(".", 1)[0] not in held]
    w = fit(rows)
    out = [(sigmoid(sum(a * b for a, b in zip(w, x))), so) for n, x, so in found if n.rsplit(".", 1)[0] in held]
    print("left out: %d incidents, calibration error %.3f" % (len(out), score.reliability(out)[0]))
    w = fit([(x, so) for _, x, so in found])
    out = [(sigmoid(sum(a * b for a, b in zip(w, x))), so) for _, x, so in found]
    print("all: %d incidents, calibration error %.3f, %.0f %% so" % (
        len(out), score.reliability(out)[0], 100.0 * sum(so for _, so in out) / len(out)))
    for name, v in zip(FEATURES, w):
        print("%-10s %6.2f" % (name, v))


if __name__ == "__main__":
    main()
