#include "power_table.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SMOOTH 1u
#define NOISY 2u
#define VISITS 4u
#define RATE_FAULT(x) \
  { (x), -1.0, 1.0, 0.0 }
#define EVENT_FAULT(p) \
  { 1.0, (p), 1.0, 0.0 }
#define SLOW_FAULT(by, share) \
  { 1.0, -1.0, (by), (share) }

const double power_rate[] = {1, 3, 5, 8, 10, 20, 30, 50, 100, 200, 500};
const unsigned power_rate_n = COUNT(power_rate);
const double power_event_p[] = {0.001, 0.01, 0.005};
const unsigned power_event_p_n = COUNT(power_event_p);

static const double busy[] = {20, 30, 50, 100, 200, 500, 0}, all[] = {5, 20, 30, 50, 100, 200, 500, 0},
                    low[] = {1, 3, 8, 10, 30, 100, 0}, some[] = {20, 100, 500, 0}, one[] = {100, 0};

const struct power_noise power_noise[] = {
    {"poisson", {.name = "poisson", .latency = {.sigma = 0.5}}},
    {"nb2_ar10",
     {.name = "nb2_ar10",
      .dispersion = 2.0,
      .wander_sd = 0.1,
      .wander_s = 300.0,
      .latency = {.sigma = 0.5, .wander_sd = 0.03, .wander_s = 300.0}}},
    {"visits",
     {.name = "visits",
      .visit_mean = 3.0,
      .think_s = 3.0,
      .wander_sd = 0.05,
      .wander_s = 60.0,
      .latency = {.sigma = 0.5, .load = 0.2}}},
};
const unsigned power_noise_n = COUNT(power_noise);

#define DOWN REC_SIGNAL_REQUESTS_DOWN
#define UP REC_SIGNAL_REQUESTS_UP
#define ERRORS REC_SIGNAL_ERRORS
#define LATENCY REC_SIGNAL_LATENCY
#define EVERY (SMOOTH | NOISY | VISITS)

const struct power_fault power_fault[] = {
    {"outage_1s", DOWN, RATE_FAULT(0.0), 1, 0, 0.001, busy, EVERY, false},
    {"half_1s", DOWN, RATE_FAULT(0.5), 1, 0, 0.001, busy, EVERY, false},
    {"half_5s", DOWN, RATE_FAULT(0.5), 5, 0, 0.001, busy, EVERY, false},
    {"four_fifths_60s", DOWN, RATE_FAULT(0.8), 60, 0, 0.001, busy, EVERY, false},
    {"drop_to_0_60s", DOWN, RATE_FAULT(0.0), 60, 0, 0.001, low, EVERY, true},
    {"drop_to_0.3_60s", DOWN, RATE_FAULT(0.3), 60, 0, 0.001, low, EVERY, false},
    {"drop_to_0.3_180s", DOWN, RATE_FAULT(0.3), 180, 0, 0.001, low, EVERY, false},
    {"drop_to_0.5_180s", DOWN, RATE_FAULT(0.5), 180, 0, 0.001, low, EVERY, false},
    {"drop_to_0.7_600s", DOWN, RATE_FAULT(0.7), 600, 0, 0.001, low, EVERY, false},
    {"surge_1.5_180s", UP, RATE_FAULT(1.5), 180, 0, 0.001, low, EVERY, false},
    {"surge_2_60s", UP, RATE_FAULT(2.0), 60, 0, 0.001, low, EVERY, false},
    {"surge_3_60s", UP, RATE_FAULT(3.0), 60, 0, 0.001, low, EVERY, true},
    {"errors_0.1_to_5_180s", ERRORS, EVENT_FAULT(0.05), 180, 0, 0.001, some, SMOOTH, true},
    {"errors_1_to_3_600s", ERRORS, EVENT_FAULT(0.03), 600, 0, 0.01, some, SMOOTH, false},
    {"errors_all_1s", ERRORS, EVENT_FAULT(1.0), 1, 0, 0.001, some, SMOOTH, false},
    {"errors_ramp_0.5_to_2_2h", ERRORS, EVENT_FAULT(0.02), 7200, 0.005, 0.005, one, SMOOTH, false},
    {"latency_1.5_60s", LATENCY, SLOW_FAULT(1.5, 1.0), 60, 0, 0.001, all, EVERY, true},
    {"latency_3_5s", LATENCY, SLOW_FAULT(3.0, 1.0), 5, 0, 0.001, all, EVERY, false},
    {"latency_1.2_600s", LATENCY, SLOW_FAULT(1.2, 1.0), 600, 0, 0.001, all, EVERY, false},
    {"tail_2pc_x10_600s", LATENCY, SLOW_FAULT(10.0, 0.02), 600, 0, 0.001, all, EVERY, false},
    {"tail_10pc_x10_600s", LATENCY, SLOW_FAULT(10.0, 0.1), 600, 0, 0.001, all, EVERY, true},
    {"tail_10pc_x3_600s", LATENCY, SLOW_FAULT(3.0, 0.1), 600, 0, 0.001, all, EVERY, false},
};
const unsigned power_fault_n = COUNT(power_fault);

