/* What the journal asks of the operating system, in one place: whole writes, durable names, clear errors. */
#ifndef JOURNAL_OS_H
#define JOURNAL_OS_H

#include <sys/types.h>

#include "journal.h"

/* err->text = the formatted text, cut where it is too long. Returns false, for `return err_set(...)`. */
bool journal_err_set(struct journal_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Writes all of it, from the descriptor's position. Returns the bytes written; fewer than n: errno tells. */
size_t journal_os_write(int fd, const void *bytes, size_t n);
/* Reads up to n bytes, fewer only at the end. -1: errno tells. */
ssize_t journal_os_read(int fd, void *bytes, size_t n);
/* Makes the names in the directory of `path` durable (all but its last part). */
bool journal_os_sync_parent(const char *path);

/* The numbers in the names of a directory's segments, ascending, in *first (to be freed). -1: errno tells. */
ssize_t journal_os_segments(const char *dir, uint64_t **first);
/* "dir/<16 hex digits>.seg", to be freed. NULL: out of memory. */
char *journal_os_segment_path(const char *dir, uint64_t first);

#endif
