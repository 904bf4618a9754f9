#include "serve_fake.h"

#include <stdio.h>
#include <string.h>

struct rec_change got_change;
char got_summary[64];
unsigned change_n, command_n;
struct rec_command got_command;
const char *problem;
bool ready, full; /* full: neither changes nor commands are taken */
bool edge_served; /* the edge's other end reports, too, as series 3 */

static const struct rec_series series[] = {
    {.level = REC_LEVEL_SERVICE,
     .side = REC_SIDE_SERVER,
     .dim[REC_DIM_NAMESPACE] = {"shop", 4},
     .dim[REC_DIM_SERVICE] = {"cart", 4}},
    {.level = REC_LEVEL_SERVICE,
     .side = REC_SIDE_CLIENT,
     .dim[REC_DIM_NAMESPACE] = {"shop", 4},
     .dim[REC_DIM_SERVICE] = {"cart", 4}},
    {.series_idx = 2,
     .level = REC_LEVEL_EDGE,
     .side = REC_SIDE_CLIENT,
     .dim[REC_DIM_NAMESPACE] = {"shop", 4},
     .dim[REC_DIM_SERVICE] = {"cart", 4},
     .dim[REC_DIM_CALLER_NAMESPACE] = {"shop", 4},
     .dim[REC_DIM_CALLER] = {"front", 5}},
    {.series_idx = 3,
     .level = REC_LEVEL_EDGE,
     .side = REC_SIDE_SERVER,
     .dim[REC_DIM_NAMESPACE] = {"shop", 4},
     .dim[REC_DIM_SERVICE] = {"cart", 4},
     .dim[REC_DIM_CALLER_NAMESPACE] = {"shop", 4},
     .dim[REC_DIM_CALLER] = {"front", 5}},
};

static void fake_status(void *ctx, struct serve_status *out) {
  (void)ctx;
  *out = (struct serve_status){.now = {1000 * TIME_NS_PER_S},
                               .started_at = {900 * TIME_NS_PER_S},
                               .tick_end = {999 * TIME_NS_PER_S},
                               .tick_seq = 12,
                               .series_n = 3,
                               .data_dir = "",
                               .problem = problem,
                               .ready = ready};
}

static uint64_t fake_counter(void *ctx, enum rec_counter c) {
  (void)ctx;
  return 100 + (uint64_t)c;
}

static uint32_t fake_series_n(void *ctx) {
  (void)ctx;
  return 4;
}

const struct rec_series *fake_series(void *ctx, uint32_t idx) {
  (void)ctx;
  return idx < 3 + (uint32_t)edge_served ? &series[idx] : NULL;
}

static bool fake_rate(void *ctx, uint32_t idx, struct serve_rate *out) {
  (void)ctx;
  *out = (struct serve_rate){.requests_per_s = 10 + idx, .learned_requests_per_s = 9, .alarming = idx == 2};
  return true;
}

static bool fake_normal(void *ctx, uint32_t idx, uint32_t step_s, struct serve_normal *out) {
  (void)ctx;
  *out = (struct serve_normal){.requests_per_s = {8, 10 + step_s}, .error_ratio = {0, 0.25}, .smallest_slower = 1.5};
  return idx == 0;
}

char got_audit[1024];
static void fake_audit(void *ctx, struct base_str json) {
  (void)ctx;
  snprintf(got_audit, sizeof got_audit, "%.*s", STR_ARG(json));
}

uint32_t gap_n;

/* Says of as many as asked that it has them. */
static uint32_t fake_telemetry(void *ctx, struct serve_gap *out, uint32_t max) {
  (void)ctx;
  for (uint32_t i = 0; i < gap_n && i < max; i++)
    out[i] = (struct serve_gap){"cart-1", i ? "" : "cart", "", REC_GAP_LOSS, i ? 0 : 0.25};
  return gap_n;
}

static uint32_t fake_reporters(void *ctx, struct serve_reporter *out, uint32_t max) {
  (void)ctx;
  for (uint32_t i = 0; i < 100 && i < max; i++)
    out[i] = (struct serve_reporter){STR_NONE, STR("cart"), STR("cart-1"), REC_SIDE_CLIENT, "mesh_metrics"};
  return 100;
}

static const char *fake_reporters_by(void *ctx, uint32_t idx, uint64_t *n) {
  (void)ctx;
  *n = 100;
  return idx == 0 ? "mesh_metrics" : NULL;
}

static void fake_calibration(void *ctx, struct serve_calibration out[REC_SIGNAL_COUNT]) {
  (void)ctx;
  for (unsigned s = 0; s < REC_SIGNAL_COUNT; s++)
    out[s] = (struct serve_calibration){.signal = (uint8_t)s,
                                        .series_weeks = 12.5,
                                        .level_n = 2,
                                        .level = {10, 12},
                                        .seen = {31, 4},
                                        .bound = {54.5, 7.25},
                                        .threshold = 20.5,
                                        .raised_by = s == REC_SIGNAL_LATENCY ? 1.5 : 0};
}

static bool fake_change(void *ctx, const struct rec_change *change) {
  (void)ctx;
  if (full) return false;
  got_change = *change;
  memcpy(got_summary, change->summary.p, change->summary.n);
  change_n++;
  return true;
}

static bool fake_command(void *ctx, const struct rec_command *command) {
  (void)ctx;
  if (full) return false;
  got_command = *command;
  command_n++;
  return true;
}

struct serve_source serve_fake(void) {
  return (struct serve_source){.status = fake_status,
                               .counter = fake_counter,
                               .series_n = fake_series_n,
                               .series = fake_series,
                               .rate = fake_rate,
                               .normal = fake_normal,
                               .audit = fake_audit,
                               .telemetry = fake_telemetry,
                               .reporters = fake_reporters,
                               .reporters_by = fake_reporters_by,
                               .calibration = fake_calibration,
                               .change = fake_change,
                               .command = fake_command};
}
