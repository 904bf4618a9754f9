/* One scrape: asked, judged by its head, gathered, handed on. Handles and connections are kept from one to the next. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base_must.h"
#include "io_file.h"
#include "io_scrape_room.h"

enum { SECRET_BYTES = 4096, CONNECT_MS = 5000, READ_BYTES = 64 << 10 };
/* A connection's longest idle life. One for all: libcurl judges every idle connection by the handle that comes along.
 */
#define IDLE_S 660

#define X(name, counter, text) text,
static const char *const fail_text[] = {IO_SCRAPE_FAIL_TABLE(X)};
#undef X
#define X(name, counter, text) REC_COUNTER_##counter,
static const enum rec_counter fail_counter[] = {IO_SCRAPE_FAIL_TABLE(X)};
#undef X

/* ---- the answer ---- */

static bool type_is(struct base_str type, const char *want) {
  size_t n = strlen(want);
  return type.n >= n && strncasecmp(type.p, want, n) == 0 && (type.n == n || strchr("; \t", type.p[n]));
}

static bool type_has(struct base_str type, struct base_str part) {
  for (size_t i = 0; i + part.n <= type.n; i++)
    if (str_eq_nocase(str_cut(type, i, i + part.n), part)) return true;
  return false;
}

/* The word for what a content type says, NULL: it is no exposition. Some exporters say nothing, and mean text. */
static const char *form_of(const char *content_type) {
  struct base_str type = str_of(content_type);
  if (type.n == 0 || type_is(type, "text/plain")) return "text";
  if (type_is(type, "application/openmetrics-text")) return "openmetrics";
  bool delimited = type_has(type, STR("delimited")) && type_has(type, STR("io.prometheus.client.MetricFamily"));
  return type_is(type, "application/vnd.google.protobuf") && delimited ? "protobuf" : NULL;
}

static bool message_put(struct scrape_call *c, struct base_str bytes) {
  if (io_hold_put(&c->scrape->hold, &c->message, bytes)) return true;
  c->fail = IO_SCRAPE_OVERSIZE;
  return false;
}

static void line_put(struct scrape_call *c, const char *form) {
  (void)(message_put(c, STR("# target ")) && message_put(c, str_of(c->target->labels)) && message_put(c, STR(" ")) &&
         message_put(c, str_of(form)) && message_put(c, STR("\n")));
}

/* The head is here: what is it that comes? */
static void call_judge(struct scrape_call *c) {
  long status = 0;
  char *type = NULL;
  if (c->judged) return;
  c->judged = true;
  (void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
  (void)curl_easy_getinfo(c->easy, CURLINFO_CONTENT_TYPE, &type);
  const char *form = form_of(type ? type : "");
  if (status != 200) {
    c->fail = IO_SCRAPE_STATUS;
    (void)snprintf(c->error, sizeof c->error, "status %ld", status);
  } else if (!form) {
    c->fail = IO_SCRAPE_FORM;
    (void)snprintf(c->error, sizeof c->error, "content type %.100s", type);
  } else {
    line_put(c, form);
  }
}

/* A body that is not wanted is read to its end, within the limit, so that its connection can be kept. */
static size_t on_body(char *bytes, size_t one, size_t n, void *ctx) {
  struct scrape_call *c = ctx;
  call_judge(c);
  if (c->fail == IO_SCRAPE_STATUS || c->fail == IO_SCRAPE_FORM) return one * n;
  return c->fail == IO_SCRAPE_NONE && message_put(c, (struct base_str){bytes, one * n}) ? one * n : 0;
}

static enum io_scrape_fail fail_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_URL_MALFORMAT: return IO_SCRAPE_NAME;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED: return IO_SCRAPE_CONNECT;
    case CURLE_OPERATION_TIMEDOUT: return IO_SCRAPE_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CLIENTCERT: return IO_SCRAPE_TLS;
    case CURLE_FILESIZE_EXCEEDED: return IO_SCRAPE_OVERSIZE;
    case CURLE_OUT_OF_MEMORY: return IO_SCRAPE_CROWD;
    default: return IO_SCRAPE_BROKEN;
  }
}

/* ---- its end ---- */

static void call_spare(struct scrape_call *c) {
  struct io_scrape *s = c->scrape;
  c->target->call = NULL;
  c->target = NULL;
  s->call_n--;
  io_hold_give(&s->hold, &c->message);
  c->next = s->spare;
  s->spare = c;
}

static void target_note(struct scrape_target *t, const struct io_scraped *r) {
  bool up = r->fail == IO_SCRAPE_NONE;
  if (!t->asked || t->up != up) t->since = r->at;
  t->asked = true;
  t->up = up;
  t->asked_at = r->at;
  t->took_ns = r->took_ns;
  if (up) t->bytes = r->message.n;
  (void)snprintf(t->why, sizeof t->why, "%s", r->why);
}

static void call_tell(struct io_scrape *s, struct scrape_target *t, struct io_scraped *r) {
  r->labels = str_of(t->labels);
  r->at = io_wall_now();
  s->conf.counters[fail_counter[r->fail]]++;
  s->conf.counters[REC_COUNTER_SCRAPE_BYTES] += r->message.n;
  target_note(t, r);
  s->conf.fn(s->conf.ctx, r);
}

