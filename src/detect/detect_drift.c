#include "detect_drift.h"

#include "base_math.h"

#define LN2 0.6931471805599453
#define MINUTE (60u * LIMIT_TICKS_PER_S)
#define DAY_MINUTES 1440u
#define LN_MINUTE 5.480638923341991 /* ln(ticks a minute), ln(ticks a day): steps are so much rarer */
#define LN_DAY 12.753036645
#define SEEN_FIRST 20u /* minutes learned from before any is judged */
#define SEEN_FIRM 60u  /* before, the zone is up to twice as wide */
#define DRIFT_SEEN 112u
#define DAYS_MOST 15u
#define SILENT (600u * LIMIT_TICKS_PER_S)
#define L_CLIP 2.0 /* nats a minute: drift is never in a hurry */

#define ERRORS_TAU 2880.0 /* minutes: the reference follows within two days */
#define ERRORS_K 1.5
#define ERRORS_LOG_K 0.4054651081081644
#define ERRORS_WIDTH 3.0
#define LATENCY_TAU 120.0 /* minutes: faster than the day's shape, slower than an hour's ramp */
#define LATENCY_WIDTH 2.75
#define ZERO_WANDER 0.01 /* of which wander_* is the log, in 1/8192 */
#define WANDER_ONE 8192.0
#define WANDER_UP 40u /* one minute in 40 is outside 1.96 standard deviations: an upper 97.5 % */
#define WANDER_UP_FIRST 320u
#define WANDER_P_FIRST 0.15
#define WANDER_P_LEAST 0.04
#define WANDER_B_FIRST 0.22
#define WANDER_B_LEAST 0.05

#define DAY_WHOLE 1380u /* minutes that a day must have */
#define DAY_ZONE 0.03   /* buckets */
#define DAY_KEEP (1.0 / 30.0)
#define DAY_FIRST 3u /* differences from one day to the next before days are judged */
#define DAY_SD_ZERO 0.005
#define DAY_SD_FIRST 0.04
#define DAY_SD_WEIGHT 2.0 /* days' worth */
#define DAY_SD_LEAST 0.015
#define DAY_RISE 0.08      /* buckets a day: 1.4 % */
#define DAY_SD_WANDER 0.06 /* of the minutes' wander */
#define DAY_OFF_ZERO 64
#define RECOVER_SHARE 0.5

static double wander_of(uint16_t code, double least) {
  double w = ZERO_WANDER * math_exp_fast((double)code / WANDER_ONE);
  return w > least ? w : least;
}

static uint16_t wander_code(double w) {
  return (uint16_t)(WANDER_ONE * math_log(w / ZERO_WANDER) + 0.5);
}

/* A quantile by small steps: robust, as one wild minute counts no more than any other outside. */
static uint16_t wander_next(uint16_t code, bool outside, uint32_t seen) {
  uint32_t up = seen < DRIFT_SEEN ? WANDER_UP_FIRST : WANDER_UP;
  if (!outside) return code ? (uint16_t)(code - 1u) : 0;
  return code < 65535u - up ? (uint16_t)(code + up) : code;
}

void detect_drift_init(struct series_drift *d, uint32_t seq) {
  *d = (struct series_drift){.wander_p = wander_code(WANDER_P_FIRST), .wander_b = wander_code(WANDER_B_FIRST)};
  d->day_off = DAY_OFF_ZERO;
  d->day_sd = (unsigned)(8.0 * math_log(DAY_SD_FIRST / DAY_SD_ZERO) / LN2 + 0.5) & 127u;
  detect_alarm_clear(&d->g_errors, 1, &d->errors, &d->errors_best, seq);
  detect_alarm_clear(&d->g_latency, 1, &d->latency, &d->latency_best, seq);
}

void detect_drift_add(struct series_drift *d, uint32_t n, uint32_t e, const struct rec_hist_cell *cell,
                      uint32_t cell_n) {
  d->min_n += (float)n;
  d->min_e += (float)e;
  for (uint32_t i = 0; i < cell_n; i++) {
    d->min_t += (float)cell[i].count;
    d->min_b += (float)cell[i].bucket * (float)cell[i].count;
  }
}

