/* A job of the list `scrape`: whom to ask for metrics, and how. The table is the origin of the struct, the checks, and
 * the reference page. */
#ifndef DAEMON_CONF_SCRAPE_H
#define DAEMON_CONF_SCRAPE_H

#include <stdint.h>

#include "base_limits.h"
#include "base_str.h"

#define SCRAPE_TEXT_BYTES 512u
#define SCRAPE_NAME_BYTES 64u
#define SCRAPE_LIST_BYTES 4096u /* of all items of a list, and a line end each */

/* X(TYPE, name, default, min, max, unit, text). TYPE as in daemon_conf.h, and NAME (letters, digits, '-', '_'), LIST
 * (of texts, or one), LABELS (a map of names and texts). */
#define CONF_SCRAPE_TABLE(X)                                                                                         \
  X(NAME, job, "", 0, 63, "", "what the job is called; the label `job`")                                             \
  X(LIST, targets, "", 0, 4095, "", "HOST:PORT or URL, each a target")                                               \
  X(LIST, files, "", 0, 4095, "",                                                                                    \
    "files of targets as Prometheus' file_sd has them, .json or .yaml; '*' and '?' match")                           \
  X(LIST, dns, "", 0, 4095, "",                                                                                      \
    "names asked of DNS: services (SRV) where they begin with '_', else addresses (A, AAAA)")                        \
  X(U64, dns_port, "0", 0, 65535, "", "port of the targets that are addresses of names")                             \
  X(STRING, dns_servers, "", 0, 511, "", "ADDRESS:PORT of the servers to ask, ',' between two; empty: the system's") \
  X(DURATION, refresh, "30s", 1, 3600, "", "how often names are asked again; files are looked at every second")      \
  X(STRING, scheme, "http", 4, 5, "", "http or https, of targets that do not say")                                   \
  X(STRING, path, "/metrics", 1, 511, "", "path, and query, of targets that do not say")                             \
  X(DURATION, interval, "15s", 1, 300, "", "how often each target is asked")                                         \
  X(DURATION, timeout, "0s", 0, 300, "", "time for one scrape, at most the interval; 0s: 10 s or the interval")      \
  X(LABELS, labels, "", 0, 2047, "", "labels that each target gets")                                                 \
  X(BOOL, protobuf, "false", 0, 5, "", "true: protobuf is asked for, for native histograms")                         \
  X(STRING, token_file, "", 0, 511, "", "file that holds the bearer token; read for each scrape")                    \
  X(STRING, username, "", 0, 255, "", "of basic authentication")                                                     \
  X(STRING, password_file, "", 0, 511, "", "file that holds its password; read for each scrape")                     \
  X(STRING, ca_file, "", 0, 511, "", "certificates (PEM) to trust in place of the system's")                         \
  X(STRING, cert_file, "", 0, 511, "", "the certificate (PEM) to show")                                              \
  X(STRING, key_file, "", 0, 511, "", "its key (PEM)")                                                               \
  X(BOOL, insecure, "false", 0, 5, "", "true: whoever answers is believed, as where names are SPIFFE ids")

#define SCRAPE_C_NAME(name) char name[SCRAPE_NAME_BYTES];
#define SCRAPE_C_STRING(name) char name[SCRAPE_TEXT_BYTES];
#define SCRAPE_C_LIST(name) char name[SCRAPE_LIST_BYTES];   /* a line an item */
#define SCRAPE_C_LABELS(name) char name[SCRAPE_LIST_BYTES]; /* a line NAME=VALUE a label */
#define SCRAPE_C_U64(name) uint64_t name;
#define SCRAPE_C_BOOL(name) uint64_t name;
#define SCRAPE_C_DURATION(name) int64_t name##_ns;

struct conf_scrape_job {
#define X(type, name, def, min, max, unit, text) SCRAPE_C_##type(name)
  CONF_SCRAPE_TABLE(X)
#undef X
};

struct conf_scrape {
  uint32_t job_n;
  struct conf_scrape_job job[LIMIT_SCRAPE_JOBS];
};

struct conf_err;

/* Is it a label's name, as Prometheus has them? */
bool conf_label_good(struct base_str name);

/* What a key's value is in the file. */
enum conf_scrape_shape { CONF_SCRAPE_TEXT, CONF_SCRAPE_LIST, CONF_SCRAPE_MAP };

/* A job with nothing but defaults. */
void conf_scrape_init(struct conf_scrape_job *j);
/* The number of a job's key, from 0, below 32; -1: there is none. */
int conf_scrape_key(struct base_str key);
enum conf_scrape_shape conf_scrape_shape(int key);
bool conf_scrape_set(struct conf_scrape_job *j, int key, struct base_str value, struct conf_err *err);
/* One more item of a list, or label of a map (name empty in a list). */
bool conf_scrape_add(struct conf_scrape_job *j, int key, struct base_str name, struct base_str value,
                     struct conf_err *err);
/* What is missing or contradictory in one job, or NULL. */
const char *conf_scrape_wrong(const struct conf_scrape_job *j);
/* The time for one scrape: the job's, or what holds where it gives none. */
int64_t conf_scrape_timeout_ns(const struct conf_scrape_job *j);

#endif
