/* SPDX-License-Identifier: MIT */
/* The JSON of /status. */
#include "base/json.h"
#include "config/uri.h"
#include "daemon/status.h"

#include <inttypes.h>
#include <time.h>

#define URI_MAX (64 * 1024)

/* Appends NAME with its colon, after a comma unless it is the first member. */
static void member(struct buf *b, const char *name) {
    if (b->len && b->at[b->len - 1] != '{')
        buf_add_char(b, ',');
    json_add_string(b, text_of(name));
    buf_add_char(b, ':');
}

static void member_text(struct buf *b, const char *name, const char *text) {
    member(b, name);
    if (text && text[0])
        json_add_string(b, text_of(text));
    else
        buf_add_string(b, "null");
}

static void member_number(struct buf *b, const char *name, uint64_t number) {
    member(b, name);
    buf_add_u64(b, number);
}

static void member_gauge(struct buf *b, const char *name, int64_t number) {
    member(b, name);
    buf_addf(b, "%" PRId64, number);
}

/* null: there is none. */
static void member_limit(struct buf *b, unsigned limit) {
    member(b, "limit");
    if (limit)
        buf_add_u64(b, limit);
    else
        buf_add_string(b, "null");
}

static void member_bool(struct buf *b, const char *name, bool yes) {
    member(b, name);
    buf_add_string(b, yes ? "true" : "false");
}

/* Whole seconds, which may be negative; null unless KNOWN. */
static void member_seconds(struct buf *b, const char *name, bool known, usec_t span) {
    member(b, name);
    if (known)
        buf_addf(b, "%lld", (long long)(span / USEC_PER_SEC));
    else
        buf_add_string(b, "null");
}

/* RFC 3339, in UTC. */
static void member_time(struct buf *b, const char *name, bool known, usec_t wall) {
    char text[32];
    struct tm tm;
    time_t seconds = (time_t)(wall / USEC_PER_SEC);
    bool told = known && gmtime_r(&seconds, &tm) &&
                strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0;
    member_text(b, name, told ? text : NULL);
}

static void member_error(struct buf *b, const char *name, const struct azure_error *e) {
    member(b, name);
    if (!e) {
        buf_add_string(b, "null");
        return;
    }
    buf_add_char(b, '{');
    member_text(b, "failure", azure_failure_word(e->failure));
    member_number(b, "status", e->status);
    member_text(b, "code", e->code);
    member_text(b, "message", e->message);
    member_text(b, "trace_id", e->trace_id);
    member_text(b, "correlation_id", e->correlation_id);
    buf_add_char(b, '}');
}

static void member_uri(struct buf *b, const char *name, const char *uri) {
    struct buf masked;
    buf_init(&masked, URI_MAX);
    if (uri)
        uri_print(&masked, text_of(uri));
    member_text(b, name, buf_ok(&masked) ? masked.at : NULL);
    buf_done(&masked);
}

/* How to get to an endpoint and into it. */
static void add_access(struct buf *b, const struct status_backend *k) {
    member_text(b, "auth", k->auth);
    member_uri(b, "scoring_uri", k->scoring_uri);
    member_text(b, "key_in_use", status_has_two_keys(k) ? status_key_word(k->preferred) : NULL);
    member(b, "fingerprints");
    buf_add_char(b, '[');
    json_add_string(b, text_of(k->fingerprints[0]));
    buf_add_char(b, ',');
    json_add_string(b, text_of(k->fingerprints[1]));
    buf_add_char(b, ']');
    member_number(b, "revision", k->revision);
    member(b, "credentials");
    buf_add_char(b, '[');
    for (size_t i = 0; i < k->credential_count; i++) {
        if (i > 0)
            buf_add_char(b, ',');
        json_add_string(b, text_of(k->credentials[i]));
    }
    buf_add_char(b, ']');
    member_text(b, "waits_for", k->waits_for);
    member_text(b, "reason", k->state == ROUTE_REFUSED ? reason_word(k->why) : NULL);
    member_error(b, "error", k->error);
}

static void write_backend(struct buf *b, const struct status_backend *k) {
    buf_add_char(b, '{');
    member_text(b, "name", k->name);
    member_text(b, "state", route_state_word(k->state));
    member_text(b, "breaker", breaker_state_word(k->breaker));
    member_text(b, "deployment", k->deployment);
    member_number(b, "weight", k->weight);
    member_number(b, "priority", k->priority);
    member_limit(b, k->limit);
    add_access(b, k);
    buf_add_char(b, '}');
}

