/* SPDX-License-Identifier: MIT */
/* Looking into a tree of nodes. */
#include "config/node.h"

const struct node *node_member(const struct node *group, const char *name) {
    for (size_t i = 0; group && group->type == NODE_GROUP && i < group->count; i++)
        if (strcmp(group->children[i].name, name) == 0)
            return &group->children[i];
    return NULL;
}
