/* JSON and Zipkin of any bytes become sound OTLP protobuf or are refused: what comes out has no broken frame and no
 * broken span. Input: a byte (modulo 4: OTLP traces, OTLP logs, Zipkin JSON, Zipkin protobuf; bit 7: hardly any room),
 * then the body. */
#include <stdint.h>
#include <stdlib.h>

#include "base_must.h"
#include "wire_attr.h"
#include "wire_otlp.h"
#include "wire_recode.h"

#define ROOM (1u << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static enum wire_status recode(unsigned how, struct base_str body, struct base_buf *out, struct wire_err *err) {
  uint32_t lost = 0;
  switch (how) {
    case 0: return wire_recode_traces(body, out, err);
    case 1: return wire_recode_logs(body, out, err);
    case 2: return wire_recode_zipkin_json(body, out, &lost, err);
    default: return wire_recode_zipkin(body, out, &lost, err);
  }
}

static void sound(struct base_str bytes, bool logs) {
  static struct wire_attr_keys keys;
  static struct wire_attrs a;
  struct wire_otlp_iter it;
  struct base_str item;
  struct wire_err err;
  struct wire_span s;
  struct wire_log l;
  enum wire_status st;
  wire_attr_keys_init(&keys);
  MUST(wire_otlp_check(bytes, &err) == WIRE_OK);
  wire_otlp_iter_init(&it, bytes);
  while ((st = wire_otlp_next(&it, &item, &err)) != WIRE_END) {
    MUST(st == WIRE_OK);
    MUST(wire_resource_read(wire_otlp_resource(&it), &keys, &a, &err) == WIRE_OK);
    MUST((logs ? wire_log_read(item, &keys, &l, &a, &err) : wire_span_read(item, &keys, &s, &a, &err)) == WIRE_OK);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static char mem[ROOM];
  if (n == 0) return 0;
  struct base_buf out = buf_over(mem, data[0] & 0x80 ? 64 : ROOM);
  struct base_str body = {(const char *)data + 1, n - 1};
  struct wire_err err = {0, NULL};
  unsigned how = data[0] % 4;
  if (recode(how, body, &out, &err) == WIRE_OK)
    sound(buf_str(&out), how == 1);
  else
    MUST(err.reason && err.offset <= body.n);
  return 0;
}
