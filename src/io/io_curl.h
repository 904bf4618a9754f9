/* Inside of rooms io and act: libcurl's transfers on our loop, many at once, by its multi interface. What a transfer
 * asks for is set on its handle by who makes it. */
#ifndef IO_CURL_H
#define IO_CURL_H

#include <curl/curl.h>
#include <stdbool.h>

#include "io_loop.h"

struct io_curl;

/* A transfer is over; private_ is the handle's CURLOPT_PRIVATE. It is no longer the loop's: it may be added again. */
typedef void (*io_curl_done)(void *private_, CURL *easy, CURLcode code);

/* The loop must outlive it. idle_max: connections kept open between transfers. NULL: out of memory or descriptors. */
struct io_curl *io_curl_open(struct io_loop *loop, long idle_max, io_curl_done done);
/* Handles that were added must have been dropped. c may be NULL. */
void io_curl_close(struct io_curl *c);
/* Begins a transfer. False: it could not be; done is not called. */
bool io_curl_add(struct io_curl *c, CURL *easy);
/* Breaks one off; done is not called. */
void io_curl_drop(struct io_curl *c, CURL *easy);

#endif
