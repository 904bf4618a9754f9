/* /metrics: Prometheus' text, or OpenMetrics 1.0 where that is asked for. One is made, the other written from it: they
 * differ in the name of a counter's family, in how HELP escapes, and in the end. */
#include "base_must.h"
#include "serve_room.h"

#define METRICS_TEXT "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_OPEN "application/openmetrics-text; version=1.0.0; charset=utf-8"

static void family(struct base_buf *out, const char *name, const char *type, const char *help) {
  buf_put_f(out, "# HELP foreshock_%s %s\n# TYPE foreshock_%s %s\n", name, help, name, type);
}

static void gauge(struct base_buf *out, const char *name, const char *help, double value) {
  family(out, name, "gauge", help);
  buf_put_f(out, "foreshock_%s %.15g\n", name, value);
}

static void sample(struct base_buf *out, const char *name, const char *label, const char *is, double value) {
  buf_put_f(out, "foreshock_%s{%s=\"%s\"} %.15g\n", name, label, is, value);
}

static void metrics_counters(struct serve *s, struct base_buf *out) {
  const struct serve_source *src = &s->conf.source;
  for (unsigned c = 0; c < REC_COUNTER_COUNT; c++) {
    const char *name = rec_counter_text(c);
    buf_put_f(out, "# HELP foreshock_%s_total %s\n# TYPE foreshock_%s_total counter\nforeshock_%s_total %llu\n", name,
              rec_counter_doc(c), name, name, (unsigned long long)src->counter(src->ctx, c));
  }
}

static void metrics_state(struct serve *s, const struct serve_status *st, struct base_buf *out) {
  const struct serve_source *src = &s->conf.source;
  double end_s = (double)st->tick_end.ns / 1e9, now_s = (double)st->now.ns / 1e9;
  gauge(out, "series", "series in use", st->series_n);
  gauge(out, "series_max", "series that fit", st->series_max);
  gauge(out, "incidents_open", "incidents that are open", st->incidents_open);
  gauge(out, "tick_lag_seconds", "how far the last closed tick is behind the clock",
        st->tick_end.ns ? now_s - end_s : 0);
  if (st->tick_end.ns)
    gauge(out, "watermark_timestamp_seconds", "event time up to which all is counted, the end of the last tick", end_s);
  gauge(out, "telemetry_gaps", "proxies whose reports are incomplete now", src->telemetry(src->ctx, NULL, 0));
  gauge(out, "connections", "connections that are open", st->connections);
  gauge(out, "streams", "gRPC streams that are open", (double)serve_streams_open(s));
  gauge(out, "live_streams", "readers of the live stream", s->live_n);
  gauge(out, "ready", "1 when ready", st->ready);
  gauge(out, "restoring", "1 while what came after the last checkpoint is applied", st->restoring);
  gauge(out, "storage_ok", "1 unless the disk cannot be written", st->problem == NULL);
}

static void metrics_room(const struct serve_status *st, struct base_buf *out) {
  gauge(out, "boxes_kept", "incidents whose input is kept, for replay", st->boxes);
  gauge(out, "boxes_bytes", "disk that only those hold", (double)st->box_bytes);
  gauge(out, "series_disk_bytes", "points of series on disk", (double)st->series_bytes);
  gauge(out, "uptime_seconds", "time since the start", (double)(st->now.ns - st->started_at.ns) / 1e9);
  gauge(out, "resident_memory_bytes", "memory resident", (double)serve_rss_bytes());
}

/* One gauge of several samples, each by the label that `of` names it by; `of` may be NULL. */
static void metrics_each(struct serve *s, const char *(*of)(void *ctx, uint32_t idx, uint64_t *n), const char *name,
                         const char *label, const char *help, struct base_buf *out) {
  const char *is;
  uint64_t n;
  if (!of) return;
  family(out, name, "gauge", help);
  for (uint32_t i = 0; (is = of(s->conf.source.ctx, i, &n)); i++) sample(out, name, label, is, (double)n);
}

static void metrics_alarms(struct serve *s, struct base_buf *out) {
  const struct serve_source *src = &s->conf.source;
  uint32_t n[REC_LEVEL_COUNT] = {0};
  if (!src->alarms) return;
  src->alarms(src->ctx, n);
  family(out, "alarms_open", "gauge", "alarms that go on, by the level of their series");
  for (unsigned l = 0; l < REC_LEVEL_COUNT; l++) sample(out, "alarms_open", "level", rec_level_text(l), n[l]);
}

