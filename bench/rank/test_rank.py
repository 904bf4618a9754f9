#!/usr/bin/env python3
"""Guards bench_rank, bench_watch and the reading of the sets, without the sets: cases made by hand."""
import argparse
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import rank_nezha  # noqa: E402
import rank_petshop  # noqa: E402
import rank_score  # noqa: E402
from rank_data import Table  # noqa: E402

ARGS = argparse.Namespace(bin=".")
BASE, BEFORE, WINDOW = 40, 2, 3


def run(program, text, *arguments):
    command = [os.path.join(ARGS.bin, program), *arguments]
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def series(word, index, base, before, window):
    """Pairs of requests and failures (or seconds): one pair for all rows of each part, a slight unrest in the base."""
    cells = [f"{n} {a + 0.01 * a * (i % 3 - 1):.6g}" for i, (n, a) in enumerate([base] * BASE)]
    cells += [f"{n} {a}" for n, a in [before] * BEFORE + [window] * WINDOW]
    return f"{word} {index} 0 " + " ".join(cells)


def head(family, *edges):
    lines = [f"rows {BASE} {BEFORE} {WINDOW}", f"family {family}"] + [f"node s{i}" for i in range(4)] + ["victim 0"]
    lines += [f"edge {a} {b}" for a, b in edges]
    return lines + [f"share {i} 1" for i in range(len(edges))]


def ranking(lines, *arguments):
    done = run("bench_rank", "\n".join(lines) + "\n", *arguments)
    assert done.returncode == 0, done.stderr
    return [line.split()[0] for line in done.stdout.splitlines()]


class Rank(unittest.TestCase):
    def test_the_slowest_callee_is_named_alone(self):
        calm, slow = (100, 10.0), (100, 60.0)
        lines = head("latency", (0, 1), (1, 2), (0, 3))
        lines += [series("server", i, calm, calm, slow if i < 3 else calm) for i in range(4)]
        self.assertEqual(ranking(lines), ["s2"])

    def test_failures_of_a_newcomer_are_its_callers(self):
        calm, bad = (1000, 0), (1000, 100)
        lines = head("errors", (0, 1), (1, 2))
        lines += [series("server", i, calm, calm, bad) for i in range(2)]
        lines.append(series("server", 2, (0, 0), (0, 0), (100, 100)))
        self.assertEqual(ranking(lines), ["s1"])
        self.assertEqual(ranking(lines, "--without", "newcomer"), ["s2"])

    def test_what_was_so_before_is_not_this_trouble(self):
        calm, bad = (1000, 0), (1000, 30)
        lines = head("errors", (0, 1), (0, 2))
        lines += [series("server", 0, calm, calm, bad), series("server", 1, calm, calm, bad)]
        lines.append(series("server", 2, calm, (1000, 80), (1000, 80)))
        self.assertEqual(ranking(lines), ["s1"])
        self.assertEqual(ranking(lines, "--without", "older")[0], "s2")

    def test_a_full_machine_is_named(self):
        calm = (100, 10.0)
        lines = head("latency", (0, 1)) + [series("server", i, calm, calm, calm) for i in range(2)]
        lines.append("gauge 1 8 3 " + " ".join(["0.2", "0.21"] * 4 + ["0.99"] * 3))
        self.assertEqual(ranking(lines), ["s1"])
        self.assertEqual(ranking(lines, "--without", "strain"), [])

    def test_calm_names_nobody(self):
        calm = (100, 10.0)
        lines = head("latency", (0, 1)) + [series("server", i, calm, calm, calm) for i in range(2)]
        self.assertEqual(ranking(lines), [])

    def test_bad_lines_are_refused(self):
        for bad in ("node", "rows 1 1 0", "rows 9 9 99999", "edge 0 7", "server 9 0 1 1", "server 0 0 1",
                    "server 0 0 x y", "gauge 0 2000 2000 1", "victim 4", "family odd", "what 1",
                    "node " + 200 * "x", "server 0 0 nan 1"):
            done = run("bench_rank", "rows 1 0 1\nnode a\n" + bad + "\n")
            self.assertEqual(done.returncode, 1, bad)
            self.assertIn("line 3", done.stderr)


