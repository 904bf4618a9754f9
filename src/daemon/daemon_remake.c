#include "daemon_remake.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon_checkpoint.h"
#include "daemon_incident.h"
#include "daemon_setup.h"

#define REMAKE_ARENA_BYTES ((size_t)64 << 20)
#define REMAKE_JSON_BYTES (1u << 20)

bool remake_conf(const struct pack *p, struct daemon_conf *out, struct journal_err *err) {
  struct conf_err why = {0};
  conf_init(out);
  if (conf_read(out, buf_str(&p->conf), &why)) return true;
  return pack_fail(err, "the black box's configuration is not this version's", why.text);
}

static void remake_incident(void *ctx, const struct rec_incident *in) {
  struct remake *r = ctx;
  if (in->id_hash != r->pack->id_hash || r->done) return;
  *r->state = *in;
  r->state->muted |= r->muted;
  incident_text(r->state, &r->json);
  r->rev = in->rev;
  r->done = r->pack->stored_rev && in->rev >= r->pack->stored_rev;
}

static bool memory_load(struct remake *r, struct journal_err *err) {
  uint64_t frame = 0;
  if (r->pack->memory.n == 0) return true;
  return checkpoint_load_bytes(buf_str(&r->pack->memory), "checkpoint", line_engine(r->line), &frame, err);
}

bool remake_open(struct remake *r, struct pack *p, const struct daemon_conf *conf, unsigned threads,
                 struct journal_err *err) {
  struct line_conf line = {.engine = setup_engine(conf), .threads = threads};
  const char *why = "out of memory";
  *r = (struct remake){.pack = p, .muted = p->muted};
  r->json = buf_open(REMAKE_JSON_BYTES);
  r->arena_mem = malloc(REMAKE_ARENA_BYTES);
  r->arena = arena_over(r->arena_mem, r->arena_mem ? REMAKE_ARENA_BYTES : 0);
  r->in = calloc(1, sizeof *r->in);
  r->state = calloc(1, sizeof *r->state);
  if (!r->arena_mem || !r->in || !r->state) return pack_fail(err, "engine", why);
  r->line = line_open(&line, &why);
  if (!r->line) return pack_fail(err, "engine", why);
  line_on(r->line, remake_incident, NULL, r);
  return memory_load(r, err);
}

/* The first tick follows the checkpoint's, or is a fresh engine's first. */
static bool follows(const struct remake *r) {
  struct engine_info info;
  engine_info(line_engine(r->line), &info);
  return info.tick_end.ns == 0 || r->in->tick.seq == info.tick_seq + 1;
}

enum journal_status remake_read(struct remake *r, struct journal_err *err) {
  struct base_str body;
  const char *why = NULL;
  if (r->done) return JOURNAL_END;
  enum journal_status status = pack_next(r->pack, &body, err);
  if (status != JOURNAL_OK) return status;
  r->arena.n = 0;
  bool sound = rec_codec_tick_read(body, &r->arena, r->in, &why);
  if (sound && !follows(r)) why = "a tick is missing before it";
  if (!why) return JOURNAL_OK;
  (void)pack_fail(err, "tick", why);
  return JOURNAL_BAD;
}

/* As the daemon does: what is muted by hand is so from the tick on that has the word. */
void remake_apply(struct remake *r, const struct rec_tick_input *in) {
  for (size_t i = 0; i < in->head.command_n; i++)
    r->muted |=
        in->head.command[i].verb == REC_VERB_MUTE && str_eq(in->head.command[i].incident_id, str_of(r->pack->id));
  line_apply(r->line, in);
  r->ticks++;
}

enum journal_status remake_next(struct remake *r, struct journal_err *err) {
  enum journal_status status = remake_read(r, err);
  if (status == JOURNAL_OK) remake_apply(r, r->in);
  return status;
}

void remake_close(struct remake *r) {
  if (r->line) line_close(r->line);
  free(r->in);
  free(r->state);
  free(r->arena_mem);
  buf_fini(&r->json);
}
