#include <stdio.h>

#include "base_buf.h"
#include "base_must.h"
#include "incident_case.h"

#define NONE REC_SERIES_NONE

static void seal(struct base_buf *b, char *out, size_t cap) {
  out[b->n < cap ? b->n : cap - 1] = 0;
}

static void put_percent(struct base_buf *b, double p) {
  buf_put_f(b, p >= 0.1 ? "%.0f %%" : p >= 0.01 ? "%.1f %%" : "%.2f %%", 100.0 * p);
}

static void put_seconds(struct base_buf *b, double s) {
  if (s >= 1.0) {
    buf_put_f(b, "%.2f s", s);
  } else {
    buf_put_f(b, s >= 0.1 ? "%.0f ms" : "%.1f ms", 1e3 * s);
  }
}

static void put_span(struct base_buf *b, double s) {
  if (s < 120.0) {
    buf_put_f(b, "%.0f s", s);
  } else if (s < 7200.0) {
    buf_put_f(b, "%.0f min", s / 60.0);
  } else {
    buf_put_f(b, "%.1f h", s / 3600.0);
  }
}

static void errors_evidence(struct base_buf *b, struct incident_excess e, struct incident_normal n, double span_s) {
  buf_put_f(b, "%.0f of %.0f requests failed in ", e.bad, e.n);
  put_span(b, span_s);
  buf_put_str(b, STR(" ("));
  put_percent(b, e.n > 0.0 ? e.bad / e.n : 0.0);
  buf_put_str(b, STR("); "));
  put_percent(b, n.error_ratio);
}

static void latency_evidence(struct base_buf *b, struct incident_excess e, struct incident_normal n, double span_s) {
  double mean = n.latency_mean_s + (e.bad > 0.0 ? e.x / e.bad : 0.0);
  buf_put_str(b, STR("requests took "));
  put_seconds(b, mean);
  buf_put_f(b, " on average over %.0f requests in ", e.bad);
  put_span(b, span_s);
  buf_put_str(b, STR("; "));
  put_seconds(b, n.latency_mean_s);
}

void incident_text_evidence(const struct incident_view *v, const struct incident_cause *c, enum incident_family family,
                            uint32_t from, uint32_t to, char *out, size_t cap) {
  struct base_buf b = buf_over(out, cap - 1);
  struct incident_excess e = incident_excess_of(v, c->shown_idx, family, from, to);
  struct incident_normal n = incident_normal_of(v, c->shown_idx, from);
  double span_s = (double)(to - from + 1) / (double)LIMIT_TICKS_PER_S;
  if (family == INCIDENT_ERRORS) errors_evidence(&b, e, n, span_s);
  if (family == INCIDENT_LATENCY) latency_evidence(&b, e, n, span_s);
  buf_put_f(&b, " is normal (%.0f requests over ", n.requests);
  put_span(&b, n.age_s);
  buf_put_f(&b, "); excess %.1f standard deviations", incident_z(e));
  if (c->between) buf_put_str(&b, STR("; its clients report it, its own proxies do not"));
  seal(&b, out, cap);
}

void incident_text_hop(const struct incident_view *v, uint32_t series_idx, enum incident_family family, uint32_t from,
                       uint32_t to, char *out, size_t cap) {
  struct base_buf b = buf_over(out, cap - 1);
  struct incident_excess e = incident_excess_of(v, series_idx, family, from, to);
  struct incident_normal n = incident_normal_of(v, series_idx, from);
  double mean = n.latency_mean_s + (e.bad > 0.0 ? e.x / e.bad : 0.0);
  if (family == INCIDENT_ERRORS) {
    buf_put_f(&b, "%.0f of %.0f failed (", e.bad, e.n);
    put_percent(&b, e.n > 0.0 ? e.bad / e.n : 0.0);
    buf_put_str(&b, STR("); "));
    put_percent(&b, n.error_ratio);
  } else {
    buf_put_f(&b, "%.0f took ", e.bad);
    put_seconds(&b, mean);
    buf_put_str(&b, STR(" on average; "));
    put_seconds(&b, n.latency_mean_s);
  }
  buf_put_str(&b, STR(" is normal"));
  seal(&b, out, cap);
}

void incident_text_silent(struct incident_cause *c) {
  size_t n = strlen(c->evidence), cap = sizeof c->evidence - n;
  if (!c->silent) return;
  struct base_buf b = buf_over(c->evidence + n, cap - 1);
  buf_put_str(&b, STR("; it answers nothing since then, while others of the service go on"));
  seal(&b, c->evidence + n, cap);
}

static void put_names(struct base_buf *b, const struct base_str *d, enum rec_level level) {
  if (level == REC_LEVEL_EDGE || level == REC_LEVEL_EDGE_CLUSTER) {
    buf_put_str(b, d[REC_DIM_CALLER]);
    buf_put_str(b, STR(" -> "));
  }
  buf_put_str(b, d[REC_DIM_SERVICE]);
  if (d[REC_DIM_ROUTE].n) {
    buf_put_str(b, STR(" route "));
    buf_put_str(b, d[REC_DIM_ROUTE]);
  }
  if (level == REC_LEVEL_VERSION) {
    buf_put_str(b, STR(" version "));
    buf_put_str(b, d[REC_DIM_VERSION]);
  }
  if (level == REC_LEVEL_POD) {
    buf_put_str(b, STR(" pod "));
    buf_put_str(b, d[REC_DIM_POD]);
  }
  if (level == REC_LEVEL_MESH) {
    buf_put_str(b, STR("the whole mesh"));
  } else if (level == REC_LEVEL_REGION) {
    buf_put_str(b, STR("region "));
    buf_put_str(b, d[REC_DIM_REGION]);
  } else if (d[REC_DIM_CLUSTER].n) {
    buf_put_str(b, d[REC_DIM_SERVICE].n ? STR(" in ") : STR("cluster "));
    buf_put_str(b, d[REC_DIM_CLUSTER]);
  }
}

