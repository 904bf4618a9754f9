#include "wire_gauge_who.h"

#include "base_buf.h"
#include "base_must.h"
#include "wire_gauge_table.h"

enum who {
#define X(name, labels) WHO_##name,
  WIRE_GAUGE_WHO_TABLE(X)
#undef X
      WHO_COUNT
};

static const char *const who_labels[WHO_COUNT] = {
#define X(name, labels) labels,
    WIRE_GAUGE_WHO_TABLE(X)
#undef X
};

static uint32_t slot_of(struct base_str label) {
  return (uint32_t)hash_bytes(HASH_KEY_FIXED, label.p, label.n) % (2 * WIRE_GAUGE_LABELS);
}

static void label_add(struct wire_gauge_words *w, struct base_str text, uint8_t field, uint8_t place) {
  uint32_t at = slot_of(text);
  MUST(w->known_n < WIRE_GAUGE_LABELS);
  while (w->label[at]) at = (at + 1) % (2 * WIRE_GAUGE_LABELS);
  w->known[w->known_n++] = (struct wire_gauge_label){text, field, place};
  w->label[at] = (uint8_t)w->known_n;
}

/* The first word of a list that is apart by commas; *rest is what follows. */
static struct base_str word_next(struct base_str *rest) {
  size_t comma = str_find(*rest, ',', 0);
  struct base_str word = str_cut(*rest, 0, comma);
  *rest = str_cut(*rest, comma + 1, rest->n);
  return word;
}

void wire_gauge_labels_init(struct wire_gauge_words *w) {
  for (uint8_t field = 0; field < WHO_COUNT; field++) {
    uint8_t place = 0;
    for (struct base_str rest = str_of(who_labels[field]); rest.n;) label_add(w, word_next(&rest), field, place++);
  }
}

static const struct wire_gauge_label *label_find(const struct wire_gauge_words *w, struct base_str text) {
  for (uint32_t at = slot_of(text); w->label[at]; at = (at + 1) % (2 * WIRE_GAUGE_LABELS))
    if (str_eq(w->known[w->label[at] - 1].text, text)) return &w->known[w->label[at] - 1];
  return NULL;
}

/* Of each field the value of the label that stands first in its row. */
struct fields {
  struct base_str value[WHO_COUNT], service_label;
  uint8_t place[WHO_COUNT];
};

static void fields_read(const struct wire_gauge_words *w, const struct wire_sample *s, struct fields *f) {
  *f = (struct fields){.value = {STR_NONE}};
  for (uint32_t i = 0; i < s->label_n; i++) {
    const struct wire_gauge_label *l = s->label[i].value.n ? label_find(w, s->label[i].key) : NULL;
    if (!l || (f->value[l->field].n && f->place[l->field] <= l->place)) continue;
    f->value[l->field] = s->label[i].value;
    f->place[l->field] = l->place;
    if (l->field == WHO_SERVICE) f->service_label = l->text;
  }
}

/* ---- pods that requests were seen of ---- */

static uint64_t pod_hash(const struct wire_gauge_pods *p, struct base_str pod) {
  return hash_bytes(p->key, pod.p, pod.n);
}

static struct base_str pod_part(const struct wire_gauge_pod *e, unsigned part) {
  const uint8_t n[4] = {e->pod_n, e->namespace_n, e->service_n, e->cluster_n};
  size_t at = 0;
  for (unsigned i = 0; i < part; i++) at += n[i];
  return (struct base_str){e->text + at, n[part]};
}

static struct wire_gauge_pod *pod_set(struct wire_gauge_pods *p, uint64_t hash) {
  return &p->pod[hash % (WIRE_GAUGE_PODS / WIRE_GAUGE_POD_WAYS) * WIRE_GAUGE_POD_WAYS];
}

static struct wire_gauge_pod *pod_find(struct wire_gauge_pods *p, struct base_str pod, struct base_str namespace_) {
  uint64_t hash = pod_hash(p, pod);
  struct wire_gauge_pod *e = pod_set(p, hash);
  for (unsigned i = 0; i < WIRE_GAUGE_POD_WAYS; i++, e++)
    if (e->told && e->hash == hash && str_eq(pod_part(e, 0), pod) &&
        (namespace_.n == 0 || str_eq(pod_part(e, 1), namespace_)))
      return e;
  return NULL;
}

