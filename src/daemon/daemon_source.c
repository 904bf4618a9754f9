#include "daemon_source.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon_box.h"
#include "daemon_log.h"
#include "daemon_series.h"

#define SOURCE_READY_NS (5 * TIME_NS_PER_S) /* ready so long after the start even where nothing came */

static void source_engine(struct source *s, struct serve_status *out) {
  struct engine_info info;
  engine_info(line_engine(s->line), &info);
  out->tick_seq = info.tick_seq;
  out->tick_end = info.tick_end;
  out->series_n = info.series_n;
  out->series_max = info.series_max;
  out->incidents_open = info.incidents_open;
  out->threshold_log_min = info.threshold_log_min;
  out->threshold_log_max = info.threshold_log_max;
  out->bytes_per_series = info.bytes_per_series;
}

/* Journal and history fail for reasons of their own, or for one: a disk. */
static const char *source_problem(struct source *s) {
  const char *keep = s->keep ? keep_problem(s->keep) : NULL;
  struct store_stats stats = {0};
  struct store_series_stats series = {0};
  if (s->history) store_stats(s->history, &stats);
  if (s->series) store_series_stats(s->series, &series);
  if (!keep && !stats.problem[0] && !series.problem[0]) return NULL;
  struct base_buf out = buf_over(s->problem, sizeof s->problem - 1);
  if (keep) buf_put_f(&out, "%s", keep);
  if (stats.problem[0]) buf_put_f(&out, "%shistory: %s", out.n ? "; " : "", stats.problem);
  if (series.problem[0]) buf_put_f(&out, "%sseries: %s", out.n ? "; " : "", series.problem);
  s->problem[out.n] = 0;
  return s->problem;
}

static void source_disk(struct source *s, struct serve_status *out) {
  struct box_stats boxes = {0};
  struct store_series_stats series = {0};
  if (s->keep) keep_boxes(s->keep, &boxes);
  if (s->series) store_series_stats(s->series, &series);
  out->boxes = boxes.n;
  out->box_bytes = boxes.bytes;
  for (unsigned t = 0; t < STORE_TIERS; t++) out->series_bytes += series.bytes[t];
}

static void source_status(void *ctx, struct serve_status *out) {
  struct source *s = ctx;
  source_engine(s, out);
  out->now = io_wall_now();
  out->started_at = s->started_at;
  out->threads = s->threads;
  out->alerts_per_week = s->conf->alerts_per_week;
  out->data_dir = s->conf->data_dir;
  out->problem = source_problem(s);
  source_disk(s, out);
  out->connections = 0;
  for (unsigned i = 0; i < TLS_LISTENERS; i++)
    if (s->server[i]) out->connections += io_server_connections(s->server[i]);
  bool listening = s->server[0] && s->server[1] && s->server[2];
  out->restoring = s->restoring;
  out->ready = listening && (out->tick_end.ns || out->now.ns - s->started_at.ns >= SOURCE_READY_NS);
}

static bool source_listener(void *ctx, uint32_t idx, struct serve_listener *out) {
  struct source *s = ctx;
  if (idx >= TLS_LISTENERS) return false;
  struct io_tls *t = s->tls->of[idx];
  *out = (struct serve_listener){.name = tls_listener_text((enum tls_listener)idx),
                                 .port = s->server[idx] ? io_server_port(s->server[idx]) : 0,
                                 .connections = s->server[idx] ? io_server_connections(s->server[idx]) : 0,
                                 .tls = t != NULL,
                                 .clients = tls_clients_text(s->conf, (enum tls_listener)idx)};
  if (!t) return true;
  out->not_after = io_tls_not_after(t);
  out->problem = io_tls_problem(t, io_wall_now());
  out->refused = io_tls_refused(t);
  return true;
}

