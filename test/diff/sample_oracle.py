"""What python-protobuf and prometheus_client read of metrics, in the words of sample_dump. Written from the formats'
own specifications and .proto files, not from the program."""
import collections
import json
import math
import struct

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

# kind, delta, name, unit, labels (sorted), value, time_ns, start_ns, stale, count, sum, buckets
Sample = collections.namedtuple("Sample", "kind delta name unit labels value time start stale count sum buckets")

# io/prometheus/client/metrics.proto (client_model), and Prometheus' prompb: remote.proto, types.proto and
# io/prometheus/write/v2/types.proto. Enumerations are int32, which is one on the wire; * marks a repeated field.
PROTOS = {
    "io.prometheus.client": ("proto2", """
LabelPair: string name 1, string value 2
Gauge: double value 1
Exemplar: LabelPair* label 1, double value 2, Timestamp timestamp 3
Counter: double value 1, Exemplar exemplar 2, Timestamp created_timestamp 3
Quantile: double quantile 1, double value 2
Summary: uint64 sample_count 1, double sample_sum 2, Quantile* quantile 3, Timestamp created_timestamp 4
Untyped: double value 1
Bucket: uint64 cumulative_count 1, double upper_bound 2, Exemplar exemplar 3, double cumulative_count_float 4
BucketSpan: sint32 offset 1, uint32 length 2
Histogram: uint64 sample_count 1, double sample_sum 2, Bucket* bucket 3, double sample_count_float 4, sint32 schema 5,\
 double zero_threshold 6, uint64 zero_count 7, double zero_count_float 8, BucketSpan* negative_span 9,\
 sint64* negative_delta 10, double* negative_count 11, BucketSpan* positive_span 12, sint64* positive_delta 13,\
 double* positive_count 14, Timestamp created_timestamp 15, Exemplar* exemplars 16
Metric: LabelPair* label 1, Gauge gauge 2, Counter counter 3, Summary summary 4, Untyped untyped 5,\
 int64 timestamp_ms 6, Histogram histogram 7
MetricFamily: string name 1, string help 2, int32 type 3, Metric* metric 4, string unit 5
"""),
    "prometheus": ("proto3", """
MetricMetadata: int32 type 1, string metric_family_name 2, string help 4, string unit 5
Sample: double value 1, int64 timestamp 2
Label: string name 1, string value 2
Exemplar: Label* labels 1, double value 2, int64 timestamp 3
BucketSpan: sint32 offset 1, uint32 length 2
Histogram: uint64 count_int 1, double count_float 2, double sum 3, sint32 schema 4, double zero_threshold 5,\
 uint64 zero_count_int 6, double zero_count_float 7, BucketSpan* negative_spans 8, sint64* negative_deltas 9,\
 double* negative_counts 10, BucketSpan* positive_spans 11, sint64* positive_deltas 12, double* positive_counts 13,\
 int32 reset_hint 14, int64 timestamp 15, double* custom_values 16
TimeSeries: Label* labels 1, Sample* samples 2, Exemplar* exemplars 3, Histogram* histograms 4
WriteRequest: TimeSeries* timeseries 1, MetricMetadata* metadata 3
"""),
    "io.prometheus.write.v2": ("proto3", """
Metadata: int32 type 1, uint32 help_ref 3, uint32 unit_ref 4
Sample: double value 1, int64 timestamp 2, int64 start_timestamp 3
Exemplar: uint32* labels_refs 1, double value 2, int64 timestamp 3
BucketSpan: sint32 offset 1, uint32 length 2
Histogram: uint64 count_int 1, double count_float 2, double sum 3, sint32 schema 4, double zero_threshold 5,\
 uint64 zero_count_int 6, double zero_count_float 7, BucketSpan* negative_spans 8, sint64* negative_deltas 9,\
 double* negative_counts 10, BucketSpan* positive_spans 11, sint64* positive_deltas 12, double* positive_counts 13,\
 int32 reset_hint 14, int64 timestamp 15, double* custom_values 16, int64 start_timestamp 17
TimeSeries: uint32* labels_refs 1, Sample* samples 2, Histogram* histograms 3, Exemplar* exemplars 4,\
 Metadata metadata 5, int64 created_timestamp 6
Request: string* symbols 4, TimeSeries* timeseries 5
"""),
    "envoy.service.metrics.v3": ("proto3", """
Identifier: Raw node 1
Raw: string id 1, string cluster 2
StreamMetricsMessage: Identifier identifier 1, .io.prometheus.client.MetricFamily* envoy_metrics 2
"""),
}
SCALARS = {name: getattr(descriptor_pb2.FieldDescriptorProto, "TYPE_" + name.upper())
           for name in ("double", "int64", "uint64", "int32", "uint32", "sint32", "sint64", "string")}


