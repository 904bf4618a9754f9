"""Metrics: the decoders against python-protobuf and prometheus_client.

    diff_samples.py BUILD_DIR SOURCE_ROOT

BUILD_DIR has sample_dump and foreshock. On made messages, and on the corpus beside the source tree where it is at
hand: expositions in text and protobuf, Envoy's metrics service, OTLP. Prints TAP."""
import collections
import json
import math
import pathlib
import random
import shutil
import struct
import sys
import tempfile

import otlp_oracle
from diff_common import Tap, frames, framed, run, unpack, varint

ROOT = pathlib.Path(sys.argv[2]).resolve()
try:
    otlp_oracle.protos_load(ROOT)
    import prometheus_client.openmetrics.parser
    import prometheus_client.parser
    import sample_oracle
    from google.protobuf import json_format
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
except ImportError as missing:
    print("1..0 # SKIP no oracle: %s" % missing)
    sys.exit(0)

OTLP = metrics_service_pb2.ExportMetricsServiceRequest
MADE = 300
NAMES = ["http_requests_total", "http_server_duration_bucket", "a", "rpc_seconds_sum", "rpc_seconds", "cpu", "x_info"]
TEXTS = ["", "a", "frontend", "10.0.0.1:8080", "äöü", "quote\"\\\nline", "x" * 200, "0.5", "+Inf"]
KEYS = ["job", "instance", "le", "code", "reporter", "source_workload", "k8s.pod.name"]
NUMBERS = [0.0, 1.0, -1.0, 0.1, 1e300, 5e-324, 123456789.125, 1 / 3, 2.0**53, math.inf, -math.inf, math.nan]


def dump(binary, form, messages):
    """(samples, tallies of the messages)"""
    with tempfile.NamedTemporaryFile() as f:
        f.write(framed(messages))
        f.flush()
        lines = run(binary, form, f.name)
    samples = [sample_oracle.dumped(line) for line in lines if line.startswith("S ")]
    return samples, [json.loads(line[2:]) for line in lines if line.startswith("M ")]


# ---- comparing ----

def same(got, want, buckets):
    """buckets: what an exponential histogram must have; None: as they stand in `want`."""
    if got._replace(buckets=()) != want._replace(buckets=()):
        return False
    if buckets is None:
        return got.buckets == want.buckets
    # More than fit are put together, which is a lower scale.
    exact = 2 * len(buckets) + 2 <= 320
    return want.stale or not buckets or sample_oracle.buckets_agree(got.buckets, buckets, exact)


def compare(got, pairs):
    """pairs of (sample or None, buckets or None), in order."""
    pairs = [p for p in pairs if p[0] is not None]
    if len(got) != len(pairs):
        return ["%d samples, not %d" % (len(got), len(pairs))]
    return ["sample %d: %r, not %r %r" % (k, g, w, b) for k, (g, (w, b)) in enumerate(zip(got, pairs))
            if not same(g, w, b)]


def plain(samples):
    return [(s, None) for s in samples]


# ---- made messages ----

def labels_make(r):
    keys = r.sample(KEYS, r.randrange(5))
    return [(k, r.choice(TEXTS)) for k in keys]


def side_make(r, scale):
    """Sorted {index: n} with gaps, of bounds that a double has."""
    most = int(900 * 2.0**scale)
    index, found = r.randrange(-min(most, 40), min(most, 40)), {}
    for _ in range(r.choice([0, 1, 5, 30, 250])):
        if index < most:
            found[index] = r.choice([0, 1, 7, 10**6])
        index += r.choice([1, 1, 1, 2, 9])
    return found


