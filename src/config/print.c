/* SPDX-License-Identifier: MIT */
/* Printing a configuration in the syntax that it is read in, by the table of options. */
#include "config/check.h"
#include "config/load.h"
#include "config/options.h"
#include "config/print_access.h"
#include "config/uri.h"
#include "config/valid.h"

#include <ctype.h>
#include <inttypes.h>

struct printer {
    struct buf *into;
    unsigned depth;
};

void config_quote(struct buf *into, struct text value) {
    buf_add_char(into, '"');
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if (c == '"' || c == '\\')
            buf_addf(into, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_addf(into, "\\x%02x", c);
        else
            buf_add_char(into, (char)c);
    }
    buf_add_char(into, '"');
}

static void indent(const struct printer *p) {
    for (unsigned i = 0; i < p->depth; i++)
        buf_add_string(p->into, "  ");
}

static void print_group(struct printer *p, enum option_group group, const void *base);

static const void *at(const void *base, size_t offset) {
    return (const char *)base + offset;
}

static void print_number(struct buf *into, const struct option *option, const void *field) {
    uint64_t n = option->type == OPTION_SIZE   ? *(const uint64_t *)field
                 : option->type == OPTION_MS   ? (uint64_t)(*(const usec_t *)field / USEC_PER_MS)
                 : option->type == OPTION_PORT ? *(const uint16_t *)field
                                               : *(const unsigned *)field;
    buf_add_u64(into, n);
    if (n > INT32_MAX)
        buf_add_char(into, 'L');
}

static void print_strings(struct buf *into, char *const *strings, size_t n) {
    buf_add_string(into, "[");
    for (size_t i = 0; i < n; i++) {
        buf_add_string(into, i ? ", " : " ");
        config_quote(into, text_of(strings[i]));
    }
    buf_add_string(into, " ]");
}

static void print_numbers(struct buf *into, const unsigned *numbers, size_t n) {
    buf_add_string(into, "[");
    for (size_t i = 0; i < n; i++)
        buf_addf(into, "%s%u", i ? ", " : " ", numbers[i]);
    buf_add_string(into, " ]");
}

static void print_methods(struct buf *into, unsigned set) {
    static const enum method methods[] = {METHOD_POST, METHOD_GET, METHOD_PUT, METHOD_PATCH,
                                          METHOD_DELETE};
    const char *before = "[ ";
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (set & methods[i]) {
            buf_addf(into, "%s\"%s\"", before, method_name(methods[i]));
            before = ", ";
        }
    buf_add_string(into, " ]");
}

static void print_nested(struct printer *p, enum option_group group, const void *base) {
    buf_add_string(p->into, "{\n");
    p->depth++;
    print_group(p, group, base);
    p->depth--;
    indent(p);
    buf_add_char(p->into, '}');
}

static void print_secret(struct printer *p, const struct config_secret *s) {
    struct buf *into = p->into;
    static const char *const names[] = {
        [SECRET_FILE] = "file", [SECRET_ENV] = "env", [SECRET_CREDENTIAL] = "credential"};
    if (s->kind == SECRET_INLINE) {
        buf_add_string(into, "\"***\"");
        return;
    }
    if (s->kind == SECRET_KEY_VAULT) {
        print_nested(p, OPTIONS_KEY_VAULT, s);
        return;
    }
    buf_addf(into, "{ %s = ", names[s->kind]);
    config_quote(into, text_of(s->source));
    buf_add_string(into, "; }");
}

static void print_masked(struct buf *into, const char *uri) {
    struct buf masked;
    buf_init(&masked, 64 * 1024);
    uri_print(&masked, text_of(uri));
    config_quote(into, buf_text(&masked));
    buf_done(&masked);
}

static void print_headers(struct printer *p, const struct config_header *headers, size_t n) {
    if (n == 0) {
        buf_add_string(p->into, "{ }");
        return;
    }
    buf_add_string(p->into, "{\n");
    p->depth++;
    for (size_t i = 0; i < n; i++) {
        bool secret = valid_is_secret_header(text_of(headers[i].name));
        indent(p);
        buf_addf(p->into, "%s = ", headers[i].name);
        config_quote(p->into, secret ? TEXT("***") : text_of(headers[i].value));
        buf_add_string(p->into, ";\n");
    }
    p->depth--;
    indent(p);
    buf_add_char(p->into, '}');
}

static void print_list(struct printer *p, const struct option *option, const char *array,
                       size_t n) {
    if (n == 0) {
        buf_add_string(p->into, "( )");
        return;
    }
    buf_add_string(p->into, "(\n");
    p->depth++;
    for (size_t i = 0; i < n; i++) {
        indent(p);
        print_nested(p, option->members, array + i * option->size);
        buf_add_string(p->into, i + 1 < n ? ",\n" : "\n");
    }
    p->depth--;
    indent(p);
    buf_add_char(p->into, ')');
}

/* Each structure begins with its name. */
static void print_map(struct printer *p, const struct option *option, const char *array, size_t n) {
    if (n == 0) {
        buf_add_string(p->into, "{ }");
        return;
    }
    buf_add_string(p->into, "{\n");
    p->depth++;
    for (size_t i = 0; i < n; i++) {
        const void *element = array + i * option->size;
        indent(p);
        buf_addf(p->into, "%s = ", *(char *const *)element);
        print_nested(p, option->members, element);
        buf_add_string(p->into, ";\n");
    }
    p->depth--;
    indent(p);
    buf_add_char(p->into, '}');
}

