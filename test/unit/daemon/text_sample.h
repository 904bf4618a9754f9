/* What a writer of texts for people makes of a JSON document. */
#ifndef TEXT_SAMPLE_H
#define TEXT_SAMPLE_H

#include <yyjson.h>

#include "daemon_text.h"

/* t gives width, colour and ascii. The text is NUL-terminated and stands until the next call. MUST: the JSON is sound
 * and the text fits. */
const char *sample_text(void (*write)(struct text *t, struct yyjson_val *v), const char *json, struct text t);

#endif
