"""A recording's access logs as Istio's envoyOtelAls sends them: a record for each request, a label for each line of the
format that docs/connect.md gives, no word in the resource, a message where the access log service had one."""
from otlp_write import export, fixed, part, text_pair
from parity_read import resource
from parity_spans import trace_id

NOWHERE = "-"


def text_of(address):
    return "%s:%d" % address if address else NOWHERE


def record(r):
    labels = (("node_name", r.node.id), ("istio.canonical_service", r.node.service),
              ("istio.canonical_revision", r.node.revision), ("istio.cluster_id", r.node.cluster),
              ("cloud.region", r.node.region),
              ("method", r.method), ("path", r.path), ("response_code", str(r.code)), ("response_flags", r.flags),
              ("duration", str(r.span_ns // 1000000)), ("bytes_received", str(r.bytes_in)),
              ("bytes_sent", str(r.bytes_out)), ("request_id", r.request_id), ("authority", r.authority),
              ("route_name", r.route), ("upstream_cluster", r.cluster), ("upstream_host", text_of(r.upstream)),
              ("downstream_local_address", text_of(r.local)), ("user_agent", r.agent))
    return fixed(1, r.start_ns) + b"".join(text_pair(6, k, v) for k, v in labels) + part(9, trace_id(r.request_id))


def write(messages, out):
    """messages: [Report] each, in order of arrival."""
    nothing = resource([])
    with open(out, "wb") as f:
        for reports in messages:
            if reports:
                f.write(export(nothing, b"".join(part(2, record(r)) for r in reports)))
