#include "detect_adopt.h"

#include "detect_apart.h"
#include "detect_bytes.h"
#include "detect_drift.h"
#include "detect_erratic.h"
#include "detect_hanging.h"
#include "detect_mask.h"
#include "detect_rate.h"
#include "detect_stages.h"

#define TIMES_LEFT 50.0f /* of the old durations: as many as a newborn may have before it is judged */

static void over_put(struct detect_out *out, const struct series_state *s, enum rec_signal signal, uint32_t seq) {
  detect_signal_put(out, s->series_idx, signal, (struct detect_verdict){DETECT_OVER, true, 0.0, seq}, seq);
}

static void traffic_adopt(struct series_state *s, uint32_t seq, struct detect_out *out) {
  bool down = s->rate.down_best != SERIES_CALM, up = s->rate.up_best != SERIES_CALM;
  detect_rate_adopt(&s->rate, seq);
  if (down) over_put(out, s, REC_SIGNAL_REQUESTS_DOWN, seq);
  if (up) over_put(out, s, REC_SIGNAL_REQUESTS_UP, seq);
}

static void ratios_adopt(struct series_state *s, uint32_t seq, struct detect_out *out) {
  for (unsigned i = 0; i < SERIES_RATIO_SLOTS; i++) {
    struct series_ratio *r = &s->ratio[i];
    double n = 0.0, e = 0.0;
    if (r->signal == SERIES_RATIO_FREE || r->best == SERIES_RATIO_CALM) continue;
    detect_ratio_since(r, &n, &e);
    if (n > 0.0) r->a = (float)(e / n) * s->requests;
    detect_ratio_clear(r, seq);
    over_put(out, s, r->signal, seq);
  }
}

/* The old distribution is kept, but light: the new one takes its place within a hundred requests. */
static void latency_adopt(struct series_state *s, uint32_t seq, struct detect_out *out) {
  struct series_latency *d = &s->latency;
  bool raised = d->best != SERIES_CALM;
  if (detect_mask_stages(s->level)) detect_stages_adopt(&s->extra.flow.stages);
  if (!raised && detect_mask(s->level, s->side)) return; /* where nothing is watched, nothing can be raised */
  float share = d->total > TIMES_LEFT ? TIMES_LEFT / d->total : 1.0f;
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) d->p[j] *= share;
  d->total *= share;
  d->near = 0.0f;
  detect_alarm_clear(d->g, SERIES_LATENCY_ALTS, &d->alarm, &d->best, seq);
  if (raised) over_put(out, s, REC_SIGNAL_LATENCY, seq);
}

static void apart_adopt(struct series_state *s, uint32_t seq, struct detect_out *out) {
  struct series_apart *a = &s->extra.apart;
  bool errors = a->errors_best != SERIES_CALM, latency = a->latency_best != SERIES_CALM;
  if (!errors && !latency) return;
  detect_apart_adopt(a, seq);
  if (errors) over_put(out, s, REC_SIGNAL_ERRORS_APART, seq);
  if (latency) over_put(out, s, REC_SIGNAL_LATENCY_APART, seq);
}

static void rest_adopt(struct series_state *s, uint32_t seq, struct detect_out *out) {
  bool errors = s->drift.errors_best != SERIES_CALM, latency = s->drift.latency_best != SERIES_CALM;
  detect_drift_adopt(&s->drift, seq);
  if (errors) over_put(out, s, REC_SIGNAL_ERRORS_DRIFT, seq);
  if (latency) over_put(out, s, REC_SIGNAL_LATENCY_DRIFT, seq);
  if (detect_mask_apart(s->level)) {
    apart_adopt(s, seq, out);
    return;
  }
  if (!detect_mask_stages(s->level) && s->extra.flow.hanging.best != SERIES_CALM) {
    detect_hanging_adopt(&s->extra.flow.hanging, seq);
    over_put(out, s, REC_SIGNAL_HANGING, seq);
  }
  if (s->extra.flow.bytes.best != SERIES_CALM) {
    detect_bytes_adopt(&s->extra.flow.bytes, seq);
    over_put(out, s, REC_SIGNAL_BYTES, seq);
  }
  if (s->extra.flow.erratic.best != SERIES_CALM) {
    detect_erratic_adopt(&s->extra.flow.erratic, seq);
    over_put(out, s, REC_SIGNAL_ERRATIC, seq);
  }
}

void detect_adopt(struct series_state *s, unsigned parts, uint32_t seq, struct detect_out *out) {
  if (parts & DETECT_ADOPT_TRAFFIC) traffic_adopt(s, seq, out);
  if (parts & DETECT_ADOPT_RATIOS) ratios_adopt(s, seq, out);
  if (parts & DETECT_ADOPT_LATENCY) latency_adopt(s, seq, out);
  if (parts & DETECT_ADOPT_REST) rest_adopt(s, seq, out);
}
