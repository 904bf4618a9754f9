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
            path = os.path.join(self.folder, "scenario.txt")
            with open(path, "w") as f:
                f.write("include %s\n" % os.path.join(SCENARIOS, "shop.topo") + scenario)
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
    check("the times of an entry do not go back",
          all(e["times"] == sorted(e["times"]) and e["times"][-1] <= e["duration"] for e in all_))
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


def test_refusals(sim):
    for name, text in (("an unknown setting", "set speed 3\n"), ("a value out of range", "set err_p 2\n"),
                       ("an unknown service", "event errors at=1 for=2 service=nobody prob=1\n"),
                       ("an unknown word in an event", "event errors at=1 for=2 service=cart prop=1\n"),
                       ("a crash without a pod", "event crash at=1 for=2 service=cart\n")):
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
                     test_identifier, test_refusals, test_scenarios):
            test(sim)
    print("1..%d" % count)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
