/* SPDX-License-Identifier: MIT */
/* Listing, as cli/services_list.h says. */
#include "cli/services_list.h"

#include "azure/cloud.h"
#include "azure/web_service.h"
#include "daemon/source_kinds.h"

#include <stdlib.h>

typedef bool page_reader(const struct azure_answer *a, struct text origin, struct azure_page *page,
                         struct azure_error *error);

/* One list in progress. */
struct listing {
    struct session *session;
    struct secret *bearer;
    page_reader *reader;
    struct azure_request request; /* of the page that comes next */
    struct azure_page page;
};

void services_done(struct services *s) {
    for (size_t i = 0; i < s->count; i++)
        azure_service_done(&s->list[i]);
    free(s->list);
    *s = (struct services){0};
}

/* Moves the services of a page to the end of S. */
static bool take(struct services *s, struct azure_page *page, struct azure_error *error) {
    size_t count = s->count + page->count;
    if (count > SERVICES_MAX) {
        azure_error_set(error, AZURE_MALFORMED, "there are more than %d services", SERVICES_MAX);
        return false;
    }
    if (count > s->capacity) {
        size_t capacity = 2 * count;
        struct azure_service *list = reallocarray(s->list, capacity, sizeof *list);
        if (!list) {
            azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
            return false;
        }
        s->list = list;
        s->capacity = capacity;
    }
    for (size_t i = 0; i < page->count; i++) {
        s->list[s->count++] = page->services[i];
        page->services[i] = (struct azure_service){0};
    }
    return true;
}

static bool read_page(void *context, const struct azure_answer *a, struct azure_error *error) {
    struct listing *l = context;
    return l->reader(a, buf_text(&l->request.url), &l->page, error);
}

/* Puts the request of the next page in place of the one that was sent. */
static bool follow(struct listing *l, struct azure_error *error) {
    azure_request_done(&l->request);
    if (azure_follow_request(text_of(l->page.next), l->bearer, &l->request))
        return true;
    azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    return false;
}

/* Reads pages until there is none. A page without any service that has a next one is followed, but
 * not for ever. */
static bool read_all(struct listing *l, struct services *s, struct azure_error *error) {
    unsigned pages = 0;
    bool more = true, ok = true;
    while (ok && more) {
        ok =
            keeper_call_now(l->session->keeper, &l->request, FETCH_LIST_MAX, read_page, l, error) &&
            take(s, &l->page, error);
        more = ok && l->page.next;
        if (more && ++pages == SERVICES_MAX) {
            azure_error_set(error, AZURE_MALFORMED, "the list has no end");
            ok = false;
        }
        ok = ok && (!more || follow(l, error));
        azure_page_done(&l->page);
    }
    return ok;
}

static bool list(struct session *session, const struct services_place *place, const char *base,
                 const struct azure_filter *filter, struct services *s, struct azure_error *error) {
    struct azure_workspace w = workspace_of(session->config, place->named);
    struct listing l = {.session = session,
                        .reader = base ? web_service_read_page : online_endpoint_read_page};
    l.bearer = keeper_token_now(session->keeper, place->identity,
                                cloud_management_resource(&session->config->azure), error);
    if (!l.bearer)
        return false;
    azure_request_init(&l.request, METHOD_GET);
    bool ok = base ? web_service_list(base, &w, filter, l.bearer, &l.request)
                   : online_endpoint_list(&w, filter, l.bearer, &l.request);
    if (!ok)
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    ok = ok && read_all(&l, s, error);
    azure_request_done(&l.request);
    secret_unref(&l.bearer);
    return ok;
}

bool services_list_online(struct session *session, const struct services_place *place,
                          const struct azure_filter *filter, struct services *s,
                          struct azure_error *error) {
    bool ok = list(session, place, NULL, filter, s, error);
    s->online = s->count;
    return ok;
}

bool services_list_web(struct session *session, const struct services_place *place,
                       const char *base, const struct azure_filter *filter, struct services *s,
                       struct azure_error *error) {
    return list(session, place, base, filter, s, error);
}
