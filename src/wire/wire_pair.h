/* Lost telemetry, told from the reports that did come. Most requests of a mesh are reported twice under one request
 * id: by the caller's proxy and by the callee's. Of the requests with proxy P that its partners report, the share that
 * P does not report itself is P's loss, whatever the partners lose (Lincoln 1930, Petersen 1896: capture-recapture),
 * with the error of a binomial share.
 *
 *   report ─► group (request id, callee's service): who reported it, who others say was in it
 *          ─► settled when all of it had time to come: per proxy (owed, missing), less what is usually missing
 *          ─► told where far more is missing than usual, once a second until it is whole again
 *
 * Usual is learned for each pair of services and direction over the first minute and slowly after it: ids that a
 * filter changes, logs of one side only or sampled, shadow requests. Where most is usually missing, nothing is said.
 * Requests are sampled by a hash of their id, so that both reports of one fall in or out together: one in 2^rate, where
 * each service has its own rate, so that every proxy of it gets enough and no service takes the room of another. All
 * rates go up where the table of groups fills.
 *
 * Pure. The clock is the arrivals' (wire_clock), the memory a zeroed block. One meaning of the same calls in the same
 * order. layout:  struct | group[] | head[] | edge[] | node[] | active[] */
#ifndef WIRE_PAIR_H
#define WIRE_PAIR_H

#include "rec_counter.h"
#include "rec_name.h"
#include "wire_identity_node.h"

struct wire_pairs;

size_t wire_pair_bytes(void);
/* counter: REC_COUNTER_COUNT totals, of which the PAIR_ and GAP ones are moved. */
struct wire_pairs *wire_pair_init(void *mem, uint64_t *counter);

/* One finished request as one proxy reports it. */
struct wire_pair_report {
  struct base_str request_id;
  int64_t now_ns, start_ns, end_ns;
  struct wire_node_ref self, other;     /* who reports; the other end, at 0 where it is no known proxy */
  uint64_t self_service, other_service; /* numbers of them: what is usual is learned for services */
  uint64_t callee;                      /* number of the callee's service, equal in both reports */
  uint32_t attempts;                    /* of a client's report, at least 1 */
  bool client;                          /* self called; else self was called */
  bool owed;                            /* the other end must have seen it answered, so it has to report it, too */
};
/* Cost: a hash of the id where it is not sampled, else about eight cache lines. */
void wire_pair_report(struct wire_pairs *p, const struct wire_pair_report *r);

/* A message of that proxy came, with so many entries. */
void wire_pair_heard(struct wire_pairs *p, struct wire_node_ref node, int64_t now_ns, uint32_t entry_n);
/* Its last stream broke; a stream of it is open (again). */
void wire_pair_cut(struct wire_pairs *p, struct wire_node_ref node, int64_t now_ns);
void wire_pair_join(struct wire_pairs *p, struct wire_node_ref node);
/* An entry of it came and could not be used: REC_GAP_LATE or REC_GAP_SHED. */
void wire_pair_useless(struct wire_pairs *p, struct wire_node_ref node, enum rec_gap_reason reason);

struct wire_pair_gap {
  struct wire_node_ref node;
  uint32_t expected, lost; /* as in rec_gap */
  uint8_t reason;
};
/* Time goes on: settles what is due and judges. *out: what is to be told now, at most LIMIT_GAPS, ends first, then by
 * what is lost; lives until the next call. A jump of over 10 s forgets what was pending, as nothing was heard then. */
uint32_t wire_pair_step(struct wire_pairs *p, int64_t now_ns, const struct wire_pair_gap **out);

#endif
