"""VUS-PR: the volume under the surface of range-based precision and recall (Paparrizos et al. 2022, "Volume under the
surface", PVLDB 15), as TSB-AD (Liu and Paparrizos 2024) evaluates it, written from the definition: anomalies get soft
flanks of every width from 0 to a period of the series, and the areas under the curves are averaged.

Against a straight implementation this one takes each width in one pass over the scores in their order."""
from operator import mul

THRESHOLDS = 250  # equally spaced ranks of the scores


def ranges_of(labels):
    """[(first, last)] of the runs of ones."""
    out, first = [], None
    for i, label in enumerate(labels):
        if label and first is None:
            first = i
        if not label and first is not None:
            out.append((first, i - 1))
            first = None
    return out + ([(first, len(labels) - 1)] if first is not None else [])


def ranges_widen(ranges, half, rows):
    """With `half` rows on both sides; those that then touch are one."""
    out, first = [], max(ranges[0][0] - half, 0)
    for (_, last), (after, _) in zip(ranges, ranges[1:]):
        if last + half < after - half:
            out.append((first, last + half))
            first = after - half
    return out + [(first, min(ranges[-1][1] + half, rows - 1))]


def flanks_of(ranges, width, labels):
    """{row: soft label} of the rows beside the ranges: sqrt(1 - distance / width), at most 1."""
    out, rows, half = {}, len(labels), width // 2
    for first, last in ranges:
        for i in range(last + 1, min(last + half + 1, rows)):
            out[i] = out.get(i, 0.0) + (1.0 - (i - last) / width) ** 0.5
        for i in range(max(first - half, 0), first):
            out[i] = out.get(i, 0.0) + (1.0 - (first - i) / width) ** 0.5
    return {i: min(soft, 1.0) for i, soft in out.items() if not labels[i]}


def counts_at(values, bars):
    """Sum of weights of the (score, weight) at or above each bar; bars fall."""
    values = sorted(values, key=lambda v: -v[0])
    out, total, at = [], 0.0, 0
    for bar in bars:
        while at < len(values) and values[at][0] >= bar:
            total += values[at][1]
            at += 1
        out.append(total)
    return out


def vus_pr(labels, scores, width):
    """In [0, 1]. labels: 0 or 1 a row, with at least one 1; width: the widest flank, about a period, in rows."""
    rows, ranges, positives = len(scores), ranges_of(labels), sum(labels)
    falling = sorted(scores, reverse=True)
    bars = [falling[int(i * (rows - 1) / (THRESHOLDS - 1))] for i in range(THRESHOLDS)]
    predicted = counts_at([(s, 1) for s in scores], bars)
    hard = counts_at([(scores[i], 1) for a, b in ranges for i in range(a, b + 1)], bars)
    area = 0.0
    for w in range(width + 1):
        soft = counts_at([(scores[i], s) for i, s in flanks_of(ranges, w, labels).items()], bars)
        wide = ranges_widen(ranges, w // 2, rows)
        found = counts_at([(max(scores[a:b + 1]), 1.0 / len(wide)) for a, b in wide], bars)
        before = 0.0
        for all_n, hard_n, soft_n, found_p in zip(predicted, hard, soft, found):
            recall = min((hard_n + soft_n) / (positives + soft_n / 2.0), 1.0) * found_p
            area += (recall - before) * (hard_n + soft_n) / all_n
            before = recall
    return area / (width + 1)


def period_of(values):
    """The lag of the highest local maximum of the autocorrelation of the first 20,000 values, from 7 to 303; 125 where
    there is none. TSB-AD takes it as the width."""
    base, lags, values = 3, 400, values[:20000]
    mean = sum(values) / len(values)
    x = [v - mean for v in values]
    power = sum(map(mul, x, x))
    if power == 0.0:
        return 125
    acf = [sum(map(mul, x, x[lag:])) / power for lag in range(base, min(lags, len(x) - 1) + 1)]
    peaks = [i for i in range(1, len(acf) - 1) if acf[i - 1] < acf[i] > acf[i + 1]]
    if not peaks:
        return 125
    best = max(peaks, key=lambda i: acf[i])
    return best + base if 3 <= best <= 300 else 125
