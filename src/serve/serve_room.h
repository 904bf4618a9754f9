/* What the files of this room share. */
#ifndef SERVE_ROOM_H
#define SERVE_ROOM_H

#include "base_json.h"
#include "serve.h"
#include "serve_query.h"

struct serve_live {
  struct serve *serve;
  struct io_http_stream *stream; /* NULL: free */
};

struct serve {
  struct serve_conf conf;
  struct serve_live live[SERVE_STREAMS_MAX];
  unsigned live_n;
  uint64_t entries_before; /* at the last summary */
};

/* One request on its way through. */
struct serve_call {
  struct serve *serve;
  const struct io_http_request *req;
  struct io_http_response *res;
  struct serve_query query;
  char id[64]; /* the path's {id}, decoded */
  size_t id_n;
};

/* Answers {"error": text} with this status, instead of whatever the body held. */
void serve_fail(struct serve_call *c, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* 202, or 503 where what was sent could not be taken. */
void serve_accepted(struct serve_call *c, bool taken);
/* False, and a 400 that names it, where the query has a parameter outside the NULL-ended list. */
bool serve_query_only(struct serve_call *c, const char *const *names);

/* Reads the contract's ENTITY strictly; false, and a 400 that names the field, where it is none. Views into obj. */
struct yyjson_val;
bool serve_entity_read(struct serve_call *c, struct yyjson_val *obj, struct rec_entity *out);

void serve_incidents_get(struct serve_call *c);
void serve_incident_get(struct serve_call *c);
void serve_ack_post(struct serve_call *c);
void serve_change_post(struct serve_call *c);
void serve_graph_get(struct serve_call *c);
void serve_series_get(struct serve_call *c);
void serve_stream_get(struct serve_call *c);
void serve_status_get(struct serve_call *c);
void serve_metrics_get(struct serve_call *c);
void serve_health_get(struct serve_call *c);
void serve_ready_get(struct serve_call *c);
void serve_page_get(struct serve_call *c);

/* The summary object of one second. */
void serve_summary_json(struct serve *s, struct base_buf *out);
/* Receivers of alerts: their metrics, and the member `alerts` of the status. */
void serve_receivers_metrics(struct serve *s, struct base_buf *out);
void serve_receivers_json(struct serve *s, struct base_json *j);
/* Bytes resident, 0 where unknown. */
uint64_t serve_rss_bytes(void);

/* The page, from serve_page.html. */
extern const unsigned char serve_page_html[];
extern const size_t serve_page_html_n;

#endif
