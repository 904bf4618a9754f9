/* Where the time went. The oracle is a request whose parts are known: both proxies' moments follow from Envoy's
 * definitions, and what is put together from them must be the parts again. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>

#include "incident_case.h"
#include "mesh_rng.h"

/* Seconds that one request spends, in order: what happens to it. */
struct parts {
  double queued;        /* caller's proxy, before its first try */
  double tried;         /* earlier tries; then `queued` is the try's too */
  double body;          /* the caller sends its request's body */
  double there, back;   /* the way */
  double filters;       /* callee's proxy, before the application */
  double thinks, talks; /* application, until its first byte, and until its last */
  double held;          /* callee's proxy holds the answer's head */
  double slow_way;      /* the body takes so much longer to arrive than to be given */
  double handed;        /* caller's proxy, after the last byte */
};

/* What both ends report of it: Envoy's moments, worked out step by step on the caller's clock. */
static void reported(const struct parts *p, double client[SERIES_STAGES], double server[SERIES_STAGES]) {
  double tx = p->queued + p->tried, tx_last = tx + p->body;
  double start = tx + p->there; /* the callee's proxy hears the head */
  double s_tx = start + p->filters, s_tx_last = tx_last + p->there > s_tx ? tx_last + p->there : s_tx;
  double s_rx = s_tx_last + p->thinks, s_down = s_rx + p->held, s_rx_last = s_down + p->talks;
  double rx = s_down + p->back, rx_last = s_rx_last + p->back + p->slow_way, whole = rx_last + p->handed;
  memset(client, 0, SERIES_STAGES * sizeof *client);
  memset(server, 0, SERIES_STAGES * sizeof *server);
  client[p->tried > 0 ? SERIES_STAGE_RETRIED : SERIES_STAGE_BEFORE] = tx;
  client[SERIES_STAGE_SEND] = tx_last - tx;
  client[SERIES_STAGE_WAIT] = rx - tx_last;
  client[SERIES_STAGE_RECEIVE] = rx_last - rx;
  client[SERIES_STAGE_LAST] = whole - rx_last;
  server[SERIES_STAGE_BEFORE] = s_tx - start;
  server[SERIES_STAGE_SEND] = s_tx_last - s_tx;
  server[SERIES_STAGE_WAIT] = s_rx - s_tx_last;
  server[SERIES_STAGE_LAST] = s_down - s_rx;
  server[SERIES_STAGE_RECEIVE] = s_rx_last - s_down;
}

static void assert_close(double got, double want) {
  if (got - want > 1e-9 || want - got > 1e-9) print_error("%.9f, not %.9f\n", got, want);
  assert_true(got - want <= 1e-9 && want - got <= 1e-9);
}

/* Means over requests of all kinds: every part comes out where it went in, and all of them are the whole. Bodies are
 * sent after the callee's proxy is through with the head. */
static void the_parts_come_out_as_they_went_in(void **state) {
  (void)state;
  struct mesh_rng rng = {.at = 11};
  struct incident_end client = {.known = true}, server = {.known = true};
  struct incident_time t = {.edge = 3};
  double want[REC_PLACE_COUNT] = {0}, whole = 0.0, n = 1000.0;
  for (unsigned k = 0; k < 1000; k++) {
    double c[SERIES_STAGES], s[SERIES_STAGES];
    struct parts p = {.queued = rng_unit(&rng), .tried = k % 7 ? 0.0 : rng_unit(&rng), .there = rng_unit(&rng)};
    p.filters = rng_unit(&rng);
    p.body = k % 3 ? 0.0 : p.filters + rng_unit(&rng);
    p.back = rng_unit(&rng);
    p.thinks = rng_unit(&rng);
    p.talks = rng_unit(&rng);
    p.held = rng_unit(&rng);
    p.slow_way = rng_unit(&rng);
    p.handed = rng_unit(&rng);
    reported(&p, c, s);
    for (unsigned i = 0; i < SERIES_STAGES; i++) {
      client.now_s[i] += c[i] / n;
      server.now_s[i] += s[i] / n;
      whole += c[i] / n;
    }
    want[p.tried > 0.0 ? REC_PLACE_RETRIES : REC_PLACE_CLIENT_PROXY] += (p.queued + p.tried) / n;
    want[REC_PLACE_CLIENT_PROXY] += p.handed / n;
    want[REC_PLACE_UPLOAD] += p.body / n;
    /* While the body is sent the callee's filters run beside it: they are counted once, and the way is less for it. */
    want[REC_PLACE_NETWORK] += (p.there + p.back - (p.body > 0.0 ? p.filters : 0.0)) / n;
    want[REC_PLACE_SERVER_PROXY] += (p.filters + p.held) / n;
    want[REC_PLACE_APPLICATION] += (p.thinks + p.talks) / n;
    want[REC_PLACE_DOWNLOAD] += p.slow_way / n;
  }
  incident_time_divide(&client, &server, &t);
  assert_int_equal(t.told, (1u << REC_PLACE_BEYOND) - 1u);
  assert_int_equal(t.edge, 3);
  double sum = 0.0;
  for (unsigned i = 0; i < REC_PLACE_BEYOND; i++) {
    assert_close(t.now_s[i], want[i]);
    sum += t.now_s[i];
  }
  assert_close(sum, whole);
}

