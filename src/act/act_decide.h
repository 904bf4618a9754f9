/* What of an incident's state is told, and as what. Pure: the same states in the same order give the same messages, so
 * that reading the incident log again after a restart tells nothing twice. */
#ifndef ACT_DECIDE_H
#define ACT_DECIDE_H

#include "act_conf.h"
#include "base_str.h"
#include "base_time.h"

/* X(NAME, text): what a message says. In one state more than one may be due; then they go in this order. */
#define ACT_EVENT_TABLE(X) \
  X(OPENED, "opened")      \
  X(CHANGED, "changed")    \
  X(ACKED, "acknowledged") \
  X(ENDED, "ended")

enum act_event {
#define X(name, text) ACT_##name,
  ACT_EVENT_TABLE(X)
#undef X
      ACT_EVENT_COUNT
};

const char *act_event_text(enum act_event e);
bool act_event_read(struct base_str text, enum act_event *out);

/* What decides. */
struct act_state {
  uint64_t id, rev;
  uint64_t culprit; /* hash of the first root cause's names and signal; 0: no cause */
  uint32_t affected_n;
  uint8_t severity; /* enum act_severity */
  bool expected, muted, acked, closed;
  struct base_wall updated_at;
};

/* False: the text is no incident's state. Cost: one parse, 10 to 40 us. */
bool act_state_read(struct base_str json, struct act_state *out);

/* What a receiver knows of an incident, or will once what waits is told. */
struct act_known {
  struct act_state state;
  bool open; /* it was told of it, and not of its end */
};

/* The events due, bit 1 << enum act_event each. known is NULL where nothing was told of this incident.
 *   opened   it is to be told (verdict, muted, min_severity), goes on, and the receiver does not know it as open
 *   changed  it is known as open, and its severity or first cause is another, or more is affected
 *   acked    somebody takes care, for the first time
 *   ended    it is known as open, and is over; or it is not to be told any more: judged expected, muted, merged
 * A state whose rev is not above the known one's gives nothing. */
unsigned act_decide(const struct act_receiver_conf *conf, const struct act_known *known, const struct act_state *s);
/* known as it is once those events are told. */
struct act_known act_known_after(const struct act_known *known, const struct act_state *s, unsigned events);

#endif
