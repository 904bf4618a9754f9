/* The closed vocabularies: levels, sides, dimensions, outcome classes, signals. X-macro tables, from which the
 * enums, the texts and the reference pages come. Order is part of the log format: only append. */
#ifndef REC_NAME_H
#define REC_NAME_H

#include <stdbool.h>
#include <stdint.h>

/* What a series is about. X(NAME, text, entity kind of the contract, budget share class, explanation)
 * Share classes (docs/detectors/alarm.md): 0 = mesh..service, 1 = routes and edges, 2 = pods and versions. */
#define REC_LEVEL_TABLE(X)                                                                           \
  X(MESH, "mesh", "mesh", 0, "all requests that servers report")                                     \
  X(REGION, "region", "region", 0, "requests of one region")                                         \
  X(CLUSTER, "cluster", "cluster", 0, "requests of one cluster")                                     \
  X(SERVICE, "service", "service", 0, "requests to one service")                                     \
  X(SERVICE_CLUSTER, "service_cluster", "service", 0, "requests to one service in one cluster")      \
  X(VERSION, "version", "version", 2, "requests to one version of a service")                        \
  X(POD, "pod", "pod", 2, "requests to one pod")                                                     \
  X(ROUTE, "route", "route", 1, "requests to one route of a service")                                \
  X(ROUTE_CLUSTER, "route_cluster", "route", 1, "requests to one route of a service in one cluster") \
  X(EDGE, "edge", "edge", 1, "requests from one service to another")                                 \
  X(EDGE_CLUSTER, "edge_cluster", "edge", 1, "requests from one service to another in one cluster")

enum rec_level {
#define X(name, text, kind, share, doc) REC_LEVEL_##name,
  REC_LEVEL_TABLE(X)
#undef X
      REC_LEVEL_COUNT
};

/* Whose word it is. Client and server reports of one request are never added up: they are different series. */
enum rec_side { REC_SIDE_SERVER = 0, REC_SIDE_CLIENT = 1, REC_SIDE_COUNT = 2 };

/* The names that can make up an entity. X(NAME, json key) */
#define REC_DIM_TABLE(X)                  \
  X(NAMESPACE, "namespace")               \
  X(SERVICE, "service")                   \
  X(CLUSTER, "cluster")                   \
  X(REGION, "region")                     \
  X(ZONE, "zone")                         \
  X(POD, "pod")                           \
  X(ROUTE, "route")                       \
  X(VERSION, "version")                   \
  X(CALLER_NAMESPACE, "caller_namespace") \
  X(CALLER, "caller")

enum rec_dim {
#define X(name, key) REC_DIM_##name,
  REC_DIM_TABLE(X)
#undef X
      REC_DIM_COUNT
};

/* How a request ended. Exactly one class a request. X(NAME, text, group, explanation)
 * group: 'o' fine, 'e' a failure of the serving side, 'c' the client's doing, 'x' classed apart: in no rate, no
 * error rate and no latency. */
#define REC_CLASS_TABLE(X)                                                                         \
  X(OK, "ok", 'o', "answered, no failure known")                                                   \
  X(CLIENT_ERROR, "client_error", 'c', "4xx other than the four below; gRPC statuses 3, 6, 9, 11") \
  X(UNAUTHENTICATED, "unauthenticated", 'c', "401, gRPC 16")                                       \
  X(FORBIDDEN, "forbidden", 'c', "403, gRPC 7, UAEX")                                              \
  X(NOT_FOUND, "not_found", 'c', "404, gRPC 5")                                                    \
  X(THROTTLED, "throttled", 'c', "429, RL, gRPC 8")                                                \
  X(SERVER_ERROR, "server_error", 'e', "5xx from the application; gRPC 2, 12, 13, 14, 15, 10")     \
  X(UNREACHABLE, "unreachable", 'e', "UH, UF, UC, UR, LR, NR, NC, DF, LH: no answer could be had") \
  X(TIMEOUT, "timeout", 'e', "UT, SI, DT, UMSDR, 408, 504, gRPC 4: no answer in time")             \
  X(OVERLOAD, "overload", 'e', "UO, OM, DO, RLSE: refused to protect")                             \
  X(CUT, "cut", 'e', "a success status whose body was cut: 2xx or 3xx with UPE, UT, UC, UR")       \
  X(PROTOCOL, "protocol", 'c', "DPE, IH, UPE with an error status from the client's side")         \
  X(CANCELLED, "cancelled", 'c', "DC, DR, gRPC 1, no response code: the client went away")         \
  X(HEALTH_CHECK, "health_check", 'x', "probes of kubelet, Envoy and load balancers")              \
  X(INJECTED, "injected", 'x', "FI or DI: a fault that the mesh injected itself")                  \
  X(CACHED, "cached", 'x', "RFCF: answered from a cache")                                          \
  X(LONG_LIVED, "long_lived", 'x', "upgrades, CONNECT, streaming: duration is not latency")

