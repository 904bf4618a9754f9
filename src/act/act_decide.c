#include "act_decide.h"

#include <yyjson.h>

#include "act_view.h"
#include "base_hash.h"
#include "base_must.h"

#define X(name, text) text,
static const char *const event_text[] = {ACT_EVENT_TABLE(X)};
#undef X

const char *act_event_text(enum act_event e) {
  MUST(e < ACT_EVENT_COUNT);
  return event_text[e];
}

bool act_event_read(struct base_str text, enum act_event *out) {
  for (unsigned e = 0; e < ACT_EVENT_COUNT; e++) {
    if (!str_eq(text, str_of(event_text[e]))) continue;
    *out = (enum act_event)e;
    return true;
  }
  return false;
}

/* Names are hashed each with its key and length, so that no two entities run together. */
static uint64_t culprit_of(yyjson_val *cause) {
  uint64_t h = 1;
  size_t i, n;
  yyjson_val *key, *value, *entity = yyjson_obj_get(cause, "entity");
  if (!yyjson_is_obj(entity)) return 0;
  yyjson_obj_foreach(entity, i, n, key, value) {
    struct base_str k = {yyjson_get_str(key), yyjson_get_len(key)}, v = view_str(value);
    h = hash_mix(h, hash_bytes(HASH_KEY_FIXED, k.p, k.n));
    h = hash_mix(h, hash_bytes(HASH_KEY_FIXED, v.n ? v.p : "", v.n));
  }
  struct base_str signal = view_str(yyjson_obj_get(cause, "signal"));
  h = hash_mix(h, hash_bytes(HASH_KEY_FIXED, signal.n ? signal.p : "", signal.n));
  return h ? h : 1;
}

static bool state_read(const struct act_view *v, struct act_state *out) {
  *out = (struct act_state){.id = v->id_hash, .rev = yyjson_get_uint(yyjson_obj_get(v->root, "rev"))};
  out->severity = (uint8_t)v->severity;
  out->expected = str_eq(v->verdict, STR("expected"));
  out->muted = yyjson_is_true(yyjson_obj_get(v->root, "muted"));
  out->acked = yyjson_is_true(yyjson_obj_get(v->root, "acked"));
  out->closed = !yyjson_is_null(yyjson_obj_get(v->root, "ended_at"));
  out->affected_n = (uint32_t)yyjson_arr_size(yyjson_obj_get(v->root, "affected"));
  out->culprit = culprit_of(v->cause);
  return time_read(view_text(v->root, "updated_at"), &out->updated_at);
}

bool act_state_read(struct base_str json, struct act_state *out) {
  struct act_view v;
  bool ok = view_open(&v, json) && state_read(&v, out);
  view_close(&v);
  return ok;
}

static bool is_allowed(const struct act_receiver_conf *conf, const struct act_state *s) {
  return (conf->expected || !s->expected) && (conf->muted || !s->muted);
}

static unsigned decide_open(const struct act_state *was, const struct act_state *s) {
  bool other = s->severity != was->severity || s->culprit != was->culprit || s->affected_n > was->affected_n;
  return (other ? 1u << ACT_CHANGED : 0u) | (s->acked && !was->acked ? 1u << ACT_ACKED : 0u);
}

unsigned act_decide(const struct act_receiver_conf *conf, const struct act_known *known, const struct act_state *s) {
  bool allowed = is_allowed(conf, s);
  if (known && s->rev <= known->state.rev) return 0;
  if (known && known->open) return s->closed || !allowed ? 1u << ACT_ENDED : decide_open(&known->state, s);
  if (s->closed || !allowed || s->severity < conf->min_severity) return 0;
  return 1u << ACT_OPENED | (s->acked ? 1u << ACT_ACKED : 0u);
}

struct act_known act_known_after(const struct act_known *known, const struct act_state *s, unsigned events) {
  struct act_known k = known ? *known : (struct act_known){0};
  if (!events) return k;
  k.state = *s;
  k.open = !(events & 1u << ACT_ENDED);
  return k;
}
