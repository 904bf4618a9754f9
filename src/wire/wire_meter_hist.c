/* Histograms: in parts (a cumulative count a bound, each a sample of its own, in any order and any number of messages)
 * or whole. Both end as counts of our own buckets (base_hist.h): a bucket's requests stand at its logarithmic middle,
 * sqrt(lower upper); below the lowest bound at half of it, above the highest at one and a half. With bounds a factor r
 * apart a duration is misplaced by sqrt(r) at most, always the same way: what moves between buckets is seen, what moves
 * inside of one is not. */
#include "base_math.h"
#include "wire_meter_state.h"

/* Decimal text to a number, exact to the last digits or so: what two servers write alike reads alike. */
static bool digits_read(struct base_str s, size_t *at, double *value, int *scale) {
  size_t from = *at;
  bool point = false;
  for (; *at < s.n; (*at)++) {
    char c = s.p[*at];
    if (c == '.' && !point) {
      point = true;
    } else if (c >= '0' && c <= '9') {
      *value = *value * 10.0 + (double)(c - '0');
      *scale -= point;
    } else {
      break;
    }
  }
  return *at > from + point;
}

static bool exponent_read(struct base_str s, size_t *at, int *scale) {
  if (*at == s.n) return true;
  if ((s.p[*at] | 32) != 'e') return false;
  (*at)++;
  bool minus = *at < s.n && s.p[*at] == '-';
  int n = 0;
  if (*at < s.n && (s.p[*at] == '-' || s.p[*at] == '+')) (*at)++;
  size_t from = *at;
  for (; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9' && n < 1000; (*at)++) n = n * 10 + (s.p[*at] - '0');
  *scale += minus ? -n : n;
  return *at == s.n && *at > from;
}

bool meter_bound_read(struct base_str text, double *out) {
  size_t at = 0;
  double value = 0.0;
  int scale = 0;
  if (str_eq(text, STR("+Inf")) || str_eq(text, STR("Inf"))) {
    *out = math_of_bits(0x7ff0000000000000ull);
    return true;
  }
  if (text.n > 40 || !digits_read(text, &at, &value, &scale) || !exponent_read(text, &at, &scale)) return false;
  if (scale > 300 || scale < -300) return false;
  double power = 1.0;
  for (int i = scale < 0 ? -scale : scale; i > 0; i--) power *= 10.0;
  *out = scale < 0 ? value / power : value * power;
  return true;
}

static bool is_infinite(double x) {
  return x > 1e300;
}

/* Where the requests of a bucket stand. */
static uint32_t place_of(double lower, double upper, double unit_ns) {
  double at;
  if (lower <= 0.0)
    at = is_infinite(upper) ? 0.0 : 0.5 * upper;
  else
    at = is_infinite(upper) ? 1.5 * lower : math_sqrt(lower * upper);
  at *= unit_ns;
  return hist_bucket(at > 0.0 && at < 9e18 ? (uint64_t)at : at >= 9e18 ? UINT64_MAX : 0);
}

static uint32_t count_of(double n, double share) {
  n = n * share + 0.5;
  return n < 1.0 ? 0 : n < 4e9 ? (uint32_t)n : 4000000000u;
}

/* The bound, put in its order where it is new. */
static struct meter_bound *bound_find(struct wire_meter *m, struct meter_series *s, double upper, bool *is_new) {
  uint32_t *link = &s->bound;
  *is_new = false;
  while (*link && m->bound[*link].upper < upper) link = &m->bound[*link].next;
  if (*link && m->bound[*link].upper <= upper) return &m->bound[*link];
  uint32_t at = s->bound_n < WIRE_SAMPLE_BOUNDS ? meter_bound_take(m) : 0;
  if (!at) return NULL;
  m->bound[at].upper = upper;
  m->bound[at].next = *link;
  *link = at;
  s->bound_n++;
  *is_new = true;
  return &m->bound[at];
}

/* Bounds that the last complete scrape no longer had. */
static void bounds_trim(struct wire_meter *m, struct meter_series *s, int64_t before_ns) {
  for (uint32_t *link = &s->bound; *link;) {
    uint32_t at = *link;
    if (m->bound[at].at_ns >= before_ns) {
      link = &m->bound[at].next;
      continue;
    }
    *link = m->bound[at].next;
    meter_bound_drop(m, at);
    s->bound_n--;
  }
}

/* All parts of one moment are here: what grew since the last such moment goes to the flow. */
static void parts_tell(struct wire_meter *m, struct meter_series *s) {
  const struct meter_target *t = &m->target[s->target];
  const double unit_ns = (double)wire_family_view(s->row)->unit_ns;
  bool reset = false;
  for (uint32_t b = s->bound; b; b = m->bound[b].next) reset |= m->bound[b].now < m->bound[b].told;
  double below = 0.0, lower = 0.0, share = meter_share(t, s->hist_ns - s->hist_before_ns);
  struct meter_sum *to = s->flow && s->batch_n > 1 ? meter_flow_open(m, &m->flow[s->flow]) : NULL;
  for (uint32_t b = s->bound; b; b = m->bound[b].next) {
    struct meter_bound *at = &m->bound[b];
    double upto = reset ? at->now : at->now - at->told;
    uint32_t n = count_of(upto - below, share);
    if (to && n) meter_add(&to->hist[place_of(lower, at->upper, unit_ns)], n);
    if (upto > below) below = upto;
    lower = at->upper;
    if (s->batch_n > 1) at->told = at->now;
  }
  s->hist_before_ns = s->hist_ns;
}

/* In the first moment of a series not all of its bounds are known before the next: what it counted from zero until
 * then is told with that. */
void meter_hist_part(struct wire_meter *m, struct meter_series *s, const struct wire_sample *sample, int64_t at_ns) {
  double upper = 0.0;
  bool is_new, found = false;
  for (uint32_t i = 0; i < sample->label_n && !found; i++)
    found = str_eq(sample->label[i].key, STR("le")) && meter_bound_read(sample->label[i].value, &upper);
  struct meter_bound *b = found ? bound_find(m, s, upper, &is_new) : NULL;
  if (!b || at_ns <= b->at_ns) {
    m->fold->counter[!found ? REC_COUNTER_REJECT_SAMPLE_VALUE
                     : b    ? REC_COUNTER_REJECT_SAMPLE_OLD
                            : REC_COUNTER_REJECT_METER_LIMIT]++;
    return;
  }
  if (at_ns > s->hist_ns) {
    if (s->hist_ns && s->fresh_n < s->bound_n) bounds_trim(m, s, s->hist_ns);
    s->hist_ns = at_ns;
    s->fresh_n = 0;
    if (s->batch_n < UINT32_MAX) s->batch_n++;
  }
  if (is_new && !(s->batch_n == 1 && meter_is_born(&m->target[s->target], s->row, sample))) b->told = sample->value;
  b->now = sample->value;
  b->at_ns = at_ns;
  if (at_ns == s->hist_ns && ++s->fresh_n == s->bound_n) parts_tell(m, s);
}

/* Whole histograms may change their bounds from sample to sample (exponential ones do): what is kept is the count of
 * each of our own buckets. */
void meter_hist_whole(struct wire_meter *m, struct meter_series *s, const struct wire_sample *sample,
                      enum meter_since since) {
  const double unit_ns = meter_unit(wire_family_view(s->row), sample);
  double now[HIST_BUCKETS] = {0}, lower = 0.0;
  struct meter_sum *to = s->flow && since != METER_SINCE_NOTHING ? meter_flow_open(m, &m->flow[s->flow]) : NULL;
  double share = s->hist_before_ns ? meter_share(&m->target[s->target], s->hist_ns - s->hist_before_ns) : 1.0;
  for (uint32_t i = 0; i < sample->bucket_n; i++) {
    now[place_of(lower, sample->bucket[i].upper, unit_ns)] += (double)sample->bucket[i].n;
    lower = sample->bucket[i].upper;
  }
  if (since == METER_SINCE_ZERO)
    for (uint32_t b = s->bound; b; b = m->bound[b].next) m->bound[b].told = 0.0;
  for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
    bool is_new;
    if (now[i] <= 0.0) continue;
    struct meter_bound *b = bound_find(m, s, (double)i, &is_new);
    if (!b) {
      m->fold->counter[REC_COUNTER_REJECT_METER_LIMIT]++;
      continue;
    }
    if (to) meter_add(&to->hist[i], count_of(now[i] - b->told, share));
    b->told = now[i];
  }
  s->hist_before_ns = s->hist_ns;
}
