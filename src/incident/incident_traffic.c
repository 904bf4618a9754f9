#include "base_math.h"
#include "incident_case.h"
#include "series_recent.h"

#define NONE REC_SERIES_NONE
#define DEPTH_MAX 24u
#define EXPLAINS 0.5   /* a caller whose own change is at least half of the callee's explains it */
#define CONSERVED 0.15 /* a total that moved less than this is the same total */
#define MOVED 0.1      /* of the total: a smaller share is no failover */
#define CLUSTERS 64u   /* of one service that are compared */
#define REACH_S 100u   /* of the coarse rings, whole slots */
#define AMPLIFIED 3.0  /* calls a service gets for the same work of its callers: past this it is no mere change */
#define PART_Z 3.0     /* of a part that is told as slow: it is so for certain */
#define SURGE_TICKS (30u * LIMIT_TICKS_PER_S)
#define SURGE_RATIO 1.15 /* so many times the usual, and more than chance, */
#define USUAL_SD 2.0     /* and than so many standard deviations of its wander, which was there when all was well */
#define PODS_BEFORE (300u * LIMIT_TICKS_PER_S) /* pods are compared with those of so long before the trouble, */
#define PODS_ALIVE (10u * LIMIT_TICKS_PER_S)   /* are there if they had a request in so long, */
#define PODS_BUSY 5.0f                         /* and count if they have so many in that time */
#define FOLLOWS 0.8                            /* all of a cluster drops by at least so much of what its entry does */
#define GROUPED 2.0                            /* variance over the mean of requests that come in groups */
#define WANDERS 0.03                           /* what all traffic may be off by, at least, in a standard deviation */
#define MOVE_DOUBT 2.0                         /* nats by which a move and a loss differ, before it is clear which, */
#define BACK_TICKS (10u * LIMIT_TICKS_PER_S)   /* it is back when it has been for so long */
#define MOVE_WAIT (20u * LIMIT_TICKS_PER_S)    /* and so long after the onset it is taken for a move meanwhile */
#define MUCH_LESS 0.6   /* of its usual requests, a route that stands out has at most so many, or more by as much */
#define OTHERS_MOVE 0.3 /* of one route's relative change: its siblings may change so much */
#define OVERFLOW 3.0    /* times the band of its load: more is no load's doing, not even for a while */

struct change {
  double before, now; /* requests a second: of the last hour, and over the last seconds of the trouble */
  double span_s;      /* so many seconds */
  double phi;         /* variance over the mean of requests that come in groups */
  double zeta2;       /* relative variance of the rate of minutes beyond that */
  bool known;         /* there is a whole second of it */
};

/* Over the whole seconds since `from`, as far back as the rings go: the end of a trouble, when traffic is already back,
 * must not decide what it was. */
static struct change change_of(const struct incident_view *v, uint32_t idx, uint32_t from) {
  struct change c = {.span_s = 1.0, .phi = 1.0};
  if (!series_catalog_find(v->catalog, idx) || !v->state[idx].used) return c;
  const struct series_state *s = &v->state[idx];
  c.phi = (double)s->rate.phi_ten;
  c.zeta2 = (double)s->rate.zeta2;
  /* What was learned stands still while it is under suspicion; the plain mean of the last hour does not. */
  if (s->rate.b > 0.0f) c.before = (double)(s->rate.a / s->rate.b) * (double)LIMIT_TICKS_PER_S;
  if (c.before <= 0.0) c.before = series_usual_per_tick(s) * (double)LIMIT_TICKS_PER_S;
  uint32_t first = from / LIMIT_TICKS_PER_S + 1, end = (v->seq + 1) / LIMIT_TICKS_PER_S; /* [first, end) */
  if (end > first + REACH_S) first = end - REACH_S;
  if (end > first + SERIES_FINE_SLOTS - 1) first = (first + SERIES_COARSE_S - 1) / SERIES_COARSE_S * SERIES_COARSE_S;
  if (end <= first) {
    c.now = c.before;
    return c;
  }
  struct series_sum sum = series_recent_sum(s, first * LIMIT_TICKS_PER_S, end * LIMIT_TICKS_PER_S - 1);
  c.span_s = (double)(end - first);
  c.now = sum.n / c.span_s;
  c.known = true;
  return c;
}

static double ratio_of(struct change c) {
  return c.before > 1e-9 ? c.now / c.before : 1.0;
}

