/* Remote write, OTLP points and Envoy's metrics service: bounds, order, what a stream shows of itself, and the way
 * through the fold. What decoders read of whole messages is compared with protobuf in test/diff/diff_samples.py. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "sample_text.h"
#include "wire_ems.h"
#include "wire_fold.h"
#include "wire_otlp_fields.h"
#include "wire_pb_write.h"
#include "wire_points.h"
#include "wire_prom_fields.h"
#include "wire_remote.h"
#include "wire_remote_fields.h"

static struct wire_sampler *m;
static struct wire_remote *remote;
static uint64_t counter[REC_COUNTER_COUNT];
static char told_mem[1 << 20], out_mem[1 << 20];
static struct base_buf told, out;

static int setup(void **state) {
  (void)state;
  if (!m) m = malloc(sizeof *m);
  if (!remote) remote = malloc(sizeof *remote);
  memset(counter, 0, sizeof counter);
  told = buf_over(told_mem, sizeof told_mem);
  out = buf_over(out_mem, sizeof out_mem);
  wire_sampler_init(m, sample_text, &told, counter);
  return 0;
}

static void told_is(const char *want) {
  buf_put_char(&told, 0);
  assert_string_equal(told.p, want);
  buf_clear(&told);
}

static uint64_t bits_of(double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

/* ---- remote write ---- */

static enum wire_status remote_take(void) {
  struct wire_err err = {0, NULL};
  assert_false(out.bad);
  wire_sampler_start(m);
  enum wire_status s = wire_remote_take(m, remote, buf_str(&out), &err);
  if (s != WIRE_OK) assert_non_null(err.reason);
  buf_clear(&out);
  return s;
}

static void label_put(const char *key, const char *value) {
  size_t at = pbw_enter(&out, REMOTE_TimeSeries_labels);
  pbw_str(&out, REMOTE_Label_name, str_of(key));
  pbw_str(&out, REMOTE_Label_value, str_of(value));
  pbw_leave(&out, at);
}

static void sample_put(uint64_t bits, int64_t ms) {
  size_t at = pbw_enter(&out, REMOTE_TimeSeries_samples);
  pbw_fixed64(&out, REMOTE_Sample_value, bits);
  pbw_int(&out, REMOTE_Sample_timestamp, (uint64_t)ms);
  pbw_leave(&out, at);
}

static void samples_that_go_back_in_time_are_refused(void **state) {
  (void)state;
  size_t at = pbw_enter(&out, REMOTE_WriteRequest_timeseries);
  label_put("__name__", "a");
  sample_put(bits_of(1), 1000);
  sample_put(bits_of(2), 999);
  sample_put(WIRE_STALE_BITS, 1001);
  sample_put(bits_of(3), -1);
  pbw_leave(&out, at);
  assert_int_equal(remote_take(), WIRE_OK);
  told_is("untyped a 1 @1000000000\nuntyped a 0 @1001000000 stale\n");
  assert_int_equal(counter[REC_COUNTER_REJECT_SAMPLE_ORDER], 1);
  assert_int_equal(counter[REC_COUNTER_REJECT_TIME], 1);
  assert_true(m->tally.samples == 2 && m->tally.rejected == 2);
}

static void samples_may_stand_before_their_labels(void **state) {
  (void)state;
  size_t at = pbw_enter(&out, REMOTE_WriteRequest_timeseries);
  sample_put(bits_of(1), 5);
  label_put("x", "1");
  label_put("__name__", "a");
  pbw_leave(&out, at);
  assert_int_equal(remote_take(), WIRE_OK);
  told_is("untyped a{x=\"1\"} 1 @5000000\n");
}

static void more_symbols_than_fit_are_refused_whole(void **state) {
  (void)state;
  for (uint32_t i = 0; i <= LIMIT_SYMBOLS; i++) pbw_str(&out, REMOTE_Request2_symbols, STR_NONE);
  assert_int_equal(remote_take(), WIRE_BAD);
  assert_int_equal(counter[REC_COUNTER_REJECT_SYMBOL_LIMIT], 1);
  for (uint32_t i = 0; i < LIMIT_SYMBOLS; i++) pbw_str(&out, REMOTE_Request2_symbols, STR_NONE);
  assert_int_equal(remote_take(), WIRE_OK);
}

