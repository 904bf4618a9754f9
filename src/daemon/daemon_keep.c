#include "daemon_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon_checkpoint.h"
#include "daemon_keep_room.h"
#include "daemon_log.h"

#define KEEP_INCIDENT_SEGMENT_BYTES (16u << 20)
#define KEEP_INCIDENT_SEGMENTS 4u
#define KEEP_WORK_NS (TIME_NS_PER_S / 2)

void keep_fail(struct keep *k, const char *text) {
  k->counters[REC_COUNTER_JOURNAL_ERRORS]++;
  if (!k->problem[0]) log_say(BASE_LEVEL_ERROR, "disk", "%s; going on in memory", text);
  snprintf(k->problem, sizeof k->problem, "%s", text);
}

static void keep_well(struct keep *k) {
  if (k->problem[0]) log_say(BASE_LEVEL_INFO, "disk", "writing again");
  k->problem[0] = 0;
}

static void keep_path(const struct keep *k, const char *name, char out[PATH_MAX]) {
  snprintf(out, PATH_MAX, "%s/%s", k->conf.dir, name);
}

static void keep_fail_errno(struct keep *k, const char *what) {
  char text[256];
  snprintf(text, sizeof text, "%.160s: %s", what, strerror(errno));
  keep_fail(k, text);
}

