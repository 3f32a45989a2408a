/* SPDX-License-Identifier: MIT */
/* The header rules of policy/forward.h. */
#include "policy/forward.h"

/* Azure's scoring servers answer 431 to longer ids. */
#define REQUEST_ID_MAX 100

static bool begins(struct text name, struct text prefix) {
    return name.len >= prefix.len && text_equal_nocase((struct text){name.at, prefix.len}, prefix);
}

/* The rules for names that are in no table. */
static bool is_private_name(struct text name) {
    return text_find(name, '_') != name.len || begins(name, TEXT("x-ms-")) ||
           begins(name, TEXT("x-forwarded-"));
}

bool forward_up(const struct field_line *line, const struct head *h) {
    if (field_rules(line->id) & (FIELD_HOP | FIELD_NEVER_UP))
        return false;
    if (line->id == FIELD_OTHER && is_private_name(line->name))
        return false;
    if (line->id == FIELD_X_REQUEST_ID && line->value.len > REQUEST_ID_MAX)
        return false;
    return !h->connection_lists || !connection_names(h->fields, h->field_count, line->name);
}

bool forward_down(const struct field_line *line, const struct field_line *lines, size_t n) {
    return !(field_rules(line->id) & (FIELD_HOP | FIELD_NEVER_DOWN)) &&
           !connection_names(lines, n, line->name);
}
