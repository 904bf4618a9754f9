"""A recording's requests as the spans that Istio's sidecars send by Envoy's OpenTelemetry tracer: one of each
connection manager, a caller's and a callee's of each call, each with the other as its parent as the headers hand it
down.

Of a sample, whole traces are kept, by the last 56 bits of their ids (consistent probability sampling); the threshold
stands in the trace state where `says` is set. Spans leave a proxy five at a time, or 5 s after the last time
(tracing.opentelemetry.min_flush_spans, flush_interval_ms)."""
import collections
import hashlib
import zlib

from otlp_write import export, fixed, part, text_pair, whole
from parity_read import resource

SERVER, CLIENT = 2, 3
FLUSH_SPANS, FLUSH_NS = 5, 5 * 10**9
RANDOM_BITS = 56
CLOCKS_NS = 20 * 10**6  # how far a callee may be off its caller's time and still be its callee


def trace_id(request_id):
    return hashlib.blake2b(request_id.encode(), digest_size=16).digest()


class Sample:
    """percent of the traces; says: it stands in their state."""

    def __init__(self, percent, says):
        # A threshold of four digits, as the Collector's sampler writes it.
        digits = round((1 - percent / 100) * 2**16)
        self.threshold = digits << RANDOM_BITS - 16
        self.state = b"ot=th:%x" % digits if says and digits else b""

    def keeps(self, request_id):
        return int.from_bytes(trace_id(request_id)[-7:], "big") >= self.threshold


def span_id(number):
    return hashlib.blake2b(number.to_bytes(8, "little"), digest_size=8).digest()


def holds(outer, inner, slack_ns):
    return outer.start_ns - slack_ns <= inner.start_ns and inner.end_ns <= outer.end_ns + slack_ns


def is_parent(outer, inner):
    """A callee's request is inside of its caller's; what a callee calls, inside of the request that it serves."""
    if inner.server:
        return (not outer.server and outer.node.ip == inner.remote[0] and
                outer.host.startswith("%s.%s." % (inner.node.service, inner.node.namespace)) and
                holds(outer, inner, CLOCKS_NS))
    return outer.server and outer.node is inner.node and holds(outer, inner, 0)


def parents_of(reports):
    """{position: position of the parent} of the requests of one trace: the latest that begins before."""
    out = {}
    for i, inner in enumerate(reports):
        outer = [j for j, r in enumerate(reports) if j != i and is_parent(r, inner)]
        if outer:
            out[i] = max(outer, key=lambda j: reports[j].start_ns)
    return out


def words_of(r):
    node = r.node
    words = [("node_id", node.id), ("zone", node.zone), ("guid:x-request-id", r.request_id),
             ("http.url", "http://%s%s" % (r.authority, r.path)), ("http.method", r.method),
             ("downstream_cluster", "-"), ("user_agent", r.agent), ("http.protocol", "HTTP/2"),
             ("peer.address", r.remote[0]), ("request_size", str(r.bytes_in)), ("response_size", str(r.bytes_out)),
             ("component", "proxy"), ("upstream_cluster", r.cluster), ("upstream_cluster.name", r.cluster + ";"),
             ("http.status_code", str(r.code)), ("response_flags", r.flags)]
    if r.code == 0 or r.code >= 500:
        words.append(("error", "true"))
    return words + [("istio.mesh_id", "mesh1"), ("istio.cluster_id", node.cluster),
                    ("istio.canonical_revision", node.revision), ("istio.canonical_service", node.service),
                    ("istio.namespace", node.namespace)]


def span(r, own, parent, state):
    """One Span. Times are whole microseconds, as Envoy's clock gives them."""
    name = r.host + ":80/*" if r.host else "%s.%s.svc.cluster.local:80/*" % (r.node.service, r.node.namespace)
    out = part(1, trace_id(r.request_id)) + part(2, own)
    if state:
        out += part(3, state)
    if parent:
        out += part(4, parent)
    out += part(5, name.encode()) + whole(6, SERVER if r.server else CLIENT)
    out += fixed(7, r.start_ns // 1000 * 1000) + fixed(8, r.end_ns // 1000 * 1000)
    out += b"".join(text_pair(9, k, v) for k, v in words_of(r))
    return out + part(15, whole(3, 2)) if r.code == 0 or r.code >= 500 else out


def spans_of(reports, state):
    """(end, node, Span) of each request that belongs to the sample."""
    traces = collections.defaultdict(list)
    for r in reports:
        traces[r.request_id].append(r)
    number = 0
    for trace in traces.values():
        parents = parents_of(trace)
        ids = [span_id(number + i) for i in range(len(trace))]
        number += len(trace)
        for i, r in enumerate(trace):
            yield r.end_ns, r.node, span(r, ids[i], ids[parents[i]] if i in parents else None, state)


class Buffer:
    """A proxy's spans that are not sent yet."""

    def __init__(self, node):
        self.resource = resource([("telemetry.sdk.name", "envoy"), ("service.name", node.node_cluster),
                                  ("telemetry.sdk.language", "cpp")])
        self.phase_ns = int(zlib.crc32(node.id.encode()) / 2**32 * FLUSH_NS)
        self.spans, self.due_ns = [], 0

    def flush(self):
        out = export(self.resource, b"".join(part(2, s) for s in self.spans))
        self.spans = []
        return out

    def take(self, at_ns, one):
        """[(when, message)] that leave before and with this span."""
        out = []
        if self.spans and self.due_ns <= at_ns:
            out.append((self.due_ns, self.flush()))
        if not self.spans:
            self.due_ns = at_ns + FLUSH_NS - (at_ns - self.phase_ns) % FLUSH_NS
        self.spans.append(one)
        if len(self.spans) == FLUSH_SPANS:
            out.append((at_ns, self.flush()))
        return out


def sent(spans):
    """[(when, message)] in order of arrival, of (end, node, Span)."""
    buffers, out = {}, []
    for at_ns, node, one in sorted(spans, key=lambda s: s[0]):
        if node not in buffers:
            buffers[node] = Buffer(node)
        out.extend(buffers[node].take(at_ns, one))
    out.extend((b.due_ns, b.flush()) for b in buffers.values() if b.spans)
    return sorted(out, key=lambda m: m[0])


def write(reports, out, sample):
    """reports: in any order; of a sample those that it keeps."""
    kept = [r for r in reports if sample.keeps(r.request_id)]
    with open(out, "wb") as f:
        for _, message in sent(spans_of(kept, sample.state)):
            f.write(message)
