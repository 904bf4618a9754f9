/* The pure ranking on numbers made by hand: what is a service's own, what is on the way, what runs full, and in which
 * order claims stand. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <math.h>

#include "incident_weigh.h"

static struct incident_excess excess(double x, double sd) {
  return (struct incident_excess){.x = x, .sd = sd, .n = 100.0};
}

static const struct incident_excess none = {.sd = 1.0};

static void near(double a, double b) {
  if (fabs(a - b) > 1e-9) print_error("%.12g is not %.12g\n", a, b);
  assert_true(fabs(a - b) <= 1e-9);
}

static void calls_are_taken_off(void **state) {
  (void)state;
  struct incident_weight w;
  incident_weight_open(&w, true, excess(50.0, 3.0), none);
  incident_weight_call(&w, excess(20.0, 4.0));
  incident_weight_call(&w, excess(-7.0, 9.0)); /* better than ever: explains nothing, and makes nothing doubtful */
  struct incident_self s = incident_weight_self(&w);
  near(s.own, 30.0);
  near(s.own_sd, 5.0);
  near(s.between, 0.0);
}

static void own_below_three_sd_is_nothing(void **state) {
  (void)state;
  struct incident_weight w;
  incident_weight_open(&w, true, excess(29.0, 10.0), none);
  near(incident_weight_self(&w).own, 0.0);
  incident_weight_open(&w, true, excess(31.0, 10.0), none);
  near(incident_weight_self(&w).own, 31.0);
}

static void what_only_callers_see_is_between(void **state) {
  (void)state;
  struct incident_weight w;
  incident_weight_open(&w, true, excess(1.0, 3.0), excess(41.0, 4.0));
  struct incident_self s = incident_weight_self(&w);
  near(s.own, 0.0);
  near(s.between, 40.0);
  near(s.between_sd, 5.0);
}

static void silent_service_is_blamed_between(void **state) {
  (void)state;
  struct incident_weight w;
  struct incident_excess server = {.sd = 1.0}; /* it reports, but not in this window */
  incident_weight_open(&w, true, server, excess(40.0, 4.0));
  struct incident_self s = incident_weight_self(&w);
  near(s.own, 0.0);
  near(s.between, 40.0);
  incident_weight_open(&w, false, none, excess(40.0, 4.0)); /* it never reports: callers speak for it */
  s = incident_weight_self(&w);
  near(s.own, 40.0);
  near(s.between, 0.0);
}

/* Both ends of a request scatter together: their difference is sharper than each. */
static void ways_one_by_one_are_sharper(void **state) {
  (void)state;
  struct incident_weight w;
  incident_weight_open(&w, true, excess(0.0, 20.0), excess(10.0, 20.0));
  near(incident_weight_self(&w).between, 0.0);
  incident_weight_way(&w, true, excess(10.0, 1.0));
  struct incident_self s = incident_weight_self(&w);
  near(s.between, 10.0);
  near(s.between_sd, 1.0);
}

static void all_ways_slow_is_its_own_network(void **state) {
  (void)state;
  struct incident_weight w;
  incident_weight_open(&w, true, excess(0.0, 1.0), excess(5.0, 1.0));
  incident_weight_way(&w, true, excess(5.0, 1.0));
  incident_weight_way(&w, false, excess(6.0, 1.0));
  incident_weight_way(&w, false, excess(7.0, 1.0));
  near(incident_weight_self(&w).between, 18.0);
  incident_weight_way(&w, false, excess(0.5, 1.0)); /* one that is not: a quarter less of the blame */
  near(incident_weight_self(&w).between, 18.0 * 0.75);
}

static void one_slow_way_is_not_the_callers(void **state) {
  (void)state;
  struct incident_weight w;
  incident_weight_open(&w, true, excess(0.0, 1.0), none);
  incident_weight_way(&w, false, excess(50.0, 1.0));
  incident_weight_way(&w, false, excess(0.0, 1.0));
  near(incident_weight_self(&w).between, 0.0);
}

static void concordance_is_ruzicka(void **state) {
  (void)state;
  const double a[] = {0.0, 2.0, -5.0, 4.0}, b[] = {1.0, 3.0, 0.0, 2.0};
  near(incident_concordance(a, b, 4), (0.0 + 2.0 + 0.0 + 2.0) / (1.0 + 3.0 + 0.0 + 4.0));
  near(incident_concordance(a, a, 4), 1.0);
  near(incident_concordance(b, b, 0), 0.0);
}

