/* What the files of this room share. */
#ifndef SERVE_ROOM_H
#define SERVE_ROOM_H

#include "base_json.h"
#include "serve.h"
#include "serve_list.h"
#include "serve_query.h"

#define SERVE_HEADERS_BYTES 1024u
#define SERVE_CHANGE_BYTES 8192u /* of a change as JSON; escapes can make it longer than it can usefully be */
#define SERVE_AUDIT_BYTES (SERVE_CHANGE_BYTES + 4096u)

struct serve_live {
  struct serve *serve;
  struct io_http_stream *stream; /* NULL: free */
};

struct serve {
  struct serve_conf conf;
  struct serve_live live[SERVE_STREAMS_MAX];
  unsigned live_n;
  uint64_t entries_before; /* at the last summary */
  struct serve_list changes, audit;
  uint64_t muted[LIMIT_MUTED]; /* ids; number n at n % LIMIT_MUTED */
  uint64_t muted_n;
  struct base_wall first_tick;
  struct base_buf graph; /* the last answer, and when it was made */
  struct base_wall graph_at;
  char page_headers[2][SERVE_HEADERS_BYTES], openapi_headers[2][SERVE_HEADERS_BYTES]; /* plain, gzip */
  char tag_headers[160];                                                              /* of the answer under way */
};

/* So long after the first tick whatever appears is not told as new. */
#define SERVE_MEETING_NS (60 * TIME_NS_PER_S)

/* One request on its way through. */
struct serve_call {
  struct serve *serve;
  const struct io_http_request *req;
  struct io_http_response *res;
  struct serve_query query;
  uint32_t rows; /* of the history of series that may still be read for this answer */
  char id[64];   /* the path's {id}, decoded */
  size_t id_n;
  const struct serve_token *token;                  /* it came with, NULL where none is asked for */
  char who[SERVE_WHO_BYTES + TOKEN_NAME_BYTES + 4]; /* an operator's name, as the record has it */
};

/* Answers {"error": text} with this status, instead of whatever the body held. */
void serve_fail(struct serve_call *c, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* 202, or 503 where what was sent could not be taken. */
void serve_accepted(struct serve_call *c, bool taken);
/* False, and a 400 that names it, where the query has a parameter outside the NULL-ended list. */
bool serve_query_only(struct serve_call *c, const char *const *names);

/* A number from 1 to max; absent leaves *out. False: a 400 is out. */
bool serve_query_u32(struct serve_call *c, const char *name, uint32_t max, uint32_t *out);
/* The incident of the path's {id}, or NULL and a 404. */
const struct serve_item *serve_item_of_path(struct serve_call *c);

/* Reads the contract's ENTITY strictly; false, and a 400 that names the field, where it is none. Views into obj. */
struct yyjson_val;
bool serve_entity_read(struct serve_call *c, struct yyjson_val *obj, struct rec_entity *out);
/* Likewise a change, as a pipeline sends it. */
bool serve_change_read(struct serve_call *c, struct yyjson_val *root, struct rec_change *out);

/* A number >= 0 with so many decimals (0..6), which costs a tenth of all the digits that a double has. */
void serve_fixed_json(struct base_json *j, double v, unsigned decimals);
/* "entity": {…} */
void serve_entity_json(struct base_json *j, const struct rec_entity *e);
struct rec_entity serve_series_entity(const struct rec_series *s);
/* The members of what a series does now. */
void serve_rate_json(struct base_json *j, const struct serve_rate *r);
/* The array of an incident's series, with their seconds. */
void serve_incident_series(struct serve_call *c, const struct serve_item *item);

/* {KEY: [...], "total", "next"}; the parameter `about` compares what a row is about. */
void serve_list_get(struct serve_call *c, const struct serve_list *l, const char *key, const char *about);
/* Who asked for what, and what came of it. result: "accepted", "busy" or "denied". change: what was told, as JSON,
 * where the action is that. */
void serve_audit(struct serve_call *c, const char *action, struct base_str who, struct base_str about,
                 const char *result, struct base_str change);
/* An action's word for a command. */
bool serve_verb_read(struct base_str text, enum rec_verb *out);
void serve_mute_add(struct serve *s, uint64_t id);
void serve_change_add(struct serve *s, const struct rec_change *change);
void serve_changes_tick(struct serve *s, const struct rec_tick_input *in);
void serve_live_event(struct serve *s, const char *name, struct base_str json);
void serve_live_incident(struct serve *s, struct base_str json);

void serve_incidents_get(struct serve_call *c);
void serve_incident_get(struct serve_call *c);
void serve_ack_post(struct serve_call *c);
void serve_mute_post(struct serve_call *c);
void serve_expect_post(struct serve_call *c);
void serve_audit_get(struct serve_call *c);
void serve_changes_get(struct serve_call *c);
void serve_change_post(struct serve_call *c);
void serve_graph_get(struct serve_call *c);
void serve_series_get(struct serve_call *c);
void serve_stream_get(struct serve_call *c);
void serve_status_get(struct serve_call *c);
void serve_metrics_get(struct serve_call *c);
void serve_health_get(struct serve_call *c);
void serve_ready_get(struct serve_call *c);
void serve_files_init(struct serve *s);
/* Is the tag among those of If-None-Match (RFC 9110, 13.1.2: weak comparison, or "*")? */
bool serve_tag_known(struct base_str list, const char *etag);
void serve_page_get(struct serve_call *c);
void serve_openapi_get(struct serve_call *c);

/* The summary object of one second. */
void serve_summary_json(struct serve *s, struct base_buf *out);
/* Receivers of alerts: their metrics, and the member `alerts` of the status. */
void serve_receivers_metrics(struct serve *s, struct base_buf *out);
void serve_receivers_json(struct serve *s, struct base_json *j);
void serve_scrape_metrics(struct serve *s, struct base_buf *out);
void serve_scrape_json(struct serve *s, struct base_json *j);
void serve_listeners_metrics(struct serve *s, struct base_buf *out);
void serve_listeners_json(struct serve *s, struct base_json *j);
/* JSON texts, a ',' between them and what out holds already. */
void serve_listeners_problems(struct serve *s, struct base_buf *out);
uint64_t serve_streams_open(struct serve *s);
/* Bytes resident, 0 where unknown. */
uint64_t serve_rss_bytes(void);

/* What the build put into the program (serve_embed.py): files, each plain and as gzip, with its tag, and the page's
 * policy. */
struct serve_file {
  const char *bytes, *end, *gzip, *gzip_end;
  const char *etag; /* quoted */
};
extern const struct serve_file serve_page_file, serve_openapi_file;
extern const char serve_page_policy[];

#endif
