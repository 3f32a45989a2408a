/* SPDX-License-Identifier: MIT */
/* Online endpoints, as azure/online_endpoint.h says. */
#include "azure/online_endpoint.h"

#include "azure/service_private.h"

#include <stdlib.h>

/* --- requests --------------------------------------------------------------------------------- */

void azure_add_workspace(struct buf *url, const struct azure_workspace *w) {
    azure_add_segment(url, TEXT("subscriptions"));
    azure_add_segment(url, text_of(w->subscription));
    azure_add_segment(url, TEXT("resourceGroups"));
    azure_add_segment(url, text_of(w->resource_group));
    azure_add_segment(url, TEXT("providers"));
    azure_add_segment(url, TEXT("Microsoft.MachineLearningServices"));
    azure_add_segment(url, TEXT("workspaces"));
    azure_add_segment(url, text_of(w->workspace));
}

void online_endpoint_begin(struct azure_request *r, enum method method,
                           const struct azure_workspace *w, const char *name, const char *action,
                           struct secret *bearer) {
    azure_request_init(r, method);
    buf_add_string(&r->url, w->management);
    azure_add_workspace(&r->url, w);
    azure_add_segment(&r->url, TEXT("onlineEndpoints"));
    if (name)
        azure_add_segment(&r->url, text_of(name));
    if (action)
        azure_add_segment(&r->url, text_of(action));
    azure_add_query(&r->url, "api-version", text_of(w->api_version));
    azure_add_bearer(r, bearer);
}

bool online_endpoint_get(const struct azure_workspace *w, const char *name, struct secret *bearer,
                         struct azure_request *r) {
    online_endpoint_begin(r, METHOD_GET, w, name, NULL, bearer);
    return azure_request_end(r);
}

bool online_endpoint_list(const struct azure_workspace *w, const struct azure_filter *filter,
                          struct secret *bearer, struct azure_request *r) {
    online_endpoint_begin(r, METHOD_GET, w, NULL, NULL, bearer);
    service_add_filter(&r->url, "name", filter->name);
    service_add_count(&r->url, filter->page);
    service_add_filter(&r->url, "computeType", filter->compute_type);
    service_add_filter(&r->url, "tags", filter->tags);
    service_add_filter(&r->url, "properties", filter->properties);
    service_add_filter(&r->url, "orderBy", filter->order_by);
    return azure_request_end(r);
}

bool online_endpoint_keys(const struct azure_workspace *w, const char *name, struct secret *bearer,
                          struct azure_request *r) {
    online_endpoint_begin(r, METHOD_POST, w, name, "listKeys", bearer);
    return azure_request_end(r);
}

bool online_endpoint_token(const struct azure_workspace *w, const char *name, struct secret *bearer,
                           struct azure_request *r) {
    online_endpoint_begin(r, METHOD_POST, w, name, "token", bearer);
    return azure_request_end(r);
}

bool online_endpoint_regenerate(const struct azure_workspace *w, const char *name,
                                enum azure_key key, struct secret *bearer,
                                struct azure_request *r) {
    online_endpoint_begin(r, METHOD_POST, w, name, "regenerateKeys", bearer);
    service_add_key_type(r, key);
    return azure_request_end(r);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* The API's spelling and that of the YAML files. */
static bool find_auth(struct text mode, enum azure_auth *auth) {
    static const struct {
        const char *mode;
        enum azure_auth auth;
    } modes[] = {
        {"Key", AZURE_AUTH_KEY},         {"AMLToken", AZURE_AUTH_TOKEN},
        {"aml_token", AZURE_AUTH_TOKEN}, {"AADToken", AZURE_AUTH_ENTRA},
        {"aad_token", AZURE_AUTH_ENTRA},
    };
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (text_equal_nocase(mode, text_of(modes[i].mode))) {
            *auth = modes[i].auth;
            return true;
        }
    return false;
}

static bool read_auth(const struct json *properties, enum azure_auth *auth,
                      struct azure_error *error) {
    char *mode = NULL;
    if (!document_word(properties, "authMode", NULL, &mode, error))
        return false;
    bool good = find_auth(text_of(mode), auth);
    if (!good)
        azure_error_set(error, AZURE_MALFORMED,
                        "\"authMode\" is \"%s\"; expected Key, AMLToken or AADToken", mode);
    free(mode);
    return good;
}

/* More deployments than Azure has. */
#define SHARES_MAX 100

/* One member of "traffic" at the end of T; a share of nothing is none. False: it is odd, or there
 * is no memory for it. */
static bool read_share(const struct json *member, struct azure_traffic *t) {
    double percent;
    struct text name = json_name(member);
    if (json_is_null(member))
        return true;
    if (!json_number(member, &percent) || percent < 0 || percent > 100 || name.len == 0)
        return false;
    if (percent == 0)
        return true;
    char *copy = text_dup(name);
    if (!copy)
        return false;
    t->shares[t->count++] = (struct azure_share){copy, percent < 1 ? 1 : (unsigned)percent};
    return true;
}

/* All or nothing. It only helps to know how many requests are served at once: what is odd here is
 * no reason not to use the endpoint. Mirrored traffic is not ours. */
static void read_traffic(const struct json *properties, struct azure_traffic *traffic) {
    const struct json *first = json_first_member(json_member(properties, "traffic"));
    size_t count = 0;
    for (const struct json *m = first; m; m = json_next(m))
        count++;
    struct azure_traffic made = {.shares = NULL};
    if (count && count <= SHARES_MAX)
        made.shares = calloc(count, sizeof *made.shares);
    bool good = made.shares;
    for (const struct json *m = first; good && m; m = json_next(m))
        good = read_share(m, &made);
    if (good && made.count)
        *traffic = made;
    else
        azure_traffic_done(&made);
}

static bool read_endpoint(const struct json *value, struct azure_service *s,
                          struct azure_error *error) {
    const struct json *properties = json_member(value, "properties");
    read_traffic(properties, &s->traffic);
    return document_word(value, "name", NULL, &s->name, error) &&
           document_copy(TEXT("online"), &s->kind, error) &&
           document_word(properties, "provisioningState", "unknown", &s->state, error) &&
           read_auth(properties, &s->auth, error) &&
           document_uri(properties, "scoringUri", &s->scoring_uri, error) &&
           document_uri(properties, "swaggerUri", &s->swagger_uri, error);
}

bool online_endpoint_read(const struct azure_answer *a, struct azure_service *s,
                          struct azure_error *error) {
    return service_read(a, read_endpoint, s, error);
}

bool online_endpoint_read_page(const struct azure_answer *a, struct text origin,
                               struct azure_page *page, struct azure_error *error) {
    return service_read_page(a, read_endpoint, origin, page, error);
}