static bool source_job(void *ctx, uint32_t idx, struct serve_job *out) {
  struct source *s = ctx;
  struct scrape_job_state j;
  if (!scrape_job_at(s->scrape, idx, &j)) return false;
  *out = (struct serve_job){j.name, j.targets, j.up, j.down, j.problem};
  return true;
}

static uint32_t source_targets_down(void *ctx, struct serve_target *out, uint32_t max) {
  struct source *s = ctx;
  struct io_scrape_state t[SERVE_TARGETS_MAX];
  if (max > SERVE_TARGETS_MAX) max = SERVE_TARGETS_MAX;
  uint32_t n = scrape_down(s->scrape, t, max);
  for (uint32_t i = 0; i < n && i < max; i++)
    out[i] = (struct serve_target){t[i].job->name, t[i].url, t[i].labels, t[i].why, t[i].since, t[i].asked_at};
  return n;
}

static uint64_t source_history(struct store *history, enum rec_counter c) {
  struct store_stats stats;
  if (c != REC_COUNTER_STORE_WRITTEN && c != REC_COUNTER_STORE_DROPPED && c != REC_COUNTER_STORE_ERRORS) return 0;
  store_stats(history, &stats);
  return c == REC_COUNTER_STORE_WRITTEN ? stats.written : c == REC_COUNTER_STORE_DROPPED ? stats.dropped : stats.errors;
}

static uint64_t source_series_counter(struct store_series *series, enum rec_counter c) {
  struct store_series_stats stats;
  if (c != REC_COUNTER_SERIES_WRITTEN && c != REC_COUNTER_SERIES_DROPPED && c != REC_COUNTER_SERIES_ERRORS) return 0;
  store_series_stats(series, &stats);
  return c == REC_COUNTER_SERIES_WRITTEN   ? stats.written
         : c == REC_COUNTER_SERIES_DROPPED ? stats.dropped
                                           : stats.errors;
}

/* Each counter is counted in one place; the others hold 0 of it. */
static uint64_t source_counter(void *ctx, enum rec_counter c) {
  struct source *s = ctx;
  uint64_t n = s->door[c] + wire_fold_counters(line_fold(s->line))[c] + engine_counters(line_engine(s->line))[c];
  if (c == REC_COUNTER_ALERT_STATES_LOST && s->act) n += act_lost(s->act);
  if (s->history) n += source_history(s->history, c);
  if (s->series) n += source_series_counter(s->series, c);
  return s->keep ? n + keep_counters(s->keep)[c] : n;
}

static bool source_receiver(void *ctx, uint32_t idx, struct serve_receiver *out) {
  _Static_assert(ACT_DEAD_COUNT <= SERVE_DEAD_MAX, "all reasons fit");
  struct source *s = ctx;
  struct act_stats a;
  if (!s->act || !act_stats(s->act, idx, &a)) return false;
  *out = (struct serve_receiver){.name = a.name,
                                 .type = a.type,
                                 .delivered = a.delivered,
                                 .retried = a.retried,
                                 .disk_errors = a.disk_errors,
                                 .dead_n = ACT_DEAD_COUNT,
                                 .waiting = a.waiting,
                                 .oldest_s = a.oldest_s,
                                 .delay_s_last = a.delay_s_last,
                                 .delay_s_max = a.delay_s_max};
  for (unsigned d = 0; d < ACT_DEAD_COUNT; d++) {
    out->dead_reason[d] = act_dead_text((enum act_dead)d);
    out->dead[d] = a.dead[d];
  }
  snprintf(out->problem, sizeof out->problem, "%s", a.problem);
  return true;
}

static uint32_t source_series_n(void *ctx) {
  struct source *s = ctx;
  return engine_series_n(line_engine(s->line));
}

static const struct rec_series *source_series(void *ctx, uint32_t idx) {
  struct source *s = ctx;
  return engine_series(line_engine(s->line), idx);
}

