/* What differs between the types of receivers: the form of a message, and what an answer means. One table a type. */
#ifndef ACT_KIND_H
#define ACT_KIND_H

#include "act.h"
#include "act_decide.h"
#include "act_http.h"
#include "act_view.h"

#define ACT_MEMO_BYTES 1536u /* what a receiver wants remembered of an incident, NUL included */

struct act_template;

/* One message, to be put into a receiver's form. */
struct act_message {
  const struct act_conf *conf;
  const struct act_receiver_conf *receiver;
  const struct act_template *template_; /* of a webhook, or NULL */
  struct base_str token, secret;        /* what the files hold; none where there is no such file */
  enum act_event event;
  const struct act_view *view;
  const char *memo; /* what the last message about this incident left; "" for nothing */
  uint64_t rev;     /* of the incident's state */
  struct base_wall now;
};

enum act_made {
  ACT_MADE,
  ACT_MADE_NOTHING, /* the receiver has no such message: it counts as told */
  ACT_MADE_NOT,     /* it cannot be put into the form */
};

enum act_judged {
  ACT_GOOD,
  ACT_RETRY,
  ACT_REFUSED, /* and would be again */
  ACT_ANEW,    /* the memo is out of date: forget it and send at once */
};

struct act_kind {
  /* Fills the request (url, headers, body); memo_next, where it is not NULL, is what to remember once it is told. */
  enum act_made (*make)(const struct act_message *m, struct act_request *out, char memo_next[ACT_MEMO_BYTES]);
  /* Judges the answer. why: a short reason for the log, without secrets. May write memo_next from what was answered. */
  enum act_judged (*judge)(const struct act_message *m, const struct act_answer *a, char memo_next[ACT_MEMO_BYTES],
                           char why[ACT_WHY_BYTES]);
};

extern const struct act_kind act_kind_alertmanager, act_kind_pagerduty, act_kind_slack, act_kind_webhook, act_kind_otlp,
    act_kind_cloudevents, act_kind_stdout;

const struct act_kind *act_kind_of(enum act_type t);
/* By status alone; 0 (no answer) is RETRY. */
enum act_judged act_judge_http(const struct act_answer *a);
/* The judge of a receiver whose status says all. */
enum act_judged act_judge_plain(const struct act_message *m, const struct act_answer *a, char memo_next[ACT_MEMO_BYTES],
                                char why[ACT_WHY_BYTES]);

/* The alert of one incident, an element of Alertmanager's list; labels is JSON. */
void alertmanager_alert(const struct act_message *m, const char *labels, struct base_wall ends_at,
                        struct base_buf *out);
/* The label set of the incident's state, as JSON. */
void alertmanager_labels(const struct act_message *m, struct base_buf *out);
/* When the incident was over, or now where it goes on. */
struct base_wall alertmanager_end(const struct act_message *m);
/* URL and headers; out->url holds the configured one. */
bool alertmanager_request(const struct act_message *m, struct act_request *out);

/* One name for one message, the same at each attempt: "ID.REV.EVENT". */
void act_message_id(const struct act_message *m, struct base_buf *out);

/* The line that a webhook without a template, and standard output, get: event, link and the whole incident. */
void act_plain_body(const struct act_message *m, struct base_buf *out);

#endif
