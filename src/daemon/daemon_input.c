#include "daemon_input.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base_limits.h"
#include "daemon_input_index.h"
#include "wire_als.h"

#define FILES_MAX 4096u
#define PATH_BYTES 4096u
#define VARINT_BYTES 10u

struct input_file {
  FILE *f;
  char *path;
  uint64_t at; /* read so far */
  /* Where files are merged: the message read ahead. */
  struct daemon_message ahead;
  char *ahead_bytes;
  size_t ahead_cap;
  int64_t ahead_ns; /* the newest end in it */
  bool has_ahead;
  bool ended;
};

struct daemon_input {
  enum daemon_format format;
  struct input_file *file;
  uint32_t file_n;
  uint32_t now; /* the file being read */
  struct input_chunk *chunk;
  size_t chunk_n, chunk_at;
  char *bytes; /* LIMIT_MESSAGE_BYTES */
};

enum framing { FRAMING_DELIMITED, FRAMING_GRPC, FRAMING_BODY };

struct format {
  const char *name;
  enum framing framing;
  enum door_wire wire;
  const char *holds, *ends;
};

static const struct format formats[] = {
#define X(name, text, framing, wire, holds, ends) {text, FRAMING_##framing, DOOR_##wire, holds, ends},
    DAEMON_FORMAT_TABLE(X)
#undef X
};

bool daemon_format_read(const char *text, enum daemon_format *out) {
  for (unsigned i = 0; i < DAEMON_FORMAT_COUNT; i++) {
    if (strcmp(text, formats[i].name) != 0) continue;
    *out = (enum daemon_format)i;
    return true;
  }
  return false;
}

/* ---- which files ---- */

static bool ends_with(const char *name, const char *tail) {
  size_t n = strlen(name), m = strlen(tail);
  return n > m && strcmp(name + n - m, tail) == 0;
}

static bool is_file_name(const struct daemon_input *in, const char *name) {
  const struct format *f = &formats[in->format];
  return strstr(name, f->holds) && ends_with(name, f->ends);
}

static int name_cmp(const void *a, const void *b) {
  return strcmp(((const struct input_file *)a)->path, ((const struct input_file *)b)->path);
}

static bool file_add(struct daemon_input *in, const char *dir, const char *name) {
  char path[PATH_BYTES];
  int n = dir ? snprintf(path, sizeof path, "%s/%s", dir, name) : snprintf(path, sizeof path, "%s", name);
  if (n < 0 || (size_t)n >= sizeof path || in->file_n == FILES_MAX) return false;
  struct input_file *grown = realloc(in->file, (in->file_n + 1) * sizeof *grown);
  if (!grown) return false;
  in->file = grown;
  grown[in->file_n] = (struct input_file){.path = strdup(path)};
  return grown[in->file_n++].path != NULL;
}

static bool files_find(struct daemon_input *in, const char *path) {
  struct stat st;
  if (strcmp(path, "-") == 0 || stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) return file_add(in, NULL, path);
  DIR *d = opendir(path);
  bool good = d != NULL;
  for (struct dirent *e; good && (e = readdir(d)) != NULL;)
    if (is_file_name(in, e->d_name)) good = file_add(in, path, e->d_name);
  if (d) closedir(d);
  if (good && in->file_n == 0) errno = ENOENT;
  if (in->file_n) qsort(in->file, in->file_n, sizeof *in->file, name_cmp);
  return good && in->file_n > 0;
}

static bool files_open(struct daemon_input *in, char *err, size_t err_bytes) {
  for (uint32_t i = 0; i < in->file_n; i++) {
    struct input_file *f = &in->file[i];
    f->f = strcmp(f->path, "-") == 0 ? stdin : fopen(f->path, "re");
    if (f->f) continue;
    snprintf(err, err_bytes, "%s: %s", f->path, strerror(errno));
    return false;
  }
  return true;
}

static const char *bare_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* The index beside the files orders them; it matters only where there are several. */
static void index_open(struct daemon_input *in) {
  const char *name[FILES_MAX];
  char path[PATH_BYTES];
  if (formats[in->format].framing != FRAMING_GRPC || in->file_n < 2) return;
  for (uint32_t i = 0; i < in->file_n; i++) name[i] = bare_name(in->file[i].path);
  int n = (int)(bare_name(in->file[0].path) - in->file[0].path);
  if (snprintf(path, sizeof path, "%.*sindex.jsonl", n, in->file[0].path) < (int)sizeof path)
    in->chunk = input_index_read(path, name, in->file_n, &in->chunk_n);
}

struct daemon_input *daemon_input_open(const char *path, enum daemon_format format, char *err, size_t err_bytes) {
  struct daemon_input *in = calloc(1, sizeof *in);
  if (!in || !(in->bytes = malloc(LIMIT_MESSAGE_BYTES))) {
    snprintf(err, err_bytes, "out of memory");
    daemon_input_close(in);
    return NULL;
  }
  in->format = format;
  if (!files_find(in, path)) {
    snprintf(err, err_bytes, "%s: %s", path, errno ? strerror(errno) : "cannot be read");
    daemon_input_close(in);
    return NULL;
  }
  if (!files_open(in, err, err_bytes)) {
    daemon_input_close(in);
    return NULL;
  }
  index_open(in);
  return in;
}

