#include "incident_narrow.h"

#include "base_math.h"
#include "base_must.h"
#include "series_recent.h"

#define ITEMS_MAX 256u /* values of one dimension that are compared; the first in the list when there are more */
#define SHARE_OF_EXCESS 0.8
#define SHARE_OF_TRAFFIC 0.9
#define REST_RATE 0.25 /* the rest's excess a request, relative to the named one's */
#define ODDS_NATS 1.6  /* five to one that it is this value alone, after paying for the choice among n */
#define DENSER 1.3
#define Z_HEALTHY 2.0
#define Z_CALLS 3.0
#define Z_NEWCOMER 3.5
#define NEWCOMER (180u * LIMIT_TICKS_PER_S) /* so long after its birth a version's trouble may begin */
#define EARLY (5u * LIMIT_TICKS_PER_S)      /* onsets are found with so much error */

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

/* Excess beyond what chance makes of nothing: of many healthy siblings some are always above zero. */
static double sure_of(struct incident_excess e) {
  return e.x > e.sd ? e.x - e.sd : 0.0;
}

uint32_t incident_narrow_single(const struct incident_item *item, uint32_t n, enum incident_family family) {
  double total = 0.0, traffic = 0.0, var = 0.0, sum = 0.0;
  uint32_t best = 0;
  for (uint32_t i = 0; i < n; i++) {
    total += sure_of(item[i].e);
    sum += item[i].e.x;
    traffic += item[i].e.n;
    var += item[i].e.sd * item[i].e.sd;
    if (item[i].e.x > item[best].e.x) best = i;
  }
  if (n < 2 || item[best].e.x <= 0.0 || item[best].e.n <= 0.0 || traffic <= item[best].e.n) return n;
  struct incident_item b = item[best];
  total += b.e.x - sure_of(b.e); /* its own counts whole */
  double share_n = b.e.n / traffic, rest_n = traffic - b.e.n, rest_x = sum - b.e.x;
  if (b.e.x < SHARE_OF_EXCESS * total || share_n > SHARE_OF_TRAFFIC) return n;
  if (rest_x / rest_n > REST_RATE * b.e.x / b.e.n) return n;
  return rest_speaks(b, n, rest_n, var - b.e.sd * b.e.sd, share_n, family) ? best : n;
}

/* What one second of all values together shows. */
static struct series_sum second_of(const struct incident_view *v, const struct list *l, uint32_t sec) {
  struct series_sum all = {0}, one;
  for (uint32_t i = 0; i < l->n; i++) {
    if (!series_recent_second(&v->state[l->item[i].series_idx], sec, &one)) continue;
    all.n += one.n;
    all.e += one.e;
  }
  return all;
}

/* Failures fall into the seconds that are bad: a value had its chance to fail in those only, however many requests it
 * had before and after. Each second's requests count as it is bad, relative to the worst. For as long as there are
 * seconds; of longer troubles most is bad. */
static void same_seconds(const struct incident_view *v, struct list *l, uint32_t from, uint32_t to) {
  uint32_t first = from / LIMIT_TICKS_PER_S, last = to / LIMIT_TICKS_PER_S, n = last - first + 1;
  double bad[SERIES_FINE_SLOTS], worst = 0.0;
  if (n > SERIES_FINE_SLOTS) return;
  for (uint32_t k = 0; k < n; k++) {
    struct series_sum all = second_of(v, l, first + k);
    bad[k] = all.n > 0.0 ? all.e / all.n : 0.0;
    if (bad[k] > worst) worst = bad[k];
  }
  if (worst <= 0.0) return;
  for (uint32_t i = 0; i < l->n; i++) {
    struct series_sum one;
    double weighed = 0.0;
    for (uint32_t k = 0; k < n; k++)
      if (series_recent_second(&v->state[l->item[i].series_idx], first + k, &one)) weighed += one.n * bad[k] / worst;
    if (weighed > 0.0 && weighed < l->item[i].e.n) l->item[i].e.n = weighed;
  }
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
  if (family == INCIDENT_ERRORS) same_seconds(v, out, from, to);
}