void incident_text_entity(const struct incident_view *v, const struct incident_cause *c, char *out, size_t cap) {
  struct base_buf b = buf_over(out, cap - 1);
  if (c->series_idx != NONE) {
    struct rec_series w = v->catalog->entry[c->series_idx].who;
    if (c->within) w.dim[REC_DIM_CLUSTER] = v->catalog->entry[c->within_idx].who.dim[REC_DIM_CLUSTER];
    put_names(&b, w.dim, w.level);
  } else if (c->node != NONE) {
    buf_put_str(&b, v->catalog->node[c->node].name);
  } else {
    buf_put_str(&b, STR("the whole mesh"));
  }
  seal(&b, out, cap);
}

static const char *what(enum rec_signal s) {
  switch (s) {
    case REC_SIGNAL_LATENCY: return "is slow";
    case REC_SIGNAL_UNREACHABLE: return "cannot be reached";
    case REC_SIGNAL_TIMEOUTS: return "times out";
    case REC_SIGNAL_DENIED: return "refuses callers (401, 403)";
    case REC_SIGNAL_THROTTLED: return "throttles callers (429)";
    case REC_SIGNAL_CANCELLED: return "is given up on by its callers";
    case REC_SIGNAL_RETRIES: return "is retried";
    case REC_SIGNAL_ERRATIC: return "is called erratically";
    case REC_SIGNAL_BYTES: return "moves other amounts of bytes a request";
    case REC_SIGNAL_HANGING: return "hangs: requests begin and do not end";
    case REC_SIGNAL_ERRORS_APART: return "fails more than its siblings in the same seconds";
    case REC_SIGNAL_LATENCY_APART: return "is slower than its siblings in the same seconds";
    case REC_SIGNAL_ERRORS_DRIFT: return "fails more and more";
    case REC_SIGNAL_LATENCY_DRIFT: return "gets slower and slower";
    case REC_SIGNAL_CLIENT_ERRORS: return "gets bad requests (4xx)";
    default: return "fails";
  }
}

static void put_shared(const struct incident_view *v, const struct incident_case *c, struct base_buf *b) {
  for (uint32_t i = 0; i < c->shared_n; i++) {
    if (i) buf_put_str(b, i + 1 < c->shared_n ? STR(", ") : STR(" and "));
    buf_put_str(b, v->catalog->node[c->shared[i]].name);
  }
  buf_put_f(b,
            " %s since the same moment, and none calls another: something that they share and that is not seen here; "
            "insufficient evidence for one of them",
            c->family == INCIDENT_LATENCY ? "are slow" : "fail");
}

void incident_text_summary(const struct incident_view *v, const struct incident_case *c, char *out, size_t cap) {
  struct base_buf b = buf_over(out, cap - 1);
  const struct incident_story *s = &c->story;
  char name[LIMIT_TEXT_BYTES];
  MUST(s->cause_n > 0);
  if (incident_shared_told(c)) {
    put_shared(v, c, &b);
    seal(&b, out, cap);
    return;
  }
  incident_text_entity(v, &s->cause[0], name, sizeof name);
  buf_put_str(&b, str_of(name));
  if (s->cause[0].silent)
    buf_put_f(&b, " does not answer any more; %.*s", STR_ARG(v->catalog->node[s->cause[0].node].name));
  buf_put_f(&b, " %s", what(s->cause[0].signal));
  if (s->cause[0].evidence[0]) buf_put_f(&b, ": %.*s", (int)strcspn(s->cause[0].evidence, ";"), s->cause[0].evidence);
  incident_time_text(v, c, &b);
  if (s->verdict == REC_VERDICT_EXPECTED)
    buf_put_str(&b, s->by_mix ? STR("; it gets other requests than usual, which explains it: none of its routes, or of "
                                    "its callers, finds it so")
                              : STR("; its load has grown, which explains it"));
  if (s->reached_n) {
    buf_put_str(&b, STR("; reaches "));
    for (uint32_t i = 0; i < s->reached_n && i < 4; i++) {
      if (i) buf_put_str(&b, STR(", "));
      buf_put_str(&b, v->catalog->node[s->reached[i]].name);
    }
    if (s->reached_n > 4) buf_put_f(&b, " and %u more", s->reached_n - 4);
  }
  seal(&b, out, cap);
}

void incident_text_traffic(const struct incident_view *v, const struct incident_traffic *t,
                           const struct incident_case *c, char *out, size_t cap) {
  struct base_buf b = buf_over(out, cap - 1);
  struct base_str name = t->node == NONE ? STR("the mesh") : v->catalog->node[t->node].name;
  if (t->other.n) {
    buf_put_f(&b, "traffic of %.*s moved from %.*s to %.*s", STR_ARG(name), STR_ARG(t->cluster), STR_ARG(t->other));
  } else {
    buf_put_str(&b, name);
    if (t->route_idx != NONE)
      buf_put_f(&b, " route %.*s", STR_ARG(v->catalog->entry[t->route_idx].who.dim[REC_DIM_ROUTE]));
    buf_put_f(&b, " gets %s requests", c->up ? "more" : "fewer");
    if (t->cluster.n) buf_put_f(&b, " in %.*s", STR_ARG(t->cluster));
  }
  if (t->node != NONE) buf_put_f(&b, ": %.1f a second, %.1f is normal", t->now_per_s, t->before_per_s);
  buf_put_f(&b, "; %s", t->reason);
  seal(&b, out, cap);
}
