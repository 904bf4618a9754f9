"""OTLP and Zipkin: the decoder against python-protobuf, and the requests made of them against an independent count.

    diff_otlp.py BUILD_DIR SOURCE_ROOT

BUILD_DIR has otlp_dump and seen_dump. On made messages, and on the corpus beside the source tree where it is at hand.
Prints TAP."""

import base64
import collections
import json
import pathlib
import random
import shutil
import sys
import tempfile

import otlp_oracle
from diff_common import Tap, frames, framed, run, unpack

ROOT = pathlib.Path(sys.argv[2]).resolve()
try:
    otlp_oracle.protos_load(ROOT)
    from google.protobuf import descriptor_pool, json_format
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2  # for its descriptors
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
except ImportError as missing:
    print("1..0 # SKIP no oracle: %s" % missing)
    sys.exit(0)

WIRE_TYPE = {1: 1, 3: 0, 4: 0, 5: 0, 6: 1, 8: 0, 9: 2, 11: 2, 12: 2, 13: 0, 14: 0, 16: 1, 17: 0}
TRACES, LOGS = trace_service_pb2.ExportTraceServiceRequest, logs_service_pb2.ExportLogsServiceRequest
MADE, MUTATED = 400, 1500
ODD = ["", "a", "frontend", "GET", "200", "-", "äöü", "x" * 300, "quote\"\\\n", "\u20ac", "\U0001f600"]


# ---- the decoder ----

def dump(binary, how, data):
    with tempfile.NamedTemporaryFile() as f:
        f.write(data)
        f.flush()
        return run(binary, how, f.name)


def compare(lines, messages, keys, fields):
    want = [row for m in messages for row in otlp_oracle.rows_of(m, keys)]
    if len(lines) != len(want):
        return ["%d rows, not %d" % (len(lines), len(want))]
    wrong = []
    for k, (line, row) in enumerate(zip(lines, want)):
        got = otlp_oracle.dumped(line, fields)
        if got != (row[0], row[1]):
            wrong.append("row %d: %r, not %r" % (k, got, row))
    return wrong


def test_fields(tap, binary):
    pool, wrong, n = descriptor_pool.Default(), [], 0
    for _, message, name, number, wire_type in (line.split("\t") for line in run(binary, "--fields")):
        n += 1
        field = pool.FindMessageTypeByName(message).fields_by_name.get(name)
        if field is None or field.number != int(number) or WIRE_TYPE.get(field.type, 2) != int(wire_type):
            wrong.append("%s.%s is not %s of type %s" % (message, name, number, wire_type))
    tap.point(n > 40 and not wrong, "%d field numbers and types stand in OpenTelemetry's descriptors" % n, wrong)


def value_make(r, value):
    kind = r.randrange(8)
    if kind < 4:
        value.string_value = r.choice(ODD)
    elif kind == 4:
        value.int_value = r.choice([0, 1, -1, 200, 1 << 40, -(1 << 63)])
    elif kind == 5:
        value.bool_value = r.random() < 0.5
    elif kind == 6:
        value.double_value = r.choice([0.0, 12.75, -3.5, 1e6])
    else:
        value.array_value.values.add().string_value = "no"


def pairs_make(r, pairs, keys):
    for _ in range(r.randrange(8)):
        pair = pairs.add()
        pair.key = r.choice(list(keys) + ["other.key", ""])
        value_make(r, pair.value)


def traces_make(r, keys):
    message = TRACES()
    for _ in range(r.randrange(3)):
        group = message.resource_spans.add()
        pairs_make(r, group.resource.attributes, keys)
        for _ in range(r.randrange(3)):
            scope = group.scope_spans.add()
            for _ in range(r.randrange(4)):
                s = scope.spans.add(trace_id=r.randbytes(r.choice([0, 8, 16, 16])), span_id=r.randbytes(8),
                                    parent_span_id=r.randbytes(r.choice([0, 8])), name=r.choice(ODD),
                                    kind=r.randrange(6), start_time_unix_nano=r.randrange(1 << 62),
                                    end_time_unix_nano=r.randrange(1 << 62), trace_state=r.choice(["", "ot=th:8"]))
                s.status.code = r.randrange(3)
                s.events.add(name="event")
                pairs_make(r, s.attributes, keys)
    return message


def logs_make(r, keys):
    message = LOGS()
    for _ in range(r.randrange(3)):
        group = message.resource_logs.add()
        pairs_make(r, group.resource.attributes, keys)
        for _ in range(r.randrange(3)):
            scope = group.scope_logs.add()
            for _ in range(r.randrange(4)):
                log = scope.log_records.add(time_unix_nano=r.randrange(1 << 62), severity_number=r.randrange(25),
                                            observed_time_unix_nano=r.randrange(1 << 62), span_id=r.randbytes(8),
                                            trace_id=r.randbytes(16))
                log.body.string_value = r.choice(ODD)
                pairs_make(r, log.attributes, keys)
    return message


