/* SPDX-License-Identifier: MIT */
/* The listener of daemon/admin_listener.h. */
#include "daemon/admin_listener.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS  64
#define HEADER_BYTES 8192
/* How long it waits when descriptors are out. */
#define BREATHER (100 * USEC_PER_MS)

static void on_breather(struct timer *timer, usec_t now) {
    struct admin_listener *l = container_of(timer, struct admin_listener, breather);
    (void)now;
    if (!loop_change(l->loop, &l->watch, EPOLLIN))
        log_error("the admin listener cannot be watched");
}

/* What waits stays in the backlog for a moment; the listener would be ready all the time. */
static void pause_accepting(struct admin_listener *l) {
    log_debug("no admin callers for the moment: out of descriptors or memory");
    if (loop_change(l->loop, &l->watch, 0))
        timer_set(l->loop, &l->breather, l->loop->now + BREATHER);
}

static void on_caller(struct watch *watch, uint32_t events) {
    struct admin_listener *l = container_of(watch, struct admin_listener, watch);
    (void)events;
    struct server_peer peer = {.config = l->config,
                               .access = &l->config->admin.access,
                               .address_len = sizeof peer.address};
    int fd = accept4(watch->fd, (struct sockaddr *)&peer.address, &peer.address_len,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            pause_accepting(l);
        return;
    }
    if (server_connections(l->server) < CONNECTIONS)
        (void)server_adopt(l->server, fd, &peer);
    else
        close(fd);
}

struct admin_listener *admin_listener_new(struct loop *loop, struct admin *admin,
                                          struct config *config, int fd) {
    struct admin_listener *l = calloc(1, sizeof *l);
    if (!l) {
        log_error("the admin listener cannot start: out of memory");
        return NULL;
    }
    l->loop = loop;
    l->config = config_ref(config);
    l->watch = (struct watch){.fd = fd, .ready = on_caller};
    struct server_options options = {.max_connections = CONNECTIONS,
                                     .header_bytes = HEADER_BYTES,
                                     .header_timeout = config->client_header_timeout,
                                     .idle_timeout = config->client_idle_timeout,
                                     .handler = &admin_handler,
                                     .context = admin};
    l->server = server_new(loop, &options);
    if (l->server && timer_init(loop, &l->breather, on_breather) &&
        loop_watch(loop, &l->watch, EPOLLIN))
        return l;
    log_error("the admin listener cannot start: out of memory or descriptors");
    admin_listener_free(&l);
    return NULL;
}

void admin_listener_reload(struct admin_listener *l, struct config *config) {
    config_unref(&l->config);
    l->config = config_ref(config);
    server_set_timeouts(l->server, config->client_header_timeout, config->client_idle_timeout);
}

void admin_listener_free(struct admin_listener **pointer) {
    struct admin_listener *l = *pointer;
    *pointer = NULL;
    if (!l)
        return;
    loop_unwatch(l->loop, &l->watch);
    timer_done(l->loop, &l->breather);
    server_free(&l->server);
    config_unref(&l->config);
    free(l);
}
