/* SPDX-License-Identifier: MIT */
/* What a status means in words and numbers, and the answer of /readyz. */
#include "daemon/status.h"

const char *route_state_word(enum route_state state) {
    static const char *const words[] = {"ready", "waiting", "refused"};
    return words[state];
}

const char *breaker_state_word(enum tally_breaker state) {
    static const char *const words[] = {"closed", "probing", "open"};
    return words[state];
}

const char *status_key_word(unsigned key) {
    return key == 0 ? "primary" : "secondary";
}

bool status_is_usable(const struct credential_status *c) {
    return strcmp(c->state, "usable") == 0 || strcmp(c->state, "failing") == 0;
}

static bool is_missing(const struct status_route *r) {
    return r->required && r->state != ROUTE_READY;
}

bool status_is_ready(const struct status *s) {
    for (size_t i = 0; i < s->route_count; i++)
        if (is_missing(&s->routes[i]))
            return false;
    return true;
}

bool status_is_available(const struct status_backend *b) {
    return b->state == ROUTE_READY && b->breaker == TALLY_CLOSED;
}

void status_explain(struct buf *b, const struct status_backend *backend) {
    if (backend->state == ROUTE_WAITING && backend->waits_for)
        buf_addf(b, "waits for %s", backend->waits_for);
    else
        buf_add_string(b, backend->state == ROUTE_WAITING ? "waits for its credential"
                                                          : "cannot be served");
    if (backend->error) {
        buf_addf(b, ": %s", azure_failure_word(backend->error->failure));
        if (backend->error->code[0])
            buf_addf(b, ", %s", backend->error->code);
        if (backend->error->message[0])
            buf_addf(b, ": %s", backend->error->message);
    } else if (backend->state == ROUTE_REFUSED) {
        buf_addf(b, ": %s", reason_detail(backend->why));
    }
}

/* Keeps the commonest, the first of them first. */
static void keep_error(struct status_errors *errors, struct tally_requests one) {
    size_t at = errors->count;
    while (at > 0 && errors->top[at - 1].count < one.count)
        at--;
    if (at == STATUS_ERRORS_MAX)
        return;
    if (errors->count < STATUS_ERRORS_MAX)
        errors->count++;
    memmove(&errors->top[at + 1], &errors->top[at],
            (errors->count - at - 1) * sizeof errors->top[0]);
    errors->top[at] = one;
}

void status_count_errors(struct status_errors *errors, const struct tally_sum *counts) {
    *errors = (struct status_errors){0};
    for (size_t i = 0; i < counts->request_count; i++) {
        if (counts->requests[i].status / 100 != 5)
            continue;
        errors->total += counts->requests[i].count;
        keep_error(errors, counts->requests[i]);
    }
}

uint64_t status_count_retries(const struct tally_sum *counts) {
    uint64_t all = 0;
    for (size_t i = 0; i < TALLY_RETRIES; i++)
        all += counts->retries[i];
    return all;
}

/* One line for each backend that a route waits for; no backend of it is ready. */
static void write_missing(struct buf *b, const struct status_route *r) {
    for (size_t i = 0; i < r->backend_count; i++) {
        buf_addf(b, "%s ", r->path);
        if (r->backend_count > 1)
            buf_addf(b, "at %s ", r->backends[i].name);
        status_explain(b, &r->backends[i]);
        buf_add_char(b, '\n');
    }
}

void status_write_ready(struct buf *b, const struct status *s) {
    if (s->draining || status_is_ready(s)) {
        buf_add_string(b, s->draining ? "draining\n" : "ready\n");
        return;
    }
    buf_add_string(b, "not ready\n");
    for (size_t i = 0; i < s->route_count; i++)
        if (is_missing(&s->routes[i]))
            write_missing(b, &s->routes[i]);
}
