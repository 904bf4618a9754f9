#include "rec_text.h"

#include <stdio.h>

#include "base_json.h"

static void name_put(struct base_buf *out, const char *name) {
  buf_put_char(out, ' ');
  buf_put_str(out, str_of(name));
  buf_put_char(out, '=');
}

static void str_put(struct base_buf *out, const char *name, struct base_str s) {
  if (s.n == 0) return;
  name_put(out, name);
  json_quote(out, s);
}

static void u64_put(struct base_buf *out, const char *name, uint64_t v) {
  if (v == 0) return;
  name_put(out, name);
  buf_put_u64(out, v);
}

static void wall_put(struct base_buf *out, const char *name, struct base_wall t) {
  char text[TIME_TEXT_BYTES];
  time_text(t, text);
  name_put(out, name);
  buf_put_str(out, str_of(text));
}

/* A word of a closed vocabulary, or its number where it is none. */
static void word_put(struct base_buf *out, const char *name, const char *word, unsigned number) {
  name_put(out, name);
  if (word) {
    buf_put_str(out, str_of(word));
  } else {
    buf_put_u64(out, number);
  }
}

static void side_put(struct base_buf *out, unsigned side) {
  word_put(out, "side", side < REC_SIDE_COUNT ? rec_side_text(side) : NULL, side);
}

static void dims_put(struct base_buf *out, const struct base_str dim[REC_DIM_COUNT]) {
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) str_put(out, rec_dim_text(d), dim[d]);
}

static void numbered(struct base_buf *out, const char *kind, uint64_t number) {
  buf_put_str(out, str_of(kind));
  buf_put_char(out, ' ');
  buf_put_u64(out, number);
}

void rec_text_tick(const struct rec_tick *tick, struct base_buf *out) {
  numbered(out, "tick", tick->seq);
  wall_put(out, "end", tick->end);
  wall_put(out, "now", tick->now);
  if (tick->cut) buf_put_str(out, STR(" cut"));
  buf_put_char(out, '\n');
}

void rec_text_series(const struct rec_series *series, struct base_buf *out) {
  numbered(out, "series", series->series_idx);
  name_put(out, "bucket");
  buf_put_u64(out, series->bucket);
  word_put(out, "level", series->level < REC_LEVEL_COUNT ? rec_level_text(series->level) : NULL, series->level);
  side_put(out, series->side);
  dims_put(out, series->dim);
  buf_put_char(out, '\n');
}

void rec_text_obs(const struct rec_obs *obs, const struct rec_hist_cell *cell, struct base_buf *out) {
  numbered(out, "obs", obs->series_idx);
  for (unsigned c = 0; c < REC_CLASS_COUNT; c++) u64_put(out, rec_class_text(c), obs->class_n[c]);
  u64_put(out, "retries", obs->retries);
  u64_put(out, "started", obs->started);
  u64_put(out, "ended_started", obs->ended_started);
  u64_put(out, "latency_sum_ns", obs->latency_sum_ns);
  for (unsigned i = 0; i < REC_STAGE_COUNT; i++) {
    char name[32];
    (void)snprintf(name, sizeof name, "%s_sum_ns", rec_stage_text(i));
    u64_put(out, name, obs->stage_ns[i]);
  }
  u64_put(out, "bytes_in", obs->bytes_in);
  u64_put(out, "bytes_out", obs->bytes_out);
  if (obs->hist_n) name_put(out, "hist");
  for (uint32_t i = 0; i < obs->hist_n; i++) {
    const struct rec_hist_cell *c = &cell[obs->hist_from + i];
    if (i) buf_put_char(out, ',');
    buf_put_u64(out, c->bucket);
    buf_put_char(out, ':');
    buf_put_u64(out, c->count);
  }
  buf_put_char(out, '\n');
}

void rec_text_drop(const struct rec_drop *drop, struct base_buf *out) {
  numbered(out, "drop", drop->series_idx);
  buf_put_char(out, '\n');
}

void rec_text_exemplar(const struct rec_exemplar *exemplar, struct base_buf *out) {
  static const char *const use[4] = {"service", "pod", "route", "edge"};
  buf_put_str(out, STR("exemplar"));
  wall_put(out, "at", exemplar->at);
  for (unsigned i = 0; i < 4; i++) {
    if (exemplar->series[i] == REC_SERIES_NONE) continue;
    name_put(out, use[i]);
    buf_put_u64(out, exemplar->series[i]);
  }
  unsigned class_ = exemplar->class_;
  word_put(out, "class", class_ < REC_CLASS_COUNT ? rec_class_text(class_) : NULL, class_);
  side_put(out, exemplar->side);
  u64_put(out, "latency_ns", exemplar->latency_ns);
  str_put(out, "request_id", exemplar->request_id);
  str_put(out, "trace_id", exemplar->trace_id);
  buf_put_char(out, '\n');
}

