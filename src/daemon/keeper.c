/* SPDX-License-Identifier: MIT */
/* The keeper of daemon/keeper.h: its sources, its backends, and what others ask of it. */
#include "daemon/keeper_backend.h"

#include "config/options.h"

#include <stdlib.h>
#include <string.h>

/* An operator may have a backend's credential fetched again this often. */
#define RENEW_INTERVAL (5 * USEC_PER_SEC)

struct fetcher *keeper_fetcher(struct keeper *k, const struct config *config, struct buf *why) {
    struct fetcher_options options = {
        .ca_file = config->azure.ca_file, .proxy = config->proxy, .no_proxy = config->no_proxy};
    return fetcher_new(k->loop, &options, why);
}

struct sources *keeper_sources(struct keeper *k, const struct config *config,
                               struct fetcher *fetcher, struct file_watch *files) {
    struct sources *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    *s = (struct sources){.loop = k->loop,
                          .fetcher = fetcher,
                          .files = files,
                          .config = config,
                          .once = k->options.once};
    sources_init(s);
    return s;
}

static bool set_up(struct keeper *k, struct buf *why) {
    struct config *config = k->options.config;
    k->fetcher = keeper_fetcher(k, config, why);
    if (!k->fetcher)
        return false;
    if (!k->options.once)
        k->files = file_watch_new(k->loop);
    k->sources = keeper_sources(k, config, k->fetcher, k->files);
    k->backends = calloc(config->backend_count + 1, sizeof *k->backends);
    bool ok = k->sources && k->backends && (k->options.once || k->files);
    for (unsigned i = 0; ok && i < config->backend_count; i++)
        ok = keeper_backend_init(&k->backends[i], k, k->sources, config->backends[i]);
    if (!ok)
        buf_add_string(why, "out of memory");
    return ok;
}

struct keeper *keeper_new(struct loop *loop, const struct keeper_options *options,
                          struct buf *why) {
    struct keeper *k = calloc(1, sizeof *k);
    if (!k) {
        buf_add_string(why, "out of memory");
        return NULL;
    }
    k->options = *options;
    k->options.config = config_ref(options->config);
    k->loop = loop;
    if (!set_up(k, why))
        keeper_free(&k);
    return k;
}

void keeper_free(struct keeper **pointer) {
    struct keeper *k = *pointer;
    *pointer = NULL;
    if (!k)
        return;
    for (size_t i = 0; k->backends && i < k->options.config->backend_count; i++)
        if (k->backends[i].keeper)
            keeper_backend_done(&k->backends[i]);
    free(k->backends);
    if (k->sources)
        sources_done(k->sources);
    free(k->sources);
    if (k->files)
        file_watch_free(&k->files);
    if (k->fetcher)
        fetcher_free(&k->fetcher);
    free(k->successors);
    config_unref(&k->options.config);
    free(k);
}

bool keeper_start(struct keeper *k) {
    bool ok = true;
    for (size_t i = 0; i < k->options.config->backend_count; i++)
        ok &= keeper_backend_attach(&k->backends[i]);
    for (size_t i = 0; i < k->options.config->backend_count; i++)
        keeper_backend_begin(&k->backends[i]);
    return ok;
}

struct supply *keeper_supply(const struct keeper *k, unsigned backend) {
    return k->backends[backend].supply;
}

void keeper_refused(struct keeper *k, unsigned backend, uint64_t revision, unsigned key) {
    keeper_backend_refused(&k->backends[backend], revision, key);
}

void keeper_accepted(struct keeper *k, unsigned backend, uint64_t revision, unsigned key) {
    keeper_backend_accepted(&k->backends[backend], revision, key);
}

void keeper_crowded(struct keeper *k, unsigned backend) {
    keeper_limit_crowded(&k->backends[backend]);
}

void keeper_prefer(struct keeper *k, unsigned backend, unsigned key) {
    k->backends[backend].preferred = key ? 1 : 0;
    keeper_backend_update(&k->backends[backend]);
}

