/* What the door remembers about workload instances: the reporting proxies, the addresses they were seen at, and
 * where each proxy's destinations last were. All tables are bounded; the oldest goes where one is full, except of
 * nodes, of which a new one is refused then.
 *
 * layout:  struct | node[] | head[] | address[] | place[]; untouched memory stays untouched. */
#ifndef WIRE_IDENTITY_NODE_H
#define WIRE_IDENTITY_NODE_H

#include "wire_cell_name.h"
#include "wire_clock.h"
#include "wire_identity.h"

#define WIRE_NODE_PORTS 16u
#define WIRE_NODE_STARTS 4u

/* A listener that logs requests when they begin, and since when. */
struct wire_starts {
  uint32_t port;
  int64_t from_ns; /* 0: free */
};

/* The names of a wire_who as numbers. */
struct wire_who_id {
  uint32_t namespace_, service, version, cluster, region, zone, pod;
};

struct wire_node_rec {
  uint32_t id; /* node.id */
  struct wire_who_id who;
  uint32_t ip[WIRE_SELF_IPS];
  uint32_t ip_n;
  uint32_t generation; /* moves when the place is used again */
  uint32_t next;       /* chain, or free list */
  uint32_t stream_n;   /* streams that report as this node */
  uint64_t hash;
  uint64_t seen_tick;
  uint8_t used, kind, intercepts, local_n;
  bool went; /* it is known where some of its requests went */
  uint8_t http_port_n;
  uint16_t http_port[WIRE_NODE_PORTS]; /* listeners at which HTTP requests were logged */
  struct wire_starts starts[WIRE_NODE_STARTS];
  uint32_t local_port; /* the listener address learned last */
  char local_ip[46];
  struct wire_skew skew;
  /* By side: does what it said count, of which source, asked at which tick (wire_primary)? */
  int64_t asked_tick[2];
  uint8_t asked_source[2], asked_yes[2];
};

/* A node by place and generation; at 0 is no node. */
struct wire_node_ref {
  uint32_t at, generation;
};

struct wire_nodes;

size_t wire_nodes_bytes(void);
struct wire_nodes *wire_nodes_init(void *mem, struct wire_names *names, struct base_hash_key key);

/* The number of a name; WIRE_NAME_FULL where it is too long, no UTF-8 or finds no place; *reason is then
 * REC_COUNTER_REJECT_NAME, _UTF8 or _CELL_LIMIT. */
uint32_t wire_identity_name(struct wire_names *names, struct base_str s, unsigned *reason);
bool wire_identity_who(struct wire_names *names, const struct wire_who *who, struct wire_who_id *out, unsigned *reason);

/* The node of these names, taken in where new; at 0 with *reason where that fails. */
struct wire_node_ref wire_nodes_add(struct wire_nodes *t, struct base_str id, const struct wire_self *self,
                                    uint64_t tick, unsigned *reason);
/* NULL where the node is gone. */
struct wire_node_rec *wire_nodes_view(struct wire_nodes *t, struct wire_node_ref ref);
/* The next node after place *at, which starts at 0; NULL at the end. */
const struct wire_node_rec *wire_nodes_next(const struct wire_nodes *t, uint32_t *at);
/* Forgets nodes without a stream that were not seen since tick `before`; looks at 1/256 of the table a call. */
void wire_nodes_step(struct wire_nodes *t, uint64_t before);
/* Marks the names held, for wire_names_sweep. */
void wire_nodes_mark(struct wire_nodes *t);

/* Addresses. port 0: any port at that address. The latest word wins. */
void wire_nodes_address_add(struct wire_nodes *t, struct base_str ip, uint32_t port, struct wire_node_ref ref);
/* By ip and port, then by ip alone; at 0 where unknown. */
struct wire_node_ref wire_nodes_address_find(struct wire_nodes *t, struct base_str ip, uint32_t port);

/* Where a destination was last seen by one reporter, for requests that reached no host. */
struct wire_place {
  uint64_t hash;
  struct wire_node_ref reporter;
  uint32_t upstream_cluster;    /* name */
  uint32_t cluster, namespace_; /* names */
  uint8_t used, local, known;
  uint32_t age;
};
/* NULL where unknown and not `add`. Valid until the next call with add. */
struct wire_place *wire_nodes_place(struct wire_nodes *t, struct wire_node_ref reporter,
                                    struct base_str upstream_cluster, bool add);

/* Which upstream cluster a reporter's requests of one kind went to last: an Envoy that turned a request down before it
 * chose a host (UO, UH) does not name it. The kind is the route's name where that says something, else listener port,
 * authority and the first segments of the path (three; and one, for the rest). `upstream_cluster` is a name. */
struct wire_kind_of_request {
  struct base_str route_name, authority, path;
  uint32_t port;
};
void wire_nodes_went(struct wire_nodes *t, struct wire_node_ref reporter, const struct wire_kind_of_request *kind,
                     uint32_t upstream_cluster);
/* 0 where unknown. */
uint32_t wire_nodes_goes(struct wire_nodes *t, struct wire_node_ref reporter, const struct wire_kind_of_request *kind);

#endif
