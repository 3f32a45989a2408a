/* SPDX-License-Identifier: MIT */
/* A status as the tests of its forms make it up: one route that is ready, by one of its two
 * backends, and one that is not. */
#pragma once

#include "daemon/status.h"

#define EXAMPLE_NOW  (1000 * USEC_PER_SEC)
#define EXAMPLE_WALL (1767225600 * USEC_PER_SEC) /* 2026-01-01T00:00:00Z */

struct example {
    struct azure_error error;
    struct status_backend backends[3]; /* two of the first route */
    struct status_route routes[2];
    const char *names[2];
    char backend_names[3][32];
    struct credential_status credentials[2];
    struct status status;
};

/* What a busy route has met. */
static inline void example_count(struct tally_sum *counts) {
    *counts = (struct tally_sum){
        .requests = {{0, REASON_caller_gone, 1},
                     {200, REASON_answered, 90},
                     {500, REASON_answered, 4},
                     {502, REASON_dns_error, 1},
                     {502, REASON_connection_refused, 2},
                     {503, REASON_no_credential, 9},
                     {504, REASON_connect_timeout, 3}},
        .request_count = 7,
        .others = 5,
        .duration = {.counts = {[0] = 10, [3] = 90, [TALLY_BOUNDS] = 15},
                     .count = 115,
                     .sum = 4000500},
        .upstream = {.counts = {[3] = 94}, .count = 94, .sum = 940000},
        .retries = {[TALLY_RETRY_CONNECTION] = 6, [TALLY_RETRY_NOT_READY] = 1},
        .gauges = {[TALLY_IN_FLIGHT] = 12,
                   [TALLY_QUEUED] = 8,
                   [TALLY_ACTIVE] = 3,
                   [TALLY_IDLE] = 2,
                   [TALLY_DIALLING] = 1},
    };
}

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
        .backend_names = {"h.example/blue", "i.example", "named"},
        .backends = {{.name = e->backend_names[0],
                      .state = ROUTE_READY,
                      .auth = "key",
                      .scoring_uri = "https://h.example/score?code=CANARY",
                      .deployment = "blue",
                      .weight = 3,
                      .limit = 20,
                      .fingerprints = {"11111111", "22222222"},
                      .preferred = 1,
                      .revision = 7,
                      .credentials = e->names,
                      .credential_count = 2},
                     {.name = e->backend_names[1],
                      .state = ROUTE_WAITING,
                      .breaker = TALLY_OPEN,
                      .auth = "key",
                      .scoring_uri = "https://i.example/score",
                      .weight = 1,
                      .priority = 1},
                     {.name = e->backend_names[2],
                      .state = ROUTE_REFUSED,
                      .auth = "endpoint-token",
                      .weight = 1,
                      .waits_for = "identity:vm",
                      .why = REASON_token_rejected,
                      .error = &e->error}},
        .routes = {{.path = "/a",
                    .state = ROUTE_READY,
                    .required = true,
                    .limit = 24,
                    .backends = &e->backends[0],
                    .backend_count = 2},
                   {.path = "/b",
                    .state = ROUTE_REFUSED,
                    .backends = &e->backends[2],
                    .backend_count = 1}},
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
    e->credentials[0].error = &e->error;
    example_count(&e->routes[0].counts);
    e->status = (struct status){.now = EXAMPLE_NOW,
                                .wall = EXAMPLE_WALL,
                                .uptime = 42 * USEC_PER_SEC,
                                .reloads_succeeded = 2,
                                .reloads_failed = 1,
                                .routes = e->routes,
                                .route_count = 2,
                                .credentials = e->credentials,
                                .credential_count = 2};
}
