/* The fields of a google.protobuf.Struct one after the other: string values as text, structs as raw bytes. Others
 * are passed over, broken bytes end it. */
#ifndef WIRE_IDENTITY_STRUCT_H
#define WIRE_IDENTITY_STRUCT_H

#include "wire_pb.h"

struct wire_struct_iter {
  struct wire_pb pb;
};

static inline struct wire_struct_iter wire_struct_over(struct base_str raw) {
  return (struct wire_struct_iter){pb_over(raw)};
}

/* The string or struct inside a google.protobuf.Value. */
static inline bool wire_struct_value(struct wire_pb pb, struct base_str *value, bool *is_struct) {
  uint32_t tag;
  bool got = false;
  while (pb_next(&pb, &tag) == WIRE_OK) {
    if (tag == PB_TAG(3, PB_LEN) || tag == PB_TAG(5, PB_LEN)) {
      *value = pb_view(&pb);
      *is_struct = tag == PB_TAG(5, PB_LEN);
      got = true;
    } else {
      pb_skip(&pb, tag);
    }
  }
  return got && !pb.reason;
}

static inline bool wire_struct_next(struct wire_struct_iter *it, struct base_str *key, struct base_str *value,
                                    bool *is_struct) {
  uint32_t tag;
  while (pb_next(&it->pb, &tag) == WIRE_OK) {
    if (tag != PB_TAG(1, PB_LEN)) {
      pb_skip(&it->pb, tag);
      continue;
    }
    struct wire_pb field = pb_enter(&it->pb);
    bool got = false;
    *key = STR("");
    while (pb_next(&field, &tag) == WIRE_OK) {
      if (tag == PB_TAG(1, PB_LEN))
        *key = pb_view(&field);
      else if (tag == PB_TAG(2, PB_LEN))
        got = wire_struct_value(pb_enter(&field), value, is_struct);
      else
        pb_skip(&field, tag);
    }
    if (got && !field.reason) return true;
  }
  return false;
}

#endif
