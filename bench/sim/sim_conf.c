#include "sim_conf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_rng.h"

enum { WORDS_MAX = 32, LINE_MAX_BYTES = 1024, DEPTH_MAX = 4 };

#define X(name, healthy, acts, fails, prob, factor, count) {#name, healthy, acts, fails, prob, factor, count},
const struct sim_event_trait sim_event_trait[SIM_EVENT_KINDS] = {SIM_EVENT_TABLE(X)};
#undef X

static const char *const flag_name[] = {"", "UF", "UH", "UO", "UT", "UC", "DC"};

const char *conf_flag_name(enum sim_flag f) {
  return flag_name[f];
}

#define X(name) #name,
static const char *const place_name[] = {SIM_PLACE_TABLE(X)};
#undef X

const char *conf_place_name(enum sim_place p) {
  return place_name[p];
}

/* One line, cut into words; where and what is wrong with it. */
struct line {
  struct sim_conf *conf;
  struct sim_rng *rng;
  const char *file;
  unsigned number, depth;
  char text[LINE_MAX_BYTES];
  char *word[WORDS_MAX];
  unsigned words;
  bool used[WORDS_MAX];
  bool bad;
};

static bool fail(struct line *l, const char *why, const char *what) {
  if (!l->bad) fprintf(stderr, "%s:%u: %s: %s\n", l->file, l->number, why, what);
  l->bad = true;
  return false;
}

static void cut(struct line *l) {
  char *hash = strchr(l->text, '#');
  /* '#' starts a comment only at a word's start: pod=cart@east-1#2 holds one */
  while (hash && hash > l->text && !isspace((unsigned char)hash[-1])) hash = strchr(hash + 1, '#');
  if (hash) *hash = 0;
  char *save = NULL;
  l->words = 0;
  for (char *w = strtok_r(l->text, " \t\r\n", &save); w; w = strtok_r(NULL, " \t\r\n", &save)) {
    if (l->words == WORDS_MAX) {
      fail(l, "too many words", w);
      return;
    }
    l->used[l->words] = false;
    l->word[l->words++] = w;
  }
}

/* Of alternatives a|b|c the seed takes one. */
static char *choose(struct line *l, char *text) {
  if (!strchr(text, '|')) return text;
  uint32_t n = 1;
  for (char *p = text; *p; p++) n += *p == '|';
  uint32_t pick = rng_below(l->rng, n);
  for (; pick; pick--) text = strchr(text, '|') + 1;
  char *end = strchr(text, '|');
  if (end) *end = 0;
  return text;
}

static char *get(struct line *l, const char *key) {
  size_t n = strlen(key);
  for (unsigned i = 1; i < l->words; i++) {
    if (strncmp(l->word[i], key, n) == 0 && l->word[i][n] == '=') {
      l->used[i] = true;
      return choose(l, l->word[i] + n + 1);
    }
  }
  return NULL;
}

static char *need(struct line *l, unsigned i) {
  if (i >= l->words) {
    fail(l, "a word is missing after", l->words ? l->word[l->words - 1] : "");
    return NULL;
  }
  l->used[i] = true;
  return l->word[i];
}

static double number(struct line *l, const char *text) {
  char *end = NULL;
  double v = strtod(text, &end);
  if (end == text || *end || v != v || v > 1e15 || v < -1e15) fail(l, "not a number", text);
  return v;
}

static double get_number(struct line *l, const char *key, double def) {
  char *v = get(l, key);
  return v ? number(l, v) : def;
}

static bool take_name(struct line *l, char *out, size_t size, const char *text) {
  if (!text) return false;
  size_t n = strlen(text);
  if (n == 0 || n >= size) return fail(l, "name too long or empty", text);
  memcpy(out, text, n + 1);
  return true;
}

static void get_name(struct line *l, const char *key, char *out, size_t size, const char *def) {
  char *v = get(l, key);
  take_name(l, out, size, v ? v : def);
}

static int find_cluster(struct line *l, const char *name) {
  for (uint32_t i = 0; i < l->conf->clusters; i++) {
    if (strcmp(l->conf->cluster[i].name, name) == 0) return (int)i;
  }
  fail(l, "no such cluster", name);
  return -1;
}

static int find_region(struct line *l, const char *name) {
  for (uint32_t i = 0; i < l->conf->clusters; i++) {
    if (strcmp(l->conf->cluster[i].region, name) == 0) return (int)i;
  }
  fail(l, "no such region", name);
  return -1;
}

