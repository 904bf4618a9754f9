/* Envoy's access log service on the wire: bytes of one StreamAccessLogsMessage -> views. Zero copy: every base_str
 * points into the message and lives as long as it. Field numbers: envoy/data/accesslog/v3/accesslog.proto and
 * envoy/service/accesslog/v3/als.proto (checked against the .proto by a test; the table is wire_als_fields.h).
 *
 * Read as protobuf wants it: fields in any order, unknown ones skipped, of a repeated scalar the last counts,
 * repeated submessages merge, of a oneof the last member counts, of a map's pairs with one key the last. What counts
 * as broken is told in wire_pb.h; text is not checked for UTF-8. Two things differ: a raw submessage that is handed
 * out as a view (node metadata, dynamic metadata) is the last one where it is repeated, not a merge; and numbers that
 * cannot be true are refused (time_absurd, sample_rate). */
#ifndef WIRE_ALS_H
#define WIRE_ALS_H

#include "wire_request.h"

/* envoy.config.core.v3.Node. `extensions` (60 KB in real captures) are skipped. A text that was not sent is
 * absent. */
struct wire_node {
  struct base_str id, cluster, region, zone, sub_zone;
  struct base_str user_agent_name;
  struct base_str metadata; /* raw google.protobuf.Struct, for wire_struct_find */
};

struct wire_als_msg {
  bool has_node;
  struct wire_node node;
  struct base_str log_name;
  struct base_str bytes; /* the whole message, for the iterator */
  size_t list_at;        /* offset of the first entry list that counts (http_logs and tcp_logs are a oneof) */
};

/* Reads the frame of a message: the identifier; entries are left to the iterator. Cost: one pass over the
 * top-level tags and the node. */
enum wire_status wire_als_msg_read(struct base_str bytes, struct wire_als_msg *out, struct wire_err *err);

struct wire_als_iter {
  struct base_str bytes;
  size_t at;                /* next top-level field */
  size_t list_at, list_end; /* inside an entry list; 0 outside */
  bool list_tcp;
};

void wire_als_iter_init(struct wire_als_iter *it, const struct wire_als_msg *msg);
/* WIRE_OK: *out is the next entry, in wire order. WIRE_END: no more. WIRE_BAD: err tells where; a broken entry
 * whose own length is sound is skipped, counted by the caller, and the iterator can go on: each call moves forward,
 * so that a loop until WIRE_END ends. Cost: one pass over the entry (bench_als prints it). */
enum wire_status wire_als_next(struct wire_als_iter *it, struct wire_request *out, struct wire_err *err);

/* google.protobuf.Struct: the value of `key` at the top level. Strings give their text; a Struct gives its raw
 * bytes in *out with *is_struct; numbers, bools, null and lists are not given. False where absent or where raw is
 * broken before its end. *out and *is_struct are set only where true. Cost: one pass over raw; nothing nests. */
bool wire_struct_find(struct base_str raw, struct base_str key, struct base_str *out, bool *is_struct);

#endif
