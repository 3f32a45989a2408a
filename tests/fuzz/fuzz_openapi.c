/* SPDX-License-Identifier: MIT */
/* A document out of any bytes, as callers of several routes read it: what comes out is JSON, not
 * much longer than what went in, and wants nothing that it does not define any more. Read once
 * more, by a caller of a gateway in front of this one, it is the same. */
#include "policy/openapi.h"

#include "base/json_grammar.h"
#include "base/json_text.h"
#include "policy/head.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())
#define DEPTH           100
#define SCHEMES         64 /* that are told apart */

/* All but the field that WRITTEN names. */
static bool passes(const void *written, struct text field) {
    return !text_equal_nocase(field, text_of(written));
}

static const struct openapi_view views[] = {
    {.host = {"localhost:8080", 14},
     .route = {"/churn", 6},
     .scoring = {"/api/v1/service/s/score", 23},
     .swagger = {"/api/v1/service/s/swagger.json", 30},
     .methods = METHOD_GET | METHOD_POST,
     .passes = passes,
     .context = "Authorization"},
    {.route = {"/", 1},
     .scoring = {"/score", 6},
     .swagger = {"/swagger.json", 13},
     .methods = METHOD_POST,
     .passes = passes,
     .context = "x-functions-key"},
    {.host = {"[::1]", 5},
     .route = {"/a\"b", 4},
     .scoring = {"/", 1},
     .swagger = {"/swagger.json", 13},
     .subpaths = true,
     .methods = METHOD_PUT | METHOD_PATCH | METHOD_DELETE | METHOD_OPTIONS,
     .passes = passes,
     .context = "api-key"},
};

/* A character becomes an escape of six at most; the shortest path has some bytes of its own, and
 * the route goes before it. */
static size_t bound(size_t size) {
    return 16 * size + 512;
}

static struct text schemes_of(struct text root) {
    if (json_text_member(root, "swagger").len)
        return json_text_member(root, "securityDefinitions");
    return json_text_member(json_text_member(root, "components"), "securitySchemes");
}

static bool has_member(struct text object, struct text name) {
    struct text inside = json_text_inside(object);
    struct json_part part;
    while (json_text_next(&inside, &part))
        if (text_equal(part.name, name))
            return true;
    return false;
}

/* No alternative of the security of VALUE names SCHEME. */
static void check_security(struct text value, struct text scheme) {
    struct text alternatives = json_text_inside(json_text_member(value, "security"));
    struct json_part one;
    while (json_text_next(&alternatives, &one))
        MUST(!json_text_is_object(one.value) || !has_member(one.value, scheme));
}

static void check_paths(struct text root, struct text scheme) {
    struct text paths = json_text_inside(json_text_member(root, "paths"));
    struct json_part path, operation;
    while (json_text_next(&paths, &path)) {
        struct text item = json_text_inside(path.value);
        if (text_starts(path.name, TEXT("\"x-")) || !json_text_is_object(path.value))
            continue;
        while (json_text_next(&item, &operation))
            if (json_text_says(operation.name, "post") || json_text_says(operation.name, "get") ||
                json_text_says(operation.name, "put"))
                check_security(operation.value, scheme);
    }
}

/* Returns how many schemes FROM has. */
static size_t check_schemes(struct text from, struct text to) {
    struct text inside = json_text_inside(schemes_of(from));
    struct json_part scheme;
    size_t n = 0;
    while (json_text_is_object(schemes_of(from)) && json_text_next(&inside, &scheme)) {
        n++;
        if (has_member(schemes_of(to), scheme.name))
            continue;
        check_security(to, scheme.name);
        check_paths(to, scheme.name);
    }
    return n;
}

static void check_again(struct text once, const struct openapi_view *v) {
    struct openapi_view local = *v;
    struct buf swagger, twice;
    buf_init(&swagger, 128);
    buf_init(&twice, bound(once.len));
    if (!text_equal(v->route, TEXT("/")))
        buf_add_text(&swagger, v->route);
    buf_add_string(&swagger, "/swagger.json");
    local.scoring = v->route;
    local.swagger = buf_text(&swagger);
    if (openapi_rewrite(once, &local, &twice)) /* false: no path was left */
        MUST(buf_ok(&twice) && text_equal(buf_text(&twice), once));
    buf_done(&twice);
    buf_done(&swagger);
}

static void rewrite(struct text t, const struct openapi_view *v) {
    struct buf into;
    buf_init(&into, bound(t.len));
    if (!openapi_rewrite(t, v, &into)) {
        MUST(into.len == 0 && buf_ok(&into));
        buf_done(&into);
        return;
    }
    struct text to = buf_text(&into);
    MUST(buf_ok(&into) && json_is_valid(to, DEPTH) && json_text_is_object(to));
    size_t schemes = check_schemes(json_trim(t), to);
    if (!v->subpaths && schemes <= SCHEMES)
        check_again(to, v);
    buf_done(&into);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (size_t i = 0; i < ARRAY_LEN(views); i++)
        rewrite((struct text){(const char *)data, size}, &views[i]);
    return 0;
}
