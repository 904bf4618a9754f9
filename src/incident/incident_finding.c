/* The numbers behind an incident: what is normal, how well that is known, what was seen, and how sure the difference
 * is. Each in the unit of the signal that spoke (docs/detectors/README.md). */
#include "base_math.h"
#include "base_must.h"
#include "detect_bytes.h"
#include "detect_latency.h"
#include "detect_rate.h"
#include "detect_ratio.h"
#include "incident_case.h"
#include "series_half.h"
#include "series_recent.h"

#define NONE REC_SERIES_NONE
#define Z95 1.96
#define BYTES_SD 0.1  /* of the log of some windows' mean size; nothing finer is claimed */
#define RINGS_S 100.0 /* so far back the rings go */
#define SPAN_S 60.0   /* the smallest effect is that of one minute */

/* The case's alarm on that series and signal; where there is none, its alarm with most evidence. */
static const struct incident_alarm *alarm_of(const struct incident_head *h, const struct incident_view *v,
                                             const struct incident_case *c) {
  const struct incident_cause *k = &c->story.cause[0];
  const struct incident_alarm *best = NULL, *a;
  bool exact = false;
  for (uint32_t at = 0; (a = incident_alarm_next(h, v, c, &at));) {
    bool same = a->series_idx == k->shown_idx && a->signal == k->signal;
    if (best && (exact ? !same || a->log_e <= best->log_e : !same && a->log_e <= best->log_e)) continue;
    best = a;
    exact |= same;
  }
  return best;
}

static void effect_set(struct rec_finding *f, double log_sd) {
  if (f->baseline <= 0.0) return;
  f->effect = f->observed / f->baseline;
  f->effect_low = f->effect * math_exp(-Z95 * log_sd);
  f->effect_high = f->effect * math_exp(Z95 * log_sd);
  f->known = true;
}

/* What a series saw while the trouble lasted, and how long that was. */
struct seen {
  struct series_sum sum;
  double span_s;
};

/* Of the series of the plot: its trace still has the seconds when its rings do not. */
static struct seen trace_sum(const struct incident_trace *t, uint32_t from, uint32_t until) {
  struct series_sum sum = {0};
  double span_s = 0.0;
  uint32_t first = from / LIMIT_TICKS_PER_S, last = until / LIMIT_TICKS_PER_S;
  for (uint32_t i = 0; t->step_s && i < t->n / t->step_s; i++) {
    uint32_t s = t->first_s + i * t->step_s;
    if (s + t->step_s <= first || s > last) continue;
    sum.n += (double)half_value(t->slot[i].n);
    sum.e += (double)half_value(t->slot[i].e);
    sum.lat_s += 1e-6 * (double)half_value(t->slot[i].lat_us);
    span_s += (double)t->step_s;
  }
  return (struct seen){sum, span_s > 0.0 ? span_s : 1.0};
}

static struct seen seen_of(const struct incident_view *v, const struct incident_case *c, uint32_t idx, uint32_t until) {
  if (c->trace.series_idx == idx && c->trace.n > 0) return trace_sum(&c->trace, c->from_seq, until);
  double span_s = (double)(until - c->from_seq + 1) / (double)LIMIT_TICKS_PER_S;
  return (struct seen){series_recent_sum(&v->state[idx], c->from_seq, until), span_s < RINGS_S ? span_s : RINGS_S};
}

