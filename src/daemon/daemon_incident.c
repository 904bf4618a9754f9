#include "daemon_incident.h"

#include "base_must.h"

void incident_text(const struct rec_incident *in, struct base_buf *out) {
  buf_clear(out);
  rec_incident_json(in, out);
  if (out->bad) return;
  MUST(out->n && out->p[out->n - 1] == '}');
  out->n--;
  buf_put_f(out, ",\"rev\":%llu}", (unsigned long long)in->rev);
}
