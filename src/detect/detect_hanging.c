#include "detect_hanging.h"

#include "base_math.h"
#include "detect_fixed.h"
#include "series_half.h"

#define SECOND LIMIT_TICKS_PER_S
#define SPANS 4.0    /* a window is so many usual times long */
#define SPAN_MAX 64u /* s */
#define HOLDS 2.0    /* requests that a window should hold */
#define UNKNOWN_S 0.25
#define SHARE_ONE 65536.0 /* units of late */
#define HUNG_P 0.9        /* alternative: nearly all hang */
#define NULL_MIN 0.02
#define NULL_MAX 0.45  /* beyond, ends are too patchy to be judged */
#define MOST 9.0       /* nats: one window's say; two cannot raise an alarm */
#define JUDGED_AGE 30u /* windows learned from before the first is judged */
#define FREEZE_AGE 60u /* before evidence stops the learning */
#define OPEN_KEEP 0.9f /* of what is under way beyond the usual, from one window to the next, while calm */
#define QUIET_SHARE (DETECT_RECOVER / (double)DETECT_QUIET_TICKS) /* against an alarm, a tick that says nothing */

/* What one request is worth, nats. */
struct odds {
  double late, ended;
  bool known;
};

/* A window that is over. */
struct window {
  double usual_s, span, began, ended, due, late;
};

void detect_hanging_init(struct series_hanging *d, uint32_t seq) {
  *d = (struct series_hanging){0};
  detect_alarm_clear(&d->g, 1, &d->alarm, &d->best, seq);
}

void detect_hanging_skip(struct series_hanging *d) {
  d->win_began = d->win_ended = 0;
}

void detect_hanging_adopt(struct series_hanging *d, uint32_t seq) {
  d->seen = 0;
  d->open = d->mean;
  detect_alarm_clear(&d->g, 1, &d->alarm, &d->best, seq);
}

/* Seconds of a window: long enough for requests to end in it, and to hold some. */
static uint32_t span_of(const struct series_hanging *d, double usual_s) {
  uint32_t m = 1;
  double rate = (double)d->mean / usual_s;
  while (m < SPAN_MAX && ((double)m < SPANS * usual_s || (rate > 0.0 && rate * (double)m < HOLDS))) m *= 2;
  return m;
}

/* The share of requests that are not followed by an end in time: upper credible end, as of a ratio. */
static struct odds odds_of(const struct series_hanging *d, double usual_s, double span) {
  double total = (double)d->mean / usual_s * span * (double)d->seen, a = (double)d->late / SHARE_ONE * total;
  double p0 = (a + 3.0 * math_sqrt(a) + 4.5) / (total + 1.0);
  if (p0 < NULL_MIN) p0 = NULL_MIN;
  if (p0 > NULL_MAX || d->seen < JUDGED_AGE) return (struct odds){0};
  return (struct odds){math_log_fast(HUNG_P / p0), math_log_fast((1.0 - p0) / (1.0 - HUNG_P)), true};
}

static struct window window_take(struct series_hanging *d, double usual_s, uint32_t span) {
  struct window w = {usual_s, (double)span, (double)half_value(d->win_began), (double)half_value(d->win_ended), 0, 0};
  double due = w.began * (1.0 - usual_s / w.span) + (double)d->mean;
  w.due = due < w.began ? due : w.began;
  if (w.due < 0.0) w.due = 0.0;
  w.late = w.due > w.ended ? w.due - w.ended : 0.0;
  detect_hanging_skip(d);
  return w;
}

static void learn(struct series_hanging *d, const struct window *w, uint32_t turn) {
  double total = (double)d->mean / w->usual_s * w->span * (double)d->seen + w->due;
  double share = (double)d->late / SHARE_ONE;
  if (total > 0.0) d->late = fixed_u16(share + (w->late - share * w->due) / total, SHARE_ONE, turn);
  d->mean += ((float)(w->began / w->span * w->usual_s) - d->mean) / ((float)d->seen + 1.0f);
  if (d->seen < 255u) d->seen++;
}

/* Requests whose ends were lost would add up for ever: what is beyond the usual fades, except in an alarm. */
static void open_follow(struct series_hanging *d, const struct window *w) {
  double lost = (double)d->late / SHARE_ONE * w->due;
  float beyond = d->open - d->mean + (float)(w->due - w->ended - lost);
  d->open = d->mean + (d->best == SERIES_CALM ? OPEN_KEEP * beyond : beyond);
  if (d->open < 0.0f) d->open = 0.0f;
}

static struct detect_verdict judge(struct series_hanging *d, const struct window *w, double log_c, uint32_t seq) {
  uint32_t ticks = (uint32_t)w->span * SECOND;
  struct odds o = odds_of(d, w->usual_s, w->span);
  double l = w->late * o.late - (w->due - w->late) * o.ended;
  if (l > MOST) l = MOST;
  if (l < -MOST) l = -MOST;
  bool nothing = w->due <= 0.0 || !o.known;
  if (d->best != SERIES_CALM)
    return detect_alarm_recover(&d->g, 1, &d->alarm, &d->best, nothing ? QUIET_SHARE * (double)ticks : -l, seq);
  if (nothing) l = DETECT_HOLD;
  return detect_alarm_step(&d->g, &l, 1, &d->alarm, &d->best, log_c, seq, ticks);
}

struct detect_verdict detect_hanging_take(struct series_hanging *d, uint32_t began, uint32_t ended, double usual_s,
                                          double log_c, bool armed, uint32_t seq) {
  if (began) d->win_began = half_of(half_value(d->win_began) + began);
  if (ended) d->win_ended = half_of(half_value(d->win_ended) + ended);
  if ((seq + 1u) % SECOND != 0 || (d->seen == 0 && d->win_began == 0)) return (struct detect_verdict){0};
  if (usual_s <= 0.0) usual_s = UNKNOWN_S;
  uint32_t span = span_of(d, usual_s);
  if ((seq + 1u) % (span * SECOND) != 0) return (struct detect_verdict){0};
  struct window w = window_take(d, usual_s, span);
  struct detect_verdict v = judge(d, &w, armed && usual_s <= DETECT_HANGING_USUAL_S ? log_c : 1e30, seq);
  open_follow(d, &w);
  if (!v.freeze || (d->seen < FREEZE_AGE && d->best == SERIES_CALM)) learn(d, &w, seq / SECOND);
  return v;
}

double detect_hanging_smallest(const struct series_hanging *d, double usual_s, double log_c, double span_s) {
  if (usual_s <= 0.0) usual_s = UNKNOWN_S;
  double m = (double)span_of(d, usual_s), windows = span_s / m - 0.5, due = (double)d->mean / usual_s * m;
  struct odds o = odds_of(d, usual_s, m);
  if (!o.known || windows < 1.0 || due <= 0.0 || usual_s > DETECT_HANGING_USUAL_S) return 0.0;
  double need = log_c / windows, share = (need / due + o.ended) / (o.late + o.ended);
  return need <= MOST && share <= 1.0 ? share : 0.0;
}
