"""Hostile and unlucky gRPC clients:  hard_grpc.py HARD_SERVER

Each case has a well-behaved stream on another connection beside it, which must lose nothing.
"""
import socket
import sys
import time

from hard_common import (CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PREFACE, SETTINGS,
                         Peer, Server, Witness, cases_run, counted, frame, h2_missing, message, read_all)
from tap import Tap

CASES = []


def case(fn):
    CASES.append(fn)
    return fn


def refused_with(tap, server, name, what, status, key):
    """A stream that sends `what` is answered with that grpc-status at once; its neighbour on the connection goes on."""
    before = server.counts()
    peer = Peer(server)
    neighbour, bad = peer.open(), peer.open()
    peer.send(neighbour, message(b"one"))
    peer.send(bad, what)
    st = peer.answer(bad)
    tap.equal(f"{name}: answered", (st.status(), st.grpc_status()), ("200", status))
    if key:
        tap.equal(f"{name}: counted", counted(server, key, before, 1), 1)
    peer.send(neighbour, message(b"two"), end=True)
    tap.equal(f"{name}: the neighbour ends well", peer.answer(neighbour).grpc_status(), 0)
    peer.close()


def neighbours(w):
    for body in (b"one", b"two"):
        w.note(body)


@case
def half_close(tap, server, w):
    peer = Peer(server)
    sid = peer.open()
    st = peer.streams[sid]
    tap.ok("half-close: headers come before the end", peer.pump(lambda: st.headers is not None))
    for body in (b"", b"a" * 5, b"b" * 70000):
        w.note(body)
        peer.send(sid, message(body))
    tap.ok("half-close: no trailers before the client's end", not peer.pump(lambda: st.trailers is not None, 0.3))
    peer.h2.end_stream(sid)
    peer.flush()
    peer.answer(sid)
    tap.equal("half-close: trailers", dict(st.trailers or {}), {"grpc-status": "0"})
    tap.equal("half-close: one empty message is the reply", st.data, message(b""))
    empty = peer.open(end=True)
    tap.equal("half-close: a stream without messages", peer.answer(empty).grpc_status(), 0)
    peer.close()


@case
def cut_anywhere(tap, server, w):
    peer = Peer(server)
    sid = peer.open()
    bodies = [bytes([n % 251]) * n for n in (0, 1, 3, 4, 5, 6, 300)]
    for byte in b"".join(message(b) for b in bodies):
        peer.send(sid, bytes([byte]))
    for body in bodies:
        w.note(body)
    peer.h2.end_stream(sid)
    peer.flush()
    tap.equal("a byte a frame: understood", peer.answer(sid).grpc_status(), 0)
    peer.close()


@case
def truncated(tap, server, w):
    before = server.counts()
    peer = Peer(server)
    for cut in (1, 4, 5, 50):
        sid = peer.open()
        peer.send(sid, message(b"x" * 100)[:cut], end=True)
        tap.equal(f"truncated at {cut}: INTERNAL", peer.answer(sid).grpc_status(), 13)
    sid = peer.open()
    peer.send(sid, message(b"x" * 100)[:70])
    peer.h2.reset_stream(sid)
    peer.flush()
    tap.equal("truncated: counted, by reset, too", counted(server, "frame_malformed", before, 5), 5)
    peer.close()


@case
def oversize(tap, server, w):
    neighbours(w)
    refused_with(tap, server, "oversize", b"\0\xff\xff\xff\xff" + b"x" * 2000, 8, "oversize")


@case
def oversize_by_one(tap, server, w):
    before = server.counts()
    peer = Peer(server)
    sid = peer.open()
    peer.send(sid, b"\0" + ((4 << 20) + 1).to_bytes(4, "big"))
    tap.equal("oversize by one byte: RESOURCE_EXHAUSTED", peer.answer(sid).grpc_status(), 8)
    tap.equal("oversize by one byte: counted", counted(server, "oversize", before, 1), 1)
    peer.close()


@case
def compressed(tap, server, w):
    neighbours(w)
    refused_with(tap, server, "compressed", message(b"x" * 30, flag=1), 12, "compressed")


@case
def unknown_flags(tap, server, w):
    neighbours(w)
    refused_with(tap, server, "unknown flags", message(b"x" * 30, flag=0x80), 13, "frame_malformed")


@case
def refused_by_receiver(tap, server, w):
    neighbours(w)
    refused_with(tap, server, "refused by the receiver", message(b"refuse") + message(b"late"), 3, None)


