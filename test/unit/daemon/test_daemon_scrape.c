/* From the words of a configuration, a file or a name to the URL and labels of a target. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>

#include "base_buf.h"
#include "daemon_scrape.h"
#include "daemon_sd.h"

static struct conf_scrape_job job_of(const char *path, const char *labels) {
  struct conf_scrape_job j;
  conf_scrape_init(&j);
  (void)snprintf(j.job, sizeof j.job, "mesh");
  (void)snprintf(j.path, sizeof j.path, "%s", path);
  (void)snprintf(j.labels, sizeof j.labels, "%s", labels);
  return j;
}

static void is(const struct conf_scrape_job *j, const char *target, const struct sd_label *label, unsigned n,
               const char *url, const char *labels) {
  char mem[8192];
  struct base_buf out = buf_over(mem, sizeof mem);
  if (!scrape_target_put(j, str_of(target), label, n, &out)) fail_msg("%s: refused", target);
  assert_string_equal(mem, url);
  assert_string_equal(mem + strlen(url) + 1, labels);
  assert_int_equal(out.n, strlen(url) + strlen(labels) + 2);
}

static void a_target_has_url_and_labels(void **state) {
  struct conf_scrape_job j = job_of("/metrics", "");
  (void)state;
  is(&j, "10.0.0.1:15020", NULL, 0, "http://10.0.0.1:15020/metrics", "{job=\"mesh\",instance=\"10.0.0.1:15020\"}");
  is(&j, "[::1]:9", NULL, 0, "http://[::1]:9/metrics", "{job=\"mesh\",instance=\"[::1]:9\"}");
  is(&j, "web", NULL, 0, "http://web/metrics", "{job=\"mesh\",instance=\"web:80\"}");
  is(&j, "[::1]", NULL, 0, "http://[::1]/metrics", "{job=\"mesh\",instance=\"[::1]:80\"}");
  is(&j, "https://web/stats?x=1", NULL, 0, "https://web/stats?x=1", "{job=\"mesh\",instance=\"web:443\"}");
  struct conf_scrape_job k = job_of("/m?only=a", "env=prod\nzone=a b\n");
  is(&k, "h:1", NULL, 0, "http://h:1/m?only=a", "{job=\"mesh\",instance=\"h:1\",env=\"prod\",zone=\"a b\"}");
}

static void a_files_labels_win(void **state) {
  struct conf_scrape_job j = job_of("/metrics", "env=prod\ngone=x\n");
  const struct sd_label label[] = {{STR("env"), STR("test")},           {STR("gone"), STR("")},
                                   {STR("pod"), STR("a\"b\\c\nd")},     {STR("instance"), STR("cart-1")},
                                   {STR("__meta_x"), STR("dropped")},   {STR("__scheme__"), STR("https")},
                                   {STR("__metrics_path__"), STR("/p")}};
  (void)state;
  is(&j, "h:1", label, 7, "https://h:1/p", "{job=\"mesh\",instance=\"cart-1\",env=\"test\",pod=\"a\\\"b\\\\c\\nd\"}");
}

static void refused(const struct conf_scrape_job *j, const char *target, struct sd_label label) {
  char mem[8192];
  struct base_buf out = buf_over(mem, sizeof mem);
  assert_false(scrape_target_put(j, str_of(target), &label, label.name.n ? 1 : 0, &out));
  assert_int_equal(out.n, 0);
}

static void what_is_no_target_is_refused(void **state) {
  struct conf_scrape_job j = job_of("/metrics", "");
  const struct sd_label none = {STR_NONE, STR_NONE};
  static char large[LIMIT_SCRAPE_LABELS_BYTES + 1];
  (void)state;
  memset(large, 'x', sizeof large - 1);
  const char *bad[] = {"", "a b:1", "user:secret@h:1", "h:1?x", "http://", "http:///metrics", "a\nb", "h:1/p#q"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) refused(&j, bad[i], none);
  refused(&j, "h:1", (struct sd_label){STR("9a"), STR("x")});
  refused(&j, "h:1", (struct sd_label){STR("a-b"), STR("x")});
  refused(&j, "h:1", (struct sd_label){STR("a"), STR("x\0y")});
  refused(&j, "h:1", (struct sd_label){STR("a"), str_of(large)});
  refused(&j, "h:1", (struct sd_label){STR("__scheme__"), STR("file")});
  refused(&j, "h:1", (struct sd_label){STR("__metrics_path__"), STR("p")});
}

/* ---- files ---- */

