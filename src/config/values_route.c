/* SPDX-License-Identifier: MIT */
/* Secrets, URIs and header fields. */
#include "config/expect.h"
#include "config/secret_source.h"
#include "config/uri.h"
#include "config/valid.h"
#include "config/values.h"

#include <stdlib.h>
#include <sys/stat.h>

/* A secret stands in the text: others may not read it there. */
static void check_text_mode(struct fill *f, const struct option *option, const struct node *node) {
    unsigned mode = source_mode(f->source, node->place.where.file);
    if (mode & S_IROTH && !f->options->insecure_permissions)
        fill_complain(
            f, node,
            "%s: a secret stands in a file that every user may read (mode %04o); expected "
            "chmod o-rwx, or { %s; }",
            option_key(option).name, mode & 07777,
            option->type == OPTION_SECRET ? "file = \"PATH\"" : "env = \"NAME\"");
}

/* Which source a group names, and its key. */
static const struct node *source_of(const struct node *node, enum config_secret_kind *kind) {
    static const struct {
        const char *key;
        enum config_secret_kind kind;
    } sources[] = {{"file", SECRET_FILE}, {"env", SECRET_ENV}, {"credential", SECRET_CREDENTIAL}};
    for (size_t i = 0; node->count == 1 && i < ARRAY_LEN(sources); i++) {
        const struct node *member = node_member(node, sources[i].key);
        if (member && member->type == NODE_STRING) {
            *kind = sources[i].kind;
            return member;
        }
    }
    return NULL;
}

/* Whether a group is one of Key Vault, and not of another source as well. */
static bool is_vault(const struct node *node) {
    return node_member(node, "key_vault") && !node_member(node, "file") &&
           !node_member(node, "env") && !node_member(node, "credential");
}

static void read_source(struct fill *f, const struct option *option, const struct node *node,
                        struct config_secret *secret) {
    const struct option_key key = option_key(option);
    const struct node *source = source_of(node, &secret->kind);
    if (!source) {
        expect_type(f, option, node);
        return;
    }
    if (!fill_plain(f, option, source))
        return;
    secret->source = secret->kind == SECRET_FILE ? fill_path(f, source, source->string)
                                                 : fill_copy(f, text_of(source->string));
    if (!secret->source)
        return;
    if (f->options->no_files && secret->kind != SECRET_ENV) {
        fill_complain(f, source, "%s: files are not possible here", key.name);
        return;
    }
    struct buf why;
    buf_init(&why, 4096);
    secret->value =
        secret_source_read(secret->kind, secret->source, f->options->insecure_permissions, &why);
    if (!secret->value)
        fill_complain(f, source, "%s: the %s \"%s\" %s", key.name, source->name, secret->source,
                      buf_text(&why).at);
    buf_done(&why);
}

void value_secret(struct fill *f, const struct option *option, const struct node *node,
                  void *field) {
    struct config_secret *secret = field;
    secret->where = node->place.where;
    if (is_vault(node)) {
        secret->kind = SECRET_KEY_VAULT;
        fill_group(f, OPTIONS_KEY_VAULT, node, secret, true);
        return;
    }
    if (node->type != NODE_STRING) {
        read_source(f, option, node, secret);
        return;
    }
    struct buf why;
    buf_init(&why, 4096);
    secret->kind = SECRET_INLINE;
    secret->value = secret_source_check(text_of(node->string), &why);
    if (secret->value)
        check_text_mode(f, option, node);
    else
        fill_complain(f, node, "%s: the string %s", option_key(option).name, buf_text(&why).at);
    buf_done(&why);
}

void value_uri(struct fill *f, const struct option *option, const struct node *node, void *field) {
    const char *string = fill_string(f, option, node);
    const char *wrong = string ? uri_parse(text_of(string), field) : NULL;
    if (wrong)
        fill_complain(f, node, "%s: this is no URI of an endpoint: %s", option_key(option).name,
                      wrong);
}

void value_proxy(struct fill *f, const struct option *option, const struct node *node,
                 void *field) {
    const char *string = fill_string(f, option, node);
    if (!string || !*string)
        return;
    const char *wrong = uri_check_proxy(text_of(string));
    if (wrong) {
        fill_complain(f, node, "%s: this is no URL of a proxy: %s; expected \"http://HOST:PORT\"",
                      option_key(option).name, wrong);
        return;
    }
    *(char **)field = fill_copy(f, text_of(string));
    if (uri_userinfo(text_of(string)).len && node->type == NODE_STRING)
        check_text_mode(f, option, node);
}

static void read_header(struct fill *f, const struct option *option, const struct node *node,
                        struct config_header *header) {
    const struct option_key key = option_key(option);
    struct text name = text_of(node->name);
    const char *value = fill_string(f, option, node);
    if (!valid_set_header(name))
        fill_complain(f, node, "%s: %s cannot be set; the gateway writes it itself", key.name,
                      node->name);
    else if (value && !valid_value(text_of(value)))
        fill_complain(f, node, "%s: the value of %s is not one that a field may have", key.name,
                      node->name);
    else if (value && node->type == NODE_STRING && valid_is_secret_header(name))
        check_text_mode(f, option, node);
    header->name = fill_copy(f, name);
    header->value = fill_copy(f, text_of(value));
}

void value_headers(struct fill *f, const struct option *option, const struct node *node,
                   struct config_header **field, size_t *count) {
    if (node->type != NODE_GROUP) {
        expect_type(f, option, node);
        return;
    }
    *field = calloc(node->count + 1, sizeof **field);
    if (!*field) {
        fill_no_memory(f);
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct node *header = &node->children[i];
        read_header(f, option, header, &(*field)[i]);
        for (size_t k = 0; k < i; k++)
            if (strcasecmp(node->children[k].name, header->name) == 0)
                fill_complain(f, header, "%s: %s is here for the second time",
                              option_key(option).name, header->name);
    }
    *count = node->count;
}
