/* One message to one receiver, waited for: `foreshock alert test`. Nothing of it is remembered. */
#ifndef ACT_PROBE_H
#define ACT_PROBE_H

#include "act_kind.h"

struct act_probe;

/* why as of act_open. NULL: why tells. */
struct act_probe *act_probe_open(const struct act_conf *conf, uint32_t idx, char why[ACT_WHY_BYTES]);
void act_probe_close(struct act_probe *p);

enum act_probed { ACT_PROBE_GOOD, ACT_PROBE_NOTHING, ACT_PROBE_BAD };

/* The body that would be sent, with "***" for what is secret; lives until the next call. */
enum act_probed act_probe_show(struct act_probe *p, enum act_event event, struct base_str incident,
                               struct base_str *body, char why[ACT_WHY_BYTES]);
/* Sends it once. *status: of the answer, 0 for none. What it says of the message is kept for the next event. */
enum act_probed act_probe_send(struct act_probe *p, enum act_event event, struct base_str incident, int *status,
                               char why[ACT_WHY_BYTES]);

#endif
