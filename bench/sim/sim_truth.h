/* The truth beside a recording, as JSON: what was done to the mesh, when and to whom. */
#ifndef SIM_TRUTH_H
#define SIM_TRUTH_H

#include <stdbool.h>

#include "sim_call.h"

bool truth_write(const char *path, const struct sim_run *r, int64_t epoch_s);

#endif
