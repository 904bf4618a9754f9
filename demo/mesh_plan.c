#include "mesh_plan.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesh_http.h"

static bool plan_read_route(struct mesh_plan *p, const char *line) {
  if (p->route_n == PLAN_ROUTES) return false;
  struct plan_route *r = &p->route[p->route_n];
  int n = sscanf(line, "route %31s %11s %127s %lf %lf %lf %zu", r->name, r->method, r->prefix, &r->median_ms, &r->sigma,
                 &r->error_p, &r->body_bytes);
  bool sane = r->median_ms > 0 && r->median_ms <= 10000 && r->sigma >= 0 && r->sigma <= 3 && r->error_p >= 0 &&
              r->error_p <= 1 && r->body_bytes <= HTTP_SENT_BODY_BYTES / 2;
  if (n != 7 || !sane) return false;
  p->route_n++;
  return true;
}

static bool plan_read_call(struct mesh_plan *p, const char *line) {
  if (p->route_n == 0) return false;
  struct plan_route *r = &p->route[p->route_n - 1];
  if (r->call_n == PLAN_CALLS) return false;
  struct plan_call *c = &r->call[r->call_n];
  int n = sscanf(line, "call %11s %63s %127s %zu", c->method, c->service, c->path, &c->body_bytes);
  if (n != 4 || c->body_bytes > HTTP_SENT_BODY_BYTES) return false;
  r->call_n++;
  return true;
}

static bool plan_read_line(struct mesh_plan *p, const char *line) {
  line += strspn(line, " \t");
  if (*line == '\n' || *line == '#' || *line == 0) return true;
  return strncmp(line, "route ", 6) == 0 ? plan_read_route(p, line) : plan_read_call(p, line);
}

bool plan_read(struct mesh_plan *p, const char *file, unsigned *line) {
  char text[512];
  memset(p, 0, sizeof *p);
  *line = 0;
  FILE *f = fopen(file, "re");
  if (!f) return false;
  bool good = true;
  while (good && fgets(text, sizeof text, f)) {
    ++*line;
    good = plan_read_line(p, text);
  }
  fclose(f);
  return good && p->route_n > 0;
}

const struct plan_route *plan_find(const struct mesh_plan *p, const char *method, const char *path) {
  for (size_t i = 0; i < p->route_n; i++) {
    const struct plan_route *r = &p->route[i];
    if (strcmp(r->method, method) == 0 && strncmp(r->prefix, path, strlen(r->prefix)) == 0) return r;
  }
  return NULL;
}

long plan_path_id(const char *path) {
  while (*path && !isdigit((unsigned char)*path)) path++;
  return *path ? strtol(path, NULL, 10) : -1;
}

bool plan_path_write(const char *pattern, long id, char *dst, size_t dst_bytes) {
  const char *hole = strstr(pattern, "{id}");
  int n = hole ? snprintf(dst, dst_bytes, "%.*s%ld%s", (int)(hole - pattern), pattern, id, hole + 4)
               : snprintf(dst, dst_bytes, "%s", pattern);
  return n >= 0 && (size_t)n < dst_bytes;
}
