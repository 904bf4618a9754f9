"""Do the demo's own parts do what the demo relies on? Services and users without an Envoy between them, the plan of the
shop, and the judge. Prints TAP.

    test_mesh.py BIN_DIR        where meshsvc and meshload are
"""
import json
import os
import re
import socket
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "tools"), HERE]

import check_counts  # noqa: E402
import demo_fault  # noqa: E402
import demo_text  # noqa: E402
import mesh_topology  # noqa: E402
from mesh_ask import http_answers, http_get  # noqa: E402
from mesh_run import Broken, Processes, port_base_find, port_is_free  # noqa: E402
from tap import Tap  # noqa: E402

PLAN = """\
route leaf GET /leaf/ 2 0.3 0 500
route front GET /front/ 2 0.3 0 500
call GET leaf /leaf/{id} 0
"""


class Service:
    """A meshsvc that calls itself: it is its own sidecar."""

    def __init__(self, processes, directory, bin_dir):
        self.processes, self.bin_dir = processes, bin_dir
        base = port_base_find(18600)
        self.app, self.control = ("127.42.9.1", base), ("127.42.9.1", base + 1)
        plan = os.path.join(directory, "plan")
        with open(plan, "w", encoding="utf-8") as f:
            f.write(PLAN)
        app = "%s:%d" % self.app
        processes.start("svc", [os.path.join(bin_dir, "meshsvc"), "--plan", plan, "--listen", app, "--sidecar", app,
                                "--control", "%s:%d" % self.control])
        processes.wait_until("meshsvc", lambda: http_answers(self.control, "/status"), 10)

    def load(self, seconds, rate_per_s, path="/leaf/{id}"):
        """What meshload counted."""
        self.processes.start("load", [os.path.join(self.bin_dir, "meshload"), "--target", "%s:%d=1" % self.app,
                                      "--route", f"GET,{path},1,0", "--rate", str(rate_per_s), "--seconds",
                                      str(seconds), "--seed", "7"])
        self.processes.children["load"].wait(seconds + 20)
        return json.loads(self.processes.log_tail("load"))

    def ask(self, path):
        return json.loads(http_get(self.control, path)[1])

    def seconds(self, path):
        start = time.monotonic()
        status = http_get(self.app, path)[0]
        return status, time.monotonic() - start


def test_service(tap, svc):
    tap.equal("a route that the plan does not have is 404", http_get(svc.app, "/nowhere")[0], 404)
    tap.equal("a leaf answers", svc.seconds("/leaf/1")[0], 200)
    served = svc.ask("/status")["served"]
    tap.equal("a route that calls another answers", svc.seconds("/front/1")[0], 200)
    tap.equal("its call was made", svc.ask("/status")["served"] - served, 2)
    http_get(svc.control, "/fault?route=leaf&error_p=1&code=503&for_ms=60000")
    tap.equal("a fault's code reaches the caller", svc.seconds("/leaf/1")[0], 503)
    tap.equal("a caller whose call failed fails, too", svc.seconds("/front/1")[0], 502)
    http_get(svc.control, "/fault?route=leaf&delay_ms=600&for_ms=60000")
    status, took = svc.seconds("/leaf/1")
    tap.ok("a delay delays and does not fail", status == 200 and took > 0.3, f"{status} {took}")
    http_get(svc.control, "/clear")
    tap.ok("it is over when cleared", svc.seconds("/leaf/1")[1] < 0.3)
    tap.equal("a field that is unknown is refused", http_get(svc.control, "/fault?colour=red")[0], 400)
    tap.equal("a probability over 1 is refused", http_get(svc.control, "/fault?error_p=1.5")[0], 400)


