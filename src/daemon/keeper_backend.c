/* SPDX-License-Identifier: MIT */
/* From sources to supplies, as daemon/keeper_backend.h says. */
#include "daemon/keeper_backend.h"

#include "azure/cloud.h"
#include "base/log.h"
#include "config/backend.h"
#include "config/uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_credential(void *owner, struct source *source);

/* Which sources */

static const struct config_named *named_of(const struct config_backend *c) {
    return c->web_service.subscription ? &c->web_service : &c->online_endpoint;
}

static struct named_service service_of(const struct config_backend *c) {
    return (struct named_service){
        .named = named_of(c), .v1 = c->web_service.subscription != NULL, .identity = c->identity};
}

/* The resource of a scope: what Entra's v2 scopes have before "/.default". */
static char *resource_of(const struct keeper_backend *r) {
    const char *scope = r->config->auth.scope;
    struct text resource = text_of(scope ? scope : cloud_ml_resource(&r->sources->config->azure));
    struct text suffix = TEXT("/.default");
    if (resource.len > suffix.len &&
        text_equal(text_skip(resource, resource.len - suffix.len), suffix))
        resource.len -= suffix.len;
    return text_dup(resource);
}

static struct source *token_source(struct keeper_backend *r) {
    char *resource = resource_of(r);
    struct source *s =
        resource ? source_of_identity(r->sources, r->config->identity, resource) : NULL;
    free(resource);
    return s;
}

/* "route:/score:primary", with several backends "route:/score:2:primary"; NULL: out of memory. The
 * caller frees it. */
static char *name_of(const struct keeper_backend *r, const char *what) {
    const struct config_route *route = r->config->route;
    char *name;
    int n = route->backend_count > 1 ? asprintf(&name, "route:%s:%u:%s", route->path,
                                                config_backend_number(r->config), what)
                                     : asprintf(&name, "route:%s:%s", route->path, what);
    return n < 0 ? NULL : name;
}

static const struct config_secret *key_of(const struct keeper_backend *r, unsigned i) {
    return i ? &r->config->auth.secondary : &r->config->auth.primary;
}

/* Whether the auth in effect has a source I. For an endpoint that must not be called there is
 * nothing to fetch. */
static bool has_source(const struct keeper_backend *r, unsigned i) {
    if (r->unusable || r->auth == AUTH_NONE || r->auth == AUTH_FOUND)
        return false;
    return r->auth == AUTH_KEY ? key_of(r, i)->kind != SECRET_NONE : i == 0;
}

static struct source *make_source(struct keeper_backend *r, unsigned i, const char *name) {
    struct sources *all = r->sources;
    const struct config_auth *auth = &r->config->auth;
    struct named_service of = service_of(r->config);
    switch (r->auth) {
    case AUTH_KEY:
        return source_of_secret(all, key_of(r, i), name);
    case AUTH_TOKEN:
        return source_of_token_file(all, auth->file, auth->refresh_by, name);
    case AUTH_ENDPOINT_KEY:
        return source_of_keys(all, &of, name);
    case AUTH_ENDPOINT_TOKEN:
        return source_of_endpoint_token(all, &of, name);
    case AUTH_ENTRA:
        return token_source(r);
    case AUTH_NONE:
    case AUTH_FOUND:
        break;
    }
    return NULL;
}

/* NULL: out of memory. */
static struct source *credential_source(struct keeper_backend *r, unsigned i) {
    char *name = name_of(r, r->auth == AUTH_KEY            ? i ? "secondary" : "primary"
                            : r->auth == AUTH_ENDPOINT_KEY ? "keys"
                                                           : "token");
    struct source *s = name ? make_source(r, i, name) : NULL;
    free(name);
    return s;
}

/* What was never fetched is fetched. */
static void begin(struct keeper_backend *r, struct source *s) {
    if (s && !s->since && !r->quiet)
        source_fetch(s, "start");
}

/* Uses the sources of the auth in effect. */
static bool use_credentials(struct keeper_backend *r) {
    bool ok = true;
    for (unsigned i = 0; i < ARRAY_LEN(r->credentials); i++) {
        struct source *s = has_source(r, i) ? credential_source(r, i) : NULL;
        if (!s && has_source(r, i)) {
            ok = false; /* and what there is stays */
            continue;
        }
        if (s == r->credentials[i].source)
            continue;
        source_unuse(&r->credentials[i]);
        if (!s)
            continue;
        source_use(&r->credentials[i], s, on_credential, r);
        begin(r, s);
    }
    return ok;
}

/* What of the supply */

static bool is_key_pair(const struct keeper_backend *r) {
    return r->auth == AUTH_KEY;
}