def ids_hex(node):
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if key in ("traceId", "spanId", "parentSpanId"):
            node[key] = base64.b64decode(value).hex()
        else:
            ids_hex(value)


def json_of(message):
    """OTLP's JSON: as protobuf's, but ids in hex and enums as numbers."""
    tree = json.loads(json_format.MessageToJson(message, use_integers_for_enums=True))
    ids_hex(tree)
    return json.dumps(tree).encode()


def test_made(tap, binary, keys):
    for how, make, fields in (("spans", traces_make, 10), ("logs", logs_make, 7)):
        messages = [make(random.Random(seed), keys) for seed in range(MADE)]
        wrong = compare(dump(binary, how, framed([m.SerializeToString() for m in messages])), messages, keys, fields)
        tap.point(not wrong, "%s: %d made messages" % (how, MADE), wrong)
        wrong = []
        for message in messages[:120]:
            wrong += compare(dump(binary, "json-" + how, json_of(message)), [message], keys, fields)
        tap.point(not wrong, "%s as JSON: 120 made messages" % how, wrong)


def test_mutated(tap, binary, keys):
    """What the decoder reads of messages with a few bytes changed, protobuf reads alike; what protobuf refuses may
    be read in part."""
    wrong, read = [], 0
    for seed in range(MUTATED):
        r = random.Random(seed)
        data = bytearray(traces_make(r, keys).SerializeToString())
        for _ in range(r.randrange(1, 4) if data else 0):
            data[r.randrange(len(data))] = r.randrange(256)
        try:
            message = TRACES.FromString(bytes(data))
        except DecodeError:
            continue
        if any(len(g.resource.attributes) and not g.scope_spans for g in message.resource_spans):
            continue
        read += 1
        if seed % 25 == 0:
            wrong += compare(dump(binary, "spans", framed([bytes(data)])), [message], keys, 10)
    tap.point(read > 50 and not wrong, "made messages with a few bytes changed", wrong)


# ---- requests ----

Seen = collections.namedtuple("Seen", "side callee namespace caller class_ code flags end latency weight rid route")


def seen(binary, form, path):
    rows = [Seen(*line.split("\t")) for line in run(binary, form, path)]
    return [r._replace(code=int(r.code), end=int(r.end), latency=int(r.latency), weight=int(r.weight)) for r in rows]


FAILED = {"server_error", "overload", "timeout", "unreachable", "protocol", "cut"}


def reporter(r):
    return r.callee if r.side == "server" else r.caller


def check_requests(tap, name, got, want):
    """Requests, failures, edges and the sum of latencies, and each request by itself."""
    wrong = []
    if len(got) != len(want):
        wrong.append("%d requests, not %d" % (len(got), len(want)))
    bad = sum(otlp_oracle.failed(w[3], w[4]) for w in want)
    if sum(r.class_ in FAILED for r in got) != bad:
        wrong.append("%d failures, not %d" % (sum(r.class_ in FAILED for r in got), bad))
    edges = collections.Counter((w[1], w[2]) for w in want if w[0] == "client" and w[2])
    have = collections.Counter((r.caller, r.callee) for r in got if r.side == "client" and r.callee)
    wrong += ["edge %s: %d, not %d" % (e, have[e], edges[e]) for e in have.keys() | edges.keys() if have[e] != edges[e]]
    if sum(r.latency for r in got) != sum(w[5] for w in want):
        wrong.append("latencies add up to %d ns, not %d" % (sum(r.latency for r in got), sum(w[5] for w in want)))
    one = collections.Counter((r.side, reporter(r), r.code, r.latency, r.rid) for r in got)
    other = collections.Counter((w[0], w[1], w[3], w[5], w[6]) for w in want)
    wrong += ["only counted: %r" % (k,) for k in (one - other)] + ["not counted: %r" % (k,) for k in (other - one)]
    tap.point(not wrong and want, "%s: %d requests, %d failed, %d edges" % (name, len(want), bad, len(edges)), wrong)


def export_of(where, service):
    return where / ("opentelemetry_proto_collector_%s__Export.unary.grpc" % service)


