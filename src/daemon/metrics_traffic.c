/* SPDX-License-Identifier: MIT */
/* The families of daemon/metrics_traffic.h. Requests that matched no route are told with an empty
 * one. Pairs of code and reason are there once they have occurred, all else from the beginning. */
#include "daemon/metrics_traffic.h"

#include "daemon/metrics_format.h"

#include <inttypes.h>
#include <stdio.h>

static double seconds(uint64_t usec) {
    return (double)usec / (double)USEC_PER_SEC;
}

static void begin(struct buf *b, const char *name, const char *route) {
    metric_begin(b, name, "");
    metric_label(b, "route", route);
}

/* Requests */

static void write_requests(struct buf *b, const char *route, const struct tally_sum *counts) {
    static const char name[] = "scoregate_requests_total";
    char code[16];
    for (size_t i = 0; i < counts->request_count; i++) {
        const struct tally_requests *r = &counts->requests[i];
        snprintf(code, sizeof code, "%u", r->status);
        begin(b, name, route);
        metric_label(b, "code", code);
        metric_label(b, "reason", reason_word(r->why));
        metric_end(b, "%" PRIu64, r->count);
    }
    if (counts->others == 0)
        return;
    begin(b, name, route);
    metric_label(b, "code", "other");
    metric_label(b, "reason", "other");
    metric_end(b, "%" PRIu64, counts->others);
}

static void write_all_requests(struct buf *b, const struct status *s) {
    metric_family(b, "scoregate_requests_total", "counter",
                  "Requests that are over, by the status the caller was told and why.");
    for (size_t i = 0; i < s->route_count; i++)
        write_requests(b, s->routes[i].path, &s->routes[i].counts);
    write_requests(b, "", &s->others);
}

/* Durations */

static void write_bucket(struct buf *b, const char *name, const char *route, const char *bound,
                         uint64_t count) {
    metric_begin(b, name, "_bucket");
    metric_label(b, "route", route);
    metric_label(b, "le", bound);
    metric_end(b, "%" PRIu64, count);
}

/* Each bucket counts all that are below its bound. */
static void write_histogram(struct buf *b, const char *name, const char *route,
                            const struct tally_histogram *h) {
    char bound[32];
    uint64_t below = 0;
    for (size_t i = 0; i < TALLY_BOUNDS; i++) {
        below += h->counts[i];
        snprintf(bound, sizeof bound, "%.15g", seconds((uint64_t)tally_bounds[i]));
        write_bucket(b, name, route, bound, below);
    }
    write_bucket(b, name, route, "+Inf", h->count);
    metric_begin(b, name, "_sum");
    metric_label(b, "route", route);
    metric_end(b, "%.6f", seconds(h->sum));
    metric_begin(b, name, "_count");
    metric_label(b, "route", route);
    metric_end(b, "%" PRIu64, h->count);
}

static void write_durations(struct buf *b, const struct status *s) {
    static const char whole[] = "scoregate_request_duration_seconds",
                      upstream[] = "scoregate_upstream_duration_seconds";
    metric_family(b, whole, "histogram", "How long requests took, from the head to the last byte.");
    for (size_t i = 0; i < s->route_count; i++)
        write_histogram(b, whole, s->routes[i].path, &s->routes[i].counts.duration);
    write_histogram(b, whole, "", &s->others.duration);
    metric_family(
        b, upstream, "histogram",
        "How long endpoints took from the first byte of a request to that of the answer.");
    for (size_t i = 0; i < s->route_count; i++)
        write_histogram(b, upstream, s->routes[i].path, &s->routes[i].counts.upstream);
}

/* What is going on */

static void write_gauge(struct buf *b, const struct status *s, const char *name,
                        enum tally_gauge gauge, const char *help) {
    metric_family(b, name, "gauge", help);
    for (size_t i = 0; i < s->route_count; i++) {
        begin(b, name, s->routes[i].path);
        metric_end(b, "%" PRId64, s->routes[i].counts.gauges[gauge]);
    }
}

static void write_limits(struct buf *b, const struct status *s) {
    static const char name[] = "scoregate_concurrency_limit";
    metric_family(b, name, "gauge",
                  "How many requests are let to the endpoints at once, now; 0: no limit.");
    for (size_t i = 0; i < s->route_count; i++) {
        begin(b, name, s->routes[i].path);
        metric_end(b, "%u", s->routes[i].limit);
    }
}

static void write_connections(struct buf *b, const struct status *s) {
    static const char name[] = "scoregate_upstream_connections";
    static const struct {
        const char *word;
        enum tally_gauge gauge;
    } states[] = {{"active", TALLY_ACTIVE}, {"idle", TALLY_IDLE}, {"dialling", TALLY_DIALLING}};
    metric_family(b, name, "gauge", "Connections to the endpoints, by what they do.");
    for (size_t i = 0; i < s->route_count; i++)
        for (size_t j = 0; j < ARRAY_LEN(states); j++) {
            begin(b, name, s->routes[i].path);
            metric_label(b, "state", states[j].word);
            metric_end(b, "%" PRId64, s->routes[i].counts.gauges[states[j].gauge]);
        }
}

/* Where they go */

static void write_retries(struct buf *b, const struct status *s) {
    static const char name[] = "scoregate_retries_total";
    metric_family(b, name, "counter", "How often a request was sent again, by why.");
    for (size_t i = 0; i < s->route_count; i++)
        for (unsigned j = 0; j < TALLY_RETRIES; j++) {
            begin(b, name, s->routes[i].path);
            metric_label(b, "reason", tally_retry_word((enum tally_retry)j));
            metric_end(b, "%" PRIu64, s->routes[i].counts.retries[j]);
        }
}

static void write_backends(struct buf *b, const struct status *s) {
    static const char name[] = "scoregate_backend_available";
    metric_family(b, name, "gauge",
                  "Whether the backend is ready and its breaker is closed in every worker.");
    for (size_t i = 0; i < s->route_count; i++)
        for (size_t j = 0; j < s->routes[i].backend_count; j++) {
            begin(b, name, s->routes[i].path);
            metric_label(b, "backend", s->routes[i].backends[j].name);
            metric_end(b, "%d", status_is_available(&s->routes[i].backends[j]));
        }
}

void metrics_write_traffic(struct buf *b, const struct status *s) {
    write_all_requests(b, s);
    write_durations(b, s);
    write_gauge(b, s, "scoregate_in_flight", TALLY_IN_FLIGHT, "Requests that are not over.");
    write_gauge(b, s, "scoregate_queue_depth", TALLY_QUEUED,
                "Requests of these that wait for their turn.");
    write_limits(b, s);
    write_connections(b, s);
    write_retries(b, s);
    write_backends(b, s);
}
