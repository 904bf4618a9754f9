#include "daemon_receiver.h"

#include <stdio.h>
#include <stdlib.h>

#include "io_scrape.h"
#include "rec_counter.h"
#include "wire_otlp_fields.h"
#include "wire_pb_write.h"
#include "wire_preface.h"

struct receiver_stream {
  struct receiver *receiver;
  enum door_form form;
  wire_stream line_stream;
  uint64_t recording_stream;
};

static void *stream_open(void *ctx, struct base_str peer) {
  (void)peer;
  const struct receiver_method *method = ctx;
  struct receiver *r = method->receiver;
  struct receiver_stream *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->receiver = r;
  s->form = method->form;
  if (r->line) s->line_stream = line_stream_open(r->line);
  if (r->line && !s->line_stream) { /* the fold's table is full */
    free(s);
    return NULL;
  }
  if (r->recording) s->recording_stream = recording_stream_open(r->recording, s->form, io_wall_now());
  r->news = true;
  return s;
}

static int stream_message(void *stream, struct base_str bytes, struct base_wall recv) {
  struct receiver_stream *s = stream;
  struct receiver *r = s->receiver;
  if (r->recording) recording_message(r->recording, s->recording_stream, bytes, recv);
  if (r->line) {
    line_message(r->line, s->line_stream, s->form, bytes, recv);
  } else {
    r->counters[REC_COUNTER_MESSAGES]++;
    r->counters[REC_COUNTER_MESSAGE_BYTES] += bytes.n;
  }
  r->news = true;
  return IO_GRPC_OK;
}

static void stream_close(void *stream) {
  struct receiver_stream *s = stream;
  struct receiver *r = s->receiver;
  if (r->recording) recording_stream_close(r->recording, s->recording_stream, io_wall_now());
  if (r->line) line_stream_close(r->line, s->line_stream);
  r->news = true;
  free(s);
}

/* ---- calls ---- */

static bool form_open(struct receiver *r, enum door_form form, struct base_wall recv) {
  struct receiver_form *f = &r->form[form];
  f->heard_ns = recv.ns;
  if (f->open) return true;
  if (r->line && !(f->line_stream = line_stream_open(r->line))) return false;
  if (r->recording) f->recording_stream = recording_stream_open(r->recording, form, recv);
  f->open = true;
  return true;
}

static void form_close(struct receiver *r, struct receiver_form *f, struct base_wall now) {
  if (!f->open) return;
  if (r->recording) recording_stream_close(r->recording, f->recording_stream, now);
  if (r->line) line_stream_close(r->line, f->line_stream);
  *f = (struct receiver_form){0};
  r->news = true;
}

void receiver_step(struct receiver *r, struct base_wall now, struct base_mono mono) {
  bool late = r->stepped_ns && mono.ns - r->stepped_ns > RECEIVER_LATE_NS;
  r->late_n = late ? r->late_n + 1 : 0;
  r->stepped_ns = mono.ns;
  for (unsigned i = 0; i < DOOR_FORM_COUNT; i++)
    if (now.ns - r->form[i].heard_ns > RECEIVER_SILENT_NS) form_close(r, &r->form[i], now);
}

void receiver_close(struct receiver *r, struct base_wall now) {
  for (unsigned i = 0; i < DOOR_FORM_COUNT; i++) form_close(r, &r->form[i], now);
  door_close(&r->door);
}

/* How many items the fold has refused so far. What waits for its tick may still be. */
static uint64_t refused(const struct receiver *r) {
  static const enum rec_counter reason[] = {
      REC_COUNTER_REJECT_ENTRY, REC_COUNTER_REJECT_TIME,       REC_COUNTER_REJECT_NO_START,     REC_COUNTER_REJECT_NAME,
      REC_COUNTER_REJECT_UTF8,  REC_COUNTER_REJECT_CELL_LIMIT, REC_COUNTER_REJECT_NODE_LIMIT,   REC_COUNTER_REJECT_LATE,
      REC_COUNTER_REJECT_AHEAD, REC_COUNTER_REJECT_LOG_POOR,   REC_COUNTER_REJECT_NO_IDENTIFIER};
  uint64_t n = 0;
  for (size_t i = 0; r->line && i < sizeof reason / sizeof *reason; i++)
    n += wire_fold_counters(line_fold(r->line))[reason[i]];
  return n;
}

