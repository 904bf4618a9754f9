#include "detect_step.h"

#include "base_must.h"
#include "detect_latency.h"
#include "detect_mask.h"
#include "detect_rate.h"
#include "detect_ratio.h"
#include "series_recent.h"

#define WINDOW (10u * LIMIT_TICKS_PER_S)
#define MINUTE (60u * LIMIT_TICKS_PER_S)
#define SILENCE (60u * LIMIT_TICKS_PER_S)
#define CLASS(name) (1u << REC_CLASS_##name)

/* Classes whose requests are events of each ratio, in the order of the signals; retries are counted by themselves. */
static const uint32_t event_classes[REC_SIGNAL_RATIO_COUNT] = {
    CLASS(SERVER_ERROR) | CLASS(UNREACHABLE) | CLASS(TIMEOUT) | CLASS(OVERLOAD) | CLASS(CUT),
    CLASS(UNREACHABLE) | CLASS(CUT),
    CLASS(TIMEOUT),
    CLASS(OVERLOAD),
    CLASS(CLIENT_ERROR) | CLASS(NOT_FOUND) | CLASS(PROTOCOL),
    CLASS(UNAUTHENTICATED) | CLASS(FORBIDDEN),
    CLASS(THROTTLED),
    CLASS(CANCELLED),
    0,
};

static uint64_t classes_sum(const struct rec_obs *obs, uint32_t classes) {
  uint64_t n = 0;
  for (; classes; classes &= classes - 1) n += obs->class_n[__builtin_ctz(classes)];
  return n;
}

uint64_t detect_obs_requests(const struct rec_obs *obs) {
  uint64_t n = 0;
  for (unsigned c = 0; c < REC_CLASS_HEALTH_CHECK; c++) n += obs->class_n[c];
  return n;
}

uint64_t detect_obs_failures(const struct rec_obs *obs) {
  return classes_sum(obs, event_classes[0]);
}

uint64_t detect_obs_events(const struct rec_obs *obs, enum rec_signal signal) {
  MUST(signal >= REC_SIGNAL_RATIO_FIRST && signal < REC_SIGNAL_COUNT);
  if (signal == REC_SIGNAL_RETRIES) return obs->retries;
  return classes_sum(obs, event_classes[signal - REC_SIGNAL_RATIO_FIRST]);
}

void detect_series_init(struct series_state *s, const struct rec_series *who, uint32_t seq) {
  uint32_t next = s->next;
  *s = (struct series_state){.series_idx = who->series_idx,
                             .next = next,
                             .level = who->level,
                             .side = who->side,
                             .used = 1,
                             .born_seq = seq,
                             .step_seq = seq,
                             .data_seq = seq};
  s->fine_at = seq / LIMIT_TICKS_PER_S;
  s->coarse_at = s->fine_at / SERIES_COARSE_S;
  detect_rate_init(&s->rate, seq);
  for (unsigned i = 0; i < REC_SIGNAL_RATIO_COUNT; i++) detect_ratio_init(&s->ratio[i], seq);
  detect_latency_init(&s->latency, seq);
}

/* Alarms are raised only while there is room to say so: their evidence stays and speaks in a later tick. The last
 * quarter is kept for alarms that end. */
static double bar_of(const struct detect_out *out, double log_c) {
  return out->n < out->cap - out->cap / 4 ? log_c : 1e30;
}

static void waits_note(struct detect_out *out, const struct detect_verdict *v, double log_c, double bar) {
  if (v->event == DETECT_NOTHING && v->log_e >= log_c && bar >= 1e30) out->dropped++;
}

static void signal_put(struct detect_out *out, const struct series_state *s, enum rec_signal signal,
                       struct detect_verdict v, bool relearned) {
  if (v.event == DETECT_NOTHING) return;
  if (out->n == out->cap) {
    out->dropped++;
    return;
  }
  out->signal[out->n++] = (struct detect_signal){.series_idx = s->series_idx,
                                                 .from_seq = v.from_seq,
                                                 .log_e = (float)v.log_e,
                                                 .signal = (uint8_t)signal,
                                                 .event = (uint8_t)v.event,
                                                 .relearned = relearned};
}

static void rate_run(struct series_state *s, uint32_t n, uint32_t mask, double log_c, uint32_t seq, uint32_t dt,
                     struct detect_out *out) {
  uint32_t age = s->step_seq - s->born_seq;
  /* The first request is why the series exists at all: its tick would make any rate look high. */
  if (s->step_seq == s->born_seq && seq == s->born_seq) return;
  struct detect_rate_verdict v =
      detect_rate_step(&s->rate, n, dt, age, bar_of(out, log_c), (mask & DETECT_TRAFFIC) != 0, seq);
  signal_put(out, s, REC_SIGNAL_REQUESTS_DOWN, v.down, v.relearned);
  signal_put(out, s, REC_SIGNAL_REQUESTS_UP, v.up, v.relearned);
}

/* Without an event the likelihood ratio is linear in the requests: they can wait for the next event or the end of the
 * second and be judged in one step, as ticks without requests are. Most series have most events never. */
static bool ratio_waits(struct series_ratio *r, uint32_t n, uint32_t e, uint32_t seq) {
  bool second_ends = (seq + 1) % LIMIT_TICKS_PER_S == 0;
  if (e || second_ends || r->best != SERIES_CALM || n > 0xffffu - r->waiting) return false;
  r->waiting = (uint16_t)(r->waiting + n);
  return true;
}

