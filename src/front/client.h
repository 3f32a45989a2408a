/* SPDX-License-Identifier: MIT */
/* A connection of a caller and the request on it, inside front/ only.
 *
 * server.c    the daemon, its callbacks, suspending and resuming
 * head_read.c from libmicrohttpd's view of a head to a checked struct head
 * direct.c    answers written past libmicrohttpd, to callers that are still sending
 */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "front/server.h"

#include <microhttpd.h>

enum request_phase {
    REQUEST_NONE,    /* between requests */
    REQUEST_LINE,    /* the request line was read */
    REQUEST_BODY,    /* the head was handed on; the body is coming */
    REQUEST_COMPLETE /* all of it is here */
};

/* What is sent past libmicrohttpd. */
struct direct {
    bool active;
    struct buf out; /* bytes on their way */
    bool chunked, streaming, finished;
    bool pumping;   /* direct_pump() is at work */
    bool all_out;   /* the sending side is shut down */
    usec_t give_up; /* when to stop waiting for the caller to stop sending */
};

struct caller { /* the request */
    enum request_phase phase;
    void *handle; /* of the handler; NULL: none, or over */
    char *target; /* raw, as it came */
    char target_inline[256];
    size_t head_bytes;  /* of the memory per connection that the request head takes */
    uint64_t body_left; /* of the Content-Length; UINT64_MAX for chunked */
    bool has_body, expect_continue, http10, is_head;
    bool refused; /* by the check of its head */
    bool suspended, cut;
    bool replied;                  /* caller_reply() was called */
    struct MHD_Response *response; /* waits for the moment when it can be queued */
    unsigned status;
    struct direct direct;
};

struct client {
    struct watch watch; /* RDHUP; and OUT while something is written directly */
    struct timer timer;
    struct list node;
    struct server *server;
    struct MHD_Connection *connection;
    struct config *config; /* that the access list is of */
    struct caller_info info;
    unsigned char address[16], local[16];
    bool peer_closed;
    struct caller request;
};

struct server {
    struct loop *loop;
    struct server_options options;
    struct MHD_Daemon *daemon;
    struct watch watch; /* libmicrohttpd's own epoll descriptor */
    bool ready, resumed, retired, draining, old_parser;
    struct list clients;
    unsigned client_count;
    size_t pool_bytes;
    const struct server_peer *adopting;
    struct field_line *fields; /* room for a head; used within one call */
    size_t field_capacity;
    char *scratch; /* pool_bytes, used within one call */
    char date[32]; /* of this second, for answers without one */
    usec_t date_until;
};

static inline struct client *client_of(struct caller *c) {
    return container_of(c, struct client, request);
}

/* head_read.c: fills HEAD from the connection and checks it. METHOD, URL and VERSION are
 * libmicrohttpd's, in its buffer. False: out of memory. */
bool head_read(struct client *client, const char *method, const char *url, const char *version,
               struct head *head, enum reason *refused);

/* direct.c */
/* Answers past libmicrohttpd; false if that cannot even begin. */
bool direct_begin(struct client *client, const struct reply *reply);
/* Writes what can be written; asks the handler for more. */
void direct_pump(struct client *client);
/* The caller still sends: it may, for a while. */
void direct_linger(struct client *client);

/* server.c */
/* Cuts the connection. */
void client_shutdown(struct client *client);
/* Lets libmicrohttpd go on with it, if it waits. */
void client_resume(struct client *client);
/* VALUE as a C string: as it is if a NUL follows it, else copied to SCRATCH. */
const char *terminated(struct text t, char *scratch, size_t size);
/* The Date of this second (RFC 9110 section 5.6.7). */
const char *server_date(struct server *s);
