/* SPDX-License-Identifier: MIT */
/* The control thread: sets everything up, waits for signals, drains, and takes everything down. */
#include "daemon/control.h"

#include "base/log.h"
#include "gateway/trusts.h"
#include "sys/log_writer.h"
#include "sys/process.h"
#include "upstream/crypto.h"
#include "upstream/dial.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* One worker scores about 40,000 times a second; two keep the machine's other core in reach. */
#define WORKERS_DEFAULT 2
/* When supplies for which there was no memory are handed out again. */
#define SUPPLY_AGAIN (100 * USEC_PER_MS)

enum { MESSAGE_STOPPED, MESSAGE_REFUSED, MESSAGE_ACCEPTED, MESSAGE_CROWDED };

void run_check(const struct config *config, struct config_errors *errors) {
    struct trust **trusts = trusts_load(config, NULL, 0, errors);
    if (!trusts)
        config_error(errors, (struct config_where){0}, "out of memory");
    trusts_free(trusts, config);
}

/* What workers tell */

struct key_message {
    struct message message;
    unsigned backend, key;
    uint64_t generation, revision;
};

static bool tell_key(struct control *c, unsigned kind, uint64_t generation, unsigned backend,
                     uint64_t revision, unsigned key) {
    struct key_message *m = malloc(sizeof *m);
    if (!m)
        return false;
    *m = (struct key_message){.message.kind = kind,
                              .generation = generation,
                              .backend = backend,
                              .revision = revision,
                              .key = key};
    mailbox_post(&c->mailbox, &m->message);
    return true;
}

static bool tell_refused(void *context, uint64_t generation, unsigned backend, uint64_t revision,
                         unsigned key) {
    return tell_key(context, MESSAGE_REFUSED, generation, backend, revision, key);
}

static bool tell_accepted(void *context, uint64_t generation, unsigned backend, uint64_t revision,
                          unsigned key) {
    return tell_key(context, MESSAGE_ACCEPTED, generation, backend, revision, key);
}

static bool tell_crowded(void *context, uint64_t generation, unsigned backend, uint64_t revision,
                         unsigned key) {
    return tell_key(context, MESSAGE_CROWDED, generation, backend, revision, key);
}

/* Word of the plan before the present one may have been on its way; what is older is old news. */
static unsigned present_backend(const struct control *c, const struct key_message *m) {
    if (m->generation == c->plan->generation)
        return m->backend;
    return m->generation + 1 == c->plan->generation ? keeper_successor(c->keeper, m->backend)
                                                    : KEEPER_NO_BACKEND;
}

static void receive_key(struct control *c, const struct key_message *m) {
    unsigned backend = present_backend(c, m);
    if (backend == KEEPER_NO_BACKEND)
        return;
    if (m->message.kind == MESSAGE_REFUSED)
        keeper_refused(c->keeper, backend, m->revision, m->key);
    else if (m->message.kind == MESSAGE_ACCEPTED)
        keeper_accepted(c->keeper, backend, m->revision, m->key);
    else
        keeper_crowded(c->keeper, backend);
}

static void receive(void *context, struct message *message) {
    struct control *c = context;
    if (message->kind == MESSAGE_STOPPED) {
        bool expected = crew_stopped(&c->crew, message) || c->draining;
        c->failed |= !expected;
        return;
    }
    receive_key(c, container_of(message, struct key_message, message));
    free(message);
}

/* What workers are told */

static void hand_out(void *context, unsigned backend, struct supply *supply) {
    struct control *c = context;
    if (c->reloading) /* workers get it with the plan */
        return;
    plan_follow(c->plan, backend, supply);
    if (crew_supply(&c->crew, c->plan->generation, backend, supply))
        return;
    log_error("out of memory: workers get a new credential or endpoint a moment later");
    timer_set(&c->loop, &c->supply_timer, c->loop.now + SUPPLY_AGAIN);
}

/* Whoever did not hear of a supply gets them all: what is known already changes nothing. */
static void on_supply_timer(struct timer *timer, usec_t now) {
    struct control *c = container_of(timer, struct control, supply_timer);
    bool all = true;
    for (unsigned i = 0; i < c->plan->config->backend_count; i++)
        all &= crew_supply(&c->crew, c->plan->generation, i, keeper_supply(c->keeper, i));
    if (!all)
        timer_set(&c->loop, timer, now + SUPPLY_AGAIN);
}

