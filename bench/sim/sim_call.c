#include "sim_call.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLAG_UH = 2, FLAG_UT = 3, FLAG_UF = 6, FLAG_UC = 7, FLAG_UO = 8, FLAG_DC = 15, FLAG_URX = 16 };
enum { SERVER_TX_NS = 200000, ERROR_BODY = 90, BACKOFF_MS = 25, HANG_MS = 1000, REPICKS_MAX = 5 };

static const int64_t NO_DEADLINE_NS = INT64_MAX / 4; /* sums with it stay in range */
static const double BODY_SIGMA = 0.3, BEFORE_CALLS = 0.6;

/* What is the same for the whole tree. */
struct tree {
  struct sim_run *run;
  struct sim_rng rng;
  char request_id[37], user_ip[16];
  const char *user_agent;
};

struct hop {
  int from, to; /* pods */
  uint32_t op;
  const char *path, *user_agent;
  uint32_t body;
  bool by_user;
};

struct reply {
  uint32_t code;
  enum sim_flag flag;
  int64_t dur_ns;
};

static const char *const agent[] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36",
    "ShopApp/7.3 (Android 15)", "okhttp/4.12.0", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)"};

static int64_t ms(double v) {
  return (int64_t)(v * 1e6);
}

static uint32_t flag_bits(enum sim_flag f) {
  static const uint32_t bit[] = {0, FLAG_UF, FLAG_UH, FLAG_UO, FLAG_UT, FLAG_UC, FLAG_DC};
  return f == SIM_FLAG_NONE ? 0 : 1u << bit[f];
}

static const char *details(enum sim_flag f) {
  switch (f) {
    case SIM_FLAG_UF: return "upstream_reset_before_response_started{connection_failure}";
    case SIM_FLAG_UH: return "no_healthy_upstream";
    case SIM_FLAG_UO: return "upstream_reset_before_response_started{overflow}";
    case SIM_FLAG_UT: return "response_timeout";
    case SIM_FLAG_UC: return "upstream_reset_before_response_started{connection_termination}";
    case SIM_FLAG_DC: return "downstream_remote_disconnect";
    default: return "via_upstream";
  }
}

static void uuid(struct sim_rng *r, char out[37]) {
  uint64_t a = rng_next(r), b = rng_next(r);
  snprintf(out, 37, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff),
           (unsigned)(a & 0xfff), (unsigned)(0x8000 | (b >> 48 & 0x3fff)), (unsigned long long)(b & 0xffffffffffffull));
}