const char *power_prototype(const char *fault, const char *noise, double per_s) {
  static const struct {
    const char *fault, *noise;
    double per_s;
    const char *found;
  } known[] = {
      {"outage_1s", "poisson", 30, "0"},
      {"outage_1s", "poisson", 50, "1.00"},
      {"outage_1s", "poisson", 100, "1.00"},
      {"outage_1s", "poisson", 500, "1.00"},
      {"outage_1s", "nb2_ar10", 30, "0"},
      {"outage_1s", "nb2_ar10", 50, "0"},
      {"outage_1s", "nb2_ar10", 100, "0.82"},
      {"outage_1s", "nb2_ar10", 500, "1.00"},
      {"half_1s", "poisson", 30, "0"},
      {"half_1s", "poisson", 50, "0"},
      {"half_1s", "poisson", 100, "0"},
      {"half_1s", "poisson", 500, "0.965"},
      {"half_5s", "poisson", 30, "0"},
      {"half_5s", "poisson", 50, "0.15"},
      {"half_5s", "poisson", 100, "0.97 (3.8 s)"},
      {"half_5s", "poisson", 500, "1.00 (1.0 s)"},
      {"four_fifths_60s", "poisson", 30, "0"},
      {"four_fifths_60s", "poisson", 50, "0"},
      {"four_fifths_60s", "poisson", 100, "0"},
      {"four_fifths_60s", "poisson", 500, "0.78 (32 s)"},
      {"errors_0.1_to_5_180s", "poisson", 20, "0.995 (12 s)"},
      {"errors_0.1_to_5_180s", "poisson", 100, "1.00 (2.6 s)"},
      {"errors_0.1_to_5_180s", "poisson", 500, "1.00 (1.0 s)"},
      {"errors_1_to_3_600s", "poisson", 20, "0.99 (152 s)"},
      {"errors_1_to_3_600s", "poisson", 100, "1.00 (28 s)"},
      {"errors_all_1s", "poisson", 20, "0.985"},
      {"errors_ramp_0.5_to_2_2h", "poisson", 100, "seen (56 min)"},
      {"latency_1.5_60s", "poisson", 5, "0.41"},
      {"latency_1.5_60s", "poisson", 50, "0.97 (12 s)"},
      {"latency_1.5_60s", "poisson", 200, "1.00 (3.8 s)"},
      {"latency_3_5s", "poisson", 5, "0.28"},
      {"latency_3_5s", "poisson", 50, "1.00 (1 s)"},
      {"latency_3_5s", "poisson", 200, "1.00 (1 s)"},
      {"latency_1.2_600s", "poisson", 5, "0.03-0.31"},
      {"latency_1.2_600s", "poisson", 50, "0.03-0.31"},
      {"latency_1.2_600s", "poisson", 200, "0.03-0.31"},
      {"tail_2pc_x10_600s", "poisson", 5, "0"},
      {"tail_2pc_x10_600s", "poisson", 50, "0"},
      {"tail_2pc_x10_600s", "poisson", 200, "0"},
      {"tail_10pc_x10_600s", "poisson", 5, "0.34-0.78"},
      {"tail_10pc_x10_600s", "poisson", 50, "0.34-0.78"},
      {"tail_10pc_x10_600s", "poisson", 200, "0.34-0.78"},
  };
  for (size_t i = 0; i < COUNT(known); i++) {
    if (strcmp(known[i].fault, fault) != 0 || strcmp(known[i].noise, noise) != 0) continue;
    if (known[i].per_s <= per_s && known[i].per_s >= per_s) return known[i].found;
  }
  return "";
}