@case
def refused_streams(tap, server, w):
    peer = Peer(server)
    st = peer.answer(peer.open(path="/test.Feed/Closed"))
    tap.equal("a method without room: RESOURCE_EXHAUSTED", (st.status(), st.grpc_status()), ("200", 8))
    peer.close()


@case
def unknown_method(tap, server, w):
    before = server.counts()
    peer = Peer(server)
    st = peer.answer(peer.open(path="/test.Feed/Nothing"))
    tap.equal("unknown method: trailers only", (st.status(), st.grpc_status(), st.trailers, st.ended),
              ("200", 12, None, True))
    tap.equal("unknown method: counted", counted(server, "streams_unknown", before, 1), 1)
    peer.close()


@case
def not_grpc(tap, server, w):
    peer = Peer(server)
    for kind in ("application/json", "application/grpc-web"):
        sid = peer.open(kind=kind)
        peer.send(sid, b"x" * 100)
        peer.pump(lambda st=peer.streams[sid]: st.headers is not None, 0.2)
        tap.equal(f"{kind} is not gRPC: heard to its end", peer.streams[sid].headers, None)
        peer.send(sid, b"x" * 100, end=True)
        st = peer.answer(sid)
        tap.equal(f"{kind} is not gRPC: 415, and told", (st.status(), st.data[:14], st.reset),
                  ("415", b"gRPC is spoken", None))
    long = peer.open(kind="application/json")
    peer.send(long, b"x" * 100000)
    tap.equal("not gRPC, and long: 415 at once", (peer.answer(long).status(), peer.streams[long].ended), ("415", True))
    tap.equal("GET: 405", peer.answer(peer.open(method="GET", end=True)).status(), "405")
    ok = peer.open(kind="application/grpc+proto", end=True)
    tap.equal("application/grpc+proto is gRPC", peer.answer(ok).grpc_status(), 0)
    peer.close()


@case
def large_headers(tap, server, w):
    peer = Peer(server)
    extra = [(f"x-{i}", "v" * 7000) for i in range(12)]
    peer.h2._local_max_header_list_size = None  # noqa: the library's own check of our side
    tap.equal("header list over the limit: 431", peer.answer(peer.open(extra=extra)).status(), "431")
    peer.close()


@case
def garbage_preface(tap, server, w):
    for name, what in (("like HTTP/2", PREFACE[:20] + b"XX\r\n\r\n"),
                       ("like nothing", b"\x16\x03\x01\x02\0\x01\0\x01\xfc"),
                       ("like HTTP/2 from the start", b"PRI * HTTP/2.0\r\n\r\nGET / HTTP/1.1\r\n\r\n")):
        answer = server.http(what + b"\r\n\r\n")
        tap.equal(f"garbage preface {name}: 400", answer[:12], b"HTTP/1.1 400")


@case
def garbage_frames(tap, server, w):
    for name, what in (("random bytes", bytes(range(255, 0, -1)) * 40),
                       ("a frame over the size limit", frame(DATA, 0, 1, b"")[:0] + b"\xff\xff\xff" + b"\0\0\0\0\0\1"),
                       ("DATA on stream 0", frame(DATA, 0, 0, b"x")),
                       ("a SETTINGS of odd length", frame(SETTINGS, 0, 0, b"12345")),
                       ("a header block that is no HPACK", frame(HEADERS, END_HEADERS, 3, b"\xff" * 30)),
                       ("padding longer than its frame", frame(DATA, PADDED, 1, b"\xff1234")),
                       ("CONTINUATION without HEADERS", frame(CONTINUATION, END_HEADERS, 1, b"\x82"))):
        before = server.counts()
        peer = Peer(server)
        sid = peer.open()
        body = b"before the garbage"
        w.note(body)
        peer.send(sid, message(body))
        try:
            peer.raw(what)
            peer.pump(lambda: peer.goaway is not None)
        except ConnectionError:
            pass
        tap.ok(f"{name}: GOAWAY with an error", peer.goaway not in (None, 0), peer.goaway)
        tap.ok(f"{name}: closed", peer.pump(lambda: peer.closed))
        peer.close()
        tap.equal(f"{name}: counted once", counted(server, "frame_malformed", before, 1), 1)


