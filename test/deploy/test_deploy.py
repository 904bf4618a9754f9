"""What deploy/ hands out, held against the program and against itself. Prints TAP.

    test_deploy.py BINARY

What needs more than Python and the program (promtool, the Kubernetes schemas) is in `./dev lint`.
"""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
from e2e_daemon import LONG_S, Daemon, Tap, run  # noqa: E402

DEPLOY = os.path.join(ROOT, "deploy")
EXPOSURE_MAX = 20  # of systemd-analyze security, in tenths: 2.0 of 10
LIBC = {"libc6", "libgcc-s1"}  # in every image
NAME = re.compile(r"\bforeshock_[a-z0-9_]+\b")


def read(*path):
    with open(os.path.join(DEPLOY, *path), encoding="utf-8") as file:
        return file.read()


def documents(*path):
    return [d for d in yaml.safe_load_all(read(*path)) if d]


# ---- metrics ----

def names_of(expr):
    """The metrics of an expression, a matcher on __name__ told apart."""
    for group in re.findall(r'__name__=~"([^"]+)"', expr):
        head, words, tail = re.fullmatch(r"(\w*)\(([^)]*)\)(\w*)", group).groups()
        yield from (head + word + tail for word in words.split("|"))
    yield from NAME.findall(re.sub(r'"[^"]*"', '""', expr))


def expressions(dashboard):
    return [t["expr"] for p in dashboard["panels"] for t in p["targets"]] + \
        [a["expr"] for a in dashboard["annotations"]["list"]]


def test_metrics(tap, binary):
    """Whatever a rule or a panel asks for is there, also the receivers' metrics."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write("receivers:\n- name: out\n  type: stdout\n")
        file.flush()
        with Daemon(binary, "--config", file.name) as daemon:
            have = set(re.findall(r"^# TYPE (\w+) ", daemon.ask("/metrics")[2], re.MULTILINE))
    rules = [r for g in documents("prometheus", "foreshock.rules.yaml")[0]["groups"] for r in g["rules"]]
    dashboard = json.loads(read("grafana", "foreshock.json"))
    for what, all_ in (("rules", [r["expr"] for r in rules]), ("dashboard", expressions(dashboard))):
        used = {name for expr in all_ for name in names_of(expr)}
        tap.ok(f"{what}: all of {len(used)} metrics are in /metrics", len(used) > 5 and used <= have, used - have)
    tested = {t["alertname"] for g in documents("prometheus", "foreshock.rules.test.yaml")[0]["tests"]
              for t in g["alert_rule_test"] if t.get("exp_alerts")}
    tap.equal("each rule has a test in which it fires", tested, {r["alert"] for r in rules})
    tap.ok("each rule says how grave it is, and what to do", all(
        r["labels"]["severity"] in ("warning", "critical") and set(r["annotations"]) == {"summary", "description"}
        for r in rules))
    places = [tuple(p["gridPos"].values()) for p in dashboard["panels"]]
    tap.ok("dashboard: no two panels in one place, each with a title", len(set(places)) == len(places)
           and all(p["title"] and p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in dashboard["panels"]))


# ---- configuration ----

def test_configurations(tap, binary):
    maps = [d for d in documents("kubernetes", "foreshock.yaml") if d["kind"] == "ConfigMap"]
    texts = {"systemd": read("systemd", "foreshock.yaml"), "kubernetes": maps[0]["data"]["foreshock.yaml"]}
    for name, text in texts.items():
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            out = run(binary, "check", "--config", file.name)
        missing = "api_tokens" in text and "No such file" in out.stderr  # that file is a secret of the cluster's
        tap.ok(f"{name}: `foreshock check` takes its configuration", out.returncode == 0 or missing, out.stderr)


# ---- container ----

def libraries(binary):
    """The Debian packages of the libraries that the program itself asks for."""
    said = subprocess.run(["objdump", "-p", binary], capture_output=True, text=True, check=True).stdout
    linked = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    for soname in re.findall(r"NEEDED\s+(\S+)", said):
        path = re.search(rf"{re.escape(soname)} => (\S+)", linked)
        owner = path and subprocess.run(["dpkg-query", "-S", os.path.realpath(path.group(1))], capture_output=True,
                                        text=True, check=False).stdout
        if owner:
            yield owner.split(":")[0]


def instructions(text):
    """[(name, what follows)] of a container file."""
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return [tuple(line.split(None, 1)) for line in lines if line.strip()]


def test_container_file(tap, binary, steps):
    """What it names is there: files of the tree, what its first stage makes, and the program's own command."""
    of = {name: rest for name, rest in steps}
    made = [word for name, rest in steps if name == "RUN" for word in rest.split() if word.startswith("/out/")]
    copies = [rest.split() for name, rest in steps if name == "COPY"]
    own = [w for words in copies if not words[0].startswith("--from=") for w in words[:-1]]
    other = [w for words in copies if words[0].startswith("--from=") for w in words[1:-1]]
    tap.ok("container: every file that it copies is there", own and all(os.path.exists(os.path.join(ROOT, w))
                                                                        for w in own), own)
    tap.equal("container: what the second stage takes is what the first one makes", other, made)
    with open(os.path.join(ROOT, ".dockerignore"), encoding="utf-8") as file:
        left_out = [line.strip() for line in file if line.strip() and line[0] != "#"]
    tracked = subprocess.run(["git", "ls-files", *left_out], cwd=ROOT, capture_output=True, text=True, check=False)
    tap.equal("container: nothing of the tree is left out", tracked.stdout, "")
    tap.ok("container: the build can name its commit", ".git" not in left_out and any(
        re.search(r"apt-get install [^&]*\bgit\b.*&& \./dev build", rest) for name, rest in steps if name == "RUN"))
    program = os.path.basename(copies[-1][-1])
    health = re.search(r"(--start-period=(\d+)s)? CMD (\[.*\])$", of["HEALTHCHECK"])
    words = json.loads(health.group(3))
    tap.equal("container: its program and its health check are what it installs",
              [*json.loads(of["ENTRYPOINT"])[:1], words[0], os.path.dirname(copies[-1][-1])],
              [program, program, "/usr/bin"])
    tap.ok("container: the check may fail until it is ready", int(health.group(2)) > 5, of["HEALTHCHECK"])
    port = re.search(r"http://127\.0\.0\.1:(\d+)", run(binary, *words[1:], "--help").stdout).group(1)
    tap.ok("container: the check asks the port of the API", port in of["EXPOSE"].split() and port == "7070", port)
    return words[1:]


