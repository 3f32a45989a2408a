/* SPDX-License-Identifier: MIT */
/* Looking into a tree of nodes. */
#include "config/node.h"

const struct node *node_member(const struct node *group, const char *name) {
    for (size_t i = 0; group && group->type == NODE_GROUP && i < group->count; i++)
        if (strcmp(group->children[i].name, name) == 0)
            return &group->children[i];
    return NULL;
}

/* Whether the values of two nodes of one type without children are the same. */
static bool same_value(const struct node *a, const struct node *b) {
    switch (a->type) {
    case NODE_STRING:
        return strcmp(a->string, b->string) == 0;
    case NODE_FLOAT:
        return text_equal(a->raw, b->raw);
    case NODE_INTEGER:
    case NODE_BOOL:
        return a->integer == b->integer;
    case NODE_GROUP:
    case NODE_LIST:
        break;
    }
    return true;
}

bool node_same(const struct node *a, const struct node *b) {
    if (!a || !b)
        return a == b;
    if (a->type != b->type || a->count != b->count || !same_value(a, b))
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct node *child = &a->children[i];
        if (!node_same(child,
                       a->type == NODE_GROUP ? node_member(b, child->name) : &b->children[i]))
            return false;
    }
    return true;
}
