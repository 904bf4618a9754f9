#include "sim_als.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEN = 2, VARINT = 0, FLAG_MAX = 28, DOWNSTREAM_START = 4, DOWNSTREAM_END = 6 };

size_t als_varint(uint8_t *dst, uint64_t v) {
  size_t n = 0;
  for (; v >= 0x80; v >>= 7) dst[n++] = (uint8_t)(v | 0x80);
  dst[n++] = (uint8_t)v;
  return n;
}

static void put_raw(struct als_back *b, const void *bytes, size_t n) {
  if (n > b->at) {
    b->over = true;
    return;
  }
  b->at -= n;
  memcpy(b->bytes + b->at, bytes, n);
}

static void put_varint(struct als_back *b, uint64_t v) {
  uint8_t tmp[10];
  put_raw(b, tmp, als_varint(tmp, v));
}

static void put_tag(struct als_back *b, uint32_t field, uint32_t type) {
  put_varint(b, (uint64_t)field << 3 | type);
}

static void put_uint(struct als_back *b, uint32_t field, uint64_t v) {
  if (v == 0) return;
  put_varint(b, v);
  put_tag(b, field, VARINT);
}

static void put_text_n(struct als_back *b, uint32_t field, const char *s, size_t n) {
  put_raw(b, s, n);
  put_varint(b, n);
  put_tag(b, field, LEN);
}

static void put_text(struct als_back *b, uint32_t field, const char *s) {
  if (*s) put_text_n(b, field, s, strlen(s));
}

/* A sub-message: remember `end = b->at`, write its fields, then close it. */
static void put_end(struct als_back *b, uint32_t field, size_t end) {
  put_varint(b, end - b->at);
  put_tag(b, field, LEN);
}

static void put_time(struct als_back *b, uint32_t field, int64_t ns) {
  size_t end = b->at;
  put_uint(b, 2, (uint64_t)(ns % SIM_NS_PER_S));
  put_uint(b, 1, (uint64_t)(ns / SIM_NS_PER_S));
  put_end(b, field, end);
}

static void put_address(struct als_back *b, uint32_t field, const char *ip, uint32_t port) {
  size_t end = b->at;
  put_uint(b, 3, port);
  put_text(b, 2, ip);
  put_end(b, 1, end);
  put_end(b, field, end);
}

/* google.protobuf.Struct.fields entry with a string. */
static void put_pair(struct als_back *b, const char *key, const char *value) {
  size_t end = b->at;
  put_text(b, 3, value);
  put_end(b, 2, end);
  put_text(b, 1, key);
  put_end(b, 1, end);
}

static void put_labels(struct als_back *b, const struct sim_conf *c, const struct sim_pod *p) {
  const char *service = c->service[p->service].name;
  size_t end = b->at;
  put_pair(b, "version", p->version);
  put_pair(b, "topology.istio.io/cluster", c->cluster[p->cluster].name);
  put_pair(b, "service.istio.io/canonical-revision", p->version);
  put_pair(b, "service.istio.io/canonical-name", service);
  put_pair(b, "app", service);
  put_end(b, 5, end);
  put_end(b, 2, end);
  put_text(b, 1, "LABELS");
  put_end(b, 1, end);
}

static void put_metadata(struct als_back *b, const struct sim_conf *c, const struct sim_pod *p) {
  const struct sim_service *s = &c->service[p->service];
  char owner[SIM_NAME * 5];
  snprintf(owner, sizeof owner, "kubernetes://apis/apps/v1/namespaces/%s/deployments/%s", s->ns, p->workload);
  size_t end = b->at;
  put_labels(b, c, p);
  put_pair(b, "SERVICE_ACCOUNT", s->name);
  put_pair(b, "CLUSTER_ID", c->cluster[p->cluster].name);
  put_pair(b, "NAMESPACE", s->ns);
  put_pair(b, "OWNER", owner);
  put_pair(b, "INSTANCE_IPS", p->ip);
  put_pair(b, "WORKLOAD_NAME", p->workload);
  put_pair(b, "MESH_ID", "mesh1");
  put_pair(b, "NAME", p->name);
  put_end(b, 3, end);
}

static void put_identifier(struct als_back *b, const struct sim_conf *c, const struct sim_pod *p) {
  const struct sim_service *s = &c->service[p->service];
  char cluster[SIM_NAME * 2 + 1];
  bool plain = c->set.plain != 0;
  snprintf(cluster, sizeof cluster, plain ? "%s" : "%s.%s", s->name, s->ns);
  size_t end = b->at;
  put_text(b, 2, "mesh");
  size_t node_end = b->at;
  put_text(b, 2, c->cluster[p->cluster].zone);
  put_text(b, 1, c->cluster[p->cluster].region);
  put_end(b, 4, node_end);
  if (!plain) put_metadata(b, c, p);
  put_text(b, 2, cluster);
  put_text(b, 1, plain ? p->name : p->node_id);
  put_end(b, 1, node_end);
  put_end(b, 1, end);
}

