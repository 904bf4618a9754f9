#include "wire_identity.h"

static bool is_digits(struct base_str s) {
  for (size_t i = 0; i < s.n; i++)
    if (s.p[i] < '0' || s.p[i] > '9') return false;
  return s.n > 0;
}

bool wire_identity_is_ip(struct base_str h) {
  bool colon = false, v4 = h.n > 0;
  for (size_t i = 0; i < h.n; i++) {
    char c = h.p[i];
    colon |= c == ':';
    v4 &= (c >= '0' && c <= '9') || c == '.';
  }
  return v4 || colon;
}

bool wire_identity_is_loopback(struct base_str ip) {
  return str_starts(ip, STR("127.")) || str_eq(ip, STR("::1"));
}

/* The n-th label (from 0) of a name with separator sep; empty past the end. */
static struct base_str label(struct base_str s, char sep, unsigned n) {
  size_t from = 0;
  while (n--) from = str_find(s, sep, from) + 1;
  return str_cut(s, from, str_find(s, sep, from));
}

static unsigned label_count(struct base_str s, char sep) {
  unsigned n = s.n > 0;
  for (size_t i = 0; i < s.n; i++) n += s.p[i] == sep;
  return n;
}

/* svc.ns.svc[.domain] names a service of a cluster; anything else is a host of its own. */
static void target_host(struct base_str host, struct wire_target *out) {
  out->kind = WIRE_TARGET_SERVICE;
  if (label_count(host, '.') >= 3 && str_eq(label(host, '.', 2), STR("svc"))) {
    out->service = label(host, '.', 0);
    out->namespace_ = label(host, '.', 1);
  } else {
    out->service = host;
  }
}

static void target_istio(struct base_str name, struct wire_target *out) {
  struct base_str direction = label(name, '|', 0), host = label(name, '|', 3);
  if (str_eq(direction, STR("inbound"))) {
    out->kind = WIRE_TARGET_LOCAL;
  } else if (host.n) {
    out->waypoint = str_starts(direction, STR("inbound-"));
    out->outbound = str_eq(direction, STR("outbound"));
    target_host(host, out);
  }
}

/* outbound_.port_.subset_.host: the form that fits into a DNS name. */
static bool target_dns(struct base_str name, struct wire_target *out) {
  struct base_str rest = name;
  if (!str_starts(name, STR("outbound_."))) return false;
  for (int part = 0; part < 3; part++) {
    size_t at = 0;
    while (at + 1 < rest.n && !(rest.p[at] == '_' && rest.p[at + 1] == '.')) at++;
    rest = str_cut(rest, at + 2, rest.n);
  }
  if (rest.n == 0) return false;
  out->outbound = true;
  target_host(rest, out);
  return true;
}

/* [subset.]service.namespace.datacenter.internal….consul */
static bool target_consul(struct base_str name, struct wire_target *out) {
  if (!str_ends(name, STR(".consul"))) return false;
  unsigned n = label_count(name, '.'), at = 0;
  while (at < n && !str_starts(label(name, '.', at), STR("internal")) &&
         !str_starts(label(name, '.', at), STR("external")))
    at++;
  if (at == n || (at != 3 && at != 4)) return false;
  out->kind = WIRE_TARGET_SERVICE;
  out->service = label(name, '.', at - 3);
  out->namespace_ = label(name, '.', at - 2);
  out->cluster = label(name, '.', at - 1);
  return true;
}

/* httproute/<ns>/<name>/rule/<i> of Envoy Gateway, and <svc>_<ns>_svc_<port> of Kuma. */
static bool target_gateway(struct base_str name, struct wire_target *out) {
  if (label_count(name, '/') >= 5 && str_ends(label(name, '/', 0), STR("route"))) {
    out->namespace_ = label(name, '/', 1);
    out->service = label(name, '/', 2);
  } else if (label_count(name, '_') == 4 && str_eq(label(name, '_', 2), STR("svc")) && is_digits(label(name, '_', 3))) {
    out->service = label(name, '_', 0);
    out->namespace_ = label(name, '_', 1);
  } else {
    return false;
  }
  out->kind = WIRE_TARGET_SERVICE;
  return true;
}

