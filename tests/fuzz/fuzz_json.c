/* SPDX-License-Identifier: MIT */
/* A JSON document out of any bytes: what is taken is walked to its last value, and every string of
 * it is written and read again to the same bytes. */
#include "base/json.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())
#define LEVELS          16

static void check_string(struct text string) {
    struct buf b;
    struct text again;
    buf_init(&b, 6 * string.len + 2);
    json_add_string(&b, string);
    MUST(buf_ok(&b));
    struct json *document = json_parse(buf_text(&b), 0);
    MUST(json_string(document, &again) && text_equal(again, string));
    json_free(&document);
    buf_done(&b);
}

static void walk(const struct json *value, unsigned levels) {
    struct text string;
    double number;
    bool array = json_is_array(value), object = json_is_object(value);
    MUST(value);
    MUST(array + object + json_string(value, &string) + json_number(value, &number) <= 1);
    if (json_string(value, &string))
        check_string(string);
    if (object) {
        static const char *const names[] = {"access_token", "expires_in", "value", "a", ""};
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            if (json_member(value, names[i]))
                walk(json_member(value, names[i]), levels - 1);
    }
    MUST(levels > 0 || !array);
    for (const struct json *e = json_first(value); e; e = json_next(e))
        walk(e, levels - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text t = {(const char *)data, size};
    struct json *document = json_parse(t, LEVELS);
    if (document) {
        MUST(text_find(t, '\0') == t.len);
        walk(document, LEVELS);
        json_free(&document);
    }
    return 0;
}
