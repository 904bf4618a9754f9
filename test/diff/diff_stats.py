"""`foreshock stats` against an independent count in python-protobuf: services, edges, codes and flags to the last
request.

    diff_stats.py FORESHOCK SOURCE_ROOT [--all]

On the corpus beside the source tree, where it is at hand (--all: all of it, else without the largest), and on made
messages. Identity is written down a second time here, from docs/reference-identity.md, as far as service and edge
go. Prints TAP."""

import collections
import io
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile

from diff_common import Tap, varint

try:
    from envoy.service.accesslog.v3 import als_pb2
    from google.protobuf import struct_pb2

    import als_oracle
except ImportError as missing:
    print("1..0 # SKIP no oracle: %s" % missing)
    sys.exit(0)

ARCHIVES = ("mixed", "istio", "defbuf")
LARGE_ARCHIVES = ("bench-als",)
STREAMS = ("mesh-a.als",)
LARGE_STREAMS = ("mesh-b.als",)
FINISHED = (0, 3, 6)
SAYS_NOTHING = ("", "default", "allow_any", "block_all", "passthrough", "local_route", "local", "backend", "route",
                "inbound", "outbound", "local_service", "all", "catch-all", "catchall", "ingress")


# --- messages in order of arrival -------------------------------------------------------------------------------

def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def delimited(data):
    at = 0
    while at < len(data):
        n, at = read_varint(data, at)
        yield 0, data[at:at + n]
        at += n


def grpc_ends(data):
    at = 0
    while at + 5 <= len(data):
        n = int.from_bytes(data[at + 1:at + 5], "big")
        yield at + 5, at + 5 + n
        at += 5 + n


def captured(folder):
    """The streams of a capture, a message when its last byte arrived."""
    bodies = {p.name: p.read_bytes() for p in sorted(folder.glob("*StreamAccessLogs*.grpc"))}
    index = folder / "index.jsonl"
    chunks = []
    if index.exists():
        for line in index.read_text().splitlines():
            row = json.loads(line)
            if row.get("method") == "chunk" and row.get("file") in bodies:
                t, _, fraction = row["t"].rstrip("Z").partition(".")
                chunks.append((t, fraction.ljust(9, "0"), len(chunks), row["file"], row["off"] + row["len"]))
    if not chunks:
        chunks = [("", "", i, name, len(data)) for i, (name, data) in enumerate(bodies.items())]
    ends = {name: collections.deque(grpc_ends(data)) for name, data in bodies.items()}
    for _, _, _, name, until in sorted(chunks):
        while ends[name] and ends[name][0][1] <= until:
            start, end = ends[name].popleft()
            yield name, bodies[name][start:end]


# --- identity, for service and edge -------------------------------------------------------------------------------

def strings(struct):
    return {k: v.string_value for k, v in struct.fields.items() if v.WhichOneof("kind") == "string_value"}


def first(*names):
    return next((n for n in names if n), "")


def cut_namespace(text, namespace):
    parts = text.split(".")
    if len(parts) == 2 and all(parts) and not text.replace(".", "").isdigit():
        return parts[0], namespace or parts[1]
    return text, namespace


class Reporter:
    def __init__(self, identifier):
        node = identifier.node
        meta = strings(node.metadata)
        low = {k.lower(): v for k, v in meta.items()}
        kind, _, rest = node.id.partition("~")
        self.key = (node.id, node.cluster, tuple(sorted(meta.items())))
        self.kind = kind if rest else "plain"
        self.ips = [ip for ip in low.get("instance_ips", "").split(",") if ip]
        self.intercepts = meta.get("INTERCEPTION_MODE") != "NONE"
        if rest:
            labels = strings(node.metadata.fields["LABELS"].struct_value) if "LABELS" in node.metadata.fields else {}
            self.ips.append(node.id.split("~")[1])
            self.namespace = first(meta.get("NAMESPACE"), node.id.split("~")[2].rpartition(".")[2])
            self.service = first(labels.get("service.istio.io/canonical-name"), labels.get("app.kubernetes.io/name"),
                                 labels.get("app"), meta.get("WORKLOAD_NAME"), node.cluster.split(".")[0])
        else:
            _, self.namespace = cut_namespace(node.id, low.get("namespace", ""))
            self.service = low.get("service", "")
            if not self.service:
                self.service, self.namespace = cut_namespace(node.cluster, self.namespace)
        self.who = (self.namespace, self.service)
        log = identifier.log_name.lower()
        self.hint = "server" if any(w in log for w in ("inbound", "ingress", "server")) else (
            "client" if any(w in log for w in ("outbound", "egress", "client")) else "")


