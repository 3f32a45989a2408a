/* SPDX-License-Identifier: MIT */
/* An HTTP/1 server on a loop: libmicrohttpd parses, this folder distrusts it. It has no listening
 * socket; connections are handed to it. Workers' requests and the admin listener alike.
 *
 * Every wait is done with the connection suspended, so that libmicrohttpd never spins. A caller
 * that closes its sending side counts as gone, as with nginx. */
#pragma once

#include "base/macros.h"
#include "config/config.h"
#include "gateway/caller.h"
#include "sys/loop.h"

#include <stdbool.h>
#include <sys/socket.h>

struct server;

struct server_options {
    unsigned max_connections;
    unsigned header_bytes; /* limit of a request head; the memory per connection follows it */
    usec_t header_timeout; /* from accepting to the end of the first head */
    usec_t idle_timeout;   /* between requests, and between bytes of an answer that is sent */
    const struct caller_handler *handler;
    void *context; /* of handler->begin() */
};

struct server *server_new(struct loop *loop, const struct server_options *options) MUST_CHECK;
/* Cuts what is still open: every request's done() is called. */
void server_free(struct server **server);

/* Where a connection came from. ACCESS is of CONFIG, to which the connection takes a reference. */
struct server_peer {
    struct config *config;
    const struct access_list *access;
    struct sockaddr_storage address;
    socklen_t address_len;
};

/* Takes over FD, connected and non-blocking; closes it on failure. */
bool server_adopt(struct server *s, int fd, const struct server_peer *peer);
/* Whether libmicrohttpd has something to do: do not sleep. */
bool server_is_due(const struct server *s);
/* Lets it work on what is ready or was resumed, for a while; whenever server_is_due(). */
void server_run(struct server *s);
unsigned server_connections(const struct server *s);
/* The timeouts of the options, from now on: waits that have begun end as they would have. */
void server_set_timeouts(struct server *s, usec_t header_timeout, usec_t idle_timeout);
/* From now on every connection ends after its next answer; those that carry no request stay until
 * the next one comes or they have been idle for too long. */
void server_retire(struct server *s);
/* From now on every connection ends after its answer; those that carry no request, in a moment. */
void server_drain(struct server *s);
