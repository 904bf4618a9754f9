"""Starting, asking and stopping the processes of a demo: services, sidecars, users, and Foreshock itself."""
import ctypes
import json
import os
import signal
import socket
import subprocess
import time

import check_counts
import mesh_envoy
from mesh_ask import http_answers, http_get
from mesh_topology import PORTS_PER_POD

FORESHOCK_PORTS = {"grpc": 4317, "ingest": 4318, "http": 7070}
_libc = ctypes.CDLL(None, use_errno=True)


class Broken(Exception):
    """Something that the demo needs does not work; the text says what."""


def die_with_parent():
    """In a new child: no orphans, even where the demo is killed hard (PR_SET_PDEATHSIG)."""
    _libc.prctl(1, signal.SIGKILL)


def port_is_free(port):
    """On every address of this machine."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("", port))
            s.listen(1)
        except OSError:
            return False
    return True


def port_base_find(first):
    """The first base from `first` on whose ports are all free. The pods share them: each has its own address."""
    for base in range(first, min(first + 2000, 32000), 10):
        if all(port_is_free(base + i) for i in range(PORTS_PER_POD)):
            return base
    raise Broken(f"no {PORTS_PER_POD} free ports in a row from {first} on")


def foreshock_ports_find():
    """The usual ports where they are free, otherwise others for all."""
    for shift in range(0, 20000, 1000):
        ports = {k: v + shift for k, v in FORESHOCK_PORTS.items()}
        if all(port_is_free(p) for p in ports.values()):
            return ports
    raise Broken("no free ports for Foreshock")


def foreshock_config(ports):
    """The config file of the demo's Foreshock: where it listens, nothing else."""
    return f"grpc_port: {ports['grpc']}\nhttp_port: {ports['ingest']}\napi_port: {ports['http']}\n"