def native_fill(r, h, names, floats):
    h.schema = r.randrange(-4, 9)
    h.zero_threshold = r.choice([0.0, 1e-280])
    total = 0
    for sign in ("positive", "negative"):
        side, before, index, values = side_make(r, h.schema), 0, None, []
        for i, n in side.items():
            if index is None or i != index:
                getattr(h, sign + names["span"]).add(offset=i - (index or 0), length=0)
            getattr(h, sign + names["span"])[-1].length += 1
            values.append(float(n) if floats else n - before)
            index, before, total = i + 1, n, total + n
        getattr(h, sign + names["value" if floats else "delta"]).extend(values)
    zero_n = r.randrange(3)
    setattr(h, "zero_count_float" if floats else names["zero"], zero_n)
    setattr(h, names["count_float" if floats else "count"], total + zero_n)


def families_make(r):
    messages = []
    for _ in range(r.randrange(4)):
        f = sample_oracle.FAMILY(name=r.choice(NAMES), type=r.randrange(5), help="help", unit=r.choice(["", "seconds"]))
        for _ in range(r.randrange(4)):
            m = f.metric.add()
            for k, v in labels_make(r):
                m.label.add(name=k, value=v)
            if r.random() < 0.5:
                m.timestamp_ms = r.randrange(1 << 40)
            value = getattr(m, sample_oracle.TYPES[f.type][1])
            if f.type == 4:
                if r.random() < 0.5:
                    native_fill(r, value, sample_oracle.PROM_NAMES, r.random() < 0.3)
                else:
                    n = 0
                    for upper in sorted(r.sample(range(1000), r.randrange(20))):
                        n += r.randrange(5)
                        value.bucket.add(upper_bound=upper / 8, cumulative_count=n)
                    value.sample_count = n + r.randrange(3)
                value.sample_sum = r.choice(NUMBERS)
            elif f.type == 2:
                value.sample_count, value.sample_sum = r.randrange(99), r.choice(NUMBERS)
                value.quantile.add(quantile=0.5, value=1)
            else:
                value.value = r.choice(NUMBERS)
                if f.type == 0 and r.random() < 0.5:
                    value.created_timestamp.seconds, value.created_timestamp.nanos = r.randrange(1 << 31), 7
        messages.append(f)
    return messages


def family_pairs(family, **more):
    """With the buckets of native histograms."""
    samples = list(sample_oracle.family_samples(family, **more))
    if family.type != 4:
        return plain(samples)
    pairs = []
    for s, m in zip(samples, family.metric):
        h = m.histogram
        is_native = h.positive_span or h.negative_span or h.zero_threshold > 0 or h.zero_count or h.zero_count_float
        if is_native and s is not None:
            count, want = sample_oracle.native(h, sample_oracle.PROM_NAMES)
            pairs.append((s._replace(count=count), want))
        else:
            pairs.append((s, None))
    return pairs


def series_make(r, series, pairs_put):
    pairs_put([("__name__", r.choice(NAMES))] + labels_make(r))
    if r.random() < 0.8:
        for i in range(r.randrange(4)):
            series.samples.add(value=r.choice(NUMBERS + [struct.unpack("<d", sample_oracle.STALE)[0]]),
                               timestamp=1000 + 10 * i)
    else:
        h = series.histograms.add(sum=r.choice(NUMBERS), timestamp=r.randrange(1, 1 << 40))
        if r.random() < 0.3:
            bounds = sorted(r.sample(range(100), 5))
            h.schema = -53
            h.custom_values.extend(b / 4 for b in bounds)
            h.positive_spans.add(offset=1, length=2)
            h.positive_spans.add(offset=2, length=1)
            h.positive_deltas.extend([3, -1, 4])
            h.count_int = 11
        else:
            native_fill(r, h, sample_oracle.REMOTE_NAMES, r.random() < 0.3)
    if r.random() < 0.3:
        series.exemplars.add(value=1)


def write1_make(r):
    message = sample_oracle.WRITE1()
    for _ in range(r.randrange(5)):
        series = message.timeseries.add()
        series_make(r, series, lambda pairs, s=series: [s.labels.add(name=k, value=v) for k, v in pairs])
    for name in r.sample(NAMES, r.randrange(4)):
        message.metadata.add(metric_family_name=name, type=r.choice([0, 1, 2, 3, 5, 6, 7]))
    return message


