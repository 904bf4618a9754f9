/* The part of a service that is named where no excess shows it: a pod that fell silent, a version that has all of the
 * traffic by now, a route whose refusals are over while those of others still stand. And what an incident grows by. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>

#include "incident_case.h"
#include "incident_drain.h"
#include "mesh_make.h"

#define AT 1600u /* the trouble begins: 400 s after the first request */

static const struct mesh_call calls[] = {{0, 1, 1.0}, {1, 2, 1.0}};

static void bed_open(struct mesh_bed *b, double entry_per_s, uint32_t version_n) {
  struct mesh_conf conf = {.service_n = 3,
                           .cluster_n = 2,
                           .pod_n = 2,
                           .route_n = 2,
                           .version_n = version_n,
                           .call = calls,
                           .call_n = 2,
                           .entry_per_s = entry_per_s,
                           .error_p = 0.001,
                           .seed = 77};
  mesh_bed_open(b, &conf, 1024);
}

/* No request reaches pods of that number in the cluster. */
static void quiet(struct mesh_bed *b, uint32_t from, uint32_t to, uint32_t cluster, uint32_t pod) {
  struct mesh_fault f = mesh_fault_of(from, to, 2);
  f.cluster = cluster;
  f.pod = pod;
  f.traffic = -1.0;
  mesh_fault(&b->m, f);
}

/* A third of the calls to service 2 find nobody, for as long as its endpoint is still known. */
static void unreachable(struct mesh_bed *b, uint32_t from, uint32_t to) {
  struct mesh_fault f = mesh_fault_of(from, to, 2);
  f.fail_p = 0.3;
  f.class_ = REC_CLASS_UNREACHABLE;
  f.between = true;
  mesh_fault(&b->m, f);
}

/* The one unhealthy incident, after so many ticks of the trouble. */
static const struct rec_incident *only(struct mesh_bed *b, uint32_t ticks) {
  const struct rec_incident *in = NULL;
  mesh_run(&b->m, b->e, AT + ticks);
  for (uint32_t i = 0; i < b->m.seen_n; i++) {
    if (b->m.seen[i].in.verdict == REC_VERDICT_EXPECTED) continue;
    if (in) print_error("%s\n%s\n", in->summary, b->m.seen[i].in.summary);
    assert_null(in);
    in = &b->m.seen[i].in;
  }
  assert_non_null(in);
  assert_true(in->cause_n > 0);
  assert_true(in->started_at.ns <= in->detected_at.ns);
  return in;
}

static void assert_named(const struct rec_incident *in, const char *kind, enum rec_dim d, const char *value) {
  const struct rec_entity *e = &in->cause[0].entity;
  bool right = str_eq(e->kind, str_of(kind)) && str_eq(e->dim[d], str_of(value));
  if (!right) print_error("%.*s %.*s: %s\n", STR_ARG(e->kind), STR_ARG(e->dim[d]), in->summary);
  assert_true(right);
}

static void crashed_pod_is_named(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 60.0, 1);
  quiet(&b, AT, AT + 400, 1, 0);
  unreachable(&b, AT, AT + 20);
  const struct rec_incident *in = only(&b, 400);
  assert_named(in, "pod", REC_DIM_POD, "s2-c1-p0");
  assert_non_null(strstr(in->cause[0].evidence, "answers nothing"));
  mesh_bed_close(&b);
}

/* The same failures, and all pods go on. */
static void pods_that_go_on_are_not_named(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 60.0, 1);
  unreachable(&b, AT, AT + 20);
  assert_named(only(&b, 400), "service", REC_DIM_POD, "");
  mesh_bed_close(&b);
}

/* One that was silent long before the trouble is not why. */
static void pod_that_left_before_is_not_named(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 60.0, 1);
  quiet(&b, AT - 200, AT + 400, 1, 0);
  unreachable(&b, AT, AT + 20);
  assert_named(only(&b, 400), "service", REC_DIM_POD, "");
  mesh_bed_close(&b);
}

/* A pod with a request in two seconds is missed only when the trouble is over. */
static void slow_pod_is_missed_late(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 4.0, 1);
  quiet(&b, AT, AT + 400, 0, 1);
  unreachable(&b, AT, AT + 28);
  assert_named(only(&b, 400), "pod", REC_DIM_POD, "s2-c0-p1");
  mesh_bed_close(&b);
}

