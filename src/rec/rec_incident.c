#include "rec_incident.h"

#include <math.h>
#include <stdio.h>

#include "base_json.h"
#include "base_must.h"

/* Significant digits. A plot of LIMIT_PLOT points stays under 2 KiB with these. */
#define NUMBER_DIGITS 6
#define PLOT_DIGITS 4

static const char *verdict_text(uint8_t verdict) {
  MUST(verdict <= REC_VERDICT_EXPECTED);
  return verdict == REC_VERDICT_EXPECTED ? "expected" : "unhealthy";
}

static const char *severity_text(uint8_t severity) {
  static const char *const text[] = {"info", "warning", "critical"};
  MUST(severity <= REC_SEVERITY_CRITICAL);
  return text[severity];
}

/* A text in an array of `cap` bytes; a missing NUL ends it at the array's end. */
static void key_text(struct base_json *j, const char *key, const char *text, size_t cap) {
  json_key(j, key);
  json_str(j, (struct base_str){text, strnlen(text, cap)});
}

static void key_time(struct base_json *j, const char *key, struct base_wall t) {
  json_key(j, key);
  json_time(j, t);
}

/* The kind, then only the names that are set: an entity names what it is specific to and no more. */
static void entity_json(struct base_json *j, const struct rec_entity *entity) {
  json_object(j);
  json_key(j, "kind");
  json_str(j, entity->kind);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) {
    if (entity->dim[d].n == 0) continue;
    json_key(j, rec_dim_text(d));
    json_str(j, entity->dim[d]);
  }
  json_close(j);
}

static void entities_json(struct base_json *j, const char *key, const struct rec_entity *entity, uint32_t n) {
  MUST(n <= LIMIT_ENTITIES);
  json_key(j, key);
  json_array(j);
  for (uint32_t i = 0; i < n; i++) entity_json(j, &entity[i]);
  json_close(j);
}

static void causes_json(struct base_json *j, const struct rec_incident *in) {
  MUST(in->cause_n <= LIMIT_CAUSES);
  json_key(j, "root_causes");
  json_array(j);
  for (uint32_t i = 0; i < in->cause_n; i++) {
    const struct rec_cause *c = &in->cause[i];
    json_object(j);
    json_key(j, "score");
    json_f64(j, c->score);
    json_key(j, "entity");
    entity_json(j, &c->entity);
    json_key(j, "signal");
    json_text(j, rec_signal_text(c->signal));
    key_text(j, "evidence", c->evidence, sizeof c->evidence);
    json_close(j);
  }
  json_close(j);
}

static void impact_json(struct base_json *j, const struct rec_incident *in) {
  json_key(j, "impact");
  json_object(j);
  json_key(j, "requests");
  json_u64(j, in->impact_requests);
  json_key(j, "failed");
  json_u64(j, in->impact_failed);
  json_key(j, "slow");
  json_u64(j, in->impact_slow);
  json_close(j);
}

static void changes_json(struct base_json *j, const struct rec_incident *in) {
  MUST(in->change_n <= LIMIT_CHANGES);
  json_key(j, "changes");
  json_array(j);
  for (uint32_t i = 0; i < in->change_n; i++) {
    const struct rec_change *c = &in->change[i];
    json_object(j);
    key_time(j, "at", c->at);
    json_key(j, "source");
    json_str(j, c->source);
    json_key(j, "kind");
    json_str(j, c->kind);
    json_key(j, "entity");
    entity_json(j, &c->entity);
    json_key(j, "summary");
    json_str(j, c->summary);
    json_close(j);
  }
  json_close(j);
}

static void exemplars_json(struct base_json *j, const struct rec_incident *in) {
  MUST(in->exemplar_n <= LIMIT_EXEMPLARS);
  json_key(j, "exemplars");
  json_array(j);
  for (uint32_t i = 0; i < in->exemplar_n; i++) {
    const struct rec_shown *e = &in->exemplar[i];
    json_object(j);
    key_text(j, "request_id", e->request_id, sizeof e->request_id);
    key_text(j, "trace_id", e->trace_id, sizeof e->trace_id);
    key_time(j, "at", e->at);
    json_close(j);
  }
  json_close(j);
}

/* An end that has not come is 0. */
static void key_end(struct base_json *j, struct base_wall t) {
  json_key(j, "ended_at");
  if (t.ns) {
    json_time(j, t);
  } else {
    json_null(j);
  }
}

static void times_json(struct base_json *j, const struct rec_incident *in) {
  key_time(j, "started_at", in->started_at);
  key_time(j, "detected_at", in->detected_at);
  key_end(j, in->ended_at);
}

