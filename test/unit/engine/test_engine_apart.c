/* Who is compared with whom. One service, fed at the level of series; the comparison is called as the head calls it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>

#include "base_buf.h"
#include "base_math.h"
#include "detect_apart.h"
#include "engine_impl.h"
#include "mesh_make.h"

#define PODS_MAX 400u
#define SERIES_MAX 1024u
#define NAMES_BYTES 65536u
#define SPREAD 64u

/* What a pod counts until it is scraped, and gives out after. */
struct block {
  uint32_t n[2], hist[HIST_BUCKETS]; /* failed, fine */
};

struct pod {
  uint32_t cluster, version;
  uint32_t series[4]; /* its own, of its version, its cluster, the service */
  double rate, fail_p, slow;
  struct block open, given;
  uint32_t k; /* slices given */
};

/* As if all series fell into bucket 0. */
struct rig {
  struct engine *e;
  struct mesh_rng rng;
  uint32_t seq, pod_n, series_n, cluster_n, version_n, fresh_n;
  struct pod pod[PODS_MAX];
  uint32_t cluster_series[8], version_series[PODS_MAX], service_series;
  struct rec_series series[SERIES_MAX];
  struct rec_obs obs[SERIES_MAX];
  uint32_t hist[SERIES_MAX][HIST_BUCKETS];
  struct rec_hist_cell cell[SERIES_MAX * HIST_BUCKETS];
  struct base_buf names;
  char names_mem[NAMES_BYTES];
  struct detect_out out;
  struct detect_signal signal[64];
  uint32_t raised[SERIES_MAX][2], over[SERIES_MAX][2], over_from[SERIES_MAX][2]; /* errors, latency */
  enum rec_side side;
  uint32_t pace; /* ticks between scrapes, a pod after the other; 0: each request by itself */
};

static double factor[SPREAD];

static struct base_str name_of(struct rig *r, const char *start, uint32_t number) {
  size_t from = r->names.n;
  buf_put_f(&r->names, "%s%u", start, number);
  assert_false(r->names.bad);
  return (struct base_str){r->names.p + from, r->names.n - from};
}

static uint32_t series_add(struct rig *r, enum rec_level level, struct base_str cluster, struct base_str version,
                           struct base_str pod) {
  assert_true(r->series_n < SERIES_MAX);
  struct rec_series *s = &r->series[r->series_n];
  *s = (struct rec_series){.series_idx = r->series_n, .level = (uint8_t)level, .side = (uint8_t)r->side};
  s->dim[REC_DIM_NAMESPACE] = STR("shop");
  s->dim[REC_DIM_SERVICE] = STR("cart");
  s->dim[REC_DIM_CLUSTER] = cluster;
  s->dim[REC_DIM_VERSION] = version;
  s->dim[REC_DIM_POD] = pod;
  return r->series_n++;
}

static struct rig *rig_open(uint64_t seed, enum rec_side side) {
  struct rig *r = calloc(1, sizeof *r);
  assert_non_null(r);
  r->rng.at = seed;
  r->side = side;
  r->e = mesh_engine_open(SERIES_MAX);
  r->names = buf_over(r->names_mem, NAMES_BYTES);
  r->out.signal = r->signal;
  r->out.cap = sizeof r->signal / sizeof r->signal[0];
  r->service_series = series_add(r, REC_LEVEL_SERVICE, STR_NONE, STR_NONE, STR_NONE);
  for (uint32_t i = 0; i < SPREAD; i++)
    factor[i] = math_exp(0.5 * math_norm_quantile(((double)i + 0.5) / (double)SPREAD));
  return r;
}

static void rig_close(struct rig *r) {
  mesh_engine_close(r->e);
  free(r);
}

static uint32_t pod_add(struct rig *r, uint32_t cluster, uint32_t version, double rate) {
  struct pod *p = &r->pod[r->pod_n];
  assert_true(r->pod_n < PODS_MAX);
  *p = (struct pod){.cluster = cluster, .version = version, .rate = rate, .fail_p = 0.001, .slow = 1.0};
  struct base_str c = name_of(r, "c", cluster), v = name_of(r, "v", version);
  while (r->cluster_n <= cluster)
    r->cluster_series[r->cluster_n++] = series_add(r, REC_LEVEL_SERVICE_CLUSTER, c, STR_NONE, STR_NONE);
  while (r->version_n <= version)
    r->version_series[r->version_n++] = series_add(r, REC_LEVEL_VERSION, STR_NONE, v, STR_NONE);
  p->series[0] = series_add(r, REC_LEVEL_POD, c, v, name_of(r, "p", r->pod_n));
  p->series[1] = r->version_series[version];
  p->series[2] = r->cluster_series[cluster];
  p->series[3] = r->service_series;
  return r->pod_n++;
}

