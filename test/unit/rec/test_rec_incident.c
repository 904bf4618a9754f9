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
  *in = (struct rec_incident){.id_hash = 0xabc, .severity = REC_SEVERITY_CRITICAL, .kind = "latency", .occurrences = 1};
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

/* What an incident without numbers, returns and decisions has in their places. */
#define BARE                                                                                                        \
  ",\"finding\":null,\"plot\":null,\"chain\":[],\"refuted_by\":null,\"time\":null,\"gauges\":[],\"occurrences\":1," \
  "\"recurrences\":[],"                                                                                             \
  "\"decisions\":[]"

#define OPEN                                                                                                   \
  "{\"id\":\"0000000000000abc\",\"verdict\":\"unhealthy\",\"kind\":\"latency\",\"severity\":\"critical\","     \
  "\"state\":\"open\",\"acked\":false,\"muted\":false,"                                                        \
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
  "\"confidence\":0.9,\"telemetry\":\"complete\"" BARE "}"

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
      "\"state\":\"closed\",\"acked\":true,\"muted\":false,"
      "\"started_at\":\"2026-03-02T09:00:00.000000000Z\",\"detected_at\":\"2026-03-02T09:00:01.250000000Z\","
      "\"ended_at\":\"2026-03-02T09:00:03.000000000Z\",\"updated_at\":\"2026-03-02T09:00:02.000000001Z\","
      "\"summary\":\"one slow pod of \\\"cart\\\"\",\"root_causes\":[],\"affected\":[],\"not_affected\":[],"
      "\"impact\":{\"requests\":1000,\"failed\":3,\"slow\":120},\"changes\":[],\"exemplars\":[],"
      "\"confidence\":0.9,\"telemetry\":\"complete\"" BARE "}");
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

static void finding_fill(void) {
  incident_fill();
  incident.muted = 1;
  incident.finding = (struct rec_finding){.known = true,
                                          .signal = REC_SIGNAL_LATENCY,
                                          .unit = "s",
                                          .baseline = 0.0961234567,
                                          .baseline_sd = 0.003,
                                          .baseline_age_s = 11520.25,
                                          .baseline_requests = 14213,
                                          .observed = 0.412,
                                          .effect = 4.2861,
                                          .effect_low = 4.1,
                                          .effect_high = 4.5,
                                          .effect_smallest = 1.15,
                                          .log_e = 31.25,
                                          .log_c = 20.4,
                                          .onset = {1772442000250000000}};
  incident.finding.entity.kind = STR("service");
  incident.finding.entity.dim[REC_DIM_SERVICE] = STR("cart");
  incident.plot = (struct rec_plot){.from = {1772441990000000000}, .step_s = 5, .n = 3, .low = 0.09f, .high = 0.102f};
  memcpy(incident.plot.value, (float[]){0.09612345f, -1.0f, 0.0f}, 3 * sizeof(float));
  memcpy(incident.plot.count, (float[]){120.0f, 0.0f, 1234567.0f}, 3 * sizeof(float));
  incident.occurrences = 3;
  incident.again_n = 2;
  incident.again[0] = (struct rec_again){{1772442100000000000}, {1772442110000000000}};
  incident.again[1] = (struct rec_again){{1772442200000000000}, {0}};
  incident.decision_n = 1;
  incident.decision[0] = (struct rec_decision){{1772442300000000000}, "the new level is \"normal\""};
}

/* The text of the incident, which stays until the next call. */
static const char *text_of(void) {
  static char text[1 << 16];
  struct base_buf out = buf_over(text, sizeof text - 1);
  rec_incident_json(&incident, &out);
  assert_false(out.bad);
  text[out.n] = 0;
  return text;
}

static void assert_has(const char *part) {
  const char *text = text_of();
  if (!strstr(text, part)) fail_msg("no %s in %s", part, text);
}

