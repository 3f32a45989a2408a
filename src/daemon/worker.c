/* SPDX-License-Identifier: MIT */
/* The worker of daemon/worker.h. */
#include "daemon/worker.h"

#include "base/log.h"
#include "sys/mailbox.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* Rounds in one turn, before timers and messages are looked at again. */
#define ROUNDS_MAX 4

/* When a plan that did not fit into memory is tried again. */
#define NEWS_AGAIN (100 * USEC_PER_MS)

enum {
    MESSAGE_CALLER,
    MESSAGE_SUPPLY,
    MESSAGE_NEWS,
    MESSAGE_WAKE, /* the turn that it comes in is all that is wanted */
    MESSAGE_PING,
    MESSAGE_RETIRE,
    MESSAGE_DRAIN,
    MESSAGE_QUIT
};

struct caller_message {
    struct message message;
    int fd;
    struct server_peer peer;
};

struct supply_message {
    struct message message;
    uint64_t generation;
    unsigned backend;
    struct supply *supply;
};

struct worker_news {
    struct message message;
    struct plan *plan;
    struct supply **supplies; /* one per backend of the plan */
};

/* One of the messages that take no memory when they are sent: each is on its way at most once. */
struct order {
    struct message message;
    atomic_bool posted;
};

struct worker {
    struct worker_options options;
    pthread_t thread;
    struct loop loop;
    struct mailbox mailbox;
    struct dialer *dialer;
    struct gateway *gateway;
    struct server *server;
    atomic_bool silent; /* a ping was not answered yet */
    atomic_uint load;   /* connections here and on the way here */
    bool retired, draining, quitting;
    struct worker_news *news; /* that did not fit into memory yet; NULL: none */
    struct timer news_timer;
    struct list owed; /* supplies that did not either */
    struct timer owed_timer;
    struct order orders[MESSAGE_QUIT + 1];
};

static void adopt(struct worker *w, struct caller_message *m) {
    if (w->draining || w->quitting)
        close(m->fd);
    else
        (void)server_adopt(w->server, m->fd, &m->peer);
    config_unref(&m->peer.config);
    free(m);
}

static void drop_supply(struct supply_message *m) {
    supply_unref(&m->supply);
    free(m);
}

/* One for another plan than the present one can only be for the plan that is waited for. */
static void use_supply(struct worker *w, struct supply_message *m) {
    struct worker_news *news = w->news;
    if (news && news->plan->generation == m->generation) {
        supply_unref(&news->supplies[m->backend]);
        news->supplies[m->backend] = supply_ref(m->supply);
    } else if (!w->quitting && w->gateway->plan->generation == m->generation &&
               !gateway_supply(w->gateway, m->backend, m->supply)) {
        list_push_back(&w->owed, &m->message.node);
        timer_set(&w->loop, &w->owed_timer, w->loop.now + NEWS_AGAIN);
        return;
    }
    drop_supply(m);
}

/* False: it has to be tried again. */
static bool use_news(struct worker *w, const struct worker_news *news) {
    const struct config *config = news->plan->config;
    if (!gateway_reload(w->gateway, news->plan, news->supplies))
        return false;
    dialer_keep(w->dialer, news->plan->trusts, config->route_count);
    if (w->server) /* not if the loop has ended already */
        server_set_timeouts(w->server, config->client_header_timeout, config->client_idle_timeout);
    return true;
}

/* Supplies that did not fit into memory, in their order. */
static void on_owed_timer(struct timer *timer, usec_t now) {
    struct worker *w = container_of(timer, struct worker, owed_timer);
    struct list owed, *node;
    (void)now;
    list_take_all(&owed, &w->owed);
    while ((node = list_pop_front(&owed)))
        use_supply(w, container_of(list_entry(node, struct message, node), struct supply_message,
                                   message));
}

static void drop_owed(struct worker *w) {
    struct list *node;
    while ((node = list_pop_front(&w->owed)))
        drop_supply(
            container_of(list_entry(node, struct message, node), struct supply_message, message));
}

