/* What is known now of one series: baselines, detector state, recent seconds. Plain data (a checkpoint is a copy),
 * one writer (its bucket), no pointers. One kibibyte a series, histogram included; the assertion below keeps it so.
 *
 * Units: rates are a tick (250 ms) unless a name says _per_s; times are tick numbers; log-likelihoods are nats. */
#ifndef SERIES_STATE_H
#define SERIES_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base_hist.h"
#include "base_limits.h"
#include "base_math.h"
#include "rec_input.h"

#define SERIES_NONE 0xffffffffu

/* One e-detector's alarm. A detector is a mixture over K alternatives; `best` is the one that raised the alarm,
 * SERIES_CALM while there is none. The other two fields serve one state each, which keeps them small:
 *   calm:     level is the log e-value that counts as usual; seq the last tick at which it was usual (the onset)
 *   alarming: level is the recovery CUSUM: the reversed log-likelihood ratio of `best`, floored at 0; seq the tick
 *             at which it last stood at 0, which is where the trouble ended once the CUSUM passes its threshold */
#define SERIES_CALM 0xffu
struct series_alarm {
  float level;
  uint32_t seq;
};

#define SERIES_RATE_FINE 2u   /* alternatives held against the rate of the last minute */
#define SERIES_RATE_COARSE 2u /* against that of the last ten minutes */
#define SERIES_RATE_ALTS (SERIES_RATE_FINE + SERIES_RATE_COARSE)
#define SERIES_RATE_UNHELD 63u
struct series_rate {
  float a, b;                /* discounted gamma: requests, ticks (docs/detectors/rate.md) */
  float near;                /* requests a tick of the last minute or so */
  float phi;                 /* overdispersion of the counts of a second, >= 1 */
  float phi_ten;             /* of the sums of ten seconds, >= phi: bursts and sessions */
  float zeta2;               /* relative variance of the minutes beyond that: the wander zone squared */
  float win_x, ten_x, min_x; /* requests in the open phi window, ten seconds (< 0: void) and minute */
  uint16_t win_t, min_t;     /* ticks of those windows */
  uint8_t down_best, up_best;
  uint16_t frozen_s : 10; /* seconds for which learning has stood still, saturating */
  uint16_t held : 6; /* the last whole minute's deviation: learned once the next is calm; SERIES_RATE_UNHELD: none */
  float g_down[SERIES_RATE_ALTS], g_up[SERIES_RATE_ALTS];
  float run_x, run_m; /* of the run of seconds with too few: requests and those expected, in groups of phi_ten */
  struct series_alarm down, up;
};

/* A ratio has a state only from its first event on: most series never see most kinds of events. The first slot is that
 * of all failures; a kind that finds no free slot is not watched in this series [ratio_limit]. */
#define SERIES_RATIO_SLOTS 5u
#define SERIES_RATIO_ALTS 3u
#define SERIES_RATIO_FREE 0x1fu
#define SERIES_RATIO_CALM 3u
#define SERIES_RATIO_PHI_OCTAVE 128.0 /* steps of phi_log */
#define SERIES_RATIO_WAITING 0x3fu    /* the most that `waiting` holds */
struct series_ratio {
  float a; /* discounted number of events */
  float g[SERIES_RATIO_ALTS];
  struct series_alarm alarm;
  uint32_t phi_log : 10; /* log2 of the overdispersion of the events, in 1/128 */
  uint32_t calm : 1;     /* there was little evidence when the open phi window began */
  uint32_t win_e : 15;   /* events in the open phi window; 32767: it is not learned */
  uint32_t signal : 5;   /* enum rec_signal, or SERIES_RATIO_FREE */
  uint32_t late : 1;     /* the open phi window has events seen under suspicion */
  uint32_t wander : 13;  /* root of the odds' slow variance, in 1/2048, with its sign, and 4096 */
  uint32_t near : 7;     /* the odds of late over the learned ones, less 1, in 1/64, and 64 */
  uint32_t waiting : 6;  /* requests without an event since the last step: judged together with the next */
  uint32_t fresh : 3;    /* events learned since there was little evidence, saturating: not held for normal yet */
  uint32_t held : 1;     /* the phi window before the open one had events seen under suspicion: it was not closed */
  uint32_t best : 2;     /* the alternative that raised the alarm, or SERIES_RATIO_CALM */
};

