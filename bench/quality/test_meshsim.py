#!/usr/bin/env python3
"""Tests of meshsim's recordings. Prints TAP.
Usage: test_meshsim.py MESHSIM"""
import hashlib
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from als_read import entries, messages  # noqa: E402

SCENARIOS = os.path.join(HERE, "scenarios")
count = failed = 0


def check(name, good):
    global count, failed
    count += 1
    failed += not good
    print("%s %d - %s" % ("ok" if good else "not ok", count, name))


class Sim:
    def __init__(self, program, folder):
        self.program, self.folder, self.runs = program, folder, 0

    def run(self, scenario, seed, *more):
        """scenario: a file of scenarios/, or text to write one from."""
        self.runs += 1
        stem = os.path.join(self.folder, "r%d" % self.runs)
        path = os.path.join(SCENARIOS, scenario)
        if "\n" in scenario:
            return self.run_text("include %s\n" % os.path.join(SCENARIOS, "shop.topo") + scenario, seed, *more)
        return self.run_path(path, stem, seed, *more)

    def run_text(self, text, seed, *more):
        """text: the whole scenario."""
        self.runs += 1
        path = os.path.join(self.folder, "scenario.txt")
        with open(path, "w") as f:
            f.write(text)
        return self.run_path(path, os.path.join(self.folder, "r%d" % self.runs), seed, *more)

    def run_path(self, path, stem, seed, *more):
        command = [self.program, "--scenario", path, "--seed", str(seed), "--out", stem + ".als"]
        command += ["--truth", stem + ".json"] + list(more)
        code = subprocess.run(command, stderr=subprocess.DEVNULL).returncode
        if code:
            return code, None, None
        with open(stem + ".json") as f:
            return code, stem + ".als", json.load(f)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def test_determinism(sim):
    a, b, c = (sim.run("mesh_b.txt", seed, "--duration", "60")[1] for seed in (5, 5, 6))
    check("same scenario and seed, same bytes", digest(a) == digest(b))
    check("another seed, other bytes", digest(a) != digest(c))


def test_form(sim):
    _, path, truth = sim.run("mesh_b.txt", 5, "--duration", "120")
    all_ = entries(path)
    check("the truth counts the entries", truth["logs"] == len(all_))
    check("the truth counts the users' requests",
          truth["requests"] == sum(e["node"].startswith("router~") for e in all_))
    times = [t[:5] + t[6:] for t in (e["times"] for e in all_)]  # but for the answer's head, which is handed down early
    check("the times of an entry do not go back",
          all(t == sorted(t) for t in times)
          and all(e["times"][-1] <= e["duration"] for e in all_)
          and all(t[3] <= t[5] <= t[4] for t in (e["times"] for e in all_) if len(t) == 7))
    check("each entry names its peer", all(e["peer"] for e in all_))
    tree = {}
    for e in all_:
        tree.setdefault(e["request_id"], []).append(e)
    check("a request is told of from both sides", all(
        sum(e["inbound"] for e in t) == sum(not e["inbound"] for e in t)
        for t in tree.values() if all(e["start"] < 110e9 for e in t)))
    end = lambda e: e["start"] + e["duration"]  # noqa: E731
    gateway = {e["request_id"]: e for e in all_ if e["node"].startswith("router~")}
    check("the gateway's report spans the tree", all(
        gateway[e["request_id"]]["start"] <= e["start"] and end(e) <= end(gateway[e["request_id"]])
        for e in all_ if e["request_id"] in gateway))
    rate = truth["requests"] / truth["duration_s"]
    check("the rate is about what was set", 6 < rate < 11)


def window(all_, truth, n=0):
    e = truth["events"][n]
    return [x for x in all_ if e["at"] * 1e9 <= x["start"] < (e["at"] + e["for"]) * 1e9]


def test_errors(sim):
    text = "set peers 0\nset duration_s 90\nevent errors at=30 for=50 service=cart prob=0.5 code=503\n"
    _, path, truth = sim.run(text, 3)
    hit = [e for e in window(entries(path), truth) if e["inbound"] and e["path"].startswith("/carts/")]
    bad = sum(e["code"] == 503 for e in hit)
    check("half of the calls fail where half should", 0.4 < bad / len(hit) < 0.6)
    check("no peers where none are asked for", not any(e["peer"] for e in hit))
    up = [e for e in window(entries(path), truth) if e["inbound"] and e["path"] == "/"]
    check("a failed call fails its caller", sum(e["code"] == 500 for e in up) > len(up) / 3)


