#!/usr/bin/env python3
"""The demo's mesh, and what happens to processes: services and sidecars stand still and are killed.

Starts the mesh and Foreshock as demo.py does, lets it learn, and does one thing after the other to it, each in the time
in which the one before may still be told of. Shows for each what was told, and judges it: one unhealthy incident that
names the culprit, or none where nothing is wrong. The verdicts move with the machine: where it has other work, slowness
is real.
Exit status 0: all were judged right.
"""
import argparse
import os
import shutil
import signal
import sys
import threading
import time

import demo
import demo_fault
import demo_text
from demo_fault import Fault
from mesh_ask import http_answers
from mesh_run import Broken, Mesh, Processes, foreshock_config, foreshock_ports_find, port_base_find
from mesh_topology import shop_build

LEARN_S = 240
SETTLE_S = 8   # after it is over, until it is shown
CALM_S = 22    # and then until the next


class Hands:
    """What can be done to the processes of a mesh."""

    def __init__(self, mesh):
        self.mesh, self.processes = mesh, mesh.processes

    def child(self, kind, pod):
        return self.processes.children[f"{kind}/{pod.name}"]

    def stop(self, kind, pods, seconds):
        """They stand still, and go on."""
        children = [self.child(kind, p) for p in pods]
        self.pause(children, seconds)

    @staticmethod
    def pause(children, seconds):
        for child in children:
            child.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        for child in children:
            child.send_signal(signal.SIGCONT)

    def kill(self, kinds, pod, seconds):
        """They are gone at once; new ones come after a while."""
        for kind in kinds:
            self.child(kind, pod).kill()
            self.child(kind, pod).wait()
        time.sleep(seconds)
        for kind in kinds:
            self.processes.children.pop(f"{kind}/{pod.name}")
            (self.mesh.service_start if kind == "service" else self.mesh.sidecar_start)(pod)
        self.mesh.pods_wait([pod])

    def kill_all(self, pods, seconds):
        threads = [threading.Thread(target=self.kill, args=(["service"], p, seconds)) for p in pods]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def fault(self, pods, effect, seconds):
        at = time.time() + 0.1
        self.mesh.control(pods, f"/fault?{effect}&start_ms={int(at * 1000)}&for_ms={int(seconds * 1000)}")
        time.sleep(seconds + 0.2)

    def scale_out(self, service, cluster):
        pod = self.mesh.pod_new(service, cluster, self.mesh.shop.find(service, cluster)[0].version)
        self.mesh.pod_start(pod)
        self.mesh.endpoints_write(service, cluster, self.mesh.serving(service, cluster) + [pod])
        time.sleep(12)

    def scale_in(self, service, cluster):
        pod = self.mesh.serving(service, cluster)[-1]
        self.mesh.endpoints_write(service, cluster, [p for p in self.mesh.serving(service, cluster) if p is not pod])
        time.sleep(2)
        self.mesh.pod_stop(pod)
        time.sleep(8)


def steps(hands):
    """(what is done, the culprit or None where nothing is wrong, a function that does it)"""
    find = hands.mesh.shop.find

    def service(name, **more):
        return {"kind": "service", "service": name, **more}

    def pod(one):
        return {"kind": "pod", "service": one.service, "cluster": one.cluster, "pod": one.name}
    catalog, cartstore = find("catalog", "east")[0], find("cartstore", "west")
    return [
        ("catalog-east-1 stands still for 10 s", pod(catalog), lambda: hands.stop("service", [catalog], 10)),
        ("payment stands still in both clusters, 12 s", service("payment"),
         lambda: hands.stop("service", find("payment"), 12)),
        ("catalog-east-1 is killed, back after 10 s", pod(catalog), lambda: hands.kill(["service"], catalog, 10)),
        ("the one cart in west is killed, back after 8 s", service("cart", cluster="west"),
         lambda: hands.kill(["service"], find("cart", "west")[0], 8)),
        ("cartstore-west-1 is killed with its sidecar, 10 s", pod(cartstore[0]),
         lambda: hands.kill(["service", "envoy"], cartstore[0], 10)),
        ("the sidecar of frontend in west is killed, 8 s", service("frontend", cluster="west"),
         lambda: hands.kill(["envoy"], find("frontend", "west")[0], 8)),
        ("the sidecar of checkout in east stands still, 8 s", service("checkout", cluster="east"),
         lambda: hands.stop("envoy", find("checkout", "east"), 8)),
        ("another catalog in west", None, lambda: hands.scale_out("catalog", "west")),
        ("and away with it", None, lambda: hands.scale_in("catalog", "west")),
        ("payment takes 30 ms longer, 20 s", service("payment"),
         lambda: hands.fault(find("payment"), "delay_ms=30", 20)),
        ("frontend fails 2 %, 20 s", service("frontend"),
         lambda: hands.fault(find("frontend"), "error_p=0.02&code=500", 20)),
        ("checkout fails 5 %, 20 s", service("checkout"),
         lambda: hands.fault(find("checkout"), "error_p=0.05&code=500", 20)),
        ("catalog knows 30 % of its items no more, 10 s", service("catalog"),
         lambda: hands.fault(find("catalog"), "route=item&error_p=0.3&code=404", 10)),
        ("cartstore-west-2 stands still for 10 s", pod(cartstore[1]),
         lambda: hands.stop("service", [cartstore[1]], 10)),
        ("payment is killed in both clusters, 5 s", service("payment"), lambda: hands.kill_all(find("payment"), 5)),
        ("Foreshock stands still for 5 s", None, lambda: hands.pause([hands.processes.children["foreshock"]], 5)),
    ]


