#include "serve_store.h"

#include <stdlib.h>
#include <yyjson.h>

#include "base_buf.h"
#include "base_limits.h"
#include "base_must.h"

#define STORE_SERVICES_BYTES ((LIMIT_CAUSES + LIMIT_ENTITIES) * (LIMIT_NAME_BYTES + 1u))

struct serve_store {
  uint32_t max, n, cap;
  struct serve_item **item; /* in order of first sight */
  const struct serve_item **sorted;
  bool sorted_good;
};

struct serve_store *serve_store_open(uint32_t items_max) {
  MUST(items_max > 0);
  struct serve_store *s = calloc(1, sizeof *s);
  if (s) s->max = items_max;
  return s;
}

/* An item is one block: the struct, its JSON, its service names. */
static void item_free(struct serve_item *i) {
  free(i);
}

void serve_store_close(struct serve_store *s) {
  if (!s) return;
  for (uint32_t i = 0; i < s->n; i++) item_free(s->item[i]);
  free(s->item);
  free(s->sorted);
  free(s);
}

bool serve_id_read(struct base_str text, uint64_t *id) {
  if (text.n != 16) return false;
  uint64_t v = 0;
  for (size_t i = 0; i < 16; i++) {
    char c = text.p[i];
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return false;
    v = v << 4 | (uint64_t)digit;
  }
  *id = v;
  return true;
}

static struct base_str json_get(yyjson_val *obj, const char *key) {
  yyjson_val *v = yyjson_obj_get(obj, key);
  return yyjson_is_str(v) ? (struct base_str){yyjson_get_str(v), yyjson_get_len(v)} : STR_NONE;
}

static void services_add(struct base_buf *out, yyjson_val *entity) {
  struct base_str name = json_get(entity, "service");
  if (name.n == 0 || name.n > LIMIT_NAME_BYTES || out->cap - out->n <= name.n) return;
  buf_put_str(out, name);
  buf_put_char(out, 0);
}

static void services_read(yyjson_val *root, struct base_buf *out) {
  size_t i, n;
  yyjson_val *v;
  yyjson_arr_foreach(yyjson_obj_get(root, "root_causes"), i, n, v) services_add(out, yyjson_obj_get(v, "entity"));
  yyjson_arr_foreach(yyjson_obj_get(root, "affected"), i, n, v) services_add(out, v);
}

/* One of a closed list; a longer word is none of it. */
static void word_copy(char *out, size_t cap, struct base_str word) {
  size_t n = word.n < cap ? word.n : 0;
  if (n) memcpy(out, word.p, n);
  out[n] = 0;
}

static bool item_read(yyjson_val *root, struct serve_item *out) {
  if (!yyjson_is_obj(root) || !serve_id_read(json_get(root, "id"), &out->id)) return false;
  if (!time_read(json_get(root, "started_at"), &out->started_at)) return false;
  if (!time_read(json_get(root, "updated_at"), &out->updated_at)) return false;
  word_copy(out->kind, sizeof out->kind, json_get(root, "kind"));
  word_copy(out->severity, sizeof out->severity, json_get(root, "severity"));
  out->rev = yyjson_get_uint(yyjson_obj_get(root, "rev"));
  out->expected = str_eq(json_get(root, "verdict"), STR("expected"));
  out->open = yyjson_is_null(yyjson_obj_get(root, "ended_at"));
  out->merged = yyjson_is_str(yyjson_obj_get(root, "merged_into"));
  out->acked = yyjson_is_true(yyjson_obj_get(root, "acked"));
  return true;
}

static struct serve_item *item_new(struct base_str json) {
  yyjson_doc *doc = yyjson_read(json.p, json.n, 0);
  if (!doc) return NULL;
  struct serve_item head = {0}, *item = NULL;
  char names[STORE_SERVICES_BYTES];
  struct base_buf services = buf_over(names, sizeof names);
  if (item_read(yyjson_doc_get_root(doc), &head)) {
    services_read(yyjson_doc_get_root(doc), &services);
    item = malloc(sizeof *item + json.n + services.n);
  }
  yyjson_doc_free(doc);
  if (!item) return NULL;
  char *text = (char *)(item + 1);
  memcpy(text, json.p, json.n);
  if (services.n) memcpy(text + json.n, names, services.n);
  *item = head;
  item->json = (struct base_str){text, json.n};
  item->services = (struct base_str){text + json.n, services.n};
  return item;
}

