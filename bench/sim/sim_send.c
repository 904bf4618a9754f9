#include "sim_send.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRY_MAX = 8192 };

static const uint32_t POD_NONE = UINT32_MAX;

static const struct sim_world *sort_world;

static int by_node_id(const void *a, const void *b) {
  const uint32_t *x = a, *y = b;
  return strcmp(sort_world->pod[*x].node_id, sort_world->pod[*y].node_id);
}

static void rank_pods(struct sim_send *s) {
  const struct sim_world *w = s->als->world;
  uint32_t *order = malloc(w->pods * sizeof *order);
  s->rank = malloc(w->pods * sizeof *s->rank);
  if (!order || !s->rank) abort();
  for (uint32_t p = 0; p < w->pods; p++) order[p] = p;
  sort_world = w;
  qsort(order, w->pods, sizeof *order, by_node_id);
  for (uint32_t i = 0; i < w->pods; i++) s->rank[order[i]] = i;
  free(order);
}

static bool loses(const struct sim_event *e) {
  return e->kind == SIM_EVENT_gap || e->kind == SIM_EVENT_cut || e->kind == SIM_EVENT_restart ||
         e->kind == SIM_EVENT_loss;
}

static void tallies(struct sim_send *s) {
  const struct sim_world *w = s->als->world;
  for (uint32_t i = 0; i < w->conf->events; i++) {
    if (!loses(&w->conf->event[i])) continue;
    s->tally[i] = calloc(w->pods, sizeof *s->tally[i]);
    if (!s->tally[i]) abort();
  }
}

void send_init(struct sim_send *s, const struct sim_als *als, FILE *out) {
  memset(s, 0, sizeof *s);
  s->als = als;
  s->out = out;
  s->last_pod = POD_NONE;
  rng_init(&s->rng, als->world->conf->key, 4, 0);
  rank_pods(s);
  tallies(s);
}

static void slot_fini(struct send_slot *t) {
  free(t->bytes);
  free(t->item);
  *t = (struct send_slot){0};
}

void send_fini(struct sim_send *s) {
  for (int i = 0; i < SIM_SLOTS; i++) slot_fini(&s->slot[i]);
  while (s->spares) slot_fini(&s->spare[--s->spares]);
  for (int i = 0; i < SIM_EVENT_MAX; i++) free(s->tally[i]);
  free(s->rank);
  free(s->message);
}

/* A slot's memory goes from the one that is done to the next that is opened. */
static void slot_open(struct sim_send *s, struct send_slot *t) {
  if (t->bytes_max == 0 && s->spares) *t = s->spare[--s->spares];
}

static void slot_close(struct sim_send *s, struct send_slot *t) {
  t->items = 0;
  t->bytes_n = 0;
  if (s->spares == SIM_SPARES) {
    slot_fini(t);
    return;
  }
  s->spare[s->spares++] = *t;
  *t = (struct send_slot){0};
}

static void slot_add(struct sim_send *s, struct send_item item, const uint8_t *bytes, size_t n) {
  int64_t second = item.flush_ns / SIM_NS_PER_S;
  if (second < s->slot_next) second = s->slot_next;
  if (second >= s->slot_next + SIM_SLOTS) second = s->slot_next + SIM_SLOTS - 1;
  struct send_slot *t = &s->slot[second % SIM_SLOTS];
  slot_open(s, t);
  if (t->bytes_n + n > t->bytes_max) {
    t->bytes_max = (t->bytes_n + n) * 2;
    t->bytes = realloc(t->bytes, t->bytes_max);
  }
  if (t->items == t->items_max) {
    t->items_max = t->items_max ? t->items_max * 2 : 64;
    t->item = realloc(t->item, t->items_max * sizeof *t->item);
  }
  if (!t->bytes || !t->item) abort();
  memcpy(t->bytes + t->bytes_n, bytes, n);
  item.at = t->bytes_n;
  item.size = n;
  t->bytes_n += n;
  t->item[t->items++] = item;
}

static int64_t flush_after(const struct sim_send *s, uint32_t pod, int64_t end_ns) {
  int64_t every = (int64_t)(s->als->world->conf->set.flush_ms * 1e3) * 1000;
  int64_t phase = s->als->world->pod[pod].phase_ns % every;
  int64_t since = end_ns - phase;
  int64_t k = since >= 0 ? since / every : -((-since + every - 1) / every);
  return (k + 1) * every + phase;
}

void send_entry(struct sim_send *s, const struct sim_entry *e) {
  uint8_t bytes[ENTRY_MAX];
  struct als_back b = {.bytes = bytes, .at = sizeof bytes, .size = sizeof bytes};
  int64_t end_ns = e->start_ns + (e->at_start ? 0 : e->dur_ns);
  if (e->start_ns < 0) return;
  als_entry_write(s->als, e, &b);
  if (b.over) abort();
  struct send_item item = {.flush_ns = flush_after(s, (uint32_t)e->pod, end_ns),
                           .seq = s->seq++,
                           .rank = s->rank[e->pod],
                           .pod = (uint32_t)e->pod};
  slot_add(s, item, bytes + b.at, b.size - b.at);
}

