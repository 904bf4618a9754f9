/* Makes an incident again from a pack: the same engine over the same ticks, until the state that was told last. */
#ifndef DAEMON_REMAKE_H
#define DAEMON_REMAKE_H

#include "daemon_conf.h"
#include "daemon_line.h"
#include "daemon_pack.h"

struct remake {
  struct pack *pack;
  struct line *line;
  struct base_arena arena; /* of one tick */
  void *arena_mem;
  struct rec_tick_input *in;  /* the tick under way */
  struct rec_incident *state; /* the one under way */
  struct base_buf json;       /* the incident's last state, as it was told */
  uint64_t rev, ticks;        /* of it; applied so far */
  bool muted, done;           /* done: that state is there */
};

/* What a pack says of the engine's configuration. False: err tells. */
bool remake_conf(const struct pack *p, struct daemon_conf *out, struct journal_err *err);
/* A line with the pack's memory in it; conf must outlive it. False: err tells; close it either way. */
bool remake_open(struct remake *r, struct pack *p, const struct daemon_conf *conf, unsigned threads,
                 struct journal_err *err);
/* Reads the next tick into r->in and applies it. OK, or as pack_next; END also where the last state is there. */
enum journal_status remake_next(struct remake *r, struct journal_err *err);
/* The same in two halves, for whoever looks between them. */
enum journal_status remake_read(struct remake *r, struct journal_err *err);
void remake_apply(struct remake *r, const struct rec_tick_input *in);
void remake_close(struct remake *r);

#endif
