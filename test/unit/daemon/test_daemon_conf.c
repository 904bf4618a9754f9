/* Configuration: defaults, each type's checks, and that a refusal of a file tells the place. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "base_time.h"
#include "daemon_conf.h"

static void defaults_are_the_contract(void **state) {
  (void)state;
  struct daemon_conf c;
  conf_init(&c);
  assert_string_equal(c.grpc_address, "127.0.0.1");
  assert_int_equal(c.grpc_port, 4317);
  assert_int_equal(c.http_port, 4318);
  assert_int_equal(c.api_port, 7070);
  assert_true(c.alerts_per_week == 1);
  assert_int_equal(c.max_series, LIMIT_SERIES_DEFAULT);
  assert_int_equal(c.journal_segment_bytes, LIMIT_SEGMENT_BYTES);
  assert_int_equal(c.journal_segments, LIMIT_SEGMENTS);
  assert_int_equal(c.checkpoint_interval_ns, 60000000000ll);
  assert_string_equal(c.data_dir, "");
}

static void read_ok(struct daemon_conf *c, const char *yaml) {
  struct conf_err err;
  conf_init(c);
  if (!conf_read(c, str_of(yaml), &err)) fail_msg("%u:%u: %s", err.line, err.column, err.text);
}

static void a_file_sets_every_type(void **state) {
  (void)state;
  struct daemon_conf c;
  read_ok(&c,
          "# ours\ngrpc_address: \"::1\"\ngrpc_port: 0\nalerts_per_week: 0.5\nidle_timeout: 90s\n"
          "checkpoint_interval: 1500ms\ndata_dir: /var/lib/fore shock\n");
  assert_string_equal(c.grpc_address, "::1");
  assert_int_equal(c.grpc_port, 0);
  assert_true(c.alerts_per_week == 0.5);
  assert_int_equal(c.idle_timeout_ns, 90000000000ll);
  assert_int_equal(c.checkpoint_interval_ns, 1500000000ll);
  assert_string_equal(c.data_dir, "/var/lib/fore shock");
  assert_int_equal(c.api_port, 7070);
}

static void an_empty_file_is_fine(void **state) {
  (void)state;
  struct daemon_conf c;
  read_ok(&c, "");
  read_ok(&c, "\n# nothing\n");
  read_ok(&c, "---\n...\n");
  read_ok(&c, "{}");
}

static void refused(const char *yaml, unsigned line, unsigned column, const char *part) {
  struct daemon_conf c;
  struct conf_err err;
  conf_init(&c);
  assert_false(conf_read(&c, str_of(yaml), &err));
  if (err.line != line || err.column != column || !strstr(err.text, part))
    fail_msg("want %u:%u %s, got %u:%u %s", line, column, part, err.line, err.column, err.text);
}

static void refusals_have_line_and_column(void **state) {
  (void)state;
  refused("api_port: 1\nspeed: 3\n", 2, 1, "unknown key 'speed'");
  refused("api_port: 1\n\napi_port: 2\n", 3, 1, "twice");
  refused("api_port: 70000\n", 1, 11, "outside 0 to 65535");
  refused("api_port:   -1\n", 1, 13, "whole number");
  refused("api_port: 1e3\n", 1, 11, "whole number");
  refused("api_port: 99999999999999999999\n", 1, 11, "whole number");
  refused("alerts_per_week: nan\n", 1, 18, "wants a number");
  refused("alerts_per_week: 0\n", 1, 18, "outside");
  refused("alerts_per_week: 0x10\n", 1, 18, "wants a number");
  refused("alerts_per_week: 1.2.3\n", 1, 18, "wants a number");
  refused("idle_timeout: 60\n", 1, 15, "unit");
  refused("idle_timeout: 60d\n", 1, 15, "unit");
  refused("idle_timeout: 100h\n", 1, 15, "outside");
  refused("grpc_address: localhost\n", 1, 15, "numeric address");
  refused("api_port: [1, 2]\n", 1, 11, "one value");
  refused("api_port: {a: 1}\n", 1, 11, "one value");
  refused("api_port: &a 1\ngrpc_port: *a\n", 2, 12, "one value");
  refused("[1, 2]\n", 1, 1, "map");
  refused("? [a]\n: b\n", 1, 3, "plain text");
  refused("api_port: 1\n---\napi_port: 2\n", 2, 1, "one document");
  refused("api_port: \"1\n", 2, 1, "unexpected end");
}

static void receivers_are_read(void **state) {
  (void)state;
  static struct daemon_conf c;
  read_ok(&c,
          "receivers:\n"
          "- {name: chat, type: slack, token_file: t, channel: C1, min_severity: critical, update_interval: 2m}\n"
          "- name: am\n"
          "  type: alertmanager\n"
          "  url: https://am.example.com:9093\n"
          "  labels: team=a;env=b\n"
          "  expected: true\n"
          "  resend: 30s\n"
          "api_port: 9\n");
  assert_int_equal(c.alerts.receiver_n, 2);
  const struct act_receiver_conf *chat = &c.alerts.receiver[0], *am = &c.alerts.receiver[1];
  assert_string_equal(chat->name, "chat");
  assert_int_equal(chat->type, ACT_SLACK);
  assert_int_equal(chat->min_severity, ACT_CRITICAL);
  assert_int_equal(chat->update_interval_ns, 120 * 1000000000ll);
  assert_int_equal(chat->timeout_ns, 10 * 1000000000ll);
  assert_false(chat->expected);
  assert_string_equal(am->url, "https://am.example.com:9093");
  assert_string_equal(am->labels, "team=a;env=b");
  assert_true(am->expected);
  assert_int_equal(am->resend_ns, 30 * 1000000000ll);
  assert_int_equal(c.api_port, 9);
  read_ok(&c, "receivers: []\n");
  assert_int_equal(c.alerts.receiver_n, 0);
}

static void a_receivers_refusal_has_its_place(void **state) {
  (void)state;
  refused("receivers: 1\n", 1, 12, "list");
  refused("receivers: [1]\n", 1, 13, "map");
  refused("receivers:\n- type: stdout\n", 2, 3, "name");
  refused("receivers:\n- name: a\n", 2, 3, "type");
  refused("receivers:\n- name: a b\n", 2, 9, "letters");
  refused("receivers:\n- name: a\n  type: pager\n", 3, 9, "pagerduty");
  refused("receivers:\n- name: a\n  type: stdout\n  colour: 1\n", 4, 3, "no key 'colour'");
  refused("receivers:\n- name: a\n  name: b\n", 3, 3, "twice");
  refused("receivers:\n- name: a\n  type: stdout\n  url: http://x\n", 4, 3, "not for a receiver of type stdout");
  refused("receivers:\n- name: a\n  type: webhook\n  url: ftp://x\n", 4, 8, "URL");
  refused("receivers:\n- name: a\n  type: webhook\n  url: http:///x\n", 4, 8, "URL");
  refused("receivers:\n- {name: a, type: webhook}\n", 2, 3, "url or url_file");
  refused("receivers:\n- {name: a, type: webhook, url: http://x, url_file: f}\n", 2, 3, "one of them");
  refused("receivers:\n- {name: a, type: slack, token_file: t}\n", 2, 3, "channel");
  refused("receivers:\n- {name: a, type: pagerduty}\n", 2, 3, "token_file");
  refused("receivers:\n- {name: a, type: pagerduty, token_file: t, severities: info=low}\n", 2, 3, "severities");
  refused("receivers:\n- {name: a, type: otlp, url: http://x, labels: 1a=2}\n", 2, 48, "NAME=VALUE");
  refused("receivers:\n- {name: a, type: stdout, muted: 1}\n", 2, 34, "true or false");
  refused("receivers:\n- {name: a, type: stdout, min_severity: low}\n", 2, 41, "info, warning or critical");
  refused("receivers:\n- {name: a, type: stdout}\n- {name: a, type: stdout}\n", 3, 4, "another receiver");
  refused("receivers: []\nreceivers: []\n", 2, 1, "twice");
  struct daemon_conf c;
  struct conf_err err;
  conf_init(&c);
  assert_false(conf_set_pair(&c, "receivers=a", &err));
  assert_non_null(strstr(err.text, "only in a file"));
}

static void receivers_are_bounded(void **state) {
  (void)state;
  char text[8192];
  struct base_buf b = buf_over(text, sizeof text - 1);
  buf_put_f(&b, "receivers:\n");
  for (unsigned i = 0; i <= LIMIT_RECEIVERS; i++) buf_put_f(&b, "- {name: r%u, type: stdout}\n", i);
  text[b.n] = 0;
  refused(text, 2 + LIMIT_RECEIVERS, 3, "too many receivers");
}

static void jobs_are_read(void **state) {
  (void)state;
  static struct daemon_conf c;
  read_ok(&c,
          "scrape:\n- job: a\n  targets: [h:1, 'i:2']\n  labels: {k: v, l: 'x y'}\n  interval: 1s\n"
          "- {job: b, files: /t/*.json, dns: [_m._tcp.x], scheme: https, path: /p, timeout: 3s, protobuf: true}\n");
  assert_int_equal(c.scrape.job_n, 2);
  const struct conf_scrape_job *a = &c.scrape.job[0], *b = &c.scrape.job[1];
  assert_string_equal(a->targets, "h:1\ni:2\n");
  assert_string_equal(a->labels, "k=v\nl=x y\n");
  assert_string_equal(a->path, "/metrics");
  assert_int_equal(conf_scrape_timeout_ns(a), TIME_NS_PER_S);
  assert_string_equal(b->files, "/t/*.json\n");
  assert_int_equal(b->interval_ns, 15 * TIME_NS_PER_S);
  assert_int_equal(conf_scrape_timeout_ns(b), 3 * TIME_NS_PER_S);
  assert_true(b->protobuf && !a->protobuf);
}

static void a_jobs_refusal_has_its_place(void **state) {
  (void)state;
  refused("scrape: 1\n", 1, 9, "list of jobs");
  refused("scrape: [1]\n", 1, 10, "a job is a map");
  refused("scrape:\n- targets: [h:1]\n", 2, 3, "`job`");
  refused("scrape:\n- job: a\n", 2, 3, "targets, files or dns");
  refused("scrape:\n- job: a\n  colour: 1\n", 3, 3, "no key 'colour'");
  refused("scrape:\n- job: a\n  job: b\n", 3, 3, "twice");
  refused("scrape:\n- job: a\n  targets: [{h: 1}]\n", 3, 13, "wants a text");
  refused("scrape:\n- job: a\n  labels: [k]\n", 3, 11, "map");
  refused("scrape:\n- job: a\n  labels: {a-b: c}\n", 3, 17, "letters");
  refused("scrape:\n- job: a\n  interval: 500ms\n", 3, 13, "outside");
  refused("scrape:\n- job: a\n  interval: 301s\n", 3, 13, "outside");
  refused("scrape:\n- {job: a, targets: h, interval: 2s, timeout: 3s}\n", 2, 3, "longer than the interval");
  refused("scrape:\n- {job: a, targets: h, scheme: file}\n", 2, 3, "http or https");
  refused("scrape:\n- {job: a, targets: h, path: x}\n", 2, 3, "begins with '/'");
  refused("scrape:\n- {job: a, targets: 'u:p@h:1'}\n", 2, 3, "HOST:PORT");
  refused("scrape:\n- {job: a, dns: h}\n", 2, 3, "dns_port");
  refused("scrape:\n- {job: a, targets: h, username: u}\n", 2, 3, "both or none");
  refused("scrape:\n- {job: a, targets: h, key_file: k}\n", 2, 3, "cert_file");
  refused("scrape:\n- {job: a, targets: h}\n- {job: a, targets: h}\n", 3, 3, "another job");
}

static void names_of_clients_are_checked(void **state) {
  (void)state;
  struct daemon_conf c;
  read_ok(&c, "grpc_tls_client_allow: spiffe://td/ns/a/*;spiffe://td/ns/b/sa/c;collector.internal\n");
  assert_true(c.grpc_tls_client_required);
  refused("grpc_tls_client_allow: spiffe://td*\n", 1, 24, "'*' stands only");
  refused("grpc_tls_client_allow: spiffe://*\n", 1, 24, "'*' stands only");
  refused("grpc_tls_client_allow: spiffe://td/ns/*/sa/x\n", 1, 24, "'*' stands only");
  refused("grpc_tls_client_allow: \"*.internal\"\n", 1, 24, "'*' stands only");
  refused("grpc_tls_client_allow: a;;b\n", 1, 24, "empty name");
  refused("grpc_tls_client_allow: a;\n", 1, 24, "at the end");
  refused("grpc_tls_client_allow: a; b\n", 1, 24, "blanks");
  refused("grpc_tls_client_required: 1\n", 1, 27, "true or false");
}

