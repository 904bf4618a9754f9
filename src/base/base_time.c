#include "base_time.h"

#include <stdio.h>

/* Civil date from days since 1970-01-01 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static void civil_of_days(int64_t z, int64_t *y, unsigned *m, unsigned *d) {
  z += 719468;
  int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  unsigned doe = (unsigned)(z - era * 146097);
  unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  unsigned mp = (5 * doy + 2) / 153;
  *d = doy - (153 * mp + 2) / 5 + 1;
  *m = mp < 10 ? mp + 3 : mp - 9;
  *y = (int64_t)yoe + era * 400 + (*m <= 2);
}

static int64_t days_of_civil(int64_t y, unsigned m, unsigned d) {
  y -= m <= 2;
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  unsigned yoe = (unsigned)(y - era * 400);
  unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
  unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + (int64_t)doe - 719468;
}

void time_text(struct base_wall t, char out[TIME_TEXT_BYTES]) {
  int64_t s = t.ns / TIME_NS_PER_S, ns = t.ns % TIME_NS_PER_S;
  if (ns < 0) {
    ns += TIME_NS_PER_S;
    s -= 1;
  }
  int64_t days = s / 86400, rest = s % 86400;
  if (rest < 0) {
    rest += 86400;
    days -= 1;
  }
  int64_t y = 0;
  unsigned m = 0, d = 0, r = (unsigned)rest;
  civil_of_days(days, &y, &m, &d);
  (void)snprintf(out, TIME_TEXT_BYTES, "%04d-%02u-%02uT%02u:%02u:%02u.%09uZ", (int)y, m, d, r / 3600, r / 60 % 60,
                 r % 60, (unsigned)ns);
}

/* Reads exactly `digits` decimal digits at *i. */
static bool digits_read(struct base_str s, size_t *i, unsigned digits, unsigned *out) {
  unsigned v = 0;
  for (unsigned k = 0; k < digits; k++, (*i)++) {
    if (*i >= s.n || s.p[*i] < '0' || s.p[*i] > '9') return false;
    v = v * 10 + (unsigned)(s.p[*i] - '0');
  }
  *out = v;
  return true;
}

static bool char_read(struct base_str s, size_t *i, char c) {
  if (*i >= s.n || s.p[*i] != c) return false;
  (*i)++;
  return true;
}

static bool fraction_read(struct base_str s, size_t *i, int64_t *ns) {
  int64_t scale = TIME_NS_PER_S / 10;
  *ns = 0;
  if (!char_read(s, i, '.')) return true;
  size_t from = *i;
  for (; *i < s.n && s.p[*i] >= '0' && s.p[*i] <= '9'; (*i)++) {
    *ns += scale * (s.p[*i] - '0');
    scale /= 10;
  }
  return *i > from;
}

static bool offset_read(struct base_str s, size_t *i, int64_t *seconds) {
  unsigned h = 0, m = 0;
  *seconds = 0;
  if (char_read(s, i, 'Z') || char_read(s, i, 'z')) return true;
  bool minus = *i < s.n && s.p[*i] == '-';
  if (!minus && !(*i < s.n && s.p[*i] == '+')) return false;
  (*i)++;
  if (!digits_read(s, i, 2, &h) || !char_read(s, i, ':') || !digits_read(s, i, 2, &m) || h > 23 || m > 59) return false;
  *seconds = (int64_t)(h * 3600 + m * 60) * (minus ? -1 : 1);
  return true;
}

static unsigned month_days(unsigned y, unsigned m) {
  static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
  return (unsigned)days[m - 1] + (m == 2 && leap ? 1u : 0u);
}

bool time_read(struct base_str s, struct base_wall *out) {
  unsigned y = 0, mo = 0, d = 0, h = 0, mi = 0, sec = 0;
  int64_t ns = 0, off = 0;
  size_t i = 0;
  if (!digits_read(s, &i, 4, &y) || !char_read(s, &i, '-') || !digits_read(s, &i, 2, &mo) || !char_read(s, &i, '-') ||
      !digits_read(s, &i, 2, &d))
    return false;
  if (!char_read(s, &i, 'T') && !char_read(s, &i, 't') && !char_read(s, &i, ' ')) return false;
  if (!digits_read(s, &i, 2, &h) || !char_read(s, &i, ':') || !digits_read(s, &i, 2, &mi) || !char_read(s, &i, ':') ||
      !digits_read(s, &i, 2, &sec))
    return false;
  if (!fraction_read(s, &i, &ns) || !offset_read(s, &i, &off) || i != s.n) return false;
  if (y < 1678 || y > 2261 || mo < 1 || mo > 12 || d < 1 || h > 23 || mi > 59 || sec > 60) return false;
  if (d > month_days(y, mo)) return false;
  int64_t t = days_of_civil(y, mo, d) * 86400 + (int64_t)(h * 3600 + mi * 60 + sec) - off;
  out->ns = t * TIME_NS_PER_S + ns;
  return true;
}