/* The secret of key I that may be used now, or NULL. */
static struct secret *secret_of(const struct keeper_backend *r, unsigned i) {
    const struct source *s = r->credentials[is_key_pair(r) ? i : 0].source;
    if (!s || !source_usable(s))
        return NULL;
    return is_key_pair(r) ? s->value.secrets[0] : s->value.secrets[i];
}

static usec_t expiry_of(const struct keeper_backend *r) {
    usec_t latest = 0;
    for (unsigned i = 0; i < ARRAY_LEN(r->credentials); i++) {
        const struct source *s = r->credentials[i].source;
        if (s && source_usable(s) && s->renewal.expires > latest)
            latest = s->renewal.expires;
    }
    return latest ? latest : USEC_NEVER;
}

/* What to tell callers of a source that will not come by itself; REASON_NONE: it may. One that is
 * blocked goes by what it needs. */
static enum reason refusal_of(const struct source *s) {
    if (!s || !s->failed || source_usable(s))
        return REASON_NONE;
    for (size_t i = 0; s->blocked && i < SOURCE_NEEDS_MAX; i++)
        if (s->needs[i].source && !source_usable(s->needs[i].source))
            return refusal_of(s->needs[i].source);
    switch (s->error.failure) {
    case AZURE_REJECTED:
    case AZURE_FORBIDDEN:
    case AZURE_UNAUTHORIZED:
        return REASON_token_rejected;
    case AZURE_MISSING:
        return s->named ? REASON_endpoint_not_found : REASON_token_rejected;
    default:
        return REASON_NONE;
    }
}

/* The same of all credentials: as long as one of them may come there is something to wait for. */
static enum reason credentials_refusal(const struct keeper_backend *r) {
    enum reason why = REASON_NONE;
    for (unsigned i = 0; i < ARRAY_LEN(r->credentials); i++) {
        enum reason one = refusal_of(r->credentials[i].source);
        if (r->credentials[i].source && one == REASON_NONE)
            return REASON_NONE;
        why = why == REASON_NONE ? one : why;
    }
    return why;
}

/* READY with an endpoint and a credential; REFUSED if what is missing will not come; else PENDING.
 */
static void decide_state(const struct keeper_backend *r, struct supply *s) {
    bool any = s->open || s->keys[0] || s->keys[1];
    s->why = s->endpoint   ? REASON_NONE
             : r->unusable ? REASON_insecure_endpoint
                           : refusal_of(r->lookup.source);
    if (s->why == REASON_NONE && !any)
        s->why = credentials_refusal(r);
    s->state = s->endpoint && any      ? SUPPLY_READY
               : s->why != REASON_NONE ? SUPPLY_REFUSED
                                       : SUPPLY_PENDING;
}

static struct supply *make_supply(const struct keeper_backend *r) {
    struct supply *s = supply_new();
    if (!s)
        return NULL;
    s->endpoint = r->endpoint ? endpoint_ref(r->endpoint) : NULL;
    s->open = r->auth == AUTH_NONE;
    for (unsigned i = 0; i < ARRAY_LEN(s->keys); i++) {
        struct secret *secret = secret_of(r, i);
        s->keys[i] = secret ? secret_ref(secret) : NULL;
    }
    s->preferred = s->keys[r->preferred]    ? r->preferred
                   : s->keys[!r->preferred] ? !r->preferred
                                            : 0;
    s->concurrency = r->concurrency;
    s->expires = expiry_of(r);
    s->answered = r->supply ? r->supply->answered : 0;
    decide_state(r, s);
    return s;
}

static bool same_supply(const struct supply *a, const struct supply *b) {
    return a->state == b->state && a->why == b->why && a->endpoint == b->endpoint &&
           a->open == b->open && secret_same(a->keys[0], b->keys[0]) &&
           secret_same(a->keys[1], b->keys[1]) && a->preferred == b->preferred &&
           a->concurrency == b->concurrency && a->expires == b->expires &&
           a->answered == b->answered;
}

/* Nothing is being fetched any more that could be an answer to a refusal. */
static bool looked_into(const struct keeper_backend *r) {
    if (r->lookup.source && source_is_busy(r->lookup.source))
        return false;
    for (unsigned i = 0; i < ARRAY_LEN(r->credentials); i++)
        if (r->credentials[i].source && source_is_busy(r->credentials[i].source))
            return false;
    return true;
}

