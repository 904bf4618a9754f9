#include "daemon_line.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base_arena.h"
#include "base_must.h"
#include "daemon_pool.h"
#include "io_loop.h"

#define WAITING_MAX 64u
#define BLOCK_MARKS 4096u /* pages that are asked about at once */
#define WAITING_BYTES (256u << 10)
/* Nothing was understood for so long: the door has given out all that it heard. */
#define QUIET_NS (LIMIT_LAG_NS_MAX + 2 * LIMIT_TICK_NS)

struct block {
  void *p;
  size_t n;
};

struct line {
  struct engine *engine;
  struct wire_fold *fold;
  struct pool *pool;
  struct block engine_mem, fold_mem;
  line_incident on_incident;
  line_tick on_tick;
  void *ctx;
  struct rec_tick_input in; /* of the tick under way */
  const struct rec_tick_input *running;
  struct rec_change change[WAITING_MAX];
  struct rec_command command[WAITING_MAX];
  size_t change_n, command_n;
  bool held;
  int64_t work_ns;
  struct base_wall heard, closed; /* the last message that was understood, the last tick; the caller's clock */
  struct base_arena text;         /* what waits, copied */
  char text_mem[WAITING_BYTES];
};

static bool block_open(struct block *b, size_t n) {
  void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return false;
  *b = (struct block){p, n};
  return true;
}

static void block_close(struct block *b) {
  if (b->p) (void)munmap(b->p, b->n);
}

static uint64_t block_resident(const struct block *b) {
  unsigned char mark[BLOCK_MARKS];
  size_t page = (size_t)sysconf(_SC_PAGESIZE), step = page * BLOCK_MARKS, pages = 0;
  for (size_t at = 0; at < b->n; at += step) {
    size_t n = b->n - at < step ? b->n - at : step, marks = (n + page - 1) / page;
    if (mincore((char *)b->p + at, n, mark) != 0) return 0;
    for (size_t i = 0; i < marks; i++) pages += mark[i] & 1u;
  }
  return pages * page;
}

struct line *line_open(const struct line_conf *conf, const char **err) {
  struct wire_fold_conf fold = {.series_max = conf->engine.series_max};
  struct line *l = calloc(1, sizeof *l);
  *err = "out of memory";
  if (!l) return NULL;
  l->text = arena_over(l->text_mem, sizeof l->text_mem);
  if (getrandom(fold.table_key, sizeof fold.table_key, 0) != (ssize_t)sizeof fold.table_key) {
    *err = "no random bytes to be had";
  } else if (!block_open(&l->engine_mem, engine_bytes(&conf->engine)) ||
             !block_open(&l->fold_mem, wire_fold_bytes(&fold))) {
    *err = "out of memory: max_series is too large for this machine";
  } else if (!(l->pool = pool_open(conf->threads))) {
    *err = "threads cannot be started";
  } else {
    l->engine = engine_init(l->engine_mem.p, l->engine_mem.n, &conf->engine);
    l->fold = wire_fold_init(l->fold_mem.p, l->fold_mem.n, &fold);
    *err = NULL;
    return l;
  }
  line_close(l);
  return NULL;
}

void line_close(struct line *l) {
  if (!l) return;
  if (l->pool) pool_close(l->pool);
  block_close(&l->engine_mem);
  block_close(&l->fold_mem);
  free(l);
}

wire_stream line_stream_open(struct line *l) {
  return wire_fold_stream_open(l->fold);
}

void line_stream_close(struct line *l, wire_stream s) {
  wire_fold_stream_close(l->fold, s);
}

void line_message(struct line *l, wire_stream s, enum door_form form, struct base_str bytes, struct base_wall recv) {
  if (door_fold(l->fold, s, form, bytes, recv)) l->heard = recv;
}

static bool text_keep(struct line *l, struct base_str *s) {
  if (s->n == 0) return true;
  *s = arena_str(&l->text, *s);
  return s->p != NULL;
}

