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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_parts_come_out_as_they_went_in),
      cmocka_unit_test(the_place_that_grew_is_named),
      cmocka_unit_test(what_two_places_share_is_several),
  };
  return cmocka_run_group_tests_name("incident_time", tests, NULL, NULL);
}
