/* A change is seen where it is: in who answers. Labels say which version a request went to, so old and new are held
 * against each other in the same seconds, whatever befalls the service as a whole meanwhile. */
#include "incident_change.h"

#include "base_hash.h"
#include "base_math.h"
#include "series_recent.h"

#define NONE REC_SERIES_NONE
#define S LIMIT_TICKS_PER_S
#define SLICES_FAST 10u        /* every service is looked through for versions once in so many seconds, */
#define SLICES_SLOW 60u        /* and for pods and what is new */
#define NEWBORN (600u * S)     /* a version is new for so long; a change in a younger mesh is none */
#define KNOWN (180u * S)       /* the old one has been known for so long before */
#define AT_WORK (60u * S)      /* and had its last request not longer ago than this; silent for so long, it is gone */
#define LONGEST (1800u * S)    /* who stays side by side for longer stays */
#define AWAY_S 100u            /* one that comes back had no request for so long */
#define FRESH_S 14u            /* but for the last seconds, which are kept one by one */
#define FEW 5.0                /* requests that make it more than a stray one */
#define FEWEST 50.0            /* requests of each before they are compared */
#define CASES 16u              /* rollouts with an incident of their own at a time */
#define NOTES_A_MINUTE 8u      /* changes noted but for rollouts */
#define SETTLED (10u * S)      /* so long after its birth it is known whether it is more than a stray request */
#define GONE_NATS 12.0         /* that a silent pod is silent by chance */
#define GONE_LEAST (20u * S)   /* and so long it has been at least */
#define SURE 6.907755278982137 /* ln 1000 */
#define ALIKE 0.05             /* of the mean duration: versions that differ by less are alike */
#define LOOKED_FOR 0.25        /* of it: the difference that is looked for */

static const double odds[INCIDENT_ROLLOUT_ALTS] = {2.0, 8.0}; /* times as many failures */

struct incident_change *incident_change_put(struct incident_head *h, struct base_wall at) {
  struct incident_change *c = &h->change[h->change_next];
  *c = (struct incident_change){.at = at};
  h->change_next = (h->change_next + 1) % INCIDENT_CHANGES;
  if (h->change_n < INCIDENT_CHANGES) h->change_n++;
  return c;
}

static void text_set(char *out, size_t cap, struct base_str s) {
  struct base_buf b = buf_over(out, cap - 1);
  buf_put_str(&b, s);
  out[b.n] = 0;
}

/* Names of the series, or of its service. The summary is the caller's to write. */
static struct incident_change *note(struct incident_head *h, const struct incident_view *v, const char *kind,
                                    uint32_t idx, uint32_t at_seq, bool service) {
  struct incident_change *c = incident_change_put(h, incident_seq_wall(h, v, at_seq));
  struct incident_cause k = {.series_idx = idx, .node = NONE};
  struct rec_entity e;
  incident_entity_of(v, &k, &e);
  if (service) incident_entity_node(v, v->catalog->entry[idx].node, &e);
  text_set(c->source, sizeof c->source, STR("traffic"));
  text_set(c->kind, sizeof c->kind, str_of(kind));
  text_set(c->entity_kind, sizeof c->entity_kind, e.kind);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) text_set(c->dim[d], sizeof c->dim[d], e.dim[d]);
  return c;
}

/* Scalings and what is new come in crowds where a whole mesh is young or breathes: a few a minute say as much, and
 * leave room in the ring for what pipelines tell. */
static struct incident_change *note_minor(struct incident_head *h, const struct incident_view *v, const char *kind,
                                          uint32_t idx, uint32_t at_seq, bool service) {
  if (h->noted_n == NOTES_A_MINUTE) {
    h->counter_changes++;
    return NULL;
  }
  h->noted_n++;
  return note(h, v, kind, idx, at_seq, service);
}

static struct base_str service_of(const struct incident_view *v, uint32_t node) {
  return v->catalog->node[node].name;
}

static struct base_str version_of(const struct incident_view *v, uint32_t idx) {
  return v->catalog->entry[idx].who.dim[REC_DIM_VERSION];
}

