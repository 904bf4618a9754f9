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


def event(kind, begin, long, target, unhealthy=True, **more):
    return dict({"id": "e1", "kind": kind, "at": begin, "for": long, "target": target, "unhealthy": unhealthy}, **more)


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


def near(a, b):
    return a is not None and abs(a - b) < 1e-6


def test_onset():
    fault = event("errors", 1000, 60, {"service": "cart"})
    check("the onset's error counts either way", near(one([fault], [incident(997, 1004, [CART])])["onset_error"], 3))
    check("a ramp has no onset", "onset_error" not in one([event("ramp", 1000, 60, {"service": "cart"})],
                                                          [incident(1001, 1004, [CART])]))
    r = score.row("x", [run([fault], [incident(1002, 1004, [CART])])])
    check("its median is a column", r["onset_error_median_s"] == "2.00")


def test_recurrences():
    dips = [event("dip", b, 1, {"service": "cart"}) for b in (1000, 1300, 1600)]
    back = dict(incident(1000, 1003, [CART]), occurrences=3, recurrences=[
        {"started_at": at(1300), "ended_at": at(1302)}, {"started_at": at(1600.5), "ended_at": None}])
    r = run(dips, [back])
    check("dips that came back are found in the first one's incident", [e["found"] for e in r["events"]] == [True] * 3)
    check("as recurrences", [e["recurring"] for e in r["events"]] == [False, True, True])
    check("and are no further incidents", [e["incidents"] for e in r["events"]] == [1, 0, 0] and not r["false"])
    check("their onset is that of the recurrence", near(r["events"][2]["onset_error"], 0.5))
    row = score.row("x", [r])
    check("they are counted, and have no delay of their own", row["recurring"] == 2 and row["delay_max_s"] == "3.00")
    check("the incidents an event are over those that have some", row["incidents_per_event"] == "1.00")
    elsewhere = [{"started_at": at(1100), "ended_at": at(1102)}]
    r = run(dips[:2], [dict(incident(1000, 1003, [CART]), recurrences=elsewhere)])
    check("a recurrence elsewhere does not find an event", not r["events"][1]["found"])
    r = run([dips[1]], [dict(incident(500, 503, [CART]), recurrences=[{"started_at": at(1300), "ended_at": at(1301)}])])
    check("an event is found by a recurrence alone, and the incident is not false",
          r["events"][0]["found"] and not r["false"])


def test_held():
    long_ = event("errors", 1000, 900, {"service": "cart"})
    ended = lambda s: one([long_], [dict(incident(1001, 1004, [CART]), ended_at=at(s))])["held"]  # noqa: E731
    check("an incident that ends long before its event did not hold", not ended(1400))
    check("one that ends with it did", ended(1890))
    check("an open one did", one([long_], [incident(1001, 1004, [CART])])["held"])


def finding(started, detected, text, causes=()):
    i = incident(started, detected, causes, verdict="expected", kind="change")
    return dict(i, summary="Telemetry degraded: " + text, telemetry="degraded: " + text)


def test_telemetry():
    proxies = [{"service": "cart", "cluster": "east-1", "pod": "a", "messages": 100, "lost": 30},
               {"service": "ad", "cluster": "east-1", "pod": "b", "messages": 100, "lost": 0}]
    loss = event("loss", 1000, 60, {"service": "cart"}, unhealthy=False, proxies=proxies)
    was = lambda incidents: run([loss], incidents)["expected"][0]  # noqa: E731
    e = was([finding(1001, 1004, "33 % of the messages of cart lost", [CART])])
    check("a telemetry finding labels a loss", e["was"] == "labelled" and near(e["delay"], 4))
    check("its share is within five points of the truth",
          e["share_ok"] and near(e["told"], .33) and near(e["true"], .3))
    check("and it names the proxies", e["who_ok"])
    check("a share that is off is told", not was([finding(1001, 1004, "40 % lost", [CART])])["share_ok"])
    check("no share is no share", not was([finding(1001, 1004, "messages lost", [CART])])["share_ok"])
    check("a finding about all is measured against all",
          near(was([finding(1001, 1004, "16 % lost")])["true"], .15))
    check("another expected verdict does not label a loss",
          was([incident(1001, 1004, [CART], verdict="expected", kind="traffic")])["was"] == "silent")
    check("nor a telemetry finding a surge", run([event("surge", 1000, 60, {}, False)], [finding(1001, 1004, "9 %")])
          ["expected"][0]["was"] == "silent")
    check("a traffic incident during a loss is a page", was([incident(1001, 1004, [CART], kind="traffic")])["was"]
          == "paged")


