#include "daemon_export_hash.h"

#include <stdio.h>
#include <stdlib.h>

#include "base_must.h"
#include "daemon_hash.h"
#include "daemon_incident.h"
#include "daemon_remake.h"

#define TWIN_HEAD_BYTES 16u /* of a checkpoint, before the engine's memory */
#define TWIN_ARENA_BYTES ((size_t)128 << 20)

/* What must come out the same by whatever names. */
struct told {
  uint64_t id, rev, requests, failed, slow;
  int64_t started_ns, detected_ns, ended_ns;
  uint32_t causes, affected, not_affected;
  uint8_t state, verdict, severity, signal;
};

/* The engine as it was, and one that never heard a name. */
struct twins {
  struct hash *hash;
  struct pack *plain, hashed;
  struct daemon_conf plain_conf, hashed_conf;
  struct remake was, is;
  struct told told[LIMIT_INCIDENTS_OPEN]; /* by the first of them, in this tick */
  uint32_t told_n, seen_n;
  bool differs;
  void *arena_mem;
  struct base_arena arena;
  struct rec_tick_input *in;
  struct base_buf frame;
};

static struct told told_of(const struct rec_incident *in) {
  struct told t; /* compared as bytes: its padding, too, is 0 */
  memset(&t, 0, sizeof t);
  t.id = in->id_hash;
  t.rev = in->rev;
  t.requests = in->impact_requests;
  t.failed = in->impact_failed;
  t.slow = in->impact_slow;
  t.started_ns = in->started_at.ns;
  t.detected_ns = in->detected_at.ns;
  t.ended_ns = in->ended_at.ns;
  t.causes = in->cause_n;
  t.affected = in->affected_n;
  t.not_affected = in->not_affected_n;
  t.state = in->state;
  t.verdict = in->verdict;
  t.severity = in->severity;
  t.signal = in->finding.signal;
  return t;
}

static void twin_was(void *ctx, const struct rec_incident *in) {
  struct twins *t = ctx;
  if (t->told_n < LIMIT_INCIDENTS_OPEN) t->told[t->told_n++] = told_of(in);
  if (in->id_hash != t->plain->id_hash) return;
  t->was.rev = in->rev;
  t->was.done = in->rev >= t->plain->stored_rev && t->plain->stored_rev;
}

static void twin_keep(struct twins *t, const struct rec_incident *in) {
  *t->is.state = *in;
  t->is.state->muted |= t->is.muted;
  incident_text(t->is.state, &t->is.json);
  t->hashed.id_hash = in->id_hash;
  t->hashed.stored_rev = in->rev;
}

/* The engine tells in a fixed order, so the n-th of a tick is the n-th. */
static void twin_is(void *ctx, const struct rec_incident *in) {
  struct twins *t = ctx;
  struct told told = told_of(in);
  if (t->seen_n == t->told_n) {
    t->differs = true;
    return;
  }
  struct told was = t->told[t->seen_n++];
  hash_id_put(t->hash, was.id, told.id);
  if (was.id == t->plain->id_hash) twin_keep(t, in);
  was.id = told.id;
  t->differs |= memcmp(&was, &told, sizeof told) != 0;
}

/* ---- open ---- */

/* The pack's memory by the new names; its engine is not needed afterwards. */
static bool memory_hash(struct twins *t, struct journal_err *err) {
  struct remake scratch = {0};
  bool good = true;
  if (t->plain->memory.n == 0) return true;
  good = remake_open(&scratch, t->plain, &t->plain_conf, 1, err);
  if (good) {
    struct engine *e = line_engine(scratch.line);
    size_t room = engine_save_bytes(e) +
                  ((size_t)engine_series_n(e) * REC_DIM_COUNT + (size_t)LIMIT_SERVICES * 2) * ENGINE_WORD_BYTES;
    buf_put(&t->hashed.memory, t->plain->memory.p, TWIN_HEAD_BYTES);
    char *p = buf_reserve(&t->hashed.memory, room);
    size_t n = p ? engine_save_as(e, p, room, hash_names(t->hash)) : 0;
    t->hashed.memory.n += n;
    good = n > 0 || pack_fail(err, "checkpoint", "out of memory");
  }
  remake_close(&scratch);
  return good;
}