/* 80 ms at each place in turn, on requests of 30 ms. */
static void the_place_that_grew_is_named(void **state) {
  (void)state;
  static const size_t part[] = {
      offsetof(struct parts, queued),   offsetof(struct parts, tried),  offsetof(struct parts, body),
      offsetof(struct parts, there),    offsetof(struct parts, back),   offsetof(struct parts, filters),
      offsetof(struct parts, held),     offsetof(struct parts, thinks), offsetof(struct parts, talks),
      offsetof(struct parts, slow_way), offsetof(struct parts, handed)};
  static const uint8_t place[] = {REC_PLACE_CLIENT_PROXY, REC_PLACE_RETRIES,     REC_PLACE_UPLOAD,
                                  REC_PLACE_NETWORK,      REC_PLACE_NETWORK,     REC_PLACE_SERVER_PROXY,
                                  REC_PLACE_SERVER_PROXY, REC_PLACE_APPLICATION, REC_PLACE_APPLICATION,
                                  REC_PLACE_DOWNLOAD,     REC_PLACE_CLIENT_PROXY};
  static const uint8_t blind[] = {REC_PLACE_CLIENT_PROXY, REC_PLACE_RETRIES,  REC_PLACE_UPLOAD,      REC_PLACE_BEYOND,
                                  REC_PLACE_BEYOND,       REC_PLACE_BEYOND,   REC_PLACE_BEYOND,      REC_PLACE_BEYOND,
                                  REC_PLACE_DOWNLOAD,     REC_PLACE_DOWNLOAD, REC_PLACE_CLIENT_PROXY};
  const struct incident_end nothing = {0};
  for (unsigned i = 0; i < sizeof part / sizeof part[0]; i++) {
    struct parts p = {.queued = 0.0002, .there = 0.0005, .back = 0.0005, .thinks = 0.028, .talks = 0.0005};
    struct incident_end client = {.known = true}, server = {.known = true};
    struct incident_time t = {0};
    reported(&p, client.usual_s, server.usual_s);
    *(double *)((char *)&p + part[i]) += 0.08;
    reported(&p, client.now_s, server.now_s);
    incident_time_divide(&client, &server, &t);
    assert_int_equal(t.place, place[i]);
    assert_true(incident_time_more_s(&t, t.place) >= 0.0799 && incident_time_total_s(&t) <= 0.0803);
    incident_time_divide(&client, &nothing, &t); /* the callee's proxy does not report */
    assert_int_equal(t.place, blind[i]);
    incident_time_divide(&nothing, &server, &t); /* the caller's does not */
    assert_int_equal(t.told, 1u << REC_PLACE_SERVER_PROXY | 1u << REC_PLACE_APPLICATION);
  }
}

static void what_two_places_share_is_several(void **state) {
  (void)state;
  struct parts p = {.queued = 0.001, .there = 0.001, .back = 0.001, .thinks = 0.02};
  struct incident_end client = {.known = true}, server = {.known = true};
  struct incident_time t = {0};
  reported(&p, client.usual_s, server.usual_s);
  p.there += 0.05;
  p.thinks += 0.04;
  reported(&p, client.now_s, server.now_s);
  incident_time_divide(&client, &server, &t);
  assert_int_equal(t.place, REC_PLACE_COUNT);
  assert_false(incident_time_on_way(&t));
  p.there += 0.02; /* 70 of 110 */
  reported(&p, client.now_s, server.now_s);
  incident_time_divide(&client, &server, &t);
  assert_int_equal(t.place, REC_PLACE_NETWORK);
  assert_true(incident_time_on_way(&t));
  memcpy(client.now_s, client.usual_s, sizeof client.now_s);
  memcpy(server.now_s, server.usual_s, sizeof server.now_s);
  incident_time_divide(&client, &server, &t); /* nothing grew */
  assert_int_equal(t.place, REC_PLACE_COUNT);
}

