/* Samples of metrics through the meter: what counters grew by, since when, and when it is given out. */
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

#include "meter_make.h"
#include "rec_counter.h"

#define TARGET "pod=\"cart-1\",namespace=\"shop\",job=\"istio\",instance=\"10.0.0.1:15020\""
#define ENDS                                                                      \
  "reporter=\"destination\",source_canonical_service=\"web\","                    \
  "source_workload_namespace=\"shop\",destination_canonical_service=\"cart\","    \
  "destination_workload_namespace=\"shop\",destination_canonical_revision=\"v1\"" \
  ",destination_cluster=\"east\",destination_service=\"cart.shop.svc.cluster.local\""
#define FINE "{" ENDS ",response_code=\"200\"}"
#define REQUESTS "istio_requests_total" FINE " "
#define FAILED "istio_requests_total{" ENDS ",response_code=\"500\"} "
#define BUCKET(le) "istio_request_duration_milliseconds_bucket{" ENDS ",response_code=\"200\",le=\"" le "\"} "
#define SUM "istio_request_duration_milliseconds_sum" FINE " "
#define OK_KEY "server web>shop/cart v=v1 c=east p=cart-1 r= ok"
#define FAILED_KEY "server web>shop/cart v=v1 c=east p=cart-1 r= server_error"

static uint64_t counter(const struct meter_made *t, enum rec_counter c) {
  return wire_fold_counters(t->f)[c];
}

static void requests(struct meter_made *t, uint32_t n, double at_s) {
  char line[1024];
  (void)snprintf(line, sizeof line, REQUESTS "%u\n", n);
  meter_scrape(t, TARGET, line, at_s);
}

static void test_the_first_sample_counts_nothing_then_what_it_grew_by(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  requests(t, 1000, 0);
  requests(t, 1100, 15);
  requests(t, 1250, 30);
  meter_flush(t);
  assert_int_equal(meter_sum_of(t, OK_KEY), 250);
  assert_int_equal(counter(t, REC_COUNTER_REQUESTS_SERVER), 250);
  meter_close(t);
}

static void test_a_counter_that_falls_began_again(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  requests(t, 1000, 0);
  requests(t, 1100, 15);
  requests(t, 30, 30);
  meter_flush(t);
  assert_int_equal(meter_sum_of(t, OK_KEY), 130);
  assert_int_equal(counter(t, REC_COUNTER_SAMPLE_RESETS), 1);
  meter_close(t);
}

static void test_a_later_start_is_a_new_count_though_it_is_higher(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  meter_scrape(t, TARGET, REQUESTS "10@-100\n", 0);
  meter_scrape(t, TARGET, REQUESTS "20@-100\n", 15);
  meter_scrape(t, TARGET, REQUESTS "50@16\n", 30);
  meter_flush(t);
  assert_int_equal(meter_sum_of(t, OK_KEY), 60);
  meter_close(t);
}

/* The first failure of a kind opens a series: it must not wait for a second one. */
static void test_a_series_born_in_a_known_family_counts_from_zero(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  requests(t, 1000, 0);
  requests(t, 1100, 15);
  meter_scrape(t, TARGET, REQUESTS "1200\n" FAILED "37\n", 30);
  meter_flush(t);
  assert_int_equal(meter_sum_of(t, FAILED_KEY), 37);
  meter_close(t);
}

static void test_a_start_within_the_interval_counts_from_zero_and_an_older_one_does_not(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  meter_scrape(t, TARGET, SUM "1@-100\n", 0);
  meter_scrape(t, TARGET, SUM "1@-100\n" REQUESTS "7@12\n" FAILED "9@-50\n", 15);
  meter_flush(t);
  assert_int_equal(meter_sum_of(t, OK_KEY), 7);
  assert_int_equal(meter_sum_of(t, FAILED_KEY), 0);
  meter_close(t);
}

static void test_old_and_repeated_samples_are_refused(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  requests(t, 1000, 0);
  requests(t, 1100, 15);
  meter_line(t, TARGET, REQUESTS "1100", 15, 16);
  meter_line(t, TARGET, REQUESTS "900", 10, 16);
  requests(t, 1200, 30);
  meter_flush(t);
  assert_int_equal(meter_sum_of(t, OK_KEY), 200);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_SAMPLE_OLD), 2);
  assert_int_equal(counter(t, REC_COUNTER_SAMPLE_RESETS), 0);
  meter_close(t);
}

