/* What is HTTP's own in a log entry: the request, the response, and their headers. */
#include "wire_als_read.h"

/* Length first: most headers are told apart by it, and memcmp over a constant length is a load and a compare. */
static inline bool key_is(struct base_str key, struct base_str name) {
  return key.n == name.n && memcmp(key.p, name.p, name.n) == 0;
}

/* Envoy sends header names in lower case. */
static void request_header(struct wire_pair h, struct wire_request *out) {
  switch (h.key.n) {
    case 2:
      if (key_is(h.key, STR("b3"))) out->b3_single = h.value;
      break;
    case 7:
      if (key_is(h.key, STR("upgrade"))) out->upgrade = h.value;
      break;
    case 11:
      if (key_is(h.key, STR("traceparent"))) out->traceparent = h.value;
      break;
    case 12:
      if (key_is(h.key, STR("content-type"))) out->content_type = h.value;
      if (key_is(h.key, STR("x-b3-traceid"))) out->b3_traceid = h.value;
      break;
    default: break;
  }
}

static void response_header(struct wire_pair h, struct als_work *w, struct wire_request *out) {
  if (h.key.n == 12 && key_is(h.key, STR("content-type"))) out->response_content_type = h.value;
  if (h.key.n == 12 && key_is(h.key, STR("grpc-message"))) w->grpc_message = h.value;
  if (h.key.n == 11 && key_is(h.key, STR("grpc-status"))) w->grpc_status = h.value;
}

static void response_trailer(struct wire_pair h, struct wire_request *out) {
  if (h.key.n == 11 && key_is(h.key, STR("grpc-status"))) out->grpc_status = h.value;
  if (h.key.n == 12 && key_is(h.key, STR("grpc-message"))) out->grpc_message = h.value;
}

void als_request_read(struct base_str bytes, struct als_work *w, struct wire_request *out) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_request_request_method: out->method = (uint32_t)pb_varint(&c); break;
      case TAG_request_scheme: out->scheme = pb_view(&c); break;
      case TAG_request_authority: out->authority = pb_view(&c); break;
      case TAG_request_port: als_u32_read(pb_view(&c), w, &out->authority_port); break;
      case TAG_request_path: out->path = pb_view(&c); break;
      case TAG_request_user_agent: out->user_agent = pb_view(&c); break;
      case TAG_request_referer: out->referer = pb_view(&c); break;
      case TAG_request_forwarded_for: out->forwarded_for = pb_view(&c); break;
      case TAG_request_request_id: out->request_id = pb_view(&c); break;
      case TAG_request_original_path: out->original_path = pb_view(&c); break;
      case TAG_request_request_headers_bytes: out->request_headers_bytes = pb_varint(&c); break;
      case TAG_request_request_body_bytes: out->request_body_bytes = pb_varint(&c); break;
      case TAG_request_request_headers: request_header(als_pair_read(pb_view(&c), w), out); break;
      default: pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
}

void als_response_read(struct base_str bytes, struct als_work *w, struct wire_request *out) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case TAG_response_response_code:
        out->has_code = true;
        als_u32_read(pb_view(&c), w, &out->code);
        break;
      case TAG_response_response_headers_bytes: out->response_headers_bytes = pb_varint(&c); break;
      case TAG_response_response_body_bytes: out->response_body_bytes = pb_varint(&c); break;
      case TAG_response_response_headers: response_header(als_pair_read(pb_view(&c), w), w, out); break;
      case TAG_response_response_trailers: response_trailer(als_pair_read(pb_view(&c), w), out); break;
      case TAG_response_response_code_details: out->code_details = pb_view(&c); break;
      default: pb_skip(&c, tag);
    }
  }
  als_done(w, &c);
}
