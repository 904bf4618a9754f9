/* Prints what the ALS decoder makes of a file, for a comparison with another decoder.
 *
 *   als_dump FILE      one line a message (M), an entry (E), or a refusal (X); fields as name=value, tab-separated
 *   als_dump --fields  the decoder's table of protobuf fields and of response flags
 *
 * FILE holds messages as gRPC frames where its name ends in .grpc, else each with its length as a varint before it.
 * A text is a quote and its bytes, with %XX for what is not plain; an absent one is a dash. */
#include <stdio.h>
#include <stdlib.h>

#include "wire_als.h"
#include "wire_als_fields.h"

static void put_str(const char *name, struct base_str s) {
  (void)printf("\t%s=%s", name, s.p ? "\"" : "-");
  for (size_t i = 0; i < s.n; i++) {
    unsigned char b = (unsigned char)s.p[i];
    if (b > 0x20 && b < 0x7f && b != '%' && b != '=') {
      (void)putchar(b);
    } else {
      (void)printf("%%%02X", b);
    }
  }
}

static void put_u64(const char *name, uint64_t v) {
  (void)printf("\t%s=%llu", name, (unsigned long long)v);
}

static void put_i64(const char *name, int64_t v) {
  (void)printf("\t%s=%lld", name, (long long)v);
}

/* In proto3 an empty text and none are one, unless it is a map's value. */
static void put_text(const char *name, struct base_str s) {
  put_str(name, s.p ? s : STR(""));
}

static void put_addr(const char *name, const struct wire_addr *a) {
  char field[64];
  (void)snprintf(field, sizeof field, "%s_ip", name);
  put_text(field, a->ip);
  (void)snprintf(field, sizeof field, "%s_port", name);
  put_u64(field, a->port);
  (void)snprintf(field, sizeof field, "%s_pipe", name);
  put_u64(field, a->is_pipe);
}

#define TEXT(field) put_text(#field, e->field)
#define MAYBE(field) put_str(#field, e->field)
#define U64(field) put_u64(#field, e->field)
#define I64(field) put_i64(#field, e->field)

static void put_common(const struct wire_request *e) {
  put_addr("downstream_remote", &e->downstream_remote);
  put_addr("downstream_local", &e->downstream_local);
  put_addr("downstream_direct_remote", &e->downstream_direct_remote);
  put_addr("upstream_remote", &e->upstream_remote);
  put_addr("upstream_local", &e->upstream_local);
  U64(has_tls);
  U64(tls.version);
  TEXT(tls.sni);
  TEXT(tls.local_uri);
  TEXT(tls.peer_uri);
  TEXT(tls.peer_dns);
  TEXT(tls.peer_subject);
  TEXT(tls.peer_issuer);
  TEXT(tls.session_id);
  TEXT(tls.ja3);
  U64(has_start);
  U64(time_absurd);
  I64(start_ns);
  I64(rx_last_ns);
  I64(up_tx_first_ns);
  I64(up_tx_last_ns);
  I64(up_rx_first_ns);
  I64(up_rx_last_ns);
  I64(down_tx_first_ns);
  I64(down_tx_last_ns);
  I64(duration_ns);
  TEXT(upstream_cluster);
  TEXT(route_name);
  TEXT(stream_id);
  TEXT(upstream_failure);
  TEXT(downstream_failure);
  TEXT(termination);
  U64(flags);
  U64(attempts);
  U64(log_type);
  U64(down_wire_sent);
  U64(down_wire_received);
  U64(up_wire_sent);
  U64(up_wire_received);
  TEXT(dynamic_metadata);
  (void)printf("\tsample_rate=%.17g", e->sample_rate);
}

static void put_peers(const struct wire_request *e) {
  MAYBE(upstream_peer);
  MAYBE(downstream_peer);
  U64(upstream_peer_flat);
  U64(downstream_peer_flat);
  MAYBE(upstream_peer_id);
  MAYBE(downstream_peer_id);
  U64(tag_n);
  U64(tag_over);
  for (uint32_t i = 0; i < e->tag_n; i++) {
    put_str("tag_key", e->tag[i].key);
    put_str("tag_value", e->tag[i].value);
  }
}