/* Whose word is taken for a service: its own, or else its clients'. */
static enum rec_side side_of(const struct incident_view *v, uint32_t node) {
  return v->catalog->node[node].series[REC_SIDE_SERVER] != NONE ? REC_SIDE_SERVER : REC_SIDE_CLIENT;
}

static bool is_part(const struct incident_view *v, uint32_t idx, enum rec_level level, enum rec_side side) {
  const struct rec_series *w = &v->catalog->entry[idx].who;
  return w->level == level && w->side == side && v->state[idx].used;
}

/* --- rollouts --- */

static struct incident_rollout *rollout_of(struct incident_head *h, uint32_t new_idx) {
  for (uint32_t i = 0; i < INCIDENT_ROLLOUTS; i++)
    if (h->rollout[i].use && h->rollout[i].new_idx == new_idx) return &h->rollout[i];
  return NULL;
}

struct base_str incident_change_version(const struct incident_head *h, const struct incident_view *v, uint32_t node) {
  for (uint32_t i = 0; i < INCIDENT_ROLLOUTS; i++)
    if (h->rollout[i].use == INCIDENT_ROLLOUT_RUNS && h->rollout[i].node == node)
      return version_of(v, h->rollout[i].new_idx);
  return STR_NONE;
}

/* The tick from which a version that was away has requests again; 0 where it does not come back. */
static uint32_t back_since(const struct incident_view *v, const struct series_state *s) {
  uint32_t sec = v->seq / S;
  if (sec < AWAY_S || s->data_seq + SLICES_FAST * S < v->seq) return 0;
  struct series_sum away = series_recent_sum(s, (sec - AWAY_S) * S, (sec - FRESH_S) * S - 1), one;
  double n = 0.0;
  uint32_t first = 0;
  for (uint32_t i = sec - FRESH_S + 1; i <= sec; i++) {
    if (!series_recent_second(s, i, &one) || one.n <= 0.0) continue;
    n += one.n;
    if (!first) first = i;
  }
  return away.n <= 0.0 && n >= FEW ? first * S : 0;
}

/* The tick from which the version is at work as a new one, or 0. */
static uint32_t comes_since(const struct incident_view *v, uint32_t idx) {
  const struct series_state *s = &v->state[idx];
  if (version_of(v, idx).n == 0) return 0;
  if (v->seq - s->born_seq <= NEWBORN) return (double)s->requests >= FEW ? s->born_seq : 0;
  return back_since(v, s);
}

/* The version of the service that was at work until then, the one with most requests of several; or NONE. */
static uint32_t old_of(const struct incident_view *v, uint32_t node, uint32_t new_idx, uint32_t since) {
  const struct series_catalog *c = v->catalog;
  uint32_t best = NONE;
  for (uint32_t i = c->node[node].first_child; i != NONE; i = c->entry[i].sibling) {
    const struct series_state *s = &v->state[i];
    if (i == new_idx || !is_part(v, i, REC_LEVEL_VERSION, side_of(v, node)) || version_of(v, i).n == 0) continue;
    if (s->born_seq + KNOWN > since || s->data_seq + AT_WORK < since) continue;
    if (best == NONE || s->requests > v->state[best].requests) best = i;
  }
  return best;
}

static struct incident_rollout *rollout_place(struct incident_head *h) {
  for (uint32_t i = 0; i < INCIDENT_ROLLOUTS; i++)
    if (h->rollout[i].use == INCIDENT_ROLLOUT_FREE) return &h->rollout[i];
  h->counter_changes++;
  return NULL;
}

static uint16_t case_open(struct incident_head *h, const struct incident_view *v, const struct incident_rollout *r) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < LIMIT_INCIDENTS_OPEN; i++) n += h->case_[i].used && h->case_[i].family == INCIDENT_CHANGE;
  struct incident_case *c = n < CASES ? incident_case_open(h, v, INCIDENT_CHANGE) : NULL;
  if (!c) return INCIDENT_NO_CASE;
  c->first_seq = c->from_seq = r->from_seq;
  c->source = r->node;
  c->key_series = r->new_idx;
  c->up = 1;
  c->id_hash = hash_mix(rec_series_hash(&v->catalog->entry[r->new_idx].who), c->id_hash);
  return incident_case_number(h, c);
}

