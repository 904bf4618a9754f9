/* Inside of io_scrape*.c: the targets and their table, and the call under way of one. */
#ifndef IO_SCRAPE_ROOM_H
#define IO_SCRAPE_ROOM_H

#include <curl/curl.h>

#include "base_buf.h"
#include "base_hash.h"
#include "base_limits.h"
#include "io_curl.h"
#include "io_hold.h"
#include "io_scrape.h"
#include "rec_counter.h"

enum { SCRAPE_WHY_BYTES = 160, SCRAPE_CHAINS = 8192 };

struct scrape_target {
  const struct io_scrape_job *job;
  uint64_t hash;
  char *url, *labels; /* one block with the struct */
  struct base_mono due;
  uint32_t heap_idx, list_idx;
  bool marked;              /* added since begin */
  struct scrape_call *call; /* NULL: none under way */
  struct scrape_target *chain;
  bool asked, up;
  struct base_wall asked_at, since;
  int64_t took_ns;
  uint64_t bytes;
  char why[SCRAPE_WHY_BYTES];
};

/* The targets: found by what they are, ordered by when they are due. */
struct scrape_table {
  uint32_t n, cap;
  struct scrape_target **list; /* in no order */
  struct scrape_target **heap; /* the earliest first */
  struct scrape_target *chain[SCRAPE_CHAINS];
};

void table_fini(struct scrape_table *t);
struct scrape_target *table_find(const struct scrape_table *t, uint64_t hash, const struct io_scrape_job *job,
                                 const struct io_scrape_target *want);
/* False: out of memory. due and hash are set already. */
bool table_add(struct scrape_table *t, struct scrape_target *it);
/* Takes it out and frees it. */
void table_drop(struct scrape_table *t, struct scrape_target *it);
/* it->due has grown. */
void table_later(struct scrape_table *t, struct scrape_target *it);

/* One request and its answer. */
struct scrape_call {
  struct io_scrape *scrape;
  struct scrape_target *target; /* NULL: spare */
  struct scrape_call *next;     /* spare ones */
  CURL *easy;
  struct base_buf message;
  bool judged; /* status and content type are known, and are in fail */
  enum io_scrape_fail fail;
  struct base_mono began;
  char error[CURL_ERROR_SIZE];
};

struct io_scrape {
  struct io_loop *loop;
  struct io_scrape_conf conf;
  struct base_hash_key key;
  struct io_curl *curl;
  struct io_hold hold; /* expositions that are half here */
  struct curl_slist *accept, *accept_protobuf;
  struct scrape_table table;
  struct scrape_call *spare;
  unsigned call_n; /* under way */
  int timer_fd;    /* armed for the earliest target */
  bool timer_added;
};

/* Asks the target now. What fails at once is told at once. */
void scrape_call_begin(struct io_scrape *s, struct scrape_target *t);
/* Breaks off the target's call; nobody is told. */
void scrape_call_drop(struct io_scrape *s, struct scrape_target *t);
void scrape_calls_fini(struct io_scrape *s);
/* An io_curl_done. */
void scrape_call_done(void *private_, CURL *easy, CURLcode code);

#endif
