/* The state of the head: alarms in force, and the cases (incidents under way) that they belong to. Plain data, one
 * writer, saved whole in a checkpoint; nodes and series are numbers of the catalog. */
#ifndef INCIDENT_CASE_H
#define INCIDENT_CASE_H

#include "detect_step.h"
#include "incident_rank.h"
#include "rec_incident.h"

#define INCIDENT_NO_CASE 0xffffu

struct incident_alarm {
  uint32_t series_idx;
  uint32_t from_seq; /* first tick of the trouble */
  uint32_t raised_seq;
  uint32_t over_seq; /* first tick after it; 0 while in force */
  float log_e;
  uint16_t case_idx;
  uint8_t signal;
  uint8_t relearned;
};

/* One named cause: whose names it carries (series_idx), or a service (node), or a region. */
struct incident_cause {
  uint32_t series_idx; /* narrowest entity, or REC_SERIES_NONE: see node */
  uint32_t node;       /* service, or REC_SERIES_NONE: the mesh */
  uint32_t shown_idx;  /* series whose numbers are the evidence */
  uint8_t between;     /* its clients see it, its own proxies do not */
  uint8_t signal;
  uint8_t pad[2];
  double score;
  char evidence[LIMIT_TEXT_BYTES];
};

/* What the ranking said when the evidence was fresh; the record is composed from it. */
struct incident_story {
  uint32_t cause_n, reached_n, healthy_n, route_n;
  struct incident_cause cause[LIMIT_CAUSES];
  uint32_t reached[16]; /* nodes */
  uint32_t route[8];    /* ROUTE series of the victim that are hit */
  uint32_t healthy[INCIDENT_COMPARED];
  double margin; /* of the first cause's score over the second's, 0..1 */
  char summary[LIMIT_TEXT_BYTES];
  uint8_t verdict, severity;
  uint8_t pad[6];
};

struct incident_case {
  uint8_t used;
  uint8_t family;  /* enum incident_family: what it is mainly about */
  uint8_t up;      /* traffic: surge, not drop */
  uint8_t dirty;   /* to be written this tick */
  uint8_t told;    /* shown to people: a cause was found, or the alarm stood for long enough without one */
  uint8_t between; /* its clients see it, its servers do not: the way between */
  uint8_t shown;   /* a record of it was given out */
  uint8_t pad;
  uint32_t from_seq; /* earliest onset among its alarms */
  uint32_t opened_seq;
  uint32_t last_seq; /* an alarm was in force or raised */
  uint32_t ranked_seq;
  uint32_t source;     /* node where it begins, REC_SERIES_NONE if unknown */
  uint32_t key_series; /* of the first alarm: with opened_seq it makes the id */
  uint32_t alarm_n;    /* joined so far */
  uint32_t impact_series, impact_sec;
  uint32_t pad_impact;
  uint64_t impact_n, impact_failed, impact_slow;
  uint64_t id_hash, rev;
  int64_t detected_ns; /* arrival clock when it was opened */
  uint32_t acked;
  struct incident_nodes nodes; /* whom it reaches */
  struct incident_story story;
};

#define INCIDENT_EXEMPLARS 1024u
struct incident_exemplar {
  struct base_wall at;
  uint64_t latency_ns;
  uint32_t series[4];
  uint8_t class_;
  char request_id[LIMIT_REQUEST_ID_BYTES + 1];
  char trace_id[LIMIT_TRACE_ID_BYTES + 1];
  char pad[5];
};

#define INCIDENT_CHANGES 64u
struct incident_change {
  struct base_wall at;
  char source[64], kind[64], summary[256];
  char entity_kind[16];
  char dim[REC_DIM_COUNT][LIMIT_NAME_BYTES + 1];
};

struct incident_head {
  uint32_t alarm_n;
  uint32_t exemplar_next, exemplar_n, change_next, change_n;
  uint32_t degraded_seq; /* last tick with a telemetry gap, 0: never */
  uint64_t counter_opened, counter_closed, counter_limit, counter_alarms, counter_alarm_limit;
  struct base_wall tick_end, tick_now; /* of the current tick: seq <-> wall */
  struct incident_alarm alarm[LIMIT_ALARMS];
  struct incident_case case_[LIMIT_INCIDENTS_OPEN];
  struct incident_exemplar exemplar[INCIDENT_EXEMPLARS];
  struct incident_change change[INCIDENT_CHANGES];
};

/* Wall time at which tick seq begins, by the current tick. */
struct base_wall incident_seq_wall(const struct incident_head *h, const struct incident_view *v, uint32_t seq);

/* incident_join.c: gives the alarm a case, opening one where none fits. */
void incident_join(struct incident_head *h, const struct incident_view *v, struct incident_alarm *a);

/* incident_traffic.c: is a service slower only because it, or the cluster of it that is slowest, gets more requests? */
enum incident_load {
  INCIDENT_LOAD_USUAL,   /* traffic is as ever */
  INCIDENT_LOAD_GROWN,   /* it has grown, but not by as much as the slowness would need */
  INCIDENT_LOAD_EXPLAINS /* it has */
};
enum incident_load incident_traffic_loads(const struct incident_view *v, uint32_t node, uint32_t from, uint32_t to);
/* Up from a service whose traffic changed, as long as its main caller's own traffic explains the change. */
uint32_t incident_traffic_root(const struct incident_view *v, uint32_t node, bool up, uint32_t from);

/* incident_traffic.c: what a case of traffic alone means. */
struct incident_traffic {
  uint32_t node;           /* where it begins, or REC_SERIES_NONE: the whole mesh */
  struct base_str cluster; /* the one cluster that it is in */
  struct base_str other;   /* failover: the cluster that took over */
  enum rec_verdict verdict;
  const char *reason; /* static text */
  double before_per_s, now_per_s;
};
struct incident_traffic incident_traffic_judge(const struct incident_head *h, const struct incident_view *v,
                                               const struct incident_case *c);

/* incident_story.c: ranks, narrows and tells; leaves the story as it was where the evidence is gone. False: no cause
 * could be named from the evidence, and the story repeats an alarm. */
bool incident_story_tell(const struct incident_head *h, const struct incident_view *v, struct incident_case *c);

/* incident_text.c: sentences. Each writes a NUL-terminated text of at most cap bytes. */
void incident_text_evidence(const struct incident_view *v, const struct incident_cause *c, enum incident_family family,
                            uint32_t from, uint32_t to, char *out, size_t cap);
void incident_text_summary(const struct incident_view *v, const struct incident_case *c, char *out, size_t cap);
void incident_text_traffic(const struct incident_view *v, const struct incident_traffic *t,
                           const struct incident_case *c, char *out, size_t cap);
/* "cart pod cart-1 in east-1", from the names that the cause carries. */
void incident_text_entity(const struct incident_view *v, const struct incident_cause *c, char *out, size_t cap);

/* incident_write.c: the record of a case as it stands. going: the trouble still goes on, none of it recovers. */
void incident_entity_of(const struct incident_view *v, const struct incident_cause *c, struct rec_entity *out);
void incident_write(const struct incident_head *h, const struct incident_view *v, struct incident_case *c, bool going,
                    enum rec_state state, struct rec_incident *out);

#endif
