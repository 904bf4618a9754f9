#include "null_traffic.h"

#include <string.h>

#include "base_math.h"

#define TICKS_PER_DAY (86400.0 * (double)LIMIT_TICKS_PER_S)
#define CELLS_PER_OCTAVE 64
#define MEDIAN_NS 20e6
#define FLOOR_LOG2 14.0 /* the grid starts at 2^14 ns and has 16 octaves; shifts reach 2^10 beyond */
#define TWO_PI 6.283185307179586

/* Events of the other classes as multiples of the failures' ratio: each signal sees its own rarity. */
static const struct {
  enum rec_class class_;
  double scale, max;
} others[] = {{REC_CLASS_TIMEOUT, 0.2, 0.2}, {REC_CLASS_CLIENT_ERROR, 5.0, 0.3}};
#define RETRY_SCALE 2.0

static double log2_of(double x) {
  return math_log(x) / MATH_LN2;
}

static double cell_ns(double cell) {
  return math_exp((FLOOR_LOG2 + (cell + 0.5) / CELLS_PER_OCTAVE) * MATH_LN2);
}

/* Weights of a log-normal, cell by cell; the slowest 5 % replaced by a Pareto tail where asked. */
static void durations_init(struct draw_alias *a, const struct traffic_latency *l, double median_ns) {
  double w[DRAW_CELLS], mid = (log2_of(median_ns) - FLOOR_LOG2) * CELLS_PER_OCTAVE;
  double per_sd = l->sigma / MATH_LN2 * CELLS_PER_OCTAVE, from = mid + 1.6449 * per_sd;
  for (uint32_t i = 0; i < DRAW_CELLS; i++) {
    double lo = (double)i, hi = lo + 1.0;
    w[i] = math_norm_sf((lo - mid) / per_sd) - math_norm_sf((hi - mid) / per_sd);
    if (l->pareto <= 0.0 || lo < from) continue;
    double step = l->pareto * MATH_LN2 / CELLS_PER_OCTAVE;
    w[i] = 0.05 * (math_exp(-(lo - from) * step) - math_exp(-(hi - from) * step));
  }
  draw_alias_init(a, w);
}

void traffic_init(struct traffic *t, const struct traffic_conf *conf, uint64_t seed, uint64_t stream) {
  memset(t, 0, sizeof *t);
  t->conf = *conf;
  t->fault = TRAFFIC_HEALTHY;
  rng_init(&t->rng, seed, stream, 0);
  durations_init(&t->fast, &conf->latency, MEDIAN_NS);
  if (conf->latency.slow_share > 0.0) durations_init(&t->slow, &conf->latency, MEDIAN_NS * conf->latency.slow_factor);
  for (int i = 0; i < TRAFFIC_MAP_CELLS; i++) {
    t->cell_ns[i] = cell_ns((double)i);
    t->bucket[i] = (uint8_t)hist_bucket((uint64_t)t->cell_ns[i]);
  }
  t->rate_wander = conf->wander_sd * draw_normal(&t->rng);
  t->event_wander = conf->event_wander_sd * draw_normal(&t->rng);
  t->latency_wander = conf->latency.wander_sd * draw_normal(&t->rng);
  t->share_wander = conf->latency.share_wander_sd * draw_normal(&t->rng);
  t->phase = rng_unit(&t->rng);
  t->gamma = 1.0;
  if (conf->visit_mean > 1.0)
    t->thinking = draw_poisson(&t->rng, conf->per_s * conf->think_s * (1.0 - 1.0 / conf->visit_mean));
}

static void wander_step(struct sim_rng *r, double *at, double sd, double memory_s) {
  if (sd <= 0.0) return;
  double keep = math_exp(-1.0 / memory_s);
  *at = *at * keep + sd * math_sqrt(1.0 - keep * keep) * draw_normal(r);
}

/* All that changes once a second. */
static void second_step(struct traffic *t) {
  const struct traffic_conf *c = &t->conf;
  wander_step(&t->rng, &t->rate_wander, c->wander_sd, c->wander_s);
  wander_step(&t->rng, &t->event_wander, c->event_wander_sd, c->event_wander_s);
  wander_step(&t->rng, &t->latency_wander, c->latency.wander_sd, c->latency.wander_s);
  wander_step(&t->rng, &t->share_wander, c->latency.share_wander_sd, c->latency.wander_s);
  if (c->dispersion > 1.0) t->gamma = draw_gamma(&t->rng, c->per_s / (c->dispersion - 1.0));
}

/* Of the mean rate: wander (its mean is 1) and the time of day. */
static double load_of(const struct traffic *t) {
  double load = math_exp(t->rate_wander - 0.5 * t->conf.wander_sd * t->conf.wander_sd);
  if (t->conf.day_amp > 0.0) {
    double turn = (double)t->tick / TICKS_PER_DAY + t->phase, x = turn - (double)(int64_t)turn - 0.5;
    load *= 1.0 + t->conf.day_amp * (x < 0.0 ? -1.0 : 1.0) * 16.0 * (x < 0.0 ? -x : x) * (0.5 - (x < 0.0 ? -x : x));
  }
  return load;
}

