/* Gauges as evidence: they are named where they belong, they open nothing, and they overrule no clear excess. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gauge_make.h"
#include "incident_gauge.h"
#include "mesh_make.h"

#define AT 1200u /* the trouble begins: 300 s after the first request and sample */

static const struct mesh_call calls[] = {{0, 1, 1.0}, {1, 2, 1.0}, {1, 3, 1.0}};

struct bed {
  struct mesh m;
  struct gauge_make g;
  struct engine *e;
};

static void bed_open(struct bed *b, uint32_t hot, uint32_t from, uint32_t to) {
  struct mesh_conf conf = {.service_n = 4,
                           .cluster_n = 1,
                           .pod_n = 2,
                           .route_n = 1,
                           .version_n = 1,
                           .call = calls,
                           .call_n = 3,
                           .entry_per_s = 60.0,
                           .seed = 31};
  mesh_open(&b->m, &conf);
  gauge_make_open(&b->g, 4, hot, from, to);
  b->e = mesh_engine_open(1024);
}

static void bed_close(struct bed *b) {
  mesh_engine_close(b->e);
  mesh_close(&b->m);
}

static void run(struct bed *b, uint32_t ticks) {
  for (; ticks; ticks--) {
    mesh_draw(&b->m);
    gauge_make_draw(&b->g, &b->m);
    mesh_feed(&b->m, b->e);
  }
}

static void fails(struct bed *b, uint32_t service, uint32_t pod, double p, uint32_t from, uint32_t to) {
  struct mesh_fault f = mesh_fault_of(from, to, service);
  f.pod = pod;
  f.fail_p = p;
  mesh_fault(&b->m, f);
}

static const struct rec_incident *only(const struct bed *b) {
  assert_int_equal(b->m.seen_n, 1);
  return &b->m.seen[0].in;
}

static void assert_holds(const char *text, const char *part) {
  if (!strstr(text, part)) fail_msg("no '%s' in '%s'", part, text);
}

static void a_full_queue_is_named_with_its_numbers(void **state) {
  (void)state;
  struct bed b;
  char since[TIME_TEXT_BYTES], want[64];
  bed_open(&b, 2, AT, AT + 400);
  fails(&b, 2, MESH_ANY, 0.5, AT, AT + 400);
  run(&b, AT + 60);
  const struct rec_incident *in = only(&b);
  assert_int_equal(in->gauge_n, 1);
  const struct rec_pressure *p = &in->gauge[0];
  assert_true(str_eq(p->metric, STR("upstream_rq_pending_active")) && str_eq(p->entity.kind, STR("pod")));
  assert_true(str_eq(p->entity.dim[REC_DIM_POD], STR("s2-c0-p0")));
  assert_true(p->value >= 48.0 && p->value <= 50.0 && p->low == 0.0 && p->high >= 2.0 && p->high < 10.0);
  assert_true(p->side == REC_BAD_ABOVE && p->role == REC_ROLE_SATURATION && p->score >= GAUGE_LOUD);
  assert_true(p->since.ns >= in->started_at.ns - 2 * TIME_NS_PER_S && p->since.ns <= in->started_at.ns + TIME_NS_PER_S);
  /* The worked example of docs/detectors/gauge.md. */
  assert_holds(in->cause[0].evidence, "; s2-c0-p0: upstream_rq_pending_active 50, usually 0 to 3.46, since 09:05:00");
  assert_true(p->score > 12.3 && p->score < 12.4);
  time_text(p->since, since);
  (void)snprintf(want, sizeof want, ", since %.8s", since + 11);
  assert_holds(in->cause[0].evidence, want);
  assert_string_equal(in->kind, "saturation");
  bed_close(&b);
}

static void gauges_alone_open_nothing(void **state) {
  (void)state;
  struct bed b;
  bed_open(&b, 2, AT, AT + 400);
  run(&b, AT + 440);
  assert_int_equal(b.m.seen_n, 0);
  bed_close(&b);
}

/* Of another service, long before, or later than an effect would be: no evidence. Twenty seconds are later. */
static void what_has_nothing_to_do_with_it_is_not_told(void **state) {
  (void)state;
  static const struct { uint32_t hot, from; } idle[] = {{3, AT}, {2, AT - 4 * 620}, {2, AT + 4 * 20}};
  for (unsigned k = 0; k < 3; k++) {
    struct bed b;
    uint32_t at = AT + 4 * 660; /* long enough for the second */
    bed_open(&b, idle[k].hot, idle[k].from + 4 * 660, at + 4000);
    fails(&b, 2, MESH_ANY, 0.5, at, at + 400);
    run(&b, at + 160);
    const struct rec_incident *in = only(&b);
    assert_int_equal(in->gauge_n, 0);
    assert_null(strstr(in->cause[0].evidence, "pending"));
    assert_string_equal(in->kind, "errors");
    bed_close(&b);
  }
}

