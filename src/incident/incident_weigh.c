#include "incident_weigh.h"

#include "base_math.h"
#include "base_must.h"

#define Z_GATE 3.0
#define Z_HOT 2.0
#define DECISIVE 0.5   /* of the victim's excess: a claim that explains so much is not held against gauges, */
#define WITNESS 0.5    /* which say at most so much of it */
#define DISCORDANT 0.3 /* part of the score that a trouble keeps which the victim does not show */

void incident_weight_open(struct incident_weight *w, bool reports, struct incident_excess server,
                          struct incident_excess client) {
  struct incident_excess seen = reports && server.n > 0.0 ? server : client;
  *w = (struct incident_weight){
      .server = server, .client = client, .reports = reports, .own = seen.x, .own_var = seen.sd * seen.sd};
}

void incident_weight_call(struct incident_weight *w, struct incident_excess call) {
  if (call.x <= 0.0) return;
  w->own -= call.x;
  w->own_var += call.sd * call.sd;
}

void incident_weight_way(struct incident_weight *w, bool incoming, struct incident_excess way) {
  w->way_n++;
  if (incoming) {
    w->way_in_n++;
    w->way_in += way.x;
    w->way_in_var += way.sd * way.sd;
  }
  if (incident_z(way) < Z_HOT) return;
  w->way_hot++;
  w->way += way.x;
  w->way_var += way.sd * way.sd;
}

double incident_weigh_strain(double usual, double sd, double now) {
  double floor = 0.05 * usual;
  if (sd < floor) sd = floor;
  if (now <= usual || now - usual < Z_GATE * sd || usual >= 1.0) return 0.0;
  double q = now < 1.0 ? math_log((1.0 - usual) / (1.0 - now)) : 1.0;
  return q < 1.0 ? q : 1.0;
}

static double gated(double x, double sd) {
  return x > 0.0 && x >= Z_GATE * sd ? x : 0.0;
}

/* What went wrong on the way to it: from its ways where they are known one by one, as the two ends of one request
 * scatter together; else from what both sides say of all of them. */
static void between_find(const struct incident_weight *w, double seen, struct incident_self *out) {
  struct incident_excess s = w->server, k = w->client;
  if (!w->reports || k.n <= 0.0) return;
  /* A caller that gives up on a service which waits for its own calls blames the way to it: what its calls explain
   * beyond its own reports is not between. */
  double calls = seen - w->own, held = s.x > 0.0 ? s.x : 0.0, explained = calls > held ? calls - held : 0.0;
  out->between = (w->way_in_n > 0 ? w->way_in : k.x - s.x) - explained;
  out->between_sd = math_sqrt(w->way_in_n > 0 ? w->way_in_var : k.sd * k.sd + s.sd * s.sd);
}

/* All its ways slow at once, in and out, is its own network; one of many is rather the other end's. */
static void ways_find(const struct incident_weight *w, struct incident_self *out) {
  if (w->way_hot < 2) return;
  double share = (double)w->way_hot / (double)w->way_n;
  if (w->way * share <= out->between) return;
  out->between = w->way * share;
  out->between_sd = math_sqrt(w->way_var) * share;
}

struct incident_self incident_weight_self(const struct incident_weight *w) {
  bool spoke = w->reports && w->server.n > 0.0;
  struct incident_self out = {w->own, math_sqrt(w->own_var), 0.0, 1.0};
  between_find(w, spoke ? w->server.x : w->client.x, &out);
  ways_find(w, &out);
  /* No report of its own at all in the window: its clients' word is the only one, and stands as `own`, unless it
   * normally reports, in which case what its clients see is between them and it. */
  if (w->reports && w->client.n > 0.0 && !spoke) out.own = 0.0;
  out.own = gated(out.own, out.own_sd);
  out.between = gated(out.between, out.between_sd);
  return out;
}

double incident_concordance(const double *a, const double *b, uint32_t n) {
  double both = 0.0, either = 0.0;
  for (uint32_t i = 0; i < n; i++) {
    double x = a[i] > 0.0 ? a[i] : 0.0, y = b[i] > 0.0 ? b[i] : 0.0;
    both += x < y ? x : y;
    either += x > y ? x : y;
  }
  return either > 0.0 ? both / either : 0.0;
}

bool incident_claim_between(const struct incident_claim *c) {
  return c->self.between > c->self.own;
}

static void claim_insert(struct incident_claim *best, uint32_t *n, uint32_t max, struct incident_claim c) {
  uint32_t at = *n < max ? (*n)++ : max;
  if (at == max) {
    if (c.score <= best[max - 1].score) return;
    at = max - 1;
  }
  for (; at > 0 && best[at - 1].score < c.score; at--) best[at] = best[at - 1];
  best[at] = c;
}

void incident_claim_add(struct incident_claim *best, uint32_t *n, uint32_t max, struct incident_claim c) {
  MUST(max > 0);
  c.score = (c.self.own + c.self.between) * (DISCORDANT + (1.0 - DISCORDANT) * c.concordance);
  claim_insert(best, n, max, c);
}

/* Are gauges heard? */
static bool is_open(const struct incident_claim *best, uint32_t n, double victim) {
  double says = 0.0;
  for (uint32_t i = 0; i < n; i++) says += best[i].gauge;
  return says > 0.0 && best[0].score < DECISIVE * victim;
}

static void claims_gauge(struct incident_claim *best, uint32_t n, double victim) {
  for (uint32_t i = 0, done = 0; i < n; i++) {
    struct incident_claim c = best[i];
    c.score = c.score / victim + WITNESS * c.gauge;
    claim_insert(best, &done, n, c);
  }
}

/* Full strain counts as much as an excess that explains all of the victim's. */
static void claims_strain(struct incident_claim *best, uint32_t n, double victim) {
  double most = best[0].score > victim ? best[0].score : victim;
  for (uint32_t i = 0, done = 0; i < n; i++) {
    struct incident_claim c = best[i];
    c.score = (most > 0.0 ? c.score / most : 0.0) + c.strain;
    claim_insert(best, &done, n, c);
  }
}

uint32_t incident_claims_share(struct incident_claim *best, uint32_t n, double victim) {
  double sum = 0.0, strain = 0.0;
  if (is_open(best, n, victim)) claims_gauge(best, n, victim);
  for (uint32_t i = 0; i < n; i++) strain += best[i].strain;
  if (strain > 0.0) claims_strain(best, n, victim);
  for (uint32_t i = 0; i < n; i++) sum += best[i].score;
  for (uint32_t i = 0; i < n && sum > 0.0; i++) best[i].score /= sum;
  while (n > 0 && best[n - 1].score <= 0.0) n--;
  return n;
}
