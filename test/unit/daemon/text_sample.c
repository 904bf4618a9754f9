#include "text_sample.h"

#include <string.h>

#include "base_must.h"

const char *sample_text(void (*write)(struct text *t, struct yyjson_val *v), const char *json, struct text t) {
  static char bytes[65536];
  memset(bytes, 0, sizeof bytes);
  struct base_buf out = buf_over(bytes, sizeof bytes - 1);
  yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
  MUST(doc);
  t.out = &out;
  write(&t, yyjson_doc_get_root(doc));
  yyjson_doc_free(doc);
  MUST(!out.bad);
  return bytes;
}
