"""The scraper of a running daemon: credentials, TLS, gzip, servers that misbehave, targets from files and from DNS, and
what the status says of them.

    test_scrape.py BINARY
"""
import base64
import gzip
import http.server
import json
import os
import shutil
import socket
import socketserver
import ssl
import struct
import sys
import tempfile
import threading
import time

from e2e_daemon import LONG_S, Daemon, Tap, run
from e2e_pki import LOCAL, Authority

TEXT = b"# TYPE a counter\na 1\n"
BOMB = gzip.compress(bytes(50 << 20))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.opened += 1

    def answer(self, body, status=200, kind="text/plain; version=0.0.4", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        getattr(self, "get_" + self.path.strip("/").split("?")[0].split("/")[0], self.get_metrics)()

    def get_metrics(self):
        self.answer(TEXT)

    def get_x(self):
        self.answer(b"no", 404)

    def get_gzip(self):
        self.answer(gzip.compress(TEXT * 1000), Content_Encoding="gzip")

    def get_bomb(self):
        self.answer(BOMB, Content_Encoding="gzip")

    def get_nogzip(self):
        self.answer(b"not gzip at all", Content_Encoding="gzip")

    def get_hang(self):
        time.sleep(3)
        self.close_connection = True

    def get_drip(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "1000")
        self.end_headers()
        try:
            for _ in range(30):
                self.wfile.write(b"#")
                time.sleep(0.1)
        except OSError:
            pass
        self.close_connection = True

    def get_cut(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(TEXT)
        self.close_connection = True

    def get_garbage(self):
        self.wfile.write(b"\0\1\2garbage\r\n\r\n")
        self.close_connection = True

    def get_redirect(self):
        self.answer(b"", 302, Location="/metrics")

    def get_chunked(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"6\r\na 1\nb \r\n2\r\n2\n\r\n0\r\n\r\n")

    def get_bearer(self):
        good = self.headers.get("Authorization") == "Bearer " + self.server.secret
        self.answer(TEXT, 200 if good else 401)

    def get_basic(self):
        want = "Basic " + base64.b64encode(b"me:" + self.server.secret.encode()).decode()
        self.answer(TEXT, 200 if self.headers.get("Authorization") == want else 401)

    def log_message(self, *_):
        pass


class Site(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, context=None, secret="s3"):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen, self.opened, self.secret = [], 0, secret
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass

    @property
    def at(self):
        return f"127.0.0.1:{self.server_address[1]}"


class Names(socketserver.BaseRequestHandler):
    """A DNS server: self.server.zone maps (name, type) to answers; a missing name is NXDOMAIN, None is SERVFAIL. An
    answer is its data, or a pair: the length that it says, and the data."""

    def handle(self):
        data, sock = self.request
        name, at = [], 12
        while data[at]:
            name.append(data[at + 1:at + 1 + data[at]].decode().lower())
            at += data[at] + 1
        kind = struct.unpack(">H", data[at + 1:at + 3])[0]
        question = data[12:at + 5]
        name = ".".join(name)
        self.server.asked.append((name, kind))
        known = any(n == name for n, _ in self.server.zone)
        answers = self.server.zone.get((name, kind), [])
        code = 2 if answers is None else 0 if known else 3
        answers = answers or []
        out = data[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(answers), 0, 0) + question
        for said, body in (a if isinstance(a, tuple) else (len(a), a) for a in answers):
            out += struct.pack(">HHHIH", 0xc00c, kind, 1, 1, said) + body
        sock.sendto(out, self.client_address)


def names_open(zone):
    server = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Names)
    server.zone, server.asked = zone, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def service(port, host):
    labels = b"".join(bytes([len(p)]) + p.encode() for p in host.split("."))
    return struct.pack(">HHH", 0, 0, int(port)) + labels + b"\0"


def config(root, jobs):
    path = os.path.join(root, "conf.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("scrape: " + json.dumps(jobs) + "\n")
    return path


def job(daemon, name):
    return next(j for j in daemon.get("/api/v1/status")["scrape"]["jobs"] if j["job"] == name)


def down(daemon):
    return {t["job"]: t for t in daemon.get("/api/v1/status")["scrape"]["down"]}


def settled(daemon):
    """Every target of every job was asked."""
    return daemon.wait(lambda: all(j["up"] + j["down"] == j["targets"]
                                   for j in daemon.get("/api/v1/status")["scrape"]["jobs"]), LONG_S)


FAILURES = {"none": ("/x/none", "scrape_status", "status 404"),
            "redirect": ("/redirect", "scrape_status", "status 302"),
            "bomb": ("/bomb", "scrape_oversize", "size limit"), "nogzip": ("/nogzip", "scrape_broken", ""),
            "hang": ("/hang", "scrape_timeout", ""), "drip": ("/drip", "scrape_timeout", ""),
            "cut": ("/cut", "scrape_broken", ""), "garbage": ("/garbage", "scrape_broken", "")}


def failures(tap, binary, root):
    site = Site()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refusing = f"127.0.0.1:{closed.getsockname()[1]}"
        jobs = [{"job": name, "targets": [site.at], "path": path, "interval": "1s"}
                for name, (path, _, _) in FAILURES.items()]
        jobs += [{"job": "refused", "targets": [refusing], "interval": "1s"},
                 {"job": "noname", "targets": ["no-such-host.invalid:80"], "interval": "1s"},
                 {"job": "notoken", "targets": [site.at], "token_file": root + "/nothing", "interval": "1s"},
                 {"job": "good", "targets": [site.at], "interval": "1s"},
                 {"job": "gzip", "targets": [site.at], "path": "/gzip", "interval": "1s"},
                 {"job": "chunked", "targets": [site.at], "path": "/chunked", "interval": "1s"}]
        with Daemon(binary, "--config", config(root, jobs)) as daemon:
            settled(daemon)
            cases = dict(FAILURES, refused=("", "scrape_no_connection", "onnect"),
                         noname=("", "scrape_no_name", "resolve"), notoken=("", "scrape_secret", "/nothing"))
            told = down(daemon)
            for name, (_, counter, why) in cases.items():
                tap.ok(f"{name}: down, and why", name in told and why in told[name]["why"], told.get(name))
                tap.ok(f"{name}: counted as {counter}", daemon.counters()[counter] > 0)
            for name in ("good", "gzip", "chunked"):
                tap.equal(f"{name}: up", job(daemon, name)["up"], 1)
            metrics = daemon.ask("/metrics")[2]
            tap.ok("metrics by job", 'foreshock_scrape_targets_up{job="good"} 1' in metrics
                   and 'foreshock_scrape_targets_down{job="hang"} 1' in metrics)
            before = daemon.counters()["scrapes"]
            tap.ok("beside those the good ones go on", daemon.wait(
                lambda: daemon.counters()["scrapes"] > before + 6, LONG_S))
            sizes = daemon.counters()
            line = len(f'# target {{job="good",instance="{site.at}"}} text\n') + len(TEXT)
            tap.ok("bytes are those of line and exposition", sizes["scrape_bytes"] > line and sizes["message_bytes"]
                   > sizes["scrape_bytes"], sizes["scrape_bytes"])  # and whether each target is up
            tap.equal("a clean end in the midst of it", daemon.stop(), 0)


def credentials(tap, binary, root):
    ca, other = Authority(root, "ours"), Authority(root, "theirs")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ca.issue(LOCAL))
    context.load_verify_locations(ca.file)
    context.verify_mode = ssl.CERT_REQUIRED
    plain, sealed = Site(), Site(context)
    mine = ca.issue("URI:spiffe://mesh/ns/foreshock/sa/foreshock")
    token = os.path.join(root, "token")
    with open(token, "w", encoding="utf-8") as file:
        file.write("s3\n")
    show = {"scheme": "https", "cert_file": mine[0], "key_file": mine[1], "interval": "1s"}
    stranger = other.issue("DNS:x")
    jobs = [{"job": "bearer", "targets": [plain.at], "path": "/bearer", "token_file": token, "interval": "1s"},
            {"job": "basic", "targets": [plain.at], "path": "/basic", "username": "me", "password_file": token,
             "interval": "1s"},
            {"job": "protobuf", "targets": [plain.at], "protobuf": True, "interval": "1s", "path": "/pb"},
            {"job": "mtls", "targets": [sealed.at], "ca_file": ca.file, **show},
            {"job": "url", "targets": ["https://" + sealed.at + "/other?x=1"], "ca_file": ca.file,
             **dict(show, scheme="http")},
            {"job": "insecure", "targets": [sealed.at], "insecure": True, **show},
            {"job": "untrusted", "targets": [sealed.at], "ca_file": other.file, **show},
            {"job": "stranger", "targets": [sealed.at], "ca_file": ca.file, "scheme": "https",
             "cert_file": stranger[0], "key_file": stranger[1], "interval": "1s"}]
    with Daemon(binary, "--config", config(root, jobs)) as daemon:
        settled(daemon)
        for name in ("bearer", "basic", "mtls", "url", "insecure"):
            tap.equal(f"{name}: up", (job(daemon, name)["up"], down(daemon).get(name)), (1, None))
        for name in ("untrusted", "stranger"):
            tap.equal(f"{name}: down", job(daemon, name)["down"], 1)
        tap.ok("counted as scrape_tls", daemon.counters()["scrape_tls"] > 0)
        accept = dict(next(h for p, h in plain.seen if p == "/pb"))["Accept"]
        tap.ok("protobuf is asked for first where it is wanted", accept.startswith("application/vnd.google.protobuf"))
        tap.ok("a URL's own path and query", any(p == "/other?x=1" for p, _ in sealed.seen))
        plain.secret = "n3w"
        tap.ok("a token that changed there: down", daemon.wait(lambda: job(daemon, "bearer")["down"] == 1, LONG_S))
        with open(token, "w", encoding="utf-8") as file:
            file.write("n3w")
        tap.ok("and here: up again, without a restart", daemon.wait(lambda: job(daemon, "bearer")["up"] == 1, LONG_S))
        tap.ok("no secret is in the status", "n3w" not in daemon.ask("/api/v1/status")[2])


def write(path, text):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)


