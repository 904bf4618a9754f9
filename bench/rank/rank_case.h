/* One case as bench_rank reads it: a line a statement, words apart by single blanks, names without blanks.
 *
 *   rows BASE BEFORE WINDOW        rows of normal operation, rows just before the onset, rows from it on
 *   family errors|latency
 *   node NAME                      they count from 0
 *   edge CALLER CALLEE             likewise; node numbers
 *   share EDGE S                   part of the callee's requests that come over this edge, where nothing counts it
 *   victim NODE                    whose trouble is to be explained; without it the node with most excess
 *   server NODE SD N A N A ...     what the node's own side reports, row by row: requests, and of them the failures
 *                                  (errors) or the seconds that they took together (latency); `-` twice where missing.
 *                                  SD: of one request's seconds, 0 where only the rows tell how it scatters
 *   client NODE SD N A ...         what its callers see of it
 *   call EDGE SD N A ...           what the caller sees of one edge; way EDGE ... the part of it that the callee does
 * not see gauge NODE BASE WINDOW G G ... utilisation of what it runs on, 0..1, in rows of their own
 *
 * A series may come in several lines (one an operation): each has its own normal, their excesses add. */
#ifndef RANK_CASE_H
#define RANK_CASE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define RANK_NODES 128u
#define RANK_EDGES 512u
#define RANK_ROWS 2048u
#define RANK_NAME 128u

/* Excess of one reporter, row by row. */
struct rank_series {
  bool known;
  double x[RANK_ROWS]; /* beyond normal */
  double n[RANK_ROWS]; /* requests */
  double var;          /* of the window's excess under the null */
};

struct rank_node {
  char name[RANK_NAME];
  struct rank_series server, client;
  double strain; /* how much fuller than ever what it runs on is, 0..1: incident_weigh_strain */
  double gauge;  /* what the engine makes of the same, 0..1: incident_gauge_says */
};

struct rank_edge {
  uint32_t from, to;
  double share;
  struct rank_series call, way;
};

/* Parts of the ranking that are left out, to see what they are worth. */
struct rank_without {
  bool older;       /* what was so before the onset is part of the trouble */
  bool newcomer;    /* a callee that nobody called before carries its own excess */
  bool concordance; /* all claims are as concordant as can be */
  bool strain;      /* no gauges */
  bool ways;        /* no ways one by one */
};

struct rank_case {
  struct rank_without without;         /* set before reading */
  bool gauges;                         /* likewise: gauges count as the engine weighs them */
  uint32_t base, before, window, rows; /* rows: their sum */
  bool latency;
  uint32_t node_n, edge_n;
  uint32_t victim; /* RANK_NODES: not given */
  struct rank_node node[RANK_NODES];
  struct rank_edge edge[RANK_EDGES];
};

/* c: all zero but for `without` and `gauges`. NULL, or a static text that says what is wrong; *line is then its number.
 */
const char *rank_case_read(struct rank_case *c, FILE *in, unsigned *line);

/* The q-quantile of a list, which it sorts; 0 of none. And the usual distance from the middle, as a standard deviation.
 */
double rank_quantile(double *list, uint32_t n, double q);
double rank_spread(const double *x, uint32_t n, double middle);

#endif
