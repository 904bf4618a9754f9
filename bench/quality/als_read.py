"""A small reader of recordings for tests and comparisons: protobuf by hand, the fields that they look at."""

FIXED = {1: 8, 5: 4}  # wire types and their bytes
EPOCH_S = 1772442000  # where meshsim's recordings start


def varint(b, i):
    value = shift = 0
    while True:
        value |= (b[i] & 127) << shift
        shift += 7
        i += 1
        if b[i - 1] < 128:
            return value, i


def fields(b):
    """One message -> {field: [value, …]}; bytes for sub-messages and strings; fixed-width fields are passed over. Most
    varints are one byte, and a test reads millions: those are read here."""
    out, i, end = {}, 0, len(b)
    while i < end:
        tag = b[i]
        i += 1
        if tag > 127:
            tag, i = varint(b, i - 1)
        kind = tag & 7
        if kind in FIXED:
            i += FIXED[kind]
            continue
        value = b[i]
        i += 1
        if value > 127:
            value, i = varint(b, i - 1)
        if kind == 2:
            value, i = b[i:i + value], i + value
        elif kind != 0:
            raise ValueError("wire type %d" % kind)
        tag >>= 3
        if tag in out:
            out[tag].append(value)
        else:
            out[tag] = [value]
    return out


def first(f, *path):
    for n in path[:-1]:
        f = fields(f[n][0]) if n in f else {}
    return f.get(path[-1], [None])[0]


def nanoseconds(b):
    f = fields(b)
    return f.get(1, [0])[0] * 10**9 + f.get(2, [0])[0]


def messages(path):
    with open(path, "rb") as f:
        b = f.read()
    i = 0
    while i < len(b):
        n, i = varint(b, i)
        yield fields(b[i:i + n])
        i += n


def entry(raw, node):
    e = fields(raw)
    common = fields(e[1][0])
    at = nanoseconds(common[5][0])
    return {
        "node": node, "start": at - EPOCH_S * 10**9, "duration": nanoseconds(common[23][0]) if 23 in common else 0,
        "at_start": common[33][0] == 4, "request_bytes": first(e, 3, 12) or 0, "answer_bytes": first(e, 4, 3) or 0,
        "times": [nanoseconds(common[n][0]) for n in range(6, 13) if n in common],
        "cluster": common[15][0].decode(), "route": common.get(19, [b""])[0].decode(),
        "local_ip": first(common, 3, 1, 2).decode(),
        "inbound": common[15][0].startswith(b"inbound"), "peer": 21 in common,
        "flags": set(fields(common[16][0])) if common.get(16) else set(), "attempts": common.get(24, [0])[0],
        "code": fields(first(e, 4, 1) or b"").get(1, [0])[0],
        "request_id": first(e, 3, 9).decode(), "path": first(e, 3, 5).decode(),
    }


def entries(path):
    """All HTTP entries of a recording, in its order."""
    node, out = None, []
    for m in messages(path):
        if 1 in m:
            node = first(m, 1, 1, 1).decode()
        for logs in m.get(2, []):
            out.extend(entry(raw, node) for raw in fields(logs).get(1, []))
    return out