def host_target(host):
    labels = host.split(".")
    return (labels[1], labels[0]) if len(labels) >= 3 and labels[2] == "svc" else ("", host)


def cluster_target(cluster):
    """local | unknown | (namespace or None where it is the reporter's own, service)"""
    parts = cluster.split("|")
    if len(parts) == 4:
        return "local" if parts[0] == "inbound" else host_target(parts[3])
    if cluster.startswith(("PassthroughCluster", "BlackHoleCluster")) or not cluster:
        return "unknown"
    if cluster.startswith("inbound") or cluster in ("local", "local_app", "local_service", "local_cluster"):
        return "local"
    labels = cluster.split(".")
    if len(labels) == 2:
        return labels[1], labels[0]
    return (None, cluster) if len(labels) == 1 else host_target(cluster)


def is_ip(host):
    return host.replace(".", "").isdigit() or ":" in host


def is_value(segment):
    """As far as the corpus goes: digits, and eight and more with two digits among letters."""
    digits = sum(c.isdigit() for c in segment)
    return segment.isdigit() or (len(segment) >= 8 and digits >= 2 and any(c.isalpha() for c in segment))


class Count:
    def __init__(self):
        self.rows = {}
        self.addresses = {}
        self.went = {}
        self.passed_over = collections.Counter()
        self.entries = self.messages = 0

    def add(self, kind, side, names, code, flags):
        row = self.rows.setdefault((kind, side, names), {"requests": 0, "codes": collections.Counter(),
                                                         "flags": collections.Counter()})
        row["requests"] += 1
        row["codes"][str(code)] += 1
        row["flags"].update(flags)

    def kinds(self, reporter, common, request):
        """Keys of what a request was about, the most special first."""
        head = (reporter.key, common.downstream_local_address.socket_address.port_value)
        if common.route_name not in SAYS_NOTHING and not common.route_name.startswith(("inbound|", "outbound|")):
            return [head + (common.route_name,)]
        path = (request.original_path or request.path).split("?")[0].split("#")[0]
        words = ["{id}" if is_value(s) else s for s in path.split("/") if s][:3]
        head += (request.authority,)
        return [head + ("three",) + tuple(words)] + ([head + ("one", words[0])] if words else [])

    def destination(self, reporter, common, request, flags):
        """(namespace, service) or None, and the upstream cluster it rests on."""
        cluster = common.upstream_cluster
        if not cluster and request is not None and "NR" not in flags:
            keys = self.kinds(reporter, common, request)
            cluster = next((self.went[k] for k in keys if k in self.went), "")
        target = cluster_target(cluster)
        if target == "unknown":
            host = request.authority if request is not None else ""
            if not host.startswith("[") and host.count(":") == 1:
                host = host.partition(":")[0]
            if not host or is_ip(host):
                known = self.addresses.get(host)
                return (known if known and known != reporter.who else ("", cluster) if cluster else None), cluster
            labels = host.split(".")
            if len(labels) == 1 or (len(labels) == 2 and labels[1] == reporter.namespace):
                return (reporter.namespace, labels[0]), cluster
            return host_target(host), cluster
        if target == "local":
            return None, cluster
        namespace, service = target
        return (reporter.namespace if namespace is None else namespace, service), cluster

    def caller(self, common):
        peer = common.filter_state_objects.get("downstream_peer")
        if peer is not None:
            struct = struct_pb2.Struct.FromString(peer.value)
            fields = strings(struct)
            return fields.get("namespace", ""), first(fields.get("service"), fields.get("workload"))
        sans = common.tls_properties.peer_certificate_properties.subject_alt_name
        cert = sans[0].uri.split("/")[3:] if sans and sans[0].uri.startswith("spiffe://") else []
        direct = common.downstream_direct_remote_address.socket_address.address
        known = self.addresses.get(direct)
        if known and (not cert or known[0] == cert[1]):
            return known
        if len(cert) == 4 and cert[3] != "default":
            return cert[1], cert[3]
        return None

    def is_server(self, reporter, common):
        target = cluster_target(common.upstream_cluster)
        if reporter.kind == "router":
            return False
        if reporter.kind == "plain" and reporter.hint:
            return reporter.hint == "server"
        if target == "local":
            return True
        if reporter.kind == "plain" or target != "unknown" or common.route_name in ("allow_any", "block_all"):
            return False
        local = common.downstream_local_address.socket_address.address
        return not common.upstream_cluster and reporter.intercepts and local in reporter.ips

    def entry(self, reporter, entry, tcp):
        common = entry.common_properties
        kind = int(common.access_log_type)
        self.entries += 1
        if kind not in FINISHED:
            self.passed_over["progress"] += 1
            return
        if tcp and kind == 6:
            self.passed_over["twins"] += 1
            return
        flags = [code for name, code in als_oracle.FLAG_CODES.items()
                 if (common.response_flags.HasField(name) if name == "unauthorized_details"
                     else getattr(common.response_flags, name))]
        request = None if tcp else entry.request
        code = 0 if tcp else min(entry.response.response_code.value, 999)
        if self.is_server(reporter, common):
            self.add("service", "server", reporter.who, code, flags)
            caller = self.caller(common)
            if caller and caller[1]:
                self.add("edge", "server", reporter.who + caller, code, flags)
            return
        there, cluster = self.destination(reporter, common, request, flags)
        if there:
            self.add("service", "client", there, code, flags)
            self.add("edge", "client", there + reporter.who, code, flags)
        if reporter.kind == "router":
            self.add("service", "server", reporter.who, code, flags)
        reached = common.upstream_remote_address.socket_address.address
        if common.upstream_cluster and reached and request is not None and cluster_target(cluster) != "unknown":
            for key in self.kinds(reporter, common, request):
                self.went[key] = cluster

    def message(self, reporters, stream, data):
        message = als_pb2.StreamAccessLogsMessage.FromString(data)
        self.messages += 1
        if message.HasField("identifier"):
            reporters[stream] = reporter = Reporter(message.identifier)
            if reporter.kind != "plain":
                self.addresses.update({ip: reporter.who for ip in reporter.ips})
        for entry in message.http_logs.log_entry:
            self.entry(reporters[stream], entry, False)
        for entry in message.tcp_logs.log_entry:
            self.entry(reporters[stream], entry, True)


