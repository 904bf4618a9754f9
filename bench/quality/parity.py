#!/usr/bin/env python3
"""Is a fault found from each source alone? A recording of access logs is turned into what the same sidecars' metrics
would be (Istio's names, scraped each second, or each 15 s), each is replayed by itself, and scored against one truth.

    parity.py --seed 1001 --csv parity.csv

The metrics go in as OTLP, as a collector sends what it scrapes: one export a pod and scrape, cumulative, pods one after
the other within the interval."""
import argparse
import csv
import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib

import als_read
import score

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SCENARIOS = ("errors_service", "errors_pod", "latency_service", "latency_pod", "outage")
SOURCES = ("access log", "scraped each 1 s", "scraped each 15 s")
COLUMNS = ("scenario", "fault", "source", "found", "delay_s", "culprit_exact", "service_right", "false")
DURATION_S = 1130  # the first event of these scenarios is over, with half a minute to spare
BOUNDS_MS = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000,
             3600000)
FLAGS = ("LH UH UT LR UR UF UC UO NR DI FI RL UAEX RLSE DC URX SI IH DPE UMSDR RFCF NFCF DT UPE NC OM DF DR").split()
CANONICAL = "service.istio.io/canonical-"


# ---- protobuf ----

def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def part(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


def whole(number, n):
    return varint(number << 3) + varint(n)


def text_pair(number, key, value):
    return part(number, part(1, key.encode()) + part(2, part(1, value.encode())))


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


# ---- what the sidecars say ----

class Node:
    """A sidecar: its own names, and its counters since its start."""

    def __init__(self, raw):
        node = als_read.fields(raw)
        meta = struct_read(node[3][0])
        labels = meta.get("LABELS", {})
        self.who = {"canonical_service": labels.get(CANONICAL + "name", ""),
                    "workload_namespace": meta.get("NAMESPACE", ""),
                    "canonical_revision": labels.get(CANONICAL + "revision", "latest"),
                    "cluster": meta.get("CLUSTER_ID", "")}
        self.gateway = node[1][0].startswith(b"router~")
        locality = als_read.fields(node.get(4, [b""])[0])
        self.target = {"k8s.pod.name": meta.get("NAME", ""), "k8s.namespace.name": meta.get("NAMESPACE", ""),
                       "cloud.region": locality.get(1, [b""])[0].decode(), "job": "istio"}
        if self.gateway:
            self.target["istio"] = "ingressgateway"
        self.phase = zlib.crc32(node[1][0]) / 2**32
        self.series = {}
        resource = b"".join(text_pair(1, k, v) for k, v in self.target.items() if v)
        self.resource = part(1, resource)

    def count(self, key, ms):
        at = self.series.get(key)
        if at is None:
            attributes = dict(key)
            at = self.series[key] = [0, 0.0, [0] * (len(BOUNDS_MS) + 1), b"".join(
                text_pair(7, k, v) for k, v in attributes.items()), b"".join(
                text_pair(9, k, v) for k, v in attributes.items())]
        at[0] += 1
        at[1] += ms
        i = 0
        while i < len(BOUNDS_MS) and ms > BOUNDS_MS[i]:
            i += 1
        at[2][i] += 1

    def scrape(self, at_s):
        """One ExportMetricsServiceRequest behind its prefix."""
        time = b"\x19" + struct.pack("<Q", int(at_s * 1e9))
        counts, hists = [], []
        for n, total, buckets, number, hist in self.series.values():
            counts.append(part(1, number + time + b"\x31" + struct.pack("<q", n)))
            hists.append(part(1, hist + time + b"\x21" + struct.pack("<Q", n) + b"\x29" + struct.pack("<d", total)
                              + part(6, struct.pack("<%dQ" % len(buckets), *buckets)) + BOUNDS))
        metrics = part(2, part(1, b"istio_requests_total") + part(7, b"".join(counts) + whole(2, 2) + whole(3, 1)))
        metrics += part(2, part(1, b"istio_request_duration_milliseconds") + part(3, b"ms")
                        + part(9, b"".join(hists) + whole(2, 2)))
        body = part(1, self.resource + part(2, metrics))
        return b"\0" + struct.pack(">I", len(body)) + body


BOUNDS = part(7, struct.pack("<%dd" % len(BOUNDS_MS), *BOUNDS_MS))


def end_labels(end, who):
    return [(end + "_" + k, v or "unknown") for k, v in who.items()]


def peer_of(raw, cache):
    """{canonical_service, …} of a peer's Any; all empty where there is none."""
    if raw not in cache:
        s = struct_read(als_read.fields(raw)[2][0]) if raw else {}
        cache[raw] = {"canonical_service": s.get("service", ""), "workload_namespace": s.get("namespace", ""),
                      "canonical_revision": s.get("revision", ""), "cluster": s.get("cluster", "")}
    return cache[raw]


def labels_of(node, common, code, cache):
    """The labels of istio_requests_total for one entry, and where they are kept."""
    cluster = common[15][0].decode() if 15 in common else ""
    flags = ",".join(FLAGS[n - 1] for n in sorted(als_read.fields(common[16][0]))) if common.get(16) else "-"
    peers = {}
    for pair in common.get(21, []):
        f = als_read.fields(pair)
        peers[f[1][0]] = f[2][0]
    raw = (cluster, flags, code, peers.get(b"upstream_peer"), peers.get(b"downstream_peer"))
    key = (id(node), raw)
    if key not in cache:
        server = cluster.startswith("inbound")
        peer = peer_of(raw[4] if server else raw[3], cache)
        host = "" if server else cluster.split("|")[3] if cluster.count("|") == 3 else ""
        labels = [("reporter", "destination" if server else "source"), ("response_code", str(code)),
                  ("response_flags", flags)]
        labels += end_labels("source", peer if server else node.who)
        labels += end_labels("destination", node.who if server else peer)
        if host:
            labels += [("destination_service", host), ("destination_service_name", host.split(".")[0])]
        cache[key] = tuple(labels)
    return cache[key]


def entries(path):
    """(end in seconds, node, labels, milliseconds) of each finished HTTP request that was sent somewhere."""
    nodes, cache, node, out = {}, {}, None, []
    for m in als_read.messages(path):
        if 1 in m:
            raw = als_read.fields(m[1][0])[1][0]
            node = nodes.get(raw)
            if node is None:
                node = nodes[raw] = Node(raw)
        for logs in m.get(2, []):
            for one in als_read.fields(logs).get(1, []):
                e = als_read.fields(one)
                common = als_read.fields(e[1][0])
                if common.get(33, [6])[0] == 4 or 15 not in common:
                    continue
                span = als_read.nanoseconds(common[23][0]) if 23 in common else 0
                code = als_read.fields(als_read.first(e, 4, 1) or b"").get(1, [0])[0]
                at = als_read.nanoseconds(common[5][0]) + span
                out.append((at / 1e9, node, labels_of(node, common, code, cache), span / 1e6))
    out.sort(key=lambda e: e[0])
    return nodes.values(), out


def metrics_write(als, out, pace_s):
    nodes, log = entries(als)
    begin = log[0][0]
    due = sorted((begin + n.phase * pace_s, i) for i, n in enumerate(nodes))
    nodes = list(nodes)
    at = 0
    with open(out, "wb") as f:
        for turn in range(int((log[-1][0] - begin) / pace_s)):
            for first_s, i in due:
                now = first_s + turn * pace_s
                while at < len(log) and log[at][0] <= now:
                    log[at][1].count(log[at][2], log[at][3])
                    at += 1
                f.write(nodes[i].scrape(now))


# ---- the comparison ----

def replay(args, form, path):
    done = subprocess.run([args.foreshock, "replay", "--format", form, "--incidents", "-", path], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return score.read_incidents(done.stdout.decode().splitlines())


def rows_of(scenario, source, truth, incidents):
    result = score.score(truth, incidents)
    for e in result["events"]:
        yield {"scenario": scenario, "fault": e["fault"], "source": source,
               "found": int(e["found"]),
               "delay_s": "%.2f" % e["delay"] if e.get("delay") is not None else "",
               "culprit_exact": int(e.get("exact") == 1), "service_right": int(e.get("service") == 1),
               "false": len(result["false"])}


def scenario_run(args, scenario, folder):
    als, truth_path = os.path.join(folder, "a.als"), os.path.join(folder, "a.json")
    subprocess.run([args.meshsim, "--scenario", os.path.join(HERE, "scenarios", scenario + ".txt"),
                    "--seed", str(args.seed), "--duration", str(DURATION_S), "--rate", str(args.rate),
                    "--out", als, "--truth", truth_path], check=True, stderr=subprocess.PIPE)
    with open(truth_path, encoding="utf-8") as f:
        text = f.read()
    for source in SOURCES:
        truth = json.loads(text)
        truth["events"] = [e for e in truth["events"] if e["at"] + e["for"] < DURATION_S]
        if source == SOURCES[0]:
            incidents = replay(args, "als", als)
        else:
            otlp = os.path.join(folder, "m.grpc")
            metrics_write(als, otlp, float(source.split()[2]))
            incidents = replay(args, "otlp-metrics-grpc", otlp)
        yield from rows_of(scenario, source, truth, incidents)


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--foreshock", default=os.path.join(ROOT, "build/release/src/daemon/foreshock"))
    p.add_argument("--meshsim", default=os.path.join(ROOT, "build/release/bench/sim/meshsim"))
    p.add_argument("--seed", type=int, default=1001)
    p.add_argument("--rate", type=float, default=20, help="user requests a second")
    p.add_argument("--scenario", action="append", help="only these")
    p.add_argument("--csv")
    p.add_argument("--work", help="folder for recordings")
    return p.parse_args()


def main():
    args = arguments()
    rows = []
    for scenario in args.scenario or SCENARIOS:
        with tempfile.TemporaryDirectory(dir=args.work) as folder:
            for row in scenario_run(args, scenario, folder):
                print(" ".join("%s=%s" % (k, row[k]) for k in COLUMNS), flush=True)
                rows.append(row)
    if args.csv:
        with open(args.csv, "w", newline="", encoding="utf-8") as f:
            w = csv.DictWriter(f, COLUMNS, lineterminator="\n")
            w.writeheader()
            w.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
