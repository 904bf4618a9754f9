/* Slack. With a bot token: chat.postMessage once, then chat.update of that message (docs.slack.dev/reference/methods):
 * one message an incident. With an incoming webhook: each event is a message of its own; a webhook cannot change what
 * it posted. Limits of the documentation: 50 blocks, 3,000 characters a section, 10 fields of 2,000, text to be kept
 * under 4,000. Web API answers are 200 with {"ok": false, "error": …}; a webhook's are statuses. */
#include <stdio.h>
#include <string.h>
#include <yyjson.h>

#include "act_kind.h"
#include "act_pairs.h"
#include "base_json.h"

#define SLACK_API "https://slack.com/api"
#define SLACK_FIELD_CHARS 380u /* five bytes each where all need escaping: under 2,000 */
#define SLACK_TEXT_CHARS 590u  /* likewise under 3,000 */

static bool is_bot(const struct act_message *m) {
  return m->receiver->token_file[0] != 0;
}

/* '&', '<' and '>' are Slack's control characters. */
static void put_escaped(struct base_buf *out, struct base_str s) {
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] == '&')
      buf_put_str(out, STR("&amp;"));
    else if (s.p[i] == '<')
      buf_put_str(out, STR("&lt;"));
    else if (s.p[i] == '>')
      buf_put_str(out, STR("&gt;"));
    else
      buf_put_char(out, s.p[i]);
  }
}

static void put_cut(struct base_buf *out, struct base_str s, size_t chars_max) {
  char text[4096];
  struct base_buf cut = buf_over(text, sizeof text);
  view_cut(s, chars_max, &cut);
  put_escaped(out, buf_str(&cut));
}

static const char *icon(const struct act_message *m) {
  static const char *const icons[] = {":large_blue_circle:", ":large_orange_circle:", ":red_circle:"};
  return m->event == ACT_ENDED ? ":white_check_mark:" : icons[m->view->severity];
}

/* ":red_circle: *critical* summary" */
static void put_headline(struct base_buf *out, const struct act_message *m) {
  buf_put_f(out, "%s *%s* ", icon(m), m->event == ACT_ENDED ? "over" : act_severity_text(m->view->severity));
  put_cut(out, m->view->summary, SLACK_TEXT_CHARS);
}

static void mrkdwn(struct base_json *j, struct base_str text) {
  json_object(j);
  json_key(j, "type");
  json_text(j, "mrkdwn");
  json_key(j, "text");
  json_str(j, text);
  json_close(j);
}

static void field(struct base_json *j, const char *title, struct base_str value) {
  char text[4096];
  struct base_buf b = buf_over(text, sizeof text);
  if (value.n == 0) return;
  buf_put_f(&b, "*%s*\n", title);
  put_cut(&b, value, SLACK_FIELD_CHARS);
  mrkdwn(j, buf_str(&b));
}

static void fields(struct base_json *j, const struct act_view *v) {
  char text[4096];
  struct base_buf b = buf_over(text, sizeof text);
  json_key(j, "fields");
  json_array(j);
  view_culprit_text(v, &b);
  field(j, "Culprit", buf_str(&b));
  buf_clear(&b);
  view_impact_text(v, &b);
  field(j, "Impact", buf_str(&b));
  field(j, "Since", view_text(v->root, "started_at"));
  field(j, "Until", view_text(v->root, "ended_at"));
  field(j, "Acknowledged", yyjson_is_true(yyjson_obj_get(v->root, "acked")) ? STR("yes") : STR_NONE);
  json_close(j);
}

static void section(struct base_json *j, struct base_str text) {
  json_object(j);
  json_key(j, "type");
  json_text(j, "section");
  json_key(j, "text");
  mrkdwn(j, text);
  json_close(j);
}

static void context(struct base_json *j, const struct act_message *m) {
  char text[2048];
  struct base_buf b = buf_over(text, sizeof text);
  struct base_str telemetry = view_text(m->view->root, "telemetry");
  json_object(j);
  json_key(j, "type");
  json_text(j, "context");
  json_key(j, "elements");
  json_array(j);
  buf_put_char(&b, '<');
  if (view_link(m->view, m->conf->public_url, &b))
    buf_put_f(&b, "|incident %.*s>", STR_ARG(m->view->id));
  else {
    buf_clear(&b);
    buf_put_f(&b, "incident %.*s", STR_ARG(m->view->id));
  }
  if (telemetry.n && !str_eq(telemetry, STR("complete"))) {
    buf_put_str(&b, STR(", telemetry "));
    put_cut(&b, telemetry, 128);
  }
  mrkdwn(j, buf_str(&b));
  json_close(j);
  json_close(j);
}

