/* Incidents: the list, one, and the operator's ack. */
#include <yyjson.h>

#include "serve_room.h"

struct incidents_filter {
  struct base_wall since;
  struct base_str verdict, service, state;
  uint32_t limit;
};

static bool filter_limit(struct serve_call *c, struct incidents_filter *f) {
  struct base_str v = query_find(&c->query, "limit");
  f->limit = SERVE_INCIDENTS_DEFAULT;
  if (!v.p) return true;
  uint32_t n = 0;
  for (size_t i = 0; i < v.n && i < 5; i++)
    n = v.p[i] >= '0' && v.p[i] <= '9' ? n * 10 + (uint32_t)(v.p[i] - '0') : 99999u;
  if (v.n == 0 || v.n > 4 || n == 0 || n > SERVE_INCIDENTS_MAX) {
    serve_fail(c, 400, "limit: wants a number from 1 to %u", SERVE_INCIDENTS_MAX);
    return false;
  }
  f->limit = n;
  return true;
}

static bool one_of(struct base_str v, const char *a, const char *b) {
  return !v.p || str_eq(v, str_of(a)) || str_eq(v, str_of(b));
}

static bool filter_read(struct serve_call *c, struct incidents_filter *f) {
  static const char *const names[] = {"since", "verdict", "service", "state", "limit", NULL};
  if (!serve_query_only(c, names) || !filter_limit(c, f)) return false;
  struct base_str since = query_find(&c->query, "since");
  f->verdict = query_find(&c->query, "verdict");
  f->service = query_find(&c->query, "service");
  f->state = query_find(&c->query, "state");
  f->since.ns = INT64_MIN;
  if (since.p && !time_read(since, &f->since))
    serve_fail(c, 400, "since: wants a time such as 2026-03-02T09:00:00Z");
  else if (!one_of(f->verdict, "unhealthy", "expected"))
    serve_fail(c, 400, "verdict: wants unhealthy or expected");
  else if (!one_of(f->state, "open", "closed"))
    serve_fail(c, 400, "state: wants open or closed");
  else
    return true;
  return false;
}

static bool filter_takes(const struct incidents_filter *f, const struct serve_item *i) {
  if (i->merged || i->updated_at.ns < f->since.ns) return false;
  if (f->verdict.p && i->expected != str_eq(f->verdict, STR("expected"))) return false;
  if (f->state.p && i->open != str_eq(f->state, STR("open"))) return false;
  return !f->service.p || serve_item_names(i, f->service);
}

void serve_incidents_get(struct serve_call *c) {
  struct incidents_filter f;
  if (!filter_read(c, &f)) return;
  struct serve_store *store = c->serve->conf.store;
  const struct serve_item *const *item = serve_store_sorted(store);
  struct base_buf *out = &c->res->body;
  uint32_t total = 0;
  buf_put_str(out, STR("{\"incidents\":["));
  for (uint32_t i = item ? serve_store_n(store) : 0; i-- > 0;) {
    if (!filter_takes(&f, item[i]) || total++ >= f.limit) continue;
    if (total > 1) buf_put_char(out, ',');
    buf_put_str(out, item[i]->json);
  }
  buf_put_f(out, "],\"total\":%u}\n", total);
}

static const struct serve_item *incident_of_path(struct serve_call *c) {
  const struct serve_item *i = serve_store_find(c->serve->conf.store, (struct base_str){c->id, c->id_n});
  if (!i) serve_fail(c, 404, "no incident with this id");
  return i;
}

/* What memory has let go. */
static bool incident_of_history(struct serve_call *c) {
  struct serve_source *src = &c->serve->conf.source;
  uint64_t id;
  struct base_str text = {c->id, c->id_n};
  if (!src->incident || serve_store_find(c->serve->conf.store, text) || !serve_id_read(text, &id)) return false;
  if (!src->incident(src->ctx, id, &c->res->body)) return false;
  buf_put_char(&c->res->body, '\n');
  return true;
}

void serve_incident_get(struct serve_call *c) {
  if (incident_of_history(c)) return;
  const struct serve_item *i = incident_of_path(c);
  if (!i) return;
  buf_put_str(&c->res->body, i->json);
  buf_put_char(&c->res->body, '\n');
}

/* The optional body {"who": "…"}. False: a 400 is out. */
static bool ack_who(struct serve_call *c, yyjson_doc *doc, struct base_str *who) {
  yyjson_val *root = yyjson_doc_get_root(doc), *v = yyjson_obj_get(root, "who");
  *who = STR("api");
  if (!yyjson_is_obj(root) || yyjson_obj_size(root) != (v ? 1u : 0u)) {
    serve_fail(c, 400, "wants an empty body or {\"who\": \"name\"}");
    return false;
  }
  if (!v) return true;
  *who = (struct base_str){yyjson_get_str(v), yyjson_get_len(v)};
  if (yyjson_is_str(v) && who->n > 0 && who->n <= LIMIT_NAME_BYTES) return true;
  serve_fail(c, 400, "who: wants a text of 1 to %u bytes", LIMIT_NAME_BYTES);
  return false;
}

static void ack_send(struct serve_call *c, struct base_str who) {
  struct serve_source *src = &c->serve->conf.source;
  struct serve_status status = {0};
  src->status(src->ctx, &status);
  struct rec_command command = {.at = status.now, .verb = REC_VERB_ACK, .incident_id = {c->id, c->id_n}, .who = who};
  serve_accepted(c, src->command(src->ctx, &command));
}

void serve_ack_post(struct serve_call *c) {
  if (!incident_of_path(c)) return;
  if (c->req->body.n == 0) {
    ack_send(c, STR("api"));
    return;
  }
  struct base_str who;
  yyjson_doc *doc = yyjson_read(c->req->body.p, c->req->body.n, 0);
  if (!doc)
    serve_fail(c, 400, "the body is not JSON");
  else if (ack_who(c, doc, &who))
    ack_send(c, who);
  yyjson_doc_free(doc);
}