def file_of(package, syntax, text):
    f = descriptor_pb2.FileDescriptorProto(name=package + ".proto", package=package, syntax=syntax)
    f.dependency.append("google/protobuf/timestamp.proto")
    if package.startswith("envoy"):
        f.dependency.append("io.prometheus.client.proto")
    for line in filter(None, text.split("\n")):
        name, fields = line.split(": ", 1)
        message = f.message_type.add(name=name)
        for field in fields.split(","):
            kind, field_name, number = field.split()
            one = message.field.add(name=field_name, number=int(number))
            one.label = one.LABEL_REPEATED if kind.endswith("*") else one.LABEL_OPTIONAL
            kind = kind.rstrip("*")
            if kind in SCALARS:
                one.type = SCALARS[kind]
            else:
                one.type = one.TYPE_MESSAGE
                one.type_name = {"Timestamp": ".google.protobuf.Timestamp"}.get(
                    kind, kind if kind.startswith(".") else ".%s.%s" % (package, kind))
    return f


POOL = descriptor_pool.DescriptorPool()
POOL.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
for _package, (_syntax, _text) in PROTOS.items():
    POOL.Add(file_of(_package, _syntax, _text))


def message_class(name):
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(name))


FAMILY = message_class("io.prometheus.client.MetricFamily")
WRITE1 = message_class("prometheus.WriteRequest")
WRITE2 = message_class("io.prometheus.write.v2.Request")
STREAM = message_class("envoy.service.metrics.v3.StreamMetricsMessage")
STALE = b"\x02\x00\x00\x00\x00\x00\xf0\x7f"
UNITS = {"seconds": "s", "milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns", "bytes": "By", "ratio": "1"}


def is_stale(value):
    return struct.pack("<d", value) == STALE


def of(kind, name, labels, **more):
    """None where its value is passed over."""
    fields = {"delta": False, "unit": "", "value": 0.0, "time": 0, "start": 0, "stale": False, "count": 0, "sum": None,
              "buckets": ()}
    fields.update(more)
    which = "sum" if kind in ("histogram", "summary") else "value"
    value = fields[which] or 0.0
    if is_stale(value):
        fields["stale"] = True
        fields[which] = 0.0
    elif not math.isfinite(value):
        return None
    return Sample(kind=kind, name=name, labels=tuple(sorted(labels)), **fields)


def dumped(line):
    """A line of sample_dump."""
    kind, delta, name, unit, labels, value, time, start, stale, count, total, buckets = json.loads(line[2:])
    return Sample(kind, delta, name, unit, tuple(sorted(map(tuple, labels))), float.fromhex(value), time, start, stale,
                  count, None if total is None else float.fromhex(total),
                  tuple((float.fromhex(upper), n) for upper, n in buckets))


# ---- histograms ----

def exponential(scale, zero, zero_n, positive, negative):
    """{(lower, upper]: n} of buckets that hold anything; positive and negative {OTLP's index: n}."""
    def bound(index):
        exponent = index * 2.0 ** -scale
        return math.inf if exponent >= 1024 else 2.0 ** exponent
    found = {}
    for index, n in positive.items():
        found[(bound(index), bound(index + 1))] = n
    for index, n in negative.items():
        found[(-bound(index + 1), -bound(index))] = n
    if zero_n:
        found[("zero", zero)] = zero_n
    return {k: n for k, n in found.items() if n}


def near(a, b):
    return a == b or (isinstance(a, float) and isinstance(b, float) and math.isfinite(a) and math.isfinite(b) and
                      abs(a - b) <= 1e-13 * max(abs(a), abs(b)))


def buckets_agree(buckets, want, exact):
    """The program's explicit buckets against `want`; where neighbours may be put together, their sum alone."""
    if any(b[0] <= a[0] for a, b in zip(buckets, buckets[1:])) or buckets[-1][0] != math.inf:
        return False
    if not exact:
        return sum(n for _, n in buckets) == sum(want.values())
    got = [(buckets[i - 1][0] if i else -math.inf, upper, n) for i, (upper, n) in enumerate(buckets) if n]
    if len(got) != len(want):
        return False
    for lower, upper, n in got:
        match = [k for k, m in want.items() if m == n and near(k[1], upper) and (k[0] == "zero" or near(k[0], lower))]
        if not match:
            return False
    return True


