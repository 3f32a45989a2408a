/* SPDX-License-Identifier: MIT */
/* Listeners: which kind, which keys belong to it, who may reach it. */
#include "config/check.h"
#include "config/values.h"

#include <stdlib.h>

static const struct cidr loopback4 = {{[10] = 0xff, 0xff, 127}, 104};
static const struct cidr loopback6 = {{[15] = 1}, 128};

bool check_listener_has(enum config_listen_kind kind, const char *key) {
    static const struct {
        const char *key;
        bool tcp, unix_socket, systemd;
    } keys[] = {{"address", true, false, false},     {"port", true, false, false},
                {"allow_remote", true, false, true}, {"unix", false, true, false},
                {"mode", false, true, false},        {"group", false, true, false},
                {"systemd", false, false, true},     {"allow_clients", true, false, true},
                {"allow_users", false, true, true}};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(keys[i].key, key) == 0)
            return kind == LISTEN_TCP    ? keys[i].tcp
                   : kind == LISTEN_UNIX ? keys[i].unix_socket
                                         : kind == LISTEN_SYSTEMD && keys[i].systemd;
    return true;
}

/* The keys of other kinds have no meaning here. */
static void check_keys(struct fill *f, const struct node *given, const struct config_listen *l) {
    static const char *const kinds[] = {[LISTEN_TCP] = "an address and a port",
                                        [LISTEN_UNIX] = "a unix socket",
                                        [LISTEN_SYSTEMD] = "a socket of systemd",
                                        [LISTEN_OFF] = "no listener"};
    for (size_t i = 0; i < given->count; i++) {
        const struct node *key = &given->children[i];
        if (!check_listener_has(l->kind, key->name))
            fill_complain(f, key, "%s cannot stand here: this is %s", key->name, kinds[l->kind]);
    }
}

static bool is_loopback(const char *address) {
    struct cidr a;
    return !parse_cidr(text_of(address), &a) || cidr_has(&loopback4, a.address) ||
           cidr_has(&loopback6, a.address);
}

/* Defaults of the other kinds are dropped. */
static void keep_kind(struct config_listen *l) {
    if (l->kind != LISTEN_TCP) {
        free(l->address);
        l->address = NULL;
        l->port = 0;
    }
}

void check_listener(struct fill *f, const struct node *given, struct config_listen *l) {
    const struct node *address = node_member(given, "address");
    const struct node *path = node_member(given, "unix"), *name = node_member(given, "systemd");
    l->kind = !l->enabled ? LISTEN_OFF : path ? LISTEN_UNIX : name ? LISTEN_SYSTEMD : LISTEN_TCP;
    if (l->enabled)
        check_keys(f, given, l);
    if (l->kind == LISTEN_TCP && l->address && !l->allow_remote && !is_loopback(l->address))
        fill_complain(f, address,
                      "%s can be reached by other machines; expected a loopback address, "
                      "or allow_remote = true",
                      l->address);
    keep_kind(l);
}

static bool same_place(const struct config_listen *a, const struct config_listen *b) {
    if (a->kind != b->kind)
        return false;
    if (a->kind == LISTEN_TCP)
        return a->port && a->port == b->port && a->address && b->address &&
               strcmp(a->address, b->address) == 0;
    if (a->kind == LISTEN_UNIX)
        return a->path && b->path && strcmp(a->path, b->path) == 0;
    return a->kind == LISTEN_SYSTEMD && a->name && b->name && strcmp(a->name, b->name) == 0;
}

/* "FILE:LINE", or that it is the default. */
static void complain_same(struct fill *f, const struct node *node, const struct config_listen *l) {
    if (l->where.line)
        fill_complain(f, node, "the listener of %s:%u is at this address already", l->where.file,
                      l->where.line);
    else
        fill_complain(f, node, "a listener that is there by default is at this address already");
}

void check_listeners(struct fill *f, const struct node *root) {
    const struct config *c = f->config;
    const struct node *listen = node_member(root, "listen"), *admin = node_member(root, "admin");
    size_t n = 0;
    const struct node *elements = listen ? value_elements(listen, &n) : NULL;
    if (listen && n == 0)
        fill_complain(f, listen, "listen: expected at least one listener");
    for (size_t i = 0; i < c->listen_count; i++) {
        const struct node *place = elements ? &elements[i] : NULL;
        for (size_t k = 0; place && k < i; k++)
            if (same_place(&c->listen[k], &c->listen[i]))
                complain_same(f, place, &c->listen[k]);
        if (same_place(&c->listen[i], &c->admin) && (admin || place))
            complain_same(f, admin ? admin : place, admin ? &c->listen[i] : &c->admin);
    }
}
