/* Causes of signals that have no recent seconds of their own (refusals, client errors, retries, sizes, hangs, siblings
 * apart, drift): the alarms alone are asked, and what they have seen since they were raised. */
#include "base_math.h"
#include "detect_bytes.h"
#include "detect_ratio.h"
#include "incident_case.h"

#define NONE REC_SERIES_NONE
#define DEPTH_MAX 16u
#define DENSER 1.3   /* a part's share of events over that of the whole */
#define HOLDS 0.8    /* of the whole's events that a part must have */
#define EXPLAINS 0.5 /* of a caller's failures that its callee's refusals must be */

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

/* The share that an alarm of the signal at the service, by the whole's word first, has seen; negative: there is none.
 */
static double share_at(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                       uint32_t node, uint8_t signal) {
  const struct incident_alarm *a = whole_at(h, v, c, node, signal);
  if (!a) a = incident_alarm_strongest(h, v, c, node, signal, false);
  return a ? (double)a->seen : -1.0;
}

/* Who is given up on gives up on the calls that it waits for, which are some of its calls; and what hangs is given up
 * on by all, who are then given up on where they wait for it. Either way it begins where the share is largest. NONE: no
 * neighbour has more. */
static uint32_t next_given_up(const struct incident_head *h, const struct incident_view *v,
                              const struct incident_case *c, uint32_t node, uint8_t signal) {
  const struct series_catalog *g = v->catalog;
  double most = share_at(h, v, c, node, signal);
  uint32_t next = NONE;
  for (unsigned up = 0; up < 2; up++)
    for (uint32_t e = up ? g->node[node].first_in : g->node[node].first_out; e != NONE;
         e = up ? g->edge[e].next_in : g->edge[e].next_out) {
      uint32_t to = up ? g->edge[e].from : g->edge[e].to;
      double share = share_at(h, v, c, to, signal);
      if (share <= most) continue;
      most = share;
      next = to;
    }
  return next;
}

uint32_t incident_other_node(const struct incident_head *h, const struct incident_view *v,
                             const struct incident_case *c, uint32_t node, uint8_t signal) {
  for (unsigned depth = 0; depth < DEPTH_MAX && node != NONE; depth++) {
    uint32_t next =
        signal == REC_SIGNAL_CANCELLED ? next_given_up(h, v, c, node, signal) : next_node(h, v, c, node, signal);
    if (next == NONE) return node;
    node = next;
  }
  return node;
}

/* What an alarm has seen: how strong (a share, or how many times the usual), and how much of it a tick. An alarm that
 * is over has forgotten: the head remembers. */
struct seen {
  double share, per_tick;
};

static struct seen look(const struct incident_view *v, const struct incident_alarm *a) {
  const struct series_state *s = &v->state[a->series_idx];
  const struct series_ratio *r = series_ratio_find(s, a->signal);
  double n = 0.0, e = 0.0, ticks = (double)(v->seq - a->raised_seq + LIMIT_TICKS_PER_S);
  if (r) detect_ratio_since(r, &n, &e);
  if (n > 0.0) return (struct seen){e / n, e / ticks};
  if (a->signal != REC_SIGNAL_BYTES) return (struct seen){0.0, 0.0};
  double seen = detect_bytes_seen(&s->extra.flow.bytes), mean = detect_bytes_mean(&s->extra.flow.bytes);
  if (seen <= 0.0 || mean <= 0.0) return (struct seen){0.0, 0.0};
  double off = math_log(seen / mean);
  return (struct seen){off < 0.0 ? -off : off, 1.0}; /* all requests of a part move its bytes: it holds what it holds */
}

void incident_other_look(struct incident_head *h, const struct incident_view *v, const struct incident_case *c) {
  for (uint32_t i = 0; i < h->alarm_n; i++) {
    struct incident_alarm *a = &h->alarm[i];
    if (a->case_idx != incident_case_number(h, c) || a->over_seq || !series_catalog_find(v->catalog, a->series_idx))
      continue;
    struct seen s = look(v, a);
    if (s.share <= 0.0) continue;
    a->seen = (float)s.share;
    a->seen_per_tick = (float)s.per_tick;
  }
}

static bool seen_of(const struct incident_alarm *a, struct seen *out) {
  *out = (struct seen){(double)a->seen, (double)a->seen_per_tick};
  return a->seen > 0.0f;
}

