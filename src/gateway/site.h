/* SPDX-License-Identifier: MIT */
/* An endpoint as one worker reaches it: its warm connections, and what the head of every request to
 * it begins with. A backend has one at a time; when its endpoint is replaced, the old site goes on
 * for the exchanges that are on their way there. Counted plainly: it is one thread's. */
#pragma once

#include "base/macros.h"
#include "gateway/document.h"
#include "gateway/plan.h"
#include "gateway/supply.h"
#include "upstream/pool.h"

#include <stdbool.h>

struct gateway;
struct gateway_backend;
struct gateway_route;

struct site {
    unsigned references;
    struct endpoint *endpoint;
    struct plan *plan; /* that it was made for: its pools point into it */
    struct trust *trust;
    usec_t connect_timeout;
    struct tally_slot *tally;               /* of the route that it belongs to */
    int idle;                               /* connections that it keeps warm */
    struct pool *score_pool, *swagger_pool; /* the same one if the origins are the same */
    bool swagger_same_origin;               /* the credential belongs to it, too */
    struct documents documents;             /* what it says of itself */
    char *score_lines, *swagger_lines; /* Host and the route's own fields, each ended by CRLF */
};

/* The site of BACKEND at ENDPOINT, with one reference; NULL if memory is out. */
struct site *site_new(struct gateway *gateway, const struct gateway_backend *backend,
                      struct endpoint *endpoint) MUST_CHECK;
struct site *site_ref(struct site *site);
/* With the last one the pools go: nobody may be waiting, nothing be out. NULL is fine. */
void site_unref(struct site **site);
/* After a reload: whether its connections and lines are what BACKEND would make for its endpoint;
 * if so, it can go on and belong to the new route. */
bool site_serves(const struct site *site, const struct gateway_backend *backend);
void site_belong(struct site *site, const struct gateway_route *route);
/* Another site has taken its place: closes what is idle, keeps nothing warm from now on. */
void site_retire(struct site *site);
