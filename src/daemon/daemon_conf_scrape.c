#include "daemon_conf_scrape.h"

#include <stddef.h>
#include <string.h>

#include "base_must.h"
#include "base_time.h"
#include "daemon_conf_value.h"
#include "daemon_scrape.h"

#define CONF_AT_NAME(name) offsetof(struct conf_scrape_job, name)
#define CONF_AT_STRING(name) offsetof(struct conf_scrape_job, name)
#define CONF_AT_LIST(name) offsetof(struct conf_scrape_job, name)
#define CONF_AT_LABELS(name) offsetof(struct conf_scrape_job, name)
#define CONF_AT_U64(name) offsetof(struct conf_scrape_job, name)
#define CONF_AT_BOOL(name) offsetof(struct conf_scrape_job, name)
#define CONF_AT_DURATION(name) offsetof(struct conf_scrape_job, name##_ns)
#define CONF_LIST CONF_STRING /* as a whole, lists and maps are set to their default only */
#define CONF_LABELS CONF_STRING

static const struct conf_key keys[] = {
#define X(type, name, def, min, max, unit, text) {CONF_##type, #name, def, unit, text, min, max, CONF_AT_##type(name)},
    CONF_SCRAPE_TABLE(X)
#undef X
};

#define SHAPE_LIST CONF_SCRAPE_LIST
#define SHAPE_LABELS CONF_SCRAPE_MAP
#define SHAPE_NAME CONF_SCRAPE_TEXT
#define SHAPE_STRING CONF_SCRAPE_TEXT
#define SHAPE_U64 CONF_SCRAPE_TEXT
#define SHAPE_BOOL CONF_SCRAPE_TEXT
#define SHAPE_DURATION CONF_SCRAPE_TEXT
static const enum conf_scrape_shape shapes[] = {
#define X(type, name, def, min, max, unit, text) SHAPE_##type,
    CONF_SCRAPE_TABLE(X)
#undef X
};

#define KEY_N (sizeof keys / sizeof keys[0])
_Static_assert(KEY_N <= 32, "a set of keys is one word");

static char *field_of(struct conf_scrape_job *j, int key) {
  MUST(key >= 0 && (size_t)key < KEY_N);
  return (char *)j + keys[key].offset;
}

void conf_scrape_init(struct conf_scrape_job *j) {
  struct conf_err err;
  memset(j, 0, sizeof *j);
  for (size_t i = 0; i < KEY_N; i++) MUST(conf_value_set(field_of(j, (int)i), &keys[i], str_of(keys[i].def), &err));
}

int conf_scrape_key(struct base_str key) {
  for (size_t i = 0; i < KEY_N; i++)
    if (str_eq(str_of(keys[i].name), key)) return (int)i;
  return -1;
}

enum conf_scrape_shape conf_scrape_shape(int key) {
  MUST(key >= 0 && (size_t)key < KEY_N);
  return shapes[key];
}

bool conf_scrape_set(struct conf_scrape_job *j, int key, struct base_str value, struct conf_err *err) {
  char *field = field_of(j, key);
  MUST(shapes[key] == CONF_SCRAPE_TEXT);
  return conf_value_set(field, &keys[key], value, err);
}

bool conf_label_good(struct base_str s) {
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && (i == 0 || c < '0' || c > '9')) return false;
  }
  return s.n > 0 && s.n <= LIMIT_NAME_BYTES;
}

static bool item_good(struct base_str s, bool blanks) {
  for (size_t i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.p[i];
    if (c < ' ' || c == 0x7f || (!blanks && c == ' ')) return false;
  }
  return s.n > 0;
}

bool conf_scrape_add(struct conf_scrape_job *j, int key, struct base_str name, struct base_str value,
                     struct conf_err *err) {
  char *field = field_of(j, key);
  bool map = shapes[key] == CONF_SCRAPE_MAP;
  size_t at = strlen(field);
  MUST(shapes[key] != CONF_SCRAPE_TEXT);
  if (map && !conf_label_good(name))
    return conf_fail(err, "%s: a label's name has letters, digits and '_'", keys[key].name);
  if (!item_good(value, map)) return conf_fail(err, "%s: wants a text without control characters", keys[key].name);
  if (at + name.n + value.n + 2 > (size_t)keys[key].max) return conf_fail(err, "%s: too many", keys[key].name);
  struct base_buf out = buf_over(field + at, SCRAPE_LIST_BYTES - at - 1);
  if (map) buf_put_f(&out, "%.*s=", STR_ARG(name));
  buf_put_f(&out, "%.*s\n", STR_ARG(value));
  MUST(!out.bad);
  field[at + out.n] = 0;
  return true;
}

int64_t conf_scrape_timeout_ns(const struct conf_scrape_job *j) {
  if (j->timeout_ns) return j->timeout_ns;
  return j->interval_ns < 10 * TIME_NS_PER_S ? j->interval_ns : 10 * TIME_NS_PER_S;
}

/* Is each item short enough for a path or a name? */
static bool items_fit(const char *list) {
  for (const char *at = list; *at; at = strchr(at, '\n') + 1)
    if (strcspn(at, "\n") >= SCRAPE_TEXT_BYTES) return false;
  return true;
}

/* Does one of the names begin otherwise than services do? */
static bool dns_has_hosts(const char *list) {
  for (const char *at = list; *at; at = strchr(at, '\n') + 1)
    if (*at != '_') return true;
  return false;
}

static bool targets_good(const struct conf_scrape_job *j) {
  struct base_str all = str_of(j->targets);
  struct base_buf out = buf_open(CONF_FILE_BYTES);
  bool good = true;
  for (size_t at = 0; at < all.n && good;) {
    size_t end = str_find(all, '\n', at);
    good = scrape_target_put(j, str_cut(all, at, end), NULL, 0, &out);
    at = end + 1;
  }
  buf_fini(&out);
  return good;
}

const char *conf_scrape_wrong(const struct conf_scrape_job *j) {
  if (!j->job[0]) return "a job of scrape wants `job`, its name";
  if (!j->targets[0] && !j->files[0] && !j->dns[0]) return "wants targets, files or dns";
  if (strcmp(j->scheme, "http") != 0 && strcmp(j->scheme, "https") != 0) return "scheme: wants http or https";
  if (j->path[0] != '/' || strpbrk(j->path, " #")) return "path: begins with '/', and has no blank and no '#'";
  if (!items_fit(j->files) || !items_fit(j->dns)) return "files, dns: at most 511 bytes each";
  if (!targets_good(j)) return "targets: wants HOST:PORT or a URL without user and '#'";
  if (j->timeout_ns > j->interval_ns) return "timeout: is longer than the interval";
  if (dns_has_hosts(j->dns) && !j->dns_port) return "dns: names of hosts want dns_port";
  if (j->token_file[0] && j->username[0]) return "token_file, username: one of them";
  if (!j->username[0] != !j->password_file[0]) return "username, password_file: both or none";
  if (j->key_file[0] && !j->cert_file[0]) return "key_file: wants cert_file";
  return NULL;
}
