/* Templates of log lines: known lines, a slow version that knows no tree, counts, what is new, bounds, quoting. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "rec_counter.h"
#include "wire_template.h"

#define T0 1772442000000000000ll

struct bed {
  struct wire_templates *t;
  struct wire_gauges *g;
  void *mem[2];
  uint64_t counter[REC_COUNTER_COUNT];
  uint64_t tick;
};

static void *block(size_t n) {
  void *mem = aligned_alloc(64, (n + 63) / 64 * 64);
  assert_non_null(mem);
  memset(mem, 0, n);
  return mem;
}

static void bed_open(struct bed *b) {
  *b = (struct bed){.mem = {block(wire_templates_bytes()), block(wire_gauges_bytes())}};
  b->t = wire_templates_init(b->mem[0], (struct base_hash_key){1, 2}, b->counter);
  b->g = wire_gauges_init(b->mem[1], (struct base_hash_key){1, 2}, b->counter);
}

static void bed_close(struct bed *b) {
  free(b->mem[0]);
  free(b->mem[1]);
}

static uint32_t line_of(struct bed *b, const char *service, const char *line, bool error) {
  struct wire_who who = {.namespace_ = STR("shop"), .service = str_of(service)};
  return wire_template_take(b->t, &who, str_of(line), error);
}

static const struct rec_gauge *tick_close(struct bed *b, size_t *n) {
  wire_template_close(b->t, b->g, b->tick, T0 + (int64_t)(b->tick + 1) * LIMIT_TICK_NS);
  return wire_gauge_close(b->g, b->tick++, n);
}

/* Goes on by so many ticks, in which nothing is told. */
static void pass(struct bed *b, uint64_t ticks) {
  size_t n;
  for (; ticks; ticks--) (void)tick_close(b, &n);
}

static const char *text_of(struct bed *b, uint32_t number) {
  static char mem[LIMIT_NAME_BYTES + 1];
  struct base_str s = wire_template_text(b->t, number, mem);
  mem[s.n] = 0;
  return mem;
}

/* The first lines are of the paper's own kind (HDFS, OpenSSH); the rest is what services log. */
static void known_lines_have_known_templates(void **state) {
  (void)state;
  static const struct {
    const char *line;
    unsigned same; /* as which earlier one, itself where it is new */
    const char *template;
  } row[] = {
      {"PacketResponder 1 for block blk_38865049064139660 terminating", 0,
       "PacketResponder <*> for block <*> terminating"},
      {"PacketResponder 0 for block blk_-6952295868487656571 terminating", 0,
       "PacketResponder <*> for block <*> terminating"},
      {"Failed password for root from 173.234.31.186 port 38926 ssh2", 2,
       "Failed password for root from <*> port <*> <*>"},
      {"Failed password for admin from 52.80.34.196 port 36060 ssh2", 2,
       "Failed password for <*> from <*> port <*> <*>"},
      {"connection to db refused", 4, "connection to db refused"},
      {"connection to cache refused", 4, "connection to <*> refused"},
      {"connection to cache lost", 4, "connection to <*> <*>"}, /* half of the words are the same */
      {"connection from nowhere lost", 7, "connection from nowhere lost"},
      {"timeout", 8, "timeout"},
      {"refused", 9, "refused"},
      {"7 failed", 10, "<*> failed"},
      {"12 failed", 10, "<*> failed"},
      {"  timeout\t\n", 8, "timeout"},
  };
  struct bed b;
  uint32_t number[sizeof row / sizeof *row];
  bed_open(&b);
  for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
    number[i] = line_of(&b, "cart", row[i].line, true);
    assert_int_not_equal(number[i], 0);
    for (unsigned k = 0; k < i; k++)
      if ((number[k] == number[i]) != (row[k].same == row[i].same)) fail_msg("lines %u and %u", k, i);
    assert_string_equal(text_of(&b, number[i]), row[i].template);
  }
  assert_int_equal(line_of(&b, "cart", " \n ", true), 0);
  assert_int_equal(line_of(&b, "cart", "timeout", false), 0);           /* of no error nothing is mined */
  assert_int_not_equal(line_of(&b, "pay", "timeout", true), number[8]); /* each service has its own */
  bed_close(&b);
}

/* ---- the same without a tree: every template is asked about every line ---- */

#define SLOW_TEMPLATES 64u
struct slow {
  unsigned n, words[SLOW_TEMPLATES];
  char word[SLOW_TEMPLATES][8][8];
};

static unsigned split(const char *line, char word[8][8]) {
  unsigned n = 0;
  for (const char *p = line; *p;) {
    unsigned k = 0;
    bool digit = false;
    while (*p && *p != ' ') {
      digit |= *p >= '0' && *p <= '9';
      word[n][k++] = *p++;
    }
    word[n][k] = 0;
    if (digit) memcpy(word[n], "<*>", 4);
    n++;
    while (*p == ' ') p++;
  }
  return n;
}

