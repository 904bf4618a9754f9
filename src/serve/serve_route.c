/* Paths to handlers, and the answers that are the same for all. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base_hash.h"
#include "base_json.h"
#include "base_must.h"
#include "serve_room.h"

#define ROUTE_HEADERS "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"

typedef void (*serve_handler)(struct serve_call *c);

struct serve_route {
  const char *path; /* "{id}" stands for one segment */
  serve_handler get, post;
  bool open;   /* asks for no token: it tells nothing about the mesh */
  bool tagged; /* what is asked for again and again: it carries an ETag */
};

static const struct serve_route routes[] = {
    {"/", serve_page_get, NULL, true, false},
    {"/healthz", serve_health_get, NULL, true, false},
    {"/readyz", serve_ready_get, NULL, true, false},
    {"/metrics", serve_metrics_get, NULL, false, false},
    {"/api/v1/status", serve_status_get, NULL, false, false},
    {"/api/v1/incidents", serve_incidents_get, NULL, false, true},
    {"/api/v1/incidents/{id}", serve_incident_get, NULL, false, true},
    {"/api/v1/incidents/{id}/ack", NULL, serve_ack_post, false, false},
    {"/api/v1/incidents/{id}/mute", NULL, serve_mute_post, false, false},
    {"/api/v1/incidents/{id}/expect", NULL, serve_expect_post, false, false},
    {"/api/v1/graph", serve_graph_get, NULL, false, true},
    {"/api/v1/series", serve_series_get, NULL, false, false},
    {"/api/v1/stream", serve_stream_get, NULL, false, false},
    {"/api/v1/changes", serve_changes_get, serve_change_post, false, true},
    {"/api/v1/audit", serve_audit_get, NULL, false, true},
    {"/api/v1/openapi.yaml", serve_openapi_get, NULL, true, false},
};

#define ROUTE_N (sizeof routes / sizeof routes[0])

struct serve *serve_open(const struct serve_conf *conf) {
  MUST(conf->store && conf->source.status && conf->history && conf->counters);
  struct serve *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->conf = *conf;
  serve_files_init(s);
  s->graph = buf_open(LIMIT_HTTP_OUT_BYTES);
  if (list_open(&s->changes, LIMIT_CHANGES_KEPT) && list_open(&s->audit, LIMIT_AUDIT_KEPT)) return s;
  serve_close(s);
  return NULL;
}

void serve_fail(struct serve_call *c, int status, const char *fmt, ...) {
  char text[256];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  buf_clear(&c->res->body);
  c->res->status = status;
  c->res->content_type = "application/json";
  buf_put_str(&c->res->body, STR("{\"error\":"));
  json_quote(&c->res->body, str_of(text));
  buf_put_str(&c->res->body, STR("}\n"));
}

void serve_accepted(struct serve_call *c, bool taken) {
  if (!taken) {
    serve_fail(c, 503, "too many wait for the next tick, or it is starting; try again");
    return;
  }
  c->res->status = 202;
  buf_put_str(&c->res->body, STR("{\"status\":\"accepted\"}\n"));
}

bool serve_query_only(struct serve_call *c, const char *const *names) {
  const struct serve_param *p = query_unknown(&c->query, names);
  if (!p) return true;
  serve_fail(c, 400, "unknown query parameter '%.*s'", (int)(p->name.n < 64 ? p->name.n : 64), p->name.p);
  return false;
}

bool serve_query_u32(struct serve_call *c, const char *name, uint32_t max, uint32_t *out) {
  struct base_str v = query_find(&c->query, name);
  if (!v.p || serve_u32_read(v, max, out)) return true;
  serve_fail(c, 400, "%s: wants a number from 1 to %u", name, max);
  return false;
}

/* Compares segment by segment; fills the call's id. */
static bool route_match(const char *pattern, struct base_str path, struct serve_call *c) {
  struct base_str want = str_of(pattern);
  if (want.n == 1 || path.n == 0) return str_eq(want, path);
  for (size_t w = 0, p = 0;;) {
    size_t w_end = str_find(want, '/', w + 1), p_end = str_find(path, '/', p + 1);
    struct base_str ws = str_cut(want, w, w_end), ps = str_cut(path, p, p_end);
    if (str_eq(ws, STR("/{id}"))) {
      if (ps.n < 2 || !query_decode(str_cut(ps, 1, ps.n), false, c->id, sizeof c->id, &c->id_n)) return false;
    } else if (!str_eq(ws, ps)) {
      return false;
    }
    if (w_end == want.n || p_end == path.n) return w_end == want.n && p_end == path.n;
    w = w_end;
    p = p_end;
  }
}

