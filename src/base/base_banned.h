/* Included before everything else in the pure rooms by the build (meson.build, pure_args), so that a call of the
 * heap, a clock, a source of chance, the environment or an unbounded string function does not compile. Names that
 * are also good names for members and variables (read, time, log, free) are left to tools/tidy.py, which reads the
 * calls in the source and the symbols that a room's library needs. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/* The headers that declare these names come first: afterwards even a declaration would be an error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __SSE2__
#include <mm_malloc.h> /* part of the intrinsics' headers */
#endif

/* Macros in some set-ups of glibc. */
#undef alloca
#undef asprintf
#undef sprintf
#undef vasprintf
#undef vsprintf

#pragma GCC poison malloc calloc realloc reallocarray aligned_alloc posix_memalign strdup strndup asprintf vasprintf
#pragma GCC poison clock_gettime gettimeofday localtime localtime_r gmtime gmtime_r mktime timegm nanosleep
#pragma GCC poison rand rand_r random srand srandom drand48 getenv setenv fopen freopen popen system
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok gets atoi atol atof alloca

#endif
