/* The YAML form of the configuration: one mapping of scalars and the list of receivers, read event by event so that
 * every refusal has its line and column. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <yaml.h>

#include "daemon_conf.h"

#define CONF_SEEN_MAX 128u

struct conf_reader {
  yaml_parser_t parser;
  yaml_event_t event;
  bool has_event;
  struct daemon_conf *conf;
  struct conf_err *err;
  struct base_str seen[CONF_SEEN_MAX]; /* keys so far; owned copies */
  unsigned seen_n;
};

static bool reader_fail_at(struct conf_reader *r, yaml_mark_t at, const char *text) {
  r->err->line = (unsigned)at.line + 1;
  r->err->column = (unsigned)at.column + 1;
  if (text) snprintf(r->err->text, sizeof r->err->text, "%s", text);
  return false;
}

static bool reader_fail(struct conf_reader *r, const char *text) {
  return reader_fail_at(r, r->event.start_mark, text);
}

static bool reader_next(struct conf_reader *r) {
  if (r->has_event) yaml_event_delete(&r->event);
  r->has_event = yaml_parser_parse(&r->parser, &r->event) != 0;
  if (r->has_event) return true;
  return reader_fail_at(r, r->parser.problem_mark, r->parser.problem ? r->parser.problem : "not YAML");
}

static struct base_str reader_scalar(const struct conf_reader *r) {
  return (struct base_str){(const char *)r->event.data.scalar.value, r->event.data.scalar.length};
}

static bool reader_key_seen(struct conf_reader *r, struct base_str key) {
  for (unsigned i = 0; i < r->seen_n; i++)
    if (str_eq(r->seen[i], key)) return true;
  return false;
}

static bool reader_key_keep(struct conf_reader *r, struct base_str key) {
  if (reader_key_seen(r, key)) return reader_fail(r, "key given twice");
  if (r->seen_n == CONF_SEEN_MAX) return reader_fail(r, "too many keys");
  char *copy = strndup(key.p, key.n);
  if (!copy) return reader_fail(r, "out of memory");
  r->seen[r->seen_n++] = (struct base_str){copy, key.n};
  return true;
}

/* ---- receivers ---- */

/* One receiver's map while it is read. */
struct reader_receiver {
  struct act_receiver_conf *conf;
  uint32_t seen;      /* keys given, a bit each */
  yaml_mark_t at[32]; /* where */
};

static bool receiver_unknown(struct conf_reader *r, struct base_str key) {
  char text[128];
  snprintf(text, sizeof text, "a receiver has no key '%.*s'", (int)(key.n < 64 ? key.n : 64), key.n ? key.p : "");
  return reader_fail(r, text);
}

static bool receiver_pair(struct conf_reader *r, struct reader_receiver *it) {
  if (r->event.type != YAML_SCALAR_EVENT) return reader_fail(r, "a key must be a plain text");
  int key = conf_receiver_key(reader_scalar(r));
  if (key < 0) return receiver_unknown(r, reader_scalar(r));
  if (it->seen & 1u << key) return reader_fail(r, "key given twice");
  it->seen |= 1u << key;
  it->at[key] = r->event.start_mark;
  if (!reader_next(r)) return false;
  if (r->event.type != YAML_SCALAR_EVENT) return reader_fail(r, "wants one value, not a list, a map or a reference");
  return conf_receiver_set(it->conf, key, reader_scalar(r), r->err) || reader_fail(r, NULL);
}

static bool receiver_name_taken(const struct act_conf *all, const struct act_receiver_conf *one) {
  for (uint32_t i = 0; i < all->receiver_n; i++)
    if (strcmp(all->receiver[i].name, one->name) == 0) return true;
  return false;
}

static bool receiver_check(struct conf_reader *r, const struct reader_receiver *it, yaml_mark_t at) {
  const char *wrong = act_receiver_wrong(it->conf);
  for (int key = 0; key < 32; key++) {
    if (!(it->seen & 1u << key) || it->conf->type == ACT_TYPE_COUNT) continue;
    if (!conf_receiver_has(it->conf, key, r->err)) return reader_fail_at(r, it->at[key], NULL);
  }
  if (wrong) return reader_fail_at(r, at, wrong);
  if (!receiver_name_taken(&r->conf->alerts, it->conf)) return true;
  return reader_fail_at(r, it->at[conf_receiver_key(STR("name"))], "another receiver has this name");
}

