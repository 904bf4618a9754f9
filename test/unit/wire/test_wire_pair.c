/* Lost reports, in a small mesh of known truth: who is told, how soon, and how much. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base_time.h"
#include "wire_pair.h"

#define S TIME_NS_PER_S
#define MS TIME_NS_PER_MS
#define T0 (1767225600 * S)
#define STEP_NS (10 * MS)
#define PODS 16u
#define HELD 8192u
#define TOLD 65536u
#define ID_BYTES 40u

struct held {
  struct wire_pair_report r;
  char id[ID_BYTES];
};

struct pod {
  struct held *held;
  uint32_t held_n;
  int64_t flush_ns, phase_ns;
  double entry_loss_p, message_loss_p, twice_p, late_p;
  int64_t late_until_ns;
  bool logs, cut;
  uint64_t sent, lost; /* truth */
};

struct told {
  int64_t at_ns;
  uint32_t pod, expected, lost;
  uint8_t reason;
};

/* Pods 1..PODS-1 report; the first half are of service 100, which calls service 200, the second half. */
struct mesh {
  void *mem;
  struct wire_pairs *p;
  uint64_t counter[REC_COUNTER_COUNT];
  int64_t now_ns;
  uint64_t rng, request_n;
  struct pod pod[PODS];
  struct told *told;
  uint32_t told_n;
  uint32_t pod_n; /* callers are 1..pod_n/2, callees the rest */
  double rate_per_s, carry;
  uint32_t retry_pct, fan_n;
  bool no_ids, mangled;
};

static uint64_t rng_next(struct mesh *m) {
  m->rng ^= m->rng << 13;
  m->rng ^= m->rng >> 7;
  m->rng ^= m->rng << 17;
  return m->rng * 0x2545f4914f6cdd1dull;
}

static double rng_unit(struct mesh *m) {
  return (double)(rng_next(m) >> 11) * 0x1p-53;
}

