"""Gauges and logs beside a fault: a recording made here, of spans, log records and metrics, replayed; they are named in
its incident, they open none of their own, and the answer is the same with any number of threads.

    test_gauges.py BINARY
"""
import json
import os
import random
import sys
import tempfile

from e2e_daemon import Tap, run
from e2e_log import HEAD, frame
from e2e_otlp import field, fixed, number, pair, varint

S = 10**9
START_NS = 1772442000 * S
LEARN_S, FAULT_S, CALLS_PER_S = 330, 30, 16
STREAM, MESSAGE, CLOSE = 16, 17, 19
FORMS = ["otlp-traces", "otlp-logs", "otlp-metrics"]
ERROR, INFO = 17, 9


# ---- OTLP ----

def resource(service):
    names = {"service.name": service, "k8s.namespace.name": "shop", "k8s.pod.name": f"{service}-7f"}
    return field(1, b"".join(field(1, pair(k, v)) for k, v in names.items()))


def export(service, items):
    return field(1, resource(service) + field(2, b"".join(field(2, item) for item in items)))


def span(trace, own, parent, kind, end_ns, span_ns, status):
    out = field(1, trace.to_bytes(16, "big")) + field(2, own.to_bytes(8, "big"))
    out += field(4, parent.to_bytes(8, "big")) if parent else b""
    out += field(5, b"GET") + number(6, kind) + fixed(7, end_ns - span_ns) + fixed(8, end_ns)
    tags = {"http.route": "/a", "http.status_code": status, "server.address": "cart"}
    return out + b"".join(field(9, pair(k, v)) for k, v in tags.items())


def log(severity, text, now_ns):
    return fixed(1, now_ns) + number(2, severity) + field(5, field(1, text.encode()))


def gauge(name, value, now_ns):
    point = fixed(3, now_ns) + fixed(6, value)  # as_int
    return field(1, name.encode()) + field(5, field(1, point))


# ---- a recording ----

class Recording:
    def __init__(self, path, forms):
        self.out = open(path, "wb")
        self.out.write(HEAD)
        self.number = {form: i + 1 for i, form in enumerate(forms)}
        for form, number in self.number.items():
            self.frame(STREAM, number, START_NS, form.encode())

    def frame(self, kind, stream, now_ns, body=b""):
        self.out.write(frame(kind, varint(stream) + now_ns.to_bytes(8, "little") + body))

    def message(self, form, now_ns, body):
        if form in self.number:
            self.frame(MESSAGE, self.number[form], now_ns, body)


def second_write(rec, rng, second, broken):
    """One second of web calling cart; broken: cart cannot get a connection to its database."""
    for quarter in range(4):
        now = START_NS + second * S + (quarter + 1) * S // 4
        client, server = [], []
        for k in range(CALLS_PER_S // 4):
            number = (second * 4 + quarter) * 100 + k + 1
            status = "503" if broken and rng.random() < 0.6 else "200"
            client.append(span(number, number * 2, 0, 3, now - S // 5, 9_000_000, status))
            server.append(span(number, number * 2 + 1, number * 2, 2, now - S // 5, 7_000_000, status))
        rec.message("otlp-traces", now, export("web", client) + export("cart", server))
        lines = [log(INFO, f"served cart {rng.randrange(10**6)}", now) for _ in range(2)]
        if broken and quarter == 1:
            lines.append(log(ERROR, f"no connection to \x1bdb-{rng.randrange(9)} in 3000 ms", now))
        rec.message("otlp-logs", now, export("cart", lines))
        if quarter == 2:
            waiting = 40 + rng.randrange(9) if broken else rng.randrange(3)
            rec.message("otlp-metrics", now, export("cart", [
                gauge("db.client.connections.pending_requests", waiting, now),
                gauge("orders.open", 20 + rng.randrange(5), now)]))
        rec.frame(CLOSE, 0, now)


def recording_make(path, forms, fault):
    rng, rec = random.Random(7), Recording(path, forms)
    for second in range(LEARN_S + FAULT_S):
        second_write(rec, rng, second, fault and second >= LEARN_S)
    rec.out.close()


def replay(binary, path, threads=1):
    """(last state of each incident by id, digest, messages on stderr)"""
    out = run(binary, "replay", "--format", "recording", "--threads", str(threads), "--digest", path)
    incidents = {i["id"]: i for i in map(json.loads, out.stdout.splitlines())}
    return incidents, out.stderr.split("digest ")[-1].split()[0] if "digest " in out.stderr else None, out.stderr


def forms_known(binary, folder):
    """What this program can replay of FORMS."""
    known = []
    for form in FORMS:
        path = os.path.join(folder, form)
        Recording(path, [form]).out.close()
        if "not known" not in run(binary, "replay", "--format", "recording", path).stderr:
            known.append(form)
    return known


def test_logs(tap, incident):
    logs = [g for g in incident["gauges"] if g["role"] == "log"]
    new = [g for g in logs if g["new"]]
    tap.equal("the line that was never logged before is quoted, harmless", [g["line"][:24] for g in new],
              ["no connection to \\x1bdb-"])
    tap.ok("in the evidence, too", "logs what it never did before: \"no connection to \\x1bdb-" in
           incident["root_causes"][0]["evidence"], incident["root_causes"])


def test_metrics(tap, incident):
    pending = [g for g in incident["gauges"] if g["metric"] == "db.client.connections.pending_requests"]
    tap.ok("the full pool is named with its usual range", len(pending) == 1 and pending[0]["value"] >= 40 and
           pending[0]["usual"][0] == 0 and 2 <= pending[0]["usual"][1] < 20 and
           pending[0]["entity"] == {"kind": "pod", "namespace": "shop", "service": "cart", "pod": "cart-7f"}, pending)
    tap.ok("since the fault", pending and abs(float(pending[0]["since"][17:26]) - 30.0) <= 1.5, pending)
    tap.ok("in the evidence, too", "cart-7f: db.client.connections.pending_requests 4" in
           incident["root_causes"][0]["evidence"], incident["root_causes"])
    tap.equal("it is saturation", incident["kind"], "saturation")
    tap.ok("what is as ever is not told", not [g for g in incident["gauges"] if g["metric"] == "orders.open"],
           incident["gauges"])


def main():
    binary, tap = sys.argv[1], Tap()
    with tempfile.TemporaryDirectory() as folder:
        forms = forms_known(binary, folder)
        path = os.path.join(folder, "fault")
        recording_make(path, forms, True)
        incidents, digest, said = replay(binary, path)
        tap.ok("the fault is one incident, of cart",
               [i["root_causes"][0]["entity"].get("service") for i in incidents.values()] == ["cart"],
               (list(incidents.values()), said))
        incident = next(iter(incidents.values()), None) or {"gauges": [], "root_causes": [{"evidence": ""}], "kind": ""}
        test_logs(tap, incident)
        if "otlp-metrics" in forms:
            test_metrics(tap, incident)
        for threads in (2, 4):
            again = replay(binary, path, threads)
            tap.ok(f"{threads} threads answer the same", digest and again[:2] == (incidents, digest), again[2])
        quiet = os.path.join(folder, "quiet")
        recording_make(quiet, forms, False)
        tap.equal("nothing is told of a quiet one", replay(binary, quiet)[0], {})
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
