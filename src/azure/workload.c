/* SPDX-License-Identifier: MIT */
/* Workload identity, as azure/workload.h says. Sources: azure-workload-identity's webhook for the
 * variables; the custom token proxy of the azure-identity packages for identity bindings. */
#include "azure/workload.h"

#include "azure/entra.h"
#include "base/parse.h"
#include "config/file.h"

#include <stdlib.h>

/* A token of parse_is_credential()'s size and blanks around it. */
#define TOKEN_FILE_MAX ((size_t)20 * 1024)

void workload_ca_init(struct workload_ca *ca) {
    buf_init(&ca->pem, AZURE_CA_MAX);
}

void workload_ca_done(struct workload_ca *ca) {
    buf_done(&ca->pem);
}

/* An empty variable says nothing. */
static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

void workload_environment_read(struct workload_environment *env) {
    *env = (struct workload_environment){
        .client_id = variable("AZURE_CLIENT_ID"),
        .tenant_id = variable("AZURE_TENANT_ID"),
        .token_file = variable("AZURE_FEDERATED_TOKEN_FILE"),
        .authority = variable("AZURE_AUTHORITY_HOST"),
        .proxy = variable("AZURE_KUBERNETES_TOKEN_PROXY"),
        .sni_name = variable("AZURE_KUBERNETES_SNI_NAME"),
        .ca_file = variable("AZURE_KUBERNETES_CA_FILE"),
        .ca_data = variable("AZURE_KUBERNETES_CA_DATA"),
    };
}

static bool unusable(struct azure_error *error, const char *sentence) {
    azure_error_set(error, AZURE_UNUSABLE, "%s", sentence);
    return false;
}

/* --- who asks, and with what ------------------------------------------------------------------ */

/* What the configuration and the environment say together. */
struct workload {
    const char *tenant, *client_id, *token_file;
};

