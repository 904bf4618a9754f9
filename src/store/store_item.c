#include "store_item.h"

#include <stdlib.h>
#include <yyjson.h>

struct store_item *store_item_new(enum store_kind kind, struct base_str text) {
  struct store_item *i = malloc(sizeof *i + text.n);
  if (!i) return NULL;
  *i = (struct store_item){.kind = kind};
  if (text.n) memcpy(i + 1, text.p, text.n);
  i->text = (struct base_str){(const char *)(i + 1), text.n};
  return i;
}

static void queue_drop(struct store_queue *q, struct store_item **at) {
  struct store_item *i = *at;
  *at = i->next;
  q->n--;
  q->bytes -= i->text.n;
  free(i);
}

static void queue_end(struct store_queue *q) {
  q->last = q->first;
  while (q->last && q->last->next) q->last = q->last->next;
}

/* Cost: one pass. */
static void queue_drop_older(struct store_queue *q, const struct store_item *item) {
  for (struct store_item **at = &q->first; *at; at = &(*at)->next) {
    if ((*at)->kind != STORE_INCIDENT || (*at)->id != item->id) continue;
    queue_drop(q, at);
    queue_end(q);
    return;
  }
}

static uint32_t queue_bound(struct store_queue *q) {
  uint32_t gone = 0;
  while (q->n > LIMIT_STORE_QUEUE || q->bytes > LIMIT_STORE_QUEUE_BYTES) {
    queue_drop(q, &q->first);
    gone++;
  }
  if (!q->first) q->last = NULL;
  return gone;
}

uint32_t store_queue_put(struct store_queue *q, struct store_item *item) {
  if (item->kind == STORE_INCIDENT) queue_drop_older(q, item);
  item->next = NULL;
  if (q->last)
    q->last->next = item;
  else
    q->first = item;
  q->last = item;
  q->n++;
  q->bytes += item->text.n;
  return queue_bound(q);
}

void store_queue_fini(struct store_queue *q) {
  while (q->first) queue_drop(q, &q->first);
  q->last = NULL;
}

uint32_t store_queue_return(struct store_queue *q, struct store_queue *taken) {
  struct store_queue since = *q;
  uint32_t gone = 0;
  *q = *taken;
  *taken = (struct store_queue){0};
  for (struct store_item *i = since.first, *next; i; i = next) {
    next = i->next;
    gone += store_queue_put(q, i);
  }
  return gone;
}

bool store_id_read(struct base_str json, uint64_t *id) {
  yyjson_doc *doc = yyjson_read(json.n ? json.p : "", json.n, 0);
  const char *text = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "id"));
  char *end = NULL;
  bool ok = text && strlen(text) == 16;
  if (ok) *id = strtoull(text, &end, 16);
  ok = ok && *end == 0;
  yyjson_doc_free(doc);
  return ok;
}
