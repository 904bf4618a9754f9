/* Gauges: each sample of the tick is one step of its gauge, in the order of the log. They are the head's: what they say
 * is asked for where incidents are told, and opens none. */
#include "engine_impl.h"

static void count(struct engine *e, enum gauge_taken taken) {
  static const enum rec_counter counter[] = {
      [GAUGE_TAKEN] = REC_COUNTER_GAUGES,
      [GAUGE_OLD] = REC_COUNTER_GAUGE_OLD,
      [GAUGE_LONG] = REC_COUNTER_GAUGE_NAME_LIMIT,
      [GAUGE_FULL] = REC_COUNTER_GAUGE_LIMIT,
  };
  e->counter[counter[taken]]++;
}

void engine_gauge_run(struct engine *e, const struct rec_head_batch *in, struct rec_tick t) {
  for (size_t i = 0; i < in->gauge_n; i++) count(e, gauge_table_take(&e->gauge, &in->gauge[i], t.end));
  gauge_table_sweep(&e->gauge, t.end);
}
