/* Incidents that come out of a toy mesh with a known fault: who is named, who is not, when, and how much. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>

#include "mesh_make.h"

int main(void) {
  struct mesh m;
  struct mesh_call call[] = {{0, 1, 1.0}, {1, 2, 1.0}, {2, 3, 1.0}, {3, 4, 1.0}, {4, 5, 1.0}};
  struct mesh_conf conf = {.service_n = 6, .cluster_n = 2, .pod_n = 2, .route_n = 2, .version_n = 1, .call = call, .call_n = 5, .entry_per_s = 40, .error_p = 0.001, .seed = 1};
  mesh_open(&m, &conf);
  struct engine *e = mesh_engine_open(4096);
  struct mesh_fault f = MESH_FAULT(960, 1040);
  f.service = 4; f.fail_p = 0.5; 
  mesh_fault(&m, f);
  mesh_run(&m, e, 1300);
  for (uint32_t i = 0; i < m.seen_n; i++) {
    static char text[65536];
    struct base_buf b = buf_over(text, sizeof text - 1);
    rec_incident_json(&m.seen[i].in, &b);
    text[b.n] = 0;
    printf("%s\n", text);
  }
  printf("series %u\n", m.series_n);
  mesh_engine_close(e);
  mesh_close(&m);
  return 0;
}
