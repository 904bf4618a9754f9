/* Signatures of webhooks as Standard Webhooks 1.0.0 (standardwebhooks.com) lays down: HMAC-SHA256 over
 * "ID.TIMESTAMP.BODY", base64. */
#ifndef ACT_SIGN_H
#define ACT_SIGN_H

#include "base_buf.h"
#include "base_str.h"

/* Appends "v1," and the base64 of the MAC. secret: "whsec_" and the key in base64; or the key itself. False: the base64
 * is none, the key is empty, or out of memory. */
bool sign_webhook(struct base_str secret, struct base_str id, struct base_str timestamp, struct base_str body,
                  struct base_buf *out);

/* The MAC alone, of bytes under a key as it is. False: out of memory. */
#define SIGN_MAC_BYTES 32u
bool sign_mac(struct base_str key, struct base_str bytes, unsigned char mac[SIGN_MAC_BYTES]);

#endif
