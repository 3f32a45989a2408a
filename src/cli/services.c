/* SPDX-License-Identifier: MIT */
/* scoregate services: lists what a workspace has deployed. */
#include "base/parse.h"
#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/services_print.h"
#include "cli/session.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_MAX_SERVICES 1000
#define FILTER_MAX        4096

enum {
    INSECURE_PERMISSIONS = 256,
    SUBSCRIPTION,
    RESOURCE_GROUP,
    WORKSPACE,
    IDENTITY,
    KIND,
    NAME,
    COMPUTE_TYPE,
    MODEL_NAME,
    MODEL_ID,
    IMAGE_NAME,
    IMAGE_ID,
    IMAGE_DIGEST,
    TAG,
    PROPERTY,
    ORDER_BY,
    PAGE,
    AS_JSON,
    AS_ROUTES
};

struct services_options {
    struct config_choice choice;
    struct config_named named; /* its strings are owned */
    const char *identity;
    bool online, web; /* which kinds; neither: both */
    struct azure_filter filter;
    struct buf tags, properties;
    bool json, routes;
};

/* Options */

static bool take_kind(struct services_options *o, const struct arguments *a) {
    o->online = strcmp(a->value, "online") == 0;
    o->web = strcmp(a->value, "web") == 0;
    if (!o->online && !o->web)
        arguments_wrong(a, "'%s' is no kind, which is online or web", a->value);
    return o->online || o->web;
}

static bool take_page(struct services_options *o, const struct arguments *a) {
    uint64_t n;
    if (!parse_u64(text_of(a->value), PAGE_MAX_SERVICES, &n) || n == 0) {
        arguments_wrong(a, "'%s' is no number from 1 to %d", a->value, PAGE_MAX_SERVICES);
        return false;
    }
    o->filter.page = (unsigned)n;
    return true;
}

/* Appends "KEY" or "KEY=VALUE" to a list with commas, which none of them may hold. */
static bool take_pair(struct buf *list, const struct arguments *a) {
    if (a->value[0] == '\0' || strchr(a->value, ',')) {
        arguments_wrong(a, "'%s' is neither KEY nor KEY=VALUE without a comma", a->value);
        return false;
    }
    if (list->len)
        buf_add_char(list, ',');
    buf_add_string(list, a->value);
    if (!buf_ok(list))
        arguments_wrong(a, "there are too many tags or properties");
    return buf_ok(list);
}

/* Where the value of a plain option goes; NULL if it is none. */
static const char **plain_option(struct services_options *o, int id) {
    switch (id) {
    case 'c':
        return &o->choice.file;
    case IDENTITY:
        return &o->identity;
    case NAME:
        return &o->filter.name;
    case COMPUTE_TYPE:
        return &o->filter.compute_type;
    case MODEL_NAME:
        return &o->filter.model_name;
    case MODEL_ID:
        return &o->filter.model_id;
    case IMAGE_NAME:
        return &o->filter.image_name;
    case IMAGE_ID:
        return &o->filter.image_id;
    case IMAGE_DIGEST:
        return &o->filter.image_digest;
    case ORDER_BY:
        return &o->filter.order_by;
    default:
        return NULL;
    }
}

/* A name that is copied, since what takes it takes those of the configuration. */
static bool take_name(char **into, const struct arguments *a) {
    free(*into);
    *into = strdup(a->value);
    if (!*into)
        fputs("scoregate services: out of memory\n", stderr);
    return *into;
}

static bool take_option(struct services_options *o, const struct arguments *a, int id) {
    const char **plain = plain_option(o, id);
    if (plain) {
        *plain = a->value;
        return true;
    }
    switch (id) {
    case SUBSCRIPTION:
        return take_name(&o->named.subscription, a);
    case RESOURCE_GROUP:
        return take_name(&o->named.resource_group, a);
    case WORKSPACE:
        return take_name(&o->named.workspace, a);
    case KIND:
        return take_kind(o, a);
    case TAG:
        return take_pair(&o->tags, a);
    case PROPERTY:
        return take_pair(&o->properties, a);
    case PAGE:
        return take_page(o, a);
    case AS_JSON:
        return o->json = true;
    case AS_ROUTES:
        return o->routes = true;
    default:
        return o->choice.insecure_permissions = true;
    }
}

static bool only_web(const struct azure_filter *f) {
    return f->model_name || f->model_id || f->image_name || f->image_id || f->image_digest;
}

static int check_options(struct services_options *o, const struct arguments *a) {
    if (!o->named.subscription || !o->named.resource_group || !o->named.workspace)
        return arguments_wrong(a, "--subscription, --resource-group and --workspace are required");
    if (o->json && o->routes)
        return arguments_wrong(a, "--json and --routes exclude each other");
    if (o->online && only_web(&o->filter))
        return arguments_wrong(a, "models and images are filters of web services only");
    if (only_web(&o->filter))
        o->web = true;
    o->filter.tags = o->tags.len ? o->tags.at : NULL;
    o->filter.properties = o->properties.len ? o->properties.at : NULL;
    return STATUS_FINE;
}

/* Who asks */

/* Without a configuration: the identity of this machine. */
static struct config *load(const struct services_options *o) {
    if (config_choice_exists(&o->choice))
        return config_choice_load(&o->choice);
    return config_text_load("services", "identities = { managed = { type = \"managed\"; }; };\n",
                            o->choice.insecure_permissions);
}

