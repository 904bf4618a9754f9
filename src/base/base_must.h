/* Assertions that stay on in production. MUST is for programmer errors only: hostile input and operating
 * failures are handled, never asserted (docs/decisions, design habits 4). */
#ifndef BASE_MUST_H
#define BASE_MUST_H

_Noreturn void base_must_fail(const char *expr, const char *file, int line);

#define MUST(expr) ((expr) ? (void)0 : base_must_fail(#expr, __FILE__, __LINE__))

#endif
