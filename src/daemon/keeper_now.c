/* SPDX-License-Identifier: MIT */
/* The keeper for commands: asking and waiting for the answer. */
#include "daemon/keeper_backend.h"

/* No call of a command takes longer. */
#define CALL_TIMEOUT (60 * USEC_PER_SEC)

static void nobody(void *owner, struct source *source) {
    (void)owner;
    (void)source;
}

/* Turns the loop until S has something that is not due to be fetched again, or has failed. */
static bool settle(struct keeper *k, struct source *s, struct azure_error *error) {
    struct source_use use = {.source = NULL};
    list_init(&use.node);
    source_use(&use, s, nobody, NULL);
    if (!source_usable(s) || s->renewal.refresh <= k->loop->now)
        source_fetch(s, "command");
    bool turned = true;
    while (turned && source_is_busy(s))
        turned = loop_turn(k->loop, USEC_NEVER);
    source_unuse(&use);
    if (source_usable(s))
        return true;
    if (s->failed)
        *error = s->error;
    else
        azure_error_set(error, AZURE_UNAVAILABLE, "the loop has failed");
    return false;
}

struct secret *keeper_token_now(struct keeper *k, const struct config_identity *identity,
                                const char *resource, struct azure_error *error) {
    struct source *s = source_of_identity(k->sources, identity, resource);
    if (s)
        return settle(k, s, error) ? secret_ref(source_secret(s)) : NULL;
    azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    return NULL;
}

const char *keeper_workspace_now(struct keeper *k, const struct config_named *named,
                                 const struct config_identity *identity,
                                 struct azure_error *error) {
    struct source *s = source_of_workspace(k->sources, named, identity);
    if (s)
        return settle(k, s, error) ? s->value.base : NULL;
    azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    return NULL;
}

/* A call that a command waits for. */
struct call {
    const struct azure_request *request;
    bool (*read)(void *context, const struct azure_answer *answer, struct azure_error *error);
    void *context;
    struct azure_error *error;
    bool over, good;
};

static void on_fetched(void *context, const struct azure_answer *answer,
                       const struct azure_error *error) {
    struct call *c = context;
    c->over = true;
    if (answer)
        c->good = c->read(c->context, answer, c->error);
    else
        *c->error = *error;
    if (!c->good)
        azure_error_hide(c->error, c->request);
}

bool keeper_call_now(struct keeper *k, const struct azure_request *r, size_t max_body,
                     bool (*read)(void *context, const struct azure_answer *answer,
                                  struct azure_error *error),
                     void *context, struct azure_error *error) {
    struct call c = {.request = r, .read = read, .context = context, .error = error};
    struct fetch *fetch =
        fetch_start(k->sources->fetcher, r, max_body, CALL_TIMEOUT, on_fetched, &c);
    if (!fetch) {
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
        return false;
    }
    while (!c.over && loop_turn(k->loop, USEC_NEVER))
        continue;
    if (!c.over) {
        fetch_cancel(&fetch);
        azure_error_set(error, AZURE_UNAVAILABLE, "the loop has failed");
    }
    return c.good;
}
