/* The state of the head: alarms in force, and the cases (incidents under way) that they belong to. Plain data, one
 * writer, saved whole in a checkpoint; nodes and series are numbers of the catalog. */
#ifndef INCIDENT_CASE_H
#define INCIDENT_CASE_H

#include "detect_step.h"
#include "incident_gauge.h"
#include "incident_rank.h"
#include "incident_time.h"
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
  uint8_t adopt; /* its series is to take the level as the normal one */
  uint8_t pad[4];
  float seen, seen_per_tick; /* what it has seen while in force: incident_other.c; 0: nothing yet */
};

/* One named cause: whose names it carries (series_idx), or a service (node), or a region. */
struct incident_cause {
  uint32_t series_idx; /* narrowest entity, or REC_SERIES_NONE: see node */
  uint32_t node;       /* service, or REC_SERIES_NONE: the mesh */
  uint32_t shown_idx;  /* series whose numbers are the evidence */
  uint8_t between;     /* its clients see it, its own proxies do not */
  uint8_t silent;      /* the entity fell silent; shown is all of its service */
  uint8_t signal;
  uint8_t within;      /* the entity is within the cluster of within_idx, which the series itself does not tell */
  uint32_t within_idx; /* a SERVICE_CLUSTER series */
  uint8_t pad[4];
  double score;
  char evidence[LIMIT_TEXT_BYTES];
};

/* One call on the way from where users see the trouble to its cause. An edge's number stays its own for ever. */
struct incident_hop {
  uint32_t edge;
  uint8_t quiet; /* nothing of who is called raised an alarm */
  uint8_t pad[3];
  char evidence[LIMIT_HOP_BYTES];
};

/* What the ranking said when the evidence was fresh; the record is composed from it. */
struct incident_story {
  uint32_t cause_n, reached_n, healthy_n, route_n, hop_n;
  uint32_t pad_n;
  struct incident_cause cause[LIMIT_CAUSES];
  uint32_t reached[16]; /* nodes */
  uint32_t route[8];    /* ROUTE series of the victim that are hit */
  uint32_t healthy[INCIDENT_COMPARED];
  struct incident_hop hop[LIMIT_HOPS]; /* from the users on */
  char refute[LIMIT_TEXT_BYTES];       /* what would show that it is another cause */
  double rate;   /* excess a request of the series that speaks, when this was told; 0: not ranked */
  double margin; /* of the first cause's score over the second's, 0..1 */
  double lost;   /* of a drop of traffic: requests a second, as it was told */
  char summary[LIMIT_TEXT_BYTES];
  uint8_t verdict, severity;
  uint8_t by_alarm; /* told of an alarm, as nothing could be ranked */
  uint8_t by_mix;   /* expected, for its requests are others than usual */
  uint8_t pad[4];
};

/* The seconds around the trouble of the series that speaks, for plots. A full trace doubles its step. */
struct incident_trace {
  uint32_t series_idx; /* REC_SERIES_NONE: none yet */
  uint32_t first_s;    /* second of slot[0] */
  uint32_t step_s, n;
  struct series_slot slot[LIMIT_PLOT];
};

struct incident_span {
  uint32_t from_seq, over_seq; /* over_seq 0: goes on */
};

struct incident_decision {
  int64_t at_ns;
  char text[LIMIT_DECISION_BYTES];
};

/* Is it only that pods leave (incident_drain.h)? NO is final. */
enum incident_drain { INCIDENT_DRAIN_UNASKED, INCIDENT_DRAIN_MAYBE, INCIDENT_DRAIN_YES, INCIDENT_DRAIN_NO };

/* How many members were asked who calls them, in the tick seq: of each cluster and kind. */
#define INCIDENT_REACHES 8u
struct incident_reach {
  uint32_t seq, n;
  uint64_t key[INCIDENT_REACHES];
  uint32_t done[INCIDENT_REACHES];
};

