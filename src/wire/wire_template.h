/* Log lines as evidence: of each service's lines of severity ERROR and FATAL, how many a second, which templates they
 * are of, and which of these it never logged before (docs/detectors/log.md). They become gauges.
 *
 * A template is what is alike in lines: words, and wildcards where they differ. It is found as Drain does (He et al.
 * 2017), by a tree of fixed depth: service, number of words, first word; below it the template that has most words in
 * common with the line, half of them at least. Words with a digit in them are wildcards from the start. Deterministic;
 * one block of memory; every table bounded. */
#ifndef WIRE_TEMPLATE_H
#define WIRE_TEMPLATE_H

#include "wire_gauge.h"
#include "wire_identity.h"

#define WIRE_TEMPLATE_SERVICES 1024u /* more are not told apart, but counted [log_service_limit] */
#define WIRE_TEMPLATES 8192u         /* of all services together, and */
#define WIRE_TEMPLATES_SERVICE 64u   /* of one; a line of one more is counted, not told apart [log_template_limit] */
#define WIRE_TEMPLATE_WORDS 32u      /* of a line; what follows is not looked at */
#define WIRE_TEMPLATE_BYTES 240u     /* likewise */
#define WIRE_TEMPLATE_IDLE_TICKS (3600ull * LIMIT_TICKS_PER_S) /* forgotten after an hour; may be seen as new again */
#define WIRE_TEMPLATE_YOUNG_TICKS (300ull * LIMIT_TICKS_PER_S) /* of a service: until then all of its lines are new */
#define WIRE_TEMPLATE_NOVEL \
  3.0 /* nats: a template that was to be expected more often than once in 20 lines is no news */

struct wire_templates;

size_t wire_templates_bytes(void);
/* mem: zeroed, aligned to 64. counter: of enum rec_counter, counted up. */
struct wire_templates *wire_templates_init(void *mem, struct base_hash_key key, uint64_t *counter);

/* A line of a service (namespace_, service) with its text; error: of severity ERROR or FATAL. Gives the number of its
 * template, or 0: none. Cost: a hash of its words, a comparison with each template of its leaf. */
uint32_t wire_template_take(struct wire_templates *t, const struct wire_who *who, struct base_str line, bool error);
/* The template as text: words, and <*> for wildcards; views into mem. */
struct base_str wire_template_text(const struct wire_templates *t, uint32_t number, char mem[LIMIT_NAME_BYTES]);

/* The tick that ends at end_ns closes: new templates at once, counts once a second, to the gauges. */
void wire_template_close(struct wire_templates *t, struct wire_gauges *g, uint64_t tick, int64_t end_ns);

/* A line as it may be quoted: at most LIMIT_LOG_LINE_BYTES, whole characters, control characters as \n and \x1b, what
 * is no UTF-8 as ?. */
struct base_str wire_template_quote(struct base_str line, char mem[LIMIT_LOG_LINE_BYTES]);

#endif
