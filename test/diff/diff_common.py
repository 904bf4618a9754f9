"""What the comparisons with other decoders share: programs, frames of gRPC, and TAP with the first of many notes."""
import itertools
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import tap  # noqa: E402

NOTES, NOTE_BYTES = 10, 400


class Tap(tap.Tap):
    def point(self, good, name, notes=()):
        return self.ok(name, good, "\n".join(str(note)[:NOTE_BYTES] for note in itertools.islice(notes, NOTES)))


def run(*command):
    """The lines that it prints; what is no UTF-8 in them comes through as it is."""
    done = subprocess.run([str(c) for c in command], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape").split("\n")[:-1]


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def framed(messages):
    return b"".join(b"\0" + len(m).to_bytes(4, "big") + m for m in messages)


def frames(data):
    at = 0
    while at + 5 <= len(data):
        n = int.from_bytes(data[at + 1:at + 5], "big")
        yield data[at + 5:at + 5 + n]
        at += 5 + n


def unpack(archive, into):
    """The folder that is in the archive."""
    subprocess.run(["tar", "--use-compress-program=zstd -q", "-xf", str(archive), "-C", str(into)], check=True)
    return next(p for p in pathlib.Path(into).iterdir() if p.is_dir() and p.name == archive.name.split(".")[0])
