/* google.protobuf.Struct, read one level at a time. */
#include "wire_als.h"
#include "wire_als_fields.h"

/* A google.protobuf.Value: the last member of its oneof counts. */
struct value {
  uint32_t tag; /* 0 where none was set */
  struct base_str bytes;
};

/* False where broken. */
static bool value_read(struct base_str bytes, struct value *out) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_value_string_value:
      case TAG_value_struct_value: *out = (struct value){tag, pb_view(&c)}; break;
      case TAG_value_null_value:
      case TAG_value_number_value:
      case TAG_value_bool_value:
      case TAG_value_list_value: out->tag = tag; /* fall through */
      default: pb_skip(&c, tag);
    }
  }
  return c.reason == NULL;
}

/* The key of a pair; none and empty are one. False where broken. */
static bool field_name(struct base_str bytes, struct base_str *out) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == TAG_MAP_KEY) {
      *out = pb_view(&c);
    } else {
      pb_skip(&c, tag);
    }
  }
  return c.reason == NULL;
}

/* Values are only looked into where the key is the one; most are not. */
static bool field_read(struct base_str bytes, struct base_str key, struct value *out) {
  struct base_str name = STR_NONE;
  if (!field_name(bytes, &name)) return false;
  if (!str_eq(name, key)) return true;
  *out = (struct value){0, STR_NONE};
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == TAG_MAP_VALUE) {
      if (!value_read(pb_view(&c), out)) return false;
    } else {
      pb_skip(&c, tag);
    }
  }
  return true;
}

bool wire_struct_find(struct base_str raw, struct base_str key, struct base_str *out, bool *is_struct) {
  struct wire_pb c = pb_over(raw);
  struct value found = {0, STR_NONE};
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == TAG_struct_fields) {
      if (!field_read(pb_view(&c), key, &found)) return false;
    } else {
      pb_skip(&c, tag);
    }
  }
  if (c.reason || (found.tag != TAG_value_string_value && found.tag != TAG_value_struct_value)) return false;
  *out = found.bytes;
  *is_struct = found.tag == TAG_value_struct_value;
  return true;
}
