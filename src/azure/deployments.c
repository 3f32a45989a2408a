/* SPDX-License-Identifier: MIT */
/* Deployments, as azure/deployments.h says. */
#include "azure/deployments.h"

#include "azure/service_private.h"

#include <stdlib.h>

/* An endpoint has 20 at most. */
#define DEPLOYMENTS_MAX 200
/* No deployment is larger, nor works on more at once. */
#define INSTANCES_MAX  10000
#define CONCURRENT_MAX 100000
/* A limit that is larger is none. */
#define LIMIT_MAX 1000000

static void deployment_done(struct azure_deployment *d) {
    free(d->name);
    free(d->state);
    free(d->compute);
    free(d->scale);
}

void azure_deployments_done(struct azure_deployments *d) {
    for (size_t i = 0; i < d->count; i++)
        deployment_done(&d->all[i]);
    free(d->all);
    free(d->next);
    *d = (struct azure_deployments){.all = NULL};
}

static bool same(const struct azure_deployment *a, const struct azure_deployment *b) {
    return strcmp(a->name, b->name) == 0 && strcmp(a->state, b->state) == 0 &&
           strcmp(a->compute, b->compute) == 0 && strcmp(a->scale, b->scale) == 0 &&
           a->counted == b->counted && a->instances == b->instances &&
           a->max_concurrent == b->max_concurrent;
}

bool azure_deployments_same(const struct azure_deployments *a, const struct azure_deployments *b) {
    for (size_t i = 0; a->count == b->count && i < a->count; i++)
        if (!same(&a->all[i], &b->all[i]))
            return false;
    return a->count == b->count;
}

/* --- asking and reading ----------------------------------------------------------------------- */

bool deployments_list(const struct azure_workspace *w, const char *endpoint, struct secret *bearer,
                      struct azure_request *r) {
    online_endpoint_begin(r, METHOD_GET, w, endpoint, "deployments", bearer);
    return azure_request_end(r);
}

/* Into D, which is zero. On false it may be half full. */
static bool read_deployment(const struct json *value, struct azure_deployment *d,
                            struct azure_error *error) {
    const struct json *sku = json_member(value, "sku");
    const struct json *properties = json_member(value, "properties");
    d->max_concurrent = 1;
    d->counted = !json_is_null(json_member(sku, "capacity"));
    return document_word(value, "name", NULL, &d->name, error) &&
           document_count(sku, "capacity", INSTANCES_MAX, &d->instances, error) &&
           document_word(properties, "provisioningState", "unknown", &d->state, error) &&
           document_word(properties, "endpointComputeType", "Managed", &d->compute, error) &&
           document_word(json_member(properties, "scaleSettings"), "scaleType", "Default",
                         &d->scale, error) &&
           document_count(json_member(properties, "requestSettings"),
                          "maxConcurrentRequestsPerInstance", CONCURRENT_MAX, &d->max_concurrent,
                          error);
}

/* The elements of LIST behind those of D. */
static bool read_list(const struct json *list, struct azure_deployments *d,
                      struct azure_error *error) {
    size_t count = d->count;
    for (const struct json *e = json_first(list); e; e = json_next(e))
        count++;
    if (!json_is_array(list) || count > DEPLOYMENTS_MAX) {
        azure_error_set(error, AZURE_MALFORMED, "\"value\" is no list of at most %d deployments",
                        DEPLOYMENTS_MAX);
        return false;
    }
    struct azure_deployment *all = realloc(d->all, (count ? count : 1) * sizeof *all);
    if (!all) {
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
        return false;
    }
    d->all = all;
    for (const struct json *e = json_first(list); e; e = json_next(e)) {
        struct azure_deployment *next = &d->all[d->count++];
        *next = (struct azure_deployment){.name = NULL};
        if (!read_deployment(e, next, error))
            return false;
    }
    return true;
}

bool deployments_read_page(const struct azure_answer *a, struct text origin,
                           struct azure_deployments *d, struct azure_error *error) {
    size_t before = d->count;
    char *next = NULL;
    struct json *document = document_read(a, error);
    bool good = document && read_list(json_member(document, "value"), d, error) &&
                service_read_next(document, origin, &next, error);
    if (!document_end(&document, a, good, error)) {
        while (d->count > before)
            deployment_done(&d->all[--d->count]);
        return false;
    }
    free(d->next);
    d->next = next;
    return true;
}

/* --- the limit -------------------------------------------------------------------------------- */

/* Names of Azure's resources are compared without case. */
static const struct azure_deployment *find(const struct azure_deployments *d, const char *name) {
    for (size_t i = 0; i < d->count; i++)
        if (text_equal_nocase(text_of(d->all[i].name), text_of(name)))
            return &d->all[i];
    return NULL;
}

/* Why the rule tells nothing about D; NULL: it does. */
static const char *why_unknown(const struct azure_deployment *d) {
    if (!d)
        return "is not listed";
    if (text_equal_nocase(text_of(d->state), TEXT("Creating")) ||
        text_equal_nocase(text_of(d->state), TEXT("Deleting")))
        return "is being created or deleted";
    if (!text_equal_nocase(text_of(d->compute), TEXT("Managed")))
        return "is not on managed compute";
    if (!text_equal_nocase(text_of(d->scale), TEXT("Default")))
        return "has as many instances as its load wants";
    if (!d->counted)
        return "does not say how many instances it has";
    return NULL;
}

/* Adds what deployment NAME works on at once to SUM; false with the reason in WHY. */
static bool add(const struct azure_deployments *d, const char *name, uint64_t *sum,
                struct buf *why) {
    const struct azure_deployment *one = find(d, name);
    const char *unknown = why_unknown(one);
    if (unknown) {
        buf_clear(why);
        buf_addf(why, "%s %s", name, unknown);
        return false;
    }
    buf_addf(why, "%s%s %u x %u", *sum ? " + " : "", one->name, one->max_concurrent,
             one->instances);
    *sum += (uint64_t)one->max_concurrent * one->instances;
    return true;
}

unsigned deployments_limit(const struct azure_deployments *d, const struct azure_traffic *traffic,
                           const char *only, struct buf *why) {
    uint64_t sum = 0;
    buf_clear(why);
    buf_add_string(why, "2 x (");
    if (only && !add(d, only, &sum, why))
        return 0;
    for (size_t i = 0; !only && i < traffic->count; i++)
        if (!add(d, traffic->shares[i].deployment, &sum, why))
            return 0;
    buf_add_char(why, ')');
    if (sum == 0) {
        buf_clear(why);
        buf_add_string(why, "no deployment with an instance takes requests");
        return 0;
    }
    return sum > LIMIT_MAX / 2 ? LIMIT_MAX : (unsigned)sum * 2;
}
