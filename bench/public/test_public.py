"""Tests of the scorers of the public data, against worked examples and slow exact versions. Prints TAP."""
import math
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "tools")]
import public_data  # noqa: E402
import public_events  # noqa: E402
import public_nab  # noqa: E402
import public_vus  # noqa: E402
from tap import Tap  # noqa: E402

tap = Tap()


def near(name, got, want, within=1e-9):
    tap.ok(name, abs(got - want) <= within, f"got {got!r} want {want!r}")


# ---- NAB ----

def nab_series(rows, windows, detections):
    return public_nab.Series("s", list(range(rows)), [float(i in detections) for i in range(rows)], windows)


def nab_raw(rows, windows, detections, profile="standard"):
    """The raw score at threshold 1."""
    return [raw for bar, raw in public_nab.sweep([nab_series(rows, windows, detections)], profile) if bar >= 1.0][-1]


def test_nab():
    # The values that the benchmark's own documentation gives for its scaled sigmoid.
    near("the left edge of a window", public_nab.sigma(-1.0), 0.98661, 1e-5)
    near("its middle", public_nab.sigma(-0.5), 0.84828, 1e-5)
    near("its right edge", public_nab.sigma(0.0), 0.0)
    near("a width behind it", public_nab.sigma(1.0), -0.98661, 1e-5)
    near("far behind it", public_nab.sigma(3.1), -1.0)
    tap.equal("15 % are probation, 750 rows at most",
              [public_nab.probation_rows(n) for n in (100, 4032, 22695)], [15, 604, 750])
    near("a detection at the window's first row is worth one", nab_raw(100, [[40, 49]], {40}), 1.0)
    near("only the earliest counts", nab_raw(100, [[40, 49]], {44, 47}), nab_raw(100, [[40, 49]], {44}))
    tap.ok("later is worth less", nab_raw(100, [[40, 49]], {47}) < nab_raw(100, [[40, 49]], {44}) < 1.0)
    near("a window that is missed", nab_raw(100, [[40, 49]], {3}), -1.0)
    near("a window that is missed, where that matters", nab_raw(100, [[40, 49]], {3}, "reward_low_FN_rate"), -2.0)
    near("a false alarm before any window", nab_raw(100, [[40, 49]], {20, 40}), 1.0 - 0.11)
    near("a false alarm far behind one", nab_raw(100, [[40, 49]], {40, 90}), 1.0 - 0.11)
    near("a false alarm just behind one", nab_raw(100, [[40, 49]], {40, 50}),
         1.0 + 0.11 * (2 / (1 + math.exp(5 / 9)) - 1))
    near("probation does not count", nab_raw(100, [[40, 49]], {3, 40}), 1.0)
    perfect, silent = nab_series(100, [[40, 49]], {40}), nab_series(100, [[40, 49]], set())
    near("perfect is 100", public_nab.nab_best([perfect])[0], 100.0)
    near("silence is 0", public_nab.nab_at([silent], 1.0), 0.0)
    near("one threshold for all", public_nab.nab_at([perfect, silent._replace(name="t")], 1.0), 50.0)


# ---- VUS-PR ----

def vus_slow(labels, scores, width):
    """The definition, step by step: every width, every threshold, every row."""
    rows, ranges, area = len(scores), public_vus.ranges_of(labels), 0.0
    falling, positives = sorted(scores, reverse=True), sum(labels)
    bars = [falling[int(i * (rows - 1) / 249)] for i in range(250)]
    for w in range(width + 1):
        half, soft = w // 2, [float(x) for x in labels]
        for first, last in ranges:
            for i in range(rows):
                away = i - last if last < i <= last + half else first - i if first - half <= i < first else 0
                if away:
                    soft[i] = soft[i] + math.sqrt(1 - away / w)
        soft = [min(x, 1.0) for x in soft]
        wide, before = [], 0.0
        for first, last in ranges:
            if wide and wide[-1][1] >= first - half:
                wide[-1][1] = last + half
            else:
                wide.append([max(first - half, 0), last + half])
        for bar in bars:
            hit = [s >= bar for s in scores]
            true = sum(x for x, h in zip(soft, hit) if h)
            grown = positives + sum(x for x, y, h in zip(soft, labels, hit) if h and not y)
            found = sum(any(hit[a:b + 1]) for a, b in wide) / len(wide)
            recall = min(true / ((positives + grown) / 2), 1.0) * found
            area += (recall - before) * true / sum(hit)
            before = recall
    return area / (width + 1)


