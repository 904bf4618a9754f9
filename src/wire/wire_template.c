#include "wire_template.h"

#include "base_buf.h"
#include "base_math.h"
#include "base_must.h"
#include "rec_counter.h"

#define NONE UINT32_MAX
#define ROW_BYTES 256u
#define HEADS 16384u
#define SWEEP_TICKS 256u
#define ALIKE 2u /* one in so many words must be the same */

struct word {
  uint8_t at, n;
};

/* What is looked at of a line, and the text of a template. */
struct words {
  uint8_t n;
  uint32_t wild; /* bit i: any word */
  struct word word[WIRE_TEMPLATE_WORDS];
  char text[WIRE_TEMPLATE_BYTES];
};
_Static_assert(WIRE_TEMPLATE_WORDS <= 32 && WIRE_TEMPLATE_BYTES <= 255, "a bit a word, a byte a place");

struct template {
  struct words words;
  uint64_t seen_tick;
  uint32_t row, leaf_next, row_next; /* row_next links the free ones, too */
  uint32_t n, second_n;              /* lines; in this second */
  uint32_t serial;                   /* of its service, from 1: tells those apart whose texts are cut alike */
  float novel;                       /* nats; > 0: to be told as new */
  uint8_t used, line_n, part_n;
  char line[LIMIT_LOG_LINE_BYTES]; /* the first, as it is quoted */
  char part[LIMIT_NAME_BYTES];
};

struct row {
  uint64_t first_tick, seen_tick;
  uint64_t lines;
  uint32_t second_n, once_n, template_n, serial, templates;
  uint8_t used, namespace_n, service_n;
  char text[ROW_BYTES];
};

struct wire_templates {
  struct base_hash_key key;
  uint64_t *counter;
  uint64_t tick;
  uint32_t template_n, free;
  uint32_t leaf[HEADS]; /* 1 + first template of a leaf's chain, 0 none */
  struct row row[WIRE_TEMPLATE_SERVICES];
  struct template template[WIRE_TEMPLATES];
};

size_t wire_templates_bytes(void) {
  return (sizeof(struct wire_templates) + 63) & ~(size_t)63;
}

struct wire_templates *wire_templates_init(void *mem, struct base_hash_key key, uint64_t *counter) {
  struct wire_templates *t = mem;
  MUST(((uintptr_t)mem & 63) == 0);
  t->key = key;
  t->counter = counter;
  t->free = NONE;
  return t;
}

/* ---- words ---- */

static bool is_blank(char c) {
  return (unsigned char)c <= ' ';
}

static bool has_digit(const char *p, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (p[i] >= '0' && p[i] <= '9') return true;
  return false;
}

/* A word that is cut by the limit of bytes is a wildcard: what it would have been is not known. */
static void word_add(struct words *w, struct base_str line, size_t from, size_t to, bool cut) {
  if (w->n == WIRE_TEMPLATE_WORDS) return;
  if (cut || has_digit(line.p + from, to - from)) w->wild |= 1u << w->n;
  w->word[w->n++] = (struct word){(uint8_t)from, (uint8_t)(to - from)};
}

static void words_read(struct base_str line, struct words *w) {
  w->n = 0;
  w->wild = 0;
  size_t n = line.n < WIRE_TEMPLATE_BYTES ? line.n : WIRE_TEMPLATE_BYTES;
  if (n) memcpy(w->text, line.p, n);
  for (size_t at = 0; at < n;) {
    while (at < n && is_blank(line.p[at])) at++;
    size_t from = at;
    while (at < n && !is_blank(line.p[at])) at++;
    if (at > from) word_add(w, line, from, at, at == n && n < line.n);
  }
}

static struct base_str word_view(const struct words *w, unsigned i) {
  return (struct base_str){w->text + w->word[i].at, w->word[i].n};
}

static bool is_wild(const struct words *w, unsigned i) {
  return w->wild >> i & 1u;
}

/* Words that are the same, of two with as many; two wildcards are the same. */
static unsigned same_count(const struct words *a, const struct words *b) {
  unsigned same = 0;
  for (unsigned i = 0; i < a->n; i++) {
    bool x = is_wild(a, i), y = is_wild(b, i);
    same += x || y ? x && y : str_eq(word_view(a, i), word_view(b, i));
  }
  return same;
}

