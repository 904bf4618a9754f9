#include "daemon_ask.h"

#include <errno.h>
#include <stdio.h>
#include <yyjson.h>

#include "daemon_command.h"

/* The file's first word. */
static bool ask_token(struct ask *a, const char *path) {
  FILE *f = fopen(path, "re");
  if (!f) {
    command_say("%s: %s", path, strerror(errno));
    return false;
  }
  size_t n = fread(a->text, 1, sizeof a->text - 1, f);
  fclose(f);
  a->text[n] = 0;
  a->text[strcspn(a->text, " \t\r\n")] = 0;
  a->token = a->text;
  if (a->text[0] && strlen(a->text) <= TOKEN_BYTES_MAX) return true;
  command_say("%s: does not begin with a token of at most %u characters", path, TOKEN_BYTES_MAX);
  return false;
}

bool ask_open(struct ask *a, const struct option_set *o, const char *path) {
  const char *base = option_get(o, "url", ASK_URL), *token = option_get(o, "token", NULL);
  size_t n = strlen(base);
  if (n && base[n - 1] == '/') n--;
  a->token = NULL;
  a->ca_file = option_get(o, "cacert", NULL);
  a->cert_file = option_get(o, "cert", NULL);
  a->key_file = option_get(o, "key", NULL);
  snprintf(a->url, sizeof a->url, "%.*s%s", (int)(n < 1500 ? n : 1500), base, path);
  return !token || ask_token(a, token);
}

struct io_client_conf ask_client(const struct ask *a) {
  return (struct io_client_conf){.url = a->url,
                                 .token = a->token,
                                 .ca_file = a->ca_file,
                                 .cert_file = a->cert_file,
                                 .key_file = a->key_file,
                                 .timeout_ns = ASK_TIMEOUT_NS};
}

/* The API's own words where it gave any. */
static void ask_refused(const struct io_client_reply *reply, const char *url, char err[ASK_ERR_BYTES]) {
  yyjson_doc *doc = yyjson_read(reply->body.n ? reply->body.p : "", reply->body.n, 0);
  const char *text = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "error"));
  snprintf(err, ASK_ERR_BYTES, "%s: status %d%s%.256s", url, reply->status, text ? ": " : "", text ? text : "");
  yyjson_doc_free(doc);
}

yyjson_doc *ask_try(const struct ask *a, char err[ASK_ERR_BYTES]) {
  struct io_client_reply reply = {0};
  struct io_client_conf conf = ask_client(a);
  char why[IO_CLIENT_ERR_BYTES];
  yyjson_doc *doc = NULL;
  if (!io_client_get(&conf, ASK_BODY_BYTES, &reply, why)) {
    snprintf(err, ASK_ERR_BYTES, "%s: %s; is `foreshock run` running there?", a->url, why);
  } else if (reply.status != 200) {
    ask_refused(&reply, a->url, err);
  } else {
    doc = yyjson_read(reply.body.n ? reply.body.p : "", reply.body.n, 0);
    if (!doc) snprintf(err, ASK_ERR_BYTES, "%s: the answer is not JSON", a->url);
  }
  buf_fini(&reply.body);
  return doc;
}

yyjson_doc *ask_get(const struct ask *a) {
  char err[ASK_ERR_BYTES];
  yyjson_doc *doc = ask_try(a, err);
  if (!doc) command_say("%s", err);
  return doc;
}
