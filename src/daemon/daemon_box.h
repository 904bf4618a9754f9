/* The black boxes: for each incident the engine's memory from before it began, and pins on the journal from there to
 * the incident's last state, so that `replay --incident` can make it again, long after.
 *
 *   DIR/box/<frame>-<tick end>.checkpoint   the engine before that frame of the journal; a hard link to what was
 *                                           DIR/checkpoint then. Both numbers are 16 hex digits; the end in ns
 *   DIR/box/<id>.json                       one incident's box (daemon_box_file.h)
 *
 * A few checkpoints are kept in any case, so that one from `before` of an incident's start is there when it opens. What
 * boxes hold beyond that (checkpoints, and journal segments that would be gone) has a budget: past it the boxes of the
 * incidents that closed first are given up. The box of an open incident never is; where open ones alone are over the
 * budget, the one that began first begins anew at a newer checkpoint, from which its last state can be made as well.
 * The same happens where an incident outlives what makes an answer: a gap in the journal, another configuration of the
 * engine, another version of the program.
 *
 * Its files are written, not synced: they survive a kill, and a box may be lost with the machine's power. One thread,
 * the loop's. */
#ifndef DAEMON_BOX_H
#define DAEMON_BOX_H

#include <limits.h>

#include "base_buf.h"
#include "journal.h"
#include "rec_codec.h"
#include "rec_incident.h"

struct boxes;

struct box_conf {
  const char *dir;   /* the data directory; must outlive it, as the texts */
  int64_t before_ns; /* a box begins so long before its incident, where a checkpoint allows */
  uint64_t bytes_max;
  const char *conf;    /* the configuration's text, kept in each box */
  const char *version; /* of the program */
  uint64_t engine;     /* a hash of all that a log's meaning depends on: version, the engine's configuration */
  uint64_t *counters;  /* REC_COUNTER_COUNT of them, the caller's */
};

/* Reads what an earlier process left. NULL: out of memory. */
struct boxes *box_open(const struct box_conf *conf);
void box_close(struct boxes *b);

/* The journal was opened (again): its pins are set. fresh: the engine is empty, and frame 0 is its first. */
void box_journal(struct boxes *b, struct journal *journal, bool fresh);
/* It was closed after a failure: what is told before the next checkpoint cannot be made again. */
void box_gap(struct boxes *b);
/* The journal is another one now: nothing that was kept fits it. */
void box_reset(struct boxes *b);

/* Where the checkpoint of the engine before frame is to be kept, too. */
void box_checkpoint_path(const struct boxes *b, uint64_t frame, struct base_wall end, char out[PATH_MAX]);
/* It is there. */
void box_checkpoint(struct boxes *b, uint64_t frame, struct base_wall end);
/* It is there, but the journal got a gap meanwhile: nothing that follows it can be made from it. */
void box_checkpoint_drop(struct boxes *b, uint64_t frame, struct base_wall end);

/* A state of an incident, told after the journal's frame. Cost: a look at the boxes; a small file where one begins or
 * ends. */
void box_incident(struct boxes *b, const struct rec_incident *in, uint64_t frame);
/* A tick went to the journal: what operators muted, and what there is to give up. */
void box_tick(struct boxes *b, const struct rec_tick_input *in);

struct box_stats {
  uint32_t n, open;
  uint64_t bytes; /* that only boxes hold */
};
void box_stats(const struct boxes *b, struct box_stats *out);

#endif
