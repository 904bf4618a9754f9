"""OTLP and Zipkin, live: answers to good and bad senders over gRPC, HTTP/1.1 and HTTP/2, and what is counted.

    test_otlp.py BINARY
"""
import gzip
import json
import os
import signal
import socket
import sys
import tempfile
import time

from e2e_daemon import LONG_S, Daemon, Tap, replay
from e2e_otlp import field, fixed, number, pair, post, unary

try:
    import grpc
    import h2.connection
    import h2.events
    MISSING = None
except ImportError as missing:
    MISSING = str(missing)

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


def span(trace, own, parent, kind, start_ns, span_ns, **tags):
    out = field(1, trace.to_bytes(16, "big")) + field(2, own.to_bytes(8, "big"))
    out += field(4, parent.to_bytes(8, "big")) if parent else b""
    out += field(5, b"GET") + number(6, kind)
    out += fixed(7, start_ns) + fixed(8, start_ns + span_ns)
    return out + b"".join(field(9, pair(k.replace("__", "."), v)) for k, v in tags.items())


def export(service, *spans):
    resource = field(1, field(1, pair("service.name", service)) + field(1, pair("k8s.pod.name", service + "-1")))
    return field(1, resource + field(2, b"".join(field(2, s) for s in spans)))


def call(n):
    """A call of web to shop, from both ends."""
    now = time.time_ns()
    client = span(n, n * 2, 0, 3, now - 9_000_000, 9_000_000, server__address="shop", http__status_code="200")
    server = span(n, n * 2 + 1, n * 2, 2, now - 8_000_000, 7_000_000, http__route="/a", http__status_code="200")
    return export("web", client), export("shop", server)


def over_grpc(tap, daemon):
    plain = grpc.insecure_channel(daemon.grpc)
    packed = grpc.insecure_channel(daemon.grpc, compression=grpc.Compression.Gzip)
    for n in range(1, 41):
        client, server = call(n)
        tap_ok = unary(plain, EXPORT, client) == b"" and unary(packed, EXPORT, server) == b""
        if not tap_ok:
            break
    tap.ok("calls are answered with an empty message, plain and in gzip", tap_ok)
    tap.equal("a broken message is the sender's fault", unary(plain, EXPORT, b"\xff\xff\xff"),
              ("INVALID_ARGUMENT", "broken varint"))
    tap.equal("an unknown method is none", unary(plain, EXPORT + "x", b"")[0], "UNIMPLEMENTED")
    tap.equal("no log record is fine", unary(plain, LOGS, b""), b"")
    old = export("web", span(99, 1, 0, 2, time.time_ns() - 3_600_000_000_000, 1, http__status_code="200"))
    partial = unary(plain, EXPORT, old)  # partial_success {rejected_spans 1, error_message}
    tap.ok("what is too late is told, with a reason",
           partial[:1] == b"\n" and partial[5:8] == b"\x08\x01\x12" and b"too late" in partial, partial)
    bomb = unary(packed, EXPORT, b"\0" * (64 << 20))
    tap.equal("a bomb is refused", bomb[0], "RESOURCE_EXHAUSTED")


