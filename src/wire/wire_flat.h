/* The peer of Istio before 1.24: a FlatBuffer with the table FlatNode (istio/proxy extensions/common/node_info.fbs), as
 * it stands in the BytesValue at wasm.upstream_peer and wasm.downstream_peer. Zero copy: views point into the input.
 * Every offset is checked against the input before it is followed; nothing is allocated, nothing recurses. */
#ifndef WIRE_FLAT_H
#define WIRE_FLAT_H

#include "base_str.h"
#include "wire_pb.h"

/* A vector of texts or of key-value tables. */
struct wire_flat_list {
  struct base_str bytes; /* the whole buffer */
  size_t at;             /* of the first element */
  uint32_t count;        /* 4 * count bytes from `at` on are inside; 0 where absent */
};

/* Absent texts are STR_NONE. */
struct wire_flat_node {
  struct base_str name;  /* the pod's */
  struct base_str space; /* the namespace */
  struct base_str owner, workload_name, istio_version, mesh_id, cluster_id, identity;
  struct wire_flat_list labels, platform_metadata;    /* key and value */
  struct wire_flat_list app_containers, instance_ips; /* texts */
};

/* WIRE_OK, or WIRE_BAD where a part of the node itself points outside; elements of the lists are checked when they
 * are asked for. Cost: constant. */
enum wire_status wire_flat_read(struct base_str bytes, struct wire_flat_node *out);

/* The text at idx; false past the end or where broken. */
bool wire_flat_text(const struct wire_flat_list *list, uint32_t idx, struct base_str *out);
/* The pair at idx; a missing key or value is STR_NONE. False past the end or where broken. */
bool wire_flat_pair(const struct wire_flat_list *list, uint32_t idx, struct base_str *key, struct base_str *value);
/* The value of the first pair with that key; false where there is none. Broken pairs are passed over. Cost: linear in
 * the count; the order of keys is not relied on. */
bool wire_flat_find(const struct wire_flat_list *list, struct base_str key, struct base_str *value);

#endif
