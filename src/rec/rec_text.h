/* The one readable form of the input log's records: a line a record, for debugging output and for diffs of two logs.
 *
 *   tick 12 end=2026-03-02T09:00:00.250000000Z now=2026-03-02T09:00:00.600000000Z
 *   series 3 bucket=17 level=service side=server namespace="shop" service="cart"
 *   obs 3 ok=41 server_error=2 retries=1 latency_sum_ns=92 bytes_in=880 bytes_out=5120 hist=12:30,13:11
 *
 * Texts stand in quotes and are escaped as in JSON; what is zero or empty is left out. Each line ends with \n. */
#ifndef REC_TEXT_H
#define REC_TEXT_H

#include "base_buf.h"
#include "rec_codec.h"

void rec_text_tick(const struct rec_tick *tick, struct base_buf *out);
void rec_text_series(const struct rec_series *series, struct base_buf *out);
/* cell: the batch's cells, into which obs->hist_from points. */
void rec_text_obs(const struct rec_obs *obs, const struct rec_hist_cell *cell, struct base_buf *out);
void rec_text_drop(const struct rec_drop *drop, struct base_buf *out);
void rec_text_exemplar(const struct rec_exemplar *exemplar, struct base_buf *out);
void rec_text_change(const struct rec_change *change, struct base_buf *out);
void rec_text_command(const struct rec_command *command, struct base_buf *out);
void rec_text_gap(const struct rec_gap *gap, struct base_buf *out);
void rec_text_gauge(const struct rec_gauge *gauge, struct base_buf *out);
/* what: "stream", "message", "end" or "close". The message's bytes are shown as their number. */
void rec_text_arrival(const char *what, const struct rec_arrival *arrival, struct base_buf *out);

/* All of a tick's input in the order in which the engine takes it; the tick itself last. */
void rec_text_tick_input(const struct rec_tick_input *in, struct base_buf *out);

#endif
