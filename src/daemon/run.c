/* SPDX-License-Identifier: MIT */
/* The control thread: sets everything up, waits for signals, drains, and takes everything down. */
#include "daemon/run.h"

#include "base/log.h"
#include "daemon/acceptor.h"
#include "daemon/admin.h"
#include "daemon/keeper.h"
#include "daemon/listeners.h"
#include "daemon/trusts.h"
#include "daemon/worker.h"
#include "sys/log_writer.h"
#include "sys/mailbox.h"
#include "sys/process.h"
#include "upstream/crypto.h"
#include "upstream/dial.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* One worker scores about 40,000 times a second; two keep the machine's other core in reach. */
#define WORKERS_DEFAULT    2
#define ADMIN_CONNECTIONS  64
#define ADMIN_HEADER_BYTES 8192
/* How long the admin listener waits when descriptors are out. */
#define ADMIN_BREATHER (100 * USEC_PER_MS)

enum { MESSAGE_STOPPED, MESSAGE_REFUSED, MESSAGE_ACCEPTED };

struct control {
    const struct config *config;
    struct loop loop;
    struct mailbox mailbox;
    struct watch signals, admin_watch;
    struct timer drain_timer, admin_breather, watchdog;
    usec_t watchdog_interval; /* 0: nobody wants to hear */
    struct trust **trusts;    /* one per route; equal ones are the same object */
    struct keeper *keeper;
    struct listeners listeners;
    struct worker **workers;
    size_t worker_count, stopped;
    struct acceptor *acceptor;
    struct server *admin_server;
    struct admin admin;
    const struct access_list *admin_access;
    bool draining, failed;
};

/* Setting up */

void run_check(const struct config *config, struct config_errors *errors) {
    trusts_free(trusts_load(config, errors), config);
}

/* What workers tell */

struct key_message {
    struct message message;
    unsigned route, key;
    uint64_t revision;
};

static bool tell_key(struct control *c, unsigned kind, unsigned route, uint64_t revision,
                     unsigned key) {
    struct key_message *m = malloc(sizeof *m);
    if (!m)
        return false;
    *m = (struct key_message){
        .message.kind = kind, .route = route, .key = key, .revision = revision};
    mailbox_post(&c->mailbox, &m->message);
    return true;
}

static bool tell_refused(void *context, unsigned route, uint64_t revision, unsigned key) {
    return tell_key(context, MESSAGE_REFUSED, route, revision, key);
}

static bool tell_accepted(void *context, unsigned route, uint64_t revision, unsigned key) {
    return tell_key(context, MESSAGE_ACCEPTED, route, revision, key);
}

static void tell_stopped(void *context) {
    struct control *c = context;
    struct message *m = malloc(sizeof *m);
    if (!m)
        _exit(1); /* memory is out at the very end; there is nothing left to lose */
    *m = (struct message){.kind = MESSAGE_STOPPED};
    mailbox_post(&c->mailbox, m);
}

static void receive(void *context, struct message *message) {
    struct control *c = context;
    const struct key_message *m = container_of(message, struct key_message, message);
    switch (message->kind) {
    case MESSAGE_STOPPED:
        c->stopped++;
        if (!c->draining)
            c->failed = true;
        break;
    case MESSAGE_REFUSED:
        keeper_refused(c->keeper, m->route, m->revision, m->key);
        break;
    case MESSAGE_ACCEPTED:
        keeper_accepted(c->keeper, m->route, m->revision, m->key);
        break;
    }
    free(message);
}

/* What workers are told */

static void hand_out(void *context, unsigned route, struct supply *supply) {
    struct control *c = context;
    for (size_t i = 0; c->workers && i < c->worker_count; i++)
        if (c->workers[i])
            worker_supply(c->workers[i], route, supply);
}

/* What stands in the configuration is there at once; the rest comes while workers serve. */
static bool start_keeper(struct control *c, struct config *config) {
    struct keeper_options options = {.config = config, .supplied = hand_out, .context = c};
    struct buf why;
    buf_init(&why, 1024);
    c->keeper = keeper_new(&c->loop, &options, &why);
    if (!c->keeper)
        log_error("credentials cannot be kept", LOG_TEXT("error", buf_text(&why)));
    buf_done(&why);
    return c->keeper && keeper_start(c->keeper);
}

/* One per route, borrowed; the array is the caller's. */
static struct supply **supplies_now(const struct control *c) {
    struct supply **supplies = calloc(c->config->route_count + 1, sizeof(struct supply *));
    for (unsigned i = 0; supplies && i < c->config->route_count; i++)
        supplies[i] = keeper_supply(c->keeper, i);
    return supplies;
}