struct incident_case {
  uint8_t used;
  uint8_t family;  /* enum incident_family: what it is mainly about */
  uint8_t up;      /* traffic: surge, not drop */
  uint8_t dirty;   /* to be written this tick */
  uint8_t told;    /* shown to people: a cause was found, or the alarm stood for long enough without one */
  uint8_t between; /* its clients see it, its servers do not: the way between */
  uint8_t shown;   /* a record of it was given out */
  uint8_t marked;  /* as expected, by an operator */
  uint8_t adopted; /* its level was taken as the normal one */
  uint8_t drain;   /* enum incident_drain; MAYBE: it is not told yet */
  uint8_t pad;
  uint8_t resting;    /* closed, and remembered: the same again is this one again */
  uint32_t first_seq; /* when it began the first time */
  uint32_t from_seq;  /* the onset of this time: median of its alarms' */
  uint32_t opened_seq;
  uint32_t last_seq; /* an alarm was in force or raised */
  uint32_t ranked_seq;
  uint32_t source;     /* node where it begins, REC_SERIES_NONE if unknown */
  uint32_t key_series; /* of the first alarm: with opened_seq it makes the id */
  uint32_t alarm_n;    /* joined so far */
  uint32_t impact_series, impact_sec;
  uint32_t rest_seq;                   /* until when it rests */
  uint32_t cut_from_seq, cut_last_seq; /* requests that leaving pods had under way: the newest burst of failures */
  uint64_t impact_n, impact_failed, impact_slow;
  uint64_t before_n, before_failed, before_slow; /* of the earlier times that it came */
  uint64_t id_hash, rev;
  int64_t detected_ns; /* arrival clock when it was first told */
  int64_t early_ns;    /* start of the earliest request known that ended bad at the onset, 0: none was long under way */
  uint32_t shared_n, shared[LIMIT_CAUSES]; /* services that began together and call no other of them (from three on) */
  uint32_t cause_seq;                      /* since when its first cause is at the service where it is */
  uint32_t acked;
  uint32_t occurrences, again_n, decision_n;
  struct incident_span again[LIMIT_AGAIN]; /* returns, oldest first */
  struct incident_decision decision[LIMIT_DECISIONS];
  struct incident_trace trace;
  struct incident_nodes nodes; /* whom it reaches */
  uint32_t second;             /* another service in the same kind of trouble by itself, or REC_SERIES_NONE */
  uint32_t second_seq;         /* since when */
  uint32_t own_seq;            /* of a case that was split off: it began no earlier, whatever its alarms had seen */
  struct incident_reach reach;
  struct incident_story story;
  struct incident_time time; /* kept while the last seconds show too little */
  struct incident_gauges gauges;
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
  char source[LIMIT_NAME_BYTES + 1], kind[LIMIT_NAME_BYTES + 1], summary[LIMIT_TEXT_BYTES + 8];
  char entity_kind[16];
  char dim[REC_DIM_COUNT][LIMIT_NAME_BYTES + 1];
};

/* A proxy whose reports are incomplete. */
struct incident_gap {
  uint8_t used, reason;
  uint8_t pad[2];
  uint32_t node; /* the service that it reports for, or REC_SERIES_NONE */
  uint32_t from_seq, last_seq;
  uint32_t expected, lost; /* of the last seconds */
  char pod[LIMIT_NAME_BYTES + 1], service[LIMIT_NAME_BYTES + 1], cluster[LIMIT_NAME_BYTES + 1];
};

