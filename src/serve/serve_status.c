/* The daemon about itself: status, Prometheus metrics, health and readiness. */
#include <stdio.h>
#include <unistd.h>

#include "base_must.h"
#include "serve_room.h"

uint64_t serve_rss_bytes(void) {
  unsigned long long total = 0, resident = 0;
  FILE *f = fopen("/proc/self/statm", "re");
  if (!f) return 0;
  int got = fscanf(f, "%llu %llu", &total, &resident);
  fclose(f);
  return got == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static struct serve_status status_of(struct serve *s) {
  struct serve_status st = {0};
  s->conf.source.status(s->conf.source.ctx, &st);
  return st;
}

static uint64_t counter_of(struct serve *s, enum rec_counter c) {
  return s->conf.source.counter(s->conf.source.ctx, c);
}

static double seconds_between(struct base_wall from, struct base_wall to) {
  return (double)(to.ns - from.ns) / 1e9;
}

static double lag_s(const struct serve_status *st) {
  return st->tick_end.ns ? seconds_between(st->tick_end, st->now) : 0;
}

static void key_time(struct base_json *j, const char *key, struct base_wall t) {
  json_key(j, key);
  if (t.ns)
    json_time(j, t);
  else
    json_null(j);
}

static void status_storage(struct base_json *j, const struct serve_status *st) {
  json_key(j, "storage");
  json_object(j);
  json_key_text(j, "data_dir", st->data_dir);
  json_key_text(j, "problem", st->problem);
  json_close(j);
}

static void status_tick(struct base_json *j, const struct serve_status *st) {
  json_key(j, "tick");
  json_object(j);
  json_key_u64(j, "seq", st->tick_seq);
  key_time(j, "end", st->tick_end);
  json_key_f64(j, "lag_s", lag_s(st));
  json_close(j);
}

static void status_engine(struct base_json *j, const struct serve_status *st) {
  json_key_u64(j, "series", st->series_n);
  json_key_u64(j, "series_max", st->series_max);
  json_key_u64(j, "bytes_per_series", st->bytes_per_series);
  json_key_u64(j, "incidents_open", st->incidents_open);
  json_key_u64(j, "threads", st->threads);
  json_key_f64(j, "alerts_per_week", st->alerts_per_week);
  json_key(j, "threshold_log");
  json_object(j);
  json_key_f64(j, "min", st->threshold_log_min);
  json_key_f64(j, "max", st->threshold_log_max);
  json_close(j);
}

/* How many series have their last seconds kept, of how many that could. */
static void status_history(struct serve *s, struct base_json *j) {
  uint32_t used, all = history_rings(s->conf.history, &used);
  json_key(j, "history");
  json_object(j);
  json_key_u64(j, "seconds", LIMIT_HISTORY_S);
  json_key_u64(j, "series", used);
  json_key_u64(j, "series_max", all);
  json_close(j);
}

/* Complete, or who loses how much of its reports. */
static void status_telemetry(struct serve *s, struct base_json *j) {
  struct serve_gap gap[SERVE_GAPS_MAX];
  uint32_t all = s->conf.source.telemetry(s->conf.source.ctx, gap, SERVE_GAPS_MAX);
  json_key(j, "telemetry");
  json_object(j);
  json_key_text(j, "state", all ? "degraded" : "complete");
  json_key_u64(j, "proxies_n", all);
  json_key(j, "proxies");
  json_array(j);
  for (uint32_t i = 0; i < all && i < SERVE_GAPS_MAX; i++) {
    json_object(j);
    json_key_text(j, "node", gap[i].node);
    json_key_text(j, "service", gap[i].service);
    json_key_text(j, "cluster", gap[i].cluster);
    json_key_text(j, "reason", gap[i].reason < REC_GAP_REASON_COUNT ? rec_gap_text(gap[i].reason) : "");
    json_key(j, "lost_share");
    if (gap[i].lost_share > 0)
      json_f64(j, gap[i].lost_share);
    else
      json_null(j);
    json_close(j);
  }
  json_close(j);
  json_close(j);
}

static void key_name(struct base_json *j, const char *key, struct base_str name) {
  json_key(j, key);
  if (name.n)
    json_str(j, name);
  else
    json_null(j);
}

static void reporter_json(struct base_json *j, const struct serve_reporter *r) {
  json_object(j);
  key_name(j, "namespace", r->ns);
  key_name(j, "service", r->service);
  key_name(j, "node", r->node);
  json_key_text(j, "side", rec_side_text((enum rec_side)r->side));
  json_key_text(j, "source", r->source);
  json_close(j);
}

/* By which source each reporter counts. */
static void status_sources(struct serve *s, struct base_json *j) {
  const struct serve_source *from = &s->conf.source;
  struct serve_reporter who[SERVE_REPORTERS_MAX];
  uint32_t all = from->reporters ? from->reporters(from->ctx, who, SERVE_REPORTERS_MAX) : 0;
  uint64_t n;
  json_key(j, "sources");
  json_object(j);
  json_key(j, "by_source");
  json_object(j);
  for (uint32_t i = 0; from->reporters_by; i++) {
    const char *text = from->reporters_by(from->ctx, i, &n);
    if (!text) break;
    json_key_u64(j, text, n);
  }
  json_close(j);
  json_key_u64(j, "reporters_n", all);
  json_key(j, "reporters");
  json_array(j);
  for (uint32_t i = 0; i < all && i < SERVE_REPORTERS_MAX; i++) reporter_json(j, &who[i]);
  json_close(j);
  json_close(j);
}

static void calibration_signal(struct base_json *j, const struct serve_calibration *c) {
  MUST(c->signal < REC_SIGNAL_COUNT && c->level_n <= SERVE_LEVELS_MAX);
  json_object(j);
  json_key_text(j, "signal", rec_signal_text(c->signal));
  json_key_f64(j, "threshold", c->threshold);
  json_key_f64(j, "raised_to", c->threshold + c->raised_by);
  json_key_f64(j, "series_weeks", c->series_weeks);
  json_key(j, "exceeding");
  json_array(j);
  for (uint32_t i = 0; i < c->level_n; i++) {
    json_object(j);
    json_key_f64(j, "level", c->level[i]);
    json_key_f64(j, "seen", c->seen[i]);
    json_key_f64(j, "bound", c->bound[i]);
    json_close(j);
  }
  json_close(j);
  json_close(j);
}

/* docs/detectors/alarm.md. */
static void status_calibration(struct serve *s, struct base_json *j) {
  struct serve_calibration c[REC_SIGNAL_COUNT] = {0};
  s->conf.source.calibration(s->conf.source.ctx, c);
  json_key(j, "calibration");
  json_array(j);
  for (unsigned i = 0; i < REC_SIGNAL_COUNT; i++) calibration_signal(j, &c[i]);
  json_close(j);
}

static void status_counters(struct serve *s, struct base_json *j) {
  json_key(j, "counters");
  json_object(j);
  for (unsigned c = 0; c < REC_COUNTER_COUNT; c++) json_key_u64(j, rec_counter_text(c), counter_of(s, c));
  json_close(j);
}

/* Streams that are open: each is one logger of one proxy. */
uint64_t serve_streams_open(struct serve *s) {
  uint64_t opened = counter_of(s, REC_COUNTER_STREAMS_OPENED), closed = counter_of(s, REC_COUNTER_STREAMS_CLOSED);
  return opened > closed ? opened - closed : 0;
}

static void status_process(struct serve *s, struct base_json *j, const struct serve_status *st) {
  json_key_text(j, "version", s->conf.version);
  json_key_text(j, "commit", s->conf.commit);
  key_time(j, "now", st->now);
  key_time(j, "started_at", st->started_at);
  json_key_f64(j, "uptime_s", seconds_between(st->started_at, st->now));
  json_key(j, "ready");
  json_bool(j, st->ready);
  json_key(j, "restoring");
  json_bool(j, st->restoring);
  json_key_u64(j, "connections", st->connections);
  json_key_u64(j, "streams", serve_streams_open(s));
  json_key_u64(j, "rss_bytes", serve_rss_bytes());
}

void serve_status_get(struct serve_call *c) {
  static const char *const none[] = {NULL};
  if (!serve_query_only(c, none)) return;
  struct serve_status st = status_of(c->serve);
  struct base_json json = json_over(&c->res->body), *j = &json;
  json_object(j);
  status_process(c->serve, j, &st);
  status_tick(j, &st);
  status_engine(j, &st);
  status_storage(j, &st);
  status_history(c->serve, j);
  status_telemetry(c->serve, j);
  status_sources(c->serve, j);
  status_calibration(c->serve, j);
  serve_receivers_json(c->serve, j);
  serve_listeners_json(c->serve, j);
  serve_scrape_json(c->serve, j);
  status_counters(c->serve, j);
  json_close(j);
  buf_put_char(&c->res->body, '\n');
}

/* 200 as long as the loop answers: a supervisor must not restart a daemon for a full disk, which a restart would
 * not cure. What is wrong stands in the body and in foreshock_storage_ok. */
void serve_health_get(struct serve_call *c) {
  struct serve_status st = status_of(c->serve);
  struct base_buf *out = &c->res->body;
  struct base_buf problems = buf_open(LIMIT_HTTP_HEADER_BYTES);
  if (st.problem) json_quote(&problems, str_of(st.problem));
  serve_listeners_problems(c->serve, &problems);
  buf_put_f(out, "{\"status\":\"%s\",\"problems\":[", problems.n ? "degraded" : "ok");
  buf_put_str(out, buf_str(&problems));
  buf_put_str(out, STR("]}\n"));
  buf_fini(&problems);
}

void serve_ready_get(struct serve_call *c) {
  struct serve_status st = status_of(c->serve);
  if (!st.ready) c->res->status = 503;
  buf_put_f(&c->res->body, "{\"ready\":%s,\"restoring\":%s}\n", st.ready ? "true" : "false",
            st.restoring ? "true" : "false");
}

/* The series of the whole mesh, as its servers tell it. It is among the first that get a number. */
static uint32_t mesh_series(const struct serve_source *src) {
  uint32_t n = src->series_n(src->ctx);
  for (uint32_t i = 0; i < n; i++) {
    const struct rec_series *s = src->series(src->ctx, i);
    if (s && s->level == REC_LEVEL_MESH && s->side == REC_SIDE_SERVER) return i;
  }
  return REC_SERIES_NONE;
}

static void latency_json(struct base_json *j, const char *key, double ms) {
  json_key(j, key);
  if (ms < 0)
    json_null(j);
  else
    json_f64(j, ms);
}

/* The newest whole second of the mesh; null before there is one. */
static void summary_pulse(struct serve *s, struct base_json *j) {
  struct history_point p;
  int64_t second = history_newest(s->conf.history);
  uint32_t idx = mesh_series(&s->conf.source);
  json_key(j, "pulse");
  if (idx == REC_SERIES_NONE || !history_read(s->conf.history, idx, second, 1, &p)) {
    json_null(j);
    return;
  }
  json_object(j);
  key_time(j, "at", (struct base_wall){second * TIME_NS_PER_S});
  json_key_u64(j, "requests", p.requests);
  json_key_u64(j, "errors", p.errors);
  latency_json(j, "latency_mean_ms", p.latency_mean_ms);
  latency_json(j, "latency_p99_ms", p.latency_p99_ms);
  json_close(j);
}

void serve_summary_json(struct serve *s, struct base_buf *out) {
  struct serve_status st = status_of(s);
  struct base_json json = json_over(out), *j = &json;
  uint64_t entries = counter_of(s, REC_COUNTER_ENTRIES);
  json_object(j);
  key_time(j, "at", st.now);
  json_key_u64(j, "entries", entries);
  json_key_u64(j, "entries_new", entries - s->entries_before);
  json_key_u64(j, "series", st.series_n);
  json_key_u64(j, "incidents_open", st.incidents_open);
  json_key_u64(j, "tick", st.tick_seq);
  json_key_f64(j, "lag_s", lag_s(&st));
  summary_pulse(s, j);
  json_close(j);
}
