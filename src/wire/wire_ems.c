#include "wire_ems.h"

#include "base_hash.h"
#include "wire_prom_fields.h"

/* envoy.service.metrics.v3.StreamMetricsMessage: the identifier has the number that it has in access logs. */
enum { EMS_METRICS = PB_TAG(2, PB_LEN) };

/* ---- tags inside of names ---- */

/* What a statistic of a cluster, connection manager or listener begins with, behind that one's name. */
static const struct base_str heads[] = {{"upstream_", 9},
                                        {"downstream_", 11},
                                        {"membership_", 11},
                                        {"circuit_breakers.", 17},
                                        {"external.", 9},
                                        {"internal.", 9},
                                        {"canary.", 7},
                                        {"zone.", 5},
                                        {"outlier_detection.", 18},
                                        {"health_check.", 13},
                                        {"lb_", 3},
                                        {"update_", 7},
                                        {"ssl.", 4},
                                        {"http1.", 6},
                                        {"http2.", 6},
                                        {"http3.", 6},
                                        {"max_host_weight", 15},
                                        {"version", 7},
                                        {"warming_state", 13},
                                        {"bind_errors", 11},
                                        {"assignment_", 11},
                                        {"original_dst_", 13},
                                        {"retry_or_shadow_", 16},
                                        {"default.total_match_count", 25},
                                        {"init_fetch_timeout", 18},
                                        {"no_filter_chain_match", 21},
                                        {"worker_", 7},
                                        {"rq_", 3},
                                        {"no_route", 8},
                                        {"no_cluster", 10},
                                        {"rs_too_large", 12},
                                        {"user_agent.", 11},
                                        {"tracing.", 8},
                                        {"rbac.", 5},
                                        {"fault.", 6},
                                        {"ext_authz.", 10},
                                        {"passthrough_internal_", 21},
                                        {"http.", 5},
                                        {"extension_config_", 17},
                                        {"idle_timeout", 12}};

static bool is_head(struct base_str s) {
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
    if (str_starts(s, heads[i])) return true;
  return false;
}

/* Where the statistic begins in what follows the scope: behind a dot, as the name before may hold some. 0: at once, or
 * nowhere. A name may itself begin like a statistic (worker_pool): then it has no dots. */
static size_t statistic_at(struct base_str rest) {
  size_t first = str_find(rest, '.', 0) + 1;
  if (is_head(rest)) return is_head(str_cut(rest, first, rest.n)) ? first : 0;
  for (size_t at = first; at < rest.n; at = str_find(rest, '.', at) + 1)
    if (is_head(str_cut(rest, at, rest.n))) return at;
  return 0;
}

static bool scope_take(struct base_str *name, struct base_buf *text, struct wire_label *tag) {
  static const struct base_str scope[][2] = {{{"cluster.", 8}, {"envoy.cluster_name", 18}},
                                             {{"http.", 5}, {"envoy.http_conn_manager_prefix", 30}},
                                             {{"listener.", 9}, {"envoy.listener_address", 22}},
                                             {{"tcp.", 4}, {"envoy.tcp_prefix", 16}}};
  for (size_t i = 0; i < sizeof scope / sizeof *scope; i++) {
    if (!str_starts(*name, scope[i][0])) continue;
    struct base_str rest = str_cut(*name, scope[i][0].n, name->n);
    size_t at = statistic_at(rest);
    if (at == 0) return false;
    *tag = (struct wire_label){scope[i][1], str_cut(rest, 0, at - 1)};
    size_t from = text->n;
    buf_put_str(text, scope[i][0]);
    buf_put_str(text, str_cut(rest, at, rest.n));
    if (!text->bad) *name = (struct base_str){text->p + from, text->n - from};
    return !text->bad;
  }
  return false;
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* …_rq_503 is …_rq of that code; …_rq_5xx is …_rq_xx of that class. */
static bool code_take(struct base_str *name, struct base_buf *text, struct wire_label *tag) {
  static const struct base_str before = {"_rq_", 4};
  if (name->n < 7 || !str_eq(str_cut(*name, name->n - 7, name->n - 3), before)) return false;
  struct base_str code = str_cut(*name, name->n - 3, name->n);
  if (!is_digit(code.p[0])) return false;
  if (is_digit(code.p[1]) && is_digit(code.p[2])) {
    *tag = (struct wire_label){STR("envoy.response_code"), code};
    *name = str_cut(*name, 0, name->n - 4);
    return true;
  }
  if (code.p[1] != 'x' || code.p[2] != 'x') return false;
  *tag = (struct wire_label){STR("envoy.response_code_class"), str_cut(code, 0, 1)};
  size_t from = text->n;
  buf_put_str(text, str_cut(*name, 0, name->n - 3));
  buf_put_str(text, STR("xx"));
  if (!text->bad) *name = (struct base_str){text->p + from, text->n - from};
  return !text->bad;
}

uint32_t wire_ems_untag(struct base_str *name, struct base_buf *text, struct wire_label tag[WIRE_EMS_TAGS]) {
  if (!scope_take(name, text, &tag[0])) return 0;
  return code_take(name, text, &tag[1]) ? 2 : 1;
}

/* ---- deltas ---- */

/* The labels are hashed as bytes of their messages: what sends them writes them alike each time. */
static double counter_read(struct base_str metric, uint64_t *hash) {
  struct wire_pb c = pb_over(metric);
  double value = 0;
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == PROM_Metric_label) {
      struct base_str label = pb_view(&c);
      *hash = hash_mix(*hash, hash_bytes(HASH_KEY_FIXED, label.p, label.n));
    } else if (tag == PROM_Metric_counter) {
      struct wire_pb in = pb_enter(&c);
      while (pb_next(&in, &tag) == WIRE_OK) {
        if (tag == PROM_Counter_value)
          value = pb_double(&in);
        else
          pb_skip(&in, tag);
      }
    } else {
      pb_skip(&c, tag);
    }
  }
  return value;
}

