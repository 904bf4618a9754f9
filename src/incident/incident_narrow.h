/* The narrowest entity that explains a service's excess: one pod, version, route, cluster or caller, or the service
 * as a whole. A value of a dimension is named when it holds nearly all of the excess, holds clearly less of the
 * traffic, the rest is healthy, and chance or lack of data cannot explain the difference. */
#ifndef INCIDENT_NARROW_H
#define INCIDENT_NARROW_H

#include "incident_view.h"

#define INCIDENT_COMPARED 16u

struct incident_narrow {
  uint32_t series_idx;  /* the series whose names are the entity; REC_SERIES_NONE: the service itself */
  uint32_t broader_idx; /* the next broader entity that also holds (a pod's cluster), or REC_SERIES_NONE */
  bool within;          /* the entity is what the two have in common: that route in that cluster */
  enum rec_side side;   /* whose reports show it */
  uint32_t healthy[INCIDENT_COMPARED]; /* siblings that were compared and are fine */
  uint32_t healthy_n;
};

/* node: the service; client_side: its clients see the trouble, its own proxies do not. Ticks [from, to]. */
struct incident_narrow incident_narrow_find(const struct incident_view *v, uint32_t node, bool client_side,
                                            enum incident_family family, uint32_t from, uint32_t to);

/* The one cluster that holds the trouble of a service, by its own word or else its clients', or STR_NONE. */
struct base_str incident_narrow_scope(const struct incident_view *v, uint32_t node, enum incident_family family,
                                      uint32_t from, uint32_t to);

struct incident_item {
  uint32_t series_idx;
  struct incident_excess e;
};
/* Index of the item that alone explains the excess, or n where none does. */
uint32_t incident_narrow_single(const struct incident_item *item, uint32_t n, enum incident_family family);

#endif
