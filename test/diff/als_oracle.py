"""What python-protobuf makes of ALS messages, in the words of als_dump's lines."""

import math

from envoy.config.core.v3 import base_pb2
from envoy.service.accesslog.v3 import als_pb2
from google.protobuf import struct_pb2, unknown_fields, wrappers_pb2

NEVER = -1
TIME_S_MAX = 9223372035
CUSTOM_TAGS = 16
STRUCT = "type.googleapis.com/google.protobuf.Struct"
PACKED = ("type.googleapis.com/google.protobuf.BytesValue", "type.googleapis.com/google.protobuf.StringValue")
DURATIONS = {
    "rx_last_ns": "time_to_last_rx_byte",
    "up_tx_first_ns": "time_to_first_upstream_tx_byte",
    "up_tx_last_ns": "time_to_last_upstream_tx_byte",
    "up_rx_first_ns": "time_to_first_upstream_rx_byte",
    "up_rx_last_ns": "time_to_last_upstream_rx_byte",
    "down_tx_first_ns": "time_to_first_downstream_tx_byte",
    "down_tx_last_ns": "time_to_last_downstream_tx_byte",
    "duration_ns": "duration",
}
ADDRESSES = {
    "downstream_remote": "downstream_remote_address",
    "downstream_local": "downstream_local_address",
    "downstream_direct_remote": "downstream_direct_remote_address",
    "upstream_remote": "upstream_remote_address",
    "upstream_local": "upstream_local_address",
}
# Envoy's documented short codes (substitution formatter, RESPONSE_FLAGS) of the ResponseFlags fields.
FLAG_CODES = {
    "failed_local_healthcheck": "LH", "no_healthy_upstream": "UH", "upstream_request_timeout": "UT",
    "local_reset": "LR", "upstream_remote_reset": "UR", "upstream_connection_failure": "UF",
    "upstream_connection_termination": "UC", "upstream_overflow": "UO", "no_route_found": "NR",
    "delay_injected": "DI", "fault_injected": "FI", "rate_limited": "RL", "unauthorized_details": "UAEX",
    "rate_limit_service_error": "RLSE", "downstream_connection_termination": "DC",
    "upstream_retry_limit_exceeded": "URX", "stream_idle_timeout": "SI", "invalid_envoy_request_headers": "IH",
    "downstream_protocol_error": "DPE", "upstream_max_stream_duration_reached": "UMSDR",
    "response_from_cache_filter": "RFCF", "no_filter_config_found": "NFCF", "duration_timeout": "DT",
    "upstream_protocol_error": "UPE", "no_cluster_found": "NC", "overload_manager": "OM",
    "dns_resolution_failure": "DF", "downstream_remote_reset": "DR",
}


def text(value):
    return value.encode() if isinstance(value, str) else value


def time_ns(owner, field):
    """(ns or NEVER, absurd)"""
    if not owner.HasField(field):
        return NEVER, False
    t = getattr(owner, field)
    if 0 <= t.seconds <= TIME_S_MAX and 0 <= t.nanos <= 999999999:
        return t.seconds * 1000000000 + t.nanos, False
    return NEVER, True


def times_row(common):
    start, absurd = time_ns(common, "start_time")
    row = {"has_start": start != NEVER, "start_ns": max(start, 0)}
    for name, field in DURATIONS.items():
        row[name], bad = time_ns(common, field)
        absurd = absurd or bad
    row["time_absurd"] = absurd
    return row


def addr_row(name, addr):
    kind = addr.WhichOneof("address")
    ip, port = "", 0
    if kind == "socket_address":
        ip, port = addr.socket_address.address, addr.socket_address.port_value
    elif kind == "pipe":
        ip = addr.pipe.path
    return {name + "_ip": text(ip), name + "_port": port, name + "_pipe": kind == "pipe"}


def san(cert, kind):
    return next((getattr(s, kind) for s in cert.subject_alt_name if s.WhichOneof("san") == kind), "")


