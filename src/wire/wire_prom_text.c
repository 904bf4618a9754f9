/* Expositions in text, line by line. */
#include "base_time.h"
#include "wire_number.h"
#include "wire_prom.h"
#include "wire_prom_line.h"
#include "wire_prom_room.h"

#define CREATED_TEXT_BYTES 4096u

/* What `# TYPE` says. */
enum family_type {
  FAMILY_UNTYPED,
  FAMILY_COUNTER,
  FAMILY_GAUGE,
  FAMILY_HISTOGRAM,
  FAMILY_GAUGE_HISTOGRAM,
  FAMILY_SUMMARY,
  FAMILY_INFO,
  FAMILY_STATESET
};

/* The next `_created` sample at or behind the line being read: it comes last among those that it belongs to. */
struct created {
  bool unread;      /* a comment came since: nothing was looked for yet */
  const char *line; /* NULL: none up to the next comment */
  int64_t start_ns;
  uint32_t label_n;
  struct wire_label label[WIRE_SAMPLE_LABELS];
  struct base_buf text;
  char text_mem[CREATED_TEXT_BYTES];
};

struct text {
  struct wire_sampler *m;
  const char *p, *end;
  bool open; /* OpenMetrics */
  bool done; /* its `# EOF` was read */
  struct base_str family, unit;
  enum family_type type;
  struct created created;
};

/* The line at p without its end; *next stands behind it. */
static struct prom_line line_at(const char *p, const char *end, const char **next) {
  const char *eol = memchr(p, '\n', (size_t)(end - p));
  *next = eol ? eol + 1 : end;
  if (!eol) eol = end;
  if (eol > p && eol[-1] == '\r') eol--;
  return (struct prom_line){p, eol, NULL};
}

/* ---- created ---- */

/* Behind `family`, what is left of the name; absent where it is another's. */
static struct base_str suffix_of(struct base_str family, struct base_str name) {
  if (family.n == 0 || !str_starts(name, family)) return STR_NONE;
  return str_cut(name, family.n, name.n);
}

static bool metric_name(struct prom_line *l, struct base_str *name, struct wire_label *label, uint32_t *n) {
  *name = prom_name(l);
  *n = 0;
  prom_blanks(l);
  if (l->p < l->end && *l->p == '{') {
    l->p++;
    if (!prom_labels(l, name, label, WIRE_SAMPLE_LABELS, n)) return false;
    prom_blanks(l);
  }
  return name->n != 0;
}

/* A look that most lines end with: one of this name, or one with its name in quotes? */
static bool created_may(const struct text *t, const struct prom_line *l) {
  size_t n = (size_t)(l->end - l->p);
  if (n && *l->p == '{') return true;
  struct base_str rest = suffix_of(t->family, (struct base_str){l->p, n});
  return rest.p && str_starts(rest, STR("_created"));
}

static bool created_read(struct text *t, struct prom_line l) {
  struct created *c = &t->created;
  struct base_str name;
  double v;
  if (!created_may(t, &l)) return false;
  c->text = buf_over(c->text_mem, sizeof c->text_mem);
  l.text = &c->text;
  if (!metric_name(&l, &name, c->label, &c->label_n) || c->label_n > WIRE_SAMPLE_LABELS || c->text.bad) return false;
  if (!str_eq(suffix_of(t->family, name), STR("_created"))) return false;
  struct base_str word = prom_word(&l);
  return number_read(word, &v) && number_read_seconds(word, &c->start_ns);
}

/* Finds the first at or behind p, up to the next comment. Each line is passed once: c->line moves on only. */
static void created_find(struct text *t, const char *p) {
  t->created.line = NULL;
  t->created.unread = false;
  while (p < t->end && *p != '#') {
    const char *next;
    struct prom_line l = line_at(p, t->end, &next);
    if (created_read(t, l)) {
      t->created.line = p;
      return;
    }
    p = next;
  }
}

static bool label_has(const struct wire_label *label, uint32_t n, const struct wire_label *want) {
  for (uint32_t i = 0; i < n; i++)
    if (str_eq(label[i].key, want->key)) return str_eq(label[i].value, want->value);
  return false;
}