static int find_service(struct line *l, const char *name) {
  for (uint32_t i = 0; i < l->conf->services; i++) {
    if (strcmp(l->conf->service[i].name, name) == 0) return (int)i;
  }
  fail(l, "no such service", name);
  return -1;
}

static int find_op(struct line *l, const char *name) {
  for (uint32_t i = 0; i < l->conf->ops; i++) {
    if (strcmp(l->conf->op[i].name, name) == 0) return (int)i;
  }
  fail(l, "no such operation", name);
  return -1;
}

static void read_cluster(struct line *l) {
  struct sim_conf *c = l->conf;
  if (c->clusters == SIM_CLUSTER_MAX) {
    fail(l, "too many clusters", "");
    return;
  }
  struct sim_cluster *k = &c->cluster[c->clusters++];
  take_name(l, k->name, sizeof k->name, need(l, 1));
  get_name(l, "region", k->region, sizeof k->region, k->name);
  char zone[SIM_NAME + 2];
  snprintf(zone, sizeof zone, "%s-a", k->region);
  get_name(l, "zone", k->zone, sizeof k->zone, zone);
  k->share = get_number(l, "share", 1);
}

static uint32_t read_mask(struct line *l) {
  char *list = get(l, "clusters");
  if (!list) return (1u << l->conf->clusters) - 1;
  uint32_t mask = 0;
  char *save = NULL;
  for (char *w = strtok_r(list, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
    int k = find_cluster(l, w);
    if (k >= 0) mask |= 1u << k;
  }
  return mask;
}

static void read_service(struct line *l, bool is_gateway) {
  struct sim_conf *c = l->conf;
  if (c->services == SIM_SERVICE_MAX) {
    fail(l, "too many services", "");
    return;
  }
  struct sim_service *s = &c->service[c->services++];
  take_name(l, s->name, sizeof s->name, need(l, 1));
  get_name(l, "ns", s->ns, sizeof s->ns, is_gateway ? "istio-system" : "shop");
  get_name(l, "version", s->version, sizeof s->version, "v1");
  s->pods = (uint32_t)get_number(l, "pods", is_gateway ? 1 : 3);
  s->cluster_mask = read_mask(l);
  s->is_gateway = is_gateway;
  s->silent = get_number(l, "proxy", 1) == 0;
  if (s->silent && is_gateway) fail(l, "a gateway is a proxy", s->name);
}

static void read_extra(struct line *l) {
  struct sim_conf *c = l->conf;
  if (c->extras == SIM_EXTRA_MAX) {
    fail(l, "too many extra versions", "");
    return;
  }
  struct sim_extra *e = &c->extra[c->extras++];
  char *name = need(l, 1);
  int s = name ? find_service(l, name) : -1;
  if (s < 0) return;
  e->service = (uint32_t)s;
  get_name(l, "version", e->version, sizeof e->version, "v2");
  e->pods = (uint32_t)get_number(l, "pods", 1);
}

static void read_tune(struct line *l) {
  char *name = need(l, 1);
  int s = name ? find_service(l, choose(l, name)) : -1;
  if (s < 0) return;
  char *v;
  struct sim_service *t = &l->conf->service[s];
  if ((t->err_tuned = (v = get(l, "err")) != NULL)) t->err_p = number(l, v);
  if ((t->util_tuned = (v = get(l, "util")) != NULL)) t->util = number(l, v);
}

static void read_op(struct line *l) {
  struct sim_conf *c = l->conf;
  char *name = need(l, 1), *method = need(l, 2), *path = need(l, 3);
  if (!path || c->ops == SIM_OP_MAX) {
    fail(l, "too many operations or too few words", "op");
    return;
  }
  struct sim_op *o = &c->op[c->ops++];
  take_name(l, o->name, sizeof o->name, name);
  take_name(l, o->method, sizeof o->method, method);
  take_name(l, o->path, sizeof o->path, path);
  get_name(l, "route", o->route, sizeof o->route, "default");
  o->own_ms = get_number(l, "own", 1);
  o->body_bytes = get_number(l, "body", 500);
  o->weight = get_number(l, "weight", 0);
  o->denied_p = get_number(l, "denied", 0);
  o->missing_p = get_number(l, "missing", 0);
  char *dot = strchr(name, '.');
  if (!dot) {
    fail(l, "an operation is called service.op, not", name);
    return;
  }
  *dot = 0;
  int s = find_service(l, name);
  o->service = s < 0 ? 0 : (uint32_t)s;
}

static void read_call(struct line *l) {
  char *from = need(l, 1), *to = need(l, 2);
  if (!to) return;
  int a = find_op(l, from), b = find_op(l, to);
  if (a < 0 || b < 0) return;
  struct sim_op *o = &l->conf->op[a];
  if (o->calls == SIM_CALL_MAX) {
    fail(l, "too many calls of", from);
    return;
  }
  if (b <= a) {
    fail(l, "a call goes to an operation that is written further down, so that no circle arises", to);
    return;
  }
  struct sim_call *k = &o->call[o->calls++];
  k->op = (uint32_t)b;
  k->prob = get_number(l, "prob", 1);
  k->soft = get_number(l, "soft", 0) != 0;
  k->parallel = get_number(l, "parallel", 0) != 0;
  k->direct = get_number(l, "direct", 0) != 0;
  k->attempts_5xx = (uint32_t)get_number(l, "attempts_5xx", 0);
  k->timeout_ms = get_number(l, "timeout", -1);
}

static void read_link(struct line *l) {
  char *a = need(l, 1), *b = need(l, 2), *ms = need(l, 3);
  if (!ms) return;
  int i = find_cluster(l, a), j = find_cluster(l, b);
  if (i < 0 || j < 0) return;
  l->conf->link_ms[i][j] = l->conf->link_ms[j][i] = number(l, ms);
  l->conf->link_set[i][j] = l->conf->link_set[j][i] = true;
}

static void read_setting(struct line *l) {
  char *name = need(l, 1), *text = need(l, 2);
  if (!text) return;
  double v = number(l, text);
#define X(key, def, lo, hi)                                  \
  if (strcmp(name, #key) == 0) {                             \
    if (v < (lo) || v > (hi)) fail(l, "out of range", text); \
    l->conf->set.key = v;                                    \
    return;                                                  \
  }
  SIM_SETTING_TABLE(X)
#undef X
  fail(l, "no such setting", name);
}

static enum sim_event_kind read_kind(struct line *l, const char *name) {
  for (int i = 0; name && i < SIM_EVENT_KINDS; i++) {
    if (strcmp(sim_event_trait[i].name, name) == 0) return (enum sim_event_kind)i;
  }
  fail(l, "no such event", name ? name : "");
  return SIM_EVENT_errors;
}

static enum sim_flag read_flag(struct line *l) {
  char *v = get(l, "flag");
  if (!v) return SIM_FLAG_NONE;
  for (int i = 1; i <= SIM_FLAG_DC; i++) {
    if (strcmp(flag_name[i], v) == 0) return (enum sim_flag)i;
  }
  fail(l, "no such flag", v);
  return SIM_FLAG_NONE;
}

/* place=: without it an edge's latency is that of its network. */
static void read_place(struct line *l, struct sim_event *e) {
  char *v = get(l, "place");
  e->has_place = v != NULL;
  e->place = e->kind == SIM_EVENT_latency && e->caller >= 0 ? SIM_PLACE_network : SIM_PLACE_application;
  if (!v) return;
  int i = 0;
  while (i < SIM_PLACES && strcmp(place_name[i], v) != 0) i++;
  if (i == SIM_PLACES || e->kind != SIM_EVENT_latency)
    fail(l, "no such place, or not an event of kind latency", v);
  else
    e->place = (enum sim_place)i;
}

/* pod=2 or pod=*: one of the pods of service= in cluster=. */
static void read_pod(struct line *l, struct sim_event *e) {
  char *pod = get(l, "pod");
  e->pod_nth = -1;
  if (!pod) return;
  e->pod_nth = strcmp(pod, "*") == 0 ? -2 : (int)number(l, pod);
  if (e->service < 0 || e->cluster < 0) fail(l, "pod= needs service= and cluster=", pod);
}

/* edge=CALLER>SERVICE: both at once, so that the seed can choose among pairs. */
static void read_edge(struct line *l, struct sim_event *e) {
  char *v = get(l, "edge"), *to = v ? strchr(v, '>') : NULL;
  if (!v) return;
  if (!to) {
    fail(l, "edge= is CALLER>SERVICE", v);
    return;
  }
  *to = 0;
  e->caller = find_service(l, v);
  e->service = find_service(l, to + 1);
}

static void read_target(struct line *l, struct sim_event *e) {
  char *v;
  e->service = e->cluster = e->op = e->caller = e->to = e->caller_cluster = -1;
  if ((v = get(l, "op"))) {
    e->op = find_op(l, v);
    if (e->op >= 0) e->service = (int)l->conf->op[e->op].service;
  }
  if ((v = get(l, "service"))) e->service = find_service(l, v);
  if ((v = get(l, "cluster"))) e->cluster = find_cluster(l, v);
  if ((v = get(l, "region"))) e->caller_cluster = find_region(l, v);
  if ((v = get(l, "caller"))) e->caller = find_service(l, v);
  read_edge(l, e);
  if ((v = get(l, "to"))) e->to = find_cluster(l, v);
  if ((v = get(l, "version"))) take_name(l, e->version, sizeof e->version, v);
  read_pod(l, e);
}

static enum sim_flag default_flag(enum sim_event_kind kind) {
  switch (kind) {
    case SIM_EVENT_outage: return SIM_FLAG_UH;
    case SIM_EVENT_overload: return SIM_FLAG_UO;
    case SIM_EVENT_timeout: return SIM_FLAG_UT;
    default: return SIM_FLAG_NONE;
  }
}

static uint32_t default_code(const struct sim_event *e) {
  bool shed = e->kind == SIM_EVENT_storm || e->kind == SIM_EVENT_retrymask;
  switch (e->flag) {
    case SIM_FLAG_NONE: return shed ? 503 : 500;
    case SIM_FLAG_UT: return 504;
    case SIM_FLAG_DC: return 0;
    default: return 503;
  }
}

static void event_defaults(struct sim_event *e) {
  const struct sim_event_trait *trait = &sim_event_trait[e->kind];
  e->unhealthy = !trait->healthy || e->overloads;
  if (e->flag == SIM_FLAG_NONE) e->flag = default_flag(e->kind);
  if (!e->has_prob) e->prob = trait->prob;
  if (!e->has_code) e->code = default_code(e);
  if (!e->has_factor) e->factor = trait->factor;
  if (e->kind == SIM_EVENT_rollout) e->unhealthy = e->has_prob || e->has_factor || e->has_add;
  if (e->kind == SIM_EVENT_rollout && !e->version[0]) (void)snprintf(e->version, sizeof e->version, "v2");
}

static void read_effect(struct line *l, struct sim_event *e) {
  char *v;
  if ((e->has_prob = (v = get(l, "prob")) != NULL)) e->prob = number(l, v);
  if ((e->has_factor = (v = get(l, "factor")) != NULL)) e->factor = number(l, v);
  if ((e->has_add = (v = get(l, "add")) != NULL)) e->add_ms = number(l, v);
  if ((e->has_code = (v = get(l, "code")) != NULL)) e->code = (uint32_t)number(l, v);
  e->tail = get_number(l, "tail", 1);
  e->roll_s = get_number(l, "roll", 40);
  e->ramp_s = get_number(l, "ramp", 0);
  e->per_day = get_number(l, "per_day", 0);
  e->trigger_s = get_number(l, "trigger", 10);
  e->drain_p = get_number(l, "drain", 0);
  e->linger_s = get_number(l, "linger", 2);
  e->overloads = get_number(l, "overloads", 0) != 0;
  e->count = (uint32_t)get_number(l, "count", sim_event_trait[e->kind].count);
  e->hits = (uint32_t)get_number(l, "hits", 0);
  e->of_requests = get_number(l, "req", 0) != 0;
  e->flag = read_flag(l);
  read_place(l, e);
  event_defaults(e);
  e->unhealthy = get_number(l, "unhealthy", e->unhealthy) != 0;
  bool users = e->kind == SIM_EVENT_surge || e->kind == SIM_EVENT_failover;
  bool leaves = e->kind == SIM_EVENT_rollout || e->kind == SIM_EVENT_scalein;
  if (e->overloads && (!users || l->conf->set.full_load <= 0))
    fail(l, "a surge or failover with full_load set overloads, not", e->id);
  if (e->drain_p > 0 && !leaves) fail(l, "pods leave in a rollout or scalein, not in", sim_event_trait[e->kind].name);
}

static void read_event(struct line *l) {
  struct sim_conf *c = l->conf;
  if (c->events == SIM_EVENT_MAX) {
    fail(l, "too many events", "");
    return;
  }
  struct sim_event *e = &c->event[c->events++];
  memset(e, 0, sizeof *e);
  snprintf(e->id, sizeof e->id, "e%u", c->events);
  e->kind = read_kind(l, need(l, 1));
  double at_s = get_number(l, "at", -1), for_s = get_number(l, "for", -1);
  if (at_s < 0 || for_s <= 0) fail(l, "an event needs at= and for=, seconds", "");
  at_s += c->set.jitter_s * rng_unit(l->rng);
  e->at_ns = (int64_t)(at_s * 1e3) * 1000000;
  e->for_ns = (int64_t)(for_s * 1e3) * 1000000;
  read_target(l, e);
  read_effect(l, e);
}

static bool read_file(struct sim_conf *c, struct sim_rng *rng, const char *path, unsigned depth);

static void read_include(struct line *l) {
  char *name = need(l, 1);
  char path[4096];
  const char *slash = strrchr(l->file, '/');
  int dir = slash && name && name[0] != '/' ? (int)(slash - l->file + 1) : 0;
  if (!name || l->depth >= DEPTH_MAX) {
    fail(l, "cannot include", name ? name : "");
    return;
  }
  snprintf(path, sizeof path, "%.*s%s", dir, l->file, name);
  if (!read_file(l->conf, l->rng, path, l->depth + 1)) l->bad = true;
}

static bool read_line(struct line *l) {
  cut(l);
  if (l->words == 0 || l->bad) return !l->bad;
  const char *w = l->word[0];
  if (strcmp(w, "include") == 0)
    read_include(l);
  else if (strcmp(w, "set") == 0)
    read_setting(l);
  else if (strcmp(w, "cluster") == 0)
    read_cluster(l);
  else if (strcmp(w, "gateway") == 0)
    read_service(l, true);
  else if (strcmp(w, "service") == 0)
    read_service(l, false);
  else if (strcmp(w, "extra") == 0)
    read_extra(l);
  else if (strcmp(w, "tune") == 0)
    read_tune(l);
  else if (strcmp(w, "op") == 0)
    read_op(l);
  else if (strcmp(w, "call") == 0)
    read_call(l);
  else if (strcmp(w, "link") == 0)
    read_link(l);
  else if (strcmp(w, "event") == 0)
    read_event(l);
  else
    fail(l, "unknown word", w);
  for (unsigned i = 1; !l->bad && i < l->words; i++) {
    if (!l->used[i]) fail(l, "not understood", l->word[i]);
  }
  return !l->bad;
}

static bool read_file(struct sim_conf *c, struct sim_rng *rng, const char *path, unsigned depth) {
  FILE *f = fopen(path, "r");
  if (!f) {
    fprintf(stderr, "%s: cannot be opened\n", path);
    return false;
  }
  struct line l = {.conf = c, .rng = rng, .file = path, .depth = depth};
  bool good = true;
  while (good && fgets(l.text, sizeof l.text, f)) {
    l.number++;
    good = read_line(&l);
  }
  fclose(f);
  return good;
}

static void defaults(struct sim_conf *c) {
#define X(key, def, lo, hi) c->set.key = (def);
  SIM_SETTING_TABLE(X)
#undef X
}

static void take_scenario_name(struct sim_conf *c, const char *path) {
  const char *slash = strrchr(path, '/');
  snprintf(c->name, sizeof c->name, "%s", slash ? slash + 1 : path);
  char *dot = strrchr(c->name, '.');
  if (dot) *dot = 0;
}

static bool check(const struct sim_conf *c) {
  double share = 0, weight = 0;
  bool gateway = false;
  for (uint32_t i = 0; i < c->clusters; i++) share += c->cluster[i].share;
  for (uint32_t i = 0; i < c->ops; i++) weight += c->op[i].weight;
  for (uint32_t i = 0; i < c->services; i++) gateway |= c->service[i].is_gateway;
  if (share > 0 && weight > 0 && gateway) return true;
  fprintf(stderr, "%s: needs a cluster with a share, a gateway and an operation with a weight\n", c->name);
  return false;
}

bool conf_read(struct sim_conf *c, const char *path, uint64_t seed) {
  memset(c, 0, sizeof *c);
  take_scenario_name(c, path);
  uint64_t name = 0xcbf29ce484222325ull; /* FNV-1a */
  for (const char *p = c->name; *p; p++) name = (name ^ (unsigned char)*p) * 0x100000001b3ull;
  struct sim_rng rng;
  rng_init(&rng, seed, 0, name);
  c->seed = seed;
  c->key = rng_next(&rng);
  rng_init(&rng, c->key, 1, 0);
  defaults(c);
  if (!read_file(c, &rng, path, 0)) return false;
  for (uint32_t i = 0; i < c->services; i++) {
    if (!c->service[i].err_tuned) c->service[i].err_p = c->set.err_p;
    if (!c->service[i].util_tuned) c->service[i].util = c->set.util;
  }
  return check(c);
}
