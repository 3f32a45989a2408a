/* SPDX-License-Identifier: MIT */
/* The admin pages of daemon/admin.h. Same rules for callers and Host as the other listeners; a page
 * of another origin gets nothing. */
#include "daemon/admin.h"

#include "base/buf.h"
#include "base/random.h"
#include "gateway/admit.h"

#include <stdlib.h>

struct admin_request {
    struct admin *admin;
    struct caller *caller;
    enum reason why; /* refused, and why */
    unsigned status;
    struct buf body;
    char id[RANDOM_UUID_LEN + 1];
};

/* Whether every required route could be served now: it has an endpoint and a credential. A key is
 * there from the start, or the configuration would not have loaded. */
static void write_ready(struct admin_request *r) {
    r->status = r->admin->draining ? 503 : 200;
    buf_add_string(&r->body, r->admin->draining ? "draining\n" : "ready\n");
}

static enum reason admit(const struct admin *admin, struct caller *caller, const struct head *h) {
    enum reason refused = admit_caller(admin->config, caller, h);
    if (refused == REASON_NONE)
        refused = admit_origin(NULL, h);
    if (refused != REASON_NONE)
        return refused;
    if (!(h->method & (METHOD_GET | METHOD_HEAD)))
        return REASON_method_not_allowed;
    return REASON_NONE;
}

static void choose_page(struct admin_request *r, const struct head *h) {
    if (text_equal(h->path, TEXT("/healthz"))) {
        r->status = 200;
        buf_add_string(&r->body, "ok\n");
    } else if (text_equal(h->path, TEXT("/readyz"))) {
        write_ready(r);
    } else {
        r->why = REASON_no_route;
    }
}

static void *admin_begin(void *context, struct caller *caller, const struct head *head,
                         enum reason refused) {
    struct admin_request *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->admin = context;
    r->caller = caller;
    r->why = refused;
    random_uuid(r->id);
    buf_init(&r->body, 64 * 1024);
    if (r->why == REASON_NONE)
        r->why = admit(r->admin, caller, head);
    if (r->why == REASON_NONE)
        choose_page(r, head);
    if (r->why != REASON_NONE) {
        r->status = reason_status(r->why);
        problem_write(&r->body, r->why,
                      r->why == REASON_no_route
                          ? TEXT("The admin listener serves /healthz and /readyz.")
                          : (struct text){0},
                      text_of(r->id));
    }
    return r;
}

static size_t admin_body(void *request, const char *bytes, size_t n) {
    (void)request;
    (void)bytes;
    return n;
}

static void admin_end(void *request) {
    struct admin_request *r = request;
    struct buf status;
    buf_init(&status, 128);
    if (r->why != REASON_NONE)
        buf_addf(&status, "scoregate; error=%s", reason_proxy_error(r->why));
    const struct field_line fields[] = {
        {TEXT("Content-Type"),
         r->why ? TEXT("application/problem+json") : TEXT("text/plain; charset=utf-8"),
         FIELD_OTHER},
        {TEXT("Cache-Control"), TEXT("no-store"), FIELD_OTHER},
        {TEXT("X-Content-Type-Options"), TEXT("nosniff"), FIELD_OTHER},
        {TEXT("x-ms-client-request-id"), text_of(r->id), FIELD_OTHER},
        {TEXT("Allow"), TEXT("GET, HEAD"), FIELD_OTHER},
        {TEXT("Proxy-Status"), buf_text(&status), FIELD_OTHER},
    };
    struct reply reply = {.status = r->status,
                          .fields = fields,
                          .field_count = ARRAY_LEN(fields) - (r->why ? 0 : 1),
                          .whole = true,
                          .body = buf_text(&r->body)};
    if (buf_ok(&r->body) && buf_ok(&status))
        caller_reply(r->caller, &reply);
    else
        caller_cut(r->caller);
    buf_done(&status);
}

static ssize_t admin_pull(void *request, char *into, size_t n) {
    (void)request;
    (void)into;
    (void)n;
    return PULL_END;
}

static void admin_done(void *request, bool answered) {
    struct admin_request *r = request;
    (void)answered;
    buf_done(&r->body);
    free(r);
}

const struct caller_handler admin_handler = {
    .begin = admin_begin,
    .body = admin_body,
    .end = admin_end,
    .pull = admin_pull,
    .done = admin_done,
};
