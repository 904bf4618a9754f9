#!/usr/bin/env python3
"""Of parity.py: what each source tells of one recording is the same. Prints TAP.

    test_parity.py MESHSIM FORESHOCK"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
sys.path.insert(0, HERE)
import parity  # noqa: E402
import parity_read  # noqa: E402
import parity_spans  # noqa: E402
from tap import Tap  # noqa: E402

SEED = 1  # a tuning seed
SECONDS = 60


def stats(args, recording, source):
    form, path = parity.SOURCES[source](recording)
    done = subprocess.run([args.foreshock, "stats", "--format", form, path], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def told(answer, part):
    """{who: (requests, errors)}"""
    rows = answer[part]
    if part == "edges":
        return {(r["caller"], r["callee"], r["reporter"]): (r["requests"], r["errors"]) for r in rows}
    return {who: (r["requests"], r["errors"]) for who, r in rows.items()}


def test_sources(tap, args, recording):
    log = stats(args, recording, "access log")
    for source, parts in (("access log over OTLP", ("services", "pods", "clusters", "regions", "edges")),
                          ("spans", ("services", "pods", "clusters", "edges"))):
        other = stats(args, recording, source)
        for part in parts:
            tap.ok("%s: %s as the access log has them" % (source, part),
                   told(log, part) and told(other, part) == told(log, part),
                   sorted(set(told(other, part).items()) ^ set(told(log, part).items()))[:5])
        tap.equal("%s: nothing is refused" % source, other["rejected"], {})
    scraped = stats(args, recording, "scraped each 1 s")
    share = scraped["requests_server"] / log["requests_server"]
    tap.ok("scraped: all but what came since the last two scrapes", 0.9 < share <= 1, share)


def test_sample(tap, args, recording):
    everything = stats(args, recording, "spans")["requests_server"]
    plain, weighed = (stats(args, recording, "spans, a tenth" + with_th) for with_th in ("", " with th"))
    tap.equal("a sample: as many spans with a threshold as without", plain["spans"], weighed["spans"])
    share = plain["requests_server"] / everything
    tap.ok("about a tenth of the requests", 0.06 < share < 0.14, share)
    tap.ok("each stands for ten where it says so",
           abs(weighed["requests_server"] / plain["requests_server"] - 10) < 0.05, weighed["requests_server"])


def test_spans(tap, recording):
    reports = [r for m in recording.messages() for r in m]
    traces = {}
    for r in reports:
        traces.setdefault(r.request_id, []).append(r)
    whole = [t for t in traces.values() if min(r.start_ns for r in t) > reports[0].start_ns + 5e9 and
             max(r.end_ns for r in t) < max(r.end_ns for r in reports) - 5e9]
    roots = [len(t) - len(parity_spans.parents_of(t)) for t in whole]
    tap.equal("every request of a trace but the user's has a parent", set(roots), {1})
    sample = parity_spans.Sample(10, True)
    tap.equal("the threshold of a tenth, as the Collector writes it", (sample.state, sample.threshold),
              (b"ot=th:e666", 0xe666 << 40))
    tap.equal("all: no threshold", (parity_spans.Sample(100, True).state, parity_spans.Sample(100, True).threshold),
              (b"", 0))
    buffer = parity_spans.Buffer(reports[0].node)
    sent = [m for i in range(6) for m in buffer.take(i * 10**6, b"")]
    tap.equal("five spans leave together, the sixth waits", (len(sent), len(buffer.spans)), (1, 1))
    late = buffer.take(6 * 10**9, b"")
    tap.ok("but not past five seconds", len(late) == 1 and late[0][0] <= 5 * 10**9 + 5 * 10**6, late)


def main():
    tap = Tap()
    args = argparse.Namespace(meshsim=sys.argv[1], foreshock=sys.argv[2])
    parity.DURATION_S = SECONDS
    with tempfile.TemporaryDirectory() as folder:
        recording, _ = parity.simulate(args, "errors_pod", SEED, 12, folder)
        test_sources(tap, args, recording)
        test_sample(tap, args, recording)
        test_spans(tap, recording)
        some = [r for _, m in parity_read.messages(recording.als, parity_spans.Sample(10, False).keeps) for r in m]
        tap.equal("reading a sample alone gives what it keeps of all", len(some),
                  sum(parity_spans.Sample(10, False).keeps(r.request_id) for m in recording.messages() for r in m))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