static struct mesh *mesh_open(uint64_t seed, uint32_t pod_n, double rate_per_s) {
  struct mesh *m = calloc(1, sizeof *m);
  m->mem = mmap(NULL, wire_pair_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  assert_true(m->mem != MAP_FAILED);
  m->p = wire_pair_init(m->mem, m->counter);
  m->told = calloc(TOLD, sizeof *m->told);
  m->now_ns = T0;
  m->rng = seed * 0x9e3779b97f4a7c15ull + 1;
  m->pod_n = pod_n;
  m->rate_per_s = rate_per_s;
  for (uint32_t i = 1; i <= pod_n; i++) {
    m->pod[i].held = calloc(HELD, sizeof *m->pod[i].held);
    m->pod[i].logs = true;
    m->pod[i].phase_ns = (int64_t)(rng_next(m) % 100) * STEP_NS;
    m->pod[i].flush_ns = S;
    wire_pair_join(m->p, (struct wire_node_ref){i, 1});
  }
  return m;
}

static void mesh_close(struct mesh *m) {
  for (uint32_t i = 1; i <= m->pod_n; i++) free(m->pod[i].held);
  munmap(m->mem, wire_pair_bytes());
  free(m->told);
  free(m);
}

static void hold(struct mesh *m, uint32_t pod, uint32_t other, bool client, const char *id, uint32_t attempts,
                 bool owed) {
  struct pod *p = &m->pod[pod];
  assert_true(p->held_n < HELD);
  struct held *h = &p->held[p->held_n++];
  (void)snprintf(h->id, ID_BYTES, "%s", id);
  h->r = (struct wire_pair_report){.start_ns = m->now_ns - 20 * MS - (client ? 2 * MS : 0) + p->held_n,
                                   .end_ns = m->now_ns + (client ? MS : 0),
                                   .self = {pod, 1},
                                   .other = {other, 1},
                                   .self_service = client ? 100 : 200,
                                   .other_service = client ? 200 : 100,
                                   .callee = 200,
                                   .attempts = attempts,
                                   .client = client,
                                   .owed = owed};
}

static uint32_t caller_any(struct mesh *m) {
  return 1 + (uint32_t)(rng_next(m) % (m->pod_n / 2));
}

static uint32_t callee_any(struct mesh *m) {
  return 1 + m->pod_n / 2 + (uint32_t)(rng_next(m) % (m->pod_n - m->pod_n / 2));
}

/* One call under that id: a failed attempt at another pod first, where it is retried. */
static void call(struct mesh *m, uint32_t caller, uint32_t callee, const char *id) {
  bool retried = rng_next(m) % 100 < m->retry_pct;
  char other_id[ID_BYTES];
  (void)snprintf(other_id, sizeof other_id, "%s%s", id, m->mangled ? "+" : "");
  if (retried) hold(m, callee_any(m), caller, false, other_id, 1, true);
  hold(m, callee, caller, false, other_id, 1, true);
  hold(m, caller, callee, true, id, retried ? 2 : 1, true);
}

static void request(struct mesh *m) {
  char id[ID_BYTES];
  uint32_t caller = caller_any(m);
  (void)snprintf(id, sizeof id, "%08x-0000-4000-8000-%012llx", (unsigned)rng_next(m),
                 (unsigned long long)m->request_n++);
  if (m->no_ids) id[0] = 0;
  for (uint32_t i = 0; i <= m->fan_n; i++) call(m, caller, callee_any(m), id);
}

static void deliver(struct mesh *m, uint32_t pod, const struct held *h) {
  struct wire_pair_report r = h->r;
  r.request_id = str_of(h->id);
  r.now_ns = m->now_ns;
  if (m->pod[pod].logs) wire_pair_report(m->p, &r);
}

static void flush(struct mesh *m, uint32_t pod) {
  struct pod *p = &m->pod[pod];
  if (m->now_ns < p->late_until_ns) return;
  bool late = p->late_p > 0 && p->late_until_ns + S < m->now_ns && rng_unit(m) < p->late_p;
  if (late) p->late_until_ns = m->now_ns + 3 * S;
  if (late) return;
  bool lost = p->cut || rng_unit(m) < p->message_loss_p;
  unsigned times = rng_unit(m) < p->twice_p ? 2 : 1;
  for (uint32_t i = 0; i < p->held_n; i++) {
    bool gone = lost || rng_unit(m) < p->entry_loss_p;
    p->sent++;
    p->lost += gone;
    for (unsigned k = 0; k < times && !gone; k++) deliver(m, pod, &p->held[i]);
  }
  if (!lost && p->held_n && p->logs) wire_pair_heard(m->p, (struct wire_node_ref){pod, 1}, m->now_ns, p->held_n);
  p->held_n = 0;
}

static void tick(struct mesh *m) {
  const struct wire_pair_gap *gap;
  uint32_t n = wire_pair_step(m->p, m->now_ns, &gap);
  for (uint32_t i = 0; i < n; i++) {
    assert_true(m->told_n < TOLD);
    m->told[m->told_n++] = (struct told){m->now_ns, gap[i].node.at, gap[i].expected, gap[i].lost, gap[i].reason};
  }
}

static void run(struct mesh *m, double seconds) {
  for (int64_t end_ns = m->now_ns + (int64_t)(seconds * 1e9); m->now_ns < end_ns;) {
    m->now_ns += STEP_NS;
    for (m->carry += m->rate_per_s * STEP_NS / 1e9; m->carry >= 1; m->carry--) request(m);
    for (uint32_t i = 1; i <= m->pod_n; i++)
      if ((m->now_ns + m->pod[i].phase_ns) % m->pod[i].flush_ns == 0) flush(m, i);
    if (m->now_ns % LIMIT_TICK_NS == 0) tick(m);
  }
}

static const struct told *first_told(const struct mesh *m, uint32_t pod, int64_t from_ns) {
  for (uint32_t i = 0; i < m->told_n; i++)
    if (m->told[i].pod == pod && m->told[i].at_ns >= from_ns) return &m->told[i];
  return NULL;
}

static const struct told *last_told(const struct mesh *m, uint32_t pod) {
  for (uint32_t i = m->told_n; i-- > 0;)
    if (m->told[i].pod == pod) return &m->told[i];
  return NULL;
}

static double share(const struct told *t) {
  assert_true(t && t->expected);
  return (double)t->lost / t->expected;
}

/* --- how much -------------------------------------------------------------------------------------------------- */

/* 4 s of loss at 50 requests a second: the share told when those are settled against the share that was lost. */
static void one_proxy_that_loses_is_told_alone_with_its_share(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 20; seed++) {
    struct mesh *m = mesh_open(seed, 2, 50);
    run(m, 80);
    m->pod[2].entry_loss_p = 0.3;
    m->pod[2].sent = m->pod[2].lost = 0;
    int64_t from_ns = m->now_ns;
    run(m, 5);
    double truth = (double)m->pod[2].lost / (double)m->pod[2].sent;
    const struct told *first = first_told(m, 2, 0);
    assert_non_null(first);
    assert_true(first->at_ns - from_ns <= 5 * S && first->reason == REC_GAP_LOSS);
    run(m, 3.5);
    assert_true(share(last_told(m, 2)) > truth - 0.05 && share(last_told(m, 2)) < truth + 0.05);
    assert_null(first_told(m, 1, 0));
    m->pod[2].entry_loss_p = 0;
    run(m, 20);
    assert_int_equal(last_told(m, 2)->reason, REC_GAP_WHOLE);
    assert_true(last_told(m, 2)->lost == 0 && last_told(m, 2)->expected == 0);
    mesh_close(m);
  }
}

