/* SPDX-License-Identifier: MIT */
/* The documents in which an endpoint describes itself (swagger.json), as a site keeps them: as the
 * endpoint sent them, with what it said of their age (RFC 9111). One that is fresh is not asked
 * for; an older one is asked after with its validators. Of one thread; counted plainly. */
#pragma once

#include "base/clock.h"
#include "base/macros.h"
#include "base/text.h"
#include "policy/field.h"

#include <stdbool.h>

/* How many a site keeps: of each version that somebody asks for, one. */
#define DOCUMENTS_MAX 4
/* Larger ones are not kept. */
#define DOCUMENT_KEPT_BYTES (1024 * 1024)
/* How long one is fresh of which the endpoint does not say how long. */
#define DOCUMENT_FRESH (60 * USEC_PER_SEC)

struct document {
    unsigned references;
    char *query; /* of the request for it, "" if none */
    char *body;
    size_t length;
    char *cache_control, *etag, *last_modified; /* as the endpoint said them; NULL: it did not */
    char *shown_host, *shown;                   /* as it was shown last, and where; NULL: not yet */
    size_t shown_length;
    bool kept;    /* may be */
    usec_t born;  /* when its age was 0 */
    usec_t fresh; /* until when */
};

/* What the endpoint answered with 200 to a request with QUERY at NOW: BODY and these N LINES. NULL
 * if memory is out. */
struct document *document_new(struct text query, struct text body, const struct field_line *lines,
                              size_t n, usec_t now) MUST_CHECK;
struct document *document_ref(struct document *d);
void document_unref(struct document **d); /* NULL is fine */
/* The endpoint answered 304 with these N LINES: D is what it was. */
void document_renew(struct document *d, const struct field_line *lines, size_t n, usec_t now);

/* Remembers how D was shown at HOST, for the next caller; not if memory is out. */
void document_show(struct document *d, struct text host, struct text shown);
/* That, if it was at HOST; else {NULL, 0}. */
struct text document_shown(const struct document *d, struct text host);

struct documents {
    struct document *at[DOCUMENTS_MAX]; /* the newest first; NULL behind the last */
};

/* The one for QUERY, or NULL; without a reference of its own. */
struct document *documents_find(const struct documents *all, struct text query);
/* Keeps D if it may be kept, in place of one for the same query, or of the oldest. */
void documents_keep(struct documents *all, struct document *d);
void documents_done(struct documents *all);