def write2_make(r):
    message = sample_oracle.WRITE2(symbols=[""])
    def put(text):
        if text not in message.symbols:
            message.symbols.append(text)
        return list(message.symbols).index(text)
    for _ in range(r.randrange(5)):
        series = message.timeseries.add()
        series_make(r, series, lambda pairs, s=series: s.labels_refs.extend(put(t) for p in pairs for t in p))
        # Of gauge histograms the parts go out.
        series.metadata.type, series.metadata.unit_ref = r.choice([0, 1, 2, 3, 5, 6, 7]), put(r.choice(["", "seconds"]))
        series.created_timestamp = r.choice([0, 999])
        for s in series.samples:
            s.start_timestamp = r.choice([0, 5])
    return message


def attributes_make(r, pairs):
    for k, v in labels_make(r):
        value = pairs.add(key=k).value
        kind = r.randrange(6)
        if kind == 0:
            value.int_value = r.choice([0, -1, 200, 1 << 62])
        elif kind == 1:
            value.bool_value = r.random() < 0.5
        elif kind == 2:
            value.double_value = r.choice([0.0, 12.75, 1 / 3, 1e6])
        elif kind == 3:
            value.array_value.values.add().string_value = "no"
        else:
            value.string_value = v


def point_make(r, kind, p):
    attributes_make(r, p.attributes)
    p.time_unix_nano, p.start_time_unix_nano = r.randrange(1 << 62), r.choice([0, r.randrange(1 << 62)])
    p.flags = r.choice([0, 0, 0, 1])
    if kind in ("gauge", "sum"):
        if r.random() < 0.5:
            p.as_int = r.choice([0, -5, 1 << 40])
        else:
            p.as_double = r.choice(NUMBERS)
        return
    p.count = r.randrange(1000)
    if kind == "summary" or r.random() < 0.8:
        p.sum = r.choice(NUMBERS)
    if kind == "histogram" and r.random() < 0.8:
        bounds = sorted(r.sample(range(1000), r.choice([0, 1, 14, 300])))
        p.explicit_bounds.extend(b / 8 for b in bounds)
        p.bucket_counts.extend(r.randrange(9) for _ in range(len(bounds) + 1))
    if kind == "exponential_histogram":
        p.scale, p.zero_count, p.zero_threshold = r.randrange(-10, 21), r.randrange(3), 0.0
        for side in (p.positive, p.negative):
            if r.random() < 0.6:
                most = int(900 * 2.0**p.scale)
                side.offset = r.randrange(-most, 1) if most < 100 else r.randrange(-100, 100)
                n = min(r.choice([0, 1, 20, 160, 900]), max(most - side.offset, 0))
                side.bucket_counts.extend(r.choice([0, 1, 5]) for _ in range(n))


def otlp_make(r):
    message = OTLP()
    for _ in range(r.randrange(3)):
        group = message.resource_metrics.add()
        attributes_make(r, group.resource.attributes)
        for _ in range(r.randrange(3)):
            scope = group.scope_metrics.add()
            for _ in range(r.randrange(3)):
                metric = scope.metrics.add(name=r.choice(NAMES), unit=r.choice(["", "s", "By"]))
                kind = r.choice(["gauge", "sum", "histogram", "exponential_histogram", "summary"])
                data = getattr(metric, kind)
                data.SetInParent()
                if kind in ("sum", "histogram", "exponential_histogram"):
                    data.aggregation_temporality = r.choice([1, 2])
                if kind == "sum":
                    data.is_monotonic = r.random() < 0.7
                for _ in range(r.randrange(4)):
                    point_make(r, kind, data.data_points.add())
    return message


