/* From a message to a request: the credentials are read from their files each time, so that one that was renewed is
 * used from the next attempt on. */
#ifndef ACT_SEND_H
#define ACT_SEND_H

#include "act_kind.h"

#define SEND_SECRET_BYTES 4096u /* of a file with a token, key or URL */

struct act_sender {
  const struct act_conf *conf;
  const struct act_receiver_conf *receiver;
  struct act_template *template_;
  struct act_request request;
  char memo_next[ACT_MEMO_BYTES];
  char token[SEND_SECRET_BYTES], secret[SEND_SECRET_BYTES];
};

/* Reads the template. False: why tells. sender_close it in any case. */
bool sender_open(struct act_sender *s, const struct act_conf *conf, uint32_t idx, char why[ACT_WHY_BYTES]);
void sender_close(struct act_sender *s);

enum sender_made { SENDER_MADE, SENDER_NOTHING, SENDER_NOT, SENDER_NO_SECRET };

/* Fills s->request from an incident. why says what failed. */
enum sender_made sender_make(struct act_sender *s, enum act_event event, struct base_str json, const char *memo,
                             struct base_wall now, char why[ACT_WHY_BYTES]);
/* The same without reading the files: what is secret is "***" in it. */
enum sender_made sender_show(struct act_sender *s, enum act_event event, struct base_str json, const char *memo,
                             struct base_wall now, char why[ACT_WHY_BYTES]);
/* What the answer means; s->memo_next is what to remember where it is ACT_GOOD. */
enum act_judged sender_judge(struct act_sender *s, const struct act_answer *a, const char *memo,
                             char why[ACT_WHY_BYTES]);

/* One alert of a list that is sent again (Alertmanager): sender_resend_begin, then this for each, then _end. */
bool sender_resend_begin(struct act_sender *s, struct base_wall now, char why[ACT_WHY_BYTES]);
void sender_resend_add(struct act_sender *s, struct base_str json, const char *labels, bool fires,
                       struct base_wall now);
/* False: there was nothing, or too much. */
bool sender_resend_end(struct act_sender *s);

#endif
