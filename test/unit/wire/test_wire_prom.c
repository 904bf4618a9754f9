/* Prometheus' expositions, from bytes to samples. */
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

#include "sample_text.h"
#include "wire_number.h"
#include "wire_pb_write.h"
#include "wire_preface.h"
#include "wire_prom.h"
#include "wire_prom_fields.h"

static struct wire_sampler *m;
static uint64_t counter[REC_COUNTER_COUNT];
static char told_mem[1 << 20];
static struct base_buf told;

static int setup(void **state) {
  (void)state;
  if (!m) m = malloc(sizeof *m);
  memset(counter, 0, sizeof counter);
  told = buf_over(told_mem, sizeof told_mem);
  wire_sampler_init(m, sample_text, &told, counter);
  return 0;
}

/* A copy of exactly its size: reading past the end is seen by the sanitizer. */
static enum wire_status take(enum wire_prom_form form, struct base_str bytes) {
  struct wire_err err = {0, NULL};
  char *copy = malloc(bytes.n ? bytes.n : 1);
  assert_non_null(copy);
  memcpy(copy, bytes.p, bytes.n);
  buf_clear(&told);
  wire_sampler_start(m);
  enum wire_status s = wire_prom_take(m, form, (struct base_str){copy, bytes.n}, &err);
  free(copy);
  if (s != WIRE_OK) assert_non_null(err.reason);
  buf_put_char(&told, 0);
  return s;
}

static void text_is(const char *text, const char *want) {
  assert_int_equal(take(WIRE_PROM_TEXT, str_of(text)), WIRE_OK);
  assert_string_equal(told.p, want);
}

static void open_is(const char *text, const char *want) {
  assert_int_equal(take(WIRE_PROM_OPENMETRICS, str_of(text)), WIRE_OK);
  assert_string_equal(told.p, want);
}

/* ---- numbers ---- */

static void numbers_are_those_that_strtod_reads(void **state) {
  (void)state;
  static const char *const text[] = {"0",
                                     "-0",
                                     "1",
                                     "+12.5",
                                     ".5",
                                     "5.",
                                     "1e3",
                                     "1E+3",
                                     "1e-3",
                                     "1e22",
                                     "1e23",
                                     "123456789012345678901234567890",
                                     "1e-400",
                                     "1e400",
                                     "4.9e-324",
                                     "0.1",
                                     "9007199254740993",
                                     "86.497109826589593239987152628601",
                                     "1.7976931348623157e308",
                                     "000.000125",
                                     "0.0000000000000000000000000000001",
                                     "8.5",
                                     "2.2250738585072011e-308"};
  for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
    double v, want = strtod(text[i], NULL);
    assert_true(number_read(str_of(text[i]), &v));
    assert_memory_equal(&v, &want, sizeof v);
  }
}

static void numbers_drawn_at_random_are_those_that_strtod_reads(void **state) {
  (void)state;
  uint64_t x = 88172645463325252ull;
  for (unsigned i = 0; i < 200000; i++) {
    char text[64];
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    double u, v, want;
    memcpy(&u, &x, sizeof u);
    if (!isfinite(u)) continue;
    (void)snprintf(text, sizeof text,
                   i % 3 == 0   ? "%.17g"
                   : i % 3 == 1 ? "%.6g"
                                : "%.3f",
                   i % 3 == 2 ? fmod(u, 1e9) : u);
    want = strtod(text, NULL);
    assert_true(number_read(str_of(text), &v));
    assert_memory_equal(&v, &want, sizeof v);
    struct base_buf out = buf_over(text, sizeof text - 1);
    number_write(&out, u);
    text[out.n] = 0;
    assert_true(strtod(text, NULL) == u);
  }
}

static void what_is_no_number_is_none(void **state) {
  (void)state;
  static const char *const text[] = {"",   "-",     ".",   "e5",  "1e",   "1e+",  "0x1",  "1_0",
                                     "1 ", "1.2.3", "--1", "1,5", "infi", "nanx", "-nan", "٣"};
  double v;
  for (size_t i = 0; i < sizeof text / sizeof *text; i++) assert_false(number_read(str_of(text[i]), &v));
  assert_true(number_read(STR("+InF"), &v) && v == INFINITY);
  assert_true(number_read(STR("-infinity"), &v) && v == -INFINITY);
  assert_true(number_read(STR("NaN"), &v) && isnan(v));
}

