#include "engine_season.h"

#include "base_math.h"
#include "engine_impl.h"

#define HOUR_S 3600ll
#define ENOUGH 20.0f       /* requests an hour: below, its level says little */
#define LEVEL_WEIGHT 24.0f /* hours of memory of the running level */
#define STEP_MAX 32        /* sixteen times, in eighths of octaves */
#define SMALL 4            /* half an octave: less is for the tracker */
#define AROUND_S 600ll     /* a step is expected so long before and after the hour: clocks of crontabs and people */

unsigned season_hour(struct base_wall t) {
  return (unsigned)((t.ns / TIME_NS_PER_S / HOUR_S) % (int64_t)ENGINE_HOURS);
}

static void hour_close(struct engine_season *s, unsigned hour) {
  float n = s->hour_s ? s->hour_n * (float)HOUR_S / (float)s->hour_s : 0.0f;
  bool seen = s->hour_s >= (uint32_t)HOUR_S / 2;
  s->hour_n = 0.0f;
  s->hour_s = 0;
  if (!seen) return;
  if (s->level_ewma <= 0.0f) s->level_ewma = n;
  s->level_ewma += (n - s->level_ewma) / LEVEL_WEIGHT;
  if (s->level_ewma < ENOUGH) return;
  double octave = math_log((double)(n < 1.0f ? 1.0f : n) / (double)s->level_ewma) / 0.6931471805599453 * 8.0;
  if (octave > 127.0) octave = 127.0;
  if (octave < -127.0) octave = -127.0;
  double weight = 1.0 / (double)(s->weeks[hour] < 3 ? s->weeks[hour] + 1 : 4);
  double next = (double)s->level[hour] + (octave - (double)s->level[hour]) * weight;
  s->level[hour] = (int8_t)(next < 0.0 ? next - 0.5 : next + 0.5);
  if (s->weeks[hour] < 255) s->weeks[hour]++;
}

void season_minute(struct engine_season *s, struct base_wall t, double requests, double seconds, bool last) {
  s->hour_n += (float)requests;
  s->hour_s += (uint32_t)seconds;
  if (last) hour_close(s, season_hour(t));
}

/* The mean level of that hour of the day over all days of the week on which it was seen. False: on none. */
static bool day_level(const struct engine_season *s, unsigned hour, double *out) {
  double sum = 0.0, n = 0.0;
  for (unsigned h = hour % 24u; h < ENGINE_HOURS; h += 24u)
    if (s->weeks[h]) {
      sum += (double)s->level[h];
      n += 1.0;
    }
  *out = n > 0.0 ? sum / n : 0.0;
  return n > 0.0;
}

int season_step(const struct engine_season *s, unsigned from_hour, unsigned to_hour) {
  double a = (double)s->level[from_hour], b = (double)s->level[to_hour];
  bool week = s->weeks[from_hour] >= 2 && s->weeks[to_hour] >= 2;
  if (!week && (!day_level(s, from_hour, &a) || !day_level(s, to_hour, &b))) return 0;
  int step = (int)(b - a);
  return step > STEP_MAX ? STEP_MAX : step < -STEP_MAX ? -STEP_MAX : step;
}

/* The step that is near: that of the hour just begun, or of the next one when it is about to begin. */
static int step_near(const struct engine_season *s, struct base_wall t) {
  int64_t second = t.ns / TIME_NS_PER_S % HOUR_S;
  unsigned hour = season_hour(t);
  int step = 0;
  if (second < AROUND_S) step = season_step(s, (hour + ENGINE_HOURS - 1u) % ENGINE_HOURS, hour);
  if (second >= HOUR_S - AROUND_S) step = season_step(s, hour, (hour + 1u) % ENGINE_HOURS);
  return step < SMALL && step > -SMALL ? 0 : step;
}

/* The service's, its parts', and the calls' to it: what the service's users do is what they see. What its clients tell
 * of the whole of it is not judged by its traffic. */
static void hints_put(struct engine *e, uint32_t node, int step) {
  struct series_walk w = series_catalog_walk(&e->catalog, node, SERIES_CALLS_IN);
  for (uint32_t i = series_catalog_next(&w); i != REC_SERIES_NONE; i = series_catalog_next(&w))
    if (e->state[i].used && i != e->catalog.node[node].series[REC_SIDE_CLIENT]) e->state[i].season = (int8_t)step;
}

void engine_season_run(struct engine *e, struct rec_tick t) {
  const double minute_s = 60.0;
  if (!e->conf.seasonality || (t.seq + 1) % (60u * LIMIT_TICKS_PER_S) != 0) return;
  bool last = t.end.ns / TIME_NS_PER_S % HOUR_S >= HOUR_S - 60;
  for (uint32_t i = 0; i < e->catalog.node_n; i++) {
    uint32_t idx = e->catalog.node[i].series[REC_SIDE_SERVER];
    if (idx == REC_SERIES_NONE || !e->state[idx].used) continue;
    const struct series_state *s = &e->state[idx];
    /* The tracker's level is the minute's word: an alarm's level counts too, as it may come again next week. */
    double per_s = s->rate.b > 0.0f ? (double)(s->rate.a / s->rate.b) * (double)LIMIT_TICKS_PER_S : 0.0;
    season_minute(&e->season[i], t.end, per_s * minute_s, minute_s, last);
    int step = step_near(&e->season[i], t.end);
    if (step != s->season) hints_put(e, i, step);
  }
}