/* Up: in relative terms. Down: in requests, as those that hang in the callee are missing at the caller one for one,
 * while a caller that no longer calls has as many as ever. */
static bool explains(struct change caller, struct change callee, bool up) {
  if (up) return ratio_of(caller) - 1.0 >= EXPLAINS * (ratio_of(callee) - 1.0);
  double calls = caller.before > 0.0 ? callee.before / caller.before : 1.0; /* of one request */
  double lost = (callee.before - callee.now) / (calls > 1.0 ? calls : 1.0);
  return caller.before - caller.now >= EXPLAINS * lost;
}

static uint32_t service_series(const struct incident_view *v, uint32_t node) {
  uint32_t idx = incident_node_series(v, node, REC_SIDE_SERVER, STR_NONE);
  return idx != NONE ? idx : incident_node_series(v, node, REC_SIDE_CLIENT, STR_NONE);
}

/* What is asked of a change of traffic: could it make requests of the service take `slower` times as long? */
struct asked {
  const struct incident_head *head;
  uint32_t node;
  uint32_t from;
  double slower;
  bool part;   /* in one cluster */
  bool surged; /* its load is known to have grown: it may be less than what the rate has done before */
};

/* So many times as much falls to each pod of the service (in the cluster, unless that is empty) as some minutes before
 * the trouble, because there are fewer. At least 1. */
static double pods_fewer(const struct incident_view *v, uint32_t node, struct base_str cluster, uint32_t from) {
  const struct series_catalog *c = v->catalog;
  uint32_t then = from > PODS_BEFORE ? from - PODS_BEFORE : 0, were = 0, are = 0;
  for (uint32_t i = c->node[node].first_child; i != NONE; i = c->entry[i].sibling) {
    const struct rec_series *w = &c->entry[i].who;
    const struct series_state *s = &v->state[i];
    if (w->level != REC_LEVEL_POD || w->side != REC_SIDE_SERVER || !s->used) continue;
    if (cluster.n && !str_eq(w->dim[REC_DIM_CLUSTER], cluster)) continue;
    if (s->span <= 0.0f || s->requests / s->span * (float)PODS_ALIVE < PODS_BUSY) continue; /* too quiet to tell */
    were += s->born_seq <= then && s->data_seq >= then;
    are += v->seq - s->data_seq < PODS_ALIVE;
  }
  return are > 0 && were > are ? (double)were / (double)are : 1.0;
}

static enum incident_loaded load_of(const struct asked *a, struct change k, double fewer) {
  double ratio = ratio_of(k), usual = k.before * k.span_s, more = (k.now - k.before) * k.span_s;
  bool grown = ratio >= SURGE_RATIO && more >= 3.0 * math_sqrt(k.phi * usual) &&
               (a->surged || more >= USUAL_SD * math_sqrt(k.zeta2) * usual);
  ratio = (grown ? ratio : 1.0) * fewer;
  if (ratio < SURGE_RATIO) return INCIDENT_LOAD_USUAL;
  double band = incident_load_band(a->head, a->node, ratio, a->part);
  if (a->slower > OVERFLOW * band) return INCIDENT_LOAD_USUAL; /* no queue that is merely full */
  return a->slower <= band ? INCIDENT_LOAD_EXPLAINS : INCIDENT_LOAD_GROWN;
}

/* Since the trouble began, and over the last half minute and minute: a queue can overflow long after its load grew, and
 * what follows the load does so for as long when it is gone. */
static enum incident_loaded load_since(const struct incident_view *v, uint32_t idx, const struct asked *q,
                                       double fewer) {
  enum incident_loaded most = load_of(q, change_of(v, idx, q->from), fewer);
  for (uint32_t span = SURGE_TICKS; span <= 2 * SURGE_TICKS; span += SURGE_TICKS) {
    uint32_t back = v->seq > span ? v->seq - span : 0;
    if (back >= q->from) continue; /* the trouble is older, and has been asked */
    enum incident_loaded one = load_of(q, change_of(v, idx, back), fewer);
    if (one > most) most = one;
  }
  return most;
}

static double slowdown(const struct incident_view *v, uint32_t idx, struct incident_excess e, uint32_t from) {
  double mean = incident_normal_of(v, idx, from).latency_mean_s;
  return mean > 0.0 && e.bad > 0.0 ? 1.0 + e.x / e.bad / mean : 1.0;
}

