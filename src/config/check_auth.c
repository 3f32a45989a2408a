/* SPDX-License-Identifier: MIT */
/* Where a route leads, with which credential, and who gets that: what these need of each other. */
#include "config/check.h"

/* Keys of auth that belong to one type. */
static const struct {
    const char *key, *what;
    enum config_auth_type type;
} keys[] = {{"primary", "a key", AUTH_KEY},
            {"secondary", "a key", AUTH_KEY},
            {"file", "a file", AUTH_TOKEN},
            {"refresh_by", "a time", AUTH_TOKEN},
            {"scope", "a scope", AUTH_ENTRA}};

static const char *type_name(enum config_auth_type type) {
    return option_choice_name(option_find(OPTIONS_AUTH, TEXT("type")), type);
}

/* Keys of another type than TYPE. False if one says a type that is not given. */
static bool check_keys(struct fill *f, const struct node *auth, enum config_auth_type type) {
    bool given = node_member(auth, "type") != NULL;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct node *key = node_member(auth, keys[i].key);
        if (!key || keys[i].type == type)
            continue;
        if (!given) {
            fill_complain(f, key, "auth.type is missing; expected type = \"%s\"",
                          type_name(keys[i].type));
            return false;
        }
        fill_complain(f, key, "auth.%s: %s is not used with type \"%s\"; expected type = \"%s\"",
                      key->name, keys[i].what, type_name(type), type_name(keys[i].type));
    }
    return true;
}

/* The key of a route that says where the endpoint is: its URI or its names. NULL, and told, unless
 * it is one. */
static const struct node *check_place(struct fill *f, const struct node *given) {
    const struct node *place = NULL;
    for (size_t i = 0; i < given->count; i++) {
        const struct node *key = &given->children[i];
        if (strcmp(key->name, "scoring_uri") != 0 && strcmp(key->name, "online_endpoint") != 0 &&
            strcmp(key->name, "web_service") != 0)
            continue;
        if (place) {
            fill_complain(f, key,
                          "routes.%s: %s of %s:%u says where the endpoint is already; expected one "
                          "of scoring_uri, online_endpoint and web_service",
                          key->name, place->name, place->place.where.file, place->place.where.line);
            return NULL;
        }
        place = key;
    }
    if (!place)
        fill_complain(f, given,
                      "routes.scoring_uri is missing; expected that, online_endpoint or "
                      "web_service");
    return place;
}

/* Somebody has to find a named endpoint, and to get a credential that Azure gives. */
static void check_asker(struct fill *f, const struct node *given, const struct node *named,
                        const struct node *type, enum config_auth_type auth) {
    const struct node *identity = node_member(given, "identity");
    bool entra = auth == AUTH_ENTRA;
    if (identity && !named && !entra)
        fill_complain(f, identity,
                      "routes.identity: nothing is asked of Azure here; expected online_endpoint, "
                      "web_service or auth.type = \"entra\"");
    else if (!identity && named)
        fill_complain(f, named,
                      "routes.identity is missing: who finds the endpoint and its credential; "
                      "expected the name of one of identities");
    else if (!identity && entra)
        fill_complain(f, type,
                      "routes.identity is missing: whose token is sent; expected the name of one "
                      "of identities");
}

void check_auth(struct fill *f, const struct node *given, struct config_route *route) {
    const struct node *auth = node_member(given, "auth"), *type = node_member(auth, "type");
    const struct node *place = check_place(f, given);
    const struct node *named = place && strcmp(place->name, "scoring_uri") != 0 ? place : NULL;
    enum config_auth_type is = route->own.auth.type;
    if ((unsigned)is == CHOICE_UNREAD || !check_keys(f, auth, is))
        return;
    if (is == AUTH_KEY && !node_member(auth, "primary"))
        fill_complain(f, type, "auth.primary is missing: the key to send");
    if (is == AUTH_TOKEN && !node_member(auth, "file"))
        fill_complain(f, type, "auth.file is missing: the file with the token to send");
    if (!place)
        return;
    if (!named && (is == AUTH_ENDPOINT_KEY || is == AUTH_ENDPOINT_TOKEN)) {
        fill_complain(f, type,
                      "auth.type: \"%s\" needs an endpoint that is found by name; expected "
                      "online_endpoint or web_service in place of scoring_uri",
                      type_name(is));
        return;
    }
    check_asker(f, given, named, type, is);
    if (named && !type)
        route->own.auth.type = AUTH_FOUND;
}