def judge(culprit, found, shop):
    """'right', or what is not. found: unhealthy incidents, the earliest first."""
    if culprit is None:
        return "right" if not found else "paged"
    if not found:
        return "missed"
    verdicts = [demo_fault.culprit_judge(Fault("", "", "", [], 0, "", culprit), i, shop) for _, i in found]
    if len(found) > 1:
        return f"{len(found)} incidents, the first {verdicts[0]}"
    return verdicts[0]


def step_run(screen, watcher, shop, step):
    """A row of the table."""
    done, culprit, act = step
    screen.heading(done)
    start = time.time()
    act()
    time.sleep(SETTLE_S)
    found = watcher.between(start, time.time())
    for at, incident in found:
        screen.field("found", f"{at - start:.1f} s: {incident['summary']}")
    for incident in watcher.expected_since(start):
        screen.field("expected", incident["summary"])
    time.sleep(CALM_S)
    found = watcher.between(start, time.time())
    row = (done, f"{found[0][0] - start:.1f} s" if found else "-", judge(culprit, found, shop))
    screen.field("judged", row[-1])
    return row


def run(args, processes, screen):
    ports = foreshock_ports_find()
    api = ("127.0.0.1", ports["http"])
    shop = shop_build(port_base_find(args.port_base))
    mesh = Mesh(processes, shop, args.envoy, args.bin_dir, ("127.0.0.1", ports["grpc"]), args.seed)
    data = os.path.join(args.out, "data")
    shutil.rmtree(data, ignore_errors=True)
    config = mesh.conf_write("foreshock.yaml", foreshock_config(ports))
    record = ["--record", args.record] if args.record else []
    processes.start("foreshock", [args.foreshock, "run", "--config", config, "--data", data] + record)
    processes.wait_until("Foreshock", lambda: http_answers(api, "/readyz"), 20)
    watcher = demo.Watcher(api)
    watcher.start()
    mesh.start()
    mesh.start_users(args.rate, demo.KEEP_LOAD_S)
    screen.heading(f"Learning what is normal, for {args.learn:g} s; the machine's load is {os.getloadavg()[0]:.1f}")
    time.sleep(args.learn)
    early = watcher.between(0, time.time())
    for _, incident in early:
        screen.field("false incident", incident["summary"])
    rows = [step_run(screen, watcher, shop, step) for step in steps(Hands(mesh))]
    screen.heading("All of it")
    demo_text.table_show(screen, ("done", "found after", "judged"), rows)
    right = sum(row[-1] == "right" for row in rows)
    screen.line(f"{right} of {len(rows)} judged right, {len(early)} false incidents while learning; the machine's load "
                f"is {os.getloadavg()[0]:.1f}")
    return 0 if right == len(rows) and not early else 1


def args_read():
    build = os.path.join(demo.ROOT, "build")
    p = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    p.add_argument("--foreshock", default=os.path.join(build, "foreshock"), help="the foreshock binary")
    p.add_argument("--bin-dir", default=os.path.join(build, "release", "demo"), help="where meshsvc and meshload are")
    p.add_argument("--out", default=os.path.join(build, "chaos"), help="for logs, configs and data")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--rate", type=float, default=100, help="user requests a second")
    p.add_argument("--port-base", type=int, default=18080, help="where to look for free ports first")
    p.add_argument("--learn", type=float, default=LEARN_S, help=f"seconds (default {LEARN_S})")
    p.add_argument("--record", metavar="FILE", help="Foreshock also keeps what it receives in FILE, for replay")
    args = p.parse_args()
    args.envoy = demo.envoy_find()
    return args


def main():
    args = args_read()
    screen = demo_text.Screen()
    try:
        with Processes(args.out) as processes:
            return run(args, processes, screen)
    except Broken as problem:
        print(f"chaos: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
