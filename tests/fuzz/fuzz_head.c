/* SPDX-License-Identifier: MIT */
/* A request head out of any bytes: what head_check() lets pass keeps its promises, and what is
 * handed on of it holds nothing that must stay behind. Input: see tests/head_text.h. */
#include "policy/forward.h"

#include "../head_text.h"
#include "base/parse.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())

static size_t count_of(const struct head *h, enum field id) {
    size_t n = 0;
    for (size_t i = 0; i < h->field_count; i++)
        n += h->fields[i].id == id;
    return n;
}

static void check_target(const struct head *h) {
    const struct text target = h->target;
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.at[i];
        MUST(c > 0x20 && c < 0x7f && c != '#' && c != '\\');
    }
    MUST(h->path.at == target.at && h->path.len > 0);
    MUST(h->path.at[0] == '/' || (h->method == METHOD_OPTIONS && text_equal(target, TEXT("*"))));
    MUST(text_find(h->path, '?') == h->path.len);
    MUST(h->path.len + (h->query.at ? 1 + h->query.len : 0) == target.len);
}

static void check_framing(const struct head *h) {
    size_t lengths = count_of(h, FIELD_CONTENT_LENGTH);
    size_t codings = count_of(h, FIELD_TRANSFER_ENCODING);
    MUST(lengths + codings <= 1);
    MUST(h->chunked == (codings == 1) && !(h->chunked && h->version == 10));
    MUST((h->content_length != HEAD_NO_LENGTH) == (lengths == 1));
}

static void check_host(const struct head *h) {
    size_t hosts = count_of(h, FIELD_HOST);
    MUST(hosts == 1 || (hosts == 0 && h->version == 10));
    MUST((h->host.at != NULL) == (hosts == 1) && (!h->host.at || h->host.len > 0));
}

static void check_lines(const struct head *h) {
    for (size_t i = 0; i < h->field_count; i++) {
        const struct field_line *line = &h->fields[i];
        MUST(parse_is_token(line->name) && parse_is_field_value(line->value));
        MUST(line->id == field_lookup(line->name));
        MUST(text_equal(line->value, text_trim(line->value)));
        if (field_rules(line->id) & FIELD_SINGLE)
            MUST(count_of(h, line->id) == 1);
    }
}

static void check_forwarding(const struct head *h) {
    for (size_t i = 0; i < h->field_count; i++) {
        const struct field_line *line = &h->fields[i];
        (void)forward_down(line, h->fields, h->field_count);
        if (!forward_up(line, h))
            continue;
        MUST(!(field_rules(line->id) & (FIELD_HOP | FIELD_NEVER_UP)));
        MUST(text_find(line->name, '_') == line->name.len);
        MUST(line->name.len < 14 || strncasecmp(line->name.at, "content-length", 14) != 0);
        MUST(!connection_names(h->fields, h->field_count, line->name));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct head_text t;
    head_text_read(&t, (struct text){(const char *)data, size});
    enum reason why = head_check(&t.head);
    MUST(why == REASON_NONE || (reason_status(why) >= 400 && reason_status(why) <= 501));
    if (why != REASON_NONE)
        return 0;
    MUST(parse_is_token(t.head.method_text));
    check_target(&t.head);
    check_framing(&t.head);
    check_host(&t.head);
    check_lines(&t.head);
    check_forwarding(&t.head);
    return 0;
}
