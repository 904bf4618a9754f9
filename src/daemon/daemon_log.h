/* Where the program's lines for people go: standard error, a line an event, as text or as JSON.
 *
 *   foreshock: disk: /data/journal: No space left on device; going on in memory
 *   {"at":"2026-03-02T09:00:00.000000000Z","level":"error","event":"disk","text":"/data/journal: No space …"}
 *
 * Where standard error is the journal of systemd, a line begins with its priority (<3>) and not with the program's
 * name. An event that comes again and again is said LOG_BURST times, then once in LOG_EVERY_NS, with how many were left
 * out. */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdint.h>

#include "base_log.h"

#define LOG_BURST 20u
#define LOG_EVERY_NS 3000000000ll
#define LOG_EVENTS 16u /* words; more share the limit of the last */

/* X(NAME, text) */
#define LOG_FORM_TABLE(X) \
  X(TEXT, "text")         \
  X(JSON, "json")

enum log_form {
#define X(name, text) LOG_FORM_##name,
  LOG_FORM_TABLE(X)
#undef X
      LOG_FORM_COUNT
};

const char *log_form_text(enum log_form form);
/* False: no such form. */
bool log_form_read(struct base_str text, uint64_t *out);
/* Lines go to fd from now on, in that form. Before the first call: text, to standard error. */
void log_open(enum log_form form, int fd);
/* To be given to a room. */
struct base_log log_room(void);
void log_say(enum base_level level, const char *event, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* What happened, as a JSON object: that itself is the line's `data`. */
void log_data(enum base_level level, const char *event, struct base_str json);
/* The one line with which a command tells what is wrong: without an event, never left out. */
void log_fail(struct base_str text);

#endif
