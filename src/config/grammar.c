/* SPDX-License-Identifier: MIT */
/* A checker of libconfig's grammar with a stack of its own, as config/grammar.h says. */
#include "config/grammar.h"

#include <stdlib.h>

#define DEPTH_MAX    16
#define SETTINGS_MAX 1000 /* in one group: names are compared one by one */

/* What is open: the file itself, a group, a list or an array. */
struct level {
    size_t opened; /* its token; the file has none */
    enum token_kind close;
    size_t names[SETTINGS_MAX]; /* tokens */
    size_t name_count;
};

struct grammar {
    const struct source *source;
    size_t at; /* the token that is looked at */
    struct level *levels;
    size_t depth;
    bool failed;
};

static const struct token *now(const struct grammar *g) {
    return &g->source->tokens[g->at];
}

static const struct token *before(const struct grammar *g) {
    return g->at ? &g->source->tokens[g->at - 1] : NULL;
}

static void fail(struct grammar *g, size_t token, const char *what) {
    problem_add(g->source->problems, source_place(g->source, token), "%s", what);
    g->failed = true;
}

#define fail_with(g, token, ...)                                                                   \
    do {                                                                                           \
        problem_add((g)->source->problems, source_place((g)->source, token), __VA_ARGS__);         \
        (g)->failed = true;                                                                        \
    } while (0)

static bool is_scalar(enum token_kind k) {
    return k == TOKEN_STRING || k == TOKEN_INTEGER || k == TOKEN_FLOAT || k == TOKEN_BOOL;
}

static bool is_close(enum token_kind k) {
    return k == TOKEN_CLOSE_GROUP || k == TOKEN_CLOSE_LIST || k == TOKEN_CLOSE_ARRAY;
}

static const char *mark_of(enum token_kind k) {
    return k == TOKEN_CLOSE_GROUP ? "}" : k == TOKEN_CLOSE_LIST ? ")" : "]";
}

static bool push(struct grammar *g, enum token_kind close) {
    if (g->depth == DEPTH_MAX) {
        fail(g, g->at, "too many levels of brackets");
        return false;
    }
    struct level *level = &g->levels[g->depth++];
    level->opened = g->at;
    level->close = close;
    level->name_count = 0;
    g->at++;
    return true;
}

/* The end came, or another bracket closes than the one that is open. */
static void wrong_close(struct grammar *g, const struct level *level) {
    const struct token *open = &g->source->tokens[level->opened];
    if (now(g)->kind == TOKEN_END)
        fail_with(g, level->opened, "the '%.*s' that opens here is never closed; expected '%s'",
                  TEXT_ARG(open->text), mark_of(level->close));
    else
        fail_with(g, g->at, "'%.*s' closes the '%.*s' of %s:%u; expected '%s'",
                  TEXT_ARG(now(g)->text), TEXT_ARG(open->text), open->where.file, open->where.line,
                  mark_of(level->close));
}

static void add_name(struct grammar *g, struct level *level) {
    struct text name = now(g)->text;
    for (size_t i = 0; i < level->name_count; i++) {
        const struct token *other = &g->source->tokens[level->names[i]];
        if (text_equal(other->text, name)) {
            problem_add(g->source->problems, source_place(g->source, g->at),
                        "%.*s is here for the second time; it is at %s:%u already", TEXT_ARG(name),
                        other->where.file, other->where.line);
            return;
        }
    }
    if (level->name_count == SETTINGS_MAX)
        fail_with(g, g->at, "more than %d settings in a group", SETTINGS_MAX);
    else
        level->names[level->name_count++] = g->at;
}

static void no_value(struct grammar *g) {
    const struct token *t = now(g);
    if (t->kind == TOKEN_NAME) {
        bool on = text_equal_nocase(t->text, TEXT("on")) || text_equal_nocase(t->text, TEXT("yes"));
        bool off =
            text_equal_nocase(t->text, TEXT("off")) || text_equal_nocase(t->text, TEXT("no"));
        if (on || off)
            fail_with(g, g->at, "%.*s is no value; expected %s", TEXT_ARG(t->text),
                      on ? "true" : "false");
        else
            fail_with(g, g->at, "a string stands in quotes; expected \"%.*s\"", TEXT_ARG(t->text));
    } else if (before(g)->kind == TOKEN_COMMA && is_close(t->kind)) {
        fail_with(g, g->at - 1, "the comma before '%.*s' is one too many; the last item has none",
                  TEXT_ARG(t->text));
    } else if (t->kind == TOKEN_COMMA) {
        fail(g, g->at, "the comma is one too many; expected a value");
    } else {
        size_t place = t->kind == TOKEN_END && g->at ? g->at - 1 : g->at;
        fail(g, place,
             "a value is missing; expected true, false, a number, \"text\", { }, ( ) or [ ]");
    }
}

