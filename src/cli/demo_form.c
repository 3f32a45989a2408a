/* SPDX-License-Identifier: MIT */
/* Pairs, names, values: each decoded once. */
#include "cli/demo_form.h"

#include "policy/percent.h"

/* Longer names are none that anybody wants. */
#define NAME_MAX_LEN 64

/* False if an escape is malformed or NUL; what is too long for INTO only marks it as failed. */
static bool decode(struct text t, struct buf *into) {
    for (size_t i = 0; i < t.len; i++) {
        int byte = t.at[i] == '+' ? ' ' : (unsigned char)t.at[i];
        if (byte == '%') {
            byte = percent_byte(t, i + 1);
            i += 2;
        }
        if (byte <= 0)
            return false;
        buf_add_char(into, (char)byte);
    }
    return true;
}

/* The field of that encoded NAME in *FOUND, NULL if nobody wants it. False if it is malformed. */
static bool find(struct text name, struct demo_field *fields, size_t count,
                 struct demo_field **found) {
    struct buf decoded;
    buf_init(&decoded, NAME_MAX_LEN);
    bool ok = decode(name, &decoded);
    *found = NULL;
    for (size_t i = 0; ok && buf_ok(&decoded) && i < count; i++)
        if (text_equal(buf_text(&decoded), text_of(fields[i].name)))
            *found = &fields[i];
    buf_done(&decoded);
    return ok;
}

static bool read_pair(struct text pair, struct demo_field *fields, size_t count) {
    struct text name = {pair.at, text_find(pair, '=')}, value = text_skip(pair, name.len + 1);
    struct demo_field *field;
    if (!find(name, fields, count, &field))
        return false;
    if (!field)
        return true;
    bool first = !field->given;
    field->given = true;
    return first && decode(value, &field->value) && buf_ok(&field->value);
}

bool demo_form_read(struct text body, struct demo_field *fields, size_t count) {
    for (size_t i = 0; i < count; i++) {
        fields[i].given = false;
        buf_init(&fields[i].value, DEMO_FORM_VALUE_MAX);
    }
    while (body.len) {
        struct text pair = {body.at, text_find(body, '&')};
        if (pair.len && !read_pair(pair, fields, count))
            return false;
        body = text_skip(body, pair.len + 1);
    }
    return true;
}

void demo_form_done(struct demo_field *fields, size_t count) {
    for (size_t i = 0; i < count; i++)
        buf_wipe(&fields[i].value);
}