static bool start_workers(struct control *c, struct config *config, unsigned max_connections) {
    unsigned cpus = process_cpus();
    c->worker_count = config->workers          ? config->workers
                      : cpus < WORKERS_DEFAULT ? cpus
                                               : WORKERS_DEFAULT;
    c->workers = calloc(c->worker_count, sizeof(struct worker *));
    struct supply **supplies = supplies_now(c);
    bool ok = c->workers && supplies;
    struct worker_options options = {.config = config,
                                     .trusts = c->trusts,
                                     .supplies = supplies,
                                     .max_connections = max_connections,
                                     .stopped = tell_stopped,
                                     .refused = tell_refused,
                                     .accepted = tell_accepted,
                                     .context = c};
    for (size_t i = 0; ok && i < c->worker_count; i++) {
        c->workers[i] = worker_start(&options);
        ok = c->workers[i];
    }
    free(supplies);
    return ok;
}

/* As many callers as the configuration allows and descriptors suffice for: each needs one, and one
 * more upstream. */
static unsigned connection_limit(const struct config *config) {
    unsigned descriptors = process_descriptor_limit();
    unsigned affordable = descriptors > 128 ? (descriptors - 64) / 2 : 32;
    if (affordable >= config->max_connections)
        return config->max_connections;
    log_warning("limits.connections is more than the descriptors allow",
                LOG_NUMBER("connections", config->max_connections), LOG_NUMBER("used", affordable),
                LOG_NUMBER("descriptors", descriptors));
    return affordable;
}

static bool start_acceptor(struct control *c, unsigned max_connections) {
    struct acceptor_listener *list = calloc(c->listeners.count + 1, sizeof *list);
    size_t n = 0;
    for (size_t i = 0; list && i < c->listeners.count; i++)
        if (!c->listeners.at[i].admin)
            list[n++] = (struct acceptor_listener){.fd = c->listeners.at[i].fd,
                                                   .access = &c->listeners.at[i].config->access};
    c->acceptor =
        list ? acceptor_start(list, n, c->workers, c->worker_count, max_connections) : NULL;
    free(list);
    return c->acceptor != NULL;
}

/* The admin listener */

static void on_admin_breather(struct timer *timer, usec_t now) {
    struct control *c = container_of(timer, struct control, admin_breather);
    (void)now;
    if (!loop_change(&c->loop, &c->admin_watch, EPOLLIN))
        log_error("the admin listener cannot be watched");
}

/* What waits stays in the backlog for a moment; the listener would be ready all the time. */
static void pause_admin(struct control *c) {
    log_debug("no admin callers for the moment: out of descriptors or memory");
    if (loop_change(&c->loop, &c->admin_watch, 0))
        timer_set(&c->loop, &c->admin_breather, c->loop.now + ADMIN_BREATHER);
}

static void on_admin_caller(struct watch *watch, uint32_t events) {
    struct control *c = container_of(watch, struct control, admin_watch);
    (void)events;
    struct server_peer peer = {.access = c->admin_access, .address_len = sizeof peer.address};
    int fd = accept4(watch->fd, (struct sockaddr *)&peer.address, &peer.address_len,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            pause_admin(c);
        return;
    }
    if (server_connections(c->admin_server) < ADMIN_CONNECTIONS)
        (void)server_adopt(c->admin_server, fd, &peer);
    else
        close(fd);
}

static bool start_admin(struct control *c, struct config *config) {
    struct listener *last = c->listeners.count ? &c->listeners.at[c->listeners.count - 1] : NULL;
    if (!last || !last->admin)
        return true;
    c->admin = (struct admin){
        .config = config, .keeper = c->keeper, .loop = &c->loop, .started = c->loop.now};
    c->admin_access = &config->admin.access;
    struct server_options options = {.max_connections = ADMIN_CONNECTIONS,
                                     .header_bytes = ADMIN_HEADER_BYTES,
                                     .header_timeout = config->client_header_timeout,
                                     .idle_timeout = config->client_idle_timeout,
                                     .handler = &admin_handler,
                                     .context = &c->admin};
    c->admin_server = server_new(&c->loop, &options);
    c->admin_watch = (struct watch){.fd = last->fd, .ready = on_admin_caller};
    return c->admin_server && timer_init(&c->loop, &c->admin_breather, on_admin_breather) &&
           loop_watch(&c->loop, &c->admin_watch, EPOLLIN);
}

/* Stopping */

static void quit(struct control *c) {
    for (size_t i = 0; c->workers && i < c->worker_count; i++)
        if (c->workers[i])
            worker_quit(c->workers[i]);
}

static void on_drain_timer(struct timer *timer, usec_t now) {
    (void)now;
    log_warning("the drain time is over: what is in progress is cut");
    quit(container_of(timer, struct control, drain_timer));
}

static void drain(struct control *c) {
    timer_clear(&c->watchdog); /* STOPPING=1 ends its turn; workers may be gone before us */
    c->draining = c->admin.draining = true;
    process_notify("STOPPING=1");
    log_info("stopping: no new callers, requests in progress are finished",
             LOG_NUMBER("drain_timeout_ms", c->config->drain_timeout / USEC_PER_MS));
    acceptor_stop(&c->acceptor);
    listeners_refuse(&c->listeners);
    for (size_t i = 0; i < c->worker_count; i++)
        worker_drain(c->workers[i]);
    timer_set(&c->loop, &c->drain_timer, c->loop.now + c->config->drain_timeout);
}