/* The identity that is named, or the only one. NULL: stderr says why. */
static const struct config_identity *choose_identity(const struct config *config,
                                                     const char *name) {
    for (size_t i = 0; name && i < config->identity_count; i++)
        if (strcmp(config->identities[i].name, name) == 0)
            return &config->identities[i];
    if (name)
        fprintf(stderr, "scoregate services: the configuration has no identity '%s'\n", name);
    else if (config->identity_count == 1)
        return &config->identities[0];
    else if (config->identity_count == 0)
        fputs("scoregate services: the configuration has no identities\n", stderr);
    else
        fputs("scoregate services: the configuration has several identities; choose one with "
              "--identity NAME\n",
              stderr);
    return NULL;
}

/* The lists */

static bool list_online(struct session *session, const struct services_place *place,
                        const struct services_options *o, struct services *s) {
    struct azure_error error = {.retry_after_s = -1};
    if (services_list_online(session, place, &o->filter, s, &error))
        return true;
    session_complain(session, "online endpoints", &error);
    return false;
}

/* A workspace need not have web services at all: then that is told, and no failure unless only they
 * were asked for. */
static bool list_web(struct session *session, const struct services_place *place,
                     const struct services_options *o, struct services *s) {
    struct azure_error error = {.retry_after_s = -1};
    const char *base = keeper_workspace_now(session->keeper, place->named, place->identity, &error);
    if (!base) {
        session_complain(session, "web services (v1)", &error);
        return !o->web;
    }
    if (services_list_web(session, place, base, &o->filter, s, &error))
        return true;
    session_complain(session, "web services (v1)", &error);
    return false;
}

static int print(const struct services_options *o, const struct services *s,
                 const struct services_place *place) {
    bool ok = o->json     ? services_print_json(s, stdout)
              : o->routes ? services_print_routes(s, place, stdout)
                          : services_print_table(s, stdout);
    if (!ok)
        fputs("scoregate services: out of memory\n", stderr);
    return ok ? STATUS_FINE : STATUS_FAILED;
}

static int list(const struct services_options *o, struct config *config) {
    struct services_place place = {&o->named, choose_identity(config, o->identity)};
    struct services services = {0};
    struct session session;
    if (!place.identity)
        return STATUS_USAGE;
    bool ok = session_open(&session, "services", config);
    int status = STATUS_FAILED;
    if (ok) {
        ok = o->web || list_online(&session, &place, o, &services);
        ok &= o->online || list_web(&session, &place, o, &services);
        /* What was found is shown, whatever else failed. */
        if (ok || services.count)
            status = print(o, &services, &place);
    }
    services_done(&services);
    session_close(&session);
    return ok ? status : STATUS_FAILED;
}

static int run_services(struct services_options *o, const struct arguments *a) {
    int status = check_options(o, a);
    if (status != STATUS_FINE)
        return status;
    struct config *config = load(o);
    if (!config)
        return STATUS_CONFIG;
    status = list(o, config);
    config_unref(&config);
    return status;
}

static int services(struct arguments *a) {
    struct services_options o = {0};
    int id, status = STATUS_FINE;
    buf_init(&o.tags, FILTER_MAX);
    buf_init(&o.properties, FILTER_MAX);
    while (status == STATUS_FINE && (id = arguments_next(a)) >= 0)
        status = take_option(&o, a, id) ? STATUS_FINE : STATUS_USAGE;
    if (status == STATUS_FINE)
        status = id == ARGUMENTS_STOP ? a->status : run_services(&o, a);
    buf_done(&o.tags);
    buf_done(&o.properties);
    free(o.named.subscription);
    free(o.named.resource_group);
    free(o.named.workspace);
    return status;
}

static const struct command_option options[] = {
    {'c', "config", "FILE", "the configuration"},
    {INSECURE_PERMISSIONS, "insecure-permissions", NULL, "accept secret files open to others"},
    {SUBSCRIPTION, "subscription", "ID", "where the workspace is; required, as the next two"},
    {RESOURCE_GROUP, "resource-group", "NAME", "its resource group"},
    {WORKSPACE, "workspace", "NAME", "the workspace"},
    {IDENTITY, "identity", "NAME", "who asks; by default the only one of the configuration"},
    {KIND, "kind", "KIND", "online endpoints or web services (v1) only: online, web"},
    {NAME, "name", "NAME", "only the one of this name"},
    {COMPUTE_TYPE, "compute-type", "TYPE", "only on this: Managed, Kubernetes, ACI, AKS, ..."},
    {MODEL_NAME, "model-name", "NAME", "only web services with this model"},
    {MODEL_ID, "model-id", "ID", "likewise"},
    {IMAGE_NAME, "image-name", "NAME", "only web services with this image"},
    {IMAGE_ID, "image-id", "ID", "likewise"},
    {IMAGE_DIGEST, "image-digest", "DIGEST", "likewise"},
    {TAG, "tag", "PAIR", "only those with this tag, KEY or KEY=VALUE; repeatable"},
    {PROPERTY, "property", "PAIR", "only those with this property, likewise; repeatable"},
    {ORDER_BY, "order-by", "ORDER", "CreatedAtDesc, UpdatedAtAsc, ... as Azure takes it"},
    {PAGE, "page", "N", "ask for so many at a time"},
    {AS_JSON, "json", NULL, "print JSON"},
    {AS_ROUTES, "routes", NULL, "print routes for the configuration"},
};

const struct command command_services = {
    .name = "services",
    .usage = "--subscription ID --resource-group NAME --workspace NAME [OPTION]...",
    .summary = "list the endpoints and web services of a workspace",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .run = services,
};
