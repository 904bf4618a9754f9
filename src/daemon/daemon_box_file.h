/* One incident's box as a file, shared by who writes it and by replay and export, which read it:
 *
 *   { "incident": id, "checkpoint": name | null, "from": frame, "to": frame | null, "started": ns, "muted": bool,
 *     "version": …, "engine": 16 hex digits, "conf": the configuration as YAML, without receivers of alerts }
 *
 * checkpoint: null stands for an engine that has heard nothing, and then from is 0. to: null while it is open. */
#ifndef DAEMON_BOX_FILE_H
#define DAEMON_BOX_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base_buf.h"

#define BOX_OPEN UINT64_MAX
#define BOX_FILE_BYTES (64u << 10)
#define BOX_VERSION_BYTES 64u

struct box {
  uint64_t id;
  uint64_t from, to;  /* frames of the journal, to included; BOX_OPEN while the incident is open */
  int64_t end_ns;     /* of the checkpoint's last tick; with from it names the file. 0: there is none */
  int64_t started_ns; /* the incident's */
  uint64_t engine;
  bool muted; /* an operator muted it */
  /* Not in the file. */
  bool pending;   /* it begins with the next checkpoint */
  uint64_t bytes; /* of its checkpoint */
  uint64_t told;  /* the frame of its last state; 0: not told by this process */
};

/* Beside a box, what only readers need. */
struct box_about {
  char version[BOX_VERSION_BYTES];
  struct base_buf conf; /* to be finished by the caller */
};

/* dir: the data directory. */
void box_path(const char *dir, uint64_t id, char out[PATH_MAX]);
void box_checkpoint_name(uint64_t frame, int64_t end_ns, char out[48]);
bool box_checkpoint_name_read(const char *name, uint64_t *frame, int64_t *end_ns);

/* False: errno tells. */
bool box_write(const char *dir, const struct box *b, const char *version, const char *conf);
/* about may be NULL. False: *reason is a static text; "none" where there is no file. */
bool box_read(const char *dir, uint64_t id, struct box *out, struct box_about *about, const char **reason);

#endif
