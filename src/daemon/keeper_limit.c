/* SPDX-License-Identifier: MIT */
/* Azure's own limit of requests at once: worked out of an endpoint's traffic, which its lookup
 * brings, and of its deployments. A backend does without where it is not known. */
#include "daemon/keeper_backend.h"

#include "base/log.h"
#include "config/backend.h"

/* While the endpoint says that there are too many requests, it is looked at so often. */
#define CROWDED_INTERVAL (10 * USEC_PER_SEC)
#define WHY_MAX          4096

bool keeper_limit_is_wanted(const struct keeper_backend *r) {
    return !r->keeper->options.once && r->config->online_endpoint.subscription &&
           r->config->max_concurrent == CONCURRENT_AUTO;
}

/* A refusal says that we may not know it any more; while the service is merely down, what it said
 * last holds. */
static bool is_known(const struct source *s) {
    return s->since && !(s->failed && (s->error.failure == AZURE_FORBIDDEN ||
                                       s->error.failure == AZURE_MISSING));
}

static void log_limit(const struct keeper_backend *r, struct text why) {
    if (r->concurrency)
        log_info("requests at once are limited as by Azure",
                 LOG_STRING("route", r->config->route->path),
                 LOG_NUMBER("backend", config_backend_number(r->config)),
                 LOG_STRING("endpoint", r->config->online_endpoint.name),
                 LOG_NUMBER("limit", r->concurrency), LOG_TEXT("why", why));
    else
        log_info("the limit of requests at once is learnt",
                 LOG_STRING("route", r->config->route->path),
                 LOG_NUMBER("backend", config_backend_number(r->config)),
                 LOG_STRING("endpoint", r->config->online_endpoint.name), LOG_TEXT("why", why));
}

void keeper_limit_update(struct keeper_backend *r) {
    const struct source *s = r->deployments.source;
    unsigned before = r->concurrency;
    struct buf why;
    if (!s || (!s->since && !s->failed))
        return;
    buf_init(&why, WHY_MAX);
    if (is_known(s))
        r->concurrency =
            deployments_limit(&s->value.deployments, &r->lookup.source->value.service.traffic,
                              r->config->deployment, &why);
    else
        r->concurrency = 0;
    /* That it cannot be fetched was logged. */
    if (r->concurrency != before || (!r->limit_told && is_known(s))) {
        if (!is_known(s))
            buf_add_string(&why, "the deployments cannot be read any more");
        log_limit(r, buf_text(&why));
        r->limit_told = true;
    }
    buf_done(&why);
}

void keeper_limit_told(void *owner, struct source *source) {
    struct keeper_backend *r = owner;
    /* The traffic may have been shifted at the same time. */
    if (!source->failed)
        source_look_again(r->lookup.source, DEPLOYMENTS_REFRESH, "deployments");
    keeper_backend_update(r);
}

void keeper_limit_crowded(struct keeper_backend *r) {
    if (!r->deployments.source)
        return;
    source_look_again(r->deployments.source, CROWDED_INTERVAL, "429");
    source_look_again(r->lookup.source, CROWDED_INTERVAL, "429");
}
