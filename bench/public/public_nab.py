"""The score of the Numenta Anomaly Benchmark (Lavin and Ahmad 2015, "Evaluating real-time anomaly detection
algorithms"), written from its definition:

  * a window scores once, by its earliest detection: sigma(y) / sigma(-1), y from -1 at its left edge to 0 at its right,
    sigma(y) = 2 / (1 + exp(5 y)) - 1; a window without a detection scores -A_fn;
  * a detection outside scores A_fp sigma(y), y its distance from the last window's right edge in widths of that window;
    -A_fp more than three widths away, or where no window came before;
  * rows of the probationary part (15 %, at most 750) do not count;
  * the detector's score is 100 (S - S_null) / (S_perfect - S_null), at the one threshold that is best over all series.
"""
import collections
import math

# Weights of a true positive, a false positive, a false negative.
PROFILES = {
    "standard": (1.0, 0.11, 1.0),
    "reward_low_FP_rate": (1.0, 0.22, 1.0),
    "reward_low_FN_rate": (1.0, 0.11, 2.0),
}

# times: of the rows; scores: higher is more unusual; windows: [[first, last]], times of rows, in order.
Series = collections.namedtuple("Series", "name times scores windows")


def sigma(y):
    return -1.0 if y > 3.0 else 2.0 / (1.0 + math.exp(5.0 * y)) - 1.0


def probation_rows(rows):
    return min(math.floor(0.15 * rows), 750)


def rows_value(series):
    """(row, value, window) of each row that counts: what a detection there is worth before the profile's weights."""
    first_row = {}
    for row, time in enumerate(series.times):
        first_row.setdefault(time, row)
    windows = [(first_row[a], first_row[b]) for a, b in series.windows]
    probation, at, past = probation_rows(len(series.times)), 0, None
    for row in range(len(series.times)):
        if at < len(windows) and row > windows[at][1]:
            past, at = windows[at], at + 1
        inside = at < len(windows) and row >= windows[at][0]
        if inside:
            first, last = windows[at]
            value = sigma(-(last - row + 1) / (last - first + 1)) / sigma(-1.0)
        elif past:
            value = sigma((row - past[1]) / max(past[1] - past[0], 1))
        else:
            value = -1.0
        if row >= probation:
            yield row, value, (series.name, at) if inside else None


def sweep(all_series, profile):
    """[(threshold, raw score)] for each score that occurs, from the highest down; a row is a detection from its score
    up. The first is for a threshold that no row reaches."""
    tp, fp, fn = PROFILES[profile]
    rows, best = [], {}
    for series in all_series:
        for row, value, window in rows_value(series):
            rows.append((series.scores[row], value, window))
            if window is not None:
                best[window] = -fn
    rows.sort(key=lambda r: -r[0])
    total = sum(best.values())
    out = [(math.inf, total)]
    for score, value, window in rows:
        if window is None:
            total += fp * value
        elif tp * value > best[window]:
            total += tp * value - best[window]
            best[window] = tp * value
        if score == out[-1][0]:
            out[-1] = (score, total)
        else:
            out.append((score, total))
    return out


def normalised(all_series, profile, raw):
    tp, _, fn = PROFILES[profile]
    windows = sum(len(s.windows) for s in all_series)
    return 100.0 * (raw + fn * windows) / ((tp + fn) * windows)


def nab_best(all_series, profile="standard"):
    """(score, threshold) at the threshold that is best for all series together, as the benchmark's own sweep does."""
    threshold, raw = max(sweep(all_series, profile), key=lambda p: p[1])
    return normalised(all_series, profile, raw), threshold


def nab_at(all_series, threshold, profile="standard"):
    """The score at a given threshold."""
    raw = [r for t, r in sweep(all_series, profile) if t >= threshold][-1]
    return normalised(all_series, profile, raw)