struct answer {
  int status; /* of gRPC */
  const char *why;
  uint64_t lost;                    /* spans, records or points that were not taken */
  struct wire_sample_tally metrics; /* of metrics */
};

static struct answer message_take(struct receiver *r, enum door_wire wire, struct base_str bytes,
                                  struct base_wall recv) {
  struct door_message m;
  struct answer a = {.status = IO_GRPC_OK, .why = ""};
  if (r->late_n >= RECEIVER_LATE_BEATS) {
    r->counters[REC_COUNTER_SENT_AWAY]++;
    return (struct answer){.status = IO_GRPC_UNAVAILABLE, .why = "busy, come again"};
  }
  if (!door_take(&r->door, wire, bytes, &m, &a.why)) {
    bool large = m.oversize || bytes.n > LIMIT_MESSAGE_BYTES;
    r->counters[large ? REC_COUNTER_REJECT_OVERSIZE : REC_COUNTER_REJECT_MESSAGE]++;
    a.status = large ? IO_GRPC_RESOURCE_EXHAUSTED : IO_GRPC_INVALID_ARGUMENT;
    return a;
  }
  if (!form_open(r, m.form, recv)) return (struct answer){.status = IO_GRPC_UNAVAILABLE, .why = "too many streams"};
  struct receiver_form *f = &r->form[m.form];
  uint64_t before = refused(r);
  if (r->recording) recording_message(r->recording, f->recording_stream, m.bytes, recv);
  if (r->line) {
    line_message(r->line, f->line_stream, m.form, m.bytes, recv);
  } else {
    r->counters[REC_COUNTER_MESSAGES]++;
    r->counters[REC_COUNTER_MESSAGE_BYTES] += m.bytes.n;
  }
  r->news = true;
  bool metrics = door_form_is_metrics(m.form);
  if (metrics) a.metrics = r->line ? *wire_fold_tally(line_fold(r->line)) : door_tally(&r->door, &m);
  a.lost = metrics ? a.metrics.rejected : refused(r) - before + m.lost;
  return a;
}

#define LOST_TEXT "not taken: broken, too late, or without a name or time; see the counters"

/* ExportTraceServiceResponse, ExportLogsServiceResponse and ExportMetricsServiceResponse alike. */
static void partial_write(const struct answer *a, struct base_buf *out) {
  if (!a->lost) return;
  size_t at = pbw_enter(out, OTLP_traces_reply_partial_success);
  pbw_int(out, OTLP_traces_partial_rejected_spans, a->lost);
  pbw_str(out, OTLP_traces_partial_error_message, STR(LOST_TEXT));
  pbw_leave(out, at);
}

static int call_take(struct receiver *r, enum door_wire wire, const struct io_grpc_call *call, struct base_buf *reply,
                     const char **why) {
  struct answer a = message_take(r, wire, call->bytes, call->recv);
  *why = a.why;
  if (a.status == IO_GRPC_OK) partial_write(&a, reply);
  return a.status;
}

static int call_traces(void *ctx, const struct io_grpc_call *call, struct base_buf *reply, const char **why) {
  return call_take(ctx, DOOR_TRACES, call, reply, why);
}

static int call_logs(void *ctx, const struct io_grpc_call *call, struct base_buf *reply, const char **why) {
  return call_take(ctx, DOOR_LOGS, call, reply, why);
}

static int call_metrics(void *ctx, const struct io_grpc_call *call, struct base_buf *reply, const char **why) {
  return call_take(ctx, DOOR_METRICS, call, reply, why);
}