static unsigned slow_take(struct slow *s, const char *line) {
  char word[8][8];
  unsigned n = split(line, word), best = s->n, most = 0;
  for (unsigned k = 0; k < s->n; k++) {
    unsigned same = 0;
    for (unsigned i = 0; i < n && s->words[k] == n; i++) same += strcmp(word[i], s->word[k][i]) == 0;
    if (s->words[k] != n || strcmp(word[0], s->word[k][0]) != 0 || 2 * same < n || same <= most) continue;
    best = k;
    most = same;
  }
  assert_true(best < SLOW_TEMPLATES);
  for (unsigned i = 0; i < n; i++)
    if (best == s->n || strcmp(word[i], s->word[best][i]) != 0)
      memcpy(s->word[best][i], best == s->n ? word[i] : "<*>", best == s->n ? 8 : 4);
  s->words[best] = n;
  if (best == s->n) s->n++;
  return best;
}

static void slow_text(const struct slow *s, unsigned k, char out[128]) {
  size_t n = 0;
  for (unsigned i = 0; i < s->words[k]; i++)
    n += (size_t)snprintf(out + n, 128 - n, "%s%s", i ? " " : "", s->word[k][i]);
}

static void the_tree_finds_what_a_slow_search_finds(void **state) {
  (void)state;
  static const char *const vocabulary[] = {"get", "put", "to", "from", "db", "cache", "lost", "7", "x9", "slow"};
  static struct slow s;
  struct bed b;
  uint32_t number[SLOW_TEMPLATES] = {0};
  uint64_t r = 12345;
  bed_open(&b);
  s = (struct slow){0};
  for (unsigned i = 0; i < 20000 && s.n < SLOW_TEMPLATES - 1; i++) {
    char line[128] = "", want[128];
    r = r * 6364136223846793005ull + 1442695040888963407ull;
    unsigned words = 1 + (unsigned)(r >> 60) % 5;
    uint64_t draw = r >> 20;
    for (unsigned k = 0; k < words; k++, draw /= 10)
      (void)snprintf(line + strlen(line), sizeof line - strlen(line), "%s%s", k ? " " : "", vocabulary[draw % 10]);
    unsigned slow = slow_take(&s, line);
    uint32_t fast = line_of(&b, "cart", line, true);
    assert_int_not_equal(fast, 0);
    if (number[slow] == 0) number[slow] = fast;
    assert_int_equal(number[slow], fast);
    slow_text(&s, slow, want);
    assert_string_equal(text_of(&b, fast), want);
  }
  assert_true(s.n > 30);
  bed_close(&b);
}

static void lines_are_counted_by_the_second(void **state) {
  (void)state;
  struct bed b;
  size_t n;
  double errors = 0.0, lost = 0.0;
  bed_open(&b);
  for (unsigned i = 0; i < 40; i++) {
    for (unsigned k = 0; k < i % 7; k++) (void)line_of(&b, "cart", k % 2 ? "lost 7" : "refused", true);
    (void)line_of(&b, "cart", "all is well", false);
    const struct rec_gauge *g = tick_close(&b, &n);
    if (i % 4 != 3) assert_int_equal(n, 0);
    for (size_t k = 0; k < n; k++) {
      assert_true(g[k].role == REC_ROLE_LOG && g[k].unit == REC_UNIT_PER_S && g[k].bad == REC_BAD_ABOVE);
      assert_true(str_eq(g[k].dim[REC_DIM_SERVICE], STR("cart")) && g[k].at.ns == T0 + (i + 1) * LIMIT_TICK_NS);
      if (str_eq(g[k].metric, STR("log_errors"))) errors += g[k].value;
      if (str_eq(g[k].part, STR("#2 lost <*>"))) lost += g[k].value;
    }
  }
  assert_true(errors == 115.0); /* 0 to 6 five times, then 0 to 4 */
  assert_true(lost == 49.0);
  bed_close(&b);
}

static const struct rec_gauge *novel_of(const struct rec_gauge *g, size_t n) {
  const struct rec_gauge *found = NULL;
  for (size_t i = 0; i < n; i++) {
    if (!g[i].novel) continue;
    assert_null(found);
    found = &g[i];
  }
  return found;
}

/* 999 lines, of whose errors one template was seen once and one twice: p = 2 / 1000. */
static void what_was_never_logged_before_is_told_once(void **state) {
  (void)state;
  struct bed b;
  size_t n;
  bed_open(&b);
  for (unsigned i = 0; i < 996; i++) (void)line_of(&b, "cart", "fine", false);
  (void)line_of(&b, "cart", "seldom once", true);
  (void)line_of(&b, "cart", "twice is twice", true);
  (void)line_of(&b, "cart", "twice is twice", true);
  const struct rec_gauge *g = tick_close(&b, &n);
  assert_null(novel_of(g, n)); /* too young: all is new */
  pass(&b, WIRE_TEMPLATE_YOUNG_TICKS);
  (void)line_of(&b, "cart", "connection to db refused\n\tat x.java:7", true);
  (void)line_of(&b, "cart", "twice is twice", true);
  g = tick_close(&b, &n);
  const struct rec_gauge *novel = novel_of(g, n);
  assert_non_null(novel);
  assert_true(fabs(novel->value - log(1000.0 / 2.0)) < 1e-6);
  assert_true(str_eq(novel->line, STR("connection to db refused\\n\\tat x.java:7")));
  assert_true(str_eq(novel->part, STR("#3 connection to db refused at <*>")));
  (void)line_of(&b, "cart", "connection to db refused\n\tat x.java:9", true);
  for (unsigned i = 0; i < 8; i++) {
    g = tick_close(&b, &n);
    assert_null(novel_of(g, n));
  }
  bed_close(&b);
}

