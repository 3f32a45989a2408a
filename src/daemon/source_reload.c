/* SPDX-License-Identifier: MIT */
/* From the sources of one configuration to those of the next: what is in both goes on. Nothing here
 * can fail. */
#include "daemon/source.h"

#include <string.h>

static struct source *of(struct list *node) {
    return list_entry(node, struct source, node);
}

/* The one of BEFORE that S is, too. */
static struct source *twin_of(const struct source *s, struct sources *before) {
    list_each (node, next, &before->all) {
        struct source *old = of(node);
        if (old->class == s->class && strcmp(old->key, s->key) == 0 &&
            strcmp(old->kind, s->kind) == 0 && (!s->class->same || s->class->same(old, s)))
            return old;
    }
    return NULL;
}

/* The source that will be there for S. */
static struct source *settled(struct source *s) {
    return s && s->twin ? s->twin : s;
}

/* S needs NEED from now on. */
static void change_need(struct source *s, size_t i, struct source *need) {
    source_unuse(&s->needs[i]);
    if (need)
        source_need(s, i, need);
}

/* OLD points to where NEW does in the configuration, and is called as NEW is. */
static void adopt(struct source *old, struct source *new) {
    char *name = old->name;
    old->name = new->name;
    new->name = name;
    old->identity = new->identity;
    old->secret = new->secret;
    old->named = new->named;
    old->file = new->file;
    old->refresh_by = new->refresh_by;
    for (size_t i = 0; i < SOURCE_NEEDS_MAX; i++) {
        struct source *need = settled(new->needs[i].source);
        source_unuse(&new->needs[i]);
        if (old->needs[i].source == need)
            continue;
        change_need(old, i, need);
        old->outdated = true;
    }
}

/* Those who use NEW use OLD, which takes its place in the list. */
static void replace(struct source *new, struct source *old) {
    list_each (node, next, &new->users) {
        struct source_use *use = list_entry(node, struct source_use, node);
        void (*told)(void *, struct source *) = use->told;
        void *owner = use->owner;
        source_unuse(use);
        source_use(use, old, told, owner);
    }
    list_remove(&old->node);
    list_insert_after(&new->node, &old->node);
    old->all->count--;
    old->all = new->all;
    old->all->count++;
    source_drop(new);
}

static void forget(struct sources *before) {
    list_each (node, next, &before->all)
        for (size_t i = 0; i < SOURCE_NEEDS_MAX; i++)
            source_unuse(&of(node)->needs[i]);
    sources_done(before);
    before->count = 0;
}

void sources_take_over(struct sources *next, struct sources *before, bool fresh) {
    list_each (node, after, &next->all)
        of(node)->twin = twin_of(of(node), before);
    list_each (node, after, &next->all) {
        struct source *s = of(node);
        for (size_t i = 0; !s->twin && i < SOURCE_NEEDS_MAX; i++)
            if (settled(s->needs[i].source) != s->needs[i].source)
                change_need(s, i, settled(s->needs[i].source));
        if (s->twin)
            adopt(s->twin, s);
    }
    list_each (node, after, &next->all) {
        struct source *old = of(node)->twin;
        if (!old)
            continue;
        if (fresh && old->fetch) {
            fetch_cancel(&old->fetch);
            old->outdated = true;
        }
        replace(of(node), old);
    }
    forget(before);
}
