#include "sim_truth.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const double ONE_CLUSTER = 0.9; /* of the refusals, so that it is one cluster's trouble */

struct comma {
  FILE *f;
  bool later;
};

static void text(struct comma *c, const char *key, const char *value) {
  if (!value || !*value) return;
  fprintf(c->f, "%s\"%s\": \"%s\"", c->later ? ", " : "", key, value);
  c->later = true;
}

static void number(struct comma *c, const char *key, double v) {
  fprintf(c->f, "%s\"%s\": %.10g", c->later ? ", " : "", key, v);
  c->later = true;
}

/* A route by the name that telemetry has for it: its own, else method and path with {id} for what varies. */
static void route_text(const struct sim_op *o, char *out, size_t size) {
  if (strcmp(o->route, "default") != 0) {
    snprintf(out, size, "%s", o->route);
    return;
  }
  size_t n = (size_t)snprintf(out, size, "%s ", o->method);
  for (const char *p = o->path; *p && n + 5 < size; p++) {
    if (*p == '{') {
      memcpy(out + n, "{id}", 4);
      n += 4;
      while (p[1] && *p != '}') p++;
    } else {
      out[n++] = *p;
    }
  }
  out[n] = 0;
}

/* Does any proxy report of requests to the service? */
static bool seen(const struct sim_conf *c, uint32_t service) {
  bool by_callers = false;
  for (uint32_t o = 0; o < c->ops; o++) {
    by_callers |= c->op[o].service == service && c->op[o].weight > 0;
    for (uint32_t k = 0; k < c->op[o].calls; k++) {
      const struct sim_call *call = &c->op[o].call[k];
      by_callers |= c->op[call->op].service == service && !call->direct && !c->service[c->op[o].service].silent;
    }
  }
  return by_callers || !c->service[service].silent;
}

/* Up the callers to those nearest ones that somebody reports of; asked: the services that were looked at. */
static void boundary_add(const struct sim_conf *c, uint32_t service, uint64_t *asked, uint64_t *nearest) {
  *asked |= 1ull << service;
  if (seen(c, service)) {
    *nearest |= 1ull << service;
    return;
  }
  for (uint32_t o = 0; o < c->ops; o++) {
    for (uint32_t k = 0; k < c->op[o].calls; k++) {
      uint32_t caller = c->op[o].service;
      bool calls = c->op[c->op[o].call[k].op].service == service;
      if (calls && !(*asked >> caller & 1)) boundary_add(c, caller, asked, nearest);
    }
  }
}

/* Of an event at a service of which nobody reports. */
static void boundary(FILE *f, const struct sim_conf *c, const struct sim_event *e) {
  if (e->service < 0 || seen(c, (uint32_t)e->service)) return;
  uint64_t asked = 0, nearest = 0;
  boundary_add(c, (uint32_t)e->service, &asked, &nearest);
  fputs(", \"boundary\": [", f);
  const char *between = "";
  for (uint32_t s = 0; s < c->services; s++) {
    if (!(nearest >> s & 1)) continue;
    fprintf(f, "%s\"%s\"", between, c->service[s].name);
    between = ", ";
  }
  fputs("]", f);
}

static uint64_t refused_by(const struct sim_event_state *s, uint32_t service) {
  uint64_t n = 0;
  for (uint32_t k = 0; k < SIM_CLUSTER_MAX; k++) n += s->refused[service][k];
  return n;
}

static uint64_t refused(const struct sim_event_state *s) {
  uint64_t n = 0;
  for (uint32_t i = 0; i < SIM_SERVICE_MAX; i++) n += refused_by(s, i);
  return n;
}

/* The service that ran full, and its cluster where that is one. */
static void overloaded(FILE *f, const struct sim_conf *c, const struct sim_event_state *s) {
  struct comma t = {.f = f};
  uint32_t most = 0;
  for (uint32_t i = 0; i < c->services; i++) most = refused_by(s, i) > refused_by(s, most) ? i : most;
  fputs("\"target\": {", f);
  if (refused(s)) text(&t, "service", c->service[most].name);
  for (uint32_t k = 0; k < c->clusters; k++) {
    if (s->refused[most][k] > ONE_CLUSTER * (double)refused_by(s, most)) text(&t, "cluster", c->cluster[k].name);
  }
  fputs("}", f);
}

static void target(FILE *f, const struct sim_conf *c, const struct sim_event *e) {
  struct comma t = {.f = f};
  char route[192] = "";
  if (e->op >= 0) route_text(&c->op[e->op], route, sizeof route);
  bool pod = e->pod[0] != 0;
  fputs("\"target\": {", f);
  if (e->service >= 0) text(&t, "service", c->service[e->service].name);
  if (e->cluster >= 0) text(&t, "cluster", c->cluster[e->cluster].name);
  if (pod) text(&t, "pod", e->pod);
  if (!pod) text(&t, "version", e->version);
  text(&t, "route", route);
  if (e->caller_cluster >= 0) text(&t, "region", c->cluster[e->caller_cluster].region);
  if (e->caller >= 0) text(&t, "caller", c->service[e->caller].name);
  if (e->to >= 0) text(&t, "to", c->cluster[e->to].name);
  fputs("}", f);
}