/* The partners lose as much: what they do tell is still a fair sample. */
static void all_that_lose_are_told_each_with_its_share(void **state) {
  (void)state;
  double sum2 = 0;
  unsigned n = 0;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct mesh *m = mesh_open(seed, 6, 150);
    run(m, 80);
    for (uint32_t i = 1; i <= 6; i++) m->pod[i].entry_loss_p = 0.3;
    int64_t from_ns = m->now_ns;
    run(m, 5);
    for (uint32_t i = 1; i <= 6; i++) assert_true(first_told(m, i, 0)->at_ns - from_ns <= 5 * S);
    run(m, 3.5);
    for (uint32_t i = 1; i <= 6; i++, n++) {
      double truth = (double)m->pod[i].lost / (double)m->pod[i].sent, error = share(last_told(m, i)) - 0.3;
      assert_true(truth < 0.3);
      assert_true(error > -0.15 && error < 0.15);
      sum2 += error * error;
    }
    mesh_close(m);
  }
  assert_true(sum2 / n < 0.05 * 0.05);
}

static void lost_messages_are_told_as_they_are_lost(void **state) {
  (void)state;
  struct mesh *m = mesh_open(5, 4, 100);
  run(m, 80);
  m->pod[3].message_loss_p = 0.3;
  m->pod[3].sent = m->pod[3].lost = 0;
  run(m, 120);
  double truth = (double)m->pod[3].lost / (double)m->pod[3].sent, told = 0, of = 0;
  for (uint32_t i = 0; i < m->told_n; i++) {
    assert_int_equal(m->told[i].pod, 3);
    if (m->told[i].reason == REC_GAP_WHOLE) continue;
    told += m->told[i].lost;
    of += m->told[i].expected;
  }
  assert_true(told / of > truth - 0.05 && told / of < truth + 0.12); /* whole seconds between are told as whole */
  mesh_close(m);
}

