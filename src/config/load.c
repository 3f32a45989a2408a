/* SPDX-License-Identifier: MIT */
/* From a text to a tree with libconfig, and from a tree to a configuration. */
#include "config/load.h"

#include "config/fill.h"
#include "config/grammar.h"
#include "config/node.h"
#include "config/source.h"

#include <inttypes.h>
#include <libconfig.h>
#include <stdlib.h>

#define TEXT_BYTES_MAX (64 * 1024 * 1024)

struct tree {
    config_t libconfig;
    struct node root;
};

const struct node *tree_root(const struct tree *t) {
    return &t->root;
}

/* The text as libconfig gets it: one token per line, so that its line numbers are those of tokens;
 * integers in decimal with the suffix without which it would cut them to 32 bits; arrays as lists,
 * which may hold anything. No value is a fraction, so that its digits do not matter here. */
static void write_tokens(const struct source *s, struct buf *into) {
    for (size_t i = 0; i < s->count; i++) {
        const struct token *t = &s->tokens[i];
        if (t->kind == TOKEN_INTEGER)
            buf_addf(into, "%" PRId64 "L", t->integer);
        else if (t->kind == TOKEN_FLOAT)
            buf_add_string(into, "0.5");
        else if (t->kind == TOKEN_OPEN_ARRAY || t->kind == TOKEN_CLOSE_ARRAY)
            buf_add_char(into, t->kind == TOKEN_OPEN_ARRAY ? '(' : ')');
        else
            buf_add_text(into, t->text);
        buf_add_char(into, '\n');
    }
}

/* The token at which a setting stands. libconfig has seen one token more when it notes the line of
 * a string in a list. */
static size_t token_of(const struct source *s, const config_setting_t *setting) {
    size_t at = setting->line ? setting->line - 1 : 0;
    if (at >= s->count)
        at = s->count - 1;
    if (!setting->name && setting->type == CONFIG_TYPE_STRING)
        while (at > 0 && s->tokens[at].kind != TOKEN_STRING)
            at--;
    return at;
}

static enum node_type type_of(const config_setting_t *setting) {
    switch (setting->type) {
    case CONFIG_TYPE_GROUP:
        return NODE_GROUP;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return NODE_INTEGER;
    case CONFIG_TYPE_FLOAT:
        return NODE_FLOAT;
    case CONFIG_TYPE_STRING:
        return NODE_STRING;
    case CONFIG_TYPE_BOOL:
        return NODE_BOOL;
    default:
        return NODE_LIST;
    }
}

static void read_scalar(const struct source *s, const config_setting_t *setting, size_t token,
                        struct node *n) {
    n->raw = s->tokens[setting->name && token + 2 < s->count ? token + 2 : token].text;
    if (n->type == NODE_INTEGER)
        n->integer = config_setting_get_int64(setting);
    else if (n->type == NODE_BOOL)
        n->integer = config_setting_get_bool(setting);
    else if (n->type == NODE_STRING)
        n->string = config_setting_get_string(setting);
}

static bool read_node(const struct source *s, const config_setting_t *setting, struct node *n) {
    size_t token = token_of(s, setting);
    *n = (struct node){
        .type = type_of(setting), .name = setting->name, .place = source_place(s, token)};
    if (n->type != NODE_GROUP && n->type != NODE_LIST) {
        read_scalar(s, setting, token, n);
        return true;
    }
    size_t count = (size_t)config_setting_length(setting);
    n->children = calloc(count + 1, sizeof *n->children);
    if (!n->children)
        return false;
    for (; n->count < count; n->count++)
        if (!read_node(s, config_setting_get_elem(setting, (unsigned)n->count),
                       &n->children[n->count])) {
            n->count++;
            return false;
        }
    return true;
}

struct tree *tree_new(const struct source *s) {
    struct tree *t = calloc(1, sizeof *t);
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    write_tokens(s, &text);
    if (!t || !buf_ok(&text)) {
        s->problems->out_of_memory = true;
        buf_wipe(&text);
        free(t);
        return NULL;
    }
    config_init(&t->libconfig);
    if (config_read_string(&t->libconfig, text.at) != CONFIG_TRUE) {
        size_t line = (size_t)config_error_line(&t->libconfig);
        problem_add(s->problems, source_place(s, line && line <= s->count ? line - 1 : 0), "%s",
                    config_error_text(&t->libconfig));
        tree_free(&t);
    } else if (!read_node(s, config_root_setting(&t->libconfig), &t->root)) {
        s->problems->out_of_memory = true;
        tree_free(&t);
    }
    buf_wipe(&text);
    return t;
}

static void wipe_strings(config_setting_t *setting) {
    if (setting->type == CONFIG_TYPE_STRING && setting->value.sval)
        explicit_bzero(setting->value.sval, strlen(setting->value.sval));
    if (config_setting_is_aggregate(setting))
        for (int i = 0; i < config_setting_length(setting); i++)
            wipe_strings(config_setting_get_elem(setting, (unsigned)i));
}

static void free_nodes(struct node *n) {
    for (size_t i = 0; i < n->count; i++)
        free_nodes(&n->children[i]);
    free(n->children);
}

void tree_free(struct tree **pointer) {
    struct tree *t = *pointer;
    *pointer = NULL;
    if (!t)
        return;
    free_nodes(&t->root);
    wipe_strings(config_root_setting(&t->libconfig));
    config_destroy(&t->libconfig);
    free(t);
}

static struct tree *read_tree(struct source *s) {
    if (!problems_any(s->problems))
        grammar_check(s);
    return problems_any(s->problems) ? NULL : tree_new(s);
}

struct config *config_load(const char *file, const char *text,
                           const struct config_load_options *options,
                           struct config_errors *errors) {
    struct problems problems = {0};
    struct source source;
    source_read(&source, file, text, options->no_files, &problems);
    if (!options->insecure_permissions)
        source_check_modes(&source);
    struct tree *tree = read_tree(&source);
    struct config *config = tree ? fill_config(tree_root(tree), &source, options) : NULL;
    problems_tell(&problems, errors); /* it points to names that the rest owns */
    if (config && problems_any(&problems))
        config_unref(&config);
    problems_done(&problems);
    tree_free(&tree);
    source_free(&source);
    return config;
}
