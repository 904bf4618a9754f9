#include "wire_flat.h"

/* A table: at `at` stands the signed way back to its vtable, which holds its own size, the table's size, and for each
 * field the offset inside the table (0: absent), all uint16. */
struct table {
  struct base_str bytes;
  size_t at, vtable;
  uint32_t vtable_bytes;
};

/* Order of the fields in node_info.fbs. */
enum node_slot {
  SLOT_NAME,
  SLOT_NAMESPACE,
  SLOT_LABELS,
  SLOT_OWNER,
  SLOT_WORKLOAD_NAME,
  SLOT_PLATFORM_METADATA,
  SLOT_ISTIO_VERSION,
  SLOT_MESH_ID,
  SLOT_APP_CONTAINERS,
  SLOT_CLUSTER_ID,
  SLOT_INSTANCE_IPS,
  SLOT_IDENTITY
};
enum pair_slot { SLOT_KEY, SLOT_VALUE };

/* The n (2 or 4) little-endian bytes at `at`; false where they are not inside. */
static bool uint_read(struct base_str bytes, size_t at, unsigned n, uint32_t *out) {
  if (at > bytes.n || bytes.n - at < n) return false;
  uint32_t v = 0;
  for (unsigned i = 0; i < n; i++) v |= (uint32_t)(unsigned char)bytes.p[at + i] << (8 * i);
  *out = v;
  return true;
}

/* Follows the forward offset at `at`; what it points at has at least 4 bytes. */
static bool offset_follow(struct base_str bytes, size_t at, size_t *out) {
  uint32_t way;
  if (!uint_read(bytes, at, 4, &way)) return false;
  *out = at + way;
  return *out <= bytes.n && bytes.n - *out >= 4;
}

static bool table_read(struct base_str bytes, size_t at, struct table *out) {
  uint32_t back;
  if (!uint_read(bytes, at, 4, &back)) return false;
  int64_t vtable = (int64_t)at - (int32_t)back;
  if (vtable < 0) return false;
  *out = (struct table){.bytes = bytes, .at = at, .vtable = (size_t)vtable};
  if (!uint_read(bytes, out->vtable, 2, &out->vtable_bytes)) return false;
  return out->vtable_bytes >= 4 && out->vtable_bytes <= bytes.n - out->vtable;
}

/* WIRE_OK: the field's offset leads to *at. WIRE_END: the table has no such field. */
static enum wire_status slot_follow(const struct table *t, unsigned slot, size_t *at) {
  uint32_t inside = 0;
  size_t entry = 4 + 2 * (size_t)slot;
  if (entry + 2 > t->vtable_bytes) return WIRE_END;
  if (!uint_read(t->bytes, t->vtable + entry, 2, &inside)) return WIRE_BAD;
  if (inside == 0) return WIRE_END;
  return offset_follow(t->bytes, t->at + inside, at) ? WIRE_OK : WIRE_BAD;
}

/* Length and bytes; false where they are not inside. */
static bool text_read(struct base_str bytes, size_t at, struct base_str *out) {
  uint32_t n;
  if (!uint_read(bytes, at, 4, &n) || n > bytes.n - at - 4) return false;
  *out = (struct base_str){bytes.p + at + 4, n};
  return true;
}

static bool slot_text(const struct table *t, unsigned slot, struct base_str *out) {
  size_t at;
  *out = STR_NONE;
  enum wire_status s = slot_follow(t, slot, &at);
  return s == WIRE_END || (s == WIRE_OK && text_read(t->bytes, at, out));
}

static bool slot_list(const struct table *t, unsigned slot, struct wire_flat_list *out) {
  size_t at;
  *out = (struct wire_flat_list){.bytes = t->bytes};
  enum wire_status s = slot_follow(t, slot, &at);
  if (s != WIRE_OK) return s == WIRE_END;
  out->at = at + 4;
  return uint_read(t->bytes, at, 4, &out->count) && out->count <= (t->bytes.n - out->at) / 4;
}

enum wire_status wire_flat_read(struct base_str bytes, struct wire_flat_node *out) {
  struct table t;
  size_t root;
  *out = (struct wire_flat_node){0};
  if (!offset_follow(bytes, 0, &root) || !table_read(bytes, root, &t)) return WIRE_BAD;
  bool sound = slot_text(&t, SLOT_NAME, &out->name) && slot_text(&t, SLOT_NAMESPACE, &out->space) &&
               slot_list(&t, SLOT_LABELS, &out->labels) && slot_text(&t, SLOT_OWNER, &out->owner) &&
               slot_text(&t, SLOT_WORKLOAD_NAME, &out->workload_name) &&
               slot_list(&t, SLOT_PLATFORM_METADATA, &out->platform_metadata) &&
               slot_text(&t, SLOT_ISTIO_VERSION, &out->istio_version) && slot_text(&t, SLOT_MESH_ID, &out->mesh_id) &&
               slot_list(&t, SLOT_APP_CONTAINERS, &out->app_containers) &&
               slot_text(&t, SLOT_CLUSTER_ID, &out->cluster_id) &&
               slot_list(&t, SLOT_INSTANCE_IPS, &out->instance_ips) && slot_text(&t, SLOT_IDENTITY, &out->identity);
  if (!sound) *out = (struct wire_flat_node){0};
  return sound ? WIRE_OK : WIRE_BAD;
}

bool wire_flat_text(const struct wire_flat_list *list, uint32_t idx, struct base_str *out) {
  size_t at;
  return idx < list->count && offset_follow(list->bytes, list->at + 4 * (size_t)idx, &at) &&
         text_read(list->bytes, at, out);
}

bool wire_flat_pair(const struct wire_flat_list *list, uint32_t idx, struct base_str *key, struct base_str *value) {
  struct table t;
  size_t at;
  return idx < list->count && offset_follow(list->bytes, list->at + 4 * (size_t)idx, &at) &&
         table_read(list->bytes, at, &t) && slot_text(&t, SLOT_KEY, key) && slot_text(&t, SLOT_VALUE, value);
}

bool wire_flat_find(const struct wire_flat_list *list, struct base_str key, struct base_str *value) {
  for (uint32_t i = 0; i < list->count; i++) {
    struct base_str k, v;
    if (wire_flat_pair(list, i, &k, &v) && str_eq(k, key)) {
      *value = v;
      return true;
    }
  }
  return false;
}