/* ---- from the series ---- */

#define FRONT_CART 0u /* series: the edge by its client, then by its server; a pod of cart */
#define CART_POD 2u
#define CALM 2400u
#define PER_TICK 25u

struct scene {
  struct series_catalog catalog;
  void *mem;
  struct series_state *state;
  struct incident_view v;
  uint32_t seq;
};

static void scene_open(struct scene *c) {
  size_t bytes = series_catalog_bytes(64);
  c->mem = calloc(1, bytes);
  c->state = calloc(64, sizeof *c->state);
  assert_true(c->mem && c->state);
  c->seq = 0;
  series_catalog_init(&c->catalog, c->mem, bytes, 64);
  for (uint32_t i = 0; i < 3; i++) {
    static const uint8_t side[] = {REC_SIDE_CLIENT, REC_SIDE_SERVER, REC_SIDE_SERVER};
    struct rec_series who = {.series_idx = i, .level = i == CART_POD ? REC_LEVEL_POD : REC_LEVEL_EDGE, .side = side[i]};
    who.dim[REC_DIM_SERVICE] = STR("cart");
    who.dim[REC_DIM_CALLER] = STR("front");
    who.dim[REC_DIM_POD] = STR("cart-1");
    assert_true(series_catalog_add(&c->catalog, &who));
    detect_series_init(&c->state[i], &who, 0);
  }
}

static void scene_close(struct scene *c) {
  free(c->mem);
  free(c->state);
}

static void end_step(struct scene *c, uint32_t idx, const double stage_s[SERIES_STAGES]) {
  static const uint8_t stage[] = {REC_STAGE_BEFORE, REC_STAGE_RETRIED, REC_STAGE_SEND, REC_STAGE_WAIT,
                                  REC_STAGE_RECEIVE};
  static struct detect_out out;
  struct detect_signal signal[64];
  struct detect_context ctx = {.seq = c->seq, .rates = true, .log_c = {22, 22, 22}};
  struct rec_obs o = {.hist_n = 1, .class_n = {[REC_CLASS_OK] = PER_TICK}};
  double whole_s = 0.0;
  for (unsigned i = 0; i < SERIES_STAGES; i++) whole_s += stage_s[i];
  for (unsigned i = 0; i < sizeof stage; i++) o.stage_ns[stage[i]] = (uint64_t)(1e9 * PER_TICK * stage_s[i]);
  o.stage_ns[REC_STAGE_PASS] = (uint64_t)(1e9 * PER_TICK * stage_s[SERIES_STAGE_LAST]);
  o.latency_sum_ns = (uint64_t)(1e9 * PER_TICK * whole_s);
  struct rec_hist_cell cell = {hist_bucket(o.latency_sum_ns / PER_TICK), PER_TICK};
  out = (struct detect_out){.signal = signal, .cap = 64};
  detect_series_step(&c->state[idx], &o, &cell, &ctx, &out);
}

/* ticks of such requests, as both ends report them, or the caller's alone. */
static void scene_run(struct scene *c, const struct parts *p, uint32_t ticks, bool both) {
  double client[SERIES_STAGES], server[SERIES_STAGES];
  reported(p, client, server);
  for (uint32_t i = 0; i < ticks; i++, c->seq++) {
    end_step(c, FRONT_CART, client);
    if (both) end_step(c, FRONT_CART + 1, server);
  }
  c->v = (struct incident_view){&c->catalog, c->state, c->seq - 1, NULL, false, NULL};
}

static const struct parts usual_parts = {
    .queued = 0.0002, .there = 0.0005, .back = 0.0005, .thinks = 0.02, .talks = 0.0005};

