/* SPDX-License-Identifier: MIT */
/* What two parts of configurations have in common. */
#include "config/config.h"

#include <string.h>

static bool same_name(const struct config_named *a, const struct config_named *b) {
    return string_same(a->subscription, b->subscription) &&
           string_same(a->resource_group, b->resource_group) &&
           string_same(a->workspace, b->workspace) && string_same(a->name, b->name);
}

bool config_same_names(const struct config_backend *a, const struct config_backend *b) {
    return same_name(&a->online_endpoint, &b->online_endpoint) &&
           same_name(&a->web_service, &b->web_service);
}

bool config_same_backend(const struct config_backend *a, const struct config_backend *b) {
    return string_same(a->scoring.text, b->scoring.text) && config_same_names(a, b) &&
           string_same(a->deployment, b->deployment);
}

bool config_same_control_plane(const struct config *a, const struct config *b) {
    const struct config_azure *x = &a->azure, *y = &b->azure;
    return x->cloud == y->cloud && string_same(x->authority, y->authority) &&
           string_same(x->management, y->management) && string_same(x->imds, y->imds) &&
           string_same(x->ca_file, y->ca_file) && string_same(x->api_version, y->api_version) &&
           string_same(a->proxy, b->proxy) && string_same(a->no_proxy, b->no_proxy);
}