/* The queue is empty again after ten seconds; the incident goes on and still says that it was full. */
static void what_was_seen_stays(void **state) {
  (void)state;
  struct bed b;
  bed_open(&b, 2, AT, AT + 40);
  fails(&b, 2, MESH_ANY, 0.5, AT, AT + 800);
  run(&b, AT + 600);
  const struct rec_incident *in = only(&b);
  assert_int_equal(in->state, REC_STATE_OPEN);
  assert_int_equal(in->gauge_n, 1);
  assert_holds(in->cause[0].evidence, "upstream_rq_pending_active");
  const char *first = strstr(in->cause[0].evidence, "upstream_rq");
  assert_null(strstr(first + 1, "upstream_rq")); /* told once, though it was ranked many times */
  bed_close(&b);
}

/* The other pod is the cause: the gauge is listed, as its service's, but is no sentence about that pod. */
static void another_pods_gauge_is_no_evidence_against_this_one(void **state) {
  (void)state;
  struct bed b;
  bed_open(&b, 2, AT, AT + 400);
  fails(&b, 2, 1, 0.7, AT, AT + 400);
  run(&b, AT + 60);
  const struct rec_incident *in = only(&b);
  assert_true(str_eq(in->cause[0].entity.dim[REC_DIM_POD], STR("s2-c0-p1")));
  assert_int_equal(in->gauge_n, 1);
  assert_null(strstr(in->cause[0].evidence, "pending"));
  assert_string_equal(in->kind, "errors");
  bed_close(&b);
}

/* ---- by hand ---- */

struct hand {
  struct series_catalog c;
  struct gauge_table t;
  struct incident_view v;
  struct incident_nodes set;
  struct incident_gauges kept;
  void *mem[2];
  int64_t now_ns;
};

#define ONSET (1772442000 * TIME_NS_PER_S)

static void hand_open(struct hand *o) {
  size_t n = series_catalog_bytes(64);
  *o = (struct hand){.mem = {calloc(1, n), calloc(1, gauge_table_bytes(64))}, .now_ns = ONSET - 300 * TIME_NS_PER_S};
  series_catalog_init(&o->c, o->mem[0], n, 64);
  gauge_table_init(&o->t, o->mem[1], 64);
  o->v = (struct incident_view){.catalog = &o->c, .gauge = &o->t};
  for (const char *const *s = (const char *const[]){"a", "b", NULL}; *s; s++)
    (void)incident_nodes_add(&o->set, series_catalog_node(&o->c, STR("shop"), str_of(*s)));
}

static void hand_close(struct hand *o) {
  free(o->mem[0]);
  free(o->mem[1]);
}

/* A gauge that was 1 to 2 for five minutes and is `value` from the onset on. */
static void rises(struct hand *o, const char *service, const char *metric, uint8_t role, double value) {
  struct mesh_rng r = {9};
  struct rec_gauge g = {.metric = str_of(metric),
                        .dim = {[REC_DIM_NAMESPACE] = STR("shop"), [REC_DIM_SERVICE] = str_of(service)},
                        .role = role,
                        .bad = REC_BAD_ABOVE};
  for (int i = -300; i < 5; i++) {
    g.at.ns = ONSET + i * TIME_NS_PER_S;
    g.value = i < 0 ? 1.0 + rng_unit(&r) : value;
    assert_int_equal(gauge_table_take(&o->t, &g, g.at), GAUGE_TAKEN);
  }
}

static void only_what_ranks_weighs(void **state) {
  (void)state;
  struct hand o;
  double says[INCIDENT_NODES];
  hand_open(&o);
  rises(&o, "a", "upstream_rq_active", REC_ROLE_LOAD, 500.0);
  rises(&o, "b", "process_cpu", REC_ROLE_RESOURCE, 1e9);
  rises(&o, "b", "queue", REC_ROLE_SATURATION, 1e9);
  rises(&o, "elsewhere", "queue", REC_ROLE_SATURATION, 1e9);
  incident_gauge_weigh(&o.v, &o.kept, &o.set, (struct base_wall){ONSET}, says);
  assert_true(says[0] == 0.0);
  assert_true(says[1] > 0.75 && says[1] <= 1.0); /* at least what is loud says */
  hand_close(&o);
}

