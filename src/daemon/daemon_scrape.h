/* The jobs of the list `scrape`: who the targets are (given, in files that are watched, in DNS), and the scraper over
 * them. */
#ifndef DAEMON_SCRAPE_H
#define DAEMON_SCRAPE_H

#include "daemon_conf.h"
#include "io_scrape.h"

struct scrape;

/* Reads what can be read at once: a file that cannot is a problem of its job, not of the start. NULL: out of memory or
 * descriptors, or *err is the reason. conf must outlive it. */
struct scrape *scrape_open(struct io_loop *loop, const struct conf_scrape *conf, const struct io_scrape_conf *io,
                           const char **err);
/* s may be NULL, here and below. */
void scrape_close(struct scrape *s);

struct scrape_job_state {
  const char *name;
  uint32_t targets, up, down; /* the rest was not asked yet */
  const char *problem;        /* of its files or names; NULL: none; lives until the next look at them */
};
/* False: there are fewer jobs. Costs a walk over all targets. */
bool scrape_job_at(const struct scrape *s, uint32_t i, struct scrape_job_state *out);
/* Fills at most max of the targets that are down; how many there are. */
uint32_t scrape_down(const struct scrape *s, struct io_scrape_state *out, uint32_t max);

/* Appends a target as it is asked and labelled, as "URL" NUL "{labels}" NUL. scheme and path are the job's; of label,
 * `__scheme__` and `__metrics_path__` replace those, and others that begin with "__" are dropped. False: it cannot be
 * used, and nothing is appended. */
struct sd_label;
bool scrape_target_put(const struct conf_scrape_job *job, struct base_str target, const struct sd_label *label,
                       unsigned label_n, struct base_buf *out);

#endif
