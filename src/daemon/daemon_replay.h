/* The engine over a recorded input. A reader of a format feeds the line and says where its input is broken. */
#ifndef DAEMON_REPLAY_H
#define DAEMON_REPLAY_H

#include "daemon_input.h"
#include "daemon_line.h"
#include "serve_store.h"

struct replay {
  struct line *line;
  struct serve_store *store; /* last state of each incident */
  struct base_buf json;
  uint64_t ticks, skipped; /* skipped: messages passed over for their size or compression */
  struct base_wall clock;  /* of the last step; ns == 0: the input has no clock but its own time */
  bool failed;             /* the input is bad somewhere */
  char error[512];         /* the first place: file, offset, reason */
  bool progress;           /* a terminal is watching */
  int64_t shown_at;        /* monotonic ns of the last progress line */
  bool lost;               /* incidents that could not be kept */
};

/* Closes the ticks that are complete at `now` (ns == 0: by the input's own time). */
void replay_step(struct replay *r, struct base_wall now);
/* Remembers the first error. */
void replay_fail(struct replay *r, const char *text);
/* Shows the line's progress on a terminal, at most five times a second. */
void replay_progress(struct replay *r);

/* Readers of the formats; each reads its input to the end. */
void replay_recording(struct replay *r, const char *path); /* what `record` wrote */
void replay_journal(struct replay *r, const char *path);   /* a data directory, or the journal in it */
void replay_messages(struct replay *r, const char *path, enum daemon_format format);

/* One incident, from its black box in a data directory (id not NULL) or from a pack; its JSON goes to out, and whether
 * it is what was told to standard error. The exit status. */
int replay_pack(const char *path, const char *data, const char *id, unsigned threads, const char *out);

#endif
