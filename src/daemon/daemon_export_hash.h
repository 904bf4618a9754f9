/* A pack with hashes in place of names. */
#ifndef DAEMON_EXPORT_HASH_H
#define DAEMON_EXPORT_HASH_H

#include "daemon_pack.h"

/* p: just opened from dir; its ticks are read. Both the incident as it was and the one by the new names are made, side
 * by side, and compared in all but names; where they differ nothing is written. False: err tells. */
bool pack_write_hashed(struct pack *p, const char *dir, struct journal *out, struct journal_err *err);

#endif