static void a_nul_in_a_text_is_refused(void **state) {
  (void)state;
  refused("data_dir: \"a\\0b\"\n", 1, 11, "data_dir");
}

static void set_pairs(void **state) {
  (void)state;
  struct daemon_conf c;
  struct conf_err err;
  conf_init(&c);
  assert_true(conf_set_pair(&c, "api_port=9", &err));
  assert_int_equal(c.api_port, 9);
  assert_true(conf_set_pair(&c, "data_dir=a=b", &err));
  assert_string_equal(c.data_dir, "a=b");
  assert_false(conf_set_pair(&c, "api_port", &err));
  assert_false(conf_set_pair(&c, "nope=1", &err));
  assert_non_null(strstr(err.text, "nope"));
}

static void an_error_names_its_file(void **state) {
  (void)state;
  struct daemon_conf c;
  struct conf_err err;
  char text[256];
  struct base_buf out = buf_over(text, sizeof text);
  conf_init(&c);
  assert_false(conf_load(&c, "/nonexistent/x.yaml", &err));
  conf_err_text(&err, "x.yaml", &out);
  assert_true(str_eq(buf_str(&out), STR("x.yaml: No such file or directory")));
  buf_clear(&out);
  assert_false(conf_read(&c, STR("a: 1"), &err));
  conf_err_text(&err, "x.yaml", &out);
  assert_true(str_eq(buf_str(&out), STR("x.yaml:1:1: unknown key 'a'")));
}

