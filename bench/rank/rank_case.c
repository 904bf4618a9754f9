#include "rank_case.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "incident_gauge.h"
#include "incident_weigh.h"
#include "rank_watch.h"

#define LEARN_LOG_C 12.0 /* nats at which the normal time itself is taken for a trouble */
#define OUTLIER 5.0      /* rows of the normal time that are farther off, in robust sd, do not make the mean */

/* The next word as a number; false where there is none. `-` reads as a missing one: NaN. */
static bool number_next(char **at, double *out) {
  char *end;
  while (**at == ' ') (*at)++;
  if (**at == '-' && ((*at)[1] == ' ' || (*at)[1] == 0)) {
    (*at)++;
    *out = NAN;
    return true;
  }
  *out = strtod(*at, &end);
  bool found = end != *at && isfinite(*out);
  *at = end;
  return found;
}

static bool index_next(char **at, uint32_t below, uint32_t *out) {
  double x;
  if (!number_next(at, &x) || !(x >= 0.0) || x >= (double)below) return false;
  *out = (uint32_t)x;
  return true;
}

static int double_order(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double rank_quantile(double *list, uint32_t n, double q) {
  if (n == 0) return 0.0;
  qsort(list, n, sizeof *list, double_order);
  return list[(uint32_t)(q * (double)(n - 1) + 0.5)];
}

double rank_spread(const double *x, uint32_t n, double middle) {
  static double off[RANK_ROWS];
  for (uint32_t i = 0; i < n; i++) off[i] = fabs(x[i] - middle);
  return 1.4826 * rank_quantile(off, n, 0.5);
}

struct row {
  double n, amount;
};

/* Amount a request in normal operation: over the rows that are not outliers. Failures are rare, and every one counts.
 */
static double normal_of(const struct row *row, uint32_t base, bool robust) {
  static double each[RANK_ROWS];
  uint32_t k = 0;
  for (uint32_t i = 0; i < base; i++)
    if (row[i].n > 0.0) each[k++] = row[i].amount / row[i].n;
  double middle = rank_quantile(each, k, 0.5), spread = rank_spread(each, k, middle), n = 0.0, amount = 0.0;
  for (uint32_t i = 0; i < base; i++) {
    if (row[i].n <= 0.0) continue;
    if (robust && fabs(row[i].amount / row[i].n - middle) > OUTLIER * spread + 1e-9) continue;
    n += row[i].n;
    amount += row[i].amount;
  }
  return n > 0.0 ? amount / n : 0.0;
}

#define CALLS_KNOWN 2.0 /* fewer requests than these in normal operation: nothing is known of it */

/* What all rows before the onset show beyond normal, a request, is older than the trouble: the smallest of it. */
static double older_of(const struct rank_case *c, const struct row *row, double normal) {
  if (c->without.older) return 0.0;
  double low = INFINITY, high = -INFINITY;
  for (uint32_t i = c->base; i < c->base + c->before; i++) {
    if (row[i].n <= 0.0) continue;
    double x = row[i].amount / row[i].n - normal;
    if (x < low) low = x;
    if (x > high) high = x;
  }
  if (low > high) return 0.0;
  return low > 0.0 ? low : high < 0.0 ? high : 0.0;
}

/* Normal ratio of failures, learned from the rows of the normal time as the engine learns its ticks. */
static double errors_normal(const struct rank_case *c, const struct row *row, double *older, double *var) {
  struct rank_watch w;
  double n = 0.0;
  rank_watch_init(&w);
  for (uint32_t i = 0; i < c->base; i++) (void)rank_watch_step(&w, row[i].n, row[i].amount, LEARN_LOG_C);
  double p = detect_ratio_mean(&w.ratio, w.requests);
  double up = detect_ratio_upper(&w.ratio, (struct detect_prior){0}, w.requests);
  *older = older_of(c, row, p);
  if (*older > 0.0) up = up + *older < 0.9 ? up + *older : 0.9;
  for (uint32_t i = c->base + c->before; i < c->rows; i++) n += row[i].n;
  *var += n * up * (1.0 - up) * series_ratio_phi(&w.ratio) + 0.25;
  return p;
}

/* Of the window's seconds: by how requests scatter, as the engine has it, where that is known; by how rows do. */
static double latency_var(const struct rank_case *c, const struct row *row, double normal, double sd) {
  static double x[RANK_ROWS];
  double n = 0.0, base_n = 0.0, rows = 0.0;
  uint32_t k = 0;
  for (uint32_t i = 0; i < c->base; i++) {
    base_n += row[i].n;
    if (row[i].n > 0.0) x[k++] = row[i].amount - row[i].n * normal;
  }
  for (uint32_t i = c->base + c->before; i < c->rows; i++) {
    n += row[i].n;
    rows += row[i].n > 0.0;
  }
  if (n <= 0.0) return 0.0;
  if (sd > 0.0) return n * sd * sd * (1.0 + n / base_n) + 0.0004 * n * n * normal * normal + 1e-8;
  double spread = rank_spread(x, k, 0.0), far;
  for (uint32_t i = 0; i < k; i++) x[i] = fabs(x[i]);
  far = rank_quantile(x, k, 0.95) / 1.96;
  if (spread < far) spread = far;
  if (spread < normal) spread = normal; /* one usual request */
  return rows * spread * spread;
}

static const char *rows_read(const struct rank_case *c, struct row *row, char *at) {
  for (uint32_t i = 0; i < c->rows; i++) {
    if (!number_next(&at, &row[i].n) || !number_next(&at, &row[i].amount)) return "a number for each row wanted";
    if (!(row[i].n >= 0.0) || !(row[i].amount >= 0.0)) row[i] = (struct row){0.0, 0.0};
  }
  return NULL;
}

static const char *series_read(struct rank_case *c, struct rank_series *s, char *at) {
  static struct row row[RANK_ROWS];
  double seen = 0.0, sd, normal = 0.0, older = 0.0;
  if (!number_next(&at, &sd) || !(sd >= 0.0)) return "a scatter wanted";
  const char *wrong = rows_read(c, row, at);
  if (wrong) return wrong;
  for (uint32_t i = 0; i < c->base; i++) seen += row[i].n;
  bool known = seen >= CALLS_KNOWN;
  if (known && c->latency) {
    normal = normal_of(row, c->base, true);
    older = older_of(c, row, normal);
    s->var += latency_var(c, row, normal, sd);
  } else if (known) {
    normal = errors_normal(c, row, &older, &s->var);
  }
  s->known = true;
  for (uint32_t i = 0; i < c->rows; i++) {
    s->n[i] += row[i].n;
    /* Of what was never called before, nothing is its own doing: who began to call it is asked. */
    if (known || c->without.newcomer) s->x[i] += row[i].amount - row[i].n * (normal + (i < c->base ? 0.0 : older));
  }
  return NULL;
}

static const char *edge_add(struct rank_case *c, char *at) {
  if (c->edge_n == RANK_EDGES) return "too many edges";
  struct rank_edge *e = &c->edge[c->edge_n];
  if (!index_next(&at, c->node_n, &e->from) || !index_next(&at, c->node_n, &e->to)) return "two nodes wanted";
  c->edge_n++;
  return NULL;
}

static const char *node_add(struct rank_case *c, const char *at) {
  if (c->node_n == RANK_NODES) return "too many nodes";
  if (strlen(at) >= RANK_NAME || *at == 0) return "a name wanted, not too long";
  (void)snprintf(c->node[c->node_n++].name, RANK_NAME, "%s", at);
  return NULL;
}

static const char *rows_set(struct rank_case *c, char *at) {
  if (c->rows > 0) return "rows are told once";
  if (!index_next(&at, RANK_ROWS, &c->base) || !index_next(&at, RANK_ROWS, &c->before) ||
      !index_next(&at, RANK_ROWS, &c->window))
    return "three counts of rows wanted";
  c->rows = c->base + c->before + c->window;
  return c->window > 0 && c->rows <= RANK_ROWS ? NULL : "at least one row after the onset, and not too many in all";
}

/* The most that the detector says above the usual in the window, where it is loud; a row a minute. */
static double gauge_score(const double *g, uint32_t base, uint32_t window) {
  struct detect_gauge d;
  double most = 0.0;
  detect_gauge_init(&d);
  for (uint32_t i = 0; i < base + window; i++) {
    struct detect_gauge_verdict v = detect_gauge_step(&d, g[i], 60.0 * (double)i);
    if (i >= base && v.side > 0 && v.score > most) most = v.score;
  }
  return most >= GAUGE_LOUD ? most : 0.0;
}

static const char *gauge_read(struct rank_node *n, char *at) {
  static double g[2 * RANK_ROWS];
  uint32_t base, window;
  if (!index_next(&at, RANK_ROWS, &base) || !index_next(&at, RANK_ROWS, &window)) return "two counts wanted";
  for (uint32_t i = 0; i < base + window; i++)
    if (!number_next(&at, &g[i]) || g[i] != g[i]) return "a number for each row wanted";
  if (base == 0 || window == 0) return NULL;
  n->gauge = incident_gauge_says(REC_ROLE_RESOURCE, gauge_score(g, base, window));
  double now = rank_quantile(g + base, window, 0.5), usual = rank_quantile(g, base, 0.5);
  n->strain = incident_weigh_strain(usual, rank_spread(g, base, usual), now);
  return NULL;
}

/* What is told of a node or an edge. */
static const char *series_line(struct rank_case *c, const char *word, char *at) {
  bool of_edge = strcmp(word, "call") == 0 || strcmp(word, "way") == 0 || strcmp(word, "share") == 0;
  uint32_t i;
  if (c->rows == 0) return "rows come first";
  if (!index_next(&at, of_edge ? c->edge_n : c->node_n, &i)) return "a known node or edge wanted";
  if (strcmp(word, "server") == 0) return series_read(c, &c->node[i].server, at);
  if (strcmp(word, "client") == 0) return series_read(c, &c->node[i].client, at);
  if (strcmp(word, "call") == 0) return series_read(c, &c->edge[i].call, at);
  if (strcmp(word, "way") == 0) return series_read(c, &c->edge[i].way, at);
  if (strcmp(word, "gauge") == 0) return gauge_read(&c->node[i], at);
  if (strcmp(word, "share") == 0) return number_next(&at, &c->edge[i].share) ? NULL : "a share wanted";
  return "unknown statement";
}

static const char *statement(struct rank_case *c, char *text) {
  char *at = strchr(text, ' ');
  if (!at) return "a statement has at least two words";
  *at++ = 0;
  if (strcmp(text, "rows") == 0) return rows_set(c, at);
  if (strcmp(text, "node") == 0) return node_add(c, at);
  if (strcmp(text, "edge") == 0) return edge_add(c, at);
  if (strcmp(text, "victim") == 0) return index_next(&at, c->node_n, &c->victim) ? NULL : "a known node wanted";
  if (strcmp(text, "family") == 0) {
    c->latency = strcmp(at, "latency") == 0;
    return c->latency || strcmp(at, "errors") == 0 ? NULL : "errors or latency wanted";
  }
  return series_line(c, text, at);
}

const char *rank_case_read(struct rank_case *c, FILE *in, unsigned *line) {
  char *text = NULL;
  size_t cap = 0;
  const char *wrong = NULL;
  c->victim = RANK_NODES;
  for (*line = 0; !wrong && getline(&text, &cap, in) > 0;) {
    (*line)++;
    text[strcspn(text, "\r\n")] = 0;
    if (*text && *text != '#') wrong = statement(c, text);
  }
  free(text);
  if (!wrong && (c->rows == 0 || c->node_n == 0)) wrong = "rows and nodes wanted";
  return wrong;
}
