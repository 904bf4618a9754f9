#include "sim_call.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_effect.h"

enum { FLAG_UH = 2, FLAG_UT = 3, FLAG_UF = 6, FLAG_UC = 7, FLAG_UO = 8, FLAG_DC = 15, FLAG_URX = 16 };
enum { PROXY_TX_NS = 200000, ERROR_BODY = 90, REQ_BODY = 120, BACKOFF_MS = 25, HANG_MS = 1000, REPICKS_MAX = 5 };

static const int64_t FAR_NS = INT64_MAX / 4; /* sums with it stay in range */
static const double BODY_SIGMA = 0.3, BEFORE_CALLS = 0.6, TIMEOUT_PART = 0.8;

/* What is the same for the whole tree. */
struct tree {
  struct sim_run *run;
  struct sim_rng rng;
  char request_id[37], user_ip[16];
  const char *user_agent;
  uint32_t depth; /* of the call that is simulated; 0: the user's */
};

struct hop {
  int from, to; /* pods */
  uint32_t op;
  const char *path, *user_agent;
  uint32_t body, req_body;
  int64_t download_ns; /* of the last try's answer, beyond the usual */
  int64_t timeout_ns;  /* when the caller's proxy gives up (504) */
  int64_t gone_ns;     /* when the caller itself is gone: cancelled */
  bool by_user;
  bool direct; /* past the caller's proxy, or it has none */
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

static uint32_t req_bytes(struct tree *t) {
  double sigma = t->run->world->conf->set.req_sigma;
  return sigma > 0 ? (uint32_t)rng_lognormal(&t->rng, REQ_BODY, sigma) : REQ_BODY;
}

static bool silent(const struct tree *t, int pod) {
  const struct sim_world *w = t->run->world;
  return pod >= 0 && w->conf->service[w->pod[pod].service].silent;
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
                        .download_ns = inbound ? 0 : h->download_ns,
                        .code = y->code,
                        .flags = flags,
                        .details = details(y->flag),
                        .attempts = attempts,
                        .plain_peer = inbound ? h->direct : silent(t, h->to),
                        .reached = inbound || (y->flag != SIM_FLAG_UH && y->flag != SIM_FLAG_UO),
                        .body_bytes = y->code == 500 ? ERROR_BODY
                                      : y->code      ? h->body
                                                     : 0,
                        .req_bytes = h->req_body,
                        .user_agent = h->user_agent,
                        .ports = (uint32_t)rng_next(&t->rng)};
  if (inbound ? silent(t, h->to) : h->direct) return;
  snprintf(e.path, sizeof e.path, "%s", h->path);
  if (h->by_user) memcpy(e.user_ip, t->user_ip, sizeof e.user_ip);
  memcpy(e.request_id, t->request_id, sizeof e.request_id);
  if (t->run->world->conf->set.start_logs != 0) {
    e.at_start = true;
    send_entry(t->run->send, &e);
    e.at_start = false;
  }
  send_entry(t->run->send, &e);
}

/* gone_ns: when the caller itself will be gone, FAR_NS if it waits for ever. */
static struct reply call(struct tree *t, int from, const struct sim_call *c, int64_t at_ns, int64_t gone_ns,
                         bool by_user);

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
  own *= world_load(w, w->pod[pod].service, w->pod[pod].cluster, at_ns) * x->factor * w->pod[pod].slowness;
  return ms(own + x->add_ms);
}

/* The answer that the service would give without calling anyone. */
static uint32_t own_code(struct tree *t, uint32_t op, int64_t at_ns, const struct sim_effect *x) {
  const struct sim_op *o = &t->run->world->conf->op[op];
  double luck = rng_unit(&t->rng), err_p = world_err_p(t->run->world, o->service, at_ns);
  if (x->code && x->flag == SIM_FLAG_NONE) return x->code;
  if (luck < err_p) return 500;
  return luck < err_p + o->denied_p ? 401 : 200;
}

