/* Gauges as evidence (docs/detectors/gauge.md): those of a likely cause's service that rose near or before the onset.
 * They open no incident. In the ranking they are heard where no service's own excess explains half of the trouble: then
 * a service whose gauges are far from usual may be named (incident_claims_share). */
#ifndef INCIDENT_GAUGE_H
#define INCIDENT_GAUGE_H

#include "detect_gauge_table.h"
#include "incident_rank.h"
#include "rec_incident.h"

#define INCIDENT_GAUGE_FULL 12.0 /* nats of score at which a gauge says all that it may */
#define INCIDENT_GAUGE_BEFORE_NS (600 * TIME_NS_PER_S)
#define INCIDENT_GAUGE_AFTER_NS (15 * TIME_NS_PER_S) /* what rises later is rather an effect; and one usual step */
#define INCIDENT_GAUGE_SENTENCES 2u                  /* in the evidence of one cause */

/* Kept with the case, so that it stays when the gauge is long as ever. Plain data. */
struct incident_gauge {
  struct gauge_episode episode;
  uint32_t node; /* of the service that it is about */
  uint16_t key_n;
  uint8_t role, unit, line_n;
  bool novel;
  uint8_t pad[6];
  char key[REC_GAUGE_KEY_BYTES];
  char line[LIMIT_LOG_LINE_BYTES];
};

struct incident_gauges {
  uint32_t n, pad;
  struct incident_gauge gauge[LIMIT_GAUGES_SHOWN];
};

/* What a gauge of that role says at that score, 0..1. */
double incident_gauge_says(enum rec_role role, double score);
/* What the gauges say of each node of the set, 0..1 each: of a node's the one that says most, for a trouble that began
 * at onset. kept: those of the case. Cost: the names of all hot gauges. */
void incident_gauge_weigh(const struct incident_view *v, const struct incident_gauges *kept,
                          const struct incident_nodes *set, struct base_wall onset, double says[INCIDENT_NODES]);
/* Keeps the gauges of these services (those that rank, then those that say more) and lets go of others'. */
void incident_gauge_keep(const struct incident_view *v, struct incident_gauges *kept, const struct incident_nodes *of,
                         struct base_wall onset);
/* Is this one about that entity: no name that both have differs. */
bool incident_gauge_fits(const struct incident_gauge *g, const struct rec_entity *e);
/* Adds sentences about those that fit to an evidence of `cap` bytes, as many as fit whole and are due. */
void incident_gauge_text(const struct incident_gauges *kept, const struct rec_entity *e, uint32_t node, char *evidence,
                         size_t cap);
/* Does one that fits tell that something is full? */
bool incident_gauge_full(const struct incident_gauges *kept, const struct rec_entity *e, uint32_t node);
void incident_gauge_write(const struct incident_gauges *kept, struct rec_incident *out);
/* Loaded from a checkpoint: is all of it in range? */
bool incident_gauge_sound(const struct incident_gauges *kept, uint32_t node_n);

#endif