enum rec_class {
#define X(name, text, group, doc) REC_CLASS_##name,
  REC_CLASS_TABLE(X)
#undef X
      REC_CLASS_COUNT
};

/* What is watched of each series. X(NAME, text, incident kind, explanation) */
#define REC_SIGNAL_TABLE(X)                                                                            \
  X(REQUESTS_DOWN, "requests_down", "traffic", "fewer requests than learned")                          \
  X(REQUESTS_UP, "requests_up", "traffic", "more requests than learned")                               \
  X(LATENCY, "latency", "latency", "the distribution of durations of fine requests")                   \
  X(ERRORS, "errors", "errors", "failures of the serving side: all classes of group e")                \
  X(UNREACHABLE, "unreachable", "errors", "no answer could be had, or it was cut off")                 \
  X(TIMEOUTS, "timeouts", "errors", "no answer in time")                                               \
  X(OVERLOAD, "overload", "saturation", "refused to protect: circuit breakers, overload manager")      \
  X(CLIENT_ERRORS, "client_errors", "errors", "4xx, not found, protocol errors")                       \
  X(DENIED, "denied", "security", "401 and 403")                                                       \
  X(THROTTLED, "throttled", "saturation", "429 and rate limits")                                       \
  X(CANCELLED, "cancelled", "errors", "clients that went away")                                        \
  X(RETRIES, "retries", "errors", "attempts beyond the first")                                         \
  X(ERRATIC, "requests_erratic", "traffic", "requests that bunch: the mean as ever, the variance not") \
  X(BYTES, "bytes", "traffic", "bytes a request, both ways")                                           \
  X(HANGING, "hanging", "latency", "requests that began and do not end")                               \
  X(ERRORS_APART, "errors_apart", "errors", "fails more than its siblings in the same seconds")        \
  X(LATENCY_APART, "latency_apart", "latency", "is slower than its siblings in the same seconds")      \
  X(ERRORS_DRIFT, "errors_drift", "errors", "fails more than in its reference time")                   \
  X(LATENCY_DRIFT, "latency_drift", "latency", "is slower than in its reference time")

/* These signals are ratios: so many of so many requests. */
#define REC_SIGNAL_RATIO_FIRST REC_SIGNAL_ERRORS
#define REC_SIGNAL_RATIO_COUNT (REC_SIGNAL_RETRIES + 1 - REC_SIGNAL_RATIO_FIRST)

enum rec_signal {
#define X(name, text, kind, doc) REC_SIGNAL_##name,
  REC_SIGNAL_TABLE(X)
#undef X
      REC_SIGNAL_COUNT
};

/* How one report divides its request's time (docs/detectors/time.md). Sums of class OK, told at edges alone. What is
 * left of the duration is the proxy's own, after the last byte from upstream. X(NAME, text, explanation) */
#define REC_STAGE_TABLE(X)                                                                            \
  X(BEFORE, "before", "from its start to the first byte sent upstream, where the first try stood")    \
  X(RETRIED, "retried", "the same, where it took more than one try: the earlier ones are in it")      \
  X(SEND, "send", "from the first to the last byte sent upstream")                                    \
  X(WAIT, "wait", "from there to the first byte back")                                                \
  X(PASS, "pass", "the answer held back: from its first byte, or its last, to the first handed down") \
  X(RECEIVE, "receive", "from the first to the last byte back, what PASS holds of it left out")

enum rec_stage {
#define X(name, text, doc) REC_STAGE_##name,
  REC_STAGE_TABLE(X)
#undef X
      REC_STAGE_COUNT
};

/* Where the time of a request on its way between two services can be lost. X(NAME, text, phrase, explanation): the
 * phrase goes behind "80 ms more". */
#define REC_PLACE_TABLE(X)                                                                                      \
  X(CLIENT_PROXY, "client_proxy", "in the caller's proxy", "the caller's proxy: filters, its pool, connecting") \
  X(RETRIES, "retries", "in tries before the last", "tries before the last one, and the pauses between them")   \
  X(UPLOAD, "upload", "in sending the request", "the caller, sending its request's body")                       \
  X(NETWORK, "network", "in the network", "the way between the two proxies, there and back")                    \
  X(SERVER_PROXY, "server_proxy", "in the callee's proxy", "the callee's proxy: filters, its pool, connecting") \
  X(APPLICATION, "application", "in the application", "the callee itself, with all that it calls")              \
  X(DOWNLOAD, "download", "in the answer's download", "the answer's body on its way to the caller's proxy")     \
  X(BEYOND, "beyond", "beyond the caller's proxy",                                                              \
    "network, callee's proxy and application, not told apart: the "                                             \
    "callee's proxy does not report")

