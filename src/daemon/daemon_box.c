#include "daemon_box.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base_must.h"
#include "daemon_box_file.h"
#include "daemon_log.h"
#include "rec_counter.h"

#define BOX_RING 16u                      /* checkpoints kept for incidents to come; the spacing makes it 4 or so */
#define BOX_SLACK_NS (60 * TIME_NS_PER_S) /* an incident that opens so late still finds its checkpoint */
#define BOX_FRESH   \
  (struct moment) { \
    0, 0, 0         \
  } /* the empty engine before frame 0 */

/* A checkpoint in DIR/box, or, with end_ns 0, no file: an engine that has heard nothing. */
struct moment {
  uint64_t frame;
  int64_t end_ns;
  uint64_t bytes;
};

struct boxes {
  struct box_conf conf;
  struct journal *journal; /* NULL: not open */
  uint64_t window;         /* the journal's, when it was last looked at */
  struct moment ring[BOX_RING];
  uint32_t ring_n;
  struct box *box; /* LIMIT_BOXES of them, in order of first sight */
  uint32_t box_n;
  uint64_t bytes; /* that only boxes hold, when it was last looked at */
};

static void say(const struct box *x, const char *text) {
  log_say(BASE_LEVEL_WARNING, "box", "%016llx: %s", (unsigned long long)x->id, text);
}

/* ---- checkpoints ---- */

static void moment_path(const struct boxes *b, uint64_t frame, int64_t end_ns, char out[PATH_MAX]) {
  char name[48];
  box_checkpoint_name(frame, end_ns, name);
  snprintf(out, PATH_MAX, "%s/box/%s", b->conf.dir, name);
}

void box_checkpoint_path(const struct boxes *b, uint64_t frame, struct base_wall end, char out[PATH_MAX]) {
  moment_path(b, frame, end.ns, out);
}

static uint64_t moment_bytes(const struct boxes *b, uint64_t frame, int64_t end_ns) {
  char path[PATH_MAX];
  struct stat st;
  moment_path(b, frame, end_ns, path);
  return end_ns && stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static bool in_ring(const struct boxes *b, uint64_t frame, int64_t end_ns) {
  for (uint32_t i = 0; i < b->ring_n; i++)
    if (b->ring[i].frame == frame && b->ring[i].end_ns == end_ns) return true;
  return false;
}

/* How many boxes begin there. */
static uint32_t users(const struct boxes *b, uint64_t frame, int64_t end_ns) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < b->box_n; i++)
    n += !b->box[i].pending && b->box[i].from == frame && b->box[i].end_ns == end_ns;
  return n;
}

/* Removes the file that neither a box nor the ring needs. */
static void moment_release(const struct boxes *b, uint64_t frame, int64_t end_ns) {
  char path[PATH_MAX];
  if (end_ns == 0 || in_ring(b, frame, end_ns) || users(b, frame, end_ns)) return;
  moment_path(b, frame, end_ns, path);
  (void)unlink(path);
}

static void ring_drop(struct boxes *b, uint32_t i) {
  struct moment gone = b->ring[i];
  b->ring_n--;
  memmove(&b->ring[i], &b->ring[i + 1], (b->ring_n - i) * sizeof *b->ring);
  moment_release(b, gone.frame, gone.end_ns);
}

/* Keeps one that is old enough for an incident that begins now, and those after it half of `before` apart. */
static void ring_add(struct boxes *b, struct moment m) {
  int64_t apart = b->conf.before_ns / 2, old = m.end_ns - b->conf.before_ns - BOX_SLACK_NS;
  if (b->ring_n >= 2 && m.end_ns - b->ring[b->ring_n - 2].end_ns < apart) ring_drop(b, b->ring_n - 1);
  while (b->ring_n >= 2 && (b->ring[1].end_ns <= old || b->ring_n == BOX_RING)) ring_drop(b, 0);
  b->ring[b->ring_n++] = m;
}

/* The checkpoint to begin with: the newest that is `before` older than the start, else the oldest, of those whose
 * journal is whole. NULL: none is. */
static const struct moment *ring_pick(const struct boxes *b, int64_t started_ns) {
  const struct moment *best = NULL;
  for (uint32_t i = 0; i < b->ring_n; i++) {
    if (b->ring[i].frame < b->window) continue;
    if (!best || b->ring[i].end_ns <= started_ns - b->conf.before_ns) best = &b->ring[i];
  }
  return best;
}

/* ---- boxes ---- */