def test_fields(tap, binary):
    packages = {"prom": "io.prometheus.client", "remote": "prometheus"}
    wire = {1: 1, 3: 0, 4: 0, 5: 0, 9: 2, 11: 2, 13: 0, 17: 0, 18: 0}
    wrong, n = [], 0
    for line in run(binary, "--fields"):
        _, table, message, name, number, kind = line.split("\t")
        package = "io.prometheus.write.v2" if message.endswith("2") else packages[table]
        found = sample_oracle.POOL.FindMessageTypeByName(package + "." + message.rstrip("2")).fields_by_name.get(name)
        n += 1
        if found is None or found.number != int(number) or wire[found.type] != int(kind):
            wrong.append("%s.%s is not %s of type %s" % (message, name, number, kind))
    tap.point(n > 70 and not wrong, "%d field numbers and types stand in the .proto files of Prometheus" % n, wrong)


def seeds(make):
    return [make(random.Random(seed)) for seed in range(MADE)]


def test_made(tap, binary):
    families = seeds(families_make)
    data = [b"".join(varint(f.ByteSize()) + f.SerializeToString() for f in fs) for fs in families]
    got, _ = dump(binary, "proto", data)
    wrong = compare(got, [p for fs in families for f in fs for p in family_pairs(f)])
    tap.point(not wrong, "delimited protobuf: %d made expositions, %d samples" % (MADE, len(got)), wrong)
    for name, make, samples in (("1.0", write1_make, sample_oracle.write1_samples),
                                ("2.0", write2_make, sample_oracle.write2_samples)):
        messages = seeds(make)
        got, tallies = dump(binary, "remote", [m.SerializeToString() for m in messages])
        wrong = compare(got, [p for m in messages for p in samples(m)])
        tap.point(not wrong, "remote write %s: %d made messages, %d samples" % (name, MADE, len(got)), wrong)
        want = [[sum(len(s.samples) for s in m.timeseries), sum(len(s.histograms) for s in m.timeseries),
                 sum(len(s.exemplars) for s in m.timeseries), 0, 0] for m in messages]
        tap.point(tallies == want, "remote write %s: what was written is told" % name)
    messages = seeds(otlp_make)
    want = [p for m in messages for p in sample_oracle.otlp_samples(m)]
    got, _ = dump(binary, "otlp", [m.SerializeToString() for m in messages])
    wrong = compare(got, want)
    tap.point(not wrong, "OTLP: %d made messages, %d samples" % (MADE, len(got)), wrong)
    texts = [json_format.MessageToJson(m, use_integers_for_enums=bool(k % 2)).encode() for k, m in enumerate(messages)]
    got, _ = dump(binary, "otlp-json", texts)
    wrong = compare(got, want)
    tap.point(not wrong, "OTLP as JSON: the same", wrong)


# ---- text ----

def text_make(r, openmetrics):
    """An exposition as the formats' specifications have it, with blanks and escapes of every kind."""
    def escaped(text):
        return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\"", "\\\"")
    def number():
        return r.choice(["0", "1", "-3.5", "1e3", "+Inf", "NaN", "86.497109826589593239987152628601", "0.1", "4.9e-324",
                         "%d" % r.randrange(10**15), repr(r.random() * 10**r.randrange(-9, 9))])
    lines = []
    for k in range(r.randrange(6)):
        kind = r.choice(["counter", "gauge", "histogram", "summary", "unknown" if openmetrics else "untyped"])
        name = "f%d_seconds" % k
        family = name if openmetrics or kind != "counter" else name + "_total"
        lines.append("# TYPE %s %s" % (family, kind))
        if openmetrics and r.random() < 0.5:
            lines.append("# UNIT %s seconds" % name)
        lines.append("# HELP %s some help" % family)
        time = r.choice(["", " %d" % r.randrange(1 << 40)])
        if openmetrics and time:
            time = " %d.%03d" % (r.randrange(1 << 31), r.randrange(1000))
        for j in range(r.randrange(4)):
            labels = [("n", str(j))] + [(key, value) for key, value in labels_make(r) if "." not in key and key != "le"]
            def line(suffix, more=(), value=None, labels=labels, name=name, time=time):
                text = ",".join("%s=\"%s\"" % (key, escaped(v)) for key, v in labels + list(more))
                lines.append("%s%s{%s} %s%s" % (name, suffix, text, value or number(), time))
            if kind == "counter":
                line("_total", value=str(r.randrange(10**9)))
            elif kind == "histogram":
                for le in ("0.1", "2.5", "+Inf"):
                    line("_bucket", [("le", le)], str(7))
                line("_count", value="7")
                line("_sum", value="12.5")
            elif kind == "summary":
                line("", [("quantile", "0.5")], "0.25")
                line("_count", value="3")
                line("_sum", value="1.25")
            else:
                line("")
            if openmetrics and kind in ("counter", "histogram", "summary") and r.random() < 0.6:
                line("_created", value="%d.%03d" % (r.randrange(1 << 31), r.randrange(1000)))
    if openmetrics:
        lines.append("# EOF")
    return "\n".join(lines) + "\n"


