#include "daemon_series.h"

#include "base_must.h"

#define KEEPER_PARTS 30u /* seconds that the series of a minute are spread over */
#define KEEPER_PART_MIN 64u
#define KEEPER_GRACE_S 2 /* late ticks of the minute's end */

static size_t put_name(char *out, struct base_str s) {
  out[0] = (char)(s.n & 0xff);
  out[1] = (char)(s.n >> 8);
  if (s.n) memcpy(out + 2, s.p, s.n);
  return 2 + s.n;
}

size_t series_key(const struct rec_series *s, char out[LIMIT_SERIES_KEY_BYTES]) {
  _Static_assert(2 + REC_DIM_COUNT * (2 + LIMIT_NAME_BYTES) <= LIMIT_SERIES_KEY_BYTES, "all names fit");
  uint32_t dims = rec_series_dims(s->level);
  size_t n = 2;
  out[0] = (char)s->level;
  out[1] = (char)s->side;
  for (unsigned d = 0; d < REC_DIM_COUNT; d++)
    if (dims >> d & 1u) n += put_name(out + n, s->dim[d]);
  return n;
}

/* Its seconds [minute_s, until_s). */
static void minute_put(const struct series_keeper *k, uint32_t idx, int64_t until_s) {
  const struct rec_series *s = engine_series(k->engine, idx);
  struct store_point point[STORE_MINUTE];
  char key[LIMIT_SERIES_KEY_BYTES];
  int64_t since;
  bool any = false;
  if (!s || !history_since(k->seconds, idx, &since) || since >= until_s) return;
  for (uint32_t i = 0; i < STORE_MINUTE; i++) {
    struct history_point p = {.latency_mean_ms = -1, .latency_p99_ms = -1};
    int64_t at = k->minute_s + i;
    bool known = at < until_s && history_read(k->seconds, idx, at, 1, &p);
    point[i] = (struct store_point){p.requests, p.errors, p.latency_mean_ms, p.latency_p99_ms, known};
    any |= known;
  }
  if (any) store_series_put(k->store, (struct base_str){key, series_key(s, key)}, k->minute_s, point);
}

/* After a stop of hours memory holds the last of it at most. */
static void minute_begin(struct series_keeper *k, int64_t newest_s) {
  int64_t oldest_s = newest_s - (int64_t)LIMIT_HISTORY_S;
  if (k->minute_s && k->minute_s >= oldest_s) return;
  k->minute_s = k->minute_s ? oldest_s : newest_s;
  k->minute_s -= k->minute_s % STORE_MINUTE;
  k->at = 0;
}

void series_keeper_second(struct series_keeper *k) {
  int64_t newest_s = history_newest(k->seconds);
  uint32_t n = engine_series_n(k->engine), part = n / KEEPER_PARTS + KEEPER_PART_MIN;
  if (newest_s == 0) return;
  minute_begin(k, newest_s);
  if (newest_s < k->minute_s + STORE_MINUTE + KEEPER_GRACE_S) return;
  for (; part-- > 0 && k->at < n; k->at++) minute_put(k, k->at, k->minute_s + STORE_MINUTE);
  if (k->at < n) return;
  k->at = 0;
  k->minute_s += STORE_MINUTE;
}

void series_keeper_finish(struct series_keeper *k) {
  int64_t newest_s = history_newest(k->seconds);
  if (newest_s == 0) return;
  minute_begin(k, newest_s);
  for (; k->minute_s <= newest_s; k->minute_s += STORE_MINUTE, k->at = 0)
    for (; k->at < engine_series_n(k->engine); k->at++) minute_put(k, k->at, newest_s + 1);
}