void wire_gauge_pods_learn(struct wire_gauge_pods *p, const struct rec_series *pod) {
  const struct base_str part[4] = {pod->dim[REC_DIM_POD], pod->dim[REC_DIM_NAMESPACE], pod->dim[REC_DIM_SERVICE],
                                   pod->dim[REC_DIM_CLUSTER]};
  uint64_t hash = pod_hash(p, part[0]);
  struct wire_gauge_pod *set = pod_set(p, hash), *e = pod_find(p, part[0], part[1]);
  if (part[0].n == 0 || part[0].n + part[1].n + part[2].n + part[3].n > WIRE_GAUGE_POD_BYTES) return;
  if (!e) e = set;
  for (unsigned i = 0; e == set && i < WIRE_GAUGE_POD_WAYS; i++)
    if (set[i].told < e->told) e = &set[i];
  *e = (struct wire_gauge_pod){.hash = hash,
                               .told = ++p->told,
                               .pod_n = (uint8_t)part[0].n,
                               .namespace_n = (uint8_t)part[1].n,
                               .service_n = (uint8_t)part[2].n,
                               .cluster_n = (uint8_t)part[3].n};
  size_t at = 0;
  for (unsigned i = 0; i < 4; i++) {
    if (part[i].n) memcpy(e->text + at, part[i].p, part[i].n);
    at += part[i].n;
  }
}

/* Never 0. */
static uint64_t edge_hash(const struct wire_gauge_pods *p, const struct base_str dim[REC_DIM_COUNT]) {
  static const enum rec_dim of[] = {REC_DIM_CALLER_NAMESPACE, REC_DIM_CALLER, REC_DIM_NAMESPACE, REC_DIM_SERVICE};
  uint64_t h = 1;
  for (unsigned i = 0; i < 4; i++) h = hash_mix(h, hash_bytes(p->key, dim[of[i]].p, dim[of[i]].n));
  return h ? h : 1;
}

/* Sets of four; a full one lets go of the one that came first. */
void wire_gauge_edges_learn(struct wire_gauge_pods *p, const struct base_str dim[REC_DIM_COUNT]) {
  uint64_t h = edge_hash(p, dim), *set = &p->edge[h % (WIRE_GAUGE_EDGES / 4) * 4];
  for (unsigned i = 0; i < 4; i++)
    if (set[i] == h) return;
  memmove(set, set + 1, 3 * sizeof *set);
  set[3] = h;
}

static bool edge_known(const struct wire_gauge_pods *p, const struct base_str dim[REC_DIM_COUNT]) {
  uint64_t h = edge_hash(p, dim);
  const uint64_t *set = &p->edge[h % (WIRE_GAUGE_EDGES / 4) * 4];
  return set[0] == h || set[1] == h || set[2] == h || set[3] == h;
}

/* ---- who ---- */

/* job="namespace/service" is how OpenTelemetry's names come by way of Prometheus; any other job is none. */
static void job_read(struct fields *f) {
  size_t slash = str_find(f->value[WHO_JOB], '/', 0);
  if (f->value[WHO_SERVICE].n || slash >= f->value[WHO_JOB].n) return;
  f->value[WHO_SERVICE] = str_cut(f->value[WHO_JOB], slash + 1, f->value[WHO_JOB].n);
  if (f->value[WHO_NAMESPACE].n == 0) f->value[WHO_NAMESPACE] = str_cut(f->value[WHO_JOB], 0, slash);
}

/* What an agent tells about others: the labels of the agent itself are not about them. */
static bool of_others(const struct wire_gauge_name *name, struct base_str service_label) {
  struct base_str row = name->kind ? str_of(name->kind->name) : STR_NONE;
  bool agent = str_starts(row, STR("kube_")) || str_starts(row, STR("container_")) || str_starts(row, STR("k8s_"));
  return agent && !str_eq(service_label, STR("service.name"));
}

static bool names_workload(struct base_str label) {
  return str_eq(label, STR("deployment")) || str_eq(label, STR("k8s.deployment.name")) ||
         str_eq(label, STR("statefulset")) || str_eq(label, STR("daemonset"));
}

/* A workload's own numbers name it in a label; the pod beside it is the agent's. */
static void workload_only(const struct wire_gauge_name *name, struct fields *f) {
  struct base_str row = name->kind ? str_of(name->kind->name) : STR_NONE;
  if (str_starts(row, STR("kube_pod_")) || !str_starts(row, STR("kube_"))) return;
  f->value[WHO_POD] = STR_NONE;
}

static void workload_read(const struct wire_sample *s, struct fields *f) {
  f->value[WHO_SERVICE] = STR_NONE;
  for (uint32_t i = 0; i < s->label_n && f->value[WHO_SERVICE].n == 0; i++)
    if (names_workload(s->label[i].key)) f->value[WHO_SERVICE] = s->label[i].value;
}

static void self_read(const struct fields *f, struct wire_who *out) {
  struct wire_reporter r = {.is_proxy = f->value[WHO_NODE_ID].n > 0,
                            .node_id = f->value[WHO_NODE_ID],
                            .node_cluster = f->value[WHO_NODE_CLUSTER],
                            .service = f->value[WHO_SERVICE],
                            .namespace_ = f->value[WHO_NAMESPACE],
                            .pod = f->value[WHO_POD],
                            .cluster = f->value[WHO_CLUSTER]};
  struct wire_self self;
  wire_identity_reporter(&r, &self);
  *out = self.who;
  if (f->value[WHO_NODE_ID].n && f->value[WHO_SERVICE].n) out->service = f->value[WHO_SERVICE];
}

