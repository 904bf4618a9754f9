#include "daemon_explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

#include "base_limits.h"
#include "base_time.h"
#include "daemon_explain_room.h"

#define EXPLAIN_EVENTS_MAX (LIMIT_CHANGES + LIMIT_DECISIONS + 8u)

static bool span_between(yyjson_val *i, const char *from, const char *to, double *s) {
  struct base_wall a, b;
  if (!time_read(explain_str(i, from), &a) || !time_read(explain_str(i, to), &b)) return false;
  *s = ((double)b.ns - (double)a.ns) / 1e9; /* any two times; the difference of integers could overflow */
  return true;
}

static bool is_open(yyjson_val *i) {
  return !yyjson_is_str(yyjson_obj_get(i, "ended_at"));
}

static bool is_set(yyjson_val *i, const char *key) {
  return yyjson_is_true(yyjson_obj_get(i, key));
}

enum text_colour explain_colour(yyjson_val *i) {
  if (str_eq(explain_str(i, "verdict"), STR("expected"))) return TEXT_GREEN;
  struct base_str severity = explain_str(i, "severity");
  if (str_eq(severity, STR("critical"))) return TEXT_RED;
  return str_eq(severity, STR("warning")) ? TEXT_YELLOW : TEXT_PLAIN;
}

/* What the incident is called in one word: its severity, or that it was expected. */
static struct base_str badge_of(yyjson_val *i) {
  return str_eq(explain_str(i, "verdict"), STR("expected")) ? STR("expected") : explain_str(i, "severity");
}

void explain_line(struct text *t, yyjson_val *i) {
  struct explain_words l;
  struct base_buf *b = explain_words_new(&l);
  text_colour(t, TEXT_DIM, explain_str(i, "id"));
  buf_put_str(t->out, is_open(i) ? STR("  open    ") : STR("  closed  "));
  text_colour(t, explain_colour(i), badge_of(i));
  for (size_t n = badge_of(i).n; n < 10; n++) buf_put_char(t->out, ' ');
  explain_put_time(b, explain_str(i, "started_at"));
  buf_put_str(b, STR("  "));
  buf_put_str(b, explain_str(i, "summary"));
  text_put(t, buf_str(b));
  buf_put_char(t->out, '\n');
}

static void heading(struct text *t, const char *text) {
  buf_put_char(t->out, '\n');
  text_colour(t, TEXT_BOLD, str_of(text));
  buf_put_char(t->out, '\n');
}

static void whole_head(struct text *t, yyjson_val *i) {
  struct explain_words l;
  struct base_buf *b = explain_words_new(&l);
  text_colour(t, explain_colour(i), badge_of(i));
  buf_put_f(b, "  %.*s, %s%s%s, incident %.*s", STR_ARG(explain_str(i, "kind")), is_open(i) ? "open" : "closed",
            is_set(i, "acked") ? ", acknowledged" : "", is_set(i, "muted") ? ", muted (it pages nobody)" : "",
            STR_ARG(explain_str(i, "id")));
  text_put(t, buf_str(b));
  buf_put_str(t->out, STR("\n\n"));
  text_wrap(t, "", explain_str(i, "summary"));
}

static void whole_story(struct text *t, yyjson_val *i) {
  struct explain_words l;
  struct base_buf *b = explain_words_new(&l);
  yyjson_val *impact = yyjson_obj_get(i, "impact");
  double s;
  buf_put_str(b, STR("It began at "));
  explain_put_time(b, explain_str(i, "started_at"));
  if (span_between(i, "started_at", "detected_at", &s)) {
    buf_put_str(b, STR(" and was found "));
    explain_put_span(b, s);
    buf_put_str(b, STR(" later"));
  }
  if (!is_open(i) && span_between(i, "started_at", "ended_at", &s)) {
    buf_put_str(b, STR(". It was over after "));
    explain_put_span(b, s);
  } else {
    buf_put_str(b, STR(". It goes on"));
  }
  buf_put_f(b, ". Of %llu requests in its reach %llu failed and %llu were slow.",
            (unsigned long long)explain_u64(impact, "requests"), (unsigned long long)explain_u64(impact, "failed"),
            (unsigned long long)explain_u64(impact, "slow"));
  text_wrap(t, "", buf_str(b));
}

