"""The simplest detector that anyone would try, for comparison: distance from an exponentially weighted mean in
exponentially weighted standard deviations, the mean over the columns."""
import math

HORIZON = 100  # rows
WARM = 32      # rows without a score


def column_scores(values):
    out, mean, var = [], None, 0.0
    for n, x in enumerate(values):
        if x is None:
            out.append(0.0)
            continue
        mean = x if mean is None else mean
        off = x - mean
        out.append(abs(off) / math.sqrt(var) if n >= WARM and var > 0.0 else 0.0)
        gain = 1.0 / min(n + 1, HORIZON)
        mean += gain * off
        var += gain * (off * off - var)
    return out


def baseline_scores(text):
    """The score of each row of a CSV."""
    rows = [line.split(",")[1:] for line in text.splitlines()[1:]]
    columns = [column_scores([float(c) if c else None for c in column]) for column in zip(*rows)]
    return [sum(scores) / len(columns) for scores in zip(*columns)]