/* The caller that sends most, or NONE. */
static uint32_t main_caller(const struct incident_view *v, uint32_t node) {
  const struct series_catalog *c = v->catalog;
  uint32_t best = NONE;
  double most = 0.0;
  for (uint32_t e = c->node[node].first_in; e != NONE; e = c->edge[e].next_in) {
    double rate = change_of(v, incident_call_series(v, e, STR_NONE), v->seq).before;
    if (c->edge[e].from == node || rate <= most) continue;
    most = rate;
    best = c->edge[e].from;
  }
  return best;
}

/* Nobody calls it, or only who is not called by anybody that reports, as a gateway that tells of its own calls alone.
 */
static bool is_entry(const struct incident_view *v, uint32_t node) {
  uint32_t caller = main_caller(v, node);
  return caller == NONE || service_series(v, caller) == NONE;
}

/* Its own traffic, or that of those who call it, who call it: a service with few requests shows a surge late. */
static enum incident_loaded callers_load(const struct incident_view *v, const struct asked *q) {
  enum incident_loaded most = INCIDENT_LOAD_USUAL;
  uint32_t node = q->node;
  for (unsigned depth = 0; depth < DEPTH_MAX && node != NONE; depth++) {
    double fewer = node == q->node ? pods_fewer(v, node, STR_NONE, q->from) : 1.0;
    enum incident_loaded l = load_since(v, service_series(v, node), q, fewer);
    if (l > most) most = l;
    node = main_caller(v, node);
  }
  return most;
}

/* How much slower the part of the service is that is named, where that shows for certain: one route's requests may take
 * three times as long and the service's a tenth longer. */
static double part_slower(const struct incident_view *v, uint32_t part, uint32_t from, uint32_t to) {
  struct incident_excess e = incident_excess_of(v, part, INCIDENT_LATENCY, from, to);
  return part != NONE && incident_z(e) >= PART_Z ? slowdown(v, part, e, from) : 1.0;
}

enum incident_loaded incident_traffic_loads(const struct incident_head *h, const struct incident_view *v, uint32_t node,
                                            uint32_t part, bool surged, uint32_t from, uint32_t to) {
  const struct series_catalog *c = v->catalog;
  uint32_t most = NONE, whole = service_series(v, node);
  double all = 0.0, x = 0.0;
  for (uint32_t i = c->node[node].first_child; i != NONE; i = c->entry[i].sibling) {
    const struct rec_series *w = &c->entry[i].who;
    if (w->level != REC_LEVEL_SERVICE_CLUSTER || w->side != REC_SIDE_SERVER) continue;
    struct incident_excess e = incident_excess_of(v, i, INCIDENT_LATENCY, from, to);
    if (e.x <= 0.0) continue;
    all += e.x;
    if (e.x <= x) continue;
    x = e.x;
    most = i;
  }
  struct incident_excess e = incident_excess_of(v, whole, INCIDENT_LATENCY, from, to);
  struct asked q = {h, node, from, slowdown(v, whole, e, from), false, surged};
  double named = part_slower(v, part, from, to);
  if (named > q.slower) q.slower = named;
  enum incident_loaded load = callers_load(v, &q);
  if (load == INCIDENT_LOAD_EXPLAINS || most == NONE || x < 0.5 * all) return load;
  e = incident_excess_of(v, most, INCIDENT_LATENCY, from, to);
  q.slower = slowdown(v, most, e, from);
  if (named > q.slower) q.slower = named;
  q.part = true;
  enum incident_loaded one =
      load_since(v, most, &q, pods_fewer(v, node, c->entry[most].who.dim[REC_DIM_CLUSTER], from));
  return one > load ? one : load;
}

/* What a service sends (from one cluster, unless that is empty), as those who receive it report. */
static struct change sent_by(const struct incident_view *v, uint32_t node, struct base_str cluster, uint32_t from) {
  const struct series_catalog *c = v->catalog;
  struct change sum = {.span_s = 1.0};
  for (uint32_t e = c->node[node].first_out; e != NONE; e = c->edge[e].next_out) {
    struct change k = change_of(v, incident_edge_series(v, e, REC_SIDE_SERVER, cluster), from);
    sum.before += k.before;
    sum.now += k.now;
    sum.span_s = k.span_s;
  }
  return sum;
}

