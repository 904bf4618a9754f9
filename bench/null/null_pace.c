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
  uint64_t mean_ns = o.hist_n ? o.latency_sum_ns / o.class_n[REC_CLASS_OK] : 0;
  for (uint32_t i = 0; i < PACE_PODS; i++) {
    struct meter_sum *to = &p->pod[i].open;
    for (unsigned c = 0; c < REC_CLASS_COUNT; c++)
      if (c != REC_CLASS_OK) to->class_n[c] += share_draw(&t->rng, &o.class_n[c], PACE_PODS - i);
    to->retries += share_draw(&t->rng, &o.retries, PACE_PODS - i);
    for (uint32_t j = 0; j < o.hist_n; j++) {
      uint32_t x = share_draw(&t->rng, &t->cell[j].count, PACE_PODS - i);
      to->hist[t->cell[j].bucket] += x;
      to->class_n[REC_CLASS_OK] += x;
      to->latency_ns += mean_ns * x;
    }
  }
}

static void scrape(struct pace *p, struct pace_pod *d) {
  if (d->scrape_n++ > 0) {
    meter_block_again(&d->block, meter_block_ticks(p->pace));
    meter_sum_add(&d->block.all, &d->open);
  }
  memset(&d->open, 0, sizeof d->open);
}

static void pod_give(struct pace *p, struct pace_pod *d, uint32_t hist[HIST_BUCKETS]) {
  struct meter_sum part;
  meter_block_next(&d->block, p->tick, &part);
  for (unsigned c = 0; c < REC_CLASS_COUNT; c++) p->obs.class_n[c] += part.class_n[c];
  for (unsigned j = 0; j < HIST_BUCKETS; j++) hist[j] += part.hist[j];
  p->obs.retries += part.retries;
  p->obs.latency_sum_ns += part.latency_ns;
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
