/* Series at the door: key (level, side, names) -> a slot, and the number that the log knows it by. A slot is taken
 * when a cell needs it; the number is given when the first tick that fed it closes, in order of the sorted keys,
 * smallest free number first come. Numbers of dropped series are used again, the longest free one first.
 *
 * layout:  struct | slot[max] | head[2 * max] | number[max] | free ring[max] */
#ifndef WIRE_CELL_SERIES_H
#define WIRE_CELL_SERIES_H

#include "rec_input.h"
#include "wire_cell_name.h"

#define WIRE_SERIES_IDLE_TICKS (3600ull * LIMIT_TICKS_PER_S)     /* forgotten after an hour */
#define WIRE_SERIES_IDLE_POD_TICKS (1800ull * LIMIT_TICKS_PER_S) /* pods after half an hour */

struct wire_series_slot {
  uint64_t hash;
  uint64_t fed_tick;
  uint32_t dim[REC_DIM_COUNT]; /* names; 0 for dims that are not of the level */
  uint32_t idx;                /* REC_SERIES_NONE until numbered */
  uint32_t cell_n;             /* cells that feed it */
  uint32_t next;               /* chain, or free list */
  uint32_t obs;                /* 1 + its place in the tick being closed, 0 none */
  uint8_t used, level, side, bucket;
};

struct wire_series_table;

size_t wire_series_bytes(uint32_t max);
struct wire_series_table *wire_series_init(void *mem, uint32_t max, struct wire_names *names, struct base_hash_key key);

/* The slot of a key; dims not of the level are ignored. 0: the table is full. */
uint32_t wire_series_add(struct wire_series_table *t, uint8_t level, uint8_t side, const uint32_t dim[REC_DIM_COUNT],
                         uint64_t tick);
/* Takes series as numbered by an earlier life; ascending numbers, before anything else. */
bool wire_series_restore(struct wire_series_table *t, const struct rec_series *s, uint64_t tick);
/* All series count as fed at this tick: nobody knows for how long they were not, before a restart. */
void wire_series_touch(struct wire_series_table *t, uint64_t tick);
struct wire_series_slot *wire_series_view(struct wire_series_table *t, uint32_t slot);
/* The record of a slot; names live as long as they are not swept. */
struct rec_series wire_series_rec(const struct wire_series_table *t, uint32_t slot);
/* Numbers these slots in order of their keys; sorts `slot` so. */
void wire_series_number(struct wire_series_table *t, uint32_t *slot, uint32_t n);
/* Forgets idle series that no cell feeds; looks at 1/256 of the table. Numbers dropped go to drop[0..max), ascending;
 * returns how many. */
uint32_t wire_series_step(struct wire_series_table *t, uint64_t tick, struct rec_drop *drop, uint8_t *bucket,
                          uint32_t max);
void wire_series_mark(struct wire_series_table *t);

#endif
