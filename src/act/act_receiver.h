/* One receiver: what it was told, what waits, the one message that is under way. Runs in the room's thread. */
#ifndef ACT_RECEIVER_H
#define ACT_RECEIVER_H

#include "act.h"
#include "act_decide.h"
#include "act_http.h"
#include "io_loop.h"

struct act_receiver;

/* The latest state of an incident that was taken up, NULL where it is not remembered. */
typedef struct base_str (*act_latest)(void *ctx, uint64_t id);

struct receiver_conf {
  const struct act_conf *conf;
  uint32_t idx;
  const char *dir; /* of its log, NULL: memory only */
  struct io_loop *loop;
  struct act_http *http;
  void (*wake)(void *ctx); /* an answer came: act_receiver_step is wanted */
  act_latest latest;
  void *ctx;
};

/* NULL: why tells. */
struct act_receiver *act_receiver_open(const struct receiver_conf *conf, char why[160]);
void act_receiver_close(struct act_receiver *r);

/* A state from the incident log, before the start: what was over before the receiver was first there is left out. */
void act_receiver_known(struct act_receiver *r, const struct act_state *s, struct base_str json);
/* A new state. at: when it was taken. */
void act_receiver_take(struct act_receiver *r, const struct act_state *s, struct base_str json, struct base_mono at);
/* Sends what is due; true where nothing is under way or due after it. *next: when to call again at the latest. */
bool act_receiver_step(struct act_receiver *r, struct base_mono now, struct base_wall wall, int64_t *next_ns);
void act_receiver_stats(const struct act_receiver *r, struct base_mono now, struct act_stats *out);

#endif
