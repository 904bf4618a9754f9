#include "sim_world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PODS_MAX = 20000, CRASH_UNLIST_S = 5, DRAIN_S = 2 };

static const double LOAD_MAX = 0.95, LOAD_REQUESTS = 30;
static const int64_t LEAD_NS = -120 * SIM_NS_PER_S; /* users come before the recording starts */

/* Hash suffixes as a ReplicaSet and its pods carry them. */
static void pod_text(struct sim_pod *p, const struct sim_service *s, uint32_t nth) {
  char hex[9];
  snprintf(hex, sizeof hex, "%08x", nth * 0x9e3779b1u);
  if (s->is_gateway) {
    snprintf(p->name, sizeof p->name, "%s-%.7s-%.5s", s->name, hex, hex + 3);
  } else {
    snprintf(p->name, sizeof p->name, "%.40s-%.30s-%.7s-%.5s", s->name, p->version, hex, hex + 3);
  }
  snprintf(p->workload, sizeof p->workload, "%s-%s", s->name, p->version);
  uint32_t host = nth + 1;
  snprintf(p->ip, sizeof p->ip, "10.%u.%u.%u", (p->cluster + 1) & 255, (host >> 8) & 255, host & 255);
  snprintf(p->node_id, sizeof p->node_id, "%s~%s~%s.%s~%s.svc.cluster.local", s->is_gateway ? "router" : "sidecar",
           p->ip, p->name, s->ns, s->ns);
}

static int pod_add(struct sim_world *w, uint32_t service, uint32_t cluster, const char *version) {
  if (w->pods == PODS_MAX) return SIM_POD_NONE;
  if (w->pods == w->pods_max) {
    w->pods_max = w->pods_max ? w->pods_max * 2 : 256;
    w->pod = realloc(w->pod, w->pods_max * sizeof *w->pod);
    if (!w->pod) abort();
  }
  struct sim_pod *p = &w->pod[w->pods];
  memset(p, 0, sizeof *p);
  p->service = service;
  p->cluster = cluster;
  snprintf(p->version, sizeof p->version, "%s", version);
  p->listed_from = SIM_ALWAYS;
  p->listed_until = p->dead_from = p->dead_until = p->mute_from = p->mute_until = SIM_NEVER;
  pod_text(p, &w->conf->service[service], w->pods + 1);
  struct sim_rng rng;
  rng_init(&rng, w->conf->key, 2, w->pods);
  double skew = (rng_unit(&rng) * 2 - 1) * w->conf->set.skew_ms;
  p->skew_ns = (int64_t)(skew * 1e3) * 1000;
  double phase = w->conf->set.flush_phased != 0 ? rng_unit(&rng) * w->conf->set.flush_ms : 0;
  p->phase_ns = (int64_t)(phase * 1e3) * 1000;
  uint32_t **list = &w->list[service][cluster], *n = &w->list_n[service][cluster];
  *list = realloc(*list, (*n + 1) * sizeof **list);
  if (!*list) abort();
  (*list)[(*n)++] = w->pods;
  return (int)w->pods++;
}

static void add_service_pods(struct sim_world *w, uint32_t s, uint32_t k) {
  const struct sim_service *svc = &w->conf->service[s];
  for (uint32_t i = 0; i < svc->pods; i++) pod_add(w, s, k, svc->version);
  for (uint32_t x = 0; x < w->conf->extras; x++) {
    const struct sim_extra *e = &w->conf->extra[x];
    if (e->service != s) continue;
    for (uint32_t i = 0; i < e->pods; i++) pod_add(w, s, k, e->version);
  }
}

static void lay_out(struct sim_world *w) {
  for (uint32_t k = 0; k < w->conf->clusters; k++) {
    for (uint32_t s = 0; s < w->conf->services; s++) {
      if (w->conf->service[s].cluster_mask >> k & 1) add_service_pods(w, s, k);
    }
  }
}

