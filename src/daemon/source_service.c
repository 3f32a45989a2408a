/* SPDX-License-Identifier: MIT */
/* Endpoints and web services as sources: where they are and what they want, their keys, their
 * tokens; and where the model management service of a workspace is. */
#include "daemon/source_kinds.h"

#include "azure/cloud.h"
#include "azure/token.h"
#include "azure/web_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A changed endpoint is followed, and keys are listed again, this often at the latest; sooner when
 * the endpoint refuses the credential. */
#define LOOKUP_REFRESH (300 * USEC_PER_SEC)
#define KEYS_REFRESH   (900 * USEC_PER_SEC)
/* Of the list of deployments, of which there are 20 at most. */
#define DEPLOYMENTS_PAGES 20
#define WORKSPACE_REFRESH (24 * 3600 * USEC_PER_SEC)

struct azure_workspace workspace_of(const struct config *config, const struct config_named *named) {
    return (struct azure_workspace){.management = cloud_management(&config->azure),
                                    .api_version = config->azure.api_version,
                                    .subscription = named->subscription,
                                    .resource_group = named->resource_group,
                                    .workspace = named->workspace};
}

static struct secret *bearer_of(const struct source *s) {
    return source_secret(s->needs[0].source);
}

/* The base URL of a web service's management; NULL for an online endpoint. */
static const char *base_of(const struct source *s) {
    return s->needs[1].source ? s->needs[1].source->value.base : NULL;
}

/* Where it is */

static bool lookup_request(struct source *s, struct azure_request *r, struct azure_error *error) {
    struct azure_workspace w = workspace_of(s->all->config, s->named);
    (void)error;
    return base_of(s) ? web_service_get(base_of(s), &w, s->named->name, bearer_of(s), r)
                      : online_endpoint_get(&w, s->named->name, bearer_of(s), r);
}

static enum source_step lookup_answer(struct source *s, const struct azure_answer *a,
                                      struct source_outcome *o, struct azure_error *error) {
    struct azure_service *service = &o->value.service;
    bool read =
        base_of(s) ? web_service_read(a, service, error) : online_endpoint_read(a, service, error);
    if (read && !service->scoring_uri) {
        azure_error_set(error, AZURE_UNAVAILABLE, "%s has no scoring URI yet; its state is %s",
                        s->named->name, service->state ? service->state : "unknown");
        return SOURCE_FAILED;
    }
    o->refresh_after = LOOKUP_REFRESH;
    return read ? SOURCE_DONE : SOURCE_FAILED;
}

static const struct source_class lookup_class = {
    .max_body = FETCH_LIST_MAX, .request = lookup_request, .answer = lookup_answer};

/* Its keys */

static bool keys_request(struct source *s, struct azure_request *r, struct azure_error *error) {
    struct azure_workspace w = workspace_of(s->all->config, s->named);
    (void)error;
    return base_of(s) ? web_service_keys(base_of(s), &w, s->named->name, bearer_of(s), r)
                      : online_endpoint_keys(&w, s->named->name, bearer_of(s), r);
}

static enum source_step keys_answer(struct source *s, const struct azure_answer *a,
                                    struct source_outcome *o, struct azure_error *error) {
    struct azure_keys keys = {0};
    (void)s;
    if (!azure_keys_read(a, &keys, error))
        return SOURCE_FAILED;
    o->value.secrets[0] = keys.primary;
    o->value.secrets[1] = keys.secondary;
    o->refresh_after = KEYS_REFRESH;
    return SOURCE_DONE;
}

static const struct source_class keys_class = {
    .max_body = FETCH_TOKEN_MAX, .request = keys_request, .answer = keys_answer};

/* Its token */

static bool token_request(struct source *s, struct azure_request *r, struct azure_error *error) {
    struct azure_workspace w = workspace_of(s->all->config, s->named);
    (void)error;
    return base_of(s) ? web_service_token(base_of(s), &w, s->named->name, bearer_of(s), r)
                      : online_endpoint_token(&w, s->named->name, bearer_of(s), r);
}

static enum source_step token_answer(struct source *s, const struct azure_answer *a,
                                     struct source_outcome *o, struct azure_error *error) {
    struct azure_token token = {0};
    (void)s;
    if (!azure_endpoint_token_read(a, clock_wall() / USEC_PER_SEC, &token, error))
        return SOURCE_FAILED;
    o->value.secrets[0] = token.value;
    o->lifetime = token_shown_for(token.lifetime_s);
    o->refresh_after = token.refresh_s * USEC_PER_SEC;
    return SOURCE_DONE;
}

static const struct source_class token_class = {
    .max_body = FETCH_TOKEN_MAX, .request = token_request, .answer = token_answer};

/* Its deployments */

static bool deployments_request(struct source *s, struct azure_request *r,
                                struct azure_error *error) {
    struct azure_workspace w = workspace_of(s->all->config, s->named);
    (void)error;
    if (s->step > 0)
        return azure_follow_request(text_of(s->listed.next), bearer_of(s), r);
    azure_deployments_done(&s->listed);
    return deployments_list(&w, s->named->name, bearer_of(s), r);
}

/* Who reads the log has to know that requests are served all the same, and what to ask for. */
static void explain_refusal(struct azure_error *error) {
    if (error->failure == AZURE_FORBIDDEN || error->failure == AZURE_MISSING)
        (void)snprintf(error->message, sizeof error->message,
                       "how many requests Azure allows at once is learnt from its answers: %s "
                       "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments"
                       "/read",
                       error->failure == AZURE_FORBIDDEN
                           ? "the identity lacks the right"
                           : "there are no deployments, or the identity lacks the right");
}

