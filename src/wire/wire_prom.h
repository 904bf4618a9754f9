/* Prometheus' expositions: the bytes of one scrape -> samples (wire_sampler.h). Zero copy where nothing is escaped.
 *
 *   text         the text format 0.0.4 and 1.0.0: prometheus.io/docs/instrumenting/exposition_formats
 *   openmetrics  OpenMetrics 1.0: github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
 *   protobuf     varint-delimited io.prometheus.client.MetricFamily: github.com/prometheus/client_model
 *
 * Of both texts the lenient union is read: CRLF, no last newline, blanks anywhere between tokens, names in quotes. A
 * broken line is counted [sample_malformed] and costs no other. What differs: a timestamp is ms in one and seconds in
 * the other, and an OpenMetrics text without its `# EOF` was cut and is refused whole, as its last number may be.
 *
 * Parts of a classic histogram or summary in text stay samples of their own: _bucket, _sum and _count counters
 * (gauges of a gauge histogram), quantiles gauges. Info and state sets are gauges. `_created` samples become the
 * start_ns of those they belong to; exemplars are counted and passed over. Labels with an empty value are absent, as
 * Prometheus has it. OpenMetrics' units seconds, milliseconds, microseconds, nanoseconds, bytes and ratio are told as
 * OTLP has them (s, ms, us, ns, By, 1), others as they stand.
 *
 * A whole histogram (protobuf) comes with its buckets, native ones made explicit (wire_exp.h). */
#ifndef WIRE_PROM_H
#define WIRE_PROM_H

#include "wire_request.h"
#include "wire_sampler.h"

enum wire_prom_form { WIRE_PROM_TEXT, WIRE_PROM_OPENMETRICS, WIRE_PROM_PROTO };

/* Is this a text that ends as OpenMetrics must? */
bool wire_prom_is_openmetrics(struct base_str text);

/* The samples of one exposition, in order, each with m's common labels. WIRE_BAD: nothing, or not all of it, was
 * taken: *err tells why. Cost of text: about a ns a byte (bench samples). */
enum wire_status wire_prom_take(struct wire_sampler *m, enum wire_prom_form form, struct base_str bytes,
                                struct wire_err *err);

/* One MetricFamily, as the protobuf exposition and Envoy's metrics service have them. Views into its bytes. */
struct wire_prom_family {
  struct base_str bytes, name, unit;
  uint32_t type; /* enum wire_prom_type */
  bool deltas;   /* its counters are what they grew by: set by who knows */
};
/* False where its frame is broken. */
bool wire_prom_family_read(struct base_str bytes, struct wire_prom_family *f);
/* Its metrics, under f's name; broken ones are counted. */
void wire_prom_family_take(struct wire_sampler *m, const struct wire_prom_family *f);

#endif
