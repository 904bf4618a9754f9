/* The two ends of a call, joined by the ids of their spans. A span is remembered by its id, with who sent it and what
 * became known of it through others that name it as their parent; so it does not matter which end comes first.
 *
 *   client span ◄─parent── server span             the server's caller, and the client's callee
 *   client span ◄─parent── try ◄─parent── server   the same through a proxy's span of a try
 *
 * A bounded table of sets. The spans of a trace share one, so that a call's both ends are in one place of memory; what
 * finds no room there (a large trace) goes to a set of its own, and takes the oldest place of it, which is counted
 * where that was still young. Pure; memory is the caller's zeroed block.
 *
 * layout:  struct | set[LIMIT_SPAN_LINKS / 16]; untouched memory stays untouched. */
#ifndef WIRE_LINK_H
#define WIRE_LINK_H

#include "base_hash.h"
#include "wire_identity_node.h"

enum wire_link_role { WIRE_LINK_NONE, WIRE_LINK_SERVER, WIRE_LINK_CLIENT, WIRE_LINK_TRY };

struct wire_link {
  uint64_t parent; /* of wire_link_id; 0: none */
  struct wire_node_ref self;
  struct wire_node_ref answered; /* whose server span has it as its parent; at 0: none came */
  struct wire_node_ref inner;    /* the proxy whose client span has it as its parent; likewise */
  uint8_t role;                  /* enum wire_link_role; NONE: only others spoke of it yet */
  uint8_t proxy;
  uint8_t tries; /* spans of tries below it; saturates */
};

struct wire_links;

size_t wire_links_bytes(void);
/* lost: moved where a young span had to go. */
struct wire_links *wire_links_init(void *mem, struct base_hash_key key, uint64_t *lost);

/* The trace's part of the numbers of its spans. Cost: 10 ns. */
uint64_t wire_link_trace(const struct wire_links *t, struct base_str trace_id);
/* The number that stands for a span, 40 bits of the trace's hash and 24 of the span's; never 0. span_id: 8 bytes. */
uint64_t wire_link_id(uint64_t trace, struct base_str span_id);

/* A span will be asked for soon: its place in memory is fetched meanwhile. */
void wire_links_near(const struct wire_links *t, uint64_t id);

struct wire_link_span {
  uint64_t id, parent; /* of wire_link_id; parent 0: a root */
  struct wire_node_ref self;
  enum wire_link_role role;
  bool proxy;
  uint32_t tick; /* of its end */
};
/* Takes a span in; twice the same is once. Cost: two cache misses for the first span of a trace, few for the others. */
void wire_links_add(struct wire_links *t, const struct wire_link_span *s);
/* NULL where unknown; valid until the next call. */
const struct wire_link *wire_links_find(const struct wire_links *t, uint64_t id);

#endif