def text_want(text, openmetrics):
    parser = prometheus_client.openmetrics.parser if openmetrics else prometheus_client.parser
    return list(sample_oracle.text_samples(parser.text_string_to_metric_families(text), openmetrics))


def counted(samples):
    """prometheus_client gives every counter of the text format a _total."""
    return collections.Counter(s._replace(name=s.name.removesuffix("_total")) if s.kind == "counter" else s
                               for s in samples if s is not None)


def difference(got, want):
    one, other = counted(got), counted(want)
    return (one - other) + (other - one)


def test_text(tap, binary):
    wrong, n = [], 0
    texts = [text_make(random.Random(seed), False) for seed in range(MADE)]
    got, tallies = dump(binary, "text", [t.encode() for t in texts])
    want = [s for t in texts for s in text_want(t, False)]
    diff = difference(got, want)
    tap.point(not diff and not any(t[3] for t in tallies), "text: %d made expositions, %d samples" % (MADE, len(got)),
              map(repr, diff))
    texts = [text_make(random.Random(seed), True) for seed in range(MADE)]
    got, tallies = dump(binary, "text", [t.encode() for t in texts])
    want = [s for t in texts for s in text_want(t, True)]
    diff = difference(got, want)
    tap.point(not diff and not any(t[3] for t in tallies),
              "OpenMetrics: %d made expositions, %d samples" % (MADE, len(got)), map(repr, diff))


# ---- the corpus ----

def stats_wrong(binary, form, path, want):
    """What `foreshock stats` counts, against the oracle's samples."""
    foreshock = binary.parents[2] / "src/daemon/foreshock"
    told = json.loads("".join(run(foreshock, "stats", "--format", form, path)))["metrics"]
    want = [s for s in want if s is not None]
    kinds = collections.Counter(s.kind for s in want)
    times = [s.time for s in want if s.time]
    wrong = []
    if told["samples"] - told["not_finite"] != len(want) or told["kinds"] != dict(kinds):
        wrong.append("stats: %r, not %r" % (told, kinds))
    if told["series"] != len({(s.name, s.labels) for s in want}):
        wrong.append("stats: %d series, not %d" % (told["series"], len({(s.name, s.labels) for s in want})))
    if (told["first"] is None) == bool(times):
        wrong.append("stats: from %s, not %s" % (told["first"], min(times, default=None)))
    return wrong


def test_text_files(tap, binary, where):
    for path in sorted(where.glob("prom*.txt")):
        text = path.read_text()
        got, tallies = dump(binary, "text", [text.encode()])
        want = text_want(text, False)
        diff = difference(got, want)
        wrong = [repr(d) for d in diff] + stats_wrong(binary, "prometheus-text", path, want)
        tap.point(want and not wrong and tallies[0][3] == 0, "%s %s: %d samples of %d" %
                  (where.name, path.name, len(got), len(want)), wrong)


