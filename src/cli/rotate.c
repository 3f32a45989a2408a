/* SPDX-License-Identifier: MIT */
/* scoregate rotate: regenerates the keys of a route's endpoint without a failed call. The running
 * gateway moves to the other key first; the key is regenerated, and the gateway has the new one
 * before the next is touched. */
#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/rotate_azure.h"
#include "cli/rotate_gateway.h"
#include "config/backend.h"
#include "daemon/status.h"
#include "policy/route.h"

#include <stdarg.h>
#include <string.h>

#define WHY_MAX  4096
#define LIST_MAX (1024 * 1024)

enum { INSECURE_PERMISSIONS = 256, KEY, BACKEND, ADMIN };

struct rotate_options {
    struct config_choice choice;
    const char *route, *backend, *admin;
    bool keys[2]; /* which; none: both */
};

static bool take_key(struct rotate_options *o, const struct arguments *a) {
    bool both = strcmp(a->value, "both") == 0;
    o->keys[0] = both || strcmp(a->value, "primary") == 0;
    o->keys[1] = both || strcmp(a->value, "secondary") == 0;
    if (o->keys[0] || o->keys[1])
        return true;
    arguments_wrong(a, "'%s' is no key, which is primary, secondary or both", a->value);
    return false;
}

static void say(const char *format, ...) PRINTF_LIKE(1, 2);

/* One step, at once: what follows may take minutes. */
static void say(const char *format, ...) {
    va_list list;
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
    fflush(stdout);
}

static void complain(const char *what, const struct buf *why) {
    fprintf(stderr, "scoregate rotate: %s%s%.*s\n", what, what[0] ? ": " : "",
            TEXT_ARG(buf_text(why)));
}

/* One key */

/* The gateway begins with the other key, so that nobody misses this one. */
static bool move_away(struct rotating_gateway *g, unsigned key) {
    struct buf why;
    if (!g->running)
        return true;
    buf_init(&why, WHY_MAX);
    bool ok = rotating_gateway_prefer(g, !key, &why);
    if (ok)
        say("the gateway begins with the %s key", status_key_word(!key));
    else
        complain("the gateway keeps to this key, so it is left alone", &why);
    buf_done(&why);
    return ok;
}

static bool regenerate(struct rotation *r, unsigned key) {
    static const char *const failures[2][2] = {
        {"the primary key is not regenerated", "the secondary key is not regenerated"},
        {"the new primary key cannot be read back", "the new secondary key cannot be read back"},
    };
    struct azure_error error = {.retry_after_s = -1};
    enum azure_key which = key == 0 ? AZURE_KEY_PRIMARY : AZURE_KEY_SECONDARY;
    say("regenerating the %s key", status_key_word(key));
    bool made = rotation_regenerate(r, which, &error);
    if (made && rotation_await(r, which, &error)) {
        say("Azure has a new %s key", status_key_word(key));
        return true;
    }
    session_complain(r->session, failures[made][key], &error);
    return false;
}

static bool hand_over(struct rotating_gateway *g, unsigned key) {
    struct buf why;
    if (!g->running)
        return true;
    buf_init(&why, WHY_MAX);
    bool ok = rotating_gateway_await(g, key, &why);
    if (ok)
        say("the gateway has the new %s key, fingerprint %s", status_key_word(key), g->prints[key]);
    else
        complain("", &why);
    buf_done(&why);
    return ok;
}

/* Those that were asked for; of both first the one that is not in use. */
static bool rotate_keys(const struct rotate_options *o, struct rotation *r,
                        struct rotating_gateway *g) {
    bool all = o->keys[0] == o->keys[1];
    unsigned first = !g->in_use;
    for (unsigned i = 0; i < 2; i++) {
        unsigned key = i ? !first : first;
        if ((all || o->keys[key]) &&
            !(move_away(g, key) && regenerate(r, key) && hand_over(g, key)))
            return false;
    }
    return true;
}

/* The route */

static const struct config_route *find_route(const struct config *config, const char *path) {
    for (size_t i = 0; i < config->route_count; i++)
        if (strcmp(config->routes[i].path, path) == 0)
            return &config->routes[i];
    const char *near = route_table_nearest(config->table, text_of(path));
    if (near)
        fprintf(stderr, "scoregate rotate: there is no route %s; did you mean %s?\n", path, near);
    else
        fprintf(stderr, "scoregate rotate: there is no route %s\n", path);
    return NULL;
}

/* The one that is meant; NULL, and told with the others, if it is not clear. */
static const struct config_backend *find_backend(const struct config_route *route,
                                                 const char *word) {
    const struct config_backend *only = route->backend_count == 1 ? route->backends : NULL;
    const struct config_backend *found = word ? config_backend_find(route, text_of(word)) : only;
    struct buf all;
    if (found)
        return found;
    buf_init(&all, LIST_MAX);
    config_backend_list(&all, route);
    if (word)
        fprintf(stderr,
                "scoregate rotate: '%s' does not say which backend of %s; expected one of %s\n",
                word, route->path, buf_text(&all).at);
    else
        fprintf(stderr,
                "scoregate rotate: %s has several backends; expected --backend with one of %s\n",
                route->path, buf_text(&all).at);
    buf_done(&all);
    return NULL;
}

