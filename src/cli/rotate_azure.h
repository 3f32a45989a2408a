/* SPDX-License-Identifier: MIT */
/* Regenerating a key of an endpoint or a web service in Azure, with the identity of its backend. */
#pragma once

#include "azure/service.h"
#include "cli/session.h"

#include <stdbool.h>

struct rotation {
    struct session *session;
    const struct config_named *named;
    const struct config_identity *identity;
    const char *base;       /* of web services (v1); NULL: an online endpoint */
    struct secret *bearer;  /* for the management service */
    struct secret *keys[2]; /* as they were listed last */
};

/* Gets the token, finds the management service, and lists the keys. Refuses what has no keys. False
 * with ERROR; rotation_done() in both cases. */
bool rotation_begin(struct rotation *r, struct session *session,
                    const struct config_backend *backend, struct azure_error *error) MUST_CHECK;
void rotation_done(struct rotation *r);
/* Has Azure make a new KEY, and waits for the operation. */
bool rotation_regenerate(struct rotation *r, enum azure_key key,
                         struct azure_error *error) MUST_CHECK;
/* Then lists the keys until the new one shows. */
bool rotation_await(struct rotation *r, enum azure_key key, struct azure_error *error) MUST_CHECK;