static void seconds_are_exact_to_the_nanosecond(void **state) {
  (void)state;
  int64_t ns;
  assert_true(number_read_seconds(STR("1767225600.123456789"), &ns));
  assert_int_equal(ns, 1767225600123456789ll);
  assert_true(number_read_seconds(STR("1.7672256e9"), &ns));
  assert_int_equal(ns, 1767225600000000000ll);
  assert_true(number_read_seconds(STR("0"), &ns) && ns == 0);
  assert_false(number_read_seconds(STR("-1"), &ns));
  assert_false(number_read_seconds(STR("1e10"), &ns)); /* past the year 2262 */
  assert_false(number_read_seconds(STR("1e9999999999"), &ns));
  assert_true(number_read_seconds(STR("1e-9999999999"), &ns) && ns == 0);
}

/* ---- text 0.0.4 ---- */

static void the_example_of_the_format(void **state) {
  (void)state;
  /* prometheus.io/docs/instrumenting/exposition_formats, "Text format example" */
  text_is(
      "# HELP http_requests_total The total number of HTTP requests.\n"
      "# TYPE http_requests_total counter\n"
      "http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n"
      "http_requests_total{method=\"post\",code=\"400\"}    3 1395066363000\n"
      "\n"
      "# Escaping in label values:\n"
      "msdos_file_access_time_seconds{path=\"C:\\\\DIR\\\\FILE.TXT\",error=\"Cannot find file:\\n\\\"FILE.TXT\\\"\"} "
      "1.458255915e9\n"
      "\n"
      "# Minimalistic line:\n"
      "metric_without_timestamp_and_labels 12.47\n"
      "\n"
      "# A weird metric from before the epoch:\n"
      "something_weird{problem=\"division by zero\"} +Inf -3982045\n"
      "\n"
      "# A histogram, which has a pretty complex representation in the text format:\n"
      "# HELP http_request_duration_seconds A histogram of the request duration.\n"
      "# TYPE http_request_duration_seconds histogram\n"
      "http_request_duration_seconds_bucket{le=\"0.05\"} 24054\n"
      "http_request_duration_seconds_bucket{le=\"+Inf\"} 144320\n"
      "http_request_duration_seconds_sum 53423\n"
      "http_request_duration_seconds_count 144320\n"
      "\n"
      "# Finally a summary, which has a complex representation, too:\n"
      "# HELP rpc_duration_seconds A summary of the RPC duration in seconds.\n"
      "# TYPE rpc_duration_seconds summary\n"
      "rpc_duration_seconds{quantile=\"0.01\"} 3102\n"
      "rpc_duration_seconds_sum 1.7560473e+07\n"
      "rpc_duration_seconds_count 2693\n",
      "counter http_requests_total{method=\"post\",code=\"200\"} 1027 @1395066363000000000\n"
      "counter http_requests_total{method=\"post\",code=\"400\"} 3 @1395066363000000000\n"
      "untyped msdos_file_access_time_seconds{path=\"C:\\DIR\\FILE.TXT\",error=\"Cannot find file:\n\"FILE.TXT\"\"} "
      "1458255915\n"
      "untyped metric_without_timestamp_and_labels 12.47\n"
      "counter http_request_duration_seconds_bucket{le=\"0.05\"} 24054\n"
      "counter http_request_duration_seconds_bucket{le=\"+Inf\"} 144320\n"
      "counter http_request_duration_seconds_sum 53423\n"
      "counter http_request_duration_seconds_count 144320\n"
      "gauge rpc_duration_seconds{quantile=\"0.01\"} 3102\n"
      "counter rpc_duration_seconds_sum 17560473\n"
      "counter rpc_duration_seconds_count 2693\n");
  assert_int_equal(counter[REC_COUNTER_REJECT_SAMPLE], 1); /* of a time before 1970 */
}

static void blanks_ends_and_commas_as_they_come(void **state) {
  (void)state;
  text_is("  a{ x = \"1\" , y=\"2\", }\t 5 \r\n\r\n\tb 6\r\nc{} 7",
          "untyped a{x=\"1\",y=\"2\"} 5\nuntyped b 6\nuntyped c 7\n");
  assert_int_equal(counter[REC_COUNTER_REJECT_SAMPLE], 0);
  text_is("", "");
  text_is("\n\n# \n#\n", "");
}

static void names_in_quotes(void **state) {
  (void)state;
  text_is(
      "# TYPE \"http.requests\" counter\n"
      "{\"http.requests\",\"k8s.pod\"=\"a\",x=\"\\\\\"} 1\n{\"µ\"} 2\n",
      "counter http.requests{k8s.pod=\"a\",x=\"\\\"} 1\nuntyped µ 2\n");
  text_is("{\"a\",\"b\"} 1\n{x=\"1\"} 2\na{\"b\"} 3\n{\"\"} 4\n", "");
  assert_int_equal(counter[REC_COUNTER_REJECT_SAMPLE], 4);
}

