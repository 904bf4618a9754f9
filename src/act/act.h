/* Alerts out. Each state of an incident that the daemon takes up is given to act_incident; what a receiver must hear of
 * it (act_decide.h) is told once, in order, by a thread of this room's own, over one event loop: a receiver that hangs
 * delays no other, and neither a handshake nor a disk delays the engine.
 *
 * The truth is the incident log. What is waiting for a receiver is what that log holds and the receiver's own log,
 * DIR/NAME/, does not name as told: after any end of the process the daemon gives the incident log again, and what was
 * told is not told again. Only a message whose answer had not come when the process was killed goes out twice, under
 * the same deduplication key (docs/alerts.md). Without a directory all of this lives in memory.
 *
 * Calls from one thread, but for act_stats, which any thread may call. */
#ifndef ACT_H
#define ACT_H

#include <stdbool.h>
#include <stdint.h>

#include "act_conf.h"
#include "base_str.h"
#include "base_time.h"

struct act;

/* Why a message will never be told. X(NAME, text, explanation) */
#define ACT_DEAD_TABLE(X)                                                     \
  X(REFUSED, "refused", "the receiver said no, and would say no again")       \
  X(EXPIRED, "expired", "no answer was good for as long as `retry_for`")      \
  X(QUEUE_FULL, "queue_full", "too much waits; the oldest message gives way") \
  X(UNMADE, "unmade", "it cannot be put into the receiver's form, or is too large")

enum act_dead {
#define X(name, text, doc) ACT_DEAD_##name,
  ACT_DEAD_TABLE(X)
#undef X
      ACT_DEAD_COUNT
};

const char *act_dead_text(enum act_dead d);

struct act_stats {
  const char *name; /* of the receiver, and of its type; live as long as the conf */
  const char *type;
  uint64_t delivered; /* messages */
  uint64_t retried;   /* attempts that failed and were or will be made again */
  uint64_t dead[ACT_DEAD_COUNT];
  uint64_t disk_errors;             /* writes of its log that failed */
  uint32_t waiting;                 /* messages */
  double oldest_s;                  /* how long the oldest of them waits */
  double delay_s_last, delay_s_max; /* from act_incident to the good answer; without messages that were held back */
  char problem[160];                /* of the last attempt; empty where it was good. Holds no secret */
};

#define ACT_ERR_BYTES 320u

/* Reads what was told. conf must outlive it. dir: where the receivers' logs are (made where it is missing), or NULL.
 * NULL: why tells (a template that cannot be read or is none, out of memory). */
struct act *act_open(const struct act_conf *conf, const char *dir, char why[ACT_ERR_BYTES]);
/* A state of an incident, as its JSON (contract, with "rev"); copied. Before act_start it is one from the log: it says
 * what was so, and what of it was not told yet waits. True where it was taken; false where it is no incident. */
bool act_incident(struct act *a, struct base_str json);
/* Starts to tell. False: no thread. */
bool act_start(struct act *a);
/* Lets the thread see what act_incident took since: to be called when the incident log has it. */
void act_go(struct act *a);
/* The idx-th receiver; false: there are fewer. */
bool act_stats(struct act *a, uint32_t idx, struct act_stats *out);
/* States that came faster than they could be looked at, lost. */
uint64_t act_lost(struct act *a);
/* Ends it: what is under way or due may still be told, within patience_ns. a may be NULL. */
void act_close(struct act *a, int64_t patience_ns);

#endif
