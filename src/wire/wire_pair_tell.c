/* When a proxy's loss is told, and as what. */
#include "base_math.h"
#include "wire_pair_state.h"

#define LOST_MIN (6 * PAIR_UNIT)      /* fewer reports say nothing */
#define SHARE_MIN 0.03                /* beyond what is usual */
#define SIGMA_MIN 5.0                 /* standard deviations */
#define USUAL_MIN 0.01                /* a share that nothing is learned below */
#define SILENT_NS (2 * TIME_NS_PER_S) /* two usual flushes */
#define CUT_NS (2 * TIME_NS_PER_S)    /* a stream that breaks comes back sooner */
#define MUTE_NS (3 * TIME_NS_PER_S)
#define MUTE_OWED 10u
#define MUTE_HEARD 30u

/* How far the loss lies above what is usual, in standard deviations of a binomial count; 0 where it is too small to
 * matter. */
static double excess_sigma(const struct pair_bin *b) {
  if (b->expected == 0 || b->lost < LOST_MIN || b->lost <= b->usual) return 0;
  double n = (double)b->expected / PAIR_UNIT, lost = (double)b->lost / PAIR_UNIT, usual = (double)b->usual / PAIR_UNIT;
  if (usual < USUAL_MIN * n) usual = USUAL_MIN * n;
  if (lost - usual < SHARE_MIN * n) return 0;
  return (lost - usual) / math_sqrt(usual * (1 - usual / n) + 1e-9);
}

/* Back from there over the ticks that lost something, too. */
static uint32_t loss_reach(const struct pair_node *n, int64_t tick, uint32_t span) {
  for (; span < PAIR_BINS && tick - (int64_t)span >= n->since_tick; span++) {
    struct pair_bin b = pair_node_sum(n, tick - (int64_t)span, 1);
    if (b.lost <= b.usual + b.expected / 16) break;
  }
  return span;
}

/* Where the loss began: the span up to now over which it is clearest. 0: there is none. */
static uint32_t loss_span(const struct pair_node *n, int64_t tick) {
  uint32_t best = 0;
  double best_sigma = SIGMA_MIN;
  for (uint32_t span = 1; span <= PAIR_BINS && tick - (int64_t)span + 1 >= n->since_tick; span++) {
    struct pair_bin sum = pair_node_sum(n, tick, span);
    double sigma = excess_sigma(&sum);
    if (sigma < best_sigma) continue;
    best_sigma = sigma;
    best = span;
  }
  return best ? loss_reach(n, tick, best) : 0;
}

static uint64_t over_halves(const uint32_t n[2]) {
  return (uint64_t)n[0] + n[1];
}

/* Entries that came and could not be used, where they are many. */
static bool is_useless(const struct pair_node *n, uint64_t useless, int64_t now_ns) {
  if (now_ns / (LIMIT_TICK_NS * (int64_t)PAIR_SPAN_TICKS) - n->tally.half > 1) return false;
  return useless * PAIR_UNIT >= LOST_MIN && (double)useless >= SHARE_MIN * (double)over_halves(n->tally.entries);
}

static int64_t quiet_ns(const struct pair_node *n, int64_t at_least_ns, int64_t times) {
  int64_t usual_ns = times * n->usual_gap_ns;
  return usual_ns > at_least_ns ? usual_ns : at_least_ns;
}

/* No message for far longer than ever, though requests with it are answered and go by no id. */
static bool is_mute(const struct pair_node *n) {
  return n->reports && n->heard_n >= MUTE_HEARD && n->owed >= MUTE_OWED && n->owed >= 3 * n->owed_usual &&
         n->owed_ns - n->heard_ns >= quiet_ns(n, MUTE_NS, 4);
}

static bool is_asked_for(const struct pair_node *n, int64_t now_ns) {
  return n->owed > 0 && now_ns - n->owed_ns <= LIMIT_TICK_NS * (int64_t)PAIR_OVER_TICKS;
}

static bool is_cut(const struct pair_node *n, int64_t now_ns) {
  return n->cut_ns && now_ns - n->cut_ns >= CUT_NS;
}

/* Do so many entries that came, but not to any use, make up most of the loss? */
static bool explains(uint64_t useless, const struct pair_bin *sum) {
  return useless > 0 && 2 * useless * PAIR_ALL >= sum->all_lost;
}

static enum rec_gap_reason reason_of(const struct pair_node *n, const struct pair_bin *sum, int64_t now_ns) {
  const struct pair_tally *t = &n->tally;
  uint64_t late = over_halves(t->late) + over_halves(t->slow), shed = over_halves(t->shed);
  bool most = sum->lost >= sum->expected - sum->expected / 4;
  if (most && is_cut(n, now_ns)) return REC_GAP_STREAM;
  if (n->mute || (most && sum->expected && now_ns - n->heard_ns >= quiet_ns(n, SILENT_NS, 2))) return REC_GAP_SILENT;
  if (late >= shed && explains(late, sum)) return REC_GAP_LATE;
  return explains(shed, sum) ? REC_GAP_SHED : REC_GAP_LOSS;
}