/* A version that takes over from another one of its service: both in the seconds in which both had requests. */
#define INCIDENT_ROLLOUTS 256u
#define INCIDENT_ROLLOUT_ALTS 2u
enum incident_rollout_use {
  INCIDENT_ROLLOUT_FREE,
  INCIDENT_ROLLOUT_RUNS,
  INCIDENT_ROLLOUT_OVER,
  INCIDENT_ROLLOUT_USES
};
struct incident_rollout {
  uint8_t use; /* OVER: remembered, so that it is told once */
  uint8_t pad;
  uint16_t case_idx; /* INCIDENT_NO_CASE: only noted as a change */
  uint32_t node, new_idx, old_idx;
  uint32_t from_seq; /* first request of the new one */
  uint32_t seconds;  /* in which both had requests */
  double new_n, new_e, new_lat_s, old_n, old_e, old_lat_s;
  double errors[INCIDENT_ROLLOUT_ALTS]; /* log-likelihood ratios that the new one has so many times the failures */
  double slow, slow_v; /* sum of the differences of the mean durations over their variances; of 1 / variance */
  double slow_sd;      /* the difference that is looked for, seconds */
};

/* Sums of the load curve of a service: x = traffic over the usual - 1, y = 1 - usual duration over the present. */
struct incident_load {
  float xx, xy, yy, n;
  float chance; /* of xx: what counts scatter by themselves */
};

/* Tick numbers go on where time was missing: before tick seq so many nanoseconds are in no tick. */
#define INCIDENT_JUMPS 16u
struct incident_jump {
  int64_t ns;
  uint32_t seq, pad;
};

struct incident_head {
  uint32_t alarm_n;
  uint32_t exemplar_next, exemplar_n, change_next, change_n;
  uint32_t degraded_seq; /* last tick with a telemetry gap, 0: never */
  uint32_t first_seq;    /* the first tick, at least 1; 0: there was none */
  uint32_t noted_n;      /* changes noted in this minute but for rollouts */
  uint32_t brief_seq;    /* last tick at which slowness of a moment closed, 0: never */
  uint32_t pad;
  uint64_t counter_changes; /* not noted, as there were too many */
  uint64_t counter_opened, counter_closed, counter_limit, counter_alarms, counter_alarm_limit;
  struct base_wall tick_end, tick_now;       /* of the current tick: seq <-> wall */
  struct incident_jump jump[INCIDENT_JUMPS]; /* the last ones, a ring */
  uint64_t jump_n;                           /* ever */
  struct incident_alarm alarm[LIMIT_ALARMS];
  struct incident_case case_[LIMIT_INCIDENTS_OPEN];
  struct incident_exemplar exemplar[INCIDENT_EXEMPLARS];
  struct incident_change change[INCIDENT_CHANGES];
  struct incident_rollout rollout[INCIDENT_ROLLOUTS];
  struct incident_gap gap[LIMIT_GAPS];
  struct incident_load load[LIMIT_SERVICES]; /* by node */
};

/* The number of a case of this head, as its alarms carry it. */
static inline uint16_t incident_case_number(const struct incident_head *h, const struct incident_case *c) {
  return (uint16_t)(c - h->case_);
}

/* Wall time at which tick seq begins, by the current tick. */
struct base_wall incident_seq_wall(const struct incident_head *h, const struct incident_view *v, uint32_t seq);

/* incident_alarm.c: the case's next alarm, from number *at on, whose series is still known; NULL at the end. */
const struct incident_alarm *incident_alarm_next(const struct incident_head *h, const struct incident_view *v,
                                                 const struct incident_case *c, uint32_t *at);
/* incident_alarm.c: that of one signal at a service with most evidence, or NULL. */
const struct incident_alarm *incident_alarm_strongest(const struct incident_head *h, const struct incident_view *v,
                                                      const struct incident_case *c, uint32_t node, uint8_t signal,
                                                      bool in_force);
/* Until when its alarms have stood, of its own family; `now` while one does and it is alive, or where none has ended.
 */
uint32_t incident_case_until(const struct incident_head *h, const struct incident_view *v,
                             const struct incident_case *c, uint32_t now);
/* The service of an alarm whose series is known, REC_SERIES_NONE for mesh, region and cluster. */
static inline uint32_t incident_alarm_node(const struct incident_view *v, const struct incident_alarm *a) {
  return v->catalog->entry[a->series_idx].node;
}

