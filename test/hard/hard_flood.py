"""Floods and greed over HTTP/2, each beside a well-behaved stream that must lose nothing:  hard_flood.py HARD_SERVER

What each attack is known as stands with its case. Memory is that of the server's process, before and at the most.
"""
import json
import os
import re
import socket
import struct
import sys
import time

from hard_common import (DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, SETTINGS, CONTINUATION, Peer, Server,
                         cases_run, counted, frame, h2_missing, message)
from tap import Tap

CASES = []
PRIORITY, RST_STREAM, WINDOW_UPDATE = 2, 3, 8
MIB = 1 << 20


def case(fn):
    CASES.append(fn)
    return fn


def rss(server):
    """Resident bytes; 0 under ASan and TSan, whose own memory would be measured."""
    if {"asan", "tsan"} & set(os.path.abspath(server.process.args[0]).split(os.sep)):
        return 0
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) * 1024


def block(peer, *extra):
    return peer.h2.encoder.encode(peer.request_headers() + list(extra))


def pour(sock, data, times, seconds=20):
    """Sends data again and again, reading nothing, until the other side ends it or takes no more; what was sent."""
    sock.settimeout(2)
    sent, until = 0, time.monotonic() + seconds
    try:
        for _ in range(times):
            sock.sendall(data)
            sent += len(data)
            if time.monotonic() > until:
                break
    except (ConnectionError, TimeoutError):
        pass
    return sent


def closed(sock, seconds=10):
    """The server has ended the connection, whatever it said before."""
    sock.settimeout(seconds)
    try:
        while sock.recv(1 << 16):
            pass
        return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def raw(server):
    s = server.socket()
    s.sendall(PREFACE + frame(SETTINGS, 0, 0, b""))
    return s


def unread(tap, server, what, one):
    """Frames by the million that want an answer each, and nobody who reads those."""
    before, was = server.counts(), rss(server)
    with raw(server) as s:
        pour(s, one * 4000, 400)
        tap.ok(f"{what} unread: memory stays", rss(server) - was < 32 * MIB, rss(server) - was)
        tap.ok(f"{what} unread: ended", closed(s))
    tap.ok(f"{what} unread: counted", counted(server, "flooded", before, 1) >= 1)


@case
def unread_pings(tap, server, w):
    """CVE-2019-9512."""
    unread(tap, server, "pings", frame(PING, 0, 0, b"12345678"))


@case
def unread_settings(tap, server, w):
    """CVE-2019-9515."""
    unread(tap, server, "SETTINGS", frame(SETTINGS, 0, 0, b"\0\3\0\0\0\x64"))


@case
def large_settings(tap, server, w):
    """One SETTINGS of very many entries."""
    with raw(server) as s:
        s.sendall(frame(SETTINGS, 0, 0, b"\0\3\0\0\0\x64" * 2700))
        tap.ok("a SETTINGS of 2,700 entries: ended", closed(s))


@case
def rapid_reset(tap, server, w):
    """CVE-2023-44487: streams that are reset as soon as they are opened."""
    before = server.counts()
    peer = Peer(server)
    head = block(peer)
    data = b"".join(frame(HEADERS, END_HEADERS, i, head if i == 1 else block(peer)) +
                    frame(RST_STREAM, 0, i, struct.pack(">I", 8)) for i in range(1, 20001, 2))
    pour(peer.sock, data, 1)
    tap.ok("rapid reset: ended", closed(peer.sock))
    after = server.counts()
    opened = after["c_streams_opened"] - before["c_streams_opened"]
    tap.ok("rapid reset: long before 10,000", opened < 3000, opened)
    tap.equal("rapid reset: every one is closed", after["c_streams_closed"] - before["c_streams_closed"], opened)
    tap.ok("rapid reset: counted", counted(server, "flooded", before, 1) >= 1)


@case
def continuation_flood(tap, server, w):
    """CVE-2024-28182: a header block that never ends."""
    was = rss(server)
    peer = Peer(server)
    peer.raw(frame(HEADERS, 0, 1, block(peer)))
    literal = b"\0" + b"\x7f\x80\x78" + b"a" * 15487
    pour(peer.sock, frame(CONTINUATION, 0, 1, literal[:16000]), 4000)
    tap.ok("CONTINUATION without end: ended", closed(peer.sock))
    tap.ok("CONTINUATION without end: memory stays", rss(server) - was < 16 * MIB, rss(server) - was)


@case
def hpack_bomb(tap, server, w):
    """CVE-2016-6581: one large entry of the table, named again and again in one block."""
    was = rss(server)
    peer = Peer(server)
    entry = b"\x40\x01x\x7f\xe1\x1e" + b"v" * 4000  # literal with indexing, a value of 4,000 bytes
    bomb = block(peer) + entry + b"\xbe" * 12000
    peer.raw(frame(HEADERS, 0, 1, bomb[:16000]) + frame(CONTINUATION, END_HEADERS, 1, bomb[16000:]))
    answered = closed(peer.sock, 3)
    tap.ok("HPACK bomb: memory stays", rss(server) - was < 16 * MIB, rss(server) - was)
    tap.ok("HPACK bomb: refused or ended, the server goes on", answered or server.get("/counts"))


