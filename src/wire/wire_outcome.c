#include "wire_outcome.h"

#define F(name) WIRE_FLAG(name)
#define METHOD_CONNECT 6u

#define LIT(z) \
  { (z), sizeof(z) - 1 }
static const struct base_str prober[] = {LIT("kube-probe/"),         LIT("Envoy/HC"),
                                         LIT("GoogleHC/"),           LIT("ELB-HealthChecker/"),
                                         LIT("Consul Health Check"), LIT("Amazon-Route53-Health-Check"),
                                         LIT("Linkerd-Probe"),       LIT("Azure Traffic Manager"),
                                         LIT("HAProxy/health"),      LIT("Edge Health Probe"),
                                         LIT("Load Balancer Agent"), LIT("kuma-health")};

static bool is_prober(struct base_str agent) {
  if (agent.n < 8) return false;
  for (size_t i = 0; i < sizeof prober / sizeof *prober; i++)
    if (agent.p[0] == prober[i].p[0] && str_starts(agent, prober[i])) return true;
  return false;
}

int wire_outcome_grpc(struct base_str s) {
  if (s.n == 1 && s.p[0] >= '0' && s.p[0] <= '9') return s.p[0] - '0';
  if (s.n == 2 && s.p[0] == '1' && s.p[1] >= '0' && s.p[1] <= '6') return 10 + s.p[1] - '0';
  return -1;
}

static enum rec_class of_grpc(int code) {
  static const uint8_t map[17] = {REC_CLASS_OK,           REC_CLASS_CANCELLED,      REC_CLASS_SERVER_ERROR,
                                  REC_CLASS_CLIENT_ERROR, REC_CLASS_TIMEOUT,        REC_CLASS_NOT_FOUND,
                                  REC_CLASS_CLIENT_ERROR, REC_CLASS_FORBIDDEN,      REC_CLASS_THROTTLED,
                                  REC_CLASS_CLIENT_ERROR, REC_CLASS_SERVER_ERROR,   REC_CLASS_CLIENT_ERROR,
                                  REC_CLASS_SERVER_ERROR, REC_CLASS_SERVER_ERROR,   REC_CLASS_SERVER_ERROR,
                                  REC_CLASS_SERVER_ERROR, REC_CLASS_UNAUTHENTICATED};
  return map[code];
}

static enum rec_class of_code(uint32_t code) {
  if (code < 400) return REC_CLASS_OK;
  switch (code) {
    case 401: return REC_CLASS_UNAUTHENTICATED;
    case 403: return REC_CLASS_FORBIDDEN;
    case 404: return REC_CLASS_NOT_FOUND;
    case 429: return REC_CLASS_THROTTLED;
    case 408:
    case 504: return REC_CLASS_TIMEOUT;
    case 499: return REC_CLASS_CANCELLED;
    default: return code < 500 ? REC_CLASS_CLIENT_ERROR : REC_CLASS_SERVER_ERROR;
  }
}

/* A success status that the flags contradict: the head went out, the body was cut. */
static bool is_cut(uint32_t flags, uint32_t code) {
  return code >= 200 && code < 400 && (flags & (F(UPE) | F(UT) | F(UC) | F(UR)));
}

/* What the proxy itself says went wrong. False where its flags say nothing about the outcome. */
static bool of_flags(uint32_t flags, uint32_t code, enum rec_class *out) {
  if (flags & (F(UO) | F(OM) | F(RLSE)))
    *out = REC_CLASS_OVERLOAD;
  else if (flags & F(RL))
    *out = REC_CLASS_THROTTLED;
  else if (flags & F(UAEX))
    *out = code == 401 ? REC_CLASS_UNAUTHENTICATED : REC_CLASS_FORBIDDEN;
  else if (flags & (F(UT) | F(SI) | F(DT) | F(UMSDR)))
    *out = REC_CLASS_TIMEOUT;
  else if (flags & (F(UH) | F(UF) | F(UC) | F(UR) | F(LR) | F(NC) | F(NR) | F(DF) | F(LH)))
    *out = REC_CLASS_UNREACHABLE;
  else if (flags & (F(DPE) | F(IH)))
    *out = REC_CLASS_PROTOCOL;
  else if (flags & F(UPE))
    *out = code >= 400 && code < 500 ? REC_CLASS_PROTOCOL : REC_CLASS_SERVER_ERROR;
  else if (flags & F(NFCF))
    *out = REC_CLASS_SERVER_ERROR;
  else
    return false;
  return true;
}

static bool is_long_lived(const struct wire_request *e, uint32_t code) {
  if (code >= 400) return false;
  if (code == 101 || e->method == METHOD_CONNECT || e->upgrade.n) return true;
  return str_starts(e->response_content_type, STR("text/event-stream"));
}

static enum rec_class of_tcp(uint32_t flags) {
  enum rec_class c;
  if (flags & (F(FI) | F(DI))) return REC_CLASS_INJECTED;
  if (of_flags(flags & ~F(SI) & ~F(LR), 0, &c)) return c;
  return REC_CLASS_OK;
}

enum rec_class wire_outcome(const struct wire_request *e) {
  uint32_t flags = e->flags, code = e->has_code ? e->code : 0;
  enum rec_class c;
  if (e->is_tcp) return of_tcp(flags);
  if (is_prober(e->user_agent)) return REC_CLASS_HEALTH_CHECK;
  if (flags & (F(FI) | F(DI))) return REC_CLASS_INJECTED;
  if (flags & F(RFCF)) return REC_CLASS_CACHED;
  if ((flags & F(DR)) || ((flags & F(DC)) && code == 0)) return REC_CLASS_CANCELLED;
  if (is_cut(flags, code)) return is_long_lived(e, code) ? REC_CLASS_LONG_LIVED : REC_CLASS_CUT;
  if (is_long_lived(e, code)) return REC_CLASS_LONG_LIVED;
  if (of_flags(flags, code, &c)) return c;
  int grpc = wire_outcome_grpc(e->grpc_status);
  if (grpc >= 0 && (grpc != 0 || code < 400)) return of_grpc(grpc);
  if (e->said > WIRE_SAID_FINE && code < 400)
    return e->said == WIRE_SAID_TIMEOUT ? REC_CLASS_TIMEOUT : REC_CLASS_SERVER_ERROR;
  if (e->said == WIRE_SAID_FINE && code == 0) return REC_CLASS_OK;
  if (code == 0 || ((flags & F(DC)) && code < 400)) return REC_CLASS_CANCELLED;
  return of_code(code);
}