/* incident_join.c: is it one service, or does one of the two call the other, if only through at most three others? Of
 * the callers the nearest INCIDENT_NODES are looked at. Cost: their calls. */
bool incident_related(const struct series_catalog *c, uint32_t a, uint32_t b);
/* Gives the alarm a case, opening one where none fits. */
void incident_join(struct incident_head *h, const struct incident_view *v, struct incident_alarm *a);

/* incident_load.c: learns the load curves; at the last tick of each minute. Cost: one pass over the narrower
 * series of all services. */
void incident_load_step(struct incident_head *h, const struct incident_view *v);
/* So many times as long may requests of the service, or of its part in one cluster, take at `ratio` times its load. At
 * least 1. */
double incident_load_band(const struct incident_head *h, uint32_t node, double ratio, bool part);

/* incident_traffic.c: is a service slower only because it, or the cluster of it that is slowest, gets more requests?
 * part: a series of it that is told as slow, or REC_SERIES_NONE. surged: that is what was told of it so far. */
enum incident_loaded {
  INCIDENT_LOAD_USUAL,   /* traffic is as ever */
  INCIDENT_LOAD_GROWN,   /* it has grown, but not by as much as the slowness would need */
  INCIDENT_LOAD_EXPLAINS /* it has */
};
enum incident_loaded incident_traffic_loads(const struct incident_head *h, const struct incident_view *v, uint32_t node,
                                            uint32_t part, bool surged, uint32_t from, uint32_t to);
/* Did requests of the service only move from one cluster to another? */
bool incident_traffic_moves(const struct incident_view *v, uint32_t node, uint32_t from);
/* Up from a service whose traffic changed, as long as its main caller's own traffic explains the change. */
uint32_t incident_traffic_root(const struct incident_view *v, uint32_t node, bool up, uint32_t from);

/* incident_traffic.c: what a case of traffic alone means. */
struct incident_traffic {
  uint32_t node;           /* where it begins, or REC_SERIES_NONE: the whole mesh */
  struct base_str cluster; /* the one cluster that it is in */
  struct base_str other;   /* failover: the cluster that took over */
  enum rec_verdict verdict;
  uint32_t route_idx; /* the one route that it is, or REC_SERIES_NONE */
  uint32_t all_idx;   /* series of that cluster, where all that it serves went the same way; or REC_SERIES_NONE */
  bool confirmed;     /* those it talks with say the same */
  bool back;          /* it is the whole mesh, and has as many as ever */
  bool over;          /* after an expected change the traffic is as usual again: what was told of it stands */
  const char *reason; /* static text */
  double before_per_s, now_per_s;
};
struct incident_traffic incident_traffic_judge(const struct incident_head *h, const struct incident_view *v,
                                               const struct incident_case *c);

/* incident_story.c: ranks, narrows and tells; leaves the story as it was where the evidence is gone. False: no cause
 * could be named from the evidence, and the story repeats an alarm. */
bool incident_story_tell(const struct incident_head *h, const struct incident_view *v, struct incident_case *c);
/* Names the part that fell silent, where that shows only after the trouble: a slow one is missed late. */
void incident_story_silent(const struct incident_view *v, struct incident_case *c);

/* incident_chain.c: the calls from where users see the trouble to the first cause, up along those that show most of it
 * from there; and what would refute it. Of ranked cases; nothing of others. Cost: a sum for each call of each hop. */
void incident_chain_tell(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                         struct base_str cluster, uint32_t from, struct incident_story *s);
void incident_chain_write(const struct incident_view *v, const struct incident_case *c, struct rec_incident *out);

/* incident_other.c: signals without recent seconds. The service where such a trouble begins, from one that has it; the
 * part of it that alone shows it (a series), or REC_SERIES_NONE: all of it; and what the alarm has seen, as a sentence.
 */
uint32_t incident_other_node(const struct incident_head *h, const struct incident_view *v,
                             const struct incident_case *c, uint32_t node, uint8_t signal);