static void an_odd_number_of_symbols_loses_the_series(void **state) {
  (void)state;
  pbw_str(&out, REMOTE_Request2_symbols, STR("__name__"));
  pbw_str(&out, REMOTE_Request2_symbols, STR("a"));
  for (int odd = 0; odd < 2; odd++) {
    size_t at = pbw_enter(&out, REMOTE_Request2_timeseries);
    for (uint64_t ref = 0; ref < (odd ? 1 : 2); ref++) pbw_int(&out, REMOTE_TimeSeries2_labels_refs, ref);
    sample_put(bits_of(1), 5);
    pbw_leave(&out, at);
  }
  assert_int_equal(remote_take(), WIRE_OK);
  told_is("untyped a 1 @5000000\n");
  assert_int_equal(counter[REC_COUNTER_REJECT_SAMPLE], 1);
}

static void types_are_bounded(void **state) {
  (void)state;
  for (unsigned i = 0; i < WIRE_REMOTE_TYPES + 8; i++) {
    char name[16];
    size_t at = pbw_enter(&out, REMOTE_WriteRequest_metadata);
    pbw_int(&out, REMOTE_MetricMetadata_type, REMOTE_COUNTER);
    (void)snprintf(name, sizeof name, "m%u", i);
    pbw_str(&out, REMOTE_MetricMetadata_metric_family_name, str_of(name));
    pbw_leave(&out, at);
  }
  for (unsigned i = WIRE_REMOTE_TYPES - 1; i < WIRE_REMOTE_TYPES + 1; i++) {
    char name[32];
    size_t at = pbw_enter(&out, REMOTE_WriteRequest_timeseries);
    (void)snprintf(name, sizeof name, "m%u_total", i);
    label_put("__name__", name);
    sample_put(bits_of(1), 5);
    pbw_leave(&out, at);
  }
  assert_int_equal(remote_take(), WIRE_OK);
  told_is("counter m1023_total 1 @5000000\nuntyped m1024_total 1 @5000000\n");
}

/* ---- OTLP ---- */

static size_t opened[4];

static void metric_open(uint32_t kind, uint64_t temporality) {
  opened[0] = pbw_enter(&out, OTLP_metrics_resource_metrics);
  opened[1] = pbw_enter(&out, OTLP_of_resource_metrics_scope_metrics);
  opened[2] = pbw_enter(&out, OTLP_of_scope_metrics_metrics);
  pbw_str(&out, OTLP_metric_name, STR("d"));
  opened[3] = pbw_enter(&out, kind);
  if (temporality) pbw_int(&out, OTLP_sum_aggregation_temporality, temporality);
}

static void metric_take(void) {
  for (int i = 4; i-- > 0;) pbw_leave(&out, opened[i]);
  assert_false(out.bad);
  wire_sampler_start(m);
  wire_points_take(m, buf_str(&out));
  buf_clear(&out);
}

static void histogram_point(unsigned counts, unsigned bounds) {
  size_t at = pbw_enter(&out, OTLP_histogram_data_points);
  pbw_fixed64(&out, OTLP_histogram_point_count, 7);
  for (unsigned i = 0; i < counts; i++) pbw_fixed64(&out, OTLP_histogram_point_bucket_counts, 1);
  for (unsigned i = 0; i < bounds; i++) pbw_fixed64(&out, OTLP_histogram_point_explicit_bounds, bits_of(i));
  pbw_leave(&out, at);
}

static void counts_and_bounds_must_fit(void **state) {
  (void)state;
  metric_open(OTLP_metric_histogram, 1);
  histogram_point(3, 2);
  histogram_point(2, 2);
  histogram_point(0, 0);
  histogram_point(0, 1);
  metric_take();
  told_is("histogram d 7/- [0:1 1:1 +Inf:1] delta\nhistogram d 7/- [+Inf:7] delta\n");
  assert_int_equal(counter[REC_COUNTER_REJECT_SAMPLE], 2);
}