static void on_news_timer(struct timer *timer, usec_t now) {
    struct worker *w = container_of(timer, struct worker, news_timer);
    if (use_news(w, w->news))
        worker_news_drop(&w->news);
    else
        timer_set(&w->loop, timer, now + NEWS_AGAIN);
}

static void take_news(struct worker *w, struct worker_news *news) {
    worker_news_drop(&w->news); /* which this one replaces */
    timer_clear(&w->news_timer);
    if (w->quitting || use_news(w, news)) {
        worker_news_drop(&news);
        return;
    }
    log_error("out of memory: a worker keeps the old configuration until there is some");
    w->news = news;
    timer_set(&w->loop, &w->news_timer, w->loop.now + NEWS_AGAIN);
}

/* It may be sent once more from here on: what comes while this one is followed is not lost. */
static void follow(struct worker *w, struct order *o) {
    unsigned kind = o->message.kind;
    atomic_store(&o->posted, false);
    switch (kind) {
    case MESSAGE_PING:
        atomic_store(&w->silent, false);
        return;
    case MESSAGE_RETIRE:
        w->retired = true;
        if (w->server) /* not if the loop has ended already */
            server_retire(w->server);
        return;
    case MESSAGE_DRAIN:
        w->draining = w->gateway->draining = true;
        if (w->server)
            server_drain(w->server);
        return;
    case MESSAGE_QUIT:
        w->quitting = true;
        return;
    }
}

static void receive(void *context, struct message *message) {
    struct worker *w = context;
    switch (message->kind) {
    case MESSAGE_CALLER:
        adopt(w, container_of(message, struct caller_message, message));
        return;
    case MESSAGE_SUPPLY:
        use_supply(w, container_of(message, struct supply_message, message));
        return;
    case MESSAGE_NEWS:
        take_news(w, container_of(message, struct worker_news, message));
        return;
    }
    follow(w, container_of(message, struct order, message));
}

/* Callers' requests, then what they start upstream, until neither gives the other more to do. True:
 * there is more, do not sleep. */
static bool turn(struct worker *w) {
    bool dials = false;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        server_run(w->server);
        gateway_turn(w->gateway);
        dials = dialer_turn(w->dialer);
        if (!server_is_due(w->server) && !gateway_is_due(w->gateway))
            break;
    }
    return dials || server_is_due(w->server) || gateway_is_due(w->gateway);
}

static usec_t nap_until(struct worker *w, bool busy) {
    return busy ? 0 : dialer_deadline(w->dialer);
}

static void *worker_main(void *context) {
    struct worker *w = context;
    bool busy = true;
    while (!w->quitting) {
        if (!loop_turn(&w->loop, nap_until(w, busy))) {
            log_error("a worker cannot wait for events any more");
            break;
        }
        busy = turn(w);
        unsigned connections = server_connections(w->server);
        atomic_store_explicit(&w->load, connections, memory_order_relaxed);
        if ((w->draining || w->retired) && connections == 0)
            break;
    }
    server_free(&w->server);
    w->options.stopped(w->options.owner);
    return NULL;
}

static void release(struct worker *w) {
    if (w->mailbox.loop)
        mailbox_done(&w->mailbox);
    server_free(&w->server);
    worker_news_drop(&w->news);
    drop_owed(w);
    timer_done(&w->loop, &w->news_timer);
    timer_done(&w->loop, &w->owed_timer);
    gateway_free(&w->gateway);
    dialer_free(&w->dialer);
    loop_done(&w->loop);
    free(w);
}

static void order(struct worker *w, unsigned kind) {
    struct order *o = &w->orders[kind];
    if (atomic_exchange(&o->posted, true))
        return;
    o->message.kind = kind;
    mailbox_post(&w->mailbox, &o->message);
}

static void wake(void *context) {
    order(context, MESSAGE_WAKE);
}

