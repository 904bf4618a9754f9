/* The meter's memory; for wire_meter*.c and the fold alone.
 *
 *   wire_meter.c        sample -> series -> delta
 *   wire_meter_table.c  the tables: keys as text, series, targets, flows
 *   wire_meter_hist.c   buckets in parts or whole -> counts of our own buckets
 *   wire_meter_loss.c   counters against the reports of single requests: what was lost of those
 *   wire_meter_pace.c   targets in time: batches, pace, missed ones; the blocks that they bring
 *   wire_meter_block.c  a block and its slices
 *
 * layout:  struct | series[] | heads | target[] | heads | flow[] | heads | bound[] | chunk[] | later[] */
#ifndef WIRE_METER_STATE_H
#define WIRE_METER_STATE_H

#include "wire_fold_state.h"
#include "wire_meter.h"
#include "wire_meter_block.h"
#include "wire_profile.h"

#define METER_KEY_BYTES 8192u /* name and labels of a series; a longer one is refused [meter_limit] */
#define METER_CHUNK 60u
#define METER_INTERVALS 4u
#define METER_HOLES 4u
#define METER_PACE_TICKS_MIN LIMIT_TICKS_PER_S
#define METER_PACE_TICKS_MAX (300u * LIMIT_TICKS_PER_S)
#define METER_BATCH_NS 250000000ll                /* samples this close in time are of one scrape */
#define METER_MISSED_MAX_NS (300 * TIME_NS_PER_S) /* so long a target is waited for that tells no end of its own */
#define METER_FORGET_NS (1800 * TIME_NS_PER_S)
#define METER_JUMP_NS (600 * TIME_NS_PER_S) /* a replay's time may jump so far on one sample's word */
#define METER_JUMP_SAMPLES 64u              /* and further on the word of so many */

struct meter_chunk {
  uint32_t next;
  char p[METER_CHUNK];
};

/* A bucket of a histogram: by its upper bound where it comes in parts (counts up to there), by the number of our own
 * bucket where it comes whole (counts in there). */
struct meter_bound {
  double upper;
  double now, told;
  int64_t at_ns;
  uint32_t next;
};

/* A counter's last sample; at_ns 0: none yet. */
struct meter_count {
  double value;
  int64_t at_ns, start_ns;
};

struct meter_series {
  uint64_t hash;
  uint32_t chunk, key_n, next;
  uint32_t target, sibling; /* next series of the target */
  uint32_t flow;            /* 0: it is counted nowhere */
  uint8_t row, class_, role, used;
  struct meter_count count, sum;
  uint32_t bound, bound_n, fresh_n; /* fresh: bounds heard at hist_ns */
  uint32_t batch_n;                 /* of buckets, saturating */
  int64_t hist_ns, hist_before_ns;
};

/* A block that begins with a later tick. */
struct meter_later {
  struct meter_sum all;
  int64_t from_tick, end_tick;
  uint32_t batch, next;
};

struct meter_flow {
  uint64_t hash;
  uint32_t next, sibling; /* chain; next flow of the target */
  uint32_t target, base, route;
  struct wire_node_ref self;
  uint8_t used, side, source, counts; /* counts: its requests are told, not only what they cost */
  uint8_t count_rank, hist_rank;      /* of the families that count */
  uint32_t ranked_batch;              /* what the family of count_rank has told in this batch of the target: */
  uint32_t ranked_n[REC_CLASS_COUNT];
  uint32_t later; /* list of those that are still to begin, in their order */
  struct meter_block now;
};

/* What a target counted on one side, against the reports of single requests that came of it. */
struct meter_check {
  uint64_t batch_n;     /* counted in the newest batch */
  uint64_t told;        /* events known when that came */
  uint64_t events_n;    /* and came in its time */
  double counted, came; /* both, discounted */
  uint8_t lossy;        /* batches in a row that say so, saturating */
  uint8_t begun;        /* 1: told is known; 2: events_n, too */
  uint8_t source;       /* enum wire_source of what is counted; 0 none */
};

struct meter_hole {
  int64_t from_tick, end_tick;
};

struct meter_target {
  uint64_t hash;
  uint32_t chunk, key_n, next;
  uint32_t series, flow; /* lists */
  struct wire_node_ref node;
  int64_t batch_ns, before_ns; /* times of the newest batch and the one before, on the sender's clock */
  int64_t heard_ns;            /* when the newest batch came, on ours */
  int64_t interval_ns[METER_INTERVALS];
  uint32_t interval_n, batch_n;
  uint32_t pace;                       /* ticks; 0: not known yet */
  int64_t from_tick, end_tick;         /* of the newest block: [from, end) */
  struct meter_hole hole[METER_HOLES]; /* ticks between blocks that no block holds, the newest */
  uint32_t hole_n;
  int64_t first_tick;               /* of the first block; INT64_MAX before */
  uint64_t families, families_now;  /* seen in earlier batches; in the newest */
  uint64_t block_n, block_before_n; /* requests of the newest block, and of the one before */
  struct meter_check check[REC_SIDE_COUNT];
  uint8_t used, up_said, up, gone, told;
};

