#!/usr/bin/env python3
"""Draws meshes and what happens to them from seeds, and scores what is said of them. README.md beside this file."""
import argparse
import math
import os
import random
import sys

import score

LEARN_S = 900  # nothing happens for so long
REST_S = (150, 300)  # between two events
CALLS_MOST = 40.0  # that one user request makes in all
ENTRIES_PER_S = 2000.0  # a recording is not to become larger
NAMES = (
    "account audit basket billing booking catalog chat claims content coupon courier credit crm currency "
    "customer device dispatch docs feed fraud fulfil geo identity image inbox inventory invoice ledger "
    "letter loyalty media menu notify offer order partner patient payment photo pickup policy price "
    "profile quota quote rating refund report review risk rule search seat session shipment stock store "
    "subscription tax ticket token tracking trip user vault vendor voucher wallet warehouse").split()
PLACES = (("us-east-1", "us-east"), ("us-west-2", "us-west"), ("eu-central-1", "eu"), ("ap-south-1", "ap"),
          ("us-east-2", "us-east"))


class Mesh:
    """clusters: (name, region, share); layers: of service names; pods, home: by service; ops: (service, op, own ms,
    weight); calls: (op, op, probability, words); rates: of each op, calls a user request; rate_per_s: user requests."""

    def __init__(self, rng):
        self.rng = rng
        self.clusters = self.draw_clusters()
        self.layers = self.draw_services()
        self.ops, self.calls = [], []
        self.draw_ops()
        self.draw_calls()
        self.rates = self.count()
        self.rate_per_s = self.draw_rate()

    def draw_clusters(self):
        n = self.rng.choices((1, 2, 3, 4), (0.25, 0.25, 0.35, 0.15))[0]
        places = self.rng.sample(PLACES, n)
        raw = [self.rng.uniform(0.3, 1) for _ in places]
        return [(name, region, r / sum(raw)) for (name, region), r in zip(places, raw)]

    def draw_services(self):
        names = self.rng.sample(NAMES, self.rng.choice((4, 6, 9, 12, 16, 24, 32)))
        depth = min(self.rng.randint(2, 6), len(names))
        layers = [[names.pop()] for _ in range(depth)]
        for name in names:
            layers[self.rng.randint(0, depth - 1)].append(name)
        # Where all calls of one go to a cluster, what they call is called there only: none but the last are at home.
        self.home = {s: "" for s in sum(layers, [])}
        for s in layers[-1]:
            self.home[s] = self.rng.choice(self.clusters)[0] if self.rng.random() < 0.2 else ""
        self.pods = {s: self.rng.choices((1, 2, 3, 5), (0.4, 0.3, 0.2, 0.1))[0] for s in self.home}
        return layers

    def draw_ops(self):
        for depth, layer in enumerate(self.layers):
            for s in layer:
                for n in range(self.rng.choices((1, 2, 3, 5), (0.4, 0.3, 0.2, 0.1))[0]):
                    own = min(80, max(0.3, self.rng.lognormvariate(math.log(3), 0.9)))
                    self.ops.append((s, "%s.op%d" % (s, n), own, self.rng.choice((1, 2, 4, 8)) if depth == 0 else 0))

    def draw_calls(self):
        """Every service below the first layer has a caller; operations call some of what lies deeper."""
        of = {}
        for s, op, _, _ in self.ops:
            of.setdefault(s, []).append(op)
        for depth, layer in enumerate(self.layers[1:], 1):
            for s in layer:
                for op in of[s]:
                    caller = self.rng.choice(of[self.rng.choice(self.layers[depth - 1])])
                    self.calls.append((caller, op, 1, ""))
        for depth, layer in enumerate(self.layers[:-1]):
            deeper = [s for l in self.layers[depth + 1:] for s in l]
            for op in (op for s in layer for op in of[s]):
                for _ in range(self.rng.randint(0, 2)):
                    self.draw_call(op, deeper, of)

    def draw_call(self, op, deeper, of):
        """One call more, unless there is it already, or they would be too many."""
        words = self.rng.choices(("", " soft=1", " parallel=1"), (0.75, 0.15, 0.1))[0]
        prob = self.rng.choice((1, 1, 0.5, 0.2))
        extra = (op, self.rng.choice(of[self.rng.choice(deeper)]), prob, words)
        if any(c[:2] == extra[:2] for c in self.calls):
            return
        self.calls.append(extra)
        if sum(self.count().values()) > CALLS_MOST:
            self.calls.pop()

    def count(self):
        """Calls of each operation a user request."""
        total = sum(w for _, _, _, w in self.ops)
        rates = {op: w / total for _, op, _, w in self.ops}
        for _, op, _, _ in self.ops:  # callers stand before what they call
            for a, b, prob, _ in self.calls:
                if a == op:
                    rates[b] += rates[op] * prob
        return rates

    def draw_rate(self):
        entries = 2 * sum(self.rates.values()) + 1
        return min(self.rng.choice((8, 15, 30, 60, 120)), ENTRIES_PER_S / entries)

    def per_s(self, service, op=None, cluster=None):
        """Requests a second."""
        calls = sum(r for name, r in self.rates.items() if (name == op if op else name.split(".")[0] == service))
        share = next((x for name, _, x in self.clusters if name == cluster), 1.0)
        return self.rate_per_s * calls * (share if cluster and not self.home[service] else 1)

    def takes_ms(self, service):
        """About what a request takes: its own time and that of what it calls, each with the way, under load."""
        own = {op: ms for _, op, ms, _ in self.ops}
        total = {}
        for s, op, ms, _ in reversed(self.ops):
            total[op] = own[op] * 1.7 + sum((total[b] + 1) * p for a, b, p, _ in self.calls if a == op)
        mine = [(self.rates[op], total[op]) for s, op, _, _ in self.ops if s == service]
        return sum(r * t for r, t in mine) / max(1e-9, sum(r for r, _ in mine))

    def edges(self):
        """(caller, service): calls a second."""
        out = {}
        for a, b, prob, _ in self.calls:
            key = (a.split(".")[0], b.split(".")[0])
            out[key] = out.get(key, 0) + self.rates[a] * prob * self.rate_per_s
        return out

    def text(self):
        lines = ["cluster %s region=%s share=%.3f" % c for c in self.clusters] + ["gateway gateway pods=2"]
        for s in sum(self.layers, []):
            home = " clusters=" + self.home[s] if self.home[s] else ""
            lines.append("service %s pods=%d%s" % (s, self.pods[s], home))
        for s, op, own, weight in self.ops:
            method = self.rng.choice(("GET", "GET", "POST"))
            path = "/%s/%s" % (s, op.split(".")[1]) + ("/{1000-9999}" if self.rng.random() < 0.4 else "")
            body = self.rng.choice((90, 500, 2000, 9000))
            share = " weight=%d" % weight if weight else ""
            lines.append("op %s %s %s own=%.2f body=%d%s" % (op, method, path, own, body, share))
        lines += ["call %s %s prob=%g%s" % c for c in self.calls]
        return lines