def over_http(tap, daemon):
    client, server = call(1000)
    tap.equal("protobuf is taken", post(daemon, "/v1/traces", client)[:2], (200, b""))
    tap.equal("and in gzip", post(daemon, "/v1/traces", gzip.compress(server), Content_Encoding="gzip")[:2], (200, b""))
    now = time.time_ns()
    text = json.dumps({"resourceSpans": [{"resource": {"attributes": [
        {"key": "service.name", "value": {"stringValue": "shop"}}]}, "scopeSpans": [{"spans": [{
            "traceId": "0" * 31 + "1", "spanId": "0" * 15 + "7", "kind": 2, "name": "GET /a",
            "startTimeUnixNano": str(now - 1000000), "endTimeUnixNano": str(now),
            "attributes": [{"key": "http.status_code", "value": {"intValue": "200"}}]}]}]}]})
    status, body, headers = post(daemon, "/v1/traces", text.encode(), "application/json; charset=utf-8")
    tap.equal("JSON is answered in JSON", (status, json.loads(body), headers["Content-Type"]),
              (200, {}, "application/json"))
    status, body, _ = post(daemon, "/v1/traces", b'{"resourceSpans":[{]}', "application/json")
    tap.equal("broken JSON is told so, with a status", (status, json.loads(body)["code"]), (400, 3))
    tap.equal("another type is refused", post(daemon, "/v1/traces", b"x", "text/plain")[0], 415)
    tap.equal("another packing is refused", post(daemon, "/v1/traces", b"x", Content_Encoding="br")[0], 415)
    tap.equal("no gzip where it was said", post(daemon, "/v1/traces", b"x" * 50, Content_Encoding="gzip")[0], 400)
    bomb = gzip.compress(b"\0" * (64 << 20))
    tap.equal("a bomb is refused", post(daemon, "/v1/traces", bomb, Content_Encoding="gzip")[0], 413)
    tap.equal("another path is none", post(daemon, "/v1/metrics2", b"")[0], 404)
    zipkin = json.dumps([{"traceId": "1", "id": "9", "kind": "SERVER", "name": "get", "timestamp": now // 1000,
                          "duration": 5, "localEndpoint": {"serviceName": "shop"},
                          "tags": {"http.status_code": "200"}}, {"id": "8"}])
    tap.equal("Zipkin is accepted", post(daemon, "/api/v2/spans", zipkin.encode(), "application/json")[0], 202)


def over_h2(tap, daemon):
    """The same endpoint by HTTP/2 with prior knowledge."""
    client, _ = call(2000)
    body = gzip.compress(client)
    with socket.create_connection(("127.0.0.1", int(daemon.port["ingest"])), timeout=10) as s:
        c = h2.connection.H2Connection()
        c.initiate_connection()
        c.send_headers(1, [(":method", "POST"), (":path", "/v1/traces"), (":scheme", "http"), (":authority", "x"),
                           ("content-type", "application/x-protobuf"), ("content-encoding", "gzip")])
        c.send_data(1, body, end_stream=True)
        c.send_headers(3, [(":method", "POST"), (":path", "/v1/traces"), (":scheme", "http"), (":authority", "x"),
                           ("content-type", "text/plain")], end_stream=True)
        s.sendall(c.data_to_send())
        status, ended = {}, set()
        while len(ended) < 2:
            for event in c.receive_data(s.recv(65536)):
                if isinstance(event, h2.events.ResponseReceived):
                    status[event.stream_id] = dict(event.headers)[b":status"]
                if isinstance(event, h2.events.StreamEnded):
                    ended.add(event.stream_id)
            s.sendall(c.data_to_send())
    tap.equal("HTTP/2 is answered alike", status, {1: b"200", 3: b"415"})


def counted(tap, daemon):
    want = {"spans": 40 * 2 + 1 + 2 + 1 + 1 + 1, "requests_server": 40 + 1 + 1 + 1 + 1, "requests_client": 40 + 1 + 1,
            "spans_joined": 82, "message_malformed": 2, "compressed": 0}
    daemon.wait(lambda: daemon.counters()["requests_client"] == want["requests_client"], LONG_S)
    counters = daemon.counters()
    for name, n in want.items():
        tap.equal(f"counter {name}", counters[name], n)
    edges = [(e["source"], e["target"]) for e in daemon.get("/api/v1/graph")["edges"]]
    tap.equal("the call is an edge of the graph", edges, [("web", "shop")])


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
            over_http(tap, daemon)
            over_h2(tap, daemon)
            counted(tap, daemon)
            series = daemon.get("/api/v1/status")["series"]
            tap.equal("SIGTERM ends it with 0", daemon.stop(signal.SIGTERM), 0)
        out = replay(binary, recording)
        tap.ok("the recording replays to the same series", f" {series} series," in out.stderr, out.stderr)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
