/* Cells: the finest identity that is counted. A base says who called whom and who reports it; a base and a route
 * are a cell; a cell knows the series that it feeds (docs/reference-identity.md has the table), so that a request
 * costs one addition and the tick's close does the rest.
 *
 * layout:  struct | base[] | base head[] | cell[] | cell head[] */
#ifndef WIRE_CELL_H
#define WIRE_CELL_H

#include "wire_cell_series.h"

#define WIRE_CELL_SERIES 16u /* most series that one cell feeds: ten as client, six more as gateway */
#define WIRE_BASES LIMIT_CELLS
#define WIRE_CELL_IDLE_TICKS (1500ull * LIMIT_TICKS_PER_S) /* a cell is forgotten after 25 minutes, before its pod */

/* Names by number. The serving side is NAMESPACE .. POD; the reporter's own place matters to a client report and to a
 * gateway, which is its own serving side too. */
enum wire_base_id {
  WIRE_BASE_NAMESPACE,
  WIRE_BASE_SERVICE,
  WIRE_BASE_VERSION,
  WIRE_BASE_CLUSTER,
  WIRE_BASE_REGION,
  WIRE_BASE_POD,
  WIRE_BASE_CALLER_NAMESPACE,
  WIRE_BASE_CALLER,
  WIRE_BASE_OWN_CLUSTER,
  WIRE_BASE_OWN_REGION,
  WIRE_BASE_OWN_VERSION, /* gateways only */
  WIRE_BASE_OWN_POD,     /* gateways only */
  WIRE_BASE_COUNT
};

struct wire_base {
  uint64_t hash;
  uint32_t id[WIRE_BASE_COUNT];
  uint32_t cell_n, next, generation;
  uint64_t kept_tick; /* when it was wanted last without a cell; 0 never */
  uint8_t used, side, gateway;
};

struct wire_cell {
  uint64_t hash;
  uint64_t fed_tick;
  uint64_t mean_ns; /* running mean of the latency of fine requests, 0 before the first */
  uint32_t base, route;
  uint32_t next;
  uint32_t series_n, series_missing;
  uint32_t series[WIRE_CELL_SERIES]; /* slots */
  uint32_t show[4];                  /* slots for exemplars: service, pod, route, edge; 0 none */
  uint32_t acc[LIMIT_OPEN_TICKS];    /* its counts in each open tick, 0 none */
  uint8_t used;
};

struct wire_cells;

size_t wire_cells_bytes(void);
struct wire_cells *wire_cells_init(void *mem, struct wire_names *names, struct wire_series_table *series,
                                   struct base_hash_key key);

/* The base of this key (side, gateway, id), new or known; 0: full. */
uint32_t wire_cells_base(struct wire_cells *t, const struct wire_base *key);
struct wire_base *wire_cells_base_view(struct wire_cells *t, uint32_t base);
/* Gives a base back that has no cell, after a failure to add one. */
void wire_cells_base_trim(struct wire_cells *t, uint32_t base);
/* It will be wanted again, cell or not: it stays for WIRE_CELL_IDLE_TICKS, and is not trimmed. */
void wire_cells_base_keep(struct wire_cells *t, uint32_t base, uint64_t tick);
/* The cell of a base and a route; 0: full. */
uint32_t wire_cells_add(struct wire_cells *t, uint32_t base, uint32_t route, uint64_t tick);
struct wire_cell *wire_cells_view(struct wire_cells *t, uint32_t cell);
/* Forgets idle cells, and bases without cells; looks at 1/256 of each table. */
void wire_cells_step(struct wire_cells *t, uint64_t tick);
void wire_cells_mark(struct wire_cells *t);

#endif