/* Both pods that the service has in one cluster: its part there. */
static void silent_cluster_is_named(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 60.0, 1);
  quiet(&b, AT, AT + 400, 1, MESH_ANY);
  unreachable(&b, AT, AT + 20);
  assert_named(only(&b, 400), "service", REC_DIM_CLUSTER, "c1");
  mesh_bed_close(&b);
}

/* Version v1 (pods of odd number) takes over within a tick, 10 s before it fails: nobody else is left to compare with.
 */
static void new_version_with_all_traffic_is_named(void **state) {
  (void)state;
  struct mesh_bed b;
  struct mesh_fault f = mesh_fault_of(AT, AT + 120, 2);
  bed_open(&b, 60.0, 2);
  quiet(&b, 0, AT - 40, MESH_ANY, 1);
  quiet(&b, AT - 40, AT + 400, MESH_ANY, 0);
  f.fail_p = 0.3;
  mesh_fault(&b.m, f);
  assert_named(only(&b, 400), "version", REC_DIM_VERSION, "v1");
  mesh_bed_close(&b);
}

/* Where one version has had all the traffic for long, the service is as good a name. */
static void old_version_with_all_traffic_is_not_named(void **state) {
  (void)state;
  struct mesh_bed b;
  struct mesh_fault f = mesh_fault_of(AT, AT + 120, 2);
  bed_open(&b, 60.0, 2);
  quiet(&b, 0, AT + 400, MESH_ANY, 1);
  f.fail_p = 0.3;
  mesh_fault(&b.m, f);
  assert_named(only(&b, 400), "service", REC_DIM_VERSION, "");
  mesh_bed_close(&b);
}

/* The route's alarm ends first, as it has seen most; those of slower pods and clusters go on and must not blur it. */
static void refusing_route_stays_named(void **state) {
  (void)state;
  struct mesh_bed b;
  struct mesh_fault f = mesh_fault_of(AT, AT + 200, 2);
  bed_open(&b, 20.0, 1);
  f.route = 1;
  f.fail_p = 0.3;
  f.class_ = REC_CLASS_FORBIDDEN;
  mesh_fault(&b.m, f);
  const struct rec_incident *in = only(&b, 600);
  assert_int_equal(in->state, REC_STATE_CLOSED);
  assert_named(in, "route", REC_DIM_ROUTE, "GET /1");
  assert_non_null(strstr(in->cause[0].evidence, "were refused"));
  assert_true(str_eq(in->cause[1].entity.dim[REC_DIM_SERVICE], STR("s1"))); /* who asked fails itself */
  mesh_bed_close(&b);
}

/* Slow for 40 s, and then full: one trouble, that of the first second. */
static void slow_and_then_failing_is_one_incident(void **state) {
  (void)state;
  struct mesh_bed b;
  struct mesh_fault slow = mesh_fault_of(AT, AT + 400, 2), full = mesh_fault_of(AT + 160, AT + 400, 2);
  bed_open(&b, 60.0, 1);
  slow.slow_ms = 50.0;
  slow.slow_p = 1.0;
  full.fail_p = 0.2;
  full.class_ = REC_CLASS_OVERLOAD;
  mesh_fault(&b.m, slow);
  mesh_fault(&b.m, full);
  const struct rec_incident *in = only(&b, 600);
  assert_named(in, "service", REC_DIM_SERVICE, "s2");
  assert_true(in->impact_failed > 0);
  mesh_bed_close(&b);
}

