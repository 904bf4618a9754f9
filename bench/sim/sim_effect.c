#include "sim_effect.h"

#include <math.h>
#include <string.h>

static const double QUEUE_FULL = 0.8; /* the load from which a queue refuses */
static const double STORM_SLOW_MAX = 20;

/* ---- whom an event is about ---- */

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
static bool net_match(const struct sim_world *w, const struct sim_event *e, const struct sim_try *t) {
  if (!path_match(w, e, t->op, t->from_pod)) return false;
  int a = (int)w->pod[t->from_pod].cluster, b = (int)w->pod[t->to_pod].cluster;
  if (e->caller_cluster >= 0 && e->caller_cluster != a && e->caller_cluster != b) return false;
  if (e->cluster >= 0 && e->to >= 0) return (a == e->cluster && b == e->to) || (a == e->to && b == e->cluster);
  return e->cluster < 0 || e->cluster == b;
}

int64_t effect_net_ns(const struct sim_world *w, const struct sim_try *t) {
  const struct sim_conf *c = w->conf;
  uint32_t a = w->pod[t->from_pod].cluster, b = w->pod[t->to_pod].cluster;
  double ms = a == b ? c->set.net_same_ms : c->link_set[a][b] ? c->link_ms[a][b] : c->set.net_cross_ms;
  for (uint32_t i = 0; i < c->events; i++) {
    const struct sim_event *e = &c->event[i];
    bool way = e->kind == SIM_EVENT_latency && e->place == SIM_PLACE_network;
    if ((e->kind != SIM_EVENT_network && !way) || !world_event_on(e, t->at_ns)) continue;
    if (net_match(w, e, t)) ms += e->add_ms / 2;
  }
  return (int64_t)(ms * 1e6);
}

/* ---- what it does ---- */

/* How much of the event has passed, 0 to 1. */
static double progress(const struct sim_event *e, int64_t at_ns) {
  return (double)(at_ns - e->at_ns) / (double)e->for_ns;
}

static void fail_with(const struct sim_event *e, struct sim_effect *x) {
  if (x->code || x->flag != SIM_FLAG_NONE) return;
  x->code = e->code;
  x->flag = e->flag;
}

/* Milliseconds that a latency puts at its place; 0 where it spares this request. */
static double place_ms(const struct sim_event *e, struct sim_rng *rng) {
  bool hit = e->add_ms > 0 && (e->tail >= 1 || rng_unit(rng) < e->tail);
  return hit ? rng_lognormal(rng, e->add_ms, 0.2) : 0;
}

/* A latency at a place other than the server itself. True where the request was touched. */
static bool slow_place(const struct sim_event *e, struct sim_rng *rng, bool first, struct sim_effect *x) {
  double ms = e->place == SIM_PLACE_retries && !first ? 0 : place_ms(e, rng);
  if (ms <= 0) return false;
  if (e->place == SIM_PLACE_server_proxy) x->proxy_ms += ms;
  if (e->place == SIM_PLACE_download) x->download_ms += ms;
  if (e->place == SIM_PLACE_retries) {
    x->late_ms += ms;
    x->code = 503;
    x->flag = SIM_FLAG_UF;
  }
  return true;
}

/* True where the request was touched. */
static bool slow_down(const struct sim_event *e, struct sim_rng *rng, struct sim_effect *x) {
  bool hit = false;
  if (e->add_ms > 0 && (e->tail >= 1 || rng_unit(rng) < e->tail)) {
    x->add_ms += rng_lognormal(rng, e->add_ms, 0.2);
    hit = true;
  }
  if (e->factor != 1 && (e->tail >= 1 || rng_unit(rng) < e->tail)) {
    x->factor *= e->factor;
    hit = true;
  }
  return hit;
}

static void drift(const struct sim_event *e, int64_t at_ns, struct sim_effect *x) {
  double part = progress(e, at_ns);
  x->factor *= 1 + (e->factor - 1) * part;
  x->add_ms += e->add_ms * part;
  if (e->per_day != 0) x->factor *= pow(1 + e->per_day, (double)(at_ns - e->at_ns) * 1e-9 / 86400);
}

