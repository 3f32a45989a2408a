/* SPDX-License-Identifier: MIT */
/* Tokens of identities as sources: managed, client secret, certificate, workload. */
#include "daemon/source_kinds.h"

#include "azure/cloud.h"
#include "azure/entra.h"
#include "azure/token.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

/* No scope of a configuration is longer. */
#define SCOPE_MAX ((size_t)4096)

static enum source_step read_token(const struct azure_answer *a, bool managed,
                                   struct source_outcome *o, struct azure_error *error) {
    struct azure_token token = {0};
    if (!azure_token_read(a, managed, clock_wall() / USEC_PER_SEC, &token, error))
        return SOURCE_FAILED;
    o->value.secrets[0] = token.value;
    o->lifetime = token_shown_for(token.lifetime_s);
    o->refresh_after = token.refresh_s * USEC_PER_SEC;
    return SOURCE_DONE;
}

static enum source_step entra_answer(struct source *s, const struct azure_answer *a,
                                     struct source_outcome *o, struct azure_error *error) {
    (void)s;
    return read_token(a, /* managed= */ false, o, error);
}

/* "RESOURCE/.default". False: out of memory, which ERROR then says. */
static bool write_scope(const struct source *s, struct buf *scope, struct azure_error *error) {
    buf_init(scope, SCOPE_MAX);
    buf_addf(scope, "%s/.default", s->resource);
    if (!buf_ok(scope))
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    return buf_ok(scope);
}

/* Managed: Azure Arc wants a second request, with what stands in a file that the first one names.
 */

static bool managed_step(struct source *s, struct azure_request *r, struct azure_error *error) {
    managed_environment_read(&s->managed);
    return managed_request(s->managed_source, &s->managed, cloud_imds(&s->all->config->azure),
                           s->identity, s->resource, r, error) &&
           (s->step == 0 ||
            managed_arc_answer(buf_text(&s->note), MANAGED_ARC_DIRECTORY, r, error));
}

static enum source_step managed_answer(struct source *s, const struct azure_answer *a,
                                       struct source_outcome *o, struct azure_error *error) {
    if (s->managed_source == MANAGED_ARC && s->step == 0 && a->status == 401 && a->challenge.len) {
        buf_add_text(&s->note, a->challenge);
        return SOURCE_AGAIN;
    }
    return read_token(a, /* managed= */ true, o, error);
}

static const struct source_class managed_class = {
    .max_body = FETCH_TOKEN_MAX, .request = managed_step, .answer = managed_answer};
static const struct source_class imds_class = {.rules = RENEWAL_IMDS,
                                               .max_body = FETCH_TOKEN_MAX,
                                               .request = managed_step,
                                               .answer = managed_answer};

/* Client secret */

static bool secret_step(struct source *s, struct azure_request *r, struct azure_error *error) {
    struct buf scope;
    bool ok = write_scope(s, &scope, error) &&
              entra_secret_request(cloud_authority(&s->all->config->azure), s->identity->tenant,
                                   s->identity->client_id, scope.at,
                                   source_secret(s->needs[1].source), r);
    buf_done(&scope);
    return ok;
}

static const struct source_class secret_class = {
    .max_body = FETCH_TOKEN_MAX, .request = secret_step, .answer = entra_answer};

/* Certificate */

static bool certificate_step(struct source *s, struct azure_request *r, struct azure_error *error) {
    struct buf scope;
    bool ok = write_scope(s, &scope, error) &&
              entra_certificate_request(s->identity, cloud_authority(&s->all->config->azure),
                                        scope.at, clock_wall() / USEC_PER_SEC,
                                        s->all->config->insecure_permissions, r, error);
    buf_done(&scope);
    return ok;
}

static const struct source_class certificate_class = {
    .max_body = FETCH_TOKEN_MAX, .request = certificate_step, .answer = entra_answer};

/* Workload */

static bool workload_step(struct source *s, struct azure_request *r, struct azure_error *error) {
    const struct config_azure *azure = &s->all->config->azure;
    struct workload_environment env;
    struct buf scope;
    workload_environment_read(&env);
    bool ok = write_scope(s, &scope, error) &&
              workload_request(s->identity, &env, azure->authority, cloud_authority(azure),
                               scope.at, &s->workload_ca, r, error);
    buf_done(&scope);
    return ok;
}

