#include "incident_narrow.h"

#include "base_math.h"
#include "base_must.h"

#define ITEMS_MAX 256u        /* values of one dimension that are compared; the first in the list when there are more */
#define SHARE_OF_EXCESS 0.8
#define SHARE_OF_TRAFFIC 0.9
#define REST_RATE 0.25        /* the rest's excess a request, relative to the named one's */
#define ODDS_NATS 1.6         /* five to one that it is this value alone, after paying for the choice among n */
#define Z_HEALTHY 2.0

struct list {
  struct incident_item item[ITEMS_MAX];
  uint32_t n;
};

/* Would the rest have shown the same trouble if it had it? */
static bool rest_speaks(struct incident_item best, uint32_t n, double rest_n, double rest_var, double share_n,
                        enum incident_family family) {
  if (family == INCIDENT_ERRORS) return best.e.x * -math_log_fast(share_n) >= ODDS_NATS + math_log_fast((double)n);
  return best.e.x / best.e.n * rest_n >= 3.0 * math_sqrt(rest_var) && incident_z(best.e) >= 3.5;
}

uint32_t incident_narrow_single(const struct incident_item *item, uint32_t n, enum incident_family family) {
  double total = 0.0, traffic = 0.0, var = 0.0, sum = 0.0;
  uint32_t best = 0;
  for (uint32_t i = 0; i < n; i++) {
    total += item[i].e.x > 0.0 ? item[i].e.x : 0.0;
    sum += item[i].e.x;
    traffic += item[i].e.n;
    var += item[i].e.sd * item[i].e.sd;
    if (item[i].e.x > item[best].e.x) best = i;
  }
  if (n < 2 || total <= 0.0 || item[best].e.n <= 0.0 || traffic <= item[best].e.n) return n;
  struct incident_item b = item[best];
  double share_n = b.e.n / traffic, rest_n = traffic - b.e.n, rest_x = sum - b.e.x;
  if (b.e.x < SHARE_OF_EXCESS * total || share_n > SHARE_OF_TRAFFIC) return n;
  if (rest_x / rest_n > REST_RATE * b.e.x / b.e.n) return n;
  return rest_speaks(b, n, rest_n, var - b.e.sd * b.e.sd, share_n, family) ? best : n;
}

/* Children of a node at one level and side; `cluster` and `version` empty mean all. */
static void list_children(const struct incident_view *v, uint32_t node, enum rec_level level, enum rec_side side,
                          struct base_str cluster, enum incident_family family, uint32_t from, uint32_t to,
                          struct list *out) {
  const struct series_catalog *c = v->catalog;
  out->n = 0;
  for (uint32_t i = c->node[node].first_child; i != REC_SERIES_NONE && out->n < ITEMS_MAX; i = c->entry[i].sibling) {
    const struct rec_series *w = &c->entry[i].who;
    if (w->level != level || w->side != side) continue;
    if (cluster.n && !str_eq(w->dim[REC_DIM_CLUSTER], cluster)) continue;
    struct incident_excess e = incident_excess_of(v, i, family, from, to);
    if (e.n > 0.0) out->item[out->n++] = (struct incident_item){i, e};
  }
}

static uint32_t single_of(const struct list *l, enum incident_family family) {
  uint32_t i = incident_narrow_single(l->item, l->n, family);
  return i < l->n ? l->item[i].series_idx : REC_SERIES_NONE;
}

static void healthy_note(struct incident_narrow *out, const struct list *l, uint32_t but) {
  for (uint32_t i = 0; i < l->n && out->healthy_n < INCIDENT_COMPARED; i++)
    if (l->item[i].series_idx != but && incident_z(l->item[i].e) < Z_HEALTHY)
      out->healthy[out->healthy_n++] = l->item[i].series_idx;
}

static struct base_str name_of(const struct incident_view *v, uint32_t idx, enum rec_dim dim) {
  return idx == REC_SERIES_NONE ? STR_NONE : v->catalog->entry[idx].who.dim[dim];
}