/* A measured number: `digits` significant ones say all that is known of it. null where it is not finite. */
static void json_short(struct base_json *j, double v, int digits) {
  char text[32];
  if (!isfinite(v)) {
    json_null(j);
    return;
  }
  (void)snprintf(text, sizeof text, "%.*g", digits, v == 0.0 ? 0.0 : v); /* no -0 */
  json_raw(j, str_of(text));
}

static void key_short(struct base_json *j, const char *key, double v) {
  json_key(j, key);
  json_short(j, v, NUMBER_DIGITS);
}

static void pair_json(struct base_json *j, const char *key, double low, double high, int digits) {
  json_key(j, key);
  json_array(j);
  json_short(j, low, digits);
  json_short(j, high, digits);
  json_close(j);
}

static void finding_effect_json(struct base_json *j, const struct rec_finding *f) {
  key_short(j, "effect", f->effect);
  pair_json(j, "effect_interval", f->effect_low, f->effect_high, NUMBER_DIGITS);
  json_key(j, "smallest_effect");
  if (f->effect_smallest > 0.0) {
    json_short(j, f->effect_smallest, NUMBER_DIGITS);
  } else {
    json_null(j);
  }
}

static void finding_json(struct base_json *j, const struct rec_finding *f) {
  json_key(j, "finding");
  if (!f->known) {
    json_null(j);
    return;
  }
  MUST(f->signal < REC_SIGNAL_COUNT && f->unit);
  json_object(j);
  json_key(j, "entity");
  entity_json(j, &f->entity);
  json_key(j, "signal");
  json_text(j, rec_signal_text(f->signal));
  json_key(j, "unit");
  json_text(j, f->unit);
  key_short(j, "baseline", f->baseline);
  key_short(j, "baseline_sd", f->baseline_sd);
  key_short(j, "baseline_age_s", f->baseline_age_s);
  key_short(j, "baseline_requests", f->baseline_requests);
  key_short(j, "observed", f->observed);
  finding_effect_json(j, f);
  key_short(j, "log_e", f->log_e);
  key_short(j, "threshold", f->log_c);
  key_short(j, "pace_s", f->pace_s);
  key_time(j, "onset", f->onset);
  json_close(j);
}

static void plot_points_json(struct base_json *j, const struct rec_plot *p) {
  json_key(j, "values");
  json_array(j);
  for (uint32_t i = 0; i < p->n; i++) {
    if (p->value[i] >= 0.0f) {
      json_short(j, (double)p->value[i], PLOT_DIGITS);
    } else {
      json_null(j);
    }
  }
  json_close(j);
  json_key(j, "requests");
  json_array(j);
  for (uint32_t i = 0; i < p->n; i++) json_short(j, (double)p->count[i], NUMBER_DIGITS);
  json_close(j);
}

/* Its values are in the finding's unit, so there is none without a finding. */
static void plot_json(struct base_json *j, const struct rec_incident *in) {
  const struct rec_plot *p = &in->plot;
  MUST(p->n <= LIMIT_PLOT);
  json_key(j, "plot");
  if (p->n == 0 || !in->finding.known) {
    json_null(j);
    return;
  }
  json_object(j);
  key_time(j, "from", p->from);
  json_key(j, "step_s");
  json_u64(j, p->step_s);
  plot_points_json(j, p);
  if (p->low >= 0.0f) {
    pair_json(j, "band", (double)p->low, (double)p->high, PLOT_DIGITS);
  } else {
    json_key(j, "band");
    json_null(j);
  }
  json_close(j);
}

static void chain_json(struct base_json *j, const struct rec_incident *in) {
  MUST(in->hop_n <= LIMIT_HOPS);
  json_key(j, "chain");
  json_array(j);
  for (uint32_t i = 0; i < in->hop_n; i++) {
    const struct rec_hop *hop = &in->hop[i];
    json_object(j);
    json_key(j, "from");
    entity_json(j, &hop->from);
    json_key(j, "to");
    entity_json(j, &hop->to);
    json_key(j, "quiet");
    json_bool(j, hop->quiet);
    key_text(j, "evidence", hop->evidence, sizeof hop->evidence);
    json_close(j);
  }
  json_close(j);
  json_key(j, "refuted_by");
  if (in->refute[0]) {
    json_text(j, in->refute);
  } else {
    json_null(j);
  }
}

