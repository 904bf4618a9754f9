/* Who the series are: names by number, and the call graph that they draw. Written by the head at the barrier only,
 * in the order of the log; read by everybody between ticks. */
#ifndef SERIES_CATALOG_H
#define SERIES_CATALOG_H

#include "base_arena.h"
#include "rec_input.h"

/* A node of the call graph: one service. */
struct series_node {
  struct base_str ns, name;
  uint32_t series[2];           /* SERVICE series by side, REC_SERIES_NONE where there is none */
  uint32_t first_child;         /* list of its narrower series (SERVICE_CLUSTER, VERSION, POD, ROUTE, ROUTE_CLUSTER) */
  uint32_t first_out, first_in; /* lists of edges */
  uint32_t hash_next;
};

struct series_edge {
  uint32_t from, to;    /* nodes */
  uint32_t series[2];   /* EDGE series by side */
  uint32_t first_child; /* EDGE_CLUSTER series */
  uint32_t next_out, next_in;
};

struct series_entry {
  struct rec_series who; /* names live in the catalog's arena */
  uint32_t node;         /* of its service, or REC_SERIES_NONE (mesh, region, cluster) */
  uint32_t edge;
  uint32_t sibling; /* next in the node's or edge's child list */
  char *long_names; /* its piece where the fixed one is too small, or NULL */
  uint32_t order;   /* of adding: a checkpoint adds in the same order */
  uint8_t live;
  uint8_t long_class; /* which size that piece has */
};

struct series_catalog {
  struct series_entry *entry; /* by series_idx */
  uint32_t entry_n, entry_max;
  struct series_node *node;
  uint32_t node_n, node_max;
  struct series_edge *edge;
  uint32_t edge_n, edge_max;
  uint32_t *node_hash; /* heads of hash chains */
  uint32_t node_hash_mask;
  char *slab;              /* names of entries: a fixed piece each, so that reuse of a number leaks nothing */
  char *long_free[2];      /* lists of pieces for entries with long names, by size; taken from `names`, given back */
  struct base_arena names; /* names of nodes, and of entries too long for their piece */
  uint32_t order;
  uint64_t graph_full; /* series that found no node or edge: they are watched but not ranked */
};

/* So many nodes has a catalog of so many series at most. */
uint32_t series_catalog_nodes(uint32_t series_max);
size_t series_catalog_bytes(uint32_t series_max);
void series_catalog_init(struct series_catalog *c, void *mem, size_t bytes, uint32_t series_max);

/* Adds or replaces a series. False where its number or its names do not fit. */
bool series_catalog_add(struct series_catalog *c, const struct rec_series *s);
void series_catalog_drop(struct series_catalog *c, uint32_t series_idx);

/* The number of a service's node, REC_SERIES_NONE where there is none. */
uint32_t series_catalog_node_find(const struct series_catalog *c, struct base_str ns, struct base_str name);
/* The number of a service's node or of an edge, made where it is new; REC_SERIES_NONE where the table is full. */
uint32_t series_catalog_node(struct series_catalog *c, struct base_str ns, struct base_str name);
uint32_t series_catalog_edge(struct series_catalog *c, uint32_t from, uint32_t to);

/* NULL where unknown. */
const struct series_entry *series_catalog_find(const struct series_catalog *c, uint32_t series_idx);
/* The child of a node's list with the same level, side and dims, or REC_SERIES_NONE. */
uint32_t series_catalog_child(const struct series_catalog *c, uint32_t first, enum rec_level level, enum rec_side side,
                              enum rec_dim dim, struct base_str value);

/* The series of one service, one by one: its own of both sides, its narrower ones, and those of the calls to it, by
 * both sides (IN), or that it has of its calls (OUT). None may be added or dropped meanwhile. */
enum series_calls { SERIES_CALLS_NONE, SERIES_CALLS_IN, SERIES_CALLS_OUT };
struct series_walk {
  const struct series_catalog *catalog;
  uint32_t own[REC_SIDE_COUNT], child; /* next of the service or the edge under way */
  uint32_t edge;                       /* to come after them */
  bool in;
};
struct series_walk series_catalog_walk(const struct series_catalog *c, uint32_t node, enum series_calls calls);
/* The next number; REC_SERIES_NONE at the end. */
uint32_t series_catalog_next(struct series_walk *w);

#endif