static bool set_up(struct worker *w) {
    const struct config *config = w->options.plan->config;
    if (!loop_init(&w->loop) || !timer_init(&w->loop, &w->news_timer, on_news_timer) ||
        !timer_init(&w->loop, &w->owed_timer, on_owed_timer))
        return false;
    w->dialer = dialer_new(&w->loop);
    struct gateway_options gateway = {.plan = w->options.plan,
                                      .supplies = w->options.supplies,
                                      .refused = w->options.refused,
                                      .accepted = w->options.accepted,
                                      .crowded = w->options.crowded,
                                      .wake = wake,
                                      .context = w->options.context,
                                      .wake_context = w};
    w->gateway = w->dialer ? gateway_new(&w->loop, w->dialer, &gateway) : NULL;
    if (!w->gateway)
        return false;
    struct server_options options = {.max_connections = w->options.max_connections,
                                     .header_bytes = w->options.header_bytes,
                                     .header_timeout = config->client_header_timeout,
                                     .idle_timeout = config->client_idle_timeout,
                                     .handler = &exchange_handler,
                                     .context = w->gateway};
    w->server = server_new(&w->loop, &options);
    return w->server && mailbox_init(&w->mailbox, &w->loop, receive, w);
}

struct worker *worker_start(const struct worker_options *options) {
    struct worker *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->options = *options;
    w->loop.epoll = -1;
    list_init(&w->owed);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the control thread's */
    bool ok = set_up(w) && pthread_create(&w->thread, NULL, worker_main, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ok)
        return w;
    log_error("a worker cannot start: out of memory, descriptors or threads");
    release(w);
    return NULL;
}

void worker_adopt(struct worker *w, int fd, const struct server_peer *peer) {
    struct caller_message *m = malloc(sizeof *m);
    if (!m) {
        close(fd);
        return;
    }
    *m = (struct caller_message){.message.kind = MESSAGE_CALLER, .fd = fd, .peer = *peer};
    (void)config_ref(peer->config);
    atomic_fetch_add_explicit(&w->load, 1, memory_order_relaxed);
    mailbox_post(&w->mailbox, &m->message);
}

bool worker_supply(struct worker *w, uint64_t generation, unsigned backend, struct supply *supply) {
    struct supply_message *m = malloc(sizeof *m);
    if (!m)
        return false;
    *m = (struct supply_message){.message.kind = MESSAGE_SUPPLY,
                                 .generation = generation,
                                 .backend = backend,
                                 .supply = supply_ref(supply)};
    mailbox_post(&w->mailbox, &m->message);
    return true;
}

struct worker_news *worker_news(struct plan *plan) {
    struct worker_news *news = calloc(1, sizeof *news);
    if (!news)
        return NULL;
    news->message.kind = MESSAGE_NEWS;
    news->plan = plan_ref(plan);
    news->supplies = calloc(plan->config->backend_count + 1, sizeof(struct supply *));
    if (!news->supplies)
        worker_news_drop(&news);
    return news;
}

void worker_news_drop(struct worker_news **pointer) {
    struct worker_news *news = *pointer;
    *pointer = NULL;
    if (!news)
        return;
    for (size_t i = 0; news->supplies && i < news->plan->config->backend_count; i++)
        supply_unref(&news->supplies[i]);
    free(news->supplies);
    plan_unref(&news->plan);
    free(news);
}

void worker_reload(struct worker *w, struct worker_news **pointer, struct supply *const *supplies) {
    struct worker_news *news = *pointer;
    *pointer = NULL;
    for (size_t i = 0; i < news->plan->config->backend_count; i++)
        news->supplies[i] = supply_ref(supplies[i]);
    mailbox_post(&w->mailbox, &news->message);
}

unsigned worker_load(const struct worker *w) {
    return atomic_load_explicit(&w->load, memory_order_relaxed);
}

void worker_ping(struct worker *w) {
    atomic_store(&w->silent, true);
    order(w, MESSAGE_PING);
}

bool worker_answered(const struct worker *w) {
    return !atomic_load(&w->silent);
}

void worker_retire(struct worker *w) {
    order(w, MESSAGE_RETIRE);
}

void worker_drain(struct worker *w) {
    order(w, MESSAGE_DRAIN);
}

void worker_quit(struct worker *w) {
    order(w, MESSAGE_QUIT);
}

void worker_join(struct worker **pointer) {
    struct worker *w = *pointer;
    *pointer = NULL;
    if (!w)
        return;
    pthread_join(w->thread, NULL);
    w->quitting = true; /* callers that are still in the mailbox are closed */
    release(w);
}