static void rollout_open(struct incident_head *h, const struct incident_view *v, uint32_t node, uint32_t idx,
                         uint32_t since) {
  uint32_t old = old_of(v, node, idx, since);
  if (old == NONE || rollout_of(h, idx)) return;
  struct incident_rollout *r = rollout_place(h);
  if (!r) return;
  *r = (struct incident_rollout){
      .use = INCIDENT_ROLLOUT_RUNS, .node = node, .new_idx = idx, .old_idx = old, .from_seq = since};
  double mean = (double)v->state[old].latency.mean_s;
  r->slow_sd = LOOKED_FOR * mean;
  r->case_idx = case_open(h, v, r);
  struct incident_change *c = note(h, v, "rollout", idx, since, false);
  struct base_buf b = buf_over(c->summary, sizeof c->summary - 1);
  buf_put_f(&b, "%.*s %.*s takes over from %.*s", STR_ARG(service_of(v, node)), STR_ARG(version_of(v, idx)),
            STR_ARG(version_of(v, old)));
  c->summary[b.n] = 0;
}

static void versions_look(struct incident_head *h, const struct incident_view *v, uint32_t node) {
  const struct series_catalog *c = v->catalog;
  for (uint32_t i = c->node[node].first_child; i != NONE; i = c->entry[i].sibling) {
    uint32_t since = is_part(v, i, REC_LEVEL_VERSION, side_of(v, node)) ? comes_since(v, i) : 0;
    if (since) rollout_open(h, v, node, i, since);
  }
}

double incident_change_fails(const struct incident_rollout *r) {
  double most = r->errors[0] > r->errors[1] ? r->errors[0] : r->errors[1], sum = 0.0;
  for (unsigned k = 0; k < INCIDENT_ROLLOUT_ALTS; k++) sum += math_exp(r->errors[k] - most);
  return most + math_log(sum / (double)INCIDENT_ROLLOUT_ALTS);
}

double incident_change_slower(const struct incident_rollout *r) {
  double t2 = r->slow_sd * r->slow_sd, grown = 1.0 + r->slow_v * t2;
  return r->slow > 0.0 ? 0.5 * (r->slow * r->slow * t2 / grown - math_log(grown)) : 0.0;
}

/* Of the second's failures each falls to the new one with the odds of its requests, if nothing is wrong with it. */
static void errors_compare(struct incident_rollout *r, struct series_sum fresh, struct series_sum old) {
  double share = fresh.n / (fresh.n + old.n), all = fresh.e + old.e;
  for (unsigned k = 0; k < INCIDENT_ROLLOUT_ALTS; k++)
    r->errors[k] += fresh.e * math_log(odds[k]) - all * math_log(1.0 + share * (odds[k] - 1.0));
}

static void durations_compare(const struct incident_view *v, struct incident_rollout *r, struct series_sum fresh,
                              struct series_sum old) {
  const struct series_state *s = &v->state[r->old_idx];
  double a = fresh.n - fresh.e, b = old.n - old.e, sd = incident_latency_sd_s(s), mean = (double)s->latency.mean_s;
  if (a < 1.0 || b < 1.0 || sd <= 0.0) return;
  double var = sd * sd * (double)s->latency.phi * (1.0 / a + 1.0 / b);
  r->slow += (fresh.lat_s / a - old.lat_s / b - ALIKE * mean) / var;
  r->slow_v += 1.0 / var;
}

/* The second that has just ended, if both had requests in it. */
static void rollout_compare(const struct incident_view *v, struct incident_rollout *r) {
  struct series_sum fresh, old;
  uint32_t sec = v->seq / S;
  if (!series_recent_second(&v->state[r->new_idx], sec, &fresh) ||
      !series_recent_second(&v->state[r->old_idx], sec, &old) || fresh.n <= 0.0 || old.n <= 0.0)
    return;
  r->seconds++;
  r->new_n += fresh.n;
  r->new_e += fresh.e;
  r->new_lat_s += fresh.lat_s;
  r->old_n += old.n;
  r->old_e += old.e;
  r->old_lat_s += old.lat_s;
  errors_compare(r, fresh, old);
  durations_compare(v, r, fresh, old);
}