static bool reader_receiver(struct conf_reader *r) {
  struct act_conf *all = &r->conf->alerts;
  yaml_mark_t at = r->event.start_mark;
  if (r->event.type != YAML_MAPPING_START_EVENT) return reader_fail(r, "a receiver is a map of keys and values");
  if (all->receiver_n == LIMIT_RECEIVERS) return reader_fail(r, "too many receivers");
  struct reader_receiver it = {.conf = &all->receiver[all->receiver_n]};
  conf_receiver_init(it.conf);
  for (;;) {
    if (!reader_next(r)) return false;
    if (r->event.type == YAML_MAPPING_END_EVENT) break;
    if (!receiver_pair(r, &it)) return false;
  }
  if (!receiver_check(r, &it, at)) return false;
  all->receiver_n++;
  return true;
}

/* ---- jobs of scrape ---- */

static bool job_item(struct conf_reader *r, struct conf_scrape_job *j, int key, struct base_str name) {
  if (r->event.type != YAML_SCALAR_EVENT) return reader_fail(r, "wants a text, not a list, a map or a reference");
  return conf_scrape_add(j, key, name, reader_scalar(r), r->err) || reader_fail(r, NULL);
}

/* A list of texts, or one text. */
static bool job_list(struct conf_reader *r, struct conf_scrape_job *j, int key) {
  if (r->event.type != YAML_SEQUENCE_START_EVENT) return job_item(r, j, key, STR_NONE);
  for (;;) {
    if (!reader_next(r)) return false;
    if (r->event.type == YAML_SEQUENCE_END_EVENT) return true;
    if (!job_item(r, j, key, STR_NONE)) return false;
  }
}

static bool job_map(struct conf_reader *r, struct conf_scrape_job *j, int key) {
  char name[LIMIT_NAME_BYTES + 1];
  if (r->event.type != YAML_MAPPING_START_EVENT) return reader_fail(r, "wants a map of names and texts");
  for (;;) {
    if (!reader_next(r)) return false;
    if (r->event.type == YAML_MAPPING_END_EVENT) return true;
    if (r->event.type != YAML_SCALAR_EVENT) return reader_fail(r, "a label's name must be a plain text");
    struct base_str s = reader_scalar(r);
    if (s.n > LIMIT_NAME_BYTES) return reader_fail(r, "a label's name is too long");
    if (s.n) memcpy(name, s.p, s.n);
    if (!reader_next(r) || !job_item(r, j, key, (struct base_str){name, s.n})) return false;
  }
}

static bool job_value(struct conf_reader *r, struct conf_scrape_job *j, int key) {
  if (!reader_next(r)) return false;
  if (conf_scrape_shape(key) == CONF_SCRAPE_LIST) return job_list(r, j, key);
  if (conf_scrape_shape(key) == CONF_SCRAPE_MAP) return job_map(r, j, key);
  if (r->event.type != YAML_SCALAR_EVENT) return reader_fail(r, "wants one value, not a list, a map or a reference");
  return conf_scrape_set(j, key, reader_scalar(r), r->err) || reader_fail(r, NULL);
}

static bool job_pair(struct conf_reader *r, struct conf_scrape_job *j, uint32_t *seen) {
  char text[128];
  if (r->event.type != YAML_SCALAR_EVENT) return reader_fail(r, "a key must be a plain text");
  struct base_str name = reader_scalar(r);
  int key = conf_scrape_key(name);
  snprintf(text, sizeof text, "a job of scrape has no key '%.*s'", (int)(name.n < 64 ? name.n : 64), name.p);
  if (key < 0) return reader_fail(r, text);
  if (*seen & 1u << key) return reader_fail(r, "key given twice");
  *seen |= 1u << key;
  return job_value(r, j, key);
}

static bool reader_job(struct conf_reader *r) {
  struct conf_scrape *all = &r->conf->scrape;
  yaml_mark_t at = r->event.start_mark;
  uint32_t seen = 0;
  if (r->event.type != YAML_MAPPING_START_EVENT) return reader_fail(r, "a job is a map of keys and values");
  if (all->job_n == LIMIT_SCRAPE_JOBS) return reader_fail(r, "too many jobs");
  struct conf_scrape_job *j = &all->job[all->job_n];
  conf_scrape_init(j);
  for (;;) {
    if (!reader_next(r)) return false;
    if (r->event.type == YAML_MAPPING_END_EVENT) break;
    if (!job_pair(r, j, &seen)) return false;
  }
  const char *wrong = conf_scrape_wrong(j);
  for (uint32_t i = 0; i < all->job_n && !wrong; i++)
    if (strcmp(all->job[i].job, j->job) == 0) wrong = "another job has this name";
  if (wrong) return reader_fail_at(r, at, wrong);
  all->job_n++;
  return true;
}