static void put_http(const struct wire_request *e) {
  U64(protocol);
  U64(method);
  U64(authority_port);
  TEXT(scheme);
  TEXT(authority);
  TEXT(path);
  TEXT(original_path);
  TEXT(user_agent);
  TEXT(referer);
  TEXT(forwarded_for);
  TEXT(request_id);
  U64(request_headers_bytes);
  U64(request_body_bytes);
  U64(response_headers_bytes);
  U64(response_body_bytes);
  MAYBE(traceparent);
  MAYBE(b3_traceid);
  MAYBE(b3_single);
  MAYBE(content_type);
  MAYBE(upgrade);
  MAYBE(grpc_status);
  MAYBE(grpc_message);
  MAYBE(response_content_type);
  U64(has_code);
  U64(code);
  TEXT(code_details);
}

static void put_entry(const struct wire_request *e) {
  (void)printf("E");
  U64(is_tcp);
  put_common(e);
  put_peers(e);
  put_http(e);
  U64(tcp_received);
  U64(tcp_sent);
  (void)putchar('\n');
}

static void put_message(const struct wire_als_msg *m) {
  (void)printf("M");
  put_u64("has_node", m->has_node);
  put_text("id", m->node.id);
  put_text("cluster", m->node.cluster);
  put_text("region", m->node.region);
  put_text("zone", m->node.zone);
  put_text("sub_zone", m->node.sub_zone);
  put_text("user_agent_name", m->node.user_agent_name);
  put_text("metadata", m->node.metadata);
  put_text("log_name", m->log_name);
  (void)putchar('\n');
}

static void put_refusal(const char *what, const struct wire_err *err) {
  (void)printf("X\t%s\t%zu\t%s\n", what, err->offset, err->reason);
}

static void message_dump(struct base_str bytes) {
  struct wire_als_msg msg;
  struct wire_als_iter it;
  struct wire_request entry;
  struct wire_err err;
  if (wire_als_msg_read(bytes, &msg, &err) != WIRE_OK) {
    put_refusal("message", &err);
    return;
  }
  put_message(&msg);
  wire_als_iter_init(&it, &msg);
  for (;;) {
    enum wire_status s = wire_als_next(&it, &entry, &err);
    if (s == WIRE_END) return;
    if (s == WIRE_OK) {
      put_entry(&entry);
    } else {
      put_refusal("entry", &err);
    }
  }
}

/* The next message of the file's bytes, which it is cut off from. False at the end or where the frame is broken. */
static bool frame_take(struct base_str *rest, bool grpc, struct base_str *out) {
  const unsigned char *p = (const unsigned char *)rest->p;
  size_t head = 5, n = 0;
  if (grpc) {
    if (rest->n < 5) return false;
    n = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | (size_t)p[4];
  } else {
    struct wire_pb c = pb_over(*rest);
    n = (size_t)pb_varint(&c);
    head = (size_t)(c.p - p);
    if (c.reason || rest->n == 0) return false;
  }
  if (n > rest->n - head) return false;
  *out = str_cut(*rest, head, head + n);
  *rest = str_cut(*rest, head + n, rest->n);
  return true;
}

static int file_dump(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f || fseek(f, 0, SEEK_END) != 0) return 1;
  long size = ftell(f);
  char *mem = size > 0 ? malloc((size_t)size) : NULL;
  rewind(f);
  size_t n = mem ? fread(mem, 1, (size_t)size, f) : 0;
  (void)fclose(f);
  struct base_str rest = {mem, n}, message;
  struct base_str name = str_of(path);
  bool grpc = name.n > 5 && str_eq(str_cut(name, name.n - 5, name.n), STR(".grpc"));
  while (frame_take(&rest, grpc, &message)) message_dump(message);
  free(mem);
  return rest.n ? 1 : 0;
}

static void fields_dump(void) {
#define X(name, full) const char *message_##name = full;
  WIRE_ALS_MESSAGE_TABLE(X)
#undef X
#define X(message, field, number, type) \
  (void)printf("F\t%s\t%s\t%d\t%d\n", message_##message, #field, number, PB_##type);
  WIRE_ALS_FIELD_TABLE(X)
#undef X
#define X(bit, name) (void)printf("R\t%s\t%d\n", #name, bit);
  WIRE_FLAG_TABLE(X)
#undef X
}

int main(int argc, char **argv) {
  if (argc != 2) {
    (void)fprintf(stderr, "usage: als_dump FILE | --fields\n");
    return 2;
  }
  if (str_eq(str_of(argv[1]), STR("--fields"))) {
    fields_dump();
    return 0;
  }
  return file_dump(argv[1]);
}