@case
def continuation_and_padding(tap, server, w):
    peer = Peer(server)
    block = peer.h2.encoder.encode(peer.request_headers())
    peer.raw(frame(HEADERS, PADDED, 1, bytes([7]) + block[:3] + b"\0" * 7) + frame(CONTINUATION, 0, 1, block[3:10]) +
             frame(CONTINUATION, 0, 1, b"") + frame(CONTINUATION, END_HEADERS, 1, block[10:]))
    data = message(b"padded") + message(b"and cut")
    for part in (data[:3], data[3:8], data[8:]):
        peer.raw(frame(DATA, PADDED, 1, bytes([200]) + part + b"\0" * 200))
    peer.raw(frame(DATA, PADDED | END_STREAM, 1, bytes([255]) + b"\0" * 255))
    for body in (b"padded", b"and cut"):
        w.note(body)
    got = read_until(peer.sock, b"grpc-status", 5)
    tap.ok("CONTINUATION and padding: answered", got)
    peer.close()


def read_until(sock, word, seconds):
    """Raw bytes hold the header name, Huffman coded or plain."""
    from hpack.huffman_table import decode_huffman  # noqa: F401  (the package is there)
    from hpack import Decoder
    decoder, buf, deadline = Decoder(), b"", time.monotonic() + seconds
    sock.settimeout(seconds)
    while time.monotonic() < deadline:
        buf += sock.recv(65536)
        while len(buf) >= 9 and len(buf) >= 9 + int.from_bytes(buf[:3], "big"):
            n, kind = int.from_bytes(buf[:3], "big"), buf[3]
            payload, buf = buf[9:9 + n], buf[9 + n:]
            if kind == HEADERS and any(bytes(k) == word for k, _ in decoder.decode(payload, raw=True)):
                return True
    return False


@case
def continuation_flood(tap, server, w):
    peer = Peer(server)
    block = peer.h2.encoder.encode(peer.request_headers())
    peer.raw(frame(HEADERS, 0, 1, block))
    try:
        for _ in range(200):
            peer.raw(frame(CONTINUATION, 0, 1, b""))
    except ConnectionError:
        pass
    tap.ok("a flood of CONTINUATION: closed", peer.pump(lambda: peer.closed))
    peer.close()


@case
def ping_and_settings(tap, server, w):
    with server.socket() as s:
        s.sendall(PREFACE + frame(SETTINGS, 0, 0, b"") + frame(PING, 0, 0, b"12345678"))
        s.settimeout(5)
        got = b""
        while frame(PING, 1, 0, b"12345678") not in got or frame(SETTINGS, 1, 0, b"") not in got:
            part = s.recv(4096)
            if not part:
                break
            got += part
    tap.ok("PING is answered with its bytes", frame(PING, 1, 0, b"12345678") in got)
    tap.ok("SETTINGS is acknowledged", frame(SETTINGS, 1, 0, b"") in got)
    limit = b"\0\x03" + (1024).to_bytes(4, "big")
    tap.ok("SETTINGS announces the limit of streams", limit in got)


@case
def reset_stream(tap, server, w):
    before = server.counts()
    peer = Peer(server)
    keep = peer.open()
    for _ in range(50):
        sid = peer.open()
        w.note(b"then reset")
        peer.send(sid, message(b"then reset"))
        peer.h2.reset_stream(sid, 8)
        peer.flush()
    w.note(b"kept")
    peer.send(keep, message(b"kept"), end=True)
    tap.equal("RST_STREAM: the neighbour ends well", peer.answer(keep).grpc_status(), 0)
    tap.equal("RST_STREAM: every stream is closed", counted(server, "streams_closed", before, 51), 51)
    peer.close()


@case
def large_messages(tap, server, w):
    peer = Peer(server)
    a, b = peer.open(), peer.open()
    for sid, size in ((a, 80 << 10), (a, 4 << 20), (b, 80 << 10), (b, (4 << 20) - 1)):
        body = bytes([sid]) * size
        w.note(body)
        peer.send(sid, message(body))
    for sid in (a, b):
        peer.h2.end_stream(sid)
    peer.flush()
    tap.equal("80 KB, then 4 MiB, through flow control", [peer.answer(s).grpc_status() for s in (a, b)], [0, 0])
    peer.close()


@case
def many_streams(tap, server, w):
    peer = Peer(server)
    peer.pump(lambda: peer.h2.remote_settings.max_concurrent_streams == 1024)
    sids = [peer.open() for _ in range(1000)]
    tap.equal("1000 streams at once", server.wait(lambda c: c["streams"] >= 1001)["streams"], 1001)
    for turn in range(3):
        for sid in sids:
            body = f"{sid} {turn}".encode()
            w.note(body)
            peer.send(sid, message(body), end=turn == 2)
    answers = [peer.answer(sid).grpc_status() for sid in sids]
    tap.equal("1000 streams end well", answers.count(0), 1000)
    peer.close()


