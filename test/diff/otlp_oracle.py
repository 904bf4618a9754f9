"""What python-protobuf reads of OTLP, in the words of otlp_dump, and what a request is, counted anew.

The rules here are written from the tables of docs/reference-identity.md, not from the program."""
import sys
import types

# xds-protos brings an older copy of OpenTelemetry's protos under the same name; the one beside the build is asked.
def protos_load(root):
    package = types.ModuleType("opentelemetry")
    package.__path__ = [str(root / "build" / "otlp-proto" / "opentelemetry")]
    sys.modules["opentelemetry"] = package


def hexed(data):
    return (data.encode() if isinstance(data, str) else data).hex()


def keys_read(lines):
    """{name: (attribute, row)} of otlp_dump --keys."""
    rows = [line.split("\t") for line in lines if line.startswith("K\t")]
    return {name: (attribute, k) for k, (_, attribute, name) in enumerate(rows)}


def value_of(value):
    """As otlp_dump writes it; None where it is not read."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return hexed(value.string_value)
    if kind == "bool_value":
        return "#%d" % value.bool_value
    if kind == "int_value":
        return "#%d" % value.int_value
    if kind == "double_value" and abs(value.double_value) < 9e18:
        return "#%d" % int(value.double_value)
    return None


def attributes(pairs, keys, before=""):
    best = {}
    for pair in pairs:
        text = value_of(pair.value)
        if pair.key in keys and text is not None:
            attribute, row = keys[pair.key]
            if attribute not in best or row <= best[attribute][0]:
                best[attribute] = (row, text)
    return {before + a: text for a, (_, text) in best.items()}


def id_of(data, n):
    return hexed(data) if len(data) == n and any(data) else ""


def span_row(span, resource, keys):
    fields = ["S", id_of(span.trace_id, 16), id_of(span.span_id, 8), id_of(span.parent_span_id, 8),
              hexed(span.trace_state), hexed(span.name), str(span.kind), str(span.start_time_unix_nano),
              str(span.end_time_unix_nano), str(int(span.status.code == 2))]
    return fields, {**attributes(resource.attributes, keys, "."), **attributes(span.attributes, keys)}


def log_row(log, resource, keys):
    body = log.body.string_value if log.body.WhichOneof("value") == "string_value" else ""
    fields = ["L", id_of(log.trace_id, 16), id_of(log.span_id, 8), str(log.time_unix_nano),
              str(log.observed_time_unix_nano), str(int(log.severity_number)), hexed(body)]
    return fields, {**attributes(resource.attributes, keys, "."), **attributes(log.attributes, keys)}


def rows_of(message, keys):
    for group in message.resource_spans if hasattr(message, "resource_spans") else message.resource_logs:
        for scope in group.scope_spans if hasattr(group, "scope_spans") else group.scope_logs:
            if hasattr(scope, "spans"):
                yield from (span_row(s, group.resource, keys) for s in scope.spans)
            else:
                yield from (log_row(r, group.resource, keys) for r in scope.log_records)


def dumped(line, fields):
    part = line.split("\t")
    return part[:fields], dict(p.split("=", 1) for p in part[fields:])


# ---- requests ----

def plain(pairs):
    out = {}
    for pair in pairs:
        kind = pair.value.WhichOneof("value")
        out[pair.key] = str(getattr(pair.value, kind)) if kind else ""
    return out


def failed(code, flags):
    """A failure of the serving side, as far as codes and flags of the captures go."""
    bad = {"UH", "UF", "UC", "UR", "LR", "NC", "NR", "DF", "LH", "UT", "SI", "DT", "UMSDR", "UO", "OM", "RLSE", "UPE",
           "NFCF"}
    if flags & {"FI", "DI", "RFCF", "DR"} or (("DC" in flags or code == 0) and code == 0 and not flags & bad):
        return False
    if "DC" in flags and code == 0:
        return False
    return code >= 500 or bool(flags & bad) or code == 408


def service_of(cluster, url=""):
    """The service that an upstream cluster names; "" for the application behind the proxy, and for none. What passes
    through Istio's proxy is named by the URL's host, unless that is an address."""
    host = url.split("://")[-1].split("/")[0].split(":")[0]
    if cluster == "-":
        return ""
    if cluster == "PassthroughCluster" and host and not host.replace(".", "").isdigit():
        return host.split(".")[0]
    if cluster.startswith("inbound|") or cluster in ("local", "") or cluster.startswith("self_inbound_"):
        return ""
    if cluster.startswith("outbound|"):
        return cluster.split("|")[3].split(".")[0]
    if cluster.startswith("kri_msvc_"):
        return cluster.split("_")[5]
    return cluster


def span_requests(messages):
    """(side, reporter, other, code, flags, latency ns, request id) of Envoy's spans of requests."""
    for message in messages:
        for group in message.resource_spans:
            service = plain(group.resource.attributes).get("service.name", "").split(".")[0]
            for scope in group.scope_spans:
                for span in scope.spans:
                    tag = plain(span.attributes)
                    if "downstream_cluster" not in tag:
                        continue
                    other = service_of(tag.get("upstream_cluster", ""), tag.get("http.url", ""))
                    side = "client" if other or span.name.startswith("egress") else "server"
                    flags = set(tag.get("response_flags", "-").split(",")) - {"-"}
                    yield (side, service, other, int(tag.get("http.status_code", 0)), frozenset(flags),
                           span.end_time_unix_nano - span.start_time_unix_nano, tag.get("guid:x-request-id", ""))


def log_requests(messages):
    """The same of access logs by attributes, as the captures have them."""
    for message in messages:
        for group in message.resource_logs:
            resource = plain(group.resource.attributes)
            for scope in group.scope_logs:
                for log in scope.log_records:
                    tag = plain(log.attributes)
                    service = resource.get("cluster_name", "")
                    outbound = tag.get("dir") == "OUTBOUND" or resource.get("log_name", "").endswith("-outbound")
                    other = tag.get("dst", "") or service_of(tag.get("upstream.cluster", ""))
                    flags = set((tag.get("envoy.response_flags") or tag.get("flags") or "-").split(",")) - {"-"}
                    code = int(tag.get("http.response.status_code") or tag.get("code") or 0)
                    ms = int(tag.get("envoy.duration_ms") or tag.get("duration") or 0)
                    line = log.body.string_value.split('"')
                    rid = tag.get("request.id") or (line[9] if len(line) > 9 else "")
                    yield ("client" if outbound else "server", service, other if outbound else "", code,
                           frozenset(flags), ms * 1000000, rid)
