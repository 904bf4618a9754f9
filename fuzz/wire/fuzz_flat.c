/* Any bytes as the FlatNode of an older Istio: every text that comes out must lie inside the input. */
#include <stdlib.h>

#include "wire_flat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

static void view_check(struct base_str whole, struct base_str s) {
  if (!s.p) {
    if (s.n) abort();
    return;
  }
  if (s.p < whole.p || s.n > (size_t)(whole.p + whole.n - s.p)) abort();
  if (s.n) sink = (uint8_t)(s.p[0] ^ s.p[s.n - 1]);
}

static void list_check(struct base_str whole, const struct wire_flat_list *list) {
  struct base_str key, value;
  if (list->count > whole.n / 4) abort();
  for (uint32_t i = 0; i < list->count; i++) {
    if (wire_flat_text(list, i, &value)) view_check(whole, value);
    if (wire_flat_pair(list, i, &key, &value)) {
      view_check(whole, key);
      view_check(whole, value);
    }
  }
  if (wire_flat_pair(list, list->count, &key, &value)) abort();
  if (wire_flat_find(list, STR("app"), &value)) view_check(whole, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct base_str whole = {(const char *)data, size};
  struct wire_flat_node n;
  if (wire_flat_read(whole, &n) != WIRE_OK) return 0;
  const struct base_str text[] = {n.name,          n.space,   n.owner,      n.workload_name,
                                  n.istio_version, n.mesh_id, n.cluster_id, n.identity};
  for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) view_check(whole, text[i]);
  list_check(whole, &n.labels);
  list_check(whole, &n.platform_metadata);
  list_check(whole, &n.app_containers);
  list_check(whole, &n.instance_ips);
  return 0;
}