bool line_change(struct line *l, const struct rec_change *c) {
  struct rec_change own = *c;
  if (l->change_n == WAITING_MAX) return false;
  bool ok = text_keep(l, &own.source) && text_keep(l, &own.kind) && text_keep(l, &own.summary) &&
            text_keep(l, &own.entity.kind);
  for (unsigned d = 0; ok && d < REC_DIM_COUNT; d++) ok = text_keep(l, &own.entity.dim[d]);
  if (ok) l->change[l->change_n++] = own;
  return ok;
}

bool line_command(struct line *l, const struct rec_command *c) {
  struct rec_command own = *c;
  if (l->command_n == WAITING_MAX || !text_keep(l, &own.incident_id) || !text_keep(l, &own.who)) return false;
  l->command[l->command_n++] = own;
  return true;
}

bool line_waits(const struct line *l) {
  return l->change_n + l->command_n > 0;
}

void line_on(struct line *l, line_incident incident, line_tick tick, void *ctx) {
  l->on_incident = incident;
  l->on_tick = tick;
  l->ctx = ctx;
}

static void bucket_run(void *ctx, unsigned bucket) {
  struct line *l = ctx;
  engine_take(l->engine, bucket, &l->running->bucket[bucket]);
  engine_bucket_tick(l->engine, bucket, l->running->tick);
}

static void tick_run(struct line *l, const struct rec_tick_input *in) {
  struct rec_out out;
  int64_t from_ns = io_mono_now().ns;
  l->running = in;
  pool_run(l->pool, LIMIT_BUCKETS, bucket_run, l);
  engine_head_tick(l->engine, &in->head, in->tick, &out);
  l->running = NULL;
  l->work_ns += io_mono_now().ns - from_ns;
  for (size_t i = 0; l->on_incident && i < out.incident_n; i++) l->on_incident(l->ctx, out.incident[i]);
}

/* Hands l->in on, with what waits, and forgets that. */
static void tick_close(struct line *l, struct base_wall now) {
  l->in.head.change = l->change;
  l->in.head.change_n = l->change_n;
  l->in.head.command = l->command;
  l->in.head.command_n = l->command_n;
  if (l->on_tick) l->on_tick(l->ctx, &l->in, l->in.tick);
  if (!l->held) tick_run(l, &l->in);
  l->change_n = l->command_n = 0;
  l->text.n = 0;
  l->closed = now;
}

bool line_step(struct line *l, struct base_wall now, bool flush) {
  if (!wire_fold_tick(l->fold, now, flush, &l->in.tick)) return false;
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) l->in.bucket[b] = wire_fold_take(l->fold, b);
  l->in.head = wire_fold_take_head(l->fold);
  tick_close(l, now);
  return true;
}

/* A clock that was set back has waited long enough. */
static bool is_past(struct base_wall then, struct base_wall now, int64_t ns) {
  return then.ns == 0 || now.ns < then.ns || now.ns - then.ns >= ns;
}

/* Right behind the last tick, so that how long nobody was heard shows when somebody is; and cut, as what belongs to it
 * need not all have come. */
bool line_step_quiet(struct line *l, struct base_wall now) {
  struct engine_info info;
  if (l->held || !line_waits(l) || !is_past(l->heard, now, QUIET_NS) || !is_past(l->closed, now, 2 * LIMIT_TICK_NS))
    return false;
  engine_info(l->engine, &info);
  if (info.tick_end.ns == 0) return false;
  memset(&l->in, 0, sizeof l->in);
  l->in.tick =
      (struct rec_tick){.seq = info.tick_seq + 1, .end = {info.tick_end.ns + LIMIT_TICK_NS}, .now = now, .cut = true};
  wire_fold_tick_restore(l->fold, l->in.tick.seq + 1, l->in.tick.end);
  tick_close(l, now);
  return true;
}

void line_apply(struct line *l, const struct rec_tick_input *in) {
  tick_run(l, in);
}

void line_hold(struct line *l, bool held) {
  l->held = held;
}

void line_resident(const struct line *l, uint64_t *engine_bytes, uint64_t *fold_bytes) {
  *engine_bytes = block_resident(&l->engine_mem);
  *fold_bytes = block_resident(&l->fold_mem);
}

int64_t line_work_ns(const struct line *l) {
  return l->work_ns;
}

struct engine *line_engine(struct line *l) {
  return l->engine;
}

struct wire_fold *line_fold(struct line *l) {
  return l->fold;
}
