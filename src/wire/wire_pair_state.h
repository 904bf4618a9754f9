/* The memory of wire_pair; for wire_pair*.c alone.
 *
 *   wire_pair.c        groups: sampling, matching, settling
 *   wire_pair_node.c   what a proxy owes and lost, and what of that is usual
 *   wire_pair_tell.c   when it is told, and as what */
#ifndef WIRE_PAIR_STATE_H
#define WIRE_PAIR_STATE_H

#include <assert.h>
#include <stddef.h>

#include "base_hash.h"
#include "base_time.h"
#include "wire_pair.h"

#define PAIR_HEADS LIMIT_PAIRS
#define PAIR_MEMBERS 6u    /* proxies in one group; a group with more says nothing */
#define PAIR_OVER 255u     /* their number then */
#define PAIR_PRINTS 5u     /* reports of one group that are known again when a message comes twice */
#define PAIR_DUE_TICKS 64u /* > PAIR_LIFE_TICKS + the longest wait */
#define PAIR_EDGES 65536u
#define PAIR_EDGE_WAYS 4u
#define PAIR_BINS 32u      /* ticks that a proxy's counts are kept: 8 s */
#define PAIR_UNIT 1024u    /* one group in those counts */
#define PAIR_RATE_MAX 20u  /* samples one in 2^rate */
#define PAIR_SAMPLES 1024u /* services with a rate of their own; more share theirs */
#define PAIR_ENOUGH 32u    /* groups a second and proxy of a service; more is not needed */

#define PAIR_WAIT_NS (3250 * TIME_NS_PER_MS)     /* after its end all reports of a request have come */
#define PAIR_WAIT_NEW_NS (2250 * TIME_NS_PER_MS) /* and after the last one that came */
#define PAIR_LIFE_TICKS (10u * LIMIT_TICKS_PER_S)
#define PAIR_JUMP_TICKS (10 * (int64_t)LIMIT_TICKS_PER_S)
#define PAIR_WIDEN_TICKS (10u * LIMIT_TICKS_PER_S)
#define PAIR_DELAY_NS (30 * TIME_NS_PER_S)
#define PAIR_SLOW_NS (2 * TIME_NS_PER_S) /* where a quarter of the reports takes longer, they are waited for longer */
#define PAIR_WAIT_NS_MAX (7 * TIME_NS_PER_S)
#define PAIR_TARDY_LEAST 3u                      /* messages that came too late, from anybody: from then on all are */
#define PAIR_TARDY_MOST 12u                      /* waited for longer */
#define PAIR_TARDY_NS (10 * TIME_NS_PER_S)       /* those within so long are one: a cut stream's, when it is back */
#define PAIR_TARDY_FADE_NS (900 * TIME_NS_PER_S) /* each, half of them are forgotten */

#define PAIR_LEARN_TICKS (60u * LIMIT_TICKS_PER_S)
#define PAIR_LEARN_GROUPS 50u
#define PAIR_FADE_TICKS (60u * LIMIT_TICKS_PER_S)             /* each, a quarter of what was learned is forgotten */
#define PAIR_TOLD_TICKS (1800ll * (int64_t)LIMIT_TICKS_PER_S) /* told for longer, it is learned as usual after all */
#define PAIR_SPAN_TICKS (4u * LIMIT_TICKS_PER_S)              /* what a share is taken over, at most */
#define PAIR_OVER_TICKS (6u * LIMIT_TICKS_PER_S)              /* without a loss: whole again */

enum pair_role { PAIR_CALLEE, PAIR_CALLER };

struct pair_member {
  uint32_t node; /* twice its place, and its role */
  uint32_t edge; /* to the last partner that named it */
  uint8_t said;  /* how often others name it; saturates */
  uint8_t told;  /* its own reports, as caller its attempts; saturates */
};

/* Two cache lines, of which most groups use one. */
struct pair_group {
  uint64_t hash;
  uint32_t due;      /* tick */
  uint32_t due_next; /* or of the free list */
  uint32_t sample;   /* bits that the sample goes by */
  uint16_t next;     /* chain */
  uint16_t born;     /* tick, its low bits */
  uint16_t of;       /* which pair_sample */
  uint8_t member_n, print_n;
  uint16_t print[PAIR_PRINTS];
  struct pair_member member[PAIR_MEMBERS];
  char pad[16];
};
static_assert(sizeof(struct pair_group) == 128 && offsetof(struct pair_group, member[2]) <= 64, "cache lines");
static_assert(LIMIT_PAIRS <= UINT16_MAX + 1u, "numbers of groups");