static void test_absurd_values_and_times_are_refused(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  requests(t, 1000, 0);
  meter_line(t, TARGET, REQUESTS "-5", 15, 15);
  meter_line(t, TARGET, REQUESTS "1e30", 16, 16);
  meter_line(t, TARGET, REQUESTS "1100@-9e9", 17, 17);
  meter_line(t, TARGET, BUCKET("nonsense") "5", 17, 17);
  requests(t, 1100, 30);
  meter_flush(t);
  assert_int_equal(meter_sum_of(t, OK_KEY), 50); /* of thirty seconds, at a pace of fifteen */
  assert_int_equal(counter(t, REC_COUNTER_REJECT_SAMPLE_VALUE), 3);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_SAMPLE_TIME), 1);
  meter_close(t);
}

static void test_a_block_is_given_out_evenly_and_whole(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  uint64_t least = UINT64_MAX, most = 0, before;
  requests(t, 0, 0);
  requests(t, 0, 15);
  requests(t, 1000, 30);
  before = t->ok_n;
  for (double at = 30.0; at < 47.0; at += 0.25) {
    meter_wait(t, at);
    uint64_t n = t->ok_n - before;
    before = t->ok_n;
    if (at < 33.0 || at > 46.0) continue;
    if (n < least) least = n;
    if (n > most) most = n;
  }
  meter_wait(t, 60);
  assert_int_equal(t->ok_n, 1000);
  assert_true(least > 0 && most - least <= 1); /* 1000 over 67 ticks: 14 or 15 each */
  assert_int_equal(t->pace, 60);
  meter_close(t);
}

/* Blocks come before the ones before are out: no request may be put off by that for long. */
static void test_single_requests_are_given_out_within_their_scrape(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  requests(t, 0, 0);
  requests(t, 0, 15);
  for (uint32_t i = 2; i < 20; i++) {
    requests(t, i / 2, 15 * i); /* one in each second scrape */
    meter_wait(t, 15 * i + 12);
    assert_int_equal(meter_sum_of(t, OK_KEY), i / 2);
  }
  meter_close(t);
}

static void test_scrapes_that_come_a_little_early_or_late_leave_no_hole(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  uint32_t n = 0;
  for (double at = 0.0; at < 300.0; at += 15.0 + ((uint32_t)(at / 15.0) % 2 ? 0.6 : -0.6)) requests(t, n += 150, at);
  uint64_t zero = t->zero_n, partial = t->partial_n;
  assert_true(t->tick_n > 1000);
  assert_int_equal(zero, 0);
  assert_int_equal(partial, 0);
  meter_close(t);
}

static void test_no_growth_is_no_requests_as_long_as_the_target_answers(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  requests(t, 1000, 0);
  requests(t, 1100, 15);
  for (int i = 2; i < 8; i++) requests(t, 1100, 15 * i);
  assert_int_equal(t->partial_n, 0);
  assert_true(t->zero_n > 4 * 60);
  assert_int_equal(t->gap_n, 0);
  meter_close(t);
}

static void test_a_target_that_is_silent_says_nothing_and_is_named(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  for (int i = 0; i < 4; i++) requests(t, 1000 + 150 * (uint32_t)i, 15 * i);
  for (double at = 45.0; at < 120.0; at += 0.25) meter_wait(t, at);
  assert_int_equal(t->zero_n, 0);
  assert_true(t->partial_n > 4 * 50);
  assert_true(t->gap_n >= 35 && t->gap_n <= 40); /* once a second from 2.5 paces on */
  assert_string_equal(t->gap.node.p, "cart-1");
  assert_int_equal(t->gap.lost, 40); /* of four seconds at 10 a second */
  requests(t, 1600, 120);
  meter_wait(t, 125);
  assert_true(t->whole_n > 0);
  uint64_t partial = t->partial_n;
  meter_wait(t, 130);
  assert_int_equal(t->partial_n, partial);
  meter_close(t);
}

/* Somebody else answers: time goes on. */
static void other_scrape(struct meter_made *t, int i) {
  meter_line(t, "service_name=\"x\"", "http_server_request_duration_seconds_count{} 5", 15 * i, 15 * i);
}