@case
def many_connections(tap, server, w):
    peers = [Peer(server) for _ in range(200)]
    sids = [p.open() for p in peers]
    for turn in range(3):
        for peer, sid in zip(peers, sids):
            body = f"{turn}".encode() * 500
            w.note(body)
            peer.send(sid, message(body), end=turn == 2)
    answers = [p.answer(sid).grpc_status() for p, sid in zip(peers, sids)]
    tap.equal("200 connections end well", answers.count(0), 200)
    for peer in peers:
        peer.close()
    left = server.wait(lambda c: c["connections"] <= 2)["connections"]
    tap.ok("200 connections: all are gone again", left <= 2, left)


@case
def connection_lost(tap, server, w):
    before = server.counts()
    peer = Peer(server)
    sid = peer.open()
    w.note(b"whole")
    peer.send(sid, message(b"whole") + message(b"x" * 1000)[:500])
    w.server.wait(lambda c: c["messages"] - w.before["messages"] >= w.sent)
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.close()
    tap.equal("connection lost: stream closed", counted(server, "streams_closed", before, 1), 1)
    tap.equal("connection lost: the cut message is counted", counted(server, "frame_malformed", before, 1), 1)


@case
def random_cuts(tap, server, w):
    import random
    rnd = random.Random(7)
    peer = Peer(server)
    sids = [peer.open() for _ in range(8)]
    left = {}
    for sid in sids:
        bodies = [rnd.randbytes(rnd.choice((0, 1, 100, 3000, 20000))) for _ in range(20)]
        for body in bodies:
            w.note(body)
        left[sid] = b"".join(message(b) for b in bodies)
    while left:
        sid = rnd.choice(list(left))
        n = rnd.choice((1, 4, 5, 6, 700, 16384))
        peer.send(sid, left[sid][:n], pad=rnd.choice((None, 3)))
        left[sid] = left[sid][n:]
        if not left[sid]:
            del left[sid]
            peer.h2.end_stream(sid)
            peer.flush()
    tap.equal("interleaved streams, cut at random", [peer.answer(s).grpc_status() for s in sids], [0] * 8)
    peer.close()


@case
def by_grpcio(tap, server, w):
    try:
        import grpc
    except ImportError:
        tap.skip("grpcio as the client", "python package grpcio is not here")
        return
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = channel.stream_unary("/test.Feed/Send", request_serializer=bytes, response_deserializer=bytes)
        bodies = [b"m" * n for n in (0, 10, 100000, 1 << 20)]
        for body in bodies:
            w.note(body)
        tap.equal("grpcio: the reply is an empty message", call(iter(bodies), timeout=20), b"")
        missing = channel.stream_unary("/test.Feed/Nothing", request_serializer=bytes, response_deserializer=bytes)
        try:
            missing(iter([b"x"]), timeout=20)
            code = None
        except grpc.RpcError as error:
            code = error.code()
        tap.equal("grpcio: unknown method", code, grpc.StatusCode.UNIMPLEMENTED)
        packed = b"z" * 100
        w.note(packed)
        tap.equal("grpcio: gzip, as the server offers it", call(iter([packed]), timeout=20,
                                                                compression=grpc.Compression.Gzip), b"")