/* {LO-HI} becomes a number of LO's width; a brace that holds no range stays as it is. */
static size_t expand_range(struct sim_rng *r, const char *brace, char *out, size_t room, size_t *used) {
  unsigned lo = 0, hi = 0;
  int width = 0, end = 0;
  if (sscanf(brace, "{%n%u%*[-]%u}%n", &width, &lo, &hi, &end) != 2 || end == 0 || hi < lo) return 0;
  int digits = (int)strspn(brace + 1, "0123456789");
  int n = snprintf(out, room, "%0*u", digits, lo + rng_below(r, hi - lo + 1));
  *used = (size_t)end;
  return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

static void expand(struct sim_rng *r, const char *pattern, char *out, size_t size) {
  size_t n = 0;
  while (*pattern && n + 1 < size) {
    size_t used = 0, got = *pattern == '{' ? expand_range(r, pattern, out + n, size - n, &used) : 0;
    if (got == 0) {
      out[n++] = *pattern++;
    } else {
      n += got;
      pattern += used;
    }
  }
  out[n] = 0;
}

static uint32_t body_bytes(struct tree *t, uint32_t op) {
  return (uint32_t)rng_lognormal(&t->rng, t->run->world->conf->op[op].body_bytes, BODY_SIGMA);
}

static void report(struct tree *t, const struct hop *h, bool inbound, int64_t at_ns, const struct reply *y,
                   int64_t up_tx_ns, uint32_t attempts, uint32_t flags) {
  struct sim_entry e = {.inbound = inbound,
                        .pod = inbound ? h->to : h->from,
                        .peer = inbound ? h->from : h->to,
                        .op = h->op,
                        .start_ns = at_ns,
                        .dur_ns = y->dur_ns,
                        .up_tx_ns = up_tx_ns,
                        .code = y->code,
                        .flags = flags,
                        .details = details(y->flag),
                        .attempts = attempts,
                        .reached = inbound || (y->flag != SIM_FLAG_UH && y->flag != SIM_FLAG_UO),
                        .body_bytes = y->code == 500 ? ERROR_BODY
                                      : y->code      ? h->body
                                                     : 0,
                        .user_agent = h->user_agent,
                        .ports = (uint32_t)rng_next(&t->rng)};
  snprintf(e.path, sizeof e.path, "%s", h->path);
  if (h->by_user) memcpy(e.user_ip, t->user_ip, sizeof e.user_ip);
  memcpy(e.request_id, t->request_id, sizeof e.request_id);
  send_entry(t->run->send, &e);
}

static struct reply call(struct tree *t, int from, const struct sim_call *c, int64_t at_ns, bool by_user);

/* A service's own time of one request. */
static int64_t own_ns(struct tree *t, uint32_t op, int pod, int64_t at_ns, const struct sim_effect *x) {
  struct sim_world *w = t->run->world;
  const struct sim_settings *set = &w->conf->set;
  double own = rng_lognormal(&t->rng, w->conf->op[op].own_ms, set->own_sigma);
  double luck = rng_unit(&t->rng);
  if (luck < set->tail_p)
    own *= rng_lognormal(&t->rng, set->tail_factor, 0.4);
  else if (luck < set->tail_p + set->mode_p)
    own *= set->mode_factor;
  own *= world_load(w, w->pod[pod].service, w->pod[pod].cluster, at_ns) * x->factor;
  return ms(own + x->add_ms);
}

/* The answer that the service would give without calling anyone. */
static uint32_t own_code(struct tree *t, uint32_t op, const struct sim_effect *x) {
  const struct sim_conf *c = t->run->world->conf;
  double luck = rng_unit(&t->rng);
  if (x->code && x->flag == SIM_FLAG_NONE) return x->code;
  if (luck < c->set.err_p) return 500;
  return luck < c->set.err_p + c->op[op].denied_p ? 401 : 200;
}

/* The calls that a service makes, from at_ns on; gives the time of the last answer and the code that comes of it. */
static int64_t call_down(struct tree *t, uint32_t op, int pod, int64_t at_ns, uint32_t *code) {
  const struct sim_world *w = t->run->world;
  const struct sim_op *o = &w->conf->op[op];
  int64_t group_ns = at_ns, end_ns = at_ns;
  for (uint32_t i = 0; i < o->calls; i++) {
    const struct sim_call *c = &o->call[i];
    if (!c->parallel) group_ns = end_ns;
    if (!c->parallel && *code != 200) break;
    bool made = c->prob >= 1 || rng_unit(&t->rng) < c->prob;
    if (!made || world_idle(w, w->conf->op[c->op].service, group_ns)) continue;
    struct reply y = call(t, pod, c, group_ns, false);
    if (group_ns + y.dur_ns > end_ns) end_ns = group_ns + y.dur_ns;
    if (y.code >= 400 && !c->soft && *code == 200) *code = y.code < 500 ? y.code : 500;
  }
  return end_ns;
}

/* The server's side. Past the deadline the caller has gone, and the server's proxy notes it. */
static struct reply serve(struct tree *t, const struct hop *h, int64_t at_ns, int64_t deadline_ns,
                          const struct sim_effect *x) {
  const struct sim_op *o = &t->run->world->conf->op[h->op];
  int64_t own = own_ns(t, h->op, h->to, at_ns, x);
  struct reply y = {.code = own_code(t, h->op, x), .dur_ns = own};
  double luck = rng_unit(&t->rng);
  if (y.code == 200) {
    int64_t before = (int64_t)((double)own * BEFORE_CALLS);
    y.dur_ns = call_down(t, h->op, h->to, at_ns + before, &y.code) - at_ns + own - before;
  }
  if (y.code == 200 && luck < o->missing_p) y.code = 404;
  if (at_ns + y.dur_ns > deadline_ns) {
    y = (struct reply){.code = 0, .flag = SIM_FLAG_DC, .dur_ns = deadline_ns > at_ns ? deadline_ns - at_ns : 0};
  }
  report(t, h, true, at_ns, &y, SERVER_TX_NS, 1, flag_bits(y.flag));
  return y;
}

/* A try that no server answers. */
static struct reply refused(struct tree *t, const struct sim_effect *x) {
  double took = x->flag == SIM_FLAG_UF ? 0.8 + 2.8 * rng_unit(&t->rng) : x->flag == SIM_FLAG_UC ? 2 : 0.15;
  return (struct reply){.code = x->code, .flag = x->flag, .dur_ns = ms(took)};
}

/* A repeated try looks for another pod than the last one (Istio's previous_hosts), a few times. */
static int pick(struct tree *t, const struct hop *h, int64_t at_ns) {
  const struct sim_world *w = t->run->world;
  uint32_t service = w->conf->op[h->op].service;
  int to = SIM_POD_NONE;
  for (int i = 0; i < REPICKS_MAX && (i == 0 || (to == h->to && to >= 0)); i++) {
    to = world_pick(w, &t->rng, service, w->pod[h->from].cluster, at_ns);
  }
  return to;
}

/* One try. *tx_ns: from its start to its first byte upstream, or -1. */
static struct reply attempt(struct tree *t, struct hop *h, int64_t at_ns, int64_t deadline_ns, int64_t *tx_ns) {
  struct sim_world *w = t->run->world;
  h->to = pick(t, h, at_ns);
  struct sim_effect x = {.code = 503, .flag = SIM_FLAG_UH, .factor = 1};
  if (h->to >= 0) x = world_effect(w, &t->rng, h->op, h->from, h->to, at_ns);
  if (h->to >= 0 && world_pod_dead(w, h->to, at_ns)) x = (struct sim_effect){.code = 503, .flag = SIM_FLAG_UF};
  *tx_ns = x.flag == SIM_FLAG_UH || x.flag == SIM_FLAG_UO ? -1 : ms(w->conf->set.net_same_ms);
  if (x.flag != SIM_FLAG_NONE && x.flag != SIM_FLAG_UT) return refused(t, &x);
  if (x.flag == SIM_FLAG_UT) {
    x.add_ms += 1e6;
    if (deadline_ns == NO_DEADLINE_NS) deadline_ns = at_ns + ms(HANG_MS);
  }
  int64_t net = world_net_ns(w, h->op, h->from, h->to, at_ns);
  *tx_ns = net < deadline_ns - at_ns ? net : deadline_ns - at_ns;
  struct reply y = serve(t, h, at_ns + net, deadline_ns == NO_DEADLINE_NS ? NO_DEADLINE_NS : deadline_ns - net, &x);
  y.dur_ns += 2 * net;
  if (y.flag == SIM_FLAG_DC) y = (struct reply){.code = 504, .flag = SIM_FLAG_UT, .dur_ns = deadline_ns - at_ns};
  return y;
}

static bool again(const struct sim_settings *set, const struct sim_call *c, const struct reply *y, uint32_t tries) {
  uint32_t any = c->attempts_5xx ? c->attempts_5xx : (uint32_t)set->attempts_5xx;
  if (y->flag == SIM_FLAG_UT) return false;
  if (y->flag == SIM_FLAG_UF && tries < (uint32_t)set->attempts) return true;
  return y->code >= 500 && tries < any;
}

/* The client's side: tries until an answer stands. */
static struct reply call(struct tree *t, int from, const struct sim_call *c, int64_t at_ns, bool by_user) {
  const struct sim_conf *conf = t->run->world->conf;
  char path[160];
  expand(&t->rng, conf->op[c->op].path, path, sizeof path);
  struct hop h = {.from = from,
                  .to = SIM_POD_NONE,
                  .op = c->op,
                  .path = path,
                  .user_agent = by_user ? t->user_agent : "grpc-go/1.71.0",
                  .body = body_bytes(t, c->op),
                  .by_user = by_user};
  double timeout_ms = c->timeout_ms >= 0 ? c->timeout_ms : conf->set.timeout_ms;
  int64_t deadline_ns = timeout_ms > 0 ? at_ns + ms(timeout_ms) : NO_DEADLINE_NS;
  int64_t before_ns = 0, tx_ns = -1;
  uint32_t tries = 1;
  struct reply y = attempt(t, &h, at_ns, deadline_ns, &tx_ns);
  for (; again(&conf->set, c, &y, tries); tries++) {
    before_ns += y.dur_ns + (y.flag == SIM_FLAG_NONE ? ms(BACKOFF_MS * rng_unit(&t->rng)) : 0);
    y = attempt(t, &h, at_ns + before_ns, deadline_ns, &tx_ns);
  }
  y.dur_ns += before_ns;
  uint32_t flags = flag_bits(y.flag);
  if (tries > 1 && y.code >= 500 && y.flag != SIM_FLAG_UT) flags |= 1u << FLAG_URX;
  report(t, &h, false, at_ns, &y, tx_ns < 0 ? -1 : tx_ns + before_ns, tries, flags);
  return y;
}

void call_user(struct sim_run *r, const struct sim_visit *v) {
  const struct sim_conf *c = r->world->conf;
  struct tree t = {.run = r};
  rng_init(&t.rng, c->key, 5, v->number);
  uuid(&t.rng, t.request_id);
  uint32_t net = rng_below(&t.rng, 4), host = rng_below(&t.rng, 254); /* arguments have no order of their own */
  snprintf(t.user_ip, sizeof t.user_ip, "198.51.%u.%u", 100 + net, 1 + host);
  t.user_agent = agent[rng_below(&t.rng, sizeof agent / sizeof *agent)];
  uint32_t gateway = 0;
  while (!c->service[gateway].is_gateway) gateway++;
  int pod = world_pick(r->world, &t.rng, gateway, v->cluster, v->at_ns);
  if (pod < 0) return;
  struct sim_call k = {.op = v->op, .prob = 1, .timeout_ms = -1};
  struct reply y = call(&t, pod, &k, v->at_ns, true);
  if (v->at_ns >= 0) r->requests++;
  if (v->at_ns >= 0 && y.code >= 500) r->failed++;
}
