#include "null_pace.h"

#include <string.h>

void pace_init(struct pace *p, uint32_t pace) {
  memset(p, 0, sizeof *p);
  p->pace = pace;
}

/* The part of n that is the next of `left` pods'. */
static uint32_t share_draw(struct sim_rng *r, uint32_t *n, uint32_t left) {
  uint32_t x = left > 1 ? draw_binomial(r, *n, 1.0 / left) : *n;
  *n -= x;
  return x;
}

/* A tick's requests, each to one of the pods. */
static void tick_split(struct pace *p, struct traffic *t) {
  struct rec_obs o = t->obs;
  uint64_t ns = o.hist_n ? o.latency_sum_ns / PACE_PODS : 0;
  for (uint32_t i = 0; i < PACE_PODS; i++) {
    struct pace_sum *to = &p->pod[i].open;
    for (unsigned c = 0; c < REC_CLASS_COUNT; c++)
      if (c != REC_CLASS_OK) to->class_n[c] += share_draw(&t->rng, &o.class_n[c], PACE_PODS - i);
    to->retries += share_draw(&t->rng, &o.retries, PACE_PODS - i);
    for (uint32_t j = 0; j < o.hist_n; j++) {
      uint32_t x = share_draw(&t->rng, &t->cell[j].count, PACE_PODS - i);
      to->hist[t->cell[j].bucket] += x;
      to->class_n[REC_CLASS_OK] += x;
    }
    to->latency_ns += ns;
  }
}

static uint64_t given(uint64_t n, uint32_t k, uint32_t slices) {
  return (n * k + slices / 2) / slices;
}

static uint64_t slice(uint64_t n, const struct pace_pod *d) {
  return given(n, d->k + 1, d->slices) - given(n, d->k, d->slices);
}

/* What is left of the block, and what came since the last scrape. */
static void scrape(struct pace *p, struct pace_pod *d) {
  if (d->scrape_n++ == 0) {
    memset(&d->open, 0, sizeof d->open);
    return;
  }
#define TURN(field)                                 \
  d->block.field = d->open.field + d->block.field - \
                   (__typeof__(d->block.field))(d->slices ? given(d->block.field, d->k, d->slices) : 0)
  for (unsigned c = 0; c < REC_CLASS_COUNT; c++) TURN(class_n[c]);
  for (unsigned j = 0; j < HIST_BUCKETS; j++) TURN(hist[j]);
  TURN(retries);
  TURN(latency_ns);
#undef TURN
  memset(&d->open, 0, sizeof d->open);
  d->k = 0;
  d->slices = p->pace + (p->pace / 8 > 0 ? p->pace / 8 : 1);
}

static void pod_give(struct pace *p, struct pace_pod *d, uint32_t hist[HIST_BUCKETS]) {
  if (d->k == d->slices) return;
  for (unsigned c = 0; c < REC_CLASS_COUNT; c++) p->obs.class_n[c] += (uint32_t)slice(d->block.class_n[c], d);
  for (unsigned j = 0; j < HIST_BUCKETS; j++) hist[j] += (uint32_t)slice(d->block.hist[j], d);
  p->obs.retries += (uint32_t)slice(d->block.retries, d);
  p->obs.latency_sum_ns += slice(d->block.latency_ns, d);
  d->k++;
}

bool pace_step(struct pace *p, struct traffic *t) {
  uint32_t hist[HIST_BUCKETS] = {0};
  if (traffic_step(t, 1)) tick_split(p, t);
  p->obs = (struct rec_obs){.pace = (uint16_t)p->pace};
  for (uint32_t i = 0; i < PACE_PODS; i++) {
    if ((p->tick + i * p->pace / PACE_PODS) % p->pace == 0) scrape(p, &p->pod[i]);
    pod_give(p, &p->pod[i], hist);
  }
  for (uint32_t j = 0; j < HIST_BUCKETS; j++)
    if (hist[j]) p->cell[p->obs.hist_n++] = (struct rec_hist_cell){j, hist[j]};
  p->tick++;
  p->told_n += p->told_n > 0 || p->tick > p->pace;
  return p->told_n > 0;
}
