#include "daemon_explain.h"

#include <stdlib.h>
#include <yyjson.h>

#include "base_limits.h"
#include "base_time.h"

#define EXPLAIN_LINE_BYTES 4096u
#define EXPLAIN_EVENTS_MAX (LIMIT_CHANGES + 8u)

/* A line that is put together before it is wrapped. */
struct explain_line {
  char bytes[EXPLAIN_LINE_BYTES];
  struct base_buf buf;
};

static struct base_buf *line_new(struct explain_line *l) {
  l->buf = buf_over(l->bytes, sizeof l->bytes);
  return &l->buf;
}

static struct base_str get_str(yyjson_val *obj, const char *key) {
  yyjson_val *v = yyjson_obj_get(obj, key);
  return yyjson_is_str(v) ? (struct base_str){yyjson_get_str(v), yyjson_get_len(v)} : STR_NONE;
}

static uint64_t get_u64(yyjson_val *obj, const char *key) {
  return yyjson_get_uint(yyjson_obj_get(obj, key));
}

static double get_num(yyjson_val *obj, const char *key) {
  return yyjson_get_num(yyjson_obj_get(obj, key));
}

/* "2026-03-02 09:00:00 UTC" */
static void put_time(struct base_buf *out, struct base_str rfc3339) {
  if (rfc3339.n < 19) return;
  buf_put_str(out, str_cut(rfc3339, 0, 10));
  buf_put_char(out, ' ');
  buf_put_str(out, str_cut(rfc3339, 11, 19));
  buf_put_str(out, STR(" UTC"));
}

static void put_span(struct base_buf *out, double s) {
  if (s < 90)
    buf_put_f(out, "%.1f s", s);
  else if (s < 5400)
    buf_put_f(out, "%.0f min", s / 60);
  else
    buf_put_f(out, "%.1f h", s / 3600);
}

static bool span_between(yyjson_val *i, const char *from, const char *to, double *s) {
  struct base_wall a, b;
  if (!time_read(get_str(i, from), &a) || !time_read(get_str(i, to), &b)) return false;
  *s = (double)(b.ns - a.ns) / 1e9;
  return true;
}

static bool is_open(yyjson_val *i) {
  return !yyjson_is_str(yyjson_obj_get(i, "ended_at"));
}

static enum text_colour colour_of(yyjson_val *i) {
  if (str_eq(get_str(i, "verdict"), STR("expected"))) return TEXT_GREEN;
  struct base_str severity = get_str(i, "severity");
  if (str_eq(severity, STR("critical"))) return TEXT_RED;
  return str_eq(severity, STR("warning")) ? TEXT_YELLOW : TEXT_PLAIN;
}

/* What the incident is called in one word: its severity, or that it was expected. */
static struct base_str badge_of(yyjson_val *i) {
  return str_eq(get_str(i, "verdict"), STR("expected")) ? STR("expected") : get_str(i, "severity");
}

/* "caller -> service, pod p, version v, route r, in cluster c, region r" */
static void put_entity(struct base_buf *out, yyjson_val *e) {
  static const struct {
    const char *key, *before;
  } part[] = {{"pod", ", pod "},         {"version", ", version "}, {"route", ", route "},
              {"cluster", ", cluster "}, {"region", ", region "},   {"zone", ", zone "}};
  struct base_str service = get_str(e, "service"), caller = get_str(e, "caller");
  size_t from = out->n;
  if (caller.n) {
    buf_put_str(out, caller);
    buf_put_str(out, STR(" -> "));
  }
  buf_put_str(out, service);
  for (size_t p = 0; p < sizeof part / sizeof part[0]; p++) {
    struct base_str v = get_str(e, part[p].key);
    if (!v.n) continue;
    buf_put_str(out, str_of(part[p].before + (out->n == from ? 2 : 0)));
    buf_put_str(out, v);
  }
  if (out->n == from) buf_put_str(out, get_str(e, "kind"));
}

void explain_line(struct text *t, yyjson_val *i) {
  struct explain_line l;
  struct base_buf *b = line_new(&l);
  text_colour(t, TEXT_DIM, get_str(i, "id"));
  buf_put_str(t->out, is_open(i) ? STR("  open    ") : STR("  closed  "));
  text_colour(t, colour_of(i), badge_of(i));
  for (size_t n = badge_of(i).n; n < 10; n++) buf_put_char(t->out, ' ');
  put_time(b, get_str(i, "started_at"));
  buf_put_str(b, STR("  "));
  buf_put_str(b, get_str(i, "summary"));
  text_put(t, buf_str(b));
  buf_put_char(t->out, '\n');
}

static void heading(struct text *t, const char *text) {
  buf_put_char(t->out, '\n');
  text_colour(t, TEXT_BOLD, str_of(text));
  buf_put_char(t->out, '\n');
}

static void whole_head(struct text *t, yyjson_val *i) {
  struct explain_line l;
  struct base_buf *b = line_new(&l);
  text_colour(t, colour_of(i), badge_of(i));
  buf_put_f(b, "  %.*s, %s%s, incident %.*s", STR_ARG(get_str(i, "kind")), is_open(i) ? "open" : "closed",
            yyjson_is_true(yyjson_obj_get(i, "acked")) ? ", acknowledged" : "", STR_ARG(get_str(i, "id")));
  text_put(t, buf_str(b));
  buf_put_str(t->out, STR("\n\n"));
  text_wrap(t, "", get_str(i, "summary"));
}