def test_retries(sim):
    text = "set duration_s 60\nevent dip at=20 for=30 service=productcatalog prob=0.9 flag=UF\n"
    _, path, truth = sim.run(text, 3)
    tried = [e for e in window(entries(path), truth) if "outbound|80||productcatalog" in e["cluster"]]
    bad = [e for e in tried if e["code"] == 503]
    check("failed connections are told as UF and URX after two tries",
          bad and all(e["flags"] == {6, 16} and e["attempts"] == 2 for e in bad))
    check("a second try that works is a success with two attempts",
          any(e["code"] == 200 and e["attempts"] == 2 and not e["flags"] for e in tried))


def test_latency(sim):
    text = "set duration_s 120\nevent latency at=60 for=60 service=cartstore cluster=west-1 add=80\n"
    _, path, truth = sim.run(text, 3)
    mine = [e for e in entries(path) if e["inbound"] and e["path"].startswith("/kv/")]
    slow = [e for e in mine if e["duration"] > 40e6]
    check("a slow service is slow in its cluster and its window only",
          slow and all("~10.2." in e["node"] and 60e9 <= e["start"] < 120e9 for e in slow))


def test_isolation(sim):
    base = "set duration_s 60\n"
    fault = base + "event errors at=20 for=20 service=ad prob=1 code=500\n"
    a, b = entries(sim.run(base, 3)[1]), entries(sim.run(fault, 3)[1])
    users = [[(e["start"], e["request_id"], e["path"]) for e in x if e["node"].startswith("router~")] for x in (a, b)]
    check("a fault leaves who asks for what as it was", users[0] == users[1])


def test_loss(sim):
    text = "set duration_s 120\nset loss_p 0.2\nset identifier_first 1\nset flush_phased 1\nset late_p 0.1\n"
    _, path, truth = sim.run(text, 3)
    share = truth["lost"] / (truth["lost"] + truth["logs"])
    check("lost batches are counted", 0.15 < share < 0.25 and len(entries(path)) == truth["logs"])


def test_identifier(sim):
    text = "set rate_per_s 100\nset duration_s 20\nset identifier_first 1\nset buffer_bytes 16384\nset flush_phased 1\n"
    path = sim.run(text, 3)[1]
    named = [1 in m for m in messages(path)]
    check("some messages go without an identifier", 0 < named.count(False) < len(named))
    check("and belong to the identifier before them",
          all("~%s~" % e["local_ip"] in e["node"] for e in entries(path) if e["inbound"]))


