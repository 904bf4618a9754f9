#include "detect_step.h"

#include "base_must.h"
#include "detect_adopt.h"
#include "detect_apart.h"
#include "detect_bytes.h"
#include "detect_drift.h"
#include "detect_erratic.h"
#include "detect_hanging.h"
#include "detect_latency.h"
#include "detect_mask.h"
#include "detect_pace.h"
#include "detect_rate.h"
#include "detect_ratio.h"
#include "detect_stages.h"
#include "series_recent.h"

#define WINDOW (10u * LIMIT_TICKS_PER_S)
#define MINUTE (60u * LIMIT_TICKS_PER_S)
#define SILENCE (60u * LIMIT_TICKS_PER_S)
#define RATIO_GONE 0.5f /* discounted events: a slot with fewer may be taken by another signal */
#define UNWATCHED_MOST (2.0f * (float)DETECT_FREEZE)
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
  detect_rate_init(&s->rate, seq);
  for (unsigned i = 0; i < SERIES_RATIO_SLOTS; i++)
    detect_ratio_init(&s->ratio[i], i ? SERIES_RATIO_FREE : REC_SIGNAL_ERRORS, seq);
  detect_latency_init(&s->latency, seq);
  detect_drift_init(&s->drift, seq);
  if (detect_mask_apart(who->level)) {
    detect_apart_init(&s->extra.apart, seq);
    return;
  }
  detect_erratic_init(&s->extra.flow.erratic, seq);
  detect_bytes_init(&s->extra.flow.bytes, seq);
  if (detect_mask_stages(who->level))
    detect_stages_init(&s->extra.flow.stages);
  else
    detect_hanging_init(&s->extra.flow.hanging, seq);
}

/* What a step of a series is judged by, and where it says so. */
struct judge {
  const struct detect_context *ctx;
  double log_c;  /* of its level's budget share */
  uint32_t mask; /* signals that are watched */
  uint32_t dt;
  bool blind; /* what came is not all that there was: a scrape is missing */
  struct detect_out *out;
};

static bool watched(const struct judge *j, enum rec_signal signal) {
  return j->mask >> signal & 1u;
}

static double threshold_of(const struct judge *j, enum rec_signal signal) {
  return j->log_c + (double)j->ctx->raised[signal];
}

/* Alarms are raised only while there is room to say so: their evidence stays and speaks in a later tick. The last
 * quarter is kept for alarms that end. */
static double bar_of(const struct judge *j, enum rec_signal signal) {
  return j->out->n < j->out->cap - j->out->cap / 4 ? threshold_of(j, signal) : 1e30;
}

/* Keeps the height of evidence of signals that are watched. */
static void excursion_note(struct detect_out *out, uint32_t series_idx, enum rec_signal signal,
                           const struct detect_verdict *v, uint32_t seq) {
  uint32_t i = 0;
  while (i < out->excursion_n &&
         (out->excursion[i].series_idx != series_idx || out->excursion[i].signal != (uint8_t)signal))
    i++;
  if (i == DETECT_EXCURSIONS) return;
  struct detect_excursion *x = &out->excursion[i];
  if (i == out->excursion_n) {
    *x = (struct detect_excursion){.series_idx = series_idx, .signal = (uint8_t)signal};
    out->excursion_n++;
  }
  if ((float)v->log_e > x->top) x->top = (float)v->log_e;
  x->raised |= v->event == DETECT_RAISED;
  x->seq = seq;
}

void detect_signal_put(struct detect_out *out, uint32_t series_idx, enum rec_signal signal, struct detect_verdict v,
                       uint32_t seq) {
  if (v.log_e >= DETECT_FREEZE) excursion_note(out, series_idx, signal, &v, seq);
  if (v.event == DETECT_NOTHING) return;
  if (out->n == out->cap) {
    out->dropped++;
    return;
  }
  out->signal[out->n++] = (struct detect_signal){.series_idx = series_idx,
                                                 .from_seq = v.from_seq,
                                                 .log_e = (float)v.log_e,
                                                 .signal = (uint8_t)signal,
                                                 .event = (uint8_t)v.event};
}

static void signal_put(const struct judge *j, const struct series_state *s, enum rec_signal signal,
                       struct detect_verdict v) {
  if (!watched(j, signal)) return;
  if (v.event == DETECT_NOTHING && v.log_e >= threshold_of(j, signal) && bar_of(j, signal) >= 1e30) j->out->dropped++;
  detect_signal_put(j->out, s->series_idx, signal, v, j->ctx->seq);
}

