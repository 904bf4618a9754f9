/* Shared by daemon_keep.c and daemon_restore.c. */
#ifndef DAEMON_KEEP_ROOM_H
#define DAEMON_KEEP_ROOM_H

#include <limits.h>

#include "daemon_box.h"
#include "daemon_checkpoint.h"
#include "daemon_keep.h"
#include "daemon_unlogged.h"
#include "rec_counter.h"

struct keep {
  struct keep_conf conf;
  int lock_fd;
  struct journal *journal, *incidents; /* NULL: not writable now */
  struct checkpoint *checkpoint;
  struct boxes *boxes;
  struct unlogged unlogged; /* what the incident log may not have */
  uint64_t frame;           /* of the journal, the last that the engine has heard */
  uint64_t saved_frame;     /* of the checkpoint under way, and its last tick's end */
  struct base_wall saved_end;
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

#endif