/* When it was: an event that touches a number of requests lasts from the first of them to the last. */
static void window(struct comma *k, const struct sim_event *e, const struct sim_event_state *s) {
  bool hit = e->hits > 0 && s->hits > 0;
  int64_t from = hit ? s->hit_first_ns : e->at_ns;
  int64_t until = hit ? s->hit_last_ns + SIM_NS_PER_S : e->at_ns + e->for_ns;
  number(k, "at", (double)from * 1e-9);
  number(k, "for", (double)(until - from) * 1e-9);
}

static double part(uint64_t some, uint64_t all) {
  return all ? (double)some / (double)all : 0;
}

/* What each proxy had to say during the event, and what of it was lost. */
static void proxies(FILE *f, const struct sim_world *w, const struct send_tally *t) {
  uint64_t messages = 0, lost = 0;
  for (uint32_t p = 0; p < w->pods; p++) {
    messages += t[p].messages;
    lost += t[p].lost;
  }
  fprintf(f, ", \"messages\": %llu, \"lost\": %llu, \"lost_share\": %.6g,\n   \"proxies\": [",
          (unsigned long long)messages, (unsigned long long)lost, part(lost, messages));
  const char *between = "\n";
  for (uint32_t p = 0; p < w->pods; p++) {
    if (t[p].messages == 0) continue;
    const struct sim_pod *pod = &w->pod[p];
    fprintf(f, "%s    {\"service\": \"%s\", \"cluster\": \"%s\", \"pod\": \"%s\", \"messages\": %u, \"lost\": %u, ",
            between, w->conf->service[pod->service].name, w->conf->cluster[pod->cluster].name, pod->name, t[p].messages,
            t[p].lost);
    fprintf(f, "\"entries\": %llu, \"entries_lost\": %llu}", (unsigned long long)t[p].entries,
            (unsigned long long)t[p].entries_lost);
    between = ",\n";
  }
  fputs("]", f);
}

static void event(FILE *f, const struct sim_run *r, uint32_t i) {
  const struct sim_conf *c = r->world->conf;
  const struct sim_event *e = &c->event[i];
  const struct sim_event_state *s = &r->world->event_state[i];
  struct comma k = {.f = f};
  bool faulty = e->prob > 0 && sim_event_trait[e->kind].fails;
  fputs("  {", f);
  text(&k, "id", e->id);
  text(&k, "kind", sim_event_trait[e->kind].name);
  window(&k, e, s);
  fputs(", ", f);
  if (e->overloads)
    overloaded(f, c, s);
  else
    target(f, c, e);
  boundary(f, c, e);
  if (e->overloads || refused(s)) number(&k, "refused", (double)refused(s));
  if (refused(s)) number(&k, "refused_at", (double)s->refused_first_ns * 1e-9);
  if (e->drain_p > 0) number(&k, "drained", (double)s->drained);
  if (faulty || e->kind == SIM_EVENT_failover || e->kind == SIM_EVENT_loss) number(&k, "prob", e->prob);
  if (faulty) number(&k, "code", e->code);
  text(&k, "flag", conf_flag_name(e->flag));
  if (e->has_place) text(&k, "place", conf_place_name(e->place));
  if (e->has_factor) number(&k, "factor", e->factor);
  if (e->has_add) number(&k, "add_ms", e->add_ms);
  if (e->tail < 1) number(&k, "tail", e->tail);
  if (e->hits) number(&k, "hits", s->hits);
  bool unhealthy = e->unhealthy && (!e->overloads || refused(s));
  fprintf(f, ", \"unhealthy\": %s", unhealthy ? "true" : "false");
  if (r->send->tally[i]) proxies(f, r->world, r->send->tally[i]);
  fputs("}", f);
}

static void head(FILE *f, const struct sim_run *r, int64_t epoch_s) {
  const struct sim_conf *c = r->world->conf;
  time_t t = (time_t)epoch_s;
  struct tm tm;
  char at[32];
  gmtime_r(&t, &tm);
  strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &tm);
  fprintf(f, "{\n \"scenario\": \"%s\",\n \"seed\": %llu,\n \"start\": \"%s\",\n", c->name, (unsigned long long)c->seed,
          at);
  fprintf(f, " \"requests\": %llu,\n \"failed\": %llu,\n", (unsigned long long)r->requests,
          (unsigned long long)r->failed);
  fprintf(f, " \"logs\": %llu,\n \"lost\": %llu,\n \"duration_s\": %.10g,\n", (unsigned long long)r->send->entries,
          (unsigned long long)r->send->lost, c->set.duration_s);
}

bool truth_write(const char *path, const struct sim_run *r, int64_t epoch_s) {
  const struct sim_conf *c = r->world->conf;
  FILE *f = fopen(path, "w");
  if (!f) return false;
  head(f, r, epoch_s);
  fputs(" \"clusters\": [\n", f);
  for (uint32_t k = 0; k < c->clusters; k++) {
    const struct sim_cluster *u = &c->cluster[k];
    fprintf(f, "  {\"name\": \"%s\", \"region\": \"%s\", \"share\": %.10g}%s\n", u->name, u->region, u->share,
            k + 1 < c->clusters ? "," : "");
  }
  fputs(" ],\n \"events\": [\n", f);
  const char *between = "";
  for (uint32_t i = 0; i < c->events; i++) {
    if ((double)c->event[i].at_ns >= c->set.duration_s * 1e9) continue; /* it never came to it */
    fputs(between, f);
    event(f, r, i);
    between = ",\n";
  }
  fputs("\n", f);
  fputs(" ]\n}\n", f);
  bool good = !ferror(f);
  return fclose(f) == 0 && good;
}
