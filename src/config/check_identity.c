/* SPDX-License-Identifier: MIT */
/* Identities: which keys belong to their type, and the files that hold a private key. */
#include "config/check.h"
#include "config/secret_source.h"

#define TYPE(t)      (1U << (t))
#define MANAGED      TYPE(IDENTITY_MANAGED)
#define APPLICATIONS (TYPE(IDENTITY_CLIENT_SECRET) | TYPE(IDENTITY_CERTIFICATE))
#define WORKLOAD     TYPE(IDENTITY_WORKLOAD)

static const struct {
    const char *key;
    unsigned taken, required; /* sets of types */
} keys[] = {
    {"tenant", APPLICATIONS | WORKLOAD, APPLICATIONS},
    {"client_id", APPLICATIONS | WORKLOAD | MANAGED, APPLICATIONS},
    {"object_id", MANAGED, 0},
    {"resource_id", MANAGED, 0},
    {"secret", TYPE(IDENTITY_CLIENT_SECRET), TYPE(IDENTITY_CLIENT_SECRET)},
    {"certificate", TYPE(IDENTITY_CERTIFICATE), TYPE(IDENTITY_CERTIFICATE)},
    {"certificate_key", TYPE(IDENTITY_CERTIFICATE), 0},
    {"token_file", WORKLOAD, 0},
    {"identity_binding", WORKLOAD, 0},
};

bool check_identity_has(enum config_identity_type type, const char *key) {
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(keys[i].key, key) == 0)
            return (keys[i].taken & TYPE(type)) != 0;
    return true;
}

/* "tenant, client_id and secret" */
static void add_keys(struct buf *into, enum config_identity_type type) {
    const char *names[ARRAY_LEN(keys)];
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (keys[i].taken & TYPE(type))
            names[n++] = keys[i].key;
    for (size_t i = 0; i < n; i++)
        buf_addf(into, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " and ", names[i]);
}

static void check_keys(struct fill *f, const struct node *given, enum config_identity_type type) {
    const char *name = option_choice_name(option_find(OPTIONS_IDENTITY, TEXT("type")), type);
    struct buf taken;
    buf_init(&taken, 1024);
    add_keys(&taken, type);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct node *key = node_member(given, keys[i].key);
        if (key && !(keys[i].taken & TYPE(type)))
            fill_complain(f, key, "identities.%s is not used with type \"%s\", which takes %s",
                          key->name, name, buf_text(&taken).at);
        else if (!key && keys[i].required & TYPE(type))
            fill_complain(f, given, "identities.%s is missing: type \"%s\" needs it", keys[i].key,
                          name);
    }
    buf_done(&taken);
}

/* A user-assigned identity is named once. */
static void check_names(struct fill *f, const struct node *given) {
    const struct node *first = NULL;
    for (size_t i = 0; i < given->count; i++) {
        const struct node *key = &given->children[i];
        if (strcmp(key->name, "client_id") != 0 && strcmp(key->name, "object_id") != 0 &&
            strcmp(key->name, "resource_id") != 0)
            continue;
        if (first)
            fill_complain(f, key,
                          "identities.%s: the identity is named by %s of %s:%u already; expected "
                          "one of client_id, object_id and resource_id",
                          key->name, first->name, first->place.where.file, first->place.where.line);
        else
            first = key;
    }
}

/* A file of PEM, which is read when it is needed. With a private KEY in it others may not read it.
 */
static void check_file(struct fill *f, const struct node *given, const char *name, const char *path,
                       bool key) {
    const struct node *node = node_member(given, name);
    if (!path || !node)
        return;
    if (f->options->no_files) {
        fill_complain(f, node, "identities.%s: files are not possible here", name);
        return;
    }
    struct buf why;
    buf_init(&why, 4096);
    if (!secret_source_check_file(path, !key || f->options->insecure_permissions, &why))
        fill_complain(f, node, "identities.%s: the file \"%s\" %s", name, path, buf_text(&why).at);
    buf_done(&why);
}

void check_identity(struct fill *f, const struct node *given,
                    const struct config_identity *identity) {
    if ((unsigned)identity->type == CHOICE_UNREAD)
        return;
    check_keys(f, given, identity->type);
    if (identity->type == IDENTITY_MANAGED)
        check_names(f, given);
    if (identity->type == IDENTITY_CERTIFICATE) {
        bool apart = node_member(given, "certificate_key") != NULL;
        check_file(f, given, "certificate", identity->certificate, !apart);
        check_file(f, given, "certificate_key", identity->certificate_key, true);
    }
}
