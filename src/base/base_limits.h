/* Every bound of the program in one place. What happens when a bound is reached stands beside it;
 * each such event is counted under the reason named in brackets (see rec_counter.h). */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* The engine's shape. */
#define LIMIT_BUCKETS 64u            /* fixed: part of the meaning of a log, never of the machine */
#define LIMIT_THREADS 64u            /* at most one thread a bucket */
#define LIMIT_SERIES_DEFAULT 131072u /* default of max_series; a series past it is not opened [series_limit] */
#define LIMIT_SERIES_MAX 1048576u

#define LIMIT_SIGNALS_PER_BUCKET 1024u /* alarms raised or ended in one tick; more wait for the next tick */

/* Identity. A name that is longer is refused whole, never cut (invariant I7) [name_too_long]. */
#define LIMIT_NAME_BYTES 255u
#define LIMIT_REQUEST_ID_BYTES 64u /* a longer request id is not kept as an exemplar */
#define LIMIT_TRACE_ID_BYTES 32u
#define LIMIT_ROUTES_PER_SERVICE 64u /* past it a route is folded into `other` [route_other] */
#define LIMIT_SEGMENT_VALUES 24u     /* distinct values at one path position before it becomes {id} */
#define LIMIT_CELLS 262144u          /* distinct identity tuples kept at the door [cell_limit] */
#define LIMIT_PEER_ADDRESSES 131072u /* IP -> pod table; the oldest goes, which costs a name, not a count */
#define LIMIT_NODES 65536u           /* distinct reporting proxies kept [node_limit] */

/* Lost telemetry. */
#define LIMIT_PAIRS 32768u /* requests whose two reports are awaited; fuller than 7/8, half as many are sampled */
#define LIMIT_BETWEEN_GROUPS 2048u /* requests watched for silent callers; fuller, the oldest is judged early */
#define LIMIT_GAPS 256u            /* told in one tick, the proxies that lose most; the rest is not told [gap_limit] */

/* Time. */
#define LIMIT_TICK_NS 250000000ll /* one tick: 250 ms of event time */
#define LIMIT_TICKS_PER_S 4u
#define LIMIT_LAG_NS_MIN 250000000ll     /* the watermark trails the newest event by at least this */
#define LIMIT_LAG_NS_MAX 3000000000ll    /* and at most this: later entries are late [late] */
#define LIMIT_LATE_NS_MAX 10000000000ll  /* older entries are not folded at all [too_late] */
#define LIMIT_OPEN_TICKS 64u             /* event time held open at the door: 16 s */
#define LIMIT_AHEAD_NS_MAX 10000000000ll /* an entry further in the future waits for a second witness [clock_ahead] */

/* Protobuf and the ALS stream. */
#define LIMIT_MESSAGE_BYTES (4u << 20) /* a larger gRPC message ends its stream, RESOURCE_EXHAUSTED */
#define LIMIT_PB_DEPTH 16u             /* nested metadata structs */
#define LIMIT_CUSTOM_TAGS 16u          /* custom tags read per entry; more are ignored [custom_tag_limit] */

/* JSON. */
#define LIMIT_JSON_DEPTH 32u /* open objects and arrays; deeper is broken [message_malformed] */

/* Spans. */
#define LIMIT_SAMPLE_WEIGHT 65536u /* requests that a sampled span can stand for; one that says more counts so many */
#define LIMIT_SPAN_LINKS 1048576u  /* spans remembered, to join both ends of a call; the oldest go [span_links_lost] */
#define LIMIT_WAITING 262144u      /* spans and records that wait for their tick; more do not [waiting_limit] */

/* Metrics. Labels of a sample and buckets of a histogram: wire_sample.h [label_limit, bucket_limit]. */
#define LIMIT_SAMPLE_TEXT_BYTES 65536u /* of labels that had to be rewritten: escapes, numbers [label_limit] */
#define LIMIT_SYMBOLS 131072u          /* of one remote write 2.0; one with more is refused [symbol_limit] */
/* What of metrics finds no place is not counted [meter_limit]. */
#define LIMIT_METER_SERIES 262144u  /* series of known families, a histogram one */
#define LIMIT_METER_TARGETS 16384u  /* scraped targets and pushing processes */
#define LIMIT_METER_FLOWS 65536u    /* who called whom on which route, as one target tells */
#define LIMIT_METER_BOUNDS 1048576u /* buckets of all histograms */
#define LIMIT_METER_BLOCKS 131072u  /* scrapes whose time has not come; one more joins the one before */
#define LIMIT_METER_CHUNKS 2097152u /* names and labels, in pieces of 60 bytes */

/* Sockets. */
#define LIMIT_CONNECTIONS 16384u             /* one more is accepted and closed at once [connection_limit] */
#define LIMIT_TLS_HANDSHAKES 1024u           /* under way at a listener; the oldest gives way [tls_crowded_out] */
#define LIMIT_TLS_HANDSHAKE_NS 10000000000ll /* one that takes longer is ended [tls_timeout] */
#define LIMIT_STREAMS_PER_CONNECTION 1024u   /* more: refused, or ends the connection (SETTINGS acknowledged) */
#define LIMIT_HTTP_HEADER_BYTES 65536u       /* larger: 431 */
#define LIMIT_HTTP_BODY_BYTES (8u << 20)     /* larger: 413 */
#define LIMIT_GRPC_REPLY_BYTES 1024u         /* the answer of a unary call; a longer one is INTERNAL */
#define LIMIT_HTTP_OUT_BYTES (64u << 20)     /* a response larger than this is an error 500 */
#define LIMIT_SSE_QUEUE_BYTES (1u << 20)     /* unsent bytes of one event stream; past it the reader is cut off */
#define LIMIT_HELD_BYTES (256u << 20) /* parts of messages, bodies, responses of one listener; more: status 8, 503 */

