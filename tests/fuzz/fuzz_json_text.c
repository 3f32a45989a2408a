/* SPDX-License-Identifier: MIT */
/* The walk through a JSON document of any bytes: with the blanks, commas and colons between them
 * the parts of each value are all of it, and they say what the tree of the same document says. */
#include "base/json.h"
#include "base/json_grammar.h"
#include "base/json_text.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())
#define LEVELS          32

static void must_say(struct text string, struct text what) {
    struct buf b;
    buf_init(&b, string.len);
    MUST(json_text_string(string, &b) && text_equal(buf_text(&b), what));
    buf_done(&b);
}

static bool has_escape(struct text name) {
    return text_find(name, '\\') < name.len;
}

/* A member of OBJECT, whose nodes hang on NODE, is found under its name; the first one, if it
 * stands there twice, of which the tree knows nothing then. */
static void check_member(struct text object, const struct json *node, const struct json_part *part,
                         const struct json *here) {
    char *name = text_dup((struct text){part->name.at + 1, part->name.len - 2});
    MUST(name);
    struct text found = json_text_member(object, name);
    MUST(found.at && found.at <= part->value.at);
    MUST(json_text_says(part->name, name));
    const struct json *in_tree = node ? json_member(node, name) : NULL;
    if (in_tree && !has_escape(part->name) && found.at == part->value.at)
        MUST(in_tree == here);
    free(name);
}

/* Between two parts stands what parts them, and no byte of theirs. */
static void check_between(const char *from, const char *to) {
    for (; from < to; from++)
        MUST(strchr(" \t\r\n,:", *from) && *from);
}

static void walk(struct text value, const struct json *node, unsigned levels);

static void walk_inside(struct text value, const struct json *node, unsigned levels) {
    bool object = json_text_is_object(value);
    struct text inside = json_text_inside(value);
    const char *at = inside.at, *end = inside.at + inside.len;
    const struct json *here = object ? json_first_member(node) : json_first(node);
    struct json_part part;
    MUST(levels > 0);
    while (json_text_next(&inside, &part)) {
        if (object) {
            check_between(at, part.name.at);
            at = part.name.at + part.name.len;
            check_member(value, node, &part, here);
            if (here)
                must_say(part.name, json_name(here));
        }
        MUST(json_text_is_string(part.name) == object);
        check_between(at, part.value.at);
        at = part.value.at + part.value.len;
        MUST(at <= end && !node == !here);
        walk(part.value, here, levels - 1);
        here = node ? json_next(here) : NULL;
    }
    check_between(at, end);
    MUST(!here && part.value.len == 0);
}

static void walk(struct text value, const struct json *node, unsigned levels) {
    struct text said;
    MUST(json_is_valid(value, levels) && text_equal(json_trim(value), value));
    if (node) {
        MUST(json_text_is_object(value) == json_is_object(node));
        MUST(json_text_is_array(value) == json_is_array(node));
        MUST(json_text_is_string(value) == json_string(node, &said));
        if (json_text_is_string(value))
            must_say(value, said);
    }
    if (json_text_is_object(value) || json_text_is_array(value))
        walk_inside(value, node, levels);
    else
        MUST(json_text_inside(value).len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text t = json_trim((struct text){(const char *)data, size});
    if (!json_is_valid(t, LEVELS))
        return 0;
    struct json *document = json_parse(t, LEVELS); /* NULL: surrogates that do not pair up */
    walk(t, document, LEVELS);
    json_free(&document);
    return 0;
}