struct base_str wire_identity_kri(struct base_str kri, unsigned n) {
  return label(kri, '_', n);
}

/* kri_msvc_…, kri_mmzsvc_… and kri_extsvc_…: Kuma's MeshService, MeshMultiZoneService and MeshExternalService. Only
 * the first is of one zone. */
static bool target_kri(struct base_str name, struct wire_target *out) {
  if (!str_starts(name, STR("kri_")) || label_count(name, '_') < 6) return false;
  out->kind = WIRE_TARGET_SERVICE;
  out->service = wire_identity_kri(name, 5);
  out->namespace_ = wire_identity_kri(name, 4);
  if (str_eq(wire_identity_kri(name, 1), STR("msvc"))) out->cluster = wire_identity_kri(name, 3);
  out->bare = out->namespace_.n == 0;
  return true;
}

static bool is_local_name(struct base_str name) {
  static const char *const local[] = {"local",         "local_app", "local_service", "local_cluster",
                                      "local-service", "local-app", "localhost",     "self_inbound"};
  for (size_t i = 0; i < sizeof local / sizeof *local; i++)
    if (str_eq(name, str_of(local[i]))) return true;
  return str_starts(name, STR("inbound")) || str_starts(name, STR("InboundPassthroughCluster")) ||
         str_starts(name, STR("self_inbound_"));
}

static void target_plain(struct base_str name, struct wire_target *out) {
  out->kind = WIRE_TARGET_SERVICE;
  unsigned labels = label_count(name, '.');
  if (labels == 2) {
    out->service = label(name, '.', 0);
    out->namespace_ = label(name, '.', 1);
  } else {
    target_host(name, out);
    out->bare = labels == 1;
  }
}

void wire_identity_target(struct base_str name, struct wire_target *out) {
  *out = (struct wire_target){0};
  if (name.n == 0) return;
  if (label_count(name, '|') == 4) {
    target_istio(name, out);
  } else if (str_starts(name, STR("PassthroughCluster")) || str_starts(name, STR("BlackHoleCluster"))) {
    out->kind = WIRE_TARGET_UNKNOWN;
    out->outbound = true;
    out->service = name;
  } else if (target_dns(name, out) || target_consul(name, out) || target_gateway(name, out) || target_kri(name, out)) {
    return;
  } else if (is_local_name(name)) {
    out->kind = WIRE_TARGET_LOCAL;
  } else {
    target_plain(name, out);
  }
}

/* host:port, [v6]:port, host. */
static struct base_str host_of(struct base_str authority, uint32_t *port) {
  struct base_str host = authority, text = STR_NONE;
  *port = 0;
  if (host.n && host.p[0] == '[') {
    size_t close = str_find(host, ']', 0);
    text = str_cut(host, close + 2, host.n);
    host = str_cut(host, 1, close);
  } else if (label_count(host, ':') == 2) {
    text = label(host, ':', 1);
    host = label(host, ':', 0);
  }
  for (size_t i = 0; i < text.n && i < 5 && is_digits(text); i++) *port = *port * 10 + (uint32_t)(text.p[i] - '0');
  return host;
}

void wire_identity_authority(struct base_str authority, struct base_str own_namespace, struct wire_target *out,
                             struct base_str *host, uint32_t *port) {
  *out = (struct wire_target){0};
  *host = host_of(authority, port);
  if (host->n == 0 || wire_identity_is_ip(*host)) return;
  target_host(*host, out);
  out->bare = label_count(*host, '.') == 1;
  if (label_count(*host, '.') == 2 && own_namespace.n && str_eq(label(*host, '.', 1), own_namespace)) {
    out->service = label(*host, '.', 0);
    out->namespace_ = own_namespace;
  }
}

