#include "base_must.h"
#include "detect_apart.h"
#include "detect_mask.h"
#include "detect_pace.h"
#include "engine_impl.h"
#include "series_recent.h"

/* (cluster, version) pairs of one service; the pods of more are compared with all of its pods. */
#define GROUPS_MAX 128u
#define PRESENT (60u * LIMIT_TICKS_PER_S) /* had requests so lately: counts as a sibling */
#define KNOWN_REQUESTS 50.0f              /* of the service, before the spread of its durations is believed */
#define PHI_FIRST_MAX 8.0

/* One set of siblings in one second. Settled members are summed apart: it is with them that others are compared. */
struct sums {
  struct detect_apart_second all, settled;
  uint32_t member_n, settled_n; /* of the last minute, with requests in this second or not */
  struct detect_apart_moments moments;
  struct detect_apart_common common; /* of the moments, once needed */
  bool ready;
};

struct group {
  struct base_str cluster, version;
  uint32_t cluster_idx;
  struct sums sums;
};

struct member {
  uint32_t idx;
  enum rec_level level;
  struct series_state *state;
  struct detect_apart_second own, part; /* its second, and what of it is in the sums */
  bool present, settled, cold;
};

/* One service in one second. On the stack: about 50 KiB. */
struct pass {
  struct engine *e;
  struct detect_out *out;
  uint32_t seq;
  double sd_b, phi_first;
  uint32_t pace;                        /* of the slowest scrape of the service */
  struct sums version, service_cluster; /* the service's versions; its clusters */
  struct sums cluster[GROUPS_MAX];      /* pods of each cluster, */
  struct group group[GROUPS_MAX];       /* and of each cluster and version */
  struct sums pod;                      /* all pods, for those that found no group */
  uint32_t cluster_n, group_n, last;
};

static void second_add(struct detect_apart_second *to, const struct detect_apart_second *s, double sign) {
  to->n += sign * s->n;
  to->e += sign * s->e;
  to->x += sign * s->x;
  to->timed += sign * s->timed;
  to->sum_b += sign * s->sum_b;
}

static void sums_add(struct sums *to, const struct sums *s) {
  second_add(&to->all, &s->all, 1.0);
  second_add(&to->settled, &s->settled, 1.0);
  to->member_n += s->member_n;
  to->settled_n += s->settled_n;
  to->moments.odds_dev += s->moments.odds_dev;
  to->moments.off_dev += s->moments.off_dev;
  to->moments.errors_phi += s->moments.errors_phi;
  to->moments.latency_phi += s->moments.latency_phi;
  to->moments.zeta2 += s->moments.zeta2;
  to->moments.count += s->moments.count;
}

/* False: not a server-side series that is compared. */
static bool member_read(const struct pass *p, uint32_t idx, struct member *m) {
  const struct rec_series *who = &p->e->catalog.entry[idx].who;
  struct series_state *s = &p->e->state[idx];
  const struct series_apart *a = &s->extra.apart;
  struct series_sum sum = {0};
  uint32_t age = p->seq - s->born_seq, sec = p->seq / LIMIT_TICKS_PER_S;
  if (who->side != REC_SIDE_SERVER || !detect_mask_apart(who->level) || !s->used) return false;
  *m = (struct member){.idx = idx, .level = (enum rec_level)who->level, .state = s};
  m->present = p->seq - s->data_seq < PRESENT;
  m->settled = age >= DETECT_APART_SETTLED;
  m->cold = age < DETECT_APART_COLD;
  if (!m->present || !series_recent_second(s, sec, &sum) || sum.n <= 0.0) return true;
  m->own = (struct detect_apart_second){.n = sum.n, .e = sum.e < sum.n ? sum.e : sum.n};
  m->own.timed = (double)detect_apart_timed(a, sec, &m->own.sum_b);
  m->part = m->own;
  m->part.x = m->own.n * detect_apart_odds(a, m->level);
  m->part.sum_b -= m->own.timed * (double)a->latency.off;
  if (m->cold) m->part.timed = m->part.sum_b = 0.0;
  return true;
}

static struct group *group_find(struct pass *p, const struct rec_series *who) {
  struct base_str cluster = who->dim[REC_DIM_CLUSTER], version = who->dim[REC_DIM_VERSION];
  for (uint32_t k = 0; k < p->group_n; k++) { /* neighbours in the list are often of one group */
    uint32_t i = p->last + k < p->group_n ? p->last + k : p->last + k - p->group_n;
    struct group *g = &p->group[i];
    if (!str_eq(g->version, version) || !str_eq(g->cluster, cluster)) continue;
    p->last = i;
    return g;
  }
  return NULL;
}

static struct group *group_open(struct pass *p, const struct rec_series *who) {
  if (p->group_n == GROUPS_MAX) return NULL;
  struct group *g = &p->group[p->last = p->group_n++];
  *g = (struct group){.cluster = who->dim[REC_DIM_CLUSTER], .version = who->dim[REC_DIM_VERSION]};
  for (uint32_t i = 0; i + 1 < p->group_n; i++)
    if (str_eq(p->group[i].cluster, g->cluster)) {
      g->cluster_idx = p->group[i].cluster_idx;
      return g;
    }
  g->cluster_idx = p->cluster_n++;
  p->cluster[g->cluster_idx] = (struct sums){0};
  return g;
}

/* Where a member's second is added up. */
static struct sums *sums_of(struct pass *p, const struct member *m) {
  const struct rec_series *who = &p->e->catalog.entry[m->idx].who;
  if (m->level == REC_LEVEL_VERSION) return &p->version;
  if (m->level == REC_LEVEL_SERVICE_CLUSTER) return &p->service_cluster;
  struct group *g = group_find(p, who);
  if (!g) g = group_open(p, who);
  return g ? &g->sums : &p->pod;
}

