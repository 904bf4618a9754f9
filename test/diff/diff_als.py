"""The ALS decoder against python-protobuf, field by field.

    diff_als.py ALS_DUMP SOURCE_ROOT [--all]

On the corpus beside the source tree, where it is at hand (--all: all of it, else the first megabytes of each file),
and on made messages. Prints TAP."""

import io
import pathlib
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile

from diff_common import Tap

try:
    import als_make
    import als_oracle
    from envoy.service.accesslog.v3 import als_pb2
    from google.protobuf import descriptor_pool
    from google.protobuf.message import DecodeError
except ImportError as missing:
    print("1..0 # SKIP no oracle: %s" % missing)
    sys.exit(0)

MADE = 3000
MUTATED = 6000
HEAD_BYTES = 3 << 20
ARCHIVES = ("mixed", "istio", "defbuf", "bench-als")
STREAMS = ("mesh-a.als", "mesh-b.als")
WIRE_TYPE = {1: 1, 2: 5, 6: 1, 7: 5, 9: 2, 10: 3, 11: 2, 12: 2, 15: 5, 16: 1}


def framed(messages):
    return b"".join(als_make.varint(len(m)) + m for m in messages)


def dump(binary, messages):
    """The lines of als_dump, a list a message."""
    with tempfile.NamedTemporaryFile(suffix=".als") as f:
        f.write(framed(messages))
        f.flush()
        done = subprocess.run([binary, f.name], capture_output=True, check=True)
    groups = []
    for line in done.stdout.decode().splitlines():
        if line.startswith("M\t") or line.startswith("X\tmessage"):
            groups.append([])
        groups[-1].append(line)
    return groups


def compare(lines, message):
    """What is wrong with the lines about one message that python-protobuf could read."""
    want = als_oracle.rows(message)
    if any(line.startswith("X") for line in lines):
        return ["refused: " + line.replace("\t", " ") for line in lines if line.startswith("X")]
    if len(lines) != len(want):
        return ["%d rows, not %d" % (len(lines) - 1, len(want) - 1)]
    out = []
    for line, row in zip(lines, want):
        got = als_oracle.dumped_row(line)
        if line.startswith("M"):
            del got["tags"]
        out += ["%s: %r, not %r" % (n, got.get(n), row.get(n)) for n in als_oracle.differences(got, row)]
    return out


def parsed(data):
    try:
        return als_pb2.StreamAccessLogsMessage.FromString(data)
    except DecodeError:
        return None


def check(tap, name, binary, messages, need_all):
    """need_all: the messages are sound. Otherwise only what python-protobuf reads is compared: what the decoder
    refuses, protobuf refuses too."""
    groups = dump(binary, messages)
    wrong, entries, read = [], 0, 0
    if len(groups) != len(messages):
        wrong.append("%d messages dumped of %d" % (len(groups), len(messages)))
    for k, (lines, data) in enumerate(zip(groups, messages)):
        message = parsed(data)
        if message is None:
            wrong += ["message %d: no oracle" % k] if need_all else []
            continue
        if als_oracle.entries_hidden(message):
            continue
        read += 1
        entries += len(lines) - 1
        wrong += ["message %d: %s" % (k, w) for w in compare(lines, message)]
    if read == 0:
        wrong.append("nothing was compared")
    tap.point(not wrong, "%s: %d messages, %d entries" % (name, read, entries), wrong)


def test_fields(tap, binary):
    out = subprocess.run([binary, "--fields"], capture_output=True, check=True).stdout.decode()
    rows = [line.split("\t") for line in out.splitlines()]
    pool, wrong, n = descriptor_pool.Default(), [], 0
    for _, message, name, number, wire_type in (r for r in rows if r[0] == "F"):
        n += 1
        field = pool.FindMessageTypeByName(message).fields_by_name.get(name)
        if field is None or field.number != int(number) or WIRE_TYPE.get(field.type, 0) != int(wire_type):
            wrong.append("%s.%s is not %s of type %s" % (message, name, number, wire_type))
    tap.point(n > 100 and not wrong, "%d field numbers and types stand in Envoy's descriptors" % n, wrong)
    flags = pool.FindMessageTypeByName("envoy.data.accesslog.v3.ResponseFlags")
    want = {als_oracle.FLAG_CODES[f.name]: f.number for f in flags.fields}
    got = {r[1]: int(r[2]) for r in rows if r[0] == "R"}
    wrong = sorted(str(x) for x in got.items() ^ want.items())
    tap.point(not wrong, "%d response flags stand at their numbers" % len(got), wrong)


def grpc_messages(data, limit):
    at = 0
    while at + 5 <= min(len(data), limit):
        n = int.from_bytes(data[at + 1:at + 5], "big")
        if at + 5 + n <= len(data):
            yield data[at + 5:at + 5 + n]
        at += 5 + n


def varint_messages(data, limit):
    at = 0
    while at < min(len(data), limit):
        n = shift = 0
        while at < len(data):
            byte = data[at]
            at += 1
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        if at + n <= len(data):
            yield data[at:at + n]
        at += n


def unpack(path, limit=sys.maxsize):
    """The first `limit` bytes."""
    tool = subprocess.Popen(["zstd", "-dcq", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with tool.stdout as out:
        data = out.read() if limit == sys.maxsize else out.read(limit)
    tool.wait()
    return data


def test_archive(tap, binary, path, limit):
    data = unpack(path)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            if "StreamAccessLogs" in member.name and member.name.endswith(".grpc"):
                messages = list(grpc_messages(tar.extractfile(member).read(), limit))
                check(tap, path.name + " " + member.name[-13:], binary, messages, True)


def test_corpus(tap, binary, root, limit):
    corpus = root.parent / "shared" / "corpus"
    if not corpus.is_dir() or not shutil.which("zstd"):
        tap.skip("the corpus", "no ../shared/corpus, or no zstd")
        return
    for name in ARCHIVES:
        test_archive(tap, binary, corpus / (name + ".tar.zst"), limit)
    for name in STREAMS:
        data = unpack(corpus / (name + ".zst"), limit)
        check(tap, name, binary, list(varint_messages(data, limit)), True)


def test_made(tap, binary):
    messages = [als_make.Maker(seed).stream_message() for seed in range(MADE)]
    check(tap, "made messages", binary, messages, True)
    r = random.Random(1)
    broken = [als_make.mutate(r, messages[k % MADE]) for k in range(MUTATED)]
    check(tap, "made messages with a few bytes changed", binary, broken, False)


def main():
    tap = Tap()
    binary, root = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    test_fields(tap, binary)
    test_made(tap, binary)
    test_corpus(tap, binary, root, sys.maxsize if "--all" in sys.argv else HEAD_BYTES)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