/* Setting up */

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

struct supply **control_supplies(const struct control *c) {
    size_t count = c->plan->config->backend_count;
    struct supply **supplies = calloc(count + 1, sizeof(struct supply *));
    for (unsigned i = 0; supplies && i < count; i++)
        supplies[i] = keeper_supply(c->keeper, i);
    return supplies;
}

size_t control_workers(const struct config *config) {
    unsigned cpus = process_cpus();
    return config->workers ? config->workers : cpus < WORKERS_DEFAULT ? cpus : WORKERS_DEFAULT;
}

static void set_up_crew(struct control *c) {
    struct crew_options options = {.mailbox = &c->mailbox,
                                   .stopped = MESSAGE_STOPPED,
                                   .refused = tell_refused,
                                   .accepted = tell_accepted,
                                   .crowded = tell_crowded,
                                   .context = c};
    crew_init(&c->crew, &options);
}

static bool start_workers(struct control *c) {
    struct supply **supplies = control_supplies(c);
    if (supplies)
        plan_take_effect(c->plan, supplies);
    bool ok = supplies && crew_start(&c->crew, control_workers(c->plan->config),
                                     c->plan->config->header_bytes, c->plan, supplies);
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

struct acceptor *control_acceptor(const struct listeners *listeners, struct config *config,
                                  const struct crew *crew, size_t keep) {
    struct acceptor_listener *list = calloc(listeners->count + 1, sizeof *list);
    size_t n = 0, workers_count = 0;
    struct worker **workers = crew_list(crew, keep, &workers_count);
    for (size_t i = 0; list && i < listeners->count; i++)
        if (!listeners->at[i].admin)
            list[n++] = (struct acceptor_listener){.fd = listeners->at[i].fd,
                                                   .access = &listeners->at[i].config->access};
    struct acceptor_options options = {.config = config,
                                       .listeners = list,
                                       .listener_count = n,
                                       .workers = workers,
                                       .worker_count = workers_count,
                                       .max_connections = connection_limit(config)};
    struct acceptor *acceptor = list && workers ? acceptor_new(&options) : NULL;
    free(list);
    free(workers);
    return acceptor;
}

static bool start_acceptor(struct control *c) {
    c->acceptor = control_acceptor(&c->listeners, c->plan->config, &c->crew, 0);
    if (!c->acceptor)
        return false;
    crew_change(&c->crew, 0);
    acceptor_begin(c->acceptor);
    return true;
}

bool control_admin(struct control *c, const struct listeners *listeners, struct config *config,
                   struct admin_listener **l) {
    const struct listener *last = listeners->count ? &listeners->at[listeners->count - 1] : NULL;
    *l = NULL;
    if (!last || !last->admin)
        return true;
    *l = admin_listener_new(&c->loop, &c->admin, config, last->fd);
    return *l;
}

static bool start_admin(struct control *c) {
    c->admin = (struct admin){
        .plan = c->plan, .keeper = c->keeper, .loop = &c->loop, .started = c->loop.now};
    return control_admin(c, &c->listeners, c->plan->config, &c->admin_listener);
}

static bool make_plan(struct control *c, struct config *config) {
    struct config_errors errors;
    config_errors_init(&errors);
    c->plan = plan_new(config, NULL, &errors);
    if (!c->plan)
        log_error("the TLS settings cannot be used", LOG_TEXT("errors", buf_text(&errors.text)));
    config_errors_done(&errors);
    return c->plan;
}

/* What OpenSSL could not set up now would be missing for good. */
static bool crypto_is_whole(void) {
    if (crypto_refusals())
        log_error("out of memory while TLS was set up");
    return crypto_refusals() == 0;
}

static bool set_up(struct control *c, struct config *config) {
    const char *file = c->options->listen_file;
    set_up_crew(c);
    return make_plan(c, config) && listeners_open(&c->listeners, config, NULL) &&
           start_keeper(c, config) && start_workers(c) && start_admin(c) && start_acceptor(c) &&
           crypto_is_whole() && (!file || listeners_write(&c->listeners, file));
}

/* Stopping */

static void on_drain_timer(struct timer *timer, usec_t now) {
    (void)now;
    log_warning("the drain time is over: what is in progress is cut");
    crew_quit(&container_of(timer, struct control, drain_timer)->crew);
}

static void drain(struct control *c) {
    usec_t timeout = c->plan->config->drain_timeout;
    timer_clear(&c->watchdog); /* STOPPING=1 ends its turn; workers may be gone before us */
    c->draining = c->admin.draining = true;
    process_notify("STOPPING=1");
    log_info("stopping: no new callers, requests in progress are finished",
             LOG_NUMBER("drain_timeout_ms", timeout / USEC_PER_MS));
    acceptor_stop(&c->acceptor);
    listeners_refuse(&c->listeners);
    crew_drain(&c->crew);
    timer_set(&c->loop, &c->drain_timer, c->loop.now + timeout);
}

static void hang_up(struct control *c) {
    if (c->draining)
        log_warning("SIGHUP is ignored: stopping");
    else if (!c->options->load)
        log_warning("SIGHUP is ignored: there is no configuration file to load again");
    else
        control_reload(c);
}

static void on_signal(struct watch *watch, uint32_t events) {
    struct control *c = container_of(watch, struct control, signals);
    struct signalfd_siginfo info;
    (void)events;
    if (read(watch->fd, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGHUP)
        hang_up(c);
    else if (c->draining)
        crew_quit(&c->crew);
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
    if (crew_answers(&c->crew))
        process_notify("WATCHDOG=1");
    timer_set(&c->loop, timer, now + c->watchdog_interval / 4);
}

/* Running */

static void tell_ready(const struct control *c) {
    struct bound *bound = calloc(c->listeners.count + 1, sizeof *bound);
    for (size_t i = 0; i < c->listeners.count; i++) {
        const struct bound *b = &c->listeners.at[i].bound;
        if (bound)
            bound[i] = *b;
        log_info(b->admin ? "admin listener" : "listening", LOG_STRING("address", b->address),
                 LOG_NUMBER("port", b->port));
    }
    if (c->plan->config->route_count == 0)
        log_warning("no routes are configured: every request gets 404");
    if (c->options->on_ready && bound)
        c->options->on_ready(c->options->context, bound, c->listeners.count);
    free(bound);
    process_notify("READY=1");
}

static bool admin_is_due(const struct control *c) {
    return c->admin_listener && server_is_due(c->admin_listener->server);
}

static void serve(struct control *c) {
    while (!crew_is_gone(&c->crew) && !c->failed) {
        if (!loop_turn(&c->loop, admin_is_due(c) ? 0 : USEC_NEVER)) {
            c->failed = true;
            return;
        }
        if (c->admin_listener)
            server_run(c->admin_listener->server);
    }
}

static void take_down(struct control *c) {
    acceptor_stop(&c->acceptor);
    if (c->crew.options.mailbox)
        crew_join(&c->crew);
    admin_listener_free(&c->admin_listener);
    listeners_close(&c->listeners);
    if (c->mailbox.loop)
        mailbox_done(&c->mailbox);
    keeper_free(&c->keeper);
    plan_unref(&c->plan);
    if (c->signals.fd >= 0)
        close(c->signals.fd);
    timer_done(&c->loop, &c->drain_timer);
    timer_done(&c->loop, &c->watchdog);
    timer_done(&c->loop, &c->supply_timer);
    loop_done(&c->loop);
}

int run(struct config *config, const struct run_options *options) {
    struct control c = {.options = options,
                        .loop.epoll = -1,
                        .signals.fd = -1,
                        .watchdog_interval = process_watchdog()};
    process_prepare();
    log_setup(config->log_level, config->log_format, log_writer_sink);
    bool logging = log_writer_start();
    bool dialling = dial_global_init();
    bool ok =
        dialling && loop_init(&c.loop) && timer_init(&c.loop, &c.drain_timer, on_drain_timer) &&
        timer_init(&c.loop, &c.watchdog, on_watchdog) &&
        timer_init(&c.loop, &c.supply_timer, on_supply_timer) &&
        mailbox_init(&c.mailbox, &c.loop, receive, &c) && watch_signals(&c) && set_up(&c, config);
    if (ok) {
        tell_ready(&c);
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
