#include "act_queue.h"

#include <stdlib.h>

#include "base_hash.h"
#include "base_must.h"

#define QUEUE_BACKOFF_NS (TIME_NS_PER_S / 2)
#define QUEUE_BACKOFF_NS_MAX (60 * TIME_NS_PER_S)

static bool same_incident(const struct queue_item *i, const struct act_known *k) {
  return i->after.state.id == k->state.id;
}

void queue_drop(struct act_queue *q, struct queue_item *i) {
  for (struct queue_item **at = &q->first; *at; at = &(*at)->next) {
    if (*at != i) continue;
    *at = i->next;
    q->n--;
    q->bytes -= i->json.n;
    free(i);
    return;
  }
  MUST(!"the item is in the queue");
}

void queue_fini(struct act_queue *q) {
  while (q->first) queue_drop(q, q->first);
}

static struct queue_item *item_new(enum act_event event, const struct act_known *after, struct base_str json) {
  struct queue_item *i = malloc(sizeof *i + json.n);
  if (!i) return NULL;
  *i = (struct queue_item){.event = event, .after = *after};
  if (json.n) memcpy(i + 1, json.p, json.n);
  i->json = (struct base_str){(const char *)(i + 1), json.n};
  return i;
}

/* The last waiting message of this incident that a `changed` may be merged into. */
static struct queue_item **mergeable(struct act_queue *q, const struct queue_item *busy, const struct act_known *k) {
  struct queue_item **found = NULL;
  for (struct queue_item **at = &q->first; *at; at = &(*at)->next) {
    if (!same_incident(*at, k)) continue;
    bool fits = *at != busy && ((*at)->event == ACT_OPENED || (*at)->event == ACT_CHANGED);
    found = fits ? at : NULL;
  }
  return found;
}

static bool merge(struct act_queue *q, struct queue_item **at, const struct act_known *after, struct base_str json,
                  int64_t due_ns) {
  struct queue_item *old = *at, *i = item_new(old->event, after, json);
  if (!i) return false;
  i->next = old->next;
  i->born_ns = old->born_ns;
  i->attempts = old->attempts;
  i->held = old->held;
  i->due_ns = old->event == ACT_CHANGED && old->attempts == 0 && due_ns < old->due_ns ? due_ns : old->due_ns;
  q->bytes += json.n;
  q->bytes -= old->json.n;
  *at = i;
  free(old);
  return true;
}

static void drop_changed(struct act_queue *q, const struct queue_item *busy, const struct act_known *k) {
  for (struct queue_item *i = q->first, *next; i; i = next) {
    next = i->next;
    if (i != busy && i->event == ACT_CHANGED && same_incident(i, k)) queue_drop(q, i);
  }
}

static struct queue_item *take_oldest(struct act_queue *q, const struct queue_item *busy) {
  struct queue_item **at = &q->first;
  if (*at == busy) at = &(*at)->next;
  struct queue_item *i = *at;
  if (!i) return NULL;
  *at = i->next;
  q->n--;
  q->bytes -= i->json.n;
  return i;
}

struct queue_item *queue_put(struct act_queue *q, const struct queue_item *busy, enum act_event event,
                             const struct act_known *after, struct base_str json, int64_t born_ns, int64_t due_ns,
                             bool *ok) {
  struct queue_item **at = event == ACT_CHANGED ? mergeable(q, busy, after) : NULL;
  if (at) {
    *ok = merge(q, at, after, json, due_ns);
    return NULL;
  }
  if (event == ACT_ENDED) drop_changed(q, busy, after);
  struct queue_item *i = item_new(event, after, json), **end = &q->first;
  *ok = i != NULL;
  if (!i) return NULL;
  i->born_ns = born_ns;
  i->due_ns = due_ns;
  i->held = due_ns > born_ns;
  while (*end) end = &(*end)->next;
  *end = i;
  q->n++;
  q->bytes += json.n;
  return q->n > LIMIT_ALERT_QUEUE || q->bytes > LIMIT_ALERT_QUEUE_BYTES ? take_oldest(q, busy) : NULL;
}

static bool is_blocked(const struct act_queue *q, const struct queue_item *i) {
  for (const struct queue_item *k = q->first; k != i; k = k->next)
    if (same_incident(k, &i->after)) return true;
  return false;
}

struct queue_item *queue_pick(const struct act_queue *q, int64_t now_ns) {
  struct queue_item *best = NULL;
  for (struct queue_item *i = q->first; i; i = i->next) {
    if (i->due_ns > now_ns || (best && i->attempts >= best->attempts)) continue;
    if (!is_blocked(q, i)) best = i;
  }
  return best;
}

int64_t queue_due(const struct act_queue *q) {
  int64_t due = INT64_MAX;
  for (const struct queue_item *i = q->first; i; i = i->next)
    if (i->due_ns < due && !is_blocked(q, i)) due = i->due_ns;
  return due;
}

int64_t queue_backoff_ns(uint32_t failures, uint64_t key) {
  MUST(failures > 0);
  int64_t ns = failures > 8 ? QUEUE_BACKOFF_NS_MAX : QUEUE_BACKOFF_NS << (failures - 1);
  if (ns > QUEUE_BACKOFF_NS_MAX) ns = QUEUE_BACKOFF_NS_MAX;
  uint64_t words[2] = {key, failures};
  int64_t share = (int64_t)(hash_bytes(HASH_KEY_FIXED, words, sizeof words) % 1001) - 500; /* -500 .. 500 */
  return ns + ns / 2000 * share;
}
