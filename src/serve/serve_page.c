/* The files inside the program: the page, self-contained, so its policy can forbid everything that is not in it or from
 * this daemon; and the API's document. They change with the program only, so a reader that has one keeps it. */
#include "base_must.h"
#include "serve_room.h"

#define FILE_HEADERS "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nVary: Accept-Encoding\r\n"

bool serve_tag_known(struct base_str list, const char *etag) {
  struct base_str tag = str_of(etag);
  if (str_eq(list, STR("*"))) return true;
  return list.n >= tag.n && memmem(list.p, list.n, tag.p, tag.n) != NULL;
}

/* "gzip" that is not refused by a weight of 0. */
static bool takes_gzip(struct base_str accept) {
  const char *at = accept.n ? memmem(accept.p, accept.n, "gzip", 4) : NULL;
  if (!at) return false;
  struct base_str rest = str_cut(accept, (size_t)(at + 4 - accept.p), accept.n);
  rest = str_cut(rest, 0, str_find(rest, ',', 0));
  return !str_starts(rest, STR(";q=0")) || (rest.n > 4 && rest.p[4] == '.');
}

/* One tag for both encodings, hence a weak one. */
static void headers_write(const struct serve_file *f, const char *policy, bool gzip, char out[SERVE_HEADERS_BYTES]) {
  struct base_buf h = buf_over(out, SERVE_HEADERS_BYTES - 1);
  buf_put_f(&h, FILE_HEADERS "Cache-Control: no-cache\r\nETag: W/%s\r\n", f->etag);
  if (policy) buf_put_f(&h, "Content-Security-Policy: %s\r\n", policy);
  if (gzip) buf_put_str(&h, STR("Content-Encoding: gzip\r\n"));
  MUST(!h.bad);
  out[h.n] = 0;
}

void serve_files_init(struct serve *s) {
  for (unsigned gzip = 0; gzip < 2; gzip++) {
    headers_write(&serve_page_file, serve_page_policy, gzip, s->page_headers[gzip]);
    headers_write(&serve_openapi_file, NULL, gzip, s->openapi_headers[gzip]);
  }
}

static void file_get(struct serve_call *c, const struct serve_file *f, char headers[2][SERVE_HEADERS_BYTES]) {
  bool gzip = takes_gzip(c->req->accept_encoding);
  c->res->extra = headers[gzip];
  if (serve_tag_known(c->req->if_none_match, f->etag))
    c->res->status = 304;
  else if (gzip)
    buf_put(&c->res->body, f->gzip, (size_t)(f->gzip_end - f->gzip));
  else
    buf_put(&c->res->body, f->bytes, (size_t)(f->end - f->bytes));
}

void serve_page_get(struct serve_call *c) {
  c->res->content_type = "text/html; charset=utf-8";
  file_get(c, &serve_page_file, c->serve->page_headers);
}

void serve_openapi_get(struct serve_call *c) {
  static const char *const none[] = {NULL};
  if (!serve_query_only(c, none)) return;
  c->res->content_type = "application/yaml";
  file_get(c, &serve_openapi_file, c->serve->openapi_headers);
}