/* So many ticks without a request are no chance. */
static double silence_of(const struct series_state *s, uint32_t least) {
  double phi = s->rate.phi > 1.0f ? (double)s->rate.phi : 1.0;
  double due = s->requests > 0.0f ? GONE_NATS * phi * (double)s->span / (double)s->requests : 0.0;
  return due > (double)least ? due : (double)least;
}

static bool left(const struct incident_view *v, uint32_t idx) {
  const struct series_state *s = &v->state[idx];
  return (double)(v->seq - s->data_seq) > silence_of(s, AT_WORK);
}

static bool rollout_ends(const struct incident_view *v, const struct incident_rollout *r) {
  return left(v, r->new_idx) || left(v, r->old_idx) || v->seq - r->from_seq > LONGEST;
}

static void rollout_step(struct incident_head *h, const struct incident_view *v, struct incident_rollout *r) {
  if (r->use == INCIDENT_ROLLOUT_OVER) { /* told once: while it would be found again as new, it is remembered */
    if (v->seq - r->from_seq > NEWBORN) r->use = INCIDENT_ROLLOUT_FREE;
    return;
  }
  rollout_compare(v, r);
  if (!rollout_ends(v, r)) return;
  if (r->case_idx != INCIDENT_NO_CASE) {
    (void)incident_change_tell(h, v, &h->case_[r->case_idx]);
    h->case_[r->case_idx].dirty = 1;
  }
  r->use = INCIDENT_ROLLOUT_OVER;
}

/* --- its incident --- */

static const struct incident_rollout *rollout_told(const struct incident_head *h, const struct incident_case *c) {
  for (uint32_t i = 0; i < INCIDENT_ROLLOUTS; i++)
    if (h->rollout[i].use == INCIDENT_ROLLOUT_RUNS && h->rollout[i].case_idx == incident_case_number(h, c))
      return &h->rollout[i];
  return NULL;
}

bool incident_change_alive(const struct incident_head *h, const struct incident_case *c) {
  return rollout_told(h, c) != NULL;
}

static double percent(double part, double all) {
  return all > 0.0 ? 100.0 * part / all : 0.0;
}

static double mean_ms(double lat_s, double fine) {
  return fine > 0.0 ? 1e3 * lat_s / fine : 0.0;
}

static void put_side(struct base_buf *b, struct base_str version, double n, double e, double lat_s) {
  buf_put_f(b, "%.*s %.0f requests, %.2f %% failed, %.3g ms on average", STR_ARG(version), n, percent(e, n),
            mean_ms(lat_s, n - e));
}

static void put_compared(struct base_buf *b, const struct incident_view *v, const struct incident_rollout *r) {
  if (r->new_n < FEWEST || r->old_n < FEWEST) {
    buf_put_str(b, STR("too few requests to tell them apart"));
    return;
  }
  buf_put_f(b, "in the same %u s ", r->seconds);
  put_side(b, version_of(v, r->new_idx), r->new_n, r->new_e, r->new_lat_s);
  buf_put_str(b, STR(", "));
  put_side(b, version_of(v, r->old_idx), r->old_n, r->old_e, r->old_lat_s);
}

/* Is an unhealthy incident about the service told meanwhile? That one names what is bad, and this one points to it. */
static bool trouble_beside(const struct incident_head *h, const struct incident_rollout *r) {
  for (uint32_t i = 0; i < LIMIT_INCIDENTS_OPEN; i++) {
    const struct incident_case *c = &h->case_[i];
    if (c->used && !c->resting && c->told && c->story.cause_n && c->story.verdict == REC_VERDICT_UNHEALTHY &&
        c->story.cause[0].node == r->node)
      return true;
  }
  return false;
}

