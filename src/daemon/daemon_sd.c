#include "daemon_sd.h"

#include <stdio.h>
#include <yaml.h>
#include <yyjson.h>

static bool sd_fail(char why[SD_WHY_BYTES], const char *text) {
  snprintf(why, SD_WHY_BYTES, "%s", text);
  return false;
}

#define SD_REFUSED "a target or label that cannot be used"
#define SD_SHAPE "wants a list of maps with a list `targets` and a map `labels` of texts"

/* ---- JSON ---- */

static struct base_str json_str(yyjson_val *v) {
  return yyjson_is_str(v) ? (struct base_str){yyjson_get_str(v), yyjson_get_len(v)} : STR_NONE;
}

static bool json_labels(yyjson_val *map, struct sd_label out[SD_LABELS], unsigned *n) {
  size_t i, all;
  yyjson_val *key, *value;
  *n = 0;
  if (!map) return true;
  if (!yyjson_is_obj(map) || yyjson_obj_size(map) > SD_LABELS) return false;
  yyjson_obj_foreach(map, i, all, key, value) {
    if (!yyjson_is_str(value)) return false;
    out[(*n)++] = (struct sd_label){json_str(key), json_str(value)};
  }
  return true;
}

static bool json_group(yyjson_val *group, sd_target fn, void *ctx, char why[SD_WHY_BYTES]) {
  struct sd_label label[SD_LABELS];
  unsigned n;
  size_t i, all;
  yyjson_val *target, *targets = yyjson_obj_get(group, "targets");
  if (!yyjson_is_arr(targets) || !json_labels(yyjson_obj_get(group, "labels"), label, &n))
    return sd_fail(why, SD_SHAPE);
  yyjson_arr_foreach(targets, i, all, target) {
    if (!yyjson_is_str(target)) return sd_fail(why, SD_SHAPE);
    if (!fn(ctx, json_str(target), label, n)) return sd_fail(why, SD_REFUSED);
  }
  return true;
}

bool sd_json_read(struct base_str text, sd_target fn, void *ctx, char why[SD_WHY_BYTES]) {
  yyjson_read_err err;
  size_t i, all;
  yyjson_val *group;
  yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)(text.n ? text.p : ""), text.n, 0, NULL, &err);
  if (!doc) {
    snprintf(why, SD_WHY_BYTES, "byte %zu: %.120s", err.pos, err.msg);
    return false;
  }
  bool good = yyjson_is_arr(yyjson_doc_get_root(doc)) || sd_fail(why, SD_SHAPE);
  if (good) {
    yyjson_arr_foreach(yyjson_doc_get_root(doc), i, all, group) {
      if (!(good = json_group(group, fn, ctx, why))) break;
    }
  }
  yyjson_doc_free(doc);
  return good;
}

/* ---- YAML ---- */

static struct base_str yaml_str(const yaml_node_t *v) {
  if (!v || v->type != YAML_SCALAR_NODE) return STR_NONE;
  return (struct base_str){(const char *)v->data.scalar.value, v->data.scalar.length};
}

static const yaml_node_t *yaml_find(yaml_document_t *d, const yaml_node_t *map, struct base_str key) {
  if (!map || map->type != YAML_MAPPING_NODE) return NULL;
  for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++)
    if (str_eq(yaml_str(yaml_document_get_node(d, p->key)), key)) return yaml_document_get_node(d, p->value);
  return NULL;
}

static bool yaml_labels(yaml_document_t *d, const yaml_node_t *map, struct sd_label out[SD_LABELS], unsigned *n) {
  *n = 0;
  if (!map) return true;
  if (map->type != YAML_MAPPING_NODE) return false;
  for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
    const yaml_node_t *value = yaml_document_get_node(d, p->value);
    if (*n == SD_LABELS || !value || value->type != YAML_SCALAR_NODE) return false;
    out[(*n)++] = (struct sd_label){yaml_str(yaml_document_get_node(d, p->key)), yaml_str(value)};
  }
  return true;
}

static bool yaml_group(yaml_document_t *d, const yaml_node_t *group, sd_target fn, void *ctx, char why[SD_WHY_BYTES]) {
  struct sd_label label[SD_LABELS];
  unsigned n;
  const yaml_node_t *targets = yaml_find(d, group, STR("targets"));
  bool good = targets && targets->type == YAML_SEQUENCE_NODE;
  if (!good || !yaml_labels(d, yaml_find(d, group, STR("labels")), label, &n)) return sd_fail(why, SD_SHAPE);
  for (yaml_node_item_t *i = targets->data.sequence.items.start; i < targets->data.sequence.items.top; i++) {
    const yaml_node_t *target = yaml_document_get_node(d, *i);
    if (!target || target->type != YAML_SCALAR_NODE) return sd_fail(why, SD_SHAPE);
    if (!fn(ctx, yaml_str(target), label, n)) return sd_fail(why, SD_REFUSED);
  }
  return true;
}

static bool yaml_groups(yaml_document_t *d, sd_target fn, void *ctx, char why[SD_WHY_BYTES]) {
  const yaml_node_t *root = yaml_document_get_root_node(d);
  if (!root) return true; /* an empty file has no targets */
  if (root->type != YAML_SEQUENCE_NODE) return sd_fail(why, SD_SHAPE);
  for (yaml_node_item_t *i = root->data.sequence.items.start; i < root->data.sequence.items.top; i++)
    if (!yaml_group(d, yaml_document_get_node(d, *i), fn, ctx, why)) return false;
  return true;
}

bool sd_yaml_read(struct base_str text, sd_target fn, void *ctx, char why[SD_WHY_BYTES]) {
  yaml_parser_t parser;
  yaml_document_t document;
  if (!yaml_parser_initialize(&parser)) return sd_fail(why, "out of memory");
  yaml_parser_set_input_string(&parser, (const unsigned char *)(text.n ? text.p : ""), text.n);
  bool good = yaml_parser_load(&parser, &document) != 0;
  if (good) {
    good = yaml_groups(&document, fn, ctx, why);
    yaml_document_delete(&document);
  } else {
    snprintf(why, SD_WHY_BYTES, "line %zu: %.120s", parser.problem_mark.line + 1,
             parser.problem ? parser.problem : "not YAML");
  }
  yaml_parser_delete(&parser);
  return good;
}
