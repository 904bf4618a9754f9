"""A small made-up mesh for the end-to-end tests: who it has, and the ALS messages that its proxies would send."""
import random

from envoy.data.accesslog.v3 import accesslog_pb2
from envoy.service.accesslog.v3 import als_pb2

SERVICES = {"front": 2, "cart": 3, "pay": 2}  # pods each


class Pod:
    def __init__(self, service, number):
        self.service, self.name = service, f"{service}-6d5f-{number}"
        self.ip = f"10.1.{list(SERVICES).index(service)}.{number + 1}"


def pods():
    return [Pod(service, n) for service, count in SERVICES.items() for n in range(count)]


def identifier(pod):
    """The first message's word about the proxy, as Istio's sidecars give it."""
    it = als_pb2.StreamAccessLogsMessage.Identifier(log_name="mesh")
    it.node.id = f"sidecar~{pod.ip}~{pod.name}.shop~shop.svc.cluster.local"
    it.node.cluster = f"{pod.service}.shop"
    it.node.locality.region = "eu-west"
    it.node.metadata.update({
        "NAME": pod.name, "NAMESPACE": "shop", "CLUSTER_ID": "eu-1", "INSTANCE_IPS": pod.ip,
        "WORKLOAD_NAME": pod.service,
        "LABELS": {"app": pod.service, "service.istio.io/canonical-name": pod.service,
                   "service.istio.io/canonical-revision": "v1"}})
    return it


def address_set(address, ip, port):
    address.socket_address.address, address.socket_address.port_value = ip, port


def entry_add(message, pod, end_ns, latency_ns, code, request_id):
    """A finished request that the pod served, ended at end_ns."""
    e = message.http_logs.log_entry.add()
    common = e.common_properties
    common.start_time.FromNanoseconds(end_ns - latency_ns)
    common.duration.FromNanoseconds(latency_ns)
    common.time_to_last_downstream_tx_byte.FromNanoseconds(latency_ns)
    common.upstream_cluster = "inbound|8080||"
    address_set(common.downstream_remote_address, "10.9.0.1", 40000)
    address_set(common.downstream_local_address, pod.ip, 8080)
    address_set(common.upstream_remote_address, pod.ip, 8080)
    common.access_log_type = accesslog_pb2.DownstreamEnd
    e.protocol_version = accesslog_pb2.HTTPAccessLogEntry.HTTP11
    e.request.request_method = 1
    e.request.authority = f"{pod.service}.shop:8080"
    e.request.path = "/items"
    e.request.request_id = request_id
    e.response.response_code.value = code


class Traffic:
    """Requests of each pod in slices of time; `failing` names the service whose requests get 503."""

    def __init__(self, rate_per_pod=30, seed=1):
        self.pods, self.rate, self.random = pods(), rate_per_pod, random.Random(seed)
        self.entries = self.failed = 0
        self.told = set()

    def message(self, pod, from_ns, to_ns, failing=None):
        m = als_pb2.StreamAccessLogsMessage()
        if pod.name not in self.told:
            m.identifier.CopyFrom(identifier(pod))
            self.told.add(pod.name)
        count = self.random_count((to_ns - from_ns) / 1e9 * self.rate)
        for _ in range(count):
            bad = pod.service == failing
            end = self.random.randrange(from_ns, to_ns)
            entry_add(m, pod, end, int(self.random.lognormvariate(16.5, 0.3)), 503 if bad else 200,
                      f"{self.random.getrandbits(64):016x}")
            self.failed += bad
        self.entries += count
        return m

    def random_count(self, mean):
        """Poisson, by counting unit exponentials."""
        n, left = -1, mean
        while left >= 0:
            n, left = n + 1, left - self.random.expovariate(1)
        return n


def delimited(message):
    """The message behind its length as a varint: the format `als`."""
    data = message.SerializeToString()
    n, head = len(data), bytearray()
    while n > 127:
        head.append(n & 127 | 128)
        n >>= 7
    head.append(n)
    return bytes(head) + data


def als_file(path, seconds, failing_from=None, failing="cart", slice_ns=500_000_000, start_ns=1_772_442_000 * 10**9):
    """A recording of so many seconds; every message carries its identifier."""
    traffic = Traffic()
    with open(path, "wb") as out:
        for at in range(start_ns, start_ns + seconds * 10**9, slice_ns):
            bad = failing_from is not None and at >= start_ns + failing_from * 10**9
            for pod in traffic.pods:
                traffic.told.clear()
                out.write(delimited(traffic.message(pod, at, at + slice_ns, failing if bad else None)))
    return traffic