/* Requests of a step. Visits: each request is followed by another with probability 1 - 1/mean, after a pause. */
static uint32_t requests_draw(struct traffic *t, double load, double step_s) {
  const struct traffic_conf *c = &t->conf;
  double mean = c->per_s * load * t->gamma * step_s;
  if (c->visit_mean <= 1.0) return draw_poisson(&t->rng, mean * t->fault.rate);
  uint32_t first = draw_poisson(&t->rng, mean / c->visit_mean);
  uint32_t again = draw_binomial(&t->rng, t->thinking, 1.0 - math_exp(-step_s / c->think_s));
  uint32_t more = draw_binomial(&t->rng, first + again, 1.0 - 1.0 / c->visit_mean), n = first + again;
  t->thinking += more - again;
  if (t->fault.rate < 1.0) return draw_binomial(&t->rng, n, t->fault.rate);
  return n + draw_poisson(&t->rng, n * (t->fault.rate - 1.0));
}

/* Failures alone, or in clusters of geometric size. */
static uint32_t events_draw(struct traffic *t, uint32_t n, double p) {
  double size = t->conf.event_cluster;
  if (size <= 1.0) return draw_binomial(&t->rng, n, p);
  uint32_t clusters = draw_binomial(&t->rng, n, p / size), e = 0;
  for (; clusters; clusters--) e += rng_geometric(&t->rng, size);
  return e < n ? e : n;
}

static void events_step(struct traffic *t, uint32_t n) {
  const struct traffic_conf *c = &t->conf;
  double p = c->event_p * math_exp(t->event_wander - 0.5 * c->event_wander_sd * c->event_wander_sd);
  uint32_t left = n;
  if (t->fault.event_p >= 0.0)
    t->obs.class_n[REC_CLASS_SERVER_ERROR] = draw_binomial(&t->rng, n, t->fault.event_p);
  else
    t->obs.class_n[REC_CLASS_SERVER_ERROR] = events_draw(t, n, p < 0.5 ? p : 0.5);
  left -= t->obs.class_n[REC_CLASS_SERVER_ERROR];
  for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
    double q = p * others[i].scale;
    uint32_t e = events_draw(t, left, q < others[i].max ? q : others[i].max);
    t->obs.class_n[others[i].class_] = e;
    left -= e;
  }
  t->obs.class_n[REC_CLASS_OK] = left;
  t->obs.retries = draw_binomial(&t->rng, n, p * RETRY_SCALE < 0.3 ? p * RETRY_SCALE : 0.3);
}

/* Cells by which the durations of this step are shifted; the fraction is left to chance. */
static double shift_of(const struct traffic *t, double load) {
  double shift = t->latency_wander / MATH_LN2, rho = t->conf.latency.load;
  if (rho > 0.0) {
    double now = rho * load;
    shift += log2_of((1.0 - rho) / (1.0 - (now < 0.9 ? now : 0.9)));
  }
  return shift * CELLS_PER_OCTAVE;
}

static void durations_step(struct traffic *t, uint32_t n, double load) {
  const struct traffic_latency *l = &t->conf.latency;
  double shift = shift_of(t, load), share = l->slow_share, sum = 0.0;
  double fault_shift = t->fault.slow_share > 0.0 ? log2_of(t->fault.slow_factor) * CELLS_PER_OCTAVE : 0.0;
  share *= math_exp(t->share_wander - 0.5 * l->share_wander_sd * l->share_wander_sd);
  uint32_t slow = share > 0.0 ? draw_binomial(&t->rng, n, share < 0.9 ? share : 0.9) : 0;
  for (uint32_t i = 0; i < n; i++) {
    double at = (double)draw_cell(i < slow ? &t->slow : &t->fast, &t->rng) + shift + rng_unit(&t->rng);
    if (t->fault.slow_share > 0.0 && rng_unit(&t->rng) < t->fault.slow_share) at += fault_shift;
    uint32_t cell = at < 0.0 ? 0 : at < TRAFFIC_MAP_CELLS ? (uint32_t)at : TRAFFIC_MAP_CELLS - 1;
    t->hist[t->bucket[cell]]++;
    sum += t->cell_ns[cell];
  }
  t->obs.latency_sum_ns = (uint64_t)sum;
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) {
    if (!t->hist[j]) continue;
    t->cell[t->obs.hist_n++] = (struct rec_hist_cell){j, t->hist[j]};
    t->hist[j] = 0;
  }
}

bool traffic_step(struct traffic *t, uint32_t ticks) {
  if (t->tick % LIMIT_TICKS_PER_S == 0) second_step(t);
  double load = load_of(t);
  uint32_t n = requests_draw(t, load, (double)ticks / (double)LIMIT_TICKS_PER_S);
  t->tick += ticks;
  t->obs = (struct rec_obs){0};
  if (n == 0) return false;
  events_step(t, n);
  durations_step(t, t->obs.class_n[REC_CLASS_OK], load);
  return true;
}
