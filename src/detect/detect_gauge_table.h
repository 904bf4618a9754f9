/* All gauges that are watched, each under its whole key: whose it is, metric, part (I7). A table of a fixed size over a
 * caller's block; when it is full a new gauge is refused, and one that nobody has told of for GAUGE_IDLE_NS goes.
 *
 *   [ struct gauge_watch x max | chain heads | words of what is used | words of what is hot ]
 *
 * Each sample goes through detect_gauge_step. What its score says is kept as an episode: since when, from what usual
 * range, how far. An episode is hot from GAUGE_LOUD nats on the bad side, until GAUGE_QUIET_NS after its last loud
 * sample; hot ones are what the head reads when it looks for causes. */
#ifndef DETECT_GAUGE_TABLE_H
#define DETECT_GAUGE_TABLE_H

#include "base_time.h"
#include "detect_gauge.h"
#include "rec_gauge.h"

#define GAUGE_NONE 0xffffffffu
#define GAUGE_STIR 4.0 /* nats: an episode begins */
#define GAUGE_LOUD 9.2 /* nats (ln 10,000): it counts as evidence */
#define GAUGE_CALM 3u  /* samples below GAUGE_STIR, one after the other, that end it */
#define GAUGE_IDLE_NS (3600 * TIME_NS_PER_S)
#define GAUGE_QUIET_NS (60 * TIME_NS_PER_S)
#define GAUGE_AHEAD_NS (10 * TIME_NS_PER_S) /* a sample's time that is further past the tick's end is the tick's */

/* What became of a stir: from its first sample on. */
struct gauge_episode {
  int64_t from_ns;  /* its first sample; 0: there is none */
  int64_t loud_ns;  /* its newest loud sample; 0: none was */
  int64_t peak_ns;  /* its furthest sample on its side */
  double peak;      /* that value */
  double low, high; /* the usual range of one sample (once in 1000 outside, each side) just before it began */
  float score;      /* the most it reached, nats */
  int8_t side;      /* +1 above, -1 below */
  uint8_t calm;     /* samples below GAUGE_STIR since */
  uint8_t pad[2];
};

/* Plain data: a checkpoint is a copy of it. */
struct gauge_watch {
  struct detect_gauge gauge;
  struct gauge_episode episode;
  int64_t at_ns;   /* of the newest sample, its source's word */
  int64_t seen_ns; /* end of the tick in which it came */
  double value;    /* newest */
  uint32_t next;   /* of its chain */
  uint16_t key_n;
  uint8_t role, unit, bad; /* enum rec_role, rec_unit, rec_bad; of the newest sample */
  bool negative;           /* was ever below 0 */
  bool novel;              /* rec_gauge.novel: no number to watch */
  uint8_t line_n;
  uint32_t pad;
  char key[REC_GAUGE_KEY_BYTES];
  char line[LIMIT_LOG_LINE_BYTES];
};

struct gauge_table {
  struct gauge_watch *watch;
  uint32_t *head;       /* of hash chains, GAUGE_NONE ends one */
  uint64_t *used, *hot; /* a bit each */
  uint32_t max, mask, n;
  uint32_t swept; /* next to be asked whether it is idle */
};

size_t gauge_table_bytes(uint32_t max);
/* mem: aligned to 8, gauge_table_bytes(max) long, zeroed. */
void gauge_table_init(struct gauge_table *t, void *mem, uint32_t max);

enum gauge_taken {
  GAUGE_TAKEN,
  GAUGE_OLD, /* not later than the newest sample of that gauge: told twice, or out of order */
  GAUGE_LONG /* its names together are longer than REC_GAUGE_KEY_BYTES */,
  GAUGE_FULL
};
/* One sample in the tick that ends at `end`. Cost: a hash of the key, a comparison, detect_gauge_step. */
enum gauge_taken gauge_table_take(struct gauge_table *t, const struct rec_gauge *in, struct base_wall end);
/* Some of the gauges, in turn: what is idle goes, what is over is no longer hot. Call once a tick; all have their turn
 * within 256 calls. */
void gauge_table_sweep(struct gauge_table *t, struct base_wall end);

/* The next hot one from number `from` on, GAUGE_NONE at the end. */
uint32_t gauge_table_hot(const struct gauge_table *t, uint32_t from);

/* Puts back a watch of a checkpoint at its number. False where it is unsound. */
bool gauge_table_restore(struct gauge_table *t, uint32_t at, const struct gauge_watch *w, bool hot);

#endif
