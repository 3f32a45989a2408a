/* SPDX-License-Identifier: MIT */
/* A log line out of any bytes: a format, a message and values that are separated by 0xfe. Whatever
 * they hold, one line comes out that no control character leaves, and in JSON it is an object. */
#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())
#define FIELDS_MAX      16
#define SEPARATOR       '\xfe'

static enum log_format format;
static bool seen;

static void check_json(struct text line) {
    struct text text;
    struct json *document = json_parse(line, 1);
    MUST(json_is_object(document));
    MUST(json_string(json_member(document, "time"), &text) && text.len == 24);
    MUST(json_string(json_member(document, "level"), &text) && text_equal(text, TEXT("info")));
    MUST(json_string(json_member(document, "message"), &text) && text.len <= 3 * LOG_VALUE_MAX);
    json_free(&document);
}

static void check(enum log_level level, const char *line, size_t len) {
    MUST(!seen && level == LOG_LEVEL_INFO);
    seen = true;
    MUST(len > 0 && len <= LOG_LINE_MAX && line[len - 1] == '\n');
    for (struct text t = {line, len - 1}; t.len;) {
        uint32_t code = 0;
        size_t n = utf8_next(t, &code);
        MUST(n > 0 && !utf8_is_control(code));
        t = text_skip(t, n);
    }
    if (format == LOG_FORMAT_JSON)
        check_json((struct text){line, len});
}

/* Takes one part off the front of REST. */
static struct text take(struct text *rest) {
    size_t end = text_find(*rest, SEPARATOR);
    struct text part = {rest->at, end};
    *rest = text_skip(*rest, end + 1);
    return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct log_field fields[FIELDS_MAX];
    size_t n = 0;
    if (size == 0)
        return 0;
    struct text rest = {(const char *)data + 1, size - 1}, message = take(&rest);
    format = (enum log_format)(data[0] % 3);
    for (; rest.len && n < FIELDS_MAX; n++)
        fields[n] = LOG_TEXT(n == 0 ? "odd \"name\"\n" : "key", take(&rest));
    char *terminated = calloc(message.len + 1, 1);
    MUST(terminated);
    if (message.len)
        memcpy(terminated, message.at, message.len);
    log_setup(LOG_LEVEL_INFO, format, check);
    seen = false;
    log_write(LOG_LEVEL_INFO, terminated, fields, n);
    MUST(seen);
    free(terminated);
    return 0;
}
