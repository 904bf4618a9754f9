/* The scraper's jobs and targets, as metrics and in the status. */
#include "serve_room.h"

static bool job_at(struct serve *s, uint32_t i, struct serve_job *out) {
  return s->conf.source.job && s->conf.source.job(s->conf.source.ctx, i, out);
}

struct job_metric {
  const char *name, *help;
  uint32_t (*value)(const struct serve_job *j);
};

static uint32_t value_targets(const struct serve_job *j) {
  return j->targets;
}
static uint32_t value_up(const struct serve_job *j) {
  return j->up;
}
static uint32_t value_down(const struct serve_job *j) {
  return j->down;
}
static uint32_t value_ok(const struct serve_job *j) {
  return j->problem == NULL;
}

static const struct job_metric metrics[] = {
    {"scrape_targets", "targets of the job", value_targets},
    {"scrape_targets_up", "of those, whose last scrape was good", value_up},
    {"scrape_targets_down", "of those, whose last scrape failed", value_down},
    {"scrape_discovery_ok", "1 unless a file or name of targets could not be read", value_ok},
};

void serve_scrape_metrics(struct serve *s, struct base_buf *out) {
  struct serve_job j;
  if (!job_at(s, 0, &j)) return;
  for (size_t m = 0; m < sizeof metrics / sizeof metrics[0]; m++) {
    buf_put_f(out, "# HELP foreshock_%s %s\n# TYPE foreshock_%s gauge\n", metrics[m].name, metrics[m].help,
              metrics[m].name);
    for (uint32_t i = 0; job_at(s, i, &j); i++)
      buf_put_f(out, "foreshock_%s{job=\"%s\"} %u\n", metrics[m].name, j.name, metrics[m].value(&j));
  }
}

static void job_json(struct base_json *j, const struct serve_job *job) {
  json_object(j);
  json_key_text(j, "job", job->name);
  json_key_u64(j, "targets", job->targets);
  json_key_u64(j, "up", job->up);
  json_key_u64(j, "down", job->down);
  json_key_text(j, "problem", job->problem);
  json_close(j);
}

static void target_json(struct base_json *j, const struct serve_target *t) {
  json_object(j);
  json_key_text(j, "job", t->job);
  json_key_text(j, "url", t->url);
  json_key_text(j, "labels", t->labels);
  json_key_text(j, "why", t->why);
  json_key(j, "since");
  json_time(j, t->since);
  json_key(j, "asked_at");
  json_time(j, t->asked_at);
  json_close(j);
}

static void down_json(struct serve *s, struct base_json *j) {
  struct serve_target down[SERVE_TARGETS_MAX];
  uint32_t n =
      s->conf.source.targets_down ? s->conf.source.targets_down(s->conf.source.ctx, down, SERVE_TARGETS_MAX) : 0;
  json_key_u64(j, "down_n", n);
  json_key(j, "down");
  json_array(j);
  for (uint32_t i = 0; i < n && i < SERVE_TARGETS_MAX; i++) target_json(j, &down[i]);
  json_close(j);
}

void serve_scrape_json(struct serve *s, struct base_json *j) {
  struct serve_job job;
  json_key(j, "scrape");
  json_object(j);
  json_key(j, "jobs");
  json_array(j);
  for (uint32_t i = 0; job_at(s, i, &job); i++) job_json(j, &job);
  json_close(j);
  down_json(s, j);
  json_close(j);
}
