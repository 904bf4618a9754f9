#!/usr/bin/env python3
"""Tests of scenes.py on incidents made by hand. Prints TAP."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scenes  # noqa: E402
import score  # noqa: E402
from test_score import CART, SHIP, START, event, incident  # noqa: E402

AD = {"kind": "service", "service": "ad"}
count = failed = 0


def check(name, good):
    global count, failed
    count += 1
    failed += not good
    print("%s %d - %s" % ("ok" if good else "not ok", count, name))


def judge(events, incidents, name="scene_made_up"):
    lines = [json.dumps(i) for i in incidents]
    return scenes.judge(name, {"start": START, "events": events}, score.read_incidents(lines))


def saying(i, summary):
    return dict(i, summary=summary)


def test_changes():
    surge = event("surge", 900, 60, {}, unhealthy=False)
    rollout = event("rollout", 900, 60, {"service": "cart", "version": "v2"}, unhealthy=False)
    label = incident(901, 905, [CART], verdict="expected", kind="change")
    check("an expected incident labels a change", judge([surge], [label])["events"][0]["right"])
    one = judge([rollout], [])["events"][0]
    check("silence is no label", one["silent"] and not one["right"])
    check("but where nothing need be said",
          judge([rollout], [], "scene_drain_scalein")["events"][0]["right"])
    other = incident(901, 905, [SHIP], verdict="expected", kind="change")
    check("nor is a word about something else", not judge([rollout], [other])["events"][0]["right"])
    one = judge([surge], [label, incident(910, 915, [CART])])["events"][0]
    check("a page spoils the label", one["paged"] == 1 and not one["right"])
    check("and is false", len(judge([surge], [incident(910, 915, [CART])])["false"]) == 1)


def test_faults():
    bad = event("surge", 900, 60, {"service": "cart", "cluster": "east-1"})
    check("a bad change that is called expected is missed",
          not judge([bad], [incident(901, 905, [CART], verdict="expected")])["events"][0]["right"])
    r = judge([bad], [incident(901, 905, [dict(CART, cluster="east-1")])])
    check("one that pages and names where is right", r["events"][0]["exact"] == 1 and r["one_story"])
    r = judge([bad], [incident(901, 905, [CART]), incident(902, 906, [SHIP])])
    check("a second incident is a second story", not r["one_story"] and r["events"][0]["service"] == 1)
    row = scenes.row("scene", [r])
    check("and counts for the fault", row["incidents_per_fault"] == "2.00" and row["stray"] == 1)


def test_pairs():
    a = event("errors", 900, 60, {"service": "cart"})
    b = dict(event("errors", 908, 60, {"service": "shipping"}), id="e2")
    both = [incident(901, 904, [CART]), incident(909, 912, [SHIP])]
    check("two faults and an incident each are apart", judge([a, b], both)["apart"])
    check("one incident that names both is not two", not judge([a, b], [incident(901, 904, [CART, SHIP])])["apart"])
    check("nor are two that name the same first",
          not judge([a, b], [incident(901, 904, [CART]), incident(909, 912, [CART, SHIP])])["apart"])
    check("one fault is no pair", judge([a], both)["apart"] is None)


def test_outside():
    own = event("latency", 900, 60, {"service": "cartdb"}, boundary=["cart"])
    shared = event("latency", 900, 60, {"service": "db"}, boundary=["cart", "shipping"])
    e = judge([own], [incident(901, 904, [CART])])["events"][0]
    check("the nearest that is seen may be named", e["boundary"] and not e["abstained"])
    check("what is behind it may not be guessed",
          not judge([own], [incident(901, 904, [AD, CART])])["events"][0]["boundary"])
    check("of two that share something unseen neither is it",
          not judge([shared], [incident(901, 904, [CART, SHIP])])["events"][0]["boundary"])
    said = saying(incident(901, 904, [CART, SHIP]), "Insufficient evidence: cart, shipping")
    e = judge([shared], [said])["events"][0]
    check("saying so is right", e["boundary"] and e["abstained"])
    row = scenes.row("outside", [judge([shared], [incident(901, 904, [CART])])])
    check("faults that nobody reports of count for no culprit",
          row["exact_1"] == "" and row["boundary_right"] == "0.000" and row["abstained"] == "0.000")


def main():
    for test in (test_changes, test_faults, test_pairs, test_outside):
        test()
    print("1..%d" % count)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