static enum source_step deployments_answer(struct source *s, const struct azure_answer *a,
                                           struct source_outcome *o, struct azure_error *error) {
    if (!deployments_read_page(a, buf_text(&s->request.url), &s->listed, error)) {
        explain_refusal(error);
        return SOURCE_FAILED;
    }
    if (s->listed.next && s->step + 1 < DEPLOYMENTS_PAGES)
        return SOURCE_AGAIN;
    if (s->listed.next) {
        azure_error_set(error, AZURE_MALFORMED, "the list has more than %d pages",
                        DEPLOYMENTS_PAGES);
        return SOURCE_FAILED;
    }
    o->value.deployments = s->listed;
    s->listed = (struct azure_deployments){.all = NULL};
    o->refresh_after = DEPLOYMENTS_REFRESH;
    return SOURCE_DONE;
}

static void deployments_free(struct source *s) {
    azure_deployments_done(&s->listed);
}

static const struct source_class deployments_class = {.optional = true,
                                                      .max_body = FETCH_LIST_MAX,
                                                      .request = deployments_request,
                                                      .answer = deployments_answer,
                                                      .free = deployments_free};

/* Where web services are managed: the workspace names its discovery document, which names it */

static bool workspace_request(struct source *s, struct azure_request *r,
                              struct azure_error *error) {
    struct azure_workspace w = workspace_of(s->all->config, s->named);
    (void)error;
    return s->step == 0 ? workspace_get(&w, bearer_of(s), r) : discovery_get(buf_text(&s->note), r);
}

static enum source_step workspace_answer(struct source *s, const struct azure_answer *a,
                                         struct source_outcome *o, struct azure_error *error) {
    struct buf base;
    if (s->step == 0)
        return workspace_read(a, &s->note, error) ? SOURCE_AGAIN : SOURCE_FAILED;
    buf_init(&base, 2048);
    if (discovery_read(a, &base, error))
        o->value.base = text_dup(buf_text(&base));
    if (!o->value.base && error->failure == AZURE_FINE)
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    buf_done(&base);
    o->refresh_after = WORKSPACE_REFRESH;
    return o->value.base ? SOURCE_DONE : SOURCE_FAILED;
}

static const struct source_class workspace_class = {
    .max_body = FETCH_LIST_MAX, .request = workspace_request, .answer = workspace_answer};

/* Making them */

/* KIND and SERVICE ("" for the workspace itself) tell the sources of one workspace apart. */
static struct source *get(struct sources *all, const struct source_class *class, const char *kind,
                          const struct named_service *of, const char *service, const char *name,
                          bool *made) {
    const struct config_named *n = of->named;
    char *key;
    if (asprintf(&key, "%s\n%s\n%s\n%s\n%s\n%s\n%s", kind, of->v1 ? "v1" : "v2", n->subscription,
                 n->resource_group, n->workspace, service, of->identity->name) < 0)
        return NULL;
    struct source *s = source_get(all, class, key, name, kind, made);
    free(key);
    if (!s || !*made)
        return s;
    struct source *bearer =
        source_of_identity(all, of->identity, cloud_management_resource(&all->config->azure));
    if (!bearer) {
        source_drop(s);
        return NULL;
    }
    s->named = n;
    source_need(s, 0, bearer);
    return s;
}

struct source *source_of_workspace(struct sources *all, const struct config_named *named,
                                   const struct config_identity *identity) {
    struct named_service of = {.named = named, .v1 = true, .identity = identity};
    char name[512];
    bool made;
    snprintf(name, sizeof name, "workspace:%s", named->workspace);
    return get(all, &workspace_class, "discovery", &of, "", name, &made);
}

static struct source *of_service(struct sources *all, const struct source_class *class,
                                 const char *kind, const struct named_service *of,
                                 const char *name) {
    bool made;
    struct source *s = get(all, class, kind, of, of->named->name, name, &made);
    if (!s || !made || !of->v1)
        return s;
    struct source *workspace = source_of_workspace(all, of->named, of->identity);
    if (!workspace) {
        source_drop(s);
        return NULL;
    }
    source_need(s, 1, workspace);
    return s;
}

struct source *source_of_lookup(struct sources *all, const struct named_service *of,
                                const char *name) {
    return of_service(all, &lookup_class, of->v1 ? "web-service" : "online-endpoint", of, name);
}

struct source *source_of_keys(struct sources *all, const struct named_service *of,
                              const char *name) {
    return of_service(all, &keys_class, "endpoint-key", of, name);
}

struct source *source_of_endpoint_token(struct sources *all, const struct named_service *of,
                                        const char *name) {
    return of_service(all, &token_class, "endpoint-token", of, name);
}

struct source *source_of_deployments(struct sources *all, const struct named_service *of,
                                     const char *name) {
    bool made;
    struct source *s =
        get(all, &deployments_class, "deployments", of, of->named->name, name, &made);
    if (!s || !made)
        return s;
    struct source *lookup = source_of_lookup(all, of, name);
    if (!lookup) {
        source_drop(s);
        return NULL;
    }
    source_need(s, 1, lookup); /* of an endpoint that is not there nothing else is asked */
    return s;
}
