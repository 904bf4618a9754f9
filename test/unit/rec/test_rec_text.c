/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "rec_sample.h"
#include "rec_text.h"

/* The form itself is what people grep for: the whole text of the sample, but for the buckets' order. */
static void every_kind_has_its_line(void **state) {
  (void)state;
  static const char *const line[] = {
      " level=edge side=client namespace=\"shop\" service=\"cart\" caller=\"front\\n\\\"end\\\"\"\n",
      "obs 4 ok=301 long_lived=1 latency_sum_ns=18446744073709551615 bytes_in=5 hist=0:1,12:300,63:4294967295\n",
      "obs 1048575 retries=2 started=9 ended_started=4294967295 wait_sum_ns=9 "
      "receive_sum_ns=18446744073709551615 bytes_out=1099511627776 hist=13:7\n",
      "drop 3\n",
      "exemplar at=2026-03-02T09:00:00.000000000Z service=4 route=0 edge=77 class=timeout side=server "
      "latency_ns=15000000000 request_id=\"9f-1\" trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"\n",
      "change at=1969-12-31T23:59:59.999999999Z source=\"api\" kind=\"deploy\" summary=\"v2 out\" entity=\"service\" "
      "service=\"cart\" zone=\"b\"\n",
      "command at=2026-03-02T09:00:00.000000001Z verb=ack incident=\"00ff00ff00ff00ff\" who=\"ann\"\n",
      "gap node=\"cart-7d9f\" namespace=\"shop\" service=\"cart\" cluster=\"east-1\" expected=40 lost=12 "
      "reason=lost\n",
      "gap node=\"edge\" reason=whole\n",
      "gauge at=2026-03-02T09:00:00.000000002Z metric=\"upstream_rq_pending_active\" part=\"outbound|80||cart.shop\" "
      "namespace=\"shop\" service=\"cart\" pod=\"web-1\" caller=\"web\" value=48.25 role=saturation bad=above "
      "lead_n=40 "
      "lead_ns=40000000000\n",
      "gauge at=1969-12-31T23:59:59.999999993Z metric=\"log\" part=\"refused by <*>\" service=\"cart\" "
      "value=-0.5 unit=1/s role=log bad=either novel line=\"refused by \\\"db\\\"\"\n",
      "tick 1125899906842624 end=2026-03-02T09:00:00.250000000Z now=2026-03-02T09:00:00.600000000Z\n"};
  struct rec_sample s;
  rec_sample_init(&s);
  struct base_buf out = buf_open(1 << 16);
  rec_text_tick_input(&s.in, &out);
  buf_put_char(&out, '\0');
  for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
    if (!strstr(out.p, line[i])) print_error("missing: %s in:\n%s", line[i], out.p);
    assert_non_null(strstr(out.p, line[i]));
  }
  assert_string_equal(out.p + out.n - 1 - strlen(line[11]), line[11]);
  buf_fini(&out);
}

static void every_verb_has_its_word(void **state) {
  (void)state;
  static const char *const word[] = {" verb=0 ", " verb=ack ", " verb=expect ", " verb=mute ", " verb=4 "};
  for (uint8_t verb = 0; verb < 5; verb++) {
    struct base_buf out = buf_open(256);
    rec_text_command(&(struct rec_command){.verb = verb, .incident_id = STR("a"), .who = STR("b")}, &out);
    buf_put_char(&out, '\0');
    if (!strstr(out.p, word[verb])) fail_msg("no '%s' in %s", word[verb], out.p);
    buf_fini(&out);
  }
}

static void an_arrival_shows_its_size(void **state) {
  (void)state;
  struct base_buf out = buf_open(256);
  rec_text_arrival("message", &(struct rec_arrival){2, {0}, STR("12345")}, &out);
  assert_true(str_eq(buf_str(&out), STR("message 2 recv=1970-01-01T00:00:00.000000000Z bytes=5\n")));
  buf_fini(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_has_its_line),
      cmocka_unit_test(every_verb_has_its_word),
      cmocka_unit_test(an_arrival_shows_its_size),
  };
  return cmocka_run_group_tests_name("rec_text", tests, NULL, NULL);
}