static uint32_t part(uint32_t n, uint32_t k, uint32_t of) {
  return n * (k + 1) / of - n * k / of;
}

static void pod_give(struct rig *r, struct pod *p, const struct block *b, uint32_t k, uint32_t of) {
  uint32_t e = part(b->n[0], k, of), fine = part(b->n[1], k, of);
  for (unsigned i = 0; i < 4; i++) {
    struct rec_obs *o = &r->obs[p->series[i]];
    o->class_n[REC_CLASS_SERVER_ERROR] += e;
    o->class_n[REC_CLASS_OK] += fine;
    o->pace = (uint16_t)r->pace;
    for (uint32_t j = 0; j < HIST_BUCKETS; j++) {
      uint32_t n = part(b->hist[j], k, of);
      r->hist[p->series[i]][j] += n;
      o->latency_sum_ns += n * hist_bucket_ns(j);
    }
  }
}

/* A scrape takes what is open; it is given out until the next. */
static void pod_scrape(struct rig *r, struct pod *p) {
  uint32_t n = rng_poisson(&r->rng, p->rate / LIMIT_TICKS_PER_S), e = rng_binomial(&r->rng, n, p->fail_p);
  if ((r->seq + (uint32_t)(p - r->pod) * 7u) % r->pace == 0) {
    p->given = p->open;
    p->open = (struct block){.n = {0}};
    p->k = 0;
  }
  p->open.n[0] += e;
  p->open.n[1] += n - e;
  for (uint32_t i = 0; i < n - e; i++)
    p->open.hist[hist_bucket((uint64_t)(20e6 * factor[rng_next(&r->rng) % SPREAD] * p->slow))]++;
  if (p->k < r->pace) pod_give(r, p, &p->given, p->k++, r->pace);
}

static void pod_draw(struct rig *r, const struct pod *p) {
  uint32_t n = rng_poisson(&r->rng, p->rate / LIMIT_TICKS_PER_S), e = rng_binomial(&r->rng, n, p->fail_p);
  for (unsigned k = 0; k < 4; k++) {
    struct rec_obs *o = &r->obs[p->series[k]];
    o->class_n[REC_CLASS_SERVER_ERROR] += e;
    o->class_n[REC_CLASS_OK] += n - e;
  }
  for (uint32_t i = 0; i < n - e; i++) {
    uint64_t ns = (uint64_t)(20e6 * factor[rng_next(&r->rng) % SPREAD] * p->slow);
    for (unsigned k = 0; k < 4; k++) {
      r->hist[p->series[k]][hist_bucket(ns)]++;
      r->obs[p->series[k]].latency_sum_ns += ns;
    }
  }
}

static uint32_t obs_pack(struct rig *r, uint32_t *cell_n) {
  uint32_t n = 0;
  *cell_n = 0;
  for (uint32_t i = 0; i < r->series_n; i++) {
    struct rec_obs o = r->obs[i];
    o.series_idx = i;
    o.hist_from = *cell_n;
    for (uint32_t j = 0; j < HIST_BUCKETS; j++)
      if (r->hist[i][j]) r->cell[(*cell_n)++] = (struct rec_hist_cell){j, r->hist[i][j]};
    o.hist_n = *cell_n - o.hist_from;
    memset(r->hist[i], 0, sizeof r->hist[i]);
    r->obs[i] = (struct rec_obs){0};
    if (detect_obs_requests(&o) || o.pace) r->obs[n++] = o;
  }
  return n;
}

static void signals_note(struct rig *r) {
  for (uint32_t i = 0; i < r->out.n; i++) {
    const struct detect_signal *s = &r->signal[i];
    unsigned k = s->signal == REC_SIGNAL_LATENCY_APART;
    assert_true(k || s->signal == REC_SIGNAL_ERRORS_APART);
    r->raised[s->series_idx][k] += s->event == DETECT_RAISED;
    r->over[s->series_idx][k] += s->event == DETECT_OVER;
    if (s->event == DETECT_OVER) r->over_from[s->series_idx][k] = s->from_seq;
  }
}

