/* A part of a service that fell silent when its trouble began. Who is gone reports nothing, and whoever tried it was
 * answered by another: no excess is found there, only that nothing comes. */
#include "incident_silent.h"

#include "base_math.h"
#include "series_recent.h"

#define NONE REC_SERIES_NONE
#define BEFORE (10u * LIMIT_TICKS_PER_S) /* its last request may be so long before the onset, */
#define AFTER (2u * LIMIT_TICKS_PER_S)   /* and so long after it: what was under way ends */
#define ALIVE 0.5                        /* of what is due to its siblings meanwhile came */
#define NATS 6.0                         /* that it is chance, before the choice among the parts is paid for */

/* Nothing came for so long that chance cannot be why. */
static bool missed(const struct incident_view *v, const struct series_state *s, uint32_t parts) {
  double due = series_usual_per_tick(s) * (double)(v->seq - s->data_seq),
         phi = s->rate.phi > 1.0f ? (double)s->rate.phi : 1.0;
  return due / phi >= NATS + math_log_fast((double)parts);
}

static bool silent(const struct incident_view *v, const struct series_state *s, uint32_t from, uint32_t parts) {
  return s->data_seq + BEFORE >= from && s->data_seq <= from + AFTER && missed(v, s, parts);
}

struct parts {
  struct base_str cluster; /* empty: in all */
  enum rec_level level;
  uint32_t node, n, silent, last; /* last: the silent one that was found last */
};

static bool part_is(const struct incident_view *v, const struct parts *p, uint32_t idx) {
  const struct rec_series *w = &v->catalog->entry[idx].who;
  if (w->level != p->level || w->side != REC_SIDE_SERVER || !v->state[idx].used) return false;
  return p->cluster.n == 0 || str_eq(w->dim[REC_DIM_CLUSTER], p->cluster);
}

static void parts_find(const struct incident_view *v, struct parts *p, uint32_t from) {
  const struct series_catalog *c = v->catalog;
  p->n = p->silent = 0;
  for (uint32_t i = c->node[p->node].first_child; i != NONE; i = c->entry[i].sibling) p->n += part_is(v, p, i);
  for (uint32_t i = c->node[p->node].first_child; i != NONE; i = c->entry[i].sibling) {
    if (!part_is(v, p, i) || !silent(v, &v->state[i], from, p->n)) continue;
    p->silent++;
    p->last = i;
  }
}

/* Did the others go on while it was silent? */
static bool others_alive(const struct incident_view *v, const struct parts *p) {
  const struct series_catalog *c = v->catalog;
  uint32_t since = v->state[p->last].data_seq + 1;
  double came = 0.0, due = 0.0;
  for (uint32_t i = c->node[p->node].first_child; i != NONE; i = c->entry[i].sibling) {
    if (i == p->last || !part_is(v, p, i)) continue;
    came += series_recent_sum(&v->state[i], since, v->seq).n;
    due += series_usual_per_tick(&v->state[i]) * (double)(v->seq + 1 - since);
  }
  return came > 0.0 && came >= ALIVE * due;
}

uint32_t incident_silent_part(const struct incident_view *v, uint32_t node, struct base_str cluster, uint32_t from) {
  if (node == NONE) return NONE;
  struct parts p = {cluster, REC_LEVEL_POD, node, 0, 0, NONE};
  parts_find(v, &p, from);
  if (p.silent > 1 && !cluster.n) {
    p.level = REC_LEVEL_SERVICE_CLUSTER;
    parts_find(v, &p, from);
  }
  return p.silent == 1 && others_alive(v, &p) ? p.last : NONE;
}

bool incident_silent_still(const struct incident_view *v, uint32_t idx) {
  return series_catalog_find(v->catalog, idx) && v->state[idx].used && missed(v, &v->state[idx], 1);
}

struct incident_left incident_silent_left(const struct incident_view *v, uint32_t node, uint32_t from) {
  const struct series_catalog *c = v->catalog;
  struct parts p = {STR_NONE, REC_LEVEL_POD, node, 0, 0, NONE};
  struct incident_left out = {0};
  for (uint32_t i = c->node[node].first_child; i != NONE; i = c->entry[i].sibling)
    out.pods += part_is(v, &p, i) && v->state[i].data_seq + BEFORE >= from;
  for (uint32_t i = c->node[node].first_child; i != NONE; i = c->entry[i].sibling) {
    const struct series_state *s = &v->state[i];
    if (!part_is(v, &p, i) || s->data_seq + AFTER < from || !missed(v, s, out.pods)) continue;
    out.n++;
    out.per_tick += series_usual_per_tick(s);
    if (s->data_seq > out.last_seq) out.last_seq = s->data_seq;
  }
  return out;
}
