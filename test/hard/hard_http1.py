"""Hostile and unlucky HTTP/1.1 clients:  hard_http1.py HARD_SERVER"""
import socket
import sys
import time

from hard_common import Server, read_all
from tap import Tap

HOST, CLOSE = b"Host: x\r\n", b"Connection: close\r\n"


def status(answer):
    return answer[9:12].decode() if answer.startswith(b"HTTP/1.1 ") else repr(answer[:40])


def body(answer):
    return answer.split(b"\r\n\r\n", 1)[-1]


def requests(tap, server):
    get = server.get("/echo?a=%20b&c")
    tap.equal("GET: method, path and query", (status(get), body(get)), ("200", b"GET|/echo|a=%20b&c||"))
    for name in (b"Content-Type: text/plain", b"Content-Length: 20", b"Connection: close", b"Date: "):
        tap.ok(f"GET: {name.decode()}", name in get)
    head = server.get("/echo?a", "HEAD")
    got = (status(head), b"Content-Length: 14" in head, body(head))
    tap.equal("HEAD: the same without a body", got, ("200", True, b""))
    post = b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Type: a/b\r\nContent-Length: 5\r\n" + CLOSE + b"\r\nhello"
    tap.equal("POST: type and body", body(server.http(post)), b"POST|/echo||a/b|hello")
    chunked = b"POST /echo HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" \
              b"3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nX-Trailer: t\r\n\r\n"
    tap.equal("POST: chunked", body(server.http(chunked)), b"POST|/echo|||hello")
    absolute = b"GET http://else/echo?q HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    tap.equal("absolute form", body(server.http(absolute)), b"GET|/echo|q||")
    tap.equal("no body with 204", server.get("/empty").split(b"\r\n\r\n")[1:], [b""])
    missing = server.get("/nothing")
    extra = b"\r\nX-Reason: no such path\r\n" in missing
    tap.equal("404 with an extra header", (status(missing), extra), ("404", True))
    with server.socket() as s:
        for byte in b"GET /echo?slow HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n":
            s.sendall(bytes([byte]))
        tap.equal("a byte a packet", body(read_all(s)), b"GET|/echo|slow||")


