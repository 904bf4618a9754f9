/* Counts the alarms that each detector of a series would raise at many thresholds at once.
 *
 * The series itself runs with an unreachable threshold, so its statistics R_k are never reset. For each threshold h
 * the watch keeps the R_k as they would be had they been set back to zero at each crossing of h: R' <- (1 + R') L with
 * the same L, which is read off the step of the series itself. The count of crossings N then obeys E N <= T e^-h where
 * E L <= 1 (R' + e^h N - T is a supermartingale): the promise that is checked. Once R has fallen below e^3, R and R'
 * are the same for all that matters at e^10 and the copy is dropped. What the detectors learn is that of one whose
 * threshold is far away: frozen above DETECT_FREEZE, never in alarm. */
#ifndef NULL_WATCH_H
#define NULL_WATCH_H

#include "detect_step.h"
#include "series_state.h"

#define WATCH_THRESHOLDS 11u /* 10, 12 .. 30 nats */
#define WATCH_ALTS 8u        /* at least what any detector has */

enum watch_signal {
  WATCH_DOWN,
  WATCH_UP,
  WATCH_LATENCY,
  WATCH_ERRORS,
  WATCH_TIMEOUTS,
  WATCH_CLIENT_ERRORS,
  WATCH_RETRIES,
  WATCH_SIGNALS
};

struct watch_one {
  float before[WATCH_ALTS];
  double shadow[WATCH_THRESHOLDS][WATCH_ALTS];
  bool apart[WATCH_THRESHOLDS];
  bool active;
};

struct watch {
  struct watch_one one[WATCH_SIGNALS];
  uint64_t alarms[WATCH_SIGNALS][WATCH_THRESHOLDS];
};

double watch_threshold(unsigned i);
const char *watch_signal_text(enum watch_signal s);

/* Around each step of the series. count: alarms at this age count. */
void watch_before(struct watch *w, const struct series_state *s);
void watch_after(struct watch *w, const struct series_state *s, bool count);
/* The next series, from nothing; the counts stay. */
void watch_clear(struct watch *w);

#endif