/* The share of failures grows from the service's own to prob. */
static double ramp_p(const struct sim_world *w, const struct sim_event *e, const struct sim_try *t) {
  double own = w->conf->service[w->conf->op[t->op].service].err_p;
  return (e->prob > own ? e->prob - own : 0) * progress(e, t->at_ns);
}

static bool hang(const struct sim_event *e, struct sim_rng *rng, struct sim_effect *x) {
  bool held = rng_unit(rng) < e->prob;
  int64_t end_ns = e->at_ns + e->for_ns;
  if (held && x->hold_until_ns < end_ns) x->hold_until_ns = end_ns;
  return held;
}

static void refuse(struct sim_effect *x, enum sim_flag flag) {
  x->code = 503;
  x->flag = flag;
}

/* What finds the queue full. */
static bool overflows(struct sim_rng *rng, double load, double full) {
  return rng_unit(rng) * load < load - full;
}

/* The capacity falls by factor: requests take as long as that load makes them, and what finds the queue full is
 * refused. */
static void queue(struct sim_world *w, const struct sim_event *e, struct sim_rng *rng, const struct sim_try *t,
                  struct sim_effect *x) {
  const struct sim_pod *p = &w->pod[t->to_pod];
  double load = world_load_now(w, p->service, p->cluster, t->at_ns);
  x->factor *= world_slowdown(load * e->factor) / world_slowdown(load);
  if (overflows(rng, load * e->factor, QUEUE_FULL)) refuse(x, SIM_FLAG_UO);
}

/* Past full_load a service refuses without any event, and the surges and failovers that bring it there keep count. */
static void capacity(struct sim_world *w, struct sim_rng *rng, const struct sim_try *t, struct sim_effect *x) {
  const struct sim_pod *p = &w->pod[t->to_pod];
  double full = w->conf->set.full_load, load = full > 0 ? world_load_now(w, p->service, p->cluster, t->at_ns) : 0;
  if (load <= full || !overflows(rng, load, full)) return;
  refuse(x, SIM_FLAG_UO);
  for (uint32_t i = 0; i < w->conf->events; i++) {
    const struct sim_event *e = &w->conf->event[i];
    struct sim_event_state *s = &w->event_state[i];
    if ((e->kind != SIM_EVENT_surge && e->kind != SIM_EVENT_failover) || !world_event_on(e, t->at_ns)) continue;
    if (s->refused_first_ns == 0) s->refused_first_ns = t->at_ns;
    s->refused[p->service][p->cluster]++;
  }
}

/* A pod that leaves breaks the connections that it has (UC), and a moment later takes no new ones (UF, tried again). */
static void drain(struct sim_world *w, struct sim_rng *rng, const struct sim_try *t, struct sim_effect *x) {
  const struct sim_pod *p = &w->pod[t->to_pod];
  if (t->at_ns < p->drain_from || rng_unit(rng) >= w->conf->event[p->drain_event].drain_p) return;
  enum sim_flag flag = w->conf->event[p->drain_event].flag;
  bool closed = t->at_ns - p->drain_from > (p->listed_until - p->drain_from) / 2;
  refuse(x, flag != SIM_FLAG_NONE ? flag : closed ? SIM_FLAG_UF : SIM_FLAG_UC);
  w->event_state[p->drain_event].drained++;
}

/* Retries alone keep it going. The target serves factor times the calls that come; of their tries, which are more, all
 * take time and most in vain: the share that is answered is (factor * calls / tries)^2, over the last STORM_TRIES. */
static bool storm(struct sim_world *w, uint32_t i, struct sim_rng *rng, const struct sim_try *t, struct sim_effect *x) {
  const struct sim_event *e = &w->conf->event[i];
  struct sim_event_state *s = &w->event_state[i];
  s->tries += 1 - s->tries / STORM_TRIES;
  s->calls += (t->first ? 1 : 0) - s->calls / STORM_TRIES;
  double over = s->tries / (s->calls * e->factor);
  double good = over > 1 ? 1 / (over * over) : 1;
  bool trigger = (double)(t->at_ns - e->at_ns) * 1e-9 < e->trigger_s;
  if (trigger && good > 1 - e->prob) good = 1 - e->prob;
  if (over > 1) x->factor *= over * over < STORM_SLOW_MAX ? over * over : STORM_SLOW_MAX;
  return rng_unit(rng) >= good;
}

