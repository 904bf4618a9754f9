/* run: receivers, line, API and what is kept on disk, on one loop. The timer asks for ticks; a tick goes to the
 * journal, an incident to the log, the store and the live streams. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "act.h"
#include "base_must.h"
#include "daemon_command.h"
#include "daemon_conf.h"
#include "daemon_incident.h"
#include "daemon_keep.h"
#include "daemon_listen.h"
#include "daemon_log.h"
#include "daemon_receiver.h"
#include "daemon_series.h"
#include "daemon_setup.h"
#include "daemon_source.h"
#include "daemon_version.h"
#include "serve_store.h"
#include "store.h"

#define RUN_STEP_NS (50 * TIME_NS_PER_MS)   /* how often ticks are asked for while something comes */
#define RUN_QUIET_NS LIMIT_TICK_NS          /* and while nothing does */
#define RUN_PATIENCE_NS (1 * TIME_NS_PER_S) /* at shutdown: for streams to end by themselves, for alerts to go out */
#define RUN_API_IDLE_NS (60 * TIME_NS_PER_S)
#define RUN_SERVERS ((unsigned)TLS_LISTENERS)
#define RUN_INCIDENT_BYTES (1u << 20)

struct run {
  struct daemon_conf conf;
  struct io_loop *loop;
  struct line *line;
  struct keep *keep;     /* NULL: memory only */
  struct act *act;       /* NULL: no receivers of alerts */
  struct store *history; /* NULL: memory only */
  struct serve_store *store;
  struct serve *serve;
  struct receiver receiver;
  struct source source;
  struct io_grpc_method method[RECEIVER_METHODS];
  struct scrape *scrape; /* NULL: nothing is scraped */
  struct tls_set tls;
  struct io_server *server[RUN_SERVERS]; /* by enum tls_listener */
  struct serve_history *seconds;
  struct series_keeper series; /* store NULL: none on disk */
  struct serve_tokens *tokens; /* NULL: none are asked for */
  struct base_buf incident, conf_text;
  struct rec_incident state; /* the one under way */
  struct base_mono stepped_at, checkpoint_at, polled_at;
  int64_t checkpoint_work_ns; /* line_work_ns when the last one was begun */
  int step, second;           /* timers */
  bool in_tail;               /* what is heard was heard before the start */
};

/* ---- what comes out of the line ---- */

static bool run_is_open(const struct run *r, const struct rec_incident *incident) {
  char id[17];
  rec_incident_id(incident, id);
  const struct serve_item *known = serve_store_find(r->store, str_of(id));
  return known && known->open;
}

/* One line when it opens, one when it is over: how it changes in between is for the page. */
static void run_say(const struct rec_incident *i, enum serve_put put, bool was_open) {
  char id[17];
  bool opens = put == SERVE_PUT_NEW && i->state != REC_STATE_CLOSED, ends = was_open && i->state == REC_STATE_CLOSED;
  enum base_level level = ends || i->verdict == REC_VERDICT_EXPECTED ? BASE_LEVEL_INFO : BASE_LEVEL_WARNING;
  if (!opens && !ends) return;
  rec_incident_id(i, id);
  log_say(level, "incident", "%s %s: %s", id, opens ? "opened" : "is over", i->summary);
}

static void run_incident(void *ctx, const struct rec_incident *incident) {
  struct run *r = ctx;
  r->state = *incident;
  r->state.muted |= serve_muted(r->serve, incident->id_hash);
  incident_text(&r->state, &r->incident);
  MUST(!r->incident.bad);
  bool was_open = run_is_open(r, incident);
  enum serve_put put = serve_incident(r->serve, buf_str(&r->incident));
  if (!r->in_tail) run_say(incident, put, was_open);
  bool news = put == SERVE_PUT_NEW || put == SERVE_PUT_CHANGED;
  if (news && r->keep) keep_incident(r->keep, &r->state, buf_str(&r->incident));
  if (news && r->act) (void)act_incident(r->act, buf_str(&r->incident));
  if (news && r->history) store_incident(r->history, buf_str(&r->incident));
}

static void run_heard(void *ctx, const struct rec_tick_input *in) {
  struct run *r = ctx;
  for (size_t i = 0; r->history && i < in->head.command_n; i++)
    store_audit(r->history, in->tick.seq, (uint32_t)i, &in->head.command[i]);
  serve_tick(r->serve, in);
}