static bool twins_open(struct twins *t, struct pack *p, struct journal_err *err) {
  t->plain = p;
  t->hash = hash_open();
  t->arena_mem = malloc(TWIN_ARENA_BYTES);
  t->arena = arena_over(t->arena_mem, t->arena_mem ? TWIN_ARENA_BYTES : 0);
  t->in = calloc(1, sizeof *t->in);
  t->frame = buf_open(LIMIT_FRAME_BYTES);
  pack_init(&t->hashed);
  t->hashed.engine = p->engine;
  t->hashed.muted = p->muted;
  t->hashed.hashed = true;
  memcpy(t->hashed.version, p->version, sizeof p->version);
  if (!t->hash || !t->arena_mem || !t->in) return pack_fail(err, "export", "out of memory");
  if (!remake_conf(p, &t->plain_conf, err) || !memory_hash(t, err)) return false;
  hash_conf(t->hash, &t->plain_conf, &t->hashed.conf);
  if (!remake_conf(&t->hashed, &t->hashed_conf, err) || !remake_open(&t->was, p, &t->plain_conf, 1, err) ||
      !remake_open(&t->is, &t->hashed, &t->hashed_conf, 1, err))
    return false;
  line_on(t->was.line, twin_was, NULL, t);
  line_on(t->is.line, twin_is, NULL, t);
  hash_series(t->hash, line_engine(t->is.line));
  return true;
}

static void twins_close(struct twins *t) {
  remake_close(&t->was);
  remake_close(&t->is);
  pack_close(&t->hashed);
  hash_close(t->hash);
  free(t->arena_mem);
  free(t->in);
  buf_fini(&t->frame);
  free(t);
}

/* ---- the two passes ---- */

/* The tick under way as a frame by the new names. */
static bool tick_hash(struct twins *t, struct journal_err *err) {
  t->arena.n = 0;
  buf_clear(&t->frame);
  if (!hash_tick(t->hash, t->was.in, &t->arena, t->in)) return pack_fail(err, "tick", "out of memory");
  rec_codec_tick_write(t->in, &t->frame);
  return !t->frame.bad || pack_fail(err, "tick", "it does not fit its frame by the new names");
}

static bool tick_twice(struct twins *t, struct journal_err *err) {
  const char *why = "the incident does not come out the same by the new names; nothing is written";
  t->told_n = t->seen_n = 0;
  remake_apply(&t->was, t->was.in);
  if (!tick_hash(t, err)) return false;
  t->arena.n = 0;
  if (!rec_codec_tick_read(buf_str(&t->frame), &t->arena, t->in, &why))
    return pack_fail(err, "tick by the new names", why);
  t->is.muted = t->was.muted;
  remake_apply(&t->is, t->in);
  return (!t->differs && t->seen_n == t->told_n) || pack_fail(err, "names", why);
}

/* Finds the incident by the new names, with all that is to be known before the first tick is written. */
static bool pass_make(struct twins *t, struct journal_err *err) {
  enum journal_status status;
  while ((status = remake_read(&t->was, err)) == JOURNAL_OK)
    if (!tick_twice(t, err)) return false;
  if (status != JOURNAL_END) return false;
  if (t->was.rev == 0) return pack_fail(err, t->plain->id, "it is not made again from its black box");
  snprintf(t->hashed.id, sizeof t->hashed.id, "%016llx", (unsigned long long)t->hashed.id_hash);
  buf_put_str(&t->hashed.stored, buf_str(&t->is.json));
  return true;
}

/* The same ticks once more, to the file. */
static bool pass_write(struct twins *t, const char *dir, struct journal *out, struct journal_err *err) {
  struct remake first = {0};
  uint64_t ticks = t->was.ticks;
  char id[17];
  memcpy(id, t->plain->id, sizeof id);
  pack_close(t->plain);
  bool good = pack_open_dir(t->plain, dir, id, err) && remake_open(&first, &t->hashed, &t->hashed_conf, 1, err);
  if (good) hash_series(t->hash, line_engine(first.line)); /* as before the first tick */
  remake_close(&first);
  good = good && pack_head_write(&t->hashed, out, err);
  for (uint64_t i = 0; good && i < ticks; i++) {
    struct base_str body;
    const char *why = "it is gone meanwhile";
    t->was.arena.n = 0;
    good = pack_next(t->plain, &body, err) == JOURNAL_OK &&
           (rec_codec_tick_read(body, &t->was.arena, t->was.in, &why) || pack_fail(err, "tick", why)) &&
           tick_hash(t, err) && pack_frame_write(out, REC_FRAME_TICK, buf_str(&t->frame), err);
  }
  return good && pack_end_write(out, err);
}

bool pack_write_hashed(struct pack *p, const char *dir, struct journal *out, struct journal_err *err) {
  struct twins *t = calloc(1, sizeof *t);
  if (!t) return pack_fail(err, "export", "out of memory");
  bool good = twins_open(t, p, err) && pass_make(t, err) && pass_write(t, dir, out, err);
  twins_close(t);
  return good;
}