def test_proto_files(tap, binary, where):
    for path in sorted(where.glob("prom-delimited*.pb")):
        data = path.read_bytes()
        got, tallies = dump(binary, "proto", [data])
        pairs = [p for f in sample_oracle.delimited(data) for p in family_pairs(f)]
        wrong = compare(got, pairs) + stats_wrong(binary, "prometheus-proto", path, [s for s, _ in pairs])
        tap.point(got and not wrong and tallies[0][3] == 0, "%s %s: %d samples" % (where.name, path.name, len(got)),
                  wrong)


def test_streams(tap, binary, where):
    """The streams of this capture report counters as deltas, which the first message that has some again shows."""
    for path in sorted(where.glob("envoy_service_metrics*.grpc")):
        messages = [sample_oracle.STREAM.FromString(m) for m in frames(path.read_bytes())]
        got, tallies = dump(binary, "envoy", list(frames(path.read_bytes())))
        node = messages[0].identifier.node
        own = lambda s: s._replace(labels=tuple(p for p in s.labels if not p[0].startswith(
            ("node_", "service.", "k8s.", "cloud."))))
        labelled = all(dict(s.labels).get("node_id") == node.id and dict(s.labels).get("node_cluster") == node.cluster
                       for s in got)
        want, n = [], 0
        for message in messages:
            for family in message.envoy_metrics:
                if family.type != 2:
                    want += sample_oracle.family_samples(family, deltas=True)
        # Without labels the tags stand in the name, which is taken apart (test_wire_samples): all but both is compared.
        renamed = lambda w: {} if w.labels else {"name": w.name, "labels": ()}
        wrong = [repr(w) for g, w in zip(got, want)
                 if own(g)._replace(delta=False, **renamed(w)) != w._replace(delta=False)]
        late = sum(not g.delta for g in got if g.kind == "counter")
        first = sum(len(f.metric) for f in messages[0].envoy_metrics if f.type == 0)
        tap.point(got and labelled and len(got) == len(want) and not wrong and not any(t[3] for t in tallies),
                  "%s %s: %d samples" % (where.name, path.name, len(got)), wrong)
        second = sum(len(f.metric) for f in messages[1].envoy_metrics if f.type == 0)
        tap.point(first <= late <= first + second, "%s %s: deltas are known behind the first messages (%d counters)" %
                  (where.name, path.name, late))


def test_otlp_files(tap, binary, where):
    for path in sorted(where.glob("opentelemetry_proto_collector_metrics*.grpc")):
        messages = [OTLP.FromString(m) for m in frames(path.read_bytes())]
        got, tallies = dump(binary, "otlp", list(frames(path.read_bytes())))
        pairs = [p for m in messages for p in sample_oracle.otlp_samples(m)]
        wrong = compare(got, pairs) + stats_wrong(binary, "otlp-metrics-grpc", path, [s for s, _ in pairs])
        tap.point(got and not wrong and not any(t[3] for t in tallies), "%s OTLP metrics: %d samples in %d messages" %
                  (where.name, len(got), len(messages)), wrong)


def main():
    tap = Tap()
    binary = pathlib.Path(sys.argv[1]) / "test/diff/sample_dump"
    test_fields(tap, binary)
    test_made(tap, binary)
    test_text(tap, binary)
    corpus = ROOT.parent / "shared" / "corpus"
    if corpus.is_dir() and shutil.which("zstd"):
        for name in ("mixed", "istio", "kuma"):
            with tempfile.TemporaryDirectory() as into:
                where = unpack(corpus / (name + ".tar.zst"), into)
                test_text_files(tap, binary, where)
                test_proto_files(tap, binary, where)
                test_streams(tap, binary, where)
                test_otlp_files(tap, binary, where)
    else:
        tap.skip("the corpus", "no ../shared/corpus, or no zstd")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