/* While older ticks are applied it waits for its turn (keep_catch_up). */
static void run_tick(void *ctx, const struct rec_tick_input *in, struct rec_tick tick) {
  struct run *r = ctx;
  (void)tick;
  if (r->keep) keep_tick(r->keep, in);
  if (!r->source.restoring) run_heard(r, in);
}

/* An alert goes out once its incident is in the log, so that no restart forgets what was told; or once that failed: no
 * alert waits for a disk (I8). */
static void run_flush(struct run *r) {
  if (r->keep) keep_flush(r->keep);
  if (r->act) act_go(r->act);
}

/* ---- timers ---- */

static void run_checkpoint(struct run *r) {
  r->checkpoint_at = io_mono_now();
  r->checkpoint_work_ns = line_work_ns(r->line);
  keep_checkpoint(r->keep, line_engine(r->line), false);
}

/* A step is taken where something came or a tick's time went by; every step that is taken is recorded, so that a
 * replay takes exactly the same. */
static void run_step(void *ctx) {
  struct run *r = ctx;
  struct base_mono mono = io_mono_now();
  receiver_step(&r->receiver, io_wall_now(), mono);
  bool due = r->receiver.news || line_waits(r->line);
  if (!due && mono.ns - r->stepped_at.ns < RUN_QUIET_NS) return;
  struct base_wall now = io_wall_now();
  r->stepped_at = mono;
  r->receiver.news = false;
  if (r->receiver.recording) {
    recording_step(r->receiver.recording, now);
    recording_flush(r->receiver.recording);
  }
  while (line_step(r->line, now, false)) continue;
  (void)line_step_quiet(r->line, now);
  run_flush(r);
  if (r->source.restoring) return;
  int64_t work_ns = line_work_ns(r->line) - r->checkpoint_work_ns;
  if (r->keep && keep_is_due(r->keep, work_ns, mono.ns - r->checkpoint_at.ns)) run_checkpoint(r);
}

static void run_second(void *ctx) {
  struct run *r = ctx;
  struct base_mono mono = io_mono_now();
  serve_second(r->serve);
  tls_watch(&r->tls, io_wall_now());
  if (r->history) store_second(r->history);
  if (r->series.store) {
    series_keeper_second(&r->series);
    store_series_second(r->series.store);
  }
  if (r->source.restoring) return;
  if (r->keep && mono.ns - r->checkpoint_at.ns >= r->conf.checkpoint_interval_ns) run_checkpoint(r);
}

/* ---- start ---- */

static bool run_conf(struct run *r, const struct option_set *o) {
  const char *data = option_get(o, "data", NULL);
  struct conf_err err = {0};
  if (!setup_conf(&r->conf, o)) return false;
  log_open((enum log_form)r->conf.log, STDERR_FILENO);
  if (!data || conf_set(&r->conf, STR("data_dir"), str_of(data), &err)) return true;
  command_say("--data: %s", err.text);
  return false;
}

static bool run_open_line(struct run *r) {
  struct line_conf conf = {.engine = setup_engine(&r->conf), .threads = setup_threads(&r->conf)};
  const char *err = "out of memory";
  r->line = line_open(&conf, &err);
  if (!r->line) {
    command_say("%s", err);
    return false;
  }
  line_on(r->line, run_incident, run_tick, r);
  r->receiver.line = r->line;
  r->source = (struct source){
      .line = r->line, .conf = &r->conf, .tls = &r->tls, .threads = conf.threads, .started_at = io_wall_now()};
  return true;
}

static const struct rec_series *run_series(void *ctx, uint32_t series_idx) {
  struct run *r = ctx;
  return engine_series(line_engine(r->line), series_idx);
}

static bool run_open_tokens(struct run *r) {
  if (!r->conf.api_tokens[0]) return true;
  r->tokens = calloc(1, sizeof *r->tokens);
  return r->tokens && setup_tokens(r->conf.api_tokens, r->tokens);
}

static bool run_open_serve(struct run *r) {
  r->store = serve_store_open(LIMIT_INCIDENTS_KEPT);
  r->seconds = history_open((size_t)r->conf.seconds_bytes, (uint32_t)r->conf.max_series, run_series, r);
  r->source.seconds = r->seconds;
  if (!r->store || !r->seconds || !run_open_tokens(r)) return false;
  struct serve_conf conf = {.source = source_of(&r->source),
                            .store = r->store,
                            .history = r->seconds,
                            .tokens = r->tokens,
                            .counters = r->source.door,
                            .version = DAEMON_VERSION,
                            .commit = DAEMON_COMMIT};
  r->serve = serve_open(&conf);
  return r->serve != NULL;
}