void scrape_call_done(void *private_, CURL *easy, CURLcode code) {
  struct scrape_call *c = private_;
  struct io_scrape *s = c->scrape;
  MUST(c->easy == easy && c->target && c->target->call == c);
  if (code == CURLE_OK) call_judge(c);
  if (code != CURLE_OK && c->fail == IO_SCRAPE_NONE) c->fail = fail_of(code);
  if (c->fail == IO_SCRAPE_OVERSIZE || !c->error[0])
    (void)snprintf(c->error, sizeof c->error, "%s", fail_text[c->fail]);
  bool good = c->fail == IO_SCRAPE_NONE;
  struct io_scraped r = {.fail = c->fail,
                         .why = good ? "" : c->error,
                         .message = good ? buf_str(&c->message) : STR_NONE,
                         .took_ns = io_mono_now().ns - c->began.ns};
  call_tell(s, c->target, &r);
  call_spare(c);
}

void scrape_call_drop(struct io_scrape *s, struct scrape_target *t) {
  io_curl_drop(s->curl, t->call->easy);
  call_spare(t->call);
}

void scrape_calls_fini(struct io_scrape *s) {
  while (s->spare) {
    struct scrape_call *c = s->spare;
    s->spare = c->next;
    curl_easy_cleanup(c->easy);
    free(c);
  }
}

/* ---- its beginning ---- */

/* Files of secrets are read each time, so that one that was renewed is used. */
static bool call_credentials(struct scrape_call *c, const struct io_scrape_job *j) {
  char secret[SECRET_BYTES] = "";
  const char *path = j->token_file[0] ? j->token_file : j->password_file;
  bool good = !path[0] || io_line_read(path, secret, sizeof secret);
  if (!good)
    (void)snprintf(c->error, sizeof c->error, "%.120s: %.80s", path, errno ? strerror(errno) : "no line in it");
  if (good && j->token_file[0]) {
    good = curl_easy_setopt(c->easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER) == CURLE_OK &&
           curl_easy_setopt(c->easy, CURLOPT_XOAUTH2_BEARER, secret) == CURLE_OK;
  } else if (good && j->username[0]) {
    good = curl_easy_setopt(c->easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC) == CURLE_OK &&
           curl_easy_setopt(c->easy, CURLOPT_USERNAME, j->username) == CURLE_OK &&
           curl_easy_setopt(c->easy, CURLOPT_PASSWORD, secret) == CURLE_OK;
  }
  explicit_bzero(secret, sizeof secret);
  return good;
}

static bool call_tls(CURL *e, const struct io_scrape_job *j) {
  bool ok = curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
  if (j->ca_file[0]) ok &= curl_easy_setopt(e, CURLOPT_CAINFO, j->ca_file) == CURLE_OK;
  if (j->cert_file[0]) ok &= curl_easy_setopt(e, CURLOPT_SSLCERT, j->cert_file) == CURLE_OK;
  if (j->key_file[0]) ok &= curl_easy_setopt(e, CURLOPT_SSLKEY, j->key_file) == CURLE_OK;
  if (!j->insecure) return ok;
  return ok && curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L) == CURLE_OK &&
         curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L) == CURLE_OK;
}

/* No redirect is followed: it could carry a token elsewhere. */
static bool call_options(struct scrape_call *c, const struct scrape_target *t) {
  CURL *e = c->easy;
  struct io_scrape *s = c->scrape;
  long timeout_ms = (long)(t->job->timeout_ns / TIME_NS_PER_MS);
  (void)curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)READ_BYTES); /* refused where the handle has its buffer still */
  bool ok = curl_easy_setopt(e, CURLOPT_URL, t->url) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->job->protobuf ? s->accept_protobuf : s->accept) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "gzip") == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_USERAGENT, "foreshock") == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK; /* none, whatever the environment says */
  ok &= curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, timeout_ms) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)LIMIT_SCRAPE_BYTES) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)IDLE_S) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_WRITEDATA, c) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error) == CURLE_OK;
  return ok && curl_easy_setopt(e, CURLOPT_PRIVATE, c) == CURLE_OK && call_tls(e, t->job);
}

/* NULL: out of memory. */
static struct scrape_call *call_take(struct io_scrape *s) {
  struct scrape_call *c = s->spare;
  if (c) {
    s->spare = c->next;
    curl_easy_reset(c->easy);
  } else {
    c = calloc(1, sizeof *c);
    if (c) c->easy = curl_easy_init();
    if (c && !c->easy) {
      free(c);
      c = NULL;
    }
  }
  if (c) *c = (struct scrape_call){.scrape = s, .easy = c->easy};
  return c;
}

static void call_refuse(struct io_scrape *s, struct scrape_target *t, enum io_scrape_fail fail, const char *why) {
  struct io_scraped r = {.fail = fail, .why = why && why[0] ? why : fail_text[fail]};
  call_tell(s, t, &r);
}

void scrape_call_begin(struct io_scrape *s, struct scrape_target *t) {
  struct scrape_call *c = s->call_n < LIMIT_SCRAPES_AT_ONCE ? call_take(s) : NULL;
  if (!c) {
    call_refuse(s, t, IO_SCRAPE_CROWD, NULL);
    return;
  }
  c->target = t;
  t->call = c;
  s->call_n++;
  c->message = io_hold_take(&s->hold, LIMIT_SCRAPE_BYTES);
  c->began = io_mono_now();
  errno = 0;
  bool secrets = call_credentials(c, t->job);
  if (secrets && call_options(c, t) && io_curl_add(s->curl, c->easy)) return;
  call_refuse(s, t, secrets ? IO_SCRAPE_CROWD : IO_SCRAPE_SECRET, secrets ? NULL : c->error);
  call_spare(c);
}
