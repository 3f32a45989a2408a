/* SPDX-License-Identifier: MIT */
/* Web services, as azure/web_service.h says. */
#include "azure/web_service.h"

#include "azure/service_private.h"
#include "config/uri.h"

#include <stdlib.h>

/* The only api-version that the vendor's SDK sends to MMS, and only for a token. */
#define TOKEN_API_VERSION "2018-11-19"

/* --- where the model management service is ---------------------------------------------------- */

bool workspace_get(const struct azure_workspace *w, struct secret *bearer,
                   struct azure_request *r) {
    azure_request_init(r, METHOD_GET);
    buf_add_string(&r->url, w->management);
    azure_add_workspace(&r->url, w);
    azure_add_query(&r->url, "api-version", text_of(w->api_version));
    azure_add_bearer(r, bearer);
    return azure_request_ok(r);
}

/* Appends member NAME of OBJECT, which must be an https URI. WHOLE: with path and query; else it
 * is a base, which has no query and no slash at its end. */
static bool read_https(const struct json *object, const char *name, bool whole, struct buf *into,
                       struct azure_error *error) {
    char *found = NULL;
    if (!document_uri(object, name, &found, error))
        return false;
    struct text t = text_of(found);
    bool good =
        t.len > 8 && strncasecmp(t.at, "https://", 8) == 0 && (whole || text_find(t, '?') == t.len);
    while (!whole && good && t.at[t.len - 1] == '/')
        t.len--;
    if (good)
        buf_add_text(into, t);
    else
        azure_error_set(error, AZURE_MALFORMED,
                        found ? "\"%s\" is not of the form https://HOST/PATH" : "\"%s\" is missing",
                        name);
    if (good && !buf_ok(into)) {
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
        good = false;
    }
    free(found);
    return good;
}

bool workspace_read(const struct azure_answer *a, struct buf *discovery_url,
                    struct azure_error *error) {
    struct json *document = document_read(a, error);
    bool good = document && read_https(json_member(document, "properties"), "discoveryUrl", true,
                                       discovery_url, error);
    json_free(&document);
    return good;
}

bool discovery_get(struct text discovery_url, struct azure_request *r) {
    azure_request_init(r, METHOD_GET);
    buf_add_text(&r->url, discovery_url);
    return azure_request_ok(r);
}

bool discovery_read(const struct azure_answer *a, struct buf *base, struct azure_error *error) {
    struct json *document = document_read(a, error);
    const char *name =
        json_is_null(json_member(document, "modelmanagement")) ? "api" : "modelmanagement";
    bool good = document && read_https(document, name, false, base, error);
    json_free(&document);
    return good;
}

/* --- requests --------------------------------------------------------------------------------- */

/* A request about service NAME (NULL: the list), perhaps an action of it. */
static void start(struct azure_request *r, enum method method, const char *base,
                  const struct azure_workspace *w, const char *name, const char *action,
                  struct secret *bearer) {
    azure_request_init(r, method);
    buf_add_string(&r->url, base);
    azure_add_segment(&r->url, TEXT("modelmanagement"));
    azure_add_segment(&r->url, TEXT("v1.0"));
    azure_add_workspace(&r->url, w);
    azure_add_segment(&r->url, TEXT("services"));
    if (name)
        azure_add_segment(&r->url, text_of(name));
    if (action)
        azure_add_segment(&r->url, text_of(action));
    azure_add_bearer(r, bearer);
}

bool web_service_get(const char *base, const struct azure_workspace *w, const char *name,
                     struct secret *bearer, struct azure_request *r) {
    start(r, METHOD_GET, base, w, name, NULL, bearer);
    azure_add_query(&r->url, "expand", TEXT("true"));
    return azure_request_ok(r);
}

