#include "sim_arrive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COPY_STEP = 1 << 24 };

static const double LEAD_S = 120, NOISE_MAX = 6, BUNCH_S = 0.1;

void arrive_init(struct sim_arrive *a, const struct sim_conf *conf) {
  memset(a, 0, sizeof *a);
  a->conf = conf;
  rng_init(&a->rng, conf->key, 6, 0);
  a->clock_ns = (int64_t)(-LEAD_S * 1e9);
  a->noise_second = (int64_t)-LEAD_S;
  double surge = 1;
  for (uint32_t i = 0; i < conf->events; i++) {
    if (conf->event[i].kind == SIM_EVENT_surge && conf->event[i].factor > surge) surge = conf->event[i].factor;
  }
  for (uint32_t i = 0; i < conf->ops; i++) a->weight_sum += conf->op[i].weight;
  double noise = conf->set.wander_sd > 0 || conf->set.burst_sd > 0 ? NOISE_MAX : 1;
  a->rate_max = conf->set.rate_per_s / conf->set.session_mean * surge * (1 + conf->set.day_amp) * noise;
}

void arrive_fini(struct sim_arrive *a) {
  free(a->heap);
}

static void heap_push(struct sim_arrive *a, struct arrive_next n) {
  if (a->heap_n == a->heap_max) {
    a->heap_max = a->heap_max ? a->heap_max * 2 : 256;
    a->heap = realloc(a->heap, a->heap_max * sizeof *a->heap);
    if (!a->heap) abort();
  }
  size_t i = a->heap_n++;
  while (i > 0 && a->heap[(i - 1) / 2].at_ns > n.at_ns) {
    a->heap[i] = a->heap[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  a->heap[i] = n;
}

static struct arrive_next heap_pop(struct sim_arrive *a) {
  struct arrive_next top = a->heap[0], last = a->heap[--a->heap_n];
  size_t i = 0;
  for (;;) {
    size_t child = 2 * i + 1;
    if (child >= a->heap_n) break;
    if (child + 1 < a->heap_n && a->heap[child + 1].at_ns < a->heap[child].at_ns) child++;
    if (a->heap[child].at_ns >= last.at_ns) break;
    a->heap[i] = a->heap[child];
    i = child;
  }
  a->heap[i] = last;
  return top;
}

/* Each second the wander takes a step, and a burst may start. Both have mean 1 on the rate. */
static void noise_step(struct sim_arrive *a, uint32_t k) {
  const struct sim_settings *set = &a->conf->set;
  double keep = exp(-1 / set->wander_tau_s);
  double step = log(rng_lognormal(&a->rng, 1, 1));
  a->wander[k] = a->wander[k] * keep + set->wander_sd * sqrt(1 - keep * keep) * step;
  if (set->burst_sd > 0 && a->noise_second >= a->burst_until_s[k]) {
    double size = rng_lognormal(&a->rng, 1, set->burst_sd);
    a->burst[k] = log(size) - set->burst_sd * set->burst_sd / 2;
    a->burst_until_s[k] = a->noise_second + 2 + (int64_t)rng_below(&a->rng, 9);
  }
}

/* 1 on the week's last two days, 0 on the others, with slopes of EDGE_DAYS between. */
static double weekend(double day) {
  static const double EDGE_DAYS = 0.1, FROM = 5;
  double in_week = fmod(day, 7);
  double since = in_week >= FROM ? in_week - FROM : 1, until = 7 - in_week;
  double in = in_week >= FROM ? since / EDGE_DAYS : 0, out = until / EDGE_DAYS;
  double least = in < out ? in : out;
  return least < 1 ? least : 1;
}

static double day_factor(const struct sim_settings *set, int64_t at_ns) {
  static const double TURN = 6.283185307179586;
  double day = set->start_day + (double)at_ns * 1e-9 / set->day_period_s;
  double week = set->week_amp > 0 && day > 0 ? 1 - set->week_amp * weekend(day) : 1;
  return (1 + set->day_amp * sin(TURN * (double)at_ns * 1e-9 / set->day_period_s + TURN * set->start_day)) * week;
}

/* By how much a surge multiplies at that time. */
static double surge_factor(const struct sim_event *e, int64_t at_ns) {
  double since_s = (double)(at_ns - e->at_ns) * 1e-9;
  double part = since_s < e->ramp_s ? since_s / e->ramp_s : 1;
  return 1 + (e->factor - 1) * part;
}

/* Visits a second that start in cluster k, as a share of rate_max. */
static double intensity(const struct sim_arrive *a, uint32_t k, int64_t at_ns) {
  const struct sim_conf *c = a->conf;
  double wander = a->wander[k] - c->set.wander_sd * c->set.wander_sd / 2 + a->burst[k];
  double f = exp(wander) * day_factor(&c->set, at_ns) * c->cluster[k].share;
  for (uint32_t i = 0; i < c->events; i++) {
    const struct sim_event *e = &c->event[i];
    if (e->kind != SIM_EVENT_surge || !world_event_on(e, at_ns) || e->op >= 0) continue;
    if (e->cluster < 0 || (uint32_t)e->cluster == k) f *= surge_factor(e, at_ns);
  }
  return f * c->set.rate_per_s / c->set.session_mean;
}

static double share_sum(const struct sim_conf *c) {
  double sum = 0;
  for (uint32_t k = 0; k < c->clusters; k++) sum += c->cluster[k].share;
  return sum;
}

static void noise_until(struct sim_arrive *a, int64_t at_ns) {
  while (a->noise_second * SIM_NS_PER_S <= at_ns) {
    for (uint32_t k = 0; k < a->conf->clusters; k++) noise_step(a, k);
    a->noise_second++;
  }
}

/* The next visit by thinning: candidates come at rate_max; each cluster takes its share of them. */
static void visit_next(struct sim_arrive *a) {
  for (;;) {
    a->clock_ns += (int64_t)(rng_exp(&a->rng, 1 / a->rate_max) * 1e9) + 1;
    noise_until(a, a->clock_ns);
    double u = rng_unit(&a->rng) * a->rate_max * share_sum(a->conf);
    for (uint32_t k = 0; k < a->conf->clusters; k++) {
      u -= intensity(a, k, a->clock_ns);
      if (u >= 0) continue;
      uint32_t left = rng_geometric(&a->rng, a->conf->set.session_mean);
      heap_push(a, (struct arrive_next){.at_ns = a->clock_ns, .visit = a->visits++, .cluster = k, .left = left});
      return;
    }
  }
}

static uint32_t op_pick(const struct sim_arrive *a, struct sim_rng *rng) {
  double u = rng_unit(rng) * a->weight_sum;
  uint32_t last = 0;
  for (uint32_t i = 0; i < a->conf->ops; i++) {
    if (a->conf->op[i].weight <= 0) continue;
    last = i;
    u -= a->conf->op[i].weight;
    if (u < 0) break;
  }
  return last;
}

/* What the events make of a request that would come: another cluster, or it stays away. */
static bool user_event(const struct sim_arrive *a, struct sim_rng *rng, struct sim_visit *v, bool copy) {
  bool comes = true;
  for (uint32_t i = 0; i < a->conf->events; i++) {
    const struct sim_event *e = &a->conf->event[i];
    if (!world_event_on(e, v->at_ns)) continue;
    bool here = (e->cluster < 0 || (uint32_t)e->cluster == v->cluster) && (e->op < 0 || (uint32_t)e->op == v->op);
    double luck = rng_unit(rng);
    if (e->kind == SIM_EVENT_failover && here && luck < e->prob) v->cluster = (uint32_t)e->to;
    if (e->kind == SIM_EVENT_drop && here && luck >= e->factor) comes = false;
    if (e->kind == SIM_EVENT_erratic && here && !copy && luck * e->factor >= 1) comes = false;
  }
  return comes;
}

static uint32_t whole(struct sim_rng *rng, double mean) {
  return (uint32_t)mean + (rng_unit(rng) < mean - floor(mean));
}

/* A surge of one operation adds requests of it, within a second. */
static uint32_t extra_of_surge(const struct sim_arrive *a, struct sim_rng *rng, const struct sim_visit *v) {
  for (uint32_t i = 0; i < a->conf->events; i++) {
    const struct sim_event *e = &a->conf->event[i];
    if (e->kind != SIM_EVENT_surge || e->op < 0 || (uint32_t)e->op != v->op || !world_event_on(e, v->at_ns)) continue;
    return whole(rng, surge_factor(e, v->at_ns) - 1);
  }
  return 0;
}

/* Erratic users: of factor requests one comes, and it brings as many: variance to mean grows by about factor. */
static uint32_t extra_of_erratic(const struct sim_arrive *a, struct sim_rng *rng, const struct sim_visit *v) {
  for (uint32_t i = 0; i < a->conf->events; i++) {
    const struct sim_event *e = &a->conf->event[i];
    bool here = (e->cluster < 0 || (uint32_t)e->cluster == v->cluster) && (e->op < 0 || (uint32_t)e->op == v->op);
    if (e->kind == SIM_EVENT_erratic && here && world_event_on(e, v->at_ns)) return whole(rng, e->factor - 1);
  }
  return 0;
}

/* The visit's next request, if it has one. */
static void visit_go_on(struct sim_arrive *a, struct sim_rng *rng, struct arrive_next n) {
  double pause_s = rng_exp(rng, a->conf->set.think_s);
  if (n.left < 2) return;
  n.left--;
  n.at_ns += (int64_t)(pause_s * 1e9) + 1;
  n.step++;
  heap_push(a, n);
}

static struct arrive_next copies_push(struct sim_arrive *a, struct sim_rng *rng, const struct sim_visit *v,
                                      struct arrive_next n, uint32_t copies, double within_s) {
  n.left = 0;
  n.copy_of = v->op + 1;
  for (uint32_t i = 0; i < copies; i++) {
    n.step += COPY_STEP;
    n.at_ns = v->at_ns + (int64_t)(rng_unit(rng) * within_s * 1e9) + 1;
    heap_push(a, n);
  }
  return n;
}

static struct arrive_next take(struct sim_arrive *a) {
  while (a->heap_n == 0 || a->heap[0].at_ns > a->clock_ns) visit_next(a);
  return heap_pop(a);
}

bool arrive_next(struct sim_arrive *a, struct sim_visit *v) {
  int64_t end_ns = (int64_t)(a->conf->set.duration_s * 1e9);
  for (;;) {
    struct arrive_next n = take(a);
    if (n.at_ns >= end_ns) return false;
    struct sim_rng rng;
    rng_init(&rng, a->conf->key, 7 + n.visit, n.step);
    uint32_t op = op_pick(a, &rng);
    *v = (struct sim_visit){.cluster = n.cluster, .at_ns = n.at_ns, .number = n.visit << 32 | n.step};
    v->op = n.copy_of ? n.copy_of - 1 : op;
    visit_go_on(a, &rng, n);
    bool copy = n.copy_of != 0;
    if (!copy) n = copies_push(a, &rng, v, n, extra_of_surge(a, &rng, v), 1);
    if (!user_event(a, &rng, v, copy)) continue;
    if (!copy) copies_push(a, &rng, v, n, extra_of_erratic(a, &rng, v), BUNCH_S);
    return true;
  }
}
