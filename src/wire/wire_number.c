#include "wire_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Digits that always fit into a uint64_t, and those that always fit into a double. */
enum { DIGITS_MAX = 19, DIGITS_EXACT = 15, POWER_EXACT = 22, EXPONENT_MAX = 99999 };

/* mantissa * 10^power; `more` digits that are not 0 were left out. */
struct decimal {
  uint64_t mantissa;
  int32_t power;
  uint32_t digits; /* of the mantissa */
  bool minus, more;
};

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static inline void digit_add(struct decimal *d, char c, bool fraction) {
  if (d->digits < DIGITS_MAX) {
    d->mantissa = d->mantissa * 10 + (uint64_t)(c - '0');
    d->digits += d->mantissa != 0;
    d->power -= fraction;
  } else {
    d->more |= c != '0';
    d->power += !fraction;
  }
}

static const char *exponent_read(const char *p, const char *end, struct decimal *d) {
  int32_t e = 0;
  bool minus = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) p++;
  if (p == end || !is_digit(*p)) return NULL;
  for (; p < end && is_digit(*p); p++)
    if (e < EXPONENT_MAX) e = e * 10 + (*p - '0');
  d->power += minus ? -e : e;
  return p;
}

/* False where the text is not wholly a decimal number. */
static bool decimal_read(struct base_str s, struct decimal *d) {
  const char *p = s.p, *end = s.p + s.n;
  *d = (struct decimal){0};
  if (p < end && (*p == '-' || *p == '+')) d->minus = *p++ == '-';
  const char *from = p;
  for (; p < end && is_digit(*p); p++) digit_add(d, *p, false);
  size_t digits = (size_t)(p - from);
  if (p < end && *p == '.') {
    from = ++p;
    for (; p < end && is_digit(*p); p++) digit_add(d, *p, true);
    digits += (size_t)(p - from);
  }
  if (digits == 0) return false;
  if (p < end && (*p == 'e' || *p == 'E')) p = exponent_read(p + 1, end, d);
  return p == end;
}

static bool word_read(struct base_str s, double *out) {
  bool minus = s.n && s.p[0] == '-', sign = s.n && (minus || s.p[0] == '+');
  struct base_str word = str_cut(s, sign, s.n);
  if (str_eq_nocase(word, STR("inf")) || str_eq_nocase(word, STR("infinity")))
    *out = minus ? -INFINITY : INFINITY;
  else if (!sign && str_eq_nocase(word, STR("nan")))
    *out = NAN;
  else
    return false;
  return true;
}

static double decimal_value(struct base_str s, const struct decimal *d) {
  static const double power[POWER_EXACT + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  char text[WIRE_NUMBER_BYTES + 1];
  double v = (double)d->mantissa;
  if (d->digits <= DIGITS_EXACT && !d->more && d->power >= -POWER_EXACT && d->power <= POWER_EXACT) {
    v = d->power < 0 ? v / power[-d->power] : v * power[d->power];
    return d->minus ? -v : v;
  }
  memcpy(text, s.p, s.n);
  text[s.n] = 0;
  return strtod(text, NULL);
}

bool number_read(struct base_str s, double *out) {
  struct decimal d;
  if (s.n == 0 || s.n > WIRE_NUMBER_BYTES) return false;
  if (!decimal_read(s, &d)) return word_read(s, out);
  *out = decimal_value(s, &d);
  return true;
}

bool number_read_int(struct base_str s, int64_t *out) {
  struct decimal d;
  if (s.n == 0 || s.n > WIRE_NUMBER_BYTES || !decimal_read(s, &d)) return false;
  for (size_t i = 0; i < s.n; i++)
    if (!is_digit(s.p[i]) && i > 0) return false;
  if (d.more || d.power > 0 || d.mantissa > (uint64_t)INT64_MAX || s.p[0] == '.') return false;
  *out = d.minus ? -(int64_t)d.mantissa : (int64_t)d.mantissa;
  return true;
}

bool number_read_seconds(struct base_str s, int64_t *ns) {
  struct decimal d;
  if (s.n == 0 || s.n > WIRE_NUMBER_BYTES || !decimal_read(s, &d) || (d.minus && d.mantissa)) return false;
  int32_t power = d.power + 9;
  uint64_t v = d.mantissa;
  for (; power < 0 && v; power++) v /= 10;
  for (; power > 0 && v; power--)
    if (__builtin_mul_overflow(v, 10, &v)) return false;
  if (v > (uint64_t)INT64_MAX) return false;
  *ns = (int64_t)v;
  return true;
}

void number_write(struct base_buf *out, double v) {
  char text[32];
  if (!isfinite(v)) {
    buf_put_str(out, isnan(v) ? STR("NaN") : v > 0 ? STR("+Inf") : STR("-Inf"));
    return;
  }
  for (int digits = 6; digits <= 17; digits += digits == 6 ? 9 : 1) {
    (void)snprintf(text, sizeof text, "%.*g", digits, v);
    if (strtod(text, NULL) == v) break;
  }
  buf_put_str(out, str_of(text));
}