bool web_service_list(const char *base, const struct azure_workspace *w,
                      const struct azure_filter *filter, struct secret *bearer,
                      struct azure_request *r) {
    start(r, METHOD_GET, base, w, NULL, NULL, bearer);
    azure_add_query(&r->url, "expand", TEXT("true"));
    service_add_filter(&r->url, "computeType", filter->compute_type);
    service_add_filter(&r->url, "imageName", filter->image_name);
    service_add_filter(&r->url, "imageId", filter->image_id);
    service_add_filter(&r->url, "imageDigest", filter->image_digest);
    service_add_filter(&r->url, "modelName", filter->model_name);
    service_add_filter(&r->url, "modelId", filter->model_id);
    service_add_filter(&r->url, "name", filter->name);
    service_add_filter(&r->url, "tags", filter->tags);
    service_add_filter(&r->url, "properties", filter->properties);
    service_add_filter(&r->url, "orderby", filter->order_by);
    service_add_count(&r->url, filter->page);
    return azure_request_ok(r);
}

bool web_service_keys(const char *base, const struct azure_workspace *w, const char *name,
                      struct secret *bearer, struct azure_request *r) {
    start(r, METHOD_POST, base, w, name, "listkeys", bearer);
    return azure_request_ok(r);
}

bool web_service_token(const char *base, const struct azure_workspace *w, const char *name,
                       struct secret *bearer, struct azure_request *r) {
    start(r, METHOD_POST, base, w, name, "token", bearer);
    azure_add_query(&r->url, "api-version", TEXT(TOKEN_API_VERSION));
    return azure_request_ok(r);
}

bool web_service_regenerate(const char *base, const struct azure_workspace *w, const char *name,
                            enum azure_key key, struct secret *bearer, struct azure_request *r) {
    start(r, METHOD_POST, base, w, name, "regenerateKeys", bearer);
    service_add_key_type(r, key);
    return azure_request_ok(r);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Keys are the default of AKS, tokens are asked for: of both flags the latter counts. */
static bool read_auth(const struct json *value, enum azure_auth *auth, struct azure_error *error) {
    bool key = false, token = false;
    if (!document_flag(value, "authEnabled", &key, error) ||
        !document_flag(value, "aadAuthEnabled", &token, error))
        return false;
    *auth = token ? AZURE_AUTH_TOKEN : key ? AZURE_AUTH_KEY : AZURE_AUTH_NONE;
    return true;
}

/* Where the service does not say it, the description is beside the scoring URI, as for the SDK. */
static bool derive_swagger(struct azure_service *s, struct azure_error *error) {
    struct config_uri scoring, swagger;
    if (!s->scoring_uri || s->swagger_uri)
        return true;
    const char *why = uri_parse(text_of(s->scoring_uri), &scoring);
    if (!why) {
        why = uri_swagger(&scoring, &swagger);
        uri_done(&scoring);
    }
    if (why) {
        azure_error_set(error, AZURE_MALFORMED, "\"scoringUri\" is no usable URI: %s", why);
        return false;
    }
    bool good = document_copy(text_of(swagger.text), &s->swagger_uri, error);
    uri_done(&swagger);
    return good;
}

static bool read_web_service(const struct json *value, struct azure_service *s,
                             struct azure_error *error) {
    return document_word(value, "name", NULL, &s->name, error) &&
           document_word(value, "computeType", "unknown", &s->kind, error) &&
           document_word(value, "state", "unknown", &s->state, error) &&
           read_auth(value, &s->auth, error) &&
           document_uri(value, "scoringUri", &s->scoring_uri, error) &&
           document_uri(value, "swaggerUri", &s->swagger_uri, error) && derive_swagger(s, error);
}

bool web_service_read(const struct azure_answer *a, struct azure_service *s,
                      struct azure_error *error) {
    return service_read(a, read_web_service, s, error);
}

bool web_service_read_page(const struct azure_answer *a, struct text origin,
                           struct azure_page *page, struct azure_error *error) {
    return service_read_page(a, read_web_service, origin, page, error);
}