def count(messages):
    out, reporters = Count(), {}
    for stream, data in messages:
        out.message(reporters, stream, data)
    return out


# --- comparison ---------------------------------------------------------------------------------------------------

def stats_of(binary, form, path):
    done = subprocess.run([binary, "stats", "--format", form, str(path)], capture_output=True, check=True)
    return json.loads(done.stdout)


def plain(row):
    return {"requests": row["requests"], "codes": dict(row["codes"]), "flags": dict(row["flags"])}


def preferred(rows, kind, side):
    """Rows by names: those of this side, and of the other where there is none."""
    out = {names: (s, row) for (k, s, names), row in rows.items() if k == kind and s != side}
    out.update({names: (s, row) for (k, s, names), row in rows.items() if k == kind and s == side})
    return out


def differences(name, got, want):
    out = ["%s %s: only in %s" % (name, "/".join(k), "stats" if k in got else "the oracle") for k in got.keys() ^ want]
    return out + ["%s %s: %r, not %r" % (name, "/".join(k), got[k], want[k])
                  for k in sorted(got.keys() & want) if got[k] != want[k]]


def compare(stats, oracle):
    services = {(r["namespace"], r["service"]): (r["reporter"], plain(r)) for r in stats["services"].values()}
    edges = {(r["namespace"], r["callee"], r["caller_namespace"], r["caller"]): (r["reporter"], plain(r))
             for r in stats["edges"]}
    want = {k: (s, plain(r)) for k, (s, r) in preferred(oracle.rows, "service", "server").items()}
    wrong = differences("service", services, want)
    want = {k: (s, plain(r)) for k, (s, r) in preferred(oracle.rows, "edge", "client").items()}
    wrong += differences("edge", edges, want)
    for key, number in (("messages", oracle.messages), ("entries", oracle.entries)):
        if stats[key] != number:
            wrong.append("%s: %d, not %d" % (key, stats[key], number))
    for key in ("twins", "progress"):
        if stats["passed_over"][key] != oracle.passed_over[key]:
            wrong.append("%s: %d, not %d" % (key, stats["passed_over"][key], oracle.passed_over[key]))
    if stats["rejected"]:
        wrong.append("rejected: %r" % stats["rejected"])
    return wrong


def check(tap, name, stats, oracle):
    wrong = compare(stats, oracle)
    if not oracle.rows:
        wrong.append("nothing was counted")
    tap.ok("%s: %d messages, %d entries, %d services and edges" % (name, oracle.messages, oracle.entries,
                                                                   len(oracle.rows)), not wrong, "\n".join(wrong[:20]))


# --- made input ---------------------------------------------------------------------------------------------------

SERVICES = ("web", "cart", "db", "pay")