/* Gauges (docs/detectors/gauge.md). */
#define LIMIT_GAUGES 32768u      /* watched at one time, and at most max_series; one more is not [gauge_limit] */
#define LIMIT_GAUGES_TICK 8192u  /* samples given to the engine in one tick; the rest waits [gauge_tick_limit] */
#define LIMIT_GAUGES_ENTITY 256u /* of one entity at the door; one more is not taken [gauge_entity_limit] */
#define LIMIT_GAUGES_SHOWN 8u    /* of one incident; those of the likelier cause, then those that say more */
#define LIMIT_GAUGE_LEAD 40u     /* samples of 0 that are told with the first that is something; earlier ones are not */
#define LIMIT_LOG_LINE_BYTES 240u /* of a log line that is quoted; the rest of it is not */

/* Scraping. */
#define LIMIT_SCRAPE_JOBS 32u
#define LIMIT_SCRAPE_TARGETS 8192u             /* of all jobs; one more is not asked [scrape_target_limit] */
#define LIMIT_SCRAPES_AT_ONCE 4096u            /* under way; one more is left out [scrape_crowd] */
#define LIMIT_SCRAPE_BYTES LIMIT_MESSAGE_BYTES /* of one exposition, unpacked, with its line [scrape_oversize] */
#define LIMIT_SCRAPE_LABELS_BYTES 4096u        /* of one target, as text; one with more is refused with its file */
#define LIMIT_SCRAPE_FILE_BYTES (16u << 20)    /* of one file of targets; a larger one is refused */
#define LIMIT_DNS_AT_ONCE 64u                  /* names asked at a time; one more waits for its next turn */

/* Incidents. */
#define LIMIT_ALARMS 16384u        /* alarms in force; one more is not followed [alarm_limit] */
#define LIMIT_SERVICES 8192u       /* nodes of the call graph: a series past it is watched, not ranked [graph_limit] */
#define LIMIT_EDGES 65536u         /* [graph_limit] */
#define LIMIT_INCIDENTS_OPEN 64u   /* alarms past it join the nearest open incident [incident_limit] */
#define LIMIT_INCIDENTS_KEPT 4096u /* closed ones kept in memory; the oldest go */
#define LIMIT_CAUSES 8u
#define LIMIT_ENTITIES 32u /* listed as affected, and as not affected */
#define LIMIT_EXEMPLARS 8u
#define LIMIT_CHANGES 16u
#define LIMIT_TEXT_BYTES 512u     /* summary, evidence */
#define LIMIT_DECISION_BYTES 256u /* the text of a decision */
#define LIMIT_HOPS 8u       /* of the chain from where users see a trouble to its cause; those next to the cause */
#define LIMIT_HOP_BYTES 96u /* the evidence of one of them */
#define LIMIT_DECISIONS 8u  /* kept of an incident; the oldest go */
#define LIMIT_AGAIN 16u     /* returns listed of a recurring incident; the oldest go, the count does not */
#define LIMIT_PLOT 120u     /* points of an incident's plot */

/* Alerts. */
#define LIMIT_RECEIVERS 16u
#define LIMIT_ALERT_QUEUE 1024u             /* messages that wait for one receiver; the oldest gives way, dead */
#define LIMIT_ALERT_QUEUE_BYTES (32u << 20) /* of those; likewise */
#define LIMIT_ALERT_INBOX 4096u             /* states not looked at yet; the oldest gives way [alert_states_lost] */

/* History. */
#define LIMIT_STORE_QUEUE 8192u             /* records that wait to be written; the oldest gives way [store_dropped] */
#define LIMIT_STORE_QUEUE_BYTES (64u << 20) /* of those; likewise */

/* The incident log. */
#define LIMIT_UNLOGGED 1024u /* records that wait for a disk to come back; past it the oldest goes [unlogged_lost] */

/* Black boxes. */
#define LIMIT_BOXES 1024u /* incidents whose input is kept; past it the one that closed first goes [boxes_dropped] */

/* History of series. */
#define LIMIT_SERIES_QUEUE_BYTES (64u << 20) /* minutes that wait to be written; more are lost [series_dropped] */
#define LIMIT_SERIES_KEY_BYTES 4096u
#define LIMIT_SERIES_ROWS 2048u    /* chunks read for one answer of the API; more: 400 */
#define LIMIT_SERIES_POINTS 11000u /* points of one series in an answer; more: 400 */

/* The API. */
#define LIMIT_HISTORY_S 900u    /* seconds that the history holds of a series; older ones go */
#define LIMIT_TOKENS 64u        /* in the file of tokens; more are refused at the start */
#define LIMIT_CHANGES_KEPT 256u /* listed by the API; the oldest go */
#define LIMIT_AUDIT_KEPT 512u   /* actions listed by the API; the oldest go, the log on disk keeps its own */
#define LIMIT_MUTED 256u        /* incidents muted by hand that are remembered; the oldest go */

/* Journal. */
#define LIMIT_FRAME_BYTES (8u << 20)          /* one frame; larger is BAD */
#define LIMIT_SEGMENT_BYTES (64u << 20)       /* a segment file is closed past this */
#define LIMIT_WAITING_TICK_BYTES (256u << 20) /* ticks closed while a start applies older ones; full: those go first */
#define LIMIT_SEGMENTS 16u                    /* the oldest is removed (default of journal_segments) */

#endif
