/* SPDX-License-Identifier: MIT */
/* The rotation of cli/rotate_azure.h. */
#include "cli/rotate_azure.h"

#include "azure/cloud.h"
#include "azure/web_service.h"
#include "cli/pause.h"
#include "daemon/source_kinds.h"

#include <string.h>

/* The operation may take this long, and the new key this long to show after it. */
#define OPERATION_TIMEOUT (600 * USEC_PER_SEC)
#define SHOW_TIMEOUT      (120 * USEC_PER_SEC)
/* Between two questions, where Azure says no time, and at most. */
#define POLL_DEFAULT_S 2
#define POLL_MAX_S     60
#define URL_MAX_BYTES  8192

static bool out_of_memory(struct azure_error *error) {
    azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    return false;
}

/* Sends REQUEST, which could be WRITTEN or not, and ends it. */
static bool call(struct rotation *r, struct azure_request *request, bool written,
                 bool (*read)(void *context, const struct azure_answer *a,
                              struct azure_error *error),
                 void *context, struct azure_error *error) {
    bool ok =
        written ? keeper_call_now(r->session->keeper, request, FETCH_LIST_MAX, read, context, error)
                : out_of_memory(error);
    azure_request_done(request);
    return ok;
}

static struct azure_workspace workspace(const struct rotation *r) {
    return workspace_of(r->session->config, r->named);
}

/* A fresh token: what follows may take longer than is left of the one before. */
static bool renew_bearer(struct rotation *r, struct azure_error *error) {
    secret_unref(&r->bearer);
    r->bearer = keeper_token_now(r->session->keeper, r->identity,
                                 cloud_management_resource(&r->session->config->azure), error);
    return r->bearer;
}

/* The keys */

static bool read_keys(void *context, const struct azure_answer *a, struct azure_error *error) {
    return azure_keys_read(a, context, error);
}

static bool list_keys(struct rotation *r, struct azure_error *error) {
    struct azure_workspace w = workspace(r);
    struct azure_request request;
    struct azure_keys keys = {0};
    bool written = r->base ? web_service_keys(r->base, &w, r->named->name, r->bearer, &request)
                           : online_endpoint_keys(&w, r->named->name, r->bearer, &request);
    if (!call(r, &request, written, read_keys, &keys, error))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(r->keys); i++)
        secret_unref(&r->keys[i]);
    r->keys[0] = keys.primary;
    r->keys[1] = keys.secondary;
    return true;
}

/* The operation */

struct operation_state {
    struct text origin; /* the URL that was asked */
    struct buf poll;    /* where to ask how it goes */
    enum azure_operation state;
    int64_t retry_after_s;
};

static bool read_begin(void *context, const struct azure_answer *a, struct azure_error *error) {
    struct operation_state *o = context;
    o->retry_after_s = a->retry_after_s;
    return azure_operation_begin(a, o->origin, &o->poll, &o->state, error);
}

static bool read_state(void *context, const struct azure_answer *a, struct azure_error *error) {
    struct operation_state *o = context;
    o->retry_after_s = a->retry_after_s;
    return azure_operation_read(a, &o->state, error);
}

static usec_t poll_interval(int64_t retry_after_s) {
    int64_t s = retry_after_s < 0 ? POLL_DEFAULT_S : retry_after_s;
    return (s > POLL_MAX_S ? POLL_MAX_S : s < 1 ? 1 : s) * USEC_PER_SEC;
}

/* Asks until it is done. An answer that says "later" is no end of it. */
static bool await_operation(struct rotation *r, struct operation_state *o,
                            struct azure_error *error) {
    usec_t end = clock_monotonic() + OPERATION_TIMEOUT;
    while (o->state == AZURE_OPERATION_RUNNING) {
        struct azure_request request;
        if (clock_monotonic() >= end) {
            azure_error_set(error, AZURE_UNAVAILABLE, "the operation has not ended in 10 min");
            return false;
        }
        pause_for(poll_interval(o->retry_after_s));
        bool written = azure_follow_request(buf_text(&o->poll), r->bearer, &request);
        struct azure_error failed = {.retry_after_s = -1};
        if (call(r, &request, written, read_state, o, &failed))
            continue;
        *error = failed;
        if (failed.failure != AZURE_UNAVAILABLE || failed.status / 100 == 2)
            return false;
        o->retry_after_s = failed.retry_after_s;
    }
    return true;
}