/* One cluster is slow for minutes, and then nobody can be reached in the other: that is news, and told as such. */
static void an_old_trouble_hides_no_outage(void **state) {
  (void)state;
  struct mesh_bed b;
  struct mesh_fault slow = mesh_fault_of(AT, AT + 900, 2), out = mesh_fault_of(AT + 400, AT + 640, 2);
  const struct rec_incident *in = NULL;
  bed_open(&b, 60.0, 1);
  slow.cluster = 0;
  slow.slow_ms = 50.0;
  slow.slow_p = 1.0;
  out.cluster = 1;
  out.fail_p = 1.0;
  out.class_ = REC_CLASS_UNREACHABLE;
  out.between = true;
  mesh_fault(&b.m, slow);
  mesh_fault(&b.m, out);
  mesh_run(&b.m, b.e, AT + 600);
  for (uint32_t i = 0; i < b.m.seen_n; i++)
    if (!strcmp(b.m.seen[i].in.kind, "errors")) in = &b.m.seen[i].in;
  assert_non_null(in);
  assert_named(in, "service", REC_DIM_CLUSTER, "c1");
  assert_true(in->detected_at.ns - in->started_at.ns < 5 * TIME_NS_PER_S);
  assert_int_equal(b.m.seen_n, 2);
  mesh_bed_close(&b);
}

/* A service is slow, and its users' way in finds nothing for a third of what they ask: a flood of those is no
 * consequence. */
static void refusals_are_news_where_others_are_slow(void **state) {
  (void)state;
  struct mesh_bed b;
  struct mesh_fault slow = mesh_fault_of(AT, AT + 600, 2), bad = mesh_fault_of(AT + 200, AT + 600, 0);
  const struct rec_incident *in = NULL;
  bed_open(&b, 60.0, 1);
  slow.slow_ms = 50.0;
  slow.slow_p = 1.0;
  bad.fail_p = 0.3;
  bad.class_ = REC_CLASS_NOT_FOUND;
  mesh_fault(&b.m, slow);
  mesh_fault(&b.m, bad);
  mesh_run(&b.m, b.e, AT + 400);
  assert_int_equal(b.m.seen_n, 2);
  for (uint32_t i = 0; i < b.m.seen_n; i++)
    if (strstr(b.m.seen[i].in.summary, "bad requests")) in = &b.m.seen[i].in;
  assert_non_null(in);
  assert_named(in, "service", REC_DIM_SERVICE, "s0");
  mesh_bed_close(&b);
}

static void slow_for(struct mesh_bed *b, uint32_t service, uint32_t from, uint32_t ticks) {
  struct mesh_fault f = mesh_fault_of(from, from + ticks, service);
  f.slow_ms = 200.0;
  f.slow_p = 1.0;
  mesh_fault(&b->m, f);
}

/* A second in which all is slow is told; the next of the hour, elsewhere, is not; and what lasts is, after three
 * seconds. */
static void moments_of_slowness_are_told_once(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 60.0, 1);
  slow_for(&b, 2, AT, 4);
  slow_for(&b, 1, AT + 400, 4);
  mesh_run(&b.m, b.e, AT + 780);
  assert_int_equal(b.m.seen_n, 1);
  slow_for(&b, 1, AT + 800, 60);
  mesh_run(&b.m, b.e, 120);
  assert_int_equal(b.m.seen_n, 2);
  const struct rec_incident *in = &b.m.seen[1].in;
  assert_named(in, "service", REC_DIM_SERVICE, "s1");
  assert_true(in->detected_at.ns - in->started_at.ns >= 2 * TIME_NS_PER_S);
  assert_true(in->detected_at.ns - in->started_at.ns < 6 * TIME_NS_PER_S);
  mesh_bed_close(&b);
}

/* While an incident is open, requests are counted and durations are not learned. What is counted must not turn into
 * slowness of the next trouble: 30 s of 4 ms more are told as 4 ms more. */
static void slowness_is_told_right_after_an_incident(void **state) {
  (void)state;
  struct mesh_bed b;
  struct mesh_fault first = mesh_fault_of(AT - 1000, AT - 200, 2), second = mesh_fault_of(AT, AT + 160, 2);
  bed_open(&b, 60.0, 1);
  first.slow_ms = 40.0;
  first.slow_p = 1.0;
  second.slow_ms = 20.0;
  second.slow_p = 1.0;
  mesh_fault(&b.m, first);
  mesh_fault(&b.m, second);
  mesh_run(&b.m, b.e, AT + 400);
  const struct rec_incident *in = &b.m.seen[b.m.seen_n - 1].in;
  double took = 0.0, normal = 0.0;
  int n = sscanf(in->cause[0].evidence, "requests took %lf ms on average over %*d requests in %*d s; %lf ms", &took,
                 &normal);
  if (n != 2) print_error("%s\n", in->cause[0].evidence);
  assert_int_equal(n, 2);
  assert_true(took - normal > 18.0 && took - normal < 22.0);
  mesh_bed_close(&b);
}