static void time_json(struct base_json *j, const struct rec_time *t) {
  json_key(j, "time");
  if (!t->told) {
    json_null(j);
    return;
  }
  json_object(j);
  json_key(j, "place");
  json_text(j, rec_place_text(t->place));
  json_key(j, "edge");
  entity_json(j, &t->edge);
  json_key(j, "stages");
  json_array(j);
  for (unsigned i = 0; i < REC_PLACE_COUNT; i++) {
    if (!(t->told >> i & 1u)) continue;
    json_object(j);
    json_key(j, "place");
    json_text(j, rec_place_text(i));
    key_short(j, "normal_ms", t->normal_ms[i]);
    key_short(j, "now_ms", t->now_ms[i]);
    json_close(j);
  }
  json_close(j);
  json_close(j);
}

static void pressure_json(struct base_json *j, const struct rec_pressure *p) {
  json_object(j);
  json_key(j, "entity");
  entity_json(j, &p->entity);
  json_key(j, "metric");
  json_str(j, p->metric);
  json_key(j, "part");
  json_str(j, p->part);
  json_key(j, "role");
  json_text(j, rec_role_text(p->role));
  json_key(j, "unit");
  json_text(j, rec_unit_text(p->unit));
  key_short(j, "value", p->value);
  pair_json(j, "usual", p->low, p->high, NUMBER_DIGITS);
  json_key(j, "side");
  json_text(j, rec_bad_text(p->side));
  key_short(j, "score", p->score);
  key_time(j, "since", p->since);
  key_time(j, "at", p->at);
  json_key(j, "new");
  json_bool(j, p->novel);
  json_key(j, "line");
  json_str(j, p->line);
  json_close(j);
}

static void gauges_json(struct base_json *j, const struct rec_incident *in) {
  MUST(in->gauge_n <= LIMIT_GAUGES_SHOWN);
  json_key(j, "gauges");
  json_array(j);
  for (uint32_t i = 0; i < in->gauge_n; i++) pressure_json(j, &in->gauge[i]);
  json_close(j);
}

static void recurrences_json(struct base_json *j, const struct rec_incident *in) {
  MUST(in->again_n <= LIMIT_AGAIN);
  json_key(j, "occurrences");
  json_u64(j, in->occurrences);
  json_key(j, "recurrences");
  json_array(j);
  for (uint32_t i = 0; i < in->again_n; i++) {
    json_object(j);
    key_time(j, "started_at", in->again[i].started_at);
    key_end(j, in->again[i].ended_at);
    json_close(j);
  }
  json_close(j);
}

static void decisions_json(struct base_json *j, const struct rec_incident *in) {
  MUST(in->decision_n <= LIMIT_DECISIONS);
  json_key(j, "decisions");
  json_array(j);
  for (uint32_t i = 0; i < in->decision_n; i++) {
    json_object(j);
    key_time(j, "at", in->decision[i].at);
    key_text(j, "text", in->decision[i].text, sizeof in->decision[i].text);
    json_close(j);
  }
  json_close(j);
}

static void head_json(struct base_json *j, const struct rec_incident *in) {
  char id[17];
  rec_incident_id(in, id);
  key_text(j, "id", id, sizeof id);
  json_key(j, "verdict");
  json_text(j, verdict_text(in->verdict));
  key_text(j, "kind", in->kind, sizeof in->kind);
  json_key(j, "severity");
  json_text(j, severity_text(in->severity));
  json_key(j, "state");
  json_text(j, in->state == REC_STATE_CLOSED ? "closed" : "open");
  json_key(j, "acked");
  json_bool(j, in->acked);
  json_key(j, "muted");
  json_bool(j, in->muted);
}

static void hash_text(uint64_t hash, char out[17]) {
  (void)snprintf(out, 17, "%016llx", (unsigned long long)hash);
}

void rec_incident_json(const struct rec_incident *in, struct base_buf *out) {
  struct base_json json = json_over(out), *j = &json;
  json_object(j);
  head_json(j, in);
  times_json(j, in);
  key_time(j, "updated_at", in->updated_at);
  key_text(j, "summary", in->summary, sizeof in->summary);
  causes_json(j, in);
  entities_json(j, "affected", in->affected, in->affected_n);
  entities_json(j, "not_affected", in->not_affected, in->not_affected_n);
  impact_json(j, in);
  changes_json(j, in);
  exemplars_json(j, in);
  json_key(j, "confidence");
  json_f64(j, in->confidence);
  key_text(j, "telemetry", in->telemetry, sizeof in->telemetry);
  finding_json(j, &in->finding);
  plot_json(j, in);
  chain_json(j, in);
  time_json(j, &in->time);
  gauges_json(j, in);
  recurrences_json(j, in);
  decisions_json(j, in);
  if (in->merged_hash) {
    char into[17];
    hash_text(in->merged_hash, into);
    key_text(j, "merged_into", into, sizeof into);
  }
  json_close(j);
}

void rec_incident_id(const struct rec_incident *in, char out[17]) {
  hash_text(in->id_hash, out);
}
