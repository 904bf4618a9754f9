/* Small files, read whole: secrets and lists that people or their tools write, and may renew. */
#ifndef IO_FILE_H
#define IO_FILE_H

#include "base_buf.h"

/* Appends the file's bytes. False: errno tells; EFBIG: out has not the room for them and 4 KiB more. */
bool io_file_read(const char *path, struct base_buf *out);

/* The file's one line, without blanks and line ends behind it, as a text. False: errno tells; EFBIG: it does not fit;
 * 0: it is empty, or has a NUL or another line; out is then zeros. */
bool io_line_read(const char *path, char *out, size_t cap);

#endif
