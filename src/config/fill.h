/* SPDX-License-Identifier: MIT */
/* From the tree of a text to the structures of config/config.h, by the table of config/options.h:
 * unknown keys are told, values read and checked, defaults filled in, then each group is checked as
 * a whole. */
#pragma once

#include "config/node.h"
#include "config/options.h"
#include "config/source.h"

#include <limits.h>

/* The value of a choice that was not read, which has been told; see begin_group(). */
#define CHOICE_UNREAD UINT_MAX

/* What is known while a configuration is filled. */
struct fill {
    const struct config_load_options *options;
    const struct source *source;
    struct problems *problems;
    struct config *config;
    const struct node *defaults; /* a group of options' defaults per enum option_group */
};

/* The configuration of a tree. What is wrong is told to the problems of SOURCE; then the result is
 * not to be used (and may be NULL). */
struct config *fill_config(const struct node *root, struct source *source,
                           const struct config_load_options *options) MUST_CHECK;

/* Fills the structure at BASE from the group GIVEN: keys that are not given get their default if
 * DEFAULTS says so. */
void fill_group(struct fill *f, enum option_group group, const struct node *given, void *base,
                bool defaults);

/* A problem at NODE: format and values. */
#define fill_complain(f, node, ...) problem_add((f)->problems, (node)->place, __VA_ARGS__)

/* Out of memory: the configuration will not be used. */
void fill_no_memory(struct fill *f);
/* A copy of T, or NULL (and told). The caller owns it. */
char *fill_copy(struct fill *f, struct text t);

/* The string that NODE stands for: its own, or that of the variable in { env = "NAME"; }. NULL, and
 * told, if it stands for none. */
const char *fill_string(struct fill *f, const struct option *option, const struct node *node);

/* The string of NODE as it is, NULL if it is none; also NULL, and told, if it holds what may not
 * stand in a string. */
const char *fill_plain(struct fill *f, const struct option *option, const struct node *node);

/* NAME as a path seen from the file that says it; NULL, and told, when out of memory. The caller
 * owns it. */
char *fill_path(struct fill *f, const struct node *node, const char *name);
