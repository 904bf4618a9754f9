/* What the files of the ALS decoder share: a reader for each message, and the work state of an entry. Inside wire. */
#ifndef WIRE_ALS_READ_H
#define WIRE_ALS_READ_H

#include "wire_als.h"
#include "wire_als_fields.h"

/* Timestamp or Duration as it stands on the wire. */
struct als_time {
  int64_t s;
  int32_t ns;
};

enum als_time_slot {
  ALS_START,
  ALS_RX_LAST,
  ALS_UP_TX_FIRST,
  ALS_UP_TX_LAST,
  ALS_UP_RX_FIRST,
  ALS_UP_RX_LAST,
  ALS_DOWN_TX_FIRST,
  ALS_DOWN_TX_LAST,
  ALS_DURATION,
  ALS_TIME_COUNT
};

/* Where the two peers can come from: `upstream_peer` and `downstream_peer`, and the same with `wasm.` before. */
enum als_peer_slot { ALS_PEER_UP, ALS_PEER_DOWN, ALS_PEER_WASM_UP, ALS_PEER_WASM_DOWN, ALS_PEER_COUNT };

struct als_any {
  struct base_str type_url, value;
};

/* Lives while one entry is read: the sticky error, and parts that make sense only when all is read. A repeated
 * submessage is merged as protobuf wants it, so what a first part said must be kept until the end. */
struct als_work {
  const char *reason; /* NULL while sound */
  const uint8_t *at;
  uint32_t times;                            /* bit i: time[i] is set */
  uint32_t peers;                            /* bit i: peer[i] is set */
  struct base_str grpc_status, grpc_message; /* of the response headers; trailers win */
  struct als_time time[ALS_TIME_COUNT];      /* not cleared: see times */
  struct als_any peer[ALS_PEER_COUNT];       /* not cleared: see peers */
};

static inline void als_work_init(struct als_work *w) {
  w->reason = NULL;
  w->at = NULL;
  w->times = w->peers = 0;
  w->grpc_status = w->grpc_message = STR_NONE;
}

/* A reader ends with this: the first fault of an entry is the one that is told. */
static inline void als_done(struct als_work *w, const struct wire_pb *c) {
  if (__builtin_expect(c->reason != NULL, 0) && !w->reason) {
    w->reason = c->reason;
    w->at = c->p;
  }
}

/* Key and value of a map's entry; a missing one is empty, never absent. */
struct wire_pair als_pair_read(struct base_str bytes, struct als_work *w);
/* google.protobuf.UInt32Value; *out keeps what it has where the value is missing. */
void als_u32_read(struct base_str bytes, struct als_work *w, uint32_t *out);

void als_addr_read(struct base_str bytes, struct als_work *w, struct wire_addr *out);
void als_tls_read(struct base_str bytes, struct als_work *w, struct wire_tls *out);
void als_flags_read(struct base_str bytes, struct als_work *w, uint32_t *flags);
void als_peer_read(struct base_str bytes, struct als_work *w, struct wire_request *out);
void als_peer_settle(const struct als_work *w, struct wire_request *out);
void als_common_read(struct base_str bytes, struct als_work *w, struct wire_request *out);
void als_request_read(struct base_str bytes, struct als_work *w, struct wire_request *out);
void als_response_read(struct base_str bytes, struct als_work *w, struct wire_request *out);
/* One HTTPAccessLogEntry or TCPAccessLogEntry. */
enum wire_status als_entry_read(struct base_str bytes, bool is_tcp, struct wire_request *out, struct als_work *w);

#endif