_Static_assert(sizeof(struct series_ratio) == 32 && REC_SIGNAL_COUNT <= SERIES_RATIO_FREE, "a ratio's fields fit");

/* Overdispersion of a ratio's events in ten seconds, >= 1. */
static inline double series_ratio_phi(const struct series_ratio *r) {
  return math_exp_fast((double)r->phi_log * (MATH_LN2 / SERIES_RATIO_PHI_OCTAVE));
}

#define SERIES_TILT_ALTS 4u
#define SERIES_TAIL_ALTS 2u
#define SERIES_LATENCY_ALTS (SERIES_TILT_ALTS + SERIES_TAIL_ALTS)
struct series_latency {
  float p[HIST_BUCKETS];            /* discounted counts of durations: a Dirichlet */
  float total;                      /* their sum */
  float mean_s;                     /* discounted mean duration, seconds */
  float mu, sd;                     /* mean and sd of the bucket number under p */
  float log_norm[SERIES_TILT_ALTS]; /* ln sum_j p_j exp(eta s_j), of the grid's tilts */
  float tail_p[SERIES_TAIL_ALTS];   /* probability of the tails from tail_from on */
  float near;                       /* mean score of the last minute or so */
  float phi, zeta2;                 /* of the mean score: overdispersion around near, slow variance */
  float win_s, win_n;               /* the open ten-second window: sum of scores, requests */
  float min_s, min_n;               /* the open one-minute window */
  float g[SERIES_LATENCY_ALTS];
  struct series_alarm alarm;
  uint8_t tail_from[SERIES_TAIL_ALTS]; /* first bucket of the p99 and p99.8 tails */
  uint8_t best;
  uint8_t grid;         /* which tilts are the alternatives: of those that its wander leaves in use */
  uint16_t fresh;       /* requests since the derived numbers were made */
  uint16_t tail_phi_q8; /* overdispersion of the p99 tail's requests in 1/256, >= 256 */
  uint16_t win_hit;     /* requests in that tail in the open ten-second window, saturating */
  uint16_t pad2;
};

/* Requests that bunch (docs/detectors/erratic.md): how the seconds' counts scatter inside ten seconds. Fixed point as
 * in detect_erratic.c. */
#define SERIES_ERRATIC_ALTS 2u
struct series_erratic {
  float g[SERIES_ERRATIC_ALTS];
  struct series_alarm alarm;
  uint16_t sec_x;       /* requests of the open second (series_half.h) */
  uint16_t first, last; /* roots of the first and the last whole second's count in the open ten, in 1/8 */
  uint16_t up, down;    /* the largest rise (65535: this ten is void) and fall from one second to the next, in 1/8 */
  uint16_t sum_d2;      /* squares of the others, in 1/64 (series_half.h) */
  int16_t log_d;        /* learned mean of the log dispersion, in 1/2048 */
  uint16_t var_d;       /* learned variance of it, in 1/4096 */
  int16_t corr;         /* learned correlation of a ten with the next, in 1/8192: the share that is wander */
  uint8_t log_level;    /* learned log of the mean root, in 1/28 */
  uint8_t log_heavy;    /* learned log of the mean of exp(evidence), in 1/32: above 0 where tails are heavy */
  uint8_t best;
  uint8_t seen; /* tens learned from, saturating */
  int8_t off;   /* the last ten's deviation, in 1/32 standard deviations */
  uint8_t held; /* the last ten's evidence, in 1/32 nats: learned once the next is calm */
};

/* Bytes a request, both ways (docs/detectors/bytes.md), judged on the mean of ten seconds. Fixed point as in
 * detect_bytes.c. */
#define SERIES_BYTES_ALTS 2u
struct series_bytes {
  float g[SERIES_BYTES_ALTS]; /* more, fewer */
  struct series_alarm alarm;
  uint16_t win_b; /* bytes in the open ten seconds (series_half.h); its requests are series_state.win_n */
  uint16_t mean;  /* learned mean of the log of a window's mean, in 1/2048 */
  uint16_t var;   /* learned variance of it at the usual number of requests, in 1/4096 */
  uint16_t log_n; /* learned log of a window's requests, in 1/2048 */
  int16_t corr;   /* learned correlation of a window with the next, in 1/8192: the share that is wander */
  uint16_t heavy; /* learned mean of exp(evidence), in 1/128: above 1 where tails are heavy */
  uint8_t best;
  uint8_t seen; /* windows learned from, saturating */
  int8_t off;   /* the last window's deviation, in 1/32 standard deviations */
  uint8_t held; /* the last window's evidence, in 1/32 nats: learned once the next is calm */
};