static void buckets_are_bounded(void **state) {
  (void)state;
  metric_open(OTLP_metric_histogram, 2);
  histogram_point(WIRE_SAMPLE_BOUNDS, WIRE_SAMPLE_BOUNDS - 1);
  histogram_point(WIRE_SAMPLE_BOUNDS + 1, WIRE_SAMPLE_BOUNDS);
  metric_take();
  assert_int_equal(m->tally.histograms, 1);
  assert_int_equal(counter[REC_COUNTER_REJECT_SAMPLE_BUCKETS], 1);
}

static void no_temporality_is_none(void **state) {
  (void)state;
  metric_open(OTLP_metric_sum, 0);
  for (int i = 0; i < 3; i++) {
    size_t at = pbw_enter(&out, OTLP_sum_data_points);
    pbw_fixed64(&out, OTLP_number_as_int, 1);
    pbw_leave(&out, at);
  }
  metric_take();
  told_is("");
  assert_int_equal(m->tally.rejected, 3); /* as many as partial success tells */
}

static void a_point_flagged_as_without_a_value_is_stale(void **state) {
  (void)state;
  metric_open(OTLP_metric_gauge, 0);
  for (uint64_t flags = 0; flags < 2; flags++) {
    size_t at = pbw_enter(&out, OTLP_gauge_data_points);
    pbw_int(&out, OTLP_number_flags, flags);
    pbw_leave(&out, at);
  }
  metric_take();
  told_is("gauge d 0 stale\n");
  assert_int_equal(counter[REC_COUNTER_REJECT_SAMPLE], 1); /* the one that says nothing at all */
}

/* ---- Envoy's metrics service ---- */

static void tags_come_out_of_dotted_names(void **state) {
  (void)state;
  static const struct {
    const char *name, *want;
    uint32_t n;
    const char *first, *second;
  } row[] = {{"cluster.cart.upstream_rq_total", "cluster.upstream_rq_total", 1, "cart", NULL},
             {"cluster.outbound|80||cart.shop.svc.cluster.local.upstream_rq_503", "cluster.upstream_rq", 2,
              "outbound|80||cart.shop.svc.cluster.local", "503"},
             {"cluster.a.external.upstream_rq_5xx", "cluster.external.upstream_rq_xx", 2, "a", "5"},
             {"http.inbound_0.0.0.0_8080.downstream_rq_2xx", "http.downstream_rq_xx", 2, "inbound_0.0.0.0_8080", "2"},
             {"listener.0.0.0.0_15006.downstream_cx_total", "listener.downstream_cx_total", 1, "0.0.0.0_15006", NULL},
             {"tcp.ingress.downstream_cx_total", "tcp.downstream_cx_total", 1, "ingress", NULL},
             {"cluster.worker_pool.upstream_rq_total", "cluster.upstream_rq_total", 1, "worker_pool", NULL},
             {"cluster.external.external.upstream_rq_503", "cluster.external.upstream_rq", 2, "external", "503"},
             {"cluster.upstream_rq", "cluster.upstream_rq", 0, NULL, NULL},
             {"cluster.zone.z1.z1.upstream_rq", "cluster.zone.z1.z1.upstream_rq", 0, NULL, NULL},
             {"server.uptime", "server.uptime", 0, NULL, NULL},
             {"cluster.", "cluster.", 0, NULL, NULL},
             {"cluster.a.b", "cluster.a.b", 0, NULL, NULL},
             {"", "", 0, NULL, NULL}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    struct base_str name = str_of(row[i].name);
    struct wire_label tag[WIRE_EMS_TAGS];
    buf_clear(&out);
    assert_int_equal(wire_ems_untag(&name, &out, tag), row[i].n);
    assert_true(str_eq(name, str_of(row[i].want)));
    if (row[i].first) assert_true(str_eq(tag[0].value, str_of(row[i].first)));
    if (row[i].second) assert_true(str_eq(tag[1].value, str_of(row[i].second)));
  }
}