static const struct source_class workload_class = {
    .max_body = FETCH_TOKEN_MAX, .request = workload_step, .answer = entra_answer};

/* All of them */

static const struct source_class *class_of(const struct config_identity *identity) {
    struct managed_environment env;
    switch (identity->type) {
    case IDENTITY_CLIENT_SECRET:
        return &secret_class;
    case IDENTITY_CERTIFICATE:
        return &certificate_class;
    case IDENTITY_WORKLOAD:
        return &workload_class;
    case IDENTITY_MANAGED:
        break;
    }
    managed_environment_read(&env);
    return managed_detect(&env) == MANAGED_IMDS ? &imds_class : &managed_class;
}

static const char *kind_of(enum config_identity_type type) {
    static const char *const kinds[] = {[IDENTITY_MANAGED] = "managed",
                                        [IDENTITY_CLIENT_SECRET] = "client-secret",
                                        [IDENTITY_CERTIFICATE] = "certificate",
                                        [IDENTITY_WORKLOAD] = "workload"};
    return kinds[type];
}

static void add_part(struct buf *key, const char *part) {
    buf_addf(key, "\n%s", part ? part : ""); /* which no string of the configuration holds */
}

/* Two identities that are made of the same are one; a secret that is known counts by its
 * fingerprint, another one by where it comes from. */
static void write_key(struct buf *key, const struct config_identity *i, const char *resource) {
    char print[SECRET_FINGERPRINT_SIZE] = "";
    if (i->secret.kind == SECRET_INLINE || i->secret.kind == SECRET_ENV)
        secret_fingerprint(i->secret.value, print);
    buf_addf(key, "identity\n%s", kind_of(i->type));
    const char *const parts[] = {resource,       i->tenant,         i->client_id,
                                 i->object_id,   i->resource_id,    i->secret.source,
                                 i->secret.name, i->secret.version, i->secret.identity_name,
                                 print,          i->certificate,    i->certificate_key,
                                 i->token_file};
    for (size_t k = 0; k < ARRAY_LEN(parts); k++)
        add_part(key, parts[k]);
    buf_addf(key, "\n%d\n%d", (int)i->secret.kind, i->identity_binding);
}

/* "identity:vm", and for a further resource of the same identity "identity:vm@vault.azure.net". */
static void write_name(struct buf *name, const struct sources *all, const struct config_identity *i,
                       const char *resource) {
    buf_addf(name, "identity:%s", i->name);
    list_each (node, next, &all->all) {
        const struct source *s = list_entry(node, struct source, node);
        if (s->identity && strcmp(s->name, name->at ? name->at : "") == 0) {
            const char *host = strstr(resource, "://");
            buf_addf(name, "@%s", host ? host + 3 : resource);
            return;
        }
    }
}

static bool set_up(struct source *s, const struct config_identity *identity, const char *resource) {
    struct buf name;
    s->identity = identity;
    s->resource = strdup(resource);
    managed_environment_read(&s->managed);
    s->managed_source = managed_detect(&s->managed);
    if (!s->resource)
        return false;
    if (identity->type != IDENTITY_CLIENT_SECRET)
        return true;
    buf_init(&name, SOURCE_NAME_MAX);
    buf_addf(&name, "identity:%s:secret", identity->name);
    struct source *secret =
        buf_ok(&name) ? source_of_secret(s->all, &identity->secret, name.at) : NULL;
    if (secret)
        source_need(s, 1, secret);
    buf_done(&name);
    return secret;
}

struct source *source_of_identity(struct sources *all, const struct config_identity *identity,
                                  const char *resource) {
    struct buf key, name;
    struct source *s = NULL;
    bool made = false;
    buf_init(&key, SOURCE_NAME_MAX);
    buf_init(&name, SOURCE_NAME_MAX);
    write_key(&key, identity, resource);
    write_name(&name, all, identity, resource);
    if (buf_ok(&key) && buf_ok(&name))
        s = source_get(all, class_of(identity), key.at, name.at, kind_of(identity->type), &made);
    if (s && made && !set_up(s, identity, resource)) {
        source_drop(s);
        s = NULL;
    }
    buf_done(&key);
    buf_done(&name);
    return s;
}
