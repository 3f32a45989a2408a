/* SPDX-License-Identifier: MIT */
/* A path out of any bytes: what is found hangs together, and what is handed on of the path does not
 * climb out of the route, however often a server decodes it. */
#include "policy/route.h"

#include "policy/percent.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())

static const struct {
    struct text path;
    bool subpaths;
} routes[] = {
    {{"/score", 6}, true}, {{"/score/exact", 12}, false}, {{"/a", 2}, false}, {{"/a/b", 4}, true},
    {{"/", 1}, true},
};
enum { ROUTE_COUNT = sizeof routes / sizeof routes[0] };

static struct route_table *make_table(void) {
    struct route_table *t = route_table_new();
    MUST(t);
    for (unsigned i = 0; i < ROUTE_COUNT; i++)
        MUST(route_table_add(t, routes[i].path, routes[i].subpaths, i));
    return t;
}

/* Decodes T once, in place. */
static void decode(char *at, size_t *len) {
    struct text t = {at, *len};
    size_t out = 0;
    for (size_t i = 0; i < t.len; i++) {
        int byte = t.at[i] == '%' ? percent_byte(t, i + 1) : -1;
        at[out++] = byte >= 0 ? (char)byte : t.at[i];
        i += byte >= 0 ? 2 : 0;
    }
    *len = out;
}

/* No segment of the decoded rest is a dot segment, and it has as many as the raw one. */
static void check_decoded(struct text t, size_t slashes) {
    size_t seen = 0;
    while (t.len) {
        size_t end = text_find(t, '/');
        struct text segment = {t.at, end};
        segment.len = text_find(segment, ';');
        MUST(!text_equal(segment, TEXT(".")) && !text_equal(segment, TEXT("..")));
        MUST(text_find(segment, '\\') == segment.len);
        seen += end < t.len;
        t = text_skip(t, end + 1);
    }
    MUST(seen == slashes);
}

static void check_rest(struct text rest) {
    char *copy = malloc(rest.len + 1);
    MUST(copy);
    memcpy(copy, rest.at, rest.len);
    size_t len = rest.len, slashes = 0;
    for (size_t i = 0; i < rest.len; i++) {
        slashes += rest.at[i] == '/';
        MUST(i == 0 || rest.at[i] != '/' || rest.at[i - 1] != '/');
    }
    for (int times = 0; times < 4; times++) {
        check_decoded((struct text){copy, len}, slashes);
        decode(copy, &len);
    }
    free(copy);
}

static void check_match(struct text path, const struct route_match *m) {
    MUST(m->index < ROUTE_COUNT);
    struct text prefix = routes[m->index].path;
    if (prefix.len == 1)
        prefix.len = 0;
    MUST(text_starts(path, prefix));
    if (m->target == ROUTE_SWAGGER) {
        MUST(m->rest.len == 0 && text_equal(text_skip(path, prefix.len), TEXT("/swagger.json")));
    } else if (m->rest.len == 0) {
        MUST(text_equal(path, routes[m->index].path));
    } else {
        MUST(routes[m->index].subpaths && m->rest.at[0] == '/');
        MUST(m->rest.at == path.at + prefix.len && m->rest.len == path.len - prefix.len);
        check_rest(m->rest);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct route_table *table;
    if (!table)
        table = make_table();
    struct text path = {(const char *)data, size};
    struct route_match m;
    if (route_table_find(table, path, &m))
        check_match(path, &m);
    (void)route_table_nearest(table, path);

    if (!route_path_valid(path))
        return 0;
    struct route_table *own = route_table_new();
    MUST(own && route_table_add(own, path, true, 7));
    MUST(route_table_find(own, path, &m) && m.index == 7 && m.rest.len == 0);
    route_table_free(&own);
    return 0;
}
