/* Callers without a proxy, found by request ids: who is named, who is not, and when a name is given up again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* After the above, as it wants. */
#include <cmocka.h>

#include "base_time.h"
#include "wire_between.h"

#define MS TIME_NS_PER_MS
#define S TIME_NS_PER_S

enum { SHOP = 1, ORDER, PRICE, STOCK, LEDGER, VAULT };

struct rig {
  struct wire_betweens *b;
  int64_t now_ns;
  unsigned id;
};

static int setup(void **state) {
  struct rig *r = calloc(1, sizeof *r);
  r->b = wire_between_init(calloc(1, wire_between_bytes()));
  r->now_ns = 1000 * S;
  *state = r;
  return 0;
}

static int teardown(void **state) {
  struct rig *r = *state;
  free(r->b);
  free(r);
  return 0;
}

static struct wire_between_id svc(uint32_t name) {
  return (struct wire_between_id){SHOP, name};
}

/* One report of request `id`: from `at` ms on for so many. */
static void report(struct rig *r, unsigned id, bool call, uint32_t callee, int64_t at, int64_t lasts) {
  char text[32];
  int n = snprintf(text, sizeof text, "request-%08u-id", id);
  struct wire_between_report w = {
      .request_id = {text, (size_t)n},
      .now_ns = r->now_ns,
      .start_ns = r->now_ns + at * MS,
      .end_ns = r->now_ns + (at + lasts) * MS,
      .callee = svc(callee),
      .call = call,
  };
  wire_between_report(r->b, &w);
}

static void wait_s(struct rig *r, int64_t s) {
  for (int64_t i = 0; i < s * 4; i++) wire_between_step(r->b, r->now_ns += S / 4);
}

/* order calls price, which has no proxy and calls stock, which calls ledger, which has none and calls vault. */
static void chain(struct rig *r) {
  unsigned id = r->id++;
  report(r, id, false, VAULT, 6, 2);
  report(r, id, true, LEDGER, 5, 4);
  report(r, id, false, STOCK, 3, 9);
  report(r, id, true, PRICE, 1, 14);
}

static void assert_caller(struct rig *r, uint32_t callee, uint32_t caller) {
  assert_int_equal(wire_between_caller(r->b, svc(callee)).service, caller);
}

static void the_shortest_call_around_it_is_its_caller(void **state) {
  struct rig *r = *state;
  for (int i = 0; i < 40; i++) chain(r);
  assert_caller(r, STOCK, 0); /* nothing is due yet */
  wait_s(r, 6);
  assert_caller(r, STOCK, PRICE);
  assert_caller(r, VAULT, LEDGER);
  assert_caller(r, PRICE, 0);
}

static void a_call_that_is_shorter_or_elsewhere_is_not(void **state) {
  struct rig *r = *state;
  for (unsigned i = 0; i < 40; i++) {
    report(r, i, false, STOCK, 0, 30);
    report(r, i, true, PRICE, 5, 10);       /* within it: what it calls itself */
    report(r, i, true, LEDGER, 4000, 5000); /* long after it */
  }
  wait_s(r, 6);
  assert_caller(r, STOCK, 0);
}

/* Clocks that differ by 300 ms do not hide a call of 14 ms. */
static void clocks_may_differ(void **state) {
  struct rig *r = *state;
  for (unsigned i = 0; i < 40; i++) {
    report(r, i, false, STOCK, 300, 9);
    report(r, i, true, PRICE, 0, 14);
  }
  wait_s(r, 6);
  assert_caller(r, STOCK, PRICE);
}

static void a_few_requests_are_no_proof(void **state) {
  struct rig *r = *state;
  for (int i = 0; i < 15; i++) chain(r);
  wait_s(r, 6);
  assert_caller(r, STOCK, 0);
  chain(r);
  wait_s(r, 6);
  assert_caller(r, STOCK, PRICE);
}

/* Half of the requests come from outside: to name one caller for all would be wrong for them. */
static void callers_from_elsewhere_count_against_it(void **state) {
  struct rig *r = *state;
  for (int i = 0; i < 100; i++) {
    chain(r);
    report(r, r->id++, false, STOCK, 0, 9);
  }
  wait_s(r, 6);
  assert_caller(r, STOCK, 0);
  assert_caller(r, VAULT, LEDGER);
}

static void another_caller_takes_its_place(void **state) {
  struct rig *r = *state;
  for (int i = 0; i < 40; i++) chain(r);
  wait_s(r, 6);
  for (unsigned k = 0; k < 30; k++) {
    for (int i = 0; i < 10; i++) {
      unsigned id = r->id++;
      report(r, id, false, STOCK, 3, 9);
      report(r, id, true, ORDER, 1, 14);
    }
    wait_s(r, 6);
  }
  assert_caller(r, STOCK, ORDER);
}

/* Many more ids than are looked at: the same answer, and what is not sampled costs nothing that is kept. */
static void a_busy_mesh_is_sampled(void **state) {
  struct rig *r = *state;
  for (int s = 0; s < 30; s++) {
    for (int i = 0; i < 3000; i++) chain(r);
    wait_s(r, 1);
  }
  wait_s(r, 6);
  assert_caller(r, STOCK, PRICE);
  assert_caller(r, VAULT, LEDGER);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
      T(the_shortest_call_around_it_is_its_caller),
      T(a_call_that_is_shorter_or_elsewhere_is_not),
      T(clocks_may_differ),
      T(a_few_requests_are_no_proof),
      T(callers_from_elsewhere_count_against_it),
      T(another_caller_takes_its_place),
      T(a_busy_mesh_is_sampled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