def test_health(tap, binary, words):
    """0 where a daemon is ready; 1 and a line that says why where it is starting, and where there is none."""
    def asked(daemon):
        out = run(binary, *words, "--url", daemon.url)
        return out.returncode, out.stdout, out.stderr
    with Daemon(binary) as daemon:
        first = asked(daemon)
        if daemon.get("/api/v1/status")["uptime_s"] < 5:  # so long it is not ready where nothing came
            tap.ok("health: it is starting", first[0] == 1 and "503" in first[2] and not first[1], first)
        else:
            tap.skip("health: it is starting", "this machine is too slow to see it")
        tap.ok("health: it is ready", daemon.wait(lambda: asked(daemon) == (0, "ready\n", ""), LONG_S), asked(daemon))
        daemon.process.send_signal(signal.SIGSTOP)
        hangs = asked(daemon)
        daemon.process.send_signal(signal.SIGCONT)
        tap.ok("health: one that hangs is not waited for", hangs[0] == 1 and hangs[2], hangs)
        daemon.stop(signal.SIGKILL)
        dead = asked(daemon)
        tap.ok("health: it is dead", dead[0] == 1 and "connect" in dead[2] and not dead[1], dead)


def test_container(tap, binary):
    text = read("container", "Containerfile")
    last = text[text.rindex("\nFROM "):].replace("\\\n", " ")
    if shutil.which("dpkg-query") and shutil.which("objdump"):
        installed = set(re.search(r"--no-install-recommends ([^&]+)", last).group(1).split())
        need = set(libraries(binary)) - LIBC
        tap.equal("container: the image has the libraries that the program is linked with, and no others",
                  installed - {"ca-certificates"}, need)
    else:
        tap.skip("container: its libraries", "no Debian tools here")
    tap.ok("container: not as root", re.search(r"^USER \d+:\d+$", last, re.MULTILINE))
    health = test_container_file(tap, binary, instructions(text))
    test_health(tap, binary, health)
    words = json.loads(re.search(r"^CMD (\[.*\])$", last, re.MULTILINE).group(1))
    with tempfile.TemporaryDirectory() as data:
        words = [data if w == "/data" else w for w in words][1:]
        with Daemon(binary, *words, "--set", "grpc_address=127.0.0.1", "--set", "http_address=127.0.0.1",
                    "--set", "api_address=127.0.0.1") as daemon:
            healthy = daemon.wait(lambda: run(binary, *health, "--url", daemon.url).returncode == 0, LONG_S)
            tap.ok("container: its command starts, and its health check is content", healthy)
            written = sorted(os.listdir(data))
            tap.ok("container: what is written is in its volume", "incidents" in written, written)


