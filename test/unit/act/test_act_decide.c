/* What is told of which state, and that no order of restarts tells a state twice or leaves one out. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "act_decide.h"
#include "base_buf.h"

enum { OPENED = 1u << ACT_OPENED, CHANGED = 1u << ACT_CHANGED, ACKED = 1u << ACT_ACKED, ENDED = 1u << ACT_ENDED };

static const struct act_receiver_conf plain;

static struct act_state state_of(uint64_t rev) {
  return (struct act_state){.id = 7, .rev = rev, .culprit = 1, .affected_n = 2, .severity = ACT_WARNING};
}

static struct act_known opened(void) {
  struct act_state s = state_of(1);
  return act_known_after(NULL, &s, OPENED);
}

static void a_first_state_opens(void **state) {
  (void)state;
  struct act_state s = state_of(1);
  assert_int_equal(act_decide(&plain, NULL, &s), OPENED);
  s.acked = true;
  assert_int_equal(act_decide(&plain, NULL, &s), OPENED | ACKED);
  s.closed = true;
  assert_int_equal(act_decide(&plain, NULL, &s), 0);
}

static void filters_are_obeyed(void **state) {
  (void)state;
  struct act_receiver_conf all = {.expected = true, .muted = true}, grave = {.min_severity = ACT_CRITICAL};
  struct act_state expected = state_of(1), muted = state_of(1), s = state_of(1);
  expected.expected = true;
  muted.muted = true;
  assert_int_equal(act_decide(&plain, NULL, &expected), 0);
  assert_int_equal(act_decide(&plain, NULL, &muted), 0);
  assert_int_equal(act_decide(&all, NULL, &expected), OPENED);
  assert_int_equal(act_decide(&all, NULL, &muted), OPENED);
  assert_int_equal(act_decide(&grave, NULL, &s), 0);
  s.severity = ACT_CRITICAL;
  assert_int_equal(act_decide(&grave, NULL, &s), OPENED);
}

static void only_what_matters_changes(void **state) {
  (void)state;
  struct act_known k = opened();
  struct act_state s = state_of(2);
  assert_int_equal(act_decide(&plain, &k, &s), 0);
  s.affected_n = 1; /* less is no news */
  assert_int_equal(act_decide(&plain, &k, &s), 0);
  s.affected_n = 3;
  assert_int_equal(act_decide(&plain, &k, &s), CHANGED);
  s = state_of(2);
  s.culprit = 9;
  assert_int_equal(act_decide(&plain, &k, &s), CHANGED);
  s = state_of(2);
  s.severity = ACT_INFO;
  assert_int_equal(act_decide(&plain, &k, &s), CHANGED);
  s.acked = true;
  assert_int_equal(act_decide(&plain, &k, &s), CHANGED | ACKED);
}

static void a_told_incident_ends_however_it_is_over(void **state) {
  (void)state;
  struct act_known k = opened();
  struct act_state closed = state_of(2), muted = state_of(2), expected = state_of(2);
  closed.closed = muted.muted = expected.expected = true;
  assert_int_equal(act_decide(&plain, &k, &closed), ENDED);
  assert_int_equal(act_decide(&plain, &k, &muted), ENDED);
  assert_int_equal(act_decide(&plain, &k, &expected), ENDED);
}

static void a_lower_severity_does_not_hide_the_end(void **state) {
  (void)state;
  struct act_receiver_conf grave = {.min_severity = ACT_CRITICAL};
  struct act_state s = state_of(1);
  s.severity = ACT_CRITICAL;
  struct act_known k = act_known_after(NULL, &s, act_decide(&grave, NULL, &s));
  s = state_of(2); /* a warning now: still told, it is known as open */
  assert_int_equal(act_decide(&grave, &k, &s), CHANGED);
  s.closed = true;
  assert_int_equal(act_decide(&grave, &k, &s), ENDED);
}

