/* SPDX-License-Identifier: MIT */
/* A server in a thread of the test that answers what it is told, byte for byte, over TCP or TLS. It
 * takes connections as they come and the requests on all of them one by one. */
#pragma once

#include "base/buf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum then {
    THEN_KEEP,  /* the connection */
    THEN_CLOSE, /* it, in good order */
    THEN_CUT,   /* it; of TLS without close_notify */
};

/* The nth request gets the nth of these; one beyond the last gets nothing. */
struct scripted {
    const char *answer; /* "" and THEN_KEEP: none */
    enum then then;
};

#define SERVER_CONNECTIONS 64

struct scripted_server {
    const char *address; /* to listen on; NULL: 127.0.0.1 */
    const struct scripted *script;
    size_t script_length;
    const struct buf *certificate, *key; /* PEM; NULL: no TLS */

    uint16_t port;             /* once started */
    atomic_uint request_count; /* so far */
    /* To look at once it is stopped. */
    struct buf requests; /* heads and bodies, one after the other */
    char server_name[64];
    unsigned connection_count;

    /* Its own. */
    pthread_t thread;
    int listener, stop[2];
    void *tls;
    int fds[SERVER_CONNECTIONS];
    void *ssl[SERVER_CONNECTIONS];
};

void server_start(struct scripted_server *s);
/* Ends the thread and closes what is open; may be called again. */
void server_stop(struct scripted_server *s);
/* server_stop(), and frees what was recorded. */
void server_done(struct scripted_server *s);