def test_dip(tap, svc):
    """One second of failures among three of load: as many as the rate says, and the time of the first."""
    at_ms = int(time.time() * 1000) + 1000
    http_get(svc.control, f"/fault?error_p=1&code=503&start_ms={at_ms}&for_ms=1000")
    counted = svc.load(3, 200)
    status = svc.ask("/status")
    tap.equal("meshload and meshsvc count the same failures", counted["failed"], status["bad"])
    tap.ok("a dip of 1 s at 200/s fails about 200 requests", 100 <= status["bad"] <= 300, status)
    late = status["first_bad_ns"] / 1e9 - at_ms / 1e3
    tap.ok("the first bad request is at the dip's start", 0 <= late < 0.5, late)
    tap.ok("a Poisson load of 200/s for 3 s sends about 600", 500 <= counted["sent"] <= 700, counted)
    tap.equal("every request had an answer", counted["unanswered"], 0)


def test_open_loop(tap, svc):
    """Slow answers must not slow the arrivals down."""
    http_get(svc.control, "/fault?delay_ms=300&for_ms=60000")
    counted = svc.load(2, 100)
    http_get(svc.control, "/clear")
    tap.ok("arrivals keep their rate while answers are slow", 150 <= counted["sent"] <= 250, counted)


def test_hostile(tap, svc):
    for name, text in (("no HTTP", b"\0\xff" * 50 + b"\r\n\r\n"), ("a head without end", b"GET /" + b"a" * 20000),
                       ("a path too long", b"GET /" + b"a" * 4000 + b" HTTP/1.1\r\n\r\n"),
                       ("a body too large", b"POST /leaf/ HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n"),
                       ("half a request", b"GET /leaf/1 HTTP/1.1\r\n")):
        with socket.create_connection(svc.app, timeout=2) as s:
            try:
                s.sendall(text)
                s.shutdown(socket.SHUT_WR)
                answer = s.recv(100)
            except OSError:  # it was given up before all was sent
                answer = b""
        tap.ok(f"{name}: the connection is given up, the service lives",
               not answer and svc.seconds("/leaf/1")[0] == 200, answer)


def test_programs(tap, bin_dir):
    svc = os.path.join(bin_dir, "meshsvc")
    load = os.path.join(bin_dir, "meshload")
    route = ["--route", "GET,/,1,0"]
    for name, argv in (("meshload sends to loopback only", [load, "--target", "10.0.0.1:80=1"] + route),
                       ("meshload refuses a rate of 0", [load, "--target", "127.0.0.1:80=1", "--rate", "0"] + route),
                       ("meshsvc listens on loopback only", [svc, "--listen", "0.0.0.0:8080"])):
        with tempfile.TemporaryDirectory() as directory, Processes(directory) as processes:
            processes.start("it", argv)
            tap.ok(name, processes.children["it"].wait(5) in (1, 2))


def test_processes(tap):
    with tempfile.TemporaryDirectory() as directory:
        with Processes(directory) as processes:
            processes.start("sleeper", ["sleep", "60"])
            child = processes.children["sleeper"]
            processes.check()
        tap.ok("leaving the context stops what was started", child.poll() is not None)
        with Processes(directory) as processes:
            processes.start("liar", ["sh", "-c", "echo no luck; exit 3"])
            processes.children["liar"].wait(5)
            try:
                processes.check()
                text = ""
            except Broken as problem:
                text = str(problem)
        tap.ok("a process that ends by itself is told with its last words", "status 3" in text and "no luck" in text)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)
        tap.ok("a port that one address uses is not free", not port_is_free(s.getsockname()[1]))


def test_shop(tap):
    for smoke in (False, True):
        shop = mesh_topology.shop_build(18080, smoke)
        name = "smoke" if smoke else "full"
        routes = {s: re.findall(r"route \S+ (\S+) (\S+) ", plan) for s, plan in shop.plans.items()}
        calls = [c for plan in shop.plans.values() for c in re.findall(r"call (\S+) (\S+) (\S+) ", plan)]
        lost = [c for c in calls if not any(m == c[0] and c[2].startswith(p) for m, p in routes[c[1]])]
        tap.equal(f"{name}: every call has a route that answers it", lost, [])
        users = [u.split(",")[:2] for u in shop.user_routes]
        lost = [u for u in users if not any(m == u[0] and u[1].startswith(p) for m, p in routes[shop.entry])]
        tap.equal(f"{name}: every user route has one, too", lost, [])
        tap.equal(f"{name}: addresses are unique", len({p.ip for p in shop.pods}), len(shop.pods))
    shop = mesh_topology.shop_build(18080)
    tap.ok("the full shop has 6 services or more, in 2 clusters of 2 regions",
           len(shop.plans) >= 6 and len({(p.cluster, p.region) for p in shop.pods}) == 2)
    tap.equal("every service is in every cluster", {(p.service, p.cluster) for p in shop.pods},
              {(s, c) for s in shop.plans for c in ("east", "west")})