static void test_a_failed_scrape_lasts_and_a_target_that_ends_is_waited_for_no_more(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  for (int i = 0; i < 4; i++) {
    requests(t, 1000 + 150 * (uint32_t)i, 15 * i);
    meter_scrape(t, TARGET, "up{} 1\n", 15 * i);
  }
  for (int i = 4; i < 60; i++) {
    meter_line(t, TARGET, "up{} 0", 15 * i, 15 * i);
    other_scrape(t, i);
    for (double at = 15 * i; at < 15 * (i + 1); at += 1.0) meter_wait(t, at);
  }
  uint64_t gaps = t->gap_n;
  assert_true(gaps > 800); /* though five minutes are over */
  meter_line(t, TARGET, "up{} stale", 900, 900);
  other_scrape(t, 60);
  for (double at = 900.0; at < 930.0; at += 1.0) meter_wait(t, at);
  assert_int_equal(t->gap_n, gaps);
  assert_true(t->whole_n > 0);
  meter_close(t);
}

static void test_what_a_missed_scrape_holds_comes_at_its_mean_rate(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  for (int i = 0; i < 5; i++) requests(t, 1000 + 150 * (uint32_t)i, 15 * i);
  uint64_t before = meter_sum_of(t, OK_KEY);
  meter_wait(t, 80);
  before = meter_sum_of(t, OK_KEY);
  requests(t, 1600 + 600, 120); /* four intervals */
  meter_wait(t, 140);
  assert_int_equal(before, 600);
  assert_int_equal(meter_sum_of(t, OK_KEY), 600 + 150);
  meter_close(t);
}

static void test_a_stale_series_counts_nothing_and_goes_on_from_where_it_was(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  requests(t, 1000, 0);
  requests(t, 1100, 15);
  meter_scrape(t, TARGET, SUM "5\n" REQUESTS "stale\n", 30);
  meter_scrape(t, TARGET, SUM "5\n" REQUESTS "1120\n", 45);
  meter_flush(t);
  assert_int_equal(counter(t, REC_COUNTER_SAMPLES_STALE), 1);
  assert_int_equal(meter_sum_of(t, OK_KEY), 110); /* 20 over two intervals */
  assert_int_equal(counter(t, REC_COUNTER_SAMPLE_RESETS), 0);
  meter_close(t);
}

static void test_labels_in_any_order_are_one_series_and_are_never_glued(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  const char *a = "http_server_request_duration_seconds_count{http_route=\"/a\",http_request_method=\"GET\"} ";
  const char *b = "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"/a\"} ";
  char line[512];
  for (int i = 0; i < 4; i++) {
    (void)snprintf(line, sizeof line, "%s%d", i % 2 ? a : b, 100 * i);
    meter_line(t, "service_name=\"ab\",service_instance_id=\"c\"", line, i, i);
    (void)snprintf(line, sizeof line, "%s%d", a, 1000 * i);
    meter_line(t, "service_name=\"a\",service_instance_id=\"bc\"", line, i, i);
  }
  meter_wait(t, 10);
  assert_int_equal(meter_sum_of(t, "server >/ab v= c= p=c r=GET /a ok"), 300);
  assert_int_equal(meter_sum_of(t, "server >/a v= c= p=bc r=GET /a ok"), 3000);
  meter_close(t);
}

/* Kuma's sidecars send each metric once with labels as Prometheus has them, and once more as OpenTelemetry has. */
static void test_labels_with_dots_are_those_with_underscores(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  for (int i = 0; i < 5; i++) {
    char line[512];
    (void)snprintf(line, sizeof line,
                   "envoy_cluster_upstream_rq{envoy_cluster_name=\"cart\",envoy_response_code=\"200\",otel_scope_name="
                   "\"kuma\",kuma_workload=\"web\",mesh=\"m\",zone=\"z\"} %d",
                   100 * i);
    meter_line(t, "service.name=\"x\"", line, 5 * i, 5 * i);
    (void)snprintf(line, sizeof line,
                   "envoy_cluster_upstream_rq{envoy_cluster_name=\"cart\",envoy_response_code=\"200\",kuma.workload="
                   "\"web\",mesh=\"m\",zone=\"z\"} %d",
                   100 * i);
    meter_line(t, "service.name=\"x\"", line, 5 * i + 0.01, 5 * i + 0.01);
  }
  meter_wait(t, 40);
  assert_int_equal(meter_sum_of(t, "client web>/cart v= c= p= r= ok"), 400);
  meter_close(t);
}

/* --- histograms ------------------------------------------------------------------------------------------------ */