/* A black box keeps the configuration as text: all of it must come back. */
static void what_is_written_reads_back(void **state) {
  (void)state;
  static struct daemon_conf was, is;
  struct conf_err err;
  struct base_buf out = buf_open(CONF_FILE_BYTES);
  read_ok(&was,
          "grpc_address: \"::1\"\nalerts_per_week: 0.1\ncheckpoint_interval: 1500ms\nidle_timeout: 3h\n"
          "data_dir: \"/a b/\\u00e4\\\"\\\\#: x\"\nmute: \"service=cart cluster=east; route=GET /a\"\n"
          "public_url: \"https://fs.example.com/\"\nmax_series: 640\nseasonality: 0\nlog: json\n");
  conf_write(&was, false, &out);
  assert_false(out.bad);
  conf_init(&is);
  if (!conf_read(&is, buf_str(&out), &err)) fail_msg("%u:%u: %s", err.line, err.column, err.text);
  assert_memory_equal(&was, &is, sizeof was);
  buf_clear(&out);
  conf_write(&was, true, &out);
  buf_put_char(&out, 0);
  assert_non_null(strstr(out.p, "alerts_per_week: "));
  assert_null(strstr(out.p, "cart"));
  assert_null(strstr(out.p, "example"));
  assert_null(strstr(out.p, "/a b"));
  buf_fini(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults_are_the_contract),
      cmocka_unit_test(a_file_sets_every_type),
      cmocka_unit_test(an_empty_file_is_fine),
      cmocka_unit_test(refusals_have_line_and_column),
      cmocka_unit_test(names_of_clients_are_checked),
      cmocka_unit_test(jobs_are_read),
      cmocka_unit_test(a_jobs_refusal_has_its_place),
      cmocka_unit_test(a_nul_in_a_text_is_refused),
      cmocka_unit_test(set_pairs),
      cmocka_unit_test(an_error_names_its_file),
      cmocka_unit_test(receivers_are_read),
      cmocka_unit_test(receivers_are_bounded),
      cmocka_unit_test(a_receivers_refusal_has_its_place),
      cmocka_unit_test(what_is_written_reads_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