static void put_course(struct base_buf *b, const struct incident_view *v, const struct incident_rollout *r) {
  struct base_str fresh = version_of(v, r->new_idx), old = version_of(v, r->old_idx);
  buf_put_f(b, "%.*s %.*s ", STR_ARG(service_of(v, r->node)), STR_ARG(fresh));
  if (left(v, r->new_idx))
    buf_put_f(b, "has gone again, %.*s goes on", STR_ARG(old));
  else if (left(v, r->old_idx))
    buf_put_f(b, "has taken over from %.*s", STR_ARG(old));
  else
    buf_put_f(b, "takes over from %.*s", STR_ARG(old));
}

static void put_verdict(struct base_buf *b, const struct incident_head *h, const struct incident_view *v,
                        const struct incident_rollout *r) {
  bool known = r->new_n >= FEWEST && r->old_n >= FEWEST, fails = known && incident_change_fails(r) >= SURE,
       slower = known && incident_change_slower(r) >= SURE;
  struct base_str fresh = version_of(v, r->new_idx);
  if (fails || slower)
    buf_put_f(b, "; %.*s %s than the old one", STR_ARG(fresh),
              fails && slower ? "fails more and is slower" : (fails ? "fails more" : "is slower"));
  else if (known)
    buf_put_f(b, "; %.*s does as well as the old one", STR_ARG(fresh));
  if (trouble_beside(h, r))
    buf_put_f(b, "; %.*s is unhealthy: it has an incident of its own", STR_ARG(service_of(v, r->node)));
}

bool incident_change_tell(const struct incident_head *h, const struct incident_view *v, struct incident_case *c) {
  const struct incident_rollout *r = rollout_told(h, c);
  if (!r) return false;
  struct incident_story s = {.verdict = REC_VERDICT_EXPECTED, .severity = REC_SEVERITY_INFO, .margin = 1.0};
  struct incident_cause *k = &s.cause[s.cause_n++];
  *k = (struct incident_cause){.series_idx = r->new_idx,
                               .node = r->node,
                               .shown_idx = r->new_idx,
                               .signal = REC_SIGNAL_REQUESTS_UP,
                               .score = 1.0};
  struct base_buf e = buf_over(k->evidence, sizeof k->evidence - 1), b = buf_over(s.summary, sizeof s.summary - 1);
  put_compared(&e, v, r);
  buf_put_f(&e, "; log e-values %.1f that it fails more, %.1f that it is slower", incident_change_fails(r),
            incident_change_slower(r));
  put_course(&b, v, r);
  buf_put_str(&b, STR(": "));
  put_compared(&b, v, r);
  put_verdict(&b, h, v, r);
  c->story = s;
  return true;
}

/* --- pods, and what is new --- */

struct pods {
  uint32_t came, went, first_seq; /* of the last minute; the first of them */
};

static void pods_count(struct pods *p, uint32_t *n, uint32_t seq) {
  ++*n;
  if (seq < p->first_seq) p->first_seq = seq;
}

/* Silent for so long that it is no chance, and not yet at the last look. */
static bool went_lately(const struct incident_view *v, const struct series_state *s) {
  double due = silence_of(s, GONE_LEAST), silent = (double)(v->seq - s->data_seq);
  return silent >= due && silent < due + (double)(SLICES_SLOW * S);
}

/* Born in the minute before the last SETTLED ticks: each is found by exactly one look. */
static bool born_lately(const struct incident_view *v, const struct series_state *s) {
  uint32_t age = v->seq - s->born_seq;
  return age >= SETTLED && age < SETTLED + SLICES_SLOW * S;
}

