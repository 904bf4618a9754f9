/* What changes for a series that is told a scrape at a time (docs/detectors/pace.md). Its counts are even within a
 * scrape's time L, a little more than the pace P: a window of w sees of their dispersion only
 *
 *   f = (w / L) (1 - w / (3 L))  where w <= L,   1 - L / (3 w)  else
 *
 * (the variance of a sum over w of a function that is constant over L, at a random phase). */
#ifndef DETECT_PACE_H
#define DETECT_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base_limits.h"

#define DETECT_PACE_TEN (10u * LIMIT_TICKS_PER_S)
#define DETECT_PACE_WINDOW_MAX (300u * LIMIT_TICKS_PER_S)
#define DETECT_PACE_DRIFT_MAX (30u * LIMIT_TICKS_PER_S) /* slower ones have too few scrapes in a minute for drift */

/* Ticks of the window in which overdispersion is measured: ten seconds, and of paced series as many tens as hold four
 * scrapes and a half, so that f >= 0.92; at most five minutes. */
static inline uint32_t detect_pace_window(uint32_t pace) {
  uint32_t ticks = (pace * 9u / 2u + DETECT_PACE_TEN - 1u) / DETECT_PACE_TEN * DETECT_PACE_TEN;
  if (ticks < DETECT_PACE_TEN) return DETECT_PACE_TEN;
  return ticks < DETECT_PACE_WINDOW_MAX ? ticks : DETECT_PACE_WINDOW_MAX;
}

/* Is it another pace, for a series that was told at `was`? Scrapes that come a little late now and then make none: the
 * windows that are open would be void, time and again. */
static inline bool detect_pace_differs(uint32_t was, uint32_t is) {
  uint32_t by = was > is ? was - is : is - was;
  return (was == 0) != (is == 0) || by > was / 16u;
}

/* f of a window of so many ticks. 1 for series that are told request by request. */
static inline double detect_pace_seen(double window, uint32_t pace) {
  double l = 1.125 * (double)pace;
  if (pace == 0) return 1.0;
  return window <= l ? window / l * (1.0 - window / (3.0 * l)) : 1.0 - l / (3.0 * window);
}

/* Traffic is not judged before its dispersion has been seen in so many windows: until then every wander is a wonder. */
#define DETECT_PACE_YOUNG 8u
static inline bool detect_pace_is_young(uint32_t pace, uint32_t age) {
  return pace && age < 60u * LIMIT_TICKS_PER_S + DETECT_PACE_YOUNG * detect_pace_window(pace);
}

/* An alarm of the comparison with siblings waits so many ticks after its onset: until then one of two that are alike
 * may have been heard of before the other. */
static inline uint32_t detect_pace_hold(uint32_t pace) {
  return 2u * pace + pace / 4u;
}

#endif
