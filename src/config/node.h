/* SPDX-License-Identifier: MIT */
/* A configuration as a tree of named values, each with its place: what libconfig makes of a text,
 * without libconfig's types. */
#pragma once

#include "base/macros.h"
#include "base/text.h"
#include "config/problem.h"
#include "config/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum node_type { NODE_GROUP, NODE_LIST, NODE_STRING, NODE_INTEGER, NODE_FLOAT, NODE_BOOL };

struct node {
    enum node_type type;
    const char *name; /* NULL in a list */
    struct place place;
    struct text raw;    /* numbers: as they were written */
    const char *string; /* NODE_STRING */
    int64_t integer;    /* NODE_INTEGER, NODE_BOOL */
    struct node *children;
    size_t count;
};

/* The member of that name, or NULL; also NULL if GROUP is NULL or no group. */
const struct node *node_member(const struct node *group, const char *name);

/* Whether the two say the same, whatever the order of keys in a group; both may be NULL. */
bool node_same(const struct node *a, const struct node *b);

/* Owns the nodes of a text. */
struct tree;

/* The tree of a text that has passed grammar_check(), or NULL if libconfig finds something wrong
 * with it all the same; that is told to the problems of S. Nodes point into S. */
struct tree *tree_new(const struct source *s) MUST_CHECK;
const struct node *tree_root(const struct tree *t);
/* Wipes and frees (NULL is fine); sets *T to NULL. */
void tree_free(struct tree **t);