/* Has the other kept more than half of what the one lost, and not by chance? */
static bool keeps(struct change one, struct change other) {
  double r = ratio_of(one), half = other.before * (1.0 - EXPLAINS * (1.0 - r)) * other.span_s;
  return other.now * other.span_s - half > 2.0 * math_sqrt(GROUPED * half);
}

enum others { OTHERS_AGREE, OTHERS_DENY, OTHERS_SILENT };

/* Fewer requests by its own word (in a cluster, unless that is empty): also by the word of those it talks with? If not,
 * reports are missing, not requests. */
static enum others others_of(const struct incident_view *v, uint32_t node, struct base_str cluster, uint32_t from) {
  struct change own = change_of(v, incident_node_series(v, node, REC_SIDE_SERVER, cluster), from);
  struct change clients = change_of(v, incident_node_series(v, node, REC_SIDE_CLIENT, cluster), from);
  struct change sent = sent_by(v, node, cluster, from), others = clients.before > 0.0 ? clients : sent;
  if (others.before <= 0.0) return OTHERS_SILENT;
  if (keeps(own, others)) return OTHERS_DENY;
  return 1.0 - ratio_of(others) < EXPLAINS * (1.0 - ratio_of(own)) ? OTHERS_SILENT : OTHERS_AGREE;
}

uint32_t incident_traffic_root(const struct incident_view *v, uint32_t node, bool up, uint32_t from) {
  for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
    uint32_t caller = main_caller(v, node);
    if (caller == NONE) return node;
    if (!explains(change_of(v, service_series(v, caller), from), change_of(v, service_series(v, node), from), up))
      return node;
    node = caller;
  }
  return node;
}

/* The node of the strongest service-level alarm of the case. */
static uint32_t strongest(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c) {
  const struct incident_alarm *a;
  uint32_t best = NONE;
  float most = 0.0f;
  for (uint32_t at = 0; (a = incident_alarm_next(h, v, c, &at));) {
    if (incident_alarm_node(v, a) == NONE || a->log_e <= most) continue;
    most = a->log_e;
    best = incident_alarm_node(v, a);
  }
  return best;
}

/* What one cluster has of a service's requests, before and now. */
struct part {
  struct base_str cluster;
  uint32_t idx; /* its series */
  struct change k;
};

/* The clusters of a service in a row; returns how many, CLUSTERS at most: those after are not looked at. */
static uint32_t parts_of(const struct incident_view *v, uint32_t node, uint32_t from, struct part out[CLUSTERS]) {
  const struct series_catalog *c = v->catalog;
  uint32_t n = 0;
  for (uint32_t i = c->node[node].first_child; i != NONE && n < CLUSTERS; i = c->entry[i].sibling) {
    const struct rec_series *w = &c->entry[i].who;
    if (w->level != REC_LEVEL_SERVICE_CLUSTER || w->side != REC_SIDE_SERVER) continue;
    out[n++] = (struct part){w->dim[REC_DIM_CLUSTER], i, change_of(v, i, from)};
  }
  return n;
}

/* Is the rate the same, but for what it always does: counts scatter, and rates wander? At least so much is allowed. */
static bool usual(const struct incident_view *v, uint32_t idx, struct change total, double allowed) {
  double wander = idx == NONE ? 0.0 : 2.0 * math_sqrt((double)v->state[idx].rate.zeta2);
  double noise = 4.0 * math_sqrt(1.0 / (total.before * total.span_s)), off = ratio_of(total) - 1.0;
  if (noise > allowed) allowed = noise;
  if (wander > allowed) allowed = wander;
  return off <= allowed && off >= -allowed;
}

/* How likely is what the clusters other than `lost` have now, in nats, where each were due so many a second? What comes
 * in all may wander; who gets how much of it does not. */
struct due {
  double rate[CLUSTERS], wander, phi;
};

static double due_log(const struct due *due, const struct part *part, uint32_t n, uint32_t lost) {
  double all = 0.0, came = 0.0, sum = 0.0;
  for (uint32_t i = 0; i < n; i++) {
    if (i == lost) continue;
    all += due->rate[i];
    came += part[i].k.now * part[i].k.span_s;
  }
  if (all <= 0.0) return 0.0;
  for (uint32_t i = 0; i < n; i++)
    if (i != lost && due->rate[i] > 0.0)
      sum += part[i].k.now * part[i].k.span_s * math_log_fast(due->rate[i] / all) / due->phi;
  double mean = all * part[lost].k.span_s, var = due->phi * mean + due->wander * due->wander * mean * mean;
  return sum - (came - mean) * (came - mean) / (2.0 * var) - 0.5 * math_log_fast(var);
}