uint32_t incident_other_part(const struct incident_head *h, const struct incident_view *v,
                             const struct incident_case *c, uint32_t node, uint8_t signal);
void incident_other_evidence(const struct incident_view *v, const struct incident_alarm *a, char *out, size_t cap);
/* The alarm of a service that `node` calls and that refuses (401, 403, 429, other 4xx) at least half as many requests a
 * tick as `node` fails: its failures are answers to that. NULL: none. */
const struct incident_alarm *incident_other_refusal(const struct incident_head *h, const struct incident_view *v,
                                                    const struct incident_case *c, uint32_t node,
                                                    double failed_per_tick);
/* Keeps what the case's alarms in force have seen, for as long as the case is told of; call before it is. */
void incident_other_look(struct incident_head *h, const struct incident_view *v, const struct incident_case *c);

/* incident_text.c: sentences. Each writes a NUL-terminated text of at most cap bytes. */
void incident_text_evidence(const struct incident_view *v, const struct incident_cause *c, enum incident_family family,
                            uint32_t from, uint32_t to, char *out, size_t cap);
/* What one series shows in ticks [from, to], for one hop. */
void incident_text_hop(const struct incident_view *v, uint32_t series_idx, enum incident_family family, uint32_t from,
                       uint32_t to, char *out, size_t cap);
/* Adds to the evidence of a cause that fell silent that it did. */
void incident_text_silent(struct incident_cause *c);
void incident_text_summary(const struct incident_view *v, const struct incident_case *c, char *out, size_t cap);
void incident_text_traffic(const struct incident_view *v, const struct incident_traffic *t,
                           const struct incident_case *c, char *out, size_t cap);
/* "cart pod cart-1 in east-1", from the names that the cause carries. */
void incident_text_entity(const struct incident_view *v, const struct incident_cause *c, char *out, size_t cap);

/* incident_join.c: takes the alarms at that service out of the case, for a case of their own that begins there. False:
 * there is none of the case's kind, or no room. */
bool incident_case_split(struct incident_head *h, const struct incident_view *v, struct incident_case *c,
                         uint32_t node);
/* incident_join.c: a new case without an alarm; NULL where there is no room. */
struct incident_case *incident_case_open(struct incident_head *h, const struct incident_view *v,
                                         enum incident_family family);

/* incident_gap.c: proxies whose reports are incomplete. */
void incident_gap_step(struct incident_head *h, const struct incident_view *v, const struct rec_head_batch *in,
                       struct rec_tick t);
uint32_t incident_gap_n(const struct incident_head *h);
/* Share of the reports that the service's proxies owe and that are missing now, 0..1; node NONE: of the mesh. */
double incident_gap_share(const struct incident_head *h, uint32_t node);
/* Share of one proxy's reports that is missing, 0..1; 0 where it is not known how many are due. */
double incident_gap_lost(const struct incident_gap *g);
void incident_gap_tell(const struct incident_head *h, const struct incident_view *v, struct incident_case *c);
void incident_gap_text(const struct incident_head *h, char *out, size_t cap);

/* incident_brief.c: must slowness wait with being told until it has lasted? And notes how long a case that closes did.
 */
bool incident_brief_waits(const struct incident_head *h, const struct incident_view *v, uint16_t i);
void incident_brief_note(struct incident_head *h, const struct incident_view *v, const struct incident_case *c);

/* incident_again.c: troubles that come back. One that closes rests for so many ticks (an hour where it was short, 0:
 * not at all); a new case that names the same cause meanwhile continues it. */
#define INCIDENT_REST_TICKS (3600u * LIMIT_TICKS_PER_S)
uint32_t incident_again_rest(const struct incident_head *h, const struct incident_view *v,
                             const struct incident_case *c);
/* Does an alarm of failures or of latency that was left without an incident show it again, in the last
 * INCIDENT_FRESH_TICKS and in those before them? */