static void member_add(struct pass *p, const struct member *m) {
  if (!m->present) return;
  struct sums *s = sums_of(p, m);
  s->member_n++;
  second_add(&s->all, &m->part, 1.0);
  if (!m->settled) return;
  s->settled_n++;
  second_add(&s->settled, &m->part, 1.0);
  detect_apart_moments_add(&s->moments, &m->state->extra.apart, m->level);
}

/* The narrowest set in which a member has siblings. Pods of other clusters are none: they wait for other dependencies,
 * and clusters as such are compared by themselves. */
static struct sums *siblings_of(struct pass *p, const struct member *m) {
  if (m->level == REC_LEVEL_VERSION) return &p->version;
  if (m->level == REC_LEVEL_SERVICE_CLUSTER) return &p->service_cluster;
  struct group *g = group_find(p, &p->e->catalog.entry[m->idx].who);
  if (!g) return &p->pod;
  return g->sums.member_n > 1 ? &g->sums : &p->cluster[g->cluster_idx];
}

/* The siblings' second. The young are compared with the settled where there are any; the settled among themselves, so
 * that it is the newcomer that differs and not all others. False: nobody to compare with. */
static bool rest_of(const struct sums *s, const struct member *m, struct detect_apart_second *rest, bool *newcomer) {
  bool by_settled = s->settled_n > (m->settled ? 1u : 0u);
  *newcomer = by_settled && !m->settled;
  if (!by_settled && (m->settled || s->member_n < 2)) return false;
  *rest = by_settled ? s->settled : s->all;
  if (m->settled || !by_settled) second_add(rest, &m->part, -1.0);
  if (rest->timed < 0.5) rest->timed = 0.0; /* sums of whole numbers: only zero is below */
  return rest->n > 0.5;
}

static double bar_of(const struct pass *p, const struct member *m, enum rec_signal signal) {
  const struct detect_out *out = p->out;
  if (!(detect_mask(m->level, REC_SIDE_SERVER) >> signal & 1u) || out->n >= out->cap - out->cap / 4) return 1e30;
  return p->e->log_c[rec_level_share(m->level)] + (double)p->e->raised[signal];
}

static void member_step(struct pass *p, const struct member *m) {
  struct series_apart *a = &m->state->extra.apart;
  struct detect_apart_second rest;
  struct detect_apart_when when = {.seq = p->seq, .cold = m->cold, .still = p->seq < m->state->learn_from};
  when.hold = detect_pace_hold(m->state->pace > p->pace ? m->state->pace : p->pace);
  struct detect_apart_verdict v;
  struct sums *s = m->own.n > 0.0 ? siblings_of(p, m) : NULL;
  if (s && rest_of(s, m, &rest, &when.newcomer)) {
    if (!s->ready) s->common = detect_apart_moments_common(&s->moments, m->level, p->sd_b, p->phi_first);
    s->ready = true;
    when.log_c[0] = bar_of(p, m, REC_SIGNAL_ERRORS_APART);
    when.log_c[1] = bar_of(p, m, REC_SIGNAL_LATENCY_APART);
    v = detect_apart_step(a, &m->own, &rest, &s->common, &when);
  } else {
    v = detect_apart_idle(a, p->seq);
  }
  detect_signal_put(p->out, m->idx, REC_SIGNAL_ERRORS_APART, v.errors, p->seq);
  detect_signal_put(p->out, m->idx, REC_SIGNAL_LATENCY_APART, v.latency, p->seq);
}

static void pass_open(struct pass *p, const struct series_node *node) {
  uint32_t idx = node->series[REC_SIDE_SERVER];
  p->version = p->service_cluster = p->pod = (struct sums){0};
  p->cluster_n = p->group_n = p->last = 0;
  p->sd_b = 0.0;
  p->phi_first = 1.0;
  p->pace = 0;
  if (idx == REC_SERIES_NONE || !p->e->state[idx].used) return;
  const struct series_state *s = &p->e->state[idx];
  const struct series_ratio *errors = series_ratio_find(s, REC_SIGNAL_ERRORS);
  p->pace = s->pace;
  if (s->latency.total >= KNOWN_REQUESTS) p->sd_b = (double)s->latency.sd;
  if (errors) p->phi_first = series_ratio_phi(errors);
  if (p->phi_first > PHI_FIRST_MAX) p->phi_first = PHI_FIRST_MAX;
}

/* Twice over the list: what all had, then each against it. */
static void node_run(struct pass *p, const struct series_node *node) {
  const struct series_entry *entry = p->e->catalog.entry;
  struct member m;
  pass_open(p, node);
  for (uint32_t i = node->first_child; i != REC_SERIES_NONE; i = entry[i].sibling)
    if (member_read(p, i, &m)) member_add(p, &m);
  for (uint32_t i = 0; i < p->group_n; i++) sums_add(&p->cluster[p->group[i].cluster_idx], &p->group[i].sums);
  if (p->pod.member_n)
    for (uint32_t i = 0; i < p->cluster_n; i++) sums_add(&p->pod, &p->cluster[i]);
  for (uint32_t i = node->first_child; i != REC_SERIES_NONE; i = entry[i].sibling)
    if (member_read(p, i, &m)) member_step(p, &m);
}

void engine_apart_run(struct engine *e, uint32_t seq, struct detect_out *out) {
  struct pass p;
  p.e = e;
  p.out = out;
  p.seq = seq;
  MUST((seq + 1) % LIMIT_TICKS_PER_S == 0);
  for (uint32_t i = 0; i < e->catalog.node_n; i++)
    if (e->catalog.node[i].first_child != REC_SERIES_NONE) node_run(&p, &e->catalog.node[i]);
}
