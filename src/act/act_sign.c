#include "act_sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define SIGN_KEY_BYTES 512u

/* The key's bytes in key[0..*n). */
static bool sign_key(struct base_str secret, unsigned char key[SIGN_KEY_BYTES], size_t *n) {
  static const struct base_str prefix = {"whsec_", 6};
  if (!str_starts(secret, prefix)) {
    if (secret.n == 0 || secret.n > SIGN_KEY_BYTES) return false;
    memcpy(key, secret.p, secret.n);
    *n = secret.n;
    return true;
  }
  struct base_str text = str_cut(secret, prefix.n, secret.n);
  if (text.n == 0 || text.n % 4 || text.n / 4 * 3 > SIGN_KEY_BYTES) return false;
  if (str_find(text, '=', 0) + 2 < text.n) return false;
  int got = EVP_DecodeBlock(key, (const unsigned char *)text.p, (int)text.n);
  if (got < 0) return false;
  *n = (size_t)got; /* with a zero byte for each '=' at the end */
  if (text.p[text.n - 1] == '=') --*n;
  if (text.p[text.n - 2] == '=') --*n;
  return *n > 0;
}

bool sign_mac(struct base_str key, struct base_str bytes, unsigned char mac[SIGN_MAC_BYTES]) {
  unsigned n = 0;
  return HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)bytes.p, bytes.n, mac, &n) != NULL;
}

bool sign_webhook(struct base_str secret, struct base_str id, struct base_str timestamp, struct base_str body,
                  struct base_buf *out) {
  unsigned char key[SIGN_KEY_BYTES], mac[SIGN_MAC_BYTES], text[SIGN_MAC_BYTES * 2];
  size_t key_n = 0;
  if (!sign_key(secret, key, &key_n)) return false;
  struct base_buf content = buf_open(id.n + timestamp.n + body.n + 2);
  buf_put_str(&content, id);
  buf_put_char(&content, '.');
  buf_put_str(&content, timestamp);
  buf_put_char(&content, '.');
  buf_put_str(&content, body);
  bool ok = !content.bad && sign_mac((struct base_str){(const char *)key, key_n}, buf_str(&content), mac);
  buf_fini(&content);
  if (!ok) return false;
  int n = EVP_EncodeBlock(text, mac, (int)sizeof mac);
  buf_put_str(out, STR("v1,"));
  buf_put(out, text, (size_t)n);
  return true;
}
