#include "wire_als.h"

#include "wire_als_fields.h"
#include "wire_als_read.h"

/* Fills *err with where c broke inside `whole`. */
static enum wire_status als_bad(struct wire_err *err, struct base_str whole, const uint8_t *at, const char *reason) {
  err->offset = at ? (size_t)((const char *)at - whole.p) : 0;
  err->reason = reason;
  return WIRE_BAD;
}

static void locality_read(struct wire_pb *outer, struct wire_node *out) {
  struct wire_pb c = pb_enter(outer);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_locality_region: out->region = pb_view(&c); break;
      case TAG_locality_zone: out->zone = pb_view(&c); break;
      case TAG_locality_sub_zone: out->sub_zone = pb_view(&c); break;
      default: pb_skip(&c, tag);
    }
  }
  pb_leave(outer, &c);
}

static void node_read(struct wire_pb *outer, struct wire_node *out) {
  struct wire_pb c = pb_enter(outer);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_node_id: out->id = pb_view(&c); break;
      case TAG_node_cluster: out->cluster = pb_view(&c); break;
      case TAG_node_metadata: out->metadata = pb_view(&c); break;
      case TAG_node_locality: locality_read(&c, out); break;
      case TAG_node_user_agent_name: out->user_agent_name = pb_view(&c); break;
      default: pb_skip(&c, tag);
    }
  }
  pb_leave(outer, &c);
}

static void identifier_read(struct wire_pb *outer, struct wire_als_msg *out) {
  struct wire_pb c = pb_enter(outer);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_identifier_node:
        out->has_node = true;
        node_read(&c, &out->node);
        break;
      case TAG_identifier_log_name: out->log_name = pb_view(&c); break;
      default: pb_skip(&c, tag);
    }
  }
  pb_leave(outer, &c);
}

enum wire_status wire_als_msg_read(struct base_str bytes, struct wire_als_msg *out, struct wire_err *err) {
  *out = (struct wire_als_msg){.bytes = bytes, .list_at = bytes.n};
  struct wire_pb c = pb_over(bytes);
  uint32_t tag, list_tag = 0;
  for (;;) {
    size_t at = (size_t)((const char *)c.p - bytes.p);
    if (pb_next(&c, &tag) != WIRE_OK) break;
    if ((tag == TAG_msg_http_logs || tag == TAG_msg_tcp_logs) && tag != list_tag) {
      /* The two lists are a oneof: one of the other kind takes the place of all that came before it. */
      list_tag = tag;
      out->list_at = at;
    }
    if (tag == TAG_msg_identifier) {
      identifier_read(&c, out);
    } else {
      pb_skip(&c, tag);
    }
  }
  return c.reason ? als_bad(err, bytes, c.p, c.reason) : WIRE_OK;
}

void wire_als_iter_init(struct wire_als_iter *it, const struct wire_als_msg *msg) {
  *it = (struct wire_als_iter){.bytes = msg->bytes, .at = msg->list_at};
}

static inline size_t iter_offset(const struct wire_als_iter *it, const struct wire_pb *c) {
  return (size_t)((const char *)c->p - it->bytes.p);
}

/* Moves to the next list of entries. */
static enum wire_status iter_list(struct wire_als_iter *it, struct wire_err *err) {
  struct wire_pb c = pb_over(str_cut(it->bytes, it->at, it->bytes.n));
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag != TAG_msg_http_logs && tag != TAG_msg_tcp_logs) {
      pb_skip(&c, tag);
      continue;
    }
    struct wire_pb list = pb_enter(&c);
    if (c.reason) break;
    it->list_at = iter_offset(it, &list);
    it->list_end = it->at = iter_offset(it, &c);
    it->list_tcp = tag == TAG_msg_tcp_logs;
    return WIRE_OK;
  }
  it->at = it->bytes.n;
  return c.reason ? als_bad(err, it->bytes, c.p, c.reason) : WIRE_END;
}

/* The next entry's bytes in the list that the iterator is in; WIRE_END behind its last. A list whose frame is
 * broken ends where it broke. */
static enum wire_status iter_entry(struct wire_als_iter *it, struct base_str *entry, struct wire_err *err) {
  struct wire_pb c = pb_over(str_cut(it->bytes, it->list_at, it->list_end));
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag != TAG_http_logs_log_entry) {
      pb_skip(&c, tag);
      continue;
    }
    *entry = pb_view(&c);
    if (c.reason) break;
    it->list_at = iter_offset(it, &c);
    return WIRE_OK;
  }
  it->list_at = it->list_end;
  return c.reason ? als_bad(err, it->bytes, c.p, c.reason) : WIRE_END;
}

enum wire_status wire_als_next(struct wire_als_iter *it, struct wire_request *out, struct wire_err *err) {
  struct base_str entry;
  struct als_work w;
  for (;;) {
    if (it->list_at < it->list_end) {
      enum wire_status s = iter_entry(it, &entry, err);
      if (s == WIRE_BAD) return s;
      if (s == WIRE_OK) break;
    }
    if (it->at >= it->bytes.n) return WIRE_END;
    enum wire_status s = iter_list(it, err);
    if (s != WIRE_OK) return s;
  }
  if (als_entry_read(entry, it->list_tcp, out, &w) == WIRE_OK) return WIRE_OK;
  return als_bad(err, it->bytes, w.at, w.reason);
}