static bool source_rate(void *ctx, uint32_t idx, struct serve_rate *out) {
  struct source *s = ctx;
  struct engine_rate r;
  if (!engine_series_rate(line_engine(s->line), idx, &r)) return false;
  *out = (struct serve_rate){.requests_per_s = r.requests_per_s,
                             .errors_per_s = r.errors_per_s,
                             .latency_mean_ms = r.latency_mean_ms,
                             .learned_requests_per_s = r.learned_requests_per_s,
                             .learned_error_ratio = r.learned_error_ratio,
                             .learned_latency_mean_ms = r.learned_latency_mean_ms,
                             .alarming = r.alarming,
                             .age_s = r.age_s};
  return true;
}

static struct serve_band band_of(struct engine_band b, double unit) {
  return (struct serve_band){b.low * unit, b.high * unit};
}

static bool source_normal(void *ctx, uint32_t idx, uint32_t step_s, struct serve_normal *out) {
  struct source *s = ctx;
  struct engine_normal n;
  if (!engine_series_normal(line_engine(s->line), idx, step_s, &n)) return false;
  *out = (struct serve_normal){.requests_per_s = band_of(n.requests_per_s, 1),
                               .error_ratio = band_of(n.error_ratio, 1),
                               .latency_mean_ms = band_of(n.latency_mean_s, 1e3),
                               .latency_p99_ms = 1e3 * n.latency_p99_s,
                               .smallest_fewer = n.smallest_fewer,
                               .smallest_more = n.smallest_more,
                               .smallest_slower = n.smallest_slower,
                               .smallest_error_ratio = n.smallest_error_ratio};
  return true;
}

static uint32_t source_telemetry(void *ctx, struct serve_gap *out, uint32_t max) {
  struct source *s = ctx;
  struct engine_gap gap[SERVE_GAPS_MAX];
  if (max > SERVE_GAPS_MAX) max = SERVE_GAPS_MAX;
  uint32_t all = engine_telemetry(line_engine(s->line), gap, max);
  for (uint32_t i = 0; i < all && i < max; i++)
    out[i] = (struct serve_gap){.node = gap[i].node,
                                .service = gap[i].service,
                                .cluster = gap[i].cluster,
                                .reason = gap[i].reason,
                                .lost_share = gap[i].lost_share};
  return all;
}

static uint32_t source_reporters(void *ctx, struct serve_reporter *out, uint32_t max) {
  struct source *s = ctx;
  struct wire_fold_source from[SERVE_REPORTERS_MAX];
  uint64_t total[WIRE_SOURCE_COUNT];
  if (max > SERVE_REPORTERS_MAX) max = SERVE_REPORTERS_MAX;
  uint32_t all = wire_fold_sources(line_fold(s->line), from, max, total);
  for (uint32_t i = 0; i < all && i < max; i++)
    out[i] = (struct serve_reporter){from[i].namespace_, from[i].service, from[i].node, from[i].side,
                                     wire_source_text((enum wire_source)from[i].source)};
  return all;
}

static const char *source_reporters_by(void *ctx, uint32_t idx, uint64_t *n) {
  struct source *s = ctx;
  uint64_t total[WIRE_SOURCE_COUNT];
  if (idx >= WIRE_SOURCE_COUNT) return NULL;
  (void)wire_fold_sources(line_fold(s->line), NULL, 0, total);
  *n = total[idx];
  return wire_source_text((enum wire_source)idx);
}

static void source_alarms(void *ctx, uint32_t n[REC_LEVEL_COUNT]) {
  struct source *s = ctx;
  engine_alarms(line_engine(s->line), n);
}

static const char *source_memory(void *ctx, uint32_t idx, uint64_t *bytes) {
  static const char *const room[] = {"engine", "wire", "serve"};
  struct source *s = ctx;
  uint64_t of[3];
  if (idx >= 3) return NULL;
  line_resident(s->line, &of[0], &of[1]);
  of[2] = history_bytes(s->seconds);
  *bytes = of[idx];
  return room[idx];
}