static struct box *box_find(struct boxes *b, uint64_t id) {
  for (uint32_t i = b->box_n; i-- > 0;)
    if (b->box[i].id == id) return &b->box[i];
  return NULL;
}

static void box_pin(struct boxes *b, const struct box *x) {
  if (b->journal && !x->pending) journal_pin(b->journal, x->id, x->from, x->to);
}

static void box_save(struct boxes *b, const struct box *x) {
  if (x->pending || box_write(b->conf.dir, x, b->conf.version, b->conf.conf)) return;
  char text[128];
  snprintf(text, sizeof text, "cannot be written: %s", strerror(errno));
  say(x, text);
  b->conf.counters[REC_COUNTER_BOX_ERRORS]++;
}

static void box_forget(struct boxes *b, const struct box *x) {
  char path[PATH_MAX];
  box_path(b->conf.dir, x->id, path);
  (void)unlink(path);
  if (b->journal) journal_unpin(b->journal, x->id);
}

static void box_drop(struct boxes *b, struct box *x) {
  struct box gone = *x;
  size_t i = (size_t)(x - b->box);
  box_forget(b, x);
  b->box_n--;
  memmove(&b->box[i], &b->box[i + 1], (b->box_n - i) * sizeof *b->box);
  if (!gone.pending) moment_release(b, gone.from, gone.end_ns);
}

static void box_give_up(struct boxes *b, struct box *x, const char *why) {
  say(x, why);
  b->conf.counters[REC_COUNTER_BOXES_DROPPED]++;
  box_drop(b, x);
}

/* It begins with m, or, where that is NULL, with the next checkpoint. */
static void box_move(struct boxes *b, struct box *x, const struct moment *m) {
  struct box was = *x;
  x->pending = m == NULL;
  x->engine = b->conf.engine;
  if (m) {
    x->from = m->frame;
    x->end_ns = m->end_ns;
    x->bytes = m->bytes;
    box_pin(b, x);
  } else {
    box_forget(b, x);
  }
  if (!was.pending) moment_release(b, was.from, was.end_ns);
  box_save(b, x);
}

/* Begins anew, later than its incident. */
static void box_shorten(struct boxes *b, struct box *x, const struct moment *m, const char *why) {
  if (!x->pending) say(x, why);
  if (!x->pending) b->conf.counters[REC_COUNTER_BOXES_SHORTENED]++;
  box_move(b, x, m);
}

/* The closed one that closed first, or NULL. */
static struct box *box_oldest_closed(struct boxes *b) {
  struct box *best = NULL;
  for (uint32_t i = 0; i < b->box_n; i++)
    if (b->box[i].to != BOX_OPEN && (!best || b->box[i].to < best->to)) best = &b->box[i];
  return best;
}

/* The newest checkpoint that an open one can begin anew with, from which its last state can be made; or NULL. */
static const struct moment *box_later(const struct boxes *b, const struct box *x) {
  if (x->to != BOX_OPEN || x->pending) return NULL;
  for (uint32_t i = b->ring_n; i-- > 0;)
    if (b->ring[i].frame <= x->told && b->ring[i].frame > x->from && b->ring[i].frame >= b->window) return &b->ring[i];
  return NULL;
}

/* Of the open ones that can begin later the one that begins first, or NULL. */
static struct box *box_oldest_open(struct boxes *b) {
  struct box *best = NULL;
  for (uint32_t i = 0; i < b->box_n; i++)
    if (box_later(b, &b->box[i]) && (!best || b->box[i].from < best->from)) best = &b->box[i];
  return best;
}

/* Of what only boxes hold; a checkpoint that the ring has counts nothing, one that several boxes share once. */
static uint64_t bytes_held(const struct boxes *b) {
  uint64_t bytes = b->journal ? journal_held_bytes(b->journal) : 0;
  for (uint32_t i = 0; i < b->box_n; i++) {
    const struct box *x = &b->box[i];
    bool first = !x->pending && !in_ring(b, x->from, x->end_ns);
    for (uint32_t k = 0; first && k < i; k++)
      first = b->box[k].pending || b->box[k].from != x->from || b->box[k].end_ns != x->end_ns;
    if (first) bytes += x->bytes;
  }
  return bytes;
}

static void boxes_trim(struct boxes *b) {
  while ((b->bytes = bytes_held(b)) > b->conf.bytes_max && b->box_n) {
    struct box *x = box_oldest_closed(b);
    if (x) {
      box_give_up(b, x, "given up, others need the room (box_bytes)");
      continue;
    }
    x = box_oldest_open(b);
    if (!x) return;
    box_shorten(b, x, box_later(b, x), "begins later now, it would be larger than box_bytes");
  }
}

