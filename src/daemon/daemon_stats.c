#include "daemon_stats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base_buf.h"
#include "daemon_stats_metrics.h"
#include "daemon_stats_row.h"
#include "rec_counter.h"
#include "wire_fold.h"

#define JSON_BYTES_MAX (1u << 30)

struct stats {
  struct wire_fold *fold;
  void *mem;
  size_t mem_bytes;
  struct rows *rows;
  struct base_buf json;
  wire_stream *stream;
  struct door door;
  uint64_t oversize, compressed, cut, broken, lost;
  int64_t first_ns, last_ns;
  bool any, out_of_memory;
  struct stats_metrics *metrics;
};

/* ---- counting ---- */

static void stats_row(struct stats *s, enum row_kind kind, uint32_t side, struct base_str ns, struct base_str service,
                      struct base_str third, struct base_str fourth, const struct wire_seen *seen) {
  const struct base_str name[ROW_NAMES] = {ns, service, third, fourth};
  if (!rows_add(s->rows, kind, side, name, seen)) s->out_of_memory = true;
}

/* Who serves, on one side: its service, pod and route. */
static void stats_serving(struct stats *s, uint32_t side, struct base_str ns, struct base_str service,
                          struct base_str pod, struct base_str route, const struct wire_seen *seen) {
  if (service.n == 0) return;
  stats_row(s, ROW_SERVICE, side, ns, service, STR_NONE, STR_NONE, seen);
  if (pod.n) stats_row(s, ROW_POD, side, ns, service, STR_NONE, pod, seen);
  if (route.n) stats_row(s, ROW_ROUTE, side, ns, service, STR_NONE, route, seen);
}

static void stats_seen(void *arg, const struct wire_seen *seen) {
  struct stats *s = arg;
  const struct base_str *d = seen->dim;
  bool server = seen->side == REC_SIDE_SERVER;
  struct base_str cluster = server ? d[REC_DIM_CLUSTER] : seen->own_cluster;
  struct base_str region = server ? d[REC_DIM_REGION] : seen->own_region;
  int64_t start_ns = seen->end_ns - seen->latency_ns;
  if (!s->any || start_ns < s->first_ns) s->first_ns = start_ns;
  if (!s->any || seen->end_ns > s->last_ns) s->last_ns = seen->end_ns;
  s->any = true;
  stats_serving(s, seen->side, d[REC_DIM_NAMESPACE], d[REC_DIM_SERVICE], d[REC_DIM_POD], d[REC_DIM_ROUTE], seen);
  if (seen->gateway)
    stats_serving(s, REC_SIDE_SERVER, d[REC_DIM_CALLER_NAMESPACE], d[REC_DIM_CALLER], seen->own_pod, d[REC_DIM_ROUTE],
                  seen);
  if (d[REC_DIM_SERVICE].n && d[REC_DIM_CALLER].n)
    stats_row(s, ROW_EDGE, seen->side, d[REC_DIM_NAMESPACE], d[REC_DIM_SERVICE], d[REC_DIM_CALLER_NAMESPACE],
              d[REC_DIM_CALLER], seen);
  if (cluster.n) stats_row(s, ROW_CLUSTER, seen->side, STR_NONE, cluster, STR_NONE, STR_NONE, seen);
  if (region.n) stats_row(s, ROW_REGION, seen->side, STR_NONE, region, STR_NONE, STR_NONE, seen);
}

static void stats_message(struct stats *s, const struct daemon_message *m) {
  struct rec_tick tick;
  struct base_wall none = {0};
  struct door_message d;
  const char *reason;
  if (!s->stream[m->stream]) s->stream[m->stream] = wire_fold_stream_open(s->fold);
  if (!door_take(&s->door, m->wire, m->bytes, &d, &reason)) {
    s->broken++;
    return;
  }
  s->lost += d.lost;
  door_fold(s->fold, s->stream[m->stream], d.form, d.bytes, none);
  while (wire_fold_tick(s->fold, none, false, &tick)) continue;
}

/* Reads to the end. Messages passed over are counted; the first broken stream goes to err. */
static int stats_read(struct stats *s, struct daemon_input *in, FILE *err) {
  struct daemon_message m;
  struct rec_tick tick;
  enum daemon_input_status status;
  while ((status = daemon_input_next(in, &m)) != DAEMON_INPUT_END) {
    if (status == DAEMON_INPUT_OK) {
      stats_message(s, &m);
      continue;
    }
    if (status == DAEMON_INPUT_CUT && s->cut == 0)
      fprintf(err, "%s: offset %" PRIu64 ": %s\n", m.file, m.offset, m.reason);
    s->cut += status == DAEMON_INPUT_CUT;
    s->oversize += status == DAEMON_INPUT_SKIP && m.oversize;
    s->compressed += status == DAEMON_INPUT_SKIP && !m.oversize;
  }
  while (wire_fold_tick(s->fold, (struct base_wall){0}, true, &tick)) continue;
  return s->cut ? 1 : 0;
}

