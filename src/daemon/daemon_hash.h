/* Hashes in place of names, for a pack that strangers may see: HMAC-SHA256 under a key that nobody keeps, cut to 48
 * bits behind a letter for what it names. Equal names are equal hashes, so levels, edges and siblings stay what they
 * are.
 *
 *   n namespace  s service (and caller)  c cluster  r region  z zone  p pod (and node)  t route  v version
 *   q request id  x any other text; a trace id becomes 32 hex digits
 *
 * Series lie in the bucket of their key's hash, so they move; a tick is put together anew. */
#ifndef DAEMON_HASH_H
#define DAEMON_HASH_H

#include "base_arena.h"
#include "daemon_conf.h"
#include "engine.h"
#include "rec_codec.h"

struct hash;

/* NULL: out of memory, or no random bytes to be had. */
struct hash *hash_open(void);
void hash_close(struct hash *h);
/* For engine_save_as; lives as long as h. */
const struct engine_names *hash_names(struct hash *h);

/* The series that an engine with the new names has; call before the first tick. */
void hash_series(struct hash *h, const struct engine *e);
/* The same tick by the new names, in the arena. in must be sound; names of it are not kept. False: no room. */
bool hash_tick(struct hash *h, const struct rec_tick_input *in, struct base_arena *arena, struct rec_tick_input *out);
/* An incident's id, and what it is by the new names. */
void hash_id_put(struct hash *h, uint64_t was, uint64_t is);
uint64_t hash_id(const struct hash *h, uint64_t was);
/* The configuration as YAML: numbers as they are, mutes by the new names, no other texts. */
void hash_conf(struct hash *h, const struct daemon_conf *c, struct base_buf *out);

#endif