def files(tap, binary, root):
    sites = [Site() for _ in range(3)]
    one, two = os.path.join(root, "t-1.json"), os.path.join(root, "t-2.yaml")
    write(one, json.dumps([{"targets": [sites[0].at], "labels": {"pod": "cart-1", "__metrics_path__": "/own"}}]))
    write(two, f"- targets: ['{sites[1].at}']\n  labels: {{pod: cart-2}}\n")
    jobs = [{"job": "sd", "files": [root + "/t-*"], "interval": "1s"},
            {"job": "later", "files": root + "/later.json", "interval": "1s"}]
    with Daemon(binary, "--config", config(root, jobs)) as daemon:
        tap.ok("JSON and YAML by one pattern", daemon.wait(lambda: job(daemon, "sd")["up"] == 2, LONG_S),
               job(daemon, "sd"))
        tap.ok("a file's own path", sites[0].seen and sites[0].seen[0][0] == "/own", sites[0].seen[:1])
        tap.ok("a file that is not there is a problem, and no more", "no such file" in job(daemon, "later")["problem"])
        write(root + "/later.json", json.dumps([{"targets": [sites[2].at]}]))
        tap.ok("until it is", daemon.wait(lambda: job(daemon, "later")["up"] == 1, LONG_S), job(daemon, "later"))
        tap.equal("then there is none", job(daemon, "later")["problem"], None)
        before = daemon.counters()["discovery_errors"]
        write(two, "- targets: [")
        tap.ok("a broken file is told", daemon.wait(lambda: job(daemon, "sd")["problem"], LONG_S))
        tap.equal("and counted once", daemon.counters()["discovery_errors"], before + 1)
        tap.equal("its targets stay", job(daemon, "sd")["targets"], 2)
        write(two, f"- targets: ['{sites[2].at}', '{sites[1].at}']\n")
        tap.ok("whole again: its new targets", daemon.wait(lambda: job(daemon, "sd")["up"] == 3, LONG_S),
               job(daemon, "sd"))
        os.unlink(two)
        tap.ok("a file that goes takes its targets along",
               daemon.wait(lambda: job(daemon, "sd")["targets"] == 1, LONG_S), job(daemon, "sd"))
        opened = sites[0].opened
        time.sleep(2.5)
        tap.ok("connections are kept", sites[0].opened == opened and len(sites[0].seen) > 3)


