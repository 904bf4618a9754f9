#include "incident_view.h"

#include "base_math.h"
#include "base_must.h"
#include "detect_latency.h"
#include "detect_rate.h"
#include "detect_ratio.h"
#include "series_recent.h"

#define YOUNG (240u * LIMIT_TICKS_PER_S)

static const struct series_state *state_of(const struct incident_view *v, uint32_t idx) {
  if (idx == REC_SERIES_NONE || !series_catalog_find(v->catalog, idx)) return NULL;
  const struct series_state *s = &v->state[idx];
  return s->used ? s : NULL;
}

static const struct series_ratio *errors_of(const struct series_state *s) {
  return &s->ratio[0]; /* the slot that every series has */
}

/* Of the requests that did not fail, the share that was fine: the rest are the clients' doing, and have no latency. By
 * the ratios, as learning of durations may stand still while requests go on. */
static double fine_share(const struct series_state *s) {
  static const uint8_t theirs[] = {REC_SIGNAL_CLIENT_ERRORS, REC_SIGNAL_DENIED, REC_SIGNAL_THROTTLED,
                                   REC_SIGNAL_CANCELLED};
  double answered = (double)s->requests - (double)errors_of(s)->a, bad = 0.0;
  for (unsigned i = 0; i < sizeof theirs; i++) {
    const struct series_ratio *r = series_ratio_find(s, theirs[i]);
    if (r) bad += (double)r->a;
  }
  return answered > 1.0 && bad < answered ? 1.0 - bad / answered : 1.0;
}

static double latency_var(const struct series_latency *d) {
  double m = 0.0, q = 0.0, total = 0.0;
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) {
    double at = 0.5e-9 * (double)(hist_bucket_ns(j) + hist_bucket_ns(j + 1)), p = (double)d->p[j];
    m += p * at;
    q += p * at * at;
    total += p;
  }
  if (total <= 0.0) return 0.0;
  m /= total;
  return q / total - m * m;
}

double incident_latency_sd_s(const struct series_state *s) {
  return math_sqrt(latency_var(&s->latency));
}

/* Whose normal a series is held against. One that is younger than the trouble, or little older (a new pod, a new
 * version), has learned the trouble as its normal: its service's is taken. */
static const struct series_state *normal_of(const struct incident_view *v, const struct series_state *s,
                                            uint32_t from) {
  const struct series_entry *e = &v->catalog->entry[s->series_idx];
  if (s->born_seq + YOUNG <= from || e->node == REC_SERIES_NONE) return s;
  uint32_t idx = e->edge != REC_SERIES_NONE ? v->catalog->edge[e->edge].series[s->side]
                                            : v->catalog->node[e->node].series[s->side];
  const struct series_state *parent = state_of(v, idx);
  return parent && parent->born_seq < s->born_seq ? parent : s;
}

static struct incident_excess excess_from(const struct series_state *s, enum incident_family family,
                                          struct series_sum sum) {
  struct incident_excess out = {.n = sum.n, .sd = 1.0};
  if (family == INCIDENT_ERRORS) {
    double p = detect_ratio_mean(errors_of(s), s->requests),
           up = detect_ratio_upper(errors_of(s), (struct detect_prior){0}, s->requests);
    out.bad = sum.e;
    out.x = sum.e - sum.n * p;
    out.sd = math_sqrt(sum.n * up * (1.0 - up) * series_ratio_phi(errors_of(s)) + 0.25);
  } else {
    double fine = (sum.n - sum.e) * fine_share(s), mean = (double)s->latency.mean_s;
    /* zeta2 is of scores, sd buckets each, four to an octave: exp of that is the factor on the mean */
    double log_sd = (double)s->latency.sd * (MATH_LN2 / (double)(1u << HIST_BITS));
    double var = latency_var(&s->latency), wander = (double)s->latency.zeta2 * log_sd * log_sd;
    out.bad = fine;
    out.x = s->latency.total > 0.0f ? sum.lat_s - fine * mean : 0.0;
    out.sd = math_sqrt(fine * var * (double)s->latency.phi + fine * fine * (0.0004 + wander) * mean * mean + 1e-8);
  }
  return out;
}

struct incident_excess incident_excess_of(const struct incident_view *v, uint32_t series_idx,
                                          enum incident_family family, uint32_t from, uint32_t to) {
  const struct series_state *s = state_of(v, series_idx);
  if (!s || family >= INCIDENT_TRAFFIC) return (struct incident_excess){.sd = 1.0};
  return excess_from(normal_of(v, s, from), family, series_recent_sum(s, from, to));
}

double incident_excess_second(const struct incident_view *v, uint32_t series_idx, enum incident_family family,
                              uint32_t sec) {
  const struct series_state *s = state_of(v, series_idx);
  struct series_sum one;
  if (!s || family >= INCIDENT_TRAFFIC || !series_recent_second(s, sec, &one)) return 0.0;
  return excess_from(s, family, one).x;
}

