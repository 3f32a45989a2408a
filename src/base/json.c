/* SPDX-License-Identifier: MIT */
/* JSON for base/json.h: the only file that knows cJSON. cJSON takes more than RFC 8259 allows (raw
 * control characters, numbers like 01 and 1., any byte below 0x21 as a blank, \u0000 that cuts its
 * string short), so a document passes the strict grammar of base/json_grammar.h before cJSON may
 * build its tree. */
#include "base/json.h"

#include "base/json_grammar.h"
#include "base/utf8.h"

#include <cJSON.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* --- writing -------------------------------------------------------------------------------- */

static void add_escape(struct buf *b, uint32_t code) {
    static const char hex[] = "0123456789abcdef";
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *hit = code < 0x80 ? strchr(plain, (int)code) : NULL;
    if (hit) {
        buf_add(b, (char[]){'\\', letters[hit - plain]}, 2);
    } else {
        char digits[6] = "\\u";
        for (unsigned i = 0; i < 4; i++)
            digits[2 + i] = hex[code >> (12 - 4 * i) & 15];
        buf_add(b, digits, sizeof digits);
    }
}

void json_add_string(struct buf *b, struct text t) {
    buf_add_char(b, '"');
    while (t.len) {
        size_t n = utf8_plain(t);
        buf_add(b, t.at, n);
        t = text_skip(t, n);
        if (t.len == 0)
            break;
        uint32_t code = 0;
        n = utf8_next(t, &code);
        add_escape(b, code ? code : 0xfffd);
        t = text_skip(t, n ? n : 1);
    }
    buf_add_char(b, '"');
}

/* --- the tree --------------------------------------------------------------------------------- */

/* cJSON's memory, which remembers its size in order to be wiped: a tree may hold tokens, also one
 * that is given up half way. */
struct block {
    _Alignas(max_align_t) size_t size;
    _Alignas(max_align_t) char bytes[];
};

static void *allocate(size_t size) {
    struct block *block = size < SIZE_MAX / 2 ? malloc(sizeof *block + size) : NULL;
    if (!block)
        return NULL;
    block->size = size;
    return block->bytes;
}

static void wipe_and_free(void *bytes) {
    if (!bytes)
        return;
    struct block *block = container_of(bytes, struct block, bytes);
    explicit_bzero(block->bytes, block->size);
    free(block);
}

static void use_own_memory(void) {
    cJSON_InitHooks(&(cJSON_Hooks){allocate, wipe_and_free});
}

struct json *json_parse(struct text t, unsigned max_depth) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    /* cJSON writes a global on each parse. */
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    t = json_trim(t);
    if (!json_is_valid(t, max_depth < CJSON_NESTING_LIMIT ? max_depth : CJSON_NESTING_LIMIT))
        return NULL;
    pthread_once(&once, use_own_memory);
    pthread_mutex_lock(&lock);
    cJSON *root = cJSON_ParseWithLength(t.at, t.len);
    pthread_mutex_unlock(&lock);
    return (struct json *)root;
}

static const cJSON *item_of(const struct json *value) {
    return (const cJSON *)value;
}

void json_free(struct json **document) {
    cJSON_Delete((cJSON *)*document);
    *document = NULL;
}

const struct json *json_member(const struct json *value, const char *name) {
    const cJSON *hit = NULL;
    if (!json_is_object(value))
        return NULL;
    for (const cJSON *item = item_of(value)->child; item; item = item->next) {
        if (strcmp(item->string, name) != 0)
            continue;
        if (hit)
            return NULL;
        hit = item;
    }
    return (const struct json *)hit;
}

const struct json *json_first(const struct json *array) {
    return json_is_array(array) ? (const struct json *)item_of(array)->child : NULL;
}

const struct json *json_first_member(const struct json *object) {
    return json_is_object(object) ? (const struct json *)item_of(object)->child : NULL;
}

const struct json *json_next(const struct json *element) {
    return element ? (const struct json *)item_of(element)->next : NULL;
}

struct text json_name(const struct json *member) {
    return text_of(item_of(member)->string);
}

bool json_is_array(const struct json *value) {
    return cJSON_IsArray(item_of(value));
}

bool json_is_object(const struct json *value) {
    return cJSON_IsObject(item_of(value));
}

bool json_string(const struct json *value, struct text *string) {
    if (!cJSON_IsString(item_of(value)))
        return false;
    *string = text_of(item_of(value)->valuestring);
    return true;
}

bool json_number(const struct json *value, double *number) {
    if (!cJSON_IsNumber(item_of(value)) || !isfinite(item_of(value)->valuedouble))
        return false;
    *number = item_of(value)->valuedouble;
    return true;
}

bool json_bool(const struct json *value, bool *flag) {
    if (!cJSON_IsBool(item_of(value)))
        return false;
    *flag = cJSON_IsTrue(item_of(value));
    return true;
}

bool json_is_null(const struct json *value) {
    return !value || cJSON_IsNull(item_of(value));
}
