/* Shared by daemon_keep.c and daemon_restore.c. */
#ifndef DAEMON_KEEP_ROOM_H
#define DAEMON_KEEP_ROOM_H

#include <limits.h>

#include "daemon_checkpoint.h"
#include "daemon_keep.h"
#include "rec_counter.h"

struct keep {
  struct keep_conf conf;
  int lock_fd;
  struct journal *journal, *incidents; /* NULL: not writable now */
  struct checkpoint *checkpoint;
  struct base_buf frame;
  char journal_dir[PATH_MAX], incidents_dir[PATH_MAX];
  char problem[256];
  uint64_t counters[REC_COUNTER_COUNT];
};

void keep_fail(struct keep *k, const char *text);
/* Opens what is not open. */
bool keep_logs_open(struct keep *k);

#endif