void rec_text_change(const struct rec_change *change, struct base_buf *out) {
  buf_put_str(out, STR("change"));
  wall_put(out, "at", change->at);
  str_put(out, "source", change->source);
  str_put(out, "kind", change->kind);
  str_put(out, "summary", change->summary);
  str_put(out, "entity", change->entity.kind);
  dims_put(out, change->entity.dim);
  buf_put_char(out, '\n');
}

void rec_text_command(const struct rec_command *command, struct base_buf *out) {
  buf_put_str(out, STR("command"));
  wall_put(out, "at", command->at);
  word_put(out, "verb",
           command->verb == REC_VERB_ACK      ? "ack"
           : command->verb == REC_VERB_EXPECT ? "expect"
           : command->verb == REC_VERB_MUTE   ? "mute"
                                              : NULL,
           command->verb);
  str_put(out, "incident", command->incident_id);
  str_put(out, "who", command->who);
  buf_put_char(out, '\n');
}

void rec_text_gap(const struct rec_gap *gap, struct base_buf *out) {
  buf_put_str(out, STR("gap"));
  str_put(out, "node", gap->node);
  str_put(out, "namespace", gap->ns);
  str_put(out, "service", gap->service);
  str_put(out, "cluster", gap->cluster);
  u64_put(out, "expected", gap->expected);
  u64_put(out, "lost", gap->lost);
  word_put(out, "reason", gap->reason < REC_GAP_REASON_COUNT ? rec_gap_text(gap->reason) : NULL, gap->reason);
  buf_put_char(out, '\n');
}

void rec_text_gauge(const struct rec_gauge *gauge, struct base_buf *out) {
  char value[32];
  (void)snprintf(value, sizeof value, "%.17g", gauge->value);
  buf_put_str(out, STR("gauge"));
  wall_put(out, "at", gauge->at);
  str_put(out, "metric", gauge->metric);
  str_put(out, "part", gauge->part);
  dims_put(out, gauge->dim);
  name_put(out, "value");
  buf_put_str(out, str_of(value));
  if (gauge->unit) word_put(out, "unit", gauge->unit < REC_UNIT_COUNT ? rec_unit_text(gauge->unit) : NULL, gauge->unit);
  word_put(out, "role", gauge->role < REC_ROLE_COUNT ? rec_role_text(gauge->role) : NULL, gauge->role);
  word_put(out, "bad", gauge->bad < REC_BAD_COUNT ? rec_bad_text(gauge->bad) : NULL, gauge->bad);
  u64_put(out, "lead_n", gauge->lead_n);
  u64_put(out, "lead_ns", (uint64_t)gauge->lead_ns);
  if (gauge->novel) buf_put_str(out, STR(" novel"));
  str_put(out, "line", gauge->line);
  buf_put_char(out, '\n');
}

void rec_text_arrival(const char *what, const struct rec_arrival *arrival, struct base_buf *out) {
  numbered(out, what, arrival->stream);
  wall_put(out, "recv", arrival->recv);
  u64_put(out, "bytes", arrival->bytes.n);
  buf_put_char(out, '\n');
}

static void batch_text(const struct rec_batch *b, struct base_buf *out) {
  for (size_t i = 0; i < b->series_n; i++) rec_text_series(&b->series[i], out);
  for (size_t i = 0; i < b->obs_n; i++) rec_text_obs(&b->obs[i], b->cell, out);
  for (size_t i = 0; i < b->drop_n; i++) rec_text_drop(&b->drop[i], out);
}

void rec_text_tick_input(const struct rec_tick_input *in, struct base_buf *out) {
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) batch_text(&in->bucket[b], out);
  const struct rec_head_batch *h = &in->head;
  for (size_t i = 0; i < h->exemplar_n; i++) rec_text_exemplar(&h->exemplar[i], out);
  for (size_t i = 0; i < h->change_n; i++) rec_text_change(&h->change[i], out);
  for (size_t i = 0; i < h->command_n; i++) rec_text_command(&h->command[i], out);
  for (size_t i = 0; i < h->gap_n; i++) rec_text_gap(&h->gap[i], out);
  for (size_t i = 0; i < h->gauge_n; i++) rec_text_gauge(&h->gauge[i], out);
  rec_text_tick(&in->tick, out);
}
