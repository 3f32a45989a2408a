/* SPDX-License-Identifier: MIT */
/* Filling the structures group by group, as config/fill.h says. */
#include "config/fill.h"

#include "config/check.h"
#include "config/environment.h"
#include "config/expect.h"
#include "config/values.h"

#include <stdlib.h>

static void *at(void *base, size_t offset) {
    return (char *)base + offset;
}

static void unknown_key(struct fill *f, enum option_group group, const struct node *node) {
    struct text name = text_of(node->name);
    const char *where = option_group_name(group), *meant = option_misnamed(group, name);
    enum option_group other = meant ? OPTION_GROUPS : option_elsewhere(group, name);
    const char *in = *where ? " in " : "";
    if (!meant)
        meant = option_nearest(group, name);
    if (other != OPTION_GROUPS && other != OPTIONS_TOP)
        fill_complain(f, node, "unknown key %s%s%s; it belongs in %s", node->name, in, where,
                      option_group_name(other));
    else if (other == OPTIONS_TOP)
        fill_complain(f, node, "unknown key %s%s%s; it belongs at the top level", node->name, in,
                      where);
    else if (meant)
        fill_complain(f, node, "unknown key %s%s%s; did you mean %s?", node->name, in, where,
                      meant);
    else
        fill_complain(f, node, "unknown key %s%s%s", node->name, in, where);
}

static void fill_cors(struct fill *f, const struct option *option, const struct node *node,
                      struct cors **cors) {
    if (node->type != NODE_GROUP) {
        expect_type(f, option, node);
        return;
    }
    *cors = calloc(1, sizeof **cors);
    if (*cors)
        fill_group(f, option->members, node, *cors, true);
    else
        fill_no_memory(f);
}

static void fill_elements(struct fill *f, const struct option *option, const struct node *elements,
                          size_t n, void **array, size_t *count) {
    *array = calloc(n + 1, option->size);
    if (!*array) {
        fill_no_memory(f);
        return;
    }
    *count = n;
    for (size_t i = 0; i < n; i++) {
        if (elements[i].type == NODE_GROUP)
            fill_group(f, option->members, &elements[i], at(*array, i * option->size), true);
        else
            expect_type(f, option, &elements[i]);
    }
}

/* A list of groups; one group stands for a list of one. */
static void fill_list(struct fill *f, const struct option *option, const struct node *node,
                      void **array, size_t *count) {
    size_t n;
    const struct node *elements = value_elements(node, &n);
    fill_elements(f, option, elements, n, array, count);
}

/* Groups with names of their own. */
static void fill_map(struct fill *f, const struct option *option, const struct node *node,
                     void **array, size_t *count) {
    if (node->type == NODE_GROUP)
        fill_elements(f, option, node->children, node->count, array, count);
    else
        expect_type(f, option, node);
}

static void fill_value(struct fill *f, const struct option *option, const struct node *node,
                       void *base) {
    static value_reader *const readers[] = {[OPTION_BOOL] = value_bool,
                                            [OPTION_NUMBER] = value_number,
                                            [OPTION_NUMBER_OR] = value_number_or,
                                            [OPTION_SIZE] = value_number,
                                            [OPTION_MS] = value_number,
                                            [OPTION_PORT] = value_number,
                                            [OPTION_CHOICE] = value_choice,
                                            [OPTION_STRING] = value_string,
                                            [OPTION_FILE] = value_file,
                                            [OPTION_METHODS] = value_methods,
                                            [OPTION_MODE] = value_mode,
                                            [OPTION_UNIXGROUP] = value_unix_group,
                                            [OPTION_CLIENTS] = value_clients,
                                            [OPTION_USERS] = value_users,
                                            [OPTION_SECRET] = value_secret,
                                            [OPTION_URI] = value_uri,
                                            [OPTION_PROXY] = value_proxy,
                                            [OPTION_BASE_URL] = value_base_url,
                                            [OPTION_TIME] = value_time};
    void *field = at(base, option->offset);
    switch (option->type) {
    case OPTION_STRINGS:
        value_strings(f, option, node, field, at(base, option->count));
        break;
    case OPTION_NUMBERS:
        value_numbers(f, option, node, field, at(base, option->count));
        break;
    case OPTION_HEADERS:
        value_headers(f, option, node, field, at(base, option->count));
        break;
    case OPTION_GROUP:
        if (node->type == NODE_GROUP)
            fill_group(f, option->members, node, field, !option->inherits);
        else
            expect_type(f, option, node);
        break;
    case OPTION_CORS:
        fill_cors(f, option, node, field);
        break;
    case OPTION_GROUP_LIST:
        fill_list(f, option, node, field, at(base, option->count));
        break;
    case OPTION_GROUP_MAP:
        fill_map(f, option, node, field, at(base, option->count));
        break;
    default:
        readers[option->type](f, option, node, field);
    }
}

static void check_group(struct fill *f, enum option_group group, const struct node *given,
                        void *base) {
    if (group == OPTIONS_LISTEN || group == OPTIONS_ADMIN)
        check_listener(f, given, base);
    else if (group == OPTIONS_CORS)
        check_cors(f, given, base);
    else if (group == OPTIONS_ROUTE)
        check_route(f, given, base);
    else if (group == OPTIONS_RETRY)
        check_retry(f, given, base);
    else if (group == OPTIONS_BREAKER)
        check_breaker(f, given, base);
    else if (group == OPTIONS_IDENTITY)
        check_identity(f, given, base);
}

/* A default stands nowhere, and the text that it comes from does not live on. */
static struct config_where where_of(const struct node *given) {
    return *given->place.where.file ? given->place.where : (struct config_where){"", 0};
}