@case
def priorities(tap, server, w):
    """CVE-2019-9513: priorities rearranged without end."""
    was = rss(server)
    with raw(server) as s:
        data = b"".join(frame(PRIORITY, 0, 2 * i + 1, struct.pack(">IB", 2 * ((i * 7) % 2000), 7)) for i in range(2000))
        pour(s, data, 100)
        tap.ok("PRIORITY flood: memory stays", rss(server) - was < 16 * MIB, rss(server) - was)


@case
def empty_frames(tap, server, w):
    """CVE-2019-9518: DATA frames with nothing in them."""
    peer = Peer(server)
    sid = peer.open()
    began = time.monotonic()
    pour(peer.sock, frame(DATA, 0, sid, b"") * 2000, 200)
    tap.ok("400,000 empty DATA frames: the others are served meanwhile", server.get("/counts"))
    w.send(5)
    tap.ok("in the time they take", time.monotonic() - began < 30)
    peer.close()


@case
def windows(tap, server, w):
    """A window opened beyond all numbers is an error; one that stays shut holds nothing."""
    with raw(server) as s:
        s.sendall(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7fffffff)) * 2)
        tap.ok("WINDOW_UPDATE beyond 2^31-1: ended", closed(s))
    was = rss(server)
    peer = Peer(server)
    peer.raw(frame(SETTINGS, 0, 0, b"\0\4\0\0\0\0"))  # no byte of any answer may be sent
    head = b"".join(frame(HEADERS, END_HEADERS, i, block(peer)) +
                    frame(DATA, END_STREAM, i, message(b"shut")) for i in range(1, 1601, 2))
    for _ in range(800):
        w.note(b"shut")
    peer.raw(head)
    server.wait(lambda c: c["streams"] >= 1)
    time.sleep(0.5)
    tap.ok("800 answers behind a shut window: memory stays", rss(server) - was < 24 * MIB, rss(server) - was)
    peer.close()


@case
def slow_readers(tap, server, w):
    """Large answers that nobody reads wait within the listener's account; others are served."""
    was, socks = rss(server), []
    for _ in range(40):
        s = server.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(b"GET /big?20000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        socks.append(s)
    time.sleep(1)
    more = rss(server) - was
    tap.ok("40 slow readers of 20 MB: no more than the account", more < 340 * MIB, more // MIB)
    began, served, ended = time.monotonic(), None, 0
    while not ended and time.monotonic() < began + 15:
        answer = server.get("/counts")
        if answer.startswith(b"HTTP/1.1 200"):
            served = served or time.monotonic() - began
            ended = json.loads(answer.split(b"\r\n\r\n", 1)[1])["c_slow_readers"]
        time.sleep(0.1)
    tap.ok("40 slow readers of 20 MB: others are served again within 8 s", served is not None and served < 8, served)
    tap.ok("as who reads nothing is ended, and counted", ended > 0)
    for s in socks:
        s.close()
    tap.ok("and all is given back", server.wait(lambda c: c["connections"] < 5)["connections"] < 5)


def skipped_stream(tap, server):
    """RFC 9113, 5.1.1: an id that was passed over is closed."""
    peer = Peer(server)
    peer.raw(frame(HEADERS, END_HEADERS, 5, block(peer)) + frame(HEADERS, END_HEADERS, 3, block(peer)))
    tap.ok("HEADERS of a passed-over stream: ended", closed(peer.sock))


def many(tap, program, streams=10000, connections=1000):
    """10,000 streams on 1,000 connections, and what a stream costs."""
    server = Server(program)
    was, peers, each = rss(server), [], streams // connections
    try:
        for _ in range(connections):
            peer = Peer(server)
            peer.raw(b"".join(frame(HEADERS, END_HEADERS, 2 * i + 1, block(peer)) +
                              frame(DATA, 0, 2 * i + 1, message(b"x" * 900)) for i in range(each)))
            peers.append(peer.sock)
    except OSError as e:
        tap.skip(f"{streams} streams on {connections} connections", e)
        server.stop()
        return
    now = server.wait(lambda c: c["messages"] >= streams, 60)
    tap.equal(f"{streams} streams on {connections} connections are open", (now["streams"], now["messages"]),
              (streams, streams))
    more = rss(server) - was
    kib = more / streams / 1024
    print(f"# {streams} streams on {connections} connections: {more / MIB:.1f} MiB, {kib:.1f} KiB each", flush=True)
    tap.ok("less than 100 MiB", more < 100 * MIB, more)
    for s in peers:
        s.sendall(b"".join(frame(DATA, END_STREAM, 2 * k + 1, b"") for k in range(each)))
    now = server.wait(lambda c: c["streams"] == 0, 60)
    tap.equal("and end", now["streams"], 0)
    for s in peers:
        s.close()
    tap.equal("clean exit after that", server.stop(), 0)


def main():
    tap = Tap()
    program = sys.argv[1]
    if h2_missing(tap, "floods"):
        return tap.done()
    server = Server(program)
    cases_run(tap, server, CASES)
    skipped_stream(tap, server)
    tap.equal("clean exit", server.stop(), 0)
    many(tap, program)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
