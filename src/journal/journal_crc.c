#include "journal_crc.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

uint32_t journal_crc_table(uint32_t crc, const void *bytes, size_t n) {
  /* The CRC of the 16 values of four bits. */
  static const uint32_t table[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
                                     0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                     0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
  const unsigned char *p = bytes;
  crc = ~crc;
  for (size_t i = 0; i < n; i++) {
    crc ^= p[i];
    crc = crc >> 4 ^ table[crc & 15];
    crc = crc >> 4 ^ table[crc & 15];
  }
  return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_cpu(uint32_t crc, const unsigned char *p, size_t n) {
  uint64_t c = ~crc;
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    c = _mm_crc32_u64(c, word);
  }
  uint32_t rest = (uint32_t)c;
  for (; n; n--) rest = _mm_crc32_u8(rest, *p++);
  return ~rest;
}

static int crc_cpu_has(void) {
  return __builtin_cpu_supports("sse4.2");
}
#elif defined(__aarch64__)
static uint32_t crc_cpu(uint32_t crc, const unsigned char *p, size_t n) {
  crc = ~crc;
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    __asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(word));
  }
  for (; n; n--, p++) __asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"((uint32_t)*p));
  return ~crc;
}

static int crc_cpu_has(void) {
  return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}
#else
static uint32_t crc_cpu(uint32_t crc, const unsigned char *p, size_t n) {
  return journal_crc_table(crc, p, n);
}

static int crc_cpu_has(void) {
  return 0;
}
#endif

uint32_t journal_crc(uint32_t crc, const void *bytes, size_t n) {
  return crc_cpu_has() ? crc_cpu(crc, bytes, n) : journal_crc_table(crc, bytes, n);
}
