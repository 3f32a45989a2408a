/* SPDX-License-Identifier: MIT */
/* What an endpoint says of itself, for callers of the gateway: asked for with the route's
 * credential, kept by the site, rewritten by policy/openapi.h for each caller, since it names the
 * host that the caller asked. */
#include "gateway/exchange.h"

#include "base/hash.h"
#include "policy/openapi.h"

#include <inttypes.h>
#include <stdio.h>

/* Whether LINE is a Cache-Control with WORD (RFC 9111 section 5.2.1; browsers say "no-cache" to
 * reload). */
static bool controls(const struct field_line *line, struct text word) {
    struct text all = line->value, one;
    while (line->id == FIELD_CACHE_CONTROL && text_next_element(&all, &one))
        if (text_equal_nocase(one, word))
            return true;
    return false;
}

/* The caller asks for another deployment than others may. */
static bool is_of_its_own(const struct exchange *x, const struct field_line *line) {
    return x->route->config->client_deployment &&
           text_equal_nocase(line->name, TEXT("azureml-model-deployment"));
}

void swagger_asked(struct exchange *x, const struct head *h) {
    struct exchange_asked *asked = &x->asked;
    *asked = (struct exchange_asked){0};
    for (size_t i = 0; i < h->field_count; i++) {
        const struct field_line *line = &h->fields[i];
        if (line->id == FIELD_HOST)
            asked->host = line->value;
        else if (line->id == FIELD_IF_NONE_MATCH)
            asked->if_none_match = line->value;
        bool own = is_of_its_own(x, line);
        asked->apart |= own || controls(line, TEXT("no-store"));
        asked->news |= own || controls(line, TEXT("no-cache")) || controls(line, TEXT("max-age=0"));
    }
}

static bool passes(const void *context, struct text field) {
    return request_passes(context, field);
}

static bool rewrite(struct exchange *x, const struct endpoint *endpoint, const struct document *d) {
    const struct config_route *route = x->route->config;
    struct openapi_view view = {.host = x->asked.host,
                                .route = text_of(route->path),
                                .scoring = text_of(endpoint->scoring.path),
                                .swagger = text_of(endpoint->swagger.path),
                                .subpaths = route->subpaths,
                                .methods = route->methods,
                                .passes = passes,
                                .context = route};
    return openapi_rewrite((struct text){d->body, d->length}, &view, &x->own_body);
}

/* Puts D, which is of ENDPOINT, into own_body as the caller sees it. */
static bool show(struct exchange *x, const struct endpoint *endpoint, struct document *d) {
    struct text shown = document_shown(d, x->asked.host);
    buf_clear(&x->own_body);
    if (shown.at) {
        buf_add_text(&x->own_body, shown);
        return true;
    }
    if (!rewrite(x, endpoint, d))
        return false;
    if (d->kept && buf_ok(&x->own_body))
        document_show(d, x->asked.host, buf_text(&x->own_body));
    return true;
}

/* Weakly, as RFC 9110 section 13.1.2 has it. */
static bool has_it(const struct exchange *x, struct text etag) {
    struct text all = x->asked.if_none_match, one;
    while (text_next_element(&all, &one)) {
        if (text_starts(one, TEXT("W/")))
            one = text_skip(one, 2);
        if (text_equal(one, etag) || text_equal(one, TEXT("*")))
            return true;
    }
    return false;
}

/* Answers with D. False: it is nothing that could be rewritten. */
static bool reply_with(struct exchange *x, const struct endpoint *endpoint, struct document *d) {
    char etag[24];
    if (!show(x, endpoint, d))
        return false;
    if (!buf_ok(&x->own_body)) {
        reply_problem(x, REASON_out_of_resources, (struct text){0});
        return true;
    }
    uint64_t hash = hash_text(HASH_NOTHING, buf_text(&x->own_body));
    snprintf(etag, sizeof etag, "\"%016" PRIx64 "\"", hash);
    reply_document(x, text_of(etag), text_of(d->cache_control ? d->cache_control : "no-cache"),
                   x->gateway->loop->now - d->born, has_it(x, text_of(etag)));
    return true;
}

bool swagger_kept(struct exchange *x) {
    usec_t now = x->gateway->loop->now;
    if (x->target != ROUTE_SWAGGER || x->asked.news)
        return false;
    for (size_t i = 0; i < x->route->config->backend_count; i++) {
        const struct site *site = x->route->backends[i].stock->site;
        struct document *d = site ? documents_find(&site->documents, x->head.query) : NULL;
        if (d && now < d->fresh && reply_with(x, site->endpoint, d))
            return true;
    }
    return false;
}

void swagger_ask(struct attempt *a, struct buf *head) {
    struct exchange *x = a->exchange;
    struct document *d = documents_find(&a->stock->site->documents, x->head.query);
    document_unref(&a->document);
    if (!d || !(d->etag || d->last_modified) || x->asked.apart)
        return;
    a->document = document_ref(d);
    if (d->etag)
        buf_addf(head, "If-None-Match: %s\r\n", d->etag);
    if (d->last_modified)
        buf_addf(head, "If-Modified-Since: %s\r\n", d->last_modified);
}

bool swagger_answered(struct attempt *a) {
    struct exchange *x = a->exchange;
    struct site *site = a->stock->site;
    const struct answer *answer = &a->answer;
    usec_t now = x->gateway->loop->now;
    if (answer->status == 304) {
        document_renew(a->document, answer->lines, answer->line_count, now);
    } else {
        document_unref(&a->document);
        a->document = document_new(x->head.query, buf_text(&a->gathered), answer->lines,
                                   answer->line_count, now);
        if (!a->document)
            return false;
    }
    if (!reply_with(x, site->endpoint, a->document)) {
        if (answer->status != 304)
            return false;
        reply_problem(x, REASON_out_of_resources, (struct text){0}); /* it was shown before */
    }
    /* What is shown by a route that a reload has replaced is not for the new one. */
    if (!x->asked.apart && !x->route->replaced)
        documents_keep(&site->documents, a->document);
    document_unref(&a->document);
    return true;
}
