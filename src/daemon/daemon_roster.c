#include "daemon_roster.h"

#include <stdlib.h>

struct roster_entry {
  bool gone;
  struct rec_series who; /* its names stand behind the entry */
};

struct roster {
  const struct engine *engine;
  struct roster_entry **at; /* by number; NULL: as the engine has it */
  uint32_t max, n;          /* n: one past the highest of them */
};

struct roster *roster_open(const struct engine *e) {
  struct engine_info info;
  struct roster *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  engine_info(e, &info);
  r->engine = e;
  r->max = info.series_max;
  r->at = calloc(r->max, sizeof *r->at);
  if (r->at) return r;
  free(r);
  return NULL;
}

void roster_close(struct roster *r) {
  if (!r) return;
  for (uint32_t i = 0; i < r->max; i++) free(r->at[i]);
  free(r->at);
  free(r);
}

uint32_t roster_n(const struct roster *r) {
  uint32_t known = engine_series_n(r->engine);
  return r->n > known ? r->n : known;
}

const struct rec_series *roster_at(const struct roster *r, uint32_t series_idx) {
  if (series_idx >= r->max) return NULL;
  const struct roster_entry *e = r->at[series_idx];
  if (!e) return engine_series(r->engine, series_idx);
  return e->gone ? NULL : &e->who;
}

static bool entry_put(struct roster *r, uint32_t series_idx, struct roster_entry *e) {
  if (!e) return false;
  free(r->at[series_idx]);
  r->at[series_idx] = e;
  if (series_idx >= r->n) r->n = series_idx + 1;
  return true;
}

static bool entry_drop(struct roster *r, uint32_t series_idx) {
  if (!roster_at(r, series_idx)) return true;
  struct roster_entry *e = calloc(1, sizeof *e);
  if (e) e->gone = true;
  return entry_put(r, series_idx, e);
}

static struct roster_entry *entry_of(const struct rec_series *s) {
  size_t n = 0;
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) n += s->dim[d].n;
  struct roster_entry *e = malloc(sizeof *e + n);
  if (!e) return NULL;
  *e = (struct roster_entry){.who = *s};
  char *to = (char *)(e + 1);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) {
    if (s->dim[d].n) memcpy(to, s->dim[d].p, s->dim[d].n);
    e->who.dim[d].p = to;
    to += s->dim[d].n;
  }
  return e;
}

/* As the engine takes it: a number that somebody has stays theirs, one that is out of range is nobody's. */
static bool entry_add(struct roster *r, const struct rec_series *s) {
  if (s->series_idx >= r->max || roster_at(r, s->series_idx)) return true;
  return entry_put(r, s->series_idx, entry_of(s));
}

bool roster_tick(struct roster *r, const struct rec_tick_input *in) {
  bool good = true;
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++)
    for (size_t i = 0; good && i < in->bucket[b].drop_n; i++) good = entry_drop(r, in->bucket[b].drop[i].series_idx);
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++)
    for (size_t i = 0; good && i < in->bucket[b].series_n; i++) good = entry_add(r, &in->bucket[b].series[i]);
  return good;
}