void keeper_backend_update(struct keeper_backend *r) {
    keeper_limit_update(r);
    struct supply *s = make_supply(r), *old = r->supply;
    if (!s) {
        log_error("out of memory: a backend keeps its old credential",
                  LOG_STRING("route", r->config->route->path),
                  LOG_NUMBER("backend", config_backend_number(r->config)));
        return;
    }
    s->revision = old ? old->revision + 1 : 1;
    if (r->refused && looked_into(r)) {
        if (r->refused > s->answered)
            s->answered = r->refused;
        r->refused = 0;
    }
    if (old && same_supply(old, s)) {
        supply_unref(&s);
        return;
    }
    for (unsigned i = 0; i < ARRAY_LEN(r->changed); i++)
        if (!old || !secret_same(old->keys[i], s->keys[i]))
            r->changed[i] = s->revision;
    r->supply = s;
    supply_unref(&old);
    if (r->keeper->options.supplied && !r->quiet)
        r->keeper->options.supplied(r->keeper->options.context, r->config->index, s);
}

/* Where the endpoint is */

/* A description that is not given stands beside the scoring URI. */
static const char *swagger_uri(const struct keeper_backend *r, const struct azure_service *found,
                               const struct config_uri *scoring, struct config_uri *swagger) {
    const char *said = r->config->swagger.text ? r->config->swagger.text : found->swagger_uri;
    return said ? uri_parse(text_of(said), swagger) : uri_swagger(scoring, swagger);
}

static bool same_endpoint(const struct endpoint *e, const struct config_uri *scoring,
                          const struct config_uri *swagger) {
    return e && strcmp(e->scoring.text, scoring->text) == 0 &&
           strcmp(e->swagger.text, swagger->text) == 0;
}

/* Puts what Azure says of the endpoint to use. What cannot be used leaves the backend without one:
 * its credential must go nowhere else. */
static void use_endpoint(struct keeper_backend *r, const struct azure_service *found) {
    struct config_uri scoring = {0}, swagger = {0};
    const char *wrong = uri_parse(text_of(found->scoring_uri), &scoring);
    if (!wrong)
        wrong = swagger_uri(r, found, &scoring, &swagger);
    if (!wrong && (!scoring.tls || !swagger.tls) && !r->config->route->allow_insecure)
        wrong = "it is http, which allow_insecure_upstream = true would permit";
    if (wrong && (!r->unusable || strcmp(wrong, r->unusable) != 0))
        log_error("the endpoint cannot be used", LOG_STRING("route", r->config->route->path),
                  LOG_NUMBER("backend", config_backend_number(r->config)),
                  LOG_STRING("error", wrong));
    r->unusable = wrong;
    if (wrong) {
        endpoint_unref(&r->endpoint);
    } else if (!same_endpoint(r->endpoint, &scoring, &swagger)) {
        struct endpoint *now = endpoint_new(&scoring, &swagger);
        if (now) {
            endpoint_unref(&r->endpoint);
            r->endpoint = now;
        }
    }
    uri_done(&scoring);
    uri_done(&swagger);
}

static enum config_auth_type auth_found(enum azure_auth auth) {
    switch (auth) {
    case AZURE_AUTH_KEY:
        return AUTH_ENDPOINT_KEY;
    case AZURE_AUTH_TOKEN:
        return AUTH_ENDPOINT_TOKEN;
    case AZURE_AUTH_ENTRA:
        return AUTH_ENTRA;
    case AZURE_AUTH_NONE:
        break;
    }
    return AUTH_NONE;
}

static void on_credential(void *owner, struct source *source) {
    (void)source;
    keeper_backend_update(owner);
}

static void on_lookup(void *owner, struct source *source) {
    struct keeper_backend *r = owner;
    if (source->value.service.scoring_uri) {
        use_endpoint(r, &source->value.service);
        if (r->config->auth.type == AUTH_FOUND)
            r->auth = auth_found(source->value.service.auth);
        if (!use_credentials(r))
            log_error("out of memory: a backend has no credential",
                      LOG_STRING("route", r->config->route->path),
                      LOG_NUMBER("backend", config_backend_number(r->config)));
    }
    keeper_backend_update(r);
}

/* Refusals */

static const char *key_name(const struct keeper_backend *r, unsigned key) {
    if (r->auth != AUTH_KEY && r->auth != AUTH_ENDPOINT_KEY)
        return "token";
    return key ? "secondary" : "primary";
}

/* Each worker tells of each refusal; people hear of it once. */
static void log_refusal(struct keeper_backend *r, uint64_t revision, unsigned key) {
    if (r->told[key] >= r->changed[key] && r->told[key])
        return;
    r->told[key] = r->supply->revision;
    log_warning("the endpoint refused the credential", LOG_STRING("route", r->config->route->path),
                LOG_NUMBER("backend", config_backend_number(r->config)),
                LOG_STRING("key", key_name(r, key)), LOG_NUMBER("revision", (int64_t)revision));
}

