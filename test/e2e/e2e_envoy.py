"""A real Envoy that answers by itself and logs to a sink over TLS with a certificate of its own."""
import json
import os
import re
import subprocess
import time
import urllib.request

TYPE = "type.googleapis.com/envoy."
MANAGER = TYPE + "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": int(port)}}


def access_log():
    return [{"name": "envoy.access_loggers.http_grpc", "typed_config": {
        "@type": TYPE + "extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
        "common_config": {"log_name": "inbound", "transport_api_version": "V3", "buffer_flush_interval": "0.1s",
                          "buffer_size_bytes": 1048576,
                          "grpc_service": {"envoy_grpc": {"cluster_name": "foreshock"}}}}}]


def listener():
    return {"name": "inbound", "address": address(0), "traffic_direction": "INBOUND", "filter_chains": [{"filters": [{
        "name": "envoy.filters.network.http_connection_manager", "typed_config": {
            "@type": MANAGER, "stat_prefix": "inbound", "access_log": access_log(),
            "http_filters": [{"name": "envoy.filters.http.router",
                              "typed_config": {"@type": TYPE + "extensions.filters.http.router.v3.Router"}}],
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "direct_response": {"status": 200}}]}]}}}]}]}


def sink(port, ca, cert, key):
    options = TYPE + "extensions.upstreams.http.v3.HttpProtocolOptions"
    files = {"tls_certificates": [{"certificate_chain": {"filename": cert}, "private_key": {"filename": key}}],
             "validation_context": {"trusted_ca": {"filename": ca}, "match_typed_subject_alt_names": [
                 {"san_type": "DNS", "matcher": {"exact": "localhost"}}]}}
    return {"name": "foreshock", "type": "STATIC", "connect_timeout": "5s",
            "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": options, "explicit_http_config": {"http2_protocol_options": {}}}},
            "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": {
                "@type": TYPE + "extensions.transport_sockets.tls.v3.UpstreamTlsContext", "sni": "localhost",
                "common_tls_context": files}},
            "load_assignment": {"cluster_name": "foreshock", "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": address(port)}}]}]}}


class Envoy:
    def __init__(self, binary, directory, sink_port, ca, cert, key):
        path = os.path.join(directory, "envoy.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"node": {"id": "cart-1", "cluster": "cart"},
                       "admin": {"address": address(0)},
                       "static_resources": {"listeners": [listener()], "clusters": [sink(sink_port, ca, cert, key)]}},
                      file)
        self.admin_file = os.path.join(directory, "admin")
        with open(os.path.join(directory, "envoy.log"), "wb") as log:
            self.process = subprocess.Popen(
                [binary, "-c", path, "--concurrency", "1", "--disable-hot-restart", "--admin-address-path",
                 self.admin_file], stdout=log, stderr=log)
        self.port = self.wait(self.listening)

    def admin(self, path):
        with open(self.admin_file, encoding="utf-8") as file:
            at = file.read().strip()
        return urllib.request.urlopen(f"http://{at}{path}", timeout=10).read().decode()

    def listening(self):
        try:
            found = re.search(r"inbound::127\.0\.0\.1:(\d+)", self.admin("/listeners"))
        except OSError:
            return None
        return int(found.group(1)) if found else None

    def wait(self, condition, seconds=20):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if got := condition():
                return got
            time.sleep(0.1)
        return None

    def stats(self, part):
        return {line.split(": ")[0]: line.split(": ")[1] for line in self.admin("/stats").splitlines() if part in line}

    def request(self, n):
        for i in range(n):
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/items/{i % 5}", timeout=10).read()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
