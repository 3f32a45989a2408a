/* SPDX-License-Identifier: MIT */
/* The command line of scoregate services. */
#include "cli/services_options.h"

#include "base/parse.h"
#include "config/valid.h"

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
    if (strchr("=", a->value[0]) || strchr(a->value, ',')) {
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

/* A name as the configuration takes it, VALID there. It is copied, since what takes it takes those
 * of the configuration. */
static bool take_name(char **into, bool (*valid)(struct text t), const struct arguments *a) {
    if (!valid(text_of(a->value))) {
        arguments_wrong(a, "'%s' is no name or ID in Azure", a->value);
        return false;
    }
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
        return take_name(&o->named.subscription, valid_id, a);
    case RESOURCE_GROUP:
        return take_name(&o->named.resource_group, valid_resource, a);
    case WORKSPACE:
        return take_name(&o->named.workspace, valid_resource, a);
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

bool services_options_read(struct services_options *o, struct arguments *a) {
    int id;
    *o = (struct services_options){0};
    buf_init(&o->tags, FILTER_MAX);
    buf_init(&o->properties, FILTER_MAX);
    while ((id = arguments_next(a)) >= 0)
        if (!take_option(o, a, id)) {
            a->status = STATUS_USAGE;
            return false;
        }
    if (id == ARGUMENTS_END)
        a->status = check_options(o, a);
    return id == ARGUMENTS_END && a->status == STATUS_FINE;
}

void services_options_done(struct services_options *o) {
    buf_done(&o->tags);
    buf_done(&o->properties);
    free(o->named.subscription);
    free(o->named.resource_group);
    free(o->named.workspace);
}

const struct command_option services_options_table[SERVICES_OPTIONS] = {
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
