/* SPDX-License-Identifier: MIT */
/* The table of policy/route.h: entries sorted by length and bytes. A request costs one search for
 * the whole path and, where routes have subpaths, one for each segment boundary that is not beyond
 * the longest of them, so that the length of a hostile path does not matter. */
#include "policy/route.h"

#include "base/nearest.h"
#include "policy/percent.h"

#include <stdlib.h>

/* Longer words have no neighbour worth the search. */
#define NEAREST_WORD_MAX 256

struct entry {
    struct text path; /* "" for "/", so that it is the prefix of everything */
    bool subpaths;
    unsigned index;
};

struct route_table {
    struct entry *entries;
    char **names; /* of the entries, in their order, terminated */
    size_t count;
    size_t longest_with_subpaths;
    bool any_with_subpaths;
};

struct route_table *route_table_new(void) {
    return calloc(1, sizeof(struct route_table));
}

void route_table_free(struct route_table **table) {
    if (!*table)
        return;
    for (size_t i = 0; i < (*table)->count; i++)
        free((*table)->names[i]);
    free((*table)->names);
    free((*table)->entries);
    free(*table);
    *table = NULL;
}

static int compare(struct text a, struct text b) {
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len ? memcmp(a.at, b.at, a.len) : 0;
}

/* The first entry that is not before KEY. */
static size_t place_of(const struct route_table *table, struct text key) {
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(table->entries[middle].path, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct entry *entry_of(const struct route_table *table, struct text key) {
    size_t place = place_of(table, key);
    if (place == table->count || compare(table->entries[place].path, key) != 0)
        return NULL;
    return &table->entries[place];
}

static struct text key_of(struct text path) {
    return path.len == 1 && path.at[0] == '/' ? (struct text){path.at, 0} : path;
}

static bool make_room(struct route_table *table) {
    size_t n = table->count + 1;
    struct entry *entries = realloc(table->entries, n * sizeof *entries);
    if (!entries)
        return false;
    table->entries = entries;
    char **names = realloc(table->names, n * sizeof *names);
    if (!names)
        return false;
    table->names = names;
    return true;
}

bool route_table_add(struct route_table *table, struct text path, bool subpaths, unsigned index) {
    struct text key = key_of(path);
    if (path.len == 0 || entry_of(table, key) || !make_room(table))
        return false;
    char *name = malloc(path.len + 1);
    if (!name)
        return false;
    memcpy(name, path.at, path.len);
    name[path.len] = '\0';
    size_t place = place_of(table, key), behind = table->count - place;
    memmove(&table->entries[place + 1], &table->entries[place], behind * sizeof *table->entries);
    memmove(&table->names[place + 1], &table->names[place], behind * sizeof *table->names);
    table->entries[place] = (struct entry){{name, key.len}, subpaths, index};
    table->names[place] = name;
    table->count++;
    if (subpaths) {
        table->any_with_subpaths = true;
        if (key.len > table->longest_with_subpaths)
            table->longest_with_subpaths = key.len;
    }
    return true;
}

/* The byte that T, not empty, begins with, and in *WIDTH how many bytes it takes. */
static unsigned char decoded(struct text t, size_t *width) {
    int byte = t.at[0] == '%' ? percent_byte(t, 1) : -1;
    *width = byte < 0 ? 1 : 3;
    return byte < 0 ? (unsigned char)t.at[0] : (unsigned char)byte;
}

/* How much of an escape the decoded bytes up to C make, after *LENGTH. True when it is whole: then
 * the path was encoded twice. */
static bool completes_escape(unsigned *length, char c) {
    if (c == '%')
        *length = 1;
    else if (*length && text_hex_digit(c) >= 0)
        ++*length;
    else
        *length = 0;
    return *length == 3;
}

/* Whether LEAD and NEXT begin an overlong form of UTF-8, in which lax decoders find dots and
 * slashes. */
static bool is_overlong(unsigned char lead, unsigned char next) {
    return lead == 0xc0 || lead == 0xc1 || (lead == 0xe0 && next >= 0x80 && next < 0xa0) ||
           (lead == 0xf0 && next >= 0x80 && next < 0x90) ||
           (lead == 0xf8 && next >= 0x80 && next < 0x88) ||
           (lead == 0xfc && next >= 0x80 && next < 0x84);
}

/* Reads the segment that REST begins with and moves behind the slash that ends it. False if some
 * server could read it as something else: a dot segment (parameters behind ';' do not hide it), one
 * with a slash or backslash inside, one that decoding leaves encoded. */
static bool take_segment(struct text *rest) {
    size_t plain = 0, dots = 0, width;
    unsigned escape = 0;
    bool parameters = false;
    unsigned char lead = 0;
    for (; rest->len && rest->at[0] != '/'; *rest = text_skip(*rest, width)) {
        unsigned char c = decoded(*rest, &width);
        if (c == '/' || c == '\\' || is_overlong(lead, c) || completes_escape(&escape, (char)c))
            return false;
        lead = c;
        parameters = parameters || c == ';';
        if (parameters)
            continue;
        if (c == '.')
            dots++;
        else
            plain++;
    }
    *rest = text_skip(*rest, 1);
    return !is_overlong(lead, 0) && (plain > 0 || dots < 1 || dots > 2);
}

/* Whether the path means the same to everyone. */
static bool is_plain(struct text path) {
    if (path.len == 0 || path.at[0] != '/')
        return false;
    struct text rest = text_skip(path, 1);
    while (rest.len)
        if (!take_segment(&rest))
            return false;
    return true;
}

static bool has_empty_segment(struct text t) {
    return t.len >= 2 && memmem(t.at, t.len, "//", 2) != NULL;
}

/* The longest route with subpaths that PATH lies below. */
static const struct entry *find_below(const struct route_table *table, struct text path) {
    if (!table->any_with_subpaths)
        return NULL;
    size_t at = path.len - 1;
    if (at > table->longest_with_subpaths)
        at = table->longest_with_subpaths;
    for (;; at--) {
        if (path.at[at] == '/') {
            const struct entry *e = entry_of(table, (struct text){path.at, at});
            if (e && e->subpaths)
                return e;
        }
        if (at == 0)
            return NULL;
    }
}

bool route_table_find(const struct route_table *table, struct text path,
                      struct route_match *match) {
    if (!is_plain(path))
        return false;
    const struct entry *e = entry_of(table, key_of(path));
    if (e) {
        *match = (struct route_match){e->index, ROUTE_SCORE, {path.at + path.len, 0}};
        return true;
    }
    const struct text swagger = TEXT("/swagger.json");
    if (path.len >= swagger.len) {
        struct text begin = {path.at, path.len - swagger.len};
        if (text_equal(text_skip(path, begin.len), swagger) && (e = entry_of(table, begin))) {
            *match = (struct route_match){e->index, ROUTE_SWAGGER, {path.at + path.len, 0}};
            return true;
        }
    }
    e = find_below(table, path);
    if (!e || has_empty_segment(text_skip(path, e->path.len)))
        return false;
    *match = (struct route_match){e->index, ROUTE_SCORE, text_skip(path, e->path.len)};
    return true;
}

const char *route_table_nearest(const struct route_table *table, struct text path) {
    if (path.len > NEAREST_WORD_MAX)
        return NULL;
    return nearest(path, (const char *const *)table->names, table->count);
}

static bool is_pchar(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~!$&'()*+,;=:@", c));
}

bool route_path_valid(struct text path) {
    if (!is_plain(path) || has_empty_segment(path) ||
        (path.len > 1 && path.at[path.len - 1] == '/'))
        return false;
    for (size_t i = 0; i < path.len; i++) {
        if (path.at[i] == '%') {
            if (percent_byte(path, i + 1) < 0)
                return false;
            i += 2;
        } else if (path.at[i] != '/' && !is_pchar(path.at[i])) {
            return false;
        }
    }
    return true;
}