struct wire_meter {
  struct wire_fold *fold;
  struct wire_families families;
  struct meter_series *series;
  struct meter_target *target;
  struct meter_flow *flow;
  struct meter_bound *bound;
  struct meter_chunk *chunk;
  struct meter_later *later;
  uint32_t *series_head, *target_head, *flow_head;
  uint32_t series_n, target_n, flow_n, bound_n, chunk_n, later_n; /* places ever used; 0 is none */
  uint32_t series_free, target_free, flow_free, bound_free, chunk_free, later_free;
  uint32_t jump_n;
  struct wire_fields fields; /* of the sample under way */
  struct wire_profile_text text;
  struct wire_told told;
  uint32_t key_n;
  char key[METER_KEY_BYTES];
};

/* wire_meter_table.c */
/* Writes the key of a sample's series into m->key: its row, and its labels in order, without `le` and what tells apart
 * the senders of one series. False where it is too long. */
bool meter_key_series(struct wire_meter *m, uint8_t row, const struct wire_sample *s);
/* Likewise of the target by m->fields. */
bool meter_key_target(struct wire_meter *m);
/* By m->key: the place, opened where new; 0: not there, or no room left. */
uint32_t meter_series_find(struct wire_meter *m, bool *is_new);
uint32_t meter_target_find(struct wire_meter *m, bool add);
uint32_t meter_flow_find(struct wire_meter *m, uint32_t target, uint32_t base, uint32_t route);
uint32_t meter_bound_take(struct wire_meter *m);
void meter_bound_drop(struct wire_meter *m, uint32_t at);
uint32_t meter_later_take(struct wire_meter *m);
void meter_later_drop(struct wire_meter *m, uint32_t at);
/* A target with all that it told. */
void meter_target_drop(struct wire_meter *m, uint32_t target);

/* wire_meter.c */
/* Did the series begin since the target was heard last? It says so, or its family was there then and it was not. */
bool meter_is_born(const struct meter_target *t, uint8_t row, const struct wire_sample *s);
/* Nanoseconds of a unit of a duration: what the sample says goes over the family's. */
double meter_unit(const struct wire_family *family, const struct wire_sample *s);

/* wire_meter_hist.c */
void meter_hist_part(struct wire_meter *m, struct meter_series *s, const struct wire_sample *sample, int64_t at_ns);
/* Since when a value counts. NOTHING: it is the first, and nobody knows. */
enum meter_since { METER_SINCE_LAST, METER_SINCE_ZERO, METER_SINCE_NOTHING };
void meter_hist_whole(struct wire_meter *m, struct meter_series *s, const struct wire_sample *sample,
                      enum meter_since since);
/* A bound in text, as exposition formats have it. */
bool meter_bound_read(struct base_str text, double *out);

/* wire_meter_pace.c */
/* A sample of the target, taken by its sender at at_ns, has come at now_ns. */
void meter_target_hear(struct wire_meter *m, struct meter_target *t, uint8_t row, int64_t at_ns, int64_t now_ns);
/* Where a delta of the flow goes. */
struct meter_sum *meter_flow_open(struct wire_meter *m, struct meter_flow *w);
/* What part of a delta over so long is presented: the pace's, where samples are missing between. */
double meter_share(const struct meter_target *t, int64_t span_ns);

/* wire_meter_loss.c */
/* A request count of the target's own proxy grew. */
void meter_loss_add(struct wire_meter *m, const struct meter_flow *w, uint64_t n);
/* It did not: the same requests come from a better family. */
void meter_loss_take(struct wire_meter *m, const struct meter_flow *w, uint64_t n);
/* A batch begins: the one before is whole, and is held against what came in its time. */
void meter_loss_batch(struct wire_meter *m, struct meter_target *t);
/* Of the last four seconds: requests that it counted, and those that were not reported. False: all were, or too few
 * are known. */
bool meter_loss_view(const struct wire_meter *m, const struct meter_target *t, uint32_t *expected, uint32_t *lost);

/* For the fold. */
/* Gives out the slices of the tick that closes. */
void wire_meter_close(struct wire_meter *m, int64_t tick);
/* Is anybody scraped or pushing, so that silence is theirs? */
bool wire_meter_hears(const struct wire_meter *m);
/* Adds what is missing to gap[n..max); returns the new n. */
uint32_t wire_meter_gaps(struct wire_meter *m, struct rec_gap *gap, uint32_t n, uint32_t max);
void wire_meter_mark(struct wire_meter *m);

#endif