/* How many of the requests to a service are looked at: enough to tell what any proxy of it loses. */
struct pair_sample {
  uint32_t rate, rate_before; /* one in 2^rate; of what ended before wide_ns, one in 2^rate_before */
  int64_t wide_ns, changed;   /* changed: tick */
  uint32_t opened;            /* groups since the last second */
  uint64_t seen[4];           /* who reported since: a bit each, as good as it goes */
};

/* From the services at both ends, in one direction, to what usually fails to come. */
struct pair_edge {
  uint64_t key;
  int64_t born, seen, faded; /* ticks */
  uint32_t expected, lost;   /* PAIR_UNIT a group */
};

#define PAIR_ALL 16u

/* In PAIR_UNIT a group. */
struct pair_bin {
  uint32_t expected, lost, usual; /* of the sample; usual: what would be lost in usual seconds */
  uint32_t all, all_lost;         /* scaled up from the sample, in PAIR_ALL a request */
};

/* Entries of the last 4 to 8 s, by the two halves of that time. */
struct pair_tally {
  uint32_t entries[2], late[2], slow[2], shed[2]; /* slow: later than a partner's report waits, but counted */
  int64_t half;                                   /* number of the newer one, in [half % 2] */
};

/* How late its reports are, by halves of a minute: the least delay is its clock and its way, the rest how long it
 * gathers them. */
struct pair_delay {
  int64_t half_ns, least_ns, least_before_ns, most_ns;
  uint32_t n, slow_n; /* of this half; slow: would be late for most */
  int64_t wait_ns;    /* so long after an end its reports are waited for; 0: PAIR_WAIT_NS */
};

struct pair_node {
  uint32_t generation;
  uint8_t reports; /* bit: enum pair_role, in which it reports itself */
  uint8_t active, told, mute;
  int64_t heard_ns, cut_ns, usual_gap_ns; /* cut_ns 0: not known to be cut */
  uint32_t heard_n;
  int64_t owed_ns;           /* when the last of those was told */
  uint32_t owed, owed_usual; /* answered requests with it since it was heard, where they cannot be compared by id */
  int64_t mute_heard_ns;     /* when it was heard last before it fell mute */
  struct pair_delay delay;
  int64_t bin_tick;              /* newest */
  int64_t told_tick, since_tick; /* told since; its loss began, or it is whole since */
  struct pair_tally tally;
  struct pair_bin bin[PAIR_BINS];
};

/* Messages that came later than PAIR_WAIT_NS, of proxies that are not usually slow. */
struct pair_tardy {
  uint32_t n;
  int64_t last_ns, faded_ns, most_ns; /* most_ns: how late */
};

struct wire_pairs {
  uint64_t *counter;
  int64_t tick;        /* of the last step, 0 before the first */
  int64_t told_second; /* when what lasts was told last */
  uint32_t group_n, group_free, group_used;
  int64_t sample_tick; /* when the samples were adapted last */
  uint32_t active_n, gap_n;
  uint32_t due[PAIR_DUE_TICKS]; /* first group of each tick */
  struct pair_tardy tardy;
  struct pair_sample sample[PAIR_SAMPLES];
  struct pair_group *group;
  uint16_t *head; /* first group of a chain; LIMIT_PAIRS fits */
  struct pair_edge *edge;
  struct pair_node *node;
  uint32_t *active; /* nodes to be judged */
  struct wire_pair_gap gap[LIMIT_GAPS];
};

/* wire_pair_node.c */
struct pair_node *pair_node_at(struct wire_pairs *p, struct wire_node_ref ref);
void pair_node_wake(struct wire_pairs *p, uint32_t at);
/* So long after its end a report of the proxy is waited for. */
int64_t pair_node_wait(const struct wire_pairs *p, const struct pair_node *n);
/* Reports came later than that. */
void pair_node_slow(struct pair_node *n, uint32_t n_entries);
/* One came later than PAIR_WAIT_NS, in time or not. */
void pair_node_tardy(struct wire_pairs *p, const struct pair_node *n, int64_t now_ns, int64_t delay_ns);
void pair_tardy_fade(struct pair_tardy *t, int64_t now_ns);
/* How late an end is reported, beyond the least that is usual for this proxy. */
int64_t pair_node_delay(struct pair_node *n, int64_t now_ns, int64_t end_ns);
uint32_t pair_edge_at(struct wire_pairs *p, uint64_t partner, uint64_t self, enum pair_role role);
/* A settled group, one of 2^rate: the proxy owed said reports in it and sent told. */
void pair_node_settle(struct wire_pairs *p, const struct pair_member *m, int64_t tick, uint32_t rate);
/* The counts of the newest span ticks up to tick. */
struct pair_bin pair_node_sum(const struct pair_node *n, int64_t tick, uint32_t span);

/* wire_pair_tell.c */
void pair_tell(struct wire_pairs *p, int64_t now_ns, int64_t tick);

#endif