uint32_t daemon_input_streams(const struct daemon_input *in) {
  return in->file_n;
}

void daemon_input_close(struct daemon_input *in) {
  if (!in) return;
  for (uint32_t i = 0; i < in->file_n; i++) {
    if (in->file[i].f && in->file[i].f != stdin) fclose(in->file[i].f);
    free(in->file[i].path);
    free(in->file[i].ahead_bytes);
  }
  free(in->file);
  free(in->chunk);
  free(in->bytes);
  free(in);
}

/* ---- messages ---- */

static size_t file_read(struct input_file *f, void *to, size_t n) {
  size_t got = fread(to, 1, n, f->f);
  f->at += got;
  return got;
}

/* Reads past n bytes. */
static bool file_skip(struct input_file *f, uint64_t n) {
  char sink[65536];
  while (n) {
    size_t want = n < sizeof sink ? (size_t)n : sizeof sink;
    if (file_read(f, sink, want) != want) return false;
    n -= want;
  }
  return true;
}

/* The frame's head: the length behind it, OK, END at the end of the file, or CUT. */
static enum daemon_input_status head_varint(struct input_file *f, uint64_t *n, struct daemon_message *out) {
  *n = 0;
  for (unsigned i = 0; i < VARINT_BYTES; i++) {
    unsigned char c;
    if (file_read(f, &c, 1) != 1) {
      out->reason = "the input ends inside a length";
      return i == 0 ? DAEMON_INPUT_END : DAEMON_INPUT_CUT;
    }
    *n |= (uint64_t)(c & 0x7f) << (7 * i);
    if (c < 0x80 && (i < VARINT_BYTES - 1 || c < 2)) return DAEMON_INPUT_OK;
  }
  out->reason = "this is no length";
  return DAEMON_INPUT_CUT;
}

static enum daemon_input_status head_grpc(struct input_file *f, uint64_t *n, struct daemon_message *out) {
  unsigned char head[5];
  size_t got = file_read(f, head, sizeof head);
  out->reason = "the input ends inside a message's prefix";
  if (got != sizeof head) return got == 0 ? DAEMON_INPUT_END : DAEMON_INPUT_CUT;
  *n = (uint64_t)head[1] << 24 | (uint64_t)head[2] << 16 | (uint64_t)head[3] << 8 | head[4];
  out->compressed = head[0] == 1;
  out->reason = "this is no gRPC prefix";
  return head[0] <= 1 ? DAEMON_INPUT_OK : DAEMON_INPUT_CUT;
}

/* A file that is a message. Over the limit it is passed over. */
static enum daemon_input_status body_read(struct daemon_input *in, struct input_file *f, struct daemon_message *out) {
  size_t n = file_read(f, in->bytes, LIMIT_MESSAGE_BYTES);
  char more;
  if (n == 0) return DAEMON_INPUT_END;
  out->oversize = file_read(f, &more, 1) == 1;
  out->reason = out->oversize ? "message over 4 MiB" : NULL;
  f->ended = true;
  out->bytes = (struct base_str){in->bytes, n};
  return out->oversize ? DAEMON_INPUT_SKIP : DAEMON_INPUT_OK;
}

/* Bodies say by their name that they are JSON. */
static enum door_wire wire_of(const struct daemon_input *in, const struct input_file *f) {
  enum door_wire wire = formats[in->format].wire;
  if (formats[in->format].framing != FRAMING_BODY || !ends_with(f->path, ".json")) return wire;
  switch (wire) {
    case DOOR_TRACES: return DOOR_TRACES_JSON;
    case DOOR_LOGS: return DOOR_LOGS_JSON;
    case DOOR_METRICS: return DOOR_METRICS_JSON;
    default: return wire;
  }
}

static enum daemon_input_status message_read(struct daemon_input *in, uint32_t file, struct daemon_message *out) {
  struct input_file *f = &in->file[file];
  uint64_t n;
  enum framing framing = formats[in->format].framing;
  *out = (struct daemon_message){.stream = file, .offset = f->at, .file = f->path, .wire = wire_of(in, f)};
  if (framing == FRAMING_BODY) return body_read(in, f, out);
  enum daemon_input_status s = framing == FRAMING_DELIMITED ? head_varint(f, &n, out) : head_grpc(f, &n, out);
  if (s != DAEMON_INPUT_OK) return s;
  out->oversize = n > LIMIT_MESSAGE_BYTES;
  bool whole = out->oversize ? file_skip(f, n) : file_read(f, in->bytes, (size_t)n) == n;
  if (!whole) {
    out->reason = "the input ends inside a message";
    return DAEMON_INPUT_CUT;
  }
  if (out->oversize || out->compressed) {
    out->reason = out->oversize ? "message over 4 MiB" : "compressed message";
    return DAEMON_INPUT_SKIP;
  }
  out->reason = NULL;
  out->bytes = (struct base_str){in->bytes, (size_t)n};
  return DAEMON_INPUT_OK;
}

