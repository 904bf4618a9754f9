/* A recording: what the receivers got and when the clock asked for ticks, in one file that `replay --format
 * recording` reads. Streams are numbered from 1 in the order in which they opened. */
#ifndef DAEMON_RECORDING_H
#define DAEMON_RECORDING_H

#include "daemon_door.h"
#include "journal.h"
#include "rec_codec.h"

struct recording;

/* Creates the file; one that exists already is refused, so that nothing recorded is ever lost. NULL: err tells. */
struct recording *recording_open(const char *path, struct journal_err *err);
/* Number of the new stream, whose messages all have that form. */
uint64_t recording_stream_open(struct recording *r, enum door_form form, struct base_wall now);
void recording_message(struct recording *r, uint64_t stream, struct base_str bytes, struct base_wall recv);
void recording_stream_close(struct recording *r, uint64_t stream, struct base_wall now);
/* The clock asks for ticks: every step of a live run, so that a replay closes the same ticks at the same places. */
void recording_step(struct recording *r, struct base_wall now);
/* What the API took for the next tick; of head, changes and commands alone. */
void recording_told(struct recording *r, const struct rec_head_batch *head, struct base_wall now);
/* Hands what is buffered to the file. */
void recording_flush(struct recording *r);
/* The first failure, or NULL; nothing is written after it. */
const char *recording_problem(const struct recording *r);
uint64_t recording_messages(const struct recording *r);
uint64_t recording_bytes(const struct recording *r);
/* Flushes and makes durable. False where something could not be written: recording_problem told. */
bool recording_close(struct recording *r);

#endif