class Watch(unittest.TestCase):
    def test_failures_are_found_where_they_begin(self):
        rows = ["500 0"] * 300 + ["500 40"] * 2
        done = run("bench_watch", "ratio a " + " ".join(rows) + "\nratio b " + " ".join(["500 0"] * 302) + "\n", "12")
        self.assertEqual([line.split()[:3] for line in done.stdout.splitlines()], [["a", "errors", "300"]])

    def test_slowness_is_found_in_quantiles_and_spans(self):
        calm, slow = "400 0.1 0.2 0.3", "400 0.4 0.8 1.2"
        text = "latency a 3 0.5 0.9 0.99 " + " ".join([calm, "400 0.102 0.199 0.3"] * 150 + [slow] * 2)
        text += "\nspans b " + " ".join(f"{t} {0.1 + 0.002 * (t % 9) if t < 1000 else 0.9}" for t in range(1040)) + "\n"
        rows = [line.split()[:3] for line in run("bench_watch", text, "12").stdout.splitlines()]
        self.assertEqual(rows, [["a", "latency", "300"], ["b", "latency", "1000"]])


class Reading(unittest.TestCase):
    def test_failures_come_from_availability(self):
        table = Table([0, 300], {"a/requests/Sum": [200.0, 0.0], "a/availability/Average": [95.0, None]})
        self.assertEqual(rank_petshop.amounts(table, "a"), [(200.0, 200.0 * (1.0 - 0.95)), (0.0, 0.0)])

    def test_spans_become_requests_calls_and_ways(self):
        spans = {("t", "0"): rank_nezha.Span("front", "in", 0, 900, ("t", "-1")),
                 ("t", "1"): rank_nezha.Span("front", "call", 100, 700, ("t", "0")),
                 ("t", "2"): rank_nezha.Span("back", "op", 200, 400, ("t", "1"))}
        words = rank_nezha.Words()
        rank_nezha.words_of(spans, words)
        seen = {key: round(by_bin[0][0], 9) for key, by_bin in words.seen.items()}
        edge = ("front", "back")
        self.assertEqual(seen, {("server", "front", "backop"): 0.0009, ("server", "back", "op"): 0.0004,
                                ("call", edge, "op"): 0.0007, ("client", "back", "op"): 0.0007,
                                ("way", edge, "op"): 0.0003})

    def test_troubles_are_alarms_of_one_kind_at_one_time(self):
        alarms = [rank_score.Alarm("a", "errors", 7, 8, 20.0), rank_score.Alarm("b", "errors", 6, 9, 30.0),
                  rank_score.Alarm("c", "latency", 7, 7, 40.0), rank_score.Alarm("d", "errors", 12, 12, 50.0)]
        groups = rank_score.troubles_of(alarms, 1)
        self.assertEqual([[a.name for a in g] for g in groups], [["d"], ["c"], ["b", "a"]])

    def test_absent_data_is_said_and_is_no_failure(self):
        command = [sys.executable, os.path.join(HERE, "rank_score.py"), "--data", os.path.join(HERE, "none")]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 0)
        self.assertIn("no data", done.stdout)


class Tap(unittest.TestResult):
    """One line a test, as the other tests here print them."""

    def line(self, test, ok, why=""):
        print("%s %d - %s" % ("ok" if ok else "not ok", self.testsRun, test.id()))
        for text in why.splitlines():
            print("# " + text)

    def addSuccess(self, test):
        self.line(test, True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line(test, False, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.line(test, False, self.errors[-1][1])


def main():
    """The arguments are the two programs, which lie beside each other."""
    global ARGS
    ARGS = argparse.Namespace(bin=os.path.dirname(os.path.abspath(sys.argv[1])) if len(sys.argv) > 1 else ".")
    result = Tap()
    unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__]).run(result)
    print("1..%d" % result.testsRun)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
