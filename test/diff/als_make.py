"""Hostile but sound ALS messages, from a seed: every field of every message, in any order, more than once, with
unknown fields and odd encodings between."""

import random
import struct

from envoy.service.accesslog.v3 import als_pb2

VARINT, I64, LEN, GROUP, GROUP_END, I32 = range(6)
WIRE_TYPE = {1: I64, 2: I32, 6: I64, 7: I32, 9: LEN, 11: LEN, 12: LEN, 15: I32, 16: I64}
# Handed out as raw bytes: the last one counts where protobuf would merge, so each is made once.
RAW = {"envoy.config.core.v3.Node.metadata", "envoy.data.accesslog.v3.AccessLogCommon.metadata"}
INTS = [0, 1, 2, 7, 127, 128, 200, 503, 16383, 16384, 999999999, 1000000000, 2**31 - 1, 2**31, 2**32 - 1, 2**32,
        9223372035, 9223372036, 2**63 - 1, 2**63, 2**64 - 1]
TEXTS = ["", "a", "GET", "10.0.0.1", "/cart/1?x=y", "outbound|8080||cart.shop.svc.cluster.local", "é∞", "x" * 127,
         "y" * 128, "z" * 300, "nul\0=%\t\n"]
HEADER_KEYS = ["traceparent", "x-b3-traceid", "b3", "content-type", "upgrade", "grpc-status", "grpc-message", "x-other",
               "Traceparent", "", "traceparenu"]
PEER_KEYS = ["upstream_peer", "downstream_peer", "wasm.upstream_peer", "wasm.downstream_peer", "wasm.upstream_peer_id",
             "wasm.downstream_peer_id", "other", ""]
TYPE_URLS = ["type.googleapis.com/google.protobuf.Struct", "type.googleapis.com/google.protobuf.BytesValue",
             "type.googleapis.com/google.protobuf.StringValue", "type.googleapis.com/x.Y", ""]
TAG_KEYS = ["pod", "mesh", "host", ""] + ["tag%d" % i for i in range(20)]


def varint(value, pad=0):
    """With `pad` more bytes than needed; the cap is ten."""
    out = bytearray()
    while value > 127 or (pad > 0 and len(out) < 9):
        if value <= 127:
            pad -= 1
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, wire_type, payload=b""):
    return varint(number << 3 | wire_type) + payload


