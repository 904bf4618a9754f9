"""Incidents from scores, and how they compare with labelled events.

An incident is a run of rows at or above a threshold; runs that are at most GAP rows apart are one. It is true where it
overlaps a labelled event and false elsewhere. An event is found where an incident overlaps it."""
import collections

GAP = 5          # rows
THRESHOLDS = 200  # candidates, spaced evenly in the logarithm of the rank of the scores of all series

# scores and labels: of the rows that count; step_s: distance of the rows.
Scored = collections.namedtuple("Scored", "name scores labels step_s")
Counts = collections.namedtuple("Counts", "found events true false days")


def incidents_join(rows, gap):
    """[[first, last]] of rows at most `gap` rows apart."""
    out = []
    for i in rows:
        if out and i - out[-1][1] <= gap + 1:
            out[-1][1] = i
        else:
            out.append([i, i])
    return out


def events_of(labels):
    return incidents_join([i for i, label in enumerate(labels) if label], 0)


def counts_of(one, bar):
    events, found, false = events_of(one.labels), set(), 0
    incidents = incidents_join([i for i, score in enumerate(one.scores) if score >= bar], GAP)
    at = 0
    for first, last in incidents:
        while at < len(events) and events[at][1] < first:
            at += 1
        hits = []
        for k in range(at, len(events)):
            if events[k][0] > last:
                break
            hits.append(k)
        found.update(hits)
        false += not hits
    return Counts(len(found), len(events), len(incidents) - false, false, len(one.scores) * one.step_s / 86400.0)


def counts_all(many, bar):
    return Counts(*(sum(column) for column in zip(*(counts_of(one, bar) for one in many))))


def thresholds_of(many):
    """Falling."""
    scores = sorted((s for one in many for s in one.scores if s > 0.0), reverse=True)
    if not scores:
        return []
    ranks = sorted({min(int(len(scores) ** (k / THRESHOLDS)), len(scores) - 1) for k in range(THRESHOLDS + 1)})
    return sorted({scores[r] for r in ranks}, reverse=True)


def recall_at(many, false_per_day):
    """(share of the events found, threshold) at the lowest threshold with no more false incidents a series-day; one
    threshold for all series."""
    best = (0.0, float("inf"))
    for bar in thresholds_of(many):
        counts = counts_all(many, bar)
        if counts.false > false_per_day * counts.days:
            break
        best = (counts.found / max(counts.events, 1), bar)
    return best


def f1_of(true, false, missed):
    return 2.0 * true / (2.0 * true + false + missed) if true else 0.0


def f1_adjusted(one, bar):
    """F1 of rows; an event with one row at or above the bar counts as found in all its rows ("point adjustment"), as
    most published tables do, which is kind to any detector that fires at random."""
    true = missed = 0
    for first, last in events_of(one.labels):
        if max(one.scores[first:last + 1]) >= bar:
            true += last - first + 1
        else:
            missed += last - first + 1
    false = sum(1 for score, label in zip(one.scores, one.labels) if score >= bar and not label)
    return f1_of(true, false, missed)


def f1_plain(one, bar):
    true = sum(1 for score, label in zip(one.scores, one.labels) if score >= bar and label)
    false = sum(1 for score, label in zip(one.scores, one.labels) if score >= bar and not label)
    return f1_of(true, false, sum(one.labels) - true)


def f1_best(many, f1):
    """The mean over the series of each one's F1 at its own best threshold."""
    return sum(max((f1(one, bar) for bar in thresholds_of([one])), default=0.0) for one in many) / len(many)
