/* SPDX-License-Identifier: MIT */
/* The configuration as the program uses it: an immutable snapshot, checked as a whole, counted by
 * reference and shared between threads. Everything in it is owned by it. config/load.h makes one;
 * config/options.h has the table of every key with its type, range, default and documentation. */
#pragma once

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "policy/access.h"
#include "policy/breaker.h"
#include "policy/cors.h"
#include "policy/retry.h"
#include "policy/route.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Where in the files a thing was said; file "" if nowhere (a default). */
struct config_where {
    const char *file;
    unsigned line;
};

struct config_uri {
    char *text;      /* the whole, without userinfo or fragment */
    bool tls;        /* https */
    char *host;      /* lower case, no brackets */
    uint16_t port;   /* always set */
    char *authority; /* what the Host field says: no default port */
    char *path;      /* at least "/" */
    char *query;     /* without '?', or NULL */
};

enum config_secret_kind {
    SECRET_NONE, /* not given */
    SECRET_INLINE,
    SECRET_FILE,
    SECRET_ENV,
    SECRET_CREDENTIAL, /* a file in systemd's $CREDENTIALS_DIRECTORY */
    SECRET_KEY_VAULT,  /* a secret of Azure Key Vault, fetched while running */
};

struct config_identity;

struct config_secret {
    enum config_secret_kind kind;
    char *source; /* path, variable, credential name or vault; NULL for inline */
    char *name, *version, *identity_name;   /* of key_vault; version NULL: the latest */
    const struct config_identity *identity; /* of key_vault */
    struct secret *value;                   /* NULL of key_vault */
    struct config_where where;
};

enum config_identity_type {
    IDENTITY_MANAGED,
    IDENTITY_CLIENT_SECRET,
    IDENTITY_CERTIFICATE,
    IDENTITY_WORKLOAD,
};

/* Who scoregate is for Azure. NULL strings mean: not given. */
struct config_identity {
    char *name; /* in the configuration */
    enum config_identity_type type;
    char *tenant, *client_id;
    char *object_id, *resource_id; /* managed: the user-assigned identity by another name */
    struct config_secret secret;   /* client-secret */
    char *certificate; /* certificate: PEM file, with the key unless certificate_key has it */
    char *certificate_key;
    char *token_file;      /* workload: instead of AZURE_FEDERATED_TOKEN_FILE */
    bool identity_binding; /* workload: show the token to the cluster's proxy (AKS identity
                              bindings) */
    struct config_where where;
};

enum config_cloud { CLOUD_PUBLIC, CLOUD_CHINA, CLOUD_USGOV };

struct config_azure {
    enum config_cloud cloud;
    char *authority, *management, *imds; /* base URLs in place of the cloud's; NULL: the cloud's */
    char *ca_file;                       /* for all of these; NULL: the system's */
    char *api_version;                   /* of the management API */
};

/* A service by its names. subscription NULL: not given. */
struct config_named {
    char *subscription, *resource_group, *workspace, *name;
    struct config_where where;
};

enum config_auth_type {
    AUTH_NONE,
    AUTH_KEY,
    AUTH_TOKEN,          /* in a file that somebody else writes */
    AUTH_ENDPOINT_KEY,   /* fetched: of a named endpoint or service */
    AUTH_ENDPOINT_TOKEN, /* likewise */
    AUTH_ENTRA,          /* a token of the route's identity */
    AUTH_FOUND,          /* what the named endpoint or service wants; cannot be written */
};

struct config_auth {
    enum config_auth_type type;
    char *header;                            /* "Authorization" */
    char *prefix;                            /* "Bearer " */
    struct config_secret primary, secondary; /* key */
    char *file;                              /* token */
    char *refresh_by; /* token: a time, or a file that holds one; NULL: not given */
    char *scope;      /* entra; NULL: the cloud's "https://ml.azure.com/.default" */
};

/* How the upstream's TLS is done. NULL strings mean: not given. */
struct config_tls {
    unsigned min_version, max_version; /* 12, 13; max_version 0: highest */
    char *ca_file;                     /* NULL: the system's */
    char *client_certificate, *client_key;
    char *pin; /* "sha256//BASE64[;sha256//…]" as CURLOPT_PINNEDPUBLICKEY takes it */
    struct config_where where;
};

struct config_header {
    char *name, *value;
};

/* max_concurrent = "auto": Azure's own rule where the endpoint is found by name, else learnt. */
#define CONCURRENT_AUTO UINT_MAX

struct config_route;

/* Where a route's requests can be served: an endpoint, with the credential for it. A route without
 * "backends" has one, which its own keys describe. */
