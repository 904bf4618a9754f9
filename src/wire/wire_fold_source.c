/* Which source counts for whom (wire_primary.h), seen from the nodes. */
#include "base_must.h"
#include "wire_fold_state.h"

#define ALIVE_TICKS ((int64_t)WIRE_PRIMARY_TICKS)

static struct wire_reporter_id reporter_of(const struct wire_node_rec *n, uint8_t side) {
  return (struct wire_reporter_id){n->who.namespace_, n->who.service, n->who.pod, side};
}

void fold_tell_events(struct wire_fold *f, struct wire_node_ref node, uint8_t side, uint64_t n) {
  const struct wire_node_rec *rec = wire_nodes_view(f->nodes, node);
  if (!rec || !rec->who.service) return;
  struct wire_reporter_id who = reporter_of(rec, side);
  wire_primary_tell(f->primary, &who, n);
}

uint64_t fold_told_events(struct wire_fold *f, struct wire_node_ref node, uint8_t side) {
  const struct wire_node_rec *rec = wire_nodes_view(f->nodes, node);
  if (!rec || !rec->who.service) return 0;
  struct wire_reporter_id who = reporter_of(rec, side);
  return wire_primary_told(f->primary, &who);
}

bool fold_is_told_each(struct wire_fold *f, struct wire_node_ref node, uint8_t side) {
  const struct wire_node_rec *rec = wire_nodes_view(f->nodes, node);
  if (!rec || !rec->who.service) return false;
  struct wire_reporter_id who = reporter_of(rec, side);
  enum wire_source source;
  return wire_primary_view(f->primary, &who, f->open_tick, &source) && source <= WIRE_SOURCE_LOG;
}

uint32_t wire_fold_sources(const struct wire_fold *f, struct wire_fold_source *out, uint32_t max,
                           uint64_t total[WIRE_SOURCE_COUNT]) {
  uint32_t n = 0, at = 0;
  memset(total, 0, sizeof *total * WIRE_SOURCE_COUNT);
  for (const struct wire_node_rec *rec; (rec = wire_nodes_next(f->nodes, &at));) {
    for (uint8_t side = 0; side < REC_SIDE_COUNT; side++) {
      if (!rec->asked_yes[side] || rec->asked_tick[side] + ALIVE_TICKS < f->open_tick) continue;
      total[rec->asked_source[side]]++;
      if (n < max)
        out[n] = (struct wire_fold_source){
            wire_names_view(f->names, rec->who.namespace_), wire_names_view(f->names, rec->who.service),
            wire_names_view(f->names, rec->who.pod ? rec->who.pod : rec->id), side, rec->asked_source[side]};
      n++;
    }
  }
  return n;
}

const char *wire_source_text(enum wire_source source) {
  static const char *const text[] = {
#define X(name, t, doc) t,
      WIRE_SOURCE_TABLE(X)
#undef X
  };
  MUST(source < WIRE_SOURCE_COUNT);
  return text[source];
}