static void counter_watch(struct wire_ems_stream *s, uint64_t hash, double value) {
  for (uint32_t i = 0; i < s->watched_n; i++) {
    if (s->watched[i].hash != hash) continue;
    s->deltas = s->deltas || value < s->watched[i].value;
    s->watched[i].value = value;
    return;
  }
  if (s->watched_n == WIRE_EMS_WATCHED || !(value > 0)) return;
  s->watched[s->watched_n].hash = hash;
  s->watched[s->watched_n++].value = value;
}

static void counters_watch(struct wire_ems_stream *s, const struct wire_prom_family *f) {
  struct wire_pb c = pb_over(f->bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag != PROM_MetricFamily_metric) {
      pb_skip(&c, tag);
      continue;
    }
    uint64_t hash = hash_bytes(HASH_KEY_FIXED, f->name.p, f->name.n);
    double value = counter_read(pb_view(&c), &hash);
    counter_watch(s, hash, value);
  }
}

/* ---- messages ---- */

/* What the stream is like, before any of the message's samples goes on. */
static void stream_learn(struct wire_ems_stream *s, struct base_str bytes) {
  struct wire_pb c = pb_over(bytes);
  bool watch = !s->deltas && s->message_n < WIRE_EMS_SURE, any = false;
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK && (watch || !s->histograms)) {
    struct wire_prom_family f;
    if (tag != EMS_METRICS) {
      pb_skip(&c, tag);
      continue;
    }
    if (!wire_prom_family_read(pb_view(&c), &f)) continue;
    s->histograms = s->histograms || f.type == PROM_HISTOGRAM;
    any = any || f.type == PROM_COUNTER;
    if (watch && f.type == PROM_COUNTER) counters_watch(s, &f);
  }
  if (watch && any) s->message_n++;
}

/* Tags are labels or inside of the name, never both. */
static bool has_labels(const struct wire_prom_family *f) {
  struct wire_pb c = pb_over(f->bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag != PROM_MetricFamily_metric) {
      pb_skip(&c, tag);
      continue;
    }
    struct wire_pb metric = pb_enter(&c);
    while (pb_next(&metric, &tag) == WIRE_OK) {
      if (tag == PROM_Metric_label) return true;
      pb_skip(&metric, tag);
    }
  }
  return false;
}

static void family_take(struct wire_sampler *m, const struct wire_ems_stream *s, struct base_str bytes) {
  struct wire_prom_family f;
  struct wire_label tag[WIRE_EMS_TAGS];
  if (!wire_prom_family_read(bytes, &f)) {
    wire_sampler_reject(m, REC_COUNTER_REJECT_SAMPLE);
    return;
  }
  if (f.type == PROM_SUMMARY && s->histograms) return;
  uint32_t common_n = m->common_n;
  size_t text_n = m->common_text.n;
  f.deltas = s->deltas;
  uint32_t tag_n = has_labels(&f) ? 0 : wire_ems_untag(&f.name, &m->common_text, tag);
  for (uint32_t i = 0; i < tag_n; i++) sampler_common(m, tag[i].key, tag[i].value);
  wire_prom_family_take(m, &f);
  m->common_n = common_n;
  m->common_text.n = text_n;
  m->common_text.bad = false;
}

void wire_ems_take(struct wire_sampler *m, struct wire_ems_stream *stream, struct base_str bytes) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  stream_learn(stream, bytes);
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == EMS_METRICS)
      family_take(m, stream, pb_view(&c));
    else
      pb_skip(&c, tag);
  }
}