/* The calls that a service makes, from at_ns on; gives the time of the last answer and the code that comes of it. Where
 * the server's own caller has gone, it makes no further calls and gives up those under way. */
static int64_t call_down(struct tree *t, uint32_t op, int pod, int64_t at_ns, int64_t gone_ns, uint32_t *code) {
  const struct sim_world *w = t->run->world;
  const struct sim_op *o = &w->conf->op[op];
  int64_t group_ns = at_ns, end_ns = at_ns;
  for (uint32_t i = 0; i < o->calls; i++) {
    const struct sim_call *c = &o->call[i];
    if (!c->parallel) group_ns = end_ns;
    if (group_ns >= gone_ns || (!c->parallel && *code != 200)) break;
    bool made = c->prob >= 1 || rng_unit(&t->rng) < c->prob;
    if (!made || world_idle(w, w->conf->op[c->op].service, group_ns)) continue;
    struct reply y = call(t, pod, c, group_ns, gone_ns, false);
    if (group_ns + y.dur_ns > end_ns) end_ns = group_ns + y.dur_ns;
    if (y.code >= 400 && !c->soft && *code == 200) *code = y.code < 500 ? y.code : 500;
  }
  return end_ns;
}

/* The server at work from at_ns on. */
static struct reply work(struct tree *t, const struct hop *h, int64_t at_ns, int64_t gone_ns,
                         const struct sim_effect *x) {
  const struct sim_op *o = &t->run->world->conf->op[h->op];
  int64_t own = own_ns(t, h->op, h->to, at_ns, x);
  struct reply y = {.code = own_code(t, h->op, at_ns, x), .dur_ns = own};
  double luck = rng_unit(&t->rng);
  if (y.code == 200) {
    int64_t before = (int64_t)((double)own * BEFORE_CALLS);
    y.dur_ns = call_down(t, h->op, h->to, at_ns + before, gone_ns, &y.code) - at_ns + own - before;
  }
  if (y.code == 200 && luck < o->missing_p) y.code = 404;
  return y;
}

/* The server's side. Past gone_ns the caller has gone, and the server's proxy notes it; a server that holds the request
 * until then has done nothing for it, and called nobody. */
static struct reply serve(struct tree *t, const struct hop *h, int64_t at_ns, int64_t gone_ns,
                          const struct sim_effect *x) {
  int64_t proxy_ns = ms(x->proxy_ms), held_ns = x->hold_until_ns > at_ns ? x->hold_until_ns - at_ns : proxy_ns;
  struct reply y = {.dur_ns = held_ns};
  if (held_ns < gone_ns - at_ns) {
    y = work(t, h, at_ns + held_ns, gone_ns, x);
    y.dur_ns += held_ns;
  }
  if (y.dur_ns >= gone_ns - at_ns) {
    y = (struct reply){.code = 0, .flag = SIM_FLAG_DC, .dur_ns = gone_ns > at_ns ? gone_ns - at_ns : 0};
  }
  report(t, h, true, at_ns, &y, PROXY_TX_NS + proxy_ns, 1, flag_bits(y.flag));
  return y;
}