def noise(n, seed):
    out, x = [], seed
    for _ in range(n):
        x = (x * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        out.append((x >> 40) / 2 ** 24)
    return out


def test_vus():
    for name, ranges, width in (("one range", [(60, 80)], 12), ("at both ends", [(0, 4), (190, 199)], 15),
                                ("ranges whose flanks meet", [(50, 55), (62, 70), (120, 120)], 20)):
        labels = [int(any(a <= i <= b for a, b in ranges)) for i in range(200)]
        scores = [x + 0.5 * y * z for x, y, z in zip(noise(200, 7), labels, noise(200, 8))]
        near(f"VUS-PR as by its definition: {name}", public_vus.vus_pr(labels, scores, width),
             vus_slow(labels, scores, width))
        ties = [round(4 * s) / 4 for s in scores]
        near(f"VUS-PR with ties: {name}", public_vus.vus_pr(labels, ties, width), vus_slow(labels, ties, width))
    # The same call into TSB-AD's own metrics.py (commit of 2025) gives 0.414338098679.
    labels = [int(100 <= i <= 130 or 300 <= i <= 305) for i in range(600)]
    wave = [math.sin(2 * math.pi * i / 48) for i in range(2000)]
    tap.equal("the period of a sine", public_vus.period_of(wave), 48)
    tap.equal("no period in a constant", public_vus.period_of([1.0] * 500), 125)
    near("all rows alike: precision is the share of anomalies at width 0",
         public_vus.vus_pr(labels, [1.0] * 600, 0), 37 / 600)


# ---- incidents ----

def test_events():
    labels = [0] * 100
    labels[40:50] = [1] * 10
    labels[80:82] = [1] * 2
    scores = [0.0] * 100
    for row, score in ((10, 5.0), (14, 5.0), (30, 3.0), (45, 4.0)):
        scores[row] = score
    one = public_events.Scored("a", scores, labels, 86400)
    counts = public_events.counts_of(one, 5.0)
    tap.equal("runs close together are one false incident", (counts.found, counts.false, counts.true), (0, 1, 0))
    counts = public_events.counts_of(one, 3.0)
    tap.equal("lower: another false one and an event", (counts.found, counts.false, counts.events), (1, 2, 2))
    tap.equal("series-days", counts.days, 100.0)
    tap.equal("recall at one false incident in a hundred days", public_events.recall_at([one], 0.01), (0.5, 4.0))
    tap.equal("none allowed", public_events.recall_at([one], 0.0)[0], 0.0)
    near("F1 of rows", public_events.f1_plain(one, 4.0), 2 * 1 / (2 * 1 + 2 + 11))
    near("F1 with adjusted events", public_events.f1_adjusted(one, 4.0), 2 * 10 / (2 * 10 + 2 + 2))


def test_data():
    tap.equal("labels of ranges of times", public_data.labels_of([0, 5, 10, 15, 20], [[5, 10], [20, 30]]),
              [0, 1, 1, 0, 1])
    tap.equal("rows cut", public_data.rows_cut("time,x\n0,1\n1,2\n", 1), "time,x\n1,2\n")
    halves = [public_data.half_of(f"series-{i}") for i in range(100)]
    tap.ok("names fall into two halves", 30 < sum(halves) < 70)


for test in (test_nab, test_vus, test_events, test_data):
    test()
sys.exit(tap.done())
