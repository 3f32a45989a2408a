/* SPDX-License-Identifier: MIT */
/* An intrusive, circular, doubly linked list. The head is a node of its own; a node that is in no
 * list points at itself, so that list_remove() may be called on it at any time. Owns nothing. */
#pragma once

#include "base/macros.h"

#include <stdbool.h>

struct list {
    struct list *prev, *next;
};

static inline void list_init(struct list *node) {
    node->prev = node->next = node;
}

static inline bool list_empty(const struct list *head) {
    return head->next == head;
}

static inline void list_insert_after(struct list *place, struct list *node) {
    node->prev = place;
    node->next = place->next;
    place->next->prev = node;
    place->next = node;
}

static inline void list_push_front(struct list *head, struct list *node) {
    list_insert_after(head, node);
}

static inline void list_push_back(struct list *head, struct list *node) {
    list_insert_after(head->prev, node);
}

static inline void list_remove(struct list *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* Takes the first node out of the list, or returns NULL. */
static inline struct list *list_pop_front(struct list *head) {
    if (list_empty(head))
        return NULL;
    struct list *node = head->next;
    list_remove(node);
    return node;
}

/* Moves all nodes of FROM, in order, to the empty head INTO. */
static inline void list_take_all(struct list *into, struct list *from) {
    list_init(into);
    if (list_empty(from))
        return;
    *into = *from;
    into->next->prev = into;
    into->prev->next = into;
    list_init(from);
}

#define list_entry(node, type, member) container_of(node, type, member)

/* Visits each node; the visited one may be removed. */
#define list_each(node, tmp, head)                                                                 \
    for (struct list *node = (head)->next, *tmp = node->next; node != (head);                      \
         node = tmp, tmp = node->next)