/* What differs from the line becomes a wildcard. */
static void generalise(struct words *template, const struct words *line) {
  for (unsigned i = 0; i < template->n; i++)
    if (is_wild(line, i) || !str_eq(word_view(template, i), word_view(line, i))) template->wild |= 1u << i;
}

/* ---- services ---- */

static bool row_is(const struct row *r, const struct wire_who *who) {
  return str_eq((struct base_str){r->text, r->namespace_n}, who->namespace_) &&
         str_eq((struct base_str){r->text + r->namespace_n, r->service_n}, who->service);
}

static void row_begin(struct wire_templates *t, struct row *r, const struct wire_who *who) {
  *r = (struct row){.first_tick = t->tick,
                    .used = 1,
                    .templates = NONE,
                    .namespace_n = (uint8_t)who->namespace_.n,
                    .service_n = (uint8_t)who->service.n};
  if (who->namespace_.n) memcpy(r->text, who->namespace_.p, who->namespace_.n);
  memcpy(r->text + r->namespace_n, who->service.p, who->service.n);
}

static void template_drop(struct wire_templates *t, uint32_t at);

/* Open addressing. In a full table every place is looked at, so that one that is idle may be anybody's. */
static struct row *row_find(struct wire_templates *t, const struct wire_who *who) {
  uint64_t h = hash_mix(hash_bytes(t->key, who->namespace_.p, who->namespace_.n),
                        hash_bytes(t->key, who->service.p, who->service.n));
  struct row *idle = NULL;
  if (who->service.n > LIMIT_NAME_BYTES / 2 || who->namespace_.n > LIMIT_NAME_BYTES / 2) return NULL;
  for (uint32_t i = 0; i < WIRE_TEMPLATE_SERVICES; i++) {
    struct row *r = &t->row[(h + i) % WIRE_TEMPLATE_SERVICES];
    if (r->used && row_is(r, who)) return r;
    if (!r->used) {
      row_begin(t, r, who);
      return r;
    }
    if (!idle && t->tick - r->seen_tick > WIRE_TEMPLATE_IDLE_TICKS) idle = r;
  }
  if (!idle) return NULL;
  while (idle->templates != NONE) template_drop(t, idle->templates);
  row_begin(t, idle, who);
  return idle;
}

/* ---- templates ---- */

static uint32_t *leaf_of(struct wire_templates *t, uint32_t row, const struct words *w) {
  struct base_str first = is_wild(w, 0) ? STR_NONE : word_view(w, 0);
  uint64_t h = hash_mix(hash_mix(row, w->n), hash_bytes(t->key, first.p, first.n));
  return &t->leaf[h % HEADS];
}

/* Chains of leaves may be shared: service, number and first word are compared, too. */
static bool same_leaf(const struct template *m, uint32_t row, const struct words *w) {
  if (m->row != row || m->words.n != w->n || is_wild(&m->words, 0) != is_wild(w, 0)) return false;
  return is_wild(w, 0) || str_eq(word_view(&m->words, 0), word_view(w, 0));
}

/* The template with most words in common, of several the oldest; NONE where none has enough. */
static uint32_t template_find(struct wire_templates *t, uint32_t row, const struct words *w) {
  uint32_t best = NONE;
  unsigned most = 0;
  for (uint32_t at = *leaf_of(t, row, w); at; at = t->template[at - 1].leaf_next) {
    const struct template *m = &t->template[at - 1];
    if (!same_leaf(m, row, w)) continue;
    unsigned same = same_count(&m->words, w);
    if (same * ALIKE < w->n || same < most || (same == most && best != NONE && m->serial > t->template[best].serial))
      continue;
    best = at - 1;
    most = same;
  }
  return best;
}

struct base_str wire_template_text(const struct wire_templates *t, uint32_t number, char mem[LIMIT_NAME_BYTES]) {
  const struct words *w = &t->template[number - 1].words;
  struct base_buf b = buf_over(mem, LIMIT_NAME_BYTES - 16);
  for (unsigned i = 0; i < w->n && !b.bad; i++) {
    size_t before = b.n;
    if (i) buf_put_char(&b, ' ');
    buf_put_str(&b, is_wild(w, i) ? STR("<*>") : word_view(w, i));
    if (b.bad) b.n = before;
  }
  return buf_str(&b);
}