/* Requests in flight, where proxies tell of their beginning (docs/detectors/hanging.md). */
struct series_hanging {
  float open; /* under way now, as far as known: told, not judged */
  float mean; /* learned: under way by Little's law */
  float g;
  struct series_alarm alarm;
  uint16_t win_began, win_ended; /* in the open window (series_half.h) */
  uint16_t late;                 /* learned share of requests that are not followed by an end in time, in 2^-16 */
  uint8_t best;
  uint8_t seen; /* windows learned from, saturating */
};

/* How the requests of an edge spend their time, as one of its two ends reports it (docs/detectors/time.md): mean
 * microseconds a fine request, rounded to 16 bits (series_half.h). */
enum series_stage {
  SERIES_STAGE_BEFORE,  /* up to the first byte sent on, by the first try; at the callee by whichever */
  SERIES_STAGE_RETRIED, /* up to the first byte sent on, by a later try; callers alone */
  SERIES_STAGE_SEND,
  SERIES_STAGE_WAIT,
  SERIES_STAGE_RECEIVE,
  SERIES_STAGE_LAST, /* what the proxy does with the answer: the caller's with all of it, the callee's with its head */
  SERIES_STAGES
};
#define SERIES_STAGES_UNKNOWN 0xffffu
struct series_stages {
  uint16_t usual[SERIES_STAGES];  /* learned; usual[0] is SERIES_STAGES_UNKNOWN before the first time */
  uint16_t recent[SERIES_STAGES]; /* of the last seconds */
  float near;                     /* requests behind recent, discounted */
};

_Static_assert(sizeof(struct series_stages) == sizeof(struct series_hanging), "in its place");
_Static_assert(sizeof(struct series_erratic) == 40 && sizeof(struct series_bytes) == 32 &&
                   sizeof(struct series_hanging) == 28,
               "no padding");

/* Against its siblings in the same seconds (docs/detectors/apart.md). Stepped by the head at the barrier. */
#define SERIES_APART_ALTS 2u
struct series_apart_errors {
  float seen, due; /* discounted failures, and those that the siblings' word made due: their quotient is the odds */
  float phi;       /* overdispersion of the failures that fall here, >= 1 */
  float last_d, last_v; /* the last second with failures: those beyond the share, and their variance.  While an alarm
                         * stands: the siblings' failures and requests of late */
  float g[SERIES_APART_ALTS];
  struct series_alarm alarm;
};
struct series_apart_latency {
  float off, seen;      /* learned persistent difference in buckets, and its information (1 / variance) */
  float phi, zeta2;     /* overdispersion of the difference, >= 1, and how it wanders, buckets squared */
  float win_d, win_v;   /* the open ten seconds: differences weighted by their information, and that */
  float last_m, last_v; /* the ten seconds before: mean difference, its information; 0: none */
  float g[SERIES_APART_ALTS];
  struct series_alarm alarm;
};
struct series_apart {
  struct series_apart_errors errors;
  struct series_apart_latency latency;
  float sec_b;    /* sum of the bucket numbers of the open second's fine requests */
  uint32_t sec_n; /* how many those are */
  uint16_t sec;   /* which second that is, its low 16 bits */
  uint8_t errors_best, latency_best;
  uint8_t known;                       /* seconds compared, saturating */
  uint8_t errors_stuck, latency_stuck; /* minutes of evidence that froze the learning, without an alarm */
  uint8_t pad;
};

/* Against a reference that does not follow (docs/detectors/drift.md), judged on minutes, and on days. Fixed point as in
 * detect_drift.c. */