/* Relative sd of a ratio of two counts' rates, by the delta method: 1/e + 1/a, times the overdispersion. */
static void share_find(const struct series_state *s, const struct incident_alarm *a, const struct seen *seen,
                       struct rec_finding *f) {
  const struct series_ratio *r = series_ratio_find(s, a ? a->signal : REC_SIGNAL_ERRORS);
  if (!r) r = &s->ratio[0];
  double requests = (double)s->requests, n = 0.0, e = 0.0, phi = series_ratio_phi(r);
  /* A class of failures has no seconds of its own; once its alarm is over, those of all failures speak for it. */
  if (r->signal != REC_SIGNAL_ERRORS) detect_ratio_since(r, &n, &e);
  if (n <= 0.0 && incident_family_of((enum rec_signal)r->signal) == INCIDENT_ERRORS) {
    n = seen->sum.n;
    e = seen->sum.e;
  }
  if (n <= 0.0 && a && a->seen > 0.0f) { /* what the alarm saw while it stood */
    e = (double)a->seen_per_tick * seen->span_s * (double)LIMIT_TICKS_PER_S;
    n = e / (double)a->seen;
  }
  double per_s = s->span > 0.0f ? requests / (double)s->span * (double)LIMIT_TICKS_PER_S : 0.0;
  f->unit = "share";
  f->baseline = ((double)r->a + 0.5) / (requests + 1.0);
  f->baseline_sd = math_sqrt(phi * ((double)r->a + 0.5)) / (requests + 1.0);
  f->observed = n > 0.0 ? e / n : 0.0;
  f->effect_smallest = detect_ratio_smallest(r, (struct detect_prior){0}, s->requests, per_s, f->log_c, SPAN_S);
  effect_set(f, math_sqrt(phi / (e + 0.5) + phi / ((double)r->a + 0.5)));
}

static void seconds_find(const struct incident_view *v, uint32_t idx, const struct series_state *s, uint32_t from,
                         const struct series_sum *seen, struct rec_finding *f) {
  struct incident_excess x = incident_excess_of(v, idx, INCIDENT_LATENCY, from, v->seq);
  struct incident_normal n = incident_normal_of(v, idx, from);
  if (x.bad <= 0.0 || n.latency_mean_s <= 0.0) return;
  double one = x.sd / x.bad, total = s->latency.total > 1.0f ? (double)s->latency.total : 1.0;
  f->unit = "s";
  f->baseline = n.latency_mean_s;
  f->baseline_sd = one * math_sqrt(x.bad / (x.bad > total ? x.bad : total));
  f->observed = seen->n > seen->e ? seen->lat_s / (seen->n - seen->e) : n.latency_mean_s + x.x / x.bad;
  if (f->observed < 0.0) f->observed = 0.0;
  double base = f->observed > f->baseline ? f->observed : f->baseline;
  effect_set(f, one * (base / f->baseline) / base);
}

static void rate_find(const struct series_state *s, const struct seen *seen, struct rec_finding *f) {
  double phi = (double)s->rate.phi_ten;
  f->unit = "1/s";
  f->baseline = detect_rate_per_s(&s->rate);
  f->baseline_sd = f->baseline * math_sqrt((double)s->rate.zeta2 + phi / ((double)s->rate.a + 1.0));
  f->observed = seen->sum.n / seen->span_s;
  effect_set(f, math_sqrt(phi / (seen->sum.n + 0.5) + (double)s->rate.zeta2));
}

static void numbers_find(const struct incident_view *v, uint32_t idx, const struct incident_alarm *a, uint32_t from,
                         const struct seen *seen, struct rec_finding *f) {
  const struct series_state *s = &v->state[idx];
  switch (f->signal) {
    case REC_SIGNAL_REQUESTS_DOWN:
    case REC_SIGNAL_REQUESTS_UP:
    case REC_SIGNAL_ERRATIC: rate_find(s, seen, f); break;
    case REC_SIGNAL_LATENCY:
    case REC_SIGNAL_LATENCY_APART:
    case REC_SIGNAL_LATENCY_DRIFT: seconds_find(v, idx, s, from, &seen->sum, f); break;
    case REC_SIGNAL_BYTES:
      f->unit = "bytes";
      f->baseline = detect_bytes_mean(&s->extra.flow.bytes);
      f->observed = detect_bytes_seen(&s->extra.flow.bytes);
      f->effect_smallest = detect_bytes_smallest(&s->extra.flow.bytes, f->log_c, SPAN_S);
      effect_set(f, BYTES_SD);
      break;
    case REC_SIGNAL_HANGING:
      f->unit = "requests";
      f->baseline = (double)s->extra.flow.hanging.mean;
      f->observed = (double)s->extra.flow.hanging.open;
      effect_set(f, math_sqrt(1.0 / (f->observed + 0.5)));
      break;
    default: share_find(s, a, seen, f); break;
  }
}