def settings(rng, mesh):
    out = {"rate_per_s": round(mesh.rate_per_s, 2), "session_mean": rng.choice((1, 2, 3, 5)),
           "wander_sd": rng.choice((0, 0.03, 0.05, 0.1)), "wander_tau_s": rng.choice((60, 300)),
           "own_sigma": round(rng.uniform(0.2, 0.7), 2), "tail_p": rng.choice((0, 0.002, 0.004, 0.01)),
           "tail_factor": rng.choice((4, 8)), "err_p": rng.choice((0, 0.0002, 0.0005, 0.002)),
           "util": round(rng.uniform(0.25, 0.5), 2), "pod_sd": rng.choice((0, 0.05, 0.15)),
           "cluster_sd": rng.choice((0, 0.1)), "attempts_5xx": rng.choice((1, 1, 1, 2)),
           "timeout_ms": rng.choice((0, 0, 3000, 10000)), "plain": 1 if rng.random() < 0.15 else 0,
           "start_logs": 1 if rng.random() < 0.15 else 0, "flush_ms": rng.choice((200, 1000, 1000, 2000)),
           "flush_phased": rng.choice((0, 1)), "skew_ms": rng.choice((0, 20, 150)),
           "net_cross_ms": rng.choice((8, 18, 40)),
           "dup_p": rng.choice((0, 0, 0.002)), "late_p": rng.choice((0, 0, 0.005))}
    out["peers"] = 0 if out["plain"] or rng.random() < 0.3 else 1
    if rng.random() < 0.2:
        out.update(mode_p=0.15, mode_factor=4)
    if rng.random() < 0.2:
        out.update(err_wander_sd=0.7)
    return out