static struct box *box_add(struct boxes *b, const struct rec_incident *in) {
  if (b->box_n == LIMIT_BOXES) {
    struct box *oldest = box_oldest_closed(b);
    if (!oldest) return NULL;
    box_give_up(b, oldest, "given up, there are too many");
  }
  struct box *x = &b->box[b->box_n++];
  *x = (struct box){
      .id = in->id_hash, .to = BOX_OPEN, .started_ns = in->started_at.ns, .muted = in->muted, .pending = true};
  b->conf.counters[REC_COUNTER_BOXES]++;
  const struct moment *m = ring_pick(b, in->started_at.ns);
  if (m && m->end_ns > in->started_at.ns) b->conf.counters[REC_COUNTER_BOXES_SHORTENED]++;
  box_move(b, x, m);
  return x;
}

/* Closed, and back: what lies between must still be there. */
static void box_reopen(struct boxes *b, struct box *x) {
  bool whole = x->engine == b->conf.engine && x->to >= b->window;
  x->to = BOX_OPEN;
  if (whole)
    box_pin(b, x);
  else
    box_shorten(b, x, ring_pick(b, x->started_ns), "its incident came back: begins anew");
}

static void box_mute(struct boxes *b, struct box *x) {
  if (x->muted) return;
  x->muted = true;
  box_save(b, x);
}

void box_incident(struct boxes *b, const struct rec_incident *in, uint64_t frame) {
  struct box *x = box_find(b, in->id_hash);
  bool open = in->state == REC_STATE_OPEN;
  if (!x) x = box_add(b, in);
  if (!x) return;
  x->told = frame;
  if (in->muted) box_mute(b, x);
  if (x->to != BOX_OPEN && frame > x->to) box_reopen(b, x);
  if (open) return;
  x->to = frame;
  if (x->pending || x->from > frame) {
    box_give_up(b, x, "given up, its incident was over before it could begin");
    return;
  }
  box_pin(b, x);
  box_save(b, x);
  boxes_trim(b);
}

void box_tick(struct boxes *b, const struct rec_tick_input *in) {
  for (size_t i = 0; i < in->head.command_n; i++) {
    const struct rec_command *c = &in->head.command[i];
    char id[17] = "";
    if (c->verb != REC_VERB_MUTE || c->incident_id.n != 16) continue;
    memcpy(id, c->incident_id.p, 16);
    struct box *x = box_find(b, strtoull(id, NULL, 16));
    if (x) box_mute(b, x);
  }
  if (!b->journal || journal_window(b->journal) == b->window) return;
  b->window = journal_window(b->journal);
  boxes_trim(b);
}

void box_checkpoint(struct boxes *b, uint64_t frame, struct base_wall end) {
  struct moment m = {frame, end.ns, moment_bytes(b, frame, end.ns)};
  if (m.bytes == 0) return; /* it could be neither linked nor copied */
  if (b->journal) b->window = journal_window(b->journal);
  ring_add(b, m);
  for (uint32_t i = 0; i < b->box_n; i++)
    if (b->box[i].pending) box_move(b, &b->box[i], &m);
  boxes_trim(b);
}

void box_checkpoint_drop(struct boxes *b, uint64_t frame, struct base_wall end) {
  moment_release(b, frame, end.ns);
}

/* ---- the journal comes and goes ---- */

void box_gap(struct boxes *b) {
  b->journal = NULL;
  while (b->ring_n) ring_drop(b, b->ring_n - 1);
  for (uint32_t i = 0; i < b->box_n; i++)
    if (b->box[i].to == BOX_OPEN) box_shorten(b, &b->box[i], NULL, "begins anew, the journal could not be written");
}

void box_reset(struct boxes *b) {
  MUST(!b->journal);
  while (b->box_n) box_give_up(b, &b->box[b->box_n - 1], "given up, its journal was put aside");
  while (b->ring_n) ring_drop(b, b->ring_n - 1);
}

/* What begins before the window and is not pinned any more cannot be relied on; what begins in it can. */
void box_journal(struct boxes *b, struct journal *journal, bool fresh) {
  if (b->journal == journal) return;
  b->journal = journal;
  b->window = journal_window(journal);
  while (b->ring_n && b->ring[0].frame < b->window) ring_drop(b, 0);
  if (fresh && b->ring_n == 0) b->ring[b->ring_n++] = BOX_FRESH;
  for (uint32_t i = 0; i < b->box_n; i++) box_pin(b, &b->box[i]);
  boxes_trim(b);
}