/* More requests than the table holds: a sample says the same, and its counts are scaled up. */
static void a_sample_tells_the_same_share(void **state) {
  (void)state;
  struct mesh *m = mesh_open(3, 2, 7000);
  m->pod[1].flush_ns = m->pod[2].flush_ns = S / 2;
  run(m, 70);
  m->pod[2].entry_loss_p = 0.3;
  int64_t from_ns = m->now_ns;
  run(m, 9);
  const struct told *t = last_told(m, 2);
  assert_true(share(t) > 0.25 && share(t) < 0.35);
  assert_true(t->expected > 4 * 7000 * 0.8 && t->expected < 4 * 7000 * 1.25);
  assert_true(first_told(m, 2, 0)->at_ns - from_ns <= 5 * S);
  assert_true(m->counter[REC_COUNTER_PAIR_MATCHED] < 7000u * 79);
  m->pod[2].entry_loss_p = 0;
  m->rate_per_s = 50;
  run(m, 60);
  assert_int_equal(last_told(m, 2)->reason, REC_GAP_WHOLE);
  assert_null(first_told(m, 1, 0)); /* not where the sample widens, either */
  assert_null(first_told(m, 2, from_ns + 25 * S));
  mesh_close(m);
}

/* --- who is not told ------------------------------------------------------------------------------------------- */

static void clean_traffic_is_never_told(void **state) {
  (void)state;
  for (uint32_t fan = 0; fan <= 2; fan++) {
    struct mesh *m = mesh_open(11 + fan, 6, 60);
    m->retry_pct = 20;
    m->fan_n = fan;
    for (uint32_t i = 1; i <= 6; i++) m->pod[i].twice_p = 0.05;
    run(m, 300);
    assert_int_equal(m->told_n, 0);
    assert_true(m->counter[REC_COUNTER_PAIR_MATCHED] > 240 * 60);
    assert_true(m->counter[REC_COUNTER_PAIR_UNMATCHED] * 1000 < m->counter[REC_COUNTER_PAIR_MATCHED]);
    mesh_close(m);
  }
}

static void a_storm_of_retries_is_not_loss(void **state) {
  (void)state;
  struct mesh *m = mesh_open(12, 4, 60);
  run(m, 80);
  m->retry_pct = 90;
  run(m, 60);
  assert_int_equal(m->told_n, 0);
  mesh_close(m);
}

static void one_sided_logs_are_not_loss(void **state) {
  (void)state;
  struct mesh *m = mesh_open(13, 4, 60);
  m->pod[3].logs = m->pod[4].logs = false;
  run(m, 200);
  assert_int_equal(m->told_n, 0);
  mesh_close(m);
}

static void ids_that_never_match_are_out_of_use(void **state) {
  (void)state;
  struct mesh *m = mesh_open(14, 4, 60);
  m->mangled = true;
  run(m, 200);
  assert_int_equal(m->told_n, 0);
  assert_int_equal(m->counter[REC_COUNTER_PAIR_MATCHED], 0);
  mesh_close(m);
}

static void a_usual_share_is_learned(void **state) {
  (void)state;
  struct mesh *m = mesh_open(15, 4, 200);
  m->pod[3].entry_loss_p = m->pod[4].entry_loss_p = 0.2; /* a filter that logs four of five */
  run(m, 300);
  assert_int_equal(m->told_n, 0);
  m->pod[4].entry_loss_p = 0.44; /* three of ten of those are lost */
  int64_t from_ns = m->now_ns;
  run(m, 6);
  assert_non_null(first_told(m, 4, from_ns));
  assert_null(first_told(m, 3, 0));
  mesh_close(m);
}

static void a_slow_flush_is_not_loss(void **state) {
  (void)state;
  struct mesh *m = mesh_open(16, 4, 60);
  m->pod[2].flush_ns = 2 * S;
  m->pod[3].flush_ns = 4 * S;  /* waited for */
  m->pod[4].flush_ns = 10 * S; /* too long to be waited for: out of use */
  run(m, 300);
  assert_int_equal(m->told_n, 0);
  m->pod[3].entry_loss_p = 0.3;
  run(m, 20);
  assert_true(m->told_n > 0 && m->told[0].pod == 3);
  mesh_close(m);
}

