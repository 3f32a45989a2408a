/* SPDX-License-Identifier: MIT */
/* From names of identities to the identities: each is there, and none needs itself. */
#include "base/nearest.h"
#include "config/check.h"
#include "config/expect.h"
#include "config/values.h"

#include <stdlib.h>

/* The name of an identity that is spelt most like NAME, or NULL. */
static const char *nearest_identity(struct fill *f, const char *name) {
    const struct config *c = f->config;
    const char **names = calloc(c->identity_count + 1, sizeof *names);
    if (!names) {
        fill_no_memory(f);
        return NULL;
    }
    for (size_t i = 0; i < c->identity_count; i++)
        names[i] = c->identities[i].name;
    const char *meant = nearest(text_of(name), names, c->identity_count);
    free(names);
    return meant;
}

/* The identity that the key "identity" of GROUP names; NULL, and told, if there is none. */
static const struct config_identity *find(struct fill *f, const struct node *group,
                                          enum option_group options, const char *name) {
    const struct config *c = f->config;
    const struct node *node = node_member(group, "identity");
    if (!name || !node)
        return NULL;
    for (size_t i = 0; i < c->identity_count; i++)
        if (c->identities[i].name && strcmp(c->identities[i].name, name) == 0)
            return &c->identities[i];
    expect_string(f, option_find(options, TEXT("identity")), node,
                  node->type == NODE_STRING ? name : "***", nearest_identity(f, name));
    return NULL;
}

static void find_reader(struct fill *f, const struct node *group, const char *key,
                        struct config_secret *secret) {
    if (secret->kind == SECRET_KEY_VAULT)
        secret->identity =
            find(f, node_member(group, key), OPTIONS_KEY_VAULT, secret->identity_name);
}

/* The identity without which ID has no secret. */
static const struct config_identity *needed_by(const struct config_identity *id) {
    return id->secret.kind == SECRET_KEY_VAULT ? id->secret.identity : NULL;
}

/* Tells a circle through identity I once, of all its identities at the first. */
static void check_circle(struct fill *f, const struct node *identities, size_t i) {
    const struct config *c = f->config;
    const struct config_identity *first = &c->identities[i], *id = needed_by(first);
    /* The first of a circle is before all others of it. One that does not come back here is left
     * after as many steps as there are identities. */
    for (size_t n = 0; id && id > first && n < c->identity_count; n++)
        id = needed_by(id);
    if (id != first)
        return;
    struct buf names;
    buf_init(&names, 64 * 1024);
    buf_add_string(&names, first->name);
    do {
        id = needed_by(id);
        buf_addf(&names, " -> %s", id->name);
    } while (id != first);
    const struct node *secret = node_member(&identities->children[i], "secret");
    fill_complain(f, node_member(secret, "identity"),
                  "secret.identity: a circle, each needs the secret of the next: %s",
                  buf_text(&names).at);
    buf_done(&names);
}

static void find_readers(struct fill *f, const struct node *group, struct config_auth *auth) {
    const struct node *given = node_member(group, "auth");
    find_reader(f, given, "primary", &auth->primary);
    find_reader(f, given, "secondary", &auth->secondary);
}

/* What it took over from its route has been looked up there. */
static void find_of_backend(struct fill *f, const struct node *given,
                            const struct config_backend *own, struct config_backend *b) {
    if (node_member(given, "identity"))
        b->identity = find(f, given, OPTIONS_BACKEND, b->identity_name);
    else
        b->identity = b->identity_name ? own->identity : NULL;
    if (node_member(given, "auth")) {
        find_readers(f, given, &b->auth);
    } else {
        b->auth.primary.identity = own->auth.primary.identity;
        b->auth.secondary.identity = own->auth.secondary.identity;
    }
}

static void find_all(struct fill *f, const struct node *given, struct config_route *route) {
    const struct node *list = node_member(given, "backends");
    size_t n = 0;
    const struct node *elements = list ? value_elements(list, &n) : NULL;
    route->own.identity = find(f, given, OPTIONS_ROUTE, route->own.identity_name);
    find_readers(f, given, &route->own.auth);
    for (size_t i = 0; elements && i < route->backend_count; i++)
        find_of_backend(f, &elements[i], &route->own, &route->backends[i]);
}

void check_references(struct fill *f, const struct node *root) {
    struct config *c = f->config;
    const struct node *identities = node_member(root, "identities");
    const struct node *routes = node_member(root, "routes");
    size_t n = 0;
    const struct node *elements = routes ? value_elements(routes, &n) : NULL;
    if (identities && identities->type != NODE_GROUP)
        return; /* nothing is known of them */
    for (size_t i = 0; identities && i < c->identity_count; i++)
        find_reader(f, &identities->children[i], "secret", &c->identities[i].secret);
    for (size_t i = 0; identities && i < c->identity_count; i++)
        check_circle(f, identities, i);
    for (size_t i = 0; elements && i < c->route_count; i++)
        find_all(f, &elements[i], &c->routes[i]);
}