/* ---- JSON ---- */

static void json_string(struct base_buf *b, struct base_str v) {
  buf_put_char(b, '"');
  for (size_t i = 0; i < v.n; i++) {
    unsigned char c = (unsigned char)v.p[i];
    if (c == '"' || c == '\\') {
      buf_put_char(b, '\\');
      buf_put_char(b, (char)c);
    } else if (c < 0x20 || c == 0x7f) {
      buf_put_f(b, "\\u%04x", c);
    } else {
      buf_put_char(b, (char)c);
    }
  }
  buf_put_char(b, '"');
}

static void json_key(struct base_buf *b, const char *key) {
  buf_put_f(b, "\"%s\":", key);
}

static void json_text(struct base_buf *b, const char *key, struct base_str v) {
  json_key(b, key);
  json_string(b, v);
  buf_put_char(b, ',');
}

static void json_count(struct base_buf *b, const char *key, uint64_t n) {
  buf_put_f(b, "\"%s\":%" PRIu64 ",", key, n);
}

/* Takes a comma that stands too much. */
static void json_close(struct base_buf *b, char c) {
  if (b->n && b->p[b->n - 1] == ',') b->n--;
  buf_put_char(b, c);
}

static const char *flag_text(unsigned bit) {
#define X(number, name) [number] = #name,
  static const char *const text[WIRE_FLAG_COUNT] = {WIRE_FLAG_TABLE(X)};
#undef X
  return text[bit];
}

static void json_counts(struct base_buf *b, const struct row *w) {
  json_text(b, "reporter", str_of(rec_side_text((enum rec_side)w->side)));
  json_count(b, "requests", w->requests);
  json_count(b, "errors", w->errors);
  json_key(b, "classes");
  buf_put_char(b, '{');
  for (unsigned i = 0; i < REC_CLASS_COUNT; i++)
    if (w->class_n[i]) json_count(b, rec_class_text((enum rec_class)i), w->class_n[i]);
  json_close(b, '}');
  buf_put_str(b, STR(",\"codes\":{"));
  for (uint32_t i = 0; i < w->code_n; i++) buf_put_f(b, "\"%u\":%" PRIu64 ",", w->code[i].code, w->code[i].n);
  json_close(b, '}');
  buf_put_str(b, STR(",\"flags\":{"));
  for (unsigned i = 1; i < WIRE_FLAG_COUNT; i++)
    if (w->flag_n[i]) json_count(b, flag_text(i), w->flag_n[i]);
  json_close(b, '}');
  buf_put_char(b, ',');
}

static void json_quantile(struct base_buf *b, const char *key, const struct row *w, double q) {
  uint64_t ns = hist_quantile_ns(w->fine, HIST_FINE_BUCKETS, HIST_FINE_FLOOR_LOG2, HIST_FINE_BITS, q);
  if (ns)
    buf_put_f(b, "\"%s\":%.3f,", key, (double)ns / 1e6);
  else
    buf_put_f(b, "\"%s\":null,", key);
}

static void json_names(struct base_buf *b, const struct row *w) {
  if (w->kind == ROW_CLUSTER || w->kind == ROW_REGION) return;
  if (w->kind == ROW_EDGE) {
    json_text(b, "caller", w->name[3]);
    json_text(b, "caller_namespace", w->name[2]);
    json_text(b, "callee", w->name[1]);
  }
  if (w->kind == ROW_ROUTE) json_text(b, "route", w->name[3]);
  if (w->kind != ROW_EDGE) json_text(b, "service", w->name[1]);
  json_text(b, "namespace", w->name[0]);
}

static void json_row(struct base_buf *b, const struct row *w) {
  buf_put_char(b, '{');
  json_names(b, w);
  json_counts(b, w);
  if (w->fine) {
    json_quantile(b, "p50_ms", w, 0.5);
    json_quantile(b, "p99_ms", w, 0.99);
  }
  json_close(b, '}');
  buf_put_char(b, ',');
}

/* Is there a better word on the same names? Servers know best what they serve, clients whom they call. */
static bool row_is_second(const struct stats *s, const struct row *w) {
  uint32_t first = w->kind == ROW_EDGE ? REC_SIDE_CLIENT : REC_SIDE_SERVER;
  return w->side != first && rows_find(s->rows, (enum row_kind)w->kind, first, w->name) != NULL;
}

/* What an object's rows are called by: pods, clusters, regions and services by name; `name.namespace` where a
 * second service has the name of the one before. */
