/* Names asked of DNS on the loop, by c-ares: the system's servers and search list, UDP and then TCP. */
#ifndef IO_DNS_H
#define IO_DNS_H

#include <stdbool.h>
#include <stdint.h>

#include "io_loop.h"

struct io_dns;

#define IO_DNS_HOST_BYTES 256u
#define IO_DNS_ANSWERS 2048u /* of one name; those past it are not told */

struct io_dns_host {
  char host[IO_DNS_HOST_BYTES]; /* an address; of SRV a name */
  uint16_t port;                /* of SRV; else 0 */
};

/* good: the name has these, and may have none (it is known not to exist, or to have none). Else why says what failed.
 */
typedef void (*io_dns_told)(void *ctx, bool good, const char *why, const struct io_dns_host *host, uint32_t n);

/* servers: "192.0.2.1:53,[2001:db8::1]:53" in place of the system's; "" for those. NULL: *err is a static text. */
struct io_dns *io_dns_open(struct io_loop *loop, const char *servers, const char **err);
/* Whoever waits is told nothing. d may be NULL. */
void io_dns_close(struct io_dns *d);
/* fn is called once, now or later, from the loop. False: too many names are being asked (LIMIT_DNS_AT_ONCE); not
 * called. A name that begins with '_' is asked for its services (SRV), another for its addresses (A and AAAA). */
bool io_dns_ask(struct io_dns *d, const char *name, io_dns_told fn, void *ctx);

#endif
