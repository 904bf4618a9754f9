/* The proxies' buffers: entries gather at each proxy and leave as one message a flush, in order of time (then of the
 * node's id, as one collector sees proxies that flush together). Here messages are lost, doubled and held back. */
#ifndef SIM_SEND_H
#define SIM_SEND_H

#include <stdio.h>

#include "sim_als.h"

enum { SIM_SLOTS = 8192 }; /* whole seconds that may be open at once: how long the longest request may take */
enum { SIM_SPARES = 64 };

struct send_item {
  int64_t flush_ns;
  uint64_t seq;
  uint32_t rank, pod;
  size_t at, size; /* in the slot's bytes */
  bool whole;      /* a message that was held back */
};

struct send_slot {
  uint8_t *bytes;
  size_t bytes_n, bytes_max;
  struct send_item *item;
  size_t items, items_max;
};

/* What an event did to the messages of one proxy while it was on. */
struct send_tally {
  uint32_t messages, lost;
  uint64_t entries, entries_lost;
};

struct sim_send {
  const struct sim_als *als;
  FILE *out;
  struct sim_rng rng;
  struct send_slot slot[SIM_SLOTS];
  struct send_slot spare[SIM_SPARES]; /* the memory of slots that are done */
  uint32_t spares;
  int64_t slot_next; /* the oldest second that is still open */
  uint64_t seq;
  uint32_t *rank;    /* of a pod, by node id */
  uint32_t last_pod; /* whose message was written last */
  uint8_t *message;
  size_t message_max;
  struct send_tally *tally[SIM_EVENT_MAX]; /* a proxy each, for the events that lose telemetry; else null */
  uint64_t entries, messages, lost;        /* entries written, messages written, entries lost on the way */
  bool failed;
};

void send_init(struct sim_send *s, const struct sim_als *als, FILE *out);
void send_fini(struct sim_send *s);
/* An entry at its end; ends before the recording's start are dropped. */
void send_entry(struct sim_send *s, const struct sim_entry *e);
/* Nothing that ends before this will come any more: what was flushed until then is written. */
void send_until(struct sim_send *s, int64_t now_ns);
/* Writes the rest. False where a write failed. */
bool send_end(struct sim_send *s);

#endif