/* A second in which a third of the calls find nobody is told as that, also when the seconds after it were fine. */
static void what_was_seen_of_a_short_trouble_is_told(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 60.0, 1);
  unreachable(&b, AT, AT + 8);
  const struct rec_incident *in = only(&b, 400);
  assert_int_equal(in->state, REC_STATE_CLOSED);
  if (in->finding.observed < 0.15) print_error("%g: %s\n", in->finding.observed, in->summary);
  assert_true(in->finding.observed > 0.15 && in->finding.observed < 0.4);
  assert_true(in->finding.effect > 10.0);
  mesh_bed_close(&b);
}

/* The one expected incident whose summary has the words. */
static const struct rec_incident *expected(const struct mesh_bed *b, const char *words) {
  const struct rec_incident *in = NULL;
  for (uint32_t i = 0; i < b->m.seen_n; i++)
    if (b->m.seen[i].in.verdict == REC_VERDICT_EXPECTED && strstr(b->m.seen[i].in.summary, words))
      in = &b->m.seen[i].in;
  return in;
}

/* Version v1 (pods of odd number) comes beside v0, and v0 goes a minute later. */
static void rollout_is_told(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 60.0, 2);
  quiet(&b, 0, AT, MESH_ANY, 1);
  quiet(&b, AT + 240, AT + 800, MESH_ANY, 0);
  mesh_run(&b.m, b.e, AT + 800);
  const struct rec_incident *in = expected(&b, "s2 v1 has taken over from v0");
  assert_non_null(in);
  assert_named(in, "version", REC_DIM_VERSION, "v1");
  assert_string_equal(in->kind, "change");
  assert_int_equal(in->severity, REC_SEVERITY_INFO);
  assert_int_equal(in->state, REC_STATE_CLOSED);
  assert_non_null(strstr(in->summary, "does as well"));
  assert_true(in->change_n > 0 && str_eq(in->change[0].kind, STR("rollout")));
  mesh_bed_close(&b);
}

/* The new one fails a tenth: its own incident is beside it, and this one says so. */
static void bad_rollout_is_held_against_the_old(void **state) {
  (void)state;
  struct mesh_bed b;
  struct mesh_fault f = mesh_fault_of(AT, AT + 240, 2);
  bed_open(&b, 60.0, 2);
  quiet(&b, 0, AT, MESH_ANY, 1);
  f.pod = 1;
  f.fail_p = 0.1;
  mesh_fault(&b.m, f);
  const struct rec_incident *bad = only(&b, 240), *in = expected(&b, "s2 v1 takes over from v0");
  assert_named(bad, "version", REC_DIM_VERSION, "v1");
  assert_non_null(in);
  assert_non_null(strstr(in->summary, "v1 fails more than the old one"));
  assert_non_null(strstr(in->summary, "incident of its own"));
  mesh_bed_close(&b);
}

/* Half of what comes to a pod of service 2 is cut, as its callers tell, for the two seconds before tick `at`, when it
 * is asked no more. */
static void leaves(struct mesh_bed *b, uint32_t cluster, uint32_t at) {
  struct mesh_fault f = mesh_fault_of(at - 8, at, 2);
  f.cluster = cluster;
  f.pod = 0;
  f.fail_p = 0.5;
  f.class_ = REC_CLASS_UNREACHABLE;
  f.between = true;
  mesh_fault(&b->m, f);
  quiet(b, at, AT + 800, cluster, 0);
}

/* The old version's pods go one after the other, each with requests under way: no trouble. */
static void pods_that_leave_in_turn_page_nobody(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 60.0, 2);
  quiet(&b, 0, AT, MESH_ANY, 1);
  leaves(&b, 0, AT + 80);
  leaves(&b, 1, AT + 140);
  mesh_run(&b.m, b.e, AT + 500);
  for (uint32_t i = 0; i < b.m.seen_n; i++) {
    if (b.m.seen[i].in.verdict != REC_VERDICT_EXPECTED) print_error("%s\n", b.m.seen[i].in.summary);
    assert_int_equal(b.m.seen[i].in.verdict, REC_VERDICT_EXPECTED);
  }
  assert_non_null(expected(&b, "pods of s2 leave"));
  mesh_bed_close(&b);
}

