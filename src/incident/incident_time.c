#include "incident_time.h"

#include "base_must.h"
#include "detect_stages.h"
#include "incident_case.h"

#define NONE REC_SERIES_NONE
#define Z_HOT 2.0
#define MOST 0.6                        /* of all that is more: who has it is named */
#define SHOWS 0.3                       /* of the excess a request since the onset, that the last seconds must show */
#define STEADY 0.8                      /* so much of it shows that the last seconds speak for all */
#define YOUNG (60u * LIMIT_TICKS_PER_S) /* known for less before the onset: its usual may be the trouble */
#define FRESH (5u * LIMIT_TICKS_PER_S)  /* one end may be so far behind the other */
#define HEARD 0.25 /* of the requests that the client's end stands for, that the server's must stand for */
#define REACH (100u * LIMIT_TICKS_PER_S)

/* ---- the algebra ---- */

static void put(struct incident_time *t, enum rec_place place, double usual_s, double now_s) {
  t->told |= 1u << place;
  t->usual_s[place] = usual_s;
  t->now_s[place] = now_s;
}

static void client_put(struct incident_time *t, const struct incident_end *c) {
  const double *u = c->usual_s, *n = c->now_s;
  put(t, REC_PLACE_CLIENT_PROXY, u[SERIES_STAGE_BEFORE] + u[SERIES_STAGE_LAST],
      n[SERIES_STAGE_BEFORE] + n[SERIES_STAGE_LAST]);
  put(t, REC_PLACE_RETRIES, u[SERIES_STAGE_RETRIED], n[SERIES_STAGE_RETRIED]);
  put(t, REC_PLACE_UPLOAD, u[SERIES_STAGE_SEND], n[SERIES_STAGE_SEND]);
  put(t, REC_PLACE_BEYOND, u[SERIES_STAGE_WAIT], n[SERIES_STAGE_WAIT]);
  put(t, REC_PLACE_DOWNLOAD, u[SERIES_STAGE_RECEIVE], n[SERIES_STAGE_RECEIVE]);
}

static void server_put(struct incident_time *t, const struct incident_end *s) {
  const double *u = s->usual_s, *n = s->now_s;
  put(t, REC_PLACE_SERVER_PROXY, u[SERIES_STAGE_BEFORE] + u[SERIES_STAGE_LAST],
      n[SERIES_STAGE_BEFORE] + n[SERIES_STAGE_LAST]);
  put(t, REC_PLACE_APPLICATION, u[SERIES_STAGE_WAIT] + u[SERIES_STAGE_RECEIVE],
      n[SERIES_STAGE_WAIT] + n[SERIES_STAGE_RECEIVE]);
}

/* With the server's word at hand, what is beyond the client's proxy is no longer one place. */
static void way_put(struct incident_time *t, const struct incident_end *c, const struct incident_end *s) {
  const double *u = s->usual_s, *n = s->now_s;
  double usual = u[SERIES_STAGE_BEFORE] + u[SERIES_STAGE_WAIT] + u[SERIES_STAGE_LAST];
  double now = n[SERIES_STAGE_BEFORE] + n[SERIES_STAGE_WAIT] + n[SERIES_STAGE_LAST];
  put(t, REC_PLACE_NETWORK, c->usual_s[SERIES_STAGE_WAIT] - usual, c->now_s[SERIES_STAGE_WAIT] - now);
  put(t, REC_PLACE_DOWNLOAD, c->usual_s[SERIES_STAGE_RECEIVE] - u[SERIES_STAGE_RECEIVE],
      c->now_s[SERIES_STAGE_RECEIVE] - n[SERIES_STAGE_RECEIVE]);
  t->told &= ~(1u << REC_PLACE_BEYOND);
}

double incident_time_more_s(const struct incident_time *t, enum rec_place place) {
  double more = t->told >> place & 1u ? t->now_s[place] - t->usual_s[place] : 0.0;
  return more > 0.0 ? more : 0.0;
}

double incident_time_total_s(const struct incident_time *t) {
  double total = 0.0;
  for (unsigned i = 0; i < REC_PLACE_COUNT; i++) total += incident_time_more_s(t, i);
  return total;
}

