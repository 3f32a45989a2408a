/* SPDX-License-Identifier: MIT */
/* All services of a workspace, page after page. */
#pragma once

#include "azure/service.h"
#include "base/macros.h"
#include "cli/session.h"

#include <stdbool.h>

/* No more are listed. */
#define SERVICES_MAX 100000

struct services {
    struct azure_service *list;
    size_t count, capacity;
    size_t online; /* how many of them, at the front, are online endpoints */
};
void services_done(struct services *s);

/* Where to look and as whom. NAMED has no name. */
struct services_place {
    const struct config_named *named;
    const struct config_identity *identity;
};

/* Appends the online endpoints, or the web services of the management service at BASE. False with
 * ERROR. */
bool services_list_online(struct session *session, const struct services_place *place,
                          const struct azure_filter *filter, struct services *s,
                          struct azure_error *error) MUST_CHECK;
bool services_list_web(struct session *session, const struct services_place *place,
                       const char *base, const struct azure_filter *filter, struct services *s,
                       struct azure_error *error) MUST_CHECK;
