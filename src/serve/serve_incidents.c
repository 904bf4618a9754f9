/* Incidents: the list, and one. */
#include "serve_room.h"

struct incidents_filter {
  struct base_wall since;
  struct base_str verdict, service, state, kind, severity;
  uint32_t limit;
  bool after; /* of the cursor's incident, in the listing's order */
  struct serve_item mark;
};

/* "0123456789abcdef-fedcba9876543210": when the last incident listed began, and its id. */
static bool filter_cursor(struct serve_call *c, struct incidents_filter *f) {
  struct base_str v = query_find(&c->query, "cursor");
  uint64_t started;
  f->after = v.p != NULL;
  if (!v.p) return true;
  if (v.n == 33 && v.p[16] == '-' && serve_id_read(str_cut(v, 0, 16), &started) &&
      serve_id_read(str_cut(v, 17, 33), &f->mark.id)) {
    f->mark.started_at.ns = (int64_t)started;
    return true;
  }
  serve_fail(c, 400, "cursor: wants `next` of an earlier answer");
  return false;
}

/* Absent, or one of the words, between which stand blanks. */
static bool one_of(struct base_str v, const char *words) {
  if (!v.p) return true;
  for (struct base_str rest = str_of(words); rest.n;) {
    size_t end = str_find(rest, ' ', 0);
    if (str_eq(v, str_cut(rest, 0, end))) return true;
    rest = str_cut(rest, end + 1, rest.n);
  }
  return false;
}

static bool filter_read(struct serve_call *c, struct incidents_filter *f) {
  static const char *const names[] = {"since", "verdict",  "service", "state", "kind",
                                      "limit", "severity", "cursor",  NULL};
  f->limit = SERVE_INCIDENTS_DEFAULT;
  if (!serve_query_only(c, names) || !serve_query_u32(c, "limit", SERVE_INCIDENTS_MAX, &f->limit) ||
      !filter_cursor(c, f))
    return false;
  struct base_str since = query_find(&c->query, "since");
  f->verdict = query_find(&c->query, "verdict");
  f->service = query_find(&c->query, "service");
  f->state = query_find(&c->query, "state");
  f->kind = query_find(&c->query, "kind");
  f->severity = query_find(&c->query, "severity");
  f->since.ns = INT64_MIN;
  if (since.p && !time_read(since, &f->since))
    serve_fail(c, 400, "since: wants a time such as 2026-03-02T09:00:00Z");
  else if (!one_of(f->verdict, "unhealthy expected"))
    serve_fail(c, 400, "verdict: wants unhealthy or expected");
  else if (!one_of(f->state, "open closed"))
    serve_fail(c, 400, "state: wants open or closed");
  else if (!one_of(f->kind, "latency errors traffic saturation security change"))
    serve_fail(c, 400, "kind: wants latency, errors, traffic, saturation, security or change");
  else if (!one_of(f->severity, "info warning critical"))
    serve_fail(c, 400, "severity: wants info, warning or critical");
  else
    return true;
  return false;
}

static bool filter_takes(const struct incidents_filter *f, const struct serve_item *i) {
  if (i->merged || i->updated_at.ns < f->since.ns) return false;
  if (f->verdict.p && i->expected != str_eq(f->verdict, STR("expected"))) return false;
  if (f->state.p && i->open != str_eq(f->state, STR("open"))) return false;
  if (f->kind.p && !str_eq(f->kind, str_of(i->kind))) return false;
  if (f->severity.p && !str_eq(f->severity, str_of(i->severity))) return false;
  return !f->service.p || serve_item_names(i, f->service);
}

/* What the cursor's reader has not seen: newest first, so what stands before the mark in ascending order. */
static bool filter_unseen(const struct incidents_filter *f, const struct serve_item *i) {
  return !f->after || serve_item_order(i, &f->mark) < 0;
}

void serve_incidents_get(struct serve_call *c) {
  struct incidents_filter f;
  if (!filter_read(c, &f)) return;
  struct serve_store *store = c->serve->conf.store;
  const struct serve_item *const *item = serve_store_sorted(store);
  const struct serve_item *last = NULL;
  struct base_buf *out = &c->res->body;
  uint32_t total = 0, shown = 0;
  bool more = false;
  buf_put_str(out, STR("{\"incidents\":["));
  for (uint32_t i = item ? serve_store_n(store) : 0; i-- > 0;) {
    if (!filter_takes(&f, item[i])) continue;
    total++;
    if (!filter_unseen(&f, item[i])) continue;
    more |= shown == f.limit;
    if (shown == f.limit) continue;
    if (shown++ > 0) buf_put_char(out, ',');
    buf_put_str(out, item[i]->json);
    last = item[i];
  }
  buf_put_f(out, "],\"total\":%u,\"next\":", total);
  if (more)
    buf_put_f(out, "\"%016llx-%016llx\"}\n", (unsigned long long)last->started_at.ns, (unsigned long long)last->id);
  else
    buf_put_str(out, STR("null}\n"));
}

const struct serve_item *serve_item_of_path(struct serve_call *c) {
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
  static const char *const none[] = {NULL};
  if (!serve_query_only(c, none)) return;
  if (incident_of_history(c)) return;
  const struct serve_item *i = serve_item_of_path(c);
  if (!i) return;
  buf_put_str(&c->res->body, str_cut(i->json, 0, i->json.n - 1));
  buf_put_str(&c->res->body, STR(",\"series\":"));
  serve_incident_series(c, i);
  buf_put_str(&c->res->body, STR("}\n"));
}
