"""Every path of docs/openapi.yaml against the running daemon: statuses, shapes, headers, and what a disk that cannot
be written does.

    test_api.py BINARY ROOT
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as plain_families

from e2e_daemon import FREE_PORTS, LONG_S, Daemon, Tap, run
from e2e_log import INCIDENT as INCIDENT_KIND, log_add
from e2e_openapi import openapi_read, schema_errors

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
from gen_docs import table_rows  # noqa: E402

ID = "00000000000000aa"
INCIDENT = {
    "id": ID, "verdict": "unhealthy", "kind": "errors", "severity": "critical", "state": "open", "acked": False,
    "started_at": "2026-03-02T09:00:00.000000000Z", "detected_at": "2026-03-02T09:00:02.000000000Z", "ended_at": None,
    "updated_at": "2026-03-02T09:00:02.000000000Z", "summary": "cart fails",
    "root_causes": [{"score": 0.9, "entity": {"kind": "pod", "service": "cart", "pod": "cart-1"}, "signal": "errors",
                     "evidence": "12 of 20 failed"}],
    "affected": [{"kind": "service", "service": "front"}], "not_affected": [],
    "impact": {"requests": 20, "failed": 12, "slow": 0}, "changes": [],
    "exemplars": [{"request_id": "r1", "trace_id": "", "at": "2026-03-02T09:00:01.000000000Z"}],
    "confidence": 0.8, "telemetry": "complete", "muted": False,
    "finding": {"entity": {"kind": "service", "service": "cart"}, "signal": "errors", "unit": "share",
                "baseline": 0.0005, "baseline_sd": 0.0001, "baseline_age_s": 11520.25, "baseline_requests": 14213,
                "observed": 0.31, "effect": 620, "effect_interval": [580, 660], "smallest_effect": None, "log_e": 31.2,
                "threshold": 20.4, "pace_s": 0, "onset": "2026-03-02T09:00:00.250000000Z"},
    "plot": {"from": "2026-03-02T08:59:50.000000000Z", "step_s": 5, "values": [0, None, 0.31], "requests": [20, 0, 20],
             "band": [0, 0.01]},
    "time": {"place": "network", "edge": {"kind": "edge", "service": "cart", "caller": "front"},
             "stages": [{"place": "network", "normal_ms": 0.5, "now_ms": 80.25}]},
    "gauges": [{"entity": {"kind": "pod", "service": "cart", "pod": "cart-1"}, "metric": "upstream_rq_pending_active",
                "part": "outbound|80||db", "role": "saturation", "unit": "", "value": 48, "usual": [0, 3.25],
                "side": "above", "score": 11.5, "since": "2026-03-02T09:00:00.000000000Z",
                "at": "2026-03-02T09:00:01.000000000Z", "new": False, "line": ""}],
    "occurrences": 2, "recurrences": [{"started_at": "2026-03-02T09:05:00.000000000Z", "ended_at": None}],
    "decisions": [{"at": "2026-03-02T09:06:00.000000000Z", "text": "somebody takes care"}], "rev": 1}
OVER_ID = "00000000000000a1"
OVER = INCIDENT | {"id": OVER_ID, "state": "closed", "ended_at": "2026-03-02T09:09:00.000000000Z"}
OLD_ID = "00000000000000a0"  # as a version that had no findings wrote it
OLD = {k: v for k, v in INCIDENT.items()
       if k not in ("muted", "finding", "plot", "chain", "refuted_by", "time", "gauges", "occurrences",
                    "recurrences", "decisions")} | {"id": OLD_ID}
MUTED = INCIDENT | {"muted": True}  # as the tests leave it
CHANGE = {"kind": "deploy", "summary": "v2", "entity": {"kind": "service", "service": "cart"}}
ENTITY = urllib.parse.quote(json.dumps({"kind": "service", "service": "cart"}))

# (method, path of the document, what is asked, body, status); every documented status but those of a full queue.
ASKED = [
    ("GET", "/", "/", None, 200),
    ("GET", "/healthz", "/healthz", None, 200),
    ("GET", "/readyz", "/readyz", None, 503),
    ("GET", "/metrics", "/metrics", None, 200),
    ("GET", "/api/v1/status", "/api/v1/status", None, 200),
    ("GET", "/api/v1/incidents", "/api/v1/incidents", None, 200),
    ("GET", "/api/v1/incidents", "/api/v1/incidents?service=front&verdict=unhealthy&state=open&limit=1", None, 200),
    ("GET", "/api/v1/incidents", "/api/v1/incidents?kind=errors&severity=critical&limit=1", None, 200),
    ("GET", "/api/v1/incidents", "/api/v1/incidents?since=noon", None, 400),
    ("GET", "/api/v1/incidents/{id}", f"/api/v1/incidents/{ID}", None, 200),
    ("GET", "/api/v1/incidents/{id}", f"/api/v1/incidents/{OLD_ID}", None, 200),
    ("GET", "/api/v1/incidents/{id}", "/api/v1/incidents/00000000000000ab", None, 404),
    ("POST", "/api/v1/incidents/{id}/ack", f"/api/v1/incidents/{ID}/ack", "", 202),
    ("POST", "/api/v1/incidents/{id}/ack", f"/api/v1/incidents/{ID}/ack", '{"who": 7}', 400),
    ("POST", "/api/v1/incidents/{id}/ack", "/api/v1/incidents/1/ack", "", 404),
    ("POST", "/api/v1/incidents/{id}/ack", f"/api/v1/incidents/{ID}/ack", None, 415),
    ("POST", "/api/v1/incidents/{id}/ack", f"/api/v1/incidents/{OVER_ID}/ack", "", 409),
    *[("POST", f"/api/v1/incidents/{{id}}/{verb}", f"/api/v1/incidents/{id_}/{verb}", body, status)
      for verb in ("mute", "expect") for id_, body, status in (
          (ID, '{"who": "anna"}', 202), (ID, '{"by": "anna"}', 400), ("1", "", 404), (OVER_ID, "", 409),
          (ID, None, 415))],
    ("GET", "/api/v1/audit", "/api/v1/audit", None, 200),
    ("GET", "/api/v1/audit", f"/api/v1/audit?about={ID}&limit=1", None, 200),
    ("GET", "/api/v1/audit", "/api/v1/audit?limit=513", None, 400),
    ("GET", "/api/v1/audit", "/api/v1/audit?cursor=1", None, 400),
    ("POST", "/api/v1/changes", "/api/v1/changes", json.dumps(CHANGE), 202),
    ("POST", "/api/v1/changes", "/api/v1/changes", json.dumps({**CHANGE, "sumary": ""}), 400),
    ("POST", "/api/v1/changes", "/api/v1/changes", None, 415),
    ("GET", "/api/v1/changes", "/api/v1/changes?service=cart", None, 200),
    ("GET", "/api/v1/changes", "/api/v1/changes?since=noon", None, 400),
    ("GET", "/api/v1/series", "/api/v1/series?signal=latency&entity=" + ENTITY, None, 200),
    ("GET", "/api/v1/series", "/api/v1/series?signal=weather&entity=" + ENTITY, None, 400),
    ("GET", "/api/v1/openapi.yaml", "/api/v1/openapi.yaml", None, 200),
    ("GET", "/api/v1/graph", "/api/v1/graph", None, 200),
    ("GET", "/api/v1/series", "/api/v1/series?entity=" + ENTITY, None, 200),
    ("GET", "/api/v1/series", "/api/v1/series", None, 400),
    ("GET", "/api/v1/series", "/api/v1/series?step=1s&entity=" + ENTITY, None, 200),
    ("GET", "/api/v1/series", "/api/v1/series?step=2d&entity=" + ENTITY, None, 400),
    ("GET", "/readyz", "/readyz", None, 200),
]
NOT_ASKED = {("GET", "/api/v1/stream", 200), ("GET", "/api/v1/stream", 503), ("POST", "/api/v1/changes", 503)} | {
    ("POST", f"/api/v1/incidents/{{id}}/{verb}", 503) for verb in ("ack", "mute", "expect")}
TAGGED = ("/api/v1/incidents", "/api/v1/incidents/{id}", "/api/v1/graph", "/api/v1/changes", "/api/v1/audit")
KEPT = {"/": '"text/html', "/api/v1/openapi.yaml": "application/yaml"}  # may be cached, its tag asked for
TOKENS = "# who may what\nwall read wall-0123456789abcdef\nanna act anna-0123456789abcdef\n"


def incident_log_write(data):
    """What an earlier process could have left."""
    log_add(data, INCIDENT_KIND, OLD, OVER, INCIDENT)


def test_path(tap, api, daemon, asked):
    method, path, target, body, status = asked
    content_type = "application/json" if body is not None else None
    if target == "/readyz" and status == 200:
        daemon.wait(lambda: daemon.ask("/readyz")[0] == 200, LONG_S)
    got, headers, text = daemon.ask(target, method, "x" if body is None and method == "POST" else body, content_type)
    documented = api["paths"][path][method.lower()]["responses"].get(str(status), {}).get("content", {})
    kind = next(iter(documented), "nothing")
    errors = [f"status {got}"] if got != status else []
    errors += [] if headers["Content-Type"].startswith(kind) else [f"{headers['Content-Type']} is not {kind}"]
    tagged = path in TAGGED and method == "GET" and status == 200
    cached = "no-cache" if target in KEPT else "private, no-cache" if tagged else "no-store"
    errors += [] if headers["Cache-Control"] == cached else [f"Cache-Control is {headers['Cache-Control']}"]
    errors += [] if ("ETag" in headers) == (target in KEPT or tagged) else ["an ETag is missing or too many"]
    errors += [] if "Access-Control-Allow-Origin" not in headers else ["another origin is allowed"]
    errors += [] if headers["X-Content-Type-Options"] == "nosniff" else ["may be sniffed"]
    if documented.get(kind):
        errors += schema_errors(api, documented[kind]["schema"], json.loads(text))
    tap.ok(f"{method} {target[:60]} is {status} as documented", not errors, "\n".join(errors) + "\n" + text[:400])


def test_all_asked(tap, api):
    documented = {(method.upper(), path, int(status)) for path, methods in api["paths"].items()
                  for method, what in methods.items() for status in what["responses"]
                  if status not in ("304", "401", "403")}  # test_cached and test_tokens ask for these
    asked = {(method, path, status) for method, path, _, _, status in ASKED} | NOT_ASKED
    tap.equal("every documented path and status is asked for", sorted(documented - asked), [])
    tap.equal("and nothing else", sorted(asked - documented), [])


def test_edges(tap, daemon):
    status, headers, text = daemon.ask("/api/v1/status", "HEAD")
    tap.ok("HEAD has a length and no body", status == 200 and int(headers["Content-Length"]) > 0 and not text)
    status, headers, _ = daemon.ask("/api/v1/status", "DELETE")
    tap.equal("DELETE is refused with what is allowed", (status, headers["Allow"]), (405, "GET, HEAD"))
    status, headers, _ = daemon.ask("/api/v1/changes", "DELETE")
    tap.equal("also where both are", (status, headers["Allow"]), (405, "GET, HEAD, POST"))
    status, _, text = daemon.ask("/api/v1/nothing")
    tap.equal("an unknown path is 404", (status, "error" in json.loads(text)), (404, True))
    status, _, _ = daemon.ask("/api/v1/changes", "POST", "x" * (9 << 20), "application/json")
    tap.equal("a body over the limit is 413", status, 413)


def test_stream(tap, daemon):
    with urllib.request.urlopen(daemon.url + "/api/v1/stream", timeout=10) as events:
        tap.equal("the stream's type", events.headers["Content-Type"], "text/event-stream")
        lines = [events.readline().decode().strip() for _ in range(6)]
    data = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    tap.ok("a summary comes each second", "event: summary" in lines and data and "incidents_open" in data[0], lines)


def test_cached(tap, api, daemon):
    for path in KEPT:
        tag = daemon.ask(path)[1]["ETag"]
        status, headers, text = daemon.ask(path, headers={"If-None-Match": tag})
        tap.equal(f"{path} is not sent twice", (status, headers["ETag"], text), (304, tag, ""))
        tap.ok("which is documented", "304" in api["paths"][path]["get"]["responses"])
    for path in TAGGED:
        target = path.replace("{id}", OVER_ID)
        tag = daemon.ask(target)[1]["ETag"]
        status, headers, text = daemon.ask(target, headers={"If-None-Match": tag})
        tap.equal(f"{path} is not sent twice while it is the same", (status, headers["ETag"], text), (304, tag, ""))
        tap.ok("which is documented, too", "304" in api["paths"][path]["get"]["responses"])
    tag = daemon.ask("/api/v1/audit")[1]["ETag"]
    daemon.ask(f"/api/v1/incidents/{ID}/ack", "POST", "", "application/json")
    status, headers, _ = daemon.ask("/api/v1/audit", headers={"If-None-Match": tag})
    tap.ok("and is sent once it is another", status == 200 and headers["ETag"] != tag, (status, tag))
    policy = daemon.ask("/")[1]["Content-Security-Policy"]
    tap.ok("the page's policy trusts nothing by its place", "unsafe" not in policy and "'sha256-" in policy, policy)


def test_pages(tap, daemon):
    """A list in pages of one is the list."""
    for path, key in (("audit", "actions"), ("incidents", "incidents")):
        whole, paged, cursor = daemon.get("/api/v1/" + path), [], ""
        while cursor is not None and len(paged) < 100:
            page = daemon.get(f"/api/v1/{path}?limit=1" + (f"&cursor={cursor}" if cursor else ""))
            paged += page[key]
            cursor = page["next"]
        tap.ok(f"{path}: page by page the same list", len(paged) > 1 and paged == whole[key], (paged, whole))
        tap.ok(f"{path}: whose end is told", whole["next"] is None and whole["total"] == len(paged))
    about = daemon.get(f"/api/v1/audit?about={ID}")["actions"]
    tap.ok("audit: what was done about one incident", about and all(a["about"] == ID for a in about), about)


def test_signals(tap, api):
    names = [text for _, text, *_ in table_rows("src/rec/rec_name.h", "REC_SIGNAL_TABLE")]
    tap.equal("the document names the signals that there are", api["components"]["schemas"]["Signal"]["enum"], names)


def test_tokens(tap, api, binary, folder):
    """Every documented path: 401 without a token, and POST 403 with one that may only read; the open ones as ever."""
    path, token = os.path.join(folder, "tokens"), os.path.join(folder, "token")
    with open(path, "w", encoding="ascii") as out:
        out.write(TOKENS)
    with open(token, "w", encoding="ascii") as out:
        out.write("wall-0123456789abcdef\n")
    with Daemon(binary, "--set", "api_tokens=" + path) as daemon:
        wrong = []
        for target, methods in api["paths"].items():
            for method, what in methods.items():
                asked = target.replace("{id}", ID)
                status = daemon.ask(asked, method.upper(), "{}" if method == "post" else None, "application/json")[0]
                if (status == 401) != ("401" in what["responses"]) or (status == 401) == (what.get("security") == []):
                    wrong.append(f"{method} {target} is {status} without a token")
                status = daemon.ask(asked, method.upper(), "{}", "application/json",
                                    {"Authorization": "Bearer wall-0123456789abcdef"})[0] if method == "post" else 0
                if method == "post" and (status != 403 or "403" not in what["responses"]):
                    wrong.append(f"{method} {target} is {status} with a token that may only read")
        tap.equal("tokens are asked for as documented", wrong, [])
        status, _, text = daemon.ask("/api/v1/changes", "POST", json.dumps(CHANGE), "application/json",
                                     {"Authorization": "Bearer anna-0123456789abcdef"})
        tap.equal("one that may act is let act", status, 202)
        actions = json.loads(daemon.ask("/api/v1/audit", headers={"Authorization": "Bearer wall-0123456789abcdef"})[2])
        tap.equal("both are on record", [(a["token"], a["result"]) for a in actions["actions"]][:2],
                  [("anna", "accepted"), ("wall", "denied")])
        tap.ok("and said", '"token":"anna"' in daemon.said(), daemon.said())
        out = run(binary, "incidents", "--url", daemon.url)
        tap.ok("the command line is refused without", out.returncode == 1 and "401" in out.stderr, out.stderr)
        out = run(binary, "incidents", "--url", daemon.url, "--token", token)
        tap.equal("and let in with a token", (out.returncode, out.stdout), (0, "no incidents\n"))
    out = run(binary, "run", "--set", "api_tokens=" + token, "--set", "grpc_port=0", "--set", "http_port=0", "--set",
              "api_port=0")
    tap.ok("a bad file is 1 and says where", out.returncode == 1 and token + ":1: " in out.stderr, out.stderr)


def test_kept(tap, binary, data):
    """What an operator said outlives the process."""
    with Daemon(binary, "--data", data) as daemon:
        actions = [(a["action"], a["who"], a["about"]) for a in daemon.get("/api/v1/audit")["actions"]]
        tap.ok("actions are known after a restart", ("mute", "anna", ID) in actions, actions)
        tap.equal("and the muted incident is muted", daemon.incidents()[ID]["muted"], True)


def test_metrics(tap, daemon):
    text = daemon.ask("/metrics")[2]
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    helped = [line.split()[2] for line in text.splitlines() if line.startswith("# HELP")]
    valued = [line.split()[0].split("{")[0] for line in text.splitlines() if line[:1] != "#"]
    tap.ok("each metric has HELP, TYPE and a value", names == helped == list(dict.fromkeys(valued))
           and len(set(names)) == len(names))
    tap.ok("counters end in _total", all(n.endswith("_total") for n in names
                                         if f"# TYPE {n} counter" in text))
    tap.ok("memory is told", daemon.metrics()["foreshock_resident_memory_bytes"] > 0)


def test_open_metrics(tap, daemon):
    """Read by Prometheus' own Python client, which is strict."""
    status, headers, text = daemon.ask("/metrics", headers={"Accept": "application/openmetrics-text"})
    families = {f.name: f for f in text_string_to_metric_families(text)}
    tap.ok("OpenMetrics is what the client library reads", status == 200 and len(families) > 150
           and headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0"), len(families))
    plain = {f.name for f in plain_families(daemon.ask("/metrics")[2])}
    tap.equal("with the same families as the plain text", set(families), plain)
    rooms = {s.labels["room"]: s.value for s in families["foreshock_room_memory_bytes"].samples}
    tap.ok("memory is told by room", set(rooms) == {"engine", "wire", "serve"} and 0 < sum(rooms.values())
           <= families["foreshock_resident_memory_bytes"].samples[0].value, rooms)


def test_view(tap, binary, daemon):
    out = run(binary, "incidents", "--url", daemon.url)
    tap.ok("incidents lists the restored one", ID in out.stdout and "cart fails" in out.stdout, out.stdout + out.stderr)
    out = run(binary, "incidents", "--url", daemon.url + "/", "--json")
    tap.equal("--json gives them whole", [json.loads(line) for line in out.stdout.splitlines()], [MUTED, OVER, OLD])
    out = run(binary, "explain", "--url", daemon.url, ID)
    tap.ok("explain gives the evidence, without colours in a pipe",
           "12 of 20 failed" in out.stdout and "\033" not in out.stdout, out.stdout + out.stderr)
    tap.ok("and the finding's numbers, returns and decisions",
           all(text in out.stdout for text in ("cart failed 31 % of its requests", "It came back 1 time:", "muted",
                                               "decided: somebody takes care", "onset 09:00:00.25")), out.stdout)
    drawn = {lang: run(binary, "explain", "--url", daemon.url, ID, *more, env={**os.environ, "LC_ALL": lang}).stdout
             for lang, more in (("C.UTF-8", []), ("C", []), ("C.utf8", ["--ascii"]))}
    tap.ok("the plot is in braille where the locale allows it", "\u2514" in drawn["C.UTF-8"], drawn["C.UTF-8"])
    tap.ok("and in ASCII elsewhere, or where that is asked for",
           drawn["C"].isascii() and drawn["C"] == drawn["C.utf8"] and "^" in drawn["C"], drawn)
    out = run(binary, "explain", "--url", daemon.url, OLD_ID)
    tap.ok("explain of one without a finding leaves these parts out",
           out.returncode == 0 and "12 of 20 failed" in out.stdout and "In numbers" not in out.stdout, out.stdout)
    out = run(binary, "explain", "--url", daemon.url, "00000000000000ab")
    tap.equal("explain of an unknown one is 1", (out.returncode, "no incident" in out.stderr), (1, True))


def test_calibration(tap, binary, daemon):
    out = run(binary, "calibration", "--url", daemon.url, "--json")
    tap.equal("calibration --json is what the status has", json.loads(out.stdout),
              daemon.get("/api/v1/status")["calibration"])
    out = run(binary, "calibration", "--url", daemon.url)
    tap.ok("calibration names every signal", out.returncode == 0 and
           all(c["signal"] in out.stdout for c in daemon.get("/api/v1/status")["calibration"]), out.stdout + out.stderr)


def test_port_in_use(tap, binary, daemon):
    out = run(binary, "run", *FREE_PORTS, "--set", "api_port=" + daemon.port["HTTP"])
    tap.ok("a port in use is 1 and says so", out.returncode == 1 and "in use already" in out.stderr, out.stderr)


def test_locked(tap, binary, data):
    out = run(binary, "run", "--data", data, *FREE_PORTS)
    tap.ok("a directory in use is 1 and says so", out.returncode == 1 and "another process" in out.stderr, out.stderr)


def test_bad_disk(tap, binary, folder):
    """A file where a directory should be: nothing can be written, not even by root."""
    data = os.path.join(folder, "file")
    with open(data, "w", encoding="ascii"):
        pass
    with Daemon(binary, "--data", data) as daemon:
        health, metrics = daemon.get("/healthz"), daemon.metrics()
        tap.ok("a bad disk: it runs, /healthz tells", health["status"] == "degraded" and data in health["problems"][0],
               health)
        tap.equal("and foreshock_storage_ok is 0", metrics["foreshock_storage_ok"], 0)
        tap.equal("and it ends with 0", daemon.stop(), 0)


def test_full_disk(tap, binary, folder):
    """A limit on the size of files stands in for a full disk: writes fail with EFBIG."""
    data = os.path.join(folder, "full")
    limited = ["sh", "-c", 'trap "" XFSZ; ulimit -f 0; exec "$@"', "sh", binary]
    process = subprocess.Popen([*limited, "run", "--data", data, *FREE_PORTS],
                               stderr=subprocess.PIPE, text=True)
    said, port = "", None
    while port is None and (line := process.stderr.readline()):
        said += line
        port = line.rsplit(":", 1)[1].strip() if "HTTP (page" in line else None
    health = {}
    if port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            health = json.loads(answer.read())
    tap.ok("a full disk: it runs, /healthz tells", health.get("status") == "degraded", said + str(health))
    process.terminate()
    tap.equal("and it ends with 0", process.wait(timeout=20), 0)
    process.stderr.close()


def test_slow_reader(tap, daemon):
    """A client that says nothing holds nobody up."""
    with socket.create_connection(("127.0.0.1", int(daemon.port["HTTP"]))) as silent:
        silent.sendall(b"GET /api/v1/st")
        tap.equal("half a request holds nobody up", daemon.ask("/healthz")[0], 200)


def main():
    tap, binary = Tap(), os.path.abspath(sys.argv[1])
    api = openapi_read(os.path.join(sys.argv[2], "docs", "openapi.yaml"))
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        incident_log_write(data)
        with Daemon(binary, "--data", data) as daemon:
            test_all_asked(tap, api)
            for asked in ASKED:
                test_path(tap, api, daemon, asked)
            test_edges(tap, daemon)
            test_stream(tap, daemon)
            test_cached(tap, api, daemon)
            test_pages(tap, daemon)
            test_signals(tap, api)
            test_metrics(tap, daemon)
            test_open_metrics(tap, daemon)
            test_view(tap, binary, daemon)
            test_calibration(tap, binary, daemon)
            test_port_in_use(tap, binary, daemon)
            test_locked(tap, binary, data)
            test_slow_reader(tap, daemon)
        test_kept(tap, binary, data)
        test_tokens(tap, api, binary, folder)
        test_bad_disk(tap, binary, folder)
        test_full_disk(tap, binary, folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
