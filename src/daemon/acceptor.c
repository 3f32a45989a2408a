/* SPDX-License-Identifier: MIT */
/* The acceptor of daemon/acceptor.h. */
#include "daemon/acceptor.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/random.h"
#include "policy/reason.h"
#include "sys/loop.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Callers taken from one listener before the others get their turn. */
#define ACCEPTS_PER_TURN 64
/* How long to wait when descriptors are out. */
#define BREATHER (100 * USEC_PER_MS)

struct listening {
    struct watch watch;
    struct acceptor *acceptor;
    const struct access_list *access;
};

struct acceptor {
    pthread_t thread;
    sem_t begin;
    struct config *config;
    struct loop loop;
    struct watch stop_watch;
    struct timer breather;
    struct listening *listening;
    size_t count;
    struct worker **workers;
    size_t worker_count;
    unsigned max_connections;
    bool begun, stopping, told;
};

/* The worker with the fewest connections, or NULL if all are full together. */
static struct worker *choose(const struct acceptor *a) {
    struct worker *best = NULL;
    unsigned least = 0, total = 0;
    for (size_t i = 0; i < a->worker_count; i++) {
        unsigned load = worker_load(a->workers[i]);
        total += load;
        if (!best || load < least) {
            best = a->workers[i];
            least = load;
        }
    }
    return total < a->max_connections ? best : NULL;
}

/* Tells one caller too many so, without reading its request. */
static void refuse(int fd) {
    enum reason why = REASON_too_many_connections;
    char id[RANDOM_UUID_LEN + 1];
    struct buf body, answer;
    buf_init(&body, 2048);
    buf_init(&answer, 4096);
    random_uuid(id);
    problem_write(&body, why, (struct text){0}, text_of(id));
    buf_addf(&answer,
             "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
             "Content-Type: application/problem+json\r\nProxy-Status: scoregate; error=%s\r\n"
             "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nRetry-After: 1\r\n"
             "x-ms-client-request-id: %s\r\n"
             "Content-Length: %zu\r\n\r\n%.*s",
             reason_proxy_error(why), id, body.len, TEXT_ARG(buf_text(&body)));
    if (buf_ok(&body) && buf_ok(&answer)) {
        /* What was sent so far is taken, so that closing does not reset the answer away. */
        char drop[4096];
        (void)recv(fd, drop, sizeof drop, MSG_DONTWAIT);
        (void)send(fd, answer.at, answer.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        shutdown(fd, SHUT_WR);
        (void)recv(fd, drop, sizeof drop, MSG_DONTWAIT);
    }
    buf_done(&body);
    buf_done(&answer);
    close(fd);
}

static void watch_all(struct acceptor *a, bool on) {
    for (size_t i = 0; i < a->count; i++)
        if (!loop_change(&a->loop, &a->listening[i].watch, on ? EPOLLIN : 0))
            log_error("a listener cannot be watched");
}

/* Descriptors or memory are out: what waits stays in the backlog for a moment. */
static void pause_accepting(struct acceptor *a) {
    if (!a->told)
        log_warning("no new callers for the moment: out of descriptors or memory");
    a->told = true;
    watch_all(a, false);
    timer_set(&a->loop, &a->breather, a->loop.now + BREATHER);
}

static void on_breather(struct timer *timer, usec_t now) {
    (void)now;
    watch_all(container_of(timer, struct acceptor, breather), true);
}

static void on_listener(struct watch *watch, uint32_t events) {
    struct listening *l = container_of(watch, struct listening, watch);
    struct acceptor *a = l->acceptor;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && !a->stopping; i++) {
        struct server_peer peer = {
            .config = a->config, .access = l->access, .address_len = sizeof peer.address};
        int fd = accept4(watch->fd, (struct sockaddr *)&peer.address, &peer.address_len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                pause_accepting(a);
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            return;
        }
        a->told = false;
        struct worker *w = choose(a);
        if (w)
            worker_adopt(w, fd, &peer);
        else
            refuse(fd);
    }
}

/* Who waits in a backlog is taken first: the listener may be closed next. */
static void on_stop(struct watch *watch, uint32_t events) {
    struct acceptor *a = container_of(watch, struct acceptor, stop_watch);
    for (size_t i = 0; i < a->count; i++)
        on_listener(&a->listening[i].watch, events);
    a->stopping = true;
}

static void *acceptor_main(void *context) {
    struct acceptor *a = context;
    while (sem_wait(&a->begin) != 0)
        continue; /* interrupted */
    while (!a->stopping)
        if (!loop_turn(&a->loop, USEC_NEVER)) {
            log_error("no new callers can be taken any more");
            break;
        }
    return NULL;
}

static void release(struct acceptor *a) {
    if (a->stop_watch.fd >= 0)
        close(a->stop_watch.fd);
    timer_done(&a->loop, &a->breather);
    loop_done(&a->loop);
    sem_destroy(&a->begin);
    config_unref(&a->config);
    free(a->listening);
    free(a->workers);
    free(a);
}

static bool set_up(struct acceptor *a, const struct acceptor_options *options) {
    if (!a->listening || !a->workers || !loop_init(&a->loop) ||
        !timer_init(&a->loop, &a->breather, on_breather))
        return false;
    for (size_t i = 0; i < a->worker_count; i++)
        a->workers[i] = options->workers[i];
    a->stop_watch = (struct watch){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = on_stop};
    bool ok = a->stop_watch.fd >= 0 && loop_watch(&a->loop, &a->stop_watch, EPOLLIN);
    for (size_t i = 0; ok && i < a->count; i++) {
        const struct acceptor_listener *l = &options->listeners[i];
        a->listening[i] = (struct listening){
            .watch = {.fd = l->fd, .ready = on_listener}, .acceptor = a, .access = l->access};
        ok = loop_watch(&a->loop, &a->listening[i].watch, EPOLLIN);
    }
    return ok;
}

struct acceptor *acceptor_new(const struct acceptor_options *options) {
    struct acceptor *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    *a = (struct acceptor){.config = config_ref(options->config),
                           .loop.epoll = -1,
                           .stop_watch.fd = -1,
                           .count = options->listener_count,
                           .listening = calloc(options->listener_count + 1, sizeof *a->listening),
                           .worker_count = options->worker_count,
                           .workers = calloc(options->worker_count + 1, sizeof(struct worker *)),
                           .max_connections = options->max_connections};
    sem_init(&a->begin, 0, 0);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = set_up(a, options) && pthread_create(&a->thread, NULL, acceptor_main, a) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ok)
        return a;
    log_error("the acceptor cannot start: out of memory, descriptors or threads");
    release(a);
    return NULL;
}

void acceptor_begin(struct acceptor *a) {
    a->begun = true;
    sem_post(&a->begin);
}

void acceptor_stop(struct acceptor **pointer) {
    struct acceptor *a = *pointer;
    *pointer = NULL;
    if (!a)
        return;
    uint64_t one = 1;
    /* The counter of an eventfd that nobody reads has room for one more. */
    if (write(a->stop_watch.fd, &one, sizeof one) != sizeof one)
        log_error("the acceptor does not hear");
    if (!a->begun) {
        a->stopping = true; /* the thread waits, and takes nobody */
        sem_post(&a->begin);
    }
    pthread_join(a->thread, NULL);
    release(a);
}
