/* SPDX-License-Identifier: MIT */
/* Requests to the token services of machines, as azure/managed.h says. Sources: "How to use managed
 * identities on a VM to acquire an access token"; "Use managed identities for App Service"; the
 * azure-identity packages for the rest, and for which variables mean which. */
#include "azure/managed.h"

#include "base/parse.h"

#include <stdlib.h>
#include <unistd.h>

#define ARC_AGENT    "/opt/azcmagent/bin/himds"
#define ARC_ENDPOINT "http://localhost:40342/metadata/identity/oauth2/token"
#define IMDS_PATH    "/metadata/identity/oauth2/token"

/* --- the environment -------------------------------------------------------------------------- */

/* An empty variable says nothing. */
static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

void managed_environment_read(struct managed_environment *env) {
    *env = (struct managed_environment){
        .identity_endpoint = variable("IDENTITY_ENDPOINT"),
        .identity_header = variable("IDENTITY_HEADER"),
        .identity_server_thumbprint = variable("IDENTITY_SERVER_THUMBPRINT"),
        .imds_endpoint = variable("IMDS_ENDPOINT"),
        .msi_endpoint = variable("MSI_ENDPOINT"),
        .msi_secret = variable("MSI_SECRET"),
        .default_client_id = variable("DEFAULT_IDENTITY_CLIENT_ID"),
        .arc_agent = access(ARC_AGENT, F_OK) == 0,
    };
}

/* The order of the vendor's libraries. IDENTITY_ENDPOINT is of three services: what stands beside
 * it decides. */
enum managed_source managed_detect(const struct managed_environment *env) {
    if (env->identity_endpoint && env->identity_header)
        return env->identity_server_thumbprint ? MANAGED_UNSUPPORTED : MANAGED_APP_SERVICE;
    if (env->msi_endpoint)
        return env->msi_secret ? MANAGED_ML : MANAGED_UNSUPPORTED;
    if ((env->identity_endpoint && env->imds_endpoint) || env->arc_agent)
        return MANAGED_ARC;
    return MANAGED_IMDS;
}

const char *managed_source_word(enum managed_source source) {
    static const char *const words[] = {
        [MANAGED_IMDS] = "imds",   [MANAGED_APP_SERVICE] = "app-service", [MANAGED_ARC] = "arc",
        [MANAGED_ML] = "azure-ml", [MANAGED_UNSUPPORTED] = "unsupported",
    };
    return words[source];
}

/* --- the sources ------------------------------------------------------------------------------ */

/* How a source is asked. Parameters by which it takes a user-assigned identity; NULL: not so. */
struct source {
    const char *api_version;
    const char *client_id, *object_id, *resource_id;
    bool metadata;             /* "Metadata: true", which no browser sends by mistake */
    const char *secret_header; /* NULL: none */
    const char *endpoint_variable, *secret_variable;
};

static const struct source sources[] = {
    [MANAGED_IMDS] = {.api_version = "2018-02-01",
                      .client_id = "client_id",
                      .object_id = "object_id",
                      .resource_id = "msi_res_id",
                      .metadata = true},
    [MANAGED_APP_SERVICE] = {.api_version = "2019-08-01",
                             .client_id = "client_id",
                             .object_id = "principal_id",
                             .resource_id = "mi_res_id",
                             .secret_header = "X-IDENTITY-HEADER",
                             .endpoint_variable = "IDENTITY_ENDPOINT",
                             .secret_variable = "IDENTITY_HEADER"},
    [MANAGED_ARC] = {.api_version = "2020-06-01",
                     .metadata = true,
                     .endpoint_variable = "IDENTITY_ENDPOINT"},
    /* The old App Service wants the secret alone, Azure ML's manual has Metadata with it: both are
     * sent. */
    [MANAGED_ML] = {.api_version = "2017-09-01",
                    .client_id = "clientid",
                    .metadata = true,
                    .secret_header = "secret",
                    .endpoint_variable = "MSI_ENDPOINT",
                    .secret_variable = "MSI_SECRET"},
};

