/* SPDX-License-Identifier: MIT */
/* The backends of a route: what each takes over from the route, and what they need of each other.
 */
#include "config/check.h"
#include "config/uri.h"
#include "config/values.h"

/* The list as the file says it. */
struct listed {
    const struct node *route;    /* the group that says them */
    const struct node *elements; /* one for each backend */
    struct config_route *config;
};

/* A file that was read for the route need not be the same any more. */
static void share_value(const struct config_secret *of, struct config_secret *with) {
    secret_unref(&with->value);
    with->value = of->value ? secret_ref(of->value) : NULL;
}

/* A copy of the route's. What is wrong with it has been told of the route. */
static void inherit_auth(struct fill *f, const struct listed *l, struct config_auth *auth) {
    const struct config_auth *of = &l->config->own.auth;
    const struct node *given = node_member(l->route, "auth");
    struct problems told = {0};
    struct fill quiet = *f;
    quiet.problems = &told;
    if (!given)
        given = node_member(&f->defaults->children[OPTIONS_ROUTE], "auth");
    if (given->type == NODE_GROUP)
        fill_group(&quiet, OPTIONS_AUTH, given, auth, true);
    share_value(&of->primary, &auth->primary);
    share_value(&of->secondary, &auth->secondary);
    f->problems->out_of_memory |= told.out_of_memory;
    problems_done(&told);
}

static void inherit(struct fill *f, const struct listed *l, const struct node *given,
                    struct config_backend *b) {
    const struct config_route *route = l->config;
    bool automatic = config_is_named(b) || route->max_concurrent == CONCURRENT_AUTO;
    if (!node_member(given, "auth"))
        inherit_auth(f, l, &b->auth);
    if (!node_member(given, "deployment") && route->own.deployment)
        b->deployment = fill_copy(f, text_of(route->own.deployment));
    if (!node_member(given, "max_concurrent") && automatic)
        b->max_concurrent = CONCURRENT_AUTO;
}

/* One that Azure is asked nothing about takes no identity over. */
static void inherit_identity(struct fill *f, const struct listed *l, const struct endpoint_said *s,
                             struct config_backend *b) {
    const char *name = l->config->own.identity_name;
    bool asks = check_is_name(s->place) || b->auth.type == AUTH_ENTRA;
    if (!node_member(s->given, "identity") && asks && name)
        b->identity_name = fill_copy(f, text_of(name));
}

/* AUTH_FINE: that of the route is. */
static void check_backend(struct fill *f, const struct listed *l, size_t i, bool auth_fine) {
    const struct node *given = &l->elements[i];
    struct config_backend *b = &l->config->backends[i];
    const struct node *auth = node_member(given, "auth"),
                      *identity = node_member(given, "identity");
    inherit(f, l, given, b);
    struct endpoint_said said = {.group = OPTIONS_BACKEND,
                                 .given = given,
                                 .place = check_place(f, OPTIONS_BACKEND, given),
                                 .auth = auth ? auth : node_member(l->route, "auth"),
                                 .identity =
                                     identity ? identity : node_member(l->route, "identity")};
    check_uris(f, OPTIONS_BACKEND, given, l->config->allow_insecure, b);
    if (auth ? !check_credential(f, auth, b->auth.type) : !auth_fine)
        return;
    if (!said.place)
        return;
    inherit_identity(f, l, &said, b);
    check_auth(f, &said, b);
}

/* Of named ones nothing is known yet: two endpoints are at two origins. */
static bool same_origin(const struct config_backend *a, const struct config_backend *b) {
    const struct config_uri *x = &a->scoring, *y = &b->scoring;
    if (!x->text || !y->text)
        return !x->text && !y->text && config_same_names(a, b);
    return uri_same_origin(x, y);
}

/* A key that stands in the route is for one endpoint only: sent to another, it would be told to who
 * has that. */
static void check_shared_key(struct fill *f, const struct listed *l) {
    enum config_auth_type type = l->config->own.auth.type;
    const struct config_backend *first = NULL;
    for (size_t i = 0; i < l->config->backend_count; i++) {
        const struct config_backend *b = &l->config->backends[i];
        if (node_member(&l->elements[i], "auth"))
            continue;
        if (!first)
            first = b;
        else if (!same_origin(first, b))
            fill_complain(f, &l->elements[i],
                          "backends.auth is missing: the route's %s goes to the backend of %s:%u, "
                          "and this one is at another origin; expected an auth of its own for each",
                          type == AUTH_KEY ? "key" : "token", first->where.file, first->where.line);
    }
}

/* Whether backend I sends the same to the same place as backend K. */
static bool is_twin(const struct listed *l, size_t i, size_t k) {
    const struct config_backend *a = &l->config->backends[i], *b = &l->config->backends[k];
    return string_same(a->scoring.text, b->scoring.text) && config_same_names(a, b) &&
           string_same(a->deployment, b->deployment) &&
           string_same(a->identity_name, b->identity_name) &&
           node_same(node_member(&l->elements[i], "auth"), node_member(&l->elements[k], "auth"));
}

static void check_twins(struct fill *f, const struct listed *l) {
    for (size_t i = 0; i < l->config->backend_count; i++)
        for (size_t k = 0; k < i; k++)
            if (is_twin(l, i, k)) {
                const struct config_where *where = &l->config->backends[k].where;
                fill_complain(f, &l->elements[i],
                              "backends: the backend of %s:%u is the same; expected another "
                              "endpoint, deployment or credential",
                              where->file, where->line);
                break;
            }
}

/* Keys of the route that no backend takes over. */
static void check_unused(struct fill *f, const struct listed *l) {
    const struct node *swagger = node_member(l->route, "swagger_uri");
    const struct node *identity = node_member(l->route, "identity");
    bool used = false;
    if (swagger)
        fill_complain(f, swagger,
                      "routes.swagger_uri: each backend has its own; expected it in backends");
    for (size_t i = 0; i < l->config->backend_count; i++)
        used |= l->config->backends[i].identity_name && !node_member(&l->elements[i], "identity");
    if (identity && !used)
        fill_complain(f, identity,
                      "routes.identity: none of the backends asks Azure anything with it");
}

/* Whether there are as many as may be, groups all of them. */
static bool check_list(struct fill *f, const struct node *list, const struct listed *l) {
    size_t n = l->config->backend_count;
    if (n == 0)
        fill_complain(f, list, "routes.backends: expected at least one backend");
    if (n > CONFIG_BACKENDS_MAX)
        fill_complain(f, list, "routes.backends: expected at most %u backends, not %zu",
                      CONFIG_BACKENDS_MAX, n);
    bool ok = n > 0 && n <= CONFIG_BACKENDS_MAX;
    for (size_t i = 0; i < n; i++)
        ok &= l->elements[i].type == NODE_GROUP;
    return ok;
}

void check_backends(struct fill *f, const struct node *given, const struct node *list,
                    bool auth_fine, struct config_route *route) {
    size_t n, before = f->problems->count;
    struct listed l = {.route = given, .elements = value_elements(list, &n), .config = route};
    enum config_auth_type type = route->own.auth.type;
    if (!check_list(f, list, &l))
        return;
    for (size_t i = 0; i < route->backend_count; i++)
        check_backend(f, &l, i, auth_fine);
    if (!auth_fine || f->problems->count > before)
        return; /* what they have in common is not known */
    if (type == AUTH_KEY || type == AUTH_TOKEN)
        check_shared_key(f, &l);
    check_twins(f, &l);
    check_unused(f, &l);
}