static void those_that_rank_come_first_and_no_more_are_kept(void **state) {
  (void)state;
  struct hand o;
  char name[32];
  hand_open(&o);
  for (unsigned i = 0; i < 12; i++) {
    (void)snprintf(name, sizeof name, "load_%u", i);
    rises(&o, "a", name, REC_ROLE_LOAD, 100.0 + i);
  }
  rises(&o, "a", "queue", REC_ROLE_SATURATION, 40.0);
  rises(&o, "b", "cpu", REC_ROLE_RESOURCE, 40.0);
  incident_gauge_keep(&o.v, &o.kept, &o.set, (struct base_wall){ONSET});
  assert_int_equal(o.kept.n, LIMIT_GAUGES_SHOWN);
  assert_int_equal(o.kept.gauge[0].role, REC_ROLE_SATURATION);
  for (uint32_t i = 1; i < o.kept.n; i++) assert_int_equal(o.kept.gauge[i].role, REC_ROLE_LOAD);
  /* The likelier cause is now the other service: its gauge comes first; alone, all others go. */
  struct incident_nodes turned = {.node = {o.set.node[1], o.set.node[0]}, .n = 2};
  incident_gauge_keep(&o.v, &o.kept, &turned, (struct base_wall){ONSET});
  assert_int_equal(o.kept.gauge[0].role, REC_ROLE_RESOURCE);
  turned.n = 1;
  incident_gauge_keep(&o.v, &o.kept, &turned, (struct base_wall){ONSET});
  assert_int_equal(o.kept.n, 1);
  assert_true(incident_gauge_sound(&o.kept, o.c.node_n));
  assert_false(incident_gauge_sound(&o.kept, 1)); /* node 1 is not known to it */
  hand_close(&o);
}

static void the_order_of_the_log_does_not_matter(void **state) {
  (void)state;
  struct hand o[2];
  struct rec_incident in[2];
  static const char *const name[] = {"m1", "m2", "m3"};
  for (unsigned k = 0; k < 2; k++) {
    hand_open(&o[k]);
    for (unsigned i = 0; i < 3; i++) rises(&o[k], "a", name[k ? 2 - i : i], REC_ROLE_RESOURCE, 40.0);
    incident_gauge_keep(&o[k].v, &o[k].kept, &o[k].set, (struct base_wall){ONSET});
    incident_gauge_write(&o[k].kept, &in[k]);
  }
  assert_int_equal(in[0].gauge_n, 3);
  for (uint32_t i = 0; i < 3; i++) assert_true(str_eq(in[0].gauge[i].metric, in[1].gauge[i].metric));
  for (unsigned k = 0; k < 2; k++) hand_close(&o[k]);
}

static void words_fit_the_unit(void **state) {
  (void)state;
  static const struct {
    uint8_t unit;
    double value, low, high;
    const char *want;
  } row[] = {
      {REC_UNIT_NONE, 48.0, 0.0, 3.0, "; a: m 48, usually 0 to 3, since 09:00:00"},
      {REC_UNIT_NONE, 48.0, 0.0, 0.0, "; a: m 48, usually 0, since 09:00:00"},
      {REC_UNIT_BYTES, 2.04e9, 5e8, 6e8, "; a: m 2.0 GB, usually 500 MB to 600 MB, since 09:00:00"},
      {REC_UNIT_SHARE, 0.985, 0.2, 0.31, "; a: m 98.5 %, usually 20 % to 31 %, since 09:00:00"},
      {REC_UNIT_PER_S, 1234567.0, 0.0, 2.5, "; a: m 1234567/s, usually 0/s to 2.5/s, since 09:00:00"},
      {REC_UNIT_SECONDS, -0.25, 0.0, 1.0, "; a: m -0.25 s, usually 0 s to 1 s, since 09:00:00"},
  };
  struct hand o;
  struct rec_entity e = {.kind = STR("service")};
  hand_open(&o);
  rises(&o, "a", "m", REC_ROLE_RESOURCE, 40.0);
  incident_gauge_keep(&o.v, &o.kept, &o.set, (struct base_wall){ONSET});
  for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
    char text[LIMIT_TEXT_BYTES] = "";
    struct incident_gauge *g = &o.kept.gauge[0];
    g->unit = row[i].unit;
    g->episode.peak = row[i].value;
    g->episode.low = row[i].low;
    g->episode.high = row[i].high;
    incident_gauge_text(&o.kept, &e, g->node, text, sizeof text);
    assert_string_equal(text, row[i].want);
  }
  char little[24] = "seen";
  incident_gauge_text(&o.kept, &e, o.kept.gauge[0].node, little, sizeof little); /* whole or not at all */
  assert_string_equal(little, "seen");
  hand_close(&o);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_full_queue_is_named_with_its_numbers),
      cmocka_unit_test(gauges_alone_open_nothing),
      cmocka_unit_test(what_has_nothing_to_do_with_it_is_not_told),
      cmocka_unit_test(what_was_seen_stays),
      cmocka_unit_test(another_pods_gauge_is_no_evidence_against_this_one),
      cmocka_unit_test(only_what_ranks_weighs),
      cmocka_unit_test(those_that_rank_come_first_and_no_more_are_kept),
      cmocka_unit_test(the_order_of_the_log_does_not_matter),
      cmocka_unit_test(words_fit_the_unit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
