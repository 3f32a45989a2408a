/* SPDX-License-Identifier: MIT */
/* The words of config/expect.h. */
#include "config/expect.h"

#include <inttypes.h>
#include <stdio.h>

#define WORDS_MAX 4096
/* Of a wrong string so much is shown. */
#define SHOWN_MAX 200

#define SECRET_WORDS                                                                               \
    "a string, { file = \"PATH\"; }, { env = \"NAME\"; }, { credential = \"NAME\"; } or "          \
    "{ key_vault = \"https://HOST\"; name = \"NAME\"; identity = \"NAME\"; }"

struct option_key option_key(const struct option *option) {
    struct option_key key;
    const char *group = option_group_name(option->group);
    snprintf(key.name, sizeof key.name, "%s%s%s", group, *group ? "." : "", option->name);
    return key;
}

static void add_range(const struct option *option, struct buf *into) {
    buf_addf(into, " from %" PRIu64 " to %" PRIu64, option->min, option->max);
}

static void add_choices(const struct option *option, struct buf *into) {
    for (const struct option_choice *c = option->choices; c->name; c++)
        buf_addf(into, "%s\"%s\"", c == option->choices ? "" : c[1].name ? ", " : " or ", c->name);
}

void expect_words(const struct option *option, struct buf *into) {
    static const char *const words[] = {
        [OPTION_BOOL] = "true or false",
        [OPTION_FILE] = "the path of a file",
        [OPTION_METHODS] = "a list of \"GET\", \"POST\", \"PUT\", \"PATCH\" and \"DELETE\"",
        [OPTION_MODE] = "three or four octal digits such as \"0660\"",
        [OPTION_UNIXGROUP] = "the name or the number of a group of this machine, in quotes",
        [OPTION_CLIENTS] = "a list of addresses and networks such as \"10.1.0.0/16\"",
        [OPTION_USERS] = "a list of names or numbers of users of this machine, in quotes",
        [OPTION_SECRET] = SECRET_WORDS,
        [OPTION_URI] = "a URI such as \"https://HOST/score\"",
        [OPTION_PROXY] = "a URL such as \"http://HOST:3128\", or \"\" for none",
        [OPTION_BASE_URL] = "a URL such as \"https://HOST\"",
        [OPTION_TIME] = "a time such as \"2026-01-31T12:00:00Z\", seconds since 1970, or the path "
                        "of a file that holds one",
        [OPTION_HEADERS] = "a group { NAME = \"VALUE\"; … }",
        [OPTION_GROUP] = "a group { … }",
        [OPTION_CORS] = "a group { … }",
        [OPTION_GROUP_LIST] = "a list of groups ( { … }, { … } )",
        [OPTION_GROUP_MAP] = "a group of groups with names { NAME = { … }; … }",
    };
    switch (option->type) {
    case OPTION_NUMBER:
    case OPTION_SIZE:
    case OPTION_MS:
    case OPTION_PORT:
        buf_add_string(into, "a whole number");
        add_range(option, into);
        break;
    case OPTION_NUMBER_OR:
        buf_add_string(into, "a whole number");
        add_range(option, into);
        buf_add_string(into, " or ");
        add_choices(option, into);
        break;
    case OPTION_NUMBERS:
        buf_add_string(into, "a list of whole numbers");
        add_range(option, into);
        break;
    case OPTION_CHOICE:
        add_choices(option, into);
        break;
    case OPTION_STRING:
    case OPTION_STRINGS:
        buf_add_string(into, option->expected);
        break;
    default:
        buf_add_string(into, words[option->type]);
    }
}

static bool is_number(const struct node *node) {
    return node->type == NODE_INTEGER || node->type == NODE_FLOAT;
}

static bool wants_number(const struct option *option) {
    return option->type == OPTION_NUMBER || option->type == OPTION_SIZE ||
           option->type == OPTION_MS || option->type == OPTION_PORT;
}

static bool wants_string(const struct option *option) {
    return option->type != OPTION_BOOL && option->type != OPTION_NUMBER_OR &&
           !wants_number(option) && option->type < OPTION_HEADERS;
}

void expect_type(struct fill *f, const struct option *option, const struct node *node) {
    struct buf words;
    buf_init(&words, WORDS_MAX);
    expect_words(option, &words);
    if (is_number(node) && wants_string(option))
        buf_addf(&words, "; a string stands in quotes: \"%.*s\"", TEXT_ARG(node->raw));
    else if (is_number(node))
        buf_addf(&words, ", not %.*s", TEXT_ARG(node->raw));
    else if (node->type == NODE_STRING && (wants_number(option) || option->type == OPTION_BOOL))
        buf_add_string(&words, " without quotes");
    else if (node->type == NODE_GROUP && node_member(node, "env") && !wants_string(option))
        buf_add_string(&words, "; only strings can come from the environment");
    fill_complain(f, node, "%s: expected %s", option_key(option).name, buf_text(&words).at);
    buf_done(&words);
}

void expect_string(struct fill *f, const struct option *option, const struct node *node,
                   const char *string, const char *meant) {
    struct buf words, shown;
    buf_init(&words, WORDS_MAX);
    buf_init(&shown, 8 * SHOWN_MAX);
    size_t n = strnlen(string, SHOWN_MAX + 1);
    config_quote(&shown, (struct text){string, n > SHOWN_MAX ? SHOWN_MAX : n});
    expect_words(option, &words);
    fill_complain(f, node, "%s: %s%s is wrong; expected %s%s%s%s", option_key(option).name,
                  buf_text(&shown).at, n > SHOWN_MAX ? "…" : "", buf_text(&words).at,
                  meant ? "; did you mean \"" : "", meant ? meant : "", meant ? "\"?" : "");
    buf_done(&words);
    buf_done(&shown);
}