static void a_finding_has_all_its_numbers(void **state) {
  (void)state;
  finding_fill();
  assert_has("\"acked\":false,\"muted\":true,");
  assert_has(
      "\"finding\":{\"entity\":{\"kind\":\"service\",\"service\":\"cart\"},\"signal\":\"latency\",\"unit\":\"s\","
      "\"baseline\":0.0961235,\"baseline_sd\":0.003,\"baseline_age_s\":11520.2,\"baseline_requests\":14213,"
      "\"observed\":0.412,\"effect\":4.2861,\"effect_interval\":[4.1,4.5],\"smallest_effect\":1.15,"
      "\"log_e\":31.25,\"threshold\":20.4,\"pace_s\":0,\"onset\":\"2026-03-02T09:00:00.250000000Z\"}");
  assert_has(
      "\"plot\":{\"from\":\"2026-03-02T08:59:50.000000000Z\",\"step_s\":5,"
      "\"values\":[0.09612,null,0],\"requests\":[120,0,1.23457e+06],\"band\":[0.09,0.102]}");
  assert_has(
      "\"occurrences\":3,\"recurrences\":[{\"started_at\":\"2026-03-02T09:01:40.000000000Z\","
      "\"ended_at\":\"2026-03-02T09:01:50.000000000Z\"},"
      "{\"started_at\":\"2026-03-02T09:03:20.000000000Z\",\"ended_at\":null}]");
  assert_has(
      "\"decisions\":[{\"at\":\"2026-03-02T09:05:00.000000000Z\",\"text\":\"the new level is "
      "\\\"normal\\\"\"}]");
}

static void what_is_not_known_is_null(void **state) {
  (void)state;
  finding_fill();
  incident.finding.effect_smallest = 0;
  incident.plot.low = -1.0f;
  assert_has("\"smallest_effect\":null,");
  assert_has("\"band\":null}");
  incident.finding.known = false; /* a plot without it would have no unit */
  assert_has("\"finding\":null,\"plot\":null,");
}

/* JSON has no word for them, and a reader that fails is worse than a number that is missing. */
static void no_number_is_ever_nan(void **state) {
  (void)state;
  finding_fill();
  double zero = 0.0;
  incident.finding.effect = zero / zero;
  incident.finding.effect_high = 1.0 / zero;
  incident.finding.log_e = -zero;
  incident.plot.value[0] = (float)(zero / zero);
  incident.plot.count[0] = (float)(zero / zero);
  assert_has("\"effect\":null,\"effect_interval\":[4.1,null],");
  assert_has("\"log_e\":0,");
  assert_has("\"values\":[null,null,0],\"requests\":[null,");
}

static void a_full_plot_is_small(void **state) {
  (void)state;
  finding_fill();
  incident.plot.n = LIMIT_PLOT;
  for (unsigned i = 0; i < LIMIT_PLOT; i++) {
    incident.plot.value[i] = 0.0912345f + 0.001f * (float)i;
    incident.plot.count[i] = 54321.0f;
  }
  size_t from = (size_t)(strstr(text_of(), "\"plot\":") - text_of());
  size_t to = (size_t)(strstr(text_of(), ",\"occurrences\":") - text_of());
  assert_in_range(to - from, 1000, 2048);
}

/* Places in the table's order, those that nothing is known of left out. */
static void time_is_told_place_by_place(void **state) {
  (void)state;
  incident_fill();
  struct rec_time *t = &incident.time;
  *t = (struct rec_time){.place = REC_PLACE_NETWORK, .told = 1u << REC_PLACE_NETWORK | 1u << REC_PLACE_CLIENT_PROXY};
  t->edge.kind = STR("edge");
  t->edge.dim[REC_DIM_SERVICE] = STR("cart");
  t->edge.dim[REC_DIM_CALLER] = STR("front");
  t->normal_ms[REC_PLACE_NETWORK] = 0.5661234;
  t->now_ms[REC_PLACE_NETWORK] = 80.25;
  t->now_ms[REC_PLACE_APPLICATION] = 7;
  assert_has(
      "\"time\":{\"place\":\"network\",\"edge\":{\"kind\":\"edge\",\"service\":\"cart\",\"caller\":\"front\"},"
      "\"stages\":[{\"place\":\"client_proxy\",\"normal_ms\":0,\"now_ms\":0},"
      "{\"place\":\"network\",\"normal_ms\":0.566123,\"now_ms\":80.25}]},");
  t->place = REC_PLACE_COUNT;
  assert_has("\"time\":{\"place\":\"several\",");
}

