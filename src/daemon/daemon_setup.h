/* From the command line to a configuration and a line, shared by run, replay and record. */
#ifndef DAEMON_SETUP_H
#define DAEMON_SETUP_H

#include "daemon_conf.h"
#include "daemon_option.h"
#include "daemon_receiver.h"
#include "daemon_scrape.h"
#include "engine.h"
#include "serve_token.h"

/* Reads --config, then each --set; the options table must have both. False: one clear line was said. */
bool setup_conf(struct daemon_conf *conf, const struct option_set *o);
/* conf->threads, or one a core where that is 0. */
unsigned setup_threads(const struct daemon_conf *conf);
/* What of it the engine is made by; views into conf. */
struct engine_conf setup_engine(const struct daemon_conf *conf);

/* A hash of all that the meaning of a log depends on but the log: this program, and what the engine is made by. Equal
 * hashes, equal answers. */
uint64_t setup_engine_hash(const struct daemon_conf *conf);

/* The HTTP receiver; views into conf. */
struct io_server_conf setup_http(const struct daemon_conf *conf, struct receiver *r, struct io_tls *tls,
                                 uint64_t *counters);
/* As many descriptors as the system lets this process have; the listeners' and scraper's limits want many. */
void setup_descriptors(void);
/* The scraper, its expositions given to the receiver. *out is NULL where nothing is to be scraped. False: one clear
 * line was said. */
bool setup_scrape(const struct daemon_conf *conf, struct io_loop *l, struct receiver *r, uint64_t *counters,
                  struct scrape **out);
/* Reads the API's file of tokens. False: one clear line was said. */
bool setup_tokens(const char *path, struct serve_tokens *out);

#endif