static void put_identity(struct als_back *b, const struct sim_service *s, uint32_t field) {
  char uri[SIM_NAME * 3];
  snprintf(uri, sizeof uri, "spiffe://cluster.local/ns/%s/sa/%s", s->ns, s->name);
  put_text(b, field, uri);
}

/* The Any in filter_state_objects' value. */
static void put_peer(struct als_back *b, const struct sim_conf *c, const struct sim_pod *p) {
  const struct sim_service *s = &c->service[p->service];
  char uri[SIM_NAME * 3];
  snprintf(uri, sizeof uri, "spiffe://cluster.local/ns/%s/sa/%s", s->ns, s->name);
  size_t end = b->at;
  put_pair(b, "availability_zone", c->cluster[p->cluster].zone);
  put_pair(b, "region", c->cluster[p->cluster].region);
  put_pair(b, "identity", uri);
  put_pair(b, "service", s->name);
  put_pair(b, "revision", p->version);
  put_pair(b, "cluster", c->cluster[p->cluster].name);
  put_pair(b, "namespace", s->ns);
  put_pair(b, "name", p->name);
  put_pair(b, "workload", p->workload);
  put_pair(b, "type", "deployment");
  put_end(b, 2, end);
  put_text(b, 1, "type.googleapis.com/google.protobuf.Struct");
  put_end(b, 2, end);
}

static uint8_t *keep(const struct als_back *b, uint32_t *n) {
  if (b->over) abort();
  *n = (uint32_t)(b->size - b->at);
  uint8_t *out = malloc(*n);
  if (!out) abort();
  memcpy(out, b->bytes + b->at, *n);
  return out;
}

void als_init(struct sim_als *a, const struct sim_world *w, int64_t epoch_s) {
  uint8_t bytes[8192];
  *a = (struct sim_als){.world = w, .epoch_s = epoch_s};
  a->text = calloc(w->pods, sizeof *a->text);
  if (!a->text) abort();
  for (uint32_t p = 0; p < w->pods; p++) {
    struct als_back b = {.bytes = bytes, .at = sizeof bytes, .size = sizeof bytes};
    put_identifier(&b, w->conf, &w->pod[p]);
    a->text[p].identifier = keep(&b, &a->text[p].identifier_n);
    b.at = sizeof bytes;
    put_peer(&b, w->conf, &w->pod[p]);
    a->text[p].peer = keep(&b, &a->text[p].peer_n);
  }
}

void als_fini(struct sim_als *a) {
  for (uint32_t p = 0; p < a->world->pods; p++) {
    free(a->text[p].identifier);
    free(a->text[p].peer);
  }
  free(a->text);
}

/* ---- an entry ---- */

static uint32_t method_number(const char *name) {
  static const char *const method[] = {"",       "GET",     "HEAD",    "POST",  "PUT",
                                       "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  for (uint32_t i = 1; i < sizeof method / sizeof *method; i++) {
    if (strcmp(name, method[i]) == 0) return i;
  }
  return 0;
}

static void put_flags(struct als_back *b, uint32_t flags) {
  size_t end = b->at;
  for (uint32_t f = FLAG_MAX; f > 0; f--) put_uint(b, f, flags >> f & 1);
  put_end(b, 16, end);
}

static void put_tls(const struct sim_als *a, const struct sim_entry *e, struct als_back *b) {
  const struct sim_world *w = a->world;
  size_t end = b->at;
  if (e->peer >= 0) {
    put_identity(b, &w->conf->service[w->pod[e->peer].service], 1);
    put_end(b, 1, end);
    put_end(b, 5, end);
  }
  size_t local = b->at;
  put_identity(b, &w->conf->service[w->pod[e->pod].service], 1);
  put_end(b, 1, local);
  put_end(b, 4, local);
  size_t suite = b->at;
  put_uint(b, 1, 4866);
  put_end(b, 2, suite);
  put_uint(b, 1, 4);
  put_end(b, 4, end);
}

static void put_peer_state(const struct sim_als *a, const struct sim_entry *e, struct als_back *b) {
  if (a->world->conf->set.peers == 0 || e->peer < 0 || e->plain_peer || (!e->inbound && !e->reached)) return;
  const struct sim_pod_text *t = &a->text[e->peer];
  size_t end = b->at;
  put_raw(b, t->peer, t->peer_n);
  put_text(b, 1, e->inbound ? "downstream_peer" : "upstream_peer");
  put_end(b, 21, end);
}

static int64_t clamp(int64_t v, int64_t lo, int64_t hi) {
  return v < lo ? lo : v > hi ? hi : v;
}

/* Fixed shares of a proxy's own work, in ns: what precedes the first byte up and follows the last byte down; less where
 * the request is shorter than that. The answer's head is handed down before all of its body has come. */