/* What names the template's gauge: its number, and its text as it was first; a later line may make that more general,
 * and the gauge is still the same. */
static void part_fix(struct wire_templates *t, uint32_t at) {
  struct template *m = &t->template[at];
  char text[LIMIT_NAME_BYTES], quoted[LIMIT_LOG_LINE_BYTES];
  struct base_str s = wire_template_quote(wire_template_text(t, at + 1, text), quoted);
  struct base_buf b = buf_over(m->part, sizeof m->part);
  buf_put_f(&b, "#%u ", m->serial);
  size_t n = s.n < b.cap - b.n ? s.n : b.cap - b.n;
  while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80) n--; /* whole characters */
  buf_put_str(&b, str_cut(s, 0, n));
  m->part_n = (uint8_t)b.n;
}

static uint32_t template_new(struct wire_templates *t) {
  uint32_t at = t->free;
  if (at != NONE)
    t->free = t->template[at].row_next;
  else
    at = t->template_n < WIRE_TEMPLATES ? t->template_n++ : NONE;
  return at;
}

static uint32_t template_add(struct wire_templates *t, struct row *r, const struct words *w) {
  uint32_t row = (uint32_t)(r - t->row), *leaf = leaf_of(t, row, w);
  uint32_t at = r->template_n < WIRE_TEMPLATES_SERVICE ? template_new(t) : NONE;
  if (at == NONE) {
    t->counter[REC_COUNTER_LOG_TEMPLATE_LIMIT]++;
    return NONE;
  }
  t->template[at] = (struct template){.words = *w, .row = row, .used = 1, .leaf_next = *leaf, .row_next = r->templates};
  t->template[at].serial = ++r->serial;
  *leaf = at + 1;
  r->templates = at;
  r->template_n++;
  part_fix(t, at);
  return at;
}

static void template_drop(struct wire_templates *t, uint32_t at) {
  struct template *m = &t->template[at];
  struct row *r = &t->row[m->row];
  uint32_t *to = leaf_of(t, m->row, &m->words);
  while (*to != at + 1) to = &t->template[*to - 1].leaf_next;
  *to = m->leaf_next;
  to = &r->templates;
  while (*to != at) to = &t->template[*to].row_next;
  *to = m->row_next;
  if (m->n == 1) r->once_n--;
  r->template_n--;
  *m = (struct template){.row_next = t->free};
  t->free = at;
}

/* Good (1953): what was never seen has the share of what was seen once, here of all lines of the service. */
static double novelty(const struct row *r) {
  return math_log((double)(r->lines + 1) / (double)(r->once_n + 1));
}

static uint32_t error_take(struct wire_templates *t, struct row *r, struct base_str line) {
  struct words w;
  words_read(line, &w);
  if (w.n == 0) return NONE;
  uint32_t at = template_find(t, (uint32_t)(r - t->row), &w);
  if (at != NONE) {
    generalise(&t->template[at].words, &w);
  } else {
    at = template_add(t, r, &w);
    if (at == NONE) return NONE;
    struct template *m = &t->template[at];
    m->line_n = (uint8_t)wire_template_quote(line, m->line).n;
    double nats = novelty(r);
    if (nats >= WIRE_TEMPLATE_NOVEL && t->tick - r->first_tick >= WIRE_TEMPLATE_YOUNG_TICKS) m->novel = (float)nats;
  }
  struct template *m = &t->template[at];
  if (m->n < 2) r->once_n = m->n == 0 ? r->once_n + 1 : r->once_n - 1;
  if (m->n < UINT32_MAX) m->n++;
  m->second_n++;
  m->seen_tick = t->tick;
  return at;
}

uint32_t wire_template_take(struct wire_templates *t, const struct wire_who *who, struct base_str line, bool error) {
  if (who->service.n == 0) return 0;
  struct row *r = row_find(t, who);
  uint32_t at = NONE;
  if (!r) {
    t->counter[REC_COUNTER_LOG_SERVICE_LIMIT]++;
    return 0;
  }
  if (error) at = error_take(t, r, line);
  r->seen_tick = t->tick;
  r->lines++;
  r->second_n += error;
  return at == NONE ? 0 : at + 1;
}

