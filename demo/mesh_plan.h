/* What a service of the demo does: its routes, and the calls that each makes. Read from a small text file:
 *
 *   # comment
 *   route NAME METHOD PREFIX median_ms sigma error_p body_bytes
 *   call METHOD SERVICE PATH body_bytes          (of the route above it; in this order, one after the other)
 *
 * {id} in a call's PATH is the number in the request's own path, or a random one. */
#ifndef MESH_PLAN_H
#define MESH_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#define PLAN_ROUTES 16u
#define PLAN_CALLS 8u

struct plan_call {
  char method[12], service[64], path[128];
  size_t body_bytes;
};

struct plan_route {
  char name[32], method[12], prefix[128];
  double median_ms, sigma, error_p; /* the service's own time, log-normal; errors of ordinary life */
  size_t body_bytes;                /* of the answer, on average */
  struct plan_call call[PLAN_CALLS];
  size_t call_n;
};

struct mesh_plan {
  struct plan_route route[PLAN_ROUTES];
  size_t route_n;
};

/* False: *line is the line that is wrong, 0 where the file cannot be read. */
bool plan_read(struct mesh_plan *p, const char *file, unsigned *line);

/* The first route whose method and prefix fit, or NULL. */
const struct plan_route *plan_find(const struct mesh_plan *p, const char *method, const char *path);

/* The first number in a path, or -1. */
long plan_path_id(const char *path);

/* A call's or a load's path, with {id} replaced. False where it does not fit. */
bool plan_path_write(const char *pattern, long id, char *dst, size_t dst_bytes);

#endif
