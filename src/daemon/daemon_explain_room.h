/* What the files of explain share: reading members, and putting times, spans, entities and measures into words. */
#ifndef DAEMON_EXPLAIN_ROOM_H
#define DAEMON_EXPLAIN_ROOM_H

#include "base_time.h"
#include "daemon_explain.h"

#define EXPLAIN_LINE_BYTES 4096u

/* A paragraph that is put together before it is wrapped. */
struct explain_words {
  char bytes[EXPLAIN_LINE_BYTES];
  struct base_buf buf;
};
struct base_buf *explain_words_new(struct explain_words *w);

/* STR_NONE, 0 where there is no such member or it is of another type. */
struct base_str explain_str(struct yyjson_val *obj, const char *key);
uint64_t explain_u64(struct yyjson_val *obj, const char *key);
double explain_num(struct yyjson_val *obj, const char *key);
bool explain_has_num(struct yyjson_val *obj, const char *key);

/* "2026-03-02 09:00:00 UTC" of an RFC 3339 text in UTC. */
void explain_put_time(struct base_buf *out, struct base_str rfc3339);
/* "09:00:00" and the fraction where it is not 0, of the same. */
void explain_put_clock(struct base_buf *out, struct base_str rfc3339);
/* "12.5 s", "3 min", "4.2 h" */
void explain_put_span(struct base_buf *out, double s);
/* "caller -> service, pod p, version v, route r, cluster c, region r" */
void explain_put_entity(struct base_buf *out, struct yyjson_val *e);

/* v to so many significant digits, without an exponent, zeros at the end or a minus before 0; thousands are parted by
 * commas. |v| < 1e15. */
void explain_put_number(struct base_buf *out, double v, int digits);

/* How values of one of the record's units are shown; `scale` times the value is the number before `text`. */
struct explain_scale {
  double scale;
  const char *text; /* with its space: " ms", " %", "/s" */
};
/* That which suits a value. An unknown unit is shown as it is. */
struct explain_scale explain_scale_of(struct base_str unit, double value, bool ascii);
void explain_put_measure(struct base_buf *out, double value, struct explain_scale scale);

enum text_colour explain_colour(struct yyjson_val *incident);

/* The paragraph of the incident's finding; nothing where it has none. */
void explain_finding(struct text *t, struct yyjson_val *incident);
/* The plot of the incident's finding; nothing where it has none or where no point has a value. */
void explain_plot(struct text *t, struct yyjson_val *incident);

/* The table of the incident's time by place; nothing where it has none. */
void explain_time(struct text *t, struct yyjson_val *incident);

/* The lines of the incident's gauges; nothing where it has none. */
void explain_gauges(struct text *t, struct yyjson_val *incident);

#endif
