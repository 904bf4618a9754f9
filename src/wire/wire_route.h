/* What a request asked for, as a route: the route's own name where that says something, else method and path
 * template. Pure text; what only shows over many requests is learned in wire_route_tree.h. */
#ifndef WIRE_ROUTE_H
#define WIRE_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base_str.h"

#define WIRE_ROUTE_DEPTH 12u         /* segments of a template; what is deeper becomes one `*` */
#define WIRE_ROUTE_SEGMENT_BYTES 64u /* a longer segment is an {id} */

/* Does the name tell one route of a service from another? Not: empty, and what meshes write where no route is
 * configured (`default`, `allow_any`, `block_all`, the names of generic virtual hosts). */
bool wire_route_says(struct base_str route_name);

/* The path without scheme, host, query and fragment. */
struct base_str wire_route_path(struct base_str path);

/* `/package.Service/Method`: two segments, a dot or a capital in the first, a capital before the second. */
bool wire_route_is_grpc(struct base_str path);

/* Is this segment a value rather than a word? Digits with date and number marks; a UUID; hex of 8 and more with a
 * digit; letters and at least two digits in 8 and more (not v1alpha1 and its like); 16 and more that change
 * between upper, lower and digit at every third character; anything with % @ , = in it; over 64 bytes. */
bool wire_route_is_value(struct base_str segment);

/* "GET" … by RequestMethod number; "" for 0 and unknown. */
struct base_str wire_route_method(uint32_t method);

/* Cuts the next segment off *path; false at its end. Empty segments are passed over. */
bool wire_route_segment(struct base_str *path, struct base_str *segment);

#endif
