/* What run keeps on disk: the journal of ticks, the incident log, checkpoints.
 *
 *   DIR/lock  DIR/journal/  DIR/incidents/  DIR/checkpoint  DIR/checkpoint.before  DIR/box/
 *
 * No failure of the disk stops anything: it is remembered as the problem (for /healthz), writing pauses, and each
 * checkpoint tries again. After a pause the journal has a gap, which the checkpoint that ends the pause bridges. */
#ifndef DAEMON_KEEP_H
#define DAEMON_KEEP_H

#include "daemon_line.h"
#include "journal.h"

struct keep;

struct keep_conf {
  const char *dir; /* must outlive it */
  uint64_t segment_bytes;
  uint32_t segments_max;
  uint64_t checkpoint_bytes_per_s; /* see keep_is_due */
  int64_t box_before_ns;           /* as struct box_conf, for the black boxes */
  uint64_t box_bytes;
  const char *conf, *version; /* must outlive it */
  uint64_t engine;
};

/* NULL: another process has the directory, or out of memory; err tells. A directory that cannot be made or written
 * gives a keep with a problem. */
struct keep *keep_open(const struct keep_conf *conf, struct journal_err *err);

/* Called for each incident state, and each record of an action, in the incident log, oldest first. */
typedef void (*keep_incident_fn)(void *ctx, enum rec_frame kind, struct base_str json);
void keep_incidents_read(struct keep *k, keep_incident_fn fn, void *ctx);

struct keep_restored {
  bool checkpoint; /* one was loaded */
  uint64_t ticks;  /* applied from the journal's tail */
  char note[256];  /* what could not be used, or empty */
};

/* Who else is served while ticks are applied. */
struct keep_between {
  void (*poll)(void *ctx); /* before the first tick and after each; the door may close ticks. NULL: nobody */
  void (*heard)(void *ctx, const struct rec_tick_input *in); /* a tick of the door's, before its turn. NULL: nobody */
  void *ctx;
};
/* Brings a fresh line to where the last process was: the checkpoint; the door's series and tick numbers, as they are
 * behind the journal's tail; then the tail through line_apply (the line's callbacks run). Opens the journal for writing
 * before the first poll: what the door closes from then on is given to keep_tick, is journalled, and waits. The line is
 * held (line_hold) until keep_catch_up, which must follow. between may be NULL and is copied; its ctx and *out must
 * live until then. False: out of memory, and nothing is restored. */
bool keep_restore(struct keep *k, struct line *line, const struct keep_between *between, struct keep_restored *out);
/* Applies what waits, in order, until nothing does. At most LIMIT_WAITING_TICK_BYTES wait: past that, and here past a
 * number that goes down, keep_tick itself applies what is oldest before it returns. */
void keep_catch_up(struct keep *k);

/* A tick of the door's, before the engine hears it. */
void keep_tick(struct keep *k, const struct rec_tick_input *in);
/* A state that was told; json is its text. */
void keep_incident(struct keep *k, const struct rec_incident *in, struct base_str json);
void keep_audit(struct keep *k, struct base_str json);
/* Hands what is buffered to the kernel: it survives kill -9 from here on. */
void keep_flush(struct keep *k);
/* Begins a checkpoint, unless one is under way, and retries what failed. With `wait`, returns when it is on disk. */
void keep_checkpoint(struct keep *k, const struct engine *e, bool wait);
/* Is a checkpoint due before its interval? work_ns: what the engine's ticks took since the last one was begun, since_ns
 * ago; a start would take as long again. True from half a second of work on, as often as keeps what checkpoints write
 * within checkpoint_bytes_per_s or within what the logs write, whichever is more. */
bool keep_is_due(const struct keep *k, int64_t work_ns, int64_t since_ns);
/* What is wrong, or NULL. Lives until the next call. */
const char *keep_problem(const struct keep *k);
struct box_stats;
void keep_boxes(const struct keep *k, struct box_stats *out);
/* The journal's and the boxes' counters, by enum rec_counter. */
const uint64_t *keep_counters(const struct keep *k);
void keep_close(struct keep *k);

#endif