def made_identifier(message, kind, k, service, side):
    node = message.identifier.node
    pod = "%s-%d" % (service, k)
    if kind == "plain":
        node.id, node.cluster = "%s.shop" % pod, service
        node.metadata.update({"namespace": "shop", "pod": pod, "version": "v1"})
        message.identifier.log_name = "%s-%s" % (service, "inbound" if side == "server" else "outbound")
        return
    ip = "10.0.%d.%d" % (SERVICES.index(service), k)
    node.id = "%s~%s~%s.shop~shop.svc.cluster.local" % (kind, ip, pod)
    node.cluster = service + ".shop"
    node.metadata.update({"NAME": pod, "NAMESPACE": "shop", "CLUSTER_ID": "c%d" % (k % 2), "INSTANCE_IPS": ip,
                          "LABELS": {"service.istio.io/canonical-name": service}})
    message.identifier.log_name = "mesh"


def made_entry(r, entry, kind, side, other, t_ns):
    common = entry.common_properties
    t_ns += r.randrange(10**8)
    common.start_time.FromNanoseconds(t_ns)
    common.duration.FromNanoseconds(r.randrange(1, 10**8))
    common.access_log_type = r.choice([0, 6, 6, 6, 6, 5])
    failed = r.random() < 0.1
    if side == "server":
        common.upstream_cluster = "local" if kind == "plain" else "inbound|8080||"
        common.route_name = "" if kind == "plain" else "default"
        if r.random() < 0.7 and kind != "plain":
            name = common.tls_properties.peer_certificate_properties.subject_alt_name.add()
            name.uri = "spiffe://cluster.local/ns/shop/sa/" + other
    else:
        common.upstream_cluster = other if kind == "plain" else "outbound|80||%s.shop.svc.cluster.local" % other
        common.route_name = r.choice(["", "default", "buy"])
    if not failed:
        common.upstream_remote_address.socket_address.address = "10.0.9.9"
        common.upstream_remote_address.socket_address.port_value = 8080
    else:
        flags = ["no_healthy_upstream", "upstream_overflow", "upstream_request_timeout"]
        setattr(common.response_flags, r.choice(flags), True)
    entry.request.request_method = r.choice([1, 3, 4])
    entry.request.path = "/%s/%d" % (r.choice(["a", "b", "c"]), r.randrange(1000))
    entry.request.authority = other + ".shop"
    entry.response.response_code.value = 503 if failed else r.choice([200, 200, 200, 204, 404, 500])


def made(seed):
    r = random.Random(seed)
    out, t_ns = [], 1767225600 * 10**9
    for _ in range(300):
        message = als_pb2.StreamAccessLogsMessage()
        kind, side = r.choice(["plain", "sidecar", "router"]), r.choice(["server", "client"])
        service, other = r.sample(SERVICES, 2)
        side = "client" if kind == "router" else side
        made_identifier(message, kind, r.randrange(1, 4), service, side)
        for _ in range(r.randrange(1, 12)):
            made_entry(r, message.http_logs.log_entry.add(), kind, side, other, t_ns)
        t_ns += 10**8
        out.append(message.SerializeToString())
    return out


# --- main ---------------------------------------------------------------------------------------------------------

def test_made(tap, binary):
    messages = made(1)
    with tempfile.NamedTemporaryFile(suffix=".als") as f:
        f.write(b"".join(varint(len(m)) + m for m in messages))
        f.flush()
        check(tap, "made", stats_of(binary, "als", f.name), count((0, m) for m in messages))


def unpacked(path):
    return subprocess.run(["zstd", "-dc", str(path)], capture_output=True, check=True).stdout


def test_corpus(tap, binary, corpus, everything):
    for name in ARCHIVES + (LARGE_ARCHIVES if everything else ()):
        with tempfile.TemporaryDirectory() as folder:
            with tarfile.open(fileobj=io.BytesIO(unpacked(corpus / (name + ".tar.zst")))) as tar:
                tar.extractall(folder)
            where = next(pathlib.Path(folder).rglob("*StreamAccessLogs*.grpc")).parent
            check(tap, name, stats_of(binary, "als-grpc", where), count(captured(where)))
    for name in STREAMS + (LARGE_STREAMS if everything else ()):
        data = unpacked(corpus / (name + ".zst"))
        with tempfile.NamedTemporaryFile(suffix=".als") as f:
            f.write(data)
            f.flush()
            check(tap, name, stats_of(binary, "als", f.name), count(delimited(data)))


def main():
    binary, root = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    corpus = root.parent / "shared" / "corpus"
    tap = Tap()
    test_made(tap, binary)
    if corpus.is_dir() and shutil.which("zstd"):
        test_corpus(tap, binary, corpus, "--all" in sys.argv)
    else:
        tap.skip("corpus", "../shared/corpus or zstd is not at hand")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
