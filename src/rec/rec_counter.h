/* Everything that is counted. X(NAME, text, explanation): a Prometheus counter foreshock_<text>_total each, and a
 * row of docs/reference-counters.md. Reject reasons start with REJECT_ and appear in `stats` under "rejected". */
#ifndef REC_COUNTER_H
#define REC_COUNTER_H

#include <stdint.h>

#define REC_COUNTER_TABLE(X)                                                                                        \
  X(MESSAGES, "messages", "messages received: of streams, calls and posts")                                         \
  X(MESSAGE_BYTES, "message_bytes", "bytes of those messages")                                                      \
  X(ENTRIES, "entries", "log entries, log records and spans decoded, of every type")                                \
  X(ENTRIES_HTTP, "entries_http", "HTTP entries decoded")                                                           \
  X(ENTRIES_TCP, "entries_tcp", "TCP entries decoded")                                                              \
  X(REQUESTS_SERVER, "requests_server", "finished requests reported by the serving side")                           \
  X(REQUESTS_CLIENT, "requests_client", "finished requests reported by the calling side")                           \
  X(TWINS, "twins", "HTTP requests that a TCP logger reported again, dropped")                                      \
  X(PROGRESS, "progress", "entries about requests still under way; not requests")                                   \
  X(OWN, "own", "entries about the stream to Foreshock itself, dropped")                                            \
  X(CLASSED_APART, "classed_apart", "health checks, injected faults, cached and long-lived requests")               \
  X(LATE, "late", "entries that came after their tick closed; counted in the oldest open tick")                     \
  X(ROUTE_OTHER, "route_other", "requests counted under the route `other`")                                         \
  X(CUSTOM_TAG_LIMIT, "custom_tag_limit", "custom tags past the limit of an entry, ignored")                        \
  X(SPANS, "spans", "spans decoded, of every kind")                                                                 \
  X(SPANS_OTHER, "spans_other", "spans that are no requests: internal ones, queues")                                \
  X(SPANS_TRY, "spans_try", "spans of a proxy's tries of a request that it reports by another span")                \
  X(SPANS_INNER, "spans_inner", "spans of a call that the proxy beside, or an outer span, reports, too")            \
  X(SPANS_JOINED, "spans_joined", "spans of requests whose other end's span was found")                             \
  X(SPANS_ORPHAN, "spans_orphan", "spans of served requests whose parent did not come before their tick closed")    \
  X(SPAN_LINKS_LOST, "span_links_lost", "spans under 10 s old forgotten because the table is full")                 \
  X(LOGS, "logs", "OTLP log records decoded")                                                                       \
  X(LOGS_UNSPECIFIED, "logs_unspecified", "log records of applications without a severity")                         \
  X(LOGS_TRACE, "logs_trace", "log records of applications, TRACE")                                                 \
  X(LOGS_DEBUG, "logs_debug", "log records of applications, DEBUG")                                                 \
  X(LOGS_INFO, "logs_info", "log records of applications, INFO")                                                    \
  X(LOGS_WARN, "logs_warn", "log records of applications, WARN")                                                    \
  X(LOGS_ERROR, "logs_error", "log records of applications, ERROR")                                                 \
  X(LOGS_FATAL, "logs_fatal", "log records of applications, FATAL")                                                 \
  X(SECONDARY, "secondary", "requests not counted because a better source reports for their reporter")              \
  X(SOURCE_SWITCHED, "source_switched", "reporters for which another source than before counts now")                \
  X(WAITING_LIMIT, "waiting_limit", "spans and records counted at once because too many wait for their tick")       \
  X(SAMPLES_METERED, "samples_metered", "samples of metrics that a profile counts")                                 \
  X(SAMPLES_OTHER, "samples_other", "samples of metrics that no profile counts")                                    \
  X(SAMPLES_NOBODY, "samples_nobody", "series of metrics whose labels name nobody, counted nowhere")                \
  X(SAMPLES_STALE, "samples_stale", "samples that say that their series has ended")                                 \
  X(SAMPLE_RESETS, "sample_resets", "counters that began again")                                                    \
  X(STARTS, "starts", "requests told when they began (start entries of the serving side)")                          \
  X(SAMPLES, "samples", "samples of metrics decoded, a whole histogram or summary being one")                       \
  X(SAMPLES_NOT_FINITE, "samples_not_finite", "samples whose value is infinite or no number, passed over")          \
  X(EXEMPLARS, "exemplars", "exemplars of metrics, passed over")                                                    \
  X(REJECT_MESSAGE, "message_malformed", "messages whose protobuf is broken")                                       \
  X(REJECT_ENTRY, "entry_malformed", "entries whose protobuf is broken")                                            \
  X(REJECT_LOG_POOR, "log_incomplete", "access logs without a duration")                                            \
  X(REJECT_SAMPLE, "sample_malformed", "samples of metrics that are broken: lines, series, points")                 \
  X(REJECT_SAMPLE_LABELS, "label_limit", "samples with over 64 labels, or with too much text in them")              \
  X(REJECT_SAMPLE_BUCKETS, "bucket_limit", "histograms with too many buckets")                                      \
  X(REJECT_SAMPLE_ORDER, "sample_order", "samples older than the one before of their series in one message")        \
  X(REJECT_SYMBOL_LIMIT, "symbol_limit", "remote writes with more symbols than the table holds")                    \
  X(REJECT_NO_IDENTIFIER, "no_identifier", "messages of a stream that never said who it is")                        \
  X(REJECT_NO_START, "no_start_time", "entries without a start time")                                               \
  X(REJECT_TIME, "time_out_of_range", "entries whose time or duration is negative or absurd")                       \
  X(REJECT_NAME, "name_too_long", "entries with a name over 255 bytes where identity needs it")                     \
  X(REJECT_UTF8, "name_not_utf8", "entries with a name that is no UTF-8 where identity needs it")                   \
  X(REJECT_LATE, "too_late", "entries over 10 s behind the watermark, not folded")                                  \
  X(REJECT_AHEAD, "clock_ahead", "entries far in the future that no second message confirmed")                      \
  X(REJECT_SAMPLE_TIME, "sample_time", "samples of metrics without a sound time")                                   \
  X(REJECT_SAMPLE_VALUE, "sample_value", "samples of counters that are negative, absurd, or of no bucket")          \
  X(REJECT_SAMPLE_OLD, "sample_old", "samples that are not newer than the last of their series")                    \
  X(REJECT_METER_LIMIT, "meter_limit", "samples without a place because a table of metrics is full")                \
  X(REJECT_SERIES_LIMIT, "series_limit", "observations without a series because the table is full")                 \
  X(REJECT_CELL_LIMIT, "cell_limit", "entries without an identity because the table is full")                       \
  X(REJECT_NODE_LIMIT, "node_limit", "streams without a node because the table is full")                            \
  X(REJECT_FRAME, "frame_malformed", "frames of a recording or stream that are broken")                             \
  X(REJECT_COMPRESSED, "compressed", "gRPC messages with the compressed flag, which was not agreed")                \
  X(REJECT_OVERSIZE, "oversize", "messages over the size limit")                                                    \
  X(SENT_AWAY, "sent_away", "calls and posts answered with `come again`, as the loop was late")                     \
  X(FLOODED, "flooded", "HTTP/2 connections ended for a flood: of frames that want answers, of resets")             \
  X(STREAMS_OPENED, "streams_opened", "gRPC streams opened")                                                        \
  X(STREAMS_CLOSED, "streams_closed", "gRPC streams closed")                                                        \
  X(STREAMS_IDLE, "streams_idle", "streams ended for being idle too long")                                          \
  X(STREAMS_UNKNOWN, "streams_unknown", "calls of methods that are not served")                                     \
  X(CONNECTIONS_OPENED, "connections_opened", "connections accepted")                                               \
  X(CONNECTIONS_CLOSED, "connections_closed", "connections closed")                                                 \
  X(SLOW_READERS, "slow_readers", "connections ended for reading no byte of their answers while memory was short")  \
  X(CONNECTION_LIMIT, "connection_limit", "connections refused because the table is full")                          \
  X(TLS_HANDSHAKES, "tls_handshakes", "TLS handshakes that came to a good end")                                     \
  X(TLS_FAILED, "tls_failed", "of others: no TLS, or no version, cipher or protocol in common")                     \
  X(TLS_NO_CERTIFICATE, "tls_no_certificate", "refused for showing no client certificate where one is wanted")      \
  X(TLS_UNTRUSTED, "tls_untrusted", "refused for a client certificate that is not trusted, or has expired")         \
  X(TLS_NOT_ALLOWED, "tls_not_allowed", "refused for a client certificate with no name on the list")                \
  X(TLS_TIMEOUT, "tls_timeout", "handshakes ended for taking too long")                                             \
  X(TLS_CUT, "tls_cut", "handshakes that the client broke off")                                                     \
  X(TLS_CROWDED_OUT, "tls_crowded_out", "handshakes given up, the oldest, because too many were under way")         \
  X(TLS_BROKEN, "tls_broken", "connections ended after their handshake because what came was no good TLS")          \
  X(TLS_RENEWED, "tls_renewed", "times that a listener took a renewed certificate, key or CA from disk")            \
  X(TLS_STALE, "tls_stale", "times that it could not, and went on with those it had")                               \
  X(SCRAPES, "scrapes", "scrapes that brought an exposition")                                                       \
  X(SCRAPE_BYTES, "scrape_bytes", "bytes of those, unpacked")                                                       \
  X(SCRAPE_NO_NAME, "scrape_no_name", "scrapes that failed: the target's name is not known")                        \
  X(SCRAPE_NO_CONNECTION, "scrape_no_connection", "scrapes that failed: no connection")                             \
  X(SCRAPE_TIMEOUT, "scrape_timeout", "scrapes that failed: out of time")                                           \
  X(SCRAPE_TLS, "scrape_tls", "scrapes that failed: TLS, mostly a certificate that is not trusted")                 \
  X(SCRAPE_STATUS, "scrape_status", "scrapes that failed: another status than 200")                                 \
  X(SCRAPE_FORM, "scrape_form", "scrapes that failed: the content type is of no exposition")                        \
  X(SCRAPE_OVERSIZE, "scrape_oversize", "scrapes that failed: the exposition is over the size limit")               \
  X(SCRAPE_BROKEN, "scrape_broken", "scrapes that failed: no HTTP, no gzip, or cut short")                          \
  X(SCRAPE_SECRET, "scrape_secret", "scrapes that failed: their token or password could not be read")               \
  X(SCRAPE_CROWD, "scrape_crowd", "scrapes that failed: too many at once, or no memory")                            \
  X(SCRAPES_LEFT_OUT, "scrapes_left_out", "scrapes whose time went by while the one before, or the loop, was busy") \
  X(SCRAPE_TARGET_LIMIT, "scrape_target_limit", "targets not taken because there are too many")                     \
  X(DISCOVERY_ERRORS, "discovery_errors", "files and names of targets that could not be read; the old ones stay")   \
  X(PAIR_MATCHED, "pair_matched", "sampled reports that a partner's report owed and that came")                     \
  X(PAIR_UNMATCHED, "pair_unmatched", "sampled reports that a partner's report owed and that never came")           \
  X(PAIR_UNUSED, "pair_unused", "sampled pairs that say nothing: still learned, or usually without a partner")      \
  X(PAIR_NO_ID, "pair_no_id", "reports without a request id, which cannot be compared with a partner's")            \
  X(GAPS, "gaps", "records of lost telemetry given to the engine")                                                  \
  X(GAP_LIMIT, "gap_limit", "records of lost telemetry not given because too many proxies lose at once")            \
  X(TICKS, "ticks", "ticks that the engine has seen")                                                               \
  X(GAUGES, "gauges", "samples of gauges that were watched")                                                        \
  X(GAUGE_OLD, "gauge_old", "samples not later than the one before of the same gauge, passed over")                 \
  X(GAUGE_LIMIT, "gauge_limit", "samples of gauges that are not watched because the table is full")                 \
  X(GAUGE_NAME_LIMIT, "gauge_name_limit",                                                                           \
    "samples of gauges without a name, or with one over 255 bytes, or over 400 in all")                             \
  X(GAUGE_TICK_LIMIT, "gauge_tick_limit", "ticks after which samples of gauges had to wait for the next one")       \
  X(GAUGE_LATE, "gauge_late", "samples of gauges over a minute old when they came, not taken")                      \
  X(GAUGE_NOBODY, "gauge_nobody", "samples of gauges of nobody that requests were seen of, or to")                  \
  X(GAUGE_ENTITY_LIMIT, "gauge_entity_limit", "samples of gauges not taken because their entity has too many")      \
  X(LOG_SERVICE_LIMIT, "log_service_limit", "log lines of services that do not fit the table of services")          \
  X(LOG_TEMPLATE_LIMIT, "log_template_limit", "error lines without a template because there are too many")          \
  X(ALARMS, "alarms", "alarms that detectors raised")                                                               \
  X(INCIDENTS_OPENED, "incidents_opened", "incidents opened")                                                       \
  X(INCIDENTS_CLOSED, "incidents_closed", "incidents closed")                                                       \
  X(INCIDENT_LIMIT, "incident_limit", "alarms joined to another incident because too many are open")                \
  X(ALARM_LIMIT, "alarm_limit", "alarms not followed because too many are in force")                                \
  X(CHANGE_LIMIT, "change_limit", "changes seen in traffic and not noted because there were too many")              \
  X(RATIO_LIMIT, "ratio_limit", "ticks with a kind of event that its series has no place to watch")                 \
  X(GRAPH_LIMIT, "graph_limit", "series that found no place in the call graph: watched, not ranked")                \
  X(JOURNAL_FRAMES, "journal_frames", "frames written to the journal")                                              \
  X(JOURNAL_BYTES, "journal_bytes", "bytes written to the journal")                                                 \
  X(JOURNAL_ERRORS, "journal_errors", "writes to the journal that failed")                                          \
  X(UNLOGGED_LOST, "unlogged_lost", "states of incidents and actions that waited for the disk and had to give way") \
  X(BOXES, "boxes", "incidents whose input was pinned, for replay")                                                 \
  X(BOXES_DROPPED, "boxes_dropped", "of those, given up: for others' room, or with a journal put aside")            \
  X(BOXES_SHORTENED, "boxes_shortened", "black boxes that begin later than they should")                            \
  X(BOX_ERRORS, "box_errors", "files of black boxes that could not be written, or are damaged")                     \
  X(SERIES_WRITTEN, "series_written", "minutes of series written to their history")                                 \
  X(SERIES_DROPPED, "series_dropped", "minutes of series lost because too many waited to be written")               \
  X(SERIES_ERRORS, "series_errors", "writes to the history of series that failed")                                  \
  X(STORE_WRITTEN, "store_written", "states of incidents and audit records written to the history")                 \
  X(STORE_DROPPED, "store_dropped", "of those, lost because too many waited or they could not be read")             \
  X(STORE_ERRORS, "store_errors", "writes to the history that failed")                                              \
  X(ALERT_STATES_LOST, "alert_states_lost", "states of incidents that came faster than alerts could look at")       \
  X(HTTP_REQUESTS, "http_requests", "requests to the API")                                                          \
  X(HTTP_ERRORS, "http_errors", "requests to the API answered with 4xx or 5xx")                                     \
  X(HTTP_DENIED, "http_denied", "requests to the API without a token, or with one that may not")                    \
  X(ACTIONS, "actions", "actions asked of the API: acknowledge, mute, expect, changes")                             \
  X(HISTORY_LIMIT, "history_limit", "series that found no room in the history of seconds")                          \
  X(HISTORY_EVICTED, "history_evicted", "histories given up for a series of a higher level")

enum rec_counter {
#define X(name, text, doc) REC_COUNTER_##name,
  REC_COUNTER_TABLE(X)
#undef X
      REC_COUNTER_COUNT
};

const char *rec_counter_text(enum rec_counter c);
const char *rec_counter_doc(enum rec_counter c);

#endif
