/* SPDX-License-Identifier: MIT */
/* The agreement between whoever parses callers' requests (front/server.h) and whoever answers them
 * (the exchange, the admin pages). The front implements the caller_*() functions and calls the
 * functions of a caller_handler, all in the thread of their loop.
 *
 * Life of a request: begin(), body() as often as bytes come, end(), and at any time after begin()
 * one caller_reply(); last of all done(), after which the front forgets the request. */
#pragma once

#include "policy/access.h"
#include "policy/head.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct caller;

#define REPLY_NO_LENGTH UINT64_MAX

/* An answer. Names and values are NUL-terminated behind their length and are copied by the front.
 */
struct reply {
    unsigned status;
    const struct field_line *fields;
    size_t field_count;
    bool whole;       /* BODY is all of it: stays where it is until done() */
    struct text body; /* if whole */
    uint64_t length;  /* if not whole: of the body that pull() gives, or REPLY_NO_LENGTH */
    bool close;       /* end the caller's connection after it */
};

enum pull_result { PULL_LATER = 0, PULL_END = -1, PULL_CUT = -2 };

struct caller_handler {
    /* A new request; HEAD is checked, REFUSED says with what outcome. HEAD->fields are only valid
     * during the call, its texts until done(). Returns what the other functions get, never NULL
     * unless memory is out: then the caller's connection is closed. */
    void *(*begin)(void *context, struct caller *caller, const struct head *head,
                   enum reason refused);
    /* Bytes of its body. Returns how many were taken; the rest is offered again after
     * caller_want_body(). After caller_reply() the front drops the body itself. */
    size_t (*body)(void *request, const char *bytes, size_t n);
    /* The request is complete. */
    void (*end)(void *request);
    /* Up to N bytes of the body of a reply that is not whole: how many, or enum pull_result. After
     * PULL_LATER it is asked again when caller_body_ready() was called. */
    ssize_t (*pull)(void *request, char *into, size_t n);
    /* The request is over. ANSWERED: the reply went out as a whole. Otherwise the caller has gone
     * or was cut. */
    void (*done)(void *request, bool answered);
};

/* Answers the request, once. The front sees to callers that are still sending: what is left of a
 * body is dropped, within limits. False: out of memory, and the connection will be cut. */
bool caller_reply(struct caller *c, const struct reply *reply);
/* Body bytes may be offered again. Not heard from inside body(). */
void caller_want_body(struct caller *c);
/* pull() has something to say. */
void caller_body_ready(struct caller *c);
/* Ends the connection at once, so that the caller cannot take what it has for a whole answer. */
void caller_cut(struct caller *c);

/* Bytes that the head of a reply may have: name + value + 4 for each field. */
size_t caller_head_room(const struct caller *c);

struct caller_info {
    const struct access_list *access; /* of the listener */
    const unsigned char *address;     /* peer, 16 bytes with IPv4 mapped; NULL on a unix socket */
    const unsigned char *local;       /* the address that the connection came in on, likewise */
    int64_t uid;                      /* of a peer on a unix socket, else -1 */
};
const struct caller_info *caller_info(const struct caller *c);
