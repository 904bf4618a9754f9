"""A mesh of thousands of services over one stream: each message says for whose proxy it speaks. A tree of calls, three
callees a service, in 25 namespaces and two clusters; enough to draw, not meant to be like any real one."""
import os
import sys
import time

from envoy.data.accesslog.v3 import accesslog_pb2
from envoy.service.accesslog.v3 import als_pb2
import grpc

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from e2e_feed import Stream  # noqa: E402

CLUSTERS = [("east-1", "us-east"), ("west-1", "us-west")]


def name_of(n):
    return f"svc-{n:04d}", f"team-{n % 25:02d}"


def identifier(n):
    name, team = name_of(n)
    cluster, region = CLUSTERS[n % 2]
    it = als_pb2.StreamAccessLogsMessage.Identifier(log_name="mesh")
    it.node.id = f"sidecar~10.{n // 65536}.{n // 256 % 256}.{n % 256}~{name}-0.{team}~{team}.svc.cluster.local"
    it.node.cluster = f"{name}.{team}"
    it.node.locality.region = region
    it.node.metadata.update({"NAME": f"{name}-0", "NAMESPACE": team, "CLUSTER_ID": cluster, "WORKLOAD_NAME": name,
                             "LABELS": {"service.istio.io/canonical-name": name,
                                        "service.istio.io/canonical-revision": "v1"}})
    return it


def entry_add(message, name, team, upstream, end_ns, failed):
    entry = message.http_logs.log_entry.add()
    common = entry.common_properties
    common.start_time.FromNanoseconds(end_ns - 3_000_000)
    common.duration.FromNanoseconds(3_000_000)
    common.time_to_last_downstream_tx_byte.FromNanoseconds(3_000_000)
    common.upstream_cluster = upstream
    common.access_log_type = accesslog_pb2.DownstreamEnd
    entry.protocol_version = accesslog_pb2.HTTPAccessLogEntry.HTTP11
    entry.request.request_method = 1
    entry.request.authority = f"{name}.{team}:8080"
    entry.request.path = "/items"
    entry.response.response_code.value = 503 if failed else 200


class Big:
    def __init__(self, target, services):
        self.channel = grpc.insecure_channel(target)
        self.stream = Stream(self.channel)
        self.services = services
        self.identifiers = [identifier(n) for n in range(services)]

    def second(self):
        """Each service answers once, and calls its three callees."""
        now = time.time_ns()
        for n in range(self.services):
            message = als_pb2.StreamAccessLogsMessage(identifier=self.identifiers[n])
            entry_add(message, *name_of(n), "inbound|8080||", now - 1_000_000, False)
            for k in (3 * n + 1, 3 * n + 2, 3 * n + 3):
                if k < self.services:
                    name, team = name_of(k)
                    entry_add(message, name, team, f"outbound|8080||{name}.{team}.svc.cluster.local", now, False)
            self.stream.queue.put(message)

    def end(self):
        self.stream.queue.put(None)
        self.channel.close()
