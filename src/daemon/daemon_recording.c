#include "daemon_recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct recording {
  struct journal *journal;
  struct base_buf frame;
  uint64_t stream_n, message_n, byte_n;
  const char *problem;
};

struct recording *recording_open(const char *path, struct journal_err *err) {
  bool is_pipe = strcmp(path, "-") == 0;
  if (!is_pipe && access(path, F_OK) == 0) {
    snprintf(err->text, sizeof err->text, "%s: exists already", path);
    return NULL;
  }
  struct recording *r = calloc(1, sizeof *r);
  if (!r) {
    snprintf(err->text, sizeof err->text, "out of memory");
    return NULL;
  }
  struct journal_conf conf = {.file = path, .segment_bytes = UINT64_MAX};
  r->journal = journal_open(&conf, err);
  r->frame = buf_open(LIMIT_FRAME_BYTES);
  if (r->journal) return r;
  free(r);
  return NULL;
}

/* What the frame holds. */
static void recording_append(struct recording *r, enum rec_frame kind) {
  if (r->frame.bad)
    r->problem = "out of memory";
  else if (journal_append(r->journal, (uint8_t)kind, buf_str(&r->frame)) != JOURNAL_OK)
    r->problem = "the recording cannot be written";
}

static void recording_put(struct recording *r, enum rec_frame kind, const struct rec_arrival *arrival) {
  if (r->problem) return;
  buf_clear(&r->frame);
  rec_codec_arrival_write(arrival, &r->frame);
  recording_append(r, kind);
}

uint64_t recording_stream_open(struct recording *r, enum door_form form, struct base_wall now) {
  struct rec_arrival a = {.stream = ++r->stream_n, .recv = now};
  if (form != DOOR_FORM_ALS) a.bytes = str_of(door_form_text(form));
  recording_put(r, REC_FRAME_STREAM, &a);
  return a.stream;
}

void recording_message(struct recording *r, uint64_t stream, struct base_str bytes, struct base_wall recv) {
  struct rec_arrival a = {.stream = stream, .recv = recv, .bytes = bytes};
  recording_put(r, REC_FRAME_MESSAGE, &a);
  r->message_n++;
  r->byte_n += bytes.n;
}

void recording_stream_close(struct recording *r, uint64_t stream, struct base_wall now) {
  struct rec_arrival a = {.stream = stream, .recv = now};
  recording_put(r, REC_FRAME_STREAM_END, &a);
}

void recording_step(struct recording *r, struct base_wall now) {
  struct rec_arrival a = {.recv = now};
  recording_put(r, REC_FRAME_CLOSE, &a);
}

void recording_told(struct recording *r, const struct rec_head_batch *head, struct base_wall now) {
  struct rec_tick_input *in = r->problem ? NULL : calloc(1, sizeof *in);
  if (!in) return;
  in->tick = (struct rec_tick){.end = now, .now = now};
  in->head = (struct rec_head_batch){
      .change = head->change, .change_n = head->change_n, .command = head->command, .command_n = head->command_n};
  buf_clear(&r->frame);
  rec_codec_tick_write(in, &r->frame);
  recording_append(r, REC_FRAME_TOLD);
  free(in);
}

void recording_flush(struct recording *r) {
  if (!r->problem && journal_sync(r->journal, false) != JOURNAL_OK) r->problem = "the recording cannot be written";
}

const char *recording_problem(const struct recording *r) {
  return r->problem;
}

uint64_t recording_messages(const struct recording *r) {
  return r->message_n;
}

uint64_t recording_bytes(const struct recording *r) {
  return r->byte_n;
}

bool recording_close(struct recording *r) {
  if (!r) return true;
  if (!r->problem && journal_sync(r->journal, true) != JOURNAL_OK) r->problem = "the recording cannot be written";
  bool good = r->problem == NULL;
  journal_close(r->journal);
  buf_fini(&r->frame);
  free(r);
  return good;
}
