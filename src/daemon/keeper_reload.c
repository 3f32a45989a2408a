/* SPDX-License-Identifier: MIT */
/* A keeper under another configuration. Everything that can fail is made first, beside what there
 * is; then the new takes over from the old. */
#include "daemon/keeper_backend.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What will be in place of the same in the keeper. */
struct change {
    struct config *config;
    struct fetcher *fetcher; /* NULL: that which is there does */
    struct sources *sources;
    struct keeper_backend *backends;
    unsigned *successors; /* of the backends there are */
};

/* The predecessor of a backend: of the same route, to the same endpoint, and not taken yet. */
static unsigned find_old(const struct keeper *k, const struct change *c,
                         const struct config_backend *b) {
    const struct config *config = k->options.config;
    for (unsigned i = 0; i < config->backend_count; i++)
        if (c->successors[i] == KEEPER_NO_BACKEND &&
            strcmp(config->backends[i]->route->path, b->route->path) == 0 &&
            config_same_backend(config->backends[i], b))
            return i;
    return KEEPER_NO_BACKEND;
}

static bool prepare_backend(struct keeper *k, struct change *c, unsigned i) {
    struct keeper_backend *r = &c->backends[i];
    unsigned old = find_old(k, c, c->config->backends[i]);
    if (!keeper_backend_init(r, k, c->sources, c->config->backends[i]) || !keeper_backend_attach(r))
        return false;
    if (old == KEEPER_NO_BACKEND)
        return true;
    c->successors[old] = i;
    return keeper_backend_follow(r, &k->backends[old]);
}

/* A CA file is read again, too. */
static bool needs_fetcher(const struct keeper *k, const struct config *config) {
    return config->azure.ca_file || !config_same_control_plane(k->options.config, config);
}

static bool prepare(struct keeper *k, struct change *c, struct buf *why) {
    size_t count = c->config->backend_count, old_count = k->options.config->backend_count;
    bool fresh = needs_fetcher(k, c->config);
    if (fresh && !(c->fetcher = keeper_fetcher(k, c->config, why)))
        return false;
    c->sources = keeper_sources(k, c->config, fresh ? c->fetcher : k->fetcher, k->files);
    c->backends = calloc(count + 1, sizeof *c->backends);
    c->successors = calloc(old_count + 1, sizeof *c->successors);
    bool ok = c->sources && c->backends && c->successors;
    for (size_t i = 0; ok && i < old_count; i++)
        c->successors[i] = KEEPER_NO_BACKEND;
    for (unsigned i = 0; ok && i < count; i++)
        ok = prepare_backend(k, c, i);
    if (!ok)
        buf_add_string(why, "out of memory");
    return ok;
}

static void free_backends(struct keeper_backend *backends, size_t count) {
    for (size_t i = 0; backends && i < count; i++)
        if (backends[i].keeper)
            keeper_backend_done(&backends[i]);
    free(backends);
}

static void abandon(struct change *c) {
    free_backends(c->backends, c->config->backend_count);
    if (c->sources)
        sources_done(c->sources);
    free(c->sources);
    fetcher_free(&c->fetcher);
    free(c->successors);
}

/* What each backend has learnt goes to its successor; what each source has, to its twin. */
static void hand_over(struct keeper *k, struct change *c) {
    size_t old_count = k->options.config->backend_count;
    for (size_t i = 0; i < old_count; i++)
        if (c->successors[i] != KEEPER_NO_BACKEND)
            keeper_backend_take_over(&c->backends[c->successors[i]], &k->backends[i]);
    free_backends(k->backends, old_count);
    sources_take_over(c->sources, k->sources, c->fetcher != NULL);
    free(k->sources);
}

static void put_in_place(struct keeper *k, struct change *c) {
    struct config *before = k->options.config;
    k->backends = c->backends;
    k->sources = c->sources;
    free(k->successors);
    k->successors = c->successors;
    k->successor_count = before->backend_count;
    if (c->fetcher) {
        fetcher_free(&k->fetcher);
        k->fetcher = c->fetcher;
    }
    k->options.config = config_ref(c->config);
    config_unref(&before);
}

/* Those that ask elsewhere or otherwise now; what they have is used until they succeed. */
static void fetch_outdated(struct keeper *k, bool all) {
    list_each (node, next, &k->sources->all) {
        struct source *s = list_entry(node, struct source, node);
        bool outdated = s->outdated || (all && s->class->request && s->tried);
        s->outdated = false;
        if (outdated)
            source_restart(s, "reload");
    }
}

bool keeper_reload(struct keeper *k, struct config *config, struct buf *why) {
    struct change c = {.config = config};
    assert(!k->options.once);
    if (!prepare(k, &c, why)) {
        abandon(&c);
        return false;
    }
    bool elsewhere = !config_same_control_plane(k->options.config, config);
    hand_over(k, &c);
    put_in_place(k, &c);
    fetch_outdated(k, elsewhere);
    for (size_t i = 0; i < config->backend_count; i++)
        keeper_backend_begin(&k->backends[i]);
    return true;
}

unsigned keeper_successor(const struct keeper *k, unsigned backend) {
    return backend < k->successor_count ? k->successors[backend] : KEEPER_NO_BACKEND;
}
