/* SPDX-License-Identifier: MIT */
/* Client credentials requests, as azure/entra.h says. */
#include "azure/entra.h"

#include "azure/assertion.h"

#define WHY_MAX ((size_t)8192)

void entra_token_url(struct buf *url, const char *authority, const char *tenant) {
    struct text base = text_of(authority);
    while (base.len && base.at[base.len - 1] == '/')
        base.len--;
    buf_add_text(url, base);
    azure_add_segment(url, text_of(tenant));
    buf_add_string(url, "/oauth2/v2.0/token");
}

static void begin(struct azure_request *r, const char *authority, const char *tenant,
                  const char *client_id, const char *scope) {
    azure_request_init(r, METHOD_POST);
    entra_token_url(&r->url, authority, tenant);
    r->content_type = "application/x-www-form-urlencoded";
    azure_add_form(&r->body, "client_id", text_of(client_id));
    azure_add_form(&r->body, "grant_type", TEXT("client_credentials"));
    azure_add_form(&r->body, "scope", text_of(scope));
}

bool entra_secret_request(const char *authority, const char *tenant, const char *client_id,
                          const char *scope, struct secret *secret, struct azure_request *r) {
    begin(r, authority, tenant, client_id, scope);
    azure_add_form(&r->body, "client_secret", secret_expose(secret));
    azure_hide(r, secret);
    return azure_request_end(r);
}

bool entra_assertion_request(const char *authority, const char *tenant, const char *client_id,
                             const char *scope, struct secret *assertion, struct azure_request *r) {
    begin(r, authority, tenant, client_id, scope);
    azure_add_form(&r->body, "client_assertion_type",
                   TEXT("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    azure_add_form(&r->body, "client_assertion", secret_expose(assertion));
    azure_hide(r, assertion);
    return azure_request_end(r);
}

/* An assertion for AUDIENCE, or NULL with ERROR. */
static struct secret *sign(const struct config_identity *identity, const struct buf *audience,
                           int64_t now_s, bool insecure_permissions, struct azure_error *error) {
    struct buf why;
    struct secret *assertion = NULL;
    buf_init(&why, WHY_MAX);
    if (buf_ok(audience)) {
        const struct assertion_claims claims = {identity->client_id, audience->at, now_s};
        assertion = assertion_new(identity->certificate, identity->certificate_key,
                                  insecure_permissions, &claims, &why);
    }
    if (!assertion && why.len)
        azure_error_set(error, AZURE_UNUSABLE, "%s", why.at);
    else if (!assertion)
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    buf_done(&why);
    return assertion;
}

bool entra_certificate_request(const struct config_identity *identity, const char *authority,
                               const char *scope, int64_t now_s, bool insecure_permissions,
                               struct azure_request *r, struct azure_error *error) {
    struct buf audience;
    azure_request_init(r, METHOD_POST);
    buf_init(&audience, r->url.max);
    entra_token_url(&audience, authority, identity->tenant);
    struct secret *assertion = sign(identity, &audience, now_s, insecure_permissions, error);
    buf_done(&audience);
    if (!assertion)
        return false;
    bool ok = entra_assertion_request(authority, identity->tenant, identity->client_id, scope,
                                      assertion, r);
    secret_unref(&assertion);
    if (!ok)
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    return ok;
}