static void tick(struct rig *r) {
  struct rec_tick t = {.seq = r->seq, .end = {(int64_t)(r->seq + 1) * LIMIT_TICK_NS}};
  for (uint32_t i = 0; i < r->pod_n; i++)
    if (r->pace)
      pod_scrape(r, &r->pod[i]);
    else
      pod_draw(r, &r->pod[i]);
  struct rec_batch in = {
      .series = r->series + r->fresh_n, .series_n = r->series_n - r->fresh_n, .obs = r->obs, .cell = r->cell};
  uint32_t cell_n;
  in.obs_n = obs_pack(r, &cell_n);
  in.cell_n = cell_n;
  for (; r->fresh_n < r->series_n; r->fresh_n++)
    assert_true(series_catalog_add(&r->e->catalog, &r->series[r->fresh_n]));
  engine_take(r->e, 0, &in);
  engine_bucket_tick(r->e, 0, t);
  r->e->bucket[0].in = NULL;
  memset(r->obs, 0, sizeof r->obs[0] * r->series_n);
  if ((r->seq + 1) % LIMIT_TICKS_PER_S == 0) {
    r->out.n = 0;
    engine_apart_run(r->e, r->seq, &r->out);
    signals_note(r);
  }
  r->seq++;
}

static void run(struct rig *r, uint32_t seconds) {
  for (uint32_t i = 0; i < seconds * LIMIT_TICKS_PER_S; i++) tick(r);
}

/* All alarms of a level, but those of one series. */
static uint32_t alarms(const struct rig *r, enum rec_level level, uint32_t but) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < r->series_n; i++)
    if (r->series[i].level == level && i != but) n += r->raised[i][0] + r->raised[i][1];
  return n;
}

static uint32_t alarms_all(const struct rig *r) {
  return alarms(r, REC_LEVEL_POD, REC_SERIES_NONE) + alarms(r, REC_LEVEL_VERSION, REC_SERIES_NONE) +
         alarms(r, REC_LEVEL_SERVICE_CLUSTER, REC_SERIES_NONE);
}

/* Two clusters with two versions each, so many pods of each. */
static struct rig *rig_square(uint64_t seed, uint32_t pods, double rate) {
  struct rig *r = rig_open(seed, REC_SIDE_SERVER);
  for (uint32_t i = 0; i < 4 * pods; i++) (void)pod_add(r, i / 2 % 2, i % 2, rate);
  return r;
}

static void one_bad_pod_is_named_and_no_other(void **state) {
  (void)state;
  struct rig *r = rig_square(1, 4, 20);
  run(r, 900);
  assert_int_equal(alarms_all(r), 0);
  struct pod *bad = &r->pod[6];
  bad->fail_p = 0.3;
  bad->slow = 3.0;
  run(r, 10);
  assert_int_equal(r->raised[bad->series[0]][0], 1);
  assert_int_equal(r->raised[bad->series[0]][1], 1);
  assert_int_equal(alarms(r, REC_LEVEL_POD, bad->series[0]), 0);
  run(r, 300);
  assert_int_equal(alarms(r, REC_LEVEL_POD, bad->series[0]), 0);
  uint32_t end = r->seq;
  bad->fail_p = 0.001;
  bad->slow = 1.0;
  run(r, 30);
  for (unsigned k = 0; k < 2; k++) {
    assert_int_equal(r->over[bad->series[0]][k], 1);
    assert_in_range(r->over_from[bad->series[0]][k], end - 8, end + 8);
  }
  rig_close(r);
}

/* All pods of one version turn slow: pods are compared with pods of their version, versions with versions. */
static void a_bad_version_is_no_bad_pod(void **state) {
  (void)state;
  struct rig *r = rig_square(2, 4, 20);
  run(r, 900);
  for (uint32_t i = 0; i < r->pod_n; i++)
    if (r->pod[i].version == 1) r->pod[i].slow = 1.6;
  run(r, 60);
  assert_int_equal(r->raised[r->version_series[1]][1], 1);
  assert_int_equal(alarms_all(r), 1);
  rig_close(r);
}

static void a_bad_cluster_is_no_bad_pod(void **state) {
  (void)state;
  struct rig *r = rig_square(3, 4, 20);
  run(r, 900);
  for (uint32_t i = 0; i < r->pod_n; i++)
    if (r->pod[i].cluster == 1) r->pod[i].fail_p = 0.1;
  run(r, 60);
  assert_int_equal(r->raised[r->cluster_series[1]][0], 1);
  assert_int_equal(alarms_all(r), 1);
  rig_close(r);
}

