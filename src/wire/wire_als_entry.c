/* One log entry, HTTP or TCP, and the properties that both have. */
#include "wire_als_read.h"

/* Later seconds do not fit in int64 nanoseconds (year 2262, 292 years). */
#define TIME_S_MAX 9223372035ll
#define TIME_NS_MAX 999999999

struct wire_pair als_pair_read(struct base_str bytes, struct als_work *w) {
  struct wire_pb c = pb_over(bytes);
  struct wire_pair out = {{bytes.p, 0}, {bytes.p, 0}};
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_MAP_KEY: out.key = pb_view(&c); break;
      case TAG_MAP_VALUE: out.value = pb_view(&c); break;
      default: pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
  return out;
}

void als_u32_read(struct base_str bytes, struct als_work *w, uint32_t *out) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == TAG_u32_value) {
      *out = (uint32_t)pb_varint(&c);
    } else {
      pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
}

static inline bool time_sound(const struct als_time *t) {
  return t->s >= 0 && t->s <= TIME_S_MAX && t->ns >= 0 && t->ns <= TIME_NS_MAX;
}

/* Timestamp and Duration have the same fields. */
static void time_parts_read(struct base_str bytes, struct als_work *w, struct als_time *t) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_timestamp_seconds: t->s = (int64_t)pb_varint(&c); break;
      case TAG_timestamp_nanos: t->ns = (int32_t)pb_varint(&c); break;
      default: pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
}

/* True where the bytes are nanoseconds alone, in three or four bytes: durations of 16 us to 268 ms, that is most. */
static inline bool time_is_short(struct base_str bytes, int32_t *ns) {
  const uint8_t *p = (const uint8_t *)bytes.p;
  if ((bytes.n != 4 && bytes.n != 5) || p[0] != TAG_duration_nanos) return false;
  uint32_t last = p[bytes.n - 1];
  uint32_t third = bytes.n == 5 ? p[3] : 0x80;
  if ((p[1] & p[2] & third) < 0x80 || last >= 0x80) return false;
  uint32_t low = (p[1] & 0x7fu) | (p[2] & 0x7fu) << 7;
  *ns = (int32_t)(low | (bytes.n == 5 ? (third & 0x7fu) << 14 | last << 21 : last << 14));
  return true;
}

/* Nanoseconds, or WIRE_NEVER where they are absurd. */
static inline int64_t time_read(struct base_str bytes, struct als_work *w, enum als_time_slot slot) {
  struct als_time *t = &w->time[slot];
  uint32_t bit = 1u << slot;
  if (!(w->times & bit)) *t = (struct als_time){0, 0};
  w->times |= bit;
  if (time_is_short(bytes, &t->ns) && t->s == 0) return t->ns;
  time_parts_read(bytes, w, t);
  return time_sound(t) ? t->s * 1000000000ll + t->ns : WIRE_NEVER;
}

/* A later pair of the same key takes the place of the earlier one. */
static void tag_add(struct wire_request *out, struct wire_pair pair) {
  for (uint32_t i = 0; i < out->tag_n; i++) {
    if (str_eq(out->tag[i].key, pair.key)) {
      out->tag[i].value = pair.value;
      return;
    }
  }
  if (out->tag_n == LIMIT_CUSTOM_TAGS) {
    out->tag_over++;
  } else {
    out->tag[out->tag_n++] = pair;
  }
}

/* A number that is no number, or negative, is none. */
static double rate_of(double v) {
  return v >= 0 && v <= 1e300 ? v : 0;
}

#define TIME_OF(slot) time_read(pb_view(&c), w, (slot))

