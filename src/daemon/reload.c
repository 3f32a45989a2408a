/* SPDX-License-Identifier: MIT */
/* A reload: the next configuration is loaded, checked, and everything that it wants is made beside
 * what runs. Then it takes effect, where nothing can fail any more; or all of it is dropped, and
 * what runs has noticed nothing. */
#include "daemon/control.h"

#include "base/log.h"
#include "sys/log_writer.h"
#include "sys/process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is to take effect. */
struct next {
    struct config *config;
    struct plan *plan;
    struct listeners listeners;
    struct admin_listener *admin; /* another one; NULL: that which is there, or none */
    struct acceptor *acceptor;
    struct supply **supplies; /* room for one per backend */
    size_t keep;              /* workers that go on */
};

/* Complaints */

/* Each error is a line. */
static void log_errors(const struct config_errors *errors) {
    struct text all = buf_text(&errors->text);
    while (all.len) {
        struct text line = {all.at, text_find(all, '\n')};
        all = text_skip(all, line.len < all.len ? line.len + 1 : line.len);
        log_error("the configuration cannot be used", LOG_TEXT("error", line));
    }
}

static bool complain(const char *why) {
    log_error("the configuration cannot be used", LOG_STRING("error", why));
    return false;
}

/* What can fail */

static bool load(struct control *c, struct next *n) {
    struct config_errors errors;
    config_errors_init(&errors);
    n->config = c->options->load(c->options->context, &errors);
    if (n->config)
        n->plan = plan_new(n->config, c->plan, &errors);
    log_errors(&errors);
    config_errors_done(&errors);
    return n->plan;
}

static const struct listener *admin_of(const struct listeners *l) {
    const struct listener *last = l->count ? &l->at[l->count - 1] : NULL;
    return last && last->admin ? last : NULL;
}

/* Whether the admin listener there is goes on, on the descriptor that it has. */
static bool admin_stays(const struct control *c, const struct next *n) {
    const struct listener *admin = admin_of(&n->listeners);
    return c->admin_listener && admin && admin->fd == c->admin_listener->watch.fd;
}

static bool prepare_admin(struct control *c, struct next *n) {
    return admin_stays(c, n) || control_admin(c, &n->listeners, n->config, &n->admin);
}

/* A worker keeps its limit of heads for life. */
static bool prepare_workers(struct control *c, struct next *n) {
    size_t wanted = control_workers(n->config), have = c->crew.count;
    bool same = n->config->header_bytes == c->plan->config->header_bytes;
    n->keep = !same ? 0 : have < wanted ? have : wanted;
    struct supply **supplies = control_supplies(c);
    bool ok = supplies &&
              crew_start(&c->crew, wanted - n->keep, n->config->header_bytes, c->plan, supplies) &&
              crew_prepare(&c->crew, n->plan);
    free(supplies);
    return ok || complain("out of memory or threads for the workers");
}

/* Of all that can fail the last. */
static bool reload_keeper(struct control *c, struct next *n) {
    struct buf why;
    buf_init(&why, 1024);
    c->reloading = true;
    bool ok = keeper_reload(c->keeper, n->config, &why);
    c->reloading = false;
    if (!ok)
        complain(why.at ? why.at : "out of memory");
    buf_done(&why);
    return ok;
}

static bool prepare(struct control *c, struct next *n) {
    if (!load(c, n) || !listeners_open(&n->listeners, n->config, &c->listeners) ||
        !prepare_admin(c, n) || !prepare_workers(c, n))
        return false;
    n->acceptor = control_acceptor(&n->listeners, n->config, &c->crew, n->keep);
    n->supplies = calloc(n->config->backend_count + 1, sizeof(struct supply *));
    if (!n->acceptor || !n->supplies)
        return complain("out of memory or threads");
    return reload_keeper(c, n);
}

static void drop(struct control *c, struct next *n) {
    acceptor_stop(&n->acceptor);
    crew_forget(&c->crew);
    crew_dismiss(&c->crew);
    admin_listener_free(&n->admin);
    listeners_abandon(&n->listeners);
    plan_unref(&n->plan);
}

/* What cannot */

static void replace_admin(struct control *c, struct next *n) {
    c->admin.plan = c->plan;
    if (admin_stays(c, n)) {
        admin_listener_reload(c->admin_listener, n->config);
        return;
    }
    admin_listener_free(&c->admin_listener);
    c->admin_listener = n->admin;
    n->admin = NULL;
}

/* Workers have the plan before they get callers of the new acceptor; they are retired when they
 * cannot get any more. */
static void take_effect(struct control *c, struct next *n) {
    for (unsigned i = 0; i < n->config->backend_count; i++)
        n->supplies[i] = keeper_supply(c->keeper, i);
    plan_take_effect(n->plan, n->supplies);
    crew_reload(&c->crew, n->supplies);
    acceptor_begin(n->acceptor);
    acceptor_stop(&c->acceptor);
    c->acceptor = n->acceptor;
    crew_change(&c->crew, n->keep);
    plan_unref(&c->plan);
    c->plan = n->plan;
    replace_admin(c, n);
    listeners_replace(&c->listeners, &n->listeners);
    log_setup(n->config->log_level, n->config->log_format, log_writer_sink);
}

/* Telling */

static bool has_route(const struct config *config, const char *path) {
    for (size_t i = 0; i < config->route_count; i++)
        if (strcmp(config->routes[i].path, path) == 0)
            return true;
    return false;
}

/* How many routes of A are not in B. */
static size_t routes_missing(const struct config *a, const struct config *b) {
    size_t count = 0;
    for (size_t i = 0; i < a->route_count; i++)
        count += !has_route(b, a->routes[i].path);
    return count;
}

static void tell(const struct control *c, const struct config *before) {
    const struct config *now = c->plan->config;
    log_info("reloaded", LOG_NUMBER("routes", now->route_count),
             LOG_NUMBER("routes_added", routes_missing(now, before)),
             LOG_NUMBER("routes_removed", routes_missing(before, now)),
             LOG_NUMBER("listeners", c->listeners.count), LOG_NUMBER("workers", c->crew.count));
    if (now->route_count == 0)
        log_warning("no routes are configured: every request gets 404");
}

static void notify_reloading(void) {
    char state[64];
    (void)snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
                   (int64_t)clock_monotonic());
    process_notify(state);
}

void control_reload(struct control *c) {
    struct next n = {.config = NULL};
    struct config *before = config_ref(c->plan->config);
    notify_reloading();
    if (prepare(c, &n)) {
        take_effect(c, &n);
        c->admin.reloads_succeeded++;
        tell(c, before);
        if (c->options->listen_file && !listeners_write(&c->listeners, c->options->listen_file))
            log_error("the listen file is that of before");
    } else {
        drop(c, &n);
        c->admin.reloads_failed++;
        log_error("not reloaded: everything goes on as before");
    }
    free(n.supplies);
    config_unref(&n.config);
    config_unref(&before);
    process_notify("READY=1");
}
