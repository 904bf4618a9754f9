/* The line from door to engine: messages in, ticks closed, incidents out. The daemon drives it with the clock, replay
 * with the recording; both do nothing else. One thread calls it; the engine's buckets may run on more. */
#ifndef DAEMON_LINE_H
#define DAEMON_LINE_H

#include "daemon_door.h"
#include "engine.h"
#include "rec_codec.h"

struct line;

struct line_conf {
  struct engine_conf engine;
  unsigned threads; /* 1..LIMIT_THREADS; cannot change what comes out */
};

/* Takes all memory at once; pages that are never touched cost nothing. NULL: *err holds a static text. */
struct line *line_open(const struct line_conf *conf, const char **err);
void line_close(struct line *l);

/* 0: too many streams. */
wire_stream line_stream_open(struct line *l);
void line_stream_close(struct line *l, wire_stream s);
void line_message(struct line *l, wire_stream s, enum door_form form, struct base_str bytes, struct base_wall recv);

/* Kept until the next tick closes, which they become part of; copied. False: too many wait. */
bool line_change(struct line *l, const struct rec_change *c);
bool line_command(struct line *l, const struct rec_command *c);
/* Does any of them wait? */
bool line_waits(const struct line *l);

/* Closes at most one tick; true when one was closed: call until false. now and flush as wire_fold_tick. */
bool line_step(struct line *l, struct base_wall now, bool flush);
/* After line_step had no more: where what waits has no tick to wait for, because nothing is heard of the mesh, it gets
 * one of its own, without traffic. Not before the first tick of all: without a mesh there is nothing to say of it. True
 * where one was closed. */
bool line_step_quiet(struct line *l, struct base_wall now);

/* An incident whose state changed; a tick that was closed, with all its input, before the engine's answer to it. */
typedef void (*line_incident)(void *ctx, const struct rec_incident *in);
typedef void (*line_tick)(void *ctx, const struct rec_tick_input *in, struct rec_tick tick);
void line_on(struct line *l, line_incident incident, line_tick tick, void *ctx);

/* A tick from a journal in place of one from the door. Incidents are told as always, the tick is not. */
void line_apply(struct line *l, const struct rec_tick_input *in);

/* While it is held the engine is told no tick that is closed: who is called for it keeps it, and gives it to line_apply
 * when its turn has come. */
void line_hold(struct line *l, bool held);

/* Memory of engine and fold that is resident. Cost: a look at each of its pages' marks. */
void line_resident(const struct line *l, uint64_t *engine_bytes, uint64_t *fold_bytes);
/* How long the engine's ticks took so far, all together. */
int64_t line_work_ns(const struct line *l);
struct engine *line_engine(struct line *l);
struct wire_fold *line_fold(struct line *l);

#endif