static void traffic_run(struct series_state *s, uint32_t n, const struct judge *j) {
  struct series_erratic *erratic = detect_mask_apart(s->level) ? NULL : &s->extra.flow.erratic;
  uint32_t seq = j->ctx->seq, age = s->step_seq - s->born_seq, still = s->still;
  s->still = (uint16_t)(still > j->dt ? still - j->dt : 0u);
  if (!j->ctx->rates || j->blind || seq < s->rates_from) {
    detect_rate_skip(&s->rate);
    if (erratic) detect_erratic_skip(erratic);
    return;
  }
  /* The first request is why the series exists at all: its tick would make any rate look high. */
  if (s->step_seq == s->born_seq && seq == s->born_seq) return;
  double down = bar_of(j, REC_SIGNAL_REQUESTS_DOWN), up = bar_of(j, REC_SIGNAL_REQUESTS_UP);
  struct detect_rate_when when = {seq, j->dt, age, s->pace, s->season, (j->mask & DETECT_TRAFFIC) != 0, still > 0};
  struct detect_rate_verdict v = detect_rate_step(&s->rate, n, down > up ? down : up, &when);
  if (j->mask & DETECT_TRAFFIC) {
    detect_signal_put(j->out, s->series_idx, REC_SIGNAL_REQUESTS_DOWN, v.down, seq);
    detect_signal_put(j->out, s->series_idx, REC_SIGNAL_REQUESTS_UP, v.up, seq);
  }
  if (!erratic || !watched(j, REC_SIGNAL_ERRATIC)) return;
  signal_put(j, s, REC_SIGNAL_ERRATIC,
             detect_erratic_step(erratic, n, j->dt, detect_rate_per_s(&s->rate), bar_of(j, REC_SIGNAL_ERRATIC),
                                 age >= DETECT_YOUNG, v.down.freeze || v.up.freeze, seq));
}

/* A paced series' dispersion is learned by whole scrapes, which takes long: until it is, more is asked for. */
static double paced_bar(const struct series_state *s, uint32_t age, double bar, uint32_t windows) {
  return s->pace && age < windows * detect_pace_window(s->pace) ? 2.0 * bar : bar;
}

/* Without an event the likelihood ratio is linear in the requests: they can wait for the next event or the end of the
 * second and be judged in one step, as ticks without requests are. Most series have most events never. */
static bool ratio_waits(struct series_ratio *r, uint32_t n, uint32_t e, uint32_t seq) {
  bool second_ends = (seq + 1) % LIMIT_TICKS_PER_S == 0;
  if (e || second_ends || r->best != SERIES_RATIO_CALM || n > SERIES_RATIO_WAITING - r->waiting) return false;
  r->waiting = (r->waiting + n) & SERIES_RATIO_WAITING;
  return true;
}

/* A free slot for a signal's first event, or one whose few events are long gone; NULL where all are in use. */
static struct series_ratio *ratio_open(struct series_state *s, enum rec_signal signal, const struct judge *j) {
  struct series_ratio *best = NULL;
  uint32_t seq = j->ctx->seq;
  for (unsigned i = 1; i < SERIES_RATIO_SLOTS && (!best || best->signal != SERIES_RATIO_FREE); i++) {
    struct series_ratio *r = &s->ratio[i];
    bool free = r->signal == SERIES_RATIO_FREE, gone = r->a < RATIO_GONE && !detect_ratio_suspects(r);
    if (free || (gone && (!best || r->a < best->a))) best = r;
  }
  if (!best) return NULL;
  detect_ratio_init(best, (uint8_t)signal, seq);
  detect_ratio_idle(best, j->ctx->prior[signal - REC_SIGNAL_RATIO_FIRST], s->requests,
                    (seq - s->born_seq) / LIMIT_TICKS_PER_S);
  return best;
}

static void ratio_run(struct series_state *s, struct series_ratio *r, uint32_t n, uint32_t e, const struct judge *j) {
  uint32_t seq = j->ctx->seq, age = seq - s->born_seq;
  struct detect_prior prior = j->ctx->prior[r->signal - REC_SIGNAL_RATIO_FIRST];
  bool armed = watched(j, r->signal) && age >= DETECT_RATIO_NEWBORN;
  double bar = paced_bar(s, age, bar_of(j, r->signal), DETECT_PACE_YOUNG) +
               (age < DETECT_RATIO_ARMED ? DETECT_RATIO_DOUBT : 0.0);
  struct detect_verdict v = {.event = DETECT_NOTHING, .freeze = detect_ratio_suspects(r)};
  if (!ratio_waits(r, n, e, seq)) {
    uint32_t waited = r->waiting;
    r->waiting = 0;
    /* First those that waited, so that a trouble may begin with this tick and not with them. */
    if (waited && e) (void)detect_ratio_step(r, prior, s->requests, waited, 0, 1e30, false, seq - 1, 1);
    v = detect_ratio_step(r, prior, s->requests, e ? n : n + waited, e, bar, armed, seq, j->dt);
  }
  bool frozen = (v.freeze && (age >= DETECT_RATIO_FREEZES || r->best != SERIES_RATIO_CALM)) || seq < s->learn_from;
  double per_s = series_usual_per_tick(s) * (double)LIMIT_TICKS_PER_S;
  detect_ratio_learn(r, prior, s->requests, per_s, n, e, detect_alarm_keep(age, j->dt, DETECT_RATIO_TAU), frozen);
  signal_put(j, s, r->signal, v);
}

