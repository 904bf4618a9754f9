#!/usr/bin/env python3
"""Tests of score.py on incidents made by hand. Prints TAP."""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import score  # noqa: E402

START = "2026-03-02T09:00:00Z"
count = failed = 0


def check(name, good):
    global count, failed
    count += 1
    failed += not good
    print("%s %d - %s" % ("ok" if good else "not ok", count, name))


def at(seconds):
    whole = int(seconds)
    return "2026-03-02T09:%02d:%02d.%09dZ" % (whole // 60, whole % 60, round((seconds - whole) * 1e9))


def incident(started, detected, causes, affected=(), verdict="unhealthy", kind="errors"):
    return {"verdict": verdict, "kind": kind, "started_at": at(started), "detected_at": at(detected), "summary": "",
            "root_causes": [{"score": 1, "entity": c} for c in causes], "affected": list(affected)}


def event(kind, begin, long, target, unhealthy=True):
    return {"id": "e1", "kind": kind, "at": begin, "for": long, "target": target, "unhealthy": unhealthy}


def run(events, incidents):
    lines = [json.dumps(i) for i in incidents]
    return score.score({"start": START, "events": events}, score.read_incidents(lines))


def one(events, incidents):
    return run(events, incidents)["events"][0]


CART = {"kind": "service", "service": "cart"}
SHIP = {"kind": "service", "service": "shipping"}


def test_instants():
    check("nanoseconds are read",
          abs(score.instant("2026-03-02T09:00:01.250000000Z") - score.instant(START) - 1.25) < 1e-6)
    check("a time without fraction is read", score.instant("2026-03-02T09:00:00Z") == 1772442000)
    check("a missing end is none", score.instant(None) is None)


def test_found():
    fault = event("errors", 1000, 60, {"service": "cart"})
    e = one([fault], [incident(1001, 1004.5, [CART])])
    check("an incident in the window is found", e["found"])
    check("the delay counts from the event", abs(e["delay"] - 4.5) < 1e-6)
    check("the culprit is exact at rank 1", e["exact"] == 1 and e["service"] == 1)
    check("the kind is right", e["kind_ok"])
    check("detected after a short dip has ended still counts",
          one([event("dip", 1000, 1.5, {"service": "cart"})], [incident(1000.5, 1004, [CART])])["found"])
    check("five seconds early counts", one([fault], [incident(1064, 1068, [CART])])["found"])
    check("six seconds past the end does not", not one([fault], [incident(1066, 1068, [CART])])["found"])
    check("detected before the event does not count", not one([fault], [incident(990, 999, [CART])])["found"])
    check("an expected verdict is no finding",
          not one([fault], [incident(1001, 1004, [CART], verdict="expected")])["found"])


def test_relation():
    fault = event("errors", 1000, 60, {"service": "cart"})
    r = run([fault], [incident(1001, 1004, [SHIP])])
    check("an incident about another service is not this event", not r["events"][0]["found"])
    check("it is stray, not false, while a fault is on", len(r["stray"]) == 1 and not r["false"])
    r = run([fault], [incident(1001, 1004, [SHIP], affected=[CART])])
    check("the target among the affected relates", r["events"][0]["found"])
    check("but the culprit is wrong", r["events"][0]["service"] is None and r["events"][0]["exact"] is None)
    r = run([fault], [incident(1001, 1004, [SHIP, CART])])
    check("the culprit's rank is that of its entity", r["events"][0]["service"] == 2)
    r = run([fault], [incident(500, 510, [CART])])
    check("an incident with no event is false", len(r["false"]) == 1 and not r["events"][0]["found"])
    r = run([event("drop", 1000, 60, {})], [incident(1001, 1004, [CART], kind="traffic")])
    where = {"clusters": [{"name": "west-1", "region": "us-west"}], "start": START}
    west = {"kind": "service", "service": "cart", "cluster": "west-1"}
    slow = score.score(dict(where, events=[event("network", 1000, 60, {"region": "us-west"})]),
                       score.read_incidents([json.dumps(incident(1001, 1004, [west], kind="latency"))]))["events"][0]
    check("a cluster relates to its region, but is not exact", slow["service"] == 1 and slow["exact"] is None)
    gone = score.score(dict(where, events=[event("drop", 1000, 60, {"cluster": "west-1"})]), score.read_incidents(
        [json.dumps(incident(1001, 1004, [{"kind": "region", "region": "us-west"}], kind="traffic"))]))["events"][0]
    check("a region relates to its cluster, but is not the culprit", gone["found"] and gone["service"] is None)
    check("an event without a target relates to any incident", r["events"][0]["found"])


def test_exact():
    pod = {"kind": "pod", "service": "cart", "cluster": "east-1", "pod": "cart-v1-a", "version": "v1"}
    check("a service is not named by one of its pods", not score.exact({"service": "cart"}, pod))
    check("a pod is named with what it implies",
          score.exact({"service": "cart", "cluster": "east-1", "pod": "cart-v1-a"}, pod))
    check("a pod's service alone is not exact", not score.exact({"service": "cart", "pod": "cart-v1-a"}, CART))
    check("a cluster may bring its region",
          score.exact({"service": "cart", "cluster": "east-1"},
                      {"service": "cart", "cluster": "east-1", "region": "us-east"}))
    check("a service in a cluster is narrower than the service",
          not score.exact({"service": "cart"}, {"service": "cart", "cluster": "east-1"}))
    check("routes compare by shape", score.exact({"service": "cart", "route": "GET /carts/{id}"},
                                                 {"service": "cart", "route": "/carts/{cart}"}))
    check("another route is not exact", not score.exact({"service": "cart", "route": "GET /carts/{id}"},
                                                        {"service": "cart", "route": "/carts/{id}/items"}))
    check("an edge needs its caller", not score.exact({"service": "cart", "caller": "frontend"}, CART))
    check("an edge is exact with its caller", score.exact({"service": "cart", "caller": "frontend"},
                                                          {"kind": "edge", "service": "cart", "caller": "frontend"}))
    check("a region is named by the region",
          score.exact({"region": "us-west"}, {"kind": "region", "region": "us-west"}))
    check("a region is not named by a cluster in it",
          not score.exact({"region": "us-west"}, {"kind": "cluster", "region": "us-west", "cluster": "west-1"}))


def test_several():
    two = [event("errors", 1000, 60, {"service": "cart"}), event("latency", 1030, 60, {"service": "cart"})]
    r = run(two, [incident(1001, 1003, [CART]), incident(1031, 1033, [CART], kind="latency"),
                  incident(1040, 1044, [CART])])
    check("an incident goes to the event that began nearest", [e["incidents"] for e in r["events"]] == [1, 2])
    r = run([two[0]], [incident(1020, 1030, [CART]), incident(1001, 1003, [SHIP, CART])])
    check("the earliest detection is scored",
          abs(r["events"][0]["delay"] - 3) < 1e-6 and r["events"][0]["service"] == 2)
    check("both are counted", r["events"][0]["incidents"] == 2)


def test_expected():
    surge = event("surge", 1000, 60, {}, unhealthy=False)
    was = lambda incidents: run([surge], incidents)["expected"][0]["was"]  # noqa: E731
    check("a silent expected event", was([]) == "silent")
    check("a labelled one", was([incident(1001, 1005, [], verdict="expected", kind="traffic")]) == "labelled")
    check("a page during it is a page", was([incident(1001, 1005, [CART])]) == "paged")
    check("a page during it is a false incident", len(run([surge], [incident(1001, 1005, [CART])])["false"]) == 1)
    both = [surge, event("errors", 1010, 30, {"service": "cart"})]
    r = run(both, [incident(1011, 1015, [CART])])
    check("a page for a fault during a surge is not held against the surge",
          r["expected"][0]["was"] == "silent" and r["events"][0]["found"])


def test_row():
    found = run([event("errors", 1000, 60, {"service": "cart"})], [incident(1001, 1004, [CART])])
    missed = run([event("errors", 1000, 60, {"service": "cart"})], [])
    r = score.row("x", [found, missed])
    check("misses count against the shares", r["found"] == 1 and r["events"] == 2 and r["exact_1"] == "0.500")
    check("the median delay is over what was found", r["delay_median_s"] == "4.00")
    check("a quiet row has no shares", score.row("q", [run([], [])])["kind_ok"] == "")
    check("a row has all columns", set(score.COLUMNS) == set(r))


def test_command():
    with tempfile.TemporaryDirectory() as d:
        truth, incidents = os.path.join(d, "t.json"), os.path.join(d, "i.jsonl")
        with open(truth, "w") as f:
            json.dump({"scenario": "x", "start": START, "events": [event("errors", 1000, 60, {"service": "cart"})]}, f)
        with open(incidents, "w") as f:
            f.write(json.dumps(incident(1001, 1004.5, [CART])) + "\n")
        command = [sys.executable, os.path.join(HERE, "score.py"), "--truth", truth]
        out = subprocess.run(command + ["--incidents", incidents], capture_output=True, text=True)
        check("the command scores one replay",
              out.returncode == 0 and "found after 4.50 s, culprit exact 1" in out.stdout)
        out = subprocess.run(command, capture_output=True)
        check("a truth without incidents is refused", out.returncode != 0)


FAKE_SIM = """#!/usr/bin/env python3
import json, sys
a = dict(zip(sys.argv[1::2], sys.argv[2::2]))
event = {"id": "e1", "kind": "errors", "at": 1000, "for": 60, "target": {"service": "cart"}, "unhealthy": True}
json.dump({"scenario": "x", "start": "%s", "events": [event]}, open(a["--truth"], "w"))
(sys.stdout if a["--out"] == "-" else open(a["--out"], "w")).write(a["--seed"])
""" % START

FAKE_REPLAY = """#!/usr/bin/env python3
import sys
text = (sys.stdin if sys.argv[-1] == "-" else open(sys.argv[-1])).read()
if text == "13":
    sys.exit("cannot read seed 13")
if int(text) %% 2:
    print('%s')
""" % json.dumps(incident(1001, 1004, [CART]))


def program(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755)
    return path


def test_table():
    with tempfile.TemporaryDirectory() as d:
        table = os.path.join(d, "results.csv")
        command = [sys.executable, os.path.join(HERE, "score.py"), os.path.join(d, "one.txt"), "--work", d]
        command += ["--csv", table, "--meshsim", program(d, "sim", FAKE_SIM)]
        command += ["--foreshock", program(d, "replay", FAKE_REPLAY)]
        for keep in ([], ["--keep"]):
            out = subprocess.run(command + ["--seeds", "1:4"] + keep, capture_output=True, text=True)
            with open(table) as f:
                lines = f.read().splitlines()
            row = "one,4,4,2,4.00,4.00,0.500,0.500,0.500,0.500,1.00,0,0,0"
            check("scenarios and seeds make a row" + " with kept recordings" * bool(keep),
                  out.returncode == 0 and lines[1].startswith(row))
            check("and a row of all" + " with kept recordings" * bool(keep), lines[2].startswith("all,4,4,2,"))
        check("kept recordings stay", os.path.exists(os.path.join(d, "one.3.als")))
        out = subprocess.run(command + ["--seeds", "13"], capture_output=True, text=True)
        check("a replay that fails is told, and the exit says so",
              out.returncode != 0 and "cannot read seed 13" in out.stderr)


def main():
    for test in (test_instants, test_found, test_relation, test_exact, test_several, test_expected, test_row,
                 test_command, test_table):
        test()
    print("1..%d" % count)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
