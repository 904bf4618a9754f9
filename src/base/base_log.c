#include "base_log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base_must.h"

const char *base_level_text(enum base_level level) {
  static const char *const text[] = {
#define X(name, text, doc) text,
      BASE_LEVEL_TABLE(X)
#undef X
  };
  MUST(level < BASE_LEVEL_COUNT);
  return text[level];
}

void log_put(const struct base_log *log, enum base_level level, const char *event, const char *fmt, ...) {
  char text[LOG_TEXT_BYTES];
  va_list ap;
  if (!log->line) return;
  va_start(ap, fmt);
  (void)vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  log->line(log->ctx, level, event, str_of(text));
}
