/* SPDX-License-Identifier: MIT */
/* What an operator may tell the running gateway through the admin listener:
 *
 *   POST /prefer?route=/PATH&key=primary|secondary   begin with that key from now on, at every
 *                                                  backend that has the same two keys
 *   POST /renew?route=/PATH                          fetch the route's credential again; not
 *                                                  more than once in 5 s
 *
 * For a route with several backends each needs "backend=", as config_backend_find() takes it.
 *
 * Each wants "X-Scoregate: 1", which no form or link of a web page can send. */
#pragma once

#include "daemon/admin.h"
#include "policy/head.h"

struct operation {
    struct buf *answer;     /* gets the JSON if it was done */
    struct text detail;     /* for people if it was refused; empty: the reason's own */
    unsigned retry_after_s; /* of renewed_lately */
};

/* REASON_NONE if it was done. */
enum reason operate_prefer(struct admin *admin, const struct head *h, struct operation *o);
enum reason operate_renew(struct admin *admin, const struct head *h, struct operation *o);