/* False: another process holds the lock. A lock that cannot be made is a problem, not an end. */
static bool keep_lock(struct keep *k) {
  char path[PATH_MAX];
  keep_path(k, "lock", path);
  k->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (k->lock_fd < 0) {
    keep_fail_errno(k, path);
    return true;
  }
  return flock(k->lock_fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

static struct keep *keep_refuse(struct keep *k, struct journal_err *err, const char *text) {
  snprintf(err->text, sizeof err->text, "%.150s: %s", k ? k->conf.dir : "data", text);
  keep_close(k);
  return NULL;
}

struct keep *keep_open(const struct keep_conf *conf, struct journal_err *err) {
  struct keep *k = calloc(1, sizeof *k);
  if (!k) return keep_refuse(NULL, err, "out of memory");
  k->conf = *conf;
  k->lock_fd = -1;
  k->text = buf_open(LIMIT_FRAME_BYTES);
  keep_path(k, "journal", k->journal_dir);
  keep_path(k, "incidents", k->incidents_dir);
  k->checkpoint = checkpoint_open(conf->dir);
  if (!k->checkpoint) return keep_refuse(k, err, "out of memory");
  if (!journal_dirs_make(conf->dir)) keep_fail_errno(k, conf->dir);
  if (!keep_lock(k)) return keep_refuse(k, err, "in use by another process");
  struct box_conf box = {.dir = conf->dir,
                         .before_ns = conf->box_before_ns,
                         .bytes_max = conf->box_bytes,
                         .conf = conf->conf,
                         .version = conf->version,
                         .engine = conf->engine,
                         .counters = k->counters};
  k->boxes = box_open(&box);
  return k->boxes ? k : keep_refuse(k, err, "out of memory");
}

void keep_close(struct keep *k) {
  if (!k) return;
  checkpoint_close(k->checkpoint);
  box_close(k->boxes);
  restore_drop(k->restore);
  if (k->journal) journal_close(k->journal);
  if (k->incidents) journal_close(k->incidents);
  unlogged_clear(&k->unlogged);
  if (k->lock_fd >= 0) close(k->lock_fd);
  buf_fini(&k->text);
  free(k);
}

static struct journal *keep_log_open(struct keep *k, const char *dir, uint64_t segment_bytes, uint32_t segments_max) {
  struct journal_conf conf = {.dir = dir, .segment_bytes = segment_bytes, .segments_max = segments_max};
  struct journal_err err = {0};
  if (!journal_dirs_make(dir)) {
    keep_fail_errno(k, dir);
    return NULL;
  }
  struct journal *j = journal_open(&conf, &err);
  if (!j) keep_fail(k, err.text);
  return j;
}

/* What the engine hears until the next checkpoint cannot be made again. */
static void keep_gap(struct keep *k) {
  box_gap(k->boxes);
  k->fresh = false;
  k->saved_gap = true;
}

static void keep_log_lose(struct keep *k, struct journal **log) {
  if (*log == k->journal) keep_gap(k);
  if (*log) journal_close(*log);
  *log = NULL;
}

/* A log whose write failed is closed; the next checkpoint opens it again, which cuts a torn frame. */
static void keep_log_fail(struct keep *k, struct journal **log, const char *dir) {
  char text[256];
  snprintf(text, sizeof text, "%.160s: cannot be written: %s", dir, strerror(errno));
  keep_fail(k, text);
  keep_log_lose(k, log);
}

static void keep_append(struct keep *k, struct journal **log, const char *dir, enum rec_frame kind,
                        struct base_str body) {
  if (!*log) return;
  errno = EIO; /* for a failure that says nothing */
  if (journal_append(*log, (uint8_t)kind, body) != JOURNAL_OK) {
    keep_log_fail(k, log, dir);
    return;
  }
  k->counters[REC_COUNTER_JOURNAL_FRAMES]++;
  k->counters[REC_COUNTER_JOURNAL_BYTES] += body.n;
}

static void keep_sync(struct keep *k, struct journal **log, const char *dir, bool durable) {
  if (!*log) return;
  errno = EIO;
  if (journal_sync(*log, durable) != JOURNAL_OK) keep_log_fail(k, log, dir);
}

/* What it takes is there whatever comes next but a loss of power. */
static void keep_incidents_sync(struct keep *k) {
  keep_sync(k, &k->incidents, k->incidents_dir, false);
  if (k->incidents) unlogged_clear(&k->unlogged);
}

/* What was told while it could not be written; what it has already, its readers skip. */
static void keep_unlogged_write(struct keep *k) {
  for (const struct unlogged_item *i = k->unlogged.first; i; i = i->next)
    keep_append(k, &k->incidents, k->incidents_dir, i->kind, i->text);
  keep_incidents_sync(k);
}

bool keep_incidents_open(struct keep *k) {
  if (k->incidents) return true;
  k->incidents = keep_log_open(k, k->incidents_dir, KEEP_INCIDENT_SEGMENT_BYTES, KEEP_INCIDENT_SEGMENTS);
  if (k->incidents) keep_unlogged_write(k);
  return k->incidents != NULL;
}

bool keep_logs_open(struct keep *k) {
  if (!k->journal) k->journal = keep_log_open(k, k->journal_dir, k->conf.segment_bytes, k->conf.segments_max);
  if (k->journal) box_journal(k->boxes, k->journal, k->fresh);
  return keep_incidents_open(k) && k->journal;
}

static void keep_write(struct keep *k, const struct rec_tick_input *in) {
  if (k->text.bad) {
    errno = EFBIG; /* without this tick what follows cannot be replayed; the next checkpoint makes it whole */
    keep_log_fail(k, &k->journal, k->journal_dir);
    return;
  }
  keep_append(k, &k->journal, k->journal_dir, REC_FRAME_TICK, buf_str(&k->text));
  if (k->journal) k->written = journal_next(k->journal) - 1;
  box_tick(k->boxes, in);
}

void keep_tick(struct keep *k, const struct rec_tick_input *in) {
  if (!k->journal && !k->restore) return;
  buf_clear(&k->text);
  rec_codec_tick_write(in, &k->text);
  if (k->journal)
    keep_write(k, in);
  else
    keep_gap(k);
  if (k->restore)
    restore_wait(k->restore, in, &k->text);
  else
    k->frame = k->written;
}

static void keep_record(struct keep *k, enum rec_frame kind, uint64_t id, struct base_str json) {
  k->counters[REC_COUNTER_UNLOGGED_LOST] += unlogged_put(&k->unlogged, kind, id, json);
  keep_append(k, &k->incidents, k->incidents_dir, kind, json);
}

/* The tick behind a state reaches the kernel before the state does: what a restart makes of the journal has all that
 * was told. */
void keep_incident(struct keep *k, const struct rec_incident *in, struct base_str json) {
  keep_sync(k, &k->journal, k->journal_dir, false);
  keep_record(k, REC_FRAME_INCIDENT, in->id_hash, json);
  box_incident(k->boxes, in, k->frame);
}

void keep_audit(struct keep *k, struct base_str json) {
  keep_record(k, REC_FRAME_AUDIT, 0, json);
  keep_incidents_sync(k); /* whoever asked is about to be told that it is taken */
}

void keep_flush(struct keep *k) {
  keep_sync(k, &k->journal, k->journal_dir, false);
  keep_incidents_sync(k);
}

/* Of what was given to the disk nobody knows what is there; both begin again behind it. */
static void keep_logs_lose(struct keep *k) {
  keep_log_lose(k, &k->journal);
  keep_log_lose(k, &k->incidents);
}

static void keep_poll(struct keep *k, bool wait) {
  struct journal_err err = {0};
  enum checkpoint_state state = checkpoint_poll(k->checkpoint, wait, &err);
  if (state == CHECKPOINT_FAILED || state == CHECKPOINT_UNSYNCED) keep_fail(k, err.text);
  if (state == CHECKPOINT_UNSYNCED) keep_logs_lose(k);
  if (state != CHECKPOINT_GOOD) return;
  if (k->saved_gap) { /* the journal goes on elsewhere: the next one bridges that */
    box_checkpoint_drop(k->boxes, k->saved_frame, k->saved_end);
    return;
  }
  if (k->journal && k->incidents) keep_well(k);
  box_checkpoint(k->boxes, k->saved_frame, k->saved_end);
}

static void keep_save(struct keep *k, const struct engine *e, struct base_wall end) {
  char also[PATH_MAX];
  uint64_t frame = journal_next(k->journal);
  box_checkpoint_path(k->boxes, frame, end, also);
  const int log_fd[CHECKPOINT_LOGS] = {journal_fd(k->journal), k->incidents ? journal_fd(k->incidents) : -1};
  if (!checkpoint_save(k->checkpoint, e, frame, also, log_fd)) return;
  k->saved_frame = frame;
  k->saved_bytes = k->counters[REC_COUNTER_JOURNAL_BYTES];
  k->saved_end = end;
  k->saved_gap = false;
}

void keep_checkpoint(struct keep *k, const struct engine *e, bool wait) {
  struct engine_info info;
  engine_info(e, &info);
  keep_poll(k, wait);
  if (!keep_logs_open(k) || info.tick_end.ns == 0) return;
  keep_sync(k, &k->journal, k->journal_dir, false);
  keep_sync(k, &k->incidents, k->incidents_dir, false);
  if (k->journal) keep_save(k, e, info.tick_end);
  if (wait) keep_poll(k, true);
}

bool keep_is_due(const struct keep *k, int64_t work_ns, int64_t since_ns) {
  double seconds = (double)since_ns / (double)TIME_NS_PER_S, bytes = (double)checkpoint_bytes(k->checkpoint);
  double logged = (double)(k->counters[REC_COUNTER_JOURNAL_BYTES] - k->saved_bytes);
  if (work_ns < KEEP_WORK_NS || k->conf.checkpoint_bytes_per_s == 0) return false;
  return bytes <= seconds * (double)k->conf.checkpoint_bytes_per_s || bytes <= logged;
}

void keep_boxes(const struct keep *k, struct box_stats *out) {
  box_stats(k->boxes, out);
}

const char *keep_problem(const struct keep *k) {
  return k->problem[0] ? k->problem : NULL;
}

const uint64_t *keep_counters(const struct keep *k) {
  return k->counters;
}
