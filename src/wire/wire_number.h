/* Decimal numbers in text, as metrics have them. Pure, of any bytes; nothing past the text is read. */
#ifndef WIRE_NUMBER_H
#define WIRE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base_buf.h"
#include "base_str.h"

#define WIRE_NUMBER_BYTES 128u /* a longer text is no number */

/* What Prometheus takes as one (Go's strconv.ParseFloat without hexadecimal and underscores): sign, digits, fraction,
 * exponent; Inf, Infinity and NaN in any case. The nearest double, ties to even. False where it is none of these.
 *
 * Method: up to 15 digits and powers of ten up to 22 are both exact doubles, so one operation rounds correctly
 * (Clinger, "How to read floating point numbers accurately", PLDI 1990); the rest goes through strtod, which glibc and
 * musl round correctly, too. Cost: one pass, and strtod's where it is asked. */
bool number_read(struct base_str text, double *out);

/* A whole number, with a sign; false where it is none or past 64 bits. */
bool number_read_int(struct base_str text, int64_t *out);

/* Seconds, with a fraction or an exponent, as ns: exact to the last digit where there is no exponent. False where it is
 * no number, negative or past 2^63 ns. */
bool number_read_seconds(struct base_str text, int64_t *ns);

/* The shortest decimal text that reads back as v; +Inf, -Inf and NaN as Prometheus writes them. */
void number_write(struct base_buf *out, double v);

#endif
