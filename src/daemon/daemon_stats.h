/* `foreshock stats`: what the decoder and identity understood of an input, counted entry by entry by the same code
 * that the daemon runs (wire_fold, watched).
 *
 * One JSON object: messages, entries, rejected {reason: n}, requests, requests_server, requests_client, passed_over
 * {twins, progress, own}, services {name: …}, edges […], routes […], pods {name: …}, clusters {name: …}, regions
 * {name: …}, first, last; of metrics (daemon_stats_metrics.h). Each row has requests, errors (failures of the serving
 * side), classes, codes and flags, and `reporter`: whose word it is. Servers are asked first; what no server reported
 * is taken from the callers (edges: the other way round). p50_ms and p99_ms are of requests of class ok, at most 1.6 %
 * off. */
#ifndef DAEMON_STATS_H
#define DAEMON_STATS_H

#include <stdio.h>

#include "daemon_input.h"

/* Reads all of path (`-`: standard input) and writes the object to out. Exit status: 0; 1 where the input
 * cannot be read or ends inside a message, with a line on err; what could be read was counted. */
int daemon_stats(const char *path, enum daemon_format format, FILE *out, FILE *err);

#endif