uint32_t incident_node_series(const struct incident_view *v, uint32_t node, enum rec_side side,
                              struct base_str cluster) {
  MUST(node < v->catalog->node_n);
  const struct series_node *n = &v->catalog->node[node];
  if (cluster.n == 0) return n->series[side];
  return series_catalog_child(v->catalog, n->first_child, REC_LEVEL_SERVICE_CLUSTER, side, REC_DIM_CLUSTER, cluster);
}

uint32_t incident_edge_series(const struct incident_view *v, uint32_t edge, enum rec_side side,
                              struct base_str cluster) {
  MUST(edge < v->catalog->edge_n);
  const struct series_edge *e = &v->catalog->edge[edge];
  if (cluster.n == 0) return e->series[side];
  return series_catalog_child(v->catalog, e->first_child, REC_LEVEL_EDGE_CLUSTER, side, REC_DIM_CLUSTER, cluster);
}

uint32_t incident_call_series(const struct incident_view *v, uint32_t edge, struct base_str cluster) {
  uint32_t idx = incident_edge_series(v, edge, REC_SIDE_CLIENT, cluster);
  return idx != REC_SERIES_NONE ? idx : incident_edge_series(v, edge, REC_SIDE_SERVER, cluster);
}

uint32_t incident_call_within(const struct incident_view *v, uint32_t edge, struct base_str cluster) {
  uint32_t idx = incident_call_series(v, edge, cluster);
  return idx != REC_SERIES_NONE ? idx : incident_call_series(v, edge, STR_NONE);
}

struct incident_excess incident_call_excess(const struct incident_view *v, uint32_t edge, struct base_str cluster,
                                            enum incident_family family, uint32_t from, uint32_t to) {
  return incident_excess_of(v, incident_call_within(v, edge, cluster), family, from, to);
}

double incident_recovery(const struct incident_view *v, uint32_t series_idx, enum rec_signal signal) {
  const struct series_state *s = state_of(v, series_idx);
  if (!s) return 0.0;
  switch (signal) {
    case REC_SIGNAL_REQUESTS_DOWN: return (double)s->rate.down.level;
    case REC_SIGNAL_REQUESTS_UP: return (double)s->rate.up.level;
    case REC_SIGNAL_LATENCY: return (double)s->latency.alarm.level;
    case REC_SIGNAL_ERRATIC: return (double)s->extra.flow.erratic.alarm.level;
    case REC_SIGNAL_BYTES: return (double)s->extra.flow.bytes.alarm.level;
    case REC_SIGNAL_HANGING: return (double)s->extra.flow.hanging.alarm.level;
    case REC_SIGNAL_ERRORS_APART: return (double)s->extra.apart.errors.alarm.level;
    case REC_SIGNAL_LATENCY_APART: return (double)s->extra.apart.latency.alarm.level;
    case REC_SIGNAL_ERRORS_DRIFT: return (double)s->drift.errors.level;
    case REC_SIGNAL_LATENCY_DRIFT: return (double)s->drift.latency.level;
    default: break;
  }
  const struct series_ratio *r = series_ratio_find(s, signal);
  return r ? (double)r->alarm.level : 0.0;
}

struct incident_normal incident_normal_of(const struct incident_view *v, uint32_t series_idx, uint32_t from) {
  const struct series_state *own = state_of(v, series_idx);
  if (!own) return (struct incident_normal){0};
  const struct series_state *s = normal_of(v, own, from);
  return (struct incident_normal){
      .requests_per_s = detect_rate_per_s(&s->rate),
      .error_ratio = detect_ratio_mean(errors_of(s), s->requests),
      .latency_mean_s = (double)s->latency.mean_s,
      .latency_p99_s = detect_latency_quantile_s(&s->latency, 0.99),
      .requests = (double)s->requests,
      .age_s = (double)(v->seq - s->born_seq) / (double)LIMIT_TICKS_PER_S,
  };
}

enum incident_family incident_family_of(enum rec_signal s) {
  switch (s) {
    case REC_SIGNAL_LATENCY: return INCIDENT_LATENCY;
    case REC_SIGNAL_REQUESTS_DOWN:
    case REC_SIGNAL_REQUESTS_UP: return INCIDENT_TRAFFIC;
    case REC_SIGNAL_ERRORS:
    case REC_SIGNAL_UNREACHABLE:
    case REC_SIGNAL_TIMEOUTS:
    case REC_SIGNAL_OVERLOAD: return INCIDENT_ERRORS;
    default: return INCIDENT_OTHER;
  }
}

enum incident_family incident_family_shown(enum rec_signal s) {
  if (s == REC_SIGNAL_ERRORS_APART) return INCIDENT_ERRORS;
  return s == REC_SIGNAL_LATENCY_APART ? INCIDENT_LATENCY : incident_family_of(s);
}