/* Whether the backend's credential may be a key that Azure makes. */
static bool may_rotate(const struct config_backend *backend) {
    const char *why = NULL;
    switch (backend->auth.type) {
    case AUTH_ENDPOINT_KEY:
    case AUTH_FOUND:
        return true;
    case AUTH_KEY:
        why = "its keys come from elsewhere (auth.type is key), and scoregate does not know whose "
              "they are";
        break;
    case AUTH_TOKEN:
    case AUTH_ENDPOINT_TOKEN:
    case AUTH_ENTRA:
        why = "it has no keys: its credential is a token, which is renewed by itself";
        break;
    case AUTH_NONE:
        why = "it has no credential";
        break;
    }
    fprintf(stderr, "scoregate rotate: %s cannot be rotated: %s\n", backend->route->path, why);
    return false;
}

/* ADDRESS NULL: the gateway of this configuration has no admin listener. One that is there and
 * cannot be told anything would lose its keys from under it: then nothing is done. */
static bool find_gateway(struct rotating_gateway *g, const struct admin_address *address,
                         const struct config_backend *backend) {
    struct buf why;
    buf_init(&why, WHY_MAX);
    *g = (struct rotating_gateway){.absent = true};
    if (address)
        rotating_gateway_look(g, address, backend, &why);
    else
        buf_add_string(&why, "the gateway has no admin listener");
    bool ok = g->running || g->absent;
    if (!ok)
        complain("nothing is regenerated", &why);
    else if (!g->running)
        say("%.*s; going on without it", TEXT_ARG(buf_text(&why)));
    buf_done(&why);
    return ok;
}

static int rotate_backend(const struct rotate_options *o, struct config *config,
                          const struct config_backend *backend,
                          const struct admin_address *address) {
    struct session session;
    struct rotation rotation = {0};
    struct rotating_gateway gateway;
    struct azure_error error = {.retry_after_s = -1};
    bool ok = session_open(&session, "rotate", config);
    if (ok) {
        ok = rotation_begin(&rotation, &session, backend, &error);
        if (!ok)
            session_complain(&session, backend->route->path, &error);
    }
    ok = ok && find_gateway(&gateway, address, backend) && rotate_keys(o, &rotation, &gateway);
    rotation_done(&rotation);
    session_close(&session);
    return ok ? STATUS_FINE : STATUS_FAILED;
}

static int run_rotate(const struct rotate_options *o, const struct arguments *a) {
    struct admin_address address;
    struct config_choice choice = o->choice;
    struct config *config = config_choice_load(&choice);
    if (!config)
        return choice.status;
    const struct config_route *route = find_route(config, o->route);
    const struct config_backend *backend = route ? find_backend(route, o->backend) : NULL;
    int status = backend && may_rotate(backend) ? STATUS_FINE : STATUS_USAGE;
    bool off = !o->admin && config->admin.kind == LISTEN_OFF;
    if (status == STATUS_FINE && !off)
        status = admin_address_choose(a, o->admin, config, &address);
    if (status == STATUS_FINE)
        status = rotate_backend(o, config, backend, off ? NULL : &address);
    config_unref(&config);
    return status;
}

static int rotate(struct arguments *a) {
    struct rotate_options o = {0};
    int id;
    while ((id = arguments_next(a)) >= 0) {
        if (id == 'c')
            o.choice.file = a->value;
        else if (id == BACKEND)
            o.backend = a->value;
        else if (id == ADMIN)
            o.admin = a->value;
        else if (id == INSECURE_PERMISSIONS)
            o.choice.insecure_permissions = true;
        else if (!take_key(&o, a))
            return STATUS_USAGE;
    }
    if (id == ARGUMENTS_STOP)
        return a->status;
    o.route = a->operands[0];
    return run_rotate(&o, a);
}

static const char *const operands[] = {"ROUTE"};

static const struct command_option options[] = {
    {'c', "config", "FILE", "the configuration"},
    {INSECURE_PERMISSIONS, "insecure-permissions", NULL, "accept secret files open to others"},
    {KEY, "key", "KEY", "primary, secondary or both, which is the default"},
    {BACKEND, "backend", "NAME",
     "which backend of the route, by number or name, if it has several"},
    {ADMIN, "admin", "URL", "the gateway's admin listener: http://HOST:PORT or unix:/PATH"},
};

const struct command command_rotate = {
    .name = "rotate",
    .usage = "ROUTE [-c FILE] [--key KEY] [--backend NAME] [--admin URL] [--insecure-permissions]",
    .summary = "regenerate the keys of a route's endpoint without a failed call",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .run = rotate,
    .operands = operands,
    .operand_count = ARRAY_LEN(operands),
};
