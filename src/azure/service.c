/* SPDX-License-Identifier: MIT */
/* Services, lists of them and their keys: azure/service.h. */
#include "azure/service.h"

#include "azure/service_private.h"
#include "config/uri.h"

#include <stdlib.h>

/* More services on one page are no page. */
#define PAGE_MAX 1000
#define LINK_MAX 8192

void azure_traffic_done(struct azure_traffic *traffic) {
    for (size_t i = 0; i < traffic->count; i++)
        free(traffic->shares[i].deployment);
    free(traffic->shares);
    *traffic = (struct azure_traffic){.shares = NULL};
}

void azure_service_done(struct azure_service *s) {
    free(s->name);
    free(s->kind);
    free(s->state);
    free(s->scoring_uri);
    free(s->swagger_uri);
    azure_traffic_done(&s->traffic);
    *s = (struct azure_service){.name = NULL};
}

const char *azure_auth_word(enum azure_auth auth) {
    static const char *const words[] = {
        [AZURE_AUTH_NONE] = "none",
        [AZURE_AUTH_KEY] = "key",
        [AZURE_AUTH_TOKEN] = "token",
        [AZURE_AUTH_ENTRA] = "entra",
    };
    return words[auth];
}

/* --- one service ------------------------------------------------------------------------------ */

/* Says of which service the document speaks: in a list that is what one wants to know first. */
static void name_the_service(struct azure_error *error, const char *name) {
    char sentence[sizeof error->message];
    if (!name || error->failure != AZURE_MALFORMED)
        return;
    memcpy(sentence, error->message, sizeof sentence);
    azure_error_set(error, AZURE_MALFORMED, "service %s: %s", name, sentence);
}

/* READER, all or nothing. */
static bool read_whole(const struct json *value, service_reader *reader, struct azure_service *s,
                       struct azure_error *error) {
    struct azure_service made = {.name = NULL};
    if (reader(value, &made, error)) {
        *s = made;
        return true;
    }
    name_the_service(error, made.name);
    azure_service_done(&made);
    return false;
}

bool service_read(const struct azure_answer *a, service_reader *reader, struct azure_service *s,
                  struct azure_error *error) {
    struct json *document = document_read(a, error);
    bool good = document && read_whole(document, reader, s, error);
    return document_end(&document, a, good, error);
}

/* --- a page of a list ------------------------------------------------------------------------- */

void azure_page_done(struct azure_page *page) {
    for (size_t i = 0; i < page->count; i++)
        azure_service_done(&page->services[i]);
    free(page->services);
    free(page->next);
    *page = (struct azure_page){.services = NULL};
}

static bool read_services(const struct json *list, service_reader *reader, struct azure_page *page,
                          struct azure_error *error) {
    size_t count = 0;
    for (const struct json *e = json_first(list); e; e = json_next(e))
        count++;
    if (!json_is_array(list) || count > PAGE_MAX) {
        azure_error_set(error, AZURE_MALFORMED, "\"value\" is no list of at most %d services",
                        PAGE_MAX);
        return false;
    }
    page->services = calloc(count ? count : 1, sizeof *page->services);
    if (!page->services) {
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
        return false;
    }
    for (const struct json *e = json_first(list); e; e = json_next(e), page->count++)
        if (!read_whole(e, reader, &page->services[page->count], error))
            return false;
    return true;
}

bool service_read_next(const struct json *document, struct text origin, char **next,
                       struct azure_error *error) {
    struct text t;
    struct buf url;
    const struct json *link = json_member(document, "nextLink");
    if (json_is_null(link))
        return true;
    if (!json_string(link, &t)) {
        azure_error_set(error, AZURE_MALFORMED, "\"nextLink\" is no text");
        return false;
    }
    if (t.len == 0)
        return true;
    buf_init(&url, LINK_MAX);
    bool good = service_resolve(t, origin, "next link", &url, error);
    if (good)
        *next = url.at;
    else
        buf_done(&url);
    return good;
}

bool service_read_page(const struct azure_answer *a, service_reader *reader, struct text origin,
                       struct azure_page *page, struct azure_error *error) {
    struct azure_page made = {.services = NULL};
    struct json *document = document_read(a, error);
    bool good = document && read_services(json_member(document, "value"), reader, &made, error) &&
                service_read_next(document, origin, &made.next, error);
    if (document_end(&document, a, good, error))
        *page = made;
    else
        azure_page_done(&made);
    return good;
}

/* --- links ------------------------------------------------------------------------------------ */

/* What LINK does not say itself: the scheme, or the scheme and the host (RFC 3986 section 4.2). A
 * link that begins with neither slash must be whole. */
static void add_origin(struct buf *url, struct text link, struct text origin) {
    struct config_uri asked;
    if (!text_starts(link, TEXT("/")) || uri_parse(origin, &asked))
        return;
    buf_add_string(url, asked.tls ? "https:" : "http:");
    if (!text_starts(link, TEXT("//")))
        buf_addf(url, "//%s", asked.authority);
    uri_done(&asked);
}

bool service_resolve(struct text link, struct text origin, const char *what, struct buf *url,
                     struct azure_error *error) {
    struct config_uri uri;
    buf_clear(url);
    add_origin(url, link, origin);
    buf_add_text(url, link);
    const char *why = buf_ok(url) ? uri_parse(buf_text(url), &uri) : "it is too long";
    if (why) {
        azure_error_set(error, AZURE_MALFORMED, "the %s is no usable URI: %s", what, why);
        return false;
    }
    uri_done(&uri);
    if (!azure_same_origin(buf_text(url), origin)) {
        azure_error_set(error, AZURE_MALFORMED,
                        "the %s leads to another origin, which is not followed", what);
        return false;
    }
    return true;
}

bool azure_follow_request(struct text url, struct secret *bearer, struct azure_request *r) {
    azure_request_init(r, METHOD_GET);
    buf_add_text(&r->url, url);
    azure_add_bearer(r, bearer);
    return azure_request_end(r);
}

/* --- keys ------------------------------------------------------------------------------------- */

void azure_keys_done(struct azure_keys *keys) {
    secret_unref(&keys->primary);
    secret_unref(&keys->secondary);
}

bool azure_keys_read(const struct azure_answer *a, struct azure_keys *keys,
                     struct azure_error *error) {
    struct azure_keys made = {.primary = NULL};
    struct json *document = document_read(a, error);
    bool good = document && document_credential(document, "primaryKey", &made.primary, error) &&
                document_credential(document, "secondaryKey", &made.secondary, error);
    if (good && !made.primary) {
        azure_error_set(error, AZURE_MALFORMED, "the answer has no \"primaryKey\"");
        good = false;
    }
    if (document_end(&document, a, good, error))
        *keys = made;
    else
        azure_keys_done(&made);
    return good;
}

/* --- what requests share ---------------------------------------------------------------------- */

void service_add_filter(struct buf *url, const char *name, const char *value) {
    if (value)
        azure_add_query(url, name, text_of(value));
}

void service_add_count(struct buf *url, unsigned count) {
    struct buf number;
    if (count == 0)
        return;
    buf_init(&number, 20);
    buf_add_u64(&number, count);
    azure_add_query(url, "count", buf_text(&number));
    buf_done(&number);
}

void service_add_key_type(struct azure_request *r, enum azure_key key) {
    r->content_type = "application/json";
    buf_addf(&r->body, "{\"keyType\":\"%s\"}", key == AZURE_KEY_PRIMARY ? "Primary" : "Secondary");
}