/* A value that is no bracket: one token, or strings that libconfig joins. */
static void take_scalar(struct grammar *g, bool in_list) {
    bool string = now(g)->kind == TOKEN_STRING;
    g->at++;
    if (string && in_list && now(g)->kind == TOKEN_STRING)
        fail(g, g->at - 1, "a comma is missing behind this item of the list");
    while (string && !g->failed && now(g)->kind == TOKEN_STRING)
        g->at++;
}

static void take_value(struct grammar *g, bool in_list, bool in_array) {
    enum token_kind k = now(g)->kind;
    if (is_scalar(k))
        take_scalar(g, in_list);
    else if (in_array && (k == TOKEN_OPEN_GROUP || k == TOKEN_OPEN_LIST || k == TOKEN_OPEN_ARRAY))
        fail_with(g, g->at, "'%.*s' cannot stand in [ ]; expected ( ) around the list",
                  TEXT_ARG(now(g)->text));
    else if (k == TOKEN_OPEN_GROUP)
        push(g, TOKEN_CLOSE_GROUP);
    else if (k == TOKEN_OPEN_LIST)
        push(g, TOKEN_CLOSE_LIST);
    else if (k == TOKEN_OPEN_ARRAY)
        push(g, TOKEN_CLOSE_ARRAY);
    else
        no_value(g);
}

static void no_setting(struct grammar *g) {
    const struct token *t = now(g);
    if (t->kind == TOKEN_SEMICOLON || t->kind == TOKEN_COMMA)
        fail_with(g, g->at, "the '%.*s' is one too many (@include has none behind it)",
                  TEXT_ARG(t->text));
    else if (t->kind == TOKEN_STRING)
        fail(g, g->at,
             "a string cannot stand here; expected NAME = VALUE, the name without quotes");
    else if (is_close(t->kind))
        fail_with(g, g->at, "nothing is open that this '%.*s' could close", TEXT_ARG(t->text));
    else
        fail_with(g, g->at, "%.*s cannot stand here; expected NAME = VALUE", TEXT_ARG(t->text));
}

/* NAME = VALUE, up to where the value begins a bracket or ends. */
static void take_setting(struct grammar *g, struct level *level) {
    const struct token *name = now(g);
    if (name->kind != TOKEN_NAME) {
        no_setting(g);
        return;
    }
    add_name(g, level);
    g->at++;
    if (now(g)->kind != TOKEN_EQUALS) {
        fail_with(g, g->at - 1, "'=' is missing behind %.*s", TEXT_ARG(name->text));
        return;
    }
    g->at++;
    if (!g->failed)
        take_value(g, false, false);
}

static void take_item(struct grammar *g, const struct level *level) {
    enum token_kind k = now(g)->kind;
    bool first = g->at == level->opened + 1;
    if (!first && k == TOKEN_COMMA) {
        g->at++;
    } else if (!first) {
        if (k == TOKEN_SEMICOLON)
            fail(g, g->at, "';' in a list; its items are separated by commas");
        else if (is_close(k) || k == TOKEN_END)
            wrong_close(g, level);
        else
            fail(g, g->at - 1, "a comma is missing behind this item of the list");
        return;
    }
    take_value(g, true, level->close == TOKEN_CLOSE_ARRAY);
}

/* One step; false at the end of the file. */
static bool step(struct grammar *g) {
    struct level *level = &g->levels[g->depth - 1];
    enum token_kind k = now(g)->kind;
    bool named = level->close == TOKEN_END || level->close == TOKEN_CLOSE_GROUP;
    if (k == level->close) {
        if (k == TOKEN_END)
            return false;
        g->depth--;
        g->at++;
    } else if (!named) {
        take_item(g, level);
    } else if ((k == TOKEN_SEMICOLON || k == TOKEN_COMMA) && before(g) &&
               (is_scalar(before(g)->kind) || is_close(before(g)->kind))) {
        g->at++;
    } else if (level->close != TOKEN_END && (is_close(k) || k == TOKEN_END)) {
        wrong_close(g, level);
    } else {
        take_setting(g, level);
    }
    return !g->failed;
}

void grammar_check(const struct source *s) {
    struct grammar g = {.source = s};
    g.levels = calloc(DEPTH_MAX, sizeof *g.levels);
    if (!g.levels) {
        s->problems->out_of_memory = true;
        return;
    }
    g.levels[g.depth++].close = TOKEN_END;
    while (step(&g))
        continue;
    free(g.levels);
}