static double minutes_seen(const struct series_drift *d) {
  return d->seen < DRIFT_SEEN ? (double)d->seen : (double)DRIFT_SEEN;
}

/* Twice as wide at first, once after an hour. */
static double youth(const struct series_drift *d) {
  return d->seen >= SEEN_FIRM ? 1.0 : 2.0 - (double)d->seen / (double)SEEN_FIRM;
}

/* ln(healthy / ill) of one minute of a standing alarm. */
static struct detect_verdict recover_step(float *g, struct series_alarm *a, uint8_t *best, double against,
                                          uint32_t seq) {
  struct detect_verdict v = {DETECT_NOTHING, true, 0.0, 0};
  double next = (double)a->level + (against > L_CLIP ? L_CLIP : against);
  a->level = next > 0.0 ? (float)next : 0.0f;
  if (a->level == 0.0f) a->seq = seq;
  if (a->level < DETECT_RECOVER) return v;
  v.event = DETECT_OVER;
  v.from_seq = a->seq + 1;
  detect_alarm_clear(g, 1, a, best, seq);
  return v;
}

/* ---- errors ---- */

/* The edge of what is normal at n requests a minute, and the variance of a count there over Poisson's. */
struct errors_null {
  double p0, phi;
};
static struct errors_null errors_null_of(const struct series_drift *d, double n) {
  double seen = n * minutes_seen(d), a = (double)d->ref_p * seen, w = wander_of(d->wander_p, WANDER_P_LEAST);
  double upper = (a + 3.0 * math_sqrt(a) + 4.5) / (seen + 1.0), p0 = upper * (1.0 + ERRORS_WIDTH * w * youth(d));
  p0 = p0 < 0.6 ? p0 : 0.6;
  return (struct errors_null){p0, 1.0 + w * w * n * p0};
}

static struct detect_verdict errors_judge(struct series_drift *d, double n, double e, double log_c, uint32_t seq) {
  struct errors_null null = errors_null_of(d, n);
  struct detect_verdict v;
  if (d->errors_best != SERIES_CALM) {
    double p1 = RECOVER_SHARE * (double)d->g_errors;
    if (p1 < 1.25 * null.p0) p1 = 1.25 * null.p0;
    double against = ((p1 - null.p0) * n - e * math_log(p1 / null.p0)) / null.phi;
    v = recover_step(&d->g_errors, &d->errors, &d->errors_best, against, seq);
    if (v.event != DETECT_OVER && d->errors.level == 0.0f) d->g_errors += (float)((e / n - (double)d->g_errors) * 0.1);
    return v;
  }
  double l = (e * ERRORS_LOG_K - (ERRORS_K - 1.0) * n * null.p0) / null.phi;
  if (l > L_CLIP) l = L_CLIP;
  v = detect_alarm_step(&d->g_errors, &l, 1, &d->errors, &d->errors_best, log_c, seq, MINUTE);
  if (v.event == DETECT_RAISED) d->g_errors = (float)(e / n > null.p0 ? e / n : null.p0);
  return v;
}

static void errors_learn(struct series_drift *d, double n, double e) {
  double p = (double)d->ref_p, mean = n * p, w = wander_of(d->wander_p, 0.0), off = e - mean;
  double sd = math_sqrt(mean + w * w * mean * mean) + 0.5;
  if (d->seen >= SEEN_FIRST) d->wander_p = wander_next(d->wander_p, off > 1.96 * sd || off < -1.96 * sd, d->seen);
  if (d->seen >= SEEN_FIRM && off > 3.0 * sd + 8.0) off = 3.0 * sd + 8.0;
  double weight = d->seen < DRIFT_SEEN ? 1.0 / ((double)d->seen + 1.0) : 1.0 / ERRORS_TAU;
  p += off / n * weight;
  d->ref_p = (float)(p > 0.0 ? p : 0.0);
}

