/* How a request ended: the table of docs/reference-identity.md, line by line. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "wire_outcome.h"

#define F(name) WIRE_FLAG(name)

static void http_classes(void **state) {
  (void)state;
  static const struct {
    uint32_t code, flags;
    enum rec_class want;
  } table[] = {
      {200, 0, REC_CLASS_OK},
      {304, 0, REC_CLASS_OK},
      {400, 0, REC_CLASS_CLIENT_ERROR},
      {401, 0, REC_CLASS_UNAUTHENTICATED},
      {403, 0, REC_CLASS_FORBIDDEN},
      {404, 0, REC_CLASS_NOT_FOUND},
      {408, 0, REC_CLASS_TIMEOUT},
      {429, 0, REC_CLASS_THROTTLED},
      {499, 0, REC_CLASS_CANCELLED},
      {500, 0, REC_CLASS_SERVER_ERROR},
      {503, 0, REC_CLASS_SERVER_ERROR},
      {504, 0, REC_CLASS_TIMEOUT},
      {503, F(URX), REC_CLASS_SERVER_ERROR},
      {503, F(UH), REC_CLASS_UNREACHABLE},
      {503, F(UF) | F(URX), REC_CLASS_UNREACHABLE},
      {503, F(UC), REC_CLASS_UNREACHABLE},
      {503, F(NC), REC_CLASS_UNREACHABLE},
      {404, F(NR), REC_CLASS_UNREACHABLE},
      {0, F(UF), REC_CLASS_UNREACHABLE},
      {504, F(UT), REC_CLASS_TIMEOUT},
      {408, F(SI), REC_CLASS_TIMEOUT},
      {503, F(UO), REC_CLASS_OVERLOAD},
      {503, F(OM), REC_CLASS_OVERLOAD},
      {429, F(RL), REC_CLASS_THROTTLED},
      {403, F(UAEX), REC_CLASS_FORBIDDEN},
      {401, F(UAEX), REC_CLASS_UNAUTHENTICATED},
      {200, F(UPE), REC_CLASS_CUT},
      {200, F(UT), REC_CLASS_CUT},
      {206, F(UC), REC_CLASS_CUT},
      {200, F(UR), REC_CLASS_CUT},
      {502, F(UPE), REC_CLASS_SERVER_ERROR},
      {400, F(DPE), REC_CLASS_PROTOCOL},
      {400, F(IH), REC_CLASS_PROTOCOL},
      {0, F(DC), REC_CLASS_CANCELLED},
      {0, F(DC) | F(UT), REC_CLASS_CANCELLED},
      {200, F(DC), REC_CLASS_CANCELLED},
      {503, F(DC), REC_CLASS_SERVER_ERROR},
      {200, F(DR), REC_CLASS_CANCELLED},
      {0, 0, REC_CLASS_CANCELLED},
      {503, F(FI), REC_CLASS_INJECTED},
      {200, F(DI), REC_CLASS_INJECTED},
      {200, F(RFCF), REC_CLASS_CACHED},
      {101, 0, REC_CLASS_LONG_LIVED},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    struct wire_request e = {
        .has_code = table[i].code != 0, .code = table[i].code, .flags = table[i].flags, .method = 1};
    if (wire_outcome(&e) != table[i].want)
      fail_msg("%u with flags %x: %s, not %s", table[i].code, table[i].flags, rec_class_text(wire_outcome(&e)),
               rec_class_text(table[i].want));
  }
}

static void grpc_status_wins_over_200(void **state) {
  (void)state;
  static const enum rec_class want[17] = {REC_CLASS_OK,           REC_CLASS_CANCELLED,      REC_CLASS_SERVER_ERROR,
                                          REC_CLASS_CLIENT_ERROR, REC_CLASS_TIMEOUT,        REC_CLASS_NOT_FOUND,
                                          REC_CLASS_CLIENT_ERROR, REC_CLASS_FORBIDDEN,      REC_CLASS_THROTTLED,
                                          REC_CLASS_CLIENT_ERROR, REC_CLASS_SERVER_ERROR,   REC_CLASS_CLIENT_ERROR,
                                          REC_CLASS_SERVER_ERROR, REC_CLASS_SERVER_ERROR,   REC_CLASS_SERVER_ERROR,
                                          REC_CLASS_SERVER_ERROR, REC_CLASS_UNAUTHENTICATED};
  for (int i = 0; i < 17; i++) {
    char text[3] = {(char)('0' + i % 10), 0, 0};
    if (i >= 10) {
      text[0] = '1';
      text[1] = (char)('0' + i - 10);
    }
    struct wire_request e = {.has_code = true, .code = 200, .grpc_status = str_of(text)};
    assert_int_equal(wire_outcome_grpc(e.grpc_status), i);
    assert_int_equal(wire_outcome(&e), want[i]);
  }
  assert_int_equal(wire_outcome_grpc(STR("17")), -1);
  assert_int_equal(wire_outcome_grpc(STR("-1")), -1);
  assert_int_equal(wire_outcome_grpc(STR("")), -1);
}

static void a_grpc_ok_does_not_hide_an_http_error(void **state) {
  (void)state;
  struct wire_request e = {.has_code = true, .code = 503, .grpc_status = STR("0")};
  assert_int_equal(wire_outcome(&e), REC_CLASS_SERVER_ERROR);
}

static void probes_are_apart_even_where_they_fail(void **state) {
  (void)state;
  static const char *const agent[] = {"kube-probe/1.30", "Envoy/HC", "GoogleHC/1.0", "ELB-HealthChecker/2.0"};
  for (size_t i = 0; i < sizeof agent / sizeof *agent; i++) {
    struct wire_request e = {.has_code = true, .code = 503, .user_agent = str_of(agent[i])};
    assert_int_equal(wire_outcome(&e), REC_CLASS_HEALTH_CHECK);
  }
  struct wire_request e = {.has_code = true, .code = 200, .user_agent = STR("kube-probing/1")};
  assert_int_equal(wire_outcome(&e), REC_CLASS_OK);
}

static void long_lived_only_while_it_succeeds(void **state) {
  (void)state;
  struct wire_request e = {.has_code = true, .code = 200, .method = 6};
  assert_int_equal(wire_outcome(&e), REC_CLASS_LONG_LIVED);
  e = (struct wire_request){
      .has_code = true, .code = 200, .response_content_type = STR("text/event-stream; charset=utf-8")};
  assert_int_equal(wire_outcome(&e), REC_CLASS_LONG_LIVED);
  e = (struct wire_request){.has_code = true, .code = 101, .upgrade = STR("websocket")};
  assert_int_equal(wire_outcome(&e), REC_CLASS_LONG_LIVED);
  e.code = 503;
  assert_int_equal(wire_outcome(&e), REC_CLASS_SERVER_ERROR);
}

static void tcp_goes_by_its_flags(void **state) {
  (void)state;
  struct wire_request e = {.is_tcp = true};
  assert_int_equal(wire_outcome(&e), REC_CLASS_OK);
  e.flags = F(UF);
  assert_int_equal(wire_outcome(&e), REC_CLASS_UNREACHABLE);
  e.flags = F(UO);
  assert_int_equal(wire_outcome(&e), REC_CLASS_OVERLOAD);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(http_classes),
      cmocka_unit_test(grpc_status_wins_over_200),
      cmocka_unit_test(a_grpc_ok_does_not_hide_an_http_error),
      cmocka_unit_test(probes_are_apart_even_where_they_fail),
      cmocka_unit_test(long_lived_only_while_it_succeeds),
      cmocka_unit_test(tcp_goes_by_its_flags),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
