/* A part of a service that fell silent when its trouble began. Who is gone reports nothing, and whoever tried it was
 * answered by another: no excess is found there, only that nothing comes. */
#include "incident_silent.h"

#include "base_math.h"

#define NONE REC_SERIES_NONE
#define BEFORE (10u * LIMIT_TICKS_PER_S) /* its last request may be so long before the onset, */
#define AFTER (2u * LIMIT_TICKS_PER_S)   /* and so long after it: what was under way ends */
#define ALIVE (2u * LIMIT_TICKS_PER_S)   /* its siblings were heard since */
#define NATS 6.0                         /* that it is chance, before the choice among the parts is paid for */

static double rate_of(const struct series_state *s) {
  return s->span > 0.0f ? (double)(s->requests / s->span) : 0.0;
}

/* Nothing came for so long that chance cannot be why. */
static bool silent(const struct incident_view *v, const struct series_state *s, uint32_t from, uint32_t parts) {
  if (s->data_seq + BEFORE < from || s->data_seq > from + AFTER) return false;
  double due = rate_of(s) * (double)(v->seq - s->data_seq), phi = s->rate.phi > 1.0f ? (double)s->rate.phi : 1.0;
  return due / phi >= NATS + math_log_fast((double)parts);
}

struct parts {
  uint32_t n, alive, silent, last; /* last: the silent one that was found last */
};

/* In the cluster, or in all where that is empty. */
static struct parts parts_of(const struct incident_view *v, uint32_t node, enum rec_level level,
                             struct base_str cluster, uint32_t from) {
  const struct series_catalog *c = v->catalog;
  struct parts out = {.last = NONE};
  for (unsigned pass = 0; pass < 2; pass++)
    for (uint32_t i = c->node[node].first_child; i != NONE; i = c->entry[i].sibling) {
      const struct rec_series *w = &c->entry[i].who;
      if (w->level != level || w->side != REC_SIDE_SERVER || !v->state[i].used) continue;
      if (cluster.n && !str_eq(w->dim[REC_DIM_CLUSTER], cluster)) continue;
      if (pass == 0) {
        out.n++;
        out.alive += v->seq - v->state[i].data_seq <= ALIVE;
      } else if (silent(v, &v->state[i], from, out.n)) {
        out.silent++;
        out.last = i;
      }
    }
  return out;
}

uint32_t incident_silent_part(const struct incident_view *v, uint32_t node, struct base_str cluster, uint32_t from) {
  if (node == NONE) return NONE;
  struct parts p = parts_of(v, node, REC_LEVEL_POD, cluster, from);
  if (p.silent > 1 && !cluster.n) p = parts_of(v, node, REC_LEVEL_SERVICE_CLUSTER, STR_NONE, from);
  return p.silent == 1 && p.alive > 0 ? p.last : NONE;
}
