/* SPDX-License-Identifier: MIT */
/* A value out of any query: it holds no NUL, is never longer than what it stood as, and is the one
 * that stays when it is written again. */
#include "policy/query.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text query = {(const char *)data, size};
    struct buf value, again, copy;
    buf_init(&value, size + 1);
    buf_init(&again, 3 * size + 16);
    buf_init(&copy, size + 1);
    if (query_value(query, TEXT("route"), &value)) {
        MUST(value.len <= size && text_find(buf_text(&value), '\0') == value.len);
        buf_add_string(&again, "route=");
        for (size_t i = 0; i < value.len; i++)
            buf_addf(&again, "%%%02x", (unsigned)(unsigned char)value.at[i]);
        MUST(query_value(buf_text(&again), TEXT("route"), &copy));
        MUST(text_equal(buf_text(&copy), buf_text(&value)));
    }
    buf_done(&value);
    buf_done(&again);
    buf_done(&copy);
    return 0;
}