/* ---- the whole ---- */

/* The value of a key that is a list of maps. */
static bool reader_maps(struct conf_reader *r, bool (*one)(struct conf_reader *r), const char *wrong) {
  if (!reader_next(r)) return false;
  if (r->event.type != YAML_SEQUENCE_START_EVENT) return reader_fail(r, wrong);
  for (;;) {
    if (!reader_next(r)) return false;
    if (r->event.type == YAML_SEQUENCE_END_EVENT) return true;
    if (!one(r)) return false;
  }
}

/* The event is the key's scalar; reads the value and sets. */
static bool reader_pair(struct conf_reader *r) {
  if (r->event.type != YAML_SCALAR_EVENT) return reader_fail(r, "a key must be a plain text");
  struct base_str key = reader_scalar(r);
  if (str_eq(key, STR("receivers")))
    return reader_key_keep(r, key) && reader_maps(r, reader_receiver, "wants a list of receivers");
  if (str_eq(key, STR("scrape"))) return reader_key_keep(r, key) && reader_maps(r, reader_job, "wants a list of jobs");
  if (!conf_has(key)) return conf_set(r->conf, key, key, r->err) || reader_fail(r, NULL);
  if (!reader_key_keep(r, key)) return false;
  struct base_str kept = r->seen[r->seen_n - 1];
  if (!reader_next(r)) return false;
  if (r->event.type != YAML_SCALAR_EVENT) return reader_fail(r, "wants one value, not a list, a map or a reference");
  return conf_set(r->conf, kept, reader_scalar(r), r->err) || reader_fail(r, NULL);
}

static bool reader_map(struct conf_reader *r) {
  for (;;) {
    if (!reader_next(r)) return false;
    if (r->event.type == YAML_MAPPING_END_EVENT) return true;
    if (!reader_pair(r)) return false;
  }
}

/* The root: a map, or nothing at all (an empty document is a null scalar). */
static bool reader_root(struct conf_reader *r) {
  if (!reader_next(r)) return false;
  if (r->event.type == YAML_MAPPING_START_EVENT) return reader_map(r);
  if (r->event.type == YAML_SCALAR_EVENT && r->event.data.scalar.length == 0) return true;
  return reader_fail(r, "wants a map of keys and values at the top");
}

static bool reader_stream(struct conf_reader *r) {
  if (!reader_next(r) || !reader_next(r)) return false; /* stream start; document start or stream end */
  if (r->event.type == YAML_STREAM_END_EVENT) return true;
  if (!reader_root(r) || !reader_next(r) || !reader_next(r)) return false; /* document end; stream end */
  return r->event.type == YAML_STREAM_END_EVENT || reader_fail(r, "one document only");
}

bool conf_read(struct daemon_conf *c, struct base_str yaml, struct conf_err *err) {
  struct conf_reader r = {.conf = c, .err = err};
  memset(err, 0, sizeof *err);
  if (!yaml_parser_initialize(&r.parser)) {
    snprintf(err->text, sizeof err->text, "out of memory");
    return false;
  }
  yaml_parser_set_input_string(&r.parser, (const unsigned char *)(yaml.n ? yaml.p : ""), yaml.n);
  bool ok = reader_stream(&r);
  if (r.has_event) yaml_event_delete(&r.event);
  yaml_parser_delete(&r.parser);
  for (unsigned i = 0; i < r.seen_n; i++) free((char *)(uintptr_t)r.seen[i].p);
  return ok;
}

static bool conf_file_fail(struct conf_err *err, const char *text) {
  snprintf(err->text, sizeof err->text, "%s", text);
  return false;
}

static bool conf_file_read(int fd, struct base_buf *out, struct conf_err *err) {
  for (;;) {
    char *at = buf_reserve(out, 4096);
    if (!at) return conf_file_fail(err, "larger than 1 MiB");
    ssize_t n = read(fd, at, 4096);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return conf_file_fail(err, strerror(errno));
    if (n == 0) return true;
    out->n += (size_t)n;
  }
}

bool conf_load(struct daemon_conf *c, const char *path, struct conf_err *err) {
  memset(err, 0, sizeof *err);
  int fd = strcmp(path, "-") == 0 ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return conf_file_fail(err, strerror(errno));
  struct base_buf text = buf_open(CONF_FILE_BYTES);
  bool ok = conf_file_read(fd, &text, err) && conf_read(c, buf_str(&text), err);
  buf_fini(&text);
  close(fd);
  return ok;
}