def slow_loris(tap, program):
    """An idle limit of 600 ms: what makes no progress is closed, what is merely silent is not."""
    server = Server(program, 600)
    w = Witness(server)
    w.send()
    before = server.counts()
    quiet = Peer(server)
    quiet_sid = quiet.open()
    half = Peer(server)
    half_sid = half.open()
    half.send(half_sid, message(b"x" * 1000)[:300])
    stranger_sid = half.open(kind="text/plain")
    block = half.h2.encoder.encode(half.request_headers())
    lorises = {"nothing": b"", "part of the preface": PREFACE[:11], "part of a request": b"GET / HTTP/1.1\r\nHo",
               "a preface alone": PREFACE, "part of HEADERS": PREFACE + frame(SETTINGS, 0, 0, b"") +
               frame(HEADERS, END_HEADERS, 1, block)[:15], "HEADERS without their end":
               PREFACE + frame(SETTINGS, 0, 0, b"") + frame(HEADERS, 0, 1, block)}
    socks = {name: server.socket() for name in lorises}
    for name, s in socks.items():
        s.sendall(lorises[name])
    part = Peer(server)
    part.open()
    part.raw(frame(DATA, 0, 1, message(b"y" * 500))[:200])
    started = time.monotonic()

    def alive(seconds):
        """Our side answers the server's pings on both good connections."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for peer in (quiet, half, w.peer):
                peer.pump(lambda: False, 0.05)

    alive(0.3)
    more = server.counts()["connections"] - before["connections"]
    tap.equal("slow loris: none is closed early", more, len(socks) + 3)
    alive(2.2)
    w.note(b"still here")
    quiet.send(quiet_sid, message(b"still here"), end=True)
    tap.equal("a silent proxy that answers pings is not cut", quiet.answer(quiet_sid).grpc_status(), 0)
    w.done(tap, "slow loris")
    for name, s in socks.items():
        s.settimeout(5)
        got = read_all(s)
        tap.ok(f"slow loris, {name}: closed", time.monotonic() - started < 8)
        if name == "part of a request":
            tap.equal("slow loris, part of a request: 408", got[:12], b"HTTP/1.1 408")
        s.close()
    part.sock.settimeout(5)
    read_all(part.sock)
    tap.ok("slow loris, part of a DATA frame: closed", time.monotonic() - started < 8)
    tap.equal("half a message: DEADLINE_EXCEEDED", half.answer(half_sid, 3).grpc_status(), 4)
    tap.equal("no gRPC, and no end: 408", half.answer(stranger_sid, 3).status(), "408")
    tap.equal("these, and part of a frame: counted", counted(server, "streams_idle", before, 3), 3)
    for peer in (quiet, half, part):
        peer.close()
    tap.equal("slow loris: clean exit", server.stop(), 0)


def dead_peer(tap, program):
    """A peer that answers no ping is given up."""
    server = Server(program, 400)
    peer = Peer(server)
    peer.open()
    server.wait(lambda c: c["streams"] == 1)
    time.sleep(1.2)
    now = server.wait(lambda c: c["streams"] == 0, 5)
    tap.equal("dead peer: stream closed and counted", (now["streams"], now["c_streams_idle"]), (0, 1))
    peer.close()
    tap.equal("dead peer: clean exit", server.stop(), 0)


def drain(tap, program):
    server = Server(program)
    w = Peer(server)
    sid = w.open()
    w.send(sid, message(b"before"))
    server.wait(lambda c: c["messages"] == 1)
    with server.socket() as control:
        control.sendall(b"POST /drain HTTP/1.1\r\nHost: x\r\n\r\n")
        control.recv(4096)
        tap.equal("drain: GOAWAY without an error", w.pump(lambda: w.goaway is not None) and w.goaway, 0)
        try:
            server.socket().close()
            refused = False
        except ConnectionRefusedError:
            refused = True
        tap.ok("drain: no new connections", refused)
        # the library refuses to send after GOAWAY; the stream is still open, so by hand
        w.sock.sendall(frame(DATA, END_STREAM, sid, message(b"after GOAWAY")))
        tap.ok("drain: the open stream is answered", read_until_trailers(w))
        tap.ok("drain: then the connection ends", w.pump(lambda: w.closed))
    server.process.terminate()
    server.process.wait(10)


def read_until_trailers(peer):
    """After GOAWAY the library treats the connection as closed; look at the frames themselves."""
    peer.sock.settimeout(5)
    buf, ended = b"", False
    while not ended:
        part = peer.sock.recv(65536)
        if not part:
            break
        buf += part
        while len(buf) >= 9 and len(buf) >= 9 + int.from_bytes(buf[:3], "big"):
            n = int.from_bytes(buf[:3], "big")
            ended = ended or (buf[3] == HEADERS and bool(buf[4] & END_STREAM))
            buf = buf[9 + n:]
    return ended


def shutdown(tap, program):
    """At the end open streams are told."""
    server = Server(program)
    peer = Peer(server)
    sid = peer.open()
    peer.pump(lambda: peer.streams[sid].headers is not None)
    tap.equal("shutdown: clean exit", server.stop(), 0)
    tap.equal("shutdown: UNAVAILABLE", peer.answer(sid).grpc_status(), 14)
    peer.close()


def main():
    tap = Tap()
    program = sys.argv[1]
    if h2_missing(tap, "hostile gRPC clients"):
        return tap.done()
    server = Server(program)
    cases_run(tap, server, CASES)
    now = server.wait(lambda c: c["streams"] == 0 and c["connections"] == 1)
    left = now["c_streams_opened"] - now["c_streams_closed"]
    tap.equal("at the end no stream is left", (now["streams"], left), (0, 0))
    tap.equal("clean exit", server.stop(), 0)
    for fn in (slow_loris, dead_peer, drain, shutdown):
        fn(tap, program)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
