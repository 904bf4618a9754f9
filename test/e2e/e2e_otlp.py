"""A sender of OTLP: protobuf by hand, calls over gRPC and posts."""
import urllib.error
import urllib.request

try:
    import grpc
except ImportError:
    pass  # who calls unary looks first


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def number(n, value):
    return varint(n << 3) + varint(value)


def fixed(n, value):
    """value: a whole number, or its eight bytes."""
    return varint(n << 3 | 1) + (value if isinstance(value, bytes) else value.to_bytes(8, "little"))


def pair(key, value):
    return field(1, key.encode()) + field(2, field(1, value.encode()))


def post(daemon, path, body, content_type="application/x-protobuf", **headers):
    """(status, body, headers)"""
    request = urllib.request.Request(daemon.ingest + path, data=body, headers={
        "Content-Type": content_type, **{k.replace("_", "-"): v for k, v in headers.items()}})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read(), refused.headers


def unary(channel, method, body):
    """The answer's bytes, or the status' name and text."""
    ask = channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)
    try:
        return ask(body, timeout=10)
    except grpc.RpcError as refused:
        return refused.code().name, refused.details()
