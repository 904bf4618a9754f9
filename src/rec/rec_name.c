#include "rec_name.h"

#include "base_must.h"

#define X(name, text, kind, share, doc) text,
static const char *const level_text[] = {REC_LEVEL_TABLE(X)};
#undef X
#define X(name, text, kind, share, doc) kind,
static const char *const level_kind[] = {REC_LEVEL_TABLE(X)};
#undef X
#define X(name, text, kind, share, doc) share,
static const unsigned char level_share[] = {REC_LEVEL_TABLE(X)};
#undef X
#define X(name, key) key,
static const char *const dim_text[] = {REC_DIM_TABLE(X)};
#undef X
#define X(name, text, group, doc) text,
static const char *const class_text[] = {REC_CLASS_TABLE(X)};
#undef X
#define X(name, text, group, doc) group,
static const char class_group[] = {REC_CLASS_TABLE(X)};
#undef X
#define X(name, text, kind, doc) text,
static const char *const signal_text[] = {REC_SIGNAL_TABLE(X)};
#undef X
#define X(name, text, kind, doc) kind,
static const char *const signal_kind[] = {REC_SIGNAL_TABLE(X)};
#undef X
#define X(name, text, doc) text,
static const char *const gap_text[] = {REC_GAP_TABLE(X)};
#undef X
#define X(name, text, doc) text,
static const char *const stage_text[] = {REC_STAGE_TABLE(X)};
#undef X
#define X(name, text, phrase, doc) text,
static const char *const place_text[] = {REC_PLACE_TABLE(X) "several"};
#undef X
#define X(name, text, phrase, doc) phrase,
static const char *const place_phrase[] = {REC_PLACE_TABLE(X) "in several places"};
#undef X

#define X(name, text, ranks, doc) text,
static const char *const role_text[] = {REC_ROLE_TABLE(X)};
#undef X
#define X(name, text, ranks, doc) ranks,
static const bool role_ranks[] = {REC_ROLE_TABLE(X)};
#undef X
#define X(name, text) text,
static const char *const unit_text[] = {REC_UNIT_TABLE(X)};
static const char *const bad_text[] = {REC_BAD_TABLE(X)};
#undef X

const char *rec_level_text(enum rec_level v) {
  MUST(v < REC_LEVEL_COUNT);
  return level_text[v];
}
const char *rec_level_kind(enum rec_level v) {
  MUST(v < REC_LEVEL_COUNT);
  return level_kind[v];
}
unsigned rec_level_share(enum rec_level v) {
  MUST(v < REC_LEVEL_COUNT);
  return level_share[v];
}
const char *rec_side_text(enum rec_side v) {
  MUST(v < REC_SIDE_COUNT);
  return v == REC_SIDE_SERVER ? "server" : "client";
}
const char *rec_dim_text(enum rec_dim v) {
  MUST(v < REC_DIM_COUNT);
  return dim_text[v];
}
const char *rec_class_text(enum rec_class v) {
  MUST(v < REC_CLASS_COUNT);
  return class_text[v];
}
char rec_class_group(enum rec_class v) {
  MUST(v < REC_CLASS_COUNT);
  return class_group[v];
}
const char *rec_signal_text(enum rec_signal v) {
  MUST(v < REC_SIGNAL_COUNT);
  return signal_text[v];
}
const char *rec_signal_kind(enum rec_signal v) {
  MUST(v < REC_SIGNAL_COUNT);
  return signal_kind[v];
}
const char *rec_gap_text(enum rec_gap_reason v) {
  MUST(v < REC_GAP_REASON_COUNT);
  return gap_text[v];
}
const char *rec_stage_text(enum rec_stage v) {
  MUST(v < REC_STAGE_COUNT);
  return stage_text[v];
}
const char *rec_place_text(enum rec_place v) {
  MUST(v <= REC_PLACE_COUNT);
  return place_text[v];
}
const char *rec_place_phrase(enum rec_place v) {
  MUST(v <= REC_PLACE_COUNT);
  return place_phrase[v];
}
const char *rec_role_text(enum rec_role v) {
  MUST(v < REC_ROLE_COUNT);
  return role_text[v];
}
bool rec_role_ranks(enum rec_role v) {
  MUST(v < REC_ROLE_COUNT);
  return role_ranks[v];
}
const char *rec_unit_text(enum rec_unit v) {
  MUST(v < REC_UNIT_COUNT);
  return unit_text[v];
}
const char *rec_bad_text(enum rec_bad v) {
  MUST(v < REC_BAD_COUNT);
  return bad_text[v];
}