def names(tap, binary, root):
    sites = [Site() for _ in range(2)]
    port = sites[0].server_address[1]
    zone = {("web.test", 1): [socket.inet_aton("127.0.0.1")], ("web.test", 28): [],
            ("six.test", 1): None, ("six.test", 28): [socket.inet_pton(socket.AF_INET6, "::1")],
            ("_m._tcp.test", 33): [service(s.server_address[1], "localhost") for s in sites]}
    server = names_open(zone)
    base = {"dns_servers": f"127.0.0.1:{server.server_address[1]}", "refresh": "1s", "interval": "1s"}
    jobs = [{"job": "a", "dns": "web.test", "dns_port": port, **base},
            {"job": "aaaa", "dns": "six.test", "dns_port": port, **base},
            {"job": "srv", "dns": ["_m._tcp.test"], **base},
            {"job": "gone", "dns": "nothing.test", "dns_port": port, **base},
            {"job": "mute", "dns": "web.test", "dns_port": port, **dict(base, dns_servers="127.0.0.1:9")}]
    with Daemon(binary, "--config", config(root, jobs)) as daemon:
        tap.ok("A: the address with the port", daemon.wait(lambda: job(daemon, "a")["up"] == 1, LONG_S),
               job(daemon, "a"))
        tap.ok("AAAA: found beside a failing A", daemon.wait(lambda: job(daemon, "aaaa")["targets"] == 1, LONG_S),
               job(daemon, "aaaa"))
        tap.ok("SRV: two targets", daemon.wait(lambda: job(daemon, "srv")["up"] == 2, LONG_S), job(daemon, "srv"))
        tap.equal("a name that is not there has none, and that is no problem",
                  (job(daemon, "gone")["targets"], job(daemon, "gone")["problem"]), (0, None))
        zone[("_m._tcp.test", 33)] = zone[("_m._tcp.test", 33)][:1]
        tap.ok("one fewer", daemon.wait(lambda: job(daemon, "srv")["targets"] == 1, LONG_S))
        zone[("web.test", 1)] = zone[("web.test", 28)] = None
        tap.ok("a server that fails is told", daemon.wait(lambda: job(daemon, "a")["problem"], LONG_S))
        tap.equal("and the targets stay", job(daemon, "a")["up"], 1)
        zone[("web.test", 28)] = []
        zone[("web.test", 1)] = [socket.inet_aton("127.0.0.1")]
        tap.ok("it answers again", daemon.wait(lambda: job(daemon, "a")["problem"] is None, LONG_S))
        zone[("web.test", 1)] = [(40, socket.inet_aton("127.0.0.1"))]
        tap.ok("an answer that is cut short is told", daemon.wait(lambda: job(daemon, "a")["problem"], LONG_S))
        tap.equal("and is not one of no address", job(daemon, "a")["targets"], 1)
        tap.ok("a server that is not there, too", daemon.wait(lambda: job(daemon, "mute")["problem"], LONG_S))
        tap.equal("a clean end while names are asked", daemon.stop(), 0)
    server.shutdown()


def checks(tap, binary, root):
    good = run(binary, "check", "--config", config(root, [{"job": "a", "targets": ["h:1"]}]))
    tap.equal("check: a good job", (good.returncode, good.stderr), (0, ""))
    bad = run(binary, "check", "--config", config(root, [{"job": "a", "targets": ["h:1"], "interval": "10ms"}]))
    tap.ok("check: a bad one, with its place", bad.returncode == 1 and "conf.yaml:1:" in bad.stderr, bad.stderr)
    for key in ("files", "dns"):
        bad = run(binary, "check", "--config", config(root, [{"job": "a", key: ["_" + "x" * 511]}]))
        tap.ok(f"check: {key}, longer than can be", bad.returncode == 1 and "511 bytes" in bad.stderr, bad.stderr)


def main():
    tap = Tap()
    binary = sys.argv[1]
    for part in (checks, failures, files, names, credentials):
        if part is credentials and not shutil.which("openssl"):
            tap.skip("credentials", "no openssl command here")
            continue
        with tempfile.TemporaryDirectory() as root:
            part(tap, binary, root)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