#define INCIDENT_FRESH_TICKS (10u * LIMIT_TICKS_PER_S)
bool incident_again_wakes(const struct incident_view *v, const struct incident_alarm *a);
/* Of an alarm that was just raised, and whose evidence goes back to a trouble of its service that is over and rests:
 * its onset is put after that. False: the last seconds show nothing of it, the evidence is only what was left. */
bool incident_again_fresh(const struct incident_head *h, const struct incident_view *v, struct incident_alarm *a);
/* The resting case of the same cause, the last of several, or INCIDENT_NO_CASE. */
uint16_t incident_again_resting(const struct incident_head *h, const struct incident_case *c);
/* The resting case that case i, told and not shown yet, repeats, or INCIDENT_NO_CASE. */
uint16_t incident_again_find(const struct incident_head *h, uint16_t i);
/* Case `from` becomes the next time of the resting case `into`. */
void incident_again_join(struct incident_head *h, const struct incident_view *v, uint16_t from, uint16_t into);

/* incident_adopt.c: decides, once a minute, which levels are the normal ones from now on. */
void incident_adopt_step(struct incident_head *h, const struct incident_view *v);

/* incident_trace.c: keeps the seconds of the series that speaks; call once a second. */
void incident_trace_step(const struct incident_view *v, struct incident_case *c);

/* incident_finding.c: the numbers of the alarm that speaks, and its plot. */
void incident_finding_write(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                            struct rec_incident *out);

/* incident_confidence.c: of an unhealthy incident, once all else of its record is written. In (0, 1). */
double incident_confidence(const struct incident_case *c, const struct rec_incident *in);

/* incident_time.c: where the time of a latency went, from what its first cause's hottest edge shows in the last
 * seconds; adds it to the cause's evidence. As a sentence that goes on ("; 80 ms more in the network (a -> b)"),
 * nothing where nothing is known; and into the record. */
void incident_time_tell(const struct incident_view *v, struct incident_case *c);
void incident_time_text(const struct incident_view *v, const struct incident_case *c, struct base_buf *b);
void incident_time_write(const struct incident_view *v, const struct incident_case *c, struct rec_incident *out);

/* incident_shared.c: the oldest of three or more incidents that began in the same moment, alike, at services that do
 * not call each other, where case i is one of them and not the oldest; else INCIDENT_NO_CASE. Cost: walks up the graph
 * from each open incident's cause. */
uint16_t incident_shared_find(const struct incident_head *h, const struct incident_view *v, uint16_t i);
/* Both causes are noted as ones that began together. */
void incident_shared_take(struct incident_case *into, const struct incident_case *from);
/* Are they so many that what is told is what they share? */
bool incident_shared_told(const struct incident_case *c);
bool incident_shared_has(const struct incident_case *c, uint32_t node);
/* None of them is named before the others. */
void incident_shared_tell(const struct incident_case *c, struct incident_story *s);

/* incident_alive.c: does it still go on? By the alarms of where it begins; by those of its victims as long as they show
 * something. Cost: a sum for each of these where none of the others is in force. */
bool incident_case_alive(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c);
/* incident_alive.c: its incident is closed. Alarms that are still in force are kept without one, */
void incident_alarms_leave(struct incident_head *h, uint16_t case_idx);
/* and join one where they show something again. Once a second. */
void incident_alarms_wake(struct incident_head *h, const struct incident_view *v);
/* incident_life.c: notes a decision; the oldest goes where there are too many. */
void incident_decide(struct incident_case *c, struct base_wall at, const char *text);

/* incident_write.c: the record of a case as it stands. going: the trouble still goes on, none of it recovers. */
void incident_entity_node(const struct incident_view *v, uint32_t node, struct rec_entity *out);
void incident_entity_of(const struct incident_view *v, const struct incident_cause *c, struct rec_entity *out);
void incident_write(const struct incident_head *h, const struct incident_view *v, struct incident_case *c, bool going,
                    enum rec_state state, struct rec_incident *out);

#endif
