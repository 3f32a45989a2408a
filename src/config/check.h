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
/* Of a route: where it leads, its credential, and whether it has the identity that these need. */
void check_auth(struct fill *f, const struct node *given, struct config_route *route);

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
