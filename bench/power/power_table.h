/* The faults, rates and noises of bench_power, and what a prototype had found before (docs/detectors). */
#ifndef POWER_TABLE_H
#define POWER_TABLE_H

#include "null_traffic.h"

#define POWER_FAULTS_MAX 64u

struct power_noise {
  const char *name;
  struct traffic_conf conf; /* rate and event_p are filled in */
};

struct power_fault {
  const char *name;
  enum rec_signal signal;
  struct traffic_fault fault;
  uint32_t fault_s;
  double ramp_from;    /* > 0: event_p rises from here to the fault's over its time */
  double event_p;      /* of the history */
  const double *rates; /* ends with 0 */
  unsigned noises;     /* bit i: with power_noise[i] */
  bool tiny;           /* part of the tests: must be found */
};

extern const struct power_noise power_noise[];
extern const unsigned power_noise_n;
extern const struct power_fault power_fault[];
extern const unsigned power_fault_n;
extern const double power_rate[], power_event_p[];
extern const unsigned power_rate_n, power_event_p_n;

/* "share found (median delay)", empty where it was not measured. At ln c 26.6. */
const char *power_prototype(const char *fault, const char *noise, double per_s);

#endif
