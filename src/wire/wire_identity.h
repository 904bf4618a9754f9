/* Who is who, from what a proxy says of itself, of its peers and of its upstream. Pure text functions: views in,
 * views out, nothing is kept. What needs memory (addresses, the last known place of a destination) is in
 * wire_identity_node.h; the order in which all of it is asked in wire_fold_resolve.c and, for people, in
 * docs/reference-identity.md. */
#ifndef WIRE_IDENTITY_H
#define WIRE_IDENTITY_H

#include <stdbool.h>

#include "base_str.h"
#include "wire_als.h"

/* One workload instance by its names; what is not known is empty. */
struct wire_who {
  struct base_str namespace_, service, version, cluster, region, zone, pod;
};

enum wire_kind { WIRE_KIND_PLAIN, WIRE_KIND_SIDECAR, WIRE_KIND_ROUTER, WIRE_KIND_WAYPOINT };

/* Whose report a log is, where its name tells. */
enum wire_hint { WIRE_HINT_NONE, WIRE_HINT_SERVER, WIRE_HINT_CLIENT };

#define WIRE_SELF_IPS 4u

struct wire_self {
  struct wire_who who;
  enum wire_kind kind;
  struct base_str ip[WIRE_SELF_IPS]; /* of the pod, as the proxy says */
  uint32_t ip_n;
  bool intercepts; /* traffic is redirected, so that a listener at the own address is an inbound one */
};

/* A reporting proxy by its node. */
void wire_identity_self(const struct wire_node *node, struct wire_self *out);

/* A reporter by attributes (of an OTLP resource, and of what it holds): a proxy names its node, an application itself.
 * What is not said is empty. */
#define WIRE_REPORTER_NAMES(X)                                                                                       \
  X(node_id)                                                                                                         \
  X(node_cluster) X(service) X(namespace_) X(version) X(pod) X(cluster) X(region) X(zone) X(ip) X(canonical_service) \
      X(canonical_revision) X(kuma_mesh) X(kuma_workload)
struct wire_reporter {
  bool is_proxy;
  struct base_str node_id, node_cluster;             /* of a proxy; the cluster may be `service.namespace` */
  struct base_str service, namespace_, version, pod; /* as they are */
  struct base_str cluster, region, zone, ip;
  struct base_str canonical_service, canonical_revision; /* Istio's */
  struct base_str kuma_mesh, kuma_workload;              /* Kuma's resource identifier (KRI) of the workload */
};
void wire_identity_reporter(const struct wire_reporter *r, struct wire_self *out);
enum wire_hint wire_identity_hint(struct base_str log_name);

/* What the name of an upstream cluster says. */
enum wire_target_kind {
  WIRE_TARGET_NONE,    /* empty */
  WIRE_TARGET_LOCAL,   /* the application behind this proxy */
  WIRE_TARGET_SERVICE, /* names a service */
  WIRE_TARGET_UNKNOWN  /* PassthroughCluster, BlackHoleCluster: the authority has to say */
};

struct wire_target {
  enum wire_target_kind kind;
  bool bare;     /* a name without any namespace: most likely the reporter's own */
  bool waypoint; /* inbound-vip and inbound-pod of a waypoint */
  bool outbound; /* says itself that it is one */
  struct base_str service, namespace_, cluster;
};

/* Part n (from 0) of a Kuma resource identifier, kri_<type>_<mesh>_<zone>_<namespace>_<name>_<section>. */
struct base_str wire_identity_kri(struct base_str kri, unsigned n);

void wire_identity_target(struct base_str upstream_cluster, struct wire_target *out);

/* A destination by the authority of a request: `svc.ns.svc.…` and `svc.<own namespace>` and a bare name are
 * services of the mesh, another host is a service of its own, without a namespace. WIRE_TARGET_NONE where it is an
 * address; *host is the authority without its port then. */
void wire_identity_authority(struct base_str authority, struct base_str own_namespace, struct wire_target *out,
                             struct base_str *host, uint32_t *port);

/* A peer's Struct as Istio writes it. False where it names nobody. */
bool wire_identity_peer(struct base_str raw, struct wire_who *out);
/* `workload;namespace;canonical-service;canonical-revision;cluster-id` of a host's metadata. False where it is not
 * that. */
bool wire_identity_host_tag(struct base_str value, struct wire_who *out);
/* spiffe://<domain>/ns/<ns>/sa/<sa> and spiffe://<domain>/ns/<ns>/dc/<dc>/svc/<svc>. The service account stands in
 * for the service, except where it is `default`. False where it names nobody. */
bool wire_identity_spiffe(struct base_str uri, struct wire_who *out);

/* The reporter's own names in the custom tags of a plain Envoy's entry, over what the node says. */
void wire_identity_tags(const struct wire_request *e, struct wire_who *self);
/* A tag's value; empty where absent. */
struct base_str wire_identity_tag(const struct wire_request *e, struct base_str key);

bool wire_identity_is_ip(struct base_str host);
bool wire_identity_is_loopback(struct base_str ip);
bool wire_identity_is_utf8(struct base_str s);

#endif