static void scalar_put(const char *name, uint32_t type, double v) {
  static const uint32_t tag[] = {PROM_Metric_counter, PROM_Metric_gauge};
  size_t family = pbw_enter(&out, PB_TAG(2, PB_LEN));
  pbw_str(&out, PROM_MetricFamily_name, str_of(name));
  pbw_int(&out, PROM_MetricFamily_type, type);
  size_t metric = pbw_enter(&out, PROM_MetricFamily_metric), value = pbw_enter(&out, tag[type]);
  pbw_fixed64(&out, PROM_Counter_value, bits_of(v));
  pbw_leave(&out, value);
  pbw_leave(&out, metric);
  pbw_leave(&out, family);
}

static void whole_put(const char *name, uint32_t type) {
  size_t family = pbw_enter(&out, PB_TAG(2, PB_LEN));
  pbw_str(&out, PROM_MetricFamily_name, str_of(name));
  pbw_int(&out, PROM_MetricFamily_type, type);
  size_t metric = pbw_enter(&out, PROM_MetricFamily_metric);
  size_t value = pbw_enter(&out, type == PROM_SUMMARY ? PROM_Metric_summary : PROM_Metric_histogram);
  pbw_int(&out, PROM_Histogram_sample_count, 2);
  pbw_fixed64(&out, PROM_Histogram_sample_sum, bits_of(3));
  pbw_leave(&out, value);
  pbw_leave(&out, metric);
  pbw_leave(&out, family);
}

static void stream_take(struct wire_ems_stream *s) {
  assert_false(out.bad);
  wire_sampler_start(m);
  wire_ems_take(m, s, buf_str(&out));
  buf_clear(&out);
}

static void a_counter_that_falls_shows_deltas_before_any_is_told(void **state) {
  (void)state;
  struct wire_ems_stream s = {0};
  scalar_put("first", PROM_COUNTER, 3);
  scalar_put("falls", PROM_COUNTER, 5);
  stream_take(&s);
  told_is("counter first 3\ncounter falls 5\n");
  scalar_put("first", PROM_COUNTER, 4);
  scalar_put("falls", PROM_COUNTER, 2);
  scalar_put("gauge", PROM_GAUGE, 1);
  stream_take(&s);
  told_is("counter first 4 delta\ncounter falls 2 delta\ngauge gauge 1\n");
}

static void a_stream_that_counts_on_is_sure_in_the_end(void **state) {
  (void)state;
  struct wire_ems_stream s = {0};
  for (unsigned i = 0; i < WIRE_EMS_SURE; i++) {
    scalar_put("a", PROM_COUNTER, 100 + i);
    stream_take(&s);
    buf_clear(&told);
  }
  assert_false(s.deltas);
  scalar_put("a", PROM_COUNTER, 1); /* no restart inside a stream: one odd value does not turn it */
  stream_take(&s);
  told_is("counter a 1\n");
}

static void histograms_count_once(void **state) {
  (void)state;
  struct wire_ems_stream s = {0};
  whole_put("h", PROM_SUMMARY);
  whole_put("h", PROM_HISTOGRAM);
  stream_take(&s);
  told_is("histogram h 2/3 [+Inf:2]\n");
  whole_put("h", PROM_SUMMARY); /* a message may be split between the two */
  stream_take(&s);
  told_is("");
  struct wire_ems_stream only = {0};
  whole_put("h", PROM_SUMMARY);
  stream_take(&only);
  told_is("summary h 2/3 []\n");
}

/* ---- through the fold ---- */

static struct wire_fold *fold_open(size_t *bytes) {
  struct wire_fold_conf conf = {.series_max = 64, .table_key = {1, 2}};
  *bytes = wire_fold_bytes(&conf);
  void *mem = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  assert_true(mem != MAP_FAILED);
  struct wire_fold *f = wire_fold_init(mem, *bytes, &conf);
  wire_fold_watch_samples(f, sample_text, &told);
  return f;
}

static uint32_t fold_take(struct wire_fold *f, enum wire_metrics_kind kind, wire_stream s) {
  uint32_t n = wire_fold_metrics(f, kind, s, buf_str(&out), (struct base_wall){1767225600000000000ll});
  buf_clear(&out);
  return n;
}

