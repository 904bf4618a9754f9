#include "base_must.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void base_must_fail(const char *expr, const char *file, int line) {
  (void)fprintf(stderr, "foreshock: bug: %s:%d: %s\n", file, line, expr);
  abort();
}
