#include "daemon_receiver.h"

#include <stdlib.h>

#include "io_scrape.h"
#include "rec_counter.h"
#include "wire_otlp_fields.h"
#include "wire_pb_write.h"

struct receiver_stream {
  struct receiver *receiver;
  wire_stream line_stream;
  uint64_t recording_stream;
};

static void *stream_open(void *ctx, struct base_str peer) {
  (void)peer;
  struct receiver *r = ctx;
  struct receiver_stream *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->receiver = r;
  if (r->line) s->line_stream = line_stream_open(r->line);
  if (r->line && !s->line_stream) { /* the fold's table is full */
    free(s);
    return NULL;
  }
  if (r->recording) s->recording_stream = recording_stream_open(r->recording, DOOR_FORM_ALS, io_wall_now());
  r->news = true;
  return s;
}

static int stream_message(void *stream, struct base_str bytes, struct base_wall recv) {
  struct receiver_stream *s = stream;
  struct receiver *r = s->receiver;
  if (r->recording) recording_message(r->recording, s->recording_stream, bytes, recv);
  if (r->line) {
    line_message(r->line, s->line_stream, DOOR_FORM_ALS, bytes, recv);
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
  uint64_t lost; /* spans or records that were not taken */
};

static struct answer message_take(struct receiver *r, enum door_wire wire, struct base_str bytes,
                                  struct base_wall recv) {
  struct door_message m;
  struct answer a = {IO_GRPC_OK, "", 0};
  if (r->late_n >= RECEIVER_LATE_BEATS) {
    r->counters[REC_COUNTER_SENT_AWAY]++;
    return (struct answer){IO_GRPC_UNAVAILABLE, "busy, come again", 0};
  }
  if (!door_take(&r->door, wire, bytes, &m, &a.why)) {
    bool large = bytes.n > LIMIT_MESSAGE_BYTES;
    r->counters[large ? REC_COUNTER_REJECT_OVERSIZE : REC_COUNTER_REJECT_MESSAGE]++;
    a.status = large ? IO_GRPC_RESOURCE_EXHAUSTED : IO_GRPC_INVALID_ARGUMENT;
    return a;
  }
  if (!form_open(r, m.form, recv)) return (struct answer){IO_GRPC_UNAVAILABLE, "too many streams", 0};
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
  a.lost = refused(r) - before + m.lost;
  return a;
}

#define LOST_TEXT "not taken: broken, too late, or without a name or time; see the counters"

/* ExportTraceServiceResponse and ExportLogsServiceResponse alike. */
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

void receiver_methods(struct receiver *r, struct io_grpc_method out[RECEIVER_METHODS]) {
  out[0] = (struct io_grpc_method){.path = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs",
                                   .ctx = r,
                                   .open = stream_open,
                                   .message = stream_message,
                                   .close = stream_close};
  out[1] = (struct io_grpc_method){
      .path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export", .ctx = r, .call = call_traces};
  out[2] = (struct io_grpc_method){
      .path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export", .ctx = r, .call = call_logs};
}

/* ---- scrapes ---- */

/* What a target said is a message like any other. That one said nothing is seen by who waits for it. */
void receiver_scraped(void *ctx, const struct io_scraped *s) {
  struct receiver *r = ctx;
  if (s->fail != IO_SCRAPE_NONE) return;
  r->counters[REC_COUNTER_MESSAGES]++;
  r->counters[REC_COUNTER_MESSAGE_BYTES] += s->message.n;
  r->news = true;
}

/* ---- HTTP ---- */

struct endpoint {
  const char *path;
  enum door_wire proto, json;
  const char *key; /* of what was not taken, in JSON; NULL: no answer but a status */
};

static const struct endpoint endpoints[] = {{"/v1/traces", DOOR_TRACES, DOOR_TRACES_JSON, "rejectedSpans"},
                                            {"/v1/logs", DOOR_LOGS, DOOR_LOGS_JSON, "rejectedLogRecords"},
                                            {"/api/v2/spans", DOOR_ZIPKIN, DOOR_ZIPKIN_JSON, NULL}};

/* A media type without its parameters, in any case. */
static bool type_is(struct base_str type, struct base_str want) {
  type = str_cut(type, 0, str_find(type, ';', 0));
  while (type.n && type.p[type.n - 1] == ' ') type.n--;
  if (type.n != want.n) return false;
  for (size_t i = 0; i < type.n; i++) {
    char c = type.p[i] >= 'A' && type.p[i] <= 'Z' ? (char)(type.p[i] + 32) : type.p[i];
    if (c != want.p[i]) return false;
  }
  return true;
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

void receiver_http(void *ctx, const struct io_http_request *req, struct io_http_response *res) {
  const struct endpoint *e = NULL;
  for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
    if (str_eq(req->path, str_of(endpoints[i].path))) e = &endpoints[i];
  if (!e)
    http_refuse(res, 404, "no such endpoint", NULL);
  else if (!str_eq(req->method, STR("POST")))
    http_refuse(res, 405, "post it", "Allow: POST\r\n");
  else if (!type_is(req->content_type, STR("application/x-protobuf")) &&
           !type_is(req->content_type, STR("application/protobuf")) &&
           !type_is(req->content_type, STR("application/json")))
    http_refuse(res, 415, "application/x-protobuf or application/json", NULL);
  else
    http_post(ctx, e, req, res);
}
