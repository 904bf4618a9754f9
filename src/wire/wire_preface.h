/* The line that stands before an exposition that was scraped, so that a message says by itself where it comes from:
 *
 *   # target {job="mesh",instance="10.0.0.1:15020"} text
 *
 * `text`, `openmetrics` or `protobuf` is the form of what follows the line's end; without the word it is a text, and
 * OpenMetrics where it ends as that must. Labels are written and read as in an exposition (prom_labels): escapes, names
 * in quotes where they need it. In a text the line is a comment to everybody else. */
#ifndef WIRE_PREFACE_H
#define WIRE_PREFACE_H

#include "wire_prom.h"

struct wire_preface {
  enum wire_prom_form form;
  struct base_str body; /* what follows; the whole message where it has no such line */
  bool said;            /* there is one */
};

/* Writes {job="mesh",…}. Labels with an empty value are left out. */
void wire_preface_labels(struct base_buf *out, const struct wire_label *label, uint32_t n);
/* Writes the line, its end included, with labels as they were written so. */
void wire_preface_write(struct base_buf *out, struct base_str labels, enum wire_prom_form form);

/* Reads it: its labels become m's common ones (after wire_sampler_start). `fallback` is the form of a message that says
 * none; a text may turn out to be OpenMetrics. WIRE_BAD: there is such a line, and it is broken. */
enum wire_status wire_preface_read(struct wire_sampler *m, struct base_str bytes, enum wire_prom_form fallback,
                                   struct wire_preface *out, struct wire_err *err);

#endif
