/* The submessages of AccessLogCommon: addresses, TLS, flags, and the peers in the filter state. */
#include "wire_als_read.h"

static void socket_read(struct base_str bytes, struct als_work *w, struct wire_addr *out) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_socket_address: out->ip = pb_view(&c); break;
      case TAG_socket_port_value: out->port = (uint32_t)pb_varint(&c); break;
      case TAG_socket_named_port: /* a oneof with port_value */
        out->port = 0;
        pb_skip(&c, tag);
        break;
      default: pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
}

static void pipe_read(struct base_str bytes, struct als_work *w, struct wire_addr *out) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == TAG_pipe_path) {
      out->ip = pb_view(&c);
    } else {
      pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
}

/* The three kinds are a oneof: another kind takes the place of what came before it. */
static void addr_turn(struct wire_addr *out, bool is_pipe) {
  if (out->is_pipe != is_pipe) *out = (struct wire_addr){.is_pipe = is_pipe};
}

void als_addr_read(struct base_str bytes, struct als_work *w, struct wire_addr *out) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_address_socket_address:
        addr_turn(out, false);
        socket_read(pb_view(&c), w, out);
        break;
      case TAG_address_pipe:
        addr_turn(out, true);
        pipe_read(pb_view(&c), w, out);
        break;
      case TAG_address_envoy_internal_address:
        *out = (struct wire_addr){0};
        pb_skip(&c, tag);
        break;
      default: pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
}

/* An alternative name is a oneof of URI and DNS name. */
static void san_read(struct base_str bytes, struct als_work *w, struct base_str *uri, struct base_str *dns) {
  struct wire_pb c = pb_over(bytes);
  struct base_str name = STR_NONE;
  uint32_t tag, kind = 0;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == TAG_san_uri || tag == TAG_san_dns) {
      kind = tag;
      name = pb_view(&c);
    } else {
      pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
  if (kind == TAG_san_uri && !uri->p) *uri = name;
  if (kind == TAG_san_dns && !dns->p) *dns = name;
}

struct cert {
  struct base_str uri, dns, subject, issuer;
};

static void cert_read(struct base_str bytes, struct als_work *w, struct cert *out) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_cert_subject_alt_name: san_read(pb_view(&c), w, &out->uri, &out->dns); break;
      case TAG_cert_subject: out->subject = pb_view(&c); break;
      case TAG_cert_issuer: out->issuer = pb_view(&c); break;
      default: pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
}

static void local_cert_read(struct base_str bytes, struct als_work *w, struct wire_tls *out) {
  struct cert cert = {.uri = out->local_uri};
  cert_read(bytes, w, &cert);
  out->local_uri = cert.uri;
}

static void peer_cert_read(struct base_str bytes, struct als_work *w, struct wire_tls *out) {
  struct cert cert = {out->peer_uri, out->peer_dns, out->peer_subject, out->peer_issuer};
  cert_read(bytes, w, &cert);
  out->peer_uri = cert.uri;
  out->peer_dns = cert.dns;
  out->peer_subject = cert.subject;
  out->peer_issuer = cert.issuer;
}

void als_tls_read(struct base_str bytes, struct als_work *w, struct wire_tls *out) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_tls_tls_version: out->version = (uint32_t)pb_varint(&c); break;
      case TAG_tls_tls_sni_hostname: out->sni = pb_view(&c); break;
      case TAG_tls_local_certificate_properties: local_cert_read(pb_view(&c), w, out); break;
      case TAG_tls_peer_certificate_properties: peer_cert_read(pb_view(&c), w, out); break;
      case TAG_tls_tls_session_id: out->session_id = pb_view(&c); break;
      case TAG_tls_ja3_fingerprint: out->ja3 = pb_view(&c); break;
      default: pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
}

/* All are bools but unauthorized_details, whose mere presence says it. */
void als_flags_read(struct base_str bytes, struct als_work *w, uint32_t *flags) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    uint32_t number = tag >> 3;
    if (tag == TAG_flags_unauthorized_details) {
      *flags |= WIRE_FLAG(UAEX);
      pb_skip(&c, tag);
    } else if ((tag & 7) == PB_VARINT && number > 0 && number < WIRE_FLAG_COUNT && number != WIRE_FLAG_UAEX) {
      uint32_t bit = 1u << number;
      *flags = pb_varint(&c) ? *flags | bit : *flags & ~bit;
    } else {
      pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
}