/* Cut for a minute while nobody leaves: that is no drain, though a rollout runs. */
static void failures_of_a_rollout_that_go_on_are_told(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 60.0, 2);
  quiet(&b, 0, AT, MESH_ANY, 1);
  struct mesh_fault f = mesh_fault_of(AT + 80, AT + 320, 2);
  f.cluster = 0;
  f.pod = 1;
  f.fail_p = 0.2;
  f.class_ = REC_CLASS_UNREACHABLE;
  f.between = true;
  mesh_fault(&b.m, f);
  (void)only(&b, 300);
  mesh_bed_close(&b);
}

/* Retries that might be a drain's, and then slowness: it is told, and does not wait for a pod for ever. */
static void what_becomes_another_trouble_is_no_drain(void **state) {
  (void)state;
  struct incident_head *h = calloc(1, sizeof *h);
  struct incident_case *c = calloc(1, sizeof *c);
  struct incident_view v = {0};
  assert_non_null(h);
  assert_non_null(c);
  c->family = INCIDENT_LATENCY;
  c->drain = INCIDENT_DRAIN_MAYBE;
  c->story.cause_n = 1;
  incident_drain_judge(h, &v, c);
  assert_int_equal(c->drain, INCIDENT_DRAIN_NO);
  free(c);
  free(h);
}

/* Users ask for one page no more: that page, at whom it is meant for, and soon, as the other pages' reports do come. */
static void a_route_that_nobody_asks_for_is_named(void **state) {
  (void)state;
  struct mesh_bed b;
  struct mesh_fault f = mesh_fault_of(AT, AT + 240, MESH_ANY);
  bed_open(&b, 60.0, 1);
  f.route = 1;
  f.traffic = -1.0;
  mesh_fault(&b.m, f);
  const struct rec_incident *in = only(&b, 400);
  assert_named(in, "route", REC_DIM_ROUTE, "GET /1");
  assert_named(in, "route", REC_DIM_SERVICE, "s1");
  assert_true(in->detected_at.ns - in->started_at.ns < 10 * TIME_NS_PER_S);
  mesh_bed_close(&b);
}

/* The first service sends all of its calls from one cluster to the other: its own traffic is as ever, and no loss. */
static void what_callers_send_elsewhere_has_moved(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 60.0, 1);
  for (uint32_t service = 1; service <= 2; service++)
    for (uint32_t cluster = 0; cluster < 2; cluster++) {
      struct mesh_fault f = mesh_fault_of(AT, AT + 240, service);
      f.cluster = cluster;
      f.traffic = cluster ? 2.0 : -1.0;
      mesh_fault(&b.m, f);
    }
  mesh_run(&b.m, b.e, AT + 120);
  for (uint32_t i = 0; i < b.m.seen_n; i++) {
    if (b.m.seen[i].in.verdict != REC_VERDICT_EXPECTED) print_error("%s\n", b.m.seen[i].in.summary);
    assert_int_equal(b.m.seen[i].in.verdict, REC_VERDICT_EXPECTED);
  }
  uint32_t told = 0;
  for (uint32_t i = 0; i < b.m.seen_n; i++)
    told += !b.m.seen[i].in.merged_hash && strstr(b.m.seen[i].in.summary, "traffic of s1 moved from c0 to c1");
  assert_int_equal(told, 1);
  mesh_bed_close(&b);
}

/* So much of all requests is left for so long, in one cluster or both; the one incident of fewer of them. */
static struct rec_incident fewer(double left, uint32_t cluster, uint32_t ticks) {
  struct mesh_bed b;
  struct mesh_fault f = mesh_fault_of(AT, AT + ticks, MESH_ANY);
  struct rec_incident in = {0};
  bed_open(&b, 400.0, 1);
  f.cluster = cluster;
  f.traffic = left;
  mesh_fault(&b.m, f);
  mesh_run(&b.m, b.e, AT + ticks + 60);
  for (uint32_t i = 0; i < b.m.seen_n; i++) {
    if (!strstr(b.m.seen[i].in.summary, "gets fewer requests")) continue;
    assert_int_equal(in.summary[0], 0);
    in = b.m.seen[i].in;
  }
  mesh_bed_close(&b);
  return in;
}

