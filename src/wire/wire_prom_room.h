/* The parts of wire_prom.h; for wire_prom*.c alone. */
#ifndef WIRE_PROM_ROOM_H
#define WIRE_PROM_ROOM_H

#include "wire_prom.h"

/* OpenMetrics' word for a unit, as OTLP has it; another stays as it is. */
struct base_str prom_unit(struct base_str word);
enum wire_status prom_text_take(struct wire_sampler *m, struct base_str bytes, bool open, struct wire_err *err);
enum wire_status prom_proto_take(struct wire_sampler *m, struct base_str bytes, struct wire_err *err);

#endif