def spans_expand(spans, deltas, counts):
    """{index: n} of one sign of a native histogram, Prometheus' index."""
    found, index, at, running = {}, 0, 0, 0
    for span in spans:
        index += span.offset
        for _ in range(span.length):
            if counts:
                found[index] = int(counts[at] + 0.5)
            else:
                running += deltas[at]
                found[index] = running
            at, index = at + 1, index + 1
    return found


def native(h, names):
    """(count, sum, want of buckets_agree, how many buckets) of a native histogram of either .proto."""
    count = int(getattr(h, names["count_float"]) + 0.5) or getattr(h, names["count"])
    zero_n = int(h.zero_count_float + 0.5) or getattr(h, names["zero"])
    sides = []
    for sign in ("positive", "negative"):
        sides.append(spans_expand(getattr(h, sign + names["span"]), getattr(h, sign + names["delta"]),
                                  getattr(h, sign + names["value"])))
    if h.schema == -53:
        bounds = [-math.inf] + list(h.custom_values) + [math.inf]
        return count, {(bounds[i], bounds[i + 1]): n for i, n in sides[0].items() if n}
    shifted = [{i - 1: n for i, n in side.items()} for side in sides]
    return count, exponential(h.schema, h.zero_threshold, zero_n, *shifted)


PROM_NAMES = {"count": "sample_count", "count_float": "sample_count_float", "zero": "zero_count", "span": "_span",
              "delta": "_delta", "value": "_count"}
REMOTE_NAMES = {"count": "count_int", "count_float": "count_float", "zero": "zero_count_int", "span": "_spans",
                "delta": "_deltas", "value": "_counts"}


def cumulative(pairs, total):
    """Classic buckets (upper, how many up to it) -> each one's own."""
    found, below = [], 0
    for upper, n in pairs:
        found.append((upper, n - below))
        below = n
    if not found or found[-1][0] != math.inf:
        found.append((math.inf, total - below))
    return tuple(found)


# ---- io.prometheus.client ----

TYPES = {0: ("counter", "counter"), 1: ("gauge", "gauge"), 2: ("summary", "summary"), 3: ("untyped", "untyped"),
         4: ("histogram", "histogram")}


def created(message):
    return message.created_timestamp.seconds * 10**9 + message.created_timestamp.nanos


def family_samples(family, common=(), deltas=False):
    kind, field = TYPES[family.type]
    for metric in family.metric:
        labels = [(p.name, p.value) for p in metric.label if p.value] + list(common)
        value = getattr(metric, field)
        more = {"unit": UNITS.get(family.unit, family.unit), "time": metric.timestamp_ms * 10**6}
        if kind in ("counter", "gauge", "untyped"):
            more["value"] = value.value
            if kind == "counter":
                more.update(start=created(value), delta=deltas)
        elif kind == "summary":
            more.update(count=value.sample_count, sum=value.sample_sum, start=created(value))
        else:
            pairs = [(b.upper_bound, b.cumulative_count) for b in value.bucket]
            more.update(count=value.sample_count, sum=value.sample_sum, start=created(value),
                        buckets=cumulative(pairs, value.sample_count))
        yield of(kind, family.name, labels, **more)


def delimited(data):
    at = 0
    while at < len(data):
        n = shift = 0
        while True:
            byte = data[at]
            n |= (byte & 0x7f) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                break
        yield FAMILY.FromString(data[at:at + n])
        at += n


# ---- text ----

def text_samples(families, openmetrics):
    """Of prometheus_client's parsers."""
    for family in families:
        starts = {}
        for s in family.samples:
            if openmetrics and s.name == family.name + "_created":
                starts[frozenset(s.labels.items())] = round(s.value * 1000) * 10**6
        for s in family.samples:
            suffix = s.name[len(family.name):]
            if openmetrics and suffix == "_created" and family.type in ("counter", "histogram", "summary"):
                continue
            kind = {"counter": "counter", "gauge": "gauge", "info": "gauge", "stateset": "gauge",
                    "histogram": "counter", "gaugehistogram": "gauge"}.get(family.type, "untyped")
            if family.type == "summary":
                kind = "counter" if suffix in ("_sum", "_count") else "gauge"
            key = frozenset((k, v) for k, v in s.labels.items() if k not in ("le", "quantile"))
            start = starts.get(key, 0) if kind == "counter" else 0
            unit = UNITS.get(family.unit, family.unit)
            time = 0 if s.timestamp is None else round(float(s.timestamp) * 1000) * 10**6  # the texts here have ms
            yield of(kind, s.name, [(k, v) for k, v in s.labels.items() if v], value=float(s.value), start=start,
                     unit=unit, time=time)