static void add_errors(struct buf *b, const struct tally_sum *counts) {
    struct status_errors errors;
    status_count_errors(&errors, counts);
    member_number(b, "errors", errors.total);
    member(b, "top_errors");
    buf_add_char(b, '[');
    for (size_t i = 0; i < errors.count; i++) {
        buf_add_string(b, i ? ",{" : "{");
        member_number(b, "code", errors.top[i].status);
        member_text(b, "reason", reason_word(errors.top[i].why));
        member_number(b, "count", errors.top[i].count);
        buf_add_char(b, '}');
    }
    buf_add_char(b, ']');
}

static void add_counts(struct buf *b, const struct tally_sum *counts) {
    member_gauge(b, "in_flight", counts->gauges[TALLY_IN_FLIGHT]);
    member_gauge(b, "queued", counts->gauges[TALLY_QUEUED]);
    member_number(b, "requests", counts->duration.count);
    add_errors(b, counts);
    member(b, "retries");
    buf_add_char(b, '{');
    for (unsigned i = 0; i < TALLY_RETRIES; i++)
        member_number(b, tally_retry_word((enum tally_retry)i), counts->retries[i]);
    buf_add_char(b, '}');
    member(b, "connections");
    buf_add_char(b, '{');
    member_gauge(b, "active", counts->gauges[TALLY_ACTIVE]);
    member_gauge(b, "idle", counts->gauges[TALLY_IDLE]);
    member_gauge(b, "dialling", counts->gauges[TALLY_DIALLING]);
    buf_add_char(b, '}');
}

static void write_route(struct buf *b, const struct status_route *r) {
    buf_add_char(b, '{');
    member_text(b, "path", r->path);
    member_text(b, "state", route_state_word(r->state));
    member_bool(b, "required", r->required);
    member_limit(b, r->limit);
    add_counts(b, &r->counts);
    add_access(b, &r->backends[0]);
    member(b, "backends");
    for (size_t i = 0; i < r->backend_count; i++) {
        buf_add_char(b, i ? ',' : '[');
        write_backend(b, &r->backends[i]);
    }
    buf_add_string(b, "]}");
}

static void write_credential(struct buf *b, const struct status *s,
                             const struct credential_status *c) {
    bool ends = c->since != 0 && c->expires != USEC_NEVER;
    usec_t left = ends ? c->expires - s->now : 0;
    buf_add_char(b, '{');
    member_text(b, "name", c->name);
    member_text(b, "kind", c->kind);
    member_text(b, "state", c->state);
    member_bool(b, "fetching", c->fetching);
    member_text(b, "fingerprint", c->fingerprint);
    member_seconds(b, "age_s", c->since != 0, s->now - c->since);
    member_seconds(b, "refresh_in_s", c->refresh != USEC_NEVER, c->refresh - s->now);
    member_seconds(b, "expires_in_s", ends, left);
    member_time(b, "expires_at", ends, s->wall + left);
    member_number(b, "refreshed", c->refreshed);
    member_number(b, "failed", c->failed);
    member_error(b, "last_error", c->error);
    buf_add_char(b, '}');
}

void status_write_json(struct buf *b, const struct status *s) {
    buf_add_char(b, '{');
    member_text(b, "version", PACKAGE_VERSION);
    member_number(b, "uptime_s", (uint64_t)(s->uptime / USEC_PER_SEC));
    member_bool(b, "draining", s->draining);
    member_bool(b, "ready", !s->draining && status_is_ready(s));
    member(b, "reloads");
    buf_add_char(b, '{');
    member_number(b, "succeeded", s->reloads_succeeded);
    member_number(b, "failed", s->reloads_failed);
    buf_add_char(b, '}');
    member(b, "routes");
    for (size_t i = 0; i < s->route_count; i++) {
        buf_add_char(b, i ? ',' : '[');
        write_route(b, &s->routes[i]);
    }
    buf_add_string(b, s->route_count ? "]" : "[]");
    member(b, "credentials");
    for (size_t i = 0; i < s->credential_count; i++) {
        buf_add_char(b, i ? ',' : '[');
        write_credential(b, s, &s->credentials[i]);
    }
    buf_add_string(b, s->credential_count ? "]}\n" : "[]}\n");
}