/* From the end: what changes was seen lately. */
static uint32_t store_index(const struct serve_store *s, uint64_t id) {
  for (uint32_t i = s->n; i-- > 0;)
    if (s->item[i]->id == id) return i;
  return s->n;
}

static void store_evict(struct serve_store *s) {
  uint32_t victim = 0;
  while (victim < s->n && s->item[victim]->open) victim++;
  if (victim == s->n) victim = 0;
  item_free(s->item[victim]);
  memmove(s->item + victim, s->item + victim + 1, (s->n - victim - 1) * sizeof *s->item);
  s->n--;
}

static bool store_grow(struct serve_store *s) {
  if (s->n < s->cap) return true;
  uint32_t cap = s->cap ? s->cap * 2 : 64;
  struct serve_item **item = realloc(s->item, cap * sizeof(struct serve_item *));
  if (!item) return false;
  s->item = item;
  const struct serve_item **sorted = realloc(s->sorted, cap * sizeof(struct serve_item *));
  if (!sorted) return false;
  s->sorted = sorted;
  s->cap = cap;
  return true;
}

enum serve_put serve_store_put(struct serve_store *s, struct base_str json) {
  struct serve_item *item = item_new(json);
  if (!item) return SERVE_PUT_BAD;
  uint32_t i = store_index(s, item->id);
  bool known = i < s->n;
  if (known && item->rev <= s->item[i]->rev) {
    item_free(item);
    return SERVE_PUT_OLD;
  }
  if (!known && s->n == s->max) store_evict(s);
  if (!known && !store_grow(s)) {
    item_free(item);
    return SERVE_PUT_BAD;
  }
  if (known)
    item_free(s->item[i]);
  else
    i = s->n++;
  s->item[i] = item;
  s->sorted_good = false;
  return known ? SERVE_PUT_CHANGED : SERVE_PUT_NEW;
}

uint32_t serve_store_n(const struct serve_store *s) {
  return s->n;
}

const struct serve_item *serve_store_find(const struct serve_store *s, struct base_str id) {
  uint64_t v;
  if (!serve_id_read(id, &v)) return NULL;
  uint32_t i = store_index(s, v);
  return i < s->n ? s->item[i] : NULL;
}

int serve_item_order(const struct serve_item *a, const struct serve_item *b) {
  if (a->started_at.ns != b->started_at.ns) return a->started_at.ns < b->started_at.ns ? -1 : 1;
  return (a->id > b->id) - (a->id < b->id);
}

static int item_order(const void *a, const void *b) {
  return serve_item_order(*(const struct serve_item *const *)a, *(const struct serve_item *const *)b);
}

/* A quote inside a JSON string is escaped, so this text is a member wherever it stands. */
bool serve_store_mute(struct serve_store *s, uint64_t id) {
  static const char was[] = "\"muted\":false", is[] = "\"muted\":true";
  uint32_t k = store_index(s, id);
  if (k == s->n) return false;
  struct base_str *json = &s->item[k]->json;
  char *at = memmem(json->p, json->n, was, sizeof was - 1);
  if (!at) return false;
  size_t rest = (size_t)(json->p + json->n - at) - (sizeof was - 1);
  memcpy(at, is, sizeof is - 1);
  memmove(at + sizeof is - 1, at + sizeof was - 1, rest);
  json->n -= sizeof was - sizeof is;
  return true;
}

const struct serve_item *const *serve_store_sorted(struct serve_store *s) {
  if (s->n == 0) return NULL;
  if (!s->sorted_good) {
    for (uint32_t i = 0; i < s->n; i++) s->sorted[i] = s->item[i];
    qsort(s->sorted, s->n, sizeof *s->sorted, item_order);
    s->sorted_good = true;
  }
  return s->sorted;
}

bool serve_item_names(const struct serve_item *i, struct base_str service) {
  struct base_str rest = i->services;
  while (rest.n) {
    size_t end = str_find(rest, 0, 0);
    if (str_eq(str_cut(rest, 0, end), service)) return true;
    rest = str_cut(rest, end + 1, rest.n);
  }
  return false;
}
