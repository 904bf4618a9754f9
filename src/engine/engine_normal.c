/* What the API tells of a series' normal life: a read of the states, between ticks. */
#include "base_math.h"
#include "detect_latency.h"
#include "detect_rate.h"
#include "detect_ratio.h"
#include "engine_impl.h"

#define WIDE 3.0    /* standard deviations of the band, as in an incident's plot */
#define SPAN_S 60.0 /* the smallest effects are those of one minute */

static struct engine_band band_around(double mean, double half) {
  return (struct engine_band){mean > half ? mean - half : 0.0, mean + half};
}

static double log_c_of(const struct engine *e, const struct rec_series *who, enum rec_signal signal) {
  return e->log_c[rec_level_share(who->level)] + (double)e->raised[signal];
}

static void rate_normal(const struct series_state *s, double step_s, struct engine_normal *out) {
  double rate = detect_rate_per_s(&s->rate);
  double known = rate * math_sqrt((double)s->rate.zeta2 + (double)s->rate.phi_ten / ((double)s->rate.a + 1.0));
  out->requests_per_s = band_around(rate, WIDE * (known + math_sqrt((double)s->rate.phi * rate * step_s) / step_s));
}

static void ratio_normal(const struct series_state *s, double n, struct engine_normal *out) {
  const struct series_ratio *r = series_ratio_find(s, REC_SIGNAL_ERRORS);
  if (!r) r = &s->ratio[0];
  double phi = series_ratio_phi(r), events = (double)r->a + 0.5, requests = (double)s->requests + 1.0;
  double p = events / requests, known = math_sqrt(phi * events) / requests;
  out->error_ratio = band_around(p, WIDE * (known + math_sqrt(p * phi / n)));
  if (out->error_ratio.high > 1.0) out->error_ratio.high = 1.0;
}

static void latency_normal(const struct series_state *s, double n, struct engine_normal *out) {
  double mean = (double)s->latency.mean_s, phi = (double)s->latency.phi;
  out->latency_mean_s = band_around(mean, WIDE * incident_latency_sd_s(s) * math_sqrt(phi / n));
  out->latency_p99_s = detect_latency_quantile_s(&s->latency, 0.99);
}

static void smallest_find(const struct engine *e, const struct rec_series *who, const struct series_state *s,
                          struct engine_normal *out) {
  const struct series_ratio *r = series_ratio_find(s, REC_SIGNAL_ERRORS);
  double per_s = detect_rate_per_s(&s->rate);
  out->smallest_fewer = detect_rate_smallest(&s->rate, log_c_of(e, who, REC_SIGNAL_REQUESTS_DOWN), SPAN_S, true);
  out->smallest_more = detect_rate_smallest(&s->rate, log_c_of(e, who, REC_SIGNAL_REQUESTS_UP), SPAN_S, false);
  out->smallest_slower = detect_latency_smallest(&s->latency, per_s, log_c_of(e, who, REC_SIGNAL_LATENCY), SPAN_S);
  double times = detect_ratio_smallest(r ? r : &s->ratio[0], (struct detect_prior){0}, s->requests, per_s,
                                       log_c_of(e, who, REC_SIGNAL_ERRORS), SPAN_S);
  out->smallest_error_ratio = times * detect_ratio_mean(r ? r : &s->ratio[0], s->requests);
}

bool engine_series_normal(const struct engine *e, uint32_t series_idx, uint32_t step_s, struct engine_normal *out) {
  const struct series_entry *entry = series_catalog_find(&e->catalog, series_idx);
  *out = (struct engine_normal){0};
  if (!entry || step_s == 0 || !e->state[series_idx].used) return false;
  const struct series_state *s = &e->state[series_idx];
  double n = detect_rate_per_s(&s->rate) * (double)step_s;
  if (s->requests < 1.0f) return false;
  if (n < 1.0) n = 1.0;
  rate_normal(s, (double)step_s, out);
  ratio_normal(s, n, out);
  latency_normal(s, n, out);
  smallest_find(e, &entry->who, s, out);
  return true;
}
