#include "act_send.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "act_pairs.h"
#include "act_template.h"
#include "io_file.h"

/* One line, without what ends it. "" for no path. */
static bool secret_read(const char *path, const char *what, char out[SEND_SECRET_BYTES], char why[ACT_WHY_BYTES]) {
  out[0] = 0;
  if (!path[0] || io_line_read(path, out, SEND_SECRET_BYTES)) return true;
  snprintf(why, ACT_WHY_BYTES, "%s: %.100s", what, errno ? strerror(errno) : "empty, or no single line");
  return false;
}

static bool template_open(struct act_sender *s, char why[ACT_WHY_BYTES]) {
  struct base_buf text = buf_open(TEMPLATE_BYTES + 4096);
  char wrong[ACT_WHY_BYTES];
  bool ok = io_file_read(s->receiver->template_file, &text);
  if (!ok)
    snprintf(why, ACT_WHY_BYTES, "template_file: %.100s", strerror(errno));
  else if (!(s->template_ = template_read(buf_str(&text), wrong)))
    snprintf(why, ACT_WHY_BYTES, "template_file: %.130s", wrong);
  buf_fini(&text);
  return s->template_ != NULL;
}

bool sender_open(struct act_sender *s, const struct act_conf *conf, uint32_t idx, char why[ACT_WHY_BYTES]) {
  memset(s, 0, sizeof *s);
  s->conf = conf;
  s->receiver = &conf->receiver[idx];
  request_init(&s->request);
  return !s->receiver->template_file[0] || template_open(s, why);
}

void sender_close(struct act_sender *s) {
  request_fini(&s->request);
  template_free(s->template_);
  explicit_bzero(s->token, sizeof s->token);
  explicit_bzero(s->secret, sizeof s->secret);
}

static bool url_read(struct act_sender *s, char why[ACT_WHY_BYTES]) {
  char url[SEND_SECRET_BYTES];
  if (!s->receiver->url_file[0]) {
    buf_put_str(&s->request.url, str_of(s->receiver->url));
    return true;
  }
  bool ok = secret_read(s->receiver->url_file, "url_file", url, why);
  if (ok) buf_put_str(&s->request.url, str_of(url));
  explicit_bzero(url, sizeof url);
  return ok;
}

static bool secrets_read(struct act_sender *s, char why[ACT_WHY_BYTES]) {
  act_request_clear(&s->request);
  s->request.ca_file = s->receiver->ca_file;
  return url_read(s, why) && secret_read(s->receiver->token_file, "token_file", s->token, why) &&
         secret_read(s->receiver->secret_file, "secret_file", s->secret, why);
}

static void secrets_hide(struct act_sender *s) {
  act_request_clear(&s->request);
  buf_put_str(&s->request.url, s->receiver->url_file[0] ? STR("***") : str_of(s->receiver->url));
  snprintf(s->token, sizeof s->token, "%s", s->receiver->token_file[0] ? "***" : "");
  snprintf(s->secret, sizeof s->secret, "%s", s->receiver->secret_file[0] ? "***" : "");
}

static struct act_message message_of(struct act_sender *s, const struct act_view *v, const char *memo,
                                     struct base_wall now) {
  return (struct act_message){.conf = s->conf,
                              .receiver = s->receiver,
                              .template_ = s->template_,
                              .token = str_of(s->token),
                              .secret = str_of(s->secret),
                              .view = v,
                              .memo = memo ? memo : "",
                              .now = now};
}

static enum sender_made made_of(struct act_sender *s, enum act_event event, struct base_str json, const char *memo,
                                struct base_wall now, char why[ACT_WHY_BYTES]) {
  struct act_view v;
  struct act_state state;
  enum act_made made = ACT_MADE_NOT;
  s->memo_next[0] = 0;
  snprintf(why, ACT_WHY_BYTES, "it does not fit the receiver's form");
  if (view_open(&v, json) && act_state_read(json, &state)) {
    struct act_message m = message_of(s, &v, memo, now);
    m.event = event;
    m.rev = state.rev;
    made = act_kind_of((enum act_type)s->receiver->type)->make(&m, &s->request, s->memo_next);
  }
  view_close(&v);
  if (made == ACT_MADE_NOTHING) return SENDER_NOTHING;
  return made == ACT_MADE && !s->request.body.bad && !s->request.url.bad ? SENDER_MADE : SENDER_NOT;
}

enum sender_made sender_make(struct act_sender *s, enum act_event event, struct base_str json, const char *memo,
                             struct base_wall now, char why[ACT_WHY_BYTES]) {
  return secrets_read(s, why) ? made_of(s, event, json, memo, now, why) : SENDER_NO_SECRET;
}

enum sender_made sender_show(struct act_sender *s, enum act_event event, struct base_str json, const char *memo,
                             struct base_wall now, char why[ACT_WHY_BYTES]) {
  secrets_hide(s);
  return made_of(s, event, json, memo, now, why);
}

enum act_judged sender_judge(struct act_sender *s, const struct act_answer *a, const char *memo,
                             char why[ACT_WHY_BYTES]) {
  struct act_message m = message_of(s, NULL, memo, (struct base_wall){0});
  snprintf(why, ACT_WHY_BYTES, "%s", a->error);
  enum act_judged judged = act_kind_of((enum act_type)s->receiver->type)->judge(&m, a, s->memo_next, why);
  if (judged == ACT_GOOD) why[0] = 0;
  return judged == ACT_ANEW && !m.memo[0] ? ACT_REFUSED : judged;
}

bool sender_resend_begin(struct act_sender *s, struct base_wall now, char why[ACT_WHY_BYTES]) {
  if (!secrets_read(s, why)) return false;
  struct act_message m = message_of(s, NULL, "", now);
  buf_put_char(&s->request.body, '[');
  return alertmanager_request(&m, &s->request);
}

void sender_resend_add(struct act_sender *s, struct base_str json, const char *labels, bool fires,
                       struct base_wall now) {
  struct act_view v;
  if (view_open(&v, json)) {
    struct act_message m = message_of(s, &v, labels, now);
    struct base_wall ends = fires ? (struct base_wall){now.ns + 4 * s->receiver->resend_ns} : alertmanager_end(&m);
    if (s->request.body.n > 1) buf_put_char(&s->request.body, ',');
    alertmanager_alert(&m, labels, ends, &s->request.body);
  }
  view_close(&v);
}

bool sender_resend_end(struct act_sender *s) {
  buf_put_char(&s->request.body, ']');
  return !s->request.body.bad && s->request.body.n > 2;
}
