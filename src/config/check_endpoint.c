/* SPDX-License-Identifier: MIT */
/* Where a route or a backend leads: one place, and URIs that are safe to use. */
#include "config/check.h"
#include "config/uri.h"

/* The keys that say it, in the words that people get. */
static const struct place_keys {
    const char *keys[4];
    const char *others, *all;
} of_route = {{"scoring_uri", "online_endpoint", "web_service", "backends"},
              "online_endpoint, web_service or backends",
              "scoring_uri, online_endpoint, web_service and backends"},
  of_backend = {{"uri", "online_endpoint", "web_service", NULL},
                "online_endpoint or web_service",
                "uri, online_endpoint and web_service"};

static bool has_key(const struct place_keys *keys, const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(keys->keys) && keys->keys[i]; i++)
        if (strcmp(keys->keys[i], name) == 0)
            return true;
    return false;
}

const struct node *check_place(struct fill *f, enum option_group group, const struct node *given) {
    const struct place_keys *keys = group == OPTIONS_ROUTE ? &of_route : &of_backend;
    const struct node *place = NULL;
    for (size_t i = 0; i < given->count; i++) {
        const struct node *key = &given->children[i];
        if (!has_key(keys, key->name))
            continue;
        if (place) {
            fill_complain(f, key,
                          "%s.%s: %s of %s:%u says where the endpoint is already; expected one of "
                          "%s",
                          option_group_name(group), key->name, place->name, place->place.where.file,
                          place->place.where.line, keys->all);
            return NULL;
        }
        place = key;
    }
    if (!place)
        fill_complain(f, given, "%s.%s is missing; expected that, %s", option_group_name(group),
                      keys->keys[0], keys->others);
    return place;
}

bool check_is_name(const struct node *place) {
    return strcmp(place->name, "online_endpoint") == 0 || strcmp(place->name, "web_service") == 0;
}

static void check_uri(struct fill *f, enum option_group group, const struct node *node,
                      const struct config_uri *uri, bool insecure) {
    if (node && uri->text && !uri->tls && !insecure)
        fill_complain(f, node,
                      "%s.%s: the scheme is http, and others could read and change what is sent; "
                      "expected https, or allow_insecure_upstream = true%s",
                      option_group_name(group), node->name,
                      group == OPTIONS_BACKEND ? " in the route" : "");
}

void check_uris(struct fill *f, enum option_group group, const struct node *given, bool insecure,
                struct config_backend *backend) {
    const struct node *scoring = node_member(given, group == OPTIONS_ROUTE ? "scoring_uri" : "uri");
    const struct node *swagger = node_member(given, "swagger_uri");
    check_uri(f, group, scoring, &backend->scoring, insecure);
    check_uri(f, group, swagger, &backend->swagger, insecure);
    if (!backend->scoring.text || swagger)
        return;
    const char *wrong = uri_swagger(&backend->scoring, &backend->swagger);
    if (wrong)
        fill_complain(f, scoring, "%s.swagger_uri: %s", option_group_name(group), wrong);
}