def test_judge(tap):
    shop = mesh_topology.shop_build(18080)
    pod, route, dip, dependency = demo_fault.faults_full(shop)
    whole = {"kind": "service", "service": "catalog"}
    good_pod = {"kind": "pod", "service": "catalog", "cluster": "east", "region": "us-east", "pod": "catalog-east-2"}
    cases = [
        ("the pod, with its true region", pod, good_pod, "right"),
        ("its service only", pod, whole, "near"),
        ("another pod of it", pod, {**good_pod, "pod": "catalog-east-1"}, "near"),
        ("another service", pod, {"kind": "service", "service": "frontend"}, "wrong"),
        ("the edge to it", pod, {"kind": "edge", "service": "catalog", "caller": "frontend"}, "wrong"),
        ("the route", route, {"kind": "route", "service": "cart", "route": "POST /carts/{id}/items"}, "right"),
        ("the same route of the caller", route,
         {"kind": "route", "service": "frontend", "route": "POST /carts/{id}/items"}, "wrong"),
        ("the route in one cluster of two", route,
         {"kind": "route", "service": "cart", "cluster": "east", "route": "POST /carts/{id}/items"}, "near"),
        ("the service", dip, {"kind": "service", "service": "frontend"}, "right"),
        ("the service in one cluster of two", dip, {"kind": "service", "service": "frontend", "cluster": "west"},
         "near"),
        ("the service in its cluster", dependency, {"kind": "service", "service": "cartstore", "cluster": "west"},
         "right"),
        ("the service everywhere", dependency, {"kind": "service", "service": "cartstore"}, "near"),
        ("nothing", dependency, None, "wrong"),
    ]
    for name, fault, entity, want in cases:
        incident = {"root_causes": [{"entity": entity}] if entity else []}
        tap.equal(f"judge, {fault.name}: {name}", demo_fault.culprit_judge(fault, incident, shop), want)


    tap.equal("a judgement that stays is told once", demo_fault.judge_text("right", "right"), "right")
    tap.equal("one that changed is told twice", demo_fault.judge_text("right", "wrong"), "right, later wrong")


def test_counts(tap):
    exact = check_counts.Counts(written=5, entries=5, messages=2)
    tap.ok("counts that agree are exact", exact.exact)
    for name, change in (("one entry too few", {"entries": 4}), ("one too many", {"entries": 6}),
                         ("a drop", {"dropped": 1}), ("nothing at all", {"written": 0, "entries": 0})):
        tap.ok(f"counts are not exact: {name}", not check_counts.Counts(**{**vars(exact), **change}).exact)


def test_text(tap):
    class Pipe:
        def __init__(self):
            self.text = ""

        def write(self, text):
            self.text += text

        def flush(self):
            pass

        def isatty(self):
            return False
    pipe = Pipe()
    screen = demo_text.Screen(pipe)
    screen.wait("waiting", 0.2)
    tap.equal("a wait prints nothing into a pipe", pipe.text, "")
    demo_text.incident_show(screen, {"severity": "critical", "summary": "it broke", "root_causes": []})
    tap.ok("an incident with the least in it can be shown, without escapes",
           "CRITICAL  it broke" in pipe.text and "\033" not in pipe.text, pipe.text)


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    tap, bin_dir = Tap(), sys.argv[1]
    test_shop(tap)
    test_judge(tap)
    test_counts(tap)
    test_text(tap)
    test_processes(tap)
    test_programs(tap, bin_dir)
    with tempfile.TemporaryDirectory() as directory, Processes(directory) as processes:
        svc = Service(processes, directory, bin_dir)
        for test in (test_service, test_dip, test_open_loop, test_hostile):
            test(tap, svc)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
