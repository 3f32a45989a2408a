/* SPDX-License-Identifier: MIT */
/* The inside of a connection, shared by dial.c (which makes it) and conn.c (which uses it). */
#pragma once

#include "sys/loop.h"
#include "upstream/conn.h"
#include "upstream/dial.h"

#include <curl/curl.h>
#include <stdint.h>

struct conn {
    struct watch watch; /* once open: IN, OUT and RDHUP, edge-triggered, until it is closed */
    struct loop *loop;
    CURL *easy;
    const void *ssl; /* the SSL * of it, NULL without TLS */
    bool open, may_read, may_write, dead;
    bool send_failed; /* the error was told there; receiving then looks like an end */
    void (*ready)(void *owner);
    void *owner;
    struct conn_book book;
    /* Only while it is dialled. */
    struct dialer *dialer;
    struct dial_group *group;
    const struct origin *origin;
    struct list node;
    dial_done *done;
    void *context;
    unsigned long refusals_before; /* crypto_refusals() when it began */
    char error[CURL_ERROR_SIZE];   /* what libcurl says of a failure */
};

/* Takes over the descriptor of a dial that is done; false if it is of no use. */
bool conn_opened(struct conn *c) MUST_CHECK;
