/* record: the receivers alone, into a file. */
#include <stdlib.h>

#include "daemon_command.h"
#include "daemon_listen.h"
#include "daemon_receiver.h"
#include "daemon_setup.h"
#include "daemon_tls.h"
#include "rec_counter.h"

#define RECORD_STEP_NS (50 * TIME_NS_PER_MS)
#define RECORD_QUIET_NS LIMIT_TICK_NS
#define RECORD_PATIENCE_NS (1 * TIME_NS_PER_S)

struct record {
  struct daemon_conf conf;
  struct io_loop *loop;
  struct io_grpc_method method[RECEIVER_METHODS];
  struct tls_set tls;
  struct scrape *scrape;       /* NULL: nothing is scraped */
  struct io_server *server[2]; /* gRPC, HTTP */
  struct receiver receiver;
  struct base_mono stepped_at;
  uint64_t counters[REC_COUNTER_COUNT];
};

/* The same steps that run would take. */
static void record_step(void *ctx) {
  struct record *r = ctx;
  struct base_mono mono = io_mono_now();
  receiver_step(&r->receiver, io_wall_now(), mono);
  if (!r->receiver.news && mono.ns - r->stepped_at.ns < RECORD_QUIET_NS) return;
  r->stepped_at = mono;
  r->receiver.news = false;
  recording_step(r->receiver.recording, io_wall_now());
  recording_flush(r->receiver.recording);
  if (recording_problem(r->receiver.recording)) io_loop_stop(r->loop);
}

static bool record_open(struct record *r, const struct option_set *o) {
  struct journal_err err = {0};
  if (!setup_conf(&r->conf, o)) return false;
  r->receiver.recording = recording_open(option_get(o, "out", NULL), &err);
  if (!r->receiver.recording) {
    command_say("%s", err.text);
    return false;
  }
  setup_descriptors();
  r->loop = io_loop_open();
  if (!r->loop) return false;
  char why[IO_TLS_WHY_BYTES];
  if (!tls_open_receivers(&r->conf, &r->tls, why)) {
    command_say("%s", why);
    return false;
  }
  r->receiver.counters = r->counters;
  receiver_methods(&r->receiver, r->method);
  struct io_server_conf conf = {.address = r->conf.grpc_address,
                                .port = (uint16_t)r->conf.grpc_port,
                                .method = r->method,
                                .method_n = RECEIVER_METHODS,
                                .tls = r->tls.of[TLS_GRPC],
                                .idle_ns = r->conf.idle_timeout_ns,
                                .counters = r->counters};
  struct io_server_conf http = setup_http(&r->conf, &r->receiver, r->tls.of[TLS_HTTP], r->counters);
  r->server[0] = listen_open(r->loop, &conf, "gRPC (Envoy access logs, OTLP)");
  if (r->server[0]) r->server[1] = listen_open(r->loop, &http, "HTTP (OTLP, Zipkin)");
  return r->server[1] && setup_scrape(&r->conf, r->loop, &r->receiver, r->counters, &r->scrape) &&
         io_loop_timer_add(r->loop, RECORD_STEP_NS, record_step, r);
}

static bool record_close(struct record *r) {
  uint64_t messages = 0, bytes = 0;
  bool good = true;
  scrape_close(r->scrape);
  for (unsigned i = 0; i < 2; i++)
    if (r->server[i]) io_server_close(r->server[i]);
  tls_close(&r->tls);
  receiver_close(&r->receiver, io_wall_now());
  if (r->receiver.recording) {
    messages = recording_messages(r->receiver.recording);
    bytes = recording_bytes(r->receiver.recording);
    good = recording_close(r->receiver.recording);
    command_say("%llu messages, %llu bytes%s", (unsigned long long)messages, (unsigned long long)bytes,
                good ? "" : "; the recording could not be written to its end");
  }
  if (r->loop) io_loop_close(r->loop);
  free(r);
  return good;
}

static int record_run(const struct option_set *o) {
  if (!option_has(o, "out")) {
    command_say("record: wants --out FILE");
    return EXIT_USAGE;
  }
  struct record *r = calloc(1, sizeof *r);
  if (!r) return command_fail("out of memory");
  bool ok = record_open(r, o);
  if (ok) {
    listen_signals(r->loop);
    io_loop_run(r->loop);
    scrape_close(r->scrape);
    r->scrape = NULL;
    listen_drain(r->loop, r->server, 2, RECORD_PATIENCE_NS);
  }
  return record_close(r) && ok ? EXIT_DONE : EXIT_BAD;
}

static const struct option_spec record_options[] = {
    {"out", "FILE", "the recording; must not exist yet; - is standard output"},
    {"config", "FILE", "read the configuration from FILE (YAML)"},
    {"set", "KEY=VALUE", "set one configuration key; may be repeated"},
    {0},
};

const struct daemon_command command_record = {
    .name = "record",
    .usage = "--out FILE [--config FILE] [--set KEY=VALUE]...",
    .about = "keeps what the receivers get, for replay",
    .more = "Runs until SIGTERM or SIGINT. Read it with `foreshock replay --format recording FILE`.",
    .options = record_options,
    .run = record_run,
};