static void print_value(struct printer *p, const struct option *option, const void *base) {
    const void *field = at(base, option->offset);
    const size_t *count = at(base, option->count);
    char *const *string = field;
    switch (option->type) {
    case OPTION_BOOL:
        buf_add_string(p->into, *(const bool *)field ? "true" : "false");
        break;
    case OPTION_NUMBER_OR:
        if (option_choice_name(option, *(const unsigned *)field))
            config_quote(p->into, text_of(option_choice_name(option, *(const unsigned *)field)));
        else
            print_number(p->into, option, field);
        break;
    case OPTION_NUMBER:
    case OPTION_SIZE:
    case OPTION_MS:
    case OPTION_PORT:
        print_number(p->into, option, field);
        break;
    case OPTION_CHOICE:
        config_quote(p->into, text_of(option_choice_name(option, *(const unsigned *)field)));
        break;
    case OPTION_STRING:
    case OPTION_FILE:
    case OPTION_BASE_URL:
    case OPTION_TIME:
        config_quote(p->into, text_of(*string));
        break;
    case OPTION_STRINGS:
        print_strings(p->into, *(char *const *const *)field, *count);
        break;
    case OPTION_NUMBERS:
        print_numbers(p->into, *(unsigned *const *)field, *count);
        break;
    case OPTION_METHODS:
        print_methods(p->into, *(const unsigned *)field);
        break;
    case OPTION_MODE:
        buf_addf(p->into, "\"%04o\"", (unsigned)*(const mode_t *)field);
        break;
    case OPTION_UNIXGROUP:
        print_unix_group(p->into, *(const gid_t *)field);
        break;
    case OPTION_CLIENTS:
        print_clients(p->into, field);
        break;
    case OPTION_USERS:
        print_users(p->into, field);
        break;
    case OPTION_SECRET:
        print_secret(p, field);
        break;
    case OPTION_URI:
        print_masked(p->into, ((const struct config_uri *)field)->text);
        break;
    case OPTION_PROXY:
        print_masked(p->into, *string ? *string : "");
        break;
    case OPTION_HEADERS:
        print_headers(p, *(struct config_header *const *)field, *count);
        break;
    case OPTION_GROUP:
        print_nested(p, option->members, field);
        break;
    case OPTION_CORS:
        print_nested(p, option->members, *(struct cors *const *)field);
        break;
    case OPTION_GROUP_LIST:
        print_list(p, option, *(char *const *)field, *count);
        break;
    case OPTION_GROUP_MAP:
        print_map(p, option, *(char *const *)field, *count);
        break;
    }
}

static bool is_unset(const struct option *option, const void *base);

/* Whether a group was not given: what has to be in it is not. */
static bool lacks_member(enum option_group group, const void *base) {
    for (size_t i = 0; i < option_count; i++)
        if (option_table[i].group == group && option_table[i].required &&
            is_unset(&option_table[i], base))
            return true;
    return false;
}

/* Whether there is nothing to print: a key without a default that was not given. */
static bool is_unset(const struct option *option, const void *base) {
    const void *field = at(base, option->offset);
    switch (option->type) {
    case OPTION_CHOICE:
        return !option_choice_name(option, *(const unsigned *)field);
    case OPTION_URI:
        return !((const struct config_uri *)field)->text;
    case OPTION_GROUP:
        return lacks_member(option->members, field);
    case OPTION_STRING:
    case OPTION_FILE:
    case OPTION_BASE_URL:
    case OPTION_TIME:
    case OPTION_CORS:
        return !*(void *const *)field;
    case OPTION_UNIXGROUP:
        return *(const gid_t *)field == (gid_t)-1;
    case OPTION_METHODS:
        return *(const unsigned *)field == 0;
    case OPTION_SECRET:
        return ((const struct config_secret *)field)->kind == SECRET_NONE;
    default:
        return false;
    }
}

/* A route with a list of backends has no endpoint of its own, and each of the list says itself what
 * it took over from the route. */
static bool belongs_to_route(const struct option *option, const struct config_route *route) {
    const size_t own = offsetof(struct config_route, own);
    bool listed = route->backends != &route->own;
    if (option->offset == offsetof(struct config_route, backends))
        return listed;
    return !listed || option->offset < own || option->offset >= own + sizeof route->own;
}

/* Whether a key of a group has a meaning beside what the group says. */
static bool belongs(const struct option *option, const void *base) {
    if (option->group == OPTIONS_LISTEN || option->group == OPTIONS_ADMIN)
        return check_listener_has(((const struct config_listen *)base)->kind, option->name);
    if (option->group == OPTIONS_ROUTE)
        return belongs_to_route(option, base);
    if (option->group == OPTIONS_IDENTITY)
        return check_identity_has(((const struct config_identity *)base)->type, option->name);
    return true;
}

static void print_group(struct printer *p, enum option_group group, const void *base) {
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        if (option->group != group || !belongs(option, base))
            continue;
        indent(p);
        if (is_unset(option, base)) {
            buf_addf(p->into, "# %s is not set\n", option->name);
            continue;
        }
        buf_addf(p->into, "%s = ", option->name);
        print_value(p, option, base);
        buf_add_string(p->into, ";\n");
    }
}

void config_print(const struct config *c, struct buf *into) {
    struct printer p = {.into = into};
    print_group(&p, OPTIONS_TOP, c);
    if (c->no_proxy) {
        buf_add_string(into, "# no_proxy in the environment is ");
        config_quote(into, text_of(c->no_proxy));
        buf_add_char(into, '\n');
    }
}