enum rec_place {
#define X(name, text, phrase, doc) REC_PLACE_##name,
  REC_PLACE_TABLE(X)
#undef X
      REC_PLACE_COUNT /* no one place: several share it */
};

/* Why a proxy's reports are not whole. X(NAME, text, explanation) */
#define REC_GAP_TABLE(X)                                                                                           \
  X(WHOLE, "whole", "complete again")                                                                              \
  X(STREAM, "stream_broken", "its stream broke and has not come back, while its partners report requests with it") \
  X(SILENT, "silent", "nothing came for longer than usual, while its partners report requests with it")            \
  X(LOSS, "lost", "its partners report requests with it that it does not report itself")                           \
  X(LATE, "late", "its reports come too late to be of use")                                                        \
  X(SHED, "shed", "its reports came and were refused at the door, for a limit")                                    \
  X(SCRAPE, "scrape_missed", "its metrics did not come, or its scrape failed")                                     \
  X(COUNTED, "counted_more", "its own counters say that it had requests which its reports did not tell")

enum rec_gap_reason {
#define X(name, text, doc) REC_GAP_##name,
  REC_GAP_TABLE(X)
#undef X
      REC_GAP_REASON_COUNT
};

/* What a gauge tells about. X(NAME, text, ranks, explanation). ranks: 1 where one that is unusual makes its service a
 * likelier cause (docs/detectors/ranking.md), 0 where it is only shown: what rises with the waiting for somebody else.
 */
#define REC_ROLE_TABLE(X)                                                                                       \
  X(LOAD, "load", 0, "how much is asked of it or under way: rises wherever somebody waits")                     \
  X(RESOURCE, "resource", 1, "what it runs on: processor, memory, files")                                       \
  X(SATURATION, "saturation", 1, "full: what queues, is refused or held back, as a pool or a limit is used up") \
  X(HEALTH, "health", 1, "instances gone, ejected or restarted, connections that fail")                         \
  X(LOG, "log", 0, "lines of its log, by severity and template")                                                \
  X(OTHER, "other", 0, "a gauge that is in no table of ours")

enum rec_role {
#define X(name, text, ranks, doc) REC_ROLE_##name,
  REC_ROLE_TABLE(X)
#undef X
      REC_ROLE_COUNT
};

/* X(NAME, text): of a gauge's value. */
#define REC_UNIT_TABLE(X)   \
  X(NONE, "")               \
  X(BYTES, "bytes")         \
  X(SECONDS, "s")           \
  X(SHARE, "share")         \
  X(PER_S, "1/s")           \
  X(BYTES_PER_S, "bytes/s") \
  X(CORES, "cores")

enum rec_unit {
#define X(name, text) REC_UNIT_##name,
  REC_UNIT_TABLE(X)
#undef X
      REC_UNIT_COUNT
};

/* On which side of the usual a gauge is bad. X(NAME, text) */
#define REC_BAD_TABLE(X) \
  X(EITHER, "either")    \
  X(ABOVE, "above")      \
  X(BELOW, "below")

enum rec_bad {
#define X(name, text) REC_BAD_##name,
  REC_BAD_TABLE(X)
#undef X
      REC_BAD_COUNT
};

const char *rec_level_text(enum rec_level v);
const char *rec_level_kind(enum rec_level v); /* the contract's entity kind */
unsigned rec_level_share(enum rec_level v);
const char *rec_side_text(enum rec_side v);
const char *rec_dim_text(enum rec_dim v);
const char *rec_class_text(enum rec_class v);
char rec_class_group(enum rec_class v);
const char *rec_signal_text(enum rec_signal v);
const char *rec_signal_kind(enum rec_signal v);
const char *rec_gap_text(enum rec_gap_reason v);
const char *rec_stage_text(enum rec_stage v);
const char *rec_place_text(enum rec_place v); /* REC_PLACE_COUNT: "several" */
const char *rec_place_phrase(enum rec_place v);
const char *rec_role_text(enum rec_role v);
bool rec_role_ranks(enum rec_role v);
const char *rec_unit_text(enum rec_unit v);
const char *rec_bad_text(enum rec_bad v);

static inline bool rec_class_failed(enum rec_class v) {
  return v >= REC_CLASS_SERVER_ERROR && v <= REC_CLASS_CUT;
}

#endif
