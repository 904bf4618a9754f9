"""A recording of access logs as what its sidecars knew: each node with its names, each finished request with its words,
from which parity.py writes the same in other forms."""
import als_read
from otlp_write import part, text_pair

FLAGS = ("LH UH UT LR UR UF UC UO NR DI FI RL UAEX RLSE DC URX SI IH DPE UMSDR RFCF NFCF DT UPE NC OM DF DR").split()
METHODS = ("", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
CANONICAL = "service.istio.io/canonical-"
AT_START = 4  # access_log_type: the request goes on


def struct_read(raw):
    """A google.protobuf.Struct of texts and Structs -> dict."""
    out = {}
    for pair in als_read.fields(raw or b"").get(1, []):
        f = als_read.fields(pair)
        value = als_read.fields(f.get(2, [b""])[0])
        if 3 in value:
            out[f[1][0].decode()] = value[3][0].decode()
        elif 5 in value:
            out[f[1][0].decode()] = struct_read(value[5][0])
    return out


class Node:
    """A sidecar by its own names."""

    def __init__(self, raw):
        node = als_read.fields(raw)
        meta = struct_read(node[3][0])
        labels = meta.get("LABELS", {})
        locality = als_read.fields(node.get(4, [b""])[0])
        self.id = node[1][0].decode()
        self.node_cluster = node[2][0].decode()
        self.pod, self.namespace = meta.get("NAME", ""), meta.get("NAMESPACE", "")
        self.workload, self.cluster = meta.get("WORKLOAD_NAME", ""), meta.get("CLUSTER_ID", "")
        self.ip = meta.get("INSTANCE_IPS", "")
        self.service = labels.get(CANONICAL + "name", "")
        self.revision = labels.get(CANONICAL + "revision", "latest")
        self.region, self.zone = (locality.get(i, [b""])[0].decode() for i in (1, 2))
        self.gateway = self.id.startswith("router~")


def resource(pairs):
    return part(1, b"".join(text_pair(1, k, v) for k, v in pairs if v))


def address(raw):
    """(ip, port) of an envoy.config.core.v3.Address."""
    f = als_read.fields(als_read.fields(raw)[1][0])
    return f[2][0].decode(), f.get(3, [0])[0]


class Report:
    """What one sidecar says of one finished request that it sent somewhere."""
    __slots__ = ("node", "start_ns", "span_ns", "code", "flags", "cluster", "host", "server", "upstream", "local",
                 "remote", "route", "attempts", "peers", "method", "path", "authority", "agent", "request_id",
                 "bytes_in", "bytes_out")

    def __init__(self, node, e, common):
        request, response = als_read.fields(e[3][0]), als_read.fields(e[4][0])
        self.node = node
        self.start_ns = als_read.nanoseconds(common[5][0])
        self.span_ns = als_read.nanoseconds(common[23][0]) if 23 in common else 0
        self.code = als_read.fields(response.get(1, [b""])[0]).get(1, [0])[0]
        self.flags = ",".join(FLAGS[n - 1] for n in sorted(als_read.fields(common[16][0]))) or "-"
        self.cluster = common[15][0].decode()
        self.server = self.cluster.startswith("inbound")
        self.host = self.cluster.split("|")[3] if not self.server and self.cluster.count("|") == 3 else ""
        self.upstream = address(common[13][0]) if 13 in common else None
        self.local, self.remote = address(common[3][0]), address(common[20][0])
        self.route = common.get(19, [b""])[0].decode()
        self.attempts = common.get(24, [0])[0]
        self.peers = tuple(common.get(21, ()))
        self.method = METHODS[request.get(1, [0])[0]]
        self.path, self.authority, self.agent, self.request_id = (
            request.get(n, [b""])[0].decode() for n in (5, 3, 6, 9))
        self.bytes_in, self.bytes_out = request.get(12, [0])[0], response.get(3, [0])[0]

    @property
    def end_ns(self):
        return self.start_ns + self.span_ns


def messages(path, wanted=None):
    """(node, [Report]) of each message, in the order of arrival; wanted: of a request id, whether it is read at all."""
    nodes, node = {}, None
    for m in als_read.messages(path):
        if 1 in m:
            raw = als_read.fields(m[1][0])[1][0]
            node = nodes.get(raw)
            if node is None:
                node = nodes[raw] = Node(raw)
        out = []
        for logs in m.get(2, []):
            for one in als_read.fields(logs).get(1, []):
                e = als_read.fields(one)
                common = als_read.fields(e[1][0])
                if common.get(33, [6])[0] == AT_START or 15 not in common:
                    continue
                if wanted is None or wanted(als_read.first(e, 3, 9).decode()):
                    out.append(Report(node, e, common))
        yield node, out
