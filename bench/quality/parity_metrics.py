"""The metrics of a recording's sidecars under Istio's names, scraped at a pace, as a collector sends on what it
scrapes: one export a pod and scrape, cumulative, pods one after the other within the interval."""
import bisect
import struct
import zlib

import als_read
from otlp_write import export, part, text_pair, whole
from parity_read import resource, struct_read

BOUNDS_MS = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000,
             3600000)
BOUNDS = part(7, struct.pack("<%dd" % len(BOUNDS_MS), *BOUNDS_MS))


class Target:
    """A sidecar's counters since its start."""

    def __init__(self, node):
        gateway = [("istio", "ingressgateway")] if node.gateway else []
        self.resource = resource([("k8s.pod.name", node.pod), ("k8s.namespace.name", node.namespace),
                                  ("cloud.region", node.region), ("job", "istio")] + gateway)
        self.who = who_of(node.service, node.namespace, node.revision, node.cluster)
        self.phase = zlib.crc32(node.id.encode()) / 2**32
        self.series = {}

    def count(self, key, ms):
        at = self.series.get(key)
        if at is None:
            at = self.series[key] = [0, 0.0, [0] * (len(BOUNDS_MS) + 1)] + [
                b"".join(text_pair(number, k, v) for k, v in key) for number in (7, 9)]
        at[0] += 1
        at[1] += ms
        at[2][bisect.bisect_left(BOUNDS_MS, ms)] += 1

    def scrape(self, at_s):
        time = b"\x19" + struct.pack("<Q", int(at_s * 1e9))
        counts, hists = [], []
        for n, total, buckets, number, hist in self.series.values():
            counts.append(part(1, number + time + b"\x31" + struct.pack("<q", n)))
            hists.append(part(1, hist + time + b"\x21" + struct.pack("<Q", n) + b"\x29" + struct.pack("<d", total)
                              + part(6, struct.pack("<%dQ" % len(buckets), *buckets)) + BOUNDS))
        metrics = part(2, part(1, b"istio_requests_total") + part(7, b"".join(counts) + whole(2, 2) + whole(3, 1)))
        metrics += part(2, part(1, b"istio_request_duration_milliseconds") + part(3, b"ms")
                        + part(9, b"".join(hists) + whole(2, 2)))
        return export(self.resource, metrics)


def who_of(service, namespace, revision, cluster):
    return {"canonical_service": service, "workload_namespace": namespace, "canonical_revision": revision,
            "cluster": cluster}


def end_labels(end, who):
    return [(end + "_" + k, v or "unknown") for k, v in who.items()]


def peer_of(report):
    """Who a peer says that it is; all empty where there is none."""
    key = b"downstream_peer" if report.server else b"upstream_peer"
    for pair in report.peers:
        f = als_read.fields(pair)
        if f[1][0] == key:
            s = struct_read(als_read.fields(f[2][0])[2][0])
            return who_of(s.get("service", ""), s.get("namespace", ""), s.get("revision", ""), s.get("cluster", ""))
    return who_of("", "", "", "")


def labels_of(report, target):
    peer = peer_of(report)
    labels = [("reporter", "destination" if report.server else "source"), ("response_code", str(report.code)),
              ("response_flags", report.flags)]
    labels += end_labels("source", peer if report.server else target.who)
    labels += end_labels("destination", target.who if report.server else peer)
    if report.host:
        labels += [("destination_service", report.host), ("destination_service_name", report.host.split(".")[0])]
    return tuple(labels)


def write(reports, out, pace_s):
    """reports: in order of their ends."""
    targets, cache = {}, {}
    for r in reports:
        if r.node not in targets:
            targets[r.node] = Target(r.node)
    begin, end = reports[0].end_ns / 1e9, reports[-1].end_ns / 1e9
    due = sorted(((begin + t.phase * pace_s, t) for t in targets.values()), key=lambda d: d[0])
    at = 0
    with open(out, "wb") as f:
        for turn in range(int((end - begin) / pace_s)):
            for first_s, target in due:
                now = first_s + turn * pace_s
                while at < len(reports) and reports[at].end_ns / 1e9 <= now:
                    r = reports[at]
                    key = (r.node, r.cluster, r.flags, r.code, r.peers)
                    if key not in cache:
                        cache[key] = labels_of(r, targets[r.node])
                    targets[r.node].count(cache[key], r.span_ns / 1e6)
                    at += 1
                f.write(target.scrape(now))