/* Ends first, for they are told once; then who lost most. */
static bool comes_before(const struct wire_pair_gap *a, const struct wire_pair_gap *b) {
  bool a_whole = a->reason == REC_GAP_WHOLE, b_whole = b->reason == REC_GAP_WHOLE;
  if (a_whole != b_whole) return a_whole;
  if (a->lost != b->lost) return a->lost > b->lost;
  if (a->expected != b->expected) return a->expected > b->expected;
  return a->node.at < b->node.at;
}

static void gap_put(struct wire_pairs *p, const struct wire_pair_gap *gap) {
  if (p->gap_n == LIMIT_GAPS) {
    p->counter[REC_COUNTER_GAP_LIMIT]++;
    if (!comes_before(gap, &p->gap[LIMIT_GAPS - 1])) return;
    p->gap_n--;
  }
  uint32_t at = p->gap_n++;
  for (; at > 0 && comes_before(gap, &p->gap[at - 1]); at--) p->gap[at] = p->gap[at - 1];
  p->gap[at] = *gap;
}

static void gap_tell(struct wire_pairs *p, uint32_t at, int64_t now_ns, int64_t tick) {
  const struct pair_node *n = &p->node[at];
  int64_t span = tick - n->since_tick + 1;
  struct pair_bin sum = pair_node_sum(n, tick, span < (int64_t)PAIR_SPAN_TICKS ? (uint32_t)span : PAIR_SPAN_TICKS);
  struct wire_pair_gap gap = {.node = {at, n->generation}, .reason = (uint8_t)reason_of(n, &sum, now_ns)};
  gap.expected = (sum.all + PAIR_ALL / 2) / PAIR_ALL;
  gap.lost = (sum.all_lost + PAIR_ALL / 2) / PAIR_ALL;
  if (sum.expected == 0 && (gap.reason == REC_GAP_LATE || gap.reason == REC_GAP_SHED)) {
    gap.expected = (uint32_t)over_halves(n->tally.entries);
    gap.lost = (uint32_t)over_halves(gap.reason == REC_GAP_LATE ? n->tally.late : n->tally.shed);
    if (gap.expected < gap.lost) gap.expected = gap.lost;
  }
  gap_put(p, &gap);
}

/* Does it lose anything still, or did it in the last seconds? */
static bool is_losing(const struct pair_node *n, int64_t now_ns, int64_t tick) {
  struct pair_bin sum = pair_node_sum(n, tick, PAIR_OVER_TICKS);
  if (n->mute) return true;
  if (is_useless(n, over_halves(n->tally.late), now_ns) || is_useless(n, over_halves(n->tally.shed), now_ns))
    return true;
  return sum.lost >= LOST_MIN / 2 && sum.lost > sum.usual + (uint32_t)(SHARE_MIN * sum.expected);
}

static void told_step(struct wire_pairs *p, uint32_t at, int64_t now_ns, int64_t tick) {
  struct pair_node *n = &p->node[at];
  if (n->heard_ns != n->mute_heard_ns || !is_asked_for(n, now_ns)) n->mute = 0;
  if (is_losing(n, now_ns, tick)) {
    gap_tell(p, at, now_ns, tick);
    return;
  }
  struct wire_pair_gap gap = {.node = {at, n->generation}, .reason = REC_GAP_WHOLE};
  gap_put(p, &gap);
}

static void untold_step(struct wire_pairs *p, uint32_t at, int64_t now_ns, int64_t tick) {
  struct pair_node *n = &p->node[at];
  uint32_t span = loss_span(n, tick);
  bool useless = is_useless(n, over_halves(n->tally.late), now_ns) || is_useless(n, over_halves(n->tally.shed), now_ns);
  n->mute = is_mute(n) && is_asked_for(n, now_ns);
  n->mute_heard_ns = n->heard_ns;
  if (!span && !useless && !n->mute) return;
  n->told = 1;
  n->told_tick = tick;
  n->since_tick = span ? tick - span + 1 : tick;
  gap_tell(p, at, now_ns, tick);
}

/* A node is looked at when it lost something in this step; told ones once a second. */
void pair_tell(struct wire_pairs *p, int64_t now_ns, int64_t tick) {
  bool second = tick / (int64_t)LIMIT_TICKS_PER_S != p->told_second;
  uint32_t kept = 0;
  p->told_second = tick / (int64_t)LIMIT_TICKS_PER_S;
  for (uint32_t i = 0; i < p->active_n; i++) {
    uint32_t at = p->active[i];
    struct pair_node *n = &p->node[at];
    if (!n->told)
      untold_step(p, at, now_ns, tick);
    else if (second)
      told_step(p, at, now_ns, tick);
    n->active = n->told || is_asked_for(n, now_ns);
    if (n->active) p->active[kept++] = at;
  }
  p->active_n = kept;
  for (uint32_t i = 0; i < p->gap_n; i++) {
    if (p->gap[i].reason != REC_GAP_WHOLE) continue;
    p->node[p->gap[i].node.at].told = 0;
    p->node[p->gap[i].node.at].since_tick = tick + 1;
  }
  p->counter[REC_COUNTER_GAPS] += p->gap_n;
}
