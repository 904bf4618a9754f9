/* The frozen evidence at a barrier: the catalog and the states, and what they say about excess. All functions are
 * pure reads. Excess of a window is what was seen beyond the learned normal (docs/detectors/ranking.md):
 *   errors   X = e - n p            failed requests
 *   latency  X = sum L - n L0       request-seconds
 * with its standard deviation under the null, so that x/sd is the z of the gate. */
#ifndef INCIDENT_VIEW_H
#define INCIDENT_VIEW_H

#include "detect_gauge_table.h"
#include "incident_weigh.h"
#include "series_catalog.h"
#include "series_state.h"

/* How evidence of a signal is read. OTHER signals (denied, throttled, cancelled, retries, client errors) have no
 * recent seconds of their own: for them alarms alone are ranked. */
enum incident_family {
  INCIDENT_ERRORS,
  INCIDENT_LATENCY,
  INCIDENT_TRAFFIC,
  INCIDENT_OTHER,
  INCIDENT_GAP,    /* no alarm's: lost telemetry */
  INCIDENT_CHANGE, /* no alarm's: a version takes over */
  INCIDENT_FAMILIES
};

struct incident_view {
  const struct series_catalog *catalog;
  const struct series_state *state; /* by series_idx */
  uint32_t seq;                     /* the tick of the barrier */
  const double *log_c;              /* thresholds by budget share */
  bool unheard;                     /* nobody was heard in the time of this tick */
  const struct gauge_table *gauge;  /* NULL: none are watched */
};

/* Zero with sd 1 where the series is unknown. Ticks [from, to]. */
struct incident_excess incident_excess_of(const struct incident_view *v, uint32_t series_idx,
                                          enum incident_family family, uint32_t from, uint32_t to);

/* Excess of one second (tick number / 4) only; for concordance over time. */
double incident_excess_second(const struct incident_view *v, uint32_t series_idx, enum incident_family family,
                              uint32_t sec);

/* The series that speaks for a service: `cluster` empty means all clusters. REC_SERIES_NONE where there is none. */
uint32_t incident_node_series(const struct incident_view *v, uint32_t node, enum rec_side side,
                              struct base_str cluster);
uint32_t incident_edge_series(const struct incident_view *v, uint32_t edge, enum rec_side side,
                              struct base_str cluster);

/* The series that speaks for a call: the caller's word, who has seen all that went wrong; the callee's where the caller
 * has no proxy. */
uint32_t incident_call_series(const struct incident_view *v, uint32_t edge, struct base_str cluster);
/* In that cluster; what is called in another one has no series there, and all of it is asked. */
uint32_t incident_call_within(const struct incident_view *v, uint32_t edge, struct base_str cluster);
struct incident_excess incident_call_excess(const struct incident_view *v, uint32_t edge, struct base_str cluster,
                                            enum incident_family family, uint32_t from, uint32_t to);

/* How far the recovery of an alarm in force has come, nats; 0: the trouble goes on. */
double incident_recovery(const struct incident_view *v, uint32_t series_idx, enum rec_signal signal);

/* Standard deviation of one fine request's duration, by the learned histogram. */
double incident_latency_sd_s(const struct series_state *s);

/* Learned numbers for texts. */
struct incident_normal {
  double requests_per_s, error_ratio, latency_mean_s, latency_p99_s, requests;
  double age_s;
};
/* As it stood for a trouble from tick `from` on. */
struct incident_normal incident_normal_of(const struct incident_view *v, uint32_t series_idx, uint32_t from);

enum incident_family incident_family_of(enum rec_signal s);
/* Of which family's excess a signal is: a part that stands apart shows that of failures or of latency. */
enum incident_family incident_family_shown(enum rec_signal s);

#endif
