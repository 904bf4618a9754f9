/* Who began it: self-excess by conservation on the call graph, times concordance with the victim
 * (docs/detectors/ranking.md).
 *
 *   D_v = X_v - sum over v's calls of X_{v->c}      from v's own reports of its calls: exact, no shares guessed
 *   N_c = X_c as its clients see it - X_c as it reports itself     what went wrong between the two
 *   self_v = D_v (if z >= 3) + N_v (if z >= 3)
 *   C_v = sum_t min(self_v+, X_T+) / sum_t max(self_v+, X_T+)      over seconds since before the onset
 *   score_v = self_v (0.3 + 0.7 C_v), then normalised; the 0.3 keeps troubles in the list that retries hide from T
 *   where no score is half of X_T: score_v / X_T + G_v / 2, G_v in 0..1 what its gauges say */
#ifndef INCIDENT_RANK_H
#define INCIDENT_RANK_H

#include "incident_narrow.h"

#define INCIDENT_NODES 256u /* members of one incident's graph; further ones are not ranked */

struct incident_nodes {
  uint32_t node[INCIDENT_NODES];
  uint32_t n;
};

struct incident_rank {
  uint32_t node;        /* service */
  uint32_t edge;        /* the only way there is to it, where that is slow; or REC_SERIES_NONE */
  bool client_side;     /* between client and server, not in the server */
  double score;         /* 0..1, they sum to one */
  double self, self_sd; /* own excess and its sd */
};

/* The tick since when the service has an excess of its own, within [from, to]: back from `to` over the seconds with
 * half or more of what the last ten have. */
uint32_t incident_rank_onset(const struct incident_view *v, uint32_t node, enum incident_family family, uint32_t from,
                             uint32_t to);

/* Adds node and whom its trouble reaches: up along the calls that show excess. Never down again: another trouble
 * below a shared caller is another incident. first: members before that one are not asked again who calls them; 0: all
 * are, as what was not hot a second ago may be now. */
void incident_nodes_reach(const struct incident_view *v, struct incident_nodes *set, uint32_t first, uint32_t node,
                          struct base_str cluster, enum incident_family family, uint32_t from, uint32_t to);
bool incident_nodes_has(const struct incident_nodes *set, uint32_t node);
bool incident_nodes_add(struct incident_nodes *set, uint32_t node);

/* From a node with trouble down along the calls that explain it, to where it begins. */
uint32_t incident_rank_source(const struct incident_view *v, uint32_t node, struct base_str cluster,
                              enum incident_family family, uint32_t from, uint32_t to);

/* Ranks the set; writes at most max, best first, and returns how many. gauge: by member, what its gauges say
 * (incident_gauge.h); NULL: none are known. *victim: the node with most excess. Cost: O(nodes + their edges)
 * sums over the recent rings. */
uint32_t incident_rank_run(const struct incident_view *v, const struct incident_nodes *set, struct base_str cluster,
                           enum incident_family family, uint32_t from, uint32_t to, const double *gauge,
                           struct incident_rank *out, uint32_t max, uint32_t *victim);

#endif
