"""Writes the project's logs as an earlier process would have left them: 16 bytes of magic, the number of the first
frame, then frames of length, CRC-32C, kind and body.
"""
import glob
import json
import os

TICK, INCIDENT, AUDIT = 1, 2, 3
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
