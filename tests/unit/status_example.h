/* SPDX-License-Identifier: MIT */
/* A status as the tests of its forms make it up: one route that is ready and one that is not. */
#pragma once

#include "daemon/status.h"

#define EXAMPLE_NOW  (1000 * USEC_PER_SEC)
#define EXAMPLE_WALL (1767225600 * USEC_PER_SEC) /* 2026-01-01T00:00:00Z */

struct example {
    struct azure_error error;
    struct status_route routes[2];
    const char *names[2];
    struct credential_status credentials[2];
    struct status status;
};

static inline void example_make(struct example *e) {
    *e = (struct example){
        .error = {.failure = AZURE_REJECTED,
                  .status = 401,
                  .retry_after_s = -1,
                  .code = "invalid_client",
                  .message = "AADSTS7000215: \"x\" <b> & 'y'",
                  .trace_id = "t-1",
                  .correlation_id = "c-1"},
        .names = {"route:/a:primary", "route:/a:secondary"},
        .routes = {{.path = "/a",
                    .state = ROUTE_READY,
                    .required = true,
                    .auth = "key",
                    .scoring_uri = "https://h.example/score?code=CANARY",
                    .fingerprints = {"11111111", "22222222"},
                    .preferred = 1,
                    .revision = 7,
                    .credential_count = 2},
                   {.path = "/b",
                    .state = ROUTE_REFUSED,
                    .auth = "endpoint-token",
                    .waits_for = "identity:vm",
                    .why = REASON_token_rejected}},
        .credentials = {{.name = "identity:vm",
                         .kind = "managed",
                         .state = "rejected",
                         .refresh = USEC_NEVER,
                         .expires = USEC_NEVER,
                         .failed = 3,
                         .fingerprint = ""},
                        {.name = "route:/a:primary",
                         .kind = "key-vault",
                         .state = "usable",
                         .fetching = true,
                         .since = EXAMPLE_NOW - 61 * USEC_PER_SEC,
                         .refresh = EXAMPLE_NOW + 720 * USEC_PER_SEC,
                         .expires = EXAMPLE_NOW + 7200 * USEC_PER_SEC,
                         .refreshed = 4,
                         .failed = 1,
                         .fingerprint = "11111111"}},
    };
    e->routes[0].credentials = e->names;
    e->routes[1].error = e->credentials[0].error = &e->error;
    e->status = (struct status){.now = EXAMPLE_NOW,
                                .wall = EXAMPLE_WALL,
                                .uptime = 42 * USEC_PER_SEC,
                                .routes = e->routes,
                                .route_count = 2,
                                .credentials = e->credentials,
                                .credential_count = 2};
}