static void run_known_frame(void *ctx, enum rec_frame kind, struct base_str json) {
  struct run *r = ctx;
  if (kind != REC_FRAME_INCIDENT) {
    serve_audit_known(r->serve, json);
    return;
  }
  (void)serve_store_put(r->store, json);
  if (r->act) (void)act_incident(r->act, json);
  if (r->history) store_incident(r->history, json);
}

static bool run_open_history(struct run *r) {
  char path[CONF_STRING_BYTES + 16];
  snprintf(path, sizeof path, "%s/history.db", r->conf.data_dir);
  struct store_conf conf = {
      .path = path, .keep_ns = r->conf.history_ns, .bytes_max = r->conf.history_bytes, .log = log_room()};
  r->source.history = r->history = store_open(&conf);
  if (!r->history) command_say("history: out of memory or threads");
  return r->history != NULL;
}

static bool run_open_series(struct run *r) {
  char path[CONF_STRING_BYTES + 16];
  if (r->conf.series_1s_bytes == 0) return true;
  snprintf(path, sizeof path, "%s/series.db", r->conf.data_dir);
  struct store_series_conf conf = {.path = path,
                                   .tier = {{r->conf.series_1s_ns / TIME_NS_PER_S, r->conf.series_1s_bytes},
                                            {r->conf.series_10s_ns / TIME_NS_PER_S, r->conf.series_10s_bytes},
                                            {r->conf.series_1m_ns / TIME_NS_PER_S, r->conf.series_1m_bytes}},
                                   .log = log_room()};
  r->series =
      (struct series_keeper){.store = store_series_open(&conf), .seconds = r->seconds, .engine = line_engine(r->line)};
  r->source.series = r->series.store;
  if (!r->series.store) command_say("series: out of memory or threads");
  return r->series.store != NULL;
}

static bool run_open_act(struct run *r) {
  char dir[CONF_STRING_BYTES + 16], why[ACT_ERR_BYTES];
  if (r->conf.alerts.receiver_n == 0) return true;
  r->conf.alerts.public_url = r->conf.public_url;
  r->conf.alerts.version = DAEMON_VERSION;
  r->conf.alerts.log = log_room();
  snprintf(dir, sizeof dir, "%s/alerts", r->conf.data_dir);
  r->act = act_open(&r->conf.alerts, r->keep ? dir : NULL, why);
  if (!r->act) command_say("%s", why);
  r->source.act = r->act;
  return r->act != NULL;
}

/* Lives as long as the buffer. */
static const char *run_conf_text(struct run *r) {
  conf_write(&r->conf, false, &r->conf_text);
  buf_put_char(&r->conf_text, 0);
  MUST(!r->conf_text.bad);
  return r->conf_text.p;
}

static bool run_open_keep(struct run *r) {
  if (!r->conf.data_dir[0]) {
    log_say(BASE_LEVEL_WARNING, "data", "no --data: what is learned lives in memory only");
    return run_open_act(r);
  }
  struct keep_conf conf = {.dir = r->conf.data_dir,
                           .segment_bytes = r->conf.journal_segment_bytes,
                           .segments_max = (uint32_t)r->conf.journal_segments,
                           .checkpoint_bytes_per_s = r->conf.checkpoint_bytes_per_s,
                           .box_before_ns = r->conf.box_before_ns,
                           .box_bytes = r->conf.box_bytes,
                           .conf = run_conf_text(r),
                           .version = DAEMON_VERSION " (" DAEMON_COMMIT ")",
                           .engine = setup_engine_hash(&r->conf)};
  struct journal_err err = {0};
  r->keep = keep_open(&conf, &err);
  if (!r->keep) {
    command_say("%s", err.text);
    return false;
  }
  if (!run_open_act(r) || !run_open_history(r) || !run_open_series(r)) return false;
  keep_incidents_read(r->keep, run_known_frame, r);
  r->source.keep = r->keep;
  return true;
}

/* Between two ticks: whoever asks is answered, and what is sent is received, for as long as the tick before took: the
 * way back takes twice as long at most, and no longer where somebody waits for its end. */