static void a_type_ends_with_its_family(void **state) {
  (void)state;
  text_is(
      "# TYPE a counter\na 1\na_total 2\nab 3\n# TYPE g gauge\na 4\ng 5\n# TYPE h histogram\nh 6\nh_bucket{le=\"1\"} "
      "7\n"
      "# TYPE gh gaugehistogram\ngh_bucket{le=\"1\"} 8\ngh_gcount 9\ngh_gsum 10\n",
      "counter a 1\ncounter a_total 2\nuntyped ab 3\nuntyped a 4\ngauge g 5\nuntyped h 6\ncounter "
      "h_bucket{le=\"1\"} 7\ngauge gh_bucket{le=\"1\"} 8\ngauge gh_gcount 9\ngauge gh_gsum 10\n");
}

static void a_broken_line_costs_no_other(void **state) {
  (void)state;
  static const char *const bad[] = {"a",
                                    "a ",
                                    "a{",
                                    "a{x}",
                                    "a{x=} 1",
                                    "a{x=\"1} 1",
                                    "a{x=\"1\"",
                                    "a{x=\"1\"y=\"2\"} 1",
                                    "a{,} 1",
                                    "1a 1",
                                    "a{1x=\"\"} 1",
                                    "a 1 x",
                                    "a 1 2 3",
                                    "a 1 2.5",
                                    "a x",
                                    "a{x=\"\\",
                                    "a 1 99999999999999999999",
                                    "{} 1",
                                    "a{x=\"1\"}}1",
                                    "ä 1",
                                    "a 1 9999999999999999"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char text[128];
    setup(NULL);
    (void)snprintf(text, sizeof text, "before 1\n%s\nbehind 2\n", bad[i]);
    text_is(text, "untyped before 1\nuntyped behind 2\n");
    assert_int_equal(counter[REC_COUNTER_REJECT_SAMPLE], 1);
    assert_int_equal(m->tally.rejected, 1);
    assert_int_equal(m->tally.samples, 2);
    assert_int_equal(take(WIRE_PROM_TEXT, str_of(bad[i])), WIRE_OK); /* at the very end, too */
    assert_int_equal(m->tally.samples, 0);
  }
}

static void what_is_not_finite_is_passed_over(void **state) {
  (void)state;
  text_is("a NaN\nb +Inf\nc -Inf\nd 0\n", "untyped d 0\n");
  assert_int_equal(counter[REC_COUNTER_SAMPLES_NOT_FINITE], 3);
  assert_int_equal(m->tally.rejected, 0);
}

static void empty_labels_are_absent(void **state) {
  (void)state;
  text_is("a{x=\"\",y=\"1\"} 1\n", "untyped a{y=\"1\"} 1\n");
}

static void labels_are_bounded(void **state) {
  (void)state;
  char text[4096];
  for (unsigned n = 63; n <= 65; n++) {
    struct base_buf b = buf_over(text, sizeof text);
    setup(NULL);
    buf_put_str(&b, STR("a{"));
    for (unsigned i = 0; i < n; i++) buf_put_f(&b, "l%u=\"v\",", i);
    buf_put_str(&b, STR("} 1\nb 2\n"));
    assert_int_equal(take(WIRE_PROM_TEXT, buf_str(&b)), WIRE_OK);
    assert_int_equal(m->tally.samples, n <= 64 ? 2 : 1);
    assert_int_equal(counter[REC_COUNTER_REJECT_SAMPLE_LABELS], n > 64);
  }
}

static void escaped_text_is_bounded(void **state) {
  (void)state;
  size_t n = LIMIT_SAMPLE_TEXT_BYTES + 64;
  char *text = malloc(n);
  assert_non_null(text);
  memset(text, 'x', n);
  memcpy(text, "a{x=\"\\n", 7);
  memcpy(text + n - 8, "\"} 1\nb 2", 8);
  assert_int_equal(take(WIRE_PROM_TEXT, (struct base_str){text, n}), WIRE_OK);
  assert_string_equal(told.p, "untyped b 2\n");
  assert_int_equal(counter[REC_COUNTER_REJECT_SAMPLE_LABELS], 1);
  free(text);
}

