/* SPDX-License-Identifier: MIT */
/* Metrics: names, units and labels as Prometheus' "Writing client libraries" wants them; those of
 * the process are called as in every client library. */
#include "daemon/metrics.h"

#include "daemon/metrics_format.h"
#include "daemon/metrics_traffic.h"

#include <inttypes.h>

static void write_build(struct buf *b) {
    static const char name[] = "scoregate_build_info";
    metric_family(b, name, "gauge", "The version that runs; the value is always 1.");
    metric_begin(b, name, "");
    metric_label(b, "version", PACKAGE_VERSION);
    metric_end(b, "1");
}

static void write_ready(struct buf *b, const struct status *s) {
    static const char name[] = "scoregate_route_ready";
    metric_family(b, name, "gauge", "Whether the route has an endpoint and a credential.");
    for (size_t i = 0; i < s->route_count; i++) {
        metric_begin(b, name, "");
        metric_label(b, "route", s->routes[i].path);
        metric_end(b, "%d", s->routes[i].state == ROUTE_READY);
    }
}

static void begin_credential(struct buf *b, const char *name, const struct credential_status *c) {
    metric_begin(b, name, "");
    metric_label(b, "credential", c->name);
}

static void write_usable(struct buf *b, const struct status *s) {
    static const char name[] = "scoregate_credential_usable";
    metric_family(b, name, "gauge",
                  "Whether the credential can be used now; absent if not, and nothing depends on "
                  "it.");
    for (size_t i = 0; i < s->credential_count; i++) {
        const struct credential_status *c = &s->credentials[i];
        bool usable = status_is_usable(c);
        if (c->optional && !usable)
            continue;
        begin_credential(b, name, c);
        metric_end(b, "%d", usable);
    }
}

static void write_expiries(struct buf *b, const struct status *s) {
    static const char name[] = "scoregate_credential_expiry_timestamp_seconds";
    metric_family(b, name, "gauge",
                  "When the credential ends, in seconds since 1970; absent if it has none.");
    for (size_t i = 0; i < s->credential_count; i++) {
        const struct credential_status *c = &s->credentials[i];
        if (c->since == 0 || c->expires == USEC_NEVER)
            continue;
        begin_credential(b, name, c);
        metric_end(b, "%.3f", (double)(s->wall + (c->expires - s->now)) / (double)USEC_PER_SEC);
    }
}

static void write_refreshes(struct buf *b, const struct status *s) {
    static const char name[] = "scoregate_credential_refresh_total";
    metric_family(b, name, "counter", "How often the credential was fetched, by result.");
    for (size_t i = 0; i < s->credential_count; i++) {
        const struct credential_status *c = &s->credentials[i];
        begin_credential(b, name, c);
        metric_label(b, "result", "success");
        metric_end(b, "%" PRIu64, c->refreshed);
        begin_credential(b, name, c);
        metric_label(b, "result", "failure");
        metric_end(b, "%" PRIu64, c->failed);
    }
}

static void write_reloads(struct buf *b, const struct status *s) {
    static const char name[] = "scoregate_config_reloads_total";
    metric_family(b, name, "counter", "How often the configuration was read again, by result.");
    metric_begin(b, name, "");
    metric_label(b, "result", "success");
    metric_end(b, "%" PRIu64, s->reloads_succeeded);
    metric_begin(b, name, "");
    metric_label(b, "result", "failure");
    metric_end(b, "%" PRIu64, s->reloads_failed);
}

static void write_figure(struct buf *b, const char *name, const char *type, const char *help,
                         double value) {
    metric_family(b, name, type, help);
    buf_addf(b, "%s %.15g\n", name, value);
}

static void write_usage(struct buf *b, const struct usage *u) {
    write_figure(b, "process_cpu_seconds_total", "counter",
                 "Total user and system CPU time spent in seconds.", u->cpu_s);
    write_figure(b, "process_open_fds", "gauge", "Number of open file descriptors.",
                 (double)u->descriptors);
    write_figure(b, "process_max_fds", "gauge", "Maximum number of open file descriptors.",
                 (double)u->descriptors_max);
    write_figure(b, "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.",
                 (double)u->virtual_bytes);
    write_figure(b, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
                 (double)u->resident_bytes);
    write_figure(b, "process_start_time_seconds", "gauge",
                 "Start time of the process since unix epoch in seconds.", u->start_s);
}

void metrics_write(struct buf *b, const struct status *s, const struct usage *usage) {
    write_build(b);
    write_ready(b, s);
    metrics_write_traffic(b, s);
    write_usable(b, s);
    write_expiries(b, s);
    write_refreshes(b, s);
    write_reloads(b, s);
    if (usage)
        write_usage(b, usage);
}