static void blocks(struct base_json *j, const struct act_message *m) {
  char text[4096];
  struct base_buf b = buf_over(text, sizeof text);
  json_key(j, "blocks");
  json_array(j);
  put_headline(&b, m);
  section(j, buf_str(&b));
  json_object(j);
  json_key(j, "type");
  json_text(j, "section");
  fields(j, m->view);
  json_close(j);
  buf_clear(&b);
  put_cut(&b, view_text(m->view->cause, "evidence"), SLACK_TEXT_CHARS);
  if (b.n) section(j, buf_str(&b));
  context(j, m);
  json_close(j);
}

/* The memo is "CHANNEL TS" of the message that stands for the incident. */
static bool memo_read(const char *memo, struct base_str *channel, struct base_str *ts) {
  struct base_str s = str_of(memo);
  size_t blank = str_find(s, ' ', 0);
  *channel = str_cut(s, 0, blank);
  *ts = str_cut(s, blank + 1, s.n);
  return channel->n && ts->n;
}

static bool bot_target(const struct act_message *m, struct act_request *out, struct base_json *j) {
  struct base_str channel = str_of(m->receiver->channel), ts;
  bool update = memo_read(m->memo, &channel, &ts);
  if (!update) channel = str_of(m->receiver->channel);
  if (out->url.n == 0) buf_put_str(&out->url, STR(SLACK_API));
  buf_put_str(&out->url, update ? STR("/chat.update") : STR("/chat.postMessage"));
  json_key(j, "channel");
  json_str(j, channel);
  if (update) {
    json_key(j, "ts");
    json_str(j, ts);
  }
  return request_bearer(m, out);
}

static enum act_made make(const struct act_message *m, struct act_request *out, char memo_next[ACT_MEMO_BYTES]) {
  char text[4096];
  struct base_buf b = buf_over(text, sizeof text);
  struct base_json json = json_over(&out->body), *j = &json;
  snprintf(memo_next, ACT_MEMO_BYTES, "%s", m->memo);
  json_object(j);
  bool ok = !is_bot(m) || bot_target(m, out, j);
  put_headline(&b, m);
  json_key(j, "text"); /* of the notification, and where blocks are not shown */
  json_str(j, buf_str(&b));
  blocks(j, m);
  json_key(j, "unfurl_links");
  json_bool(j, false);
  json_close(j);
  ok &= request_header(out, "Content-Type", STR("application/json; charset=utf-8"));
  return ok ? ACT_MADE : ACT_MADE_NOT;
}

static bool one_of(const char *text, const char *const *words) {
  for (; *words; words++)
    if (strcmp(text, *words) == 0) return true;
  return false;
}

static enum act_judged judge_error(const char *error, char why[ACT_WHY_BYTES]) {
  static const char *const again[] = {"ratelimited",     "rate_limited",        "internal_error",    "fatal_error",
                                      "request_timeout", "service_unavailable", "team_added_to_org", NULL};
  static const char *const anew[] = {"message_not_found", "cant_update_message", "edit_window_closed", NULL};
  snprintf(why, ACT_WHY_BYTES, "%.100s", error);
  if (one_of(error, anew)) return ACT_ANEW;
  return one_of(error, again) ? ACT_RETRY : ACT_REFUSED;
}

/* {"ok": true, "channel": …, "ts": …} */
static enum act_judged judge_bot(const struct act_answer *a, char memo_next[ACT_MEMO_BYTES], char why[ACT_WHY_BYTES]) {
  yyjson_doc *doc = yyjson_read(a->body.n ? a->body.p : "", a->body.n, 0);
  yyjson_val *root = yyjson_doc_get_root(doc);
  const char *error = yyjson_get_str(yyjson_obj_get(root, "error"));
  const char *channel = yyjson_get_str(yyjson_obj_get(root, "channel")),
             *ts = yyjson_get_str(yyjson_obj_get(root, "ts"));
  enum act_judged judged = ACT_RETRY; /* a 200 that is none of Slack's: a proxy between */
  if (error)
    judged = judge_error(error, why);
  else if (yyjson_is_true(yyjson_obj_get(root, "ok")))
    judged = ACT_GOOD;
  else
    snprintf(why, ACT_WHY_BYTES, "the answer is not Slack's");
  if (judged == ACT_GOOD && channel && ts) snprintf(memo_next, ACT_MEMO_BYTES, "%.64s %.64s", channel, ts);
  yyjson_doc_free(doc);
  return judged;
}

static enum act_judged judge(const struct act_message *m, const struct act_answer *a, char memo_next[ACT_MEMO_BYTES],
                             char why[ACT_WHY_BYTES]) {
  if (a->status >= 200 && a->status < 300 && is_bot(m)) return judge_bot(a, memo_next, why);
  if (a->status >= 300) why_status(a, why);
  return act_judge_http(a);
}

const struct act_kind act_kind_slack = {make, judge};