/* Fields that mean something else than 0 before anything is said. */
static void begin_group(struct fill *f, enum option_group group, const struct node *given,
                        void *base) {
    if (group == OPTIONS_LISTEN || group == OPTIONS_ADMIN) {
        struct config_listen *listen = base;
        listen->where = where_of(given);
        listen->group = (gid_t)-1;
        listen->enabled = true;
    } else if (group == OPTIONS_ROUTE) {
        struct config_route *route = base;
        route->where = route->own.where = where_of(given);
        route->own.auth.type = (enum config_auth_type)CHOICE_UNREAD;
    } else if (group == OPTIONS_BACKEND) {
        struct config_backend *backend = base;
        backend->where = where_of(given);
        backend->auth.type = (enum config_auth_type)CHOICE_UNREAD;
    } else if (group == OPTIONS_TLS) {
        ((struct config_tls *)base)->where = where_of(given);
    } else if (group == OPTIONS_ONLINE_ENDPOINT || group == OPTIONS_WEB_SERVICE) {
        ((struct config_named *)base)->where = where_of(given);
    } else if (group == OPTIONS_IDENTITY) {
        struct config_identity *identity = base;
        identity->where = where_of(given);
        identity->type = (enum config_identity_type)CHOICE_UNREAD;
        identity->name = fill_copy(f, text_of(given->name));
    }
}

void fill_group(struct fill *f, enum option_group group, const struct node *given, void *base,
                bool defaults) {
    begin_group(f, group, given, base);
    for (size_t i = 0; i < given->count; i++) {
        const struct node *node = &given->children[i];
        const struct option *option = option_find(group, text_of(node->name));
        if (option)
            fill_value(f, option, node, base);
        else
            unknown_key(f, group, node);
    }
    for (size_t i = 0; defaults && i < option_count; i++) {
        const struct option *option = &option_table[i];
        if (option->group != group || node_member(given, option->name))
            continue;
        if (option->required)
            fill_complain(f, given, "%s is missing", option_key(option).name);
        else if (option->initial)
            fill_value(f, option, node_member(&f->defaults->children[group], option->name), base);
    }
    check_group(f, group, given, base);
}

/* The defaults as a text: a group per enum option_group. */
static void write_defaults(struct buf *into) {
    for (unsigned group = 0; group < OPTION_GROUPS; group++) {
        buf_addf(into, "group%u = {\n", group);
        for (size_t i = 0; i < option_count; i++)
            if (option_table[i].group == group && option_table[i].initial)
                buf_addf(into, "%s = %s;\n", option_table[i].name, option_table[i].initial);
        buf_add_string(into, "};\n");
    }
}

/* A key that the route's own tls does not say is as at the top level, where the key of a client
 * certificate belongs to its certificate. */
static void inherit_tls(struct fill *f, const struct node *given, struct config_tls *tls) {
    const struct config_tls *top = &f->config->tls;
    bool own_certificate = node_member(given, "client_certificate") != NULL;
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        if (option->group != OPTIONS_TLS || node_member(given, option->name) ||
            (own_certificate && strcmp(option->name, "client_key") == 0))
            continue;
        const void *from = (const char *)top + option->offset;
        void *to = at(tls, option->offset);
        if (option->type == OPTION_CHOICE)
            *(unsigned *)to = *(const unsigned *)from;
        else if (*(char *const *)from)
            *(char **)to = fill_copy(f, text_of(*(char *const *)from));
    }
    if (!given)
        tls->where = top->where;
}

static void check_all(struct fill *f, const struct node *root) {
    struct config *config = f->config;
    const struct node *tls = node_member(root, "tls"), *routes = node_member(root, "routes");
    size_t n = 0;
    const struct node *elements = routes ? value_elements(routes, &n) : NULL;
    if (tls)
        check_tls(f, tls, &config->tls);
    for (size_t i = 0; elements && i < config->route_count; i++) {
        const struct node *own = node_member(&elements[i], "tls");
        inherit_tls(f, own, &config->routes[i].tls);
        if (own)
            check_tls(f, own, &config->routes[i].tls);
    }
    check_listeners(f, root);
    check_routes(f, routes);
    check_references(f, root);
    if (!config_number_backends(f->config))
        fill_no_memory(f);
    environment_proxy(f, node_member(root, "proxy") != NULL);
}

/* The defaults, read as if a user had written them. */
static void fill_with_defaults(struct fill *f, const struct node *root) {
    struct problems problems = {0};
    struct source source;
    struct buf text;
    buf_init(&text, 1024 * 1024);
    write_defaults(&text);
    problems.out_of_memory = !buf_ok(&text);
    source_read(&source, "", buf_text(&text).at, true, &problems);
    struct tree *tree = problems_any(&problems) ? NULL : tree_new(&source);
    if (tree) {
        f->defaults = tree_root(tree);
        fill_group(f, OPTIONS_TOP, root, f->config, true);
    }
    if (!tree || f->problems->out_of_memory)
        fill_no_memory(f);
    else
        check_all(f, root);
    tree_free(&tree);
    source_free(&source);
    problems_done(&problems);
    buf_done(&text);
}

struct config *fill_config(const struct node *root, struct source *source,
                           const struct config_load_options *options) {
    struct config *config = calloc(1, sizeof *config);
    struct fill f = {options, source, source->problems, config, NULL};
    if (!config) {
        fill_no_memory(&f);
        return NULL;
    }
    config->references = 1;
    config->insecure_permissions = options->insecure_permissions;
    fill_with_defaults(&f, root);
    config->files = source_take_names(source);
    if (config->files)
        config->file_count = source->file_count;
    else
        fill_no_memory(&f);
    return config;
}