static void put_times(const struct sim_entry *e, struct als_back *b) {
  enum { STEP = 100000, HEAD = 30000 };
  int64_t dur = e->dur_ns, rx = clamp(STEP, 0, dur);
  bool up = e->up_tx_ns >= 0, answer = up && e->code != 0;
  int64_t tx = clamp(e->up_tx_ns, rx, dur), tx_last = clamp(tx + STEP, tx, dur);
  int64_t up_rx = clamp(dur - 2 * STEP - e->download_ns, tx_last, dur), up_rx_last = clamp(dur - STEP, up_rx, dur);
  put_time(b, 12, dur);
  put_time(b, 11, answer ? clamp(up_rx + HEAD, up_rx, up_rx_last) : dur);
  if (answer) put_time(b, 10, up_rx_last);
  if (answer) put_time(b, 9, up_rx);
  if (up) put_time(b, 8, tx_last);
  if (up) put_time(b, 7, tx);
  put_time(b, 6, rx);
}

static void put_cluster_name(const struct sim_als *a, const struct sim_entry *e, struct als_back *b) {
  const struct sim_conf *c = a->world->conf;
  const struct sim_service *s = &c->service[c->op[e->op].service];
  char name[SIM_NAME * 3];
  if (c->set.plain != 0) {
    snprintf(name, sizeof name, "%s", e->inbound ? "local_app" : s->name);
  } else if (e->inbound) {
    snprintf(name, sizeof name, "inbound|8080||");
  } else {
    snprintf(name, sizeof name, "outbound|80||%s.%s.svc.cluster.local", s->name, s->ns);
  }
  put_text(b, 15, name);
}

static const char *downstream_ip(const struct sim_als *a, const struct sim_entry *e) {
  if (e->user_ip[0] && !e->inbound) return e->user_ip;
  int from = e->inbound ? e->peer : e->pod;
  return from < 0 ? "127.0.0.1" : a->world->pod[from].ip;
}

/* What only the end of a request shows; at its start no filter has run, and no upstream was tried. */
static void put_end_only(const struct sim_als *a, const struct sim_entry *e, struct als_back *b) {
  put_uint(b, 24, e->attempts);
  put_time(b, 23, e->dur_ns);
  put_peer_state(a, e, b);
}

static void put_common(const struct sim_als *a, const struct sim_entry *e, struct als_back *b) {
  const struct sim_pod *self = &a->world->pod[e->pod];
  int up = e->inbound ? e->pod : e->peer;
  size_t end = b->at;
  put_uint(b, 33, e->at_start ? DOWNSTREAM_START : DOWNSTREAM_END);
  put_text(b, 26, e->request_id);
  if (!e->at_start) put_end_only(a, e, b);
  put_address(b, 20, downstream_ip(a, e), 30000 + (e->ports >> 16) % 20000);
  put_text(b, 19, a->world->conf->op[e->op].route);
  if (!e->at_start) put_flags(b, e->flags);
  put_cluster_name(a, e, b);
  if (!e->at_start && e->reached && up >= 0) put_address(b, 13, a->world->pod[up].ip, 8080);
  if (!e->at_start) put_times(e, b);
  put_time(b, 5, a->epoch_s * SIM_NS_PER_S + e->start_ns + self->skew_ns);
  if (e->inbound && !e->plain_peer) put_tls(a, e, b);
  put_address(b, 3, e->inbound ? self->ip : "10.96.0.10", e->inbound ? 8080 : 80);
  put_address(b, 2, downstream_ip(a, e), 30000 + (e->ports & 0xffff) % 20000);
  put_end(b, 1, end);
}

static void put_request(const struct sim_als *a, const struct sim_entry *e, struct als_back *b) {
  const struct sim_conf *c = a->world->conf;
  const struct sim_op *o = &c->op[e->op];
  char authority[SIM_NAME * 2 + 1];
  snprintf(authority, sizeof authority, "%s.%s", c->service[o->service].name, c->service[o->service].ns);
  size_t end = b->at;
  put_uint(b, 12, e->at_start ? 0 : e->req_bytes);
  put_uint(b, 11, 420);
  put_text(b, 9, e->request_id);
  put_text(b, 6, e->user_agent);
  put_text(b, 5, e->path);
  put_text(b, 3, authority);
  put_text(b, 2, "http");
  put_uint(b, 1, method_number(o->method));
  put_end(b, 3, end);
}

static void put_response(const struct sim_entry *e, struct als_back *b) {
  size_t end = b->at;
  put_text(b, 6, e->details);
  put_uint(b, 3, e->body_bytes);
  put_uint(b, 2, e->code ? 180 : 0);
  if (e->code) {
    size_t code_end = b->at;
    put_uint(b, 1, e->code);
    put_end(b, 1, code_end);
  }
  put_end(b, 4, end);
}

void als_entry_write(const struct sim_als *a, const struct sim_entry *e, struct als_back *out) {
  size_t end = out->at;
  if (!e->at_start) put_response(e, out);
  put_request(a, e, out);
  put_uint(out, 2, 3);
  put_common(a, e, out);
  put_end(out, 1, end);
}
