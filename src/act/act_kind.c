/* The types of receivers. */
#include "act_kind.h"

#include "act_pairs.h"
#include "base_must.h"

#define X(name, text, doc) text,
static const char *const type_text[] = {ACT_TYPE_TABLE(X)};
static const char *const dead_text[] = {ACT_DEAD_TABLE(X)};
#undef X

const char *act_type_text(enum act_type t) {
  MUST(t < ACT_TYPE_COUNT);
  return type_text[t];
}

char act_type_letter(enum act_type t) {
  MUST(t < ACT_TYPE_COUNT);
  return "apswoce"[t];
}

const char *act_dead_text(enum act_dead d) {
  MUST(d < ACT_DEAD_COUNT);
  return dead_text[d];
}

static const struct act_kind *const kinds[] = {
    [ACT_ALERTMANAGER] = &act_kind_alertmanager, [ACT_PAGERDUTY] = &act_kind_pagerduty, [ACT_SLACK] = &act_kind_slack,
    [ACT_WEBHOOK] = &act_kind_webhook,           [ACT_OTLP] = &act_kind_otlp,           [ACT_STDOUT] = &act_kind_stdout,
    [ACT_CLOUDEVENTS] = &act_kind_cloudevents,
};

const struct act_kind *act_kind_of(enum act_type t) {
  MUST(t < ACT_TYPE_COUNT && kinds[t]);
  return kinds[t];
}

static const char *wrong_slack(const struct act_receiver_conf *c) {
  if (c->token_file[0] && !c->channel[0]) return "channel: a bot token needs the channel's id";
  if (!c->token_file[0] && c->channel[0])
    return "channel: an incoming webhook has its own; only a bot token has a choice";
  if (!c->token_file[0] && !c->url[0] && !c->url_file[0])
    return "wants token_file (a bot token) or url_file (an incoming webhook)";
  return NULL;
}

static const char *wrong_pagerduty(const struct act_receiver_conf *c) {
  struct base_str rest = str_of(c->severities), name, value;
  enum act_severity s;
  while (pairs_next(&rest, &name, &value)) {
    bool known = str_eq(value, STR("error")) || act_severity_read(value, &s);
    if (!act_severity_read(name, &s) || !known)
      return "severities: wants critical, warning and info, each = critical, error, warning or info";
  }
  return c->token_file[0] ? NULL : "wants token_file, which holds the integration key";
}

const char *act_receiver_wrong(const struct act_receiver_conf *c) {
  if (!c->name[0]) return "wants a name";
  if (c->type >= ACT_TYPE_COUNT) return "wants a type";
  if (c->url[0] && c->url_file[0]) return "url: there is a url_file, too; one of them";
  if (c->type == ACT_STDOUT) return NULL;
  if (c->type == ACT_SLACK) return wrong_slack(c);
  if (c->type == ACT_PAGERDUTY) return wrong_pagerduty(c);
  return c->url[0] || c->url_file[0] ? NULL : "wants url or url_file";
}

/* 408, 425 and 429 ask for another time; so does every error of the server's own. */
enum act_judged act_judge_http(const struct act_answer *a) {
  if (a->status >= 200 && a->status < 300) return ACT_GOOD;
  if (a->status == 0 || a->status >= 500) return ACT_RETRY;
  return a->status == 408 || a->status == 425 || a->status == 429 ? ACT_RETRY : ACT_REFUSED;
}

enum act_judged act_judge_plain(const struct act_message *m, const struct act_answer *a, char memo_next[ACT_MEMO_BYTES],
                                char why[ACT_WHY_BYTES]) {
  (void)m;
  (void)memo_next;
  if (a->status >= 300) why_status(a, why);
  return act_judge_http(a);
}
