/* The listeners and their TLS, as metrics, in the status and in health. */
#include "serve_room.h"

static bool listener_at(struct serve *s, uint32_t i, struct serve_listener *out) {
  return s->conf.source.listener && s->conf.source.listener(s->conf.source.ctx, i, out);
}

void serve_listeners_metrics(struct serve *s, struct base_buf *out) {
  struct serve_listener l;
  bool tls = false;
  for (uint32_t i = 0; listener_at(s, i, &l); i++) tls |= l.tls;
  if (!tls) return;
  buf_put_str(out, STR("# HELP foreshock_tls_certificate_expiry_seconds end of the certificate's life, Unix time\n"
                       "# TYPE foreshock_tls_certificate_expiry_seconds gauge\n"));
  for (uint32_t i = 0; listener_at(s, i, &l); i++)
    if (l.tls)
      buf_put_f(out, "foreshock_tls_certificate_expiry_seconds{listener=\"%s\"} %lld\n", l.name,
                (long long)(l.not_after.ns / TIME_NS_PER_S));
  buf_put_str(out, STR("# HELP foreshock_tls_ok 1 unless the certificate has expired or its files cannot be used\n"
                       "# TYPE foreshock_tls_ok gauge\n"));
  for (uint32_t i = 0; listener_at(s, i, &l); i++)
    if (l.tls) buf_put_f(out, "foreshock_tls_ok{listener=\"%s\"} %d\n", l.name, l.problem == NULL);
}

static void listener_json(struct base_json *j, const struct serve_listener *l) {
  json_object(j);
  json_key_text(j, "name", l->name);
  json_key_u64(j, "port", l->port);
  json_key_u64(j, "connections", l->connections);
  json_key(j, "tls");
  json_bool(j, l->tls);
  json_key_text(j, "clients", l->clients);
  json_key(j, "certificate_not_after");
  if (l->not_after.ns)
    json_time(j, l->not_after);
  else
    json_null(j);
  json_key_text(j, "problem", l->problem);
  json_key_text(j, "refused", l->refused);
  json_close(j);
}

void serve_listeners_json(struct serve *s, struct base_json *j) {
  struct serve_listener l;
  json_key(j, "listeners");
  json_array(j);
  for (uint32_t i = 0; listener_at(s, i, &l); i++) listener_json(j, &l);
  json_close(j);
}

void serve_listeners_problems(struct serve *s, struct base_buf *out) {
  struct serve_listener l;
  for (uint32_t i = 0; listener_at(s, i, &l); i++) {
    if (!l.problem) continue;
    if (out->n) buf_put_char(out, ',');
    json_quote(out, str_of(l.problem));
  }
}
