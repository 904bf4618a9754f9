/* Hashed names: of all that somebody named, nothing is in a checkpoint or a tick by the new names, gauges, log lines
 * and sentences included; and an engine that never heard a name tells the same. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>

#include "daemon_hash.h"
#include "gauge_make.h"
#include "rec_gauge.h"

#define BEGIN_SEQ 700u /* of the pack: here the names change */
#define FAIL_SEQ 660u
#define ARENA_BYTES ((size_t)64 << 20)

/* What is looked for: words of the mesh that no chance makes, each kind of text that comes in, sentences. */
enum { IN_TICKS = 1, IN_MEMORY = 2 };
static const struct {
  const char *text;
  unsigned where;
} words[] = {{"-c0-p", IN_MEMORY},
             {"GET /0", IN_MEMORY},
             {"upstream_rq_pending_active", IN_TICKS | IN_MEMORY},
             {"secret-metric", IN_TICKS | IN_MEMORY},
             {"secret-part", IN_TICKS | IN_MEMORY},
             {"secret line", IN_TICKS | IN_MEMORY},
             {"secret-request", IN_TICKS | IN_MEMORY},
             {"secret-trace", IN_TICKS | IN_MEMORY},
             {"secret-source", IN_TICKS | IN_MEMORY},
             {"secret-kind", IN_TICKS | IN_MEMORY},
             {"secret-summary", IN_TICKS | IN_MEMORY},
             {"secret-pod", IN_TICKS | IN_MEMORY},
             {"secret-deploy", IN_TICKS | IN_MEMORY},
             {"secret-who", IN_TICKS},
             {"requests failed", IN_MEMORY}};
#define WORDS (sizeof words / sizeof words[0])

static bool has(struct base_str bytes, const char *word) {
  return memmem(bytes.p, bytes.n, word, strlen(word)) != NULL;
}

/* Two engines over one mesh, and the second one's names. */
struct scene {
  struct mesh mesh;
  struct gauge_make gauges;
  struct rec_gauge gauge[2 * GAUGE_MAKE_SERVICES + 1];
  struct rec_exemplar exemplar;
  struct rec_change change[2];
  struct rec_command command;
  struct rec_gap gap;
  char id[17];
  struct engine *plain, *other;
  struct hash *hash;
  struct base_arena arena[2];
  struct base_buf frame[2]; /* of the tick under way */
  bool seen[WORDS];         /* in a plain frame */
};

static int gauge_order(const void *a, const void *b) {
  return rec_gauge_cmp(a, b);
}

/* One of each text that the head hears. */
static void head_draw(struct scene *s) {
  struct mesh *m = &s->mesh;
  struct base_wall at = {m->tick.end.ns - 1};
  gauge_make_draw(&s->gauges, m);
  if (m->tick.seq < FAIL_SEQ || m->tick.seq % 4) return;
  size_t n = m->head.gauge_n;
  if (n) memcpy(s->gauge, m->head.gauge, n * sizeof *s->gauge);
  s->gauge[n] = gauge_make_one(&s->gauges, 3, m);
  s->gauge[n].metric = STR("secret-metric");
  s->gauge[n].part = STR("secret-part");
  s->gauge[n].line = STR("secret line of a log");
  s->gauge[n].role = REC_ROLE_LOG;
  s->gauge[n].novel = true;
  s->gauge[n++].value = 20;
  qsort(s->gauge, n, sizeof *s->gauge, gauge_order);
  s->exemplar = (struct rec_exemplar){.at = at,
                                      .series = {REC_SERIES_NONE, REC_SERIES_NONE, REC_SERIES_NONE, REC_SERIES_NONE},
                                      .request_id = STR("secret-request"),
                                      .trace_id = STR("secret-trace")};
  s->change[0] = (struct rec_change){.at = at,
                                     .source = STR("secret-source"),
                                     .kind = STR("secret-kind"),
                                     .summary = STR("secret-summary"),
                                     .entity = {STR("pod"), {[REC_DIM_POD] = STR("secret-pod")}}};
  s->change[1] = s->change[0];
  s->change[1].source = STR("traffic"); /* anybody may say so */
  s->change[1].kind = STR("secret-deploy");
  s->command =
      (struct rec_command){.at = at, .verb = REC_VERB_ACK, .incident_id = str_of(s->id), .who = STR("secret-who")};
  s->gap = (struct rec_gap){.node = STR("secret-pod"), .expected = 100, .lost = 1, .reason = 1};
  m->head.gauge = s->gauge;
  m->head.gauge_n = n;
  m->head.exemplar = &s->exemplar;
  m->head.change = s->change;
  m->head.change_n = 2;
  m->head.command = &s->command;
  m->head.gap = &s->gap;
  m->head.exemplar_n = m->head.gap_n = 1;
  m->head.command_n = m->seen_n > 0;
  if (m->seen_n) snprintf(s->id, sizeof s->id, "%016llx", (unsigned long long)m->seen[0].in.id_hash);
}

static void apply(struct engine *e, const struct rec_tick_input *in, struct rec_out *out) {
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) engine_take(e, b, &in->bucket[b]);
  engine_tick(e, &in->head, in->tick, out);
}

static size_t json_n(const struct rec_out *out, struct base_buf *json) {
  buf_clear(json);
  for (size_t i = 0; i < out->incident_n; i++) rec_incident_json(out->incident[i], json);
  assert_false(json->bad);
  return out->incident_n;
}

/* The next tick through both, with a frame in between, as export does. What both tell is counted; the last of the plain
 * and the other one's words are in json. */