# ---- systemd ----

def test_systemd(tap):
    unit = os.path.join(DEPLOY, "systemd", "foreshock.service")
    tool = shutil.which("systemd-analyze")
    if not tool:
        tap.skip("systemd: the unit is hardened", "no systemd-analyze here")
        return
    said = subprocess.run([tool, "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager", unit],
                          capture_output=True, text=True, check=False)
    level = re.search(r"exposure level .*: ([\d.]+)", said.stdout)
    tap.ok(f"systemd: the unit's exposure is {level.group(1) if level else '?'} of 10", said.returncode == 0, said)
    said = subprocess.run([tool, "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    wrong = [line for line in (said.stdout + said.stderr).splitlines() if "not executable" not in line]
    tap.equal("systemd: nothing in the unit is misspelt", wrong, [])


# ---- Kubernetes ----

def test_kubernetes(tap):
    all_ = {d["kind"]: d for d in documents("kubernetes", "foreshock.yaml")}
    tap.equal("kubernetes: what there is", sorted(all_),
              ["ConfigMap", "NetworkPolicy", "Service", "ServiceAccount", "StatefulSet"])
    pod = all_["StatefulSet"]["spec"]["template"]
    labels, container = pod["metadata"]["labels"], pod["spec"]["containers"][0]
    selectors = [all_["Service"]["spec"]["selector"], all_["StatefulSet"]["spec"]["selector"]["matchLabels"],
                 all_["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]]
    tap.ok("kubernetes: all selectors choose the pod", all(s.items() <= labels.items() for s in selectors))
    ports = {p["name"]: p["containerPort"] for p in container["ports"]}
    tap.equal("kubernetes: the ports are the program's", sorted(ports.values()), [4317, 4318, 7070])
    asked = [p["targetPort"] for p in all_["Service"]["spec"]["ports"]] + \
        [container[p]["httpGet"]["port"] for p in ("readinessProbe", "livenessProbe")] + \
        [p["port"] for rule in all_["NetworkPolicy"]["spec"]["ingress"] for p in rule["ports"]]
    tap.ok("kubernetes: a port that is named is there", set(asked) <= set(ports), asked)
    mounts = {m["name"] for m in container["volumeMounts"]}
    volumes = {v["name"] for v in pod["spec"]["volumes"]} | \
        {v["metadata"]["name"] for v in all_["StatefulSet"]["spec"]["volumeClaimTemplates"]}
    tap.equal("kubernetes: each volume is mounted, each mount has one", mounts, volumes)
    outer, inner = pod["spec"]["securityContext"], container["securityContext"]
    tap.ok("kubernetes: as the `restricted` Pod Security Standard wants it", outer["runAsNonRoot"] is True
           and outer["seccompProfile"]["type"] == "RuntimeDefault" and inner["allowPrivilegeEscalation"] is False
           and inner["capabilities"]["drop"] == ["ALL"] and inner["readOnlyRootFilesystem"] is True)
    monitor = documents("kubernetes", "servicemonitor.yaml")[0]["spec"]
    tap.ok("kubernetes: the ServiceMonitor chooses the Service and its port",
           monitor["selector"]["matchLabels"].items() <= all_["Service"]["metadata"]["labels"].items()
           and monitor["endpoints"][0]["port"] in ports)


def main():
    tap, binary = Tap(), os.path.abspath(sys.argv[1])
    for path in glob.glob(os.path.join(DEPLOY, "**", "*.y*ml"), recursive=True):
        tap.ok(f"{os.path.relpath(path, ROOT)} is YAML", documents(path))
    test_metrics(tap, binary)
    test_configurations(tap, binary)
    test_container(tap, binary)
    test_systemd(tap)
    test_kubernetes(tap)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