/* How much of a service a level is, the whole least. */
static unsigned narrowness(enum rec_level level) {
  switch (level) {
    case REC_LEVEL_SERVICE: return 0;
    case REC_LEVEL_SERVICE_CLUSTER:
    case REC_LEVEL_VERSION:
    case REC_LEVEL_ROUTE:
    case REC_LEVEL_EDGE: return 1;
    default: return 2;
  }
}

/* Of a service that does not alarm as a whole, the broadest part that does: its own parts alarm with it. */
static uint32_t broadest_at(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                            uint32_t node, uint8_t signal) {
  const struct incident_alarm *best = NULL, *a;
  for (uint32_t at = 0; (a = incident_alarm_next(h, v, c, &at));) {
    if (a->signal != signal || incident_alarm_node(v, a) != node) continue;
    unsigned n = narrowness(v->catalog->entry[a->series_idx].who.level),
             than = best ? narrowness(v->catalog->entry[best->series_idx].who.level) : 3;
    if (n < than || (n == than && a->log_e > best->log_e)) best = a;
  }
  return best ? best->series_idx : NONE;
}

uint32_t incident_other_part(const struct incident_head *h, const struct incident_view *v,
                             const struct incident_case *c, uint32_t node, uint8_t signal) {
  const struct incident_alarm *all = whole_at(h, v, c, node, signal), *best = NULL, *a;
  bool apart = signal == REC_SIGNAL_ERRORS_APART || signal == REC_SIGNAL_LATENCY_APART;
  struct seen whole_seen, s, most = {0};
  if (!apart && !all && incident_family_of(signal) <= INCIDENT_LATENCY) return broadest_at(h, v, c, node, signal);
  if (apart || !all) {
    best = incident_alarm_strongest(h, v, c, node, signal, false);
    return best ? best->series_idx : NONE;
  }
  if (!seen_of(all, &whole_seen)) return NONE;
  for (uint32_t at = 0; (a = incident_alarm_next(h, v, c, &at));) {
    if (a->signal != signal || incident_alarm_node(v, a) != node || whole(v, a) || !seen_of(a, &s)) continue;
    if (s.share < DENSER * whole_seen.share || s.per_tick < HOLDS * whole_seen.per_tick) continue;
    if (best && s.share < DENSER * most.share) continue;
    best = a;
    most = s;
  }
  return best ? best->series_idx : NONE;
}

/* A caller that cannot go on without the answer fails itself. */
const struct incident_alarm *incident_other_refusal(const struct incident_head *h, const struct incident_view *v,
                                                    const struct incident_case *c, uint32_t node,
                                                    double failed_per_tick) {
  static const uint8_t refusals[] = {REC_SIGNAL_DENIED, REC_SIGNAL_THROTTLED, REC_SIGNAL_CLIENT_ERRORS};
  const struct series_catalog *g = v->catalog;
  const struct incident_alarm *best = NULL;
  for (uint32_t e = g->node[node].first_out; e != NONE; e = g->edge[e].next_out)
    for (unsigned i = 0; i < sizeof refusals && g->edge[e].to != node; i++) {
      const struct incident_alarm *a = whole_at(h, v, c, g->edge[e].to, refusals[i]);
      if (!a || (double)a->seen_per_tick < EXPLAINS * failed_per_tick) continue;
      if (!best || a->seen_per_tick > best->seen_per_tick) best = a;
    }
  return best;
}

static const char *became(uint8_t signal) {
  switch (signal) {
    case REC_SIGNAL_DENIED: return "were refused";
    case REC_SIGNAL_THROTTLED: return "were throttled";
    case REC_SIGNAL_CANCELLED: return "were given up on";
    case REC_SIGNAL_RETRIES: return "were tried again";
    case REC_SIGNAL_CLIENT_ERRORS: return "were found bad";
    default: return "failed";
  }
}

void incident_other_evidence(const struct incident_view *v, const struct incident_alarm *a, char *out, size_t cap) {
  struct base_buf b = buf_over(out, cap - 1);
  struct seen s;
  const struct series_ratio *r = series_ratio_find(&v->state[a->series_idx], a->signal);
  if (r && seen_of(a, &s))
    buf_put_f(&b, "%.1f %% of its requests %s since then; %.2f %% is normal; ", 100.0 * s.share, became(a->signal),
              100.0 * detect_ratio_mean(r, v->state[a->series_idx].requests));
  buf_put_f(&b, "log e-value %.1f on %s", (double)a->log_e, rec_signal_text(a->signal));
  out[b.n < cap ? b.n : cap - 1] = 0;
}