class Processes:
    """Child processes by name. Leaving the context stops them all."""

    def __init__(self, directory):
        self.directory = directory
        self.children = {}  # in the order in which they were started
        os.makedirs(os.path.join(directory, "logs"), exist_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(list(self.children))

    def log_path(self, name):
        return os.path.join(self.directory, "logs", name + ".log")

    def start(self, name, argv):
        with open(self.log_path(name), "wb") as log:
            self.children[name] = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                   process_group=0, preexec_fn=die_with_parent)

    def stop(self, names):
        """Asks, waits, then insists."""
        going = [self.children.pop(n) for n in reversed(names) if n in self.children]
        for child in going:
            child.terminate()
        end = time.monotonic() + 5
        for child in going:
            try:
                child.wait(max(0.05, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def check(self, but=()):
        """Raises where a process has ended that should not have."""
        for name, child in self.children.items():
            if name not in but and child.poll() is not None:
                raise Broken(f"{name} ended with status {child.returncode}; the end of {self.log_path(name)}:\n"
                             + self.log_tail(name))

    def log_tail(self, name):
        with open(self.log_path(name), "rb") as log:
            return "\n".join("    " + line for line in log.read()[-1500:].decode("utf-8", "replace").splitlines()[-6:])

    def wait_until(self, what, ready, seconds):
        """ready(): True when it is. Looks 20 times a second, and whether all still live."""
        end = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > end:
                raise Broken(f"{what} was not ready after {seconds} s; see {self.directory}/logs")
            time.sleep(0.05)

    def cpu_and_memory(self):
        """CPU seconds used so far and MB of memory, by kind of process. What processes share is divided among them."""
        usage = {}
        for name, child in self.children.items():
            try:
                seconds, mb = process_cpu(child.pid), process_memory(child.pid)
            except OSError:
                continue
            kind = name.split("/")[0]
            before = usage.get(kind, (0, 0))
            usage[kind] = (before[0] + seconds, before[1] + mb)
        return usage


def process_cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def process_memory(pid):
    """Proportional set size, MB."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Pss:")) * 1024 / 1e6


class Mesh:
    """The shop's pods and its users."""

    def __init__(self, processes, shop, envoy, bin_dir, sink, seed):
        self.processes, self.shop, self.envoy, self.bin_dir = processes, shop, envoy, bin_dir
        self.sink, self.seed = sink, seed
        self.conf = os.path.join(processes.directory, "conf")
        self.retired = check_counts.Counts()  # what sidecars wrote that have ended
        self.endpoints = {}  # (service, cluster) -> pods
        os.makedirs(self.conf, exist_ok=True)

    def conf_write(self, name, text):
        path = os.path.join(self.conf, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def endpoints_path(self, service, cluster):
        return os.path.join(self.conf, f"{service}-{cluster}.endpoints.json")

    def endpoints_write(self, service, cluster, pods):
        """Who serves it from now on, as the sidecars of that cluster see it. Envoy waits for the file's successor."""
        self.endpoints[service, cluster] = list(pods)
        path = self.endpoints_path(service, cluster)
        with open(path + ".new", "w", encoding="utf-8") as f:
            json.dump(mesh_envoy.endpoints(service, pods), f, indent=1)
        os.rename(path + ".new", path)

    def serving(self, service, cluster):
        return list(self.endpoints[service, cluster])

    def pod_new(self, service, cluster, version):
        return self.shop.pod_new(service, cluster, version)

    def plans_write(self):
        for service, text in self.shop.plans.items():
            lines = (line.strip() for line in text.strip().splitlines())
            self.conf_write(service + ".plan", "\n".join(lines) + "\n")

    def service_start(self, pod):
        plan = os.path.join(self.conf, pod.service + ".plan")
        argv = [os.path.join(self.bin_dir, "meshsvc"), "--plan", plan, "--seed",
                str(self.seed * 1000 + self.shop.pods.index(pod))]
        for option, ip_port in (("listen", pod.app), ("control", pod.control), ("sidecar", pod.outbound)):
            argv += ["--" + option, "%s:%d" % ip_port]
        self.processes.start("service/" + pod.name, argv)

    def sidecar_start(self, pod):
        config = mesh_envoy.bootstrap(self.shop, pod, self.sink, lambda s: self.endpoints_path(s, pod.cluster))
        path = self.conf_write(pod.name + ".envoy.json", json.dumps(config, indent=1))
        self.processes.start("envoy/" + pod.name, [self.envoy, "-c", path, "--concurrency", "1",
                                                   "--disable-hot-restart", "--log-level", "warning"])

    def pods_wait(self, pods):
        waiting = [(p.control, "/status") for p in pods] + [(p.admin, "/ready") for p in pods]

        def ready():
            while waiting and http_answers(*waiting[-1]):
                waiting.pop()
            return not waiting
        self.processes.wait_until("the mesh", ready, 40)

    def pod_start(self, pod):
        self.service_start(pod)
        self.sidecar_start(pod)
        self.pods_wait([pod])

    def pod_stop(self, pod):
        """It is asked no more; what its sidecar wrote is remembered."""
        check_counts.counters_add_envoy(self.retired, pod.admin)
        self.processes.stop(["envoy/" + pod.name, "service/" + pod.name])
        self.shop.pods.remove(pod)

    def start(self):
        os.makedirs(os.path.join(self.processes.directory, "logs", "envoy"), exist_ok=True)
        os.makedirs(os.path.join(self.processes.directory, "logs", "service"), exist_ok=True)
        self.plans_write()
        for service in self.shop.plans:
            for cluster in self.shop.user_share:
                self.endpoints_write(service, cluster, self.shop.find(service, cluster))
        for pod in self.shop.pods:
            self.service_start(pod)
        for pod in self.shop.pods:
            self.sidecar_start(pod)
        self.pods_wait(self.shop.pods)

    def start_users(self, rate_per_s, seconds):
        argv = [os.path.join(self.bin_dir, "meshload"), "--rate", str(rate_per_s), "--seconds", str(seconds),
                "--seed", str(self.seed)]
        for cluster, share in self.shop.user_share.items():
            ip, port = self.shop.find(self.shop.entry, cluster)[0].inbound
            argv += ["--target", f"{ip}:{port}={share}"]
        for route in self.shop.user_routes:
            argv += ["--route", route]
        self.processes.start("users", argv)

    def stop_users(self):
        """Stops the load; what it counted, as it printed it."""
        self.processes.stop(["users"])
        try:
            with open(self.processes.log_path("users"), encoding="ascii") as f:
                return json.loads(f.read().splitlines()[-1])
        except (ValueError, IndexError):
            return None

    def control(self, pods, path):
        """Asks pods' control addresses; what each answers."""
        answers = []
        for pod in pods:
            status, text = http_get(pod.control, path)
            if status != 200:
                raise Broken(f"{pod.name} refused {path}: {text.strip()}")
            answers.append(json.loads(text))
        return answers
