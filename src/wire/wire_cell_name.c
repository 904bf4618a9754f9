#include "wire_cell_name.h"

#include "base_must.h"

#define TEXT_PER_NAME 64u
#define CLASS_N 5u /* pieces of 16, 32, 64, 128, 256 bytes */

struct name_entry {
  uint64_t hash;
  uint32_t at;   /* in text, in units of 16 bytes */
  uint32_t next; /* in the chain of its head, or of the free entries */
  uint16_t n;
  uint8_t used, marked;
};

struct wire_names {
  struct base_hash_key key;
  struct name_entry *entry;
  uint32_t *head;
  char *text;
  uint32_t max, head_mask;
  uint32_t entry_n;            /* places ever used; 0 is the empty name */
  uint32_t live_n;             /* names now */
  uint32_t free_head;          /* of entries that were swept, 0 none */
  uint32_t text_n, text_max;   /* in units of 16 bytes */
  uint32_t text_live;          /* units in use by names */
  uint32_t text_free[CLASS_N]; /* unit + 1 of the first free piece of a class, 0 none */
};

static size_t up64(size_t n) {
  return (n + 63) & ~(size_t)63;
}

size_t wire_names_bytes(uint32_t max) {
  return up64(sizeof(struct wire_names)) + up64(sizeof(struct name_entry) * max) + up64(sizeof(uint32_t) * 2 * max) +
         (size_t)TEXT_PER_NAME * max;
}

struct wire_names *wire_names_init(void *mem, uint32_t max, struct base_hash_key key) {
  MUST(max >= 2 && (max & (max - 1)) == 0);
  struct wire_names *t = mem;
  char *p = (char *)mem + up64(sizeof *t);
  t->key = key;
  t->entry = (struct name_entry *)(void *)p;
  p += up64(sizeof(struct name_entry) * max);
  t->head = (uint32_t *)(void *)p;
  p += up64(sizeof(uint32_t) * 2 * max);
  t->text = p;
  t->max = max;
  t->head_mask = 2 * max - 1;
  t->entry_n = 1;
  t->text_max = TEXT_PER_NAME / 16 * max;
  return t;
}

static unsigned class_of(size_t n) {
  unsigned c = 0;
  while (((size_t)16 << c) < n) c++;
  return c;
}

/* A piece of text memory of class c: a freed one, or new. */
static bool text_take(struct wire_names *t, unsigned c, uint32_t *at) {
  if (t->text_free[c]) {
    *at = t->text_free[c] - 1;
    memcpy(&t->text_free[c], t->text + (size_t)*at * 16, sizeof(uint32_t));
  } else {
    if (t->text_max - t->text_n < 1u << c) return false;
    *at = t->text_n;
    t->text_n += 1u << c;
  }
  t->text_live += 1u << c;
  return true;
}

static void text_drop(struct wire_names *t, unsigned c, uint32_t at) {
  memcpy(t->text + (size_t)at * 16, &t->text_free[c], sizeof(uint32_t));
  t->text_free[c] = at + 1;
  t->text_live -= 1u << c;
}

static uint32_t entry_take(struct wire_names *t) {
  if (t->free_head) {
    uint32_t id = t->free_head;
    t->free_head = t->entry[id].next;
    return id;
  }
  return t->entry_n < t->max ? t->entry_n++ : WIRE_NAME_FULL;
}

static uint32_t name_new(struct wire_names *t, struct base_str s, uint64_t hash) {
  uint32_t at, id;
  if (!text_take(t, class_of(s.n), &at)) return WIRE_NAME_FULL;
  if ((id = entry_take(t)) == WIRE_NAME_FULL) {
    text_drop(t, class_of(s.n), at);
    return WIRE_NAME_FULL;
  }
  uint32_t *head = &t->head[hash & t->head_mask];
  memcpy(t->text + (size_t)at * 16, s.p, s.n);
  t->entry[id] = (struct name_entry){hash, at, *head, (uint16_t)s.n, 1, 0};
  *head = id;
  t->live_n++;
  return id;
}

uint32_t wire_names_add(struct wire_names *t, struct base_str s) {
  MUST(s.n <= LIMIT_NAME_BYTES);
  if (s.n == 0) return 0;
  uint64_t hash = hash_bytes(t->key, s.p, s.n);
  for (uint32_t id = t->head[hash & t->head_mask]; id; id = t->entry[id].next)
    if (t->entry[id].hash == hash && str_eq(wire_names_view(t, id), s)) return id;
  return name_new(t, s, hash);
}

struct base_str wire_names_view(const struct wire_names *t, uint32_t id) {
  MUST(id < t->entry_n);
  if (id == 0) return STR("");
  return (struct base_str){t->text + (size_t)t->entry[id].at * 16, t->entry[id].n};
}

bool wire_names_crowded(const struct wire_names *t) {
  return t->live_n / 3 >= t->max / 4 || t->text_live / 3 >= t->text_max / 4;
}

void wire_names_mark(struct wire_names *t, uint32_t id) {
  MUST(id < t->entry_n);
  t->entry[id].marked = 1;
}

static void name_unlink(struct wire_names *t, uint32_t id) {
  uint32_t *at = &t->head[t->entry[id].hash & t->head_mask];
  while (*at != id) at = &t->entry[*at].next;
  *at = t->entry[id].next;
}

void wire_names_sweep(struct wire_names *t) {
  for (uint32_t id = 1; id < t->entry_n; id++) {
    struct name_entry *e = &t->entry[id];
    if (e->used && !e->marked) {
      name_unlink(t, id);
      text_drop(t, class_of(e->n), e->at);
      *e = (struct name_entry){.next = t->free_head};
      t->free_head = id;
      t->live_n--;
    }
    e->marked = 0;
  }
}