/* What one cluster lost arrived at the others, at one of them or in proportion, by so many nats more likely than that
 * it arrived nowhere. */
static double moved_log(const struct incident_view *v, uint32_t whole, const struct part *part, uint32_t n,
                        uint32_t lost) {
  const struct series_rate *r = &v->state[whole].rate;
  double wander = math_sqrt((double)r->zeta2), phi = (double)r->phi_ten, gone = part[lost].k.before - part[lost].k.now;
  struct due due = {.wander = wander > WANDERS ? wander : WANDERS, .phi = phi > GROUPED ? phi : GROUPED};
  double others = 0.0, best;
  for (uint32_t i = 0; i < n; i++) others += i == lost ? 0.0 : part[i].k.before;
  if (others <= 0.0) return 0.0;
  for (uint32_t i = 0; i < n; i++) due.rate[i] = part[i].k.before;
  double nowhere = due_log(&due, part, n, lost);
  for (uint32_t i = 0; i < n; i++) due.rate[i] = part[i].k.before * (1.0 + gone / others);
  best = due_log(&due, part, n, lost);
  for (uint32_t to = 0; to < n; to++) {
    if (to == lost) continue;
    for (uint32_t i = 0; i < n; i++) due.rate[i] = part[i].k.before + (i == to ? gone : 0.0);
    double one = due_log(&due, part, n, lost);
    best = one > best ? one : best;
  }
  return best - nowhere;
}

/* One cluster moved and the service as a whole did not: what left one arrived at another. In shares of the total, as
 * what the whole does is no move. */
static bool moved_between(const struct incident_view *v, uint32_t node, uint32_t from, struct incident_traffic *out) {
  struct part part[CLUSTERS];
  uint32_t whole = service_series(v, node);
  struct change total = change_of(v, whole, from);
  uint32_t n = parts_of(v, node, from, part), a = 0, b = 0;
  double d[CLUSTERS];
  if (n < 2 || total.before <= 0.0 || total.now <= 0.0 || !usual(v, whole, total, CONSERVED)) return false;
  for (uint32_t i = 0; i < n; i++) {
    d[i] = part[i].k.now / total.now - part[i].k.before / total.before;
    if (d[i] < d[a]) a = i;
    if (d[i] > d[b]) b = i;
  }
  double had = part[a].k.before / total.before, moved = -d[a] < d[b] ? -d[a] : d[b], most = -d[a] > d[b] ? -d[a] : d[b];
  double sd = math_sqrt((had * (1.0 - had) + 0.01) / (total.now * total.span_s));
  if (moved < 0.5 * most || moved < MOVED || moved < 4.0 * sd) return false;
  if (moved_log(v, whole, part, n, a) < (v->seq - from < MOVE_WAIT ? -MOVE_DOUBT : 0.0)) return false;
  out->cluster = part[a].cluster;
  out->other = part[b].cluster;
  return true;
}

bool incident_traffic_moves(const struct incident_view *v, uint32_t node, uint32_t from) {
  struct incident_traffic unused;
  return moved_between(v, node, from, &unused);
}

/* Up to where the users moved: as long as the main caller moved, too. */
static uint32_t moved_from(const struct incident_view *v, uint32_t node, uint32_t from) {
  for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
    uint32_t caller = main_caller(v, node);
    if (caller == NONE || !incident_traffic_moves(v, caller, from)) return node;
    node = caller;
  }
  return node;
}

/* What moves need not have moved at its callers: they send it elsewhere. So the service whose alarm it is is asked,
 * too.
 */
static bool has_moved(const struct incident_view *v, uint32_t alarmed, uint32_t from, struct incident_traffic *out) {
  uint32_t at = out->node;
  if (!moved_between(v, at, from, out)) {
    if (!moved_between(v, alarmed, from, out)) return false;
    at = alarmed;
  }
  out->node = moved_from(v, at, from);
  struct change k = change_of(v, service_series(v, out->node), from);
  out->before_per_s = k.before;
  out->now_per_s = k.now;
  out->verdict = REC_VERDICT_EXPECTED;
  out->reason = "what one cluster lost, another took over";
  return true;
}