/* The labels but those that tell a bucket or quantile from another. */
static bool created_matches(const struct created *c, const struct wire_sample *s) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->label_n; i++) {
    if (str_eq(s->label[i].key, STR("le")) || str_eq(s->label[i].key, STR("quantile"))) continue;
    if (n++ == c->label_n) return false;
    if (!str_eq(c->label[n - 1].key, s->label[i].key) || !str_eq(c->label[n - 1].value, s->label[i].value))
      if (!label_has(c->label, c->label_n, &s->label[i])) return false;
  }
  return n == c->label_n;
}

static void start_find(struct text *t, const char *line) {
  struct created *c = &t->created;
  if (c->unread || (c->line && c->line < line)) created_find(t, line);
  if (c->line && created_matches(c, &t->m->s)) t->m->s.start_ns = c->start_ns;
}

/* ---- comments ---- */

static enum family_type type_of(struct base_str word) {
  static const struct {
    struct base_str word;
    enum family_type type;
  } types[] = {{{"counter", 7}, FAMILY_COUNTER},     {{"gauge", 5}, FAMILY_GAUGE},
               {{"histogram", 9}, FAMILY_HISTOGRAM}, {{"gaugehistogram", 14}, FAMILY_GAUGE_HISTOGRAM},
               {{"summary", 7}, FAMILY_SUMMARY},     {{"info", 4}, FAMILY_INFO},
               {{"stateset", 8}, FAMILY_STATESET}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (str_eq(word, types[i].word)) return types[i].type;
  return FAMILY_UNTYPED;
}

/* Of these a sample may say since when it counts. */
static bool type_counts(enum family_type type) {
  return type == FAMILY_COUNTER || type == FAMILY_HISTOGRAM || type == FAMILY_SUMMARY;
}

static void family_begin(struct text *t, struct base_str name) {
  if (str_eq(t->family, name)) return;
  t->family = name;
  t->unit = STR_NONE;
  t->type = FAMILY_UNTYPED;
}

/* A family's name; one with escapes is told as it stands, which no sample's is, so that it has no type. */
static struct base_str family_name(struct prom_line *l) {
  if (l->p == l->end || *l->p != '"') return prom_name(l);
  size_t n = (size_t)(l->end - l->p);
  struct base_str rest = {l->p + 1, n - 1};
  size_t close = str_find(rest, '"', 0);
  l->p += close + 2 < n ? close + 2 : n;
  return str_cut(rest, 0, close);
}

/* Behind the `#`. Comments that are none of ours may say anything. */
static void comment_take(struct text *t, struct prom_line l) {
  prom_blanks(&l);
  struct base_str word = prom_word(&l);
  t->created.line = NULL;
  t->created.unread = t->open;
  if (t->open && str_eq(word, STR("EOF"))) t->done = true;
  bool type = str_eq(word, STR("TYPE"));
  if (!type && !str_eq(word, STR("UNIT"))) return;
  prom_blanks(&l);
  struct base_str name = family_name(&l);
  prom_blanks(&l);
  if (name.n == 0) return;
  family_begin(t, name);
  word = prom_word(&l);
  if (type)
    t->type = type_of(word);
  else
    t->unit = prom_unit(word);
}

/* ---- samples ---- */

enum part { PART_KNOWN, PART_FOREIGN, PART_CREATED };

static enum part part_counter(struct base_str suffix, uint8_t *kind) {
  *kind = WIRE_SAMPLE_COUNTER;
  return suffix.n == 0 || str_eq(suffix, STR("_total")) ? PART_KNOWN : PART_FOREIGN;
}

static enum part part_gauge(struct base_str suffix, struct base_str also, uint8_t *kind) {
  *kind = WIRE_SAMPLE_GAUGE;
  return suffix.n == 0 || str_eq(suffix, also) ? PART_KNOWN : PART_FOREIGN;
}

static enum part part_histogram(struct base_str suffix, uint8_t *kind) {
  *kind = WIRE_SAMPLE_COUNTER;
  bool own = str_eq(suffix, STR("_bucket")) || str_eq(suffix, STR("_sum")) || str_eq(suffix, STR("_count"));
  return own ? PART_KNOWN : PART_FOREIGN;
}

static enum part part_gauge_histogram(struct base_str suffix, uint8_t *kind) {
  *kind = WIRE_SAMPLE_GAUGE;
  bool own = str_eq(suffix, STR("_bucket")) || str_eq(suffix, STR("_gsum")) || str_eq(suffix, STR("_gcount"));
  return own ? PART_KNOWN : PART_FOREIGN;
}

/* Quantiles are gauges, what was added up are counters. */
static enum part part_summary(struct base_str suffix, uint8_t *kind) {
  *kind = suffix.n ? WIRE_SAMPLE_COUNTER : WIRE_SAMPLE_GAUGE;
  bool own = suffix.n == 0 || str_eq(suffix, STR("_sum")) || str_eq(suffix, STR("_count"));
  return own ? PART_KNOWN : PART_FOREIGN;
}

static enum part part_of(const struct text *t, struct base_str name, uint8_t *kind) {
  *kind = WIRE_SAMPLE_UNTYPED;
  struct base_str suffix = suffix_of(t->family, name);
  if (!suffix.p) return PART_FOREIGN;
  if (t->open && type_counts(t->type) && str_eq(suffix, STR("_created"))) return PART_CREATED;
  switch (t->type) {
    case FAMILY_COUNTER: return part_counter(suffix, kind);
    case FAMILY_GAUGE:
    case FAMILY_STATESET: return part_gauge(suffix, STR_NONE, kind);
    case FAMILY_INFO: return part_gauge(suffix, STR("_info"), kind);
    case FAMILY_HISTOGRAM: return part_histogram(suffix, kind);
    case FAMILY_GAUGE_HISTOGRAM: return part_gauge_histogram(suffix, kind);
    case FAMILY_SUMMARY: return part_summary(suffix, kind);
    case FAMILY_UNTYPED: break;
  }
  return suffix.n == 0 ? PART_KNOWN : PART_FOREIGN;
}

/* What of the line comes behind its labels: value, timestamp, exemplar. */
static bool value_read(struct text *t, struct prom_line *l) {
  struct wire_sample *s = &t->m->s;
  if (!number_read(prom_word(l), &s->value)) return false;
  prom_blanks(l);
  if (l->p < l->end && *l->p != '#') {
    struct base_str word = prom_word(l);
    int64_t ms;
    if (t->open) {
      if (!number_read_seconds(word, &s->time_ns)) return false;
    } else if (!number_read_int(word, &ms) || ms < 0 || __builtin_mul_overflow(ms, TIME_NS_PER_MS, &s->time_ns)) {
      return false;
    }
    prom_blanks(l);
  }
  if (l->p == l->end) return true;
  if (*l->p != '#') return false;
  sampler_exemplar(t->m);
  return true;
}

static void sample_take(struct text *t, struct prom_line l) {
  struct wire_sampler *m = t->m;
  const char *line = l.p;
  uint32_t n;
  sampler_clear(m);
  l.text = &m->text;
  if (!metric_name(&l, &m->s.name, m->s.label, &n) || !value_read(t, &l)) {
    wire_sampler_reject(m, REC_COUNTER_REJECT_SAMPLE);
    return;
  }
  m->over = n > WIRE_SAMPLE_LABELS;
  m->s.label_n = m->over ? WIRE_SAMPLE_LABELS : n;
  enum part part = part_of(t, m->s.name, &m->s.kind);
  if (part == PART_CREATED) return;
  if (part == PART_KNOWN) {
    m->s.unit = t->unit;
    if (m->s.kind == WIRE_SAMPLE_COUNTER) start_find(t, line);
  } else {
    m->s.kind = WIRE_SAMPLE_UNTYPED;
  }
  wire_sampler_give(m);
}

static void line_take(struct text *t, struct prom_line l) {
  prom_blanks(&l);
  if (l.p == l.end) return;
  if (*l.p != '#') {
    sample_take(t, l);
    return;
  }
  l.p++;
  comment_take(t, l);
}

enum wire_status prom_text_take(struct wire_sampler *m, struct base_str bytes, bool open, struct wire_err *err) {
  struct text t;
  t.m = m;
  t.p = bytes.p;
  t.end = bytes.n ? bytes.p + bytes.n : bytes.p;
  t.open = open;
  t.done = false;
  t.family = t.unit = STR_NONE;
  t.type = FAMILY_UNTYPED;
  t.created.line = NULL;
  t.created.unread = false;
  if (open && !wire_prom_is_openmetrics(bytes)) {
    *err = (struct wire_err){bytes.n, "an OpenMetrics text without its end"};
    return WIRE_BAD;
  }
  while (t.p < t.end && !t.done) {
    struct prom_line l = line_at(t.p, t.end, &t.p);
    line_take(&t, l);
  }
  return WIRE_OK;
}