def test_reliability():
    fault = event("errors", 1000, 60, {"service": "cart"})
    told = lambda i, p: dict(i, confidence=p)  # noqa: E731
    r = run([fault], [told(incident(1001, 1004, [CART]), .9), told(incident(1010, 1014, [SHIP, CART]), .6),
                      told(incident(300, 310, [CART]), .2), incident(1020, 1030, [CART]),
                      told(incident(400, 410, [CART], verdict="expected"), 1)])
    check("only unhealthy incidents with a confidence are judged: exact, wrong entity, false",
          sorted(r["judged"]) == [(.2, False), (.6, False), (.9, True)])
    error, bins = score.reliability([(.8, True)] * 80 + [(.8, False)] * 20)
    check("confidences that are right have no error over all", len(bins) == 10 and
          abs(score.reliability([(.8, k % 5 > 0) for k in range(100)], 1)[0]) < 1e-9)
    check("equal counts a bin", all(b["incidents"] == 10 for b in bins) and error > 0.2)
    check("confidence 1 that is never right has an error of 1", near(score.reliability([(1, False)] * 20)[0], 1))
    check("no incidents, no bins", score.reliability([]) == (0, []))
    drop = run([event("drop", 1000, 60, {})], [told(incident(1001, 1004, [CART], kind="traffic"), .7)])
    check("where the truth names nobody, a true incident is enough", drop["judged"] == [(.7, True)])


def test_summary():
    events = [event("errors", 1000, 60, {"service": "cart"}, flag="UF", code=503),
              event("errors", 2000, 60, {"service": "ad"}, code=401)]
    r = run(events, [incident(1001, 1004, [CART])])
    rows = {f["fault"]: f for f in score.fault_rows([r])}
    check("failures are told apart by flag and code", set(rows) == {"errors UF", "errors 401"})
    check("with what was found of them", rows["errors UF"]["found"] == 1 and rows["errors 401"]["found"] == 0
          and rows["errors UF"]["delay_median_s"] == "4.00" and rows["errors 401"]["exact_1"] == "0.000")
    check("denied requests may be called security",
          one([events[1]], [incident(2001, 2004, [{"service": "ad"}], kind="security")])["kind_ok"])
    check("but not unreachable ones",
          not one([events[0]], [incident(1001, 1004, [CART], kind="security")])["kind_ok"])
    quiet = score.score({"scenario": "quiet_x", "start": START, "events": [], "duration_s": 7200}, [])
    check("quiet hours are counted where nothing is wrong", quiet["hours"] == 2 and r["hours"] == 0)


def test_settings():
    path = lambda name: os.path.join(HERE, "scenarios", name)  # noqa: E731
    check("long scenarios say so", score.setting(path("outage_six_hours.txt"), "slow") == 1)
    check("others do not", score.setting(path("quiet_plain.txt"), "slow") == 0)
    check("a quiet one is longer with --slow", score.setting(path("quiet_plain.txt"), "slow_duration_s") == 28800)
    quiet = [f for f in os.listdir(path("")) if f.startswith("quiet_")]
    hours = sum(score.setting(path(f), "slow_duration_s") for f in quiet) / 3600
    check("three seeds of the quiet ones are 200 mesh-hours and more", len(quiet) >= 12 and 3 * hours >= 200)


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
truth = {"scenario": "x", "start": "%s", "events": [event], "duration_s": float(a.get("--duration", 1500))}
json.dump(truth, open(a["--truth"], "w"))
(sys.stdout if a["--out"] == "-" else open(a["--out"], "w")).write(a["--seed"])
""" % START

FAKE_REPLAY = """#!/usr/bin/env python3
import sys
text = (sys.stdin if sys.argv[-1] == "-" else open(sys.argv[-1])).read()
if text == "13":
    sys.exit("cannot read seed 13")
if int(text) %% 2:
    print('%s')
""" % json.dumps(dict(incident(1001, 1004, [CART]), confidence=0.8))


def program(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755)
    return path


def test_table():
    with tempfile.TemporaryDirectory() as d:
        table = os.path.join(d, "results.csv")
        with open(os.path.join(d, "one.txt"), "w") as f:
            f.write("set slow_duration_s 7200\n")
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
            with open(os.path.join(d, "reliability.csv")) as f:
                bins = f.read().splitlines()
            check("and bins of the confidences" + " with kept recordings" * bool(keep),
                  bins == ["bin,incidents,confidence,true_share", "1,1,0.800,1.000", "2,1,0.800,1.000"])
            check("and a row of all" + " with kept recordings" * bool(keep), lines[2].startswith("all,4,4,2,"))
        out = subprocess.run(command + ["--seeds", "1", "--slow", "--jobs", "1"], capture_output=True, text=True)
        with open(os.path.join(d, "one.1.truth.json")) as f:
            check("--slow makes a scenario as long as it says", json.load(f)["duration_s"] == 7200)
        check("kept recordings stay", os.path.exists(os.path.join(d, "one.3.als")))
        out = subprocess.run(command + ["--seeds", "13"], capture_output=True, text=True)
        check("a replay that fails is told, and the exit says so",
              out.returncode != 0 and "cannot read seed 13" in out.stderr)


def main():
    for test in (test_instants, test_found, test_relation, test_exact, test_several, test_expected, test_row,
                 test_onset, test_recurrences, test_held, test_telemetry, test_reliability, test_summary,
                 test_settings, test_command, test_table):
        test()
    print("1..%d" % count)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