bool keeper_renew(struct keeper *k, unsigned backend) {
    struct keeper_backend *r = &k->backends[backend];
    usec_t now = k->loop->now;
    if (r->renewed_at && now - r->renewed_at < RENEW_INTERVAL)
        return false;
    r->renewed_at = now;
    for (size_t i = 0; i < ARRAY_LEN(r->credentials); i++)
        if (r->credentials[i].source)
            source_retry(r->credentials[i].source, "rotate");
    return true;
}

/* What there is to see */

size_t keeper_count(const struct keeper *k) {
    return k->sources->count;
}

static const char *state_of(const struct source *s) {
    if (source_usable(s))
        return s->failed ? "failing" : "usable";
    if (s->failed && s->class->optional)
        return "unavailable";
    if (s->failed && (s->error.failure == AZURE_REJECTED || s->error.failure == AZURE_FORBIDDEN))
        return "rejected";
    return s->since ? "expired" : "pending";
}

static void describe(const struct source *s, struct credential_status *status) {
    *status = (struct credential_status){.name = s->name,
                                         .kind = s->kind,
                                         .state = state_of(s),
                                         .optional = s->class->optional,
                                         .fetching = source_is_busy(s),
                                         .since = s->since,
                                         .refresh = s->since ? s->shown_due : USEC_NEVER,
                                         .expires = s->since ? s->shown_end : USEC_NEVER,
                                         .refreshed = s->refreshed,
                                         .failed = s->failures,
                                         .error = s->failed ? &s->error : NULL,
                                         .fingerprint = s->fingerprint};
}

void keeper_status(const struct keeper *k, size_t i, struct credential_status *status) {
    list_each (node, next, &k->sources->all) {
        if (i-- == 0) {
            describe(list_entry(node, struct source, node), status);
            return;
        }
    }
    *status = (struct credential_status){0};
}

/* As the configuration would say it; a named endpoint that was not found yet may want anything. */
static const char *auth_word(enum config_auth_type auth) {
    const char *word = option_choice_name(option_find(OPTIONS_AUTH, TEXT("type")), auth);
    return word ? word : "unknown";
}

/* The source that the backend waits for: what a source waits for itself comes first. */
static const struct source *waits_for(const struct source *s) {
    for (size_t i = 0; s && i < SOURCE_NEEDS_MAX; i++)
        if (s->needs[i].source && !source_usable(s->needs[i].source))
            return waits_for(s->needs[i].source);
    return s;
}

void keeper_backend_status(const struct keeper *k, unsigned backend,
                           struct backend_status *status) {
    const struct keeper_backend *r = &k->backends[backend];
    const struct source_use *uses[] = {&r->lookup, &r->credentials[0], &r->credentials[1]};
    *status = (struct backend_status){.supply = r->supply, .auth = auth_word(r->auth)};
    if (r->supply->state == SUPPLY_READY && r->supply->expires > k->loop->now)
        return;
    for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
        const struct source *s = uses[i]->source;
        if (!s || source_usable(s))
            continue;
        s = waits_for(s);
        status->waits_for = s->name;
        status->error = s->failed ? &s->error : NULL;
        return;
    }
}

const char *keeper_backend_credential(const struct keeper *k, unsigned backend, size_t i) {
    const struct keeper_backend *r = &k->backends[backend];
    const struct source_use *uses[] = {&r->lookup, &r->credentials[0], &r->credentials[1],
                                       &r->deployments};
    for (size_t n = 0; n < ARRAY_LEN(uses); n++)
        if (uses[n]->source && i-- == 0)
            return uses[n]->source->name;
    return NULL;
}

bool keeper_settled(const struct keeper *k) {
    list_each (node, next, &k->sources->all) {
        const struct source *s = list_entry(node, struct source, node);
        if (source_is_busy(s) || (!s->since && !s->failed && !list_empty(&s->users)))
            return false;
    }
    return true;
}
