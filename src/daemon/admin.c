/* SPDX-License-Identifier: MIT */
/* The admin pages of daemon/admin.h. Same rules for callers and Host as the other listeners; a page
 * of another origin gets nothing. */
#include "daemon/admin.h"

#include "base/buf.h"
#include "base/random.h"
#include "daemon/metrics.h"
#include "daemon/operate.h"
#include "daemon/status.h"
#include "gateway/admit.h"

#include <stdio.h>
#include <stdlib.h>

/* More than the status of any configuration that can be loaded. */
#define BODY_MAX (16 * 1024 * 1024)

#define TEXT_TYPE "text/plain; charset=utf-8"
#define JSON_TYPE "application/json"
#define HTML_TYPE "text/html; charset=utf-8"

struct admin_request {
    struct admin *admin;
    struct caller *caller;
    const struct page *page; /* NULL: none of that path */
    enum reason why;         /* refused, and why */
    unsigned status;
    struct operation operation;
    struct buf body;
    char id[RANDOM_UUID_LEN + 1];
};

/* A page of the admin listener: it shows the status, or it does something and says so. */
struct page {
    const char *path, *allow;
    unsigned methods;
    const char *type;
    void (*show)(struct admin_request *r, const struct status *s);
    enum reason (*operate)(struct admin *admin, const struct head *h, struct operation *o);
};

/* The pages */

/* Needs nothing that could be missing. */
static enum reason tell_alive(struct admin *admin UNUSED, const struct head *h UNUSED,
                              struct operation *o) {
    buf_add_string(o->answer, "ok\n");
    return REASON_NONE;
}

static void show_ready(struct admin_request *r, const struct status *s) {
    r->status = s->draining || !status_is_ready(s) ? 503 : 200;
    status_write_ready(&r->body, s);
}

static void show_status(struct admin_request *r, const struct status *s) {
    status_write_json(&r->body, s);
}

static void show_metrics(struct admin_request *r, const struct status *s) {
    struct usage usage;
    metrics_write(&r->body, s, usage_read(&usage) ? &usage : NULL);
}

static void show_page(struct admin_request *r, const struct status *s) {
    status_write_page(&r->body, s);
}

#define READ  "GET, HEAD", METHOD_GET | METHOD_HEAD
#define WRITE "POST", METHOD_POST

static const struct page pages[] = {
    {"/", READ, HTML_TYPE, show_page, NULL},
    {"/healthz", READ, TEXT_TYPE, NULL, tell_alive},
    {"/readyz", READ, TEXT_TYPE, show_ready, NULL},
    {"/status", READ, JSON_TYPE, show_status, NULL},
    {"/metrics", READ, METRICS_TYPE, show_metrics, NULL},
    {"/prefer", WRITE, JSON_TYPE, NULL, operate_prefer},
    {"/renew", WRITE, JSON_TYPE, NULL, operate_renew},
};

static const struct page *find_page(struct text path) {
    for (size_t i = 0; i < ARRAY_LEN(pages); i++)
        if (text_equal(path, text_of(pages[i].path)))
            return &pages[i];
    return NULL;
}

/* A request */

static enum reason admit(const struct admin_request *r, const struct head *h) {
    enum reason refused = admit_caller(r->admin->plan->config, r->caller, h);
    if (refused == REASON_NONE)
        refused = admit_origin(NULL, h);
    if (refused != REASON_NONE)
        return refused;
    if (!r->page)
        return REASON_no_route;
    return h->method & r->page->methods ? REASON_NONE : REASON_method_not_allowed;
}

/* Shows the page, or does what it stands for. */
static void answer(struct admin_request *r, const struct head *h) {
    struct admin *admin = r->admin;
    r->status = 200;
    if (r->page->operate) {
        r->why = r->page->operate(admin, h, &r->operation);
        return;
    }
    struct status s;
    if (status_gather(&s, admin->plan, admin->keeper, admin->loop->now)) {
        s.uptime = admin->loop->now - admin->started;
        s.draining = admin->draining;
        s.reloads_succeeded = admin->reloads_succeeded;
        s.reloads_failed = admin->reloads_failed;
        r->page->show(r, &s);
    } else {
        r->why = REASON_out_of_resources;
    }
    status_done(&s);
}

static void write_problem(struct admin_request *r) {
    struct text detail = r->operation.detail;
    if (!r->page && r->why == REASON_no_route)
        detail = TEXT("The admin listener serves /, /healthz, /readyz, /status and /metrics.");
    r->status = reason_status(r->why);
    buf_clear(&r->body);
    problem_write(&r->body, r->why, detail, text_of(r->id));
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
    buf_init(&r->body, BODY_MAX);
    r->operation.answer = &r->body;
    if (r->why == REASON_NONE) {
        r->page = find_page(head->path);
        r->why = admit(r, head);
    }
    if (r->why == REASON_NONE)
        answer(r, head);
    if (r->why != REASON_NONE)
        write_problem(r);
    return r;
}

static size_t admin_body(void *request, const char *bytes, size_t n) {
    (void)request;
    (void)bytes;
    return n;
}

/* The fields of an answer, and the values that are put together for it. */
struct answer_fields {
    struct field_line lines[9];
    size_t count;
    char proxy_status[64], retry_after[16];
};

static void add(struct answer_fields *f, struct text name, struct text value) {
    f->lines[f->count++] = (struct field_line){name, value, FIELD_OTHER};
}

static void add_problem_fields(const struct admin_request *r, struct answer_fields *f) {
    snprintf(f->proxy_status, sizeof f->proxy_status, "scoregate; error=%s",
             reason_proxy_error(r->why));
    add(f, TEXT("Proxy-Status"), text_of(f->proxy_status));
    if (r->status != 429 && r->status != 503)
        return;
    unsigned after = r->operation.retry_after_s;
    snprintf(f->retry_after, sizeof f->retry_after, "%u", after ? after : 1);
    add(f, TEXT("Retry-After"), text_of(f->retry_after));
}

static void add_fields(const struct admin_request *r, struct answer_fields *f) {
    add(f, TEXT("Content-Type"),
        r->why ? TEXT("application/problem+json") : text_of(r->page->type));
    add(f, TEXT("Cache-Control"), TEXT("no-store"));
    add(f, TEXT("X-Content-Type-Options"), TEXT("nosniff"));
    add(f, TEXT("x-ms-client-request-id"), text_of(r->id));
    add(f, TEXT("Allow"), r->page ? text_of(r->page->allow) : TEXT("GET, HEAD"));
    if (r->why) {
        add_problem_fields(r, f);
    } else if (r->page->show == show_page) {
        add(f, TEXT("Content-Security-Policy"),
            TEXT("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
                 "form-action 'none'; frame-ancestors 'none'"));
        add(f, TEXT("Refresh"), TEXT("5"));
    }
}

static void admin_end(void *request) {
    struct admin_request *r = request;
    struct answer_fields fields = {0};
    add_fields(r, &fields);
    struct reply reply = {.status = r->status,
                          .fields = fields.lines,
                          .field_count = fields.count,
                          .whole = true,
                          .body = buf_text(&r->body)};
    if (buf_ok(&r->body))
        caller_reply(r->caller, &reply);
    else
        caller_cut(r->caller);
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
