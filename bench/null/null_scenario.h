/* The quiet lives that bench_null simulates. */
#ifndef NULL_SCENARIO_H
#define NULL_SCENARIO_H

#include "null_traffic.h"

extern const struct traffic_conf null_scenario[];
extern const unsigned null_scenario_n;

#endif