static void what_comes_back_opens_again(void **state) {
  (void)state;
  struct act_known k = opened();
  struct act_state s = state_of(2);
  s.closed = true;
  k = act_known_after(&k, &s, act_decide(&plain, &k, &s));
  assert_false(k.open);
  s = state_of(3);
  assert_int_equal(act_decide(&plain, &k, &s), OPENED);
}

/* Takes the log's first `to` states; adds what is told to told[]. */
static void take(struct act_known *k, bool *known, const struct act_state *log, unsigned to, unsigned *told) {
  for (unsigned i = 0; i < to; i++) {
    unsigned events = act_decide(&plain, *known ? k : NULL, &log[i]);
    *k = act_known_after(*known ? k : NULL, &log[i], events);
    *known |= events != 0;
    assert_int_equal(told[i] & events, 0); /* twice */
    told[i] |= events;
  }
}

/* The log is given again from its beginning after a restart at any point: the same messages, each once. */
static void reading_the_log_again_tells_nothing_twice(void **state) {
  (void)state;
  static const unsigned want[6] = {OPENED, CHANGED, 0, ENDED, OPENED, ENDED};
  struct act_state log[6];
  for (unsigned i = 0; i < 6; i++) log[i] = state_of(i + 1);
  log[1].severity = log[2].severity = log[3].severity = ACT_CRITICAL;
  log[3].closed = log[5].closed = true;
  for (unsigned cut = 0; cut <= 6; cut++) {
    struct act_known k = {0};
    bool known = false;
    unsigned told[6] = {0};
    take(&k, &known, log, cut, told);
    take(&k, &known, log, 6, told);
    assert_memory_equal(told, want, sizeof want);
  }
}

static const char *const sample =
    "{\"id\":\"00000000000000aa\",\"rev\":3,\"verdict\":\"unhealthy\",\"kind\":\"errors\",\"severity\":\"critical\","
    "\"acked\":true,\"muted\":false,\"ended_at\":null,\"updated_at\":\"2026-03-02T09:00:00Z\",\"root_causes\":[{"
    "\"entity\":{\"kind\":\"pod\",\"service\":\"%s\",\"pod\":\"%s\"},\"signal\":\"errors\"}],\"affected\":[{},{}]}";

static struct act_state read_of(const char *service, const char *pod) {
  char text[1024];
  struct base_buf b = buf_over(text, sizeof text);
  struct act_state s;
  for (const char *p = sample; *p; p++) {
    if (p[0] == '%') {
      buf_put_str(&b, str_of(service));
      service = pod;
      p++;
    } else {
      buf_put_char(&b, *p);
    }
  }
  assert_true(act_state_read(buf_str(&b), &s));
  return s;
}

static void a_state_is_read(void **state) {
  (void)state;
  struct act_state s = read_of("cart", "cart-1");
  assert_int_equal(s.id, 0xaa);
  assert_int_equal(s.rev, 3);
  assert_int_equal(s.severity, ACT_CRITICAL);
  assert_int_equal(s.affected_n, 2);
  assert_true(s.acked && !s.closed && !s.muted && !s.expected);
  assert_int_equal(s.updated_at.ns, 1772442000000000000ll);
  struct act_state out;
  assert_false(act_state_read(STR("{}"), &out));
  assert_false(act_state_read(STR("not JSON"), &out));
  assert_false(act_state_read(STR(""), &out));
}

static void culprits_do_not_run_together(void **state) {
  (void)state;
  assert_true(read_of("ab", "c").culprit != read_of("a", "bc").culprit);
  assert_true(read_of("cart", "cart-1").culprit == read_of("cart", "cart-1").culprit);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_first_state_opens),
      cmocka_unit_test(filters_are_obeyed),
      cmocka_unit_test(only_what_matters_changes),
      cmocka_unit_test(a_told_incident_ends_however_it_is_over),
      cmocka_unit_test(a_lower_severity_does_not_hide_the_end),
      cmocka_unit_test(what_comes_back_opens_again),
      cmocka_unit_test(reading_the_log_again_tells_nothing_twice),
      cmocka_unit_test(a_state_is_read),
      cmocka_unit_test(culprits_do_not_run_together),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