/* How often a request asks for each operation, spread down the calls; ops are in call order. */
static void service_rates(const struct sim_conf *c, double *rate) {
  double op_rate[SIM_OP_MAX] = {0}, weight = 0;
  for (uint32_t i = 0; i < c->ops; i++) weight += c->op[i].weight;
  for (uint32_t i = 0; i < c->ops; i++) {
    op_rate[i] += c->op[i].weight / weight * c->set.rate_per_s;
    for (uint32_t j = 0; j < c->op[i].calls; j++) op_rate[c->op[i].call[j].op] += op_rate[i] * c->op[i].call[j].prob;
    rate[c->op[i].service] += op_rate[i];
  }
}

static uint32_t pods_at_start(const struct sim_conf *c, uint32_t s) {
  uint32_t n = c->service[s].pods;
  for (uint32_t x = 0; x < c->extras; x++) {
    if (c->extra[x].service == s) n += c->extra[x].pods;
  }
  return n ? n : 1;
}

/* What share of the users' calls to a service a cluster takes: its own, or all where only it runs the service. */
static double cluster_part(const struct sim_conf *c, uint32_t s, uint32_t k) {
  double all = 0, mine = c->service[s].cluster_mask >> k & 1 ? c->cluster[k].share : 0;
  for (uint32_t i = 0; i < c->clusters; i++) all += c->service[s].cluster_mask >> i & 1 ? c->cluster[i].share : 0;
  return all > 0 ? mine / all : 0;
}

/* The load starts at its normal level, and is smoothed over enough requests that a quiet service does not jump. */
static void capacities(struct sim_world *w) {
  double rate[SIM_SERVICE_MAX] = {0};
  const struct sim_conf *c = w->conf;
  service_rates(c, rate);
  for (uint32_t s = 0; s < c->services; s++) {
    double all = c->set.util > 0 ? rate[s] / c->set.util : 1e18;
    w->pod_capacity_per_s[s] = all / pods_at_start(c, s);
    for (uint32_t k = 0; k < c->clusters; k++) {
      struct sim_load *l = &w->load[s][k];
      l->rate_per_s = rate[s] * cluster_part(c, s, k);
      double long_s = l->rate_per_s > 0 ? LOAD_REQUESTS / l->rate_per_s : 0;
      l->tau_s = long_s > c->set.load_tau_s ? long_s : c->set.load_tau_s;
      l->last_ns = LEAD_NS;
    }
  }
}

/* ---- events that move pods ---- */

static void pod_replace(struct sim_world *w, uint32_t old, int64_t at_ns, const char *version) {
  int fresh = pod_add(w, w->pod[old].service, w->pod[old].cluster, version);
  if (fresh < 0) return;
  w->pod[fresh].listed_from = at_ns;
  w->pod[fresh].listed_until = w->pod[old].listed_until;
  if (w->pod[old].listed_until > at_ns + DRAIN_S * SIM_NS_PER_S) {
    w->pod[old].listed_until = at_ns + DRAIN_S * SIM_NS_PER_S;
  }
}

static bool in_target(const struct sim_world *w, const struct sim_event *e, uint32_t pod) {
  const struct sim_pod *p = &w->pod[pod];
  return (e->service < 0 || (uint32_t)e->service == p->service) &&
         (e->cluster < 0 || (uint32_t)e->cluster == p->cluster);
}

/* Pods go over one after the other; a bad version goes back when the event ends. */
static void roll(struct sim_world *w, const struct sim_event *e) {
  uint32_t had = w->pods, n = 0, i = 0;
  for (uint32_t p = 0; p < had; p++) n += in_target(w, e, p) && w->pod[p].listed_until == SIM_NEVER;
  for (uint32_t p = 0; p < had; p++) {
    if (!in_target(w, e, p) || w->pod[p].listed_until != SIM_NEVER) continue;
    int64_t at = e->at_ns + (int64_t)(e->roll_s * 1e3) * SIM_NS_PER_MS * i++ / n;
    char before[SIM_NAME];
    memcpy(before, w->pod[p].version, sizeof before);
    pod_replace(w, p, at, e->version);
    if (e->unhealthy) pod_replace(w, w->pods - 1, e->at_ns + e->for_ns, before);
  }
}