static void the_targets_labels_stand_behind(void **state) {
  (void)state;
  struct wire_err err;
  wire_sampler_start(m);
  sampler_common(m, STR("job"), STR("mesh"));
  sampler_common(m, STR("instance"), STR("10.0.0.1:15020"));
  assert_int_equal(wire_prom_take(m, WIRE_PROM_TEXT, STR("a{x=\"1\"} 1\nb 2\n"), &err), WIRE_OK);
  buf_put_char(&told, 0);
  assert_string_equal(told.p,
                      "untyped a{x=\"1\",job=\"mesh\",instance=\"10.0.0.1:15020\"} 1\n"
                      "untyped b{job=\"mesh\",instance=\"10.0.0.1:15020\"} 2\n");
}

/* ---- OpenMetrics ---- */

static void the_example_of_openmetrics(void **state) {
  (void)state;
  /* The specification's section "Overall Structure", and its exemplars. */
  open_is(
      "# TYPE acme_http_router_request_seconds summary\n"
      "# UNIT acme_http_router_request_seconds seconds\n"
      "# HELP acme_http_router_request_seconds Latency though all of ACME's HTTP request router.\n"
      "acme_http_router_request_seconds_sum{path=\"/api/v1\",method=\"GET\"} 9036.32\n"
      "acme_http_router_request_seconds_count{path=\"/api/v1\",method=\"GET\"} 807283.0\n"
      "acme_http_router_request_seconds_created{path=\"/api/v1\",method=\"GET\"} 1605281325.0\n"
      "acme_http_router_request_seconds_sum{path=\"/api/v2\",method=\"POST\"} 479.3\n"
      "acme_http_router_request_seconds_count{path=\"/api/v2\",method=\"POST\"} 34.0\n"
      "acme_http_router_request_seconds_created{path=\"/api/v2\",method=\"POST\"} 1605281325.0\n"
      "# TYPE go_goroutines gauge\n"
      "# HELP go_goroutines Number of goroutines that currently exist.\n"
      "go_goroutines 69\n"
      "# TYPE process_cpu_seconds counter\n"
      "# UNIT process_cpu_seconds seconds\n"
      "# HELP process_cpu_seconds Total user and system CPU time spent in seconds.\n"
      "process_cpu_seconds_total 4.20072246e+06\n"
      "# TYPE foo histogram\n"
      "foo_bucket{le=\"0.1\"} 8 # {} 0.054\n"
      "foo_bucket{le=\"+Inf\"} 17 1520879607.789 # {trace_id=\"oHg5SJYRHA0\"} 9.8 1520879607.7\n"
      "foo_count 17\n"
      "foo_sum 324789.3\n"
      "foo_created 1520430000.123\n"
      "# EOF\n",
      "counter acme_http_router_request_seconds_sum{path=\"/api/v1\",method=\"GET\"} 9036.32 ^1605281325000000000 unit "
      "s\n"
      "counter acme_http_router_request_seconds_count{path=\"/api/v1\",method=\"GET\"} 807283 ^1605281325000000000 "
      "unit "
      "s\n"
      "counter acme_http_router_request_seconds_sum{path=\"/api/v2\",method=\"POST\"} 479.3 ^1605281325000000000 unit "
      "s\n"
      "counter acme_http_router_request_seconds_count{path=\"/api/v2\",method=\"POST\"} 34 ^1605281325000000000 unit "
      "s\n"
      "gauge go_goroutines 69\n"
      "counter process_cpu_seconds_total 4200722.46 unit s\n"
      "counter foo_bucket{le=\"0.1\"} 8 ^1520430000123000000\n"
      "counter foo_bucket{le=\"+Inf\"} 17 @1520879607789000000 ^1520430000123000000\n"
      "counter foo_count 17 ^1520430000123000000\n"
      "counter foo_sum 324789.3 ^1520430000123000000\n");
  assert_int_equal(m->tally.exemplars, 2);
  assert_int_equal(m->tally.rejected, 0);
}

static void a_start_belongs_to_its_labels(void **state) {
  (void)state;
  open_is(
      "# TYPE a counter\na_total{x=\"1\",y=\"2\"} 1\na_created{y=\"2\",x=\"1\"} 10\na_total{x=\"2\"} "
      "2\na_total{x=\"3\"} "
      "3\na_created{x=\"3\"} 30\na_total 4\n# TYPE b counter\nb_total 5\n# EOF",
      "counter a_total{x=\"1\",y=\"2\"} 1 ^10000000000\ncounter a_total{x=\"2\"} 2\ncounter a_total{x=\"3\"} 3 "
      "^30000000000\ncounter a_total 4\ncounter b_total 5\n");
}

static void info_and_state_sets_are_gauges(void **state) {
  (void)state;
  open_is(
      "# TYPE build info\nbuild_info{v=\"1\"} 1\n# TYPE s stateset\ns{s=\"a\"} 1\ns{s=\"b\"} 0\n# TYPE u "
      "unknown\nu 3\n# EOF\n",
      "gauge build_info{v=\"1\"} 1\ngauge s{s=\"a\"} 1\ngauge s{s=\"b\"} 0\nuntyped u 3\n");
}