# ---- remote write ----

def remote_kind(kind, name):
    if kind in (1, 3):
        return "counter"
    if kind == 5:
        return "counter" if name.endswith(("_sum", "_count")) else "gauge"
    return "gauge" if kind in (2, 4, 6, 7) else "untyped"


def series_samples(series, pairs, kind, unit, second):
    labels = [(k, v) for k, v in pairs if k != "__name__" and v]
    name = dict(pairs)["__name__"]
    base = series.created_timestamp if second else 0
    for s in series.samples:
        start = (s.start_timestamp or base) if second else 0
        yield of(remote_kind(kind, name), name, labels, value=s.value, time=s.timestamp * 10**6, start=start * 10**6,
                 unit=unit), None
    for h in series.histograms:
        start = (h.start_timestamp or base) if second else 0
        count, want = native(h, REMOTE_NAMES)
        yield of("histogram", name, labels, count=count, sum=h.sum, time=h.timestamp * 10**6, start=start * 10**6,
                 unit=unit), want


def write1_samples(message):
    kinds = {m.metric_family_name: m.type for m in message.metadata}
    for series in message.timeseries:
        pairs = [(p.name, p.value) for p in series.labels]
        name = dict(pairs)["__name__"]
        family = name
        for suffix in ("_bucket", "_sum", "_count", "_total", "_info"):
            if name not in kinds and name.endswith(suffix):
                family = name[:-len(suffix)]
                break
        yield from series_samples(series, pairs, kinds.get(family, 0), "", False)


def write2_samples(message):
    for series in message.timeseries:
        symbols = [message.symbols[i] for i in series.labels_refs]
        pairs = list(zip(symbols[::2], symbols[1::2]))
        yield from series_samples(series, pairs, series.metadata.type, message.symbols[series.metadata.unit_ref], True)


# ---- OTLP ----

def any_text(value):
    which = value.WhichOneof("value")
    if which == "string_value":
        return value.string_value
    if which == "bool_value":
        return "true" if value.bool_value else "false"
    if which == "int_value":
        return str(value.int_value)
    if which == "double_value":
        return next(t for t in ("%.*g" % (d, value.double_value) for d in (6, 15, 16, 17))
                    if float(t) == value.double_value)
    return None


def attributes(pairs):
    return [(p.key, any_text(p.value)) for p in pairs if p.key and any_text(p.value) is not None]


def point_samples(metric, data, points, common):
    which = metric.WhichOneof("data")
    delta = getattr(data, "aggregation_temporality", 2) == 1
    for p in points:
        labels = attributes(p.attributes) + common
        more = {"unit": metric.unit, "time": p.time_unix_nano, "start": p.start_time_unix_nano, "delta": delta}
        stale = bool(p.flags & 1)
        want = None
        if which in ("gauge", "sum"):
            kind = "counter" if which == "sum" and data.is_monotonic else "gauge"
            value = p.as_double if p.WhichOneof("value") == "as_double" else float(p.as_int)
            more["value"] = 0.0 if stale else value
        else:
            kind = "summary" if which == "summary" else "histogram"
            has_sum = which == "summary" or p.HasField("sum")
            more.update(count=p.count, sum=(0.0 if stale else p.sum) if has_sum else None)
        if which == "histogram" and not stale:
            counts = list(p.bucket_counts) or [p.count]
            more["buckets"] = tuple(zip(list(p.explicit_bounds) + [math.inf], counts))
        if which == "exponential_histogram" and not stale:
            sides = [{side.offset + i: n for i, n in enumerate(side.bucket_counts)}
                     for side in (p.positive, p.negative)]
            want = exponential(p.scale, p.zero_threshold, p.zero_count, *sides)
        sample = of(kind, metric.name, labels, **more)
        yield (sample._replace(stale=True) if sample and stale else sample), want


def otlp_samples(message):
    for group in message.resource_metrics:
        common = attributes(group.resource.attributes)
        for scope in group.scope_metrics:
            for metric in scope.metrics:
                data = getattr(metric, metric.WhichOneof("data"))
                yield from point_samples(metric, data, data.data_points, common)