static void test_a_histogram_in_parts_is_put_together_in_any_order(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  const char *part[4] = {BUCKET("10"), BUCKET("+Inf"), BUCKET("5"), BUCKET("1e+02")};
  const uint32_t per[4] = {30, 100, 10, 90}; /* cumulative */
  for (uint32_t i = 0; i < 5; i++)
    for (uint32_t k = 0; k < 4; k++) {
      char line[1024], count[1024];
      uint32_t at = (k + i) % 4;
      (void)snprintf(line, sizeof line, "%s%u", part[at], 1000 + per[at] * i);
      (void)snprintf(count, sizeof count, REQUESTS "%u", 100 * i);
      if (k == 0) meter_line(t, TARGET, count, 15 * i, 15 * i);
      meter_line(t, TARGET, line, 15 * i, 15 * i + 0.05 * k);
      meter_wait(t, 15 * i + 0.05 * k);
    }
  meter_wait(t, 90);
  assert_int_equal(t->hist_n, 400);
  meter_close(t);
}

/* A duration is misplaced by the root of the bounds' ratio at most. */
static void test_a_bucket_stands_at_its_logarithmic_middle(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  for (uint32_t i = 0; i < 3; i++) {
    char lines[4096];
    (void)snprintf(lines, sizeof lines,
                   BUCKET("5") "0\n" BUCKET("10") "%u\n" BUCKET("+Inf") "%u\n" SUM "%u\n" REQUESTS "%u\n", 100 * i,
                   100 * i, 700 * i, 100 * i);
    meter_scrape(t, TARGET, lines, 15 * i);
  }
  for (double at = 30; at < 52; at += 0.25) {
    meter_wait(t, at);
    if (t->has_service && t->service.hist_n) assert_int_equal(t->service.hist_n, 1);
  }
  assert_int_equal(t->ok_n, 200);
  assert_int_equal(t->hist_n, 200);
  assert_int_equal(t->latency_ns, 1400000000ull);
  meter_close(t);
}

static void test_a_histogram_that_began_again_counts_from_zero(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  const uint32_t five[] = {500, 550, 20, 40}, all[] = {1000, 1100, 30, 60};
  for (uint32_t i = 0; i < 4; i++) {
    char lines[2048];
    (void)snprintf(lines, sizeof lines, BUCKET("5") "%u\n" BUCKET("+Inf") "%u\n" REQUESTS "%u\n", five[i], all[i],
                   all[i]);
    meter_scrape(t, TARGET, lines, 15 * i);
  }
  meter_wait(t, 70);
  assert_int_equal(t->ok_n, 160);
  assert_int_equal(t->hist_n, 160);
  meter_close(t);
}

static void test_a_histogram_that_loses_a_bound_goes_on(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  for (uint32_t i = 0; i < 8; i++) {
    char lines[2048];
    (void)snprintf(lines, sizeof lines, "%s%u\n" BUCKET("10") "%u\n" BUCKET("+Inf") "%u\n" REQUESTS "%u\n",
                   i < 3 ? BUCKET("5") : "other{} ", 10 * i, 50 * i, 100 * i, 100 * i);
    meter_scrape(t, TARGET, lines, 15 * i);
  }
  meter_wait(t, 140);
  assert_int_equal(t->ok_n, 700);
  assert_true(t->hist_n >= 500 && t->hist_n <= 700);
  meter_close(t);
}

static void whole(struct meter_made *t, const struct wire_bucket *b, uint32_t n, double sum, double at_s, bool delta) {
  struct wire_sample s = {.name = STR("http.server.request.duration"), .kind = WIRE_SAMPLE_HISTOGRAM, .bucket = b};
  s.unit = STR("s");
  s.mode = delta ? WIRE_SAMPLE_DELTA : WIRE_SAMPLE_CUMULATIVE;
  s.has_sum = true;
  s.sum = sum;
  s.bucket_n = n;
  for (uint32_t i = 0; i < n; i++) s.count += b[i].n;
  s.label[s.label_n++] = (struct wire_label){STR("http.request.method"), STR("GET")};
  s.label[s.label_n++] = (struct wire_label){STR("http.route"), STR("/carts/{id}")};
  s.label[s.label_n++] = (struct wire_label){STR("http.response.status_code"), STR("200")};
  s.label[s.label_n++] = (struct wire_label){STR("service.name"), STR("cart")};
  s.label[s.label_n++] = (struct wire_label){STR("service.instance.id"), STR("i1")};
  s.time_ns = METER_T0_S * 1000000000ll + (int64_t)(at_s * 1e9);
  wire_meter_take(wire_fold_meter(t->f), &s, (struct base_wall){s.time_ns});
  meter_wait(t, at_s);
}

#define CART_KEY "server >/cart v= c= p=i1 r=GET /carts/{id} ok"