def test_capture(tap, dump_binary, seen_binary, corpus, name, keys):
    with tempfile.TemporaryDirectory() as into:
        where = unpack(corpus / (name + ".tar.zst"), into)
        traces, logs = export_of(where, "trace_v1_TraceService"), export_of(where, "logs_v1_LogsService")
        spans = [TRACES.FromString(m) for m in frames(traces.read_bytes())]
        records = [LOGS.FromString(m) for m in frames(logs.read_bytes())]
        wrong = compare(run(dump_binary, "spans", traces), spans, keys, 10)
        tap.point(not wrong, "%s: spans as protobuf reads them" % name, wrong)
        wrong = compare(run(dump_binary, "logs", logs), records, keys, 7)
        tap.point(not wrong, "%s: log records as protobuf reads them" % name, wrong)
        got = seen(seen_binary, "otlp-traces-grpc", traces)
        check_requests(tap, name + " spans", got, list(otlp_oracle.span_requests(spans)))
        if name != "istio":  # whose lines name no reporter: counted for their callees alone
            got = seen(seen_binary, "otlp-logs-grpc", logs)
            check_requests(tap, name + " access logs", got, list(otlp_oracle.log_requests(records)))
        if name == "mixed":
            test_agree(tap, seen_binary, where, traces, logs)


def agree_key(r):
    return (r.side, reporter(r), r.rid, r.code)


def test_agree(tap, seen_binary, where, traces, logs):
    """The three sources tell of the same requests: by side, reporter, request id and status."""
    als = [r for r in seen(seen_binary, "als-grpc", where) if r.rid]
    span = seen(seen_binary, "otlp-traces-grpc", traces)
    log = seen(seen_binary, "otlp-logs-grpc", logs)
    a, s, l = (collections.Counter(agree_key(r) for r in rows) for rows in (als, span, log))
    wrong = ["only in access logs: %r" % (k,) for k in a - s] + ["only in spans: %r" % (k,) for k in s - a]
    tap.point(not wrong, "mixed: %d requests are the same in access logs and in spans" % sum(a.values()), wrong)
    lost = a - l
    wrong = ["only in OTLP logs: %r" % (k,) for k in l - a]
    wrong += ["lost elsewhere: %r" % (k,) for k in lost if k[:2] != ("server", "cart")]
    tap.point(not wrong and sum(lost.values()) == 13,
              "mixed: OTLP logs have all of them but 13, which one Envoy's logger dropped", wrong)
    far, n = [], 0
    for rows, most_ns, what in ((span, 1000000, "spans"), (log, 2000000, "OTLP logs")):
        by = collections.defaultdict(list)
        for r in als:
            by[agree_key(r)].append(r.latency)
        for r in rows:
            near = min((abs(r.latency - n) for n in by[agree_key(r)]), default=0)
            n += 1
            if near > most_ns:
                far.append("%s: %r is %d ns off" % (what, agree_key(r), near))
    # Envoy ends a span a little after the entry; on a busy machine that is sometimes milliseconds.
    tap.point(len(far) * 500 < n, "mixed: latencies agree, of all but %d of %d to 1 ms (spans) and 2 ms (OTLP logs)" %
              (len(far), n), far)
    hosts = collections.Counter()
    callee = {}
    for r in als:
        callee.setdefault(agree_key(r), r.callee)
    for r in span:
        other = callee.get(agree_key(r), r.callee)
        if other != r.callee:
            hosts[(other, r.callee)] += 1
    wrong = ["%s and %s: %d" % (k[0], k[1], n) for k, n in hosts.items() if k[0] != ""]
    tap.point(not wrong, "mixed: callees differ only where the access log names none (%d: UO, UH)" %
              sum(hosts.values()), wrong)


def test_zipkin(tap, seen_binary, corpus):
    for archive, form in (("trace-zipkin-json", "zipkin-json"), ("trace-zipkin-proto", "zipkin-proto"),
                          ("trace-otlp-http", "otlp-traces-http")):
        with tempfile.TemporaryDirectory() as into:
            where = unpack(corpus / (archive + ".tar.zst"), into)
            als = collections.Counter(agree_key(r) for r in seen(seen_binary, "als-grpc", where))
            spans = collections.Counter(agree_key(r) for r in seen(seen_binary, form, where))
            # The archives hold the first 600 posts: later requests are in the access log alone.
            wrong = ["only in spans: %r" % (k,) for k in spans - als]
            tap.point(not wrong and sum(spans.values()) > 1400,
                      "%s: %d requests as in the access log of the same run" % (archive, sum(spans.values())), wrong)


def main():
    tap = Tap()
    build = pathlib.Path(sys.argv[1])
    dump_binary, seen_binary = build / "test/diff/otlp_dump", build / "test/diff/seen_dump"
    keys = otlp_oracle.keys_read(run(dump_binary, "--keys"))
    test_fields(tap, dump_binary)
    test_made(tap, dump_binary, keys)
    test_mutated(tap, dump_binary, keys)
    corpus = ROOT.parent / "shared" / "corpus"
    if corpus.is_dir() and shutil.which("zstd"):
        for name in ("mixed", "istio", "kuma"):
            test_capture(tap, dump_binary, seen_binary, corpus, name, keys)
        test_zipkin(tap, seen_binary, corpus)
    else:
        tap.skip("the corpus", "no ../shared/corpus, or no zstd")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
