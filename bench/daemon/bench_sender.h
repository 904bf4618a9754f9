/* The sending side of the transport benchmarks, to be run in a child process. */
#ifndef BENCH_SENDER_H
#define BENCH_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sends the body of one gRPC stream (messages behind their 5-byte prefixes) to loopback:port, method /bench.Feed/Send:
 * once, then END_STREAM; or again and again until the server closes. */
_Noreturn void sender_run(uint16_t port, const char *body, size_t n, bool again);

#endif