/* Now and then the network holds up what a proxy has to say, for 3 s. The first times it may be taken for lost. */
static void messages_that_come_late_are_known_for_it(void **state) {
  (void)state;
  struct mesh *m = mesh_open(17, 12, 200);
  run(m, 80);
  for (uint32_t i = 1; i <= 12; i++) m->pod[i].late_p = 0.01;
  run(m, 300);
  uint32_t first_n = m->told_n;
  for (uint32_t i = 1; i <= 12; i++) assert_int_equal(m->pod[i].lost, 0);
  run(m, 900);
  assert_true(first_n > 0 && first_n < 60);
  assert_int_equal(m->told_n, first_n);
  for (uint32_t i = 1; i <= 12; i++) m->pod[i].late_p = 0;
  int64_t from_ns = m->now_ns;
  m->pod[4].cut = true;
  run(m, 10);
  const struct told *late = first_told(m, 4, from_ns);
  assert_true(late && late->at_ns - from_ns > 4 * S && late->at_ns - from_ns <= 8 * S);
  m->pod[4].cut = false;
  run(m, 3 * 900); /* forgotten */
  from_ns = m->now_ns;
  m->pod[4].cut = true;
  run(m, 10);
  late = first_told(m, 4, from_ns);
  assert_true(late && late->at_ns - from_ns <= 4 * S);
  mesh_close(m);
}

/* --- silence --------------------------------------------------------------------------------------------------- */

static void a_cut_stream_is_told_until_it_is_back(void **state) {
  (void)state;
  struct mesh *m = mesh_open(21, 4, 100);
  run(m, 80);
  int64_t from_ns = m->now_ns;
  m->pod[4].cut = true;
  wire_pair_cut(m->p, (struct wire_node_ref){4, 1}, m->now_ns);
  run(m, 10);
  const struct told *first = first_told(m, 4, 0), *sure = first_told(m, 4, from_ns + 9 * S / 2);
  assert_true(first && first->at_ns - from_ns <= 4 * S);
  assert_true(sure && sure->at_ns - from_ns <= 5 * S && sure->reason == REC_GAP_STREAM && share(sure) > 0.95);
  assert_true(share(last_told(m, 4)) == 1);
  m->pod[4].cut = false;
  m->pod[4].held_n = 0;
  wire_pair_join(m->p, (struct wire_node_ref){4, 1});
  run(m, 15);
  assert_int_equal(last_told(m, 4)->reason, REC_GAP_WHOLE);
  unsigned ends = 0;
  for (uint32_t i = 0; i < m->told_n; i++) {
    assert_int_equal(m->told[i].pod, 4);
    ends += m->told[i].reason == REC_GAP_WHOLE;
  }
  assert_int_equal(ends, 1);
  assert_in_range(m->told_n, 10, 20); /* once a second */
  mesh_close(m);
}

static void a_silence_is_told_as_one(void **state) {
  (void)state;
  struct mesh *m = mesh_open(22, 4, 100);
  run(m, 80);
  m->pod[1].cut = true;
  run(m, 8);
  assert_int_equal(last_told(m, 1)->reason, REC_GAP_SILENT);
  assert_true(share(last_told(m, 1)) == 1);
  mesh_close(m);
}

static void a_pod_that_leaves_is_not_told(void **state) {
  (void)state;
  for (int ids = 0; ids < 2; ids++) {
    struct mesh *m = mesh_open(23, 6, 100);
    m->no_ids = !ids;
    run(m, 80);
    flush(m, 6);
    m->pod_n = 5; /* nobody calls it any more */
    wire_pair_cut(m->p, (struct wire_node_ref){6, 1}, m->now_ns);
    run(m, 30);
    assert_int_equal(m->told_n, 0);
    m->pod_n = 6;
    mesh_close(m);
  }
}

