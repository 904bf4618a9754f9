/* A target with a planted bug, for testing the fuzzing: an input that starts with "bird" is read past its end. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const volatile uint8_t *bytes = data;
  if (size >= 4 && memcmp(data, "bird", 4) == 0) return bytes[size] == 0 ? 0 : -1;
  return 0;
}
