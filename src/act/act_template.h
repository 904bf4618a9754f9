/* The body of a webhook from a template: JSON in which {{PATH}} stands for a part of the incident. PATH is keys and
 * list positions with dots between them, from the incident's top ("summary", "root_causes.0.entity.service"), or one of
 *
 *   event     opened, changed, acknowledged, ended
 *   culprit   the first cause's names, "service cart, pod cart-1"
 *   link      the page's, where public_url is set
 *   incident  the whole incident
 *
 * Inside a JSON string it becomes text, escaped as the string needs; a list or object becomes its JSON, so escaped.
 * Elsewhere it becomes a JSON value. What is not there is "" or null. Everything else is sent as it stands. */
#ifndef ACT_TEMPLATE_H
#define ACT_TEMPLATE_H

#include "act_decide.h"
#include "act_view.h"

#define TEMPLATE_BYTES (64u << 10)

struct act_template;

/* Copies the text. NULL: why says what is wrong with it (an open or empty placeholder, not JSON once it is filled). */
struct act_template *template_read(struct base_str text, char why[160]);
void template_free(struct act_template *t);
void template_write(const struct act_template *t, const struct act_view *v, enum act_event event,
                    const char *public_url, struct base_buf *out);

#endif
