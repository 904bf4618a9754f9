/* How sure an incident is: the probability that it is a true one and that its first cause is exactly the culprit. A
 * logistic regression on what the incident itself says; its coefficients come from replays of simulated faults with
 * seeds that are in no table (bench/quality/confidence.py), and the table says how well they are calibrated. */
#include "base_math.h"
#include "incident_case.h"

#define COUNTED_SURE 0.95 /* lost reports and new versions are counted, not inferred */
#define OVER_MOST 20.0    /* nats over the threshold: more makes it no surer */
#define MANY 8.0          /* entities that suffer */

static bool is_kind(const struct rec_incident *in, const char *kind) {
  return in->cause_n > 0 && str_eq(in->cause[0].entity.kind, str_of(kind));
}

double incident_confidence(const struct incident_case *c, const struct rec_incident *in) {
  if (c->family >= INCIDENT_GAP) return COUNTED_SURE;
  if (incident_shared_told(c)) return 1.0 / (double)c->shared_n; /* none is named before the others */
  double margin = 0.0, over = in->finding.known ? in->finding.log_e - in->finding.log_c : 0.0,
         many = (double)in->affected_n / MANY;
  enum rec_signal signal = in->cause_n ? in->cause[0].signal : REC_SIGNAL_ERRORS;
  enum incident_family f = incident_family_of(signal);
  if (in->cause_n) margin = in->cause[0].score - (in->cause_n > 1 ? in->cause[1].score : 0.0);
  if (over < 0.0) over = 0.0;
  if (over > OVER_MOST) over = OVER_MOST;
  if (many > 1.0) many = 1.0;
  const struct {
    double weight, value;
  } term[] = {
      {0.65, 1.0},
      {2.04, margin},
      {0.02, over / OVER_MOST},
      {-0.69, f == INCIDENT_LATENCY},
      {-1.18, f == INCIDENT_TRAFFIC},
      {-1.46, f == INCIDENT_OTHER},
      {-0.15, is_kind(in, "service")},
      {0.42, is_kind(in, "pod")},
      {-1.48, is_kind(in, "edge")},
      {-1.07, is_kind(in, "route")},
      {1.26, many},
  };
  double sum = 0.0;
  for (unsigned i = 0; i < sizeof term / sizeof term[0]; i++) sum += term[i].weight * term[i].value;
  return 1.0 / (1.0 + math_exp(-sum));
}
