/* JSON lines on standard output. The receiver writes them (act_receiver.c): there is no answer to judge. */
#include "act_kind.h"

static enum act_made make(const struct act_message *m, struct act_request *out, char memo_next[ACT_MEMO_BYTES]) {
  (void)memo_next;
  act_plain_body(m, &out->body);
  buf_put_char(&out->body, '\n');
  return ACT_MADE;
}

static enum act_judged judge(const struct act_message *m, const struct act_answer *a, char memo_next[ACT_MEMO_BYTES],
                             char why[ACT_WHY_BYTES]) {
  (void)m;
  (void)memo_next;
  (void)why;
  return a->error[0] ? ACT_RETRY : ACT_GOOD;
}

const struct act_kind act_kind_stdout = {make, judge};