static void take_hit(struct sim_event_state *s, int64_t at_ns) {
  if (s->hits++ == 0) s->hit_first_ns = at_ns;
  s->hit_last_ns = at_ns;
}

/* Event i is on and about this try. */
static void apply(struct sim_world *w, uint32_t i, struct sim_rng *rng, const struct sim_try *t, struct sim_effect *x) {
  const struct sim_event *e = &w->conf->event[i];
  struct sim_event_state *s = &w->event_state[i];
  if (e->hits && s->hits >= e->hits) return;
  bool hit = false, fails = false;
  switch (e->kind) {
    case SIM_EVENT_drift: drift(e, t->at_ns, x); break;
    case SIM_EVENT_hang: hit = hang(e, rng, x); break;
    case SIM_EVENT_queue: queue(w, e, rng, t, x); break;
    case SIM_EVENT_bytes: *(e->of_requests ? &x->req_factor : &x->body_factor) *= e->factor; break;
    case SIM_EVENT_ramp: fails = rng_unit(rng) < ramp_p(w, e, t); break;
    case SIM_EVENT_storm: fails = storm(w, i, rng, t, x); break;
    case SIM_EVENT_latency:
      hit = e->place == SIM_PLACE_application ? slow_down(e, rng, x) : slow_place(e, rng, t->first, x);
      break;
    default: hit = slow_down(e, rng, x); fails = rng_unit(rng) < e->prob;
  }
  if (fails) fail_with(e, x);
  if (hit || fails) take_hit(s, t->at_ns);
}

struct sim_effect effect_none(void) {
  return (struct sim_effect){.factor = 1, .body_factor = 1, .req_factor = 1, .hold_until_ns = SIM_ALWAYS};
}

struct sim_effect effect_of(struct sim_world *w, struct sim_rng *rng, const struct sim_try *t) {
  struct sim_effect x = effect_none();
  for (uint32_t i = 0; i < w->conf->events; i++) {
    const struct sim_event *e = &w->conf->event[i];
    bool on_way = e->kind == SIM_EVENT_latency && (e->place == SIM_PLACE_network || e->place == SIM_PLACE_client_proxy);
    if (!sim_event_trait[e->kind].acts || on_way) continue;
    if (!world_event_on(e, t->at_ns)) continue;
    if (path_match(w, e, t->op, t->from_pod) && end_match(w, e, i, t->from_pod, t->to_pod)) apply(w, i, rng, t, &x);
  }
  if (x.flag == SIM_FLAG_NONE) drain(w, rng, t, &x);
  if (x.flag == SIM_FLAG_NONE) capacity(w, rng, t, &x);
  return x;
}

double effect_before_ms(const struct sim_world *w, struct sim_rng *rng, const struct sim_try *t) {
  double ms = 0;
  for (uint32_t i = 0; i < w->conf->events; i++) {
    const struct sim_event *e = &w->conf->event[i];
    if (e->kind != SIM_EVENT_latency || e->place != SIM_PLACE_client_proxy) continue;
    if (world_event_on(e, t->at_ns) && path_match(w, e, t->op, t->from_pod)) ms += place_ms(e, rng);
  }
  return ms;
}

uint32_t effect_tries(const struct sim_world *w, const struct sim_try *t) {
  uint32_t tries = 0;
  for (uint32_t i = 0; i < w->conf->events; i++) {
    const struct sim_event *e = &w->conf->event[i];
    if (e->kind != SIM_EVENT_storm && e->kind != SIM_EVENT_retrymask && e->kind != SIM_EVENT_queue) continue;
    if (!world_event_on(e, t->at_ns) || !path_match(w, e, t->op, t->from_pod)) continue;
    if (e->count > tries) tries = e->count;
  }
  return tries;
}
