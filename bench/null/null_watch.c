#include "null_watch.h"

#include <string.h>

#include "base_math.h"
#include "base_must.h"

#define SAME_AGAIN 3.0f /* nats: below, a copy is no longer told apart */
#define NEAR 8.0f       /* nats: below, no threshold can be passed in this step by the mean of all alternatives */

double watch_threshold(unsigned i) {
  return 10.0 + 2.0 * i;
}

const char *watch_signal_text(enum watch_signal s) {
  static const char *const text[WATCH_SIGNALS] = {"requests_down", "requests_up",   "latency", "errors",
                                                  "timeouts",      "client_errors", "retries"};
  return text[s];
}

struct statistics {
  const float *g;
  unsigned k;
};

/* A ratio that has seen no event yet is calm. */
static struct statistics ratio_of(const struct series_state *s, enum rec_signal signal) {
  static const float calm[SERIES_RATIO_ALTS] = {DETECT_FLOOR, DETECT_FLOOR, DETECT_FLOOR};
  const struct series_ratio *r = series_ratio_find(s, signal);
  return (struct statistics){r ? r->g : calm, SERIES_RATIO_ALTS};
}

static struct statistics statistics_of(const struct series_state *s, enum watch_signal signal) {
  switch (signal) {
    case WATCH_DOWN: return (struct statistics){s->rate.g_down, SERIES_RATE_ALTS};
    case WATCH_UP: return (struct statistics){s->rate.g_up, SERIES_RATE_ALTS};
    case WATCH_LATENCY: return (struct statistics){s->latency.g, SERIES_LATENCY_ALTS};
    case WATCH_ERRORS: return ratio_of(s, REC_SIGNAL_ERRORS);
    case WATCH_TIMEOUTS: return ratio_of(s, REC_SIGNAL_TIMEOUTS);
    case WATCH_CLIENT_ERRORS: return ratio_of(s, REC_SIGNAL_CLIENT_ERRORS);
    case WATCH_RETRIES: return ratio_of(s, REC_SIGNAL_RETRIES);
    default: MUST(!"no such signal"); return (struct statistics){NULL, 0};
  }
}

static float top_of(const float *g, unsigned k) {
  float top = g[0];
  for (unsigned i = 1; i < k; i++) top = g[i] > top ? g[i] : top;
  return top;
}

static double log_mean_of(const double *g, unsigned k) {
  double top = g[0], sum = 0.0;
  for (unsigned i = 1; i < k; i++) top = g[i] > top ? g[i] : top;
  for (unsigned i = 0; i < k; i++) sum += math_exp(g[i] - top);
  return top + math_log(sum / k);
}

void watch_clear(struct watch *w) {
  memset(w->one, 0, sizeof w->one);
}

void watch_before(struct watch *w, const struct series_state *s) {
  for (unsigned i = 0; i < WATCH_SIGNALS; i++) {
    struct statistics st = statistics_of(s, i);
    MUST(st.k <= WATCH_ALTS);
    memcpy(w->one[i].before, st.g, st.k * sizeof *st.g);
  }
}

/* l of the step from what it made of g; an alternative that had nothing to say left it as it was. */
static void shadow_step(double *shadow, const float *before, const float *after, unsigned k) {
  for (unsigned i = 0; i < k; i++) {
    if (after[i] == before[i]) continue;
    double l = (double)after[i] - math_log1p_exp((double)before[i]);
    double next = math_log1p_exp(shadow[i]) + l;
    shadow[i] = next > (double)DETECT_FLOOR ? next : (double)DETECT_FLOOR;
  }
}

static void shadows_step(struct watch_one *o, struct statistics st, uint64_t *alarms, bool count) {
  bool calm = top_of(st.g, st.k) < SAME_AGAIN;
  o->active = false;
  for (unsigned h = 0; h < WATCH_THRESHOLDS; h++) {
    double *shadow = o->shadow[h];
    if (calm) o->apart[h] = false;
    if (o->apart[h])
      shadow_step(shadow, o->before, st.g, st.k);
    else
      for (unsigned i = 0; i < st.k; i++) shadow[i] = (double)st.g[i];
    if (count && log_mean_of(shadow, st.k) >= watch_threshold(h)) {
      alarms[h]++;
      o->apart[h] = true;
      for (unsigned i = 0; i < st.k; i++) shadow[i] = (double)DETECT_FLOOR;
    }
    o->active |= o->apart[h];
  }
}

void watch_after(struct watch *w, const struct series_state *s, bool count) {
  for (unsigned i = 0; i < WATCH_SIGNALS; i++) {
    struct statistics st = statistics_of(s, i);
    if (!w->one[i].active && top_of(st.g, st.k) < NEAR) continue;
    shadows_step(&w->one[i], st, w->alarms[i], count);
  }
}
