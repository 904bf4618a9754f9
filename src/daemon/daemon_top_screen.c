#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

#include "base_time.h"
#include "daemon_top.h"

#define TOP_LINE_BYTES 2048u
#define TOP_SERVICES_MAX 8192u
#define TOP_SILENT_S 30.0 /* as on the page */
#define TOP_CHANGES_SHARE 6u
#define TOP_INCIDENTS_SHARE 2u /* of the rows, at most one in so many is an incident's where services wait below */

struct screen {
  struct text *t;
  const char *end;
  unsigned left; /* rows */
};

struct top_service {
  const char *name, *health;
  double requests, errors, latency_ms, usual_ms;
};

static double number(yyjson_val *obj, const char *key) {
  return yyjson_get_num(yyjson_obj_get(obj, key));
}

static const char *word(yyjson_val *obj, const char *key) {
  const char *z = yyjson_get_str(yyjson_obj_get(obj, key));
  return z ? z : "";
}

/* ---- lines ---- */

/* The first `columns` characters. */
static struct base_str cut(struct base_str s, unsigned columns) {
  size_t at = 0;
  for (unsigned n = 0; at < s.n; at++) {
    if (((unsigned char)s.p[at] & 0xc0) == 0x80) continue;
    if (n++ == columns) break;
  }
  return str_cut(s, 0, at);
}

__attribute__((format(printf, 3, 4))) static void line(struct screen *s, enum text_colour colour, const char *fmt,
                                                       ...) {
  char text[TOP_LINE_BYTES];
  va_list ap;
  if (s->left == 0) return;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  s->left--;
  text_colour(s->t, colour, cut(str_of(text), s->t->width));
  buf_put_str(s->t->out, str_of(s->end));
}

static void span_write(double s, char out[16]) {
  if (s < 0) s = 0;
  if (s < 90)
    snprintf(out, 16, "%.0f s", s);
  else if (s < 5400)
    snprintf(out, 16, "%.0f min", s / 60);
  else
    snprintf(out, 16, "%.1f h", s / 3600);
}

/* ---- the parts ---- */

static void head_put(struct screen *s, const struct top_answers *a) {
  char up[16];
  span_write(number(a->status, "uptime_s"), up);
  line(s, TEXT_BOLD, "foreshock  up %s  %.1f s behind  %.0f series  %.0f streams  %s", up,
       number(yyjson_obj_get(a->status, "tick"), "lag_s"), number(a->status, "series"), number(a->status, "streams"),
       a->url);
  double requests = number(a->mesh, "requests_per_s"), errors = number(a->mesh, "errors_per_s");
  line(s, TEXT_PLAIN, "%.1f requests/s  %.1f errors/s (%.2f %%)  %.1f ms mean, usually %.1f", requests, errors,
       requests > 0 ? 100 * errors / requests : 0, number(a->mesh, "latency_mean_ms"),
       number(a->mesh, "learned_latency_mean_ms"));
}

/* Numbers and health are those of the last tick: where none came for long, they say nothing of now. */
static void silence_put(struct screen *s, const struct top_answers *a) {
  yyjson_val *tick = yyjson_obj_get(a->status, "tick");
  char since[16];
  if (number(tick, "seq") <= 0 || number(tick, "lag_s") < TOP_SILENT_S) return;
  span_write(number(tick, "lag_s"), since);
  line(s, TEXT_RED, "no telemetry has come for %s: what stands below is that old", since);
}

static void problems_put(struct screen *s, const struct top_answers *a) {
  yyjson_val *telemetry = yyjson_obj_get(a->status, "telemetry");
  const char *disk = word(yyjson_obj_get(a->status, "storage"), "problem");
  if (number(telemetry, "proxies_n") > 0)
    line(s, TEXT_YELLOW, "telemetry is degraded: %.0f proxies lose reports", number(telemetry, "proxies_n"));
  if (yyjson_is_true(yyjson_obj_get(a->status, "restoring")))
    line(s, TEXT_YELLOW, "it has just started: what came after its last checkpoint is being applied");
  if (disk[0]) line(s, TEXT_YELLOW, "the disk cannot be written: %s", disk);
}

static unsigned severity_rank(yyjson_val *incident) {
  const char *severity = word(incident, "severity");
  if (strcmp(word(incident, "verdict"), "expected") == 0) return 3;
  return strcmp(severity, "critical") == 0 ? 0 : strcmp(severity, "warning") == 0 ? 1 : 2;
}

static void incident_put(struct screen *s, yyjson_val *i, int64_t now_ns) {
  static const enum text_colour colour[] = {TEXT_RED, TEXT_YELLOW, TEXT_PLAIN, TEXT_DIM};
  unsigned rank = severity_rank(i);
  struct base_wall started = {now_ns};
  char age[16];
  (void)time_read(str_of(word(i, "started_at")), &started);
  span_write((double)(now_ns - started.ns) / 1e9, age);
  line(s, colour[rank], "%-8s %8s  %s  %s%s%s", rank == 3 ? "expected" : word(i, "severity"), age, word(i, "id"),
       yyjson_is_true(yyjson_obj_get(i, "acked")) ? "[acked] " : "",
       yyjson_is_true(yyjson_obj_get(i, "muted")) ? "[muted] " : "", word(i, "summary"));
}