static const struct serve_route *route_find(struct serve_call *c) {
  for (size_t i = 0; i < ROUTE_N; i++)
    if (route_match(routes[i].path, c->req->path, c)) return &routes[i];
  return NULL;
}

/* A browser's form cannot send this content type to another origin without asking first. */
static bool route_json_body(const struct io_http_request *req) {
  struct base_str type = str_cut(req->content_type, 0, str_find(req->content_type, ';', 0));
  while (type.n && type.p[type.n - 1] == ' ') type.n--;
  return type.n == 16 && strncasecmp(type.p, "application/json", 16) == 0;
}

/* A path's method. What it takes stands in Allow. */
static void route_method_fail(struct serve_call *c, const struct serve_route *r) {
  c->res->extra = r->get && r->post ? ROUTE_HEADERS "Allow: GET, HEAD, POST\r\n"
                  : r->get          ? ROUTE_HEADERS "Allow: GET, HEAD\r\n"
                                    : ROUTE_HEADERS "Allow: POST\r\n";
  serve_fail(c, 405, "this path takes %s", r->get && r->post ? "GET and POST" : r->get ? "GET only" : "POST only");
}

/* Nobody without a token, and none that may only read where something is done. */
static bool route_allowed(struct serve_call *c, const struct serve_route *r, bool act) {
  const struct serve_tokens *t = c->serve->conf.tokens;
  if (!t || r->open) return true;
  c->token = tokens_find(t, c->req->authorization);
  if (c->token && (!act || c->token->right == TOKEN_ACT)) return true;
  c->serve->conf.counters[REC_COUNTER_HTTP_DENIED]++;
  if (c->token) {
    serve_audit(c, "POST", str_of(c->token->name), c->req->path.n <= 512 ? c->req->path : STR_NONE, "denied", STR_NONE);
    serve_fail(c, 403, "this token may read, not act");
  } else {
    c->res->extra = ROUTE_HEADERS "WWW-Authenticate: Bearer realm=\"foreshock\"\r\n";
    serve_fail(c, 401, "wants Authorization: Bearer TOKEN");
  }
  return false;
}

static void route_post(struct serve_call *c, const struct serve_route *r) {
  if (!r->post) {
    route_method_fail(c, r);
  } else if (!route_allowed(c, r, true)) {
    return;
  } else if (!route_json_body(c->req)) {
    serve_fail(c, 415, "wants Content-Type: application/json");
  } else {
    r->post(c);
  }
}

/* The answer's own digest is its tag: who has the same one already is not sent it again. */
static void route_tag(struct serve_call *c) {
  struct base_buf *body = &c->res->body, headers = buf_over(c->serve->tag_headers, sizeof c->serve->tag_headers - 1);
  char tag[20];
  snprintf(tag, sizeof tag, "\"%016llx\"", (unsigned long long)hash_bytes(HASH_KEY_FIXED, body->p, body->n));
  buf_put_f(&headers, "Cache-Control: private, no-cache\r\nX-Content-Type-Options: nosniff\r\nETag: W/%s\r\n", tag);
  MUST(!headers.bad);
  c->serve->tag_headers[headers.n] = 0;
  c->res->extra = c->serve->tag_headers;
  if (!serve_tag_known(c->req->if_none_match, tag)) return;
  c->res->status = 304;
  buf_clear(body);
}

static void route_get(struct serve_call *c, const struct serve_route *r) {
  if (!r->get) {
    route_method_fail(c, r);
  } else if (route_allowed(c, r, false)) {
    r->get(c);
    if (r->tagged && c->res->status == 200 && !c->res->body.bad) route_tag(c);
  }
}

static void route_call(struct serve_call *c) {
  const struct serve_route *r = route_find(c);
  const char *wrong = query_read(c->req->query, &c->query);
  struct base_str method = c->req->method;
  if (!r) {
    serve_fail(c, 404, "no such path");
  } else if (wrong) {
    serve_fail(c, 400, "%s", wrong);
  } else if (str_eq(method, STR("GET")) || str_eq(method, STR("HEAD"))) {
    route_get(c, r);
  } else if (str_eq(method, STR("POST"))) {
    route_post(c, r);
  } else {
    route_method_fail(c, r);
  }
}

void serve_http(void *ctx, const struct io_http_request *req, struct io_http_response *res) {
  struct serve_call c = {.serve = ctx, .req = req, .res = res};
  res->status = 200;
  res->content_type = "application/json";
  res->extra = ROUTE_HEADERS;
  route_call(&c);
}
