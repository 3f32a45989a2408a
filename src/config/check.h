/* SPDX-License-Identifier: MIT */
/* What no value can say alone: keys that need or exclude each other, names that may stand once. */
#pragma once

#include "config/fill.h"

/* Each looks at one filled group, GIVEN is what the file says about it. */
void check_listener(struct fill *f, const struct node *given, struct config_listen *listen);
void check_tls(struct fill *f, const struct node *given, const struct config_tls *tls);
void check_cors(struct fill *f, const struct node *given, const struct cors *cors);
void check_identity(struct fill *f, const struct node *given,
                    const struct config_identity *identity);
void check_route(struct fill *f, const struct node *given, struct config_route *route);
void check_retry(struct fill *f, const struct node *given, const struct retry_rules *retry);
void check_breaker(struct fill *f, const struct node *given, const struct breaker_rules *breaker);

/* The key of a route or a backend (GROUP) that says where the endpoint is: its URI, its names, or
 * of a route its backends. NULL, and told, unless it is one. */
const struct node *check_place(struct fill *f, enum option_group group, const struct node *given);
/* Whether such a key says names. */
bool check_is_name(const struct node *place);
/* The URIs that GIVEN, a route or a backend, says. Adds that of the description beside it. */
void check_uris(struct fill *f, enum option_group group, const struct node *given, bool insecure,
                struct config_backend *backend);
/* An auth by itself, NULL if it is not given. False, and told: it makes no sense. */
bool check_credential(struct fill *f, const struct node *auth, enum config_auth_type type);

/* What the file says of an endpoint: that of a route, or one of its backends. */
struct endpoint_said {
    enum option_group group;     /* OPTIONS_ROUTE or OPTIONS_BACKEND */
    const struct node *given;    /* the group of it */
    const struct node *place;    /* as of check_place() */
    const struct node *auth;     /* its own, or that of its route; NULL: none */
    const struct node *identity; /* likewise */
};
/* Whether the credential and the endpoint go together, and have the identity that they need. */
void check_auth(struct fill *f, const struct endpoint_said *said, struct config_backend *backend);

/* The backends of a route: LIST, of the route GIVEN. AUTH_FINE: what the route itself says of the
 * credential is. */
void check_backends(struct fill *f, const struct node *given, const struct node *list,
                    bool auth_fine, struct config_route *route);

/* No two listeners at one place. LISTEN, ADMIN: as the file says them, or NULL. */
void check_listeners(struct fill *f, const struct node *root);
/* No two routes on one path; builds the table. */
void check_routes(struct fill *f, const struct node *routes);
/* Gives every route its backends, and all of them their numbers. False: out of memory. */
bool config_number_backends(struct config *c) MUST_CHECK;
/* Each identity that something of ROOT names is there, and none needs itself; sets the pointers to
 * them. */
void check_references(struct fill *f, const struct node *root);

/* Whether a key of a listener has a meaning for its kind. */
bool check_listener_has(enum config_listen_kind kind, const char *key);
/* Whether a key of an identity has a meaning for its type. */
bool check_identity_has(enum config_identity_type type, const char *key);
