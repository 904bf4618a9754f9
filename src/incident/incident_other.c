/* Causes of signals that have no recent seconds of their own (refusals, client errors, retries, sizes, hangs, siblings
 * apart, drift): the alarms alone are asked, and what they have seen since they were raised. */
#include "base_math.h"
#include "detect_bytes.h"
#include "detect_ratio.h"
#include "incident_case.h"

#define NONE REC_SERIES_NONE
#define DEPTH_MAX 16u
#define DENSER 1.3 /* a part's share of events over that of the whole */
#define HOLDS 0.8  /* of the whole's events that a part must have */

/* Trouble is handed up from callee to caller; what users do is handed down. */
static uint32_t next_node(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                          uint32_t node, uint8_t signal) {
  const struct series_catalog *g = v->catalog;
  bool up = signal == REC_SIGNAL_ERRATIC;
  const struct incident_alarm *best = NULL;
  uint32_t next = NONE;
  for (uint32_t e = up ? g->node[node].first_in : g->node[node].first_out; e != NONE;
       e = up ? g->edge[e].next_in : g->edge[e].next_out) {
    uint32_t to = up ? g->edge[e].from : g->edge[e].to;
    const struct incident_alarm *a = to == node ? NULL : incident_alarm_strongest(h, v, c, to, signal, false);
    if (!a || (best && a->log_e <= best->log_e)) continue;
    best = a;
    next = to;
  }
  return next;
}

uint32_t incident_other_node(const struct incident_head *h, const struct incident_view *v,
                             const struct incident_case *c, uint32_t node, uint8_t signal) {
  for (unsigned depth = 0; depth < DEPTH_MAX && node != NONE; depth++) {
    uint32_t next = next_node(h, v, c, node, signal);
    if (next == NONE) return node;
    node = next;
  }
  return node;
}

/* What an alarm has seen: how strong (a share, or how many times the usual), and how much of it a tick. */
struct seen {
  double share, per_tick;
};

static bool seen_of(const struct incident_view *v, const struct incident_alarm *a, struct seen *out) {
  const struct series_state *s = &v->state[a->series_idx];
  const struct series_ratio *r = series_ratio_find(s, a->signal);
  double n = 0.0, e = 0.0, ticks = (double)(v->seq - a->raised_seq + LIMIT_TICKS_PER_S);
  if (r) detect_ratio_since(r, &n, &e);
  if (n > 0.0) {
    *out = (struct seen){e / n, e / ticks};
    return true;
  }
  if (a->signal != REC_SIGNAL_BYTES) return false;
  double seen = detect_bytes_seen(&s->extra.flow.bytes), mean = detect_bytes_mean(&s->extra.flow.bytes);
  if (seen <= 0.0 || mean <= 0.0) return false;
  double off = math_log(seen / mean);
  *out = (struct seen){off < 0.0 ? -off : off, 1.0}; /* all requests of a part move its bytes: it holds what it holds */
  return true;
}

static bool whole(const struct incident_view *v, const struct incident_alarm *a) {
  enum rec_level level = v->catalog->entry[a->series_idx].who.level;
  return level == REC_LEVEL_SERVICE;
}

/* The whole service's alarm, by its own word or else its clients'. */
static const struct incident_alarm *whole_at(const struct incident_head *h, const struct incident_view *v,
                                             const struct incident_case *c, uint32_t node, uint8_t signal) {
  const struct incident_alarm *best = NULL, *a;
  for (uint32_t at = 0; (a = incident_alarm_next(h, v, c, &at));) {
    if (a->signal != signal || incident_alarm_node(v, a) != node || !whole(v, a)) continue;
    if (!best || v->catalog->entry[a->series_idx].who.side == REC_SIDE_SERVER) best = a;
  }
  return best;
}

uint32_t incident_other_part(const struct incident_head *h, const struct incident_view *v,
                             const struct incident_case *c, uint32_t node, uint8_t signal) {
  const struct incident_alarm *all = whole_at(h, v, c, node, signal), *best = NULL, *a;
  bool apart = signal == REC_SIGNAL_ERRORS_APART || signal == REC_SIGNAL_LATENCY_APART;
  struct seen whole_seen, s, most = {0};
  if (apart || !all) {
    best = incident_alarm_strongest(h, v, c, node, signal, false);
    return best ? best->series_idx : NONE;
  }
  if (!seen_of(v, all, &whole_seen)) return NONE;
  for (uint32_t at = 0; (a = incident_alarm_next(h, v, c, &at));) {
    if (a->signal != signal || incident_alarm_node(v, a) != node || whole(v, a) || !seen_of(v, a, &s)) continue;
    if (s.share < DENSER * whole_seen.share || s.per_tick < HOLDS * whole_seen.per_tick) continue;
    if (best && s.share < DENSER * most.share) continue;
    best = a;
    most = s;
  }
  return best ? best->series_idx : NONE;
}

void incident_other_evidence(const struct incident_view *v, const struct incident_alarm *a, char *out, size_t cap) {
  struct base_buf b = buf_over(out, cap - 1);
  struct seen s;
  const struct series_ratio *r = series_ratio_find(&v->state[a->series_idx], a->signal);
  if (r && seen_of(v, a, &s))
    buf_put_f(&b, "%.1f %% of its requests since then; %.2f %% is normal; ", 100.0 * s.share,
              100.0 * detect_ratio_mean(r, v->state[a->series_idx].requests));
  buf_put_f(&b, "log e-value %.1f on %s", (double)a->log_e, rec_signal_text(a->signal));
  out[b.n < cap ? b.n : cap - 1] = 0;
}
