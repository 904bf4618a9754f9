/* What the scenario's events do to one try of a call, and to the way there. */
#ifndef SIM_EFFECT_H
#define SIM_EFFECT_H

#include "sim_world.h"

struct sim_effect {
  uint32_t code; /* with flag NONE: 0 nothing, else the server's answer; with a flag: the caller's proxy's */
  enum sim_flag flag;
  double add_ms, factor;          /* on the server's own time */
  double proxy_ms;                /* in the server's proxy, before its first byte to the server */
  double download_ms;             /* until all of the answer has come to the caller's proxy */
  double late_ms;                 /* before a try fails */
  double body_factor, req_factor; /* on the sizes of the bodies of answer and request */
  int64_t hold_until_ns;          /* the server does nothing before this; SIM_ALWAYS: it starts at once */
};

/* Who calls what, where and when. */
struct sim_try {
  uint32_t op;
  int from_pod, to_pod;
  int64_t at_ns;
  bool first; /* of its call */
};

struct sim_effect effect_none(void);
/* Draws from rng, and counts what events keep a count of. */
struct sim_effect effect_of(struct sim_world *w, struct sim_rng *rng, const struct sim_try *t);
/* Tries in all that an event makes callers take for a failed call; 0: none does. to_pod is not looked at. */
uint32_t effect_tries(const struct sim_world *w, const struct sim_try *t);
/* What a call waits for in the caller's own proxy before its first try. Draws from rng. */
double effect_before_ms(const struct sim_world *w, struct sim_rng *rng, const struct sim_try *t);
/* One way, events included. */
int64_t effect_net_ns(const struct sim_world *w, const struct sim_try *t);

#endif