/* A try that no server answers. */
static struct reply refused(struct tree *t, const struct sim_effect *x) {
  double took = x->late_ms > 0           ? x->late_ms
                : x->flag == SIM_FLAG_UF ? 0.8 + 2.8 * rng_unit(&t->rng)
                : x->flag == SIM_FLAG_UC ? 2
                                         : 0.15;
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

/* What kind of try it will be: by the events, or because its pod is dead or there is none. */
static struct sim_effect fate(struct tree *t, const struct sim_try *y) {
  struct sim_world *w = t->run->world;
  struct sim_effect x = effect_none();
  if (y->to_pod >= 0) x = effect_of(w, &t->rng, y);
  bool dead = y->to_pod >= 0 && world_pod_dead(w, y->to_pod, y->at_ns);
  if (y->to_pod < 0 || dead) {
    x.code = 503;
    x.flag = dead ? SIM_FLAG_UF : SIM_FLAG_UH;
  }
  return x;
}

/* With flag UT the server hangs until its caller gives up; with DC the caller leaves before the server can be done. */
static void fate_waits(struct tree *t, const struct hop *h, int64_t at_ns, struct sim_effect *x, int64_t *timeout_ns,
                       int64_t *gone_ns) {
  if (x->flag == SIM_FLAG_UT) {
    x->hold_until_ns = FAR_NS;
    if (*timeout_ns == FAR_NS && *gone_ns == FAR_NS) *timeout_ns = at_ns + ms(HANG_MS);
  }
  if (x->flag == SIM_FLAG_DC) {
    double own_ms = t->run->world->conf->op[h->op].own_ms * (0.1 + 0.5 * rng_unit(&t->rng));
    int64_t leaves_ns = at_ns + ms(2 * t->run->world->conf->set.net_same_ms + own_ms);
    if (leaves_ns < *gone_ns) *gone_ns = leaves_ns;
  }
}

/* One try. *tx_ns: from its start to its first byte upstream, or -1. */
static struct reply attempt(struct tree *t, struct hop *h, int64_t at_ns, int64_t *tx_ns) {
  struct sim_world *w = t->run->world;
  bool first = h->to == SIM_POD_NONE;
  h->to = pick(t, h, at_ns);
  struct sim_try try = {.op = h->op, .from_pod = h->from, .to_pod = h->to, .at_ns = at_ns, .first = first};
  struct sim_effect x = fate(t, &try);
  int64_t timeout_ns = h->timeout_ns, gone_ns = h->gone_ns;
  *tx_ns = x.flag == SIM_FLAG_UH || x.flag == SIM_FLAG_UO || x.flag == SIM_FLAG_UF ? -1 : PROXY_TX_NS;
  h->download_ns = 0;
  if (x.flag != SIM_FLAG_NONE && x.flag != SIM_FLAG_UT && x.flag != SIM_FLAG_DC) return refused(t, &x);
  fate_waits(t, h, at_ns, &x, &timeout_ns, &gone_ns);
  int64_t until_ns = timeout_ns < gone_ns ? timeout_ns : gone_ns;
  int64_t net = effect_net_ns(w, &try);
  if (*tx_ns > until_ns - at_ns) *tx_ns = until_ns - at_ns;
  h->body = (uint32_t)((double)h->body * x.body_factor);
  h->req_body = (uint32_t)((double)h->req_body * x.req_factor);
  struct reply y = serve(t, h, at_ns + net, until_ns == FAR_NS ? FAR_NS : until_ns - net, &x);
  h->download_ns = y.flag == SIM_FLAG_DC ? 0 : ms(x.download_ms);
  y.dur_ns += 2 * net + h->download_ns;
  if (y.flag != SIM_FLAG_DC) return y;
  if (gone_ns <= timeout_ns) return (struct reply){.flag = SIM_FLAG_DC, .dur_ns = gone_ns - at_ns};
  return (struct reply){.code = 504, .flag = SIM_FLAG_UT, .dur_ns = timeout_ns - at_ns};
}

/* Tries in all that a call may take for any 5xx. */
static uint32_t tries_5xx(const struct tree *t, const struct sim_call *c, int from, int64_t at_ns) {
  const struct sim_world *w = t->run->world;
  uint32_t own = c->attempts_5xx ? c->attempts_5xx : (uint32_t)w->conf->set.attempts_5xx;
  struct sim_try try = {.op = c->op, .from_pod = from, .to_pod = SIM_POD_NONE, .at_ns = at_ns};
  uint32_t more = effect_tries(w, &try);
  return more > own ? more : own;
}

static bool again(const struct tree *t, const struct hop *h, const struct reply *y, uint32_t tries,
                  uint32_t tries_max) {
  if (h->direct) return false;
  if (y->flag == SIM_FLAG_UT || y->flag == SIM_FLAG_DC) return false;
  if (y->flag == SIM_FLAG_UF && tries < (uint32_t)t->run->world->conf->set.attempts) return true;
  return y->code >= 500 && tries < tries_max;
}

/* What the call waits for in its own proxy. */
static int64_t queued_ns(struct tree *t, const struct hop *h, int64_t at_ns) {
  struct sim_try try = {.op = h->op, .from_pod = h->from, .to_pod = SIM_POD_NONE, .at_ns = at_ns};
  return ms(effect_before_ms(t->run->world, &t->rng, &try));
}

/* Tries until an answer stands. *before_ns: what passed before the last try. */
static struct reply attempts(struct tree *t, struct hop *h, uint32_t tries_max, int64_t at_ns, int64_t *before_ns,
                             int64_t *tx_ns, uint32_t *tries) {
  uint32_t body = h->body, req_body = h->req_body;
  *before_ns = queued_ns(t, h, at_ns);
  *tries = 1;
  struct reply y = attempt(t, h, at_ns + *before_ns, tx_ns);
  while (again(t, h, &y, *tries, tries_max)) {
    int64_t pause_ns = y.dur_ns + (y.flag == SIM_FLAG_NONE ? ms(BACKOFF_MS * rng_unit(&t->rng)) : 0);
    int64_t next_ns = at_ns + *before_ns + pause_ns;
    if (next_ns >= h->timeout_ns || next_ns >= h->gone_ns) break;
    *before_ns += pause_ns;
    h->body = body;
    h->req_body = req_body;
    y = attempt(t, h, next_ns, tx_ns);
    ++*tries;
  }
  return y;
}

/* The client's side. */
static struct reply call(struct tree *t, int from, const struct sim_call *c, int64_t at_ns, int64_t gone_ns,
                         bool by_user) {
  const struct sim_conf *conf = t->run->world->conf;
  char path[160];
  expand(&t->rng, conf->op[c->op].path, path, sizeof path);
  double timeout_ms = c->timeout_ms >= 0 ? c->timeout_ms : conf->set.timeout_ms * pow(TIMEOUT_PART, t->depth);
  struct hop h = {.from = from,
                  .to = SIM_POD_NONE,
                  .op = c->op,
                  .path = path,
                  .user_agent = by_user ? t->user_agent : "grpc-go/1.71.0",
                  .timeout_ns = timeout_ms > 0 ? at_ns + ms(timeout_ms) : FAR_NS,
                  .gone_ns = gone_ns,
                  .by_user = by_user,
                  .direct = c->direct || silent(t, from)};
  h.body = body_bytes(t, c->op);
  h.req_body = req_bytes(t);
  int64_t before_ns, tx_ns = -1;
  uint32_t tries;
  t->depth++;
  struct reply y = attempts(t, &h, tries_5xx(t, c, from, at_ns), at_ns, &before_ns, &tx_ns, &tries);
  t->depth--;
  y.dur_ns += before_ns;
  uint32_t flags = flag_bits(y.flag);
  if (tries > 1 && y.code >= 500 && y.flag != SIM_FLAG_UT) flags |= 1u << FLAG_URX;
  report(t, &h, false, at_ns, &y, tx_ns < 0 ? -1 : tx_ns + before_ns, tries, flags);
  return y;
}

void call_user(struct sim_run *r, const struct sim_visit *v) {
  const struct sim_conf *c = r->world->conf;
  struct tree t = {.run = r};
  if (v->at_ns > r->world->now_ns) r->world->now_ns = v->at_ns;
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
  struct reply y = call(&t, pod, &k, v->at_ns, FAR_NS, true);
  if (v->at_ns >= 0) r->requests++;
  if (v->at_ns >= 0 && y.code >= 500) r->failed++;
}
