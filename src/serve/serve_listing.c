/* Changes and actions, as the API lists them: newest first, a page at a time. */
#include "serve_room.h"

struct listing_filter {
  struct base_wall since;
  struct base_str about;
  uint32_t limit;
  uint64_t before; /* only rows whose number is smaller */
};

/* `next` of an earlier answer: the number of the last row that it had. */
static bool listing_cursor(struct serve_call *c, uint64_t *before) {
  struct base_str v = query_find(&c->query, "cursor");
  *before = UINT64_MAX;
  if (!v.p || serve_id_read(v, before)) return true;
  serve_fail(c, 400, "cursor: wants `next` of an earlier answer");
  return false;
}

static bool listing_read(struct serve_call *c, uint32_t max, const char *about, struct listing_filter *f) {
  const char *const names[] = {"since", "limit", "cursor", about, NULL};
  struct base_str since = query_find(&c->query, "since");
  *f = (struct listing_filter){.since = {INT64_MIN}, .about = query_find(&c->query, about), .limit = max};
  if (!serve_query_only(c, names) || !serve_query_u32(c, "limit", max, &f->limit) || !listing_cursor(c, &f->before))
    return false;
  if (!since.p || time_read(since, &f->since)) return true;
  serve_fail(c, 400, "since: wants a time such as 2026-03-02T09:00:00Z");
  return false;
}

void serve_list_get(struct serve_call *c, const struct serve_list *l, const char *key, const char *about) {
  struct listing_filter f;
  struct base_buf *out = &c->res->body;
  uint32_t total = 0, shown = 0;
  uint64_t last = 0;
  bool more = false;
  if (!listing_read(c, l->max, about, &f)) return;
  buf_put_f(out, "{\"%s\":[", key);
  for (uint32_t i = 0; i < list_n(l); i++) {
    const struct serve_row *row = list_back(l, i);
    if (row->at.ns < f.since.ns || (f.about.p && !str_eq(f.about, row->about))) continue;
    total++;
    if (l->n - 1 - i >= f.before) continue;
    more |= shown == f.limit;
    if (shown == f.limit) continue;
    if (shown++ > 0) buf_put_char(out, ',');
    buf_put_str(out, row->json);
    last = l->n - 1 - i;
  }
  buf_put_f(out, "],\"total\":%u,\"next\":", total);
  if (more)
    buf_put_f(out, "\"%016llx\"}\n", (unsigned long long)last);
  else
    buf_put_str(out, STR("null}\n"));
}
