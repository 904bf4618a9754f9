#include "rec_incident.h"

#include <stdio.h>

#include "base_json.h"
#include "base_must.h"

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

static void times_json(struct base_json *j, const struct rec_incident *in) {
  key_time(j, "started_at", in->started_at);
  key_time(j, "detected_at", in->detected_at);
  json_key(j, "ended_at");
  if (in->ended_at.ns) {
    json_time(j, in->ended_at);
  } else {
    json_null(j);
  }
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