/* All of a change in one cluster, the others as usual: the larger moves are its own, or it alone has moved at all. */
static struct part one_cluster(const struct incident_view *v, uint32_t node, bool up, uint32_t from) {
  struct part part[CLUSTERS];
  uint32_t n = parts_of(v, node, from, part), best = 0, moved = 0;
  double sum = 0.0, most = 0.0;
  bool best_moved = false;
  for (uint32_t i = 0; i < n; i++) {
    double d = up ? part[i].k.now - part[i].k.before : part[i].k.before - part[i].k.now;
    sum += d > 0.0 ? d : -d;
    bool moves = !usual(v, part[i].idx, part[i].k, 0.0);
    moved += moves;
    if (d <= most) continue;
    most = d;
    best = i;
    best_moved = moves;
  }
  bool alone = moved == 1 && best_moved;
  return n > 1 && most > 0.0 && (alone || most >= 0.8 * sum) ? part[best] : (struct part){.idx = NONE};
}

/* Is it much more, or much less, and not by chance? */
static bool differs(struct change k) {
  double due = k.before * k.span_s, off = (k.now - k.before) * k.span_s, r = ratio_of(k);
  if (off < 0.0) off = -off;
  return (r <= MUCH_LESS || r >= 1.0 / MUCH_LESS) && off >= 4.0 * math_sqrt(GROUPED * due);
}

/* Did the others go another way than this one? Closer to as usual than to it, and not by chance. */
static bool others_stay(struct change one, struct change rest) {
  double r = ratio_of(one), alike = rest.before * r * rest.span_s, seen = rest.now * rest.span_s;
  double apart = r < 1.0 ? seen - alike : alike - seen, off = ratio_of(rest) - 1.0;
  if (apart < 3.0 * math_sqrt(GROUPED * (alike + seen))) return false;
  return (r < 1.0 ? -off : off) <= OTHERS_MOVE * (r < 1.0 ? 1.0 - r : r - 1.0);
}

/* All of a change in one route, the others as usual: its series, or NONE. */
static uint32_t one_route(const struct incident_view *v, uint32_t node, bool up, uint32_t from, struct change *out) {
  const struct series_catalog *c = v->catalog;
  uint32_t best = NONE, n = 0;
  double most = 0.0;
  struct change k, rest = {.span_s = 1.0};
  for (uint32_t i = c->node[node].first_child; i != NONE; i = c->entry[i].sibling) {
    const struct rec_series *w = &c->entry[i].who;
    if (w->level != REC_LEVEL_ROUTE || w->side != REC_SIDE_SERVER) continue;
    k = change_of(v, i, from);
    rest.before += k.before;
    rest.now += k.now;
    rest.span_s = k.span_s;
    n++;
    double d = up ? k.now - k.before : k.before - k.now;
    if (d <= most) continue;
    most = d;
    best = i;
    *out = k;
  }
  rest.before -= out->before;
  rest.now -= out->now;
  if (n < 2 || best == NONE || rest.before <= 0.0 || !differs(*out)) return NONE;
  return others_stay(*out, rest) ? best : NONE;
}

/* The callee that has a route of the same name with all that the caller's has, before and now: a gateway hands it on.
 */
static uint32_t handed_to(const struct incident_view *v, uint32_t node, uint32_t route, struct change k,
                          uint32_t from) {
  const struct series_catalog *c = v->catalog;
  struct base_str name = c->entry[route].who.dim[REC_DIM_ROUTE];
  for (uint32_t e = c->node[node].first_out; e != NONE; e = c->edge[e].next_out)
    for (uint32_t i = c->node[c->edge[e].to].first_child; i != NONE; i = c->entry[i].sibling) {
      const struct rec_series *w = &c->entry[i].who;
      if (w->level != REC_LEVEL_ROUTE || w->side != REC_SIDE_SERVER || !str_eq(w->dim[REC_DIM_ROUTE], name)) continue;
      struct change b = change_of(v, i, from);
      double off = ratio_of(b) - ratio_of(k);
      if (b.before >= FOLLOWS * k.before && off < 1.0 - FOLLOWS && off > FOLLOWS - 1.0) return i;
    }
  return NONE;
}