static struct detect_verdict errors_run(struct series_drift *d, double log_c, bool still, bool armed, uint32_t seq) {
  struct detect_verdict v = {0};
  double n = (double)d->min_n, e = (double)d->min_e;
  bool was_alarm = d->errors_best != SERIES_CALM;
  if (was_alarm || (!still && armed && d->seen >= SEEN_FIRST)) v = errors_judge(d, n, e, log_c - LN_MINUTE, seq);
  if (!was_alarm && !still && !v.freeze) errors_learn(d, n, e);
  return v;
}

/* ---- latency, by minutes ---- */

struct latency_null {
  double zone, var; /* width of what is normal, variance of a minute's mean about it; buckets */
};
static struct latency_null latency_null_of(const struct series_drift *d, double n, double sd_b) {
  double w = wander_of(d->wander_b, WANDER_B_LEAST);
  return (struct latency_null){LATENCY_WIDTH * w * youth(d), sd_b * sd_b / n + w * w};
}

static struct detect_verdict latency_judge(struct series_drift *d, double off, double n, double sd_b, double log_c,
                                           uint32_t seq) {
  struct latency_null null = latency_null_of(d, n, sd_b);
  struct detect_verdict v;
  if (d->latency_best == DETECT_DRIFT_MINUTES) {
    double half = RECOVER_SHARE * (double)d->g_latency;
    if (half < 0.5 * null.zone) half = 0.5 * null.zone;
    v = recover_step(&d->g_latency, &d->latency, &d->latency_best, half * (0.5 * half - off) / null.var, seq);
    if (v.event != DETECT_OVER && d->latency.level == 0.0f) d->g_latency += (float)((off - (double)d->g_latency) * 0.1);
    return v;
  }
  double l = (off - null.zone) / math_sqrt(null.var) - 0.5;
  if (l > L_CLIP) l = L_CLIP;
  v = detect_alarm_step(&d->g_latency, &l, 1, &d->latency, &d->latency_best, log_c, seq, MINUTE);
  if (v.event == DETECT_RAISED) d->g_latency = (float)(off > null.zone ? off : null.zone);
  return v;
}

static void latency_learn(struct series_drift *d, double mean, double n, double sd_b) {
  double off = mean - (double)d->mu, w = wander_of(d->wander_b, 0.0), sd = math_sqrt(sd_b * sd_b / n + w * w);
  bool outside = off > 1.96 * sd || off < -1.96 * sd;
  if (d->seen >= SEEN_FIRST) {
    d->wander_b = wander_next(d->wander_b, outside, d->seen);
    if (off > 4.0 * sd) off = 4.0 * sd;
    if (off < -4.0 * sd) off = -4.0 * sd;
  }
  double seen = minutes_seen(d) + 1.0;
  d->mu += (float)(off / (seen < LATENCY_TAU ? seen : LATENCY_TAU));
}

static void day_add(struct series_drift *d, double mean) {
  d->day_b += (float)mean;
  if (d->day_n < 2047u) d->day_n = (d->day_n + 1u) & 2047u;
}

static struct detect_verdict latency_run(struct series_drift *d, double sd_b, double log_c, bool still, bool armed,
                                         uint32_t seq) {
  struct detect_verdict v = {0};
  double n = (double)d->min_t, mean = (double)d->min_b / n;
  bool by_minutes = d->latency_best == DETECT_DRIFT_MINUTES, by_days = d->latency_best == DETECT_DRIFT_DAYS;
  if (by_minutes || (!still && !by_days && armed && d->seen >= SEEN_FIRST))
    v = latency_judge(d, mean - (double)d->mu, n, sd_b, log_c - LN_MINUTE, seq);
  bool learns = !by_minutes && !still && !v.freeze;
  if (learns) latency_learn(d, mean, n, sd_b);
  if (learns || by_days) day_add(d, mean); /* by the day, an alarm of days ends */
  return v;
}

/* ---- latency, by days ---- */

static double day_sd_of(const struct series_drift *d) {
  double sd = DAY_SD_ZERO * math_exp(LN2 * 0.125 * (double)d->day_sd);
  double least = DAY_SD_WANDER * wander_of(d->wander_b, WANDER_B_LEAST);
  if (least < DAY_SD_LEAST) least = DAY_SD_LEAST;
  return sd > least ? sd : least;
}