static void crash(struct sim_world *w, const struct sim_event *e, int pod) {
  if (pod < 0) return;
  struct sim_pod *p = &w->pod[pod];
  p->dead_from = e->at_ns;
  p->listed_until = e->at_ns + CRASH_UNLIST_S * SIM_NS_PER_S;
  char version[SIM_NAME];
  memcpy(version, p->version, sizeof version);
  int fresh = pod_add(w, p->service, p->cluster, version);
  if (fresh >= 0) w->pod[fresh].listed_from = e->at_ns + e->for_ns;
}

static void scale_out(struct sim_world *w, const struct sim_event *e) {
  const struct sim_service *s = &w->conf->service[e->service];
  for (uint32_t k = 0; k < w->conf->clusters; k++) {
    if (!(s->cluster_mask >> k & 1) || (e->cluster >= 0 && (uint32_t)e->cluster != k)) continue;
    for (uint32_t i = 0; i < e->count; i++) {
      int fresh = pod_add(w, (uint32_t)e->service, k, s->version);
      if (fresh < 0) return;
      w->pod[fresh].listed_from = e->at_ns + (int64_t)i * 5 * SIM_NS_PER_S;
      w->pod[fresh].listed_until = e->at_ns + e->for_ns;
    }
  }
}

/* A proxy restarts: out of the endpoints, and what it had not sent yet is gone. */
static void restart(struct sim_pod *p, const struct sim_event *e) {
  p->dead_from = e->at_ns + SIM_NS_PER_S;
  p->dead_until = e->at_ns + e->for_ns;
  p->mute_from = e->at_ns;
  p->mute_until = e->at_ns + e->for_ns;
}

static void mute(struct sim_world *w, const struct sim_event *e) {
  for (uint32_t p = 0; p < w->pods; p++) {
    if (!in_target(w, e, p)) continue;
    w->pod[p].mute_from = e->at_ns;
    w->pod[p].mute_until = e->at_ns + e->for_ns;
  }
}

static void event_pod_find(struct sim_world *w, struct sim_event *e, uint32_t i) {
  w->event_pod[i] = SIM_POD_NONE;
  if (e->pod_nth == -1) return;
  uint32_t n = w->list_n[e->service][e->cluster];
  if (n == 0) return;
  struct sim_rng rng;
  rng_init(&rng, w->conf->key, 3, i);
  uint32_t nth = e->pod_nth == -2 ? rng_below(&rng, n) : (uint32_t)e->pod_nth % n;
  w->event_pod[i] = (int)w->list[e->service][e->cluster][nth];
  memcpy(e->pod, w->pod[w->event_pod[i]].name, sizeof e->pod);
  memcpy(e->version, w->pod[w->event_pod[i]].version, sizeof e->version);
}

static bool event_check(const struct sim_world *w, const struct sim_event *e, uint32_t i) {
  bool pod = e->kind == SIM_EVENT_crash || e->kind == SIM_EVENT_restart;
  bool service = e->kind == SIM_EVENT_rollout || e->kind == SIM_EVENT_scaleout || e->kind == SIM_EVENT_scalezero;
  const char *lacks = pod && w->event_pod[i] < 0                                       ? "a pod"
                      : service && e->service < 0                                      ? "a service"
                      : e->kind == SIM_EVENT_failover && (e->cluster < 0 || e->to < 0) ? "cluster= and to="
                                                                                       : NULL;
  if (lacks) fprintf(stderr, "%s: event %s (%s) needs %s\n", w->conf->name, e->id, sim_event_name[e->kind], lacks);
  return !lacks;
}

