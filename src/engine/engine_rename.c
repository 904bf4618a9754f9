/* Other names in the engine's memory. What is over of an old text in its slot goes, too. */
#include "engine_impl.h"

static void word_set(char *at, size_t cap, unsigned what, const struct engine_names *names) {
  char other[ENGINE_WORD_BYTES];
  struct base_str was = str_of(at);
  size_t n = was.n ? names->name(names->ctx, what, was, other) : 0;
  if (n >= cap) n = cap - 1;
  memset(at, 0, cap);
  memcpy(at, other, n);
}

/* A sentence that was made of names. */
static void withhold(char *at, size_t cap) {
  static const char text[] = "(withheld)";
  bool was = at[0] != 0;
  memset(at, 0, cap);
  if (was) memcpy(at, text, cap < sizeof text ? cap - 1 : sizeof text);
}

static void story_rename(struct incident_story *s) {
  for (unsigned i = 0; i < LIMIT_CAUSES; i++) withhold(s->cause[i].evidence, sizeof s->cause[i].evidence);
  for (unsigned i = 0; i < LIMIT_HOPS; i++) withhold(s->hop[i].evidence, sizeof s->hop[i].evidence);
  withhold(s->refute, sizeof s->refute);
  withhold(s->summary, sizeof s->summary);
}

/* Words of a log line are somebody's: the line goes. The key cannot have become too long for its place. */
void engine_gauge_rename(char key[REC_GAUGE_KEY_BYTES], uint16_t *key_n, char line[LIMIT_LOG_LINE_BYTES],
                         uint8_t *line_n, const struct engine_names *names) {
  char text[REC_DIM_COUNT + 2][ENGINE_WORD_BYTES];
  struct rec_gauge_names was;
  struct rec_gauge is = {0};
  memset(line, 0, LIMIT_LOG_LINE_BYTES);
  *line_n = 0;
  bool good = rec_gauge_key_read(key, *key_n, &was);
  for (unsigned d = 0; good && d < REC_DIM_COUNT; d++)
    if (was.dim[d].n) is.dim[d] = (struct base_str){text[d], names->name(names->ctx, d, was.dim[d], text[d])};
  if (good && was.metric.n)
    is.metric = (struct base_str){text[REC_DIM_COUNT],
                                  names->name(names->ctx, ENGINE_WORD_TEXT, was.metric, text[REC_DIM_COUNT])};
  if (good && was.part.n)
    is.part = (struct base_str){text[REC_DIM_COUNT + 1],
                                names->name(names->ctx, ENGINE_WORD_TEXT, was.part, text[REC_DIM_COUNT + 1])};
  memset(key, 0, REC_GAUGE_KEY_BYTES);
  *key_n = good ? (uint16_t)rec_gauge_key_write(&is, key) : 0;
}

static void case_rename(struct incident_case *c, const struct engine_names *names) {
  for (unsigned i = 0; i < LIMIT_DECISIONS; i++) withhold(c->decision[i].text, sizeof c->decision[i].text);
  story_rename(&c->story);
  for (unsigned i = 0; i < LIMIT_GAUGES_SHOWN; i++) {
    struct incident_gauge *g = &c->gauges.gauge[i];
    engine_gauge_rename(g->key, &g->key_n, g->line, &g->line_n, names);
  }
  c->id_hash = names->id(names->ctx, c->id_hash);
}

/* What traffic itself showed (incident_change.h) has words of our own for its source and kind. The source alone does
 * not tell: anybody may give that name. */
static bool change_is_ours(const struct incident_change *c) {
  static const char *const kind[] = {"rollout", "scale", "service", "route"};
  bool known = false;
  for (size_t i = 0; i < sizeof kind / sizeof kind[0]; i++) known |= strcmp(c->kind, kind[i]) == 0;
  return known && strcmp(c->source, "traffic") == 0;
}

static void change_rename(struct incident_change *c, const struct engine_names *names) {
  if (!change_is_ours(c)) {
    word_set(c->source, sizeof c->source, ENGINE_WORD_TEXT, names);
    word_set(c->kind, sizeof c->kind, ENGINE_WORD_TEXT, names);
  }
  word_set(c->summary, sizeof c->summary, ENGINE_WORD_TEXT, names);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) word_set(c->dim[d], sizeof c->dim[d], d, names);
}

static void gap_rename(struct incident_gap *g, const struct engine_names *names) {
  word_set(g->pod, sizeof g->pod, REC_DIM_POD, names);
  word_set(g->service, sizeof g->service, REC_DIM_SERVICE, names);
  word_set(g->cluster, sizeof g->cluster, REC_DIM_CLUSTER, names);
}

void engine_head_rename(struct incident_head *h, const struct engine_names *names) {
  for (unsigned i = 0; i < INCIDENT_EXEMPLARS; i++) {
    struct incident_exemplar *x = &h->exemplar[i];
    word_set(x->request_id, sizeof x->request_id, ENGINE_WORD_REQUEST, names);
    word_set(x->trace_id, sizeof x->trace_id, ENGINE_WORD_TRACE, names);
  }
  for (unsigned i = 0; i < LIMIT_INCIDENTS_OPEN; i++) case_rename(&h->case_[i], names);
  for (unsigned i = 0; i < INCIDENT_CHANGES; i++) change_rename(&h->change[i], names);
  for (unsigned i = 0; i < LIMIT_GAPS; i++) gap_rename(&h->gap[i], names);
}

struct rec_series engine_series_rename(const struct rec_series *s, const struct engine_names *names,
                                       char text[REC_DIM_COUNT][ENGINE_WORD_BYTES]) {
  struct rec_series other = *s;
  for (unsigned d = 0; d < REC_DIM_COUNT; d++)
    if (s->dim[d].n) other.dim[d] = (struct base_str){text[d], names->name(names->ctx, d, s->dim[d], text[d])};
  other.bucket = (uint8_t)(rec_series_hash(&other) % LIMIT_BUCKETS);
  return other;
}