/* ---- open and close ---- */

static int box_order(const void *a, const void *b) {
  const struct box *x = a, *y = b;
  return (x->started_ns > y->started_ns) - (x->started_ns < y->started_ns);
}

static void read_box(struct boxes *b, const char *name) {
  struct box x;
  char *end = NULL;
  const char *why = NULL;
  uint64_t id = strtoull(name, &end, 16);
  if (end != name + 16 || strcmp(end, ".json") != 0 || b->box_n == LIMIT_BOXES) return;
  if (box_read(b->conf.dir, id, &x, NULL, &why)) {
    x.bytes = moment_bytes(b, x.from, x.end_ns);
    b->box[b->box_n++] = x;
    return;
  }
  x = (struct box){.id = id};
  say(&x, why);
  b->conf.counters[REC_COUNTER_BOX_ERRORS]++;
}

static void read_moment(struct boxes *b, struct moment m) {
  uint32_t at = b->ring_n;
  m.bytes = moment_bytes(b, m.frame, m.end_ns);
  while (at && b->ring[at - 1].frame > m.frame) at--;
  if (b->ring_n == BOX_RING && at == 0) {
    moment_release(b, m.frame, m.end_ns);
    return;
  }
  if (b->ring_n == BOX_RING) {
    ring_drop(b, 0);
    at--;
  }
  memmove(&b->ring[at + 1], &b->ring[at], (b->ring_n++ - at) * sizeof *b->ring);
  b->ring[at] = m;
}

static void read_dir(struct boxes *b, bool checkpoints) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/box", b->conf.dir);
  DIR *dir = opendir(path);
  for (struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir)) {
    struct moment m = {0};
    bool is_checkpoint = box_checkpoint_name_read(d->d_name, &m.frame, &m.end_ns);
    if (checkpoints && is_checkpoint) read_moment(b, m);
    if (!checkpoints && !is_checkpoint) read_box(b, d->d_name);
  }
  if (dir) (void)closedir(dir);
}

/* DIR/box/engine names by whom the checkpoints were made; returns whether it was this one, which it names then. */
static bool engine_same(const struct boxes *b) {
  char path[PATH_MAX], own[17], text[17] = "";
  snprintf(path, sizeof path, "%s/box/engine", b->conf.dir);
  snprintf(own, sizeof own, "%016llx", (unsigned long long)b->conf.engine);
  FILE *f = fopen(path, "re");
  if (f && fread(text, 1, 16, f) != 16) text[0] = 0;
  if (f) (void)fclose(f);
  if (strcmp(text, own) == 0) return true;
  f = fopen(path, "we");
  if (f) fputs(own, f);
  if (f) (void)fclose(f);
  return false;
}

/* Open ones that another program, or another configuration of it, began go on from the first checkpoint of this one. */
static void adopt(struct boxes *b) {
  if (engine_same(b)) return;
  for (uint32_t i = 0; i < b->box_n; i++)
    if (b->box[i].to == BOX_OPEN && b->box[i].engine != b->conf.engine)
      box_shorten(b, &b->box[i], NULL, "begins anew, the version or the engine's configuration is another one");
  while (b->ring_n) ring_drop(b, b->ring_n - 1);
}

struct boxes *box_open(const struct box_conf *conf) {
  char path[PATH_MAX];
  struct boxes *b = calloc(1, sizeof *b);
  if (!b) return NULL;
  b->conf = *conf;
  b->box = calloc(LIMIT_BOXES, sizeof *b->box);
  if (!b->box) {
    free(b);
    return NULL;
  }
  snprintf(path, sizeof path, "%s/box", conf->dir);
  (void)journal_dirs_make(path); /* a failure shows where the first file is written */
  read_dir(b, false);
  qsort(b->box, b->box_n, sizeof *b->box, box_order);
  read_dir(b, true);
  adopt(b);
  return b;
}

void box_close(struct boxes *b) {
  if (!b) return;
  free(b->box);
  free(b);
}

void box_stats(const struct boxes *b, struct box_stats *out) {
  *out = (struct box_stats){.n = b->box_n, .bytes = b->bytes};
  for (uint32_t i = 0; i < b->box_n; i++) out->open += b->box[i].to == BOX_OPEN;
}
