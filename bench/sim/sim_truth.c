#include "sim_truth.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

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

static void event(FILE *f, const struct sim_conf *c, const struct sim_event *e) {
  struct comma k = {.f = f};
  bool faulty = e->prob > 0 && e->kind != SIM_EVENT_latency && e->kind != SIM_EVENT_network;
  faulty = faulty && (e->kind <= SIM_EVENT_timeout || e->kind == SIM_EVENT_rollout);
  fputs("  {", f);
  text(&k, "id", e->id);
  text(&k, "kind", sim_event_name[e->kind]);
  number(&k, "at", (double)e->at_ns * 1e-9);
  number(&k, "for", (double)e->for_ns * 1e-9);
  fputs(", ", f);
  target(f, c, e);
  if (faulty || e->kind == SIM_EVENT_failover) number(&k, "prob", e->prob);
  if (faulty) number(&k, "code", e->code);
  text(&k, "flag", conf_flag_name(e->flag));
  if (e->has_factor) number(&k, "factor", e->factor);
  if (e->has_add) number(&k, "add_ms", e->add_ms);
  if (e->tail < 1) number(&k, "tail", e->tail);
  fprintf(f, ", \"unhealthy\": %s}", e->unhealthy ? "true" : "false");
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
  for (uint32_t i = 0; i < c->events; i++) {
    event(f, c, &c->event[i]);
    fputs(i + 1 < c->events ? ",\n" : "\n", f);
  }
  fputs(" ]\n}\n", f);
  bool good = !ferror(f);
  return fclose(f) == 0 && good;
}