/* Time a request that its calls take longer, by the service's own word: none where that may be chance. */
static double calls_slow(const struct incident_view *v, uint32_t node, struct base_str cluster, uint32_t from,
                         uint32_t to) {
  const struct series_catalog *c = v->catalog;
  double sum = 0.0;
  for (uint32_t e = c->node[node].first_out; e != REC_SERIES_NONE; e = c->edge[e].next_out) {
    struct incident_excess x = incident_call_excess(v, e, cluster, INCIDENT_LATENCY, from, to);
    if (incident_z(x) >= Z_CALLS && x.bad > 0.0) sum += x.x;
  }
  uint32_t own = incident_node_series(v, node, REC_SIDE_SERVER, cluster);
  double n = incident_excess_of(v, own, INCIDENT_LATENCY, from, to).bad;
  return n > 0.0 ? sum / n : 0.0;
}

/* What all of a service wait for does not tell its pods, versions and clusters apart: a second trouble further down
 * would hide the first. (Its routes do not all call the same.) */
static void calls_leave(const struct incident_view *v, uint32_t node, enum incident_family family, uint32_t from,
                        uint32_t to, struct list *l) {
  struct base_str cluster = STR_NONE;
  double slow = 0.0;
  if (family != INCIDENT_LATENCY) return;
  for (uint32_t i = 0; i < l->n; i++) {
    struct base_str own = v->catalog->entry[l->item[i].series_idx].who.dim[REC_DIM_CLUSTER];
    if (i == 0 || !str_eq(own, cluster)) slow = calls_slow(v, node, own, from, to);
    cluster = own;
    l->item[i].e.x -= slow * l->item[i].e.bad;
  }
}