bool wire_identity_host_tag(struct base_str v, struct wire_who *out) {
  *out = (struct wire_who){0};
  if (v.n == 0 || label_count(v, ';') != 5) return false;
  out->namespace_ = label(v, ';', 1);
  out->service = label(v, ';', 2);
  if (out->service.n == 0) out->service = label(v, ';', 0);
  out->version = label(v, ';', 3);
  if (out->version.n == 0) out->version = STR("latest");
  out->cluster = label(v, ';', 4);
  return out->service.n > 0;
}

bool wire_identity_spiffe(struct base_str uri, struct wire_who *out) {
  *out = (struct wire_who){0};
  if (!str_starts(uri, STR("spiffe://"))) return false;
  struct base_str path = str_cut(uri, 9, uri.n);
  if (!str_eq(label(path, '/', 1), STR("ns"))) return false;
  out->namespace_ = label(path, '/', 2);
  if (str_eq(label(path, '/', 3), STR("sa"))) {
    out->service = label(path, '/', 4);
    if (str_eq(out->service, STR("default"))) out->service = STR_NONE;
  } else if (str_eq(label(path, '/', 3), STR("dc")) && str_eq(label(path, '/', 5), STR("svc"))) {
    out->cluster = label(path, '/', 4);
    out->service = label(path, '/', 6);
  }
  return out->service.n > 0;
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool contains(struct base_str s, const char *word) {
  size_t n = strlen(word);
  for (size_t i = 0; i + n <= s.n; i++) {
    size_t k = 0;
    while (k < n && lower(s.p[i + k]) == word[k]) k++;
    if (k == n) return true;
  }
  return false;
}

enum wire_hint wire_identity_hint(struct base_str log_name) {
  if (contains(log_name, "inbound") || contains(log_name, "ingress") || contains(log_name, "server"))
    return WIRE_HINT_SERVER;
  if (contains(log_name, "outbound") || contains(log_name, "egress") || contains(log_name, "client"))
    return WIRE_HINT_CLIENT;
  return WIRE_HINT_NONE;
}

struct base_str wire_identity_tag(const struct wire_request *e, struct base_str key) {
  for (uint32_t i = 0; i < e->tag_n; i++)
    if (str_eq(e->tag[i].key, key)) return e->tag[i].value;
  return STR_NONE;
}

static void over(struct base_str *name, struct base_str value) {
  if (value.n) *name = value;
}

void wire_identity_tags(const struct wire_request *e, struct wire_who *self) {
  if (e->tag_n == 0) return;
  over(&self->pod, wire_identity_tag(e, STR("pod")));
  over(&self->namespace_, wire_identity_tag(e, STR("namespace")));
  over(&self->service, wire_identity_tag(e, STR("service")));
  over(&self->version, wire_identity_tag(e, STR("version")));
  over(&self->cluster, wire_identity_tag(e, STR("cluster")));
  over(&self->region, wire_identity_tag(e, STR("region")));
  over(&self->zone, wire_identity_tag(e, STR("zone")));
}

/* Length of the UTF-8 sequence at s[i], 0 where it is none (RFC 3629: no surrogates, no overlong forms). */
static size_t utf8_step(const unsigned char *s, size_t left) {
  unsigned char c = s[0];
  size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
  if (n == 0 || n > left) return 0;
  for (size_t k = 1; k < n; k++)
    if ((s[k] & 0xc0) != 0x80) return 0;
  if ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] >= 0xa0)) return 0;
  if ((c == 0xf0 && s[1] < 0x90) || (c == 0xf4 && s[1] >= 0x90)) return 0;
  return n;
}

bool wire_identity_is_utf8(struct base_str s) {
  size_t from = 0;
  uint64_t eight;
  for (; from + sizeof eight <= s.n; from += sizeof eight) {
    memcpy(&eight, s.p + from, sizeof eight);
    if (eight & 0x8080808080808080ull) break;
  }
  for (size_t i = from; i < s.n;) {
    size_t n = utf8_step((const unsigned char *)s.p + i, s.n - i);
    if (n == 0) return false;
    i += n;
  }
  return true;
}