static void json_row_key(struct base_buf *b, const struct row *w, const struct row *before) {
  struct base_str name = w->name[w->kind == ROW_POD ? 3 : 1];
  char mem[2 * LIMIT_NAME_BYTES + 2];
  struct base_buf key = buf_over(mem, sizeof mem);
  buf_put_str(&key, name);
  if (before && w->kind != ROW_CLUSTER && w->kind != ROW_REGION &&
      str_eq(before->name[w->kind == ROW_POD ? 3 : 1], name)) {
    buf_put_char(&key, '.');
    buf_put_str(&key, w->name[0]);
  }
  json_string(b, buf_str(&key));
  buf_put_char(b, ':');
}

static void json_kind(struct stats *s, enum row_kind kind, const char *key, const struct row *const *row, size_t n) {
  bool list = kind == ROW_EDGE || kind == ROW_ROUTE;
  const struct row *before = NULL;
  json_key(&s->json, key);
  buf_put_char(&s->json, list ? '[' : '{');
  for (size_t i = 0; i < n; i++) {
    if (row[i]->kind != kind || row_is_second(s, row[i])) continue;
    if (!list) json_row_key(&s->json, row[i], before);
    json_row(&s->json, row[i]);
    before = row[i];
  }
  json_close(&s->json, list ? ']' : '}');
  buf_put_char(&s->json, ',');
}

/* Entries too late for their tick are no rejects here: they were counted. */
static void json_rejected(struct stats *s) {
  static const enum rec_counter reject[] = {
      REC_COUNTER_REJECT_MESSAGE,      REC_COUNTER_REJECT_ENTRY,         REC_COUNTER_REJECT_NO_IDENTIFIER,
      REC_COUNTER_REJECT_NO_START,     REC_COUNTER_REJECT_TIME,          REC_COUNTER_REJECT_NAME,
      REC_COUNTER_REJECT_UTF8,         REC_COUNTER_REJECT_AHEAD,         REC_COUNTER_REJECT_SERIES_LIMIT,
      REC_COUNTER_REJECT_CELL_LIMIT,   REC_COUNTER_REJECT_NODE_LIMIT,    REC_COUNTER_REJECT_LOG_POOR,
      REC_COUNTER_REJECT_SAMPLE,       REC_COUNTER_REJECT_SAMPLE_LABELS, REC_COUNTER_REJECT_SAMPLE_BUCKETS,
      REC_COUNTER_REJECT_SAMPLE_ORDER, REC_COUNTER_REJECT_SYMBOL_LIMIT};
  const uint64_t *n = wire_fold_counters(s->fold);
  buf_put_str(&s->json, STR("\"rejected\":{"));
  for (size_t i = 0; i < sizeof reject / sizeof *reject; i++) {
    uint64_t count = n[reject[i]] + (i == 0 ? s->broken : 0);
    if (count) json_count(&s->json, rec_counter_text(reject[i]), count);
  }
  if (s->lost) json_count(&s->json, "span_without_id", s->lost);
  if (s->oversize) json_count(&s->json, rec_counter_text(REC_COUNTER_REJECT_OVERSIZE), s->oversize);
  if (s->compressed) json_count(&s->json, rec_counter_text(REC_COUNTER_REJECT_COMPRESSED), s->compressed);
  if (s->cut) json_count(&s->json, rec_counter_text(REC_COUNTER_REJECT_FRAME), s->cut);
  json_close(&s->json, '}');
  buf_put_char(&s->json, ',');
}

/* What spans and log records were, where there are any. */
static void json_signals(struct stats *s) {
  static const enum rec_counter part[] = {
      REC_COUNTER_SPANS,         REC_COUNTER_SPANS_OTHER,    REC_COUNTER_SPANS_TRY, REC_COUNTER_SPANS_INNER,
      REC_COUNTER_SPANS_JOINED,  REC_COUNTER_SPANS_ORPHAN,   REC_COUNTER_LOGS,      REC_COUNTER_SECONDARY,
      REC_COUNTER_WAITING_LIMIT, REC_COUNTER_SPAN_LINKS_LOST};
  static const char *const severity[WIRE_FOLD_SEVERITIES] = {"unspecified", "trace", "debug", "info",
                                                             "warn",        "error", "fatal"};
  struct wire_fold_log row[64];
  const uint64_t *n = wire_fold_counters(s->fold);
  if (!n[REC_COUNTER_SPANS] && !n[REC_COUNTER_LOGS]) return;
  for (size_t i = 0; i < sizeof part / sizeof *part; i++)
    if (n[part[i]]) json_count(&s->json, rec_counter_text(part[i]), n[part[i]]);
  uint32_t rows = wire_fold_logs(s->fold, row, sizeof row / sizeof *row);
  buf_put_str(&s->json, STR("\"log_records\":{"));
  for (uint32_t i = 0; i < rows; i++) {
    json_string(&s->json, row[i].service);
    buf_put_str(&s->json, STR(":{"));
    for (unsigned k = 0; k < WIRE_FOLD_SEVERITIES; k++)
      if (row[i].n[k]) json_count(&s->json, severity[k], row[i].n[k]);
    json_close(&s->json, '}');
    buf_put_char(&s->json, ',');
  }
  json_close(&s->json, '}');
  buf_put_char(&s->json, ',');
}