static void any_read(struct base_str bytes, struct als_work *w, struct als_any *out) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_any_type_url: out->type_url = pb_view(&c); break;
      case TAG_any_value: out->value = pb_view(&c); break;
      default: pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
}

/* The Any of a pair of filter_state_objects; the pair's key is known by now. */
static struct als_any pair_any_read(struct base_str bytes, struct als_work *w) {
  struct wire_pb c = pb_over(bytes);
  struct als_any out = {STR_NONE, STR_NONE};
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == TAG_MAP_VALUE) {
      any_read(pb_view(&c), w, &out);
    } else {
      pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
  return out;
}

/* What a BytesValue or StringValue holds; WASM filters pack their state in the former. An Any is opaque to the
 * entry's own protobuf, so a broken one is no peer, but the entry stands. */
static struct base_str any_bytes(const struct als_any *any) {
  struct base_str out = STR_NONE;
  if (!str_eq(any->type_url, STR("type.googleapis.com/google.protobuf.BytesValue")) &&
      !str_eq(any->type_url, STR("type.googleapis.com/google.protobuf.StringValue"))) {
    return out;
  }
  struct wire_pb c = pb_over(any->value);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == TAG_bytes_value) {
      out = pb_view(&c);
    } else {
      pb_skip(&c, tag);
    }
  }
  return c.reason ? STR_NONE : out;
}

static void peer_put(struct als_work *w, enum als_peer_slot slot, struct base_str pair) {
  w->peer[slot] = pair_any_read(pair, w);
  w->peers |= 1u << slot;
}

static void peer_id_put(struct als_work *w, struct base_str pair, struct base_str *out) {
  struct als_any any = pair_any_read(pair, w);
  *out = any_bytes(&any);
}

void als_peer_read(struct base_str bytes, struct als_work *w, struct wire_request *out) {
  struct base_str key = als_pair_read(bytes, w).key;
  switch (key.n) {
    case 13:
      if (str_eq(key, STR("upstream_peer"))) peer_put(w, ALS_PEER_UP, bytes);
      break;
    case 15:
      if (str_eq(key, STR("downstream_peer"))) peer_put(w, ALS_PEER_DOWN, bytes);
      break;
    case 18:
      if (str_eq(key, STR("wasm.upstream_peer"))) peer_put(w, ALS_PEER_WASM_UP, bytes);
      break;
    case 20:
      if (str_eq(key, STR("wasm.downstream_peer"))) peer_put(w, ALS_PEER_WASM_DOWN, bytes);
      break;
    case 21:
      if (str_eq(key, STR("wasm.upstream_peer_id"))) peer_id_put(w, bytes, &out->upstream_peer_id);
      break;
    case 23:
      if (str_eq(key, STR("wasm.downstream_peer_id"))) peer_id_put(w, bytes, &out->downstream_peer_id);
      break;
    default: break;
  }
}

/* True where the Any in `slot` holds a Struct: then *peer is its bytes. */
static bool peer_struct(const struct als_work *w, enum als_peer_slot slot, struct base_str *peer) {
  if (!(w->peers & (1u << slot))) return false;
  const struct als_any *any = &w->peer[slot];
  if (!str_eq(any->type_url, STR("type.googleapis.com/google.protobuf.Struct"))) return false;
  *peer = any->value.p ? any->value : (struct base_str){any->type_url.p, 0};
  return true;
}

static void peer_pick(const struct als_work *w, enum als_peer_slot now, enum als_peer_slot wasm, struct base_str *peer,
                      bool *flat) {
  if (peer_struct(w, now, peer) || peer_struct(w, wasm, peer)) return;
  if (!(w->peers & (1u << wasm))) return;
  *peer = any_bytes(&w->peer[wasm]);
  *flat = peer->p != NULL;
}

/* The newer key wins where both are there, whatever their order. */
void als_peer_settle(const struct als_work *w, struct wire_request *out) {
  peer_pick(w, ALS_PEER_UP, ALS_PEER_WASM_UP, &out->upstream_peer, &out->upstream_peer_flat);
  peer_pick(w, ALS_PEER_DOWN, ALS_PEER_WASM_DOWN, &out->downstream_peer, &out->downstream_peer_flat);
}
