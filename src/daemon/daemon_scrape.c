#include "daemon_scrape.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base_hash.h"
#include "base_must.h"
#include "daemon_sd.h"
#include "io_dns.h"
#include "io_file.h"
#include "rec_counter.h"

#define SCRAPE_LOOK_NS TIME_NS_PER_S
#define SCRAPE_FILES_MAX 1024u       /* of one pattern */
#define SCRAPE_SET_BYTES (64u << 20) /* of one source's targets as text */
#define SCRAPE_WHY_BYTES_MAX 512u

enum source_kind { SOURCE_GIVEN, SOURCE_FILES, SOURCE_DNS };

/* Where some of a job's targets come from. */
struct source_of_targets {
  struct scrape_job *job;
  enum source_kind kind;
  char text[SCRAPE_TEXT_BYTES]; /* pattern or name; of those given the beginning */
  struct base_buf set;          /* the last good one: URL NUL labels NUL … */
  uint64_t read, seen;          /* the files' state when they were read; at the last look */
  struct base_mono asked_at;    /* of a name */
  bool asking;
  char problem[SCRAPE_WHY_BYTES_MAX];
};

struct scrape_job {
  struct scrape *scrape;
  const struct conf_scrape_job *conf;
  struct io_scrape_job io;
  struct io_dns *dns; /* NULL: no names */
  uint32_t source_n;
  struct source_of_targets *source;
};

struct scrape {
  struct io_loop *loop;
  uint64_t *counters;
  struct io_scrape *io;
  int timer;
  uint32_t job_n;
  struct scrape_job job[LIMIT_SCRAPE_JOBS];
};

/* ---- a job's targets, from all its sources ---- */

static void set_give(struct scrape_job *j, const struct base_buf *set) {
  struct base_str all = buf_str(set);
  for (size_t at = 0; at < all.n;) {
    size_t mid = str_find(all, 0, at), end = str_find(all, 0, mid + 1);
    struct io_scrape_target t = {str_cut(all, at, mid), str_cut(all, mid + 1, end)};
    (void)io_scrape_add(j->scrape->io, &j->io, &t);
    at = end + 1;
  }
}

static void job_give(struct scrape_job *j) {
  io_scrape_begin(j->scrape->io, &j->io);
  for (uint32_t i = 0; i < j->source_n; i++) set_give(j, &j->source[i].set);
  io_scrape_end(j->scrape->io, &j->io);
}

/* A new set takes the place of the old one. */
static void source_take(struct source_of_targets *s, struct base_buf *set) {
  buf_fini(&s->set);
  s->set = *set;
  s->problem[0] = 0;
}

/* The old set stays. */
static void source_fail(struct source_of_targets *s, const char *what, const char *why) {
  snprintf(s->problem, sizeof s->problem, "%.300s: %.200s", what, why);
  s->job->scrape->counters[REC_COUNTER_DISCOVERY_ERRORS]++;
}

/* ---- files ---- */

struct file_sink {
  const struct scrape_job *job;
  struct base_buf *set;
};

static bool file_target(void *ctx, struct base_str target, const struct sd_label *label, unsigned n) {
  struct file_sink *f = ctx;
  return scrape_target_put(f->job->conf, target, label, n, f->set);
}

static bool file_read(struct source_of_targets *s, const char *path, struct base_buf *set) {
  struct base_buf text = buf_open(LIMIT_SCRAPE_FILE_BYTES);
  struct file_sink sink = {s->job, set};
  char why[SD_WHY_BYTES];
  size_t n = strlen(path);
  bool json = n > 5 && strcmp(path + n - 5, ".json") == 0;
  bool good = io_file_read(path, &text);
  if (!good) {
    source_fail(s, path, errno == EFBIG ? "larger than 16 MiB" : strerror(errno));
  } else {
    good = (json ? sd_json_read : sd_yaml_read)(buf_str(&text), file_target, &sink, why);
    if (!good) source_fail(s, path, why);
  }
  buf_fini(&text);
  return good;
}

