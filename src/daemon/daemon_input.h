/* The reader of recorded ALS messages (`replay`, `stats`), in the order in which they arrived.
 *
 *   als       varint length, message; one stream
 *   als-grpc  bodies of gRPC streams: flag byte, 4 bytes of length, message. A file, or a directory, of which every
 *             *StreamAccessLogs*.grpc is read. An index.jsonl beside gives the order among files (the chunks of a
 *             stream with their arrival times); without it messages are taken by the newest end in them.
 *
 * A message over LIMIT_MESSAGE_BYTES or with the compressed flag is passed over as broken; a file that ends inside a
 * message gives what came before. */
#ifndef DAEMON_INPUT_H
#define DAEMON_INPUT_H

#include <stdint.h>

#include "base_str.h"
#include "base_time.h"

enum daemon_format { DAEMON_FORMAT_ALS, DAEMON_FORMAT_ALS_GRPC };

/* "als", "als-grpc"; false where it is another. */
bool daemon_format_read(const char *text, enum daemon_format *out);

enum daemon_input_status {
  DAEMON_INPUT_OK,   /* a message */
  DAEMON_INPUT_END,  /* all was read */
  DAEMON_INPUT_SKIP, /* a message was passed over: `reason`; the input goes on */
  DAEMON_INPUT_CUT   /* a stream ends inside a message, or its framing is broken: `reason`; others go on */
};

struct daemon_message {
  struct base_str bytes; /* valid until the next call */
  uint32_t stream;       /* from 0: which file */
  uint64_t offset;       /* of the message's frame in its file */
  const char *file;
  const char *reason;        /* static text, where the status is no OK; */
  bool oversize, compressed; /* why it was skipped */
};

struct daemon_input;

/* NULL: err (err_bytes long) tells why. `-` is standard input. */
struct daemon_input *daemon_input_open(const char *path, enum daemon_format format, char *err, size_t err_bytes);
enum daemon_input_status daemon_input_next(struct daemon_input *in, struct daemon_message *out);
uint32_t daemon_input_streams(const struct daemon_input *in);
void daemon_input_close(struct daemon_input *in);

#endif
