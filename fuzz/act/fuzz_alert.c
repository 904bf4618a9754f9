/* Alerts: whatever an incident or a template holds, what is sent is JSON within its limits; no answer of a receiver's
 * does harm. The first byte chooses. */
#include <string.h>
#include <yyjson.h>

#include "act_kind.h"
#include "act_template.h"
#include "base_must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct act_conf conf = {.public_url = "https://fs.example.com/", .version = "1"};

static struct act_receiver_conf receiver_of(enum act_type type) {
  struct act_receiver_conf c = {.type = type, .name = "r", .source = "s", .labels = "a=b", .resend_ns = TIME_NS_PER_S};
  memcpy(c.severities, "info=error", sizeof "info=error");
  if (type == ACT_SLACK) c.token_file[0] = c.channel[0] = 'x';
  if (type == ACT_WEBHOOK) c.secret_file[0] = 'x';
  return c;
}

static void json_must(struct base_str s) {
  yyjson_doc *doc = yyjson_read(s.n ? s.p : "", s.n, 0);
  MUST(doc);
  yyjson_doc_free(doc);
}

static void make_try(struct act_message *m, enum act_type type, struct act_request *request) {
  static char memo[ACT_MEMO_BYTES];
  struct act_receiver_conf receiver = receiver_of(type);
  m->receiver = &receiver;
  act_request_clear(request);
  memo[0] = 0;
  enum act_made made = act_kind_of(type)->make(m, request, memo);
  MUST(memchr(memo, 0, sizeof memo));
  if (made == ACT_MADE && !request->body.bad) json_must(buf_str(&request->body));
}

static void incident_try(struct base_str json) {
  struct act_view v;
  struct act_state state;
  struct act_request request;
  request_init(&request);
  if (view_open(&v, json) && act_state_read(json, &state)) {
    struct act_message m = {
        .conf = &conf, .token = STR("t"), .secret = STR("k"), .view = &v, .memo = "", .rev = state.rev};
    for (unsigned t = 0; t < ACT_TYPE_COUNT; t++)
      for (unsigned e = 0; e < ACT_EVENT_COUNT; e++) {
        m.event = (enum act_event)e;
        m.memo = e && t == ACT_SLACK ? "C1 1.2" : e ? "{\"alertname\":\"x\"}" : "";
        make_try(&m, (enum act_type)t, &request);
      }
  }
  view_close(&v);
  request_fini(&request);
}

static void template_try(struct base_str text) {
  const struct base_str incident =
      STR("{\"id\":\"00000000000000aa\",\"severity\":\"info\",\"summary\":\"\\\"{{\\\\\",\"n\":[1,{\"a\":null}]}");
  char why[160];
  struct act_template *t = template_read(text, why);
  if (!t) return;
  struct act_view v;
  struct base_buf out = buf_open(16u << 20);
  MUST(view_open(&v, incident));
  template_write(t, &v, ACT_ENDED, "", &out);
  if (!out.bad) json_must(buf_str(&out));
  buf_fini(&out);
  view_close(&v);
  template_free(t);
}

static void answer_try(enum act_type type, struct base_str body) {
  struct act_receiver_conf receiver = receiver_of(type);
  struct act_message m = {.conf = &conf, .receiver = &receiver, .memo = ""};
  static const int statuses[] = {0, 200, 204, 400, 429, 503};
  for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
    char memo[ACT_MEMO_BYTES] = "", why[ACT_WHY_BYTES] = "";
    struct act_answer a = {.status = statuses[i], .body = body};
    enum act_judged judged = act_kind_of(type)->judge(&m, &a, memo, why);
    MUST(judged <= ACT_ANEW && memchr(memo, 0, sizeof memo) && memchr(why, 0, sizeof why));
    MUST(judged != ACT_GOOD || (a.status >= 200 && a.status < 300) || type == ACT_STDOUT);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  struct base_str rest = {(const char *)data + 1, size - 1};
  if (data[0] < ACT_TYPE_COUNT)
    answer_try((enum act_type)data[0], rest);
  else if (data[0] & 1)
    incident_try(rest);
  else
    template_try(rest);
  return 0;
}