def connections(tap, server):
    old = server.http(b"GET /echo HTTP/1.0\r\n\r\n")
    tap.equal("HTTP/1.0: closes", (status(old), b"Connection: close" in old, body(old)), ("200", True, b"GET|/echo|||"))
    with server.socket() as s:
        s.sendall(b"GET /echo?1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        first = s.recv(4096)
        s.sendall(b"GET /echo?2 HTTP/1.0\r\n\r\n")
        tap.ok("HTTP/1.0: keep-alive where asked for", b"keep-alive" in first and b"|/echo|2|" in read_all(s))
    many = b"".join(b"GET /echo?%d HTTP/1.1\r\n" % i + HOST + b"\r\n" for i in range(500))
    answers = server.http(many + b"GET /echo?end HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    places = [answers.find(b"|/echo|%d|" % i) for i in range(500)]
    tap.ok("pipelined requests are answered in order", places == sorted(places) and -1 not in places)
    tap.ok("and so is the last", answers.endswith(b"GET|/echo|end||"))
    upgrade = b"GET /echo HTTP/1.1\r\n" + HOST + b"Connection: Upgrade, close\r\nUpgrade: h2c\r\n" \
              b"HTTP2-Settings: AA\r\n\r\n"
    tap.equal("an upgrade is declined by answering", status(server.http(upgrade)), "200")
    with server.socket() as s:
        s.sendall(b"GET /big?3000000 HTTP/1.1\r\n" + HOST + b"\r\n")
        s.shutdown(socket.SHUT_WR)
        tap.equal("a client that ends its side gets the whole answer", len(body(read_all(s))), 3000000)


def slow_reader(tap, server):
    """More pipelined large answers than memory should hold: requests wait, and all are answered."""
    with server.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        one = b"GET /big?1000000 HTTP/1.1\r\n" + HOST + b"\r\n"
        s.sendall(one * 100 + b"GET /echo?end HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        time.sleep(0.5)
        tap.equal("slow reader: others are served", status(server.get("/counts")), "200")
        total, tail = 0, b""
        while True:
            part = s.recv(1 << 20)
            if not part:
                break
            total += len(part)
            tail = (tail + part)[-64:]
        whole = total > 100000000 and tail.endswith(b"GET|/echo|end||")
        tap.ok("slow reader: all is there, in order", whole, (total, tail))


def expect(tap, server):
    with server.socket() as s:
        s.sendall(b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\nExpect: 100-continue\r\n" +
                  CLOSE + b"\r\n")
        tap.equal("Expect: 100-continue is answered first", s.recv(4096), b"HTTP/1.1 100 Continue\r\n\r\n")
        s.sendall(b"ok")
        tap.equal("and then the request", body(read_all(s)), b"POST|/echo|||ok")
    large = b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"
    tap.equal("Expect with too large a body: 413 at once", status(server.http(large)), "413")
    odd = b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\nExpect: wonders\r\n\r\n"
    tap.equal("another expectation: 417", status(server.http(odd)), "417")


def refusals(tap, server):
    h, post = HOST, b"POST /echo HTTP/1.1\r\n" + HOST
    cases = (
        ("no request at all", b"hello\r\n\r\n", "400"),
        ("TLS on a plain port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"),
        ("no Host", b"GET /echo HTTP/1.1\r\n\r\n", "400"),
        ("two Hosts", b"GET /echo HTTP/1.1\r\n" + h + h + b"\r\n", "400"),
        ("a space before the colon", b"GET /echo HTTP/1.1\r\nHost : x\r\n\r\n", "400"),
        ("a folded header", b"GET /echo HTTP/1.1\r\n" + h + b"A: b\r\n c\r\n\r\n", "400"),
        ("a NUL in a header", b"GET /echo HTTP/1.1\r\n" + h + b"A: b\0c\r\n\r\n", "400"),
        ("a bare CR in a header", b"GET /echo HTTP/1.1\r\n" + h + b"A: b\rX: c\r\n\r\n", "400"),
        ("a bare LF ends a line", b"GET /echo HTTP/1.1\nHost: x\n\n", "400"),
        ("two lengths", post + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"),
        ("a signed length", post + b"Content-Length: +1\r\n\r\na", "400"),
        ("a length beyond all numbers", post + b"Content-Length: 99999999999999999999999\r\n\r\n", "400"),
        ("a length and chunks", post + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        ("chunks and a length", post + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", "400"),
        ("two transfer encodings", post + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n", "400"),
        ("chunked in HTTP/1.0", b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        ("a chunk size that is none", post + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n", "400"),
        ("a chunk longer than it says", post + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", "400"),
        ("compressed transfer", post + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"),
        ("CONNECT", b"CONNECT x:80 HTTP/1.1\r\n" + h + b"\r\n", "405"),
        ("TRACE", b"TRACE / HTTP/1.1\r\n" + h + b"\r\n", "405"),
        ("a method of no standard", b"BREW / HTTP/1.1\r\n" + h + b"\r\n", "400"),
        ("HTTP/2.0 in a request line", b"GET / HTTP/2.0\r\n" + h + b"\r\n", "505"),
        ("HTTP/9.9", b"GET / HTTP/9.9\r\n" + h + b"\r\n", "400"),
        ("a header of 70 KB", b"GET /echo HTTP/1.1\r\n" + h + b"A: " + b"x" * 70000 + b"\r\n\r\n", "431"),
        ("a path of 70 KB", b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n" + h + b"\r\n", "431"),
        ("70 KB of small headers", b"GET /echo HTTP/1.1\r\n" + h + b"A: b\r\n" * 40000 + b"\r\n", "431"),
        ("70 KB of trailers", post + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 40000 + b"\r\n", "431"),
        ("a body over the limit", post + b"Content-Length: 8388609\r\n\r\n" + b"x" * 100000, "413"),
        ("chunks over the limit", post + b"Transfer-Encoding: chunked\r\n\r\n" +
         (b"100000\r\n" + b"x" * 0x100000 + b"\r\n") * 9, "413"),
        ("an answer over the limit", b"GET /big?80000000 HTTP/1.1\r\n" + h + b"Connection: close\r\n\r\n", "500"),
    )
    for name, raw, want in cases:
        before = server.counts()
        answer = refuse(server, raw)
        tap.equal(f"{name}: {want}", status(answer), want)
        more = server.counts()["c_http_errors"] - before["c_http_errors"]
        tap.equal(f"{name}: one answer, counted, then the end", (answer.count(b"HTTP/1.1 "), more), (1, 1))
    smuggled = post + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" \
               b"GET /echo?smuggled HTTP/1.1\r\n" + h + b"\r\n"
    tap.ok("nothing behind a refused request is served", b"smuggled" not in server.http(smuggled))


def framing(tap, server):
    """Where a body ends must be beyond doubt, or another in front of us may see other requests than we do."""
    get, post = b"GET /echo HTTP/1.1\r\n", b"POST /echo HTTP/1.1\r\n" + HOST
    lengths = (b"1, 1", b"1\r\nContent-Length: 1", b"0x1", b"", b"-1", b"1 0", b"1;", b"1\x0b")
    cases = [(f"Content-Length: {v!r}", post + b"Content-Length: " + v + b"\r\n\r\na", "400") for v in lengths]
    codings = ((b"xchunked", "501"), (b"chunked, identity", "400"), (b"identity, chunked", "501"),
               (b"\x0bchunked", "400"), (b"chunked, chunked", "400"), (b"chunked;q=1", "501"), (b'"chunked"', "501"))
    cases += [(f"Transfer-Encoding: {v!r}", post + b"Transfer-Encoding: " + v + b"\r\n\r\n0\r\n\r\n", want)
              for v, want in codings]
    chunks = (b"0x1\r\na\r\n0\r\n\r\n", b"1\na\r\n0\r\n\r\n", b"1;x\na\r\n0\r\n\r\n", b"1\r\na\n0\r\n\r\n",
              b"-1\r\na\r\n0\r\n\r\n", b"10000000000000001\r\na\r\n0\r\n\r\n", b"1 \r\na\r\n0\r\n\r\n",
              b"0\r\nA: b\n\r\n")
    cases += [(f"a chunk {v!r}", post + b"Transfer-Encoding: chunked\r\n\r\n" + v, "400") for v in chunks]
    heads = (b"GET /echo HTTP/1.1\r\r\n" + HOST + b"\r\n", get + HOST + b"A b: c\r\n\r\n",
             get + HOST + b": c\r\n\r\n",
             get + b" X: y\r\n" + HOST + b"\r\n", b"GET /ec\0ho HTTP/1.1\r\n" + HOST + b"\r\n",
             get + HOST + b"A: b\nB: c\r\n\r\n", get + HOST + b"\n",
             post + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n")
    cases += [(f"a head {v[:40]!r}", v, "400") for v in heads]
    for name, raw, want in cases:
        answer = refuse(server, raw)
        tap.equal(f"{name}: {want}, once", (status(answer), answer.count(b"HTTP/1.1 ")), (want, 1))


def refuse(server, raw):
    """The server may answer before it has all; what it says must reach us all the same."""
    with server.socket() as s:
        try:
            s.sendall(raw)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read_all(s)


def limits(tap, server):
    body_max = b"x" * (8 << 20)
    most = server.http(b"POST /echo HTTP/1.1\r\n" + HOST + CLOSE + b"Content-Length: 8388608\r\n\r\n" + body_max)
    tap.ok("a body at the limit is served", body(most) == b"POST|/echo|||" + body_max)
    tap.equal("an answer of 60 MB is served", len(body(server.get("/big?60000000"))), 60000000)


def dechunk(raw):
    out = b""
    while raw:
        size, raw = raw.split(b"\r\n", 1)
        n = int(size, 16)
        out, raw = out + raw[:n], raw[n + 2:]
    return out


def read_some(s, word):
    got = b""
    while word not in got:
        part = s.recv(65536)
        if not part:
            break
        got += part
    return got


def events(tap, server):
    before = server.counts()
    with server.socket() as a, server.socket() as b, server.socket() as old:
        for s in (a, b):
            s.sendall(b"GET /events HTTP/1.1\r\n" + HOST + b"\r\n")
        old.sendall(b"GET /events HTTP/1.0\r\n\r\n")
        first = read_some(a, b"hello\n\n\r\n")
        tap.ok("event stream: its type, chunked", b"Content-Type: text/event-stream" in first and
               b"Transfer-Encoding: chunked" in first and b"Content-Length" not in first)
        tap.equal("event stream: what the handler wrote", dechunk(body(first)), b"data: hello\n\n")
        read_some(b, b"hello\n\n\r\n"), read_some(old, b"hello\n\n")
        server.get("/emit?one", "POST")
        tap.equal("event stream: what comes later", dechunk(read_some(a, b"\n\n\r\n")), b"data: one\n\n")
        tap.equal("event stream: HTTP/1.0 has no chunks", read_some(old, b"one\n\n"), b"data: one\n\n")
    gone = server.wait(lambda c: c["readers_gone"] - before["readers_gone"] >= 3)
    tap.equal("event stream: readers that leave are noticed", gone["readers_gone"] - before["readers_gone"], 3)
    head = server.get("/events", "HEAD")
    tap.ok("event stream: HEAD ends with the header", head.endswith(b"\r\n\r\n") and status(head) == "200")


def slow_events(tap, server):
    """A reader that does not read is cut off; the one beside it gets all."""
    with server.socket() as slow, server.socket() as good:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for s in (slow, good):
            s.sendall(b"GET /events HTTP/1.1\r\n" + HOST + b"\r\n")
        got = body(read_some(good, b"hello\n\n\r\n"))
        before = server.counts()["readers_gone"]
        text = b"t" * 500000
        post = b"POST /emit HTTP/1.1\r\n" + HOST + b"Content-Length: 500000\r\nConnection: close\r\n\r\n" + text
        turns = 0
        while server.counts()["readers_gone"] == before and turns < 60:
            server.http(post)
            turns += 1
            while got.count(b"t\r\n") < turns:
                got += good.recv(1 << 20)
        tap.ok("a reader that does not read is cut off", turns < 60)
        tap.equal("the one beside it has all", dechunk(got).count(text), turns)


def loris(tap, program):
    server = Server(program, 500)
    with server.socket() as idle, server.socket() as part, server.socket() as stuck, server.socket() as reader:
        idle.sendall(b"GET /echo HTTP/1.1\r\n" + HOST + b"\r\n")
        idle.recv(4096)
        part.sendall(b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\nabc")
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(b"GET /big?60000000 HTTP/1.1\r\n" + HOST + b"\r\n")
        reader.sendall(b"GET /events HTTP/1.1\r\n" + HOST + b"\r\n")
        read_some(reader, b"hello\n\n\r\n")
        tap.equal("idle between requests: closed without a word", read_all(idle), b"")
        tap.equal("half a body: 408", status(read_all(part)), "408")
        time.sleep(1.5)
        tap.ok("a reader that takes nothing: closed", len(read_all(stuck)) < 60000000)
        server.get("/emit?alive", "POST")
        tap.equal("an event stream may be silent", dechunk(read_some(reader, b"\n\n\r\n")), b"data: alive\n\n")
    tap.equal("slow loris: clean exit", server.stop(), 0)


def main():
    tap = Tap()
    server = Server(sys.argv[1])
    for fn in (requests, connections, slow_reader, expect, refusals, framing, limits, events, slow_events):
        fn(tap, server)
    tap.equal("clean exit", server.stop(), 0)
    loris(tap, sys.argv[1])
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
