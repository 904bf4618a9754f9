/* Envoy's metrics service v3: the bytes of one StreamMetricsMessage -> samples (wire_sampler.h). Who sends stands in
 * the first message of a stream alone (wire_als_msg_read reads it: both services begin alike); its labels are the
 * caller's to give (sampler_common).
 *
 *   histograms  come twice, as a summary and as a histogram: the summary is left out on a stream that has sent a
 *               histogram (Envoy's histogram_emit_mode may leave either out)
 *   names       with emit_tags_as_labels as they are; else the tags stand inside of the dotted name and are taken out
 *               of it, as Envoy's own rules do: cluster.<name>., http.<prefix>., listener.<address>., tcp.<prefix>.,
 *               and the code of upstream_rq_503 and downstream_rq_5xx. A cluster's name may have dots.
 *   deltas      with report_counters_as_deltas a counter is what it grew by since the message before, which nothing
 *               says. One that counts on never falls inside a stream, as a stream does not outlive its process: one of
 *               those watched that does makes the stream one of deltas for good, from that message on
 *               (docs/decisions/0017-deltas-are-seen.md) */
#ifndef WIRE_EMS_H
#define WIRE_EMS_H

#include "wire_prom.h"

#define WIRE_EMS_WATCHED 8u /* counters of a stream that are watched: the first that are not 0 */
#define WIRE_EMS_SURE 64u   /* messages with counters after which one that never fell is sure to count on */

/* What a stream has shown of itself; zeroed when it opens. */
struct wire_ems_stream {
  bool histograms, deltas;
  uint8_t watched_n, message_n;
  struct {
    uint64_t hash; /* of name and labels */
    double value;
  } watched[WIRE_EMS_WATCHED];
};

/* All metrics of a message whose frame is sound (wire_als_msg_read). */
void wire_ems_take(struct wire_sampler *m, struct wire_ems_stream *stream, struct base_str bytes);

/* Takes the tags out of a dotted name: the name without them, in text, and at most WIRE_EMS_TAGS labels; their number.
 * One that has none is left as it is. */
#define WIRE_EMS_TAGS 2u
uint32_t wire_ems_untag(struct base_str *name, struct base_buf *text, struct wire_label tag[WIRE_EMS_TAGS]);

#endif