def median(values):
    return sorted(values)[len(values) // 2]


def calls(all_, service):
    """What callers tell of a service."""
    return [e for e in all_ if not e["inbound"] and "outbound|80||%s." % service in e["cluster"]]


def between(all_, since, until):
    return [e for e in all_ if since * 1e9 <= e["start"] < until * 1e9]


def failed_share(all_):
    return sum(e["code"] >= 500 for e in all_) / max(len(all_), 1)


def test_recovery(sim):
    text = "set duration_s 200\nset timeout_ms 1000\nevent timeout at=60 for=60 service=cart prob=0.5\n"
    store = [e for e in entries(sim.run(text, 3)[1]) if e["inbound"] and e["path"].startswith("/kv/")]
    before, after = (median([e["duration"] for e in between(store, *w)]) for w in ((0, 60), (125, 200)))
    check("after time-outs the services behind are as fast as before", after < 1.2 * before)
    check("who was given up on calls nobody later", all(e["start"] < 202e9 for e in store))
    text = "set duration_s 120\nset timeout_ms 50\nevent latency at=20 for=80 service=cart add=200\n"
    late = [e for e in window(entries(sim.run(text, 3)[1]), {"events": [{"at": 20, "for": 80}]}) if e["inbound"]]
    check("a call ends for good when its caller's proxy gives up", max(e["duration"] for e in late) <= 50e6)


def test_overload(sim):
    text = "set duration_s 160\nset util 0.9\nset rate_per_s 15\nevent surge at=40 for=60 factor=3\n"
    store = [e for e in entries(sim.run(text, 3)[1]) if e["inbound"] and e["path"].startswith("/kv/")]
    store = [e for e in store if "~10.1." in e["node"]]
    one = lambda *w: median([e["duration"] for e in between(store, *w)])  # noqa: E731
    check("an overload slows down", one(80, 100) > 3 * one(0, 40))
    check("and is worked off within seconds", one(115, 160) < 1.5 * one(0, 40))


def test_hang(sim):
    base = "set duration_s 100\nset start_logs 1\n"
    all_ = entries(sim.run(base + "event hang at=40 for=20 service=productcatalog\n", 3)[1])
    mine = [e for e in between(all_, 40, 60) if e["inbound"] and e["path"].startswith("/shop.ProductCatalog")]
    ends = [e for e in mine if not e["at_start"]]
    check("a hanging service completes nothing until the end of the event",
          ends and min(e["start"] + e["duration"] for e in ends) >= 60e9)
    starts = [e for e in mine if e["at_start"]]
    check("but tells of each request at its start, with nothing of how it went", len(starts) == len(ends)
          and all(e["path"] and not e["code"] and not e["duration"] and not e["times"] for e in starts))
    text = "set duration_s 100\nset timeout_ms 2000\nevent hang at=40 for=20 op=currency.convert prob=1\n"
    tried = [e for e in between(calls(entries(sim.run(text, 3)[1]), "currency"), 40, 57) if "Convert" in e["path"]]
    check("with a time-out its callers give up (UT, 504), deeper ones sooner", tried and all(
          e["code"] == 504 and e["flags"] == {3} and e["duration"] in (1600000000, 1280000000) for e in tried))


def test_erratic(sim):
    text = "set session_mean 1\nset wander_sd 0\nset rate_per_s 10\nset duration_s 400\n"
    all_ = entries(sim.run(text + "event erratic at=200 for=200 factor=10\n", 3)[1])
    users = [int(e["start"] // 10**9) for e in all_ if e["node"].startswith("router~")]
    counts = [0] * 401
    for u in users:
        counts[u] += 1
    calm, wild = counts[:200], counts[200:400]
    mean = lambda x: sum(x) / len(x)  # noqa: E731
    ratio = lambda x: sum((v - mean(x)) ** 2 for v in x) / len(x) / mean(x)  # noqa: E731
    check("erratic users keep their mean", 0.85 < mean(wild) / mean(calm) < 1.15)
    check("and their variance grows by the factor", 6 < ratio(wild) / ratio(calm) < 15)


def test_classes(sim):
    text = "set duration_s 60\nevent errors at=20 for=30 service=productcatalog prob=0.5 flag=DC\n"
    hit = [e for e in window(entries(sim.run(text, 3)[1]), {"events": [{"at": 20, "for": 30}]})
           if "ProductCatalog" in e["path"]]
    for inbound in (True, False):
        gone = [e for e in hit if e["flags"] == {15} and e["inbound"] == inbound]
        check("cancelled calls have no code and the flag DC, %s" % ("here" if inbound else "there"),
              gone and all(e["code"] == 0 for e in gone))
    text = "set duration_s 60\nevent errors at=20 for=30 service=productcatalog prob=1 code=429\n"
    up = [e for e in between(entries(sim.run(text, 3)[1]), 20, 50) if e["inbound"] and e["path"] == "/"]
    check("a 4xx is handed up", up and any(e["code"] == 429 for e in up))


def test_trends(sim):
    text = "set duration_s 300\ntune cart err=0.1\n"
    hit = [e for e in entries(sim.run(text + "event ramp at=100 for=200 service=cart prob=0.7\n", 3)[1])
           if e["inbound"] and e["path"].startswith("/carts/")]
    steps = [failed_share(between(hit, *w)) for w in ((0, 100), (100, 140), (260, 300))]
    check("a ramp begins at the service's own share and ends at what it says",
          steps[0] < steps[1] < steps[2] and steps[0] < 0.15 and 0.5 < steps[2] < 0.75)
    text = "set duration_s 300\nevent drift at=100 for=200 service=ad factor=3\n"
    slow = [e for e in entries(sim.run(text, 3)[1]) if e["inbound"] and e["path"].startswith("/shop.Ad")]
    one = [median([e["duration"] for e in between(slow, *w)]) for w in ((0, 100), (180, 220), (280, 300))]
    check("a drift grows with time", 1.6 < one[1] / one[0] < 2.4 and 2.4 < one[2] / one[0] < 3.4)


def test_bytes(sim):
    text = "set duration_s 60\nset req_sigma 0.3\nevent bytes at=30 for=30 service=ad factor=4\n"
    text += "event bytes at=30 for=30 service=auth req=1 factor=10\n"
    all_ = entries(sim.run(text, 3)[1])
    for path, key, want in (("/shop.Ad", "answer_bytes", 4), ("/oauth", "request_bytes", 10)):
        mine = [e for e in all_ if e["path"].startswith(path) and e["code"] < 400]
        a, b = (median([e[key] for e in between(mine, *w)]) for w in ((0, 30), (30, 60)))
        check("%s grow by the factor" % key, 0.6 * want < b / a < 1.6 * want)


def test_retries_mask(sim):
    text = "set duration_s 100\nevent retrymask at=40 for=60 service=currency prob=0.3 flag=UF\n"
    all_ = calls(entries(sim.run(text, 3)[1]), "currency")
    calm, hit = between(all_, 0, 40), between(all_, 40, 100)
    check("masked failures leave success as it is", failed_share(hit) < 0.01)
    attempts = [sum(e["attempts"] for e in x) / len(x) for x in (calm, hit)]
    check("and show in the attempts", attempts[0] < 1.02 and 1.3 < attempts[1] < 1.6)


def test_storm(sim):
    text = "set duration_s 170\nset rate_per_s 20\nevent storm at=70 for=70 trigger=10 service=productcatalog\n"
    for seed in (3, 4):
        all_ = calls(entries(sim.run(text, seed)[1]), "productcatalog")
        calm, after, end = (failed_share(between(all_, *w)) for w in ((0, 70), (95, 140), (142, 170)))
        check("a storm outlives its trigger, and ends when it is stopped", calm < 0.01 < 0.3 < after and end < 0.02)


def test_queue(sim):
    text = "set duration_s 160\nevent queue at=80 for=80 service=currency cluster=east-1 factor=5\n"
    all_ = calls(entries(sim.run(text, 3)[1]), "currency")
    east = [e for e in all_ if "~10.1." in e["node"]]
    calm, full = between(east, 20, 80), between(east, 100, 160)
    check("a full queue refuses (UO), after a second try too (URX)", any(e["flags"] == {8, 16} for e in full)
          and not any(8 in e["flags"] for e in calm))
    good = lambda x: median([e["duration"] for e in x if e["code"] == 200])  # noqa: E731
    check("and is slow", good(full) > 2 * good(calm))


def test_scaling(sim):
    text = "set duration_s 90\nevent scalein at=30 for=30 service=ad\n"
    all_ = [e for e in entries(sim.run(text, 3)[1]) if e["inbound"] and e["path"].startswith("/shop.Ad")]
    pods = [len({e["node"] for e in between(all_, *w)}) for w in ((0, 30), (36, 60), (60, 90))]
    check("pods leave and new ones come", pods[0] == 9 and pods[1] == 6 and pods[2] > 6)
    check("and nobody notices", failed_share(all_) < 0.01)


def test_drain(sim):
    """Pods that go break connections (UC) for half of the time, then take none (UF), and only then."""
    text = "set duration_s 100\nset rate_per_s 40\nset err_p 0\n"
    text += "event rollout at=40 for=60 service=cart roll=30 drain=0.6\n"
    _, path, truth = sim.run(text, 3)
    all_ = [e for e in entries(path) if not e["inbound"] and e["path"].startswith("/carts/")]
    bad = [e for e in all_ if e["code"] == 503]
    cut, refused = ([e for e in all_ if f in e["flags"]] for f in (7, 6))
    e = truth["events"][0]
    check("pods on their way out reset requests, from the event's start to two seconds past the last one's leave",
          bad and all(40e9 <= x["start"] < 72.1e9 for x in bad) and failed_share(between(all_, 75, 100)) == 0)
    check("and the truth counts them, healthy as they are", not e["unhealthy"] and len(cut) > 5
          and len(cut) <= e["drained"] <= len(cut) + 2 * len(refused) + sum(x["attempts"] - 1 for x in all_))
    check("what finds no open port is tried again, what was cut is not", all(x["attempts"] == 1 for x in cut)
          and any(x["attempts"] == 2 and x["code"] == 200 for x in all_))


def test_capacity(sim):
    full = "set duration_s 260\nset rate_per_s 20\ntune cart util=1.5\nset full_load 0.9\n"
    _, path, truth = sim.run(full + "event failover at=100 for=120 cluster=east-1 to=west-1 overloads=1\n", 3)
    e = truth["events"][0]
    cart = calls(entries(path), "cart")
    over = [x for x in cart if x["flags"] == {8}]
    check("a failover to where one service has no capacity overloads that one, there",
          e["unhealthy"] and e["target"] == {"service": "cart", "cluster": "west-1"} and e["refused"] == len(over) > 20)
    check("from when the truth says", abs(min(x["start"] for x in over) / 1e9 - e["refused_at"]) < 1
          and all("~10.2." in x["node"] for x in over))
    west = [x for x in cart if x["code"] == 200 and "~10.2." in x["node"]]
    good = lambda *w: median([x["duration"] for x in between(west, *w)])  # noqa: E731
    check("what is served takes far longer", good(160, 220) > 4 * good(20, 100))
    check("and it recovers", good(245, 260) < 2 * good(20, 100))
    _, path, truth = sim.run(full + "event failover at=100 for=60 cluster=eu-1 to=west-1 overloads=1\n", 3)
    check("one that fits is healthy, and nobody is refused", not truth["events"][0]["unhealthy"]
          and truth["events"][0]["target"] == {} and not any(8 in x["flags"] for x in entries(path)))


def test_silent(sim):
    """A service without a proxy says nothing; those that call it and that it calls do."""
    chain = "include %s\nset rate_per_s 20\nset duration_s 60\n" % os.path.join(SCENARIOS, "chain.topo")
    _, path, truth = sim.run_text(chain + "event latency at=20 for=40 service=ledger add=80\n", 3)
    all_ = entries(path)
    ips = {e["node"].split("~")[1]: e["node"].split("~")[2].split("-")[0] for e in all_}
    check("nobody reports for it", not {"price", "ledger"} & set(ips.values()))
    to, of = (calls(all_, s) for s in ("ledger", "vault"))
    check("its callers tell of calls to it, without a peer", to and not any(e["peer"] for e in to) and not of)
    vault = [e for e in all_ if e["inbound"] and e["path"] == "/shop.Vault/Read"]
    check("and its callee of calls from no one", vault and not any(e["peer"] for e in vault))
    slow = median([e["duration"] for e in between(to, 20, 55)]) - median([e["duration"] for e in between(to, 0, 20)])
    check("its trouble shows at its callers alone", 60e6 < slow < 100e6 and median(
        [e["duration"] for e in between(vault, 20, 55)]) < 20e6 and "boundary" not in truth["events"][0])


def test_outside(sim):
    outside = "include %s\nset duration_s 30\n" % os.path.join(SCENARIOS, "outside.topo")
    for service, want in (("cartdb", ["cartstore"]), ("pricingdb", ["pricing"]), ("adnetwork", None),
                          ("shareddb", ["ad", "currency", "shipping"])):
        _, path, truth = sim.run_text(outside + "event latency at=10 for=20 service=%s add=80\n" % service, 3)
        check("the nearest that is seen of a fault at %s" % service, truth["events"][0].get("boundary") == want)
        check("and of %s itself %s report" % (service, "none" if want else "some"),
              bool(calls(entries(path), service)) == (want is None))


def test_hits(sim):
    text = "set duration_s 90\nset err_p 0\nevent errors at=30 for=50 service=ad hits=6\n"
    _, path, truth = sim.run(text, 3)
    bad = [e for e in entries(path) if e["inbound"] and e["path"].startswith("/shop.Ad") and e["code"] == 500]
    e = truth["events"][0]
    check("six requests fail, and the truth says when", len(bad) == 6 and e["hits"] == 6
          and abs(min(b["start"] for b in bad) / 1e9 - e["at"]) < 0.1 and 30 <= e["at"] < e["at"] + e["for"] <= 80)


def test_telemetry(sim):
    text = "set duration_s 120\nset flush_phased 1\nset err_p 0\n"
    plain = entries(sim.run(text, 3)[1])
    _, path, truth = sim.run(text + "event loss at=40 for=60 service=cart|frontend prob=0.3\n", 3)
    e = truth["events"][0]
    check("a loss is told, proxy by proxy", 0.2 < e["lost_share"] < 0.4 and len(e["proxies"]) == 9
          and sum(p["lost"] for p in e["proxies"]) == e["lost"]
          and sum(p["entries_lost"] for p in e["proxies"]) == len(plain) - len(entries(path)) == truth["lost"])
    _, path, truth = sim.run(text + "event cut at=40 for=10 service=cart cluster=east-1 pod=1\n", 3)
    left = entries(path)
    e = truth["events"][0]
    gone = {(x["request_id"], x["start"], x["inbound"]) for x in plain}
    gone -= {(x["request_id"], x["start"], x["inbound"]) for x in left}
    check("a cut takes all that one proxy has to say, and nothing else", e["lost_share"] == 1
          and [p["pod"] for p in e["proxies"]] == [e["target"]["pod"]]
          and len(gone) == e["proxies"][0]["entries_lost"] == truth["lost"])


def test_shapes(sim):
    text = "set day_period_s 40\nset duration_s 280\nset week_amp 0.8\nset session_mean 1\nset wander_sd 0\n"
    users = [e for e in entries(sim.run(text, 3)[1]) if e["node"].startswith("router~")]
    work, rest = len(between(users, 0, 200)) / 200, len(between(users, 205, 275)) / 70
    check("the last two days of a week are quieter", 0.1 < rest / work < 0.35)
    text = "set duration_s 200\nset pod_sd 0.5\n"
    own = {}
    for e in entries(sim.run(text, 3)[1]):
        if e["inbound"] and e["path"].startswith("/shop.Ad"):
            own.setdefault(e["node"], []).append(e["duration"])
    speeds = [median(v) for v in own.values()]
    check("pods have speeds of their own", max(speeds) > 1.5 * min(speeds))
    errors = "set duration_s 300\nset err_p 0.02\n"
    odds = []
    for more in ("", "set err_wander_sd 1.5\n"):
        bad = [0] * 301
        for e in entries(sim.run(errors + more, 3)[1]):
            bad[int(e["start"] // 10**9)] += e["inbound"] and e["code"] == 500 and e["path"].startswith("/carts/")
        m = sum(bad) / 300
        odds.append(sum((b - m) ** 2 for b in bad) / 300 / m)
    check("failures may come in clusters", odds[1] > 1.2 * odds[0])


def test_refusals(sim):
    for name, text in (("an unknown setting", "set speed 3\n"), ("a value out of range", "set err_p 2\n"),
                       ("an unknown service", "event errors at=1 for=2 service=nobody prob=1\n"),
                       ("an unknown word in an event", "event errors at=1 for=2 service=cart prop=1\n"),
                       ("a crash without a pod", "event crash at=1 for=2 service=cart\n"),
                       ("a storm without a service", "event storm at=1 for=2\n"),
                       ("a drain where no pod leaves", "event errors at=1 for=2 service=cart drain=0.5\n"),
                       ("an overload where nothing is ever full", "event surge at=1 for=2 factor=2 overloads=1\n"),
                       ("a gateway without a proxy", "gateway other proxy=0\n")):
        check("%s is refused" % name, sim.run(text + "\n", 1)[0] == 1)


def test_scenarios(sim):
    names = sorted(f for f in os.listdir(SCENARIOS) if f.endswith(".txt"))
    good = [n for n in names if sim.run(n, 7, "--duration", "5")[0] == 0]
    check("every scenario is understood", good == names)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: test_meshsim.py MESHSIM")
    with tempfile.TemporaryDirectory() as folder:
        sim = Sim(os.path.abspath(sys.argv[1]), folder)
        for test in (test_determinism, test_form, test_errors, test_retries, test_latency, test_isolation, test_loss,
                     test_identifier, test_recovery, test_overload, test_hang, test_erratic, test_classes, test_trends,
                     test_bytes, test_retries_mask, test_storm, test_queue, test_scaling, test_drain, test_capacity,
                     test_silent, test_outside, test_hits, test_telemetry, test_shapes, test_refusals, test_scenarios):
            test(sim)
    print("1..%d" % count)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