static bool note(void *ctx, struct base_str target, const struct sd_label *label, unsigned n) {
  struct base_buf *out = ctx;
  buf_put_f(out, "%.*s", STR_ARG(target));
  for (unsigned i = 0; i < n; i++) buf_put_f(out, " %.*s=%.*s", STR_ARG(label[i].name), STR_ARG(label[i].value));
  buf_put_char(out, '|');
  return !str_eq(target, STR("never"));
}

static void reads(bool json, const char *text, const char *want) {
  char mem[1024] = "", why[SD_WHY_BYTES] = "";
  struct base_buf out = buf_over(mem, sizeof mem - 1);
  bool good = (json ? sd_json_read : sd_yaml_read)(str_of(text), note, &out, why);
  if (!good) fail_msg("%s: %s", text, why);
  assert_string_equal(mem, want);
}

static void reads_not(bool json, const char *text, const char *want) {
  char mem[1024], why[SD_WHY_BYTES] = "";
  struct base_buf out = buf_over(mem, sizeof mem);
  assert_false((json ? sd_json_read : sd_yaml_read)(str_of(text), note, &out, why));
  if (!strstr(why, want)) fail_msg("%s: got \"%s\", want \"%s\"", text, why, want);
}

static void files_are_read(void **state) {
  (void)state;
  reads(true, "[]", "");
  reads(true, "[{\"targets\":[\"a:1\",\"b:2\"],\"labels\":{\"k\":\"v\",\"l\":\"\\u00e9\"}},{\"targets\":[\"c:3\"]}]",
        "a:1 k=v l=\u00e9|b:2 k=v l=\u00e9|c:3|");
  reads(false, "", "");
  reads(false, "- targets: [a:1, b:2]\n  labels: {k: v, n: 7}\n- targets:\n  - 'c:3'\n",
        "a:1 k=v n=7|b:2 k=v n=7|c:3|");
  reads(false, "[{\"targets\": [\"a:1\"], \"labels\": {\"k\": \"v\"}}]", "a:1 k=v|");
  reads(false, "- &t\n  targets: [a:1]\n- *t\n", "a:1|a:1|");
}

static void broken_files_are_refused(void **state) {
  (void)state;
  reads_not(true, "", "byte 0");
  reads_not(true, "[", "byte 1");
  reads_not(true, "{}", "wants a list");
  reads_not(true, "[{}]", "wants a list");
  reads_not(true, "[{\"targets\":[1]}]", "wants a list");
  reads_not(true, "[{\"targets\":[\"a:1\"],\"labels\":{\"k\":1}}]", "wants a list");
  reads_not(true, "[{\"targets\":[\"never\"]}]", "cannot be used");
  reads_not(false, "- targets: [a", "line");
  reads_not(false, "targets: []", "wants a list");
  reads_not(false, "- a", "wants a list");
  reads_not(false, "- targets: [[a]]", "wants a list");
  reads_not(false, "- targets: [a]\n  labels: [k]", "wants a list");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_target_has_url_and_labels),  cmocka_unit_test(a_files_labels_win),
      cmocka_unit_test(what_is_no_target_is_refused), cmocka_unit_test(files_are_read),
      cmocka_unit_test(broken_files_are_refused),
  };
  return cmocka_run_group_tests_name("daemon_scrape", tests, NULL, NULL);
}
