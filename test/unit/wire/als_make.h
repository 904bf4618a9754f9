/* Makes ALS messages for tests, fuzz seeds and benchmarks: a small protobuf writer, and entries as an Istio sidecar
 * sends them. Same seed, same bytes. */
#ifndef ALS_MAKE_H
#define ALS_MAKE_H

#include "base_buf.h"

void make_varint(struct base_buf *out, uint64_t v);
/* A field of each wire type that proto3 uses. */
void make_uint(struct base_buf *out, uint32_t number, uint64_t v);
void make_double(struct base_buf *out, uint32_t number, double v);
void make_view(struct base_buf *out, uint32_t number, struct base_str bytes);
void make_text(struct base_buf *out, uint32_t number, const char *z);
/* A map's entry. */
void make_pair(struct base_buf *out, uint32_t number, const char *key, struct base_str value);

/* The identifier of a sidecar, with metadata and an extension list that readers must skip. */
void als_make_identifier(struct base_buf *out);
/* One HTTPAccessLogEntry of about 900 bytes: both peers, tags, TLS, headers; status and times vary with the seed. */
void als_make_entry(struct base_buf *out, uint64_t seed);
/* A StreamAccessLogsMessage with that many entries, seeds from `seed` on, and the identifier where asked for. */
void als_make_message(struct base_buf *out, uint64_t seed, uint32_t entry_n, bool identifier);

#endif