static void node_put(const char *id, const char *cluster) {
  size_t identifier = pbw_enter(&out, PB_TAG(1, PB_LEN)), node = pbw_enter(&out, PB_TAG(1, PB_LEN));
  pbw_str(&out, PB_TAG(1, PB_LEN), str_of(id));
  pbw_str(&out, PB_TAG(2, PB_LEN), str_of(cluster));
  pbw_leave(&out, node);
  pbw_leave(&out, identifier);
}

static void a_stream_is_who_it_said_it_is_at_first(void **state) {
  (void)state;
  size_t bytes;
  struct wire_fold *f = fold_open(&bytes);
  wire_stream one = wire_fold_stream_open(f), other = wire_fold_stream_open(f);
  node_put("cart-1", "cart");
  scalar_put("cluster.db.upstream_rq_total", PROM_COUNTER, 1);
  assert_int_equal(fold_take(f, WIRE_METRICS_ENVOY, one), 1);
  scalar_put("server.uptime", PROM_GAUGE, 2);
  assert_int_equal(fold_take(f, WIRE_METRICS_ENVOY, one), 1);
  scalar_put("server.uptime", PROM_GAUGE, 3);
  assert_int_equal(fold_take(f, WIRE_METRICS_ENVOY, other), 0);
  told_is(
      "counter cluster.upstream_rq_total{node_id=\"cart-1\",node_cluster=\"cart\",service.name=\"cart\","
      "k8s.pod.name=\"cart-1\",envoy.cluster_name=\"db\"} 1\n"
      "gauge server.uptime{node_id=\"cart-1\",node_cluster=\"cart\",service.name=\"cart\",k8s.pod.name=\"cart-1\"} "
      "2\n");
  assert_int_equal(wire_fold_counters(f)[REC_COUNTER_REJECT_NO_IDENTIFIER], 1);
  wire_fold_stream_close(f, one);
  wire_fold_stream_close(f, other);
  assert_int_equal(munmap(f, bytes), 0);
}

static void an_exposition_says_its_target_and_form(void **state) {
  (void)state;
  size_t bytes;
  struct wire_fold *f = fold_open(&bytes);
  buf_put_str(&out, STR("# target {job=\"mesh\"} openmetrics\n# TYPE a counter\na_total 1 2\n# EOF\n"));
  assert_int_equal(fold_take(f, WIRE_METRICS_TEXT, 0), 1);
  buf_put_str(&out, STR("# target {job=\"mesh\"} openmetrics\na_total 1 2\n"));
  assert_int_equal(fold_take(f, WIRE_METRICS_TEXT, 0), 0);
  buf_put_str(&out, STR("# target {job=\"mesh\n"));
  assert_int_equal(fold_take(f, WIRE_METRICS_TEXT, 0), 0);
  told_is("counter a_total{job=\"mesh\"} 1 @2000000000\n");
  assert_int_equal(wire_fold_counters(f)[REC_COUNTER_REJECT_MESSAGE], 2);
  assert_int_equal(wire_fold_counters(f)[REC_COUNTER_SAMPLES], 1);
  assert_int_equal(munmap(f, bytes), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(samples_that_go_back_in_time_are_refused, setup),
      cmocka_unit_test_setup(samples_may_stand_before_their_labels, setup),
      cmocka_unit_test_setup(more_symbols_than_fit_are_refused_whole, setup),
      cmocka_unit_test_setup(an_odd_number_of_symbols_loses_the_series, setup),
      cmocka_unit_test_setup(types_are_bounded, setup),
      cmocka_unit_test_setup(counts_and_bounds_must_fit, setup),
      cmocka_unit_test_setup(buckets_are_bounded, setup),
      cmocka_unit_test_setup(no_temporality_is_none, setup),
      cmocka_unit_test_setup(a_point_flagged_as_without_a_value_is_stale, setup),
      cmocka_unit_test_setup(tags_come_out_of_dotted_names, setup),
      cmocka_unit_test_setup(a_counter_that_falls_shows_deltas_before_any_is_told, setup),
      cmocka_unit_test_setup(a_stream_that_counts_on_is_sure_in_the_end, setup),
      cmocka_unit_test_setup(histograms_count_once, setup),
      cmocka_unit_test_setup(a_stream_is_who_it_said_it_is_at_first, setup),
      cmocka_unit_test_setup(an_exposition_says_its_target_and_form, setup),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