static void metrics_calibration(struct serve *s, struct base_buf *out) {
  const struct serve_source *src = &s->conf.source;
  struct serve_calibration c[REC_SIGNAL_COUNT];
  src->calibration(src->ctx, c);
  family(out, "threshold_nats", "gauge", "evidence that an alarm takes, by signal: the budget's and what is added");
  for (unsigned i = 0; i < REC_SIGNAL_COUNT; i++)
    sample(out, "threshold_nats", "signal", rec_signal_text(c[i].signal), c[i].threshold + c[i].raised_by);
  family(out, "threshold_raised_nats", "gauge", "of that, what is added because the traffic itself asks for it");
  for (unsigned i = 0; i < REC_SIGNAL_COUNT; i++)
    sample(out, "threshold_raised_nats", "signal", rec_signal_text(c[i].signal), c[i].raised_by);
  family(out, "calibration_series_weeks", "gauge", "what that is known from: time watched, summed over the series");
  for (unsigned i = 0; i < REC_SIGNAL_COUNT; i++)
    sample(out, "calibration_series_weeks", "signal", rec_signal_text(c[i].signal), c[i].series_weeks);
}

static void metrics_write(struct serve *s, struct base_buf *out) {
  struct serve_status st = {0};
  s->conf.source.status(s->conf.source.ctx, &st);
  metrics_counters(s, out);
  metrics_state(s, &st, out);
  metrics_room(&st, out);
  metrics_each(s, s->conf.source.memory, "room_memory_bytes", "room",
               "memory resident of what a room holds for good; the rest is buffers", out);
  metrics_each(s, s->conf.source.reporters_by, "reporters", "source",
               "reporters in the last minute, by the source that counts for them", out);
  metrics_alarms(s, out);
  metrics_calibration(s, out);
  serve_receivers_metrics(s, out);
  serve_listeners_metrics(s, out);
  serve_scrape_metrics(s, out);
  family(out, "build_info", "gauge", "version and commit");
  buf_put_f(out, "foreshock_build_info{version=\"%s\",commit=\"%s\"} 1\n", s->conf.version, s->conf.commit);
}

/* ---- OpenMetrics ---- */

static bool begins(struct base_str line, const char *with) {
  size_t n = strlen(with);
  return line.n >= n && memcmp(line.p, with, n) == 0;
}

/* "# HELP NAME text" or "# TYPE NAME counter": a counter's family is called without its samples' _total. */
static void open_head(struct base_str line, struct base_buf *out) {
  size_t name_end = str_find(line, ' ', 7);
  struct base_str name = str_cut(line, 0, name_end), rest = str_cut(line, name_end, line.n);
  if (name.n > 6 && memcmp(name.p + name.n - 6, "_total", 6) == 0) name.n -= 6;
  buf_put_str(out, name);
  for (size_t i = 0; i < rest.n; i++) {
    if (rest.p[i] == '"') buf_put_char(out, '\\');
    buf_put_char(out, rest.p[i]);
  }
}

static void open_write(struct base_str text, struct base_buf *out) {
  for (size_t at = 0; at < text.n;) {
    size_t end = str_find(text, '\n', at);
    struct base_str line = str_cut(text, at, end);
    if (begins(line, "# HELP ") || begins(line, "# TYPE "))
      open_head(line, out);
    else
      buf_put_str(out, line);
    buf_put_char(out, '\n');
    at = end + 1;
  }
  buf_put_str(out, STR("# EOF\n"));
}

/* Whoever names it can read it: Prometheus names both, and likes this one better. */
static bool wants_open(struct base_str accept) {
  static const char name[] = "application/openmetrics-text";
  return accept.n && memmem(accept.p, accept.n, name, sizeof name - 1) != NULL;
}

void serve_metrics_get(struct serve_call *c) {
  struct base_buf *out = &c->res->body;
  bool open = wants_open(c->req->accept);
  c->res->content_type = open ? METRICS_OPEN : METRICS_TEXT;
  if (!open) {
    metrics_write(c->serve, out);
    return;
  }
  struct base_buf text = buf_open(LIMIT_HTTP_OUT_BYTES);
  metrics_write(c->serve, &text);
  if (!text.bad) open_write(buf_str(&text), out);
  out->bad |= text.bad;
  buf_fini(&text);
}
