#include "rec_gauge.h"

#define FULL SIZE_MAX

static size_t put(char out[REC_GAUGE_KEY_BYTES], size_t at, struct base_str s) {
  if (at == FULL || s.n > LIMIT_NAME_BYTES || s.n + 2 > REC_GAUGE_KEY_BYTES - at) return FULL;
  out[at] = (char)(s.n & 0xff);
  out[at + 1] = (char)(s.n >> 8);
  if (s.n) memcpy(out + at + 2, s.p, s.n);
  return at + 2 + s.n;
}

size_t rec_gauge_key_write(const struct rec_gauge *g, char out[REC_GAUGE_KEY_BYTES]) {
  size_t at = 0;
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) at = put(out, at, g->dim[d]);
  at = put(out, put(out, at, g->metric), g->part);
  return at == FULL || g->metric.n == 0 ? 0 : at;
}

static bool take(const char *key, size_t key_n, size_t *at, struct base_str *out) {
  if (key_n - *at < 2) return false;
  size_t n = (unsigned char)key[*at] | (size_t)(unsigned char)key[*at + 1] << 8;
  *at += 2;
  if (n > key_n - *at) return false;
  *out = (struct base_str){key + *at, n};
  *at += n;
  return true;
}

bool rec_gauge_key_read(const char *key, size_t key_n, struct rec_gauge_names *out) {
  size_t at = 0;
  for (unsigned d = 0; d < REC_DIM_COUNT; d++)
    if (!take(key, key_n, &at, &out->dim[d])) return false;
  return take(key, key_n, &at, &out->metric) && take(key, key_n, &at, &out->part) && at == key_n;
}

int rec_gauge_cmp(const struct rec_gauge *a, const struct rec_gauge *b) {
  int c = 0;
  for (unsigned d = 0; d < REC_DIM_COUNT && c == 0; d++) c = str_cmp(a->dim[d], b->dim[d]);
  if (c == 0) c = str_cmp(a->metric, b->metric);
  if (c == 0) c = str_cmp(a->part, b->part);
  return c ? c : (a->at.ns > b->at.ns) - (a->at.ns < b->at.ns);
}
