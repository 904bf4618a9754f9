/* Counters against events. A proxy counts each request, whether its log arrives or not (its counters of dropped entries
 * stay at zero when a sink dies): requests that it counted between two scrapes, less the reports of single requests
 * that came between them, were lost. A report comes up to a flush later than it is counted, at both ends of the
 * interval: over half a minute and more that cancels. Both are discounted by half in HALF_S. */
#include "base_math.h"
#include "wire_meter_state.h"

#define HALF_S 30.0
#define LEAST 100.0 /* requests counted, discounted: with fewer, one flush is too large a part */
#define LOSSY 0.05  /* a share that is told; less is flushes that came later than usual */
#define WHOLE 0.03
#define BATCHES 2u /* so many say it before it is told */

static bool is_own(const struct meter_target *t, const struct meter_flow *w) {
  return t->node.at && w->self.at == t->node.at && w->self.generation == t->node.generation;
}

/* Of several sources in one target the best is the one that is held against the reports. */
void meter_loss_add(struct wire_meter *m, const struct meter_flow *w, uint64_t n) {
  struct meter_target *t = &m->target[w->target];
  struct meter_check *c = &t->check[w->side];
  if (!is_own(t, w) || w->source > WIRE_SOURCE_PROXY_METRIC || (c->source && w->source > c->source)) return;
  if (w->source != c->source) *c = (struct meter_check){.source = w->source};
  c->batch_n += n;
}

void meter_loss_take(struct wire_meter *m, const struct meter_flow *w, uint64_t n) {
  struct meter_target *t = &m->target[w->target];
  struct meter_check *c = &t->check[w->side];
  if (is_own(t, w) && w->source == c->source) c->batch_n -= n < c->batch_n ? n : c->batch_n;
}

/* A batch's counts are whole when the next begins; the events of its time were there when it began. */
static void check_step(struct wire_meter *m, const struct meter_target *t, struct meter_check *c, uint8_t side) {
  uint64_t told = fold_told_events(m->fold, t->node, side);
  if (!t->pace || told < c->told || !fold_is_told_each(m->fold, t->node, side)) {
    *c = (struct meter_check){.told = told, .source = c->source};
    return;
  }
  if (c->begun == 2) {
    double keep = math_exp(-MATH_LN2 * (double)t->pace / (HALF_S * LIMIT_TICKS_PER_S));
    c->counted = c->counted * keep + (double)c->batch_n;
    c->came = c->came * keep + (double)c->events_n;
    bool lossy = c->came < c->counted * (1.0 - (c->lossy >= BATCHES ? WHOLE : LOSSY));
    c->lossy = lossy ? (uint8_t)(c->lossy + (c->lossy < UINT8_MAX)) : 0;
  }
  c->events_n = told - c->told;
  c->begun = (uint8_t)(c->begun + (c->begun < 2));
  c->told = told;
  c->batch_n = 0;
}

void meter_loss_batch(struct wire_meter *m, struct meter_target *t) {
  for (uint8_t side = 0; side < REC_SIDE_COUNT; side++) check_step(m, t, &t->check[side], side);
}

bool meter_loss_view(const struct wire_meter *m, const struct meter_target *t, uint32_t *expected, uint32_t *lost) {
  double most = 0.0;
  for (uint8_t side = 0; side < REC_SIDE_COUNT; side++) {
    const struct meter_check *c = &t->check[side];
    if (c->lossy < BATCHES || c->counted < LEAST || !fold_is_told_each(m->fold, t->node, side)) continue;
    double share = 1.0 - c->came / c->counted,
           behind = 1.0 - math_exp(-MATH_LN2 * (double)t->pace / (HALF_S * LIMIT_TICKS_PER_S));
    if (share <= most) continue;
    most = share;
    double per_4s = c->counted * behind * 4.0 * LIMIT_TICKS_PER_S / (double)t->pace;
    *expected = per_4s < 1.0 ? 1 : per_4s < 4e9 ? (uint32_t)per_4s : 4000000000u;
    *lost = (uint32_t)((double)*expected * share + 0.5);
  }
  return most > 0.0;
}