static void ratios_run(struct series_state *s, const struct rec_obs *obs, uint32_t n, const struct judge *j) {
  uint32_t seq = j->ctx->seq;
  float keep = detect_alarm_keep(seq - s->born_seq, j->dt, DETECT_RATIO_TAU);
  for (unsigned i = 0; i < REC_SIGNAL_RATIO_COUNT; i++) {
    enum rec_signal signal = REC_SIGNAL_RATIO_FIRST + i;
    uint64_t events = detect_obs_events(obs, signal);
    unsigned slot = series_ratio_slot(s, (uint8_t)signal);
    struct series_ratio *r = slot < SERIES_RATIO_SLOTS ? &s->ratio[slot] : NULL;
    if (!r && events == 0) continue;
    if (!r && !(r = ratio_open(s, signal, j))) {
      j->out->refused++;
      continue;
    }
    ratio_run(s, r, n, events < n ? (uint32_t)events : n, j);
  }
  s->requests = s->requests * keep + (float)n;
  s->span = s->span * keep + (float)(seq - s->data_seq);
  s->win_n += (float)n;
}

/* A series that nobody calls any more cannot recover by good requests: its alarms end where it fell silent. */
static void silence_run(struct series_state *s, const struct judge *j) {
  uint32_t seq = j->ctx->seq;
  if (seq - s->data_seq < SILENCE) return;
  struct detect_verdict v = {DETECT_OVER, false, 0.0, s->data_seq + 1};
  for (unsigned i = 0; i < SERIES_RATIO_SLOTS; i++) {
    struct series_ratio *r = &s->ratio[i];
    if (r->signal == SERIES_RATIO_FREE || r->best == SERIES_RATIO_CALM) continue;
    detect_ratio_clear(r, seq);
    signal_put(j, s, r->signal, v);
  }
  if (s->latency.best == SERIES_CALM) return;
  detect_alarm_clear(s->latency.g, SERIES_LATENCY_ALTS, &s->latency.alarm, &s->latency.best, seq);
  signal_put(j, s, REC_SIGNAL_LATENCY, v);
}

/* Does anything speak against this edge's latency being as usual? */
static bool latency_calm(const struct series_state *s) {
  if (s->latency.best != SERIES_CALM) return false;
  for (unsigned i = 0; i < SERIES_LATENCY_ALTS; i++)
    if ((double)s->latency.g[i] > DETECT_FREEZE) return false;
  return true;
}

static void stages_close(struct series_state *s, uint32_t seq, float weight) {
  if (!detect_mask_stages(s->level) || seq - s->data_seq >= WINDOW) return;
  if (seq >= s->learn_from && latency_calm(s)) detect_stages_window(&s->extra.flow.stages, (double)weight, seq);
}

static void bytes_close(struct series_state *s, const struct judge *j) {
  struct series_bytes *d = &s->extra.flow.bytes;
  uint32_t seq = j->ctx->seq;
  bool armed = watched(j, REC_SIGNAL_BYTES) && seq - s->born_seq >= DETECT_YOUNG;
  if (s->pace)
    d->win_b = 0;
  else
    signal_put(j, s, REC_SIGNAL_BYTES,
               detect_bytes_window(d, s->win_n, bar_of(j, REC_SIGNAL_BYTES), armed, seq, WINDOW));
}

static void ten_close(struct series_state *s, const struct judge *j) {
  uint32_t seq = j->ctx->seq, age = seq - s->born_seq;
  const float window = (float)detect_pace_window(s->pace), most = 3600.0f * (float)LIMIT_TICKS_PER_S / window;
  float seen = (float)age / window, w = 1.0f / ((seen < most ? seen : most) + 1.0f);
  if (s->win_n > 0.0f)
    for (unsigned i = 0; i < SERIES_RATIO_SLOTS; i++)
      if (s->ratio[i].signal != SERIES_RATIO_FREE) detect_ratio_window(&s->ratio[i], s->requests, s->win_n, seen);
  if (!detect_mask_apart(s->level)) bytes_close(s, j);
  s->win_n = 0.0f;
  detect_latency_window(&s->latency, w);
  stages_close(s, seq, w);
}

