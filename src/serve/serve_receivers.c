/* The receivers of alerts, as metrics and in the status. */
#include "serve_room.h"

static bool receiver_at(struct serve *s, uint32_t i, struct serve_receiver *out) {
  return s->conf.source.receiver && s->conf.source.receiver(s->conf.source.ctx, i, out);
}

struct receiver_metric {
  const char *name, *type, *help;
  double (*value)(const struct serve_receiver *r);
};

static double value_delivered(const struct serve_receiver *r) {
  return (double)r->delivered;
}
static double value_retried(const struct serve_receiver *r) {
  return (double)r->retried;
}
static double value_disk_errors(const struct serve_receiver *r) {
  return (double)r->disk_errors;
}
static double value_waiting(const struct serve_receiver *r) {
  return r->waiting;
}
static double value_oldest(const struct serve_receiver *r) {
  return r->oldest_s;
}
static double value_delay_last(const struct serve_receiver *r) {
  return r->delay_s_last;
}
static double value_delay_max(const struct serve_receiver *r) {
  return r->delay_s_max;
}
static double value_ok(const struct serve_receiver *r) {
  return r->problem[0] == 0;
}

static const struct receiver_metric metrics[] = {
    {"alerts_delivered_total", "counter", "messages that the receiver took", value_delivered},
    {"alerts_retried_total", "counter", "attempts that failed and are made again", value_retried},
    {"alerts_disk_errors_total", "counter", "writes of what was told that failed", value_disk_errors},
    {"alerts_waiting", "gauge", "messages that wait", value_waiting},
    {"alerts_oldest_seconds", "gauge", "how long the oldest of them waits", value_oldest},
    {"alerts_delay_seconds", "gauge", "from an incident to its good answer, the latest", value_delay_last},
    {"alerts_delay_seconds_max", "gauge", "the longest such delay since the start", value_delay_max},
    {"alerts_ok", "gauge", "1 unless the last attempt failed", value_ok},
};

static void metric_put(struct serve *s, const struct receiver_metric *m, struct base_buf *out) {
  struct serve_receiver r;
  buf_put_f(out, "# HELP foreshock_%s %s\n# TYPE foreshock_%s %s\n", m->name, m->help, m->name, m->type);
  for (uint32_t i = 0; receiver_at(s, i, &r); i++)
    buf_put_f(out, "foreshock_%s{receiver=\"%s\",type=\"%s\"} %.15g\n", m->name, r.name, r.type, m->value(&r));
}

void serve_receivers_metrics(struct serve *s, struct base_buf *out) {
  struct serve_receiver r;
  if (!receiver_at(s, 0, &r)) return;
  for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) metric_put(s, &metrics[i], out);
  buf_put_str(out, STR("# HELP foreshock_alerts_dead_total messages given up, by reason\n"
                       "# TYPE foreshock_alerts_dead_total counter\n"));
  for (uint32_t i = 0; receiver_at(s, i, &r); i++)
    for (uint32_t d = 0; d < r.dead_n; d++)
      buf_put_f(out, "foreshock_alerts_dead_total{receiver=\"%s\",type=\"%s\",reason=\"%s\"} %llu\n", r.name, r.type,
                r.dead_reason[d], (unsigned long long)r.dead[d]);
}

static void receiver_json(struct base_json *j, const struct serve_receiver *r) {
  json_object(j);
  json_key_text(j, "name", r->name);
  json_key_text(j, "type", r->type);
  json_key_u64(j, "delivered", r->delivered);
  json_key_u64(j, "retried", r->retried);
  json_key_u64(j, "waiting", r->waiting);
  json_key_f64(j, "oldest_s", r->oldest_s);
  json_key_f64(j, "delay_s", r->delay_s_last);
  json_key(j, "dead");
  json_object(j);
  for (uint32_t d = 0; d < r->dead_n; d++) json_key_u64(j, r->dead_reason[d], r->dead[d]);
  json_close(j);
  json_key_text(j, "problem", r->problem);
  json_close(j);
}

void serve_receivers_json(struct serve *s, struct base_json *j) {
  struct serve_receiver r;
  json_key(j, "alerts");
  json_array(j);
  for (uint32_t i = 0; receiver_at(s, i, &r); i++) receiver_json(j, &r);
  json_close(j);
}
