/* SPDX-License-Identifier: MIT */
/* Any bytes as an answer: the reader stays inside them, and what it accepts is what it says. The
 * first byte chooses how the rest is cut into pieces, and whether the request was a HEAD. */
#include "upstream/answer.h"

#include "base/parse.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_head(const struct answer *a) {
    assert(a->status >= 200 && a->status <= 599);
    for (size_t i = 0; i < a->line_count; i++) {
        assert(parse_is_token(a->lines[i].name));
        assert(parse_is_field_value(a->lines[i].value));
    }
    assert(!(a->chunked && a->length != ANSWER_NO_LENGTH));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1)
        return 0;
    size_t step = (size_t)(data[0] >> 1) + 1, n = size - 1, at = 0, body = 0;
    char *bytes = malloc(n + 1);
    static struct answer a;
    if (!bytes)
        return 0;
    memcpy(bytes, data + 1, n);
    answer_begin(&a, data[0] & 1);
    while (at < n && (a.state == ANSWER_HEAD || a.state == ANSWER_BODY)) {
        size_t end = at + step < n ? at + step : n;
        while (at < end && (a.state == ANSWER_HEAD || a.state == ANSWER_BODY)) {
            bool in_head = a.state == ANSWER_HEAD;
            char *out = bytes + at;
            size_t taken = answer_feed(&a, bytes + at, end - at, &out);
            assert(taken <= end - at);
            assert(out >= bytes + at && out <= bytes + at + taken);
            body += in_head ? 0 : (size_t)(out - (bytes + at));
            assert(taken > 0 || a.state == ANSWER_BAD || a.state == ANSWER_DONE);
            at += taken;
            if (in_head && (a.state == ANSWER_BODY || a.state == ANSWER_DONE))
                check_head(&a);
        }
    }
    if (a.state == ANSWER_DONE && a.length != ANSWER_NO_LENGTH && !a.no_body)
        assert(body == a.length);
    (void)answer_end(&a);
    free(bytes);
    return 0;
}
