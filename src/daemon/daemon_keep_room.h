/* Shared by daemon_keep.c and daemon_restore.c. */
#ifndef DAEMON_KEEP_ROOM_H
#define DAEMON_KEEP_ROOM_H

#include <limits.h>

#include "daemon_box.h"
#include "daemon_checkpoint.h"
#include "daemon_keep.h"
#include "daemon_unlogged.h"
#include "rec_counter.h"

struct restore;

struct keep {
  struct keep_conf conf;
  int lock_fd;
  struct journal *journal, *incidents; /* NULL: not writable now */
  struct checkpoint *checkpoint;
  struct boxes *boxes;
  struct unlogged unlogged; /* what the incident log may not have */
  struct restore *restore;  /* NULL: what is closed goes to the engine at once */
  uint64_t frame;           /* of the journal, the last that the engine has heard */
  uint64_t written;         /* and the last that was closed */
  uint64_t saved_frame;     /* of the checkpoint under way, and its last tick's end */
  struct base_wall saved_end;
  uint64_t saved_bytes; /* that the logs had been given by then */
  bool saved_gap;       /* what the engine heard since is not all in the journal */
  bool fresh;           /* the engine has heard nothing that is not in the journal from frame 0 on */
  struct base_buf text; /* of the frame under way */
  char journal_dir[PATH_MAX], incidents_dir[PATH_MAX];
  char problem[256];
  uint64_t counters[REC_COUNTER_COUNT];
};

void keep_fail(struct keep *k, const char *text);
/* Opens what is not open. */
bool keep_logs_open(struct keep *k);
bool keep_incidents_open(struct keep *k);
/* One that is given up; r may be NULL. */
void restore_drop(struct restore *r);
/* A tick was closed, and may be in the journal: it waits for its turn. text is its encoding, or bad. */
void restore_wait(struct restore *r, const struct rec_tick_input *in, const struct base_buf *text);

#endif
