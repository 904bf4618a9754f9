#include "store_chunk.h"

#include "base_math.h"
#include "base_must.h"

#define CHUNK_VERSION 1
#define CHUNK_LOG_STEPS (128.0 / 0.69314718055994530942) /* of a doubling, by the natural logarithm */

#define CHUNK_CODE_MAX 8192u /* 2^64 us */

enum { COLUMN_REQUESTS, COLUMN_ERRORS, COLUMN_MEAN, COLUMN_P99, COLUMNS };

/* ---- values ---- */

static uint64_t duration_code(double ms) {
  return ms < 0 ? 0 : 1 + (uint64_t)(math_log_fast(ms * 1e3 + 1) * CHUNK_LOG_STEPS + 0.5);
}

static double duration_ms(uint64_t code) {
  return code == 0 ? -1 : (math_exp_fast((double)(code - 1) / CHUNK_LOG_STEPS) - 1) / 1e3;
}

static uint64_t value_of(const struct store_point *p, unsigned column) {
  switch (column) {
    case COLUMN_REQUESTS: return p->requests;
    case COLUMN_ERRORS: return p->errors;
    case COLUMN_MEAN: return duration_code(p->mean_ms);
    default: return duration_code(p->p99_ms);
  }
}

static void value_set(struct store_point *p, unsigned column, uint64_t v) {
  switch (column) {
    case COLUMN_REQUESTS: p->requests = v; break;
    case COLUMN_ERRORS: p->errors = v; break;
    case COLUMN_MEAN: p->mean_ms = duration_ms(v); break;
    default: p->p99_ms = duration_ms(v); break;
  }
}

/* ---- writing ---- */

static void put_varint(struct base_buf *out, uint64_t v) {
  for (; v >= 0x80; v >>= 7) buf_put_char(out, (char)(v | 0x80));
  buf_put_char(out, (char)v);
}

static void runs_write(const struct store_point *p, uint32_t n, struct base_buf *out) {
  bool known = true;
  for (uint32_t i = 0; i < n; known = !known) {
    uint32_t run = 0;
    while (i + run < n && p[i + run].known == known) run++;
    put_varint(out, run);
    i += run;
  }
}

static void column_write(const struct store_point *p, uint32_t n, unsigned column, struct base_buf *out) {
  uint64_t before = 0, zeros = 0;
  for (uint32_t i = 0; i < n; i++) {
    if (!p[i].known) continue;
    uint64_t v = value_of(&p[i], column);
    int64_t d = (int64_t)(v - before);
    before = v;
    if (d == 0 && zeros++ > 0) continue;
    if (d == 0) {
      put_varint(out, 0);
      continue;
    }
    if (zeros) put_varint(out, zeros - 1);
    zeros = 0;
    put_varint(out, (uint64_t)d << 1 ^ (uint64_t)(d >> 63));
  }
  if (zeros) put_varint(out, zeros - 1);
}

void chunk_write(const struct store_point *p, uint32_t n, struct base_buf *out) {
  MUST(n <= CHUNK_POINTS_MAX);
  buf_put_char(out, CHUNK_VERSION);
  put_varint(out, n);
  runs_write(p, n, out);
  for (unsigned c = 0; c < COLUMNS; c++) column_write(p, n, c, out);
}

/* ---- reading ---- */

struct take {
  struct base_str bytes;
  size_t at;
  bool bad;
};

static uint64_t take_varint(struct take *t) {
  uint64_t v = 0;
  for (unsigned shift = 0; shift < 64 && t->at < t->bytes.n; shift += 7) {
    unsigned char b = (unsigned char)t->bytes.p[t->at++];
    v |= (uint64_t)(b & 0x7f) << shift;
    if (b < 0x80) return v;
  }
  t->bad = true;
  return 0;
}

static void runs_read(struct take *t, struct store_point *p, uint32_t n) {
  bool known = true;
  uint32_t empty = 0; /* two in a row would be a loop */
  for (uint32_t i = 0; i < n && !t->bad; known = !known) {
    uint64_t run = take_varint(t);
    empty = run ? 0 : empty + 1;
    if (run > n - i || empty > 1) t->bad = true;
    for (uint64_t k = 0; !t->bad && k < run; k++) p[i++].known = known;
  }
}

static void column_read(struct take *t, struct store_point *p, uint32_t n, unsigned column) {
  uint64_t v = 0, zeros = 0;
  for (uint32_t i = 0; i < n && !t->bad; i++) {
    if (!p[i].known) continue;
    if (zeros) {
      zeros--;
    } else {
      uint64_t z = take_varint(t);
      v += z >> 1 ^ (0 - (z & 1));
      if (z == 0) zeros = take_varint(t);
    }
    t->bad |= column >= COLUMN_MEAN && v > CHUNK_CODE_MAX;
    value_set(&p[i], column, t->bad ? 0 : v);
  }
  t->bad |= zeros > 0;
}

bool chunk_read(struct base_str bytes, struct store_point *p, uint32_t n) {
  struct take t = {.bytes = bytes};
  for (uint32_t i = 0; i < n; i++) p[i] = (struct store_point){.mean_ms = -1, .p99_ms = -1};
  if (bytes.n == 0 || bytes.p[t.at++] != CHUNK_VERSION || take_varint(&t) != n) return false;
  runs_read(&t, p, n);
  for (unsigned c = 0; c < COLUMNS; c++) column_read(&t, p, n, c);
  return !t.bad && t.at == bytes.n;
}

/* ---- sums ---- */

static double fine_of(const struct store_point *p) {
  return p->requests > p->errors ? (double)(p->requests - p->errors) : 1.0;
}

void point_add(struct store_point *sum, const struct store_point *p) {
  if (!p->known) return;
  if (!sum->known) {
    *sum = *p;
    return;
  }
  if (p->mean_ms >= 0 && sum->mean_ms >= 0) {
    double a = fine_of(sum), b = fine_of(p);
    sum->mean_ms = (sum->mean_ms * a + p->mean_ms * b) / (a + b);
  } else if (p->mean_ms >= 0) {
    sum->mean_ms = p->mean_ms;
  }
  if (p->p99_ms > sum->p99_ms) sum->p99_ms = p->p99_ms;
  sum->requests += p->requests;
  sum->errors += p->errors;
}
