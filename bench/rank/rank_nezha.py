"""Nezha (Yu et al., ESEC/FSE 2023): spans in bins of five seconds, pods' CPU a minute, edge latencies a minute."""
import collections
import os

from rank_data import csv_rows, labels_read, table_join, table_read, topology_read

BIN_US = 5_000_000
CALLS_KNOWN = 10
MINUTE_S = 60
TICK_US = 250_000
CPU_ROWS = 480
ENTRY = {"nezha ob": "frontend", "nezha tt": "ts-gateway-service"}

Span = collections.namedtuple("Span", "service op start dur parent")


def spans_read(path):
    """Span by (trace, number)."""
    rows = csv_rows(path)
    next(rows)
    return {(t, s): Span(service, op, int(start), int(dur), (t, p))
            for t, s, p, service, op, start, dur in rows}


class Words:
    """Durations by what is reported of what: (word, thing, operation) -> bin -> durations in seconds."""

    def __init__(self):
        self.seen = collections.defaultdict(lambda: collections.defaultdict(list))

    def add(self, word, thing, op, span, less_us=0):
        self.seen[word, thing, op][span.start // BIN_US].append(max(0, span.dur - less_us) * 1e-6)


def served_by(spans, key):
    """The nearest span above that is a request served: its parent is another service's, or nobody's."""
    while True:
        span = spans[key]
        caller = spans.get(span.parent)
        if caller is None or caller.service != span.service:
            return key
        key = span.parent


def routes_of(spans):
    """Entry spans do not tell their route: it is that of the first call which is made for them."""
    first = {}
    for key, span in spans.items():
        caller = spans.get(span.parent)
        if caller is None or caller.service == span.service:
            continue
        entry = served_by(spans, span.parent)
        if entry not in first or span.start < first[entry].start:
            first[entry] = span
    return {key: span.service + span.op for key, span in first.items() if spans[key].parent[1] == "-1"}


def words_of(spans, words):
    """A span whose parent is another service's (or nobody's) is a request served; that parent is its call."""
    routes = routes_of(spans)
    for key, span in spans.items():
        caller = spans.get(span.parent)
        if caller is None:
            if span.parent[1] == "-1":
                words.add("server", span.service, routes.get(key, ""), span)
            continue
        if caller.service == span.service:
            continue
        edge = (caller.service, span.service)
        words.add("server", span.service, span.op, span)
        words.add("call", edge, span.op, caller)
        words.add("way", edge, span.op, caller, span.dur)
        words.add("client", span.service, span.op, caller)


def requests_of(spans):
    """Each request that is served and each call that is made, with the name of the series that it belongs to."""
    for span in spans.values():
        caller = spans.get(span.parent)
        if caller is None:
            if span.parent[1] == "-1":
                yield f"{span.service}/server", span
        elif caller.service != span.service:
            yield f"{span.service}/server", span
            yield f"{span.service}/client", caller


def rare_merged(base, window):
    """Operations with few calls in normal operation are taken together; where those are few too, all are."""
    for rounds in ("rare", ""):
        counts = collections.Counter()
        for key, by_bin in base.seen.items():
            counts[key] += sum(map(len, by_bin.values()))
        for key in set(base.seen) | set(window.seen):
            word, thing, op = key
            if op == "" or counts[key] >= CALLS_KNOWN:
                continue
            names = [key] if rounds else [k for k in set(base.seen) | set(window.seen) if k[:2] == key[:2]]
            for name in names:
                for words in (base, window):
                    for at, values in words.seen.pop(name, {}).items():
                        words.seen[word, thing, rounds][at] += values


def variance(values):
    mean = sum(values) / len(values)
    return sum((v - mean) ** 2 for v in values) / max(1, len(values) - 1)


class Case:
    """One injected fault, the fault-free hours and minutes of its day, and what may be asked of them."""

    def __init__(self, root, label):
        self.folder, self.label = os.path.join(root, "nezha"), label
        self.name, self.fault, self.truth = label["case"], label["fault_type"], label["root_cause_service"]
        self.set = "nezha " + self.name[:2]
        self.start_s = label["fault_start"]
        self.issue = table_read(os.path.join(self.folder, label["files"][0]))
        self.normal = table_read(os.path.join(self.folder, label["normal_file"]))
        self.base, self.window = Words(), Words()
        self.base_spans, self.issue_spans = {}, {}
        spans = [name for name in label["files"] if name.endswith(".spans.csv.zst")]
        if spans:
            # The first day has no fault-free spans, and takes the next day's.
            usual = label["normal_file"].replace("2022-08-22", "2022-08-23").replace(".csv.zst", ".spans.csv.zst")
            self.base_spans = spans_read(os.path.join(self.folder, usual))
            self.issue_spans = spans_read(os.path.join(self.folder, spans[0]))
            words_of(self.base_spans, self.base)
            words_of(self.issue_spans, self.window)
            rare_merged(self.base, self.window)

    def cpu_rows(self, onset_s):
        """Utilisation of each service's pods: in normal operation, and in the whole minutes since the onset."""
        out = {}
        for name, values in self.issue.column.items():
            service, metric = name.split("/", 1)
            if metric != "cpu_pct":
                continue
            usual = [v / 100.0 for v in self.normal.column.get(name, []) if v is not None]
            now = [v / 100.0 for t, v in zip(self.issue.times, values)
                   if v is not None and onset_s + MINUTE_S / 2 < t <= self.label["fault_end"]]
            if usual and now:
                out[service] = (usual[-CPU_ROWS:], now)
        return out

    def bins(self, words, from_s):
        numbers = sorted({b for by_bin in words.seen.values() for b in by_bin if b * BIN_US >= from_s * 1_000_000})
        return {b: i for i, b in enumerate(numbers)}

    def text(self, onset_s):
        """As bench_rank reads it."""
        base_bins, window_bins = self.bins(self.base, 0), self.bins(self.window, onset_s)
        keys = sorted(set(self.base.seen) | set(self.window.seen), key=str)
        edges = sorted({thing for word, thing, _ in keys if word == "call"} |
                       set(topology_read(os.path.join(self.folder, self.label["topology_file"]))))
        cpu = self.cpu_rows(onset_s)
        services = sorted({end for edge in edges for end in edge} | set(cpu) |
                          {thing for word, thing, _ in keys if word == "server"})
        lines = [f"rows {len(base_bins)} 0 {max(1, len(window_bins))}", "family latency"]
        lines += [f"node {name}" for name in services]
        lines += [f"edge {services.index(a)} {services.index(b)}" for a, b in edges]
        for key in keys:
            word, thing, _ = key
            index = edges.index(thing) if word in ("call", "way") else services.index(thing)
            usual = [v for values in self.base.seen.get(key, {}).values() for v in values]
            cells = [self.base.seen.get(key, {}).get(b, []) for b in base_bins]
            cells += [self.window.seen.get(key, {}).get(b, []) for b in window_bins] or [[]]
            spread = variance(usual) ** 0.5 if len(usual) > 1 else 0.0
            lines.append(f"{word} {index} {spread:.6g} " + " ".join(f"{len(c)} {sum(c):.6g}" for c in cells))
        for service, (usual, now) in sorted(cpu.items()):
            values = " ".join(f"{v:.5f}" for v in usual + now)
            lines.append(f"gauge {services.index(service)} {len(usual)} {len(now)} {values}")
        return "\n".join(lines) + "\n"

    def watch_text(self):
        """As bench_watch reads it: what the users' side shows a minute, and the median of each edge."""
        table, lines = table_join(self.normal, self.issue), []
        entry = ENTRY[self.set]
        for side in ("server", "client"):
            columns = [table.column.get(f"{entry}/{side}_p{q}") for q in (90, 95, 99)]
            ops = table.column.get(f"{entry}/ops")
            if not ops or not all(columns):
                continue
            cells = (f"{(n or 0.0) * MINUTE_S:.0f} " + " ".join("-" if c[i] is None else f"{c[i]:.6g}" for c in columns)
                     for i, n in enumerate(ops))
            lines.append(f"latency {entry} 3 0.9 0.95 0.99 " + " ".join(cells))
        for name in sorted(table.column):
            if name.endswith("/src_p50"):
                cells = " ".join("-" if v is None else f"{v:.6g}" for v in table.column[name])
                lines.append(f"gauge {name} {MINUTE_S} {cells}")
        return "\n".join(lines) + "\n"

    def time_of(self, row):
        return self.issue.times[max(0, row - len(self.normal.times))]

    def minutes_alarms(self, alarms):
        """Alarms of the rows as (begin, raised), in seconds. A row ends its minute."""
        return [(self.time_of(a.first) - MINUTE_S, self.time_of(a.row)) for a in alarms
                if a.row >= len(self.normal.times)]

    def spans_text(self):
        """As bench_watch reads it: single requests at the engine's own tick, fault-free minutes first."""
        served, self.offset_tick = collections.defaultdict(list), 0
        for spans, first in ((self.base_spans, True), (self.issue_spans, False)):
            if not spans:
                continue
            start = min(span.start for span in spans.values()) // TICK_US
            shift = (0 if first else self.offset_tick) - start
            for name, span in requests_of(spans):
                served[name].append((span.start // TICK_US + shift, span.dur * 1e-6))
            end = max(span.start for span in spans.values()) // TICK_US + shift + 1
            if first:
                self.offset_tick = end
            else:
                self.first_tick = start
        return "".join(f"spans {name} " + " ".join(f"{t} {d:.6f}" for t, d in sorted(list_)) + "\n"
                       for name, list_ in sorted(served.items()))

    def spans_alarms(self, alarms):
        """Alarms of the spans as (begin, raised), in seconds."""
        def second(tick):
            return (self.first_tick + tick - self.offset_tick) * TICK_US * 1e-6
        return [(second(max(a.first, self.offset_tick)), second(a.row)) for a in alarms if a.row >= self.offset_tick]

    def onset_of(self, alarms):
        """Seconds at which the first trouble begins that is found in time; None where none is."""
        found = [begin for begin, raised in alarms if self.start_s < raised <= self.label["fault_end"] + MINUTE_S]
        return min(found) if found else None

    def early_of(self, alarms):
        """Alarms before the fault."""
        return sum(raised <= self.start_s for _, raised in alarms)


def cases_read(root):
    return [Case(root, label) for label in labels_read(root, "nezha")]
