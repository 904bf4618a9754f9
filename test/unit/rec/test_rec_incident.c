/* The expected text was written from the contract by hand. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>

#include "rec_incident.h"

static struct rec_incident incident;

static void incident_fill(void) {
  struct rec_incident *in = &incident;
  *in = (struct rec_incident){.id_hash = 0xabc, .severity = REC_SEVERITY_CRITICAL, .kind = "latency"};
  in->started_at.ns = 1772442000000000000;
  in->detected_at.ns = 1772442001250000000;
  in->updated_at.ns = 1772442002000000001;
  (void)snprintf(in->summary, sizeof in->summary, "one slow pod of \"cart\"");
  in->confidence = 0.9;
  (void)snprintf(in->telemetry, sizeof in->telemetry, "complete");
  in->impact_requests = 1000;
  in->impact_failed = 3;
  in->impact_slow = 120;
  in->cause_n = in->affected_n = in->not_affected_n = in->change_n = in->exemplar_n = 1;
  in->cause[0] = (struct rec_cause){.score = 0.75, .signal = REC_SIGNAL_LATENCY, .evidence = "p99 40 -> 900 ms"};
  in->cause[0].entity.kind = STR("pod");
  in->cause[0].entity.dim[REC_DIM_SERVICE] = STR("cart");
  in->cause[0].entity.dim[REC_DIM_CLUSTER] = STR("east-1");
  in->cause[0].entity.dim[REC_DIM_POD] = STR("cart-7d9f");
  in->affected[0].kind = STR("edge");
  in->affected[0].dim[REC_DIM_SERVICE] = STR("cart");
  in->affected[0].dim[REC_DIM_CALLER] = STR("front");
  in->not_affected[0].kind = STR("region");
  in->not_affected[0].dim[REC_DIM_REGION] = STR("us");
  in->change[0] =
      (struct rec_change){{1772441999000000000}, STR("api"), STR("deploy"), STR("v2 out"), {STR_NONE, {STR_NONE}}};
  in->change[0].entity.kind = STR("service");
  in->change[0].entity.dim[REC_DIM_SERVICE] = STR("cart");
  in->exemplar[0] = (struct rec_shown){{1772442000500000000}, "9f-1", "4bf9"};
}

static void assert_json(const char *want) {
  struct base_buf out = buf_open(1 << 20);
  rec_incident_json(&incident, &out);
  assert_false(out.bad);
  buf_put_char(&out, '\0');
  assert_string_equal(out.p, want);
  buf_fini(&out);
}

#define OPEN                                                                                                   \
  "{\"id\":\"0000000000000abc\",\"verdict\":\"unhealthy\",\"kind\":\"latency\",\"severity\":\"critical\","     \
  "\"state\":\"open\",\"acked\":false,"                                                                        \
  "\"started_at\":\"2026-03-02T09:00:00.000000000Z\",\"detected_at\":\"2026-03-02T09:00:01.250000000Z\","      \
  "\"ended_at\":null,\"updated_at\":\"2026-03-02T09:00:02.000000001Z\","                                       \
  "\"summary\":\"one slow pod of \\\"cart\\\"\","                                                              \
  "\"root_causes\":[{\"score\":0.75,\"entity\":{\"kind\":\"pod\",\"service\":\"cart\",\"cluster\":\"east-1\"," \
  "\"pod\":\"cart-7d9f\"},\"signal\":\"latency\",\"evidence\":\"p99 40 -> 900 ms\"}],"                         \
  "\"affected\":[{\"kind\":\"edge\",\"service\":\"cart\",\"caller\":\"front\"}],"                              \
  "\"not_affected\":[{\"kind\":\"region\",\"region\":\"us\"}],"                                                \
  "\"impact\":{\"requests\":1000,\"failed\":3,\"slow\":120},"                                                  \
  "\"changes\":[{\"at\":\"2026-03-02T08:59:59.000000000Z\",\"source\":\"api\",\"kind\":\"deploy\","            \
  "\"entity\":{\"kind\":\"service\",\"service\":\"cart\"},\"summary\":\"v2 out\"}],"                           \
  "\"exemplars\":[{\"request_id\":\"9f-1\",\"trace_id\":\"4bf9\",\"at\":\"2026-03-02T09:00:00.500000000Z\"}]," \
  "\"confidence\":0.9,\"telemetry\":\"complete\"}"

static void an_open_incident_is_the_contracts_json(void **state) {
  (void)state;
  incident_fill();
  assert_json(OPEN);
}

static void a_closed_expected_one_with_empty_lists(void **state) {
  (void)state;
  incident_fill();
  incident.verdict = REC_VERDICT_EXPECTED;
  incident.severity = REC_SEVERITY_INFO;
  incident.state = REC_STATE_CLOSED;
  incident.acked = 1;
  incident.ended_at.ns = 1772442003000000000;
  incident.cause_n = incident.affected_n = incident.not_affected_n = incident.change_n = incident.exemplar_n = 0;
  assert_json(
      "{\"id\":\"0000000000000abc\",\"verdict\":\"expected\",\"kind\":\"latency\",\"severity\":\"info\","
      "\"state\":\"closed\",\"acked\":true,"
      "\"started_at\":\"2026-03-02T09:00:00.000000000Z\",\"detected_at\":\"2026-03-02T09:00:01.250000000Z\","
      "\"ended_at\":\"2026-03-02T09:00:03.000000000Z\",\"updated_at\":\"2026-03-02T09:00:02.000000001Z\","
      "\"summary\":\"one slow pod of \\\"cart\\\"\",\"root_causes\":[],\"affected\":[],\"not_affected\":[],"
      "\"impact\":{\"requests\":1000,\"failed\":3,\"slow\":120},\"changes\":[],\"exemplars\":[],"
      "\"confidence\":0.9,\"telemetry\":\"complete\"}");
}

/* Texts that fill their array to the last byte, without a NUL, are not read past. */
static void full_arrays_end_where_they_end(void **state) {
  (void)state;
  incident_fill();
  memset(incident.summary, 's', sizeof incident.summary);
  memset(incident.kind, 'k', sizeof incident.kind);
  struct base_buf out = buf_open(1 << 20);
  rec_incident_json(&incident, &out);
  buf_put_char(&out, '\0');
  assert_non_null(strstr(out.p, "\"kind\":\"kkkkkkkkkkkkkkkk\","));
  assert_int_equal(strspn(strstr(out.p, "\"summary\":\"") + 11, "s"), LIMIT_TEXT_BYTES);
  buf_fini(&out);
}

static void every_verdict_and_severity_has_its_word(void **state) {
  (void)state;
  static const char *const word[] = {"\"severity\":\"info\"", "\"severity\":\"warning\"", "\"severity\":\"critical\""};
  for (uint8_t severity = 0; severity < 3; severity++) {
    incident_fill();
    incident.severity = severity;
    struct base_buf out = buf_open(1 << 20);
    rec_incident_json(&incident, &out);
    buf_put_char(&out, '\0');
    assert_non_null(strstr(out.p, word[severity]));
    assert_null(strchr(out.p, '\n'));
    buf_fini(&out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_open_incident_is_the_contracts_json),
      cmocka_unit_test(a_closed_expected_one_with_empty_lists),
      cmocka_unit_test(full_arrays_end_where_they_end),
      cmocka_unit_test(every_verdict_and_severity_has_its_word),
  };
  return cmocka_run_group_tests_name("rec_incident", tests, NULL, NULL);
}