static bool choose(struct workload *w, const struct config_identity *identity,
                   const struct workload_environment *env, struct azure_error *error) {
    w->tenant = identity->tenant ? identity->tenant : env->tenant_id;
    w->client_id = identity->client_id ? identity->client_id : env->client_id;
    w->token_file = identity->token_file ? identity->token_file : env->token_file;
    const char *option = !w->tenant ? "tenant" : !w->client_id ? "client_id" : "token_file";
    const char *name = !w->tenant      ? "AZURE_TENANT_ID"
                       : !w->client_id ? "AZURE_CLIENT_ID"
                                       : "AZURE_FEDERATED_TOKEN_FILE";
    if (w->tenant && w->client_id && w->token_file)
        return true;
    azure_error_set(error, AZURE_UNUSABLE,
                    "%s is not set and the identity has no %s; a pod gets the variable with the "
                    "label azure.workload.identity/use",
                    name, option);
    return false;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct secret *read_token(const char *path, struct azure_error *error) {
    struct buf content, why;
    struct secret *token = NULL;
    buf_init(&content, TOKEN_FILE_MAX);
    buf_init(&why, 512);
    if (!file_read(path, &content, NULL, &why)) {
        azure_error_set(error, AZURE_UNUSABLE, "the federated token file %s %s", path,
                        buf_text(&why).at);
    } else {
        struct text value = buf_text(&content);
        while (value.len && is_blank(value.at[value.len - 1]))
            value.len--;
        while (value.len && is_blank(value.at[0]))
            value = text_skip(value, 1);
        if (!parse_is_credential(value))
            azure_error_set(error, AZURE_UNUSABLE, "the federated token file %s holds no token",
                            path);
        else if (!(token = secret_new(value)))
            azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    }
    buf_wipe(&content);
    buf_done(&why);
    return token;
}

/* --- identity bindings ------------------------------------------------------------------------ */

static bool check_proxy(const struct workload_environment *env, struct azure_error *error) {
    struct text proxy = text_of(env->proxy), host;
    uint16_t port;
    if (!env->proxy)
        return unusable(error, "AZURE_KUBERNETES_TOKEN_PROXY is not set, which identity_binding "
                               "needs; is the pod annotated for identity bindings?");
    if (!azure_is_https_url(proxy) || text_find(proxy, '?') < proxy.len ||
        text_find(proxy, '#') < proxy.len)
        return unusable(error, "AZURE_KUBERNETES_TOKEN_PROXY is no https URL without userinfo, "
                               "query and fragment");
    if (env->ca_file && env->ca_data)
        return unusable(error, "AZURE_KUBERNETES_CA_FILE and AZURE_KUBERNETES_CA_DATA are both "
                               "set; expected one of them");
    if (env->sni_name && (!parse_authority(text_of(env->sni_name), &host, &port) ||
                          host.len != strlen(env->sni_name)))
        return unusable(error, "AZURE_KUBERNETES_SNI_NAME is no host name");
    return true;
}

static bool is_pem(const struct buf *b) {
    return b->len && strlen(b->at) == b->len && strstr(b->at, "-----BEGIN CERTIFICATE-----");
}

/* Reads the authorities anew into CA, unless the file is empty and there were some before. */
static bool read_ca_file(const char *path, struct workload_ca *ca, struct azure_error *error) {
    struct buf fresh, why;
    buf_init(&fresh, AZURE_CA_MAX);
    buf_init(&why, 512);
    bool ok = false;
    if (!file_read(path, &fresh, NULL, &why)) {
        azure_error_set(error, AZURE_UNUSABLE, "the authorities' file %s %s", path,
                        buf_text(&why).at);
    } else if (is_pem(&fresh)) {
        buf_done(&ca->pem);
        ca->pem = fresh;
        buf_init(&fresh, AZURE_CA_MAX);
        ok = true;
    } else {
        ok = fresh.len == 0 && ca->pem.len > 0;
        if (!ok)
            azure_error_set(error, AZURE_UNUSABLE,
                            "the authorities' file %s holds no certificate in PEM form", path);
    }
    buf_done(&fresh);
    buf_done(&why);
    return ok;
}

/* Sends R, which is for the proxy's address already, the way that the environment describes. */
static bool bind_request(const struct workload_environment *env, struct workload_ca *ca,
                         struct azure_request *r, struct azure_error *error) {
    r->reach = AZURE_REACH_MACHINE;
    if (env->sni_name)
        buf_add_string(&r->server_name, env->sni_name);
    if (env->ca_file) {
        if (!read_ca_file(env->ca_file, ca, error))
            return false;
        buf_add_text(&r->ca, buf_text(&ca->pem));
    } else if (env->ca_data) {
        buf_add_string(&r->ca, env->ca_data);
        if (!is_pem(&r->ca))
            return unusable(error, "AZURE_KUBERNETES_CA_DATA holds no certificate in PEM form, or "
                                   "more than 65536 bytes");
    }
    return true;
}

/* --- the request ------------------------------------------------------------------------------ */

static const char *choose_authority(const struct workload_environment *env, const char *override,
                                    const char *fallback, struct azure_error *error) {
    if (override)
        return override;
    if (!env->authority)
        return fallback;
    struct text url = text_of(env->authority);
    if (azure_is_https_url(url) && text_find(url, '?') == url.len && text_find(url, '#') == url.len)
        return env->authority;
    unusable(error, "AZURE_AUTHORITY_HOST is no https URL without userinfo, query and fragment");
    return NULL;
}

static bool write_request(const struct config_identity *identity,
                          const struct workload_environment *env, const char *authority,
                          const char *scope, struct workload_ca *ca, struct azure_request *r,
                          struct azure_error *error) {
    struct workload w;
    if (!choose(&w, identity, env, error))
        return false;
    struct secret *token = read_token(w.token_file, error);
    if (!token)
        return false;
    bool ok = entra_assertion_request(authority, w.tenant, w.client_id, scope, token, r);
    secret_unref(&token);
    if (ok && identity->identity_binding && !bind_request(env, ca, r, error)) {
        azure_request_done(r);
        return false;
    }
    ok = ok && azure_request_end(r);
    if (!ok)
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    return ok;
}

bool workload_request(const struct config_identity *identity,
                      const struct workload_environment *env, const char *override,
                      const char *fallback, const char *scope, struct workload_ca *ca,
                      struct azure_request *r, struct azure_error *error) {
    const char *authority = env->proxy;
    azure_request_init(r, METHOD_POST);
    if (!identity->identity_binding)
        authority = choose_authority(env, override, fallback, error);
    else if (!check_proxy(env, error))
        return false;
    return authority && write_request(identity, env, authority, scope, ca, r, error);
}