bool incident_time_on_way(const struct incident_time *t) {
  return t->told && (t->place == REC_PLACE_NETWORK || t->place == REC_PLACE_DOWNLOAD);
}

static uint8_t place_of(const struct incident_time *t) {
  unsigned best = 0;
  for (unsigned i = 1; i < REC_PLACE_COUNT; i++)
    if (incident_time_more_s(t, i) > incident_time_more_s(t, best)) best = i;
  double more = incident_time_more_s(t, best);
  return (uint8_t)(more > 0.0 && more >= MOST * incident_time_total_s(t) ? best : REC_PLACE_COUNT);
}

void incident_time_divide(const struct incident_end *client, const struct incident_end *server,
                          struct incident_time *out) {
  *out = (struct incident_time){.edge = out->edge};
  if (client->known) client_put(out, client);
  if (server->known) server_put(out, server);
  if (client->known && server->known) way_put(out, client, server);
  out->place = place_of(out);
}

/* ---- where it is read from ---- */

static const struct series_state *state_of(const struct incident_view *v, uint32_t edge, enum rec_side side) {
  uint32_t idx = incident_edge_series(v, edge, side, STR_NONE);
  return idx != NONE && v->state[idx].used ? &v->state[idx] : NULL;
}

static struct incident_end end_of(const struct series_state *s, uint32_t from) {
  struct incident_end e = {0};
  if (!s || s->born_seq + YOUNG > from || !detect_stages_known(&s->extra.flow.stages)) return e;
  e.known = true;
  for (unsigned i = 0; i < SERIES_STAGES; i++) {
    e.usual_s[i] = detect_stages_usual_s(&s->extra.flow.stages, i);
    e.now_s[i] = detect_stages_recent_s(&s->extra.flow.stages, i);
  }
  return e;
}

/* Do both ends speak of the same seconds? If not, what one of them missed would look like time on the way. */
static bool together(const struct series_state *client, const struct series_state *server) {
  return server->data_seq + FRESH >= client->data_seq && client->data_seq + FRESH >= server->data_seq &&
         server->extra.flow.stages.near >= (float)HEARD * client->extra.flow.stages.near;
}

uint32_t incident_time_hottest(const struct incident_view *v, uint32_t node, uint32_t from, uint32_t to) {
  const struct series_catalog *c = v->catalog;
  uint32_t best = NONE;
  double most = 0.0;
  for (uint32_t e = c->node[node].first_in; e != NONE; e = c->edge[e].next_in) {
    struct incident_excess x = incident_call_excess(v, e, STR_NONE, INCIDENT_LATENCY, from, to);
    if (incident_z(x) < Z_HOT || x.x <= most) continue;
    most = x.x;
    best = e;
  }
  return best;
}

bool incident_time_look(const struct incident_view *v, uint32_t edge, uint32_t from, uint32_t to,
                        struct incident_time *t) {
  const struct series_state *c = state_of(v, edge, REC_SIDE_CLIENT), *s = state_of(v, edge, REC_SIDE_SERVER);
  struct incident_end client = end_of(c, from), server = end_of(s, from);
  struct incident_excess x = incident_call_excess(v, edge, STR_NONE, INCIDENT_LATENCY, from, to);
  struct incident_time now = {.edge = edge};
  if (client.known && server.known && !together(c, s)) server.known = false;
  incident_time_divide(&client, &server, &now);
  if (incident_z(x) < Z_HOT || x.bad <= 0.0) return false;
  double rate = x.x / x.bad, more = incident_time_total_s(&now);
  double before = t->told && t->edge == edge ? incident_time_total_s(t) : 0.0;
  if (more < SHOWS * rate || (more < STEADY * rate && more < before)) return false;
  *t = now;
  return true;
}

/* ---- the case ---- */

static uint32_t edge_of(const struct incident_view *v, const struct incident_case *c, uint32_t from) {
  const struct incident_cause *cause = &c->story.cause[0];
  const struct series_entry *e = series_catalog_find(v->catalog, cause->series_idx);
  if (e && e->edge != NONE) return e->edge;
  uint32_t node = cause->node != NONE ? cause->node : c->source;
  return node == NONE ? NONE : incident_time_hottest(v, node, from, v->seq);
}