static void ratios_run(struct series_state *s, const struct rec_obs *obs, uint32_t n, uint32_t mask, double log_c,
                       const struct detect_context *ctx, uint32_t dt, struct detect_out *out) {
  uint32_t seq = ctx->seq, age = seq - s->born_seq;
  float keep = detect_alarm_keep(age, dt, DETECT_RATIO_TAU);
  for (unsigned i = 0; i < REC_SIGNAL_RATIO_COUNT; i++) {
    enum rec_signal signal = REC_SIGNAL_RATIO_FIRST + i;
    uint64_t events = detect_obs_events(obs, signal);
    uint32_t e = events < n ? (uint32_t)events : n;
    bool armed = (mask >> signal & 1u) && age >= DETECT_RATIO_NEWBORN;
    double bar = bar_of(out, log_c) + (age < DETECT_RATIO_ARMED ? DETECT_RATIO_DOUBT : 0.0);
    struct detect_verdict v = {.event = DETECT_NOTHING, .freeze = detect_ratio_suspects(&s->ratio[i])};
    if (!ratio_waits(&s->ratio[i], n, e, seq)) {
      uint32_t waited = s->ratio[i].waiting;
      s->ratio[i].waiting = 0;
      /* First those that waited, so that a trouble may begin with this tick and not with them. */
      if (waited && e)
        (void)detect_ratio_step(&s->ratio[i], ctx->prior[i], s->requests, waited, 0, 1e30, false, seq - 1, 1);
      v = detect_ratio_step(&s->ratio[i], ctx->prior[i], s->requests, e ? n : n + waited, e, bar, armed, seq, dt);
      if (armed) waits_note(out, &v, log_c, bar);
    }
    bool frozen = v.freeze && (age >= DETECT_RATIO_FREEZES || s->ratio[i].best != SERIES_CALM);
    detect_ratio_learn(&s->ratio[i], s->requests, n, e, keep, frozen);
    signal_put(out, s, signal, v, false);
  }
  s->requests = s->requests * keep + (float)n;
  s->span = s->span * keep + (float)(seq - s->data_seq);
  s->win_n += (float)n;
}

/* A series that nobody calls any more cannot recover by good requests: its alarms end where it fell silent. */
static void silence_run(struct series_state *s, uint32_t seq, struct detect_out *out) {
  if (seq - s->data_seq < SILENCE) return;
  struct detect_verdict v = {DETECT_OVER, false, 0.0, s->data_seq + 1};
  for (unsigned i = 0; i < REC_SIGNAL_RATIO_COUNT; i++) {
    if (s->ratio[i].best == SERIES_CALM) continue;
    detect_alarm_clear(s->ratio[i].g, SERIES_RATIO_ALTS, &s->ratio[i].alarm, &s->ratio[i].best, seq);
    signal_put(out, s, REC_SIGNAL_RATIO_FIRST + i, v, false);
  }
  if (s->latency.best == SERIES_CALM) return;
  detect_alarm_clear(s->latency.g, SERIES_LATENCY_ALTS, &s->latency.alarm, &s->latency.best, seq);
  signal_put(out, s, REC_SIGNAL_LATENCY, v, false);
}

static void windows_close(struct series_state *s, uint32_t seq) {
  uint32_t age = seq - s->born_seq;
  if ((seq + 1) % WINDOW == 0) {
    float seen = (float)age / (float)WINDOW, w = 1.0f / ((seen < 360.0f ? seen : 360.0f) + 1.0f);
    if (s->win_n > 0.0f)
      for (unsigned i = 0; i < REC_SIGNAL_RATIO_COUNT; i++) detect_ratio_window(&s->ratio[i], s->requests, s->win_n, w);
    s->win_n = 0.0f;
    detect_latency_window(&s->latency, w);
  }
  if ((seq + 1) % MINUTE == 0) {
    float seen = (float)age / (float)MINUTE, w = 1.0f / ((seen < 60.0f ? seen : 60.0f) + 1.0f);
    detect_latency_minute(&s->latency, w);
  }
}

/* Fine requests that have a duration: a finished TCP connection is fine without one. */
static uint32_t timed_count(const struct rec_obs *obs, const struct rec_hist_cell *cell) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < obs->hist_n; i++) n += cell[obs->hist_from + i].count;
  return n;
}

void detect_series_step(struct series_state *s, const struct rec_obs *obs, const struct rec_hist_cell *cell,
                        const struct detect_context *ctx, struct detect_out *out) {
  double log_c = ctx->log_c[rec_level_share(s->level)];
  uint32_t seq = ctx->seq, dt = seq > s->step_seq ? seq - s->step_seq : 1, mask = detect_mask(s->level, s->side);
  uint64_t requests = obs ? detect_obs_requests(obs) : 0;
  uint32_t n = requests < 0xffffffffu ? (uint32_t)requests : 0xffffffffu;
  if (ctx->rates) {
    rate_run(s, n, mask, log_c, seq, dt, out);
  } else {
    detect_rate_skip(&s->rate);
  }
  if (n) {
    double sum_s = (double)obs->latency_sum_ns * 1e-9;
    ratios_run(s, obs, n, mask, log_c, ctx, dt, out);
    struct detect_verdict v = detect_latency_step(&s->latency, obs->hist_n ? cell + obs->hist_from : cell, obs->hist_n,
                                                  timed_count(obs, cell), sum_s, bar_of(out, log_c),
                                                  (mask & DETECT_BIT(LATENCY)) != 0, seq, dt, seq - s->born_seq);
    signal_put(out, s, REC_SIGNAL_LATENCY, v, false);
    series_recent_add(s, seq, requests, detect_obs_failures(obs), (float)sum_s);
    s->data_seq = seq;
  } else {
    silence_run(s, seq, out);
  }
  windows_close(s, seq);
  s->step_seq = seq;
}