static const char *endpoint_of(enum managed_source source, const struct managed_environment *env) {
    if (source == MANAGED_ML)
        return env->msi_endpoint;
    if (source == MANAGED_ARC && !(env->identity_endpoint && env->imds_endpoint))
        return ARC_ENDPOINT;
    return env->identity_endpoint;
}

static bool add_url(enum managed_source source, const struct managed_environment *env,
                    const char *imds, struct azure_request *r, struct azure_error *error) {
    if (source == MANAGED_IMDS) {
        struct text base = text_of(imds);
        while (base.len && base.at[base.len - 1] == '/')
            base.len--;
        buf_add_text(&r->url, base);
        buf_add_string(&r->url, IMDS_PATH);
        return true;
    }
    struct text url = text_of(endpoint_of(source, env));
    if (!azure_is_url(url) || text_find(url, '#') < url.len) {
        azure_error_set(error, AZURE_UNUSABLE, "the variable %s holds no http or https URL",
                        sources[source].endpoint_variable);
        return false;
    }
    buf_add_text(&r->url, url);
    return true;
}

/* Adds the parameter for a user-assigned identity, if VALUE says one. */
static bool add_identity(enum managed_source source, const char *option, const char *parameter,
                         const char *value, struct azure_request *r, struct azure_error *error) {
    if (!value)
        return true;
    if (!parameter) {
        azure_error_set(error, AZURE_UNUSABLE, "the managed identity service found here (%s) %s %s",
                        managed_source_word(source),
                        source == MANAGED_ARC ? "has no user-assigned identities, remove"
                                              : "takes a client_id only, not",
                        option);
        return false;
    }
    azure_add_query(&r->url, parameter, text_of(value));
    return true;
}

static bool add_secret(enum managed_source source, const struct managed_environment *env,
                       struct azure_request *r, struct azure_error *error) {
    const struct source *s = &sources[source];
    struct text value = text_of(source == MANAGED_ML ? env->msi_secret : env->identity_header);
    if (!parse_is_credential(value)) {
        azure_error_set(error, AZURE_UNUSABLE,
                        "the variable %s is not of visible ASCII characters without blanks",
                        s->secret_variable);
        return false;
    }
    struct secret *secret = secret_new(value);
    if (secret)
        azure_add_secret_field(r, s->secret_header, "", secret);
    else
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    bool ok = secret;
    secret_unref(&secret);
    return ok;
}

static bool write_request(enum managed_source source, const struct managed_environment *env,
                          const char *imds, const struct config_identity *identity,
                          const char *resource, struct azure_request *r,
                          struct azure_error *error) {
    const struct source *s = &sources[source];
    const char *client_id = identity->client_id;
    if (source == MANAGED_ML && !client_id)
        client_id = env->default_client_id;
    if (!add_url(source, env, imds, r, error))
        return false;
    azure_add_query(&r->url, "api-version", text_of(s->api_version));
    azure_add_query(&r->url, "resource", text_of(resource));
    if (!add_identity(source, "client_id", s->client_id, client_id, r, error) ||
        !add_identity(source, "object_id", s->object_id, identity->object_id, r, error) ||
        !add_identity(source, "resource_id", s->resource_id, identity->resource_id, r, error))
        return false;
    if (s->metadata)
        azure_add_field(r, "Metadata", TEXT("true"));
    if (s->secret_header && !add_secret(source, env, r, error))
        return false;
    if (!azure_request_ok(r))
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    return azure_request_ok(r);
}

bool managed_request(enum managed_source source, const struct managed_environment *env,
                     const char *imds, const struct config_identity *identity, const char *resource,
                     struct azure_request *r, struct azure_error *error) {
    azure_request_init(r, METHOD_GET);
    r->reach = AZURE_REACH_MACHINE;
    if (source == MANAGED_UNSUPPORTED) {
        azure_error_set(error, AZURE_UNUSABLE,
                        "the managed identities of Service Fabric and Cloud Shell, which the "
                        "environment names, are not supported");
        return false;
    }
    bool ok = write_request(source, env, imds, identity, resource, r, error);
    if (!ok)
        azure_request_done(r);
    return ok;
}
