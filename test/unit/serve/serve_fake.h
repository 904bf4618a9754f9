/* A made-up daemon behind the API, and what it was told. */
#ifndef SERVE_FAKE_H
#define SERVE_FAKE_H

#include "serve.h"

extern struct rec_change got_change;
extern char got_summary[64], got_audit[1024];
extern unsigned change_n, command_n;
extern struct rec_command got_command;
extern const char *problem;
extern bool ready, full; /* full: neither changes nor commands are taken */
extern bool edge_served; /* the edge's other end reports, too, as series 3 */
extern uint32_t gap_n;

struct serve_source serve_fake(void);
const struct rec_series *fake_series(void *ctx, uint32_t idx);

#endif
