/* Server-sent events: each new state of an incident, each change, and a summary a second. A reader that is too slow is
 * let go. */
#include <stdlib.h>

#include "serve_room.h"

#define STREAM_EVENT_BYTES (1u << 20)

/* The connection ended, from whichever side. */
static void live_gone(void *ctx) {
  struct serve_live *l = ctx;
  l->stream = NULL;
  l->serve->live_n--;
}

static struct serve_live *live_free(struct serve *s) {
  for (unsigned i = 0; i < SERVE_STREAMS_MAX; i++)
    if (!s->live[i].stream) return &s->live[i];
  return NULL;
}

void serve_stream_get(struct serve_call *c) {
  static const char *const none[] = {NULL};
  if (!serve_query_only(c, none)) return;
  struct serve_live *l = live_free(c->serve);
  if (!l) {
    serve_fail(c, 503, "too many live streams");
    return;
  }
  c->res->content_type = "text/event-stream";
  c->res->extra = "X-Content-Type-Options: nosniff\r\n"; /* io adds no-store to streams */
  buf_put_str(&c->res->body, STR("retry: 2000\n\n"));
  l->serve = c->serve;
  l->stream = io_http_stream_keep(c->res, live_gone, l);
  if (l->stream)
    c->serve->live_n++;
  else
    serve_fail(c, 503, "out of memory");
}

static void live_send(struct serve *s, struct base_str event) {
  for (unsigned i = 0; i < SERVE_STREAMS_MAX; i++)
    if (s->live[i].stream) io_http_stream_write(s->live[i].stream, event);
}

void serve_live_event(struct serve *s, const char *name, struct base_str json) {
  if (s->live_n == 0) return;
  struct base_buf b = buf_open(STREAM_EVENT_BYTES);
  buf_put_f(&b, "event: %s\ndata: ", name);
  buf_put_str(&b, json);
  buf_put_str(&b, STR("\n\n"));
  if (!b.bad) live_send(s, buf_str(&b));
  buf_fini(&b);
}

void serve_live_incident(struct serve *s, struct base_str json) {
  serve_live_event(s, "incident", json);
}

enum serve_put serve_incident(struct serve *s, struct base_str json) {
  enum serve_put put = serve_store_put(s->conf.store, json);
  if (put == SERVE_PUT_NEW || put == SERVE_PUT_CHANGED) serve_live_incident(s, json);
  return put;
}

void serve_second(struct serve *s) {
  char text[1024];
  struct base_buf b = buf_over(text, sizeof text);
  serve_summary_json(s, &b);
  s->entries_before = s->conf.source.counter(s->conf.source.ctx, REC_COUNTER_ENTRIES);
  if (!b.bad) serve_live_event(s, "summary", buf_str(&b));
}

void serve_close(struct serve *s) {
  if (!s) return;
  for (unsigned i = 0; i < SERVE_STREAMS_MAX; i++)
    if (s->live[i].stream) io_http_stream_close(s->live[i].stream);
  list_close(&s->changes);
  list_close(&s->audit);
  buf_fini(&s->graph);
  free(s);
}

void serve_tick(struct serve *s, const struct rec_tick_input *in) {
  history_tick(s->conf.history, in->bucket, LIMIT_BUCKETS, in->tick.end, s->conf.counters);
  serve_changes_tick(s, in);
}
