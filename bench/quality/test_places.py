#!/usr/bin/env python3
"""Of places.py: its rules on made-up answers, and one recording a place. Prints TAP.

    test_places.py MESHSIM FORESHOCK"""
import argparse
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
sys.path.insert(0, HERE)
import places  # noqa: E402
from tap import Tap  # noqa: E402

SEED = 1  # a tuning seed
tap = Tap()


def test_rules():
    truth = {"start": "2026-03-02T09:00:00Z",
             "events": [{"at": 300.0, "target": {"service": "cart", "caller": "front"}}]}
    time = {"place": "network", "edge": {"service": "cart", "caller": "front"}}
    told = {"detected_at": "2026-03-02T09:05:02.000000000Z", "time": time}
    tap.ok("what the incident says is what counts", places.judged(truth, [told]) == ("network", True, 2.0))
    other = {"detected_at": "2026-03-02T09:05:01.500000000Z", "time": time | {"edge": {"service": "a", "caller": "b"}}}
    tap.ok("the first of several", places.judged(truth, [told, other]) == ("network", False, 1.5))
    tap.ok("nothing where none says", places.judged(truth, [told | {"time": None}]) == ("nothing", False, None))
    truth["events"][0]["target"] = {"service": "cart"}
    tap.ok("of a service any edge into it", places.judged(truth, [told])[1])
    row = places.row_of("network", [("network", True, 2.0), ("network", False, 3.0), ("several", False, 4.0)])
    tap.ok("shares and delays", (row["right"], row["edge_right"], row["found_median_s"], row["named_instead"]) ==
          ("0.667", "0.333", "3.00", "several:1"), row)


def main():
    test_rules()
    with tempfile.TemporaryDirectory() as work:
        args = argparse.Namespace(meshsim=sys.argv[1], foreshock=sys.argv[2], work=work)
        for place in places.PLACES:
            named, edge, found = places.run_one(args, place, SEED)
            tap.ok("80 ms in %s are named within ten seconds" % place, named == place and edge, (named, edge, found))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