static void whole_story(struct text *t, yyjson_val *i) {
  struct explain_line l;
  struct base_buf *b = line_new(&l);
  yyjson_val *impact = yyjson_obj_get(i, "impact");
  double s;
  buf_put_str(b, STR("It began at "));
  put_time(b, get_str(i, "started_at"));
  if (span_between(i, "started_at", "detected_at", &s)) {
    buf_put_str(b, STR(" and was found "));
    put_span(b, s);
    buf_put_str(b, STR(" later"));
  }
  if (!is_open(i) && span_between(i, "started_at", "ended_at", &s)) {
    buf_put_str(b, STR(". It was over after "));
    put_span(b, s);
  } else {
    buf_put_str(b, STR(". It goes on"));
  }
  buf_put_f(b, ". Of %llu requests in its reach %llu failed and %llu were slow.",
            (unsigned long long)get_u64(impact, "requests"), (unsigned long long)get_u64(impact, "failed"),
            (unsigned long long)get_u64(impact, "slow"));
  text_wrap(t, "", buf_str(b));
}

static void whole_cause(struct text *t, yyjson_val *cause, size_t number) {
  struct explain_line l;
  struct base_buf *b = line_new(&l);
  char lead[32];
  snprintf(lead, sizeof lead, "%3zu. ", number);
  put_entity(b, yyjson_obj_get(cause, "entity"));
  buf_put_f(b, " (%.*s, %.0f %%)", STR_ARG(get_str(cause, "signal")), 100 * get_num(cause, "score"));
  text_wrap(t, lead, buf_str(b));
  if (get_str(cause, "evidence").n) text_wrap(t, "     ", get_str(cause, "evidence"));
}

static void whole_causes(struct text *t, yyjson_val *i) {
  yyjson_val *causes = yyjson_obj_get(i, "root_causes"), *v;
  size_t idx, n;
  if (yyjson_arr_size(causes) == 0) return;
  heading(t, yyjson_arr_size(causes) == 1 ? "Most likely cause" : "Most likely causes, best first");
  yyjson_arr_foreach(causes, idx, n, v) whole_cause(t, v, idx + 1);
}

static void whole_entities(struct text *t, yyjson_val *i, const char *key, const char *title) {
  yyjson_val *list = yyjson_obj_get(i, key), *v;
  size_t idx, n;
  if (yyjson_arr_size(list) == 0) return;
  heading(t, title);
  yyjson_arr_foreach(list, idx, n, v) {
    struct explain_line l;
    struct base_buf *b = line_new(&l);
    put_entity(b, v);
    text_wrap(t, "  - ", buf_str(b));
  }
}

/* Times are all of one form, so their texts sort as they do. */
struct explain_event {
  struct base_str at, what;
  yyjson_val *change; /* NULL: what says it all */
};

static int event_order(const void *x, const void *y) {
  const struct explain_event *a = x, *b = y;
  return str_cmp(a->at, b->at);
}

static void event_text(struct text *t, const struct explain_event *e) {
  struct explain_line l;
  struct base_buf *b = line_new(&l);
  put_time(b, e->at);
  buf_put_str(b, STR("  "));
  buf_put_str(b, e->what);
  if (e->change) {
    buf_put_f(b, " (%.*s) ", STR_ARG(get_str(e->change, "source")));
    put_entity(b, yyjson_obj_get(e->change, "entity"));
    buf_put_f(b, ": %.*s", STR_ARG(get_str(e->change, "summary")));
  }
  text_wrap(t, "  ", buf_str(b));
}

static void whole_timeline(struct text *t, yyjson_val *i) {
  struct explain_event event[EXPLAIN_EVENTS_MAX];
  size_t event_n = 0, idx, n;
  yyjson_val *v;
  event[event_n++] = (struct explain_event){get_str(i, "started_at"), STR("it began"), NULL};
  event[event_n++] = (struct explain_event){get_str(i, "detected_at"), STR("found"), NULL};
  if (!is_open(i)) event[event_n++] = (struct explain_event){get_str(i, "ended_at"), STR("over"), NULL};
  yyjson_arr_foreach(yyjson_obj_get(i, "changes"), idx, n, v) {
    if (event_n == EXPLAIN_EVENTS_MAX) break;
    event[event_n++] = (struct explain_event){get_str(v, "at"), get_str(v, "kind"), v};
  }
  qsort(event, event_n, sizeof event[0], event_order);
  heading(t, "Timeline");
  for (size_t e = 0; e < event_n; e++) event_text(t, &event[e]);
}

static void whole_exemplars(struct text *t, yyjson_val *i) {
  yyjson_val *list = yyjson_obj_get(i, "exemplars"), *v;
  size_t idx, n;
  if (yyjson_arr_size(list) == 0) return;
  heading(t, "Requests to look at");
  yyjson_arr_foreach(list, idx, n, v) {
    struct explain_line l;
    struct base_buf *b = line_new(&l);
    put_time(b, get_str(v, "at"));
    if (get_str(v, "request_id").n) buf_put_f(b, "  request %.*s", STR_ARG(get_str(v, "request_id")));
    if (get_str(v, "trace_id").n) buf_put_f(b, "  trace %.*s", STR_ARG(get_str(v, "trace_id")));
    text_wrap(t, "  - ", buf_str(b));
  }
}

static void whole_trust(struct text *t, yyjson_val *i) {
  struct explain_line l;
  struct base_buf *b = line_new(&l);
  buf_put_f(b, "Confidence %.0f %%, telemetry %.*s.", 100 * get_num(i, "confidence"), STR_ARG(get_str(i, "telemetry")));
  buf_put_char(t->out, '\n');
  text_wrap(t, "", buf_str(b));
}

void explain_whole(struct text *t, yyjson_val *i) {
  whole_head(t, i);
  whole_story(t, i);
  whole_causes(t, i);
  whole_entities(t, i, "affected", "Affected");
  whole_entities(t, i, "not_affected", "Not affected");
  whole_timeline(t, i);
  whole_exemplars(t, i);
  whole_trust(t, i);
}
