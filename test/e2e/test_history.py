"""The history: an index of the incident log that survives kills, damage and full disks, and delays no alert.

    test_history.py BINARY
"""
import contextlib
import datetime
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import e2e_receivers as r
from e2e_daemon import LONG_S, Daemon, Tap, run
from test_alerts import A, B, config_write, log_add, state, told

try:
    from e2e_feed import Feed
except ImportError as missing:
    Feed, MISSING = None, str(missing)


def asked(path, sql):
    """The rows of a query; None where the file is not there yet or is busy."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2)) as base:
            return base.execute(sql).fetchall()
    except sqlite3.Error:
        return None


def history(data):
    return os.path.join(data, "history.db")


def ids(data):
    return {f"{i & (1 << 64) - 1:016x}" for (i,) in asked(history(data), "SELECT id FROM incident") or []}


def test_index(tap, binary, folder):
    data, copy = os.path.join(folder, "index"), os.path.join(folder, "copy.db")
    last = state(A, 2, over=True)
    log_add(data, state(A, 1), state(B, 1), last)
    with Daemon(binary, "--data", data) as daemon:
        daemon.wait(lambda: ids(data) == {A, B}, LONG_S)
        tap.equal("the history has the log's incidents", ids(data), {A, B})
        rows = asked(history(data), f"SELECT rev, state, json FROM incident WHERE id = {int(A, 16)}")
        compact = json.dumps(last, ensure_ascii=False, separators=(",", ":"))
        tap.equal("in their last state", rows, [(2, "closed", compact)])
        test_audit(tap, daemon, data)
        out = run(binary, "backup", "--data", data, "--out", copy)
        tap.equal("a backup of the running daemon's", (out.returncode, out.stderr), (0, ""))
        tap.equal("is whole", asked(copy, "PRAGMA integrity_check"), [("ok",)])
        tap.equal("and alone", sorted(n for n in os.listdir(folder) if n.startswith("copy")), ["copy.db"])
        out = run(binary, "backup", "--data", data, "--out", copy)
        tap.ok("an existing file is not overwritten", out.returncode == 1 and "exists already" in out.stderr,
               out.stderr)
        daemon.stop()
    shutil.rmtree(os.path.join(data, "incidents"))
    with Daemon(binary, "--data", data) as daemon:
        tap.equal("the API gives what the log has no more", daemon.get(f"/api/v1/incidents/{A}"), last)
        tap.equal("and 404 for what nobody knows", daemon.ask("/api/v1/incidents/00000000000000ff")[0], 404)


def test_audit(tap, daemon, data):
    if not Feed:
        tap.skip("who asked is on record", MISSING)
        return
    status, _, _ = daemon.ask(f"/api/v1/incidents/{B}/ack", "POST", '{"who": "ann"}', "application/json")
    feed = Feed(daemon.grpc)
    feed.go(3)
    feed.end()
    daemon.wait(lambda: asked(history(data), "SELECT who FROM audit"), LONG_S)
    tap.equal("who asked is on record", (status, asked(history(data), "SELECT verb, who, incident FROM audit")),
              (202, [("acknowledge", "ann", int(B, 16))]))


def test_damage(tap, binary, folder):
    data = os.path.join(folder, "damage")
    log_add(data, state(A, 1), state(B, 1))
    with Daemon(binary, "--data", data) as daemon:
        daemon.wait(lambda: ids(data) == {A, B}, LONG_S)
        daemon.stop()
    with open(history(data), "r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 8192)
    with Daemon(binary, "--data", data) as daemon:
        daemon.wait(lambda: ids(data) == {A, B}, LONG_S)
        tap.equal("a damaged history is begun anew from the log", ids(data), {A, B})
        tap.ok("the old one is put aside, and that is said", os.path.exists(history(data) + ".corrupt") and
               "put aside as .corrupt" in daemon.said(), daemon.said())
        tap.equal("and all is well again", daemon.get("/healthz")["status"], "ok")


def test_kills(tap, binary, folder):
    data, every = os.path.join(folder, "kills"), set()
    for life in range(12):
        new = [f"{life * 100 + n + 1:016x}" for n in range(40)]
        every |= set(new)
        log_add(data, *(state(i, 1) for i in new))
        with Daemon(binary, "--data", data) as daemon:
            time.sleep(0.004 * life)
            daemon.stop(signal.SIGKILL)
    with Daemon(binary, "--data", data) as daemon:
        daemon.wait(lambda: ids(data) == every, LONG_S)
        tap.equal("12 kills: nothing is lost", len(every - ids(data)), 0)
        tap.equal("and it is sound", asked(history(data), "PRAGMA integrity_check"), [("ok",)])
        tap.ok("and never was put aside", not os.path.exists(history(data) + ".corrupt"))


def test_full_disk(tap, binary, folder):
    """A limit on the size of files stands in for a full disk."""
    data, double = os.path.join(folder, "full"), r.Double()
    config = config_write(folder, [{"name": "hook", "type": "webhook", "url": double.url()}])
    log_add(data, state(A, 1))
    limited = ["sh", "-c", 'trap "" XFSZ; ulimit -f 0; exec "$@"', "sh", binary]
    process = subprocess.Popen([*limited, "run", "--config", config, "--data", data, "--set", "grpc_port=0", "--set",
                                "http_port=0", "--set", "api_port=0"], stderr=subprocess.PIPE, text=True)
    port, said = None, ""
    while port is None and (line := process.stderr.readline()):
        said += line
        port = line.rsplit(":", 1)[1].strip() if "HTTP (page" in line else None
    until = time.monotonic() + 15
    while time.monotonic() < until and not double.got:
        time.sleep(0.02)
    tap.equal("a full disk: the alert goes out", told(double), [("opened", A)])
    health = {"problems": [""]}
    while time.monotonic() < until and "history" not in health["problems"][0]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            health = json.loads(answer.read())
    tap.ok("and /healthz names the history", "history" in health["problems"][0], str(health) + said)
    process.terminate()
    tap.equal("and it ends with 0", process.wait(timeout=20), 0)
    process.stderr.close()
    double.close()


def points(daemon, **more):
    """The points of the service cart, serving side."""
    entity = json.dumps({"kind": "service", "namespace": "shop", "service": "cart"})
    query = urllib.parse.urlencode({"entity": entity, **more})
    return next((s["points"] for s in daemon.get("/api/v1/series?" + query)["series"] if s["side"] == "server"), None)


def rfc3339(at_s):
    return datetime.datetime.fromtimestamp(at_s, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_series(tap, binary, folder):
    """What a series did is there in the next life, by the second and summed up."""
    if not Feed:
        tap.skip("series outlive their process", MISSING)
        return
    data, begun = os.path.join(folder, "series"), int(time.time())
    with Daemon(binary, "--data", data) as daemon:
        feed = Feed(daemon.grpc)
        feed.go(8)
        before = points(daemon, step="1s")
        feed.end()
        tap.equal("it ends with 0", daemon.stop(), 0)
    with Daemon(binary, "--data", data) as daemon:
        feed = Feed(daemon.grpc)
        feed.go(2)
        after = points(daemon, **{"from": rfc3339(begun - 60)})
        known = [p for p in after["requests_per_s"] if p is not None] if after else []
        tap.ok("points outlive their process", after and after["from"] == before["from"] and
               after["requests_per_s"][:5] == before["requests_per_s"][:5], f"{before} {after}")
        tap.ok("latencies within 0.3 %", all(abs(a - b) <= 0.003 * b + 0.001 for a, b in zip(
            after["latency_p99_ms"][:5], before["latency_p99_ms"][:5]) if a and b), str(after["latency_p99_ms"][:5]))
        total = sum(p or 0 for p in points(daemon, **{"from": rfc3339(begun - 60), "step": "10s"})["requests_per_s"])
        tap.ok("summed up they are the same", abs(total * 10 - sum(known)) <= max(known) * 10, f"{total} {known}")
        query = urllib.parse.urlencode({"entity": '{"kind":"service"}', "from": rfc3339(begun - 72000), "step": "1s"})
        status, _, text = daemon.ask("/api/v1/series?" + query)
        tap.ok("too many points are refused", status == 400 and "larger step" in text, text)
        tap.equal("counted", daemon.counters()["series_errors"], 0)
        copy = os.path.join(folder, "series.copy")
        out = run(binary, "backup", "--series", "--data", data, "--out", copy)
        tap.equal("backup --series while it runs", (out.returncode, out.stderr), (0, ""))
        daemon.stop()
    with contextlib.closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True)) as db:
        tap.ok("has its points", db.execute("select count(*) from chunk").fetchone()[0] > 0)


def main():
    tap, binary = Tap(), os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        test_index(tap, binary, folder)
        test_series(tap, binary, folder)
        test_damage(tap, binary, folder)
        test_kills(tap, binary, folder)
        test_full_disk(tap, binary, folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