/* "12 s later"-like spans need both ends; a return that goes on has one. */
static void put_return(struct base_buf *b, yyjson_val *again) {
  double s;
  explain_put_time(b, explain_str(again, "started_at"));
  if (is_open(again)) {
    buf_put_str(b, STR(" (goes on)"));
  } else if (span_between(again, "started_at", "ended_at", &s)) {
    buf_put_str(b, STR(" ("));
    explain_put_span(b, s);
    buf_put_char(b, ')');
  }
}

static void whole_returns(struct text *t, yyjson_val *i) {
  struct explain_words l;
  struct base_buf *b = explain_words_new(&l);
  uint64_t times = explain_u64(i, "occurrences");
  yyjson_val *list = yyjson_obj_get(i, "recurrences"), *v;
  size_t idx, n;
  if (times < 2) return;
  buf_put_f(b, "It came back %llu time%s", (unsigned long long)times - 1, times == 2 ? "" : "s");
  if (yyjson_arr_size(list) < times - 1) buf_put_str(b, STR(", lately"));
  yyjson_arr_foreach(list, idx, n, v) {
    buf_put_str(b, idx ? STR(", ") : STR(": "));
    put_return(b, v);
  }
  buf_put_char(b, '.');
  text_wrap(t, "", buf_str(b));
}

static void whole_cause(struct text *t, yyjson_val *cause, size_t number) {
  struct explain_words l;
  struct base_buf *b = explain_words_new(&l);
  char lead[32];
  snprintf(lead, sizeof lead, "%3zu. ", number);
  explain_put_entity(b, yyjson_obj_get(cause, "entity"));
  buf_put_f(b, " (%.*s, score %.2f)", STR_ARG(explain_str(cause, "signal")), explain_num(cause, "score"));
  text_wrap(t, lead, buf_str(b));
  if (explain_str(cause, "evidence").n) text_wrap(t, "     ", explain_str(cause, "evidence"));
}

static void whole_causes(struct text *t, yyjson_val *i) {
  yyjson_val *causes = yyjson_obj_get(i, "root_causes"), *v;
  size_t idx, n;
  if (yyjson_arr_size(causes) == 0) return;
  heading(t, yyjson_arr_size(causes) == 1 ? "Most likely cause" : "Most likely causes, best first");
  yyjson_arr_foreach(causes, idx, n, v) whole_cause(t, v, idx + 1);
}

/* The way from the users to the cause, a hop a line, and what would show that it is another. */
static void whole_chain(struct text *t, yyjson_val *i) {
  yyjson_val *list = yyjson_obj_get(i, "chain"), *v;
  size_t idx, n;
  if (yyjson_arr_size(list) > 0) heading(t, "The way to it");
  yyjson_arr_foreach(list, idx, n, v) {
    struct explain_words l;
    struct base_buf *b = explain_words_new(&l);
    explain_put_entity(b, yyjson_obj_get(v, "from"));
    buf_put_str(b, STR(" calls "));
    explain_put_entity(b, yyjson_obj_get(v, "to"));
    buf_put_f(b, ": %.*s%s", STR_ARG(explain_str(v, "evidence")), is_set(v, "quiet") ? " (raised no alarm)" : "");
    text_wrap(t, "  - ", buf_str(b));
  }
  if (explain_str(i, "refuted_by").n == 0) return;
  struct explain_words l;
  struct base_buf *b = explain_words_new(&l);
  buf_put_f(b, "It would be refuted by %.*s.", STR_ARG(explain_str(i, "refuted_by")));
  text_wrap(t, "  ", buf_str(b));
}

static void whole_numbers(struct text *t, yyjson_val *i) {
  if (!yyjson_is_obj(yyjson_obj_get(i, "finding"))) return;
  heading(t, "In numbers");
  explain_finding(t, i);
  explain_plot(t, i);
}

static void whole_time(struct text *t, yyjson_val *i) {
  if (!yyjson_is_obj(yyjson_obj_get(i, "time"))) return;
  heading(t, "Where the time went");
  explain_time(t, i);
}

static void whole_gauges(struct text *t, yyjson_val *i) {
  if (yyjson_arr_size(yyjson_obj_get(i, "gauges")) == 0) return;
  heading(t, "Not as usual beside it");
  explain_gauges(t, i);
}

static void whole_entities(struct text *t, yyjson_val *i, const char *key, const char *title) {
  yyjson_val *list = yyjson_obj_get(i, key), *v;
  size_t idx, n;
  if (yyjson_arr_size(list) == 0) return;
  heading(t, title);
  yyjson_arr_foreach(list, idx, n, v) {
    struct explain_words l;
    struct base_buf *b = explain_words_new(&l);
    explain_put_entity(b, v);
    text_wrap(t, "  - ", buf_str(b));
  }
}