/* Pods, versions or clusters, by their own excess. */
static void list_parts(const struct incident_view *v, uint32_t node, enum rec_level level, enum rec_side side,
                       struct base_str cluster, enum incident_family family, uint32_t from, uint32_t to,
                       struct list *out) {
  list_children(v, node, level, side, cluster, family, from, to, out);
  if (side == REC_SIDE_SERVER) calls_leave(v, node, family, from, to, out);
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

static struct base_str cluster_of(const struct incident_view *v, uint32_t node, enum rec_side side,
                                  enum incident_family family, uint32_t from, uint32_t to) {
  struct list l;
  list_parts(v, node, REC_LEVEL_SERVICE_CLUSTER, side, STR_NONE, family, from, to, &l);
  return name_of(v, single_of(&l, family), REC_DIM_CLUSTER);
}

struct base_str incident_narrow_scope(const struct incident_view *v, uint32_t node, enum incident_family family,
                                      uint32_t from, uint32_t to) {
  struct base_str server = cluster_of(v, node, REC_SIDE_SERVER, family, from, to);
  return server.n ? server : cluster_of(v, node, REC_SIDE_CLIENT, family, from, to);
}

/* Callers, by the edges into the service: their own word where the trouble is between, the service's otherwise. */
static void list_callers(const struct incident_view *v, uint32_t node, enum rec_side side, struct base_str cluster,
                         enum incident_family family, uint32_t from, uint32_t to, struct list *out) {
  const struct series_catalog *c = v->catalog;
  out->n = 0;
  for (uint32_t e = c->node[node].first_in; e != REC_SERIES_NONE && out->n < ITEMS_MAX; e = c->edge[e].next_in) {
    uint32_t idx = incident_edge_series(v, e, side, cluster);
    if (idx == REC_SERIES_NONE) continue;
    struct incident_excess x = incident_excess_of(v, idx, family, from, to);
    if (x.n > 0.0) out->item[out->n++] = (struct incident_item){idx, x};
  }
  if (family == INCIDENT_ERRORS) same_seconds(v, out, from, to);
}

/* Has the service a version that was at work long before `born`, and was so until the trouble began? */
static bool older_known(const struct incident_view *v, uint32_t node, enum rec_side side, uint32_t born,
                        uint32_t from) {
  const struct series_catalog *c = v->catalog;
  for (uint32_t i = c->node[node].first_child; i != REC_SERIES_NONE; i = c->entry[i].sibling) {
    const struct rec_series *w = &c->entry[i].who;
    const struct series_state *s = &v->state[i];
    if (w->level != REC_LEVEL_VERSION || w->side != side || !s->used) continue;
    if (s->born_seq + NEWCOMER < born && s->data_seq + NEWCOMER > from) return true;
  }
  return false;
}

/* Old against new: a version that came up just before the trouble began, and that holds it. It may have all of the
 * traffic by now, which leaves nobody to compare it with in the same seconds. */
static uint32_t newcomer_of(const struct incident_view *v, uint32_t node, enum rec_side side, const struct list *l,
                            uint32_t from) {
  struct incident_excess rest = {0};
  uint32_t best = 0;
  for (uint32_t i = 1; i < l->n; i++)
    if (l->item[i].e.x > l->item[best].e.x) best = i;
  if (l->n == 0 || incident_z(l->item[best].e) < Z_NEWCOMER) return REC_SERIES_NONE;
  uint32_t idx = l->item[best].series_idx, born = v->state[idx].born_seq;
  if (born > from + EARLY || born + NEWCOMER < from || !older_known(v, node, side, born, from)) return REC_SERIES_NONE;
  for (uint32_t i = 0; i < l->n; i++) {
    if (i == best) continue;
    rest.x += sure_of(l->item[i].e);
    rest.n += l->item[i].e.n;
  }
  return rest.x * l->item[best].e.n <= REST_RATE * l->item[best].e.x * rest.n ? idx : REC_SERIES_NONE;
}

/* Broad before narrow. */
enum { BY_CLUSTER, BY_VERSION, BY_ROUTE, BY_CALLER, BY_POD, BY_COUNT };

struct dims {
  struct list list[BY_COUNT];
  uint32_t single[BY_COUNT]; /* the series that alone explains the excess, or REC_SERIES_NONE */
  bool inside;               /* the pod stands out among those of the cluster that does */
  bool crossed;              /* the route stands out in all clusters, and one of these does: it is that route there */
};

/* One pod of several in the cluster that stands out; it takes the place of the pod of all clusters. */
static bool pod_inside(const struct incident_view *v, uint32_t node, enum rec_side side, struct base_str cluster,
                       enum incident_family family, uint32_t from, uint32_t to, struct dims *d) {
  struct list l;
  list_parts(v, node, REC_LEVEL_POD, side, cluster, family, from, to, &l);
  uint32_t pod = single_of(&l, family);
  if (pod == REC_SERIES_NONE) return false;
  d->list[BY_POD] = l;
  d->single[BY_POD] = pod;
  return true;
}

/* In the cluster, where reports tell routes apart by cluster (the servers' do), else in all of them. */
static void list_routes(const struct incident_view *v, uint32_t node, enum rec_side side, struct base_str cluster,
                        enum incident_family family, uint32_t from, uint32_t to, struct list *out) {
  out->n = 0;
  if (cluster.n) list_children(v, node, REC_LEVEL_ROUTE_CLUSTER, side, cluster, family, from, to, out);
  if (out->n == 0) list_children(v, node, REC_LEVEL_ROUTE, side, STR_NONE, family, from, to, out);
}

static void dims_compare(const struct incident_view *v, uint32_t node, enum rec_side side, enum incident_family family,
                         uint32_t from, uint32_t to, struct dims *d) {
  list_parts(v, node, REC_LEVEL_SERVICE_CLUSTER, side, STR_NONE, family, from, to, &d->list[BY_CLUSTER]);
  d->single[BY_CLUSTER] = single_of(&d->list[BY_CLUSTER], family);
  struct base_str cluster = name_of(v, d->single[BY_CLUSTER], REC_DIM_CLUSTER);
  list_parts(v, node, REC_LEVEL_VERSION, side, STR_NONE, family, from, to, &d->list[BY_VERSION]);
  list_routes(v, node, side, cluster, family, from, to, &d->list[BY_ROUTE]);
  list_callers(v, node, side, cluster, family, from, to, &d->list[BY_CALLER]);
  list_parts(v, node, REC_LEVEL_POD, side, STR_NONE, family, from, to, &d->list[BY_POD]);
  for (unsigned k = BY_VERSION; k < BY_COUNT; k++) d->single[k] = single_of(&d->list[k], family);
  d->inside = cluster.n > 0 && pod_inside(v, node, side, cluster, family, from, to, d);
  uint32_t one = d->single[BY_ROUTE];
  d->crossed = cluster.n > 0 && one != REC_SERIES_NONE && v->catalog->entry[one].who.level == REC_LEVEL_ROUTE;
  if (d->single[BY_VERSION] == REC_SERIES_NONE)
    d->single[BY_VERSION] = newcomer_of(v, node, side, &d->list[BY_VERSION], from);
}

static double rate_of(const struct list *l, uint32_t idx) {
  for (uint32_t i = 0; i < l->n; i++)
    if (l->item[i].series_idx == idx) return l->item[i].e.x / l->item[i].e.n;
  return 0.0;
}

/* Of the values that would each explain it, the one in which it is densest; a narrower one must be clearly denser (a
 * cluster's only pod is no better an answer than the cluster). What is wrong on the way is rather one caller's than one
 * route's, where that caller alone takes that route. BY_COUNT: the service as a whole. */
static unsigned dims_choose(const struct dims *d, bool between) {
  static const uint8_t at_it[BY_COUNT] = {BY_CLUSTER, BY_VERSION, BY_ROUTE, BY_CALLER, BY_POD},
                       on_way[BY_COUNT] = {BY_CLUSTER, BY_VERSION, BY_CALLER, BY_ROUTE, BY_POD};
  unsigned best = BY_COUNT;
  double most = 0.0;
  for (unsigned i = 0; i < BY_COUNT; i++) {
    unsigned k = between ? on_way[i] : at_it[i];
    if (d->single[k] == REC_SERIES_NONE) continue;
    double rate = rate_of(&d->list[k], d->single[k]);
    if (k == BY_POD && d->inside && best == BY_CLUSTER) return k;
    if (k == BY_ROUTE && d->crossed && best == BY_CLUSTER) best = k;
    if (best != BY_COUNT && rate < DENSER * most) continue;
    best = k;
    most = rate;
  }
  return best;
}

struct incident_narrow incident_narrow_find(const struct incident_view *v, uint32_t node, bool client_side,
                                            enum incident_family family, uint32_t from, uint32_t to) {
  struct incident_narrow out = {.series_idx = REC_SERIES_NONE,
                                .broader_idx = REC_SERIES_NONE,
                                .side = client_side ? REC_SIDE_CLIENT : REC_SIDE_SERVER};
  struct dims d;
  if (incident_node_series(v, node, out.side, STR_NONE) == REC_SERIES_NONE)
    out.side = out.side == REC_SIDE_CLIENT ? REC_SIDE_SERVER : REC_SIDE_CLIENT;
  dims_compare(v, node, out.side, family, from, to, &d);
  unsigned by = dims_choose(&d, client_side);
  if (by != BY_COUNT) {
    out.series_idx = d.single[by];
    if (by != BY_CLUSTER) out.broader_idx = d.single[BY_CLUSTER];
    out.within = by == BY_ROUTE && d.crossed;
    healthy_note(&out, &d.list[by], out.series_idx);
  }
  if (by != BY_CLUSTER) healthy_note(&out, &d.list[BY_CLUSTER], d.single[BY_CLUSTER]);
  return out;
}
