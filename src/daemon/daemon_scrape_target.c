/* From what a file, a name or the configuration says to a URL and labels. */
#include "daemon_scrape.h"
#include "daemon_sd.h"
#include "wire_preface.h"

enum { TARGET_LABELS = 2 + SD_LABELS + 64 };

struct target {
  struct base_str scheme, address, path;
  unsigned n;
  struct wire_label label[TARGET_LABELS];
};

/* The last word counts. */
static bool label_set(struct target *t, struct base_str name, struct base_str value) {
  unsigned i = 0;
  while (i < t->n && !str_eq(t->label[i].key, name)) i++;
  if (i == TARGET_LABELS) return false;
  t->label[i] = (struct wire_label){name, value};
  if (i == t->n) t->n++;
  return true;
}

/* "http://host:port/path" in its parts; what is missing stays as it was. */
static void url_split(struct target *t, struct base_str target) {
  struct base_str rest = target;
  if (str_starts(target, STR("http://"))) t->scheme = STR("http");
  if (str_starts(target, STR("https://"))) t->scheme = STR("https");
  if (str_starts(target, STR("http://")) || str_starts(target, STR("https://")))
    rest = str_cut(target, t->scheme.n + 3, target.n);
  size_t slash = str_find(rest, '/', 0);
  t->address = str_cut(rest, 0, slash);
  if (slash < rest.n) t->path = str_cut(rest, slash, rest.n);
}

static bool clean(struct base_str s, const char *never) {
  for (size_t i = 0; i < s.n; i++)
    if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || strchr(never, s.p[i])) return false;
  return s.n > 0;
}

/* An address with its port, as `instance` has it. */
static struct base_str address_whole(const struct target *t, char *mem, size_t cap) {
  size_t end = t->address.p[0] == '[' ? str_find(t->address, ']', 0) : 0;
  if (str_find(t->address, ':', end) < t->address.n) return t->address;
  struct base_buf b = buf_over(mem, cap);
  buf_put_str(&b, t->address);
  buf_put_str(&b, str_eq(t->scheme, STR("https")) ? STR(":443") : STR(":80"));
  return buf_str(&b);
}

/* The configured labels: lines NAME=VALUE. */
static bool labels_conf(struct target *t, const char *lines) {
  struct base_str all = str_of(lines);
  for (size_t at = 0; at < all.n;) {
    size_t end = str_find(all, '\n', at), eq = str_find(all, '=', at);
    if (!label_set(t, str_cut(all, at, eq), str_cut(all, eq + 1, end))) return false;
    at = end + 1;
  }
  return true;
}

static bool labels_file(struct target *t, const struct sd_label *label, unsigned n) {
  for (unsigned i = 0; i < n; i++) {
    if (!conf_label_good(label[i].name)) return false;
    if (str_eq(label[i].name, STR("__scheme__"))) t->scheme = label[i].value;
    if (str_eq(label[i].name, STR("__metrics_path__"))) t->path = label[i].value;
    if (!str_starts(label[i].name, STR("__")) && !label_set(t, label[i].name, label[i].value)) return false;
  }
  return true;
}

static bool target_good(const struct target *t) {
  bool scheme = str_eq(t->scheme, STR("http")) || str_eq(t->scheme, STR("https"));
  return scheme && t->address.n < 300 && clean(t->address, "@?#\\\"") && clean(t->path, "#") && t->path.p[0] == '/';
}

static bool no_nul(const struct sd_label *label, unsigned n) {
  for (unsigned i = 0; i < n; i++)
    if (label[i].value.n && memchr(label[i].value.p, 0, label[i].value.n)) return false;
  return true;
}

bool scrape_target_put(const struct conf_scrape_job *job, struct base_str target, const struct sd_label *label,
                       unsigned label_n, struct base_buf *out) {
  struct target t = {.scheme = str_of(job->scheme), .path = str_of(job->path)};
  char address[320], text[LIMIT_SCRAPE_LABELS_BYTES];
  struct base_buf labels = buf_over(text, sizeof text);
  url_split(&t, target);
  if (t.address.n == 0 || !no_nul(label, label_n)) return false;
  (void)(label_set(&t, STR("job"), str_of(job->job)) && label_set(&t, STR("instance"), STR_NONE));
  if (!labels_conf(&t, job->labels) || !labels_file(&t, label, label_n) || !target_good(&t)) return false;
  if (t.label[1].value.n == 0) t.label[1].value = address_whole(&t, address, sizeof address);
  wire_preface_labels(&labels, t.label, t.n);
  if (labels.bad) return false;
  buf_put_f(out, "%.*s://%.*s%.*s", STR_ARG(t.scheme), STR_ARG(t.address), STR_ARG(t.path));
  buf_put_char(out, 0);
  buf_put_str(out, buf_str(&labels));
  buf_put_char(out, 0);
  return !out->bad;
}
