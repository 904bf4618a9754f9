#!/usr/bin/env python3
"""Real Envoys' moments against what docs/detectors/time.md takes for granted of them: in order within each report, and
both proxies' reports of a request consistent with each other.

    moments.py BODY...      bodies of access log streams: each message behind five bytes, as gRPC sends them"""
import collections
import statistics
import sys

from als_read import fields, first, nanoseconds

FIELDS = {7: "tx", 8: "tx_last", 9: "rx", 10: "rx_last", 11: "down", 23: "whole"}


def messages(path):
    with open(path, "rb") as f:
        b = f.read()
    i = 0
    while i + 5 <= len(b):
        n = int.from_bytes(b[i + 1:i + 5], "big")
        yield fields(b[i + 5:i + 5 + n])
        i += 5 + n


def text(b):
    return (b or b"").decode(errors="replace")


def reports(paths):
    """(whose, upstream cluster, request id, moments in ms) of each HTTP entry that has all of them."""
    for path in paths:
        whose = ""
        for m in messages(path):
            if 1 in m:
                whose = text(fields(fields(m[1][0])[1][0]).get(2, [b""])[0])
            for log in m.get(2, []):
                for raw in fields(log).get(1, []):
                    e = fields(raw)
                    common = fields(e[1][0])
                    if all(n in common for n in FIELDS):
                        at = {name: nanoseconds(common[n][0]) / 1e6 for n, name in FIELDS.items()}
                        yield whose, text(common.get(15, [b""])[0]), text(first(e, 3, 9)), at


def is_server(cluster):
    return cluster.startswith("inbound|") or cluster.startswith("local")


def service_of(cluster):
    """cart of "cart", "cart.shop" and "outbound|80||cart.shop.svc.cluster.local"."""
    return cluster.split("|")[-1].split(".")[0]


def main():
    all_ = list(reports(sys.argv[1:]))
    order = [(r["tx"], r["rx"], r["rx_last"], r["whole"]) for _, _, _, r in all_]
    print("reports with all moments: %d" % len(all_))
    print("in order: %d" % sum(o == tuple(sorted(o)) for o in order))
    print("head handed down between first and last byte back: %d" % sum(r["rx"] <= r["down"] <= r["rx_last"]
                                                                       for _, _, _, r in all_))
    ends = collections.defaultdict(lambda: ([], []))
    for whose, cluster, request, at in all_:
        server = is_server(cluster)
        ends[request, service_of(whose if server else cluster)][server].append(at)
    ways = [c[0]["rx"] - c[0]["tx"] - s[0]["down"] for c, s in ends.values() if len(c) == len(s) == 1]
    if ways:
        print("requests with one report of each end: %d" % len(ways))
        print("way there and back, ms: least %.3f, median %.3f" % (min(ways), statistics.median(ways)))
    return 0 if all_ else 1


if __name__ == "__main__":
    sys.exit(main())
