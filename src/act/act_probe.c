#include "act_probe.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "act_send.h"

struct act_probe {
  struct act_sender sender;
  struct io_loop *loop;
  struct act_http *http;
  char memo[ACT_MEMO_BYTES];
  char *why; /* of the call that goes on */
  int *status;
  enum act_judged judged;
};

struct act_probe *act_probe_open(const struct act_conf *conf, uint32_t idx, char why[ACT_WHY_BYTES]) {
  snprintf(why, ACT_WHY_BYTES, "out of memory or descriptors");
  struct act_probe *p = curl_global_init(CURL_GLOBAL_DEFAULT) == 0 ? calloc(1, sizeof *p) : NULL;
  if (!p) return NULL;
  p->loop = io_loop_open();
  p->http = p->loop ? act_http_open(p->loop) : NULL;
  bool ok = sender_open(&p->sender, conf, idx, why);
  if (ok && p->http) return p;
  act_probe_close(p);
  return NULL;
}

void act_probe_close(struct act_probe *p) {
  if (!p) return;
  act_http_close(p->http);
  io_loop_close(p->loop);
  sender_close(&p->sender);
  curl_global_cleanup();
  free(p);
}

enum act_probed act_probe_show(struct act_probe *p, enum act_event event, struct base_str incident,
                               struct base_str *body, char why[ACT_WHY_BYTES]) {
  enum sender_made made = sender_show(&p->sender, event, incident, p->memo, io_wall_now(), why);
  *body = buf_str(&p->sender.request.body);
  if (made == SENDER_NOTHING) return ACT_PROBE_NOTHING;
  return made == SENDER_MADE ? ACT_PROBE_GOOD : ACT_PROBE_BAD;
}

static void probe_answered(void *ctx, const struct act_answer *a) {
  struct act_probe *p = ctx;
  *p->status = a->status;
  p->judged = sender_judge(&p->sender, a, p->memo, p->why);
  io_loop_stop(p->loop);
}

static bool probe_write(struct act_probe *p) {
  struct base_str body = buf_str(&p->sender.request.body);
  p->judged = write(STDOUT_FILENO, body.p, body.n) == (ssize_t)body.n ? ACT_GOOD : ACT_REFUSED;
  return true;
}

static bool probe_post(struct act_probe *p) {
  if (p->sender.receiver->type == ACT_STDOUT) return probe_write(p);
  if (!act_http_post(p->http, &p->sender.request, p->sender.receiver->timeout_ns, probe_answered, p)) return false;
  io_loop_run(p->loop);
  return true;
}

enum act_probed act_probe_send(struct act_probe *p, enum act_event event, struct base_str incident, int *status,
                               char why[ACT_WHY_BYTES]) {
  *status = 0;
  p->why = why;
  p->status = status;
  enum sender_made made = sender_make(&p->sender, event, incident, p->memo, io_wall_now(), why);
  if (made == SENDER_NOTHING) return ACT_PROBE_NOTHING;
  if (made != SENDER_MADE || !probe_post(p)) return ACT_PROBE_BAD;
  if (p->judged != ACT_GOOD) return ACT_PROBE_BAD;
  snprintf(p->memo, sizeof p->memo, "%s", p->sender.memo_next);
  return ACT_PROBE_GOOD;
}