/* Does a detector that is faster than the minutes' suspect something? Then they are not learned from. */
static bool calm_all(const struct series_state *s) {
  for (unsigned i = 0; i < SERIES_RATIO_SLOTS; i++)
    if (s->ratio[i].signal != SERIES_RATIO_FREE && detect_ratio_suspects(&s->ratio[i])) return false;
  return s->latency.best == SERIES_CALM;
}

static void minute_close(struct series_state *s, const struct judge *j) {
  uint32_t seq = j->ctx->seq, age = seq - s->born_seq;
  float seen = (float)age / (float)MINUTE, w = 1.0f / ((seen < 60.0f ? seen : 60.0f) + 1.0f);
  double errors = bar_of(j, REC_SIGNAL_ERRORS_DRIFT), latency = bar_of(j, REC_SIGNAL_LATENCY_DRIFT);
  detect_latency_minute(&s->latency, w);
  struct detect_drift_verdict v = detect_drift_minute(
      &s->drift, calm_all(s), s->step_seq<s->learn_from, (double)s->latency.sd, errors> latency ? errors : latency,
      watched(j, REC_SIGNAL_ERRORS_DRIFT), watched(j, REC_SIGNAL_LATENCY_DRIFT), seq);
  signal_put(j, s, REC_SIGNAL_ERRORS_DRIFT, v.errors);
  signal_put(j, s, REC_SIGNAL_LATENCY_DRIFT, v.latency);
}

static void windows_close(struct series_state *s, const struct judge *j) {
  if ((j->ctx->seq + 1) % detect_pace_window(s->pace) == 0) ten_close(s, j);
  if ((j->ctx->seq + 1) % MINUTE == 0) minute_close(s, j);
}

/* Fine requests that have a duration: a finished TCP connection is fine without one. */
static uint32_t timed_count(const struct rec_obs *obs, const struct rec_hist_cell *cell) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < obs->hist_n; i++) n += cell[obs->hist_from + i].count;
  return n;
}

/* What is not watched never raises an alarm that could end: its evidence would freeze the learning for long after a
 * trouble, so it does not grow past what an alarm takes. */
static void latency_bound(struct series_latency *d) {
  for (unsigned i = 0; i < SERIES_LATENCY_ALTS; i++)
    if (d->g[i] > UNWATCHED_MOST) d->g[i] = UNWATCHED_MOST;
}

/* Pods and versions come in the middle of a rollout, or of a trouble: what the first hundred requests take, while load
 * balancers find them, is not their normal yet. Meanwhile the service and the siblings speak for them. */
static bool knows_itself(const struct series_state *s, uint32_t seq) {
  return (s->level != REC_LEVEL_POD && s->level != REC_LEVEL_VERSION) || seq - s->born_seq >= 2u * DETECT_YOUNG;
}

static void requests_run(struct series_state *s, const struct rec_obs *obs, uint64_t requests,
                         const struct rec_hist_cell *cell, const struct judge *j) {
  uint32_t seq = j->ctx->seq, n = requests < 0xffffffffu ? (uint32_t)requests : 0xffffffffu;
  const struct rec_hist_cell *own = obs->hist_n ? cell + obs->hist_from : cell;
  double sum_s = (double)obs->latency_sum_ns * 1e-9;
  uint64_t failures = detect_obs_failures(obs);
  uint32_t timed = timed_count(obs, cell);
  ratios_run(s, obs, n, j);
  signal_put(j, s, REC_SIGNAL_LATENCY,
             detect_latency_step(&s->latency, own, obs->hist_n, timed, sum_s,
                                 paced_bar(s, seq - s->born_seq, bar_of(j, REC_SIGNAL_LATENCY), 2u * DETECT_PACE_YOUNG),
                                 knows_itself(s, seq) && watched(j, REC_SIGNAL_LATENCY), seq, j->dt, seq - s->born_seq,
                                 seq >= s->learn_from));
  if (!watched(j, REC_SIGNAL_LATENCY)) latency_bound(&s->latency);
  series_recent_add(s, seq, requests, failures, (float)sum_s);
  detect_drift_add(&s->drift, n, failures < n ? (uint32_t)failures : n, own, obs->hist_n);
  if (detect_mask_apart(s->level))
    detect_apart_add(&s->extra.apart, own, obs->hist_n, seq);
  else
    detect_bytes_add(&s->extra.flow.bytes, obs->bytes_in + obs->bytes_out);
  if (timed && detect_mask_stages(s->level))
    detect_stages_add(&s->extra.flow.stages, s->side, obs, timed, seq - s->data_seq, seq);
  s->data_seq = seq;
}

