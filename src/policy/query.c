/* SPDX-License-Identifier: MIT */
/* The queries of policy/query.h. */
#include "policy/query.h"

#include "policy/percent.h"

static bool decode(struct buf *b, struct text t) {
    for (size_t i = 0; i < t.len; i++) {
        int byte = (unsigned char)t.at[i];
        if (byte == '%') {
            byte = percent_byte(t, i + 1);
            i += 2;
        }
        if (byte <= 0)
            return false;
        buf_add_char(b, (char)byte);
    }
    return buf_ok(b);
}

bool query_value(struct text query, struct text name, struct buf *value) {
    struct text found = {NULL, 0};
    while (query.len) {
        struct text pair = {query.at, text_find(query, '&')};
        size_t equals = text_find(pair, '=');
        query = text_skip(query, pair.len + 1);
        if (!text_equal((struct text){pair.at, equals}, name))
            continue;
        if (found.at || equals == pair.len)
            return false;
        found = text_skip(pair, equals + 1);
    }
    return found.at && decode(value, found);
}