static uint32_t days_of(const struct series_drift *d) {
  return d->seen > DRIFT_SEEN ? d->seen - DRIFT_SEEN : 0;
}

double detect_drift_days(const struct series_drift *d) {
  return ((double)d->day_off - (double)DAY_OFF_ZERO) / 32.0;
}

/* How days differ: from the falls, and from rises that are steeper than a drift. E max(-D, 0) = .564 sd of one day, for
 * the difference D of two. */
static void day_spread_learn(struct series_drift *d, double off) {
  double fall = detect_drift_days(d) - off, weight = 1.0 / (DAY_SD_WEIGHT + (double)days_of(d)), sd;
  if (fall < 0.0) fall = -fall > DAY_RISE ? -fall - DAY_RISE : 0.0;
  sd = DAY_SD_ZERO * math_exp(LN2 * 0.125 * (double)d->day_sd);
  sd += (fall / 0.564 - sd) * weight;
  double code = sd > DAY_SD_ZERO ? 8.0 * math_log(sd / DAY_SD_ZERO) / LN2 + 0.5 : 0.0;
  d->day_sd = (unsigned)(code < 127.0 ? code : 127.0) & 127u;
}

/* Standard deviation of a day's difference from the reference; few days seen are like few degrees of freedom. */
static double day_scale(const struct series_drift *d) {
  return 1.42 * day_sd_of(d) * (1.0 + 3.0 / ((double)days_of(d) + 1.0));
}

static struct detect_verdict day_judge(struct series_drift *d, double off, double log_c, uint32_t seq) {
  struct detect_verdict v = {0};
  double z = (off - DAY_ZONE) / day_scale(d);
  if (d->latency_best == DETECT_DRIFT_DAYS) {
    if (off > RECOVER_SHARE * (double)d->g_latency) {
      d->latency.seq = seq;
      return v;
    }
    v = (struct detect_verdict){DETECT_OVER, true, 0.0, d->latency.seq + 1};
    detect_alarm_clear(&d->g_latency, 1, &d->latency, &d->latency_best, seq);
    return v;
  }
  if (d->latency_best != SERIES_CALM || z <= 0.0 || 0.5 * z * z < log_c) return v;
  v = (struct detect_verdict){DETECT_RAISED, true, 0.5 * z * z, seq + 1u - DAY_MINUTES * MINUTE};
  d->latency_best = DETECT_DRIFT_DAYS;
  d->latency = (struct series_alarm){0.0f, seq};
  d->g_latency = (float)off;
  return v;
}

/* A jump that stands out on its first day is judged by what days were before it. */
static void day_note(struct series_drift *d, double off) {
  double code = off * 32.0 + (double)DAY_OFF_ZERO + 0.5;
  if (d->latency_best != DETECT_DRIFT_DAYS) day_spread_learn(d, off);
  d->day_off = (unsigned)(code < 0.0 ? 0.0 : code < 127.0 ? code : 127.0) & 127u;
}

static void day_set(struct series_drift *d, double mean) {
  double code = mean * 1024.0 + 0.5;
  d->day_mu_q10 = (uint16_t)(code < 1.0 ? 1.0 : code < 65535.0 ? code : 65535.0);
}

static struct detect_verdict day_close(struct series_drift *d, double log_c, bool armed, uint32_t seq) {
  struct detect_verdict v = {0};
  double mean = d->day_n ? (double)d->day_b / (double)d->day_n : 0.0, ref = (double)d->day_mu_q10 / 1024.0;
  bool whole = d->day_n >= DAY_WHOLE;
  d->day_b = 0.0f;
  d->day_n = 0;
  if (!whole || d->seen < DRIFT_SEEN) return v;
  if (!d->day_mu_q10) {
    day_set(d, mean);
    return v;
  }
  double off = mean - ref;
  bool old_alarm = d->latency_best == DETECT_DRIFT_DAYS;
  if (old_alarm || days_of(d) >= DAY_FIRST) v = day_judge(d, off, armed ? log_c - LN_DAY : 1e30, seq);
  day_note(d, off);
  if (old_alarm || v.event == DETECT_RAISED) return v;
  if (days_of(d) < DAYS_MOST) d->seen = (d->seen + 1u) & 127u;
  day_set(d, ref + off * DAY_KEEP);
  return v;
}