static void json_head(struct stats *s, uint64_t requests) {
  const uint64_t *n = wire_fold_counters(s->fold);
  json_count(&s->json, "messages", n[REC_COUNTER_MESSAGES]);
  json_count(&s->json, "entries", n[REC_COUNTER_ENTRIES]);
  json_rejected(s);
  json_count(&s->json, "requests", requests);
  json_count(&s->json, "requests_server", n[REC_COUNTER_REQUESTS_SERVER]);
  json_count(&s->json, "requests_client", n[REC_COUNTER_REQUESTS_CLIENT]);
  buf_put_f(&s->json, "\"passed_over\":{\"twins\":%" PRIu64 ",\"progress\":%" PRIu64 ",\"own\":%" PRIu64 "},",
            n[REC_COUNTER_TWINS], n[REC_COUNTER_PROGRESS], n[REC_COUNTER_OWN]);
  json_signals(s);
  stats_metrics_write(s->metrics, n, &s->json);
}

static void json_time(struct base_buf *b, const char *key, bool known, int64_t ns) {
  char text[TIME_TEXT_BYTES];
  time_text((struct base_wall){ns}, text);
  if (known)
    json_text(b, key, str_of(text));
  else
    buf_put_f(b, "\"%s\":null,", key);
}

static bool stats_write(struct stats *s, FILE *out) {
  size_t n;
  const struct row *const *row = rows_sorted(s->rows, &n);
  uint64_t requests = 0;
  if (!row) return false;
  for (size_t i = 0; i < n; i++)
    if (row[i]->kind == ROW_SERVICE && !row_is_second(s, row[i])) requests += row[i]->requests;
  buf_put_char(&s->json, '{');
  json_head(s, requests);
  json_kind(s, ROW_SERVICE, "services", row, n);
  json_kind(s, ROW_EDGE, "edges", row, n);
  json_kind(s, ROW_ROUTE, "routes", row, n);
  json_kind(s, ROW_POD, "pods", row, n);
  json_kind(s, ROW_CLUSTER, "clusters", row, n);
  json_kind(s, ROW_REGION, "regions", row, n);
  json_time(&s->json, "first", s->any, s->first_ns);
  json_time(&s->json, "last", s->any, s->last_ns);
  json_close(&s->json, '}');
  buf_put_char(&s->json, '\n');
  return !s->json.bad && fwrite(s->json.p, 1, s->json.n, out) == s->json.n && fflush(out) == 0;
}

/* ---- the command ---- */

static bool stats_open(struct stats *s, uint32_t streams) {
  struct wire_fold_conf conf = {.series_max = LIMIT_SERIES_DEFAULT, .table_key = {1, 2}};
  s->json = buf_open(JSON_BYTES_MAX);
  s->mem_bytes = wire_fold_bytes(&conf);
  s->mem = mmap(NULL, s->mem_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (s->mem == MAP_FAILED) return false;
  s->fold = wire_fold_init(s->mem, s->mem_bytes, &conf);
  s->rows = rows_open();
  s->stream = calloc(streams ? streams : 1, sizeof *s->stream);
  s->metrics = stats_metrics_open();
  wire_fold_watch(s->fold, stats_seen, s);
  if (s->metrics) wire_fold_watch_samples(s->fold, stats_metrics_take, s->metrics);
  return s->rows && s->stream && s->metrics;
}

static void stats_close(struct stats *s) {
  rows_close(s->rows);
  stats_metrics_close(s->metrics);
  door_close(&s->door);
  free(s->stream);
  buf_fini(&s->json);
  if (s->mem && s->mem != MAP_FAILED) munmap(s->mem, s->mem_bytes);
}

int daemon_stats(const char *path, enum daemon_format format, FILE *out, FILE *err) {
  struct stats s = {0};
  char text[512];
  struct daemon_input *in = daemon_input_open(path, format, text, sizeof text);
  if (!in) {
    fprintf(err, "%s\n", text);
    return 1;
  }
  int status = 1;
  if (!stats_open(&s, daemon_input_streams(in))) {
    fprintf(err, "out of memory\n");
  } else {
    status = stats_read(&s, in, err);
    s.out_of_memory = s.out_of_memory || stats_metrics_full(s.metrics);
    if (s.out_of_memory || !stats_write(&s, out)) {
      fprintf(err, "%s\n", s.out_of_memory ? "out of memory, or over a million names" : "cannot write");
      status = 1;
    }
  }
  stats_close(&s);
  daemon_input_close(in);
  return status;
}
