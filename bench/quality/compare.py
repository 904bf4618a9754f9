#!/usr/bin/env python3
"""Compares two recordings by what their proxies tell: for each (service, direction, route or path) the number of
requests, latency quantiles and shares of codes; and how bursty the users are. For holding simulated recordings against
others. Usage: compare.py A.als B.als [SECONDS]: only the first SECONDS are looked at."""
import collections
import re
import sys

from als_read import entries


def service(node):
    """The workload's name in an Istio node id, without version and hashes."""
    pod = node.split("~")[2].split(".")[0] if "~" in node else node
    return re.sub(r"(-v\d+)?-[0-9a-f]{7}-[0-9a-f]{5}$", "", pod)


def group(e):
    path = re.sub(r"\d+", "N", e["path"])
    return service(e["node"]), "in" if e["inbound"] else e["cluster"].split("|")[-1].split(".")[0], path


def quantile(values, p):
    return sorted(values)[min(len(values) - 1, int(p * len(values)))]


def summary(path, seconds):
    all_ = [e for e in entries(path) if e["start"] < seconds * 1e9]
    groups, codes, users = collections.defaultdict(list), collections.Counter(), collections.Counter()
    for e in all_:
        groups[group(e)].append(e["duration"] / 1e6)
        codes[e["code"]] += 1
        if e["node"].startswith("router"):
            users[int(e["start"] // 10**9)] += 1
    return groups, codes, users, len(all_)


def burstiness(users, seconds, width):
    counts = [sum(users[s + i] for i in range(width)) for s in range(0, int(seconds) - width + 1, width)]
    mean = sum(counts) / len(counts)
    return sum((c - mean) ** 2 for c in counts) / (len(counts) - 1) / mean


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    seconds = float(sys.argv[3]) if len(sys.argv) == 4 else 1e9
    a, b = (summary(path, seconds) for path in sys.argv[1:3])
    off = collections.defaultdict(list)
    print("%-72s %7s %7s  %s" % ("proxy, to, path", "n", "n", "ratio of n, q50, q90, q99"))
    for g in sorted(set(a[0]) | set(b[0])):
        x, y = a[0].get(g), b[0].get(g)
        if not x or not y:
            print("%-72s %7d %7d  only in one" % (" ".join(g), len(x or ()), len(y or ())))
            continue
        ratios = [len(y) / len(x)] + [quantile(y, p) / quantile(x, p) for p in (0.5, 0.9, 0.99)]
        for name, r in zip(("n", "q50", "q90", "q99"), ratios):
            off[name].append(abs(r - 1))
        print("%-72s %7d %7d  %.2f %.2f %.2f %.2f" % (" ".join(g), len(x), len(y), *ratios))
    for name, values in off.items():
        print("%s: off by %.1f %% in the median group, %.1f %% in the worst of %d" % (
            name, 100 * quantile(values, 0.5), 100 * max(values), len(values)))
    for code in sorted(set(a[1]) | set(b[1])):
        print("code %d: %.4f %% and %.4f %%" % (code, 100 * a[1][code] / a[3], 100 * b[1][code] / b[3]))
    if seconds < 1e9:
        for width in (1, 10, 60):
            print("variance to mean of user requests in %d s: %.2f and %.2f" % (
                width, burstiness(a[2], seconds, width), burstiness(b[2], seconds, width)))


if __name__ == "__main__":
    main()