def tls_row(common):
    tls = common.tls_properties
    peer = tls.peer_certificate_properties
    row = {
        "version": tls.tls_version & 0xFFFFFFFF, "sni": tls.tls_sni_hostname,
        "local_uri": san(tls.local_certificate_properties, "uri"), "peer_uri": san(peer, "uri"),
        "peer_dns": san(peer, "dns"), "peer_subject": peer.subject, "peer_issuer": peer.issuer,
        "session_id": tls.tls_session_id, "ja3": tls.ja3_fingerprint,
    }
    return {"has_tls": common.HasField("tls_properties")} | {"tls." + k: text(v) for k, v in row.items()}


def flags_word(flags):
    word = 0
    for field in flags.DESCRIPTOR.fields:
        if field.message_type is None:
            word |= getattr(flags, field.name) << field.number
        else:
            word |= flags.HasField(field.name) << field.number
    return word


def packed(objects, key):
    """What the BytesValue or StringValue at `key` holds; None where there is none, or an empty one."""
    if key not in objects or objects[key].type_url not in PACKED:
        return None
    try:
        return wrappers_pb2.BytesValue.FromString(objects[key].value).value or None
    except Exception:
        return None


def peer_row(objects, side):
    for key in (side + "_peer", "wasm." + side + "_peer"):
        if key in objects and objects[key].type_url == STRUCT:
            return {side + "_peer": objects[key].value, side + "_peer_flat": False}
    flat = packed(objects, "wasm." + side + "_peer")
    return {side + "_peer": flat, side + "_peer_flat": flat is not None}


def common_row(c):
    row = times_row(c) | tls_row(c)
    for name, field in ADDRESSES.items():
        row |= addr_row(name, getattr(c, field))
    for side in ("upstream", "downstream"):
        row |= peer_row(c.filter_state_objects, side)
        row[side + "_peer_id"] = packed(c.filter_state_objects, "wasm." + side + "_peer_id")
    rate = c.sample_rate
    row |= {
        "upstream_cluster": text(c.upstream_cluster), "route_name": text(c.route_name),
        "stream_id": text(c.stream_id), "upstream_failure": text(c.upstream_transport_failure_reason),
        "downstream_failure": text(c.downstream_transport_failure_reason),
        "termination": text(c.connection_termination_details), "flags": flags_word(c.response_flags),
        "attempts": c.upstream_request_attempt_count, "log_type": c.access_log_type & 0xFFFFFFFF,
        "down_wire_sent": c.downstream_wire_bytes_sent, "down_wire_received": c.downstream_wire_bytes_received,
        "up_wire_sent": c.upstream_wire_bytes_sent, "up_wire_received": c.upstream_wire_bytes_received,
        "dynamic_metadata": c.metadata, "sample_rate": rate if math.isfinite(rate) and 0 <= rate <= 1e300 else 0.0,
        "tags": {text(k): text(v) for k, v in c.custom_tags.items()},
    }
    return row


def header(headers, key):
    return text(headers[key]) if key in headers else None


def http_row(e):
    q, r = e.request, e.response
    row = {
        "protocol": e.protocol_version & 0xFFFFFFFF, "method": q.request_method & 0xFFFFFFFF,
        "authority_port": q.port.value, "request_headers_bytes": q.request_headers_bytes,
        "request_body_bytes": q.request_body_bytes, "response_headers_bytes": r.response_headers_bytes,
        "response_body_bytes": r.response_body_bytes, "has_code": r.HasField("response_code"),
        "code": r.response_code.value, "code_details": text(r.response_code_details),
    }
    for field in ("scheme", "authority", "path", "original_path", "user_agent", "referer", "forwarded_for",
                  "request_id"):
        row[field] = text(getattr(q, field))
    for field, key in (("traceparent", "traceparent"), ("b3_traceid", "x-b3-traceid"), ("b3_single", "b3"),
                       ("content_type", "content-type"), ("upgrade", "upgrade")):
        row[field] = header(q.request_headers, key)
    row["response_content_type"] = header(r.response_headers, "content-type")
    for field, key in (("grpc_status", "grpc-status"), ("grpc_message", "grpc-message")):
        trailer = header(r.response_trailers, key)
        row[field] = header(r.response_headers, key) if trailer is None else trailer
    return row


