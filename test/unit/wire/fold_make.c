#include "fold_make.h"

#define PART_BYTES 4096

static void text(struct base_buf *out, uint32_t number, const char *z) {
  if (z) make_text(out, number, z);
}

static void span(struct base_buf *out, uint32_t number, int64_t ns) {
  char mem[32];
  struct base_buf part = buf_over(mem, sizeof mem);
  make_uint(&part, 1, (uint64_t)ns / 1000000000u);
  make_uint(&part, 2, (uint64_t)ns % 1000000000u);
  make_view(out, number, buf_str(&part));
}

static void address(struct base_buf *out, uint32_t number, const char *ip, uint32_t port) {
  char mem[128], outer_mem[160];
  struct base_buf socket = buf_over(mem, sizeof mem), addr = buf_over(outer_mem, sizeof outer_mem);
  if (!ip) return;
  make_text(&socket, 2, ip);
  make_uint(&socket, 3, port);
  make_view(&addr, 1, buf_str(&socket));
  make_view(out, number, buf_str(&addr));
}

static void field(struct base_buf *out, const char *key, const char *value) {
  char mem[PART_BYTES];
  struct base_buf part = buf_over(mem, sizeof mem);
  if (!value) return;
  make_text(&part, 3, value);
  make_pair(out, 1, key, buf_str(&part));
}

static void tls(struct base_buf *out, const char *uri) {
  char mem[512], cert_mem[512], san_mem[512];
  struct base_buf part = buf_over(mem, sizeof mem), cert = buf_over(cert_mem, sizeof cert_mem),
                  san = buf_over(san_mem, sizeof san_mem);
  if (!uri) return;
  make_text(&san, 1, uri);
  make_view(&cert, 1, buf_str(&san));
  make_view(&part, 5, buf_str(&cert));
  make_view(out, 4, buf_str(&part));
}

static void flags(struct base_buf *out, uint32_t bits) {
  char mem[256];
  struct base_buf part = buf_over(mem, sizeof mem);
  if (!bits) return;
  for (uint32_t bit = 1; bit < WIRE_FLAG_COUNT; bit++) {
    if (!(bits >> bit & 1u)) continue;
    if (bit == WIRE_FLAG_UAEX)
      make_view(&part, bit, STR("\x08\x01"));
    else
      make_uint(&part, bit, 1);
  }
  make_view(out, 16, buf_str(&part));
}

static void peer(struct base_buf *out, const struct made *m) {
  static const char *const key[] = {"name", "namespace", "service", "revision", "cluster", "region", "workload"};
  char mem[2048], any_mem[2304];
  struct base_buf fields = buf_over(mem, sizeof mem), any = buf_over(any_mem, sizeof any_mem);
  if (!m->peer_key) return;
  for (size_t i = 0; i < sizeof key / sizeof *key; i++) field(&fields, key[i], m->peer[i]);
  make_text(&any, 1, "type.googleapis.com/google.protobuf.Struct");
  make_view(&any, 2, buf_str(&fields));
  make_pair(out, 21, m->peer_key, buf_str(&any));
}

static void common(struct base_buf *out, const struct made *m) {
  address(out, 2, m->remote_ip, 40000);
  address(out, 3, m->local_ip, m->local_port);
  tls(out, m->peer_uri);
  if (m->start_ns) span(out, 5, m->start_ns);
  if (m->answer_ns) span(out, 9, m->answer_ns);
  for (unsigned i = 0; i < 7 && m->moment_ns[6]; i++)
    if (m->moment_ns[i] >= 0) span(out, 6 + i, m->moment_ns[i]);
  address(out, 13, m->up_ip, m->up_port);
  text(out, 15, m->cluster);
  flags(out, m->flags);
  text(out, 19, m->route);
  address(out, 20, m->remote_ip, 40000);
  peer(out, m);
  for (int i = 0; i < 3; i++)
    if (m->tag[i][0]) make_pair(out, 22, m->tag[i][0], str_of(m->tag[i][1]));
  span(out, 23, m->span_ns);
  if (m->attempts) make_uint(out, 24, m->attempts);
  if (m->type != 99) make_uint(out, 33, m->type ? m->type : WIRE_LOG_DOWNSTREAM_END);
}