static void on_signal(struct watch *watch, uint32_t events) {
    struct control *c = container_of(watch, struct control, signals);
    struct signalfd_siginfo info;
    (void)events;
    if (read(watch->fd, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGHUP)
        log_warning("SIGHUP is ignored: a changed configuration needs a restart");
    else if (c->draining)
        quit(c);
    else
        drain(c);
}

static bool watch_signals(struct control *c) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    c->signals =
        (struct watch){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .ready = on_signal};
    return c->signals.fd >= 0 && loop_watch(&c->loop, &c->signals, EPOLLIN);
}

/* The service manager hears that we live only while every worker answers: one that hangs is a
 * reason to be restarted. */
static void on_watchdog(struct timer *timer, usec_t now) {
    struct control *c = container_of(timer, struct control, watchdog);
    bool all = true;
    for (size_t i = 0; i < c->worker_count; i++) {
        all &= worker_answered(c->workers[i]);
        if (worker_answered(c->workers[i]))
            worker_ping(c->workers[i]);
    }
    if (all)
        process_notify("WATCHDOG=1");
    timer_set(&c->loop, timer, now + c->watchdog_interval / 4);
}

/* Running */

/* What OpenSSL could not set up now would be missing for good. */
static bool crypto_is_whole(void) {
    if (crypto_refusals())
        log_error("out of memory while TLS was set up");
    return crypto_refusals() == 0;
}

static bool set_up(struct control *c, struct config *config, const struct run_options *options) {
    struct config_errors errors;
    config_errors_init(&errors);
    c->trusts = trusts_load(config, &errors);
    bool ok = c->trusts && errors.count == 0;
    if (!ok)
        log_error("the TLS settings cannot be used", LOG_TEXT("errors", buf_text(&errors.text)));
    config_errors_done(&errors);
    unsigned max_connections = connection_limit(config);
    return ok && listeners_open(&c->listeners, config) && start_keeper(c, config) &&
           start_workers(c, config, max_connections) && start_admin(c, config) &&
           start_acceptor(c, max_connections) && crypto_is_whole() &&
           (!options->listen_file || listeners_write(&c->listeners, options->listen_file));
}

static void tell_ready(const struct control *c, const struct run_options *options) {
    struct bound *bound = calloc(c->listeners.count + 1, sizeof *bound);
    for (size_t i = 0; i < c->listeners.count; i++) {
        const struct bound *b = &c->listeners.at[i].bound;
        if (bound)
            bound[i] = *b;
        log_info(b->admin ? "admin listener" : "listening", LOG_STRING("address", b->address),
                 LOG_NUMBER("port", b->port));
    }
    if (c->config->route_count == 0)
        log_warning("no routes are configured: every request gets 404");
    if (options->on_ready && bound)
        options->on_ready(options->context, bound, c->listeners.count);
    free(bound);
    process_notify("READY=1");
}

static void serve(struct control *c) {
    while (c->stopped < c->worker_count && !c->failed) {
        bool busy = c->admin_server && server_is_due(c->admin_server);
        if (!loop_turn(&c->loop, busy ? 0 : USEC_NEVER)) {
            c->failed = true;
            return;
        }
        if (c->admin_server)
            server_run(c->admin_server);
    }
}

static void take_down(struct control *c) {
    acceptor_stop(&c->acceptor);
    quit(c);
    for (size_t i = 0; c->workers && i < c->worker_count; i++)
        worker_join(&c->workers[i]);
    free(c->workers);
    c->workers = NULL;
    server_free(&c->admin_server);
    listeners_close(&c->listeners);
    if (c->mailbox.loop)
        mailbox_done(&c->mailbox);
    keeper_free(&c->keeper);
    trusts_free(c->trusts, c->config);
    if (c->signals.fd >= 0)
        close(c->signals.fd);
    timer_done(&c->loop, &c->drain_timer);
    timer_done(&c->loop, &c->admin_breather);
    timer_done(&c->loop, &c->watchdog);
    loop_done(&c->loop);
}

int run(struct config *config, const struct run_options *options) {
    struct control c = {.config = config,
                        .loop.epoll = -1,
                        .signals.fd = -1,
                        .watchdog_interval = process_watchdog()};
    process_prepare();
    log_setup(config->log_level, config->log_format, log_writer_sink);
    bool logging = log_writer_start();
    bool dialling = dial_global_init();
    bool ok = dialling && loop_init(&c.loop) &&
              timer_init(&c.loop, &c.drain_timer, on_drain_timer) &&
              timer_init(&c.loop, &c.watchdog, on_watchdog) &&
              mailbox_init(&c.mailbox, &c.loop, receive, &c) && watch_signals(&c) &&
              set_up(&c, config, options);
    if (ok) {
        tell_ready(&c, options);
        if (c.watchdog_interval)
            on_watchdog(&c.watchdog, c.loop.now);
        serve(&c);
    } else {
        log_error("scoregate cannot start");
    }
    take_down(&c);
    if (dialling)
        dial_global_done();
    if (ok && !c.failed)
        log_info("stopped");
    if (logging)
        log_writer_stop();
    return ok && !c.failed ? 0 : 1;
}