static void test_a_whole_histogram_counts_requests_and_durations_in_its_own_unit(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  for (uint64_t i = 0; i < 4; i++) {
    struct wire_bucket b[] = {{0.005, 10 * i}, {0.01, 20 * i}, {INFINITY, i}};
    whole(t, b, 3, 0.2 * (double)i, 10.0 * (double)i, false);
  }
  meter_wait(t, 50);
  assert_int_equal(meter_sum_of(t, CART_KEY), 93);
  assert_int_equal(t->hist_n, 93);
  assert_true(t->latency_ns > 599999000 && t->latency_ns < 600001000);
  meter_close(t);
}

/* Four requests in fifteen seconds: most ticks have none, and what time they took must not be lost in those. */
static void test_time_goes_with_the_requests_that_took_it(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  for (uint64_t i = 0; i < 4; i++) {
    struct wire_bucket b[] = {{0.05, 0}, {0.1, 4 * i}, {INFINITY, 0}};
    whole(t, b, 3, 0.32 * (double)i, 15.0 * (double)i, false);
  }
  uint64_t requests = t->ok_n, latency_ns = t->latency_ns;
  unsigned ticks = 0;
  for (double at = 45.25; at < 62.0; at += 0.25) {
    meter_wait(t, at);
    uint64_t n = t->ok_n - requests, ns = t->latency_ns - latency_ns;
    requests = t->ok_n;
    latency_ns = t->latency_ns;
    assert_true(ns >= n * 79999000u && ns <= n * 80001000u); /* 80 ms each, and none without one */
    ticks += n > 0;
  }
  assert_true(ticks >= 3);
  meter_close(t);
}

/* Exponential histograms halve their resolution when they have to: no count may be lost or doubled by that. */
static void test_bounds_that_change_from_sample_to_sample_keep_the_counts(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  const struct wire_bucket first[] = {{0.01, 100}, {0.02, 100}}, second[] = {{0.02, 300}, {0.08, 0}, {0.32, 20}};
  whole(t, first, 2, 1, 0, false);
  whole(t, first, 2, 1, 10, false);
  whole(t, second, 3, 2, 20, false);
  meter_wait(t, 40);
  assert_int_equal(meter_sum_of(t, CART_KEY), 120);
  assert_true(t->hist_n >= 120 && t->hist_n <= 320);
  meter_close(t);
}

static void test_deltas_count_as_they_are(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  const struct wire_bucket b[] = {{0.005, 10}, {0.01, 20}};
  for (int i = 0; i < 5; i++) whole(t, b, 2, 0.3, 10.0 * i, true);
  meter_wait(t, 70);
  assert_int_equal(meter_sum_of(t, CART_KEY), 150);
  assert_int_equal(t->hist_n, 150);
  meter_close(t);
}

/* --- bounds ---------------------------------------------------------------------------------------------------- */

static void test_a_pace_is_learned_and_bounded(void **state) {
  (void)state;
  const double every[] = {0.5, 1.0, 15.0, 60.0, 900.0};
  const uint32_t pace[] = {4, 4, 60, 240, 1200};
  for (unsigned k = 0; k < 5; k++) {
    struct meter_made *t = meter_open();
    struct wire_meter_target target;
    for (uint32_t i = 0; i < 6; i++) requests(t, 100 * i, every[k] * i);
    assert_int_equal(wire_meter_targets(wire_fold_meter(t->f), &target, 1), 1);
    assert_int_equal((uint32_t)(target.pace_s * 4), pace[k]);
    meter_close(t);
  }
}

static void test_one_target_too_many_is_not_counted_and_hurts_nobody(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  char target[128];
  for (uint32_t i = 0; i <= LIMIT_METER_TARGETS; i++) {
    (void)snprintf(target, sizeof target, "service_name=\"s\",service_instance_id=\"i%u\"", i);
    meter_line(t, target, "http_server_request_duration_seconds_count{} 5", 0, 0);
  }
  assert_int_equal(counter(t, REC_COUNTER_REJECT_METER_LIMIT), 1);
  for (int i = 0; i < 3; i++) requests(t, 10 * (uint32_t)i, 10 + i); /* another new target */
  assert_int_equal(counter(t, REC_COUNTER_REJECT_METER_LIMIT), 4);
  for (int i = 1; i < 4; i++)
    meter_line(t, "service_name=\"s\",service_instance_id=\"i0\"",
               i == 1   ? "http_server_request_duration_seconds_count{} 6"
               : i == 2 ? "http_server_request_duration_seconds_count{} 8"
                        : "http_server_request_duration_seconds_count{} 11",
               20 + i, 20 + i);
  meter_wait(t, 60);
  assert_int_equal(meter_sum_of(t, "server >/s v= c= p=i0 r= ok"), 6);
  meter_close(t);
}