/* Narrows what changed at out->node to one of its routes, where it is only that; and to whom it is meant for. */
static void route_narrow(const struct incident_view *v, bool up, bool entry, uint32_t from,
                         struct incident_traffic *out) {
  struct change k = {.span_s = 1.0};
  uint32_t route = one_route(v, out->node, up, from, &k), behind;
  if (route == NONE) return;
  if (entry && (behind = handed_to(v, out->node, route, k, from)) != NONE) {
    route = behind;
    out->node = v->catalog->entry[behind].node;
  }
  out->route_idx = route;
  out->before_per_s = k.before;
  out->now_per_s = k.now;
  out->confirmed = true; /* by the other routes: reports are not missing */
}

/* The cluster's own series, where its traffic went as the service's there did: users of the cluster, not of one
 * service.
 */
static uint32_t cluster_with(const struct incident_view *v, uint32_t node, struct base_str cluster, uint32_t from) {
  const struct series_catalog *c = v->catalog;
  uint32_t part = incident_node_series(v, node, REC_SIDE_SERVER, cluster);
  double gone = 1.0 - ratio_of(change_of(v, part, from));
  for (uint32_t i = 0; i < c->entry_n; i++) {
    const struct rec_series *w = &c->entry[i].who;
    if (!c->entry[i].live || w->level != REC_LEVEL_CLUSTER || w->side != REC_SIDE_SERVER) continue;
    if (!str_eq(w->dim[REC_DIM_CLUSTER], cluster)) continue;
    return 1.0 - ratio_of(change_of(v, i, from)) >= FOLLOWS * gone ? i : NONE;
  }
  return NONE;
}

/* Is it off by no more than counts are by chance? */
static bool series_as_ever(const struct incident_view *v, uint32_t idx, uint32_t from) {
  struct change k = change_of(v, idx, from);
  return idx == NONE || k.before <= 0.0 || usual(v, idx, k, 0.0);
}

static bool as_ever(const struct incident_view *v, uint32_t node, struct base_str cluster, uint32_t from) {
  return series_as_ever(
      v, cluster.n ? incident_node_series(v, node, REC_SIDE_SERVER, cluster) : service_series(v, node), from);
}

/* Of a change that was told as expected, and the whole has its usual traffic: does that stand? The part that lost its
 * traffic has as much as ever again, of late; or the others still have it. */
static bool stands(const struct incident_view *v, const struct incident_case *c) {
  const struct incident_cause *told = &c->story.cause[0];
  struct part part[CLUSTERS];
  uint32_t lately = v->seq > BACK_TICKS ? v->seq - BACK_TICKS : 0;
  if (c->story.cause_n == 0 || c->story.verdict != REC_VERDICT_EXPECTED) return false;
  if (series_as_ever(v, told->series_idx, lately > c->from_seq ? lately : c->from_seq)) return true;
  uint32_t n = told->node == NONE ? 0 : parts_of(v, told->node, c->from_seq, part), lost = 0;
  while (lost < n && part[lost].idx != told->series_idx) lost++;
  return lost < n && n > 1 && moved_log(v, service_series(v, told->node), part, n, lost) > 0.0;
}

/* A surge, or what it made slow, is open still: fewer now are as many as before it. */
static bool surge_ends(const struct incident_head *h) {
  for (uint32_t i = 0; i < LIMIT_INCIDENTS_OPEN; i++) {
    const struct incident_case *c = &h->case_[i];
    if (!c->used || c->resting || !c->shown || c->story.verdict != REC_VERDICT_EXPECTED || c->story.by_mix) continue;
    if ((c->family == INCIDENT_TRAFFIC && c->up) || c->family == INCIDENT_LATENCY) return true;
  }
  return false;
}

/* No service has an alarm of its own: the mesh, a region or a cluster as a whole. */
static struct incident_traffic judge_whole(const struct incident_head *h, const struct incident_view *v,
                                           const struct incident_case *c) {
  const struct incident_alarm *a;
  bool lossy = incident_gap_share(h, NONE) > 0.03, back = !c->up;
  bool was = c->story.cause_n > 0 && c->story.verdict == REC_VERDICT_EXPECTED, ends = was || surge_ends(h);
  for (uint32_t at = 0; back && !ends && (a = incident_alarm_next(h, v, c, &at));)
    back = series_as_ever(v, a->series_idx, c->from_seq);
  return (struct incident_traffic){.node = NONE,
                                   .route_idx = NONE,
                                   .all_idx = NONE,
                                   .verdict = c->up || lossy || back ? REC_VERDICT_EXPECTED : REC_VERDICT_UNHEALTHY,
                                   .back = back,
                                   .reason = lossy  ? "reports of its proxies are missing"
                                             : back ? "it has as many as ever in all"
                                                    : "no service stands out"};
}

