"""A sidecar's configuration, as an operator of plain Envoy would write it: static, identity in the node and in custom
tags, clusters named direction|port|subset|host as Istio names them, one access log a listener."""
from mesh_topology import DOMAIN, NAMESPACE

TYPE = "type.googleapis.com/envoy."
HTTP_OPTIONS = TYPE + "extensions.upstreams.http.v3.HttpProtocolOptions"


def address(ip_port):
    return {"socket_address": {"address": ip_port[0], "port_value": ip_port[1]}}


def access_log(pod, log_name):
    tags = {"cluster": pod.cluster, "namespace": NAMESPACE, "version": pod.version}
    return [{
        "name": "envoy.access_loggers.http_grpc",
        "typed_config": {
            "@type": TYPE + "extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
            "common_config": {
                "log_name": log_name,
                "transport_api_version": "V3",
                "grpc_service": {"envoy_grpc": {"cluster_name": "foreshock"}},
                "buffer_flush_interval": "0.1s",
                "buffer_size_bytes": 262144,
                "custom_tags": [{"tag": t, "literal": {"value": v}} for t, v in tags.items()],
            },
            "additional_request_headers_to_log": ["traceparent", "content-type"],
            "additional_response_headers_to_log": ["grpc-status"],
            "additional_response_trailers_to_log": ["grpc-status", "grpc-message"],
        },
    }]


def http_listener(pod, name, ip_port, direction, virtual_hosts):
    manager = {
        "@type": TYPE + "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "use_remote_address": False,
        "generate_request_id": True,
        "preserve_external_request_id": True,
        "access_log": access_log(pod, name),
        "http_filters": [{"name": "envoy.filters.http.router",
                          "typed_config": {"@type": TYPE + "extensions.filters.http.router.v3.Router"}}],
        "route_config": {"name": name, "virtual_hosts": virtual_hosts},
    }
    return {
        "name": name,
        "address": address(ip_port),
        "traffic_direction": direction,
        "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager",
                                        "typed_config": manager}]}],
    }


def virtual_host(name, domains, cluster):
    return {"name": name, "domains": domains,
            "routes": [{"name": "default", "match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "5s"}}]}


def static_cluster(name, ip_port):
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "lb_policy": "ROUND_ROBIN",
        "load_assignment": {"cluster_name": name, "endpoints": [
            {"lb_endpoints": [{"endpoint": {"address": address(ip_port)}}]}]},
    }


def mesh_cluster(name, path, source_ip):
    """A service of the mesh: who serves it stands in a file, which Envoy reads anew when it is replaced."""
    source = {"path_config_source": {"path": path}, "resource_api_version": "V3"}
    return {
        "name": name,
        "type": "EDS",
        "connect_timeout": "1s",
        "lb_policy": "ROUND_ROBIN",
        "eds_cluster_config": {"service_name": name, "eds_config": source},
        # calls come from the pod's own address, as they would in a cluster
        "upstream_bind_config": {"source_address": {"address": source_ip, "port_value": 0}},
    }


def service_name(service, port):
    return f"outbound|{port}||{service}.{NAMESPACE}.{DOMAIN}"


def endpoints(service, pods):
    """What such a file holds."""
    name = service_name(service, pods[0].port_base)
    assignment = {"@type": TYPE + "config.endpoint.v3.ClusterLoadAssignment", "cluster_name": name, "endpoints": [
        {"lb_endpoints": [{"endpoint": {"address": address(p.inbound)}} for p in pods]}]}
    return {"resources": [assignment]}


def sink_cluster(sink):
    cluster = static_cluster("foreshock", sink)
    cluster["typed_extension_protocol_options"] = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": HTTP_OPTIONS, "explicit_http_config": {"http2_protocol_options": {}}}}
    return cluster


def bootstrap(shop, pod, sink, endpoints_path):
    """endpoints_path(service): the file that says who serves it, as this pod's cluster sees it."""
    port = pod.port_base
    inbound = f"inbound|{port}||"
    names = {s: service_name(s, port) for s in shop.callees(pod.service)}
    outbound_hosts = [virtual_host(s, [s, f"{s}.{NAMESPACE}", f"{s}.{NAMESPACE}.{DOMAIN}"], names[s]) for s in names]
    listeners = [http_listener(pod, "inbound", pod.inbound, "INBOUND", [virtual_host("inbound", ["*"], inbound)]),
                 http_listener(pod, "outbound", pod.outbound, "OUTBOUND", outbound_hosts)]
    clusters = [static_cluster(inbound, pod.app), sink_cluster(sink)]
    clusters += [mesh_cluster(names[s], endpoints_path(s), pod.ip) for s in names]
    return {
        "node": {"id": pod.name, "cluster": pod.service, "locality": {"region": pod.region, "zone": pod.zone},
                 "metadata": {"CLUSTER_ID": pod.cluster, "NAMESPACE": NAMESPACE, "VERSION": pod.version}},
        "admin": {"address": address(pod.admin)},
        "static_resources": {"listeners": listeners, "clusters": clusters},
        # few statistics: less memory in 17 proxies on one machine
        "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": [
            {"prefix": "access_logs."}, {"prefix": "server."}, {"contains": "downstream_rq_total"},
            {"contains": "cluster.foreshock.upstream_rq_total"}]}}},
    }
