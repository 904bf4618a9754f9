/* The learned part of routes: per service and method a tree of path segments. A position with more than
 * LIMIT_SEGMENT_VALUES distinct words becomes {id}; a service with more than LIMIT_ROUTES_PER_SERVICE routes
 * counts the rest as `other`. What comes out depends on the order of the requests and on nothing else.
 *
 * layout:  struct | service[] | node[] | cache[]; nothing is touched before it is used. */
#ifndef WIRE_ROUTE_TREE_H
#define WIRE_ROUTE_TREE_H

#include "wire_cell_name.h"
#include "wire_route.h"

struct wire_routes;

#define WIRE_ROUTE_SERVICES 16384u /* past it every route of a new service is `other` */
#define WIRE_ROUTE_NODES 262144u   /* past it a new route is `other` */

struct wire_route_ask {
  uint32_t namespace_, service; /* numbers of names: the serving side */
  uint32_t method;              /* RequestMethod */
  struct base_str route_name;
  struct base_str path; /* as the entry has it */
};

size_t wire_routes_bytes(void);
struct wire_routes *wire_routes_init(void *mem, struct wire_names *names, struct base_hash_key key);

/* The route's name as a number; 0 where the request has neither name nor path; WIRE_NAME_FULL where the name does
 * not fit the names. *other is set where it was counted under `other`. A route name must be at most
 * LIMIT_NAME_BYTES. Cost: a hash and a compare for a path seen lately; else a probe a segment. */
uint32_t wire_routes_find(struct wire_routes *r, const struct wire_route_ask *ask, bool *other);

/* Marks every name that is held, for wire_names_sweep, and forgets the cache. */
void wire_routes_mark(struct wire_routes *r);

#endif