static uint32_t both_step(struct scene *s, struct base_buf json[2]) {
  struct rec_tick_input *in = calloc(2, sizeof *in);
  struct rec_out out[2];
  const char *why = "";
  mesh_draw(&s->mesh);
  head_draw(s);
  in[0] = (struct rec_tick_input){.tick = s->mesh.tick, .head = s->mesh.head};
  memcpy(in[0].bucket, s->mesh.batch, sizeof in[0].bucket);
  s->arena[0].n = s->arena[1].n = 0;
  assert_true(hash_tick(s->hash, in, &s->arena[0], &in[1]));
  for (unsigned k = 0; k < 2; k++) buf_clear(&s->frame[k]);
  for (unsigned k = 0; k < 2; k++) rec_codec_tick_write(&in[k], &s->frame[k]);
  for (size_t w = 0; w < WORDS; w++) {
    s->seen[w] |= has(buf_str(&s->frame[0]), words[w].text);
    if (has(buf_str(&s->frame[1]), words[w].text)) fail_msg("a tick tells '%s'", words[w].text);
  }
  assert_false(s->frame[0].bad || s->frame[1].bad);
  if (!rec_codec_tick_read(buf_str(&s->frame[1]), &s->arena[1], &in[1], &why)) fail_msg("%s", why);
  apply(s->plain, &in[0], &out[0]);
  apply(s->other, &in[1], &out[1]);
  assert_int_equal(out[0].incident_n, out[1].incident_n);
  for (size_t i = 0; i < out[0].incident_n; i++)
    hash_id_put(s->hash, out[0].incident[i]->id_hash, out[1].incident[i]->id_hash);
  uint32_t told = (uint32_t)json_n(&out[0], &json[0]);
  (void)json_n(&out[1], &json[1]);
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) s->mesh.batch[b].drop_n = 0;
  s->mesh.head = (struct rec_head_batch){0};
  free(in);
  return told;
}

static void scene_open(struct scene *s) {
  struct mesh_fault f = MESH_FAULT(FAIL_SEQ, BEGIN_SEQ + 60);
  f.service = 3;
  f.fail_p = 0.4;
  mesh_open(&s->mesh, &mesh_diamond);
  mesh_fault(&s->mesh, f);
  gauge_make_open(&s->gauges, 4, 3, FAIL_SEQ, BEGIN_SEQ + 60);
  s->plain = mesh_engine_open(1024);
  s->other = mesh_engine_open(1024);
  s->hash = hash_open();
  assert_non_null(s->hash);
  for (unsigned k = 0; k < 2; k++) {
    s->arena[k] = arena_over(malloc(ARENA_BYTES), ARENA_BYTES);
    s->frame[k] = buf_open(LIMIT_FRAME_BYTES);
  }
  for (uint32_t i = 0; i < BEGIN_SEQ; i++) {
    mesh_draw(&s->mesh);
    head_draw(s);
    mesh_feed(&s->mesh, s->plain);
  }
  assert_true(s->mesh.seen_n > 0);
}

static void scene_close(struct scene *s) {
  for (unsigned k = 0; k < 2; k++) {
    free(s->arena[k].p);
    buf_fini(&s->frame[k]);
  }
  hash_close(s->hash);
  mesh_engine_close(s->plain);
  mesh_engine_close(s->other);
  mesh_close(&s->mesh);
}

/* The plain engine's memory, renamed, into the other one. */
static void memory_rename(struct scene *s) {
  size_t cap = engine_save_bytes(s->plain) + ((size_t)4 << 20);
  char *plain = malloc(cap), *hashed = malloc(cap);
  struct engine *scratch = mesh_engine_open(1024);
  size_t n = engine_save(s->plain, plain, cap);
  assert_int_equal(engine_load(scratch, plain, n), ENGINE_OK);
  size_t hashed_n = engine_save_as(scratch, hashed, cap, hash_names(s->hash));
  for (size_t w = 0; w < WORDS; w++) {
    bool there = has((struct base_str){plain, n}, words[w].text);
    if (words[w].where & IN_MEMORY && !there) fail_msg("the plain checkpoint has no '%s'", words[w].text);
    if (has((struct base_str){hashed, hashed_n}, words[w].text)) fail_msg("a checkpoint tells '%s'", words[w].text);
  }
  assert_int_equal(engine_load(s->other, hashed, hashed_n), ENGINE_OK);
  hash_series(s->hash, s->other);
  mesh_engine_close(scratch);
  free(plain);
  free(hashed);
}

static void nothing_that_was_named_is_told(void **state) {
  (void)state;
  struct scene *s = calloc(1, sizeof *s);
  struct base_buf json[2] = {buf_open(1u << 20), buf_open(1u << 20)};
  uint32_t told = 0;
  bool gauges = false;
  scene_open(s);
  memory_rename(s);
  for (uint32_t i = 0; i < 120; i++) {
    told += both_step(s, json);
    gauges |= has(buf_str(&json[0]), "secret line") && has(buf_str(&json[0]), "upstream_rq_pending_active");
    for (size_t w = 0; w < WORDS; w++)
      if (words[w].where & IN_TICKS && has(buf_str(&json[1]), words[w].text)) fail_msg("told: '%s'", words[w].text);
  }
  for (size_t w = 0; w < WORDS; w++)
    if (words[w].where & IN_TICKS && !s->seen[w]) fail_msg("no plain tick has '%s'", words[w].text);
  assert_true(told > 2 && gauges);
  scene_close(s);
  buf_fini(&json[0]);
  buf_fini(&json[1]);
  free(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_that_was_named_is_told)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