struct series_drift {
  float min_n, min_e, min_t, min_b; /* the open minute: requests, failures; timed ones and the sum of their buckets */
  float ref_p;                      /* reference: share of failures */
  float mu;                         /* reference of minutes: mean bucket number, follows within hours */
  float day_b;                      /* sum of the means of the open day's minutes */
  float g_errors, g_latency;        /* while an alarm stands: the share, or the difference, seen since */
  struct series_alarm errors, latency;
  uint16_t wander_p, wander_b; /* how minutes differ from the reference, in logs: relative; buckets */
  uint16_t day_mu_q10;         /* reference of days: mean bucket number in 1/1024; 0: none yet */
  uint8_t errors_best, latency_best;
  uint32_t day_n : 11;  /* minutes in the open day */
  uint32_t seen : 7;    /* minutes learned from, up to DRIFT_SEEN, and then whole days */
  uint32_t day_sd : 7;  /* how days differ from the day before, in eighths of an octave */
  uint32_t day_off : 7; /* the last day's difference from the reference, in 1/32 buckets, 64 is none */
};

/* What only some levels have: a series that is compared with siblings is not judged by its traffic. */
union series_extra {
  struct {
    struct series_erratic erratic;
    struct series_bytes bytes;
    union {
      struct series_hanging hanging; /* of services and routes */
      struct series_stages stages;   /* of edges */
    };
  } flow;
  struct series_apart apart;
};

/* Recent history for ranking and explanation. Counts are small floats (series_half.h): relative error <= 2^-12. */
struct series_slot {
  uint16_t n, e;   /* requests; failures of the serving side */
  uint16_t lat_us; /* sum of durations of fine requests */
};
#define SERIES_FINE_SLOTS 15u   /* of 1 s */
#define SERIES_COARSE_SLOTS 11u /* of 10 s */

struct series_state {
  uint32_t series_idx;
  uint32_t next; /* of the bucket's list, SERIES_NONE at its end */
  uint8_t level, side;
  uint8_t used;        /* bit 0; above it the head's word for the next step: parts to adopt (DETECT_ADOPT_*) */
  int8_t season;       /* log2, in eighths, of the step that this hour of the week usually brings; 0 none */
  uint32_t learn_from; /* nothing is learned before this tick: an incident is open over it */
  uint32_t rates_from; /* traffic is not judged before this tick: reports of it are missing */
  uint16_t pace;       /* ticks between the scrapes that tell it; 0: each request is told by itself */
  uint16_t still;      /* ticks for which its rate is not learned: an incident of traffic is open over it */
  uint32_t born_seq;   /* first tick */
  uint32_t step_seq;   /* last tick stepped */
  uint32_t data_seq;   /* last tick with requests */
  float requests;      /* discounted requests: the denominator of the ratios */
  float span;          /* ticks discounted alike: requests / span is the rate of the last hour */
  float win_n;         /* requests in the ratios' and the latency's open phi window */
  struct series_rate rate;
  struct series_ratio ratio[SERIES_RATIO_SLOTS];
  struct series_latency latency;
  struct series_drift drift;
  union series_extra extra;
  struct series_slot fine[SERIES_FINE_SLOTS], coarse[SERIES_COARSE_SLOTS];
  uint32_t fine_at; /* second of the newest slot; its ten seconds are those of the newest coarse one */
  uint32_t fine_n, fine_e, coarse_n, coarse_e; /* exact sums of the newest slots: rounded once, not at every tick */
  float fine_lat_s, coarse_lat_s;
};

_Static_assert(sizeof(struct series_state) <= 1024, "one kibibyte a series");

/* Requests a tick over the last hour, whatever was suspected meanwhile; 0 where nothing is known. */
static inline double series_usual_per_tick(const struct series_state *s) {
  return s->span > 0.0f ? (double)(s->requests / s->span) : 0.0;
}

/* The slot of a ratio signal (or, of SERIES_RATIO_FREE, the first free one); SERIES_RATIO_SLOTS where there is none. */
static inline unsigned series_ratio_slot(const struct series_state *s, uint8_t signal) {
  unsigned i = 0;
  while (i < SERIES_RATIO_SLOTS && s->ratio[i].signal != signal) i++;
  return i;
}

/* The state of a ratio signal, or NULL where it has seen no event. */
static inline const struct series_ratio *series_ratio_find(const struct series_state *s, enum rec_signal signal) {
  unsigned i = series_ratio_slot(s, (uint8_t)signal);
  return i < SERIES_RATIO_SLOTS ? &s->ratio[i] : NULL;
}

#endif