static void hanging_run(struct series_state *s, const struct rec_obs *obs, const struct judge *j) {
  struct series_hanging *d = &s->extra.flow.hanging;
  uint32_t seq = j->ctx->seq;
  if (!watched(j, REC_SIGNAL_HANGING)) return;
  if (!j->ctx->rates || seq < s->rates_from) {
    detect_hanging_skip(d);
    return;
  }
  signal_put(j, s, REC_SIGNAL_HANGING,
             detect_hanging_take(d, obs ? obs->started : 0, obs ? obs->ended_started : 0, (double)s->latency.mean_s,
                                 bar_of(j, REC_SIGNAL_HANGING), seq - s->born_seq >= DETECT_YOUNG, seq));
}

/* What cannot be told from scrapes: how the seconds scatter, and what differs from one ten to the next. An alarm that
 * stands when a series becomes paced would find no end. */
static uint32_t paced_mask(uint32_t mask, uint32_t pace) {
  if (pace) mask &= ~(DETECT_BIT(ERRATIC) | DETECT_BIT(BYTES));
  return pace > DETECT_PACE_DRIFT_MAX ? mask & ~(DETECT_BIT(ERRORS_DRIFT) | DETECT_BIT(LATENCY_DRIFT)) : mask;
}

static void flow_end(struct series_state *s, const struct judge *j) {
  const struct detect_verdict over = {DETECT_OVER, false, 0.0, j->ctx->seq};
  struct series_erratic *e = &s->extra.flow.erratic;
  struct series_bytes *b = &s->extra.flow.bytes;
  if (detect_mask_apart(s->level)) return;
  if (e->best != SERIES_CALM) {
    detect_alarm_clear(e->g, SERIES_ERRATIC_ALTS, &e->alarm, &e->best, j->ctx->seq);
    signal_put(j, s, REC_SIGNAL_ERRATIC, over);
  }
  if (b->best != SERIES_CALM) {
    detect_alarm_clear(b->g, SERIES_BYTES_ALTS, &b->alarm, &b->best, j->ctx->seq);
    signal_put(j, s, REC_SIGNAL_BYTES, over);
  }
}

static void drift_end(struct series_state *s, const struct judge *j) {
  const struct detect_verdict over = {DETECT_OVER, false, 0.0, j->ctx->seq};
  struct series_drift *d = &s->drift;
  if (d->errors_best != SERIES_CALM) signal_put(j, s, REC_SIGNAL_ERRORS_DRIFT, over);
  if (d->latency_best != SERIES_CALM) signal_put(j, s, REC_SIGNAL_LATENCY_DRIFT, over);
  detect_drift_init(d, j->ctx->seq);
}

/* The series is told in another way than before: windows that are open over that are void. */
static void pace_turn(struct series_state *s, uint16_t pace, const struct judge *j) {
  if (s->pace == 0 && pace) flow_end(s, j);
  if (s->pace <= DETECT_PACE_DRIFT_MAX && pace > DETECT_PACE_DRIFT_MAX) drift_end(s, j);
  if (!s->pace != !pace || detect_pace_window(s->pace) != detect_pace_window(pace)) detect_rate_skip(&s->rate);
  s->pace = pace;
}

void detect_series_step(struct series_state *s, const struct rec_obs *obs, const struct rec_hist_cell *cell,
                        const struct detect_context *ctx, struct detect_out *out) {
  uint32_t seq = ctx->seq;
  struct judge j = {.ctx = ctx,
                    .log_c = ctx->log_c[rec_level_share(s->level)],
                    .mask = detect_mask(s->level, s->side),
                    .dt = seq > s->step_seq ? seq - s->step_seq : 1,
                    .blind = obs ? obs->partial : s->pace > 0,
                    .out = out};
  uint64_t requests = obs ? detect_obs_requests(obs) : 0;
  if (s->used > 1u) {
    detect_adopt(s, s->used >> 1, seq, out);
    s->used = 1;
  }
  if (obs && detect_pace_differs(s->pace, obs->pace)) pace_turn(s, obs->pace, &j);
  j.mask = paced_mask(j.mask, s->pace);
  traffic_run(s, requests < 0xffffffffu ? (uint32_t)requests : 0xffffffffu, &j);
  hanging_run(s, obs, &j);
  if (requests)
    requests_run(s, obs, requests, cell, &j);
  else
    silence_run(s, &j);
  windows_close(s, &j);
  s->step_seq = seq;
}
