/* The calling side of the benchmarks of unary calls: raw HTTP/2 over loopback, as cheap as can be. */
#ifndef BENCH_CALLER_H
#define BENCH_CALLER_H

#include <stddef.h>
#include <stdint.h>

struct caller_conf {
  uint16_t port;
  const char *path;     /* of the method */
  unsigned connections; /* 1..CALLER_CONNECTIONS */
  unsigned in_flight;   /* calls at a time on each */
  uint64_t calls;       /* in all; 0: none by number */
  int64_t until_ns;     /* of CLOCK_MONOTONIC, from when on no call begins; 0: by number alone */
};

#define CALLER_CONNECTIONS 256u

struct caller_result {
  uint64_t answered, failed; /* failed: streams that were reset */
  uint64_t bodies;           /* answers with a message; a call that is refused has none */
};

/* Gives the next message behind its prefix, which lives until the next call. */
typedef void (*caller_next)(void *ctx, const char **bytes, size_t *n);

/* Returns once all calls that began are answered. Exits with 1 where the server breaks off. Messages must fit in the
 * server's window for a stream, 64 KiB where it says nothing. */
struct caller_result caller_run(const struct caller_conf *conf, caller_next next, void *ctx);

#endif
