/* An incident's JSON, read for telling. What is not there reads as empty. */
#ifndef ACT_VIEW_H
#define ACT_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "act_conf.h"
#include "base_buf.h"
#include "base_str.h"

struct yyjson_doc;
struct yyjson_val;

struct act_view {
  struct yyjson_doc *doc;
  struct yyjson_val *root, *cause; /* cause: the first, NULL where there is none */
  struct base_str json;            /* what was read */
  struct base_str id, verdict, kind, severity_text, summary;
  uint64_t id_hash;
  enum act_severity severity;
};

/* False: no incident. view_close it in every case. The views live as long as it does. */
bool view_open(struct act_view *v, struct base_str json);
void view_close(struct act_view *v);

/* A string's text; none where val is no string. */
struct base_str view_str(struct yyjson_val *val);
struct base_str view_text(struct yyjson_val *obj, const char *key);
/* A name of the first cause's entity, such as "service". */
struct base_str view_culprit(const struct act_view *v, const char *dim);

/* "service cart, pod cart-1, cluster east" */
void view_entity_text(struct yyjson_val *entity, struct base_buf *out);
/* The first cause's, or "unknown". */
void view_culprit_text(const struct act_view *v, struct base_buf *out);
/* "120 requests, 31 failed, 4 slow" */
void view_impact_text(const struct act_view *v, struct base_buf *out);
/* The page's link to the incident; false where public_url is empty. */
bool view_link(const struct act_view *v, const char *public_url, struct base_buf *out);

/* s to its first chars_max characters (code points of UTF-8), the last of them an ellipsis where something is cut. */
void view_cut(struct base_str s, size_t chars_max, struct base_buf *out);

bool act_severity_read(struct base_str text, enum act_severity *out);
const char *act_severity_text(enum act_severity s);

#endif