/* A proxy that is down with its service: nobody got an answer of it, so it owes nothing. */
static void an_outage_is_no_lost_telemetry(void **state) {
  (void)state;
  struct mesh *m = mesh_open(24, 2, 100);
  run(m, 80);
  flush(m, 2);
  m->pod[2].cut = true;
  m->rate_per_s = 0;
  for (int i = 0; i < 3000; i++) {
    run(m, 0.01);
    hold(m, 1, 2, true, "down-0000-0000", 1, false);
  }
  assert_int_equal(m->told_n, 0);
  mesh_close(m);
}

static void a_restart_loses_what_it_had_gathered(void **state) {
  (void)state;
  struct mesh *m = mesh_open(25, 4, 100);
  run(m, 80);
  int64_t from_ns = m->now_ns;
  while (m->pod[3].held_n < 30) run(m, 0.01);
  uint32_t lost = m->pod[3].held_n;
  m->pod[3].held_n = 0;
  run(m, 20);
  const struct told *first = first_told(m, 3, 0);
  assert_true(first && first->at_ns - from_ns <= 6 * S);
  uint32_t most = 0;
  for (uint32_t i = 0; i < m->told_n; i++) {
    assert_int_equal(m->told[i].pod, 3);
    if (m->told[i].lost > most) most = m->told[i].lost;
  }
  assert_int_equal(most, lost);
  assert_int_equal(last_told(m, 3)->reason, REC_GAP_WHOLE);
  mesh_close(m);
}

/* Without request ids only the silence itself can be seen. */
static void without_ids_a_silence_is_told_and_nothing_else(void **state) {
  (void)state;
  struct mesh *m = mesh_open(26, 4, 100);
  m->no_ids = true;
  run(m, 80);
  m->pod[3].entry_loss_p = 0.5;
  run(m, 30);
  assert_int_equal(m->told_n, 0);
  m->pod[3].cut = true;
  run(m, 10);
  const struct told *t = last_told(m, 3);
  assert_true(t && t->reason == REC_GAP_SILENT && t->expected == 0 && t->lost == 0);
  m->pod[3].cut = false;
  run(m, 10);
  assert_int_equal(last_told(m, 3)->reason, REC_GAP_WHOLE);
  for (uint32_t i = 0; i < m->told_n; i++) assert_int_equal(m->told[i].pod, 3);
  mesh_close(m);
}

static void a_hole_in_a_recording_is_nobodys_loss(void **state) {
  (void)state;
  struct mesh *m = mesh_open(27, 4, 100);
  run(m, 80);
  for (int i = 0; i < 5; i++) {
    m->now_ns += 300 * S;
    for (uint32_t k = 1; k <= 4; k++) m->pod[k].held_n = 0;
    run(m, 20);
  }
  assert_int_equal(m->told_n, 0);
  mesh_close(m);
}

static void what_is_useless_is_told_with_its_reason(void **state) {
  (void)state;
  static const enum rec_gap_reason reason[] = {REC_GAP_LATE, REC_GAP_SHED};
  for (int i = 0; i < 2; i++) {
    struct mesh *m = mesh_open(28, 2, 20);
    run(m, 10);
    for (int k = 0; k < 10; k++) wire_pair_useless(m->p, (struct wire_node_ref){2, 1}, reason[i]);
    run(m, 3);
    const struct told *t = first_told(m, 2, 0);
    assert_true(t && t->reason == reason[i] && t->lost == 10 && t->expected > 10);
    run(m, 20);
    assert_int_equal(last_told(m, 2)->reason, REC_GAP_WHOLE);
    mesh_close(m);
  }
}

/* --- bounds and sameness --------------------------------------------------------------------------------------- */