static void source_calibration(void *ctx, struct serve_calibration out[REC_SIGNAL_COUNT]) {
  _Static_assert(ENGINE_CALIBRATION_LEVELS <= SERVE_LEVELS_MAX, "all levels fit");
  struct source *s = ctx;
  struct engine_calibration c[REC_SIGNAL_COUNT];
  engine_calibration(line_engine(s->line), c);
  for (unsigned i = 0; i < REC_SIGNAL_COUNT; i++) {
    out[i] = (struct serve_calibration){.signal = c[i].signal,
                                        .series_weeks = c[i].series_weeks,
                                        .level_n = ENGINE_CALIBRATION_LEVELS,
                                        .threshold = c[i].threshold,
                                        .raised_by = c[i].raised_by};
    memcpy(out[i].level, c[i].level, sizeof c[i].level);
    memcpy(out[i].seen, c[i].seen, sizeof c[i].seen);
    memcpy(out[i].bound, c[i].bound, sizeof c[i].bound);
  }
}

static bool source_incident(void *ctx, uint64_t id, struct base_buf *out) {
  struct source *s = ctx;
  return s->history && store_find(s->history, id, out);
}

static int64_t source_reach(void *ctx, uint32_t step_s) {
  struct source *s = ctx;
  return s->series ? store_series_reach(s->series, step_s) : 0;
}

static bool source_points(void *ctx, uint32_t idx, int64_t from_s, uint32_t step_s, uint32_t n, struct serve_point *out,
                          uint32_t *rows) {
  struct source *s = ctx;
  const struct rec_series *who = engine_series(line_engine(s->line), idx);
  struct store_point *p = s->series && who ? calloc(n ? n : 1, sizeof *p) : NULL;
  char key[LIMIT_SERIES_KEY_BYTES];
  if (!p) return !s->series || !who;
  struct base_str whose = {key, series_key(who, key)};
  bool good = store_series_read(s->series, whose, from_s, step_s, n, p, rows);
  for (uint32_t i = 0; good && i < n; i++) {
    if (out[i].known || !p[i].known) continue;
    out[i] = (struct serve_point){{p[i].requests, p[i].errors, p[i].mean_ms, p[i].p99_ms}, true};
  }
  free(p);
  return good;
}

static bool source_change(void *ctx, const struct rec_change *change) {
  struct source *s = ctx;
  struct rec_head_batch head = {.change = change, .change_n = 1};
  if (s->restoring || !line_change(s->line, change)) return false;
  if (s->recording) recording_told(s->recording, &head, io_wall_now());
  return true;
}

static bool source_command(void *ctx, const struct rec_command *command) {
  struct source *s = ctx;
  struct rec_head_batch head = {.command = command, .command_n = 1};
  if (s->restoring || !line_command(s->line, command)) return false;
  if (s->recording) recording_told(s->recording, &head, io_wall_now());
  return true;
}

/* One line on standard error, and a frame in the incident log, which outlives this process. */
static void source_audit(void *ctx, struct base_str json) {
  struct source *s = ctx;
  log_data(BASE_LEVEL_INFO, "action", json);
  if (s->keep) keep_audit(s->keep, json);
}

struct serve_source source_of(struct source *s) {
  return (struct serve_source){.ctx = s,
                               .status = source_status,
                               .counter = source_counter,
                               .series_n = source_series_n,
                               .series = source_series,
                               .rate = source_rate,
                               .normal = source_normal,
                               .telemetry = source_telemetry,
                               .reporters = source_reporters,
                               .reporters_by = source_reporters_by,
                               .alarms = source_alarms,
                               .memory = source_memory,
                               .calibration = source_calibration,
                               .receiver = source_receiver,
                               .listener = source_listener,
                               .job = source_job,
                               .targets_down = source_targets_down,
                               .incident = source_incident,
                               .reach = source_reach,
                               .points = source_points,
                               .change = source_change,
                               .command = source_command,
                               .audit = source_audit};
}