static void incidents_put(struct screen *s, const struct top_answers *a) {
  size_t i, n = yyjson_arr_size(a->incidents);
  yyjson_val *v;
  unsigned shown = 0, most = s->left > 2 * TOP_INCIDENTS_SHARE ? s->left / TOP_INCIDENTS_SHARE : s->left;
  if (n == 0) {
    line(s, TEXT_GREEN, "no open incident");
    return;
  }
  line(s, TEXT_BOLD, "%zu open incident%s", n, n == 1 ? "" : "s");
  for (unsigned rank = 0; rank <= 3; rank++)
    yyjson_arr_foreach(a->incidents, i, n, v) if (severity_rank(v) == rank && shown++ < most)
        incident_put(s, v, a->now_ns);
  if (n > most) line(s, TEXT_DIM, "and %zu more", n - most);
}

/* A sixth of what is left, and none where that is not a row or two. */
static void changes_put(struct screen *s, const struct top_answers *a) {
  size_t i, n, most = s->left / TOP_CHANGES_SHARE; /* lines, the head too */
  yyjson_val *c;
  if (most < 2 || yyjson_arr_size(a->changes) == 0) return;
  line(s, TEXT_BOLD, "changed lately");
  yyjson_arr_foreach(a->changes, i, n, c) {
    char age[16];
    struct base_wall at = {a->now_ns};
    if (i + 1 == most) break;
    (void)time_read(str_of(word(c, "at")), &at);
    span_write((double)(a->now_ns - at.ns) / 1e9, age);
    line(s, TEXT_PLAIN, "%-8.8s %8s  %s, says %s", word(c, "kind"), age, word(c, "summary"), word(c, "source"));
  }
  line(s, TEXT_PLAIN, "%s", "");
}

/* What alarms comes first, then what fails most, then what is asked most. */
static int service_order(const void *x, const void *y) {
  const struct top_service *a = x, *b = y;
  int bad_a = strcmp(a->health, "alarming") == 0, bad_b = strcmp(b->health, "alarming") == 0;
  if (bad_a != bad_b) return bad_b - bad_a;
  if (a->errors < b->errors || a->errors > b->errors) return a->errors < b->errors ? 1 : -1;
  if (a->requests < b->requests || a->requests > b->requests) return a->requests < b->requests ? 1 : -1;
  return strcmp(a->name, b->name);
}

static size_t services_read(yyjson_val *nodes, struct top_service *out) {
  size_t i, n, kept = 0;
  yyjson_val *v;
  yyjson_arr_foreach(nodes, i, n, v) {
    if (kept == TOP_SERVICES_MAX || !yyjson_obj_get(v, "requests_per_s")) continue;
    out[kept++] = (struct top_service){word(v, "id"),
                                       word(v, "health"),
                                       number(v, "requests_per_s"),
                                       number(v, "errors_per_s"),
                                       number(v, "latency_mean_ms"),
                                       number(v, "learned_latency_mean_ms")};
  }
  qsort(out, kept, sizeof *out, service_order);
  return kept;
}

static void service_put(struct screen *s, const struct top_service *r, int wide) {
  struct base_str name = cut(str_of(r->name), (unsigned)wide);
  bool bad = strcmp(r->health, "alarming") == 0;
  line(s, bad ? TEXT_RED : TEXT_PLAIN, "%.*s%*s %9.1f %8.2f %% %10.1f %10.1f  %s", STR_ARG(name),
       wide - (int)text_columns(name), "", r->requests, r->requests > 0 ? 100 * r->errors / r->requests : 0,
       r->latency_ms, r->usual_ms, r->health);
}

static void services_put(struct screen *s, yyjson_val *graph) {
  struct top_service *all = malloc(TOP_SERVICES_MAX * sizeof *all);
  int wide = s->t->width > 96 ? 40 : s->t->width > 70 ? (int)s->t->width - 56 : 16;
  size_t n = all ? services_read(yyjson_obj_get(graph, "nodes"), all) : 0;
  if (n == 0)
    line(s, TEXT_DIM, "no service has been heard yet");
  else
    line(s, TEXT_DIM, "%-*s %9s %10s %10s %10s  health", wide, "service", "req/s", "failing", "mean ms", "usually");
  for (size_t i = 0; i < n && s->left; i++) {
    if (s->left == 1 && n - i > 1) {
      line(s, TEXT_DIM, "and %zu more services", n - i);
      break;
    }
    service_put(s, &all[i], wide);
  }
  free(all);
}

void top_screen(struct text *t, const struct top_answers *a, unsigned rows, const char *end) {
  struct screen s = {.t = t, .end = end, .left = rows};
  if (a->problem) {
    line(&s, TEXT_BOLD, "foreshock  %s", a->url);
    line(&s, TEXT_RED, "not fresh: %s", a->problem);
  }
  if (!a->status) return;
  if (!a->problem) head_put(&s, a);
  if (!a->problem) silence_put(&s, a);
  problems_put(&s, a);
  line(&s, TEXT_PLAIN, "%s", "");
  incidents_put(&s, a);
  line(&s, TEXT_PLAIN, "%s", "");
  changes_put(&s, a);
  services_put(&s, a->graph);
}
