/* Configuration: one table, from which the struct, the defaults, the checks and the reference page come. A file is
 * YAML with the table's names as keys at the top level, and the lists `receivers` and `scrape`; `--set KEY=VALUE` on
 * the command line wins over it. Nothing has to be set. */
#ifndef DAEMON_CONF_H
#define DAEMON_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "act_conf.h"
#include "base_buf.h"
#include "base_limits.h"
#include "base_str.h"
#include "daemon_conf_scrape.h"

#define CONF_STRING_BYTES 1024u
#define CONF_FILE_BYTES (1u << 20) /* a larger file is refused */

/* X(TYPE, name, default, min, max, unit, text). TYPE: STRING (min and max are lengths), ADDRESS (numeric IPv4 or
 * IPv6), U64, DOUBLE, DURATION (a number and its unit: ms, s, m, h; min and max in seconds), SCOPES (rec_scope.h; min
 * and max are lengths), URL (http or https), BOOL (true or false), NAMES (of clients' certificates, io_tls.h), LOGFORM
 * (daemon_log.h). Defaults are texts. CONF_TLS_TABLE: the rows of one listener's TLS. */
#define CONF_TLS_TABLE(X, listener, what)                                                                          \
  X(STRING, listener##_tls_cert, "", 0, 1023, "",                                                                  \
    "file (PEM) of the certificate of " what ", and of those to its root; empty: no TLS")                          \
  X(STRING, listener##_tls_key, "", 0, 1023, "", "file (PEM) of its key; empty: in the same file")                 \
  X(STRING, listener##_tls_client_ca, "", 0, 1023, "",                                                             \
    "file (PEM) of CAs that vouch for clients; empty: clients show nothing")                                       \
  X(BOOL, listener##_tls_client_required, "true", 0, 5, "", "false: a client may also come without a certificate") \
  X(NAMES, listener##_tls_client_allow, "", 0, 1023, "",                                                           \
    "which clients: URIs (SPIFFE), DNS names, URIs that end in /*; ';' between two; empty: all")

#define CONF_TABLE(X)                                                                                                  \
  X(ADDRESS, grpc_address, "127.0.0.1", 1, 64, "", "address of the gRPC receiver")                                     \
  X(U64, grpc_port, "4317", 0, 65535, "", "port of the gRPC receiver (Envoy access logs, OTLP); 0: any free one")      \
  CONF_TLS_TABLE(X, grpc, "the gRPC receiver")                                                                         \
  X(ADDRESS, http_address, "127.0.0.1", 1, 64, "", "address of the HTTP receiver (OTLP, Zipkin)")                      \
  X(U64, http_port, "4318", 0, 65535, "", "port of the HTTP receiver (OTLP, Zipkin); 0: any free one")                 \
  CONF_TLS_TABLE(X, http, "the HTTP receiver")                                                                         \
  X(ADDRESS, api_address, "127.0.0.1", 1, 64, "", "address of the page, the API and /metrics")                         \
  X(U64, api_port, "7070", 0, 65535, "", "port of the page, the API and /metrics; 0: any free one")                    \
  CONF_TLS_TABLE(X, api, "page and API")                                                                               \
  X(STRING, api_tokens, "", 0, 1023, "", "file of bearer tokens, NAME read|act TOKEN a line; empty: none asked for")   \
  X(U64, seconds_bytes, "67108864", 0, 4294967296, "bytes", "of the last 15 minutes of seconds, for plots; 0: none")   \
  X(URL, public_url, "", 0, 1023, "", "where people reach the page, for links in alerts; empty: no links")             \
  X(STRING, data_dir, "", 0, 1023, "", "directory of journal, incidents and checkpoint; empty: memory only")           \
  X(DOUBLE, alerts_per_week, "1", 0.001, 10000, "per week", "false alarms to accept, over all series together")        \
  X(U64, seasonality, "1", 0, 1, "", "1: learn the shape of day and week of each service's traffic; 0: do not")        \
  X(SCOPES, mute, "", 0, 1023, "", "what pages nobody: NAME=VALUE of a root cause, ';' between scopes")                \
  X(U64, max_series, "131072", 64, LIMIT_SERIES_MAX, "series", "series kept; later ones are counted, not opened")      \
  X(U64, threads, "0", 0, LIMIT_THREADS, "", "threads of the engine; 0: one a core")                                   \
  X(U64, journal_segment_bytes, "67108864", 65536, 1073741824, "bytes", "size at which a journal file is closed")      \
  X(U64, journal_segments, "16", 2, 65536, "files", "journal files kept; the oldest is removed")                       \
  X(DURATION, box_before, "2m", 0, 86400, "", "an incident's black box begins so long before it")                      \
  X(U64, box_bytes, "2147483648", 0, 1099511627776, "bytes", "disk that black boxes may hold; the oldest leave")       \
  X(DURATION, checkpoint_interval, "60s", 1, 86400, "", "time between two checkpoints, at most")                       \
  X(U64, checkpoint_bytes_per_s, "4194304", 0, 1099511627776, "bytes", "written for more of them; 0: none")            \
  X(DURATION, history, "2160h", 3600, 315360000, "", "closed incidents older than that leave the history; 90 days")    \
  X(U64, history_bytes, "1073741824", 1048576, 1099511627776, "bytes", "size of the history's file; the oldest leave") \
  X(DURATION, series_1s, "24h", 3600, 31536000, "", "points of series by the second are kept so long")                 \
  X(U64, series_1s_bytes, "1073741824", 0, 1099511627776, "bytes", "of those; the oldest leave; 0: no series on disk") \
  X(DURATION, series_10s, "168h", 3600, 315360000, "", "points by ten seconds; 7 days")                                \
  X(U64, series_10s_bytes, "536870912", 1048576, 1099511627776, "bytes", "of those; the oldest leave")                 \
  X(DURATION, series_1m, "2160h", 3600, 315360000, "", "points by the minute; 90 days")                                \
  X(U64, series_1m_bytes, "536870912", 1048576, 1099511627776, "bytes", "of those; the oldest leave")                  \
  X(DURATION, idle_timeout, "15m", 1, 86400, "", "a connection on which nothing moves for so long is closed")          \
  X(LOGFORM, log, "text", 0, 0, "", "form of the lines on standard error: text, or json (an object a line)")

#define CONF_C_STRING(name) char name[CONF_STRING_BYTES];
#define CONF_C_ADDRESS(name) char name[CONF_STRING_BYTES];
#define CONF_C_SCOPES(name) char name[CONF_STRING_BYTES];
#define CONF_C_NAMES(name) char name[CONF_STRING_BYTES];
#define CONF_C_BOOL(name) uint64_t name;
#define CONF_C_URL(name) char name[CONF_STRING_BYTES];
#define CONF_C_U64(name) uint64_t name;
#define CONF_C_LOGFORM(name) uint64_t name; /* enum log_form */
#define CONF_C_DOUBLE(name) double name;
#define CONF_C_DURATION(name) int64_t name##_ns;

/* Some 650 KiB, most of it for jobs of scrape: too large for a stack. */
struct daemon_conf {
#define X(type, name, def, min, max, unit, text) CONF_C_##type(name)
  CONF_TABLE(X)
#undef X
  struct act_conf alerts;    /* the list `receivers` of a file; ACT_RECEIVER_TABLE has their keys */
  struct conf_scrape scrape; /* the list `scrape` of a file; CONF_SCRAPE_TABLE has the jobs' keys */
};

struct conf_err {
  unsigned line, column; /* from 1; 0 where the error is about the whole file */
  char text[256];        /* the reason, without place */
};

/* All defaults. */
void conf_init(struct daemon_conf *c);
bool conf_has(struct base_str key);
/* Sets one key from its text form. False: err->text names the key and the reason. */
bool conf_set(struct daemon_conf *c, struct base_str key, struct base_str value, struct conf_err *err);
/* Sets from "key=value". */
bool conf_set_pair(struct daemon_conf *c, const char *pair, struct conf_err *err);
/* Reads a YAML text over c. Unknown and repeated keys, wrong types and values out of range are refused with their
 * place. */
bool conf_read(struct daemon_conf *c, struct base_str yaml, struct conf_err *err);
/* Reads a file ("-": standard input). */
bool conf_load(struct daemon_conf *c, const char *path, struct conf_err *err);
/* Every key of the table as YAML, which conf_read reads back to the same; receivers of alerts, where secrets are, are
 * left out. numbers_only: nor are texts in it, which name people's things. */
void conf_write(const struct daemon_conf *c, bool numbers_only, struct base_buf *out);
/* A receiver with nothing but defaults. */
void conf_receiver_init(struct act_receiver_conf *r);
/* The number of a receiver's key, from 0, below 32; -1: there is none. */
int conf_receiver_key(struct base_str key);
bool conf_receiver_set(struct act_receiver_conf *r, int key, struct base_str value, struct conf_err *err);
/* False where receivers of r's type have no such key. */
bool conf_receiver_has(const struct act_receiver_conf *r, int key, struct conf_err *err);
/* "file:line:column: reason" (or "file: reason") on one line. */
void conf_err_text(const struct conf_err *err, const char *path, struct base_buf *out);

#endif