static enum daemon_input_status step(struct daemon_input *in, uint32_t file, struct daemon_message *out) {
  enum daemon_input_status s = message_read(in, file, out);
  if (s == DAEMON_INPUT_END || s == DAEMON_INPUT_CUT) in->file[file].ended = true;
  return s;
}

/* The newest end among a message's entries: when it must have been sent, about. */
static int64_t message_newest(struct base_str bytes) {
  struct wire_als_msg msg;
  struct wire_als_iter it;
  struct wire_request e;
  struct wire_err err;
  enum wire_status status;
  int64_t newest = INT64_MIN;
  if (wire_als_msg_read(bytes, &msg, &err) != WIRE_OK) return newest;
  wire_als_iter_init(&it, &msg);
  while ((status = wire_als_next(&it, &e, &err)) != WIRE_END) {
    if (status != WIRE_OK || !e.has_start || e.start_ns > INT64_MAX / 2 || e.duration_ns > INT64_MAX / 2) continue;
    int64_t end_ns = e.start_ns + (e.duration_ns > 0 ? e.duration_ns : 0);
    if (end_ns > newest) newest = end_ns;
  }
  return newest;
}

/* Reads a file's next message ahead. OK: it has one; END: nothing is left of it. */
static enum daemon_input_status ahead_read(struct daemon_input *in, uint32_t file, struct daemon_message *out) {
  struct input_file *f = &in->file[file];
  if (f->has_ahead) return DAEMON_INPUT_OK;
  if (f->ended) return DAEMON_INPUT_END;
  enum daemon_input_status s = step(in, file, out);
  if (s != DAEMON_INPUT_OK) return s;
  if (out->bytes.n > f->ahead_cap) {
    char *grown = realloc(f->ahead_bytes, out->bytes.n);
    if (!grown) {
      f->ended = true;
      out->reason = "out of memory";
      return DAEMON_INPUT_CUT;
    }
    f->ahead_bytes = grown;
    f->ahead_cap = out->bytes.n;
  }
  if (out->bytes.n) memcpy(f->ahead_bytes, out->bytes.p, out->bytes.n);
  f->ahead = *out;
  f->ahead.bytes.p = f->ahead_bytes;
  f->ahead_ns = message_newest(f->ahead.bytes);
  f->has_ahead = true;
  return s;
}

/* The message that ended first, among the next ones of all files. */
static enum daemon_input_status merge_next(struct daemon_input *in, struct daemon_message *out) {
  struct input_file *best = NULL;
  for (uint32_t i = 0; i < in->file_n; i++) {
    enum daemon_input_status s = ahead_read(in, i, out);
    if (s == DAEMON_INPUT_END) continue;
    if (s != DAEMON_INPUT_OK) return s;
    if (!best || in->file[i].ahead_ns < best->ahead_ns) best = &in->file[i];
  }
  if (!best) return DAEMON_INPUT_END;
  best->has_ahead = false;
  *out = best->ahead;
  return DAEMON_INPUT_OK;
}

/* With an index: the bytes until which the file's next message must have arrived. The length is looked at first. */
static bool message_is_here(const struct daemon_input *in, uint32_t file, uint64_t until) {
  struct input_file *f = &in->file[file];
  unsigned char head[5];
  if (f->ended || f->at + sizeof head > until) return false;
  size_t got = fread(head, 1, sizeof head, f->f);
  if (fseek(f->f, -(long)got, SEEK_CUR) != 0 || got != sizeof head) return got != 0;
  uint64_t n = (uint64_t)head[1] << 24 | (uint64_t)head[2] << 16 | (uint64_t)head[3] << 8 | head[4];
  return f->at + sizeof head + n <= until;
}

enum daemon_input_status daemon_input_next(struct daemon_input *in, struct daemon_message *out) {
  for (; in->chunk_at < in->chunk_n; in->chunk_at++) {
    const struct input_chunk *c = &in->chunk[in->chunk_at];
    if (!message_is_here(in, c->file, c->until)) continue;
    enum daemon_input_status s = step(in, c->file, out);
    if (s != DAEMON_INPUT_END) return s;
  }
  if (in->file_n > 1 && in->chunk_n == 0 && formats[in->format].wire == DOOR_ALS) return merge_next(in, out);
  /* What the index does not cover: file by file. */
  for (; in->now < in->file_n; in->now++) {
    if (in->file[in->now].ended) continue;
    enum daemon_input_status s = step(in, in->now, out);
    if (s != DAEMON_INPUT_END) return s;
  }
  return DAEMON_INPUT_END;
}