static bool event_lay_out(struct sim_world *w, struct sim_event *e, uint32_t i) {
  event_pod_find(w, e, i);
  if (!event_check(w, e, i)) return false;
  switch (e->kind) {
    case SIM_EVENT_rollout: roll(w, e); break;
    case SIM_EVENT_crash: crash(w, e, w->event_pod[i]); break;
    case SIM_EVENT_scaleout: scale_out(w, e); break;
    case SIM_EVENT_restart: restart(&w->pod[w->event_pod[i]], e); break;
    case SIM_EVENT_gap: mute(w, e); break;
    default: break;
  }
  return true;
}

bool world_init(struct sim_world *w, struct sim_conf *conf) {
  memset(w, 0, sizeof *w);
  w->conf = conf;
  lay_out(w);
  capacities(w);
  for (uint32_t i = 0; i < conf->events; i++) {
    if (!event_lay_out(w, &conf->event[i], i)) return false;
  }
  return true;
}

void world_fini(struct sim_world *w) {
  for (uint32_t s = 0; s < SIM_SERVICE_MAX; s++) {
    for (uint32_t k = 0; k < SIM_CLUSTER_MAX; k++) free(w->list[s][k]);
  }
  free(w->pod);
}

/* ---- a moment ---- */

bool world_event_on(const struct sim_event *e, int64_t at_ns) {
  return at_ns >= e->at_ns && at_ns < e->at_ns + e->for_ns;
}

bool world_idle(const struct sim_world *w, uint32_t service, int64_t at_ns) {
  for (uint32_t i = 0; i < w->conf->events; i++) {
    const struct sim_event *e = &w->conf->event[i];
    if (e->kind == SIM_EVENT_scalezero && (uint32_t)e->service == service && world_event_on(e, at_ns)) return true;
  }
  return false;
}

static bool listed(const struct sim_pod *p, int64_t at_ns) {
  if (at_ns < p->listed_from || at_ns >= p->listed_until) return false;
  return p->mute_from == SIM_NEVER || p->dead_until == SIM_NEVER || at_ns < p->dead_from || at_ns >= p->dead_until;
}

static uint32_t count_listed(const struct sim_world *w, uint32_t service, uint32_t cluster, int64_t at_ns) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < w->list_n[service][cluster]; i++) {
    n += listed(&w->pod[w->list[service][cluster][i]], at_ns);
  }
  return n;
}

static int pick_nth(const struct sim_world *w, uint32_t service, uint32_t cluster, int64_t at_ns, uint32_t nth) {
  for (uint32_t i = 0; i < w->list_n[service][cluster]; i++) {
    uint32_t p = w->list[service][cluster][i];
    if (listed(&w->pod[p], at_ns) && nth-- == 0) return (int)p;
  }
  return SIM_POD_NONE;
}

int world_pick(const struct sim_world *w, struct sim_rng *rng, uint32_t service, uint32_t cluster, int64_t at_ns) {
  uint32_t n = count_listed(w, service, cluster, at_ns);
  for (uint32_t k = 0; n == 0 && k < w->conf->clusters; k++) {
    cluster = k;
    n = count_listed(w, service, k, at_ns);
  }
  uint32_t nth = rng_below(rng, n ? n : 1);
  return n ? pick_nth(w, service, cluster, at_ns, nth) : SIM_POD_NONE;
}

bool world_pod_dead(const struct sim_world *w, int pod, int64_t at_ns) {
  const struct sim_pod *p = &w->pod[pod];
  return at_ns >= p->dead_from && at_ns < p->dead_until;
}

double world_load(struct sim_world *w, uint32_t service, uint32_t cluster, int64_t at_ns) {
  struct sim_load *l = &w->load[service][cluster];
  double gap_s = (double)(at_ns - l->last_ns) * 1e-9;
  if (gap_s > 0) {
    l->rate_per_s *= exp(-gap_s / l->tau_s);
    l->last_ns = at_ns;
  }
  uint32_t n = count_listed(w, service, cluster, at_ns);
  double load = l->rate_per_s / (w->pod_capacity_per_s[service] * (n ? n : 1));
  l->rate_per_s += 1 / l->tau_s;
  return 1 / (1 - (load < LOAD_MAX ? load : LOAD_MAX));
}

