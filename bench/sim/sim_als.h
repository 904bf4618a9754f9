/* One proxy's report of one request, as Envoy's HTTPAccessLogEntry on the wire; and what precedes it in a message.
 * Written from the end of a buffer to its front, so that every length is known when it is written. */
#ifndef SIM_ALS_H
#define SIM_ALS_H

#include "sim_world.h"

struct als_back {
  uint8_t *bytes; /* the written part is bytes[at .. size) */
  size_t at, size;
  bool over; /* did not fit */
};

struct sim_entry {
  bool inbound;
  int pod, peer; /* who reports; the other end, or SIM_POD_NONE */
  uint32_t op;
  int64_t start_ns, dur_ns; /* after the recording's start; the pod's skew is added here */
  int64_t up_tx_ns;         /* first byte to the upstream (of the last try), or -1 */
  int64_t download_ns;      /* what the answer's body took beyond the usual */
  uint32_t code;            /* 0: none */
  uint32_t flags;           /* bit = field number of ResponseFlags */
  const char *details;
  uint32_t attempts;
  bool reached;    /* an upstream answered or was tried: address and peer are known */
  bool plain_peer; /* there is no proxy at the other end: its address is all that is known */
  uint32_t body_bytes, req_bytes;
  bool at_start; /* the request's start is told (access_log_type DownstreamStart), nothing of how it went */
  char path[160], user_ip[16];
  const char *user_agent;
  char request_id[37];
  uint32_t ports; /* random, for the two downstream ports */
};

struct sim_pod_text {
  uint8_t *identifier, *peer; /* field bytes ready to copy */
  uint32_t identifier_n, peer_n;
};

struct sim_als {
  const struct sim_world *world;
  int64_t epoch_s; /* wall time of the recording's start */
  struct sim_pod_text *text;
};

void als_init(struct sim_als *a, const struct sim_world *w, int64_t epoch_s);
void als_fini(struct sim_als *a);
/* The entry with its own tag and length, as it stands in HTTPAccessLogEntries. */
void als_entry_write(const struct sim_als *a, const struct sim_entry *e, struct als_back *out);
/* Varint into dst (10 bytes at most); returns its size. */
size_t als_varint(uint8_t *dst, uint64_t v);

#endif