/* A service whose lines are new all the time logs nothing that is news. */
static void one_of_many_new_ones_is_no_news(void **state) {
  (void)state;
  struct bed b;
  size_t n;
  char line[64];
  bed_open(&b);
  for (unsigned i = 0; i < 26; i++) {
    (void)snprintf(line, sizeof line, "%c%c is new", 'a' + i, 'z' - i);
    (void)line_of(&b, "cart", line, true);
  }
  pass(&b, WIRE_TEMPLATE_YOUNG_TICKS);
  (void)line_of(&b, "cart", "something else happened", true);
  assert_null(novel_of(tick_close(&b, &n), n));
  bed_close(&b);
}

static void every_table_is_bounded(void **state) {
  (void)state;
  struct bed b;
  char line[64], service[16];
  bed_open(&b);
  for (unsigned i = 0; i <= WIRE_TEMPLATES_SERVICE; i++) {
    (void)snprintf(line, sizeof line, "w%c%c failed", 'a' + i / 26, 'a' + i % 26);
    assert_int_equal(line_of(&b, "cart", line, true) != 0, i < WIRE_TEMPLATES_SERVICE);
  }
  assert_int_equal(b.counter[REC_COUNTER_LOG_TEMPLATE_LIMIT], 1);
  for (unsigned i = 1; i <= WIRE_TEMPLATE_SERVICES; i++) {
    (void)snprintf(service, sizeof service, "s%u", i);
    assert_int_equal(line_of(&b, service, "failed", true) != 0, i < WIRE_TEMPLATE_SERVICES);
  }
  assert_int_equal(b.counter[REC_COUNTER_LOG_SERVICE_LIMIT], 1);
  pass(&b, WIRE_TEMPLATE_IDLE_TICKS / 2);
  (void)line_of(&b, "cart", "waa failed", true);
  pass(&b, WIRE_TEMPLATE_IDLE_TICKS / 2 + 600);
  assert_int_not_equal(line_of(&b, "s1024", "failed", true), 0); /* in an idle one's place */
  assert_int_not_equal(line_of(&b, "cart", "another kind", true), 0);
  assert_int_equal(b.counter[REC_COUNTER_LOG_TEMPLATE_LIMIT], 1);
  char *wide = calloc(1, 5000);
  for (unsigned i = 0; i < 4998; i++) wide[i] = i % 3 ? 'x' : ' '; /* more words and bytes than are looked at */
  assert_int_not_equal(line_of(&b, "cart", wide, true), 0);
  struct wire_who who = {.service = {wide, 200}};
  assert_int_equal(wire_template_take(b.t, &who, STR("failed"), true), 0);
  free(wide);
  bed_close(&b);
}

static void quotes_are_safe_and_whole(void **state) {
  (void)state;
  const struct {
    struct base_str line, want;
  } row[] = {
      {STR("plain"), STR("plain")},
      {STR("a\nb\tc\rd"), STR("a\\nb\\tc\\rd")},
      {STR("\x1b[31mred\x7f\0"), STR("\\x1b[31mred\\x7f\\x00")},
      {STR("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
       STR("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80")},
      {STR("\xff\xc3(\xc0\xaf\xed\xa0\x80"), STR("?\?(?????")},
  };
  char mem[LIMIT_LOG_LINE_BYTES], longer[LIMIT_LOG_LINE_BYTES + 10];
  for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
    struct base_str got = wire_template_quote(row[i].line, mem);
    if (!str_eq(got, row[i].want)) fail_msg("row %u: %.*s", i, STR_ARG(got));
  }
  memset(longer, 'x', sizeof longer);
  memcpy(longer + LIMIT_LOG_LINE_BYTES - 1, "\xe2\x82\xac", 3); /* would be cut in two */
  struct base_str got = wire_template_quote((struct base_str){longer, sizeof longer}, mem);
  assert_int_equal(got.n, LIMIT_LOG_LINE_BYTES - 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_lines_have_known_templates), cmocka_unit_test(the_tree_finds_what_a_slow_search_finds),
      cmocka_unit_test(lines_are_counted_by_the_second),  cmocka_unit_test(what_was_never_logged_before_is_told_once),
      cmocka_unit_test(one_of_many_new_ones_is_no_news),  cmocka_unit_test(every_table_is_bounded),
      cmocka_unit_test(quotes_are_safe_and_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
