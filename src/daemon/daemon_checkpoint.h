/* The engine's memory on disk: <dir>/checkpoint and the one before it, <dir>/checkpoint.before. Saving copies the
 * engine on the calling thread (between two ticks) and leaves writing and fsync to a helper thread, so that a slow
 * disk does not hold up detection.
 *
 *   "FSHKCP1\n" | u64le number of the first journal frame that is not in it | engine_save()
 */
#ifndef DAEMON_CHECKPOINT_H
#define DAEMON_CHECKPOINT_H

#include "engine.h"
#include "journal.h"

struct checkpoint;

/* NULL: out of memory. dir must outlive it. */
struct checkpoint *checkpoint_open(const char *dir);
/* Waits for a write under way. */
void checkpoint_close(struct checkpoint *c);

#define CHECKPOINT_LOGS 2u /* that must be on disk before it */

enum checkpoint_state {
  CHECKPOINT_IDLE,
  CHECKPOINT_BUSY,
  CHECKPOINT_GOOD,
  CHECKPOINT_FAILED,
  CHECKPOINT_UNSYNCED /* a log could not be brought to the disk; what of it is there is not known */
};

/* Begins to write: first what the logs' descriptors were given so far (-1: none), then the checkpoint; once it is
 * there, `also` becomes a second name of it (a copy, where the file system has no hard links); "" for none. False: one
 * is still being written, or out of memory. Takes the time of a copy of the engine's memory in use: `./dev bench
 * restore`. */
bool checkpoint_save(struct checkpoint *c, const struct engine *e, uint64_t frame_next, const char *also,
                     const int log_fd[CHECKPOINT_LOGS]);
/* GOOD, FAILED and UNSYNCED are told once each; err is then set. With `wait` never BUSY. */
enum checkpoint_state checkpoint_poll(struct checkpoint *c, bool wait, struct journal_err *err);
/* Of the last one that was begun, 0: none. */
size_t checkpoint_bytes(const struct checkpoint *c);
/* Loads the newest sound one. False: none (err->text is then empty) or none that is sound (err tells). */
bool checkpoint_load(const char *dir, struct engine *e, uint64_t *frame_next, struct journal_err *err);
/* Loads that file; frame_next as above. False: err tells. */
bool checkpoint_load_path(const char *path, struct engine *e, uint64_t *frame_next, struct journal_err *err);
/* Loads from memory, the same bytes; path is for err. */
bool checkpoint_load_bytes(struct base_str bytes, const char *path, struct engine *e, uint64_t *frame_next,
                           struct journal_err *err);

#endif
