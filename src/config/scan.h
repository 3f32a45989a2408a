/* SPDX-License-Identifier: MIT */
/* The words of a configuration text. libconfig reads the same text later; this look goes first
 * because libconfig cuts numbers that do not fit, reads on for lines behind a forgotten quote, and
 * has one message for everything. */
#pragma once

#include "base/text.h"
#include "config/problem.h"

#include <stdbool.h>

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,   /* of a setting, or a word where a value should be */
    TOKEN_STRING, /* with its quotes */
    TOKEN_INTEGER,
    TOKEN_FLOAT,
    TOKEN_BOOL,
    TOKEN_EQUALS, /* '=' or ':' */
    TOKEN_COMMA,
    TOKEN_SEMICOLON,
    TOKEN_OPEN_GROUP,
    TOKEN_CLOSE_GROUP,
    TOKEN_OPEN_LIST,
    TOKEN_CLOSE_LIST,
    TOKEN_OPEN_ARRAY,
    TOKEN_CLOSE_ARRAY,
    TOKEN_INCLUDE, /* text: the name of the file with its quotes */
};

struct token {
    enum token_kind kind;
    struct text text;
    int64_t integer; /* TOKEN_INTEGER */
    struct config_where where;
};

struct scan {
    struct text rest;
    const char *file;
    unsigned line;
    struct problems *problems;
    size_t order; /* place of what is found now */
};

/* The next token; TOKEN_END at the end. Tells what is wrong on the way and goes on behind it. */
struct token scan_next(struct scan *s);
/* Whether T is valid UTF-8 without control characters. */
bool scan_is_plain(struct text t);