/* Half a second in which less came is over before anybody can act on it, and is not told. */
static void half_a_second_of_less_is_nobodys(void **state) {
  (void)state;
  assert_int_equal(fewer(0.3, MESH_ANY, 2).summary[0], 0);
}

/* A sixth of all that stays away, as it is a third of one cluster's, is a loss. */
static void a_sixth_of_all_is_a_loss(void **state) {
  (void)state;
  struct rec_incident in = fewer(0.65, 0, 480);
  assert_non_null(strstr(in.summary, "s0 gets fewer requests in c0"));
  assert_int_equal(in.verdict, REC_VERDICT_UNHEALTHY);
}

/* Who is given up on gives up on what it waits for: some of its calls. It begins where most is given up on. */
static void given_up_on_is_told_where_most_is(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 60.0, 1);
  for (uint32_t service = 1; service <= 2; service++) {
    struct mesh_fault f = mesh_fault_of(AT, AT + 400, service);
    f.fail_p = service == 1 ? 0.3 : 0.08;
    f.class_ = REC_CLASS_CANCELLED;
    mesh_fault(&b.m, f);
  }
  const struct rec_incident *in = only(&b, 300);
  assert_named(in, "service", REC_DIM_SERVICE, "s1");
  assert_non_null(strstr(in->cause[0].evidence, "were given up on"));
  mesh_bed_close(&b);
}

/* An eighth of all traffic is one cluster's. It goes, and so many times its usual traffic comes to the other. */
static struct rec_incident gone(double other) {
  struct mesh_bed b;
  struct mesh_fault f = mesh_fault_of(0, AT, MESH_ANY);
  struct rec_incident in = {0};
  bed_open(&b, 400.0, 1);
  f.cluster = 0;
  f.traffic = 0.15;
  mesh_fault(&b.m, f);
  f.from = AT;
  f.to = AT + 240;
  f.traffic = -1.0;
  mesh_fault(&b.m, f);
  f.cluster = 1;
  f.traffic = other;
  mesh_fault(&b.m, f);
  mesh_run(&b.m, b.e, AT + 240);
  for (uint32_t i = 0; i < b.m.seen_n; i++)
    if (!strcmp(b.m.seen[i].in.kind, "traffic") && !b.m.seen[i].in.merged_hash) in = b.m.seen[i].in;
  mesh_bed_close(&b);
  return in;
}

/* The rest has a larger share of what is left, which does not make it a move. */
static void a_small_cluster_that_is_gone_is_a_loss(void **state) {
  (void)state;
  struct rec_incident in = gone(1.0);
  assert_non_null(strstr(in.summary, "s0 gets fewer requests in c0: 0.0 a second"));
  assert_int_equal(in.verdict, REC_VERDICT_UNHEALTHY);
}

static void a_small_cluster_that_fails_over_is_a_move(void **state) {
  (void)state;
  struct rec_incident in = gone(1.15);
  assert_non_null(strstr(in.summary, "moved from c0 to c1"));
  assert_int_equal(in.verdict, REC_VERDICT_EXPECTED);
}

/* Requests a second that the pods of the last service have learned: they raise no alarm of traffic. */
static double learned_rate(const struct mesh_bed *b) {
  double sum = 0.0;
  for (uint32_t i = 0; i < engine_series_n(b->e); i++) {
    const struct rec_series *w = engine_series(b->e, i);
    struct engine_rate r;
    if (!w || w->level != REC_LEVEL_POD || !str_eq(w->dim[REC_DIM_SERVICE], STR("s2"))) continue;
    if (engine_series_rate(b->e, i, &r)) sum += r.learned_requests_per_s;
  }
  return sum;
}