static void an_edge_is_looked_at_while_it_shows(void **state) {
  (void)state;
  struct scene c;
  struct parts slow = usual_parts;
  struct incident_time t = {0};
  slow.there += 0.08;
  scene_open(&c);
  scene_run(&c, &usual_parts, CALM, true);
  uint32_t edge = c.catalog.entry[FRONT_CART].edge;
  assert_false(incident_time_look(&c.v, edge, CALM - 40, CALM - 1, &t)); /* nothing is the matter */
  scene_run(&c, &slow, 40, true);
  assert_int_equal(incident_time_hottest(&c.v, c.catalog.entry[FRONT_CART].node, CALM, c.v.seq), edge);
  assert_true(incident_time_look(&c.v, edge, CALM, c.v.seq, &t));
  assert_int_equal(t.place, REC_PLACE_NETWORK);
  double told = incident_time_more_s(&t, REC_PLACE_NETWORK);
  assert_true(told > 0.074 && told < 0.081);
  scene_run(&c, &usual_parts, 8, true); /* two seconds later it is over: half is left, and that is not told */
  assert_false(incident_time_look(&c.v, edge, CALM, c.v.seq, &t));
  assert_true(incident_time_more_s(&t, REC_PLACE_NETWORK) == told);
  scene_close(&c);
}

/* What the callee's lost reports do not say is no time on the way. */
static void one_end_that_fell_silent_is_not_asked(void **state) {
  (void)state;
  struct scene c;
  struct parts slow = usual_parts;
  struct incident_time t = {0};
  slow.thinks += 0.08;
  scene_open(&c);
  scene_run(&c, &usual_parts, CALM, true);
  scene_run(&c, &slow, 40, false);
  assert_true(incident_time_look(&c.v, c.catalog.entry[FRONT_CART].edge, CALM, c.v.seq, &t));
  assert_int_equal(t.place, REC_PLACE_BEYOND);
  assert_int_equal(t.told >> REC_PLACE_NETWORK & 1u, 0);
  scene_close(&c);
}

static void a_newborn_edge_has_no_usual(void **state) {
  (void)state;
  struct scene c;
  struct parts slow = usual_parts;
  struct incident_time t = {0};
  slow.there += 0.08;
  scene_open(&c);
  scene_run(&c, &usual_parts, 200, true); /* fifty seconds */
  scene_run(&c, &slow, 40, true);
  assert_false(incident_time_look(&c.v, c.catalog.entry[FRONT_CART].edge, 200, c.v.seq, &t));
  assert_int_equal(t.told, 0);
  scene_close(&c);
}

/* Milliseconds of an edge are those of all its requests: of one pod's trouble they tell the shares alone. */
static void the_sentence_fits_the_cause(void **state) {
  (void)state;
  struct scene c;
  struct incident_case k = {.family = INCIDENT_LATENCY, .from_seq = CALM, .source = REC_SERIES_NONE};
  struct parts slow = usual_parts;
  slow.there += 0.06;
  slow.thinks += 0.02;
  scene_open(&c);
  scene_run(&c, &usual_parts, CALM, true);
  scene_run(&c, &slow, 120, true);
  k.story.cause_n = 1;
  k.story.cause[0] = (struct incident_cause){.series_idx = FRONT_CART, .node = c.catalog.entry[FRONT_CART].node};
  incident_time_tell(&c.v, &k);
  assert_string_equal(k.story.cause[0].evidence, "; 60 ms more in the network (front -> cart)");
  k.story.cause[0] = (struct incident_cause){.series_idx = CART_POD, .node = c.catalog.entry[CART_POD].node};
  incident_time_tell(&c.v, &k);
  assert_string_equal(k.story.cause[0].evidence, "; 75 % of the added time in the network (front -> cart)");
  k.story.cause[0] = (struct incident_cause){.series_idx = REC_SERIES_NONE, .node = REC_SERIES_NONE};
  incident_time_tell(&c.v, &k); /* nobody to look at */
  assert_string_equal(k.story.cause[0].evidence, "");
  assert_int_equal(k.time.told, 0);
  scene_close(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_parts_come_out_as_they_went_in),    cmocka_unit_test(the_place_that_grew_is_named),
      cmocka_unit_test(what_two_places_share_is_several),      cmocka_unit_test(an_edge_is_looked_at_while_it_shows),
      cmocka_unit_test(one_end_that_fell_silent_is_not_asked), cmocka_unit_test(a_newborn_edge_has_no_usual),
      cmocka_unit_test(the_sentence_fits_the_cause),
  };
  return cmocka_run_group_tests_name("incident_time", tests, NULL, NULL);
}
