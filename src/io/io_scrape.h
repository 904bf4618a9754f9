/* Prometheus' expositions, fetched: targets by the thousand, each at its own time within its interval, over HTTP/1.1
 * connections that are kept, by libcurl on our loop (docs/decisions/0019). What comes is handed on as one message,
 * behind the line that says of whom it is:
 *
 *   # target {job="mesh",instance="10.0.0.1:15020"} text
 *
 * `text` (0.0.4), `openmetrics` or `protobuf` is what the target said that it is. */
#ifndef IO_SCRAPE_H
#define IO_SCRAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base_str.h"
#include "base_time.h"
#include "io_loop.h"

/* Why a scrape brought nothing. X(NAME, counter of it, text) */
#define IO_SCRAPE_FAIL_TABLE(X)                                     \
  X(NONE, SCRAPES, "")                                              \
  X(NAME, SCRAPE_NO_NAME, "its name is not known")                  \
  X(CONNECT, SCRAPE_NO_CONNECTION, "no connection")                 \
  X(TIMEOUT, SCRAPE_TIMEOUT, "timed out")                           \
  X(TLS, SCRAPE_TLS, "TLS failed")                                  \
  X(STATUS, SCRAPE_STATUS, "another status than 200")               \
  X(FORM, SCRAPE_FORM, "no exposition: another content type")       \
  X(OVERSIZE, SCRAPE_OVERSIZE, "an exposition over the size limit") \
  X(BROKEN, SCRAPE_BROKEN, "no HTTP/1.1, or cut short")             \
  X(SECRET, SCRAPE_SECRET, "a file of credentials is not there")    \
  X(CROWD, SCRAPE_CROWD, "too many scrapes at once")

enum io_scrape_fail {
#define X(name, counter, text) IO_SCRAPE_##name,
  IO_SCRAPE_FAIL_TABLE(X)
#undef X
      IO_SCRAPE_FAIL_COUNT
};

/* How the targets of one job are asked. Texts are never NULL; "" is for none. */
struct io_scrape_job {
  const char *name;
  int64_t interval_ns; /* > 0 */
  int64_t timeout_ns;  /* 0 < timeout <= interval */
  bool protobuf;       /* asked for before the texts, for native histograms */
  const char *token_file;
  const char *username, *password_file;
  const char *ca_file, *cert_file, *key_file;
  bool insecure; /* whoever answers is believed */
};

/* A target as it is set; copied. */
struct io_scrape_target {
  struct base_str url;    /* "http://10.0.0.1:15020/metrics" */
  struct base_str labels; /* {job="mesh",instance="10.0.0.1:15020"} */
};

/* What came of a scrape; views live during the call. */
struct io_scraped {
  struct base_str labels;
  enum io_scrape_fail fail;
  const char *why;         /* "" where nothing failed */
  struct base_str message; /* the line and the exposition; empty where it failed */
  struct base_wall at;     /* when it was whole */
  int64_t took_ns;
};
typedef void (*io_scraped_fn)(void *ctx, const struct io_scraped *s);

struct io_scrape_conf {
  uint64_t *counters; /* REC_COUNTER_COUNT of them, the caller's, same thread */
  io_scraped_fn fn;
  void *ctx;
  uint64_t seed; /* of the times within the intervals, and of the table's hash */
};

struct io_scrape;

/* The loop must outlive it. NULL: out of memory or descriptors. */
struct io_scrape *io_scrape_open(struct io_loop *loop, const struct io_scrape_conf *conf);
/* Breaks off what is under way; nobody is called. s may be NULL. */
void io_scrape_close(struct io_scrape *s);

/* Replaces all targets of a job, which must live as long as s: begin, add each, end. Those that stay as they were keep
 * their times and their state; one that is added twice is there once. */
void io_scrape_begin(struct io_scrape *s, const struct io_scrape_job *job);
/* False: LIMIT_SCRAPE_TARGETS are there; counted. */
bool io_scrape_add(struct io_scrape *s, const struct io_scrape_job *job, const struct io_scrape_target *t);
void io_scrape_end(struct io_scrape *s, const struct io_scrape_job *job);

struct io_scrape_state {
  const struct io_scrape_job *job;
  const char *url, *labels;         /* live until the targets are replaced */
  bool asked, up;                   /* it was asked at all; the last scrape was good */
  struct base_wall asked_at, since; /* the last scrape's end; since when it is up, or down */
  struct base_mono due;             /* its next turn */
  int64_t took_ns;
  uint64_t bytes;  /* of the last good exposition */
  const char *why; /* of the last failure; "" while up; lives until the next scrape */
};
uint32_t io_scrape_n(const struct io_scrape *s);
/* The i-th target, in no order. */
void io_scrape_at(const struct io_scrape *s, uint32_t i, struct io_scrape_state *out);

#endif
