/* Who may ask and who may act: bearer tokens (RFC 6750) of a file, one a line:
 *
 *   NAME PERMISSION TOKEN          # a comment
 *
 * PERMISSION: read, or act, which includes read. NAME is what an action's record says. Without a file everybody who
 * reaches the listener may do both. */
#ifndef SERVE_TOKEN_H
#define SERVE_TOKEN_H

#include <stdbool.h>

#include "base_limits.h"
#include "base_str.h"

#define TOKEN_NAME_BYTES 64u
#define TOKEN_BYTES_MIN 16u /* a shorter one is refused: it could be guessed */
#define TOKEN_BYTES_MAX 256u

enum token_right { TOKEN_NONE, TOKEN_READ, TOKEN_ACT };

struct serve_token {
  char name[TOKEN_NAME_BYTES + 1], text[TOKEN_BYTES_MAX];
  size_t text_n;
  enum token_right right;
};

struct serve_tokens {
  uint32_t n;
  struct serve_token token[LIMIT_TOKENS];
};

/* False: *line has the line from 1 and *reason a static text. A name or a token may come once only. */
bool tokens_read(struct base_str text, struct serve_tokens *out, unsigned *line, const char **reason);
/* "Bearer TOKEN" to its token, or NULL. Every token is compared whole, in the same time whatever it holds. */
const struct serve_token *tokens_find(const struct serve_tokens *t, struct base_str authorization);

#endif
