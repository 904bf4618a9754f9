/* Files of targets in the form of Prometheus' file_sd_config, JSON or YAML: a list of maps, each of a list `targets`
 * and a map `labels` of texts. */
#ifndef DAEMON_SD_H
#define DAEMON_SD_H

#include <stdbool.h>

#include "base_str.h"

#define SD_WHY_BYTES 160u
#define SD_LABELS 32u /* of one group; one with more is refused */

struct sd_label {
  struct base_str name, value;
};

/* A target with its group's labels; views live during the call. False ends the reading, as refused. */
typedef bool (*sd_target)(void *ctx, struct base_str target, const struct sd_label *label, unsigned n);

/* False: why tells; what came before was told. */
bool sd_json_read(struct base_str text, sd_target fn, void *ctx, char why[SD_WHY_BYTES]);
bool sd_yaml_read(struct base_str text, sd_target fn, void *ctx, char why[SD_WHY_BYTES]);

#endif
