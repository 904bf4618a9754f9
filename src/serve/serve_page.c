/* The page: one self-contained file, so its policy can forbid everything that is not in it or from this daemon. */
#include "serve_room.h"

#define PAGE_HEADERS                                                                                     \
  "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"       \
  "Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; " \
  "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"

void serve_page_get(struct serve_call *c) {
  c->res->content_type = "text/html; charset=utf-8";
  c->res->extra = PAGE_HEADERS;
  buf_put(&c->res->body, serve_page_html, serve_page_html_n);
}
