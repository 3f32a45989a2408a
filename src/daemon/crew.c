/* SPDX-License-Identifier: MIT */
/* The workers of daemon/crew.h. */
#include "daemon/crew.h"

#include "sys/process.h"

#include <stdlib.h>

enum state { SERVING, FRESH, RETIRED };

struct member {
    struct list node;
    struct message message; /* that it has stopped */
    struct crew *crew;
    struct worker *worker;
    struct worker_news *news; /* made ready; NULL: none */
    enum state state;
};

static struct member *of(struct list *node) {
    return list_entry(node, struct member, node);
}

void crew_init(struct crew *c, const struct crew_options *options) {
    *c = (struct crew){.options = *options};
    list_init(&c->all);
}

/* In the worker's thread. */
static void tell_stopped(void *owner) {
    struct member *m = owner;
    mailbox_post(m->crew->options.mailbox, &m->message);
}

static bool start(struct crew *c, unsigned header_bytes, struct plan *plan,
                  struct supply *const *supplies) {
    struct member *m = calloc(1, sizeof *m);
    if (!m)
        return false;
    *m = (struct member){.message.kind = c->options.stopped, .crew = c, .state = FRESH};
    list_init(&m->node);
    struct worker_options options = {.plan = plan,
                                     .supplies = supplies,
                                     .max_connections = process_descriptor_limit(),
                                     .header_bytes = header_bytes,
                                     .stopped = tell_stopped,
                                     .owner = m,
                                     .refused = c->options.refused,
                                     .accepted = c->options.accepted,
                                     .crowded = c->options.crowded,
                                     .context = c->options.context};
    m->worker = worker_start(&options);
    if (!m->worker) {
        free(m);
        return false;
    }
    list_push_back(&c->all, &m->node);
    return true;
}

bool crew_start(struct crew *c, size_t n, unsigned header_bytes, struct plan *plan,
                struct supply *const *supplies) {
    while (n && start(c, header_bytes, plan, supplies))
        n--;
    return n == 0;
}

void crew_dismiss(struct crew *c) {
    list_each (node, next, &c->all) {
        struct member *m = of(node);
        if (m->state != FRESH)
            continue;
        m->state = RETIRED;
        worker_quit(m->worker);
    }
}

struct worker **crew_list(const struct crew *c, size_t keep, size_t *count) {
    size_t members = 0;
    list_each (node, next, &c->all)
        members++;
    struct worker **workers = calloc(members + 1, sizeof(struct worker *));
    *count = 0;
    list_each (node, next, &c->all) {
        const struct member *m = of(node);
        bool wanted = m->state == FRESH || (m->state == SERVING && keep > 0);
        keep -= m->state == SERVING && keep > 0;
        if (workers && wanted)
            workers[(*count)++] = m->worker;
    }
    return workers;
}

void crew_change(struct crew *c, size_t keep) {
    c->count = 0;
    list_each (node, next, &c->all) {
        struct member *m = of(node);
        if (m->state == SERVING && keep == 0) {
            m->state = RETIRED;
            worker_retire(m->worker);
        }
        keep -= m->state == SERVING && keep > 0;
        if (m->state == FRESH)
            m->state = SERVING;
        c->count += m->state == SERVING;
    }
}

bool crew_prepare(struct crew *c, struct plan *plan) {
    list_each (node, next, &c->all)
        if (!(of(node)->news = worker_news(plan)))
            return false;
    return true;
}

void crew_reload(struct crew *c, struct supply *const *supplies) {
    list_each (node, next, &c->all)
        worker_reload(of(node)->worker, &of(node)->news, supplies);
}

void crew_forget(struct crew *c) {
    list_each (node, next, &c->all)
        worker_news_drop(&of(node)->news);
}

bool crew_supply(struct crew *c, uint64_t generation, unsigned backend, struct supply *supply) {
    bool all = true;
    list_each (node, next, &c->all)
        all &= worker_supply(of(node)->worker, generation, backend, supply);
    return all;
}

bool crew_answers(struct crew *c) {
    bool all = true;
    list_each (node, next, &c->all) {
        const struct member *m = of(node);
        all &= worker_answered(m->worker);
        if (worker_answered(m->worker))
            worker_ping(m->worker);
    }
    return all;
}

void crew_drain(struct crew *c) {
    list_each (node, next, &c->all)
        worker_drain(of(node)->worker);
}

void crew_quit(struct crew *c) {
    list_each (node, next, &c->all)
        worker_quit(of(node)->worker);
}

bool crew_stopped(struct crew *c, struct message *message) {
    struct member *m = container_of(message, struct member, message);
    bool retired = m->state == RETIRED;
    list_remove(&m->node);
    c->count -= m->state == SERVING;
    worker_join(&m->worker);
    worker_news_drop(&m->news);
    free(m);
    return retired;
}

bool crew_is_gone(const struct crew *c) {
    return list_empty(&c->all);
}

void crew_join(struct crew *c) {
    crew_quit(c);
    list_each (node, next, &c->all)
        worker_join(&of(node)->worker);
}
