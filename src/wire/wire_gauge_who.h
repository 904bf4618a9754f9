/* Whose a sample of a gauge is, and what of them: labels in, an entity out. The rules are those of
 * docs/reference-identity.md, as far as labels tell; a pod that requests were seen of keeps the names that they gave
 * it. */
#ifndef WIRE_GAUGE_WHO_H
#define WIRE_GAUGE_WHO_H

#include "base_hash.h"
#include "rec_gauge.h"
#include "wire_identity.h"
#include "wire_sample.h"

/* One row of the table. */
struct wire_gauge_kind {
  const char *name;
  uint8_t how, unit, role, bad;
  const char *part;
};
enum wire_gauge_how { WIRE_GAUGE_VALUE, WIRE_GAUGE_RATE, WIRE_GAUGE_GROWTH };

/* What a name says: the row, how it is shown, and what stands inside the name (the cluster of a dotted name of
 * Envoy's). */
struct wire_gauge_name {
  const struct wire_gauge_kind *kind; /* NULL: of no row */
  struct base_str shown, inside;
  bool upstream; /* of the calls to a cluster */
};

#define WIRE_GAUGE_ROWS 256u
#define WIRE_GAUGE_LABELS 128u

/* A label of the table of who, and its place in its row. */
struct wire_gauge_label {
  struct base_str text;
  uint8_t field, place;
};

/* The tables' words by their hashes. */
struct wire_gauge_words {
  uint16_t row[2 * WIRE_GAUGE_ROWS];    /* 1 + row, 0 none */
  uint8_t label[2 * WIRE_GAUGE_LABELS]; /* 1 + label, 0 none */
  struct wire_gauge_label known[WIRE_GAUGE_LABELS];
  uint32_t known_n;
};
void wire_gauge_words_init(struct wire_gauge_words *w);
void wire_gauge_labels_init(struct wire_gauge_words *w); /* its labels alone */
/* Cost: a hash of the name, three more for Envoy's dotted ones. Views into the name and the table. */
struct wire_gauge_name wire_gauge_name_read(const struct wire_gauge_words *w, struct base_str name);

/* Pods by name, as the series of requests have them. Least recently told of goes. */
#define WIRE_GAUGE_PODS 16384u
#define WIRE_GAUGE_POD_WAYS 4u
#define WIRE_GAUGE_POD_BYTES 224u
struct wire_gauge_pod {
  uint64_t hash;
  uint64_t told; /* larger is later */
  uint8_t pod_n, namespace_n, service_n, cluster_n;
  char text[WIRE_GAUGE_POD_BYTES];
};
#define WIRE_GAUGE_EDGES 65536u
struct wire_gauge_pods {
  struct base_hash_key key;
  uint64_t told;
  struct wire_gauge_pod pod[WIRE_GAUGE_PODS];
  uint64_t edge[WIRE_GAUGE_EDGES]; /* who calls whom, by hashes: a sidecar has clusters for all, and calls few */
};
/* Names that are too long together are not learned. */
void wire_gauge_pods_learn(struct wire_gauge_pods *p, const struct rec_series *pod);
void wire_gauge_edges_learn(struct wire_gauge_pods *p, const struct base_str dim[REC_DIM_COUNT]);

/* Over what is said of a pod, the names that its series have. */
void wire_gauge_pods_name(struct wire_gauge_pods *p, struct wire_who *who);

/* Fills dim and part of *out; part may point into part_mem. False: nobody is told. */
#define WIRE_GAUGE_PART_BYTES LIMIT_NAME_BYTES
bool wire_gauge_who(const struct wire_gauge_words *w, struct wire_gauge_pods *p, const struct wire_sample *s,
                    const struct wire_gauge_name *name, char part_mem[WIRE_GAUGE_PART_BYTES], struct rec_gauge *out);

#endif