static void run_between(void *ctx) {
  struct run *r = ctx;
  int64_t now_ns = io_mono_now().ns, until_ns = now_ns + (now_ns - r->polled_at.ns);
  while (!io_loop_stopped(r->loop) && io_loop_poll(r->loop) && now_ns < until_ns) now_ns = io_mono_now().ns;
  r->polled_at = io_mono_now();
}

/* heard: the clock of the last tick of the earlier process. */
static void run_restored(struct run *r, const struct keep_restored *restored, struct base_wall heard) {
  uint32_t again = serve_resume(r->serve, heard);
  if (restored->note[0]) log_say(BASE_LEVEL_WARNING, "data", "%s", restored->note);
  log_say(BASE_LEVEL_INFO, "data", "data in %s: %s, %llu ticks applied, %u incidents known", r->conf.data_dir,
          restored->checkpoint ? "checkpoint loaded" : "no checkpoint", (unsigned long long)restored->ticks,
          serve_store_n(r->store));
  if (again) log_say(BASE_LEVEL_INFO, "data", "%u actions that no tick had are told again", again);
}

static bool run_tell(struct run *r) {
  return !r->act || act_start(r->act);
}

/* What was learned is back with the checkpoint. What came after it is applied while the API answers already and the
 * receivers receive; what they hear comes behind it. */
static bool run_restore(struct run *r) {
  struct keep_restored restored;
  struct engine_info info;
  struct keep_between between = {run_between, run_heard, r};
  if (!r->keep) return run_tell(r);
  r->source.restoring = r->in_tail = true;
  r->polled_at = io_mono_now();
  if (!keep_restore(r->keep, r->line, &between, &restored)) {
    command_say("out of memory");
    return false;
  }
  r->in_tail = false;
  engine_info(line_engine(r->line), &info);
  if (!run_tell(r)) return false;
  keep_catch_up(r->keep);
  r->source.restoring = false;
  run_restored(r, &restored, info.tick_now);
  run_checkpoint(r);
  return true;
}

static bool run_open_timers(struct run *r) {
  r->checkpoint_at = io_mono_now();
  r->step = io_loop_timer_add(r->loop, RUN_STEP_NS, run_step, r);
  r->second = io_loop_timer_add(r->loop, TIME_NS_PER_S, run_second, r);
  return r->step && r->second;
}

static bool run_open_recording(struct run *r, const struct option_set *o) {
  const char *path = option_get(o, "record", NULL);
  if (!path) return true;
  struct journal_err err = {0};
  r->receiver.recording = recording_open(path, &err);
  r->source.recording = r->receiver.recording;
  if (!r->receiver.recording) command_say("%s", err.text);
  return r->receiver.recording != NULL;
}

static bool run_open_api(struct run *r) {
  char why[IO_TLS_WHY_BYTES];
  if (!tls_open(&r->conf, &r->tls, why)) {
    command_say("%s", why);
    return false;
  }
  struct io_server_conf api = {.address = r->conf.api_address,
                               .port = (uint16_t)r->conf.api_port,
                               .http = serve_http,
                               .http_ctx = r->serve,
                               .tls = r->tls.of[TLS_API],
                               .idle_ns = RUN_API_IDLE_NS,
                               .counters = r->source.door};
  r->source.server[TLS_API] = r->server[TLS_API] = listen_open(r->loop, &api, "HTTP (page, API, metrics)");
  return r->server[TLS_API] != NULL;
}

static bool run_open_receivers(struct run *r) {
  receiver_methods(&r->receiver, r->method);
  struct io_server_conf grpc = {.address = r->conf.grpc_address,
                                .port = (uint16_t)r->conf.grpc_port,
                                .method = r->method,
                                .method_n = RECEIVER_METHODS,
                                .tls = r->tls.of[TLS_GRPC],
                                .idle_ns = r->conf.idle_timeout_ns,
                                .counters = r->source.door};
  struct io_server_conf http = setup_http(&r->conf, &r->receiver, r->tls.of[TLS_HTTP], r->source.door);
  r->receiver.counters = r->source.door;
  r->server[TLS_GRPC] = listen_open(r->loop, &grpc, "gRPC (Envoy access logs, OTLP)");
  if (r->server[TLS_GRPC]) r->server[TLS_HTTP] = listen_open(r->loop, &http, "HTTP (OTLP, Zipkin)");
  for (unsigned i = 0; i < RUN_SERVERS; i++) r->source.server[i] = r->server[i];
  return r->server[TLS_HTTP] != NULL;
}

