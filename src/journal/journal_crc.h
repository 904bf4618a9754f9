/* CRC-32C (Castagnoli; RFC 3720 appendix B.4): reflected polynomial 0x82f63b78. */
#ifndef JOURNAL_CRC_H
#define JOURNAL_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Continues crc (0 at the start) over n bytes: crc32c(crc32c(0, a), b) is the CRC of a and b in a row. Uses the CPU's
 * instruction where it has one (eight bytes an instruction); otherwise the table. */
uint32_t journal_crc(uint32_t crc, const void *bytes, size_t n);
/* The same by table, on any machine: two probes a byte. */
uint32_t journal_crc_table(uint32_t crc, const void *bytes, size_t n);

#endif
