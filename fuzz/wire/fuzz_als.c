/* Any bytes as a StreamAccessLogsMessage. Every view that comes out must lie inside the input, the iterator must
 * move forward, and what identity does with metadata and peers must be as safe as the decoder. */
#include <stdlib.h>

#include "wire_als.h"
#include "wire_flat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

/* Aborts where a view is not inside the input; reads its ends, so that a sanitizer has a say as well. */
static void view_check(struct base_str whole, struct base_str s) {
  if (!s.p) {
    if (s.n) abort();
    return;
  }
  if (s.p < whole.p || s.p > whole.p + whole.n || s.n > (size_t)(whole.p + whole.n - s.p)) abort();
  if (s.n) sink = (uint8_t)(s.p[0] ^ s.p[s.n - 1]);
}

static void struct_check(struct base_str whole, struct base_str raw) {
  struct base_str value, inner;
  bool is_struct;
  view_check(whole, raw);
  if (wire_struct_find(raw, STR("workload"), &value, &is_struct)) view_check(whole, value);
  if (!wire_struct_find(raw, STR("LABELS"), &value, &is_struct)) return;
  view_check(whole, value);
  if (is_struct && wire_struct_find(value, STR("app"), &inner, &is_struct)) view_check(whole, inner);
}

static void peer_check(struct base_str whole, struct base_str peer, bool flat) {
  struct wire_flat_node node;
  struct base_str value;
  struct_check(whole, peer);
  if (!flat || wire_flat_read(peer, &node) != WIRE_OK) return;
  view_check(whole, node.name);
  view_check(whole, node.workload_name);
  if (wire_flat_find(&node.labels, STR("app"), &value)) view_check(whole, value);
}

static void addr_check(struct base_str whole, const struct wire_request *e) {
  view_check(whole, e->downstream_remote.ip);
  view_check(whole, e->downstream_local.ip);
  view_check(whole, e->downstream_direct_remote.ip);
  view_check(whole, e->upstream_remote.ip);
  view_check(whole, e->upstream_local.ip);
}

static void texts_check(struct base_str whole, const struct wire_request *e) {
  const struct base_str text[] = {e->tls.sni,
                                  e->tls.local_uri,
                                  e->tls.peer_uri,
                                  e->tls.peer_dns,
                                  e->tls.peer_subject,
                                  e->tls.peer_issuer,
                                  e->tls.session_id,
                                  e->tls.ja3,
                                  e->upstream_cluster,
                                  e->route_name,
                                  e->stream_id,
                                  e->upstream_failure,
                                  e->downstream_failure,
                                  e->termination,
                                  e->dynamic_metadata,
                                  e->upstream_peer_id,
                                  e->downstream_peer_id,
                                  e->scheme,
                                  e->authority,
                                  e->path,
                                  e->original_path,
                                  e->user_agent,
                                  e->referer,
                                  e->forwarded_for,
                                  e->request_id,
                                  e->traceparent,
                                  e->b3_traceid,
                                  e->b3_single,
                                  e->content_type,
                                  e->upgrade,
                                  e->grpc_status,
                                  e->grpc_message,
                                  e->response_content_type,
                                  e->code_details};
  for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) view_check(whole, text[i]);
}

/* What the header promises of numbers. */
static void numbers_check(const struct wire_request *e) {
  const int64_t duration[] = {e->rx_last_ns,    e->up_tx_first_ns,   e->up_tx_last_ns,   e->up_rx_first_ns,
                              e->up_rx_last_ns, e->down_tx_first_ns, e->down_tx_last_ns, e->duration_ns};
  for (size_t i = 0; i < 8; i++) {
    if (duration[i] < WIRE_NEVER) abort();
  }
  if (e->start_ns < 0 || (!e->has_start && e->start_ns != 0)) abort();
  if (!(e->sample_rate >= 0 && e->sample_rate <= 1e300)) abort();
  if (e->tag_n > LIMIT_CUSTOM_TAGS || (e->flags & 1u) || e->flags >> WIRE_FLAG_COUNT) abort();
}

static void entry_check(struct base_str whole, const struct wire_request *e) {
  addr_check(whole, e);
  texts_check(whole, e);
  numbers_check(e);
  peer_check(whole, e->upstream_peer, e->upstream_peer_flat);
  peer_check(whole, e->downstream_peer, e->downstream_peer_flat);
  for (uint32_t i = 0; i < e->tag_n; i++) {
    view_check(whole, e->tag[i].key);
    view_check(whole, e->tag[i].value);
  }
}

static void message_check(struct base_str whole, const struct wire_als_msg *m) {
  const struct wire_node *n = &m->node;
  const struct base_str text[] = {n->id, n->cluster, n->region, n->zone, n->sub_zone, n->user_agent_name, m->log_name};
  for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) view_check(whole, text[i]);
  struct_check(whole, n->metadata);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct base_str whole = {(const char *)data, size};
  struct wire_als_msg msg;
  struct wire_als_iter it;
  struct wire_request entry;
  struct wire_err err = {0};
  if (wire_als_msg_read(whole, &msg, &err) != WIRE_OK) {
    if (err.offset > size || !err.reason) abort();
    return 0;
  }
  message_check(whole, &msg);
  wire_als_iter_init(&it, &msg);
  for (size_t calls = 0;; calls++) {
    if (calls > size) abort(); /* an entry has a tag at least */
    memset(&entry, 0xee, sizeof entry);
    enum wire_status s = wire_als_next(&it, &entry, &err);
    if (s == WIRE_END) return 0;
    if (s == WIRE_OK) entry_check(whole, &entry);
    if (s == WIRE_BAD && (err.offset > size || !err.reason)) abort();
  }
}
