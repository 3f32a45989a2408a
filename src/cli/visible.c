/* SPDX-License-Identifier: MIT */
/* The texts of cli/visible.h. */
#include "cli/visible.h"

#include "base/utf8.h"

size_t visible_add(struct buf *b, struct text t) {
    size_t width = 0;
    while (t.len) {
        uint32_t code = 0;
        size_t n = utf8_next(t, &code);
        if (n == 0 || utf8_is_control(code))
            buf_add_char(b, '?');
        else
            buf_add(b, t.at, n);
        t = text_skip(t, n ? n : 1);
        width++;
    }
    return width;
}
