#include "series_recent.h"

#include "base_must.h"
#include "series_half.h"

static void ring_advance(struct series_slot *ring, uint32_t slots, uint32_t from, uint32_t to) {
  MUST(to >= from);
  uint32_t gap = to - from;
  for (uint32_t i = 1; i <= gap && i <= slots; i++) ring[(from + i) % slots] = (struct series_slot){0};
}

static uint32_t sum_of(uint32_t a, uint64_t b) {
  return b < 0xffffffffu - a ? a + (uint32_t)b : 0xffffffffu;
}

static void slot_set(struct series_slot *s, uint32_t n, uint32_t e, float lat_s) {
  double us = (double)lat_s * 1e6;
  s->n = half_of(n);
  s->e = half_of(e);
  s->lat_us = half_of(us > 0.0 ? us < 4e12 ? (uint64_t)us : 4000000000000u : 0u);
}

void series_recent_add(struct series_state *s, uint32_t seq, uint64_t n, uint64_t e, float lat_s) {
  uint32_t sec = seq / LIMIT_TICKS_PER_S, ten = sec / SERIES_COARSE_S, ten_at = s->fine_at / SERIES_COARSE_S;
  if (sec != s->fine_at) {
    ring_advance(s->fine, SERIES_FINE_SLOTS, s->fine_at, sec);
    s->fine_n = s->fine_e = 0;
    s->fine_lat_s = 0.0f;
  }
  if (ten != ten_at) {
    ring_advance(s->coarse, SERIES_COARSE_SLOTS, ten_at, ten);
    s->coarse_n = s->coarse_e = 0;
    s->coarse_lat_s = 0.0f;
  }
  s->fine_at = sec;
  s->fine_n = sum_of(s->fine_n, n);
  s->fine_e = sum_of(s->fine_e, e);
  s->fine_lat_s += lat_s;
  s->coarse_n = sum_of(s->coarse_n, n);
  s->coarse_e = sum_of(s->coarse_e, e);
  s->coarse_lat_s += lat_s;
  slot_set(&s->fine[sec % SERIES_FINE_SLOTS], s->fine_n, s->fine_e, s->fine_lat_s);
  slot_set(&s->coarse[ten % SERIES_COARSE_SLOTS], s->coarse_n, s->coarse_e, s->coarse_lat_s);
}

static bool ring_get(const struct series_slot *ring, uint32_t slots, uint32_t at, uint32_t want,
                     struct series_sum *out) {
  *out = (struct series_sum){0};
  if (want > at) return true;
  if (at - want >= slots) return false;
  const struct series_slot *s = &ring[want % slots];
  *out = (struct series_sum){(double)half_value(s->n), (double)half_value(s->e), 1e-6 * (double)half_value(s->lat_us)};
  return true;
}

bool series_recent_second(const struct series_state *s, uint32_t sec, struct series_sum *out) {
  return ring_get(s->fine, SERIES_FINE_SLOTS, s->fine_at, sec, out);
}

bool series_recent_ten(const struct series_state *s, uint32_t ten, struct series_sum *out) {
  return ring_get(s->coarse, SERIES_COARSE_SLOTS, s->fine_at / SERIES_COARSE_S, ten, out);
}

static void sum_add(struct series_sum *a, struct series_sum b) {
  a->n += b.n;
  a->e += b.e;
  a->lat_s += b.lat_s;
}

struct series_sum series_recent_sum(const struct series_state *s, uint32_t from_seq, uint32_t to_seq) {
  struct series_sum sum = {0}, one;
  uint32_t sec = from_seq / LIMIT_TICKS_PER_S, last = to_seq / LIMIT_TICKS_PER_S;
  uint32_t ten_at = s->fine_at / SERIES_COARSE_S;
  uint32_t oldest_ten = ten_at >= SERIES_COARSE_SLOTS ? ten_at - SERIES_COARSE_SLOTS + 1 : 0;
  if (sec < oldest_ten * SERIES_COARSE_S) sec = oldest_ten * SERIES_COARSE_S;
  while (sec <= last && sec <= s->fine_at) {
    if (series_recent_second(s, sec, &one)) {
      sum_add(&sum, one);
      sec++;
      continue;
    }
    /* Too old for seconds: its ten, when that lies inside the range. */
    uint32_t ten = sec / SERIES_COARSE_S;
    bool whole = sec % SERIES_COARSE_S == 0 && (ten + 1) * SERIES_COARSE_S - 1 <= last &&
                 (ten + 1) * SERIES_COARSE_S - 1 <= s->fine_at;
    if (whole && series_recent_ten(s, ten, &one)) {
      sum_add(&sum, one);
      sec += SERIES_COARSE_S;
    } else {
      sec++;
    }
  }
  return sum;
}
