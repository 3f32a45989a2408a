/* SPDX-License-Identifier: MIT */
/* The tables of cli/table.h. */
#include "cli/table.h"

#include "cli/visible.h"

#include <assert.h>

#define CELLS_MAX (16 * 1024 * 1024)
#define GAP       2

enum { CELL = 'c', NOTE = 'n' };

void table_init(struct table *t, const char *const *headings, size_t columns) {
    assert(columns <= TABLE_COLUMNS_MAX);
    *t = (struct table){.columns = columns};
    buf_init(&t->cells, CELLS_MAX);
    for (size_t i = 0; i < columns; i++)
        table_add(t, text_of(headings[i]));
}

void table_done(struct table *t) {
    buf_done(&t->cells);
}

void table_add(struct table *t, struct text cell) {
    buf_add_char(&t->cells, CELL);
    size_t width = visible_add(&t->cells, cell.len ? cell : TEXT("-"));
    buf_add_char(&t->cells, '\0');
    if (width > t->widths[t->at])
        t->widths[t->at] = width;
    t->at = (t->at + 1) % t->columns;
}

void table_note(struct table *t, struct text note) {
    assert(t->at == 0);
    buf_add_char(&t->cells, NOTE);
    visible_add(&t->cells, note);
    buf_add_char(&t->cells, '\0');
}

static size_t width_of(const char *cell) {
    size_t width = 0;
    for (; *cell; cell++)
        width += ((unsigned char)*cell & 0xc0) != 0x80;
    return width;
}

bool table_print(const struct table *t, FILE *out) {
    struct text rest = buf_text(&t->cells);
    size_t column = 0;
    if (!buf_ok(&t->cells))
        return false;
    while (rest.len) {
        const char *cell = rest.at + 1;
        bool last = column + 1 == t->columns;
        if (rest.at[0] == NOTE) {
            fprintf(out, "%*s%s\n", GAP, "", cell);
        } else {
            size_t pad = t->widths[column] - width_of(cell) + GAP;
            fprintf(out, "%s%*s", cell, last ? 0 : (int)pad, "");
            if (last)
                fputc('\n', out);
            column = last ? 0 : column + 1;
        }
        rest = text_skip(rest, strlen(rest.at) + 1);
    }
    return true;
}