static int by_order(const void *a, const void *b) {
  const struct send_item *x = a, *y = b;
  if (x->flush_ns != y->flush_ns) return x->flush_ns < y->flush_ns ? -1 : 1;
  if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
  return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void write_bytes(struct sim_send *s, const uint8_t *bytes, size_t n) {
  s->failed |= fwrite(bytes, 1, n, s->out) != n;
}

static void write_message(struct sim_send *s, uint32_t pod, const uint8_t *bytes, size_t n) {
  uint8_t head[10];
  write_bytes(s, head, als_varint(head, n));
  write_bytes(s, bytes, n);
  s->messages++;
  s->last_pod = pod;
}

static bool chance(struct sim_send *s, double p) {
  return p > 0 && rng_unit(&s->rng) < p;
}

/* Does an event lose this message? All that do count it, lost or not. */
static bool event_loses(struct sim_send *s, const struct send_item *like, uint32_t entries) {
  const struct sim_world *w = s->als->world;
  bool lost = false;
  for (uint32_t i = 0; i < w->conf->events; i++) {
    const struct sim_event *e = &w->conf->event[i];
    if (!s->tally[i] || !world_event_on(e, like->flush_ns) || !world_in_target(w, i, like->pod)) continue;
    bool mine = e->kind != SIM_EVENT_loss || chance(s, e->prob);
    struct send_tally *t = &s->tally[i][like->pod];
    t->messages++;
    t->entries += entries;
    t->lost += mine;
    t->entries_lost += mine ? entries : 0;
    lost |= mine;
  }
  return lost;
}

/* A finished message on its way: lost, late, once or twice. */
static void post(struct sim_send *s, const struct send_item *like, const uint8_t *bytes, size_t n, uint32_t entries) {
  const struct sim_settings *set = &s->als->world->conf->set;
  if (event_loses(s, like, entries) || chance(s, set->loss_p)) {
    s->lost += entries;
    return;
  }
  s->entries += entries;
  bool twice = chance(s, set->dup_p);
  if (chance(s, set->late_p)) {
    struct send_item held = *like;
    held.flush_ns += (int64_t)(rng_unit(&s->rng) * set->late_ms * 1e6) + SIM_NS_PER_S;
    held.whole = true;
    held.seq = s->seq++;
    slot_add(s, held, bytes, n);
  } else {
    write_message(s, like->pod, bytes, n);
  }
  if (twice) write_message(s, like->pod, bytes, n);
}

/* A message without identifier belongs to the one before it in the file, so only a proxy's further messages in a row
 * can go without, and none that may be held back. */
static bool with_identifier(struct sim_send *s, uint32_t pod) {
  const struct sim_settings *set = &s->als->world->conf->set;
  bool again = s->last_pod == pod && set->late_p == 0;
  return !again || set->identifier_first == 0;
}

static void need(struct sim_send *s, size_t n) {
  if (n <= s->message_max) return;
  s->message_max = n * 2;
  free(s->message);
  s->message = malloc(s->message_max);
  if (!s->message) abort();
}

/* Items [from, to) of one proxy and one flush; their bytes do not lie together. */
static void build(struct sim_send *s, const struct send_slot *t, size_t from, size_t to) {
  const struct sim_pod_text *text = &s->als->text[t->item[from].pod];
  size_t list = 0, n = 0;
  for (size_t i = from; i < to; i++) list += t->item[i].size;
  need(s, list + text->identifier_n + 16);
  if (with_identifier(s, t->item[from].pod)) {
    memcpy(s->message, text->identifier, text->identifier_n);
    n = text->identifier_n;
  }
  s->message[n++] = 2 << 3 | 2; /* http_logs */
  n += als_varint(s->message + n, list);
  for (size_t i = from; i < to; i++) {
    memcpy(s->message + n, t->bytes + t->item[i].at, t->item[i].size);
    n += t->item[i].size;
  }
  struct send_item like = t->item[from];
  post(s, &like, s->message, n, (uint32_t)(to - from));
}

static size_t run_end(const struct sim_send *s, const struct send_slot *t, size_t from) {
  double cap = s->als->world->conf->set.buffer_bytes;
  size_t bytes = t->item[from].size, i = from + 1;
  for (; i < t->items && !t->item[i].whole; i++) {
    if (t->item[i].pod != t->item[from].pod || t->item[i].flush_ns != t->item[from].flush_ns) break;
    if (cap > 0 && (double)bytes >= cap) break;
    bytes += t->item[i].size;
  }
  return i;
}

static void slot_flush(struct sim_send *s, int64_t second) {
  struct send_slot *t = &s->slot[second % SIM_SLOTS];
  s->slot_next = second + 1;
  if (t->items) qsort(t->item, t->items, sizeof *t->item, by_order);
  for (size_t i = 0; i < t->items;) {
    if (t->item[i].whole) {
      write_message(s, t->item[i].pod, t->bytes + t->item[i].at, t->item[i].size);
      i++;
    } else {
      size_t end = run_end(s, t, i);
      build(s, t, i, end);
      i = end;
    }
  }
  slot_close(s, t);
}

void send_until(struct sim_send *s, int64_t now_ns) {
  while ((s->slot_next + 1) * SIM_NS_PER_S <= now_ns) slot_flush(s, s->slot_next);
}

bool send_end(struct sim_send *s) {
  int64_t last = s->slot_next + SIM_SLOTS;
  while (s->slot_next < last) slot_flush(s, s->slot_next);
  return !s->failed && fflush(s->out) == 0;
}
