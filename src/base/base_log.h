/* What a shell room has to say of itself, for people: a line an event, never a line a record. Who opens the room gives
 * it where lines go; a log of zeros takes them and says nothing. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base_str.h"

/* X(NAME, text, explanation) */
#define BASE_LEVEL_TABLE(X)                                  \
  X(ERROR, "error", "something does not work that should")   \
  X(WARNING, "warning", "somebody may have to do something") \
  X(INFO, "info", "what happened, for whoever looks back at it")

enum base_level {
#define X(name, text, doc) BASE_LEVEL_##name,
  BASE_LEVEL_TABLE(X)
#undef X
      BASE_LEVEL_COUNT
};

/* event: one of a few short words that never change, such as "disk": by them lines are found, and limited. Both texts
 * are read before it returns. Any thread may call. */
struct base_log {
  void (*line)(void *ctx, enum base_level level, const char *event, struct base_str text);
  void *ctx;
};

const char *base_level_text(enum base_level level);
/* At most LOG_TEXT_BYTES of the text; what is over is cut. */
void log_put(const struct base_log *log, enum base_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#define LOG_TEXT_BYTES 1024u

#endif
