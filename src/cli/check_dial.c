/* SPDX-License-Identifier: MIT */
/* The connections of cli/check_dial.h, all at once. */
#include "cli/check_dial.h"

#include "config/uri.h"
#include "upstream/conn.h"
#include "upstream/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY_MAX 1024

struct attempt {
    struct origin origin;
    struct conn *conn; /* in progress */
    bool over, failed;
    enum reason why;
};

struct attempts {
    struct session *session;
    struct dialer *dialer;
    struct attempt *list;
    size_t count;
};

static void on_dialled(void *context, struct conn *conn, enum reason why) {
    struct attempt *a = context;
    a->over = true;
    a->failed = conn == NULL;
    a->why = why;
    a->conn = NULL;
    conn_close(&conn);
}

static bool is_there(const struct attempts *all, const struct config_uri *uri,
                     const struct config_tls *tls) {
    for (size_t i = 0; i < all->count; i++) {
        const struct attempt *a = &all->list[i];
        if (uri_same_origin(a->origin.uri, uri) &&
            (!uri->tls || (a->origin.trust && trust_is_of(a->origin.trust, tls))))
            return true;
    }
    return false;
}

static bool start(struct attempts *all, const struct config_route *route,
                  const struct config_uri *uri) {
    const struct config *config = all->session->config;
    struct attempt *a = &all->list[all->count];
    struct buf why;
    if (is_there(all, uri, &route->tls))
        return true;
    a->origin = (struct origin){.uri = uri,
                                .proxy = config->proxy,
                                .no_proxy = config->no_proxy,
                                .connect_timeout = route->connect_timeout};
    buf_init(&why, WHY_MAX);
    if (uri->tls)
        a->origin.trust = trust_new(&route->tls, &why);
    if (uri->tls && !a->origin.trust)
        fprintf(stderr, "scoregate check: tls: %s\n", why.len ? why.at : "out of memory");
    buf_done(&why);
    all->count++;
    if (!uri->tls || a->origin.trust)
        a->conn = dialer_dial(all->dialer, &a->origin, on_dialled, a);
    if (a->conn)
        return true;
    a->over = a->failed = true;
    a->why = REASON_out_of_resources;
    return false;
}

static bool start_all(struct attempts *all) {
    bool ok = true;
    const struct config *config = all->session->config;
    for (unsigned i = 0; i < config->backend_count; i++) {
        const struct supply *supply = keeper_supply(all->session->keeper, i);
        if (supply->endpoint)
            ok &= start(all, config->backends[i]->route, &supply->endpoint->scoring);
    }
    return ok;
}

static bool are_over(const struct attempts *all) {
    for (size_t i = 0; i < all->count; i++)
        if (!all->list[i].over)
            return false;
    return true;
}

/* Each dial has its own deadline, connect_timeout. */
static void wait_for(struct attempts *all) {
    struct loop *loop = &all->session->loop;
    while (!are_over(all)) {
        bool more = dialer_turn(all->dialer);
        if (are_over(all) || !loop_turn(loop, more ? 0 : dialer_deadline(all->dialer)))
            break;
    }
}

static bool print_all(const struct attempts *all) {
    bool ok = true;
    for (size_t i = 0; i < all->count; i++) {
        const struct attempt *a = &all->list[i];
        bool good = a->over && !a->failed;
        printf("%-7s connection to %s://%s%s%s\n", good ? "ok" : "failed",
               a->origin.uri->tls ? "https" : "http", a->origin.uri->authority, good ? "" : ": ",
               good ? "" : reason_detail(a->why));
        ok &= good;
    }
    return ok;
}

bool check_dial(struct session *session) {
    struct attempts all = {.session = session, .dialer = dialer_new(&session->loop)};
    all.list = calloc(session->config->backend_count + 1, sizeof *all.list);
    bool ok = all.dialer && all.list && start_all(&all);
    if (!all.dialer || !all.list)
        fputs("scoregate check: out of memory\n", stderr);
    wait_for(&all);
    ok = print_all(&all) && ok;
    for (size_t i = 0; i < all.count; i++) {
        conn_close(&all.list[i].conn);
        trust_unref(&all.list[i].origin.trust);
    }
    free(all.list);
    dialer_free(&all.dialer);
    return ok;
}
