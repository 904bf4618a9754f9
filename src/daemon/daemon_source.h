/* What the API shows of the running daemon: struct serve_source over line, disk and door. */
#ifndef DAEMON_SOURCE_H
#define DAEMON_SOURCE_H

#include "act.h"
#include "daemon_conf.h"
#include "daemon_keep.h"
#include "daemon_line.h"
#include "daemon_recording.h"
#include "daemon_scrape.h"
#include "daemon_tls.h"
#include "serve.h"
#include "store.h"
#include "store_series.h"

struct source {
  struct line *line;
  struct keep *keep;           /* NULL: memory only */
  struct recording *recording; /* NULL: what comes is not recorded */
  struct act *act;             /* NULL: no receivers of alerts */
  struct store *history;       /* NULL: memory only */
  struct store_series *series; /* NULL: no series on disk */
  const struct serve_history *seconds;
  char problem[512]; /* what the status points at */
  const struct daemon_conf *conf;
  unsigned threads;
  struct base_wall started_at;
  bool restoring; /* older ticks are being applied: no action is taken yet */
  const struct tls_set *tls;
  const struct scrape *scrape;             /* NULL: nothing is scraped */
  struct io_server *server[TLS_LISTENERS]; /* NULLs are skipped, and mean not ready */
  uint64_t door[REC_COUNTER_COUNT];        /* the servers' counters */
};

/* s must outlive it. */
struct serve_source source_of(struct source *s);

#endif