static void strain_is_the_slowdown_of_a_queue(void **state) {
  (void)state;
  near(incident_weigh_strain(0.5, 0.01, 0.7), log(0.5 / 0.3));
  near(incident_weigh_strain(0.5, 0.1, 0.7), 0.0); /* within its usual scatter */
  near(incident_weigh_strain(0.5, 0.01, 0.4), 0.0);
  near(incident_weigh_strain(0.5, 0.01, 1.2), 1.0);
  near(incident_weigh_strain(1.2, 0.0, 1.9), 0.0); /* was full all the time */
  near(incident_weigh_strain(0.0, 0.0, 0.02), log(1.0 / 0.98));
}

static struct incident_claim claim(uint32_t id, double own, double concordance, double strain) {
  return (struct incident_claim){
      .id = id, .self = {.own = own, .own_sd = 1.0, .between_sd = 1.0}, .concordance = concordance, .strain = strain};
}

static void best_claims_are_kept_in_order(void **state) {
  (void)state;
  struct incident_claim best[2];
  uint32_t n = 0;
  incident_claim_add(best, &n, 2, claim(1, 10.0, 0.0, 0.0)); /* 3 */
  incident_claim_add(best, &n, 2, claim(2, 5.0, 1.0, 0.0));  /* 5 */
  incident_claim_add(best, &n, 2, claim(3, 4.0, 1.0, 0.0));  /* 4: drives out the first */
  incident_claim_add(best, &n, 2, claim(4, 1.0, 1.0, 0.0));
  assert_int_equal(n, 2);
  assert_int_equal(best[0].id, 2);
  assert_int_equal(best[1].id, 3);
  incident_claims_share(best, n, 0.0);
  near(best[0].score, 5.0 / 9.0);
  near(best[1].score, 4.0 / 9.0);
}

/* A full machine outweighs a small excess, not one that explains all that the victim suffers. */
/* Of an excess of 100: one that explains half of it stays alone at the head; below that full gauges say as much as
 * half, and name who has no excess at all. */
static void gauges_are_heard_where_no_claim_is_decisive(void **state) {
  (void)state;
  for (unsigned k = 0; k < 3; k++) {
    static const double own[] = {50.0, 49.0, 0.0};
    struct incident_claim best[3], full = claim(2, 0.0, 1.0, 0.0), half = claim(3, 10.0, 1.0, 0.0);
    uint32_t n = 0;
    full.gauge = 1.0;
    half.gauge = 0.5;
    if (k == 2) half.self.own = 0.0;
    incident_claim_add(best, &n, 3, claim(1, own[k], 1.0, 0.0));
    incident_claim_add(best, &n, 3, full);
    incident_claim_add(best, &n, 3, half);
    n = incident_claims_share(best, n, 100.0);
    assert_int_equal(n, 2 + (k == 1));
    assert_int_equal(best[0].id, k == 0 ? 1 : 2);
    if (k == 0) near(best[0].score, 50.0 / 60.0);
    if (k == 1) near(best[0].score, 0.5 / (0.5 + 0.49 + 0.35));
    if (k == 2) near(best[0].score, 0.5 / (0.5 + 0.25));
  }
}

static void strain_weighs_as_much_as_the_victims_excess(void **state) {
  (void)state;
  struct incident_claim best[2];
  uint32_t n = 0;
  incident_claim_add(best, &n, 2, claim(1, 20.0, 1.0, 0.0));
  incident_claim_add(best, &n, 2, claim(2, 0.0, 0.0, 1.0));
  incident_claims_share(best, n, 100.0);
  assert_int_equal(best[0].id, 2);
  near(best[0].score, 1.0 / 1.2);
  n = 0;
  incident_claim_add(best, &n, 2, claim(1, 120.0, 1.0, 0.2));
  incident_claim_add(best, &n, 2, claim(2, 0.0, 0.0, 1.0));
  incident_claims_share(best, n, 100.0);
  assert_int_equal(best[0].id, 1);
  near(best[0].score, 1.2 / 2.2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(calls_are_taken_off),
      cmocka_unit_test(own_below_three_sd_is_nothing),
      cmocka_unit_test(what_only_callers_see_is_between),
      cmocka_unit_test(silent_service_is_blamed_between),
      cmocka_unit_test(ways_one_by_one_are_sharper),
      cmocka_unit_test(all_ways_slow_is_its_own_network),
      cmocka_unit_test(one_slow_way_is_not_the_callers),
      cmocka_unit_test(concordance_is_ruzicka),
      cmocka_unit_test(strain_is_the_slowdown_of_a_queue),
      cmocka_unit_test(best_claims_are_kept_in_order),
      cmocka_unit_test(gauges_are_heard_where_no_claim_is_decisive),
      cmocka_unit_test(strain_weighs_as_much_as_the_victims_excess),
  };
  return cmocka_run_group_tests_name("incident_weigh", tests, NULL, NULL);
}
