/* OTLP of any bytes: the iterator ends and moves forward, views lie inside of the input, and what a span or a record
 * tells points into it, too. Input: a byte of mode (bit 0: logs), then a message. */
#include <stdint.h>
#include <stdlib.h>

#include "base_must.h"
#include "wire_attr.h"
#include "wire_otlp.h"
#include "wire_told.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void inside(struct base_str whole, struct base_str s) {
  MUST(s.n == 0 || (s.p >= whole.p && s.p + s.n <= whole.p + whole.n));
}

static void attrs_check(struct base_str whole, const struct wire_attrs *a) {
  for (unsigned i = 0; i < WIRE_ATTR_COUNT; i++)
    if (attrs_has(a, (enum wire_attr)i)) inside(whole, attrs_text(a, (enum wire_attr)i));
}

static void told_check(struct base_str whole, const struct wire_told *t) {
  const struct wire_request *e = &t->request;
  inside(whole, t->who.service);
  inside(whole, t->who.node_id);
  if (t->kind != WIRE_TOLD_REQUEST) return;
  inside(whole, e->path);
  inside(whole, e->authority);
  inside(whole, e->upstream_cluster);
  inside(whole, e->upstream_remote.ip);
  inside(whole, e->request_id);
  MUST(e->weight <= LIMIT_SAMPLE_WEIGHT && e->code <= 999 && e->upstream_remote.port <= 99999);
  MUST(e->time_absurd || (e->start_ns >= 0 && e->duration_ns >= 0));
  if (e->caller) inside(whole, e->caller->service);
}

static void item_check(struct base_str whole, struct base_str item, bool logs, const struct wire_attr_keys *keys,
                       const struct wire_attrs *resource) {
  static struct wire_attrs a;
  static struct wire_told told;
  struct wire_span s;
  struct wire_log l;
  struct wire_err err;
  enum wire_status st = logs ? wire_log_read(item, keys, &l, &a, &err) : wire_span_read(item, keys, &s, &a, &err);
  if (st != WIRE_OK) {
    MUST(st == WIRE_BAD && err.reason && err.offset <= item.n);
    return;
  }
  attrs_check(item, &a);
  if (logs) {
    inside(item, l.body);
    wire_told_log(resource, &l, keys, &a, &told);
  } else {
    MUST(s.trace_id.n == 0 || s.trace_id.n == 16);
    MUST(s.parent_id.n == 0 || s.parent_id.n == 8);
    wire_told_span(resource, &s, &a, &told);
  }
  told_check(whole, &told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static struct wire_attr_keys keys;
  static struct wire_attrs resource;
  if (n == 0) return 0;
  wire_attr_keys_init(&keys);
  struct base_str bytes = {(const char *)data + 1, n - 1}, item;
  struct wire_otlp_iter it;
  struct wire_err err;
  size_t steps = 0;
  (void)wire_otlp_check(bytes, &err);
  wire_otlp_iter_init(&it, bytes);
  for (;;) {
    enum wire_status s = wire_otlp_next(&it, &item, &err);
    MUST(++steps <= n + 2);
    if (s == WIRE_END) break;
    if (s == WIRE_BAD) {
      MUST(err.reason && err.offset <= bytes.n);
      continue;
    }
    inside(bytes, item);
    inside(bytes, wire_otlp_resource(&it));
    if (wire_resource_read(wire_otlp_resource(&it), &keys, &resource, &err) != WIRE_OK) attrs_clear(&resource);
    item_check(bytes, item, data[0] & 1, &keys, &resource);
  }
  return 0;
}
