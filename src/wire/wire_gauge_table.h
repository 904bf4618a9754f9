/* Which metrics are gauges worth watching: the one table, from which docs/reference-gauges.md comes.
 *
 * X(name, how, unit, role, bad, part, what)
 *   name  the metric's, with underscores for dots and without _total; a row holds for the dotted and the underscored
 *         form. Of Envoy's own: envoy_cluster_X stands for cluster.<name>.X too, envoy_http_X for http.<prefix>.X,
 *         envoy_listener_X for listener.<address>.X, envoy_server_X for server.X
 *   how   VALUE as it is; RATE a counter's growth a second; GROWTH a counter's growth since the sample before
 *   part  the labels whose values tell several of one entity apart, apart by commas; * all that are nobody's identity
 */
#ifndef WIRE_GAUGE_TABLE_H
#define WIRE_GAUGE_TABLE_H

/* clang-format off */
#define WIRE_GAUGE_TABLE(X) \
  X("envoy_cluster_upstream_rq_pending_active", VALUE, NONE, SATURATION, ABOVE, "", \
    "requests that wait for a connection") \
  X("envoy_cluster_upstream_rq_active", VALUE, NONE, LOAD, ABOVE, "", "requests under way") \
  X("envoy_cluster_upstream_cx_active", VALUE, NONE, LOAD, ABOVE, "", "connections open") \
  X("envoy_cluster_upstream_rq_pending_overflow", RATE, PER_S, SATURATION, ABOVE, "", \
    "requests refused by a circuit breaker") \
  X("envoy_cluster_upstream_cx_overflow", RATE, PER_S, SATURATION, ABOVE, "", \
    "connections refused by a circuit breaker") \
  X("envoy_cluster_upstream_cx_pool_overflow", RATE, PER_S, SATURATION, ABOVE, "", \
    "connection pools refused by a circuit breaker") \
  X("envoy_cluster_upstream_rq_retry_overflow", RATE, PER_S, SATURATION, ABOVE, "", \
    "retries refused by a circuit breaker") \
  X("envoy_cluster_upstream_cx_connect_fail", RATE, PER_S, HEALTH, ABOVE, "", "connections that failed") \
  X("envoy_cluster_upstream_cx_connect_timeout", RATE, PER_S, HEALTH, ABOVE, "", "connections that timed out") \
  X("envoy_cluster_upstream_cx_destroy_remote_with_active_rq", RATE, PER_S, HEALTH, ABOVE, "", \
    "connections that the other end closed under a request") \
  X("envoy_cluster_upstream_rq_pending_failure_eject", RATE, PER_S, HEALTH, ABOVE, "", \
    "waiting requests that their connection failed") \
  X("envoy_cluster_outlier_detection_ejections_active", VALUE, NONE, HEALTH, ABOVE, "", "hosts ejected as outliers") \
  X("envoy_cluster_membership_healthy", VALUE, NONE, HEALTH, BELOW, "", "healthy hosts") \
  X("envoy_cluster_membership_degraded", VALUE, NONE, HEALTH, ABOVE, "", "degraded hosts") \
  X("envoy_cluster_lb_healthy_panic", RATE, PER_S, HEALTH, ABOVE, "", "requests balanced in panic mode") \
  X("envoy_cluster_circuit_breakers_default_rq_open", VALUE, NONE, SATURATION, ABOVE, "", \
    "the breaker of requests is open") \
  X("envoy_cluster_circuit_breakers_default_rq_pending_open", VALUE, NONE, SATURATION, ABOVE, "", \
    "the breaker of waiting requests is open") \
  X("envoy_cluster_circuit_breakers_default_rq_retry_open", VALUE, NONE, SATURATION, ABOVE, "", \
    "the breaker of retries is open") \
  X("envoy_cluster_circuit_breakers_default_cx_open", VALUE, NONE, SATURATION, ABOVE, "", \
    "the breaker of connections is open") \
  X("envoy_cluster_circuit_breakers_default_cx_pool_open", VALUE, NONE, SATURATION, ABOVE, "", \
    "the breaker of pools is open") \
  X("envoy_cluster_circuit_breakers_high_rq_open", VALUE, NONE, SATURATION, ABOVE, "", "the same at high priority") \
  X("envoy_cluster_circuit_breakers_high_rq_pending_open", VALUE, NONE, SATURATION, ABOVE, "", \
    "the same at high priority") \
  X("envoy_cluster_circuit_breakers_high_cx_open", VALUE, NONE, SATURATION, ABOVE, "", "the same at high priority") \
  X("envoy_http_downstream_rq_active", VALUE, NONE, LOAD, ABOVE, "envoy_http_conn_manager_prefix", \
    "requests under way") \
  X("envoy_http_downstream_cx_active", VALUE, NONE, LOAD, ABOVE, "envoy_http_conn_manager_prefix", \
    "connections open") \
  X("envoy_http_downstream_rq_overload_close", RATE, PER_S, SATURATION, ABOVE, "envoy_http_conn_manager_prefix", \
    "requests closed by the overload manager") \
  X("envoy_http_downstream_cx_overload_disable_keepalive", RATE, PER_S, SATURATION, ABOVE, \
    "envoy_http_conn_manager_prefix", \
    "connections closed by the overload manager") \
  X("envoy_listener_downstream_cx_overflow", RATE, PER_S, SATURATION, ABOVE, "envoy_listener_address", \
    "connections refused by the listener's limit") \
  X("envoy_listener_downstream_cx_overload_reject", RATE, PER_S, SATURATION, ABOVE, "envoy_listener_address", \
    "connections refused by the overload manager") \
  X("envoy_server_memory_allocated", VALUE, BYTES, RESOURCE, ABOVE, "", "the proxy's memory") \
  X("envoy_server_memory_heap_size", VALUE, BYTES, RESOURCE, ABOVE, "", "the proxy's heap") \
  X("envoy_server_concurrency", VALUE, NONE, OTHER, EITHER, "", "the proxy's workers") \
  X("envoy_server_total_connections", VALUE, NONE, LOAD, ABOVE, "", "the proxy's connections") \
  X("envoy_server_live", VALUE, NONE, HEALTH, BELOW, "", "1 unless the proxy drains") \
  X("envoy_server_days_until_first_cert_expiring", VALUE, NONE, HEALTH, BELOW, "", \
    "days that its certificates are good for") \
  X("envoy_overload_active", VALUE, NONE, SATURATION, ABOVE, "", \
    "an overload action is in force: overload.<action>.active") \
  X("envoy_overload_pressure", VALUE, NONE, RESOURCE, ABOVE, "", \
    "percent of a resource: overload.<resource>.pressure") \
  X("container_cpu_usage_seconds", RATE, CORES, RESOURCE, ABOVE, "container", "cAdvisor: processor in use") \
  X("container_cpu_cfs_throttled_seconds", RATE, CORES, SATURATION, ABOVE, "container", \
    "cAdvisor: processor wanted and held back by its limit") \
  X("container_cpu_cfs_throttled_periods", RATE, PER_S, SATURATION, ABOVE, "container", \
    "cAdvisor: periods in which it was held back") \
  X("container_memory_working_set_bytes", VALUE, BYTES, RESOURCE, ABOVE, "container", \
    "cAdvisor: memory that cannot be taken back") \
  X("container_memory_rss", VALUE, BYTES, RESOURCE, ABOVE, "container", "cAdvisor: anonymous memory") \
  X("container_memory_failcnt", RATE, PER_S, SATURATION, ABOVE, "container", "cAdvisor: allocations at the limit") \
  X("container_oom_events", RATE, PER_S, HEALTH, ABOVE, "container", "cAdvisor: killed for memory") \
  X("container_threads", VALUE, NONE, LOAD, ABOVE, "container", "cAdvisor: threads") \
  X("container_file_descriptors", VALUE, NONE, RESOURCE, ABOVE, "container", "cAdvisor: open files") \
  X("container_network_receive_errors", RATE, PER_S, HEALTH, ABOVE, "interface", \
    "cAdvisor: packets received broken") \
  X("container_network_transmit_errors", RATE, PER_S, HEALTH, ABOVE, "interface", "cAdvisor: packets sent broken") \
  X("container_network_receive_packets_dropped", RATE, PER_S, HEALTH, ABOVE, "interface", \
    "cAdvisor: packets dropped") \
  X("container_network_transmit_packets_dropped", RATE, PER_S, HEALTH, ABOVE, "interface", \
    "cAdvisor: packets dropped") \
  X("kube_pod_container_status_restarts", GROWTH, NONE, HEALTH, ABOVE, "container", "kube-state-metrics: restarts") \
  X("kube_pod_container_status_waiting_reason", VALUE, NONE, HEALTH, ABOVE, "container,reason", \
    "kube-state-metrics: waits, such as CrashLoopBackOff") \
  X("kube_pod_container_status_ready", VALUE, NONE, HEALTH, BELOW, "container", \
    "kube-state-metrics: 1 where it is ready") \
  X("kube_deployment_status_replicas_ready", VALUE, NONE, HEALTH, BELOW, "", "kube-state-metrics: ready instances") \
  X("kube_deployment_status_replicas_unavailable", VALUE, NONE, HEALTH, ABOVE, "", \
    "kube-state-metrics: instances that are missing") \
  X("kube_statefulset_status_replicas_ready", VALUE, NONE, HEALTH, BELOW, "", "kube-state-metrics: ready instances") \
  X("kube_daemonset_status_number_unavailable", VALUE, NONE, HEALTH, ABOVE, "", \
    "kube-state-metrics: instances that are missing") \
  X("process_cpu_seconds", RATE, CORES, RESOURCE, ABOVE, "", "processor in use") \
  X("process_cpu_time", RATE, CORES, RESOURCE, ABOVE, "cpu.mode,state", "OpenTelemetry: processor in use") \
  X("process_cpu_utilization", VALUE, SHARE, RESOURCE, ABOVE, "cpu.mode,state", \
    "OpenTelemetry: share of the processors in use") \
  X("process_cpu_usage", VALUE, SHARE, RESOURCE, ABOVE, "", "Micrometer: share of the processors in use") \
  X("process_resident_memory_bytes", VALUE, BYTES, RESOURCE, ABOVE, "", "memory") \
  X("process_memory_usage", VALUE, BYTES, RESOURCE, ABOVE, "", "OpenTelemetry: memory") \
  X("process_memory_usage_bytes", VALUE, BYTES, RESOURCE, ABOVE, "", "the same by way of Prometheus") \
  X("process_open_fds", VALUE, NONE, RESOURCE, ABOVE, "", "open files") \
  X("process_files_open_files", VALUE, NONE, RESOURCE, ABOVE, "", "Micrometer: open files") \
  X("process_open_file_descriptor_count", VALUE, NONE, RESOURCE, ABOVE, "", "OpenTelemetry: open files") \
  X("process_thread_count", VALUE, NONE, LOAD, ABOVE, "", "OpenTelemetry: threads") \
  X("process_threads", VALUE, NONE, LOAD, ABOVE, "", "threads") \
  X("go_goroutines", VALUE, NONE, LOAD, ABOVE, "", "Go: goroutines") \
  X("go_threads", VALUE, NONE, LOAD, ABOVE, "", "Go: threads") \
  X("go_memstats_heap_inuse_bytes", VALUE, BYTES, RESOURCE, ABOVE, "", "Go: heap") \
  X("go_gc_duration_seconds_sum", RATE, SHARE, RESOURCE, ABOVE, "", "Go: time in pauses of the collector") \
  X("go_sql_wait_count", RATE, PER_S, SATURATION, ABOVE, "db_name", "Go: waits for a database connection") \
  X("go_sql_in_use_connections", VALUE, NONE, LOAD, ABOVE, "db_name", "Go: database connections in use") \
  X("jvm_memory_used_bytes", VALUE, BYTES, RESOURCE, ABOVE, "area,id", "JVM: memory") \
  X("jvm_memory_bytes_used", VALUE, BYTES, RESOURCE, ABOVE, "area", "JVM: memory") \
  X("jvm_memory_used", VALUE, BYTES, RESOURCE, ABOVE, "jvm.memory.type,jvm.memory.pool.name", \
    "OpenTelemetry, JVM: memory") \
  X("jvm_threads_live_threads", VALUE, NONE, LOAD, ABOVE, "", "JVM: threads") \
  X("jvm_threads_current", VALUE, NONE, LOAD, ABOVE, "", "JVM: threads") \
  X("jvm_thread_count", VALUE, NONE, LOAD, ABOVE, "jvm.thread.daemon,jvm.thread.state", \
    "OpenTelemetry, JVM: threads") \
  X("jvm_cpu_recent_utilization", VALUE, SHARE, RESOURCE, ABOVE, "", \
    "OpenTelemetry, JVM: share of the processors in use") \
  X("jvm_gc_pause_seconds_sum", RATE, SHARE, RESOURCE, ABOVE, "action,cause", \
    "JVM: time in pauses of the collector") \
  X("jvm_gc_collection_seconds_sum", RATE, SHARE, RESOURCE, ABOVE, "gc", "JVM: time in the collector") \
  X("tomcat_threads_busy_threads", VALUE, NONE, LOAD, ABOVE, "name", "Tomcat: threads at work") \
  X("executor_queued_tasks", VALUE, NONE, SATURATION, ABOVE, "name", "Micrometer: tasks that wait for a thread") \
  X("hikaricp_connections_pending", VALUE, NONE, SATURATION, ABOVE, "pool", \
    "HikariCP: threads that wait for a database connection") \
  X("hikaricp_connections_active", VALUE, NONE, LOAD, ABOVE, "pool", "HikariCP: database connections in use") \
  X("hikaricp_connections_timeout", RATE, PER_S, SATURATION, ABOVE, "pool", "HikariCP: waits that timed out") \
  X("db_client_connections_pending_requests", VALUE, NONE, SATURATION, ABOVE, "pool.name", \
    "OpenTelemetry: requests that wait for a database connection") \
  X("db_client_connection_pending_requests", VALUE, NONE, SATURATION, ABOVE, "db.client.connection.pool.name", \
    "OpenTelemetry: requests that wait for a database connection") \
  X("db_client_connection_timeouts", RATE, PER_S, SATURATION, ABOVE, "db.client.connection.pool.name", \
    "OpenTelemetry: waits that timed out") \
  X("db_client_connection_count", VALUE, NONE, LOAD, ABOVE, \
    "db.client.connection.pool.name,db.client.connection.state", \
    "OpenTelemetry: database connections") \
  X("http_server_active_requests", VALUE, NONE, LOAD, ABOVE, "*", "OpenTelemetry: requests under way") \
  X("http_client_active_requests", VALUE, NONE, LOAD, ABOVE, "*", "OpenTelemetry: requests under way") \
  X("nodejs_eventloop_lag_seconds", VALUE, SECONDS, SATURATION, ABOVE, "", "Node.js: how late its loop is") \
  X("nodejs_eventloop_delay_p99", VALUE, SECONDS, SATURATION, ABOVE, "", \
    "OpenTelemetry, Node.js: how late its loop is") \
  X("nodejs_eventloop_utilization", VALUE, SHARE, RESOURCE, ABOVE, "", \
    "OpenTelemetry, Node.js: share of time that its loop is busy") \
  X("nodejs_heap_size_used_bytes", VALUE, BYTES, RESOURCE, ABOVE, "", "Node.js: heap") \
  X("dotnet_thread_pool_queue_length", VALUE, NONE, SATURATION, ABOVE, "", ".NET: work that waits for a thread") \
  X("dotnet_thread_pool_thread_count", VALUE, NONE, LOAD, ABOVE, "", ".NET: threads") \
  X("container_cpu_usage", VALUE, CORES, RESOURCE, ABOVE, "k8s.container.name,container.name", \
    "OpenTelemetry: processor in use") \
  X("container_cpu_time", RATE, CORES, RESOURCE, ABOVE, "k8s.container.name,container.name", \
    "OpenTelemetry: processor in use") \
  X("container_memory_usage", VALUE, BYTES, RESOURCE, ABOVE, "k8s.container.name,container.name", \
    "OpenTelemetry: memory") \
  X("container_memory_working_set", VALUE, BYTES, RESOURCE, ABOVE, "k8s.container.name,container.name", \
    "OpenTelemetry: memory") \
  X("k8s_pod_cpu_usage", VALUE, CORES, RESOURCE, ABOVE, "", "OpenTelemetry: processor in use") \
  X("k8s_pod_cpu_utilization", VALUE, CORES, RESOURCE, ABOVE, "", "OpenTelemetry: processor in use") \
  X("k8s_pod_memory_working_set", VALUE, BYTES, RESOURCE, ABOVE, "", "OpenTelemetry: memory") \
  X("k8s_pod_cpu_limit_utilization", VALUE, SHARE, RESOURCE, ABOVE, "", "OpenTelemetry: of its processor's limit") \
  X("k8s_pod_memory_limit_utilization", VALUE, SHARE, RESOURCE, ABOVE, "", "OpenTelemetry: of its memory's limit") \
  X("k8s_container_restarts", GROWTH, NONE, HEALTH, ABOVE, "k8s.container.name", "OpenTelemetry: restarts") \
  X("k8s_container_ready", VALUE, NONE, HEALTH, BELOW, "k8s.container.name", "OpenTelemetry: 1 where it is ready") \
  X("k8s_deployment_available", VALUE, NONE, HEALTH, BELOW, "", "OpenTelemetry: instances") \
  X("system_cpu_utilization", VALUE, SHARE, RESOURCE, ABOVE, "cpu.mode,state,cpu.logical_number,cpu", \
    "OpenTelemetry: share of the host's processors") \
  X("system_memory_utilization", VALUE, SHARE, RESOURCE, ABOVE, "system.memory.state,state", \
    "OpenTelemetry: share of the host's memory") \
  X("system_cpu_load_average_1m", VALUE, NONE, LOAD, ABOVE, "", "OpenTelemetry: the host's run queue") \
  X("kafka_consumer_records_lag_max", VALUE, NONE, SATURATION, ABOVE, "topic,partition,client-id", \
    "Kafka: records that a consumer is behind") \
  X("kafka_consumergroup_lag", VALUE, NONE, SATURATION, ABOVE, "consumergroup,topic,partition", \
    "Kafka: records that a group is behind") \
  X("rabbitmq_queue_messages_ready", VALUE, NONE, SATURATION, ABOVE, "queue", "RabbitMQ: messages that wait")
