/* Prints what the OTLP decoder makes of a file, for a comparison with another decoder.
 *
 *   otlp_dump spans|logs FILE                  of a file of gRPC frames: a line an item (S or L)
 *   otlp_dump json-spans|json-logs|zipkin|zipkin-json FILE   of a file that is one body, recoded first
 *   otlp_dump --fields                         the decoder's table of protobuf fields (F)
 *   otlp_dump --keys                           its table of attribute names (K)
 *
 * Fields are tab-separated; a text is written in hex; X tells a refusal. Attributes follow as name=value, those of the
 * resource with a dot before, by their first name in the table. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base_must.h"
#include "wire_attr.h"
#include "wire_otlp.h"
#include "wire_otlp_fields.h"
#include "wire_recode.h"

#define FILE_BYTES_MAX ((size_t)1 << 28)

static struct wire_attr_keys keys;

static const char *const names[WIRE_ATTR_COUNT] = {
#define X(name) #name,
    WIRE_ATTR_NAMES(X)
#undef X
};

static void put_hex(struct base_str s) {
  (void)putchar('\t');
  for (size_t i = 0; i < s.n; i++) (void)printf("%02x", (unsigned char)s.p[i]);
}

static void put_attrs(const struct wire_attrs *a, const char *before) {
  for (unsigned i = 0; i < WIRE_ATTR_COUNT; i++) {
    if (!attrs_has(a, (enum wire_attr)i)) continue;
    (void)printf("\t%s%s=", before, names[i]);
    if (a->value[i].text.p)
      for (size_t k = 0; k < a->value[i].text.n; k++) (void)printf("%02x", (unsigned char)a->value[i].text.p[k]);
    else
      (void)printf("#%" PRId64, a->value[i].number);
  }
}

static void put_item(struct base_str item, bool logs, const struct wire_attrs *resource) {
  struct wire_attrs a;
  struct wire_span s;
  struct wire_log l;
  struct wire_err err;
  enum wire_status st = logs ? wire_log_read(item, &keys, &l, &a, &err) : wire_span_read(item, &keys, &s, &a, &err);
  if (st != WIRE_OK) {
    (void)printf("X\t%s\n", err.reason);
    return;
  }
  (void)printf(logs ? "L" : "S");
  put_hex(logs ? l.trace_id : s.trace_id);
  put_hex(logs ? l.span_id : s.span_id);
  if (logs) {
    (void)printf("\t%" PRIu64 "\t%" PRIu64 "\t%u", l.time_ns, l.observed_ns, l.severity);
    put_hex(l.body);
  } else {
    put_hex(s.parent_id);
    put_hex(s.trace_state);
    put_hex(s.name);
    (void)printf("\t%u\t%" PRIu64 "\t%" PRIu64 "\t%d", s.kind, s.start_ns, s.end_ns, s.error);
  }
  put_attrs(resource, ".");
  put_attrs(&a, "");
  (void)putchar('\n');
}

static void put_message(struct base_str bytes, bool logs) {
  struct wire_otlp_iter it;
  struct wire_attrs resource;
  struct base_str item;
  struct wire_err err;
  enum wire_status s;
  if (wire_otlp_check(bytes, &err) != WIRE_OK) {
    (void)printf("X\t%s\n", err.reason);
    return;
  }
  wire_otlp_iter_init(&it, bytes);
  while ((s = wire_otlp_next(&it, &item, &err)) != WIRE_END) {
    if (s == WIRE_BAD) {
      (void)printf("X\t%s\n", err.reason);
      continue;
    }
    if (wire_resource_read(wire_otlp_resource(&it), &keys, &resource, &err) != WIRE_OK) attrs_clear(&resource);
    put_item(item, logs, &resource);
  }
}

static void put_frames(struct base_str file, bool logs) {
  for (size_t at = 0; at + 5 <= file.n;) {
    const unsigned char *p = (const unsigned char *)file.p + at;
    size_t n = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    put_message(str_cut(file, at + 5, at + 5 + n), logs);
    at += 5 + n;
  }
}

static void put_body(struct base_str file, const char *how) {
  size_t cap = LIMIT_MESSAGE_BYTES;
  char *mem = malloc(cap);
  uint32_t lost = 0;
  struct wire_err err;
  MUST(mem);
  struct base_buf out = buf_over(mem, cap);
  bool logs = strcmp(how, "json-logs") == 0;
  enum wire_status s = logs                             ? wire_recode_logs(file, &out, &err)
                       : strcmp(how, "json-spans") == 0 ? wire_recode_traces(file, &out, &err)
                       : strcmp(how, "zipkin") == 0     ? wire_recode_zipkin(file, &out, &lost, &err)
                                                        : wire_recode_zipkin_json(file, &out, &lost, &err);
  if (s == WIRE_OK)
    put_message(buf_str(&out), logs);
  else
    (void)printf("X\t%s\n", err.reason);
  free(mem);
}

static void put_fields(void) {
  static const char *const message[] = {
#define X(name, full) full,
      WIRE_OTLP_MESSAGE_TABLE(X)
#undef X
  };
  enum message {
#define X(name, full) M_##name,
    WIRE_OTLP_MESSAGE_TABLE(X)
#undef X
  };
#define X(m, field, number, type) (void)printf("F\t%s\t%s\t%d\t%d\n", message[M_##m], #field, number, PB_##type);
  WIRE_OTLP_FIELD_TABLE(X)
#undef X
}

static void put_keys(void) {
#define X(name, text) (void)printf("K\t%s\t%s\n", #name, text);
  WIRE_ATTR_TABLE(X)
#undef X
}

static int run(const char *how, const char *path) {
  FILE *f = fopen(path, "rb");
  char *mem = malloc(FILE_BYTES_MAX);
  if (!f || !mem) return 1;
  struct base_str file = {mem, fread(mem, 1, FILE_BYTES_MAX, f)};
  if (strcmp(how, "spans") == 0 || strcmp(how, "logs") == 0)
    put_frames(file, strcmp(how, "logs") == 0);
  else
    put_body(file, how);
  free(mem);
  return fclose(f) == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
  wire_attr_keys_init(&keys);
  if (argc == 2 && strcmp(argv[1], "--fields") == 0) put_fields();
  if (argc == 2 && strcmp(argv[1], "--keys") == 0) put_keys();
  return argc == 3 ? run(argv[1], argv[2]) : argc == 2 ? 0 : 2;
}
