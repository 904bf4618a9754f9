"""Metrics, live: OTLP over gRPC and HTTP, Envoy's metrics service, Prometheus' remote write 1.0 and 2.0; answers to
good and bad senders, what is counted, and that a recording replays.

    test_metrics.py BINARY
"""
import gzip
import json
import os
import signal
import struct
import sys
import tempfile
import time

from e2e_daemon import LONG_S, Daemon, Tap, replay, run
from e2e_otlp import field, fixed, number, pair, post, unary, varint

try:
    import grpc
    MISSING = None
except ImportError as missing:
    MISSING = str(missing)

EXPORT = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
STREAM = "/envoy.service.metrics.v3.MetricsService/StreamMetrics"
WRITE = "/api/v1/write"
WRITTEN = "X-Prometheus-Remote-Write-%s-Written"
STALE = b"\x02\x00\x00\x00\x00\x00\xf0\x7f"


def point(value, temporality=2):
    """An ExportMetricsServiceRequest with a sum of one point."""
    data = fixed(3, time.time_ns()) + fixed(4, struct.pack("<d", value)) + field(7, pair("http.route", "/a"))
    total = field(1, data) + number(2, temporality) + number(3, 1)
    metric = field(1, b"http.server.request.duration") + field(3, b"s") + field(7, total)
    return field(1, field(1, field(1, pair("service.name", "shop"))) + field(2, field(2, metric)))


def packed(data):
    """snappy's block format: a length, then literals of at most 60 bytes."""
    out = varint(len(data))
    for at in range(0, len(data), 60):
        part = data[at:at + 60]
        out += bytes([(len(part) - 1) << 2]) + part
    return out


def sample(value, at_ms):
    return fixed(1, value if isinstance(value, bytes) else struct.pack("<d", value)) + number(2, at_ms)


def write1(*values, name="http_requests_total"):
    now = time.time_ns() // 10**6
    labels = b"".join(field(1, field(1, k) + field(2, v)) for k, v in
                      ((b"__name__", name.encode()), (b"job", b"shop")) if v)
    return field(1, labels + b"".join(field(2, sample(v, now + i)) for i, v in enumerate(values)))


def write2(*values, refs=(1, 2, 3, 4), histogram=False):
    now = time.time_ns() // 10**6
    symbols = b"".join(field(4, s) for s in (b"", b"__name__", b"http_requests_total", b"job", b"shop"))
    series = field(1, b"".join(varint(r) for r in refs))
    series += b"".join(field(2, sample(v, now + i)) for i, v in enumerate(values))
    if histogram:
        series += field(3, number(1, 3) + fixed(3, struct.pack("<d", 4.5)) + number(15, now + 9) +
                        field(11, number(1, 0) + number(2, 1)) + field(12, varint(6)))
    return symbols + field(5, series + field(5, number(1, 1)))


def write(daemon, body, version="1.0"):
    kind = "application/x-protobuf" + (";proto=io.prometheus.write.v2.Request" if version == "2.0" else "")
    return post(daemon, WRITE, packed(body), kind, Content_Encoding="snappy")


def over_grpc(tap, daemon):
    plain = grpc.insecure_channel(daemon.grpc)
    squeezed = grpc.insecure_channel(daemon.grpc, compression=grpc.Compression.Gzip)
    tap.equal("metrics are answered with an empty message", unary(plain, EXPORT, point(1)), b"")
    tap.equal("and in gzip", unary(squeezed, EXPORT, point(2)), b"")
    partial = unary(plain, EXPORT, point(3, temporality=0) + point(4))
    tap.ok("a point of no temporality is told as rejected, the other is taken",
           partial[:1] == b"\n" and partial[5:8] == b"\x08\x01\x12", partial)
    tap.equal("a broken message is the sender's fault", unary(plain, EXPORT, b"\xff\xff\xff")[0], "INVALID_ARGUMENT")


def envoy_message(values, first):
    node = field(1, field(1, field(1, b"shop-1.default") + field(2, b"shop"))) if first else b""
    at = time.time_ns() // 10**6
    metrics = {k: field(3, fixed(1, struct.pack("<d", v))) + number(6, at) for k, v in values.items()}
    return node + b"".join(field(2, field(1, k) + number(3, 0) + field(4, m)) for k, m in metrics.items())


def over_stream(tap, daemon):
    channel = grpc.insecure_channel(daemon.grpc)
    ask = channel.stream_unary(STREAM, request_serializer=bytes, response_deserializer=bytes)
    counts = [{b"cluster.web.upstream_rq_total": n, b"cluster.web.upstream_rq_200": n} for n in (5, 9, 12)]
    answer = ask(iter([envoy_message(v, i == 0) for i, v in enumerate(counts)]), timeout=10)
    tap.equal("a stream of Envoy's metrics is taken", answer, b"")
    answer = ask(iter([envoy_message(counts[0], False)]), timeout=10)
    tap.equal("one that never says who it is is borne", answer, b"")