/* Five minutes in which half of the users stay away are nobody's normal afterwards. */
static void a_loss_is_learned_by_no_part(void **state) {
  (void)state;
  struct mesh_bed b;
  struct mesh_fault f = mesh_fault_of(AT, AT + 1200, MESH_ANY);
  bed_open(&b, 40.0, 1);
  f.traffic = 0.5;
  mesh_fault(&b.m, f);
  mesh_run(&b.m, b.e, AT);
  double before = learned_rate(&b);
  mesh_run(&b.m, b.e, 1200);
  assert_int_equal(b.m.seen_n, 1);
  assert_string_equal(b.m.seen[0].in.kind, "traffic");
  assert_int_equal(b.m.seen[0].in.verdict, REC_VERDICT_UNHEALTHY);
  double after = learned_rate(&b);
  if (after < 0.93 * before) print_error("%g before, %g after\n", before, after);
  assert_true(before > 20.0 && after >= 0.93 * before);
  mesh_bed_close(&b);
}

/* All pages lose two thirds: none of them is the one. */
static void a_drop_of_all_routes_names_none(void **state) {
  (void)state;
  struct mesh_bed b;
  struct mesh_fault f = mesh_fault_of(AT, AT + 240, MESH_ANY);
  bed_open(&b, 60.0, 1);
  f.traffic = 0.33;
  mesh_fault(&b.m, f);
  assert_named(only(&b, 400), "service", REC_DIM_ROUTE, "");
  mesh_bed_close(&b);
}

/* Callers do not tell routes apart by cluster: one route, and one cluster, are that route there. */
static void a_route_in_a_cluster_is_named_by_its_callers(void **state) {
  (void)state;
  struct mesh_bed b;
  struct mesh_fault f = mesh_fault_of(AT, AT + 240, 2);
  bed_open(&b, 60.0, 1);
  f.cluster = 1;
  f.route = 0;
  f.fail_p = 0.5;
  f.class_ = REC_CLASS_TIMEOUT;
  f.between = true;
  mesh_fault(&b.m, f);
  const struct rec_incident *in = only(&b, 400);
  assert_named(in, "route", REC_DIM_ROUTE, "GET /0");
  assert_named(in, "route", REC_DIM_CLUSTER, "c1");
  assert_non_null(strstr(in->summary, "route GET /0 in c1"));
  mesh_bed_close(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_seen_of_a_short_trouble_is_told),
      cmocka_unit_test(pods_that_leave_in_turn_page_nobody),
      cmocka_unit_test(failures_of_a_rollout_that_go_on_are_told),
      cmocka_unit_test(a_route_that_nobody_asks_for_is_named),
      cmocka_unit_test(what_becomes_another_trouble_is_no_drain),
      cmocka_unit_test(what_callers_send_elsewhere_has_moved),
      cmocka_unit_test(half_a_second_of_less_is_nobodys),
      cmocka_unit_test(a_sixth_of_all_is_a_loss),
      cmocka_unit_test(given_up_on_is_told_where_most_is),
      cmocka_unit_test(a_small_cluster_that_is_gone_is_a_loss),
      cmocka_unit_test(a_small_cluster_that_fails_over_is_a_move),
      cmocka_unit_test(a_loss_is_learned_by_no_part),
      cmocka_unit_test(a_drop_of_all_routes_names_none),
      cmocka_unit_test(a_route_in_a_cluster_is_named_by_its_callers),
      cmocka_unit_test(rollout_is_told),
      cmocka_unit_test(bad_rollout_is_held_against_the_old),
      cmocka_unit_test(crashed_pod_is_named),
      cmocka_unit_test(pods_that_go_on_are_not_named),
      cmocka_unit_test(pod_that_left_before_is_not_named),
      cmocka_unit_test(slow_pod_is_missed_late),
      cmocka_unit_test(silent_cluster_is_named),
      cmocka_unit_test(new_version_with_all_traffic_is_named),
      cmocka_unit_test(old_version_with_all_traffic_is_not_named),
      cmocka_unit_test(refusing_route_stays_named),
      cmocka_unit_test(slow_and_then_failing_is_one_incident),
      cmocka_unit_test(an_old_trouble_hides_no_outage),
      cmocka_unit_test(moments_of_slowness_are_told_once),
      cmocka_unit_test(refusals_are_news_where_others_are_slow),
      cmocka_unit_test(slowness_is_told_right_after_an_incident),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