static void http(struct base_buf *out, const struct made *m) {
  char mem[PART_BYTES], code_mem[16];
  struct base_buf part = buf_over(mem, sizeof mem), code = buf_over(code_mem, sizeof code_mem);
  make_uint(&part, 1, m->method ? m->method : 1);
  text(&part, 3, m->authority);
  text(&part, 5, m->path);
  text(&part, 6, m->agent);
  text(&part, 9, m->request_id);
  make_view(out, 3, buf_str(&part));
  buf_clear(&part);
  if (m->code) {
    make_uint(&code, 1, m->code);
    make_view(&part, 1, buf_str(&code));
  }
  if (m->grpc_status) make_pair(&part, 5, "grpc-status", str_of(m->grpc_status));
  make_view(out, 4, buf_str(&part));
}

static void entry(struct base_buf *out, const struct made *m) {
  char mem[2 * PART_BYTES];
  struct base_buf part = buf_over(mem, sizeof mem);
  common(&part, m);
  make_view(out, 1, buf_str(&part));
  if (!m->tcp) http(out, m);
}

static void node_metadata(struct base_buf *out, const struct made_node *n) {
  char mem[1024], value_mem[1024];
  struct base_buf labels = buf_over(mem, sizeof mem), value = buf_over(value_mem, sizeof value_mem);
  bool istio = str_find(str_of(n->id), '~', 0) < strlen(n->id);
  field(out, istio ? "NAME" : "pod", n->pod);
  field(out, "NAMESPACE", n->ns);
  field(out, istio ? "CLUSTER_ID" : "cluster", n->cluster);
  field(out, "INSTANCE_IPS", n->ips);
  field(out, "INTERCEPTION_MODE", n->interception);
  if (!istio) {
    field(out, "service", n->service);
    field(out, "version", n->version);
    return;
  }
  field(&labels, "service.istio.io/canonical-name", n->service);
  field(&labels, "service.istio.io/canonical-revision", n->version);
  make_view(&value, 5, buf_str(&labels));
  make_pair(out, 1, "LABELS", buf_str(&value));
}

static void identifier(struct base_buf *out, const struct made_node *n) {
  char node_mem[PART_BYTES], mem[PART_BYTES];
  struct base_buf node = buf_over(node_mem, sizeof node_mem), part = buf_over(mem, sizeof mem);
  text(&node, 1, n->id);
  text(&node, 2, n->node_cluster);
  node_metadata(&part, n);
  make_view(&node, 3, buf_str(&part));
  buf_clear(&part);
  text(&part, 1, n->region);
  make_view(&node, 4, buf_str(&part));
  buf_clear(&part);
  make_view(&part, 1, buf_str(&node));
  text(&part, 2, n->log_name);
  make_view(out, 1, buf_str(&part));
}

const struct made_node fold_cart = {.id = "sidecar~10.1.0.7~cart-1.shop~shop.svc.cluster.local",
                                    .node_cluster = "cart.shop",
                                    .region = "r1",
                                    .pod = "cart-1",
                                    .ns = "shop",
                                    .service = "cart",
                                    .version = "v1",
                                    .cluster = "c1",
                                    .ips = "10.1.0.7",
                                    .log_name = "mesh"};
const struct made_node fold_web = {.id = "sidecar~10.1.0.3~web-1.shop~shop.svc.cluster.local",
                                   .node_cluster = "web.shop",
                                   .region = "r2",
                                   .pod = "web-1",
                                   .ns = "shop",
                                   .service = "web",
                                   .version = "v1",
                                   .cluster = "c2",
                                   .ips = "10.1.0.3",
                                   .log_name = "mesh"};
const struct made_node fold_gate = {.id = "router~10.1.0.2~gw-1.edge~edge.svc.cluster.local",
                                    .node_cluster = "gw.edge",
                                    .region = "r2",
                                    .pod = "gw-1",
                                    .ns = "edge",
                                    .service = "gw",
                                    .version = "v9",
                                    .cluster = "c2",
                                    .ips = "10.1.0.2",
                                    .log_name = "mesh"};

void fold_make_message(struct base_buf *out, const struct made_node *node, const struct made *m, uint32_t n) {
  static char list_mem[1 << 20], mem[4 * PART_BYTES];
  struct base_buf list = buf_over(list_mem, sizeof list_mem), one = buf_over(mem, sizeof mem);
  if (node) identifier(out, node);
  for (uint32_t i = 0; i < n; i++) {
    buf_clear(&one);
    entry(&one, &m[i]);
    make_view(&list, 1, buf_str(&one));
  }
  if (n) make_view(out, m->tcp ? 3 : 2, buf_str(&list));
  out->bad |= list.bad | one.bad;
}
