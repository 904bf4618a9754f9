"""OTLP, written by hand: the fields that recordings of parity.py need."""
import struct


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def part(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


def whole(number, n):
    return varint(number << 3) + varint(n)


def fixed(number, n):
    return varint(number << 3 | 1) + struct.pack("<Q", n)


def text_pair(number, key, value):
    """A KeyValue with a text."""
    return part(number, part(1, key.encode()) + part(2, part(1, value.encode())))


def export(resource, items):
    """One Export…Request of one resource and scope behind gRPC's prefix; items: spans, log records or metrics."""
    body = part(1, resource + part(2, items))
    return b"\0" + struct.pack(">I", len(body)) + body
