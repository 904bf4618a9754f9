/* Where the requests of an edge spend their time: means of the last seconds and of normal life, by stage, of one end's
 * reports (docs/detectors/time.md). Never judged by itself: evidence for an incident that something else opened.
 *   recent   mean over requests, each weighted by e^(-age / 3 s); of the last eight or so where fewer came
 *   usual    mean of recent over the windows of ten seconds, horizon one hour
 * Both ends weigh alike, so that differences between them are those of the same requests. Rounded to 1 us or 1 part in
 * 4096, whichever is more, by dithering (detect_fixed.h): small steps are not lost. */
#ifndef DETECT_STAGES_H
#define DETECT_STAGES_H

#include "series_state.h"

void detect_stages_init(struct series_stages *d);

/* What n > 0 timed requests of one tick brought; dt ticks since the last that did. Cost: 60 ns. */
void detect_stages_add(struct series_stages *d, enum rec_side side, const struct rec_obs *obs, uint32_t n, uint32_t dt,
                       uint32_t seq);

/* Ten seconds with requests are over: what is recent becomes part of what is usual, with this weight in (0, 1]. */
void detect_stages_window(struct series_stages *d, double weight, uint32_t seq);

/* What is recent is the normal from now on. */
void detect_stages_adopt(struct series_stages *d);

/* False before the first window: nothing is usual yet. */
bool detect_stages_known(const struct series_stages *d);
/* Seconds a request. */
double detect_stages_usual_s(const struct series_stages *d, enum series_stage stage);
double detect_stages_recent_s(const struct series_stages *d, enum series_stage stage);

#endif