static float value_of(const struct rec_finding *f, struct series_slot s, uint32_t step_s) {
  double n = (double)half_value(s.n), e = (double)half_value(s.e), lat = 1e-6 * (double)half_value(s.lat_us);
  if (strcmp(f->unit, "1/s") == 0) return (float)(n / (double)step_s);
  if (strcmp(f->unit, "s") == 0) return n > e ? (float)(lat / (n - e)) : -1.0f;
  return n > 0.0 ? (float)(e / n) : -1.0f;
}

/* What one point of the plot would be in normal life, three standard deviations either way. */
static void band_set(const struct series_state *s, const struct rec_finding *f, double n, struct rec_plot *p) {
  double wide = 3.0 * f->baseline_sd;
  if (n < 1.0) n = 1.0;
  if (strcmp(f->unit, "1/s") == 0) {
    double one = f->baseline * (double)p->step_s;
    wide += 3.0 * math_sqrt((double)s->rate.phi * one) / (double)p->step_s;
  } else if (strcmp(f->unit, "s") == 0) {
    wide += 3.0 * incident_latency_sd_s(s) * math_sqrt((double)s->latency.phi / n);
  } else {
    wide += 3.0 * math_sqrt(f->baseline * series_ratio_phi(&s->ratio[0]) / n);
  }
  p->low = (float)(f->baseline > wide ? f->baseline - wide : 0.0);
  p->high = (float)(f->baseline + wide);
}

static void plot_write(const struct incident_head *h, const struct incident_view *v, const struct incident_trace *t,
                       const struct rec_finding *f, struct rec_plot *p) {
  bool plottable = strcmp(f->unit, "1/s") == 0 || strcmp(f->unit, "s") == 0 || strcmp(f->unit, "share") == 0;
  double n = 0.0;
  if (!plottable || t->series_idx == NONE || t->n == 0 || !series_catalog_find(v->catalog, t->series_idx)) return;
  p->from = incident_seq_wall(h, v, t->first_s * LIMIT_TICKS_PER_S);
  p->step_s = t->step_s;
  p->n = t->n / t->step_s;
  for (uint32_t i = 0; i < p->n; i++) {
    p->value[i] = value_of(f, t->slot[i], t->step_s);
    p->count[i] = (float)half_value(t->slot[i].n);
    n += (double)p->count[i];
  }
  band_set(&v->state[t->series_idx], f, p->n ? n / (double)p->n : 1.0, p);
}

void incident_finding_write(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                            struct rec_incident *out) {
  struct rec_finding *f = &out->finding;
  if (c->story.cause_n == 0) return;
  const struct incident_alarm *a = alarm_of(h, v, c);
  uint32_t idx = c->story.cause[0].shown_idx;
  if ((idx == NONE || !series_catalog_find(v->catalog, idx)) && a) idx = a->series_idx;
  if (idx == NONE || !series_catalog_find(v->catalog, idx) || !v->state[idx].used) return;
  const struct rec_series *who = &v->catalog->entry[idx].who;
  struct incident_cause named = {.series_idx = idx, .node = NONE};
  incident_entity_of(v, &named, &f->entity);
  f->signal = c->story.cause[0].signal;
  f->unit = "share";
  f->log_c = v->log_c ? v->log_c[rec_level_share(who->level)] : 0.0;
  f->log_e = a ? (double)a->log_e : 0.0;
  f->onset = incident_seq_wall(h, v, c->from_seq);
  f->baseline_age_s = (double)(v->seq - v->state[idx].born_seq) / (double)LIMIT_TICKS_PER_S;
  f->baseline_requests = (double)v->state[idx].requests;
  f->pace_s = (double)v->state[idx].pace / (double)LIMIT_TICKS_PER_S;
  uint32_t until = incident_case_until(h, v, c, v->seq);
  struct seen seen = seen_of(v, c, idx, until);
  numbers_find(v, idx, a, c->from_seq, &seen, f);
  plot_write(h, v, &c->trace, f, &out->plot);
}