/* Narrows it to the route or the cluster that it is. */
static void part_narrow(const struct incident_view *v, const struct incident_case *c, const struct part *part,
                        bool entry, struct incident_traffic *out) {
  route_narrow(v, c->up, entry, c->from_seq, out);
  if (out->route_idx != NONE || part->idx == NONE) return;
  out->cluster = part->cluster;
  out->before_per_s = part->k.before;
  out->now_per_s = part->k.now;
  if (entry && !c->up) out->all_idx = cluster_with(v, out->node, out->cluster, c->from_seq);
}

/* Do its proxies tell of requests when they begin? */
static bool tells_begins(const struct incident_view *v, uint32_t node) {
  uint32_t idx = incident_node_series(v, node, REC_SIDE_SERVER, STR_NONE);
  return idx != NONE && v->state[idx].used && v->state[idx].extra.flow.hanging.seen > 0;
}

/* What is neither missing reports nor a move. */
static void change_judge(const struct incident_view *v, bool up, bool entry, double ratio,
                         struct incident_traffic *out) {
  out->verdict = up ? REC_VERDICT_EXPECTED : REC_VERDICT_UNHEALTHY;
  if (entry) {
    out->reason = up ? "it comes from outside the mesh, and its errors and latency are as usual"
                  : tells_begins(v, out->node)
                      ? "it comes from outside the mesh, where Foreshock cannot see"
                      : "they come no more, which is decided outside the mesh, or they hang: a request is told of at "
                        "its end";
    return;
  }
  out->verdict = up && ratio >= AMPLIFIED ? REC_VERDICT_UNHEALTHY : REC_VERDICT_EXPECTED;
  out->reason = up ? "its callers call it more often, and nothing else about them has changed"
                   : "its callers call it less often, and nothing else about them has changed";
}

struct incident_traffic incident_traffic_judge(const struct incident_head *h, const struct incident_view *v,
                                               const struct incident_case *c) {
  uint32_t start = strongest(h, v, c), from = c->from_seq;
  if (start == NONE) return judge_whole(h, v, c);
  struct incident_traffic out = {
      .node = incident_traffic_root(v, start, c->up, from), .route_idx = NONE, .all_idx = NONE};
  struct change k = change_of(v, service_series(v, out.node), from);
  struct part part = one_cluster(v, out.node, c->up, from);
  double gone = 1.0 - ratio_of(k);
  bool told = incident_gap_share(h, out.node) >= EXPLAINS * gone; /* its proxies are known to lose reports */
  enum others others = c->up ? OTHERS_AGREE : others_of(v, out.node, part.cluster, from);
  out.verdict = REC_VERDICT_UNHEALTHY;
  out.before_per_s = k.before;
  out.now_per_s = k.now;
  out.confirmed = others == OTHERS_AGREE && (c->up || k.known);
  out.reason = "no whole second of it has been seen yet";
  if (!c->up && !k.known) return out;
  if (!(told && gone > 0.0) && has_moved(v, start, from, &out)) return out;
  if (!c->up && gone > 0.0 && (told || others == OTHERS_DENY)) {
    out.verdict = REC_VERDICT_EXPECTED;
    out.reason = "reports of its proxies are missing; those it talks with see no such drop";
    return out;
  }
  out.over = !c->up && stands(v, c) && usual(v, service_series(v, out.node), k, CONSERVED);
  if (out.over) return out; /* the way back is no loss */
  bool entry = is_entry(v, out.node);
  part_narrow(v, c, &part, entry, &out);
  if (!c->up && out.route_idx == NONE && as_ever(v, out.node, STR_NONE, from) &&
      as_ever(v, out.node, out.cluster, from)) {
    out.verdict = REC_VERDICT_EXPECTED;
    out.reason = "it has as many as ever in all";
    return out;
  }
  change_judge(v, c->up, entry, ratio_of(k), &out);
  return out;
}
