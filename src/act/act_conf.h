/* A receiver of alerts, as configured. The table is the origin of the struct, the checks, and the reference page. */
#ifndef ACT_CONF_H
#define ACT_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base_limits.h"
#include "base_log.h"

/* X(NAME, text, explanation) */
#define ACT_TYPE_TABLE(X)                                                                                 \
  X(ALERTMANAGER, "alertmanager", "Prometheus Alertmanager, API v2")                                      \
  X(PAGERDUTY, "pagerduty", "PagerDuty Events API v2")                                                    \
  X(SLACK, "slack", "Slack: one message an incident with a bot token; an incoming webhook can only post") \
  X(WEBHOOK, "webhook", "any HTTP endpoint: templated JSON, signed with HMAC-SHA256")                     \
  X(OTLP, "otlp", "OpenTelemetry log records over OTLP/HTTP, as JSON")                                    \
  X(CLOUDEVENTS, "cloudevents", "CloudEvents 1.0 over HTTP, structured mode")                             \
  X(STDOUT, "stdout", "JSON lines on standard output")

enum act_type {
#define X(name, text, doc) ACT_##name,
  ACT_TYPE_TABLE(X)
#undef X
      ACT_TYPE_COUNT
};

#define ACT_TEXT_BYTES 512u
#define ACT_NAME_BYTES 64u

enum act_severity { ACT_INFO, ACT_WARNING, ACT_CRITICAL, ACT_SEVERITY_COUNT };

/* Which types a key is for: a letter each, in the order of ACT_TYPE_TABLE. */
#define ACT_FOR_ALL "apswoce"
#define ACT_FOR_HTTP "apswoc"

/* X(TYPE, name, default, min, max, unit, for, text). TYPE as in daemon_conf.h, and NAME (letters, digits, '-', '_'),
 * URL (http or https), BOOL, ACTTYPE, SEVERITY, PAIRS (NAME=VALUE, ';' between them). */
#define ACT_RECEIVER_TABLE(X)                                                                                    \
  X(NAME, name, "", 0, 63, "", ACT_FOR_ALL, "what the receiver is called, in metrics and on disk")               \
  X(ACTTYPE, type, "", 0, 63, "", ACT_FOR_ALL, "what it speaks")                                                 \
  X(URL, url, "", 0, 511, "", ACT_FOR_HTTP, "where it is; PagerDuty's and Slack's own are known")                \
  X(STRING, url_file, "", 0, 511, "", ACT_FOR_HTTP, "file that holds the URL, where the URL itself is a secret") \
  X(STRING, token_file, "", 0, 511, "", ACT_FOR_HTTP,                                                            \
    "file that holds the bearer token, PagerDuty's integration key or Slack's bot token")                        \
  X(STRING, secret_file, "", 0, 511, "", "w", "file that holds the key of the signature")                        \
  X(STRING, ca_file, "", 0, 511, "", ACT_FOR_HTTP, "certificates (PEM) to trust in place of the system's")       \
  X(STRING, channel, "", 0, 80, "", "s", "id of the channel to post in, with a bot token")                       \
  X(STRING, template_file, "", 0, 511, "", "w", "file that holds the body to send; docs/alerts.md has its form") \
  X(PAIRS, labels, "", 0, 511, "", "ao", "labels (OTLP: resource attributes) to add to each alert")              \
  X(PAIRS, severities, "critical=critical;warning=warning;info=info", 0, 511, "", "p",                           \
    "what each severity is called there: critical, error, warning or info")                                      \
  X(STRING, source, "foreshock", 1, 255, "", "pc", "who speaks: CloudEvents `source`, PagerDuty `client`")       \
  X(SEVERITY, min_severity, "info", 0, 63, "", ACT_FOR_ALL, "tell of an incident from this severity on")         \
  X(BOOL, expected, "false", 0, 5, "", ACT_FOR_ALL, "tell of expected changes, too")                             \
  X(BOOL, muted, "false", 0, 5, "", ACT_FOR_ALL, "tell of muted incidents, too")                                 \
  X(DURATION, timeout, "10s", 0.1, 300, "", ACT_FOR_HTTP, "time for one attempt")                                \
  X(DURATION, retry_for, "24h", 1, 604800, "", ACT_FOR_HTTP,                                                     \
    "a message that could not be told for so long is given up")                                                  \
  X(DURATION, update_interval, "15s", 0, 3600, "", ACT_FOR_ALL,                                                  \
    "least time between two messages of one incident, unless it gets graver or ends")                            \
  X(DURATION, resend, "60s", 1, 3600, "", "a",                                                                   \
    "alerts that fire are sent again so often; four times that is their life")

#define ACT_C_STRING(name) char name[ACT_TEXT_BYTES];
#define ACT_C_URL(name) char name[ACT_TEXT_BYTES];
#define ACT_C_PAIRS(name) char name[ACT_TEXT_BYTES];
#define ACT_C_NAME(name) char name[ACT_NAME_BYTES];
#define ACT_C_ACTTYPE(name) uint64_t name; /* enum act_type; ACT_TYPE_COUNT: none given */
#define ACT_C_SEVERITY(name) uint64_t name;
#define ACT_C_BOOL(name) uint64_t name;
#define ACT_C_DURATION(name) int64_t name##_ns;

struct act_receiver_conf {
#define X(type, name, def, min, max, unit, types, text) ACT_C_##type(name)
  ACT_RECEIVER_TABLE(X)
#undef X
};

struct act_conf {
  uint32_t receiver_n;
  struct act_receiver_conf receiver[LIMIT_RECEIVERS];
  const char *public_url; /* of the page, for links; "" for none */
  const char *version;    /* of the program */
  struct base_log log;
};

const char *act_type_text(enum act_type t);
/* The letter of a type in the column `for`. */
char act_type_letter(enum act_type t);
/* What is missing or contradictory in one receiver, or NULL. */
const char *act_receiver_wrong(const struct act_receiver_conf *c);

#endif
