/* SPDX-License-Identifier: MIT */
/* Secrets of Azure Key Vault, as azure/vault.h says. */
#include "azure/vault.h"

#include "azure/document.h"

#define API_VERSION "7.3"

bool vault_secret_get(const char *vault, const char *name, const char *version,
                      struct secret *bearer, struct azure_request *r) {
    struct text base = text_of(vault);
    while (base.len && base.at[base.len - 1] == '/')
        base.len--;
    azure_request_init(r, METHOD_GET);
    buf_add_text(&r->url, base);
    azure_add_segment(&r->url, TEXT("secrets"));
    azure_add_segment(&r->url, text_of(name));
    if (version)
        azure_add_segment(&r->url, text_of(version));
    azure_add_query(&r->url, "api-version", TEXT(API_VERSION));
    azure_add_bearer(r, bearer);
    return azure_request_ok(r);
}

/* Key Vault also hands out a secret that has expired: it leaves the judgement to who asks. */
static bool read_attributes(const struct json *attributes, int64_t now_s, int64_t *lifetime_s,
                            struct azure_error *error) {
    bool enabled = true;
    int64_t begins = 0, ends = -1;
    if (!document_flag(attributes, "enabled", &enabled, error) ||
        !document_time(attributes, "nbf", &begins, error) ||
        !document_time(attributes, "exp", &ends, error))
        return false;
    const char *why = !enabled                     ? "it is disabled"
                      : begins > now_s             ? "its time has not come yet (nbf)"
                      : ends >= 0 && ends <= now_s ? "it has expired (exp)"
                                                   : NULL;
    if (why)
        azure_error_set(error, AZURE_FORBIDDEN, "the secret may not be used: %s", why);
    *lifetime_s = ends < 0 ? -1 : ends - now_s;
    return !why;
}

static bool read_value(const struct json *document, struct secret **value,
                       struct azure_error *error) {
    if (!document_credential(document, "value", value, error))
        return false;
    if (!*value)
        azure_error_set(error, AZURE_MALFORMED, "the secret is empty");
    return *value != NULL;
}

bool vault_secret_read(const struct azure_answer *a, int64_t now_s, struct vault_secret *secret,
                       struct azure_error *error) {
    struct vault_secret made = {.value = NULL};
    struct json *document = document_read(a, error);
    bool good = document &&
                read_attributes(json_member(document, "attributes"), a->date_s ? a->date_s : now_s,
                                &made.lifetime_s, error) &&
                read_value(document, &made.value, error);
    json_free(&document);
    if (good)
        *secret = made;
    return good;
}
