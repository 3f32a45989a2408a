/* SPDX-License-Identifier: MIT */
/* A table for people: cells in columns as wide as they need, and notes that belong to a row. What
 * would act on a terminal is shown as "?", since cells may come from elsewhere. */
#pragma once

#include "base/buf.h"
#include "base/text.h"

#include <stdio.h>

#define TABLE_COLUMNS_MAX 9

struct table {
    size_t columns, at; /* of the cell that comes next */
    size_t widths[TABLE_COLUMNS_MAX];
    struct buf cells; /* each behind a byte that says what it is, ended by a NUL */
};

/* A table whose first row is HEADINGS. */
void table_init(struct table *t, const char *const *headings, size_t columns);
void table_done(struct table *t);
/* The next cell of the row; an empty one shows as "-". */
void table_add(struct table *t, struct text cell);
/* A line of its own beneath the row that is complete. */
void table_note(struct table *t, struct text note);
/* False: out of memory, and nothing is printed. */
bool table_print(const struct table *t, FILE *out);