void keeper_backend_refused(struct keeper_backend *r, uint64_t revision, unsigned key) {
    if (key >= ARRAY_LEN(r->changed) || revision > r->supply->revision)
        return;
    if (revision > r->refused)
        r->refused = revision;
    if (r->changed[key] <= revision) { /* else it is a newer one already */
        log_refusal(r, revision, key);
        struct source *s = r->credentials[is_key_pair(r) ? key : 0].source;
        if (s)
            (void)source_refused(s, "401");
        /* Perhaps it wants another kind of credential now. */
        if (r->lookup.source)
            (void)source_refused(r->lookup.source, "401");
    }
    keeper_backend_update(r);
}

void keeper_backend_accepted(struct keeper_backend *r, uint64_t revision, unsigned key) {
    if (key >= ARRAY_LEN(r->changed) || revision > r->supply->revision || r->preferred == key ||
        r->changed[key] > revision)
        return;
    r->preferred = key;
    log_info("the other key is in use now", LOG_STRING("route", r->config->route->path),
             LOG_NUMBER("backend", config_backend_number(r->config)),
             LOG_STRING("key", key_name(r, key)));
    keeper_backend_update(r);
}

/* Life */

bool keeper_backend_init(struct keeper_backend *r, struct keeper *keeper, struct sources *sources,
                         const struct config_backend *config) {
    *r = (struct keeper_backend){.keeper = keeper,
                                 .sources = sources,
                                 .config = config,
                                 .quiet = true,
                                 .auth = config->auth.type};
    list_init(&r->lookup.node);
    list_init(&r->deployments.node);
    for (size_t i = 0; i < ARRAY_LEN(r->credentials); i++)
        list_init(&r->credentials[i].node);
    if (config->scoring.text) {
        r->endpoint = endpoint_new(&config->scoring, &config->swagger);
        if (!r->endpoint)
            return false;
    }
    keeper_backend_update(r);
    return r->supply;
}

static bool use_lookup(struct keeper_backend *r) {
    struct named_service of = service_of(r->config);
    char *name = name_of(r, "endpoint");
    struct source *s = name ? source_of_lookup(r->sources, &of, name) : NULL;
    free(name);
    if (!s)
        return false;
    source_use(&r->lookup, s, on_lookup, r);
    return true;
}

/* What Azure's limit is made of, where it is followed. */
static bool use_deployments(struct keeper_backend *r) {
    if (!keeper_limit_is_wanted(r))
        return true;
    struct named_service of = service_of(r->config);
    char *name = name_of(r, "deployments");
    struct source *s = name ? source_of_deployments(r->sources, &of, name) : NULL;
    free(name);
    if (!s)
        return false;
    source_use(&r->deployments, s, keeper_limit_told, r);
    begin(r, s);
    return true;
}

bool keeper_backend_attach(struct keeper_backend *r) {
    return (!config_is_named(r->config) || (use_lookup(r) && use_deployments(r))) &&
           use_credentials(r);
}

void keeper_backend_begin(struct keeper_backend *r) {
    r->quiet = false;
    begin(r, r->lookup.source);
    if (r->lookup.source && r->lookup.source->since)
        on_lookup(r,
                  r->lookup.source); /* another backend, or another configuration, has found it */
    for (unsigned i = 0; i < ARRAY_LEN(r->credentials); i++)
        begin(r, r->credentials[i].source);
    begin(r, r->deployments.source);
    keeper_backend_update(r);
}

bool keeper_backend_follow(struct keeper_backend *r, const struct keeper_backend *old) {
    r->unusable = old->unusable;
    if (r->config->auth.type == AUTH_FOUND)
        r->auth = old->auth;
    return use_credentials(r);
}

void keeper_backend_take_over(struct keeper_backend *r, struct keeper_backend *old) {
    supply_unref(&r->supply);
    r->supply = supply_ref(old->supply);
    /* What was found stays until it is looked up again; what is written down is the same object. */
    if (!r->endpoint || (old->endpoint && same_endpoint(old->endpoint, &r->endpoint->scoring,
                                                        &r->endpoint->swagger))) {
        endpoint_unref(&r->endpoint);
        r->endpoint = old->endpoint ? endpoint_ref(old->endpoint) : NULL;
    }
    memcpy(r->changed, old->changed, sizeof r->changed);
    memcpy(r->told, old->told, sizeof r->told);
    r->refused = old->refused;
    r->preferred = old->preferred;
    r->concurrency = r->deployments.source ? old->concurrency : 0;
    r->limit_told = old->limit_told;
    r->renewed_at = old->renewed_at;
}

void keeper_backend_done(struct keeper_backend *r) {
    source_unuse(&r->lookup);
    source_unuse(&r->deployments);
    for (size_t i = 0; i < ARRAY_LEN(r->credentials); i++)
        source_unuse(&r->credentials[i]);
    endpoint_unref(&r->endpoint);
    supply_unref(&r->supply);
}