class Events:
    """What happens: of each kind a target that has the traffic to show it, and words for meshsim."""

    def __init__(self, rng, mesh, conf):
        self.rng, self.mesh, self.conf = rng, mesh, conf

    def service(self, per_s):
        busy = [s for s in self.mesh.home if self.mesh.per_s(s) >= per_s]
        return self.rng.choice(busy) if busy else None

    def place(self, per_s):
        """A service, or a part of one: words, requests a second."""
        s = self.service(per_s)
        if s is None:
            return None
        whole = self.mesh.per_s(s)
        many = len(self.mesh.clusters) > 1 and not self.mesh.home[s] and not self.conf["plain"]  # they tell no clusters
        choices = [("service=%s" % s, whole)]
        for c, _, _ in self.mesh.clusters if many else ():
            choices.append(("service=%s cluster=%s" % (s, c), self.mesh.per_s(s, cluster=c)))
        c = self.mesh.home[s] or self.rng.choice(self.mesh.clusters)[0]
        if self.mesh.pods[s] > 1:
            n = self.mesh.pods[s]
            pod = "service=%s cluster=%s pod=%d" % (s, c, self.rng.randint(0, n - 1))
            choices.append((pod, self.mesh.per_s(s, cluster=c) / n))
        ops = [op for name, op, _, _ in self.mesh.ops if name == s]
        if len(ops) > 1:
            op = self.rng.choice(ops)
            choices.append(("op=%s" % op, self.mesh.per_s(s, op)))
        callers = [(a, r) for (a, b), r in self.mesh.edges().items() if b == s]
        if len(callers) > 1 and max(r for _, r in callers) < 0.8 * whole:  # else it is as good as the service
            a, r = self.rng.choice(callers)
            choices.append(("service=%s caller=%s" % (s, a), r))
        choices = [c for c in choices if c[1] >= per_s]
        return self.rng.choice(choices)[0]

    def errors(self):
        prob = self.rng.choice((0.1, 0.3, 1))
        where = self.place(0.5 / prob)
        return where and "errors %s prob=%g %s" % (where, prob, self.rng.choice(
            ("code=500", "code=503", "code=503 flag=UC", "code=403", "code=429")))

    def latency(self):
        """By so much of what its requests take in all, at least: its own time may be a small part of it."""
        where = self.place(2)
        if not where:
            return None
        service = where.split("=")[1].split()[0].split(".")[0]
        usual = self.mesh.takes_ms(service)
        return "latency %s add=%.0f" % (where, max(5, usual * self.rng.choice((0.7, 1, 2, 5))))

    def outage(self):
        s = self.service(0.5)
        return s and "outage service=%s flag=%s" % (s, self.rng.choice(("UH", "UF")))

    def hang(self):
        s = self.service(1)
        return s and "hang service=%s" % s

    def timeout(self):
        s = self.service(1) if self.conf["timeout_ms"] else None
        return s and "timeout service=%s prob=0.5" % s

    def overload(self):
        s = self.service(2)
        return s and "overload service=%s prob=0.3" % s

    def pod_per_s(self, s):
        c = self.mesh.home[s] or max(self.mesh.clusters, key=lambda c: c[2])[0]
        return self.mesh.per_s(s, cluster=c) / self.mesh.pods[s]

    def crash(self):
        s = next((s for s in self.rng.sample(sorted(self.mesh.home), len(self.mesh.home))
                  if self.mesh.pods[s] > 1 and self.pod_per_s(s) > 3), None)
        c = s and (self.mesh.home[s] or max(self.mesh.clusters, key=lambda c: c[2])[0])
        return s and "crash service=%s cluster=%s pod=0" % (s, c)

    def dip(self):
        s = self.service(10)
        return s and "dip service=%s prob=0.9 code=503" % s

    def network(self):
        edges = [e for e, r in self.mesh.edges().items() if r >= 2]
        return edges and "network service=%s caller=%s add=%d" % (lambda e: (e[1], e[0], self.rng.choice((20, 60))))(
            self.rng.choice(edges))

    def rollout(self, bad=True):
        s = None if self.conf["plain"] else self.service(3)  # plain Envoys tell no versions
        words = self.rng.choice(("prob=0.2 code=500", "add=%.0f" % (self.mesh.takes_ms(s) * 1.5))) if bad and s else ""
        return s and "rollout service=%s version=v2 roll=60 %s" % (s, words)

    def rollout_good(self):
        return self.rollout(False)

    def surge(self):
        full = 0.75 / self.conf["util"] if len(self.mesh.clusters) == 1 else 9.0  # more would be an overload
        return "surge factor=%.2f ramp=%d" % (min(full, self.rng.choice((1.5, 2))), self.rng.choice((10, 60)))

    def failover(self):
        names = [c[0] for c in sorted(self.mesh.clusters, key=lambda c: c[2])]
        return len(names) > 1 and "failover cluster=%s to=%s" % (names[0], names[-1])

    def scalein(self):
        s = next((s for s in sorted(self.mesh.home) if self.mesh.pods[s] > 2), None)
        return s and "scalein service=%s count=1" % s

    def scaleout(self):
        s = self.service(0)
        return s and "scaleout service=%s count=1" % s

    def drop(self):
        return "drop factor=0.2" if self.mesh.rate_per_s >= 8 else None

    def bytes(self):
        s = self.service(5)
        return s and "bytes service=%s factor=8" % s


