/* SPDX-License-Identifier: MIT */
/* The credential of a route or a backend, and who gets it: what its keys need of each other, and of
 * where the endpoint is. */
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

bool check_credential(struct fill *f, const struct node *auth, enum config_auth_type is) {
    const struct node *type = node_member(auth, "type");
    if ((unsigned)is == CHOICE_UNREAD || !check_keys(f, auth, is))
        return false;
    if (is == AUTH_KEY && !node_member(auth, "primary"))
        fill_complain(f, type, "auth.primary is missing: the key to send");
    if (is == AUTH_TOKEN && !node_member(auth, "file"))
        fill_complain(f, type, "auth.file is missing: the file with the token to send");
    return true;
}

/* Somebody has to find a named endpoint, and to get a credential that Azure gives. */
static void check_asker(struct fill *f, const struct endpoint_said *said, const struct node *type,
                        enum config_auth_type auth) {
    const char *group = option_group_name(said->group);
    const struct node *identity = node_member(said->given, "identity");
    bool named = check_is_name(said->place), entra = auth == AUTH_ENTRA;
    if (identity && !named && !entra)
        fill_complain(f, identity,
                      "%s.identity: nothing is asked of Azure here; expected online_endpoint, "
                      "web_service or auth.type = \"entra\"",
                      group);
    else if (!said->identity && named)
        fill_complain(f, said->place,
                      "%s.identity is missing: who finds the endpoint and its credential; expected "
                      "the name of one of identities",
                      group);
    else if (!said->identity && entra)
        fill_complain(f, type,
                      "%s.identity is missing: whose token is sent; expected the name of one of "
                      "identities",
                      group);
}

void check_auth(struct fill *f, const struct endpoint_said *said, struct config_backend *backend) {
    const struct node *own = node_member(node_member(said->given, "auth"), "type");
    enum config_auth_type is = backend->auth.type;
    bool named = check_is_name(said->place);
    if (!named && (is == AUTH_ENDPOINT_KEY || is == AUTH_ENDPOINT_TOKEN)) {
        fill_complain(f, own ? own : said->given,
                      "auth.type: \"%s\" needs an endpoint that is found by name; expected "
                      "online_endpoint or web_service in place of %s",
                      type_name(is), said->place->name);
        return;
    }
    check_asker(f, said, own ? own : said->given, is);
    if (named && !node_member(said->auth, "type"))
        backend->auth.type = AUTH_FOUND;
}
