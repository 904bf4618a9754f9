/* Metrics of every wire -> samples -> the meter. */
#include "base_must.h"
#include "wire_fold_state.h"
#include "wire_points.h"
#include "wire_preface.h"

static void sample_put(void *arg, const struct wire_sample *s) {
  struct wire_fold *f = arg;
  if (f->sample_watcher) f->sample_watcher(f->sample_watcher_arg, s);
  wire_meter_take(f->meter, s, f->metrics_recv);
  (void)wire_gauge_take(f->gauge, s, f->metrics_recv);
}

void fold_metrics_init(struct wire_fold *f) {
  wire_sampler_init(f->sampler, sample_put, f, f->counter);
}

void wire_fold_watch_samples(struct wire_fold *f, wire_sample_sink *watcher, void *arg) {
  f->sample_watcher = watcher;
  f->sample_watcher_arg = arg;
}

const struct wire_sample_tally *wire_fold_tally(const struct wire_fold *f) {
  return &f->sampler->tally;
}

/* ---- Envoy's metrics service ---- */

/* The labels that say who a stream is: its node as it stands, then who that is by the identity code, under the names of
 * OpenTelemetry's conventions. */
static void node_labels_put(struct wire_fold *f, const struct fold_metrics_stream *s, const struct wire_node_rec *n) {
  const struct {
    struct base_str key;
    uint32_t name;
  } label[] = {{STR("node_id"), n->id},
               {STR("node_cluster"), s->cluster},
               {STR("service.name"), n->who.service},
               {STR("k8s.namespace.name"), n->who.namespace_},
               {STR("service.version"), n->who.version},
               {STR("k8s.pod.name"), n->who.pod},
               {STR("k8s.cluster.name"), n->who.cluster},
               {STR("cloud.region"), n->who.region},
               {STR("cloud.availability_zone"), n->who.zone}};
  for (size_t i = 0; i < sizeof label / sizeof *label; i++)
    if (label[i].name) sampler_common(f->sampler, label[i].key, wire_names_view(f->names, label[i].name));
}

static void stream_name(struct wire_fold *f, struct fold_metrics_stream *s, const struct wire_node *node) {
  unsigned reason = 0;
  struct wire_node_ref ref = fold_node(f, node, &reason);
  uint32_t cluster = ref.at ? wire_identity_name(f->names, node->cluster, &reason) : WIRE_NAME_FULL;
  if (!ref.at || cluster == WIRE_NAME_FULL) {
    f->counter[reason]++;
    return;
  }
  s->node = ref;
  s->cluster = cluster;
}

static bool envoy_take(struct wire_fold *f, wire_stream s, struct base_str bytes) {
  struct wire_als_msg msg; /* both services' messages begin alike */
  struct wire_err err;
  MUST(s < f->stream_n && (s == 0 || f->stream[s].open));
  struct fold_metrics_stream *stream = &f->stream[s].metrics;
  if (wire_als_msg_read(bytes, &msg, &err) != WIRE_OK) return false;
  if (s && msg.has_node) stream_name(f, stream, &msg.node);
  struct wire_node_rec *node = wire_nodes_view(f->nodes, stream->node);
  if (!node) {
    f->counter[REC_COUNTER_REJECT_NO_IDENTIFIER]++;
    return true;
  }
  node->seen_tick = f->started ? (uint64_t)f->open_tick : 0;
  node_labels_put(f, stream, node);
  wire_ems_take(f->sampler, &stream->ems, bytes);
  return true;
}

void fold_metrics_mark(struct wire_fold *f) {
  for (uint32_t i = 1; i < f->stream_n; i++) wire_names_mark(f->names, f->stream[i].metrics.cluster);
}

/* ---- messages ---- */

static bool exposition_take(struct wire_fold *f, enum wire_prom_form form, struct base_str bytes) {
  struct wire_preface p;
  struct wire_err err;
  return wire_preface_read(f->sampler, bytes, form, &p, &err) == WIRE_OK &&
         wire_prom_take(f->sampler, p.form, p.body, &err) == WIRE_OK;
}

static bool otlp_take(struct wire_fold *f, struct base_str bytes) {
  struct wire_err err;
  if (wire_otlp_check(bytes, &err) != WIRE_OK) return false;
  wire_points_take(f->sampler, bytes);
  return true;
}

/* False where the message itself is broken. */
static bool message_take(struct wire_fold *f, enum wire_metrics_kind kind, wire_stream s, struct base_str bytes) {
  struct wire_err err;
  switch (kind) {
    case WIRE_METRICS_OTLP: return otlp_take(f, bytes);
    case WIRE_METRICS_ENVOY: return envoy_take(f, s, bytes);
    case WIRE_METRICS_TEXT: return exposition_take(f, WIRE_PROM_TEXT, bytes);
    case WIRE_METRICS_PROTO: return exposition_take(f, WIRE_PROM_PROTO, bytes);
    case WIRE_METRICS_REMOTE: return wire_remote_take(f->sampler, f->remote, bytes, &err) == WIRE_OK;
  }
  return false;
}

uint32_t wire_fold_metrics(struct wire_fold *f, enum wire_metrics_kind kind, wire_stream s, struct base_str bytes,
                           struct base_wall recv) {
  f->counter[REC_COUNTER_MESSAGES]++;
  f->counter[REC_COUNTER_MESSAGE_BYTES] += bytes.n;
  wire_sampler_start(f->sampler);
  f->metrics_recv = recv;
  if (bytes.n > LIMIT_MESSAGE_BYTES) {
    f->counter[REC_COUNTER_REJECT_OVERSIZE]++;
    return 0;
  }
  if (!message_take(f, kind, s, bytes)) f->counter[REC_COUNTER_REJECT_MESSAGE]++;
  return (uint32_t)(f->sampler->tally.samples + f->sampler->tally.histograms);
}