static void test_a_time_far_ahead_is_not_believed_from_one_sample(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  meter_line(t, TARGET, REQUESTS "100", 0, -1);
  meter_line(t, TARGET, REQUESTS "110", 15, -1);
  meter_line(t, TARGET, FAILED "5", 90000, -1);
  meter_line(t, TARGET, REQUESTS "130", 30, -1);
  meter_flush(t);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_AHEAD), 1);
  assert_int_equal(meter_sum_of(t, OK_KEY), 30);
  meter_close(t);
}

static void test_the_order_inside_a_scrape_changes_nothing(void **state) {
  (void)state;
  uint64_t sum[2][3];
  for (int way = 0; way < 2; way++) {
    struct meter_made *t = meter_open();
    for (int i = 0; i < 5; i++) {
      char a[4096], b[4096], lines[8192];
      (void)snprintf(a, sizeof a, REQUESTS "%d\n" FAILED "%d\n", 77 * i, 3 * i);
      (void)snprintf(b, sizeof b, BUCKET("5") "%d\n" BUCKET("+Inf") "%d\n" SUM "%d\n", 50 * i, 77 * i, 400 * i);
      (void)snprintf(lines, sizeof lines, "%s%s", way ? b : a, way ? a : b);
      meter_scrape(t, TARGET, lines, 15 * i);
    }
    meter_flush(t);
    sum[way][0] = t->ok_n;
    sum[way][1] = t->hist_n;
    sum[way][2] = t->latency_ns;
    meter_close(t);
  }
  assert_memory_equal(sum[0], sum[1], sizeof sum[0]);
  assert_int_equal(sum[0][0], 308);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_first_sample_counts_nothing_then_what_it_grew_by),
      cmocka_unit_test(test_a_counter_that_falls_began_again),
      cmocka_unit_test(test_a_later_start_is_a_new_count_though_it_is_higher),
      cmocka_unit_test(test_a_series_born_in_a_known_family_counts_from_zero),
      cmocka_unit_test(test_a_start_within_the_interval_counts_from_zero_and_an_older_one_does_not),
      cmocka_unit_test(test_old_and_repeated_samples_are_refused),
      cmocka_unit_test(test_absurd_values_and_times_are_refused),
      cmocka_unit_test(test_a_block_is_given_out_evenly_and_whole),
      cmocka_unit_test(test_single_requests_are_given_out_within_their_scrape),
      cmocka_unit_test(test_scrapes_that_come_a_little_early_or_late_leave_no_hole),
      cmocka_unit_test(test_no_growth_is_no_requests_as_long_as_the_target_answers),
      cmocka_unit_test(test_a_target_that_is_silent_says_nothing_and_is_named),
      cmocka_unit_test(test_a_failed_scrape_lasts_and_a_target_that_ends_is_waited_for_no_more),
      cmocka_unit_test(test_what_a_missed_scrape_holds_comes_at_its_mean_rate),
      cmocka_unit_test(test_a_stale_series_counts_nothing_and_goes_on_from_where_it_was),
      cmocka_unit_test(test_labels_in_any_order_are_one_series_and_are_never_glued),
      cmocka_unit_test(test_labels_with_dots_are_those_with_underscores),
      cmocka_unit_test(test_a_histogram_in_parts_is_put_together_in_any_order),
      cmocka_unit_test(test_a_bucket_stands_at_its_logarithmic_middle),
      cmocka_unit_test(test_a_histogram_that_began_again_counts_from_zero),
      cmocka_unit_test(test_a_histogram_that_loses_a_bound_goes_on),
      cmocka_unit_test(test_a_whole_histogram_counts_requests_and_durations_in_its_own_unit),
      cmocka_unit_test(test_time_goes_with_the_requests_that_took_it),
      cmocka_unit_test(test_bounds_that_change_from_sample_to_sample_keep_the_counts),
      cmocka_unit_test(test_deltas_count_as_they_are),
      cmocka_unit_test(test_a_pace_is_learned_and_bounded),
      cmocka_unit_test(test_one_target_too_many_is_not_counted_and_hurts_nobody),
      cmocka_unit_test(test_a_time_far_ahead_is_not_believed_from_one_sample),
      cmocka_unit_test(test_the_order_inside_a_scrape_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