static void same_reports_same_gaps(void **state) {
  (void)state;
  struct mesh *m[2];
  for (int i = 0; i < 2; i++) {
    m[i] = mesh_open(31, 6, 100);
    m[i]->retry_pct = 10;
    run(m[i], 70);
    for (uint32_t k = 1; k <= 6; k++) m[i]->pod[k].message_loss_p = 0.2;
    run(m[i], 60);
  }
  assert_true(m[0]->told_n > 100);
  assert_int_equal(m[0]->told_n, m[1]->told_n);
  for (uint32_t k = 0; k < m[0]->told_n; k++) {
    const struct told *a = &m[0]->told[k], *b = &m[1]->told[k];
    assert_true(a->at_ns == b->at_ns && a->pod == b->pod && a->lost == b->lost && a->expected == b->expected &&
                a->reason == b->reason);
    if (k && a[-1].at_ns == a->at_ns && a[-1].reason != REC_GAP_WHOLE) assert_true(a[-1].lost >= a->lost);
  }
  mesh_close(m[0]);
  mesh_close(m[1]);
}

/* More proxies lose at once than are told: those that lose most are. Every end is told all the same. */
static void too_many_at_once_are_told_by_what_they_lose(void **state) {
  (void)state;
  struct mesh *m = mesh_open(32, 2, 0);
  const uint32_t over = LIMIT_GAPS + 44;
  uint32_t ends = 0, most = 0;
  const struct wire_pair_gap *gap;
  for (int second = 0; second < 30; second++, m->now_ns += S) {
    for (uint32_t i = 0; second < 10 && i < over * 40; i++) {
      struct wire_node_ref ref = {10 + i % over, 1};
      if (second == 5 && i < over * 10 + i % over % 40 * over / 4)
        wire_pair_useless(m->p, ref, REC_GAP_SHED);
      else
        wire_pair_heard(m->p, ref, m->now_ns, 1);
    }
    uint32_t n = wire_pair_step(m->p, m->now_ns, &gap);
    assert_true(n <= LIMIT_GAPS);
    if (n > most) most = n;
    for (uint32_t k = 0; k < n; k++) ends += gap[k].reason == REC_GAP_WHOLE;
    for (uint32_t k = 1; k < n; k++) assert_true(gap[k - 1].reason == REC_GAP_WHOLE || gap[k - 1].lost >= gap[k].lost);
  }
  assert_int_equal(most, LIMIT_GAPS);
  assert_int_equal(ends, over);
  assert_true(m->counter[REC_COUNTER_GAP_LIMIT] >= 44);
  mesh_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_proxy_that_loses_is_told_alone_with_its_share),
      cmocka_unit_test(all_that_lose_are_told_each_with_its_share),
      cmocka_unit_test(lost_messages_are_told_as_they_are_lost),
      cmocka_unit_test(a_sample_tells_the_same_share),
      cmocka_unit_test(clean_traffic_is_never_told),
      cmocka_unit_test(a_storm_of_retries_is_not_loss),
      cmocka_unit_test(one_sided_logs_are_not_loss),
      cmocka_unit_test(ids_that_never_match_are_out_of_use),
      cmocka_unit_test(a_usual_share_is_learned),
      cmocka_unit_test(a_slow_flush_is_not_loss),
      cmocka_unit_test(messages_that_come_late_are_known_for_it),
      cmocka_unit_test(a_cut_stream_is_told_until_it_is_back),
      cmocka_unit_test(a_silence_is_told_as_one),
      cmocka_unit_test(a_pod_that_leaves_is_not_told),
      cmocka_unit_test(an_outage_is_no_lost_telemetry),
      cmocka_unit_test(a_restart_loses_what_it_had_gathered),
      cmocka_unit_test(without_ids_a_silence_is_told_and_nothing_else),
      cmocka_unit_test(a_hole_in_a_recording_is_nobodys_loss),
      cmocka_unit_test(what_is_useless_is_told_with_its_reason),
      cmocka_unit_test(same_reports_same_gaps),
      cmocka_unit_test(too_many_at_once_are_told_by_what_they_lose),
  };
  return cmocka_run_group_tests_name("wire_pair", tests, NULL, NULL);
}