HTTP_NOTHING = http_row(als_pb2.StreamAccessLogsMessage().http_logs.log_entry.add())


def entries_hidden(message):
    """True where the oracle is no oracle: python-protobuf takes a map's entry that holds unknown fields for an unknown
    field as a whole, unlike protobuf for C++, Java and Go, and unlike this decoder."""
    for e in list(message.http_logs.log_entry) + list(message.tcp_logs.log_entry):
        held = [(e.common_properties, (21, 22))]
        if hasattr(e, "request"):
            held += [(e.request, (13,)), (e.response, (4, 5))]
        for owner, numbers in held:
            if any(f.field_number in numbers for f in unknown_fields.UnknownFieldSet(owner)):
                return True
    return False


def rows(message):
    """The row of the message and those of its entries."""
    node = message.identifier.node
    first = {
        "has_node": message.identifier.HasField("node"), "id": text(node.id), "cluster": text(node.cluster),
        "region": text(node.locality.region), "zone": text(node.locality.zone),
        "sub_zone": text(node.locality.sub_zone), "user_agent_name": text(node.user_agent_name),
        "metadata": node.metadata, "log_name": text(message.identifier.log_name),
    }
    out = [first]
    for e in message.http_logs.log_entry:
        out.append({"is_tcp": False, "tcp_received": 0, "tcp_sent": 0} | common_row(e.common_properties) | http_row(e))
    for e in message.tcp_logs.log_entry:
        conn = e.connection_properties
        out.append({"is_tcp": True, "tcp_received": conn.received_bytes, "tcp_sent": conn.sent_bytes}
                   | common_row(e.common_properties) | HTTP_NOTHING)
    return out


def dumped_value(raw):
    if raw == "-":
        return None
    if not raw.startswith('"'):
        return float(raw) if "." in raw or "e" in raw else int(raw)
    parts = raw[1:].split("%")
    return parts[0].encode() + b"".join(bytes.fromhex(p[:2]) + p[2:].encode() for p in parts[1:])


def dumped_row(line):
    row, keys, values = {}, [], []
    for pair in line.split("\t")[1:]:
        name, raw = pair.split("=", 1)
        if name == "tag_key":
            keys.append(dumped_value(raw))
        elif name == "tag_value":
            values.append(dumped_value(raw))
        else:
            row[name] = dumped_value(raw)
    row["tags"] = dict(zip(keys, values))
    return row


def tags_differ(got, want):
    if len(want) <= CUSTOM_TAGS:
        return got["tags"] != want or got["tag_over"] != 0 or got["tag_n"] != len(want)
    kept = all(want.get(k) == v for k, v in got["tags"].items())
    return not kept or len(got["tags"]) != CUSTOM_TAGS or got["tag_over"] < len(want) - CUSTOM_TAGS


def differences(got, want):
    """Names of the fields of which the two rows say different things."""
    bad = []
    for name, value in want.items():
        if name == "tags":
            if tags_differ(got, value):
                bad.append(name)
        elif name == "dynamic_metadata":
            if base_pb2.Metadata.FromString(got[name]) != value:
                bad.append(name)
        elif name == "metadata":
            if struct_pb2.Struct.FromString(got[name]) != value:
                bad.append(name)
        elif got[name] != value and not (name.endswith("_id") and value is None and got[name] == b""):
            bad.append(name)
    unknown = set(got) - set(want) - {"tag_n", "tag_over", "tags"}
    return bad + sorted(unknown)
