/* What waits for one receiver: messages in order, bounded in number and bytes. */
#ifndef ACT_QUEUE_H
#define ACT_QUEUE_H

#include "act_decide.h"

struct queue_item {
  struct queue_item *next;
  enum act_event event;
  struct act_known after; /* what the receiver knows once this is told */
  int64_t born_ns;        /* monotonic */
  int64_t due_ns;         /* not before */
  bool held;              /* due later than it was born */
  uint32_t attempts;      /* that failed */
  struct base_str json;   /* the incident; behind the item */
};

struct act_queue {
  struct queue_item *first;
  uint32_t n;
  size_t bytes;
};

/* Takes a message in. One of the same incident that is not begun is made up to date in place of a second: an `opened`
 * or `changed` that waits takes the new state of a `changed`; an `ended` makes a waiting `changed` needless. busy is
 * the item that is under way, or NULL: it is left alone. Returns the oldest item where it has to give way to the
 * bound, for the caller to bury and free; NULL otherwise. *ok: false where memory ran out. */
struct queue_item *queue_put(struct act_queue *q, const struct queue_item *busy, enum act_event event,
                             const struct act_known *after, struct base_str json, int64_t born_ns, int64_t due_ns,
                             bool *ok);
/* The message to try now: due, no earlier one of its incident waits, fewest failed attempts, then the oldest. */
struct queue_item *queue_pick(const struct act_queue *q, int64_t now_ns);
/* When queue_pick may give something; INT64_MAX: never. */
int64_t queue_due(const struct act_queue *q);
/* Takes it out and frees it. */
void queue_drop(struct act_queue *q, struct queue_item *i);
void queue_fini(struct act_queue *q);

/* How long to wait after so many failures, 1 on: 0.5 s doubled each time, at most 60 s, a quarter more or less by `key`
 * (so that many senders that fail together do not return together, and yet the same key waits the same). */
int64_t queue_backoff_ns(uint32_t failures, uint64_t key);

#endif