static void what_was_cut_is_refused_whole(void **state) {
  (void)state;
  assert_int_equal(take(WIRE_PROM_OPENMETRICS, STR("a 1\nb 12")), WIRE_BAD);
  assert_int_equal(m->tally.samples, 0);
  assert_int_equal(take(WIRE_PROM_OPENMETRICS, STR("a 1\nx# EOF")), WIRE_BAD);
  assert_int_equal(take(WIRE_PROM_OPENMETRICS, STR("")), WIRE_BAD);
  open_is("# EOF\r\n", "");
  assert_false(wire_prom_is_openmetrics(STR("a 1\n")));
  assert_true(wire_prom_is_openmetrics(STR("a 1\n# EOF\n")));
}

/* ---- protobuf ---- */

static char frame_mem[1 << 16], all_mem[1 << 17];

static void number_put(struct base_buf *b, uint32_t tag, double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  pbw_fixed64(b, tag, bits);
}

static size_t family_open(struct base_buf *b, uint32_t type) {
  *b = buf_over(frame_mem, sizeof frame_mem);
  pbw_int(b, PROM_MetricFamily_type, type);
  size_t at = pbw_enter(b, PROM_MetricFamily_metric);
  size_t label = pbw_enter(b, PROM_Metric_label);
  pbw_str(b, PROM_LabelPair_name, STR("x"));
  pbw_str(b, PROM_LabelPair_value, STR("1"));
  pbw_leave(b, label);
  pbw_int(b, PROM_Metric_timestamp_ms, 1700000000123ull);
  return at;
}

static void family_is(struct base_buf *b, size_t at, const char *name, const char *want) {
  struct base_buf all = buf_over(all_mem, sizeof all_mem);
  pbw_leave(b, at);
  pbw_str(b, PROM_MetricFamily_name, str_of(name)); /* behind what it names: order is free */
  assert_false(b->bad);
  pbw_varint(&all, b->n);
  buf_put_str(&all, buf_str(b));
  assert_int_equal(take(WIRE_PROM_PROTO, buf_str(&all)), WIRE_OK);
  assert_string_equal(told.p, want);
}

static void scalars_of_protobuf(void **state) {
  (void)state;
  static const uint32_t tag[] = {PROM_Metric_counter, PROM_Metric_gauge, PROM_Metric_summary, PROM_Metric_untyped};
  static const char *const want[] = {"counter c{x=\"1\"} 2.5 @1700000000123000000\n",
                                     "gauge c{x=\"1\"} 2.5 @1700000000123000000\n", NULL,
                                     "untyped c{x=\"1\"} 2.5 @1700000000123000000\n"};
  for (uint32_t type = PROM_COUNTER; type <= PROM_UNTYPED; type++) {
    if (!want[type]) continue;
    struct base_buf b;
    size_t at = family_open(&b, type), in = pbw_enter(&b, tag[type]);
    number_put(&b, PROM_Counter_value, 2.5);
    pbw_leave(&b, in);
    family_is(&b, at, "c", want[type]);
  }
}

static void stale_in_protobuf(void **state) {
  (void)state;
  struct base_buf b;
  size_t at = family_open(&b, PROM_GAUGE), in = pbw_enter(&b, PROM_Metric_gauge);
  pbw_fixed64(&b, PROM_Gauge_value, WIRE_STALE_BITS);
  pbw_leave(&b, in);
  family_is(&b, at, "c", "gauge c{x=\"1\"} 0 @1700000000123000000 stale\n");
}

static void classic_buckets_become_counts_of_their_own(void **state) {
  (void)state;
  static const struct {
    double upper;
    uint64_t n;
  } bucket[] = {{0.5, 3}, {1, 3}, {2.5, 10}};
  struct base_buf b;
  size_t at = family_open(&b, PROM_HISTOGRAM), in = pbw_enter(&b, PROM_Metric_histogram);
  pbw_int(&b, PROM_Histogram_sample_count, 12);
  number_put(&b, PROM_Histogram_sample_sum, 21.25);
  for (size_t i = 0; i < 3; i++) {
    size_t one = pbw_enter(&b, PROM_Histogram_bucket);
    pbw_int(&b, PROM_Bucket_cumulative_count, bucket[i].n);
    number_put(&b, PROM_Bucket_upper_bound, bucket[i].upper);
    pbw_leave(&b, one);
  }
  size_t created = pbw_enter(&b, PROM_Histogram_created_timestamp);
  pbw_int(&b, PB_TAG(1, PB_VARINT), 1600000000);
  pbw_int(&b, PB_TAG(2, PB_VARINT), 5);
  pbw_leave(&b, created);
  pbw_leave(&b, in);
  family_is(&b, at, "h",
            "histogram h{x=\"1\"} 12/21.25 [0.5:3 1:0 2.5:7 +Inf:2] @1700000000123000000 ^1600000000000000005\n");
  assert_int_equal(m->tally.histograms, 1);
}