void als_common_read(struct base_str bytes, struct als_work *w, struct wire_request *out) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_common_sample_rate: out->sample_rate = rate_of(pb_double(&c)); break;
      case TAG_common_downstream_remote_address: als_addr_read(pb_view(&c), w, &out->downstream_remote); break;
      case TAG_common_downstream_local_address: als_addr_read(pb_view(&c), w, &out->downstream_local); break;
      case TAG_common_tls_properties:
        out->has_tls = true;
        als_tls_read(pb_view(&c), w, &out->tls);
        break;
      case TAG_common_start_time: out->start_ns = TIME_OF(ALS_START); break;
      case TAG_common_time_to_last_rx_byte: out->rx_last_ns = TIME_OF(ALS_RX_LAST); break;
      case TAG_common_time_to_first_upstream_tx_byte: out->up_tx_first_ns = TIME_OF(ALS_UP_TX_FIRST); break;
      case TAG_common_time_to_last_upstream_tx_byte: out->up_tx_last_ns = TIME_OF(ALS_UP_TX_LAST); break;
      case TAG_common_time_to_first_upstream_rx_byte: out->up_rx_first_ns = TIME_OF(ALS_UP_RX_FIRST); break;
      case TAG_common_time_to_last_upstream_rx_byte: out->up_rx_last_ns = TIME_OF(ALS_UP_RX_LAST); break;
      case TAG_common_time_to_first_downstream_tx_byte: out->down_tx_first_ns = TIME_OF(ALS_DOWN_TX_FIRST); break;
      case TAG_common_time_to_last_downstream_tx_byte: out->down_tx_last_ns = TIME_OF(ALS_DOWN_TX_LAST); break;
      case TAG_common_upstream_remote_address: als_addr_read(pb_view(&c), w, &out->upstream_remote); break;
      case TAG_common_upstream_local_address: als_addr_read(pb_view(&c), w, &out->upstream_local); break;
      case TAG_common_upstream_cluster: out->upstream_cluster = pb_view(&c); break;
      case TAG_common_response_flags: als_flags_read(pb_view(&c), w, &out->flags); break;
      case TAG_common_metadata: out->dynamic_metadata = pb_view(&c); break;
      case TAG_common_upstream_transport_failure_reason: out->upstream_failure = pb_view(&c); break;
      case TAG_common_route_name: out->route_name = pb_view(&c); break;
      case TAG_common_downstream_direct_remote_address:
        als_addr_read(pb_view(&c), w, &out->downstream_direct_remote);
        break;
      case TAG_common_filter_state_objects: als_peer_read(pb_view(&c), w, out); break;
      case TAG_common_custom_tags: tag_add(out, als_pair_read(pb_view(&c), w)); break;
      case TAG_common_duration: out->duration_ns = TIME_OF(ALS_DURATION); break;
      case TAG_common_upstream_request_attempt_count: out->attempts = (uint32_t)pb_varint(&c); break;
      case TAG_common_connection_termination_details: out->termination = pb_view(&c); break;
      case TAG_common_stream_id: out->stream_id = pb_view(&c); break;
      case TAG_common_downstream_transport_failure_reason: out->downstream_failure = pb_view(&c); break;
      case TAG_common_downstream_wire_bytes_sent: out->down_wire_sent = pb_varint(&c); break;
      case TAG_common_downstream_wire_bytes_received: out->down_wire_received = pb_varint(&c); break;
      case TAG_common_upstream_wire_bytes_sent: out->up_wire_sent = pb_varint(&c); break;
      case TAG_common_upstream_wire_bytes_received: out->up_wire_received = pb_varint(&c); break;
      case TAG_common_access_log_type: out->log_type = (uint32_t)pb_varint(&c); break;
      default: pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
}

static void http_read(struct base_str bytes, struct als_work *w, struct wire_request *out) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_http_common_properties: als_common_read(pb_view(&c), w, out); break;
      case TAG_http_protocol_version: out->protocol = (uint32_t)pb_varint(&c); break;
      case TAG_http_request: als_request_read(pb_view(&c), w, out); break;
      case TAG_http_response: als_response_read(pb_view(&c), w, out); break;
      default: pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
}

static void connection_read(struct base_str bytes, struct als_work *w, struct wire_request *out) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_connection_received_bytes: out->tcp_received = pb_varint(&c); break;
      case TAG_connection_sent_bytes: out->tcp_sent = pb_varint(&c); break;
      default: pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
}

static void tcp_read(struct base_str bytes, struct als_work *w, struct wire_request *out) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_tcp_common_properties: als_common_read(pb_view(&c), w, out); break;
      case TAG_tcp_connection_properties: connection_read(pb_view(&c), w, out); break;
      default: pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
}

/* True where some time was said that cannot be. Asked at the end, because a later part may have mended it. */
static bool times_absurd(const struct als_work *w) {
  for (uint32_t left = w->times; left; left &= left - 1) {
    if (!time_sound(&w->time[__builtin_ctz(left)])) return true;
  }
  return false;
}

enum wire_status als_entry_read(struct base_str bytes, bool is_tcp, struct wire_request *out, struct als_work *w) {
  als_work_init(w);
  request_clear(out);
  out->is_tcp = is_tcp;
  if (is_tcp) {
    tcp_read(bytes, w, out);
  } else {
    http_read(bytes, w, out);
  }
  if (w->reason) return WIRE_BAD;
  out->has_start = out->start_ns != WIRE_NEVER;
  if (!out->has_start) out->start_ns = 0;
  out->time_absurd = times_absurd(w);
  if (w->peers) als_peer_settle(w, out);
  if (!out->grpc_status.p) out->grpc_status = w->grpc_status;
  if (!out->grpc_message.p) out->grpc_message = w->grpc_message;
  return WIRE_OK;
}