def block(payload):
    return varint(len(payload)) + payload


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.density = self.r.choice([0.1, 0.4, 0.8])
        self.raw_used = set()

    def unknown(self, depth=0):
        number = self.r.choice([100, 536870911, 5000])
        kind = self.r.choice([VARINT, I64, LEN, I32, GROUP])
        if kind == GROUP and depth < 6:
            inside = b"".join(self.unknown(depth + 1) for _ in range(self.r.randrange(3)))
            return field(number, GROUP, inside) + field(number, GROUP_END)
        payload = {VARINT: varint(self.r.choice(INTS)), I64: b"\xff" * 8, I32: b"\x01" * 4}
        return field(number, kind, payload[kind]) if kind in payload else field(number, LEN, block(b"\xff\x00junk"))

    def foreign(self, f):
        """A known number with another wire type: an unknown field to every reader."""
        if f.is_repeated and f.message_type is None:
            return b""  # packed and not are both known
        return field(f.number, I32, b"\x2a" * 4) if WIRE_TYPE.get(f.type, VARINT) != I32 else b""

    def scalar(self, f):
        if f.type == 1:
            return struct.pack("<d", self.r.choice([0.0, 0.5, 1.0, -1.0, float("nan"), float("inf"), 1e308]))
        if f.type == 2:
            return struct.pack("<f", 1.5)
        if f.type in (9, 12):
            return block(self.r.choice(TEXTS).encode())
        if f.type in (6, 16):
            return b"\x07" * 8
        if f.type in (7, 15):
            return b"\x07" * 4
        return varint(self.r.choice(INTS), pad=self.r.choice([0, 0, 0, 1, 8]))

    def any_value(self):
        kind = self.r.choice(["bytes", "struct", "empty"])
        if kind == "bytes":
            return field(1, LEN, block(self.r.choice([b"\x10\0\0\0flat", b"id", b"q" * 200])))
        pair = field(1, LEN, block(b"k")) + field(2, LEN, block(field(3, LEN, block(b"v"))))
        return b"" if kind == "empty" else field(1, LEN, block(pair))

    def any_message(self):
        parts = [field(1, LEN, block(self.r.choice(TYPE_URLS).encode())), field(2, LEN, block(self.any_value()))]
        return b"".join(p for p in parts if self.r.random() < 0.95)

    def pair(self, f, depth):
        """An entry of a map, with key or value missing at times, or said twice. Without unknown fields: see
        als_oracle.entries_hidden()."""
        key, value = f.message_type.fields_by_name["key"], f.message_type.fields_by_name["value"]
        keys = {"filter_state_objects": PEER_KEYS, "custom_tags": TAG_KEYS}.get(f.name, HEADER_KEYS)
        parts = []
        for _ in range(self.r.choice([0, 1, 1, 1, 1, 1, 2])):
            parts.append(field(1, LEN, block(self.r.choice(keys).encode())) if key.type == 9 else
                         field(1, VARINT, varint(self.r.choice(INTS))))
        for _ in range(self.r.choice([0, 1, 1, 1, 1, 1, 2])):
            payload = block(self.message(value.message_type, depth + 1)) if value.message_type else self.scalar(value)
            parts.append(field(2, WIRE_TYPE.get(value.type, VARINT), payload))
        if self.r.random() < 0.3:
            self.r.shuffle(parts)
        return b"".join(parts)

    def times(self, f):
        """How often a field is said."""
        if f.full_name in RAW:
            if f.full_name in self.raw_used or self.r.random() > self.density:
                return 0
            self.raw_used.add(f.full_name)
            return 1
        if self.r.random() > self.density:
            return 0
        if f.is_repeated:
            return self.r.choice([1, 2, 3]) if f.name != "custom_tags" else self.r.choice([1, 3, 16, 17, 24])
        return self.r.choice([1, 1, 1, 2, 3])

    def one(self, f, depth):
        if f.message_type is None:
            return field(f.number, WIRE_TYPE.get(f.type, VARINT), self.scalar(f))
        if f.message_type.GetOptions().map_entry:
            return field(f.number, LEN, block(self.pair(f, depth)))
        return field(f.number, LEN, block(self.message(f.message_type, depth + 1)))

    def message(self, desc, depth=0):
        if desc.full_name == "google.protobuf.Any":
            return self.any_message()
        if depth > 7:
            return b""
        parts = []
        for f in desc.fields:
            parts += [self.one(f, depth) for _ in range(self.times(f))]
            if self.r.random() < 0.02:
                parts.append(self.foreign(f))
        if self.r.random() < 0.2:
            parts.append(self.unknown())
        if self.r.random() < 0.5:
            self.r.shuffle(parts)
        return b"".join(parts)

    def entry(self, desc):
        self.raw_used.discard("envoy.data.accesslog.v3.AccessLogCommon.metadata")
        return field(1, LEN, block(self.message(desc, 2)))

    def logs(self, number):
        desc = als_pb2.StreamAccessLogsMessage.DESCRIPTOR.fields_by_number[number].message_type
        entry = desc.fields_by_name["log_entry"].message_type
        body = b"".join(self.entry(entry) for _ in range(self.r.randrange(4)))
        return field(number, LEN, block(body + (self.unknown() if self.r.random() < 0.2 else b"")))

    def stream_message(self):
        desc = als_pb2.StreamAccessLogsMessage.DESCRIPTOR
        parts = [self.one(desc.fields_by_name["identifier"], 0) for _ in range(self.r.choice([0, 1, 1, 2]))]
        kinds = self.r.choice([(2,), (3,), (2, 2), (2, 3), (3, 2), (2, 3, 2), ()])
        parts += [self.logs(kind) for kind in kinds]
        if self.r.random() < 0.2:
            self.r.shuffle(parts)
        return b"".join(parts)


def mutate(r, data):
    """A few bytes changed, cut or doubled: often broken, at times not."""
    data = bytearray(data)
    for _ in range(r.randrange(1, 4)):
        if not data:
            break
        at = r.randrange(len(data))
        kind = r.randrange(4)
        if kind == 0:
            data[at] = r.randrange(256)
        elif kind == 1:
            del data[at:at + r.randrange(1, 9)]
        elif kind == 2:
            data[at:at] = data[at:at + r.randrange(1, 9)]
        else:
            del data[at:]
    return bytes(data)
