/* The record of the incident log: one incident's state at one tick, as the contract's JSON shows it. Fixed size
 * lists, texts in the record's own memory, so that it can be copied, kept and written anywhere. */
#ifndef REC_INCIDENT_H
#define REC_INCIDENT_H

#include "base_buf.h"
#include "rec_input.h"

enum rec_verdict { REC_VERDICT_UNHEALTHY, REC_VERDICT_EXPECTED };
enum rec_severity { REC_SEVERITY_INFO, REC_SEVERITY_WARNING, REC_SEVERITY_CRITICAL };
enum rec_state { REC_STATE_OPEN, REC_STATE_CLOSED };

/* An entity by names; unset dims are empty. Names are views into the engine's catalog (forever) or into the
 * memory of whoever decoded the record. */
struct rec_cause {
  struct rec_entity entity;
  double score;                    /* 0..1 */
  uint8_t signal;                  /* enum rec_signal */
  char evidence[LIMIT_TEXT_BYTES]; /* NUL-terminated */
};

struct rec_shown {
  struct base_wall at;
  char request_id[LIMIT_REQUEST_ID_BYTES + 1];
  char trace_id[LIMIT_TRACE_ID_BYTES + 1];
};

/* The numbers behind the alarm that speaks for the incident, in the unit of its signal. NAN-free; what is not known is
 * 0 and its bool false. */
struct rec_finding {
  struct rec_entity entity;               /* of the series whose numbers these are */
  uint8_t signal;                         /* enum rec_signal */
  bool known;                             /* false: nothing below is meant */
  const char *unit;                       /* static: "share", "s", "1/s", "bytes", "requests" */
  double baseline, baseline_sd;           /* learned normal, and how well it is known */
  double baseline_age_s;                  /* since the series was first seen */
  double baseline_requests;               /* behind it */
  double observed;                        /* since the onset */
  double effect, effect_low, effect_high; /* observed over baseline, with the 95 % interval */
  double effect_smallest; /* the smallest effect that this series could have shown in so much time; 0 unknown */
  double log_e, log_c;    /* log e-value when it was raised, and the threshold it passed */
  double pace_s; /* seconds between the scrapes that told it: it began up to so much after the onset; 0: by request */
  struct base_wall onset; /* +- 250 ms where the series has requests every tick */
};

/* Seconds (or tens of them) around the onset, for plots, of the finding's series. */
struct rec_plot {
  struct base_wall from;   /* begin of value[0] */
  uint32_t step_s, n;      /* 0: no plot */
  float value[LIMIT_PLOT]; /* in the finding's unit; below 0: nothing to say */
  float count[LIMIT_PLOT]; /* requests behind each */
  float low, high;         /* the band of normal life, low < 0: none */
};

/* One call on the way from where users see a trouble to its cause. */
struct rec_hop {
  struct rec_entity from, to; /* services */
  bool quiet;                 /* no alarm was raised for who is called */
  char evidence[LIMIT_HOP_BYTES];
};

/* Where the requests of one edge spend their time, place by place (docs/detectors/time.md). */
struct rec_time {
  struct rec_entity edge;
  uint32_t told; /* bit i: place i is meant; 0: nothing here is */
  uint8_t place; /* enum rec_place that holds most of what is more than normal; REC_PLACE_COUNT: several do */
  double normal_ms[REC_PLACE_COUNT], now_ms[REC_PLACE_COUNT]; /* means of fine requests */
};

/* A trouble that came back while its incident was still remembered. */
struct rec_again {
  struct base_wall started_at, ended_at; /* ended_at.ns == 0 while it goes on */
};

/* A gauge of a likely cause that is not as usual (docs/detectors/gauge.md), at its furthest. Where it is novel, it is
 * no number but a log line of a kind that its service never logged before. */
struct rec_pressure {
  struct rec_entity entity;
  struct base_str metric, part, line;
  uint8_t role, unit; /* enum rec_role, rec_unit */
  uint8_t side;       /* enum rec_bad: above or below the usual */
  bool novel;
  double value, low, high; /* low..high: one sample in 1000 is outside, each side */
  double score;            /* nats */
  struct base_wall since, at;
};

/* What was decided about it and why: adopted levels, a verdict that changed, an operator's word. */
struct rec_decision {
  struct base_wall at;
  char text[LIMIT_DECISION_BYTES];
};

struct rec_incident {
  uint64_t id_hash;     /* the id is this in 16 hex digits: from first signal's series key and tick */
  uint64_t rev;         /* counts changes of this incident from 1; the log's readers skip what they have */
  uint64_t tick_seq;    /* at which this state was written */
  uint64_t merged_hash; /* closed because it turned out to be a part of that incident; 0: no */
  uint8_t state, verdict, severity;
  uint8_t acked;
  uint8_t muted; /* inside a muted scope: recorded, pages nobody */
  char kind[16]; /* latency | errors | traffic | saturation | security | change */
  struct base_wall started_at, detected_at, ended_at, updated_at; /* ended_at.ns == 0 while open */
  char summary[LIMIT_TEXT_BYTES];
  double confidence;
  char telemetry[128]; /* "complete" or "degraded: why" */
  uint64_t impact_requests, impact_failed, impact_slow;
  uint32_t cause_n, affected_n, not_affected_n, change_n, exemplar_n;
  struct rec_cause cause[LIMIT_CAUSES];
  struct rec_entity affected[LIMIT_ENTITIES];
  struct rec_entity not_affected[LIMIT_ENTITIES];
  struct rec_change change[LIMIT_CHANGES];
  struct rec_shown exemplar[LIMIT_EXEMPLARS];
  struct rec_finding finding;
  struct rec_plot plot;
  uint32_t hop_n;
  struct rec_hop hop[LIMIT_HOPS];
  char refute[LIMIT_TEXT_BYTES]; /* what would show that the cause is another one; "" where nothing is ranked */
  struct rec_time time;
  uint32_t gauge_n;
  struct rec_pressure gauge[LIMIT_GAUGES_SHOWN]; /* of the likelier cause first, then what ranks */
  uint32_t occurrences;                          /* 1, and one more for each time that it came back */
  uint32_t again_n, decision_n;
  struct rec_again again[LIMIT_AGAIN]; /* the newest, oldest first */
  struct rec_decision decision[LIMIT_DECISIONS];
};

/* The contract's JSON of one incident, on one line, without a newline. Same record, same bytes. Additive fields
 * beyond the contract: "state", "acked", "muted", "updated_at", "merged_into" (an id) where it was merged, "finding",
 * "plot", "chain", "refuted_by", "time", "gauges", "occurrences", "recurrences", "decisions". */
void rec_incident_json(const struct rec_incident *in, struct base_buf *out);
/* The 16 hex digits of the id and a NUL. */
void rec_incident_id(const struct rec_incident *in, char out[17]);

#endif