/* ---- the tick ---- */

static struct rec_gauge gauge_of(const struct row *r, const char *metric, int64_t end_ns) {
  struct rec_gauge g = {
      .at = {end_ns}, .metric = str_of(metric), .role = REC_ROLE_LOG, .unit = REC_UNIT_PER_S, .bad = REC_BAD_ABOVE};
  g.dim[REC_DIM_NAMESPACE] = (struct base_str){r->text, r->namespace_n};
  g.dim[REC_DIM_SERVICE] = (struct base_str){r->text + r->namespace_n, r->service_n};
  return g;
}

static void template_tell(struct wire_templates *t, struct wire_gauges *g, uint32_t at, bool second, int64_t end_ns) {
  struct template *m = &t->template[at];
  if (m->novel <= 0.0f && !second) return;
  struct rec_gauge out = gauge_of(&t->row[m->row], "log_template", end_ns);
  out.part = (struct base_str){m->part, m->part_n};
  out.value = (double)m->second_n;
  if (m->novel > 0.0f) {
    out.novel = true;
    out.value = (double)m->novel;
    out.line = (struct base_str){m->line, m->line_n};
  }
  (void)wire_gauge_put(g, &out);
  m->novel = 0.0f;
  if (second) m->second_n = 0;
}

static void second_tell(struct wire_templates *t, struct wire_gauges *g, int64_t end_ns) {
  for (uint32_t i = 0; i < WIRE_TEMPLATE_SERVICES; i++) {
    struct row *r = &t->row[i];
    if (!r->used) continue;
    struct rec_gauge out = gauge_of(r, "log_errors", end_ns);
    out.value = (double)r->second_n;
    (void)wire_gauge_put(g, &out);
    r->second_n = 0;
  }
}

static void sweep(struct wire_templates *t) {
  for (uint32_t i = (uint32_t)(t->tick % SWEEP_TICKS); i < t->template_n; i += SWEEP_TICKS)
    if (t->template[i].used && t->tick - t->template[i].seen_tick > WIRE_TEMPLATE_IDLE_TICKS) template_drop(t, i);
}

void wire_template_close(struct wire_templates *t, struct wire_gauges *g, uint64_t tick, int64_t end_ns) {
  bool second = (tick + 1) % LIMIT_TICKS_PER_S == 0;
  t->tick = tick;
  sweep(t);
  for (uint32_t i = 0; i < t->template_n; i++)
    if (t->template[i].used) template_tell(t, g, i, second, end_ns);
  if (second) second_tell(t, g, end_ns);
}

/* ---- quoting ---- */

/* Bytes of the character at s.p[at]; 0: it is none. */
static size_t char_bytes(struct base_str s, size_t at) {
  unsigned char c = (unsigned char)s.p[at];
  size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
  if (n == 0 || n > s.n - at) return 0;
  return wire_identity_is_utf8(str_cut(s, at, at + n)) ? n : 0;
}

static void char_put(struct base_buf *b, struct base_str s, size_t at, size_t n) {
  unsigned char c = (unsigned char)s.p[at];
  if (n == 0)
    buf_put_char(b, '?');
  else if (n > 1 || (c >= ' ' && c != 0x7f))
    buf_put_str(b, str_cut(s, at, at + n));
  else if (c == '\n' || c == '\r' || c == '\t')
    buf_put_f(b, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
  else
    buf_put_f(b, "\\x%02x", c);
}

struct base_str wire_template_quote(struct base_str line, char mem[LIMIT_LOG_LINE_BYTES]) {
  size_t kept = 0;
  struct base_buf b = buf_over(mem, LIMIT_LOG_LINE_BYTES);
  for (size_t at = 0; at < line.n && !b.bad;) {
    size_t n = char_bytes(line, at);
    kept = b.n;
    char_put(&b, line, at, n);
    at += n ? n : 1;
  }
  return (struct base_str){mem, b.bad ? kept : b.n};
}