/* A shared dependency, or one client that finds all pods slow. */
static void what_all_share_is_nobodys(void **state) {
  (void)state;
  struct rig *r = rig_square(4, 4, 20);
  run(r, 900);
  for (uint32_t i = 0; i < r->pod_n; i++) {
    r->pod[i].slow = 3.0;
    r->pod[i].fail_p = 0.2;
    r->pod[i].rate = 35.0;
  }
  run(r, 300);
  assert_int_equal(alarms_all(r), 0);
  rig_close(r);
}

/* Scrapes of siblings are not of the same seconds: what all share is heard of from one first, for up to a pace. */
static void what_all_share_is_nobodys_though_some_are_scraped_first(void **state) {
  (void)state;
  const uint32_t pace[] = {4, 60};
  for (unsigned k = 0; k < 2; k++) {
    struct rig *r = rig_square(14, 4, 40);
    r->pace = pace[k];
    run(r, 900);
    for (int turn = 0; turn < 6; turn++) {
      for (uint32_t i = 0; i < r->pod_n; i++) {
        r->pod[i].slow = turn % 2 ? 1.0 : 3.0;
        r->pod[i].fail_p = turn % 2 ? 0.001 : 0.9;
      }
      run(r, 200);
    }
    assert_int_equal(alarms_all(r), 0);
    rig_close(r);
  }
}

static void one_bad_pod_is_named_by_scrapes_too(void **state) {
  (void)state;
  struct rig *r = rig_square(15, 4, 20);
  r->pace = 60;
  run(r, 1200);
  assert_int_equal(alarms_all(r), 0);
  struct pod *bad = &r->pod[6];
  bad->fail_p = 0.3;
  bad->slow = 3.0;
  run(r, 30);
  assert_int_equal(alarms_all(r), 0); /* two paces have not passed since it was heard of */
  run(r, 60);
  assert_int_equal(r->raised[bad->series[0]][0], 1);
  assert_int_equal(r->raised[bad->series[0]][1], 1);
  assert_int_equal(alarms(r, REC_LEVEL_POD, bad->series[0]), 0);
  rig_close(r);
}

/* The only pod of its version in its cluster has siblings in the cluster. */
static void the_lonely_are_compared_more_broadly(void **state) {
  (void)state;
  struct rig *r = rig_square(5, 1, 40);
  run(r, 900);
  r->pod[2].fail_p = 0.3;
  run(r, 20);
  assert_int_equal(r->raised[r->pod[2].series[0]][0], 1);
  assert_int_equal(alarms(r, REC_LEVEL_POD, r->pod[2].series[0]), 0);
  rig_close(r);
}

/* The far one of three pods took most of the requests; when it gives them up, the siblings' mean falls for the others.
 */
static void a_moved_mix_is_nobodys(void **state) {
  (void)state;
  struct rig *r = rig_open(13, REC_SIDE_SERVER);
  for (uint32_t i = 0; i < 3; i++) (void)pod_add(r, 0, 0, i ? 30 : 120);
  r->pod[0].slow = 1.6;
  run(r, 900);
  r->pod[0].rate = 3.0;
  run(r, 300);
  assert_int_equal(alarms_all(r), 0);
  rig_close(r);
}

/* A new pod is slow while it warms up; one that stays slow is found; the old ones are not blamed for either. */
static void newcomers_are_forgiven_a_cold_start(void **state) {
  (void)state;
  struct rig *r = rig_square(6, 3, 30);
  run(r, 900);
  uint32_t good = pod_add(r, 0, 0, 30), bad = pod_add(r, 1, 1, 30);
  r->pod[good].slow = r->pod[bad].slow = 4.0;
  run(r, 19);
  r->pod[good].slow = 1.0;
  r->pod[bad].slow = 1.8;
  run(r, 41);
  assert_int_equal(r->raised[r->pod[bad].series[0]][1], 1);
  assert_int_equal(alarms(r, REC_LEVEL_POD, r->pod[bad].series[0]), 0);
  rig_close(r);
}

