/* SPDX-License-Identifier: MIT */
/* The gateway of cli/rotate_gateway.h, by its /status. */
#include "cli/rotate_gateway.h"

#include "azure/request.h"
#include "base/json.h"
#include "cli/pause.h"
#include "config/backend.h"
#include "daemon/status.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define BODY_MAX       (16 * 1024 * 1024)
#define TARGET_MAX     16384
#define DEPTH_MAX      8
#define AWAIT_TIMEOUT  (120 * USEC_PER_SEC)
#define RENEW_INTERVAL (6 * USEC_PER_SEC) /* it takes one in 5 s */
#define LOOK_INTERVAL  (200 * USEC_PER_MS)

static const struct json *find_route(const struct json *status, const char *path) {
    const struct json *route = json_first(json_member(status, "routes"));
    struct text t;
    while (route && !(json_string(json_member(route, "path"), &t) && text_equal(t, text_of(path))))
        route = json_next(route);
    return route;
}

/* What the gateway says of a backend, NUMBER of several (in their order in the route), 0: the only
 * one, which is the route. NULL: it has others. */
static const struct json *find_backend(const struct json *route, unsigned number) {
    const struct json *one = json_first(json_member(route, "backends"));
    bool several = one && json_next(one);
    if (several != (number > 0))
        return NULL;
    for (unsigned i = 1; one && i < number; i++)
        one = json_next(one);
    return several ? one : route;
}

/* Whoever answers may say anything, and a fingerprint is shown. */
static bool is_print(struct text t, size_t size) {
    for (size_t i = 0; i < t.len; i++)
        if (!isxdigit((unsigned char)t.at[i]))
            return false;
    return t.len < size;
}

static void read_prints(struct rotating_gateway *g, const struct json *backend) {
    const struct json *one = json_first(json_member(backend, "fingerprints"));
    for (size_t i = 0; i < ARRAY_LEN(g->prints); i++) {
        struct text t = {"", 0};
        if (!json_string(one, &t) || !is_print(t, sizeof g->prints[i]))
            t.len = 0;
        memcpy(g->prints[i], t.at, t.len);
        g->prints[i][t.len] = '\0';
        one = one ? json_next(one) : NULL;
    }
}

static bool read_status(struct rotating_gateway *g, struct text body, struct buf *why) {
    struct json *status = json_parse(body, DEPTH_MAX);
    const struct json *route = find_route(status, g->route);
    const struct json *backend = find_backend(route, g->backend);
    struct text key = {"", 0};
    bool is_gateway = json_is_array(json_member(status, "routes"));
    if (backend) {
        read_prints(g, backend);
        g->in_use = json_string(json_member(backend, "key_in_use"), &key) &&
                    text_equal(key, text_of(status_key_word(1)));
    } else if (route) {
        buf_addf(why, "the running gateway has other backends of %s than the configuration",
                 g->route);
    } else if (is_gateway) {
        buf_addf(why, "the running gateway has no route %s", g->route);
        g->absent = true;
    } else {
        buf_add_string(why, "what answers for the gateway is no scoregate");
    }
    json_free(&status);
    return backend;
}

static bool look(struct rotating_gateway *g, struct buf *why) {
    struct buf body;
    unsigned status = 0;
    buf_init(&body, BODY_MAX);
    bool ok = admin_call(&g->address, "GET", "/status", &status, &body, why);
    g->absent = !ok && (errno == ECONNREFUSED || errno == ENOENT);
    if (ok && status != 200) {
        buf_add_string(why, "the gateway ");
        admin_add_refusal(why, status, buf_text(&body));
        ok = false;
    }
    ok = ok && read_status(g, buf_text(&body), why);
    buf_done(&body);
    return ok;
}

void rotating_gateway_look(struct rotating_gateway *g, const struct admin_address *address,
                           const struct config_backend *backend, struct buf *why) {
    const struct config_route *route = backend->route;
    *g = (struct rotating_gateway){.address = *address, .route = route->path};
    if (route->backend_count > 1)
        g->backend = config_backend_number(backend);
    g->running = look(g, why);
}

/* POST OPERATION?route=…, the backend of several, and the key unless that is NULL. True: 200, or
 * 429 if LATELY may be. */
static bool operate(struct rotating_gateway *g, const char *operation, const char *key, bool lately,
                    struct buf *why) {
    struct buf target, body;
    unsigned status = 0;
    buf_init(&target, TARGET_MAX);
    buf_init(&body, BODY_MAX);
    buf_add_string(&target, operation);
    azure_add_query(&target, "route", text_of(g->route));
    if (g->backend)
        buf_addf(&target, "&backend=%u", g->backend);
    if (key)
        azure_add_query(&target, "key", text_of(key));
    bool ok = buf_ok(&target) && admin_call(&g->address, "POST", target.at, &status, &body, why);
    if (ok && status != 200 && !(lately && status == 429)) {
        buf_add_string(why, "the gateway ");
        admin_add_refusal(why, status, buf_text(&body));
        ok = false;
    }
    buf_done(&target);
    buf_done(&body);
    return ok;
}

bool rotating_gateway_prefer(struct rotating_gateway *g, unsigned key, struct buf *why) {
    if (!operate(g, "/prefer", status_key_word(key), /* lately= */ false, why))
        return false;
    g->in_use = key;
    return true;
}

bool rotating_gateway_await(struct rotating_gateway *g, unsigned key, struct buf *why) {
    char old[sizeof g->prints[0]];
    usec_t now = clock_monotonic(), end = now + AWAIT_TIMEOUT, renew = now;
    memcpy(old, g->prints[key], sizeof old);
    for (; now < end; now = clock_monotonic()) {
        if (now >= renew) {
            if (!operate(g, "/renew", NULL, /* lately= */ true, why))
                return false;
            renew = now + RENEW_INTERVAL;
        }
        if (!look(g, why))
            return false;
        if (g->prints[key][0] && strcmp(g->prints[key], old) != 0)
            return true;
        pause_for(LOOK_INTERVAL);
    }
    buf_addf(why, "the gateway has not got the new %s key in 2 min", status_key_word(key));
    return false;
}
