#include "wire_clock.h"

#include "base_time.h"

#define SKEW_HALF_NS (30 * TIME_NS_PER_S)
#define SKEW_AHEAD_NS (2 * TIME_NS_PER_S)
#define SKEW_BEHIND_NS (5 * TIME_NS_PER_S)

void wire_clock_init(struct wire_clock *c) {
  *c = (struct wire_clock){.arrival_ns = WIRE_CLOCK_NONE, .watermark_ns = WIRE_CLOCK_NONE};
  for (int i = 0; i < WIRE_CLOCK_WINDOW_S; i++) c->late_s[i] = INT64_MIN / 2;
}

static void late_put(struct wire_clock *c, int64_t late_ns) {
  int64_t second = c->arrival_ns / TIME_NS_PER_S;
  int64_t at = second % WIRE_CLOCK_WINDOW_S;
  if (at < 0) at += WIRE_CLOCK_WINDOW_S;
  if (c->late_s[at] != second) {
    c->late_s[at] = second;
    c->late_ns[at] = 0;
  }
  if (late_ns > c->late_ns[at]) c->late_ns[at] = late_ns;
}

void wire_clock_arrive(struct wire_clock *c, int64_t arrival_ns) {
  bool first = c->arrival_ns == WIRE_CLOCK_NONE;
  if (!first && arrival_ns <= c->arrival_ns) return;
  c->arrival_ns = arrival_ns;
  if (first) late_put(c, WIRE_CLOCK_LAG_NS_START);
}

void wire_clock_late(struct wire_clock *c, int64_t end_ns) {
  int64_t late_ns = c->arrival_ns - end_ns;
  if (late_ns > 0 && late_ns <= LIMIT_LAG_NS_MAX) late_put(c, late_ns);
}

int64_t wire_clock_lag(const struct wire_clock *c) {
  int64_t second = c->arrival_ns / TIME_NS_PER_S, lag = LIMIT_LAG_NS_MIN;
  for (int i = 0; i < WIRE_CLOCK_WINDOW_S; i++)
    if (c->late_s[i] > second - WIRE_CLOCK_WINDOW_S && c->late_ns[i] > lag) lag = c->late_ns[i];
  return lag < LIMIT_LAG_NS_MAX ? lag : LIMIT_LAG_NS_MAX;
}

int64_t wire_clock_watermark(struct wire_clock *c) {
  if (c->arrival_ns == WIRE_CLOCK_NONE) return WIRE_CLOCK_NONE;
  int64_t mark = c->arrival_ns - wire_clock_lag(c);
  if (mark > c->watermark_ns) c->watermark_ns = mark;
  return c->watermark_ns;
}

static int64_t skew_step(struct wire_skew *s, int64_t recv_ns, int64_t behind_ns) {
  if (!s->started || recv_ns - s->half_start_ns >= 2 * SKEW_HALF_NS) {
    *s = (struct wire_skew){.half_start_ns = recv_ns, .min_ns = behind_ns, .started = true};
  } else if (recv_ns - s->half_start_ns >= SKEW_HALF_NS) {
    s->min_before_ns = s->min_ns;
    s->has_before = true;
    s->half_start_ns = recv_ns;
    s->min_ns = behind_ns;
  } else if (behind_ns < s->min_ns) {
    s->min_ns = behind_ns;
  }
  return s->has_before && s->min_before_ns < s->min_ns ? s->min_before_ns : s->min_ns;
}

int64_t wire_skew_end(struct wire_skew *s, int64_t recv_ns, int64_t end_ns) {
  int64_t behind_ns = recv_ns - end_ns;
  int64_t min_ns = skew_step(s, recv_ns, behind_ns);
  if (min_ns < -SKEW_AHEAD_NS) return end_ns + min_ns;
  if (s->has_before && min_ns > SKEW_BEHIND_NS) return end_ns + min_ns;
  return behind_ns < 0 ? recv_ns : end_ns;
}
