#include "act_told.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <yyjson.h>

#include "act_kind.h"
#include "base_json.h"
#include "base_must.h"
#include "journal.h"

#define TOLD_SEGMENT_BYTES (4u << 20)
#define TOLD_SEGMENTS 16u /* outlives the incident log: a message is written for less than each of its states */
#define TOLD_WAITING_BYTES ((size_t)1 << 20)
#define TOLD_MARGIN_NS (60 * TIME_NS_PER_S)

enum { TOLD_FRAME_BEGAN = 1, TOLD_FRAME_MESSAGE = 2 };

struct told {
  char *dir;               /* NULL: memory only */
  struct journal *journal; /* NULL: not open now */
  struct base_buf waiting; /* frames that the disk did not take: kind, u32 length, body */
  struct base_wall since;
  struct told_item **item; /* in order of first sight */
  uint32_t n, cap;
};

/* ---- the table ---- */

static void item_free(struct told_item *i) {
  free(i->memo);
  free(i);
}

struct told_item *told_find(struct told *t, uint64_t id) {
  for (uint32_t i = t->n; i-- > 0;)
    if (t->item[i]->known.state.id == id) return t->item[i];
  return NULL;
}

static void told_evict(struct told *t) {
  uint32_t victim = 0;
  while (victim < t->n && t->item[victim]->known.open) victim++;
  if (victim == t->n) victim = 0;
  item_free(t->item[victim]);
  memmove(t->item + victim, t->item + victim + 1, (t->n - victim - 1) * sizeof *t->item);
  t->n--;
}

static bool told_grow(struct told *t) {
  if (t->n < t->cap) return true;
  uint32_t cap = t->cap ? t->cap * 2 : 64;
  struct told_item **more = realloc(t->item, cap * sizeof(struct told_item *));
  if (!more) return false;
  t->item = more;
  t->cap = cap;
  return true;
}

struct told_item *told_plan(struct told *t, uint64_t id, const struct act_known *known) {
  struct told_item *i = told_find(t, id);
  if (!i) {
    if (t->n == LIMIT_INCIDENTS_KEPT) told_evict(t);
    i = told_grow(t) ? calloc(1, sizeof *i) : NULL;
    if (!i) return NULL;
    i->at_ns = INT64_MIN;
    t->item[t->n++] = i;
  }
  i->known = *known;
  i->known.state.id = id;
  return i;
}

void told_memo(struct told_item *i, const char *memo) {
  if (!memo || (i->memo && strcmp(i->memo, memo) == 0)) return;
  char *copy = strdup(memo);
  if (!copy) return; /* an older memo is better than none */
  free(i->memo);
  i->memo = copy;
}

uint32_t told_n(const struct told *t) {
  return t->n;
}

struct told_item *told_at(struct told *t, uint32_t i) {
  MUST(i < t->n);
  return t->item[i];
}

struct base_wall told_since(const struct told *t) {
  return (struct base_wall){t->since.ns - TOLD_MARGIN_NS};
}

/* ---- the log ---- */

static void key_bool(struct base_json *j, const char *key, bool v) {
  json_key(j, key);
  json_bool(j, v);
}

static void key_text(struct base_json *j, const char *key, const char *z) {
  if (!z || !z[0]) return;
  json_key(j, key);
  json_text(j, z);
}

static void key_hash(struct base_json *j, const char *key, uint64_t hash) {
  char text[17];
  snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
  key_text(j, key, text);
}

static void known_write(struct base_json *j, const struct act_known *k) {
  key_hash(j, "id", k->state.id);
  json_key_u64(j, "rev", k->state.rev);
  key_text(j, "severity", act_severity_text((enum act_severity)k->state.severity));
  key_hash(j, "culprit", k->state.culprit);
  json_key_u64(j, "affected", k->state.affected_n);
  key_bool(j, "acked", k->state.acked);
  key_bool(j, "open", k->open);
}

static bool hash_read(struct base_str text, uint64_t *out) {
  char z[17], *end = NULL;
  if (text.n != 16) return false;
  memcpy(z, text.p, 16);
  z[16] = 0;
  *out = strtoull(z, &end, 16);
  return *end == 0;
}

static bool known_read(yyjson_val *o, struct act_known *k) {
  enum act_severity severity;
  *k = (struct act_known){.open = yyjson_is_true(yyjson_obj_get(o, "open"))};
  if (!act_severity_read(view_text(o, "severity"), &severity)) return false;
  k->state.severity = (uint8_t)severity;
  k->state.rev = yyjson_get_uint(yyjson_obj_get(o, "rev"));
  k->state.affected_n = (uint32_t)yyjson_get_uint(yyjson_obj_get(o, "affected"));
  k->state.acked = yyjson_is_true(yyjson_obj_get(o, "acked"));
  return hash_read(view_text(o, "id"), &k->state.id) && hash_read(view_text(o, "culprit"), &k->state.culprit);
}