/* Asks for a new KEY and waits until there is one. */
static bool make_key(struct rotation *r, enum azure_key key, struct azure_error *error) {
    struct azure_workspace w = workspace(r);
    struct azure_request request;
    struct operation_state o = {.state = AZURE_OPERATION_DONE};
    buf_init(&o.poll, URL_MAX_BYTES);
    bool written =
        r->base ? web_service_regenerate(r->base, &w, r->named->name, key, r->bearer, &request)
                : online_endpoint_regenerate(&w, r->named->name, key, r->bearer, &request);
    o.origin = buf_text(&request.url);
    bool ok = call(r, &request, written, read_begin, &o, error) && await_operation(r, &o, error);
    buf_done(&o.poll);
    return ok;
}

bool rotation_regenerate(struct rotation *r, enum azure_key key, struct azure_error *error) {
    return renew_bearer(r, error) && make_key(r, key, error);
}

/* The list may lag behind the operation. An answer that says "later" is no end of it either: there
 * is a new key by now. */
static bool await_key(struct rotation *r, enum azure_key key, const struct secret *old,
                      struct azure_error *error) {
    usec_t end = clock_monotonic() + SHOW_TIMEOUT;
    for (;;) {
        struct azure_error failed = {.retry_after_s = -1};
        if (!list_keys(r, &failed)) {
            *error = failed;
            if (failed.failure != AZURE_UNAVAILABLE)
                return false;
        } else if (r->keys[key] && !secret_same(r->keys[key], old)) {
            return true;
        } else {
            azure_error_set(error, AZURE_UNAVAILABLE, "Azure still lists the old one");
        }
        if (clock_monotonic() >= end)
            return false;
        pause_for(poll_interval(failed.retry_after_s));
    }
}

bool rotation_await(struct rotation *r, enum azure_key key, struct azure_error *error) {
    struct secret *old = r->keys[key] ? secret_ref(r->keys[key]) : NULL;
    bool ok = await_key(r, key, old, error);
    secret_unref(&old);
    return ok;
}

/* Setting up */

static bool read_service(void *context, const struct azure_answer *a, struct azure_error *error) {
    struct rotation *r = context;
    struct azure_service service = {0};
    bool ok =
        r->base ? web_service_read(a, &service, error) : online_endpoint_read(a, &service, error);
    if (ok && service.auth != AZURE_AUTH_KEY) {
        azure_error_set(error, AZURE_UNUSABLE, "it has no keys: its callers show %s",
                        service.auth == AZURE_AUTH_NONE    ? "nothing"
                        : service.auth == AZURE_AUTH_ENTRA ? "a token of Entra"
                                                           : "a token");
        ok = false;
    }
    azure_service_done(&service);
    return ok;
}

static bool has_keys(struct rotation *r, struct azure_error *error) {
    struct azure_workspace w = workspace(r);
    struct azure_request request;
    bool written = r->base ? web_service_get(r->base, &w, r->named->name, r->bearer, &request)
                           : online_endpoint_get(&w, r->named->name, r->bearer, &request);
    return call(r, &request, written, read_service, r, error);
}

bool rotation_begin(struct rotation *r, struct session *session,
                    const struct config_backend *backend, struct azure_error *error) {
    bool v1 = backend->web_service.subscription;
    *r = (struct rotation){.session = session,
                           .named = v1 ? &backend->web_service : &backend->online_endpoint,
                           .identity = backend->identity};
    bool ok = renew_bearer(r, error);
    if (ok && v1)
        r->base = keeper_workspace_now(session->keeper, r->named, r->identity, error);
    return ok && (!v1 || r->base) && has_keys(r, error) && list_keys(r, error);
}

void rotation_done(struct rotation *r) {
    for (size_t i = 0; i < ARRAY_LEN(r->keys); i++)
        secret_unref(&r->keys[i]);
    secret_unref(&r->bearer);
}