/* clang-format on */

/* Whose a sample is: the labels that say it, of several the first in a row. A label of this table is no part.
 * X(NAME, labels) */
/* clang-format off */
#define WIRE_GAUGE_WHO_TABLE(X) \
  X(NODE_ID, "node_id") \
  X(NODE_CLUSTER, "node_cluster") \
  X(SERVICE, \
    "istio.canonical_service,service.name,service_name,app_kubernetes_io_name,app,deployment," \
    "k8s.deployment.name,statefulset,daemonset,service") \
  X(NAMESPACE, \
    "k8s.namespace.name,service.namespace,exported_namespace,namespace,kubernetes_namespace," \
    "pod_namespace,k8s_namespace_name,service_namespace,node_namespace") \
  X(POD, \
    "k8s.pod.name,exported_pod,pod,pod_name,kubernetes_pod_name,k8s_pod_name,service.instance.id," \
    "service_instance_id,node_pod") \
  X(CLUSTER, "k8s.cluster.name,k8s_cluster_name,cluster_id,cluster") \
  X(JOB, "job") \
  X(UPSTREAM, "envoy_cluster_name,envoy.cluster_name,cluster_name") \
  X(PLACE, \
    "instance,host.name,host_name,node,cloud.region,cloud_region,cloud.availability_zone,region,zone,uid,k8s.pod.uid," \
    "endpoint,prometheus,telemetry.sdk.name,telemetry.sdk.language,telemetry.sdk.version," \
    "service.version,k8s.node.name,k8s.replicaset.name,image,id,container_id,process.pid")
/* clang-format on */

#endif