/* A new version among old ones is the one that is named, also where it is only the other of two. */
static void of_two_versions_the_new_one_is_named(void **state) {
  (void)state;
  struct rig *r = rig_open(7, REC_SIDE_SERVER);
  for (uint32_t i = 0; i < 4; i++) (void)pod_add(r, 0, 0, 50);
  run(r, 900);
  for (uint32_t i = 0; i < 4; i++) {
    uint32_t p = pod_add(r, 0, 1, 50);
    r->pod[p].fail_p = 0.03;
    r->pod[i].rate = 25.0;
  }
  run(r, 60);
  assert_int_equal(r->raised[r->version_series[1]][0], 1);
  assert_int_equal(alarms(r, REC_LEVEL_VERSION, r->version_series[1]), 0);
  rig_close(r);
  r = rig_open(8, REC_SIDE_SERVER);
  for (uint32_t i = 0; i < 4; i++) {
    (void)pod_add(r, 0, 0, 50);
    r->pod[i].fail_p = 0.03;
  }
  run(r, 900);
  for (uint32_t i = 0; i < 4; i++) (void)pod_add(r, 0, 1, 50); /* it is the better one */
  run(r, 1200);
  assert_int_equal(alarms_all(r), 0);
  rig_close(r);
}

static void a_silent_pods_alarm_ends_where_it_fell_silent(void **state) {
  (void)state;
  struct rig *r = rig_square(9, 3, 30);
  run(r, 700);
  struct pod *bad = &r->pod[1];
  bad->fail_p = 0.5;
  run(r, 20);
  assert_int_equal(r->raised[bad->series[0]][0], 1);
  uint32_t end = r->seq;
  bad->rate = 0.0;
  run(r, 58);
  assert_int_equal(r->over[bad->series[0]][0], 0);
  run(r, 4);
  assert_int_equal(r->over[bad->series[0]][0], 1);
  assert_in_range(r->over_from[bad->series[0]][0], end - 4, end + 1);
  rig_close(r);
}

/* More pairs of cluster and version than are kept apart: the others are compared with all pods. */
static void many_versions_are_compared_all_the_same(void **state) {
  (void)state;
  struct rig *r = rig_open(10, REC_SIDE_SERVER);
  for (uint32_t i = 0; i < 300; i++) (void)pod_add(r, 0, i, 4);
  run(r, 650);
  assert_int_equal(alarms_all(r), 0);
  r->pod[3].fail_p = r->pod[297].fail_p = 0.7; /* the list runs backwards: 297 is among the first, 3 past the bound */
  run(r, 20);
  assert_int_equal(r->raised[r->pod[3].series[0]][0], 1);
  assert_int_equal(r->raised[r->pod[297].series[0]][0], 1);
  rig_close(r);
}

static void clients_words_are_not_compared(void **state) {
  (void)state;
  struct rig *r = rig_open(11, REC_SIDE_CLIENT);
  for (uint32_t i = 0; i < 4; i++) (void)pod_add(r, 0, 0, 50);
  run(r, 200);
  r->pod[0].fail_p = 0.9;
  run(r, 60);
  assert_int_equal(alarms_all(r), 0);
  assert_int_equal(r->e->state[r->pod[0].series[0]].extra.apart.known, 0);
  rig_close(r);
}

/* Where there is no room, alarms wait. */
static void a_full_output_delays_and_loses_nothing(void **state) {
  (void)state;
  struct rig *r = rig_square(12, 4, 20);
  run(r, 700);
  r->out.cap = 4;                                          /* one quarter is kept for ends */
  for (uint32_t i = 0; i < 4; i++) r->pod[i].fail_p = 0.5; /* one of each cluster and version */
  run(r, 20);
  for (uint32_t i = 0; i < 4; i++) assert_int_equal(r->raised[r->pod[i].series[0]][0], 1);
  assert_int_equal(r->out.dropped, 0);
  rig_close(r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_bad_pod_is_named_and_no_other),
      cmocka_unit_test(a_bad_version_is_no_bad_pod),
      cmocka_unit_test(a_bad_cluster_is_no_bad_pod),
      cmocka_unit_test(what_all_share_is_nobodys),
      cmocka_unit_test(what_all_share_is_nobodys_though_some_are_scraped_first),
      cmocka_unit_test(one_bad_pod_is_named_by_scrapes_too),
      cmocka_unit_test(the_lonely_are_compared_more_broadly),
      cmocka_unit_test(a_moved_mix_is_nobodys),
      cmocka_unit_test(newcomers_are_forgiven_a_cold_start),
      cmocka_unit_test(of_two_versions_the_new_one_is_named),
      cmocka_unit_test(a_silent_pods_alarm_ends_where_it_fell_silent),
      cmocka_unit_test(many_versions_are_compared_all_the_same),
      cmocka_unit_test(clients_words_are_not_compared),
      cmocka_unit_test(a_full_output_delays_and_loses_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