/* ---- all ---- */

static struct detect_verdict silence_end(float *g, struct series_alarm *a, uint8_t *best, uint32_t seq) {
  struct detect_verdict v = {DETECT_OVER, false, 0.0, a->seq + 1};
  if (*best != DETECT_DRIFT_MINUTES || seq - a->seq < SILENT) return (struct detect_verdict){0};
  detect_alarm_clear(g, 1, a, best, seq);
  return v;
}

struct detect_drift_verdict detect_drift_minute(struct series_drift *d, bool calm, bool still, double sd_b,
                                                double log_c, bool armed_errors, bool armed_latency, uint32_t seq) {
  struct detect_drift_verdict v = {0};
  if (calm && d->min_n > 0.0f) {
    v.errors = errors_run(d, log_c, still, armed_errors, seq);
    if (d->min_t > 0.0f && sd_b > 0.0) v.latency = latency_run(d, sd_b, log_c, still, armed_latency, seq);
    if (!still && d->seen < DRIFT_SEEN) d->seen = (d->seen + 1u) & 127u;
  } else if (d->min_n == 0.0f) {
    v.errors = silence_end(&d->g_errors, &d->errors, &d->errors_best, seq);
    v.latency = silence_end(&d->g_latency, &d->latency, &d->latency_best, seq);
  }
  if ((seq + 1) / MINUTE % DAY_MINUTES == 0) {
    struct detect_verdict day = day_close(d, log_c, armed_latency, seq);
    if (v.latency.event == DETECT_NOTHING) v.latency = day;
  }
  d->min_n = d->min_e = d->min_t = d->min_b = 0.0f;
  return v;
}

/* What the alarm has seen becomes the reference; of days nothing is known any more. */
void detect_drift_adopt(struct series_drift *d, uint32_t seq) {
  if (d->errors_best != SERIES_CALM) d->ref_p = d->g_errors;
  if (d->latency_best == DETECT_DRIFT_MINUTES) d->mu += d->g_latency;
  if (d->latency_best != SERIES_CALM) {
    d->day_mu_q10 = 0;
    d->day_off = DAY_OFF_ZERO;
    d->day_b = 0.0f;
    d->day_n = 0;
    if (d->seen > DRIFT_SEEN) d->seen = DRIFT_SEEN;
  }
  detect_alarm_clear(&d->g_errors, 1, &d->errors, &d->errors_best, seq);
  detect_alarm_clear(&d->g_latency, 1, &d->latency, &d->latency_best, seq);
}

double detect_drift_errors(const struct series_drift *d) {
  return (double)d->ref_p;
}

double detect_drift_bucket(const struct series_drift *d) {
  return (double)d->mu;
}

struct detect_drift_least detect_drift_smallest(const struct series_drift *d, double n_per_s, double sd_b, double log_c,
                                                double span_s) {
  struct detect_drift_least least = {DETECT_DRIFT_HUGE, DETECT_DRIFT_HUGE};
  double n = n_per_s * 60.0, nats = (log_c - LN_MINUTE) / (span_s / 60.0);
  if (n <= 0.0 || nats > L_CLIP || d->seen < SEEN_FIRST) return least;
  struct errors_null e = errors_null_of(d, n);
  least.error_ratio = (nats * e.phi + (ERRORS_K - 1.0) * n * e.p0) / ERRORS_LOG_K / n;
  struct latency_null t = latency_null_of(d, n, sd_b);
  double hours = span_s / 60.0 / LATENCY_TAU, kept = (1.0 - math_exp(-hours)) / hours; /* the reference follows */
  double off = (t.zone + (nats + 0.5) * math_sqrt(t.var)) / kept;
  if (sd_b > 0.0) least.latency_factor = math_exp(off * LN2 / (double)(1u << HIST_BITS));
  return least;
}