static bool path_match(const struct sim_world *w, const struct sim_event *e, uint32_t op, int from_pod) {
  const struct sim_op *o = &w->conf->op[op];
  if (e->service >= 0 && (uint32_t)e->service != o->service) return false;
  if (e->op >= 0 && (uint32_t)e->op != op) return false;
  return e->caller < 0 || (uint32_t)e->caller == w->pod[from_pod].service;
}

static bool end_match(const struct sim_world *w, const struct sim_event *e, uint32_t i, int from_pod, int to_pod) {
  const struct sim_pod *p = &w->pod[to_pod];
  if (e->caller_cluster >= 0 && (uint32_t)e->caller_cluster != w->pod[from_pod].cluster) return false;
  if (e->cluster >= 0 && (uint32_t)e->cluster != p->cluster) return false;
  if (w->event_pod[i] >= 0 && w->event_pod[i] != to_pod) return false;
  return !e->version[0] || strcmp(e->version, p->version) == 0;
}

/* A slow network: region= either end is there; cluster= and to= the two ends; service= and caller= the edge. */
static bool net_match(const struct sim_world *w, const struct sim_event *e, uint32_t op, int from_pod, int to_pod) {
  if (!path_match(w, e, op, from_pod)) return false;
  int a = (int)w->pod[from_pod].cluster, b = (int)w->pod[to_pod].cluster;
  if (e->caller_cluster >= 0 && e->caller_cluster != a && e->caller_cluster != b) return false;
  if (e->cluster >= 0 && e->to >= 0) return (a == e->cluster && b == e->to) || (a == e->to && b == e->cluster);
  return e->cluster < 0 || e->cluster == b;
}

int64_t world_net_ns(const struct sim_world *w, uint32_t op, int from_pod, int to_pod, int64_t at_ns) {
  const struct sim_conf *c = w->conf;
  uint32_t a = w->pod[from_pod].cluster, b = w->pod[to_pod].cluster;
  double ms = a == b ? c->set.net_same_ms : c->link_set[a][b] ? c->link_ms[a][b] : c->set.net_cross_ms;
  for (uint32_t i = 0; i < c->events; i++) {
    const struct sim_event *e = &c->event[i];
    bool edge = e->kind == SIM_EVENT_latency && e->caller >= 0;
    if ((e->kind != SIM_EVENT_network && !edge) || !world_event_on(e, at_ns)) continue;
    if (net_match(w, e, op, from_pod, to_pod)) ms += e->add_ms / 2;
  }
  return (int64_t)(ms * 1e6);
}

static void effect_apply(const struct sim_event *e, struct sim_rng *rng, struct sim_effect *x) {
  if (e->add_ms > 0 && (e->tail >= 1 || rng_unit(rng) < e->tail)) x->add_ms += rng_lognormal(rng, e->add_ms, 0.2);
  if (e->factor != 1 && (e->tail >= 1 || rng_unit(rng) < e->tail)) x->factor *= e->factor;
  bool fails = e->kind != SIM_EVENT_latency && rng_unit(rng) < e->prob;
  if (fails && !x->code) {
    x->code = e->code;
    x->flag = e->flag;
  }
}

struct sim_effect world_effect(const struct sim_world *w, struct sim_rng *rng, uint32_t op, int from_pod, int to_pod,
                               int64_t at_ns) {
  struct sim_effect x = {.factor = 1};
  for (uint32_t i = 0; i < w->conf->events; i++) {
    const struct sim_event *e = &w->conf->event[i];
    if (e->kind > SIM_EVENT_timeout && e->kind != SIM_EVENT_rollout) continue;
    if (e->kind == SIM_EVENT_latency && e->caller >= 0) continue;
    if (!world_event_on(e, at_ns)) continue;
    if (path_match(w, e, op, from_pod) && end_match(w, e, i, from_pod, to_pod)) effect_apply(e, rng, &x);
  }
  return x;
}
