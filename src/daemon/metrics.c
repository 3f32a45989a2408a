/* SPDX-License-Identifier: MIT */
/* Metrics: names, units and labels as Prometheus' "Writing client libraries" wants them; those of
 * the process are called as in every client library. */
#include "daemon/metrics.h"

#include "base/utf8.h"

#include <inttypes.h>

static void head(struct buf *b, const char *name, const char *type, const char *help) {
    buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The value of a label: backslash, quote and newline are escaped, what is no UTF-8 becomes U+FFFD.
 */
static void add_label_value(struct buf *b, struct text t) {
    while (t.len) {
        uint32_t code = 0;
        size_t n = utf8_next(t, &code);
        if (n == 0)
            buf_add_string(b, "\xef\xbf\xbd");
        else if (code == '\n')
            buf_add_string(b, "\\n");
        else if (code == '"' || code == '\\')
            buf_addf(b, "\\%c", (char)code);
        else
            buf_add(b, t.at, n);
        t = text_skip(t, n ? n : 1);
    }
}

/* NAME{LABEL="VALUE" without what ends it, so that another label may follow. */
static void begin_sample(struct buf *b, const char *name, const char *label, const char *value) {
    buf_addf(b, "%s{%s=\"", name, label);
    add_label_value(b, text_of(value));
    buf_add_char(b, '"');
}

static void sample(struct buf *b, const char *name, const char *label, const char *value,
                   uint64_t number) {
    begin_sample(b, name, label, value);
    buf_addf(b, "} %" PRIu64 "\n", number);
}

static void write_expiries(struct buf *b, const struct status *s) {
    static const char name[] = "scoregate_credential_expiry_timestamp_seconds";
    head(b, name, "gauge",
         "When the credential ends, in seconds since 1970; absent if it has none.");
    for (size_t i = 0; i < s->credential_count; i++) {
        const struct credential_status *c = &s->credentials[i];
        if (c->since == 0 || c->expires == USEC_NEVER)
            continue;
        begin_sample(b, name, "credential", c->name);
        buf_addf(b, "} %.3f\n", (double)(s->wall + (c->expires - s->now)) / (double)USEC_PER_SEC);
    }
}

static void write_refreshes(struct buf *b, const struct status *s) {
    static const char name[] = "scoregate_credential_refresh_total";
    head(b, name, "counter", "How often the credential was fetched, by result.");
    for (size_t i = 0; i < s->credential_count; i++) {
        const struct credential_status *c = &s->credentials[i];
        begin_sample(b, name, "credential", c->name);
        buf_addf(b, ",result=\"success\"} %" PRIu64 "\n", c->refreshed);
        begin_sample(b, name, "credential", c->name);
        buf_addf(b, ",result=\"failure\"} %" PRIu64 "\n", c->failed);
    }
}

static void write_usable(struct buf *b, const struct status *s) {
    static const char name[] = "scoregate_credential_usable";
    head(b, name, "gauge", "Whether the credential can be used now.");
    for (size_t i = 0; i < s->credential_count; i++)
        sample(b, name, "credential", s->credentials[i].name, status_is_usable(&s->credentials[i]));
}

static void write_routes(struct buf *b, const struct status *s) {
    static const char name[] = "scoregate_route_ready";
    head(b, name, "gauge", "Whether the route has an endpoint and a credential.");
    for (size_t i = 0; i < s->route_count; i++)
        sample(b, name, "route", s->routes[i].path, s->routes[i].state == ROUTE_READY);
}

static void write_figure(struct buf *b, const char *name, const char *type, const char *help,
                         double value) {
    head(b, name, type, help);
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
    head(b, "scoregate_build_info", "gauge", "The version that runs; the value is always 1.");
    sample(b, "scoregate_build_info", "version", PACKAGE_VERSION, 1);
    write_routes(b, s);
    write_usable(b, s);
    write_expiries(b, s);
    write_refreshes(b, s);
    if (usage)
        write_usage(b, usage);
}