# How often each happens, and for how long.
WEIGHTS = {"errors": 7, "latency": 7, "outage": 1, "hang": 1, "timeout": 1, "overload": 1, "crash": 1, "dip": 1,
           "network": 2, "rollout": 1.5, "rollout_good": 1.5, "surge": 1.5, "failover": 1, "scalein": 0.7,
           "scaleout": 0.7, "drop": 0.7, "bytes": 0.7}
FOR_S = {"dip": (1.5, 3), "overload": (60, 120), "outage": (40, 120), "rollout": (240, 300), "rollout_good": (240, 300),
         "surge": (180, 300), "failover": (180, 300), "scalein": (180, 240), "scaleout": (180, 240)}


def scenario(seed):
    """The text of a scenario for meshsim."""
    rng = random.Random(seed)
    mesh = Mesh(rng)
    conf = settings(rng, mesh)
    events, lines, at = Events(rng, mesh, conf), [], LEARN_S + rng.uniform(0, 60)
    for _ in range(rng.choice((2, 3, 3, 4))):
        what = None
        while not what:
            kind = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            what = getattr(events, kind)()
        length = rng.uniform(*FOR_S.get(kind, (60, 180)))
        word, _, rest = what.partition(" ")
        lines.append("event %s at=%.0f for=%.1f %s" % (word, at, length, rest))
        at += length + rng.uniform(*REST_S)
    head = ["# drawn by wild.py from %d: %.1f calls a user request" % (seed, sum(mesh.rates.values()))]
    conf["duration_s"] = int(at)
    return "\n".join(head + mesh.text() + ["set %s %s" % s for s in conf.items()] + lines) + "\n"


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    score.add_programs(p)
    p.add_argument("--seeds", default="3001:60", help="FIRST:COUNT (1..99 are for tuning, the table starts at 3001)")
    p.add_argument("--csv", help="write the table here (wild.csv is kept in git)")
    p.add_argument("--explain", action="store_true", help="tell each event and each false incident")
    p.add_argument("--print", action="store_true", help="the scenarios alone")
    args = p.parse_args()
    args.slow = False
    return args


def run_one(args, seed):
    path = os.path.join(args.work, "wild_%d.txt" % seed)
    with open(path, "w") as f:
        f.write(scenario(seed))
    return score.run_one(args, path, seed)[2]


def of_kind(result, kind):
    """What a recording says of one kind of event; what is nobody's is in no kind's line."""
    return dict(result, events=[e for e in result["events"] if e["kind"] == kind],
                expected=[e for e in result["expected"] if e["kind"] == kind], false=[], stray=[], judged=[])


def fault_table(results):
    """A line a kind of event."""
    rows = []
    for kind in sorted({e["kind"] for r in results for e in r["events"] + r["expected"]}):
        some = [of_kind(r, kind) for r in results]
        rows.append(score.row(kind, [s for s in some if s["events"] or s["expected"]]))
    return rows + [score.row("all", results)]


def main():
    args = arguments()
    seeds = score.seeds_of(args)
    if args.print:
        sys.stdout.write("\n".join(scenario(s) for s in seeds))
        return 0
    os.makedirs(args.work, exist_ok=True)
    results, broken = [], 0
    for (seed,), result in score.run_each(args, run_one, [(s,) for s in seeds]):
        if result is None:
            broken += 1
            continue
        results.append(result)
        if args.explain:
            score.explain("wild/%d" % seed, result)
            sys.stdout.flush()
    rows = fault_table(results)
    score.table(rows)
    error, bins = score.reliability([p for r in results for p in r["judged"]])
    print("\nconfidence against what was so: expected calibration error %.3f over %d incidents" % (
        error, sum(b["incidents"] for b in bins)))
    if args.csv and not broken:
        score.write_csv(args.csv, score.COLUMNS, rows)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