static struct io_grpc_method stream_method(struct receiver *r, unsigned i, enum door_form form, const char *path) {
  r->method[i] = (struct receiver_method){r, form};
  return (struct io_grpc_method){
      .path = path, .ctx = &r->method[i], .open = stream_open, .message = stream_message, .close = stream_close};
}

void receiver_methods(struct receiver *r, struct io_grpc_method out[RECEIVER_METHODS]) {
  out[0] = stream_method(r, 0, DOOR_FORM_ALS, "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs");
  out[1] = stream_method(r, 1, DOOR_FORM_ENVOY_METRICS, "/envoy.service.metrics.v3.MetricsService/StreamMetrics");
  out[2] = (struct io_grpc_method){
      .path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export", .ctx = r, .call = call_traces};
  out[3] = (struct io_grpc_method){
      .path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export", .ctx = r, .call = call_logs};
  out[4] = (struct io_grpc_method){
      .path = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", .ctx = r, .call = call_metrics};
}

/* ---- scrapes ---- */

#define UP_BYTES_MAX 16384u

/* What a target said is a message like any other; that it said nothing is told by its `up`. */
void receiver_scraped(void *ctx, const struct io_scraped *s) {
  struct receiver *r = ctx;
  char mem[UP_BYTES_MAX];
  struct base_buf up = buf_over(mem, sizeof mem);
  bool came = s->fail == IO_SCRAPE_NONE && s->message.n > 0;
  if (came) (void)message_take(r, DOOR_PROMETHEUS, s->message, s->at);
  wire_preface_write(&up, s->labels, WIRE_PROM_TEXT);
  buf_put_f(&up, "up %d\n", came ? 1 : 0);
  if (!up.bad) (void)message_take(r, DOOR_PROMETHEUS, buf_str(&up), s->at);
}

/* ---- HTTP ---- */

struct endpoint {
  const char *path;
  enum door_wire proto, json;
  const char *key; /* of what was not taken, in JSON; NULL: no answer but a status */
};

static const struct endpoint endpoints[] = {{"/v1/traces", DOOR_TRACES, DOOR_TRACES_JSON, "rejectedSpans"},
                                            {"/v1/logs", DOOR_LOGS, DOOR_LOGS_JSON, "rejectedLogRecords"},
                                            {"/v1/metrics", DOOR_METRICS, DOOR_METRICS_JSON, "rejectedDataPoints"},
                                            {"/api/v2/spans", DOOR_ZIPKIN, DOOR_ZIPKIN_JSON, NULL}};

/* A media type without its parameters, in any case. */
static bool type_is(struct base_str type, struct base_str want) {
  type = str_cut(type, 0, str_find(type, ';', 0));
  while (type.n && type.p[type.n - 1] == ' ') type.n--;
  return str_eq_nocase(type, want);
}

static int http_status(int grpc) {
  switch (grpc) {
    case IO_GRPC_OK: return 200;
    case IO_GRPC_INVALID_ARGUMENT: return 400;
    case IO_GRPC_RESOURCE_EXHAUSTED: return 413;
    default: return 503;
  }
}

/* google.rpc.Status, as OTLP wants a failure told, in the encoding of the request. */
static void failure_write(const struct answer *a, bool json, struct base_buf *out) {
  if (json) {
    buf_put_f(out, "{\"code\":%d,\"message\":\"%s\"}", a->status, a->why);
    return;
  }
  pbw_int(out, PB_TAG(1, PB_VARINT), (uint64_t)a->status);
  pbw_str(out, PB_TAG(2, PB_LEN), str_of(a->why));
}

static void success_write(const struct answer *a, bool json, const char *key, struct base_buf *out) {
  if (!json)
    partial_write(a, out);
  else if (a->lost)
    buf_put_f(out, "{\"partialSuccess\":{\"%s\":\"%llu\",\"errorMessage\":\"" LOST_TEXT "\"}}", key,
              (unsigned long long)a->lost);
  else
    buf_put_str(out, STR("{}"));
}

static void http_refuse(struct io_http_response *res, int status, const char *text, const char *extra) {
  res->status = status;
  res->extra = extra;
  buf_put_f(&res->body, "{\"error\":\"%s\"}\n", text);
}

static void http_post(struct receiver *r, const struct endpoint *e, const struct io_http_request *req,
                      struct io_http_response *res) {
  bool json = type_is(req->content_type, STR("application/json"));
  struct answer a = message_take(r, json ? e->json : e->proto, req->body, io_wall_now());
  res->status = http_status(a.status);
  res->content_type = json ? "application/json" : "application/x-protobuf";
  if (res->status == 503) res->extra = "Retry-After: 1\r\n";
  if (a.status != IO_GRPC_OK)
    failure_write(&a, json, &res->body);
  else if (e->key)
    success_write(&a, json, e->key, &res->body);
  else
    res->status = 202; /* what Zipkin answers */
}

/* Remote write: 204, or 400 where a part was refused, which no sender should send again; 2.0 also wants to know how
 * much was written. */
static void http_write(struct receiver *r, const struct io_http_request *req, struct io_http_response *res) {
  enum door_wire wire = req->snappy ? DOOR_REMOTE_WRITE_SNAPPY : DOOR_REMOTE_WRITE;
  struct answer a = message_take(r, wire, req->body, io_wall_now());
  const struct wire_sample_tally *t = &a.metrics;
  snprintf(r->written, sizeof r->written,
           "X-Prometheus-Remote-Write-Samples-Written: %llu\r\nX-Prometheus-Remote-Write-Histograms-Written: "
           "%llu\r\nX-Prometheus-Remote-Write-Exemplars-Written: 0\r\n",
           (unsigned long long)t->samples, (unsigned long long)t->histograms);
  res->extra = r->written;
  res->status = a.status == IO_GRPC_OK ? (a.lost ? 400 : 204) : http_status(a.status);
  if (res->status == 503) res->extra = "Retry-After: 1\r\n";
  if (res->status != 204) buf_put_f(&res->body, "{\"error\":\"%s\"}\n", a.lost ? LOST_TEXT : a.why);
}

/* Of remote write: a message that is named must be one of the two that are read. */
static bool is_write(struct base_str type) {
  static const struct base_str name[] = {{"proto=prometheus.WriteRequest", 29},
                                         {"proto=io.prometheus.write.v2.Request", 36}};
  size_t at = str_find(type, ';', 0);
  struct base_str rest = str_cut(type, at + 1, type.n);
  while (rest.n && rest.p[0] == ' ') rest = str_cut(rest, 1, rest.n);
  if (!str_starts(rest, STR("proto="))) return true;
  rest = str_cut(rest, 0, str_find(rest, ';', 0));
  return str_eq(rest, name[0]) || str_eq(rest, name[1]);
}

static bool is_proto(const struct io_http_request *req) {
  return type_is(req->content_type, STR("application/x-protobuf")) ||
         type_is(req->content_type, STR("application/protobuf"));
}

void receiver_http(void *ctx, const struct io_http_request *req, struct io_http_response *res) {
  const struct endpoint *e = NULL;
  bool write = str_eq(req->path, STR("/api/v1/write"));
  for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
    if (str_eq(req->path, str_of(endpoints[i].path))) e = &endpoints[i];
  if (!e && !write)
    http_refuse(res, 404, "no such endpoint", NULL);
  else if (!str_eq(req->method, STR("POST")))
    http_refuse(res, 405, "post it", "Allow: POST\r\n");
  else if (req->snappy && !write)
    http_refuse(res, 415, "gzip, or no encoding", "Accept-Encoding: gzip\r\n");
  else if (write && (!is_proto(req) || !is_write(req->content_type)))
    http_refuse(res, 415, "application/x-protobuf of prometheus.WriteRequest or io.prometheus.write.v2.Request", NULL);
  else if (write)
    http_write(ctx, req, res);
  else if (!is_proto(req) && !type_is(req->content_type, STR("application/json")))
    http_refuse(res, 415, "application/x-protobuf or application/json", NULL);
  else
    http_post(ctx, e, req, res);
}