void wire_gauge_pods_name(struct wire_gauge_pods *p, struct wire_who *who) {
  const struct wire_gauge_pod *e = who->pod.n ? pod_find(p, who->pod, who->namespace_) : NULL;
  if (!e) return;
  who->namespace_ = pod_part(e, 1);
  who->service = pod_part(e, 2);
  if (e->cluster_n) who->cluster = pod_part(e, 3);
}

/* Calls to a cluster of Envoy's: whom it stands for, where that is not the proxy's own application. False: a cluster
 * that nobody calls. */
static bool upstream_read(const struct wire_gauge_pods *p, struct base_str cluster, const struct wire_who *self,
                          struct rec_gauge *out) {
  struct wire_target t;
  wire_identity_target(cluster, &t);
  if (t.kind == WIRE_TARGET_LOCAL || (t.bare && str_eq(t.service, self->service))) return true;
  if (t.kind != WIRE_TARGET_SERVICE) return false;
  out->dim[REC_DIM_CALLER] = self->service;
  out->dim[REC_DIM_CALLER_NAMESPACE] = self->namespace_;
  out->dim[REC_DIM_SERVICE] = t.service;
  out->dim[REC_DIM_NAMESPACE] = t.bare && t.namespace_.n == 0 ? self->namespace_ : t.namespace_;
  return edge_known(p, out->dim);
}

/* ---- part ---- */

static void part_put(struct base_buf *b, struct base_str text) {
  if (text.n == 0) return;
  if (b->n) buf_put_char(b, ',');
  buf_put_str(b, text);
}

/* The labels of the list that the sample has, each at its place: the order of labels does not matter. */
static void part_listed(const char *list, const struct wire_sample *s, struct base_buf *b) {
  for (struct base_str rest = str_of(list); rest.n;) {
    struct base_str key = word_next(&rest);
    for (uint32_t i = 0; i < s->label_n; i++) {
      if (!str_eq(s->label[i].key, key)) continue;
      part_put(b, s->label[i].value);
      break;
    }
  }
}

/* All labels that tell nobody's identity, by name, each after the one before it. */
static void part_rest(const struct wire_gauge_words *w, const struct wire_sample *s, struct base_buf *b) {
  struct base_str last = STR_NONE;
  for (uint32_t n = 0; n < s->label_n; n++) {
    const struct wire_label *next = NULL;
    for (uint32_t i = 0; i < s->label_n; i++) {
      const struct wire_label *l = &s->label[i];
      if (l->value.n == 0 || (last.n && str_cmp(l->key, last) <= 0) || label_find(w, l->key)) continue;
      if (!next || str_cmp(l->key, next->key) < 0) next = l;
    }
    if (!next) return;
    last = next->key;
    part_put(b, next->key);
    buf_put_char(b, '=');
    buf_put_str(b, next->value);
  }
}

static bool part_read(const struct wire_gauge_words *w, const struct wire_sample *s, const struct wire_gauge_name *name,
                      char mem[WIRE_GAUGE_PART_BYTES], struct rec_gauge *out) {
  struct base_buf b = buf_over(mem, WIRE_GAUGE_PART_BYTES);
  const char *list = name->kind ? name->kind->part : "*";
  part_put(&b, name->inside);
  if (strcmp(list, "*") == 0)
    part_rest(w, s, &b);
  else if (name->inside.n == 0)
    part_listed(list, s, &b);
  out->part = buf_str(&b);
  return !b.bad;
}

bool wire_gauge_who(const struct wire_gauge_words *w, struct wire_gauge_pods *p, const struct wire_sample *s,
                    const struct wire_gauge_name *name, char part_mem[WIRE_GAUGE_PART_BYTES], struct rec_gauge *out) {
  struct fields f;
  struct wire_who who;
  fields_read(w, s, &f);
  job_read(&f);
  if (of_others(name, f.service_label)) workload_read(s, &f);
  workload_only(name, &f);
  self_read(&f, &who);
  wire_gauge_pods_name(p, &who);
  if (who.service.n == 0 || !part_read(w, s, name, part_mem, out)) return false;
  struct base_str cluster = name->inside.n ? name->inside : f.value[WHO_UPSTREAM];
  if (name->upstream && out->part.n == 0) out->part = cluster;
  out->dim[REC_DIM_NAMESPACE] = who.namespace_;
  out->dim[REC_DIM_SERVICE] = who.service;
  out->dim[REC_DIM_CLUSTER] = who.cluster;
  out->dim[REC_DIM_POD] = who.pod;
  return !name->upstream || upstream_read(p, cluster, &who, out);
}
