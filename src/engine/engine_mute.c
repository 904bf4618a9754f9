/* What pages nobody: by the configuration, and by an operator's word. The engine judges a muted incident as any other;
 * whom it is told to is the shell's business. */
#include "engine_impl.h"

bool engine_muted(const struct engine *e, const struct rec_incident *in) {
  for (uint32_t i = 0; in->cause_n && i < e->mute_n; i++)
    if (rec_scope_holds(&e->mute[i], &in->cause[0].entity)) return true;
  return false;
}

static void case_mute(struct incident_head *h, struct base_str incident_id) {
  for (unsigned k = 0; k < LIMIT_INCIDENTS_OPEN; k++) {
    struct rec_incident probe = {.id_hash = h->case_[k].id_hash};
    char id[17];
    rec_incident_id(&probe, id);
    if (h->case_[k].used && str_eq(incident_id, str_of(id))) h->case_[k].dirty = 1;
  }
}

void engine_mute_take(struct engine *e, const struct rec_head_batch *in) {
  for (size_t i = 0; i < in->command_n; i++)
    if (in->command[i].verb == REC_VERB_MUTE) case_mute(&e->head, in->command[i].incident_id);
}
