/* Where the time went: what the two ends of the first cause's hottest edge say about the same requests, put together
 * (docs/detectors/time.md). Means in seconds a fine request.
 *
 *   client proxy  = client (before + last)        server proxy = server (before + last)
 *   retries       = client retried                application  = server (wait + receive)
 *   upload        = client send                   download     = client receive - server receive
 *   network       = client wait - server (before + wait + last)
 *
 * All seven add up to the duration that the client's proxy reports. */
#ifndef INCIDENT_TIME_H
#define INCIDENT_TIME_H

#include "incident_view.h"

/* What one end says. */
struct incident_end {
  bool known;
  double usual_s[SERIES_STAGES], now_s[SERIES_STAGES];
};

struct incident_time {
  uint32_t told; /* bit i: something is known of place i; 0: of none */
  uint32_t edge; /* in the catalog */
  uint8_t place; /* enum rec_place: holds most of what is more; REC_PLACE_COUNT: no one place does */
  uint8_t pad[7];
  double usual_s[REC_PLACE_COUNT], now_s[REC_PLACE_COUNT];
};

/* Divides; sets all but `edge`. Where one end is not known, what the other says is told. */
void incident_time_divide(const struct incident_end *client, const struct incident_end *server,
                          struct incident_time *out);
/* What is more than usual at one place, and at all that have more together. */
double incident_time_more_s(const struct incident_time *t, enum rec_place place);
double incident_time_total_s(const struct incident_time *t);
/* Is it on the way between the two proxies? There no queue of the callee's holds it. */
bool incident_time_on_way(const struct incident_time *t);

/* The edge into `node` with most excess of latency in ticks [from, to], or REC_SERIES_NONE. */
uint32_t incident_time_hottest(const struct incident_view *v, uint32_t node, uint32_t from, uint32_t to);
/* Looks at the edge's two ends now. False, and *t as it was, where they show too little of the excess that the edge had
 * in these ticks: they are not known well enough, or the trouble is passing, and *t has told more of it. */
bool incident_time_look(const struct incident_view *v, uint32_t edge, uint32_t from, uint32_t to,
                        struct incident_time *t);

#endif
