#include "sim_world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PODS_MAX = 20000, CRASH_UNLIST_S = 5, DRAIN_S = 2, SHORT_S = 60 };

static const double LOAD_MAX = 0.95, LOAD_REQUESTS = 30;
static const double SHORT_PART = 6;
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

/* A factor on the own time that stays: some machines are slower than others. */
static double lasting(struct sim_rng *rng, double sd) {
  return sd > 0 ? rng_lognormal(rng, 1, sd) : 1;
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
  p->listed_until = p->dead_from = p->dead_until = p->drain_from = SIM_NEVER;
  pod_text(p, &w->conf->service[service], w->pods + 1);
  struct sim_rng rng;
  rng_init(&rng, w->conf->key, 2, w->pods);
  double skew = (rng_unit(&rng) * 2 - 1) * w->conf->set.skew_ms;
  p->skew_ns = (int64_t)(skew * 1e3) * 1000;
  double phase = w->conf->set.flush_phased != 0 ? rng_unit(&rng) * w->conf->set.flush_ms : 0;
  p->phase_ns = (int64_t)(phase * 1e3) * 1000;
  p->slowness = w->slowness[service][cluster] * lasting(&rng, w->conf->set.pod_sd);
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

static void cluster_speeds(struct sim_world *w) {
  for (uint32_t s = 0; s < SIM_SERVICE_MAX; s++) {
    for (uint32_t k = 0; k < SIM_CLUSTER_MAX; k++) {
      struct sim_rng rng;
      rng_init(&rng, w->conf->key, 8, s * SIM_CLUSTER_MAX + k);
      w->slowness[s][k] = lasting(&rng, w->conf->set.cluster_sd);
    }
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
    double all = c->service[s].util > 0 ? rate[s] / c->service[s].util : 1e18;
    w->pod_capacity_per_s[s] = all / pods_at_start(c, s);
    for (uint32_t k = 0; k < c->clusters; k++) {
      struct sim_load *l = &w->load[s][k];
      l->rate_per_s = rate[s] * cluster_part(c, s, k);
      double long_s = l->rate_per_s > 0 ? LOAD_REQUESTS / l->rate_per_s : 0;
      l->tau_s = long_s > c->set.load_tau_s ? long_s : c->set.load_tau_s;
      l->short_tau_s = l->tau_s / SHORT_PART;
      if (l->short_tau_s < long_s) l->short_tau_s = long_s;
      l->short_until_ns = SIM_ALWAYS;
      l->last_ns = LEAD_NS;
    }
  }
}

/* ---- events that move pods ---- */

/* With drain= a pod stays in the endpoints for linger= and is on its way out: its connections break. */
static void pod_drain(const struct sim_world *w, struct sim_pod *p, const struct sim_event *e, int64_t at_ns) {
  if (e->drain_p <= 0) return;
  p->drain_from = at_ns;
  p->listed_until = at_ns + (int64_t)(e->linger_s * 1e3) * SIM_NS_PER_MS;
  p->drain_event = (uint32_t)(e - w->conf->event);
}

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
    pod_drain(w, &w->pod[p], e, at);
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

/* The last pods of each cluster leave in good order, and as many new ones come at the end. */
static void scale_in(struct sim_world *w, const struct sim_event *e) {
  for (uint32_t k = 0; k < w->conf->clusters; k++) {
    uint32_t had = w->list_n[e->service][k], gone = 0;
    if (e->cluster >= 0 && (uint32_t)e->cluster != k) continue;
    for (uint32_t i = had; i > 1 && gone < e->count; i--) {
      struct sim_pod *p = &w->pod[w->list[e->service][k][i - 1]];
      if (p->listed_until != SIM_NEVER || p->listed_from > e->at_ns) continue;
      p->listed_until = e->at_ns + (int64_t)gone++ * 5 * SIM_NS_PER_S;
      pod_drain(w, p, e, p->listed_until);
      int fresh = pod_add(w, (uint32_t)e->service, k, w->conf->service[e->service].version);
      if (fresh < 0) return;
      w->pod[fresh].listed_from = e->at_ns + e->for_ns;
    }
  }
}

/* A proxy restarts: out of the endpoints; that what it had not sent yet is gone, sim_send sees to. */
static void restart(struct sim_pod *p, const struct sim_event *e) {
  p->restarts = true;
  p->dead_from = e->at_ns + SIM_NS_PER_S;
  p->dead_until = e->at_ns + e->for_ns;
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
  bool service = e->kind == SIM_EVENT_rollout || e->kind == SIM_EVENT_scaleout || e->kind == SIM_EVENT_scalein ||
                 e->kind == SIM_EVENT_scalezero || e->kind == SIM_EVENT_storm || e->kind == SIM_EVENT_queue;
  const char *lacks = pod && w->event_pod[i] < 0                                       ? "a pod"
                      : service && e->service < 0                                      ? "a service"
                      : e->kind == SIM_EVENT_failover && (e->cluster < 0 || e->to < 0) ? "cluster= and to="
                                                                                       : NULL;
  if (lacks)
    fprintf(stderr, "%s: event %s (%s) needs %s\n", w->conf->name, e->id, sim_event_trait[e->kind].name, lacks);
  return !lacks;
}

static bool event_lay_out(struct sim_world *w, struct sim_event *e, uint32_t i) {
  w->event_state[i].tries = w->event_state[i].calls = STORM_TRIES;
  event_pod_find(w, e, i);
  if (!event_check(w, e, i)) return false;
  switch (e->kind) {
    case SIM_EVENT_rollout: roll(w, e); break;
    case SIM_EVENT_crash: crash(w, e, w->event_pod[i]); break;
    case SIM_EVENT_scaleout: scale_out(w, e); break;
    case SIM_EVENT_scalein: scale_in(w, e); break;
    case SIM_EVENT_restart: restart(&w->pod[w->event_pod[i]], e); break;
    default: break;
  }
  return true;
}

bool world_init(struct sim_world *w, struct sim_conf *conf) {
  memset(w, 0, sizeof *w);
  w->conf = conf;
  w->now_ns = LEAD_NS;
  cluster_speeds(w);
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

bool world_in_target(const struct sim_world *w, uint32_t i, uint32_t pod) {
  const struct sim_event *e = &w->conf->event[i];
  if (!in_target(w, e, pod)) return false;
  if (w->event_pod[i] >= 0) return w->event_pod[i] == (int)pod;
  return !e->version[0] || strcmp(e->version, w->pod[pod].version) == 0;
}

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
  return !p->restarts || at_ns < p->dead_from || at_ns >= p->dead_until;
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

int64_t world_clock(const struct sim_world *w, int64_t at_ns) {
  int64_t latest = w->now_ns + SIM_NS_PER_S;
  return at_ns < latest ? at_ns : latest;
}

static double load_memory_s(const struct sim_load *l, int64_t at_ns) {
  return at_ns < l->short_until_ns ? l->short_tau_s : l->tau_s;
}

static void load_fade(struct sim_load *l, int64_t at_ns) {
  double gap_s = (double)(at_ns - l->last_ns) * 1e-9;
  if (gap_s <= 0) return;
  l->last_ns = at_ns;
  l->rate_per_s *= exp(-gap_s / load_memory_s(l, at_ns));
}

static double load_capacity(const struct sim_world *w, uint32_t service, uint32_t cluster, int64_t at_ns) {
  uint32_t n = count_listed(w, service, cluster, at_ns);
  return w->pod_capacity_per_s[service] * (n ? n : 1);
}

/* Past LOAD_MAX the memory is short for a while: a queue that was full is worked off in seconds, not in minutes. */
double world_load_now(struct sim_world *w, uint32_t service, uint32_t cluster, int64_t at_ns) {
  struct sim_load *l = &w->load[service][cluster];
  double capacity = load_capacity(w, service, cluster, at_ns);
  at_ns = world_clock(w, at_ns);
  load_fade(l, at_ns);
  double load = l->rate_per_s / capacity;
  if (load > LOAD_MAX) l->short_until_ns = at_ns + SHORT_S * SIM_NS_PER_S;
  return load;
}

double world_load(struct sim_world *w, uint32_t service, uint32_t cluster, int64_t at_ns) {
  struct sim_load *l = &w->load[service][cluster];
  double load = world_load_now(w, service, cluster, at_ns);
  l->rate_per_s += 1 / load_memory_s(l, world_clock(w, at_ns));
  return world_slowdown(load);
}

double world_slowdown(double load) {
  return 1 / (1 - (load < LOAD_MAX ? load : LOAD_MAX));
}

/* Each second the log of a service's own share of failures takes a step; its mean stays. */
double world_err_p(struct sim_world *w, uint32_t service, int64_t at_ns) {
  const struct sim_settings *set = &w->conf->set;
  struct sim_err *x = &w->err[service];
  if (set->err_wander_sd <= 0) return w->conf->service[service].err_p;
  double keep = exp(-1 / set->err_wander_tau_s), sd = set->err_wander_sd;
  for (int64_t second = world_clock(w, at_ns) / SIM_NS_PER_S; x->second < second; x->second++) {
    struct sim_rng rng;
    rng_init(&rng, w->conf->key, 9 + service, (uint64_t)x->second);
    x->log_wander = x->log_wander * keep + sd * sqrt(1 - keep * keep) * log(rng_lognormal(&rng, 1, 1));
  }
  return w->conf->service[service].err_p * exp(x->log_wander - sd * sd / 2);
}
