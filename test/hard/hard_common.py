"""What the hardness tests share: the server under test, HTTP by hand, an HTTP/2 client that can misbehave."""
import glob
import json
import os
import socket
import struct
import subprocess
import sys
import time
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.append(os.path.join(ROOT, "tools"))
# Behind the interpreter's own packages: those that `./dev install` fetched.
sys.path += glob.glob(os.path.join(ROOT, "build", "venv", "lib", "python3*", "site-packages"))

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8


class Server:
    """The program under test. Its exit status tells of sanitizers and assertions."""

    def __init__(self, program, idle_ms=60000):
        self.process = subprocess.Popen([program, str(idle_ms)], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def socket(self):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def http(self, raw):
        """Sends bytes, reads to the end of the connection."""
        with self.socket() as s:
            s.sendall(raw)
            return read_all(s)

    def get(self, target, method="GET"):
        return self.http(f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

    def counts(self):
        return json.loads(self.get("/counts").split(b"\r\n\r\n", 1)[1])

    def wait(self, good, seconds=15):
        """Polls the counts until good(counts); the last counts."""
        deadline = time.monotonic() + seconds
        while True:
            counts = self.counts()
            if good(counts) or time.monotonic() > deadline:
                return counts
            time.sleep(0.02)

    def stop(self):
        """The exit status."""
        self.get("/stop", "POST")
        return self.process.wait(30)


def read_all(s):
    out = bytearray()
    while True:
        try:
            part = s.recv(1 << 20)
        except ConnectionResetError:
            part = b""
        if not part:
            return bytes(out)
        out += part


def message(body, flag=0):
    return struct.pack(">BI", flag, len(body)) + body


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def check(body):
    return zlib.adler32(body)


class Stream:
    def __init__(self):
        self.headers = self.trailers = None
        self.data = b""
        self.ended = False
        self.reset = None

    def status(self):
        """The HTTP status, or None."""
        return dict(self.headers or {}).get(":status")

    def grpc_status(self):
        found = dict(self.trailers or {}).get("grpc-status") or dict(self.headers or {}).get("grpc-status")
        return None if found is None else int(found)


class Peer:
    """One HTTP/2 connection, by the library h2; raw() goes around it."""

    def __init__(self, server, **settings):
        import h2.config
        import h2.connection
        import h2.events
        self.ev = h2.events
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        self.sock = server.socket()
        self.streams, self.goaway, self.closed, self.pongs = {}, None, False, 0
        self.h2.initiate_connection()
        for key, value in settings.items():
            self.h2.update_settings({key: value})
        self.flush()

    def flush(self):
        out = self.h2.data_to_send()
        if out:
            self.sock.sendall(out)

    def raw(self, data):
        self.flush()
        self.sock.sendall(data)

    def request_headers(self, path="/test.Feed/Send", method="POST", kind="application/grpc", extra=()):
        return [(":method", method), (":scheme", "http"), (":path", path), (":authority", "x"),
                ("content-type", kind), ("te", "trailers"), *extra]

    def open(self, end=False, **kw):
        sid = self.h2.get_next_available_stream_id()
        self.streams[sid] = Stream()
        self.h2.send_headers(sid, self.request_headers(**kw), end_stream=end)
        self.flush()
        return sid

    def send(self, sid, data, end=False, pad=None):
        view = memoryview(data)
        while len(view):
            room = min(self.h2.local_flow_control_window(sid), self.h2.max_outbound_frame_size)
            if room - (pad or 0) - 1 <= 0:
                self.pump(lambda: self.h2.local_flow_control_window(sid) > (pad or 0) + 1)
                continue
            part = view[:room - (pad + 1 if pad else 0)]
            view = view[len(part):]
            self.h2.send_data(sid, bytes(part), pad_length=pad)
            self.flush()
        if end:
            self.h2.end_stream(sid)
            self.flush()

    def take(self, event):
        e, st = self.ev, self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, e.ConnectionTerminated):
            self.goaway = int(event.error_code)
        elif isinstance(event, e.PingAckReceived):
            self.pongs += 1
        elif st is None:
            return
        elif isinstance(event, e.ResponseReceived):
            st.headers = event.headers
        elif isinstance(event, e.TrailersReceived):
            st.trailers = event.headers
        elif isinstance(event, e.DataReceived):
            st.data += event.data
        elif isinstance(event, e.StreamEnded):
            st.ended = True
        elif isinstance(event, e.StreamReset):
            st.reset = int(event.error_code)

    def pump(self, until, seconds=15):
        """Reads until until(), the end of the connection, or the time is up. What until() says."""
        deadline = time.monotonic() + seconds
        while not until() and not self.closed and time.monotonic() < deadline:
            self.sock.settimeout(max(0.01, min(0.5, deadline - time.monotonic())))
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                continue
            except ConnectionResetError:
                data = b""
            self.closed = not data
            for event in self.h2.receive_data(data) if data else ():
                self.take(event)
            self.sock.settimeout(20)
            self.flush()
        return until()

    def answer(self, sid, seconds=15):
        """Waits for the stream's end; the stream."""
        st = self.streams[sid]
        self.pump(lambda: st.ended or st.reset is not None, seconds)
        return st

    def close(self):
        self.sock.close()


class Witness:
    """The well-behaved stream beside each case: what it sends must arrive, whole, and its end must be answered."""

    def __init__(self, server):
        self.server, self.sent, self.bytes, self.sum = server, 0, 0, 0
        self.before = server.counts()
        self.peer = Peer(server)
        self.sid = self.peer.open()

    def send(self, count=20, size=900):
        for i in range(count):
            body = bytes([i % 256]) * (size + i)
            self.note(body)
            self.peer.send(self.sid, message(body))

    def note(self, body):
        """Something that the case itself got through."""
        self.sent, self.bytes, self.sum = self.sent + 1, self.bytes + len(body), self.sum + check(body)

    def done(self, tap, name):
        self.send()
        self.peer.h2.end_stream(self.sid)
        self.peer.flush()
        st = self.peer.answer(self.sid)
        tap.equal(f"{name}: the stream beside it ends well", (st.status(), st.grpc_status()), ("200", 0))
        self.peer.close()
        now = self.server.wait(lambda c: c["messages"] - self.before["messages"] >= self.sent)
        got = tuple(now[key] - self.before[key] for key in ("messages", "bytes", "sum"))
        tap.equal(f"{name}: nothing lost, nothing invented", got, (self.sent, self.bytes, self.sum))


def counted(server, key, before, more):
    """Waits until counter c_<key> has grown by `more` since before; the growth."""
    return server.wait(lambda c: c["c_" + key] - before["c_" + key] >= more)["c_" + key] - before["c_" + key]


def cases_run(tap, server, cases):
    """Each case beside a well-behaved stream that must lose nothing."""
    for fn in cases:
        w = Witness(server)
        w.send()
        fn(tap, server, w)
        w.done(tap, fn.__name__.replace("_", " "))


def h2_missing(tap, what):
    """Skips where the package is not here that the HTTP/2 client of the tests is made of."""
    try:
        import h2  # noqa: F401
        return False
    except ImportError:
        tap.skip(what, "python package h2 is not here; ./dev install fetches it")
        return True
