/* A tick's input with every kind of record in it, for tests of codec and text. */
#ifndef REC_SAMPLE_H
#define REC_SAMPLE_H

#include "base_hist.h"
#include "rec_codec.h"

struct rec_sample {
  struct rec_tick_input in;
  struct rec_series series[2];
  struct rec_obs obs[2];
  struct rec_hist_cell cell[4];
  struct rec_drop drop[1];
  struct rec_exemplar exemplar[2];
  struct rec_change change[1];
  struct rec_command command[1];
  struct rec_gap gap[2];
  struct rec_gauge gauge[2];
  unsigned bucket; /* the bucket that holds all but the second series */
};

static inline struct rec_series sample_series(uint32_t idx, enum rec_level level) {
  struct rec_series s = {.series_idx = idx, .level = (uint8_t)level, .side = REC_SIDE_CLIENT};
  const struct base_str name[REC_DIM_COUNT] = {
      [REC_DIM_NAMESPACE] = STR("shop"), [REC_DIM_SERVICE] = STR("cart"),      [REC_DIM_CLUSTER] = STR("east-1"),
      [REC_DIM_REGION] = STR("eu"),      [REC_DIM_POD] = STR("cart-7d9f"),     [REC_DIM_ROUTE] = STR("GET /carts/{id}"),
      [REC_DIM_VERSION] = STR("v2"),     [REC_DIM_CALLER_NAMESPACE] = STR(""), [REC_DIM_CALLER] = STR("front\n\"end\""),
  };
  uint32_t dims = rec_series_dims(level);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++)
    if (dims >> d & 1u) s.dim[d] = name[d];
  s.bucket = (uint8_t)(rec_series_hash(&s) & (LIMIT_BUCKETS - 1));
  return s;
}

static inline void sample_obs(struct rec_sample *s) {
  s->cell[0] = (struct rec_hist_cell){0, 1};
  s->cell[1] = (struct rec_hist_cell){12, 300};
  s->cell[2] = (struct rec_hist_cell){HIST_BUCKETS - 1, UINT32_MAX};
  s->cell[3] = (struct rec_hist_cell){13, 7};
  s->obs[0] =
      (struct rec_obs){.series_idx = 4, .hist_from = 0, .hist_n = 3, .latency_sum_ns = UINT64_MAX, .bytes_in = 5};
  s->obs[0].class_n[REC_CLASS_OK] = 301;
  s->obs[0].class_n[REC_CLASS_LONG_LIVED] = 1;
  s->obs[1] = (struct rec_obs){.series_idx = LIMIT_SERIES_MAX - 1,
                               .retries = 2,
                               .started = 9,
                               .ended_started = UINT32_MAX,
                               .hist_from = 3,
                               .hist_n = 1,
                               .stage_ns = {[REC_STAGE_WAIT] = 9, [REC_STAGE_RECEIVE] = UINT64_MAX},
                               .bytes_out = 1ull << 40};
}

static inline void sample_head(struct rec_sample *s) {
  s->exemplar[0] = (struct rec_exemplar){.at = {1772442000000000000},
                                         .series = {4, REC_SERIES_NONE, 0, 77},
                                         .class_ = REC_CLASS_TIMEOUT,
                                         .latency_ns = 15000000000,
                                         .request_id = STR("9f-1"),
                                         .trace_id = STR("4bf92f3577b34da6a3ce929d0e0e4736")};
  s->exemplar[1] = s->exemplar[0];
  s->exemplar[1].trace_id = STR_NONE;
  s->exemplar[1].side = REC_SIDE_CLIENT;
  s->change[0] = (struct rec_change){.at = {-1}, .source = STR("api"), .kind = STR("deploy"), .summary = STR("v2 out")};
  s->change[0].entity.kind = STR("service");
  s->change[0].entity.dim[REC_DIM_SERVICE] = STR("cart");
  s->change[0].entity.dim[REC_DIM_ZONE] = STR("b");
  s->command[0] = (struct rec_command){{1772442000000000001}, REC_VERB_ACK, STR("00ff00ff00ff00ff"), STR("ann")};
  s->gap[0] = (struct rec_gap){STR("cart-7d9f"), STR("shop"), STR("cart"), STR("east-1"), 40, 12, REC_GAP_LOSS};
  s->gap[1] = (struct rec_gap){.node = STR("edge"), .reason = REC_GAP_WHOLE};
}

static inline void sample_gauges(struct rec_sample *s) {
  s->gauge[0] = (struct rec_gauge){.at = {1772442000000000002},
                                   .metric = STR("upstream_rq_pending_active"),
                                   .part = STR("outbound|80||cart.shop"),
                                   .dim = {[REC_DIM_NAMESPACE] = STR("shop"),
                                           [REC_DIM_SERVICE] = STR("cart"),
                                           [REC_DIM_POD] = STR("web-1"),
                                           [REC_DIM_CALLER] = STR("web")},
                                   .value = 48.25,
                                   .lead_n = LIMIT_GAUGE_LEAD,
                                   .lead_ns = 40000000000,
                                   .role = REC_ROLE_SATURATION,
                                   .bad = REC_BAD_ABOVE};
  s->gauge[1] = (struct rec_gauge){.at = {-7},
                                   .metric = STR("log"),
                                   .part = STR("refused by <*>"),
                                   .line = STR("refused by \"db\""),
                                   .dim = {[REC_DIM_SERVICE] = STR("cart")},
                                   .value = -0.5,
                                   .role = REC_ROLE_LOG,
                                   .unit = REC_UNIT_PER_S,
                                   .novel = true};
}

/* Fills s, which must stay where it is: the input points into it. */
static inline void rec_sample_init(struct rec_sample *s) {
  *s = (struct rec_sample){0};
  s->series[0] = sample_series(4, REC_LEVEL_EDGE);
  s->series[1] = sample_series(5, REC_LEVEL_POD);
  s->bucket = s->series[0].bucket;
  sample_obs(s);
  sample_head(s);
  sample_gauges(s);
  s->drop[0].series_idx = 3;
  s->in.tick = (struct rec_tick){1ull << 50, {1772442000250000000}, {1772442000600000000}, false};
  s->in.bucket[s->bucket] = (struct rec_batch){s->series, 1, s->obs, 2, s->cell, 4, s->drop, 1};
  s->in.bucket[s->series[1].bucket].series = &s->series[1];
  s->in.bucket[s->series[1].bucket].series_n = 1;
  s->in.head = (struct rec_head_batch){s->exemplar, 2, s->change, 1, s->command, 1, s->gap, 2, s->gauge, 2};
}

#endif