static void summaries_are_their_count_and_sum(void **state) {
  (void)state;
  struct base_buf b;
  size_t at = family_open(&b, PROM_SUMMARY), in = pbw_enter(&b, PROM_Metric_summary);
  pbw_int(&b, PROM_Summary_sample_count, 4);
  number_put(&b, PROM_Summary_sample_sum, 6.5);
  pbw_leave(&b, in);
  family_is(&b, at, "s", "summary s{x=\"1\"} 4/6.5 [] @1700000000123000000\n");
}

static uint64_t zigzag(int64_t v) {
  return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static void span_put(struct base_buf *b, uint32_t tag, int32_t offset, uint32_t length) {
  size_t at = pbw_enter(b, tag);
  pbw_int(b, PROM_BucketSpan_offset, zigzag(offset));
  pbw_int(b, PROM_BucketSpan_length, length);
  pbw_leave(b, at);
}

/* Schema 0: base 2. Positive buckets 0 (0.5,1] and 1 (1,2], a gap of one, 3 (4,8]; negative 1 [-2,-1). */
static void native_histogram(struct base_buf *b, uint32_t metric_tag, bool packed) {
  static const int64_t delta[] = {3, -1, 2}; /* 3, 2, 4 */
  size_t in = pbw_enter(b, metric_tag);
  pbw_int(b, PROM_Histogram_sample_count, 15);
  number_put(b, PROM_Histogram_sample_sum, 30);
  for (size_t i = 0; i < 3 && !packed; i++) pbw_int(b, PROM_Histogram_positive_delta, zigzag(delta[i]));
  if (packed) { /* before its spans, as order is free */
    size_t at = pbw_enter(b, PB_TAG(13, PB_LEN));
    for (size_t i = 0; i < 3; i++) pbw_varint(b, zigzag(delta[i]));
    pbw_leave(b, at);
  }
  pbw_int(b, PROM_Histogram_schema, zigzag(0));
  number_put(b, PROM_Histogram_zero_threshold, 0.001);
  pbw_int(b, PROM_Histogram_zero_count, 5);
  span_put(b, PROM_Histogram_positive_span, 0, 2);
  span_put(b, PROM_Histogram_positive_span, 1, 1);
  span_put(b, PROM_Histogram_negative_span, 1, 1);
  pbw_int(b, PROM_Histogram_negative_delta, zigzag(1));
  pbw_leave(b, in);
}

static void native_buckets_are_made_explicit(void **state) {
  (void)state;
  for (int packed = 0; packed < 2; packed++) {
    struct base_buf b;
    size_t at = family_open(&b, PROM_HISTOGRAM);
    native_histogram(&b, PROM_Metric_histogram, packed);
    family_is(&b, at, "n",
              "histogram n{x=\"1\"} 15/30 [-2:0 -1:1 0.001:5 0.5:0 1:3 2:2 4:0 8:4 +Inf:0] @1700000000123000000\n");
  }
}

static void gauge_histograms_come_in_parts(void **state) {
  (void)state;
  struct base_buf b;
  size_t at = family_open(&b, PROM_GAUGE_HISTOGRAM), in = pbw_enter(&b, PROM_Metric_histogram);
  pbw_int(&b, PROM_Histogram_sample_count, 3);
  number_put(&b, PROM_Histogram_sample_sum, 2);
  size_t one = pbw_enter(&b, PROM_Histogram_bucket);
  pbw_int(&b, PROM_Bucket_cumulative_count, 1);
  number_put(&b, PROM_Bucket_upper_bound, 0.25);
  pbw_leave(&b, one);
  pbw_leave(&b, in);
  family_is(&b, at, "g",
            "gauge g_bucket{x=\"1\",le=\"0.25\"} 1 @1700000000123000000\n"
            "gauge g_bucket{x=\"1\",le=\"+Inf\"} 3 @1700000000123000000\n"
            "gauge g_gcount{x=\"1\"} 3 @1700000000123000000\ngauge g_gsum{x=\"1\"} 2 @1700000000123000000\n");
}

static void spans_and_counts_must_agree(void **state) {
  (void)state;
  for (int more = 0; more < 2; more++) {
    struct base_buf b;
    setup(NULL);
    size_t at = family_open(&b, PROM_HISTOGRAM), in = pbw_enter(&b, PROM_Metric_histogram);
    span_put(&b, PROM_Histogram_positive_span, 0, more ? 1 : 3);
    pbw_int(&b, PROM_Histogram_positive_delta, zigzag(1));
    pbw_int(&b, PROM_Histogram_positive_delta, zigzag(1));
    pbw_leave(&b, in);
    family_is(&b, at, "n", "");
    assert_int_equal(counter[REC_COUNTER_REJECT_SAMPLE], 1);
  }
}

static void a_type_and_a_value_that_disagree_are_refused(void **state) {
  (void)state;
  struct base_buf b;
  size_t at = family_open(&b, PROM_COUNTER), in = pbw_enter(&b, PROM_Metric_gauge);
  number_put(&b, PROM_Gauge_value, 1);
  pbw_leave(&b, in);
  family_is(&b, at, "c", "");
  assert_int_equal(counter[REC_COUNTER_REJECT_SAMPLE], 1);
}

static void a_frame_that_is_cut_says_so(void **state) {
  (void)state;
  assert_int_equal(take(WIRE_PROM_PROTO, STR("\x05\x0a")), WIRE_BAD);
  assert_int_equal(take(WIRE_PROM_PROTO, STR("")), WIRE_OK);
}

/* ---- the target's line ---- */

static void a_target_reads_as_it_was_written(void **state) {
  (void)state;
  static const struct wire_label label[] = {
      {{"job", 3}, {"mesh", 4}}, {{"k8s.pod", 7}, {"a\"b\\c\nd", 7}}, {{"empty", 5}, {"", 0}}, {{"x", 1}, {"{}=,", 4}}};
  for (int form = WIRE_PROM_TEXT; form <= WIRE_PROM_PROTO; form++) {
    char mem[256], labels_mem[256];
    struct base_buf b = buf_over(mem, sizeof mem), labels = buf_over(labels_mem, sizeof labels_mem);
    struct wire_preface t;
    struct wire_err err;
    wire_preface_labels(&labels, label, 4);
    wire_preface_write(&b, buf_str(&labels), (enum wire_prom_form)form);
    buf_put_str(&b, STR("body"));
    assert_false(b.bad);
    wire_sampler_start(m);
    assert_int_equal(wire_preface_read(m, buf_str(&b), WIRE_PROM_TEXT, &t, &err), WIRE_OK);
    assert_true(t.said && t.form == (enum wire_prom_form)form && str_eq(t.body, STR("body")));
    assert_int_equal(m->common_n, 3);
    assert_true(str_eq(m->common[1].key, label[1].key) && str_eq(m->common[1].value, label[1].value));
    assert_true(str_eq(m->common[2].value, label[3].value));
  }
}

static void a_message_without_a_target_is_told_by_its_end(void **state) {
  (void)state;
  struct wire_preface t;
  struct wire_err err;
  wire_sampler_start(m);
  assert_int_equal(wire_preface_read(m, STR("a 1\n# EOF\n"), WIRE_PROM_TEXT, &t, &err), WIRE_OK);
  assert_true(!t.said && t.form == WIRE_PROM_OPENMETRICS && t.body.n == 10);
  assert_int_equal(wire_preface_read(m, STR("# target {}\na 1\n"), WIRE_PROM_TEXT, &t, &err), WIRE_OK);
  assert_true(t.said && t.form == WIRE_PROM_TEXT && t.body.n == 4 && m->common_n == 0);
  assert_int_equal(wire_preface_read(m, STR("# target {} text\n# EOF\n"), WIRE_PROM_TEXT, &t, &err), WIRE_OK);
  assert_int_equal(t.form, WIRE_PROM_TEXT);
  assert_int_equal(wire_preface_read(m, STR("\x0a"), WIRE_PROM_PROTO, &t, &err), WIRE_OK);
  assert_int_equal(t.form, WIRE_PROM_PROTO);
  static const char *const bad[] = {"# target {", "# target {a}", "# target {\"a\"} text", "# target {} xml",
                                    "# target {} text text"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_equal(wire_preface_read(m, str_of(bad[i]), WIRE_PROM_TEXT, &t, &err), WIRE_BAD);
}

/* ---- exponential buckets ---- */

static void exponential_bounds_are_the_powers(void **state) {
  (void)state;
  for (int32_t scale = -3; scale <= 8; scale++)
    for (int32_t i = -200; i <= 200; i += 7) {
      double e = ldexp(i, -scale), got = wire_exp_bound(i, scale);
      double want = (double)powl(2.0L, (long double)e);
      assert_true(want == got || fabs(got / want - 1) < 1e-15);
      if (e == floor(e)) assert_true(got == want);
    }
  assert_true(wire_exp_bound(INT32_MAX, -20) == INFINITY);
  assert_true(wire_exp_bound(INT32_MIN, -20) == 0);
}

static struct wire_exp *wide_histogram(uint32_t n, int32_t scale) {
  struct wire_exp *e = calloc(1, sizeof *e);
  assert_non_null(e);
  e->scale = scale;
  for (uint32_t i = 0; i < n; i++) {
    exp_add(&e->positive, (int32_t)i - 1000, 1 + i % 3);
    exp_add(&e->negative, (int32_t)i - 1000, 1);
  }
  return e;
}

static void too_many_buckets_are_put_together_and_none_is_lost(void **state) {
  (void)state;
  for (uint32_t n = 1; n <= WIRE_EXP_BUCKETS; n = n * 3 + 1) {
    struct wire_exp *e = wide_histogram(n, 5);
    struct wire_bucket out[WIRE_SAMPLE_BOUNDS];
    uint64_t total = 0, want = n;
    uint32_t got = wire_exp_buckets(e, out, WIRE_SAMPLE_BOUNDS);
    assert_true(got > 0 && got <= WIRE_SAMPLE_BOUNDS);
    for (uint32_t i = 0; i < n; i++) want += 1 + i % 3;
    for (uint32_t i = 0; i < got; i++) {
      total += out[i].n;
      if (i) assert_true(out[i].upper > out[i - 1].upper);
    }
    assert_int_equal(total, want);
    assert_true(out[got - 1].upper == INFINITY);
    free(e);
  }
  struct wire_exp *over = wide_histogram(WIRE_EXP_BUCKETS + 1, 5);
  struct wire_bucket out[WIRE_SAMPLE_BOUNDS];
  assert_int_equal(wire_exp_buckets(over, out, WIRE_SAMPLE_BOUNDS), 0);
  free(over);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_those_that_strtod_reads),
      cmocka_unit_test(numbers_drawn_at_random_are_those_that_strtod_reads),
      cmocka_unit_test(what_is_no_number_is_none),
      cmocka_unit_test(seconds_are_exact_to_the_nanosecond),
      cmocka_unit_test_setup(the_example_of_the_format, setup),
      cmocka_unit_test_setup(blanks_ends_and_commas_as_they_come, setup),
      cmocka_unit_test_setup(names_in_quotes, setup),
      cmocka_unit_test_setup(a_type_ends_with_its_family, setup),
      cmocka_unit_test_setup(a_broken_line_costs_no_other, setup),
      cmocka_unit_test_setup(what_is_not_finite_is_passed_over, setup),
      cmocka_unit_test_setup(empty_labels_are_absent, setup),
      cmocka_unit_test_setup(labels_are_bounded, setup),
      cmocka_unit_test_setup(escaped_text_is_bounded, setup),
      cmocka_unit_test_setup(the_targets_labels_stand_behind, setup),
      cmocka_unit_test_setup(the_example_of_openmetrics, setup),
      cmocka_unit_test_setup(a_start_belongs_to_its_labels, setup),
      cmocka_unit_test_setup(info_and_state_sets_are_gauges, setup),
      cmocka_unit_test_setup(what_was_cut_is_refused_whole, setup),
      cmocka_unit_test_setup(scalars_of_protobuf, setup),
      cmocka_unit_test_setup(stale_in_protobuf, setup),
      cmocka_unit_test_setup(classic_buckets_become_counts_of_their_own, setup),
      cmocka_unit_test_setup(summaries_are_their_count_and_sum, setup),
      cmocka_unit_test_setup(native_buckets_are_made_explicit, setup),
      cmocka_unit_test_setup(gauge_histograms_come_in_parts, setup),
      cmocka_unit_test_setup(spans_and_counts_must_agree, setup),
      cmocka_unit_test_setup(a_type_and_a_value_that_disagree_are_refused, setup),
      cmocka_unit_test_setup(a_frame_that_is_cut_says_so, setup),
      cmocka_unit_test_setup(a_target_reads_as_it_was_written, setup),
      cmocka_unit_test_setup(a_message_without_a_target_is_told_by_its_end, setup),
      cmocka_unit_test(exponential_bounds_are_the_powers),
      cmocka_unit_test(too_many_buckets_are_put_together_and_none_is_lost),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
