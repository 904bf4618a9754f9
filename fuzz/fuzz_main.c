/* Regression runner of a fuzz target: hands it every file of its corpus, and shorter and shorter heads of it, each
 * in an allocation of exactly its size so that a sanitizer sees any read past the end. A crash fails the test; so
 * does an empty corpus.
 *
 *   regress_NAME NAME CORPUS_DIR        prints TAP: one point for the whole corpus
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_BYTES_MAX (16u << 20)
#define HEADS 16u /* heads of an input that are tried beside the whole */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void input_try(const uint8_t *bytes, size_t n) {
  uint8_t *exact = malloc(n ? n : 1);
  if (!exact) abort();
  if (n) memcpy(exact, bytes, n);
  (void)LLVMFuzzerTestOneInput(exact, n);
  free(exact);
}

static void input_try_heads(const uint8_t *bytes, size_t n) {
  for (size_t k = 0; k < HEADS && k < n; k++) input_try(bytes, n * k / HEADS);
  input_try(bytes, n);
}

/* True where the file could be read whole; its bytes are then in *out, to be freed. */
static bool file_read(const char *path, uint8_t **out, size_t *n) {
  bool done = false;
  FILE *f = fopen(path, "rb");
  if (!f) return false;
  *out = malloc(INPUT_BYTES_MAX);
  if (*out) {
    *n = fread(*out, 1, INPUT_BYTES_MAX, f);
    done = !ferror(f) && feof(f);
    if (!done) free(*out);
  }
  (void)fclose(f);
  return done;
}

/* The number of inputs tried, or -1 where one cannot be read. */
static int corpus_try(const char *dir_path) {
  DIR *dir = opendir(dir_path);
  if (!dir) return -1;
  int tried = 0;
  for (struct dirent *d = readdir(dir); d && tried >= 0; d = readdir(dir)) {
    char path[4096];
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (d->d_name[0] == '.') continue;
    int len = snprintf(path, sizeof path, "%s/%s", dir_path, d->d_name);
    if (len < 0 || (size_t)len >= sizeof path || !file_read(path, &bytes, &n)) {
      tried = -1;
      break;
    }
    input_try_heads(bytes, n);
    free(bytes);
    tried++;
  }
  (void)closedir(dir);
  return tried;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    (void)fprintf(stderr, "usage: %s NAME CORPUS_DIR\n", argv[0]);
    return 2;
  }
  int tried = corpus_try(argv[2]);
  (void)printf("1..1\n%s 1 - corpus of %s: %d inputs\n", tried > 0 ? "ok" : "not ok", argv[1], tried);
  if (tried <= 0) (void)printf("# nothing to try, or an unreadable input, in %s\n", argv[2]);
  return tried > 0 ? 0 : 1;
}
