/* SPDX-License-Identifier: MIT */
/* What two configurations have in common, for a reload. */
#include "config/config.h"

#include <string.h>

static bool same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_named(const struct config_named *a, const struct config_named *b) {
    return same_text(a->subscription, b->subscription) &&
           same_text(a->resource_group, b->resource_group) &&
           same_text(a->workspace, b->workspace) && same_text(a->name, b->name);
}

bool config_same_backend(const struct config_backend *a, const struct config_backend *b) {
    return same_text(a->scoring.text, b->scoring.text) &&
           same_named(&a->online_endpoint, &b->online_endpoint) &&
           same_named(&a->web_service, &b->web_service) && same_text(a->deployment, b->deployment);
}

bool config_same_control_plane(const struct config *a, const struct config *b) {
    const struct config_azure *x = &a->azure, *y = &b->azure;
    return x->cloud == y->cloud && same_text(x->authority, y->authority) &&
           same_text(x->management, y->management) && same_text(x->imds, y->imds) &&
           same_text(x->ca_file, y->ca_file) && same_text(x->api_version, y->api_version) &&
           same_text(a->proxy, b->proxy) && same_text(a->no_proxy, b->no_proxy);
}