struct base_str incident_narrow_cluster(const struct incident_view *v, uint32_t node, enum rec_side side,
                                        enum incident_family family, uint32_t from, uint32_t to) {
  struct list l;
  list_children(v, node, REC_LEVEL_SERVICE_CLUSTER, side, STR_NONE, family, from, to, &l);
  return name_of(v, single_of(&l, family), REC_DIM_CLUSTER);
}

/* How many pods share this pod's value of a dimension, itself included. */
static uint32_t pods_like(const struct incident_view *v, const struct list *pods, uint32_t pod, enum rec_dim dim) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < pods->n; i++)
    n += str_eq(name_of(v, pods->item[i].series_idx, dim), name_of(v, pod, dim));
  return n;
}

struct dims {
  struct list cluster, version, pod, route;
  uint32_t cluster_idx, version_idx, pod_idx, route_idx;
};

static void dims_compare(const struct incident_view *v, uint32_t node, enum rec_side side, enum incident_family family,
                         uint32_t from, uint32_t to, struct dims *d) {
  list_children(v, node, REC_LEVEL_SERVICE_CLUSTER, side, STR_NONE, family, from, to, &d->cluster);
  d->cluster_idx = single_of(&d->cluster, family);
  struct base_str cluster = name_of(v, d->cluster_idx, REC_DIM_CLUSTER);
  list_children(v, node, REC_LEVEL_VERSION, side, STR_NONE, family, from, to, &d->version);
  list_children(v, node, REC_LEVEL_POD, side, STR_NONE, family, from, to, &d->pod);
  enum rec_level route = cluster.n ? REC_LEVEL_ROUTE_CLUSTER : REC_LEVEL_ROUTE;
  list_children(v, node, route, side, cluster, family, from, to, &d->route);
  d->version_idx = single_of(&d->version, family);
  d->pod_idx = single_of(&d->pod, family);
  d->route_idx = single_of(&d->route, family);
}

/* A pod that is all of its version or all of its cluster says no more than they do: the broader name is the truer. */
static bool pod_stands(const struct incident_view *v, const struct dims *d) {
  if (d->pod_idx == REC_SERIES_NONE) return false;
  bool alone_version = d->version_idx != REC_SERIES_NONE && pods_like(v, &d->pod, d->pod_idx, REC_DIM_VERSION) == 1;
  bool alone_cluster = d->cluster_idx != REC_SERIES_NONE && pods_like(v, &d->pod, d->pod_idx, REC_DIM_CLUSTER) == 1;
  return !alone_version && !alone_cluster;
}

struct incident_narrow incident_narrow_find(const struct incident_view *v, uint32_t node, bool client_side,
                                            enum incident_family family, uint32_t from, uint32_t to) {
  struct incident_narrow out = {REC_SERIES_NONE, REC_SERIES_NONE, client_side ? REC_SIDE_CLIENT : REC_SIDE_SERVER, {0}, 0};
  struct dims d;
  if (incident_node_series(v, node, out.side, STR_NONE) == REC_SERIES_NONE)
    out.side = out.side == REC_SIDE_CLIENT ? REC_SIDE_SERVER : REC_SIDE_CLIENT;
  dims_compare(v, node, out.side, family, from, to, &d);
  if (pod_stands(v, &d)) {
    out.series_idx = d.pod_idx;
    out.broader_idx = d.cluster_idx;
    healthy_note(&out, &d.pod, d.pod_idx);
  } else if (d.version_idx != REC_SERIES_NONE) {
    out.series_idx = d.version_idx;
    healthy_note(&out, &d.version, d.version_idx);
  } else if (d.route_idx != REC_SERIES_NONE) {
    out.series_idx = d.route_idx; /* with its cluster where the trouble is in one */
    out.broader_idx = d.cluster_idx;
    healthy_note(&out, &d.route, d.route_idx);
  } else {
    out.series_idx = d.cluster_idx;
  }
  healthy_note(&out, &d.cluster, d.cluster_idx);
  return out;
}
