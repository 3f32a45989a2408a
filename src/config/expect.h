/* SPDX-License-Identifier: MIT */
/* Words for a value that is not what its key needs. */
#pragma once

#include "config/fill.h"

/* "auth.header": the name of a key with that of its group. */
struct option_key {
    char name[64];
};
struct option_key option_key(const struct option *option);

/* What the value of OPTION has to be: "a whole number from 1 to 9". The buffer is the caller's. */
void expect_words(const struct option *option, struct buf *into);

/* NODE is of the wrong type, or a number out of its range. */
void expect_type(struct fill *f, const struct option *option, const struct node *node);
/* NODE stands for STRING, which is not such a one. MEANT: what it could be instead, or NULL. */
void expect_string(struct fill *f, const struct option *option, const struct node *node,
                   const char *string, const char *meant);
