"""Writes the project's logs as an earlier process would have left them: 16 bytes of magic, the number of the first
frame, then frames of length, CRC-32C, kind and body.
"""
import glob
import json
import os

from e2e_otlp import varint

TICK, INCIDENT, AUDIT = 1, 2, 3
CODEC, TICK_NS = 5, 250_000_000
HEAD = b"FSHK1 journal\n".ljust(16, b"\0") + bytes(8)


def crc_entry(crc):
    for _ in range(8):
        crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc


CRC_TABLE = [crc_entry(i) for i in range(256)]


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[crc & 255 ^ byte]
    return crc ^ 0xffffffff


def frame(kind, body):
    return len(body).to_bytes(4, "little") + crc32c(bytes([kind]) + body).to_bytes(4, "little") + bytes([kind]) + body


def log_add(data, kind, *records):
    """Appends records, as JSON, to the incident log of that directory."""
    folder = os.path.join(data, "incidents")
    os.makedirs(folder, exist_ok=True)
    path = max(glob.glob(os.path.join(folder, "*.seg")), default=os.path.join(folder, "0" * 16 + ".seg"))
    with open(path, "ab") as out:
        if out.tell() == 0:
            out.write(HEAD)
        for record in records:
            out.write(frame(kind, json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()))


def journal_make(data, ticks, end_ns):
    """A journal of so many ticks (src/rec/rec_codec.h) in which nobody called anybody; the last ends at end_ns."""
    folder = os.path.join(data, "journal")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "0" * 16 + ".seg"), "wb") as out:
        out.write(HEAD)
        for seq in range(1, ticks + 1):
            end = (end_ns - (ticks - seq) * TICK_NS).to_bytes(8, "little")
            out.write(frame(TICK, bytes([CODEC]) + varint(seq) + end + end + bytes(1 + 8 + 5)))


def journal_ticks(data):
    """(seq, has anything in its buckets) of each tick, in the log's order."""
    for path in sorted(glob.glob(os.path.join(data, "journal", "*.seg"))):
        with open(path, "rb") as file:
            text = file.read()
        at = len(HEAD)
        while at + 9 <= len(text):
            body = text[at + 9:at + 9 + int.from_bytes(text[at:at + 4], "little")]
            seq, n = 0, 1
            while True:
                seq |= (body[n] & 127) << 7 * (n - 1)
                n += 1
                if body[n - 1] < 128:
                    break
            yield seq, any(body[n + 17:n + 25])
            at += 9 + len(body)