static void message_read(struct told *t, yyjson_val *o) {
  struct act_known k;
  if (!known_read(o, &k)) return;
  struct told_item *i = told_plan(t, k.state.id, &k);
  if (i) told_memo(i, yyjson_get_str(yyjson_obj_get(o, "memo")));
}

static void frame_read(struct told *t, uint8_t kind, struct base_str body, bool first) {
  yyjson_doc *doc = yyjson_read(body.n ? body.p : "", body.n, 0);
  yyjson_val *o = yyjson_doc_get_root(doc);
  struct base_wall at;
  if (first && time_read(view_text(o, "at"), &at)) t->since = at;
  if (kind == TOLD_FRAME_MESSAGE) message_read(t, o);
  yyjson_doc_free(doc);
}

/* Damage is skipped: what it hid is told again at worst. False: there is no log yet. */
static bool told_read(struct told *t) {
  struct journal_err err = {0};
  struct journal_cursor *c = journal_cursor_open(t->dir, 0, &err);
  uint64_t number;
  uint8_t kind;
  struct base_str body;
  bool first = true;
  if (!c) return false;
  for (;;) {
    enum journal_status status = journal_cursor_next(c, &number, &kind, &body, &err);
    if (status == JOURNAL_END || status == JOURNAL_IO) break;
    if (status != JOURNAL_OK) continue;
    frame_read(t, kind, body, first);
    first = false;
  }
  journal_cursor_close(c);
  return !first;
}

static bool log_open(struct told *t) {
  struct journal_err err = {0};
  struct journal_conf conf = {.dir = t->dir, .segment_bytes = TOLD_SEGMENT_BYTES, .segments_max = TOLD_SEGMENTS};
  if (!t->journal && journal_dirs_make(t->dir)) t->journal = journal_open(&conf, &err);
  return t->journal != NULL;
}

static bool frame_put(struct told *t, uint8_t kind, struct base_str body) {
  if (!log_open(t)) return false;
  if (journal_append(t->journal, kind, body) == JOURNAL_OK && journal_sync(t->journal, false) == JOURNAL_OK)
    return true;
  journal_close(t->journal); /* opened again, and a torn frame cut, at the next try */
  t->journal = NULL;
  return false;
}

static void waiting_put(struct told *t, uint8_t kind, struct base_str body) {
  uint32_t n = (uint32_t)body.n;
  if (TOLD_WAITING_BYTES - t->waiting.n < 1 + sizeof n + body.n) return; /* told again after a kill, at worst */
  buf_put_char(&t->waiting, (char)kind);
  buf_put(&t->waiting, &n, sizeof n);
  buf_put_str(&t->waiting, body);
}

bool told_retry(struct told *t) {
  size_t at = 0;
  bool good = true;
  while (good && at < t->waiting.n) {
    const char *p = t->waiting.p + at;
    uint32_t n;
    memcpy(&n, p + 1, sizeof n);
    good = frame_put(t, (uint8_t)p[0], (struct base_str){p + 1 + sizeof n, n});
    if (good) at += 1 + sizeof n + n;
  }
  if (at) memmove(t->waiting.p, t->waiting.p + at, t->waiting.n - at);
  t->waiting.n -= at;
  return good;
}

bool told_waiting(const struct told *t) {
  return t->waiting.n > 0;
}

static bool log_append(struct told *t, uint8_t kind, struct base_str body) {
  if (!t->dir || (told_retry(t) && frame_put(t, kind, body))) return true;
  waiting_put(t, kind, body);
  return false;
}

static bool began_write(struct told *t) {
  char text[128];
  struct base_buf b = buf_over(text, sizeof text);
  struct base_json json = json_over(&b), *j = &json;
  json_object(j);
  json_key(j, "at");
  json_time(j, t->since);
  json_close(j);
  return log_append(t, TOLD_FRAME_BEGAN, buf_str(&b));
}

bool told_write(struct told *t, enum act_event event, const struct act_known *known, const char *memo, const char *dead,
                struct base_wall now) {
  char text[ACT_MEMO_BYTES * 2 + 1024];
  struct base_buf b = buf_over(text, sizeof text);
  struct base_json json = json_over(&b), *j = &json;
  json_object(j);
  json_key(j, "at");
  json_time(j, now);
  key_text(j, "event", act_event_text(event));
  key_text(j, "dead", dead);
  known_write(j, known);
  key_text(j, "memo", memo);
  json_close(j);
  return !b.bad && log_append(t, TOLD_FRAME_MESSAGE, buf_str(&b));
}

struct told *told_open(const char *dir, struct base_wall now) {
  struct told *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->since = now;
  t->waiting = buf_open(TOLD_WAITING_BYTES);
  t->dir = dir ? strdup(dir) : NULL;
  if (dir && !t->dir) {
    free(t);
    return NULL;
  }
  if (dir && !told_read(t)) (void)began_write(t);
  return t;
}

void told_close(struct told *t) {
  if (!t) return;
  for (uint32_t i = 0; i < t->n; i++) item_free(t->item[i]);
  free(t->item);
  (void)told_retry(t);
  buf_fini(&t->waiting);
  journal_close(t->journal);
  free(t->dir);
  free(t);
}