/* What can be seen of the files from outside. */
static uint64_t files_state(const glob_t *g) {
  uint64_t h = g->gl_pathc;
  for (size_t i = 0; i < g->gl_pathc; i++) {
    struct stat st = {0};
    (void)stat(g->gl_pathv[i], &st);
    uint64_t part[] = {st.st_dev, st.st_ino, (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec,
                       (uint64_t)st.st_mtim.tv_nsec};
    h = hash_mix(h, hash_bytes(HASH_KEY_FIXED, g->gl_pathv[i], strlen(g->gl_pathv[i])));
    h = hash_mix(h, hash_bytes(HASH_KEY_FIXED, part, sizeof part));
  }
  return h | 1; /* never 0, which is for never */
}

static void files_read(struct source_of_targets *s, const glob_t *g) {
  struct base_buf set = buf_open(SCRAPE_SET_BYTES);
  bool good = g->gl_pathc <= SCRAPE_FILES_MAX;
  if (!good) source_fail(s, s->text, "too many files");
  for (size_t i = 0; i < g->gl_pathc && good; i++) good = file_read(s, g->gl_pathv[i], &set);
  if (!good) {
    buf_fini(&set);
    return;
  }
  source_take(s, &set);
  if (g->gl_pathc == 0) source_fail(s, s->text, "no such file");
  job_give(s->job);
}

/* Files that changed, and then did not until the next look, are read; the first time at once. */
static void files_look(struct source_of_targets *s) {
  glob_t g = {0};
  if (glob(s->text, 0, NULL, &g) == GLOB_NOSPACE) return;
  uint64_t now = files_state(&g);
  bool quiet = now == s->seen || s->read == 0;
  s->seen = now;
  if (quiet && now != s->read) {
    s->read = now;
    files_read(s, &g);
  }
  globfree(&g);
}

/* ---- names ---- */

static void name_told(void *ctx, bool good, const char *why, const struct io_dns_host *host, uint32_t n) {
  struct source_of_targets *s = ctx;
  s->asking = false;
  if (!good) {
    source_fail(s, s->text, why);
    return;
  }
  struct base_buf set = buf_open(SCRAPE_SET_BYTES);
  for (uint32_t i = 0; i < n; i++) {
    char text[IO_DNS_HOST_BYTES + 16];
    bool v6 = strchr(host[i].host, ':') != NULL;
    snprintf(text, sizeof text, "%s%s%s:%u", v6 ? "[" : "", host[i].host, v6 ? "]" : "",
             host[i].port ? host[i].port : (unsigned)s->job->conf->dns_port);
    (void)scrape_target_put(s->job->conf, str_of(text), NULL, 0, &set);
  }
  source_take(s, &set);
  job_give(s->job);
}

static void name_look(struct source_of_targets *s, struct base_mono now) {
  bool due = s->asked_at.ns == 0 || now.ns - s->asked_at.ns >= s->job->conf->refresh_ns;
  if (s->asking || !due || !io_dns_ask(s->job->dns, s->text, name_told, s)) return;
  s->asking = true;
  s->asked_at = now;
}

/* ---- jobs ---- */

static void scrape_look(void *ctx) {
  struct scrape *s = ctx;
  struct base_mono now = io_mono_now();
  for (uint32_t i = 0; i < s->job_n; i++) {
    struct scrape_job *j = &s->job[i];
    for (uint32_t k = 0; k < j->source_n; k++) {
      if (j->source[k].kind == SOURCE_FILES) files_look(&j->source[k]);
      if (j->source[k].kind == SOURCE_DNS) name_look(&j->source[k], now);
    }
  }
}

static uint32_t lines_n(const char *list) {
  uint32_t n = 0;
  for (; *list; list++) n += *list == '\n';
  return n;
}

static void sources_add(struct scrape_job *j, enum source_kind kind, const char *list) {
  struct base_str all = str_of(list);
  for (size_t at = 0; at < all.n;) {
    size_t end = str_find(all, '\n', at);
    struct source_of_targets *s = &j->source[j->source_n++];
    *s = (struct source_of_targets){.job = j, .kind = kind, .set = buf_open(SCRAPE_SET_BYTES)};
    struct base_str text = str_cut(all, at, end);
    snprintf(s->text, sizeof s->text, "%.*s", STR_ARG(text));
    MUST(kind == SOURCE_GIVEN || text.n < sizeof s->text);
    at = end + 1;
    if (kind == SOURCE_GIVEN) MUST(scrape_target_put(j->conf, text, NULL, 0, &s->set));
  }
}

static struct io_scrape_job job_io(const struct conf_scrape_job *c) {
  return (struct io_scrape_job){.name = c->job,
                                .interval_ns = c->interval_ns,
                                .timeout_ns = conf_scrape_timeout_ns(c),
                                .protobuf = c->protobuf != 0,
                                .token_file = c->token_file,
                                .username = c->username,
                                .password_file = c->password_file,
                                .ca_file = c->ca_file,
                                .cert_file = c->cert_file,
                                .key_file = c->key_file,
                                .insecure = c->insecure != 0};
}

static bool job_open(struct scrape *s, const struct conf_scrape_job *c, const char **err) {
  struct scrape_job *j = &s->job[s->job_n++];
  *j = (struct scrape_job){.scrape = s, .conf = c, .io = job_io(c)};
  uint32_t n = lines_n(c->targets) + lines_n(c->files) + lines_n(c->dns);
  *err = "out of memory";
  j->source = calloc(n, sizeof *j->source);
  if (!j->source) return false;
  sources_add(j, SOURCE_GIVEN, c->targets);
  sources_add(j, SOURCE_FILES, c->files);
  sources_add(j, SOURCE_DNS, c->dns);
  if (c->dns[0] && !(j->dns = io_dns_open(s->loop, c->dns_servers, err))) return false;
  job_give(j);
  return true;
}

struct scrape *scrape_open(struct io_loop *loop, const struct conf_scrape *conf, const struct io_scrape_conf *io,
                           const char **err) {
  struct scrape *s = calloc(1, sizeof *s);
  *err = "out of memory or descriptors";
  if (!s) return NULL;
  s->loop = loop;
  s->counters = io->counters;
  s->io = io_scrape_open(loop, io);
  bool ok = s->io != NULL;
  for (uint32_t i = 0; i < conf->job_n && ok; i++) ok = job_open(s, &conf->job[i], err);
  if (ok) s->timer = io_loop_timer_add(loop, SCRAPE_LOOK_NS, scrape_look, s);
  if (ok && s->timer) {
    scrape_look(s);
    return s;
  }
  scrape_close(s);
  return NULL;
}

static void job_close(struct scrape_job *j) {
  io_dns_close(j->dns);
  for (uint32_t i = 0; i < j->source_n; i++) buf_fini(&j->source[i].set);
  free(j->source);
}

void scrape_close(struct scrape *s) {
  if (!s) return;
  if (s->timer) io_loop_timer_drop(s->loop, s->timer);
  for (uint32_t i = 0; i < s->job_n; i++) job_close(&s->job[i]);
  io_scrape_close(s->io);
  free(s);
}

/* ---- state ---- */

bool scrape_job_at(const struct scrape *s, uint32_t i, struct scrape_job_state *out) {
  struct io_scrape_state t;
  if (!s || i >= s->job_n) return false;
  const struct scrape_job *j = &s->job[i];
  *out = (struct scrape_job_state){.name = j->conf->job};
  for (uint32_t k = 0; k < io_scrape_n(s->io); k++) {
    io_scrape_at(s->io, k, &t);
    if (t.job != &j->io) continue;
    out->targets++;
    out->up += t.up;
    out->down += t.asked && !t.up;
  }
  for (uint32_t k = 0; k < j->source_n && !out->problem; k++)
    if (j->source[k].problem[0]) out->problem = j->source[k].problem;
  return true;
}

uint32_t scrape_down(const struct scrape *s, struct io_scrape_state *out, uint32_t max) {
  struct io_scrape_state t;
  uint32_t n = 0;
  for (uint32_t i = 0; s && i < io_scrape_n(s->io); i++) {
    io_scrape_at(s->io, i, &t);
    if (!t.asked || t.up) continue;
    if (n < max) out[n] = t;
    n++;
  }
  return n;
}