def over_http(tap, daemon):
    tap.equal("protobuf is taken", post(daemon, "/v1/metrics", point(5))[:2], (200, b""))
    tap.equal("and in gzip", post(daemon, "/v1/metrics", gzip.compress(point(6)), Content_Encoding="gzip")[0], 200)
    now = time.time_ns()
    metric = {"name": "http.server.request.duration", "unit": "s", "histogram": {
        "aggregationTemporality": "AGGREGATION_TEMPORALITY_DELTA", "dataPoints": [{
            "timeUnixNano": str(now), "count": "3", "sum": 0.25, "bucketCounts": ["1", 2, "0"],
            "explicitBounds": [0.005, 0.01]}]}}
    text = {"resourceMetrics": [{"resource": {}, "scopeMetrics": [{"metrics": [metric]}]}]}
    status, body, _ = post(daemon, "/v1/metrics", json.dumps(text).encode(), "application/json")
    tap.equal("JSON is answered in JSON", (status, json.loads(body)), (200, {}))
    metric["histogram"]["dataPoints"][0]["explicitBounds"] = [1]
    status, body, _ = post(daemon, "/v1/metrics", json.dumps(text).encode(), "application/json")
    tap.equal("counts that do not fit their bounds are told", (status, json.loads(body)["partialSuccess"]
              ["rejectedDataPoints"]), (200, "1"))
    tap.equal("snappy is none of OTLP's", post(daemon, "/v1/metrics", b"x", Content_Encoding="snappy")[0], 415)


def over_write(tap, daemon):
    status, body, headers = write(daemon, write1(1, 2, 3))
    tap.equal("remote write 1.0 is taken", (status, body, headers[WRITTEN % "Samples"]), (204, b"", "3"))
    status, _, headers = write(daemon, write2(1, 2, STALE, histogram=True), "2.0")
    tap.equal("remote write 2.0 is told what was written",
              (status, [headers[WRITTEN % what] for what in ("Samples", "Histograms", "Exemplars")]),
              (204, ["3", "1", "0"]))
    status, _, headers = write(daemon, write2(1, 2, refs=(1, 2, 3, 99)), "2.0")
    tap.equal("a symbol that is not there loses its series", (status, headers[WRITTEN % "Samples"]), (400, "0"))
    status, _, headers = write(daemon, write1(4) + write1(5, name=""))
    tap.equal("a series without a name costs no other", (status, headers[WRITTEN % "Samples"]), (400, "1"))
    tap.equal("without snappy it is taken, too", post(daemon, WRITE, write1(6))[0], 204)
    tap.equal("broken snappy is told", post(daemon, WRITE, b"\x05\xff\xff", Content_Encoding="snappy")[0], 400)
    tap.equal("a broken message is told", write(daemon, b"\xff\xff\xff")[0], 400)
    bomb = varint(1 << 30) + b"\xfe" * 1000
    tap.equal("a bomb is refused by what it says of itself",
              post(daemon, WRITE, bomb, Content_Encoding="snappy")[0], 413)
    tap.equal("a message of another name is none of it",
              post(daemon, WRITE, b"", "application/x-protobuf;proto=io.prometheus.write.v3.Request")[0], 415)
    tap.equal("JSON is none of it", post(daemon, WRITE, b"{}", "application/json")[0], 415)


def counted(tap, daemon):
    want = {"samples": 21, "sample_malformed": 5, "message_malformed": 3, "no_identifier": 1, "oversize": 1}
    daemon.wait(lambda: daemon.counters()["samples"] >= want["samples"], LONG_S)
    have = daemon.counters()
    tap.equal("samples and refusals are counted by reason", {k: have[k] for k in want}, want)


def body_file(folder):
    path = os.path.join(folder, "http__api__v1__write")
    with open(path, "wb") as f:
        f.write(packed(write2(1, 2)))
    return path


def main():
    tap = Tap()
    binary = sys.argv[1]
    if MISSING:
        print("1..0 # SKIP " + MISSING)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        recording = os.path.join(folder, "recording")
        with Daemon(binary, "--record", recording) as daemon:
            over_grpc(tap, daemon)
            over_stream(tap, daemon)
            over_http(tap, daemon)
            over_write(tap, daemon)
            counted(tap, daemon)
            tap.equal("it ends", daemon.stop(signal.SIGTERM), 0)
        with Daemon(binary, "--out", os.path.join(folder, "alone"), command="record", listeners=2) as recorder:
            status, _, headers = write(recorder, write2(1, 2, refs=(1, 2, 3, 4)), "2.0")
            tap.equal("a recorder tells what was written, too", (status, headers[WRITTEN % "Samples"]), (204, "2"))
        out = run(binary, "stats", "--format", "remote-write", body_file(folder))
        tap.equal("stats reads posted bodies", json.loads(out.stdout)["metrics"]["kinds"], {"counter": 2})
        outs = [replay(binary, recording) for _ in range(2)]
        tap.ok("the recording replays, twice alike", outs[0].returncode == 0 and outs[0].stdout == outs[1].stdout,
               outs[0].stderr)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
