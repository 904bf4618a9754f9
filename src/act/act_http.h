/* POST requests over HTTP and HTTPS, many at once, on one loop: libcurl's multi interface. No redirect is followed (it
 * could carry a token elsewhere); certificates are checked; TLS 1.2 at least. */
#ifndef ACT_HTTP_H
#define ACT_HTTP_H

#include <stdbool.h>

#include "base_buf.h"
#include "io_loop.h"

#define ACT_WHY_BYTES 160u
#define ACT_HEADERS 8u
#define ACT_ANSWER_BYTES (64u << 10) /* of an answer's body; what is over is not kept */

struct act_request {
  struct base_buf url;
  char header[ACT_HEADERS][600];
  unsigned header_n;
  struct base_buf body;
  const char *ca_file; /* "" for the system's */
};

void request_init(struct act_request *r);
void request_fini(struct act_request *r);
void act_request_clear(struct act_request *r);
/* "Name: value"; false where it does not fit or the value has a line end. */
bool request_header(struct act_request *r, const char *name, struct base_str value);

struct act_answer {
  int status;                /* 0: none */
  int64_t retry_after_ns;    /* what the receiver asked for, 0 for nothing */
  struct base_str body;      /* lives during the call */
  char error[ACT_WHY_BYTES]; /* why there is none; without URL */
};

struct act_http;
typedef void (*act_answered)(void *ctx, const struct act_answer *answer);

/* The loop must outlive it. NULL: out of memory or descriptors. */
struct act_http *act_http_open(struct io_loop *loop);
/* Breaks off what is under way; nobody is called. h may be NULL. */
void act_http_close(struct act_http *h);
/* Copies what it needs. `fn` is called once, later, from the loop. False: it could not be begun, fn is not called. */
bool act_http_post(struct act_http *h, const struct act_request *r, int64_t timeout_ns, act_answered fn, void *ctx);

#endif