void incident_time_tell(const struct incident_view *v, struct incident_case *c) {
  uint32_t from = v->seq - c->from_seq > REACH ? v->seq - REACH : c->from_seq;
  uint32_t edge = c->family == INCIDENT_LATENCY && c->story.cause_n ? edge_of(v, c, from) : NONE;
  if (edge == NONE || edge != c->time.edge) c->time = (struct incident_time){.edge = edge};
  if (edge == NONE) return;
  (void)incident_time_look(v, edge, from, v->seq, &c->time);
  struct base_buf b = buf_over(c->story.cause[0].evidence, sizeof c->story.cause[0].evidence - 1);
  b.n = strlen(c->story.cause[0].evidence);
  incident_time_text(v, c, &b);
  c->story.cause[0].evidence[b.n] = 0;
}

static void put_ms(struct base_buf *b, double s) {
  buf_put_f(b, s >= 0.01 ? "%.0f ms" : "%.1f ms", 1e3 * s);
}

/* Is the cause what the edge's means are about? Of a part of it (a pod, a cluster) they tell shares, but not how much.
 */
static bool is_whole(const struct incident_view *v, const struct incident_cause *c) {
  const struct series_entry *e = series_catalog_find(v->catalog, c->series_idx);
  return e ? e->who.level == REC_LEVEL_EDGE : c->node != NONE;
}

static void put_part(struct base_buf *b, const struct incident_time *t, enum rec_place place, bool whole) {
  double more = incident_time_more_s(t, place);
  if (whole) {
    put_ms(b, more);
    buf_put_str(b, STR(" more "));
  } else {
    buf_put_f(b, "%.0f %% of the added time ", 100.0 * more / incident_time_total_s(t));
  }
  buf_put_str(b, str_of(rec_place_phrase(place)));
}

/* The two places that have most of it, where no one has. */
static void several_text(const struct incident_time *t, bool whole, struct base_buf *b) {
  unsigned first = 0, second = 1;
  for (unsigned i = 1; i < REC_PLACE_COUNT; i++) {
    if (incident_time_more_s(t, i) > incident_time_more_s(t, first)) {
      second = first;
      first = i;
    } else if (i != first && incident_time_more_s(t, i) > incident_time_more_s(t, second)) {
      second = i;
    }
  }
  put_part(b, t, first, whole);
  buf_put_str(b, STR(", "));
  put_part(b, t, second, whole);
}

void incident_time_text(const struct incident_view *v, const struct incident_case *c, struct base_buf *b) {
  const struct incident_time *t = &c->time;
  if (!t->told || incident_time_total_s(t) <= 0.0) return;
  bool whole = is_whole(v, &c->story.cause[0]);
  const struct series_edge *e = &v->catalog->edge[t->edge];
  buf_put_str(b, STR("; "));
  if (t->place < REC_PLACE_COUNT) {
    put_part(b, t, t->place, whole);
  } else {
    several_text(t, whole, b);
  }
  buf_put_f(b, " (%.*s -> %.*s)", STR_ARG(v->catalog->node[e->from].name), STR_ARG(v->catalog->node[e->to].name));
}

void incident_time_write(const struct incident_view *v, const struct incident_case *c, struct rec_incident *out) {
  const struct incident_time *t = &c->time;
  if (!t->told) return;
  const struct series_edge *e = &v->catalog->edge[t->edge];
  const struct series_node *from = &v->catalog->node[e->from], *to = &v->catalog->node[e->to];
  struct rec_time *r = &out->time;
  *r = (struct rec_time){.edge = {.kind = STR("edge")}, .place = t->place, .told = t->told};
  r->edge.dim[REC_DIM_NAMESPACE] = to->ns;
  r->edge.dim[REC_DIM_SERVICE] = to->name;
  r->edge.dim[REC_DIM_CALLER_NAMESPACE] = from->ns;
  r->edge.dim[REC_DIM_CALLER] = from->name;
  for (unsigned i = 0; i < REC_PLACE_COUNT; i++) {
    r->normal_ms[i] = 1e3 * t->usual_s[i];
    r->now_ms[i] = 1e3 * t->now_s[i];
  }
}