struct config_backend {
    const struct config_route *route;
    unsigned index;                      /* over all routes: config->backends[index] is this one */
    struct config_uri scoring, swagger;  /* text NULL: found by name, or derived when found */
    struct config_named online_endpoint; /* v2 */
    struct config_named web_service;     /* v1 */
    char *identity_name;
    const struct config_identity *identity; /* of its credential and endpoint; NULL: none */
    struct config_auth auth;
    char *deployment;        /* NULL: none */
    unsigned weight;         /* its share among those of its priority; 0: none */
    unsigned priority;       /* the lowest that can serve is used */
    unsigned max_concurrent; /* requests at it at once; 0: no limit; or CONCURRENT_AUTO */
    struct config_where where;
};

struct config_route {
    char *path;
    bool subpaths;
    struct config_backend own;       /* of the route's own keys */
    struct config_backend *backends; /* at least one: &own, or those that were given */
    size_t backend_count;            /* at most CONFIG_BACKENDS_MAX */
    struct cors *cors;               /* NULL: no origin is served */
    unsigned methods;                /* set of enum method; HEAD follows GET */
    struct config_header *set_headers;
    size_t set_header_count;
    char *default_content_type; /* NULL: none */
    bool required, idempotent, client_deployment;
    bool unwrap_json;    /* an answer that is JSON in a JSON string is opened */
    bool allow_insecure; /* http URIs are accepted */
    usec_t connect_timeout, response_timeout, idle_timeout, total_timeout; /* 0: none */
    uint64_t body_bytes, replay_bytes;
    unsigned max_concurrent; /* over all backends; 0: no limit; CONCURRENT_AUTO: that of each */
    unsigned max_queue;      /* requests that wait for their turn */
    usec_t queue_timeout;
    struct retry_rules retry;
    struct breaker_rules breaker;
    usec_t hedge_after;    /* 0: never */
    usec_t wait_for_ready; /* 0: not */
    struct config_tls tls; /* the route's own over the top level's */
    struct config_where where;
};

#define CONFIG_BACKENDS_MAX 16

/* Whether the endpoint is found by name. */
static inline bool config_is_named(const struct config_backend *backend) {
    return backend->online_endpoint.subscription || backend->web_service.subscription;
}

/* Whether both are found by the same names, or neither by any (same.c). */
bool config_same_names(const struct config_backend *a, const struct config_backend *b);
/* Whether both lead to the same deployment of the same endpoint, whatever the credential and the
 * share (same.c). */
bool config_same_backend(const struct config_backend *a, const struct config_backend *b);

enum config_listen_kind { LISTEN_TCP, LISTEN_UNIX, LISTEN_SYSTEMD, LISTEN_OFF };

struct config_listen {
    enum config_listen_kind kind;
    bool enabled;  /* as it was said; of the admin listener only */
    char *address; /* TCP: numeric, no brackets */
    uint16_t port; /* 0: the kernel's choice */
    char *path;    /* unix */
    mode_t mode;   /* unix; 0660 by default */
    gid_t group;   /* unix; (gid_t)-1: leave it */
    char *name;    /* systemd: FileDescriptorName= */
    bool allow_remote;
    struct access_list access;
    struct config_where where;
};

struct config {
    struct config_listen *listen;
    size_t listen_count;
    struct config_listen admin;
    unsigned workers; /* 0: chosen at start */
    char **hosts;
    size_t host_count;
    struct config_route *routes;
    size_t route_count;
    struct config_backend **backends; /* of all routes, in their order */
    size_t backend_count;
    struct config_identity *identities;
    size_t identity_count;
    struct config_azure azure;
    struct route_table *table; /* route_match.index is that of routes */
    struct config_tls tls;
    char *proxy; /* egress proxy URL, or NULL */
    char *no_proxy;
    unsigned max_connections, header_bytes;
    usec_t client_idle_timeout, client_header_timeout;
    usec_t drain_timeout;
    enum log_level log_level;
    enum log_format log_format;
    bool log_access;
    bool insecure_permissions; /* secret files that others may read are accepted */
    char **files; /* what was read, the main file first; config_where.file points here */
    size_t file_count;
    int references; /* use config_ref, config_unref */
};

/* Whether Azure's services are asked the same way, at the same places (same.c). */
bool config_same_control_plane(const struct config *a, const struct config *b);

struct config *config_ref(struct config *c);
/* Drops a reference (NULL is fine), frees and wipes with the last one, sets *C to NULL. */
void config_unref(struct config **c);