static bool run_open_scrape(struct run *r) {
  bool good = setup_scrape(&r->conf, r->loop, &r->receiver, r->source.door, &r->scrape);
  r->source.scrape = r->scrape;
  return good;
}

static bool run_open(struct run *r, const struct option_set *o) {
  r->incident = buf_open(RUN_INCIDENT_BYTES);
  setup_descriptors();
  r->conf_text = buf_open(CONF_FILE_BYTES);
  r->loop = io_loop_open();
  return r->loop && run_conf(r, o) && run_open_line(r) && run_open_serve(r) && run_open_keep(r) &&
         run_open_recording(r, o) && run_open_api(r) && run_open_receivers(r) && run_open_scrape(r) &&
         run_open_timers(r);
}

/* ---- end ---- */

/* Ticks that are still open are closed with what they have: nothing that was received is lost. The clock of it goes
 * into the recording, whose replay ends with the same. */
static void run_finish(struct run *r) {
  struct base_wall now = io_wall_now();
  receiver_close(&r->receiver, now);
  if (r->receiver.recording) recording_step(r->receiver.recording, now);
  while (line_step(r->line, now, false)) continue;
  while (line_step(r->line, now, true)) continue;
  run_flush(r);
  if (r->series.store) series_keeper_finish(&r->series);
  if (r->keep) keep_checkpoint(r->keep, line_engine(r->line), true);
}

static void run_close_scrape(struct run *r) {
  scrape_close(r->scrape);
  r->source.scrape = r->scrape = NULL;
}

static bool run_close(struct run *r) {
  bool good = true;
  run_close_scrape(r);
  for (unsigned i = 0; i < RUN_SERVERS; i++)
    if (r->server[i]) io_server_close(r->server[i]);
  tls_close(&r->tls);
  if (r->receiver.recording) {
    const char *problem = recording_problem(r->receiver.recording);
    good = recording_close(r->receiver.recording);
    if (!good) command_say("record: %s", problem ? problem : "the recording cannot be written");
  }
  act_close(r->act, RUN_PATIENCE_NS);
  store_close(r->history);
  store_series_close(r->series.store);
  serve_close(r->serve);
  serve_store_close(r->store);
  history_close(r->seconds);
  free(r->tokens);
  keep_close(r->keep);
  line_close(r->line);
  if (r->loop) io_loop_close(r->loop);
  buf_fini(&r->incident);
  buf_fini(&r->conf_text);
  free(r);
  return good;
}

static void run_loop(struct run *r) {
  io_loop_run(r->loop);
  log_say(BASE_LEVEL_INFO, "run", "stopping");
  run_close_scrape(r);
  listen_drain(r->loop, r->server, RUN_SERVERS, RUN_PATIENCE_NS);
  memset(r->source.server, 0, sizeof r->source.server);
  io_loop_timer_drop(r->loop, r->step);
  io_loop_timer_drop(r->loop, r->second);
  run_finish(r);
}

static int run_run(const struct option_set *o) {
  struct run *r = calloc(1, sizeof *r);
  if (!r) return command_fail("out of memory");
  bool ok = run_open(r, o);
  if (ok) listen_signals(r->loop);
  if (ok && (ok = run_restore(r))) {
    log_say(BASE_LEVEL_INFO, "run", "foreshock " DAEMON_VERSION " (" DAEMON_COMMIT ")");
    run_loop(r);
  }
  return run_close(r) && ok ? EXIT_DONE : EXIT_BAD;
}

static const struct option_spec run_options[] = {
    {"config", "FILE", "read the configuration from FILE (YAML)"},
    {"data", "DIR", "keep journal, incidents and checkpoints in DIR; sets data_dir"},
    {"record", "FILE", "also write what is received to FILE, for replay"},
    {"set", "KEY=VALUE", "set one configuration key; wins over --config; may be repeated"},
    {0},
};

const struct daemon_command command_run = {
    .name = "run",
    .usage = "[--config FILE] [--data DIR] [--record FILE] [--set KEY=VALUE]...",
    .about = "receives, detects and serves, all in one process",
    .more =
        "Needs no configuration. Stops cleanly on SIGTERM and SIGINT; what was learned survives kill -9 with --data.",
    .options = run_options,
    .run = run_run,
};
