/* Services that get into the same kind of trouble in the same moment, of which none calls another: three of them are no
 * coincidence. What they have in common (a data base, a node, a credential) reports nothing, so that nobody can say
 * which it is, and to name one of them would be a guess. */
#include "base_must.h"
#include "incident_case.h"

#define NONE REC_SERIES_NONE
#define SAME_MOMENT \
  (3u * LIMIT_TICKS_PER_S)              /* onsets are found with half a second's error, of slow traffic with more */
#define FRESH (60u * LIMIT_TICKS_PER_S) /* incidents are told apart for good when they are older */
#define FEWEST 3u

/* Its own trouble, of a service that reports it itself: what is between services is a network's. */
static uint32_t suspect_of(const struct incident_view *v, const struct incident_case *c) {
  if (!c->used || c->resting || c->family > INCIDENT_LATENCY || !c->told || c->story.cause_n == 0) return NONE;
  const struct incident_cause *k = &c->story.cause[0];
  if (c->story.verdict != REC_VERDICT_UNHEALTHY || k->between || k->silent || v->seq - c->opened_seq > FRESH)
    return NONE;
  return k->node;
}

bool incident_shared_told(const struct incident_case *c) {
  return c->shared_n >= FEWEST;
}

bool incident_shared_has(const struct incident_case *c, uint32_t node) {
  for (uint32_t i = 0; i < c->shared_n; i++)
    if (c->shared[i] == node) return true;
  return false;
}

static void shared_add(struct incident_case *c, uint32_t node) {
  if (node == NONE || incident_shared_has(c, node) || c->shared_n == LIMIT_CAUSES) return;
  c->shared[c->shared_n++] = node;
}

static bool same_moment(const struct incident_case *a, const struct incident_case *b) {
  uint32_t apart = a->from_seq > b->from_seq ? a->from_seq - b->from_seq : b->from_seq - a->from_seq;
  return a->family == b->family && apart <= SAME_MOMENT;
}

/* Does its cause stand beside all that are in the set so far? */
static bool unrelated(const struct incident_view *v, const struct incident_nodes *set, uint32_t node) {
  for (uint32_t i = 0; i < set->n; i++)
    if (incident_related(v->catalog, set->node[i], node)) return false;
  return true;
}

uint16_t incident_shared_find(const struct incident_head *h, const struct incident_view *v, uint16_t i) {
  const struct incident_case *c = &h->case_[i];
  struct incident_nodes set = {.n = 0};
  uint16_t oldest = i;
  uint32_t own = suspect_of(v, c);
  if (own == NONE || c->shared_n) return INCIDENT_NO_CASE; /* others come to it */
  (void)incident_nodes_add(&set, own);
  for (uint16_t k = 0; k < LIMIT_INCIDENTS_OPEN; k++) {
    const struct incident_case *o = &h->case_[k];
    uint32_t node = k == i ? NONE : suspect_of(v, o);
    if (node == NONE || !same_moment(c, o) || !unrelated(v, &set, node)) continue;
    (void)incident_nodes_add(&set, node);
    for (uint32_t n = 1; n < o->shared_n; n++) (void)incident_nodes_add(&set, o->shared[n]);
    if (o->opened_seq < h->case_[oldest].opened_seq || (o->opened_seq == h->case_[oldest].opened_seq && k < oldest))
      oldest = k;
  }
  return set.n >= FEWEST && oldest != i ? oldest : INCIDENT_NO_CASE;
}

void incident_shared_take(struct incident_case *into, const struct incident_case *from) {
  MUST(into->story.cause_n > 0 && from->story.cause_n > 0);
  shared_add(into, into->story.cause[0].node);
  shared_add(into, from->story.cause[0].node);
}

static void doubt(struct incident_cause *k, uint32_t n) {
  size_t at = strlen(k->evidence);
  struct base_buf b = buf_over(k->evidence + at, sizeof k->evidence - at - 1);
  buf_put_f(&b, "; insufficient evidence that it began here: %u services that do not call each other began together",
            n);
  k->evidence[at + b.n] = 0;
}

/* Those that share it come first, in the order of what they have, and none before the others. */
void incident_shared_tell(const struct incident_case *c, struct incident_story *s) {
  struct incident_cause sorted[LIMIT_CAUSES];
  uint32_t n = 0, own = 0;
  if (!incident_shared_told(c)) return;
  for (uint32_t i = 0; i < s->cause_n; i++)
    if (incident_shared_has(c, s->cause[i].node)) sorted[n++] = s->cause[i];
  own = n;
  for (uint32_t i = 0; i < s->cause_n; i++)
    if (!incident_shared_has(c, s->cause[i].node)) sorted[n++] = s->cause[i];
  for (uint32_t i = 0; i < n; i++) {
    s->cause[i] = sorted[i];
    if (i >= own) continue;
    s->cause[i].score = 1.0 / (double)c->shared_n;
    doubt(&s->cause[i], c->shared_n);
  }
  struct base_buf b = buf_over(s->refute, sizeof s->refute - 1);
  buf_put_str(&b, STR("one of them in trouble clearly before the others: then it is that one"));
  s->refute[b.n] = 0;
  s->margin = 0.0;
}
