"""A start with a long tail of the journal: who sends meanwhile is neither refused nor lost, and comes behind the tail.

    test_start.py BINARY
"""
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import urllib.parse

from e2e_daemon import LONG_S, Daemon, Tap
from e2e_log import TICK_NS, journal_make, journal_ticks
from e2e_otlp import post

try:
    from e2e_feed import Feed
except ImportError as missing:
    Feed, MISSING = None, str(missing)

TAIL = 600_000  # ticks: seconds of work on any machine
NEVER = ("--set", "checkpoint_interval=24h", "--set", "checkpoint_bytes_per_s=0")


def refused(counters):
    return {name: n for name, n in counters.items() if n and (name.startswith("reject") or name == "sent_away")}


def series_of(service):
    entity = {"kind": "service", "namespace": "shop", "service": service}
    return "/api/v1/series?entity=" + urllib.parse.quote(json.dumps(entity))


def test_traffic(tap, binary, data):
    with Daemon(binary, "--data", data, *NEVER, restored=False) as daemon:
        first = daemon.get("/api/v1/status")
        tap.ok("it listens while the tail is applied", first["restoring"] and daemon.port.keys() >= {"gRPC", "ingest"})
        ready = daemon.wait(lambda: daemon.ask("/readyz")[0] == 200, LONG_S)
        text = daemon.ask("/readyz")[2]
        tap.ok("it is ready, and says that it is restoring", ready and '"restoring":true' in text, text)
        tap.equal("an export of OTLP is answered", post(daemon, "/v1/traces", b"")[0], 200)
        feed = Feed(daemon.grpc)
        feed.go(0.5)
        took = daemon.wait(lambda: daemon.get("/api/v1/status")["counters"]["entries"] == feed.traffic.entries, LONG_S)
        after = daemon.get("/api/v1/status")
        in_tail = after["restoring"] and 0 < after["tick"]["seq"] < TAIL
        tap.ok("streams are read meanwhile", took and in_tail, after["tick"])
        tap.equal("an action has to wait", daemon.ask("/api/v1/changes", "POST", '{"source": "argo", "kind": "deploy", '
                  '"summary": "x", "entity": {"kind": "service", "service": "cart"}}', "application/json")[0], 503)
        feed.go(5)
        tap.ok("it catches up", daemon.wait(daemon.is_restored, 120), daemon.said())
        tap.ok("all of the tail was applied", f"{TAIL} ticks applied" in daemon.said(), daemon.said())
        feed.go(5)
        tap.ok("streams go on", feed.end())
        counters = daemon.counters()
        tap.equal("all that was sent was read", counters["entries"], feed.traffic.entries)
        tap.equal("nothing was refused", refused(counters), {})
        tap.ok("and all services are known", all(daemon.get(series_of(s))["series"] for s in ("front", "cart", "pay")))
        tap.equal("it ends well", daemon.stop(), 0)
    ticks = list(journal_ticks(data))
    tap.equal("the log has every tick once, in order", [seq for seq, _ in ticks], list(range(1, len(ticks) + 1)))
    heard = [seq for seq, has in ticks if has]
    tap.ok("what came meanwhile stands behind the tail", heard and heard[0] > TAIL, heard[:3])


def test_stop(tap, binary, data):
    """Asked to stop while the tail is applied, it does so first: nothing is lost, and the next start has no tail."""
    with Daemon(binary, "--data", data, *NEVER, restored=False) as daemon:
        feed = Feed(daemon.grpc)
        feed.go(0.5)
        daemon.wait(lambda: daemon.get("/api/v1/status")["counters"]["entries"] == feed.traffic.entries, LONG_S)
        tap.ok("stop: it is restoring still", daemon.get("/api/v1/status")["restoring"])
        daemon.process.send_signal(signal.SIGTERM)
        tap.equal("stop: it ends well", daemon.process.wait(timeout=120), 0)
        feed.end()
    tap.ok("stop: what came meanwhile is in the log", any(has for _, has in journal_ticks(data)))
    with Daemon(binary, "--data", data) as daemon:
        tap.ok("stop: the checkpoint has it all", "checkpoint loaded, 0 ticks applied" in daemon.said(), daemon.said())


def main():
    tap, binary = Tap(), os.path.abspath(sys.argv[1])
    if not Feed:
        tap.skip("a start under traffic", MISSING)
        return tap.done()
    with tempfile.TemporaryDirectory() as folder:
        data, again = os.path.join(folder, "traffic"), os.path.join(folder, "stop")
        journal_make(data, TAIL, (time.time_ns() // TICK_NS - 40) * TICK_NS)
        shutil.copytree(data, again)
        test_traffic(tap, binary, data)
        test_stop(tap, binary, again)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