/* Pods that come or go while the service goes on. During a rollout they come and go anyway. */
static void pods_look(struct incident_head *h, const struct incident_view *v, uint32_t node, uint32_t service_idx) {
  const struct series_catalog *c = v->catalog;
  struct pods p = {0, 0, v->seq};
  if (incident_change_version(h, v, node).n || v->state[service_idx].data_seq + SETTLED < v->seq) return;
  for (uint32_t i = c->node[node].first_child; i != NONE; i = c->entry[i].sibling) {
    const struct series_state *s = &v->state[i];
    if (!is_part(v, i, REC_LEVEL_POD, side_of(v, node))) continue;
    if (born_lately(v, s)) pods_count(&p, &p.came, s->born_seq);
    if (went_lately(v, s)) pods_count(&p, &p.went, s->data_seq);
  }
  if (p.came + p.went == 0) return;
  struct incident_change *x = note_minor(h, v, "scale", service_idx, p.first_seq, true);
  if (!x) return;
  struct base_buf b = buf_over(x->summary, sizeof x->summary - 1);
  buf_put_f(&b, "pods of %.*s: %u came, %u went", STR_ARG(service_of(v, node)), p.came, p.went);
  x->summary[b.n] = 0;
}

static void service_new(struct incident_head *h, const struct incident_view *v, uint32_t node, uint32_t idx) {
  struct incident_change *x = note_minor(h, v, "service", idx, v->state[idx].born_seq, true);
  if (!x) return;
  struct base_buf b = buf_over(x->summary, sizeof x->summary - 1);
  buf_put_f(&b, "%.*s appears", STR_ARG(service_of(v, node)));
  x->summary[b.n] = 0;
}

static void routes_look(struct incident_head *h, const struct incident_view *v, uint32_t node) {
  const struct series_catalog *c = v->catalog;
  uint32_t n = 0, idx = NONE;
  for (uint32_t i = c->node[node].first_child; i != NONE; i = c->entry[i].sibling) {
    const struct series_state *s = &v->state[i];
    if (!is_part(v, i, REC_LEVEL_ROUTE, side_of(v, node)) || !born_lately(v, s) || (double)s->requests < FEW) continue;
    n++;
    if (idx == NONE || s->born_seq < v->state[idx].born_seq) idx = i;
  }
  struct incident_change *x = n ? note_minor(h, v, "route", idx, v->state[idx].born_seq, false) : NULL;
  if (!x) return;
  struct base_buf b = buf_over(x->summary, sizeof x->summary - 1);
  buf_put_f(&b, "%.*s has a new route %.*s", STR_ARG(service_of(v, node)),
            STR_ARG(c->entry[idx].who.dim[REC_DIM_ROUTE]));
  if (n > 1) buf_put_f(&b, " and %u more", n - 1);
  x->summary[b.n] = 0;
}

static void news_look(struct incident_head *h, const struct incident_view *v, uint32_t node) {
  uint32_t idx = v->catalog->node[node].series[side_of(v, node)];
  if (idx == NONE || !v->state[idx].used) return;
  const struct series_state *s = &v->state[idx];
  if (s->born_seq + NEWBORN > v->seq) { /* all that it has is new */
    if (born_lately(v, s) && (double)s->requests >= FEW) service_new(h, v, node, idx);
    return;
  }
  pods_look(h, v, node, idx);
  routes_look(h, v, node);
}

void incident_change_step(struct incident_head *h, const struct incident_view *v) {
  uint32_t sec = v->seq / S;
  if (h->first_seq == 0) h->first_seq = v->seq ? v->seq : 1;
  if ((v->seq + 1) % S != 0) return;
  for (uint32_t i = 0; i < INCIDENT_ROLLOUTS; i++)
    if (h->rollout[i].use) rollout_step(h, v, &h->rollout[i]);
  if (sec % SLICES_SLOW == 0) h->noted_n = 0;
  for (uint32_t node = sec % SLICES_FAST; node < v->catalog->node_n; node += SLICES_FAST) versions_look(h, v, node);
  if (v->seq - h->first_seq < NEWBORN || v->seq < h->first_seq) return;
  for (uint32_t node = sec % SLICES_SLOW; node < v->catalog->node_n; node += SLICES_SLOW) news_look(h, v, node);
}

void incident_change_drop(struct incident_head *h, uint32_t series_idx) {
  for (uint32_t i = 0; i < INCIDENT_ROLLOUTS; i++) {
    struct incident_rollout *r = &h->rollout[i];
    if (r->use && (r->new_idx == series_idx || r->old_idx == series_idx)) r->use = INCIDENT_ROLLOUT_FREE;
  }
}