/* Times are all of one form, so their texts sort as they do. */
struct explain_event {
  struct base_str at, before, what;
  yyjson_val *change; /* NULL: what says it all */
};

static int event_order(const void *x, const void *y) {
  const struct explain_event *a = x, *b = y;
  return str_cmp(a->at, b->at);
}

static void event_text(struct text *t, const struct explain_event *e) {
  struct explain_words l;
  struct base_buf *b = explain_words_new(&l);
  explain_put_time(b, e->at);
  buf_put_str(b, STR("  "));
  buf_put_str(b, e->before);
  buf_put_str(b, e->what);
  if (e->change) {
    buf_put_f(b, " (%.*s) ", STR_ARG(explain_str(e->change, "source")));
    explain_put_entity(b, yyjson_obj_get(e->change, "entity"));
    buf_put_f(b, ": %.*s", STR_ARG(explain_str(e->change, "summary")));
  }
  text_wrap(t, "  ", buf_str(b));
}

struct explain_events {
  struct explain_event event[EXPLAIN_EVENTS_MAX];
  size_t n;
};

static void event_add(struct explain_events *e, struct base_str at, const char *before, struct base_str what,
                      yyjson_val *change) {
  if (e->n == EXPLAIN_EVENTS_MAX) return;
  e->event[e->n++] = (struct explain_event){at, str_of(before), what, change};
}

static void whole_timeline(struct text *t, yyjson_val *i) {
  struct explain_events e = {.n = 0};
  size_t idx, n;
  yyjson_val *v;
  event_add(&e, explain_str(i, "started_at"), "", STR("it began"), NULL);
  event_add(&e, explain_str(i, "detected_at"), "", STR("found"), NULL);
  if (!is_open(i)) event_add(&e, explain_str(i, "ended_at"), "", STR("over"), NULL);
  yyjson_arr_foreach(yyjson_obj_get(i, "decisions"), idx, n, v)
      event_add(&e, explain_str(v, "at"), "decided: ", explain_str(v, "text"), NULL);
  yyjson_arr_foreach(yyjson_obj_get(i, "changes"), idx, n, v)
      event_add(&e, explain_str(v, "at"), "", explain_str(v, "kind"), v);
  qsort(e.event, e.n, sizeof e.event[0], event_order);
  heading(t, "Timeline");
  for (size_t k = 0; k < e.n; k++) event_text(t, &e.event[k]);
}

static void whole_exemplars(struct text *t, yyjson_val *i) {
  yyjson_val *list = yyjson_obj_get(i, "exemplars"), *v;
  size_t idx, n;
  if (yyjson_arr_size(list) == 0) return;
  heading(t, "Requests to look at");
  yyjson_arr_foreach(list, idx, n, v) {
    struct explain_words l;
    struct base_buf *b = explain_words_new(&l);
    explain_put_time(b, explain_str(v, "at"));
    if (explain_str(v, "request_id").n) buf_put_f(b, "  request %.*s", STR_ARG(explain_str(v, "request_id")));
    if (explain_str(v, "trace_id").n) buf_put_f(b, "  trace %.*s", STR_ARG(explain_str(v, "trace_id")));
    text_wrap(t, "  - ", buf_str(b));
  }
}

static void whole_trust(struct text *t, yyjson_val *i) {
  struct explain_words l;
  struct base_buf *b = explain_words_new(&l);
  buf_put_f(b, "Confidence that the cause named first is right: %.0f %%. Telemetry: %.*s.",
            100 * explain_num(i, "confidence"), STR_ARG(explain_str(i, "telemetry")));
  buf_put_char(t->out, '\n');
  text_wrap(t, "", buf_str(b));
}

void explain_whole(struct text *t, yyjson_val *i) {
  whole_head(t, i);
  whole_story(t, i);
  whole_returns(t, i);
  whole_causes(t, i);
  whole_chain(t, i);
  whole_numbers(t, i);
  whole_time(t, i);
  whole_gauges(t, i);
  whole_entities(t, i, "affected", "Affected");
  whole_entities(t, i, "not_affected", "Not affected");
  whole_timeline(t, i);
  whole_exemplars(t, i);
  whole_trust(t, i);
}