static void gauges_are_told_with_their_usual(void **state) {
  (void)state;
  incident_fill();
  incident.gauge_n = 2;
  incident.gauge[0] = (struct rec_pressure){.metric = STR("upstream_rq_pending_active"),
                                            .part = STR("outbound|80||cart"),
                                            .entity.kind = STR("pod"),
                                            .role = REC_ROLE_SATURATION,
                                            .side = REC_BAD_ABOVE,
                                            .value = 48.0,
                                            .high = 3.25,
                                            .score = 11.5,
                                            .since = {1772442000000000000},
                                            .at = {1772442001000000000}};
  incident.gauge[0].entity.dim[REC_DIM_POD] = STR("cart-7f");
  incident.gauge[1] = (struct rec_pressure){.metric = STR("log"),
                                            .line = STR("refused by \"db\""),
                                            .entity.kind = STR("service"),
                                            .role = REC_ROLE_LOG,
                                            .unit = REC_UNIT_PER_S,
                                            .side = REC_BAD_BELOW,
                                            .novel = true};
  assert_has(
      "\"gauges\":[{\"entity\":{\"kind\":\"pod\",\"pod\":\"cart-7f\"},\"metric\":\"upstream_rq_pending_active\","
      "\"part\":\"outbound|80||cart\",\"role\":\"saturation\",\"unit\":\"\",\"value\":48,\"usual\":[0,3.25],"
      "\"side\":\"above\",\"score\":11.5,\"since\":\"2026-03-02T09:00:00.000000000Z\","
      "\"at\":\"2026-03-02T09:00:01.000000000Z\",\"new\":false,\"line\":\"\"},"
      "{\"entity\":{\"kind\":\"service\"},\"metric\":\"log\",");
  assert_has("\"role\":\"log\",\"unit\":\"1/s\",");
  assert_has("\"side\":\"below\",\"score\":0,");
  assert_has("\"new\":true,\"line\":\"refused by \\\"db\\\"\"}],\"occurrences\":");
}

static void full_decisions_end_where_they_end(void **state) {
  (void)state;
  finding_fill();
  incident.again_n = LIMIT_AGAIN;
  incident.decision_n = LIMIT_DECISIONS;
  memset(incident.decision[LIMIT_DECISIONS - 1].text, 'd', LIMIT_DECISION_BYTES);
  const char *last = strrchr(text_of(), ':');
  assert_int_equal(strspn(last + 2, "d"), LIMIT_DECISION_BYTES);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_open_incident_is_the_contracts_json),
      cmocka_unit_test(a_closed_expected_one_with_empty_lists),
      cmocka_unit_test(full_arrays_end_where_they_end),
      cmocka_unit_test(every_verdict_and_severity_has_its_word),
      cmocka_unit_test(a_finding_has_all_its_numbers),
      cmocka_unit_test(what_is_not_known_is_null),
      cmocka_unit_test(no_number_is_ever_nan),
      cmocka_unit_test(a_full_plot_is_small),
      cmocka_unit_test(time_is_told_place_by_place),
      cmocka_unit_test(gauges_are_told_with_their_usual),
      cmocka_unit_test(full_decisions_end_where_they_end),
  };
  return cmocka_run_group_tests_name("rec_incident", tests, NULL, NULL);
}
