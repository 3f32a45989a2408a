/* SPDX-License-Identifier: MIT */
/* The rewriting of policy/openapi.h: one pass to learn, one to write. */
#include "policy/openapi.h"

#include "base/json.h"
#include "base/json_grammar.h"
#include "base/json_text.h"
#include "policy/head.h"

/* How deep a document may be, and how many security schemes are told apart. */
#define DEPTH_MAX   100
#define SCHEMES_MAX 64
/* The longest string of a document that is compared with anything. */
#define STRING_MAX 8192

struct document {
    const struct openapi_view *view;
    struct buf *out;
    struct text root;
    bool v2;
    struct buf base;               /* what stands before each of its paths in the endpoint's */
    struct buf string;             /* the last one that was read */
    struct buf whole, local;       /* the last path, as the endpoint and as the caller knows it */
    struct text gone[SCHEMES_MAX]; /* names of the schemes that the caller need not know, as they
                                      are written */
    size_t gone_count;
    bool secured; /* something is left of the security of the whole document */
};

/* Reading */

/* What STRING says, until the next call; empty if it is none. */
static struct text read_string(struct document *d, struct text string) {
    buf_clear(&d->string);
    if (!json_text_string(string, &d->string))
        buf_clear(&d->string);
    return buf_text(&d->string);
}

static bool read_version(struct document *d) {
    d->v2 = text_starts(read_string(d, json_text_member(d->root, "swagger")), TEXT("2."));
    return d->v2 || text_starts(read_string(d, json_text_member(d->root, "openapi")), TEXT("3."));
}

static struct text first_of(struct text array) {
    struct json_part part;
    struct text inside = json_text_inside(array);
    if (!json_text_is_array(array) || !json_text_next(&inside, &part))
        return (struct text){0};
    return part.value;
}

/* The path of a server's URL, which may be a relative one. */
static struct text path_of(struct text url) {
    for (size_t i = 0; i + 2 < url.len; i++) {
        if (url.at[i] != ':' || url.at[i + 1] != '/' || url.at[i + 2] != '/')
            continue;
        url = text_skip(url, i + 3);
        return text_skip(url, text_find(url, '/'));
    }
    return url;
}

static bool ends(struct text t, struct text end) {
    return t.len >= end.len && text_equal(text_skip(t, t.len - end.len), end);
}

static void read_base(struct document *d) {
    struct text base;
    if (d->v2)
        base = read_string(d, json_text_member(d->root, "basePath"));
    else
        base = path_of(read_string(
            d, json_text_member(first_of(json_text_member(d->root, "servers")), "url")));
    while (ends(base, TEXT("/")))
        base.len--;
    if (base.len && base.at[0] == '/')
        buf_add_text(&d->base, base);
}

/* The path that the document calls PATH, at the endpoint, until the next call. */
static struct text at_endpoint(struct document *d, struct text path) {
    buf_clear(&d->whole);
    buf_add_text(&d->whole, buf_text(&d->base));
    buf_add_text(&d->whole, path);
    return buf_ok(&d->whole) ? buf_text(&d->whole) : TEXT("");
}

/* Whether PATH, as the endpoint sees it, is reached through the route; REST: what the caller writes
 * behind the path of that. */
static bool is_scored(const struct document *d, struct text path, struct text *rest) {
    struct text scoring = d->view->scoring;
    *rest = (struct text){0};
    if (text_equal(path, scoring))
        return true;
    while (ends(scoring, TEXT("/")))
        scoring.len--;
    *rest = text_skip(path, scoring.len);
    return d->view->subpaths && text_starts(path, scoring) && text_starts(*rest, TEXT("/"));
}

/* Makes the base such that one of the paths is the scoring URI's. The longest end of it that is a
 * path will do: then something between here and the endpoint cuts the rest off. */
static bool fit_base(struct document *d) {
    struct text inside = json_text_inside(json_text_member(d->root, "paths"));
    struct text scoring = d->view->scoring;
    struct json_part part;
    struct text rest;
    size_t longest = 0;
    bool exact = false;
    while (json_text_next(&inside, &part)) {
        struct text path = read_string(d, part.name);
        exact |= path.len && is_scored(d, at_endpoint(d, path), &rest);
        if (path.len > 1 && path.at[0] == '/' && path.len > longest && ends(scoring, path))
            longest = path.len;
    }
    if (!exact) {
        buf_clear(&d->base);
        buf_add_text(&d->base, (struct text){scoring.at, scoring.len - longest});
    }
    return exact || longest;
}

/* Security */

static bool is_gone(struct document *d, struct text scheme) {
    static const struct text ours[] = {TEXT("basic"), TEXT("http"), TEXT("oauth2"),
                                       TEXT("openIdConnect"), TEXT("mutualTLS")};
    struct text type = read_string(d, json_text_member(scheme, "type"));
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (text_equal(type, ours[i]))
            return true;
    if (!text_equal(type, TEXT("apiKey")))
        return false;
    struct text in = json_text_member(scheme, "in");
    if (json_text_says(in, "cookie"))
        return true;
    return json_text_says(in, "header") &&
           !d->view->passes(d->view->context, read_string(d, json_text_member(scheme, "name")));
}

static struct text schemes_of(const struct document *d) {
    if (d->v2)
        return json_text_member(d->root, "securityDefinitions");
    return json_text_member(json_text_member(d->root, "components"), "securitySchemes");
}

static void read_schemes(struct document *d) {
    struct text inside = json_text_inside(schemes_of(d));
    struct json_part part;
    while (d->gone_count < SCHEMES_MAX && json_text_next(&inside, &part))
        if (is_gone(d, part.value))
            d->gone[d->gone_count++] = part.name;
}

static bool is_left(const struct document *d, struct text name) {
    for (size_t i = 0; i < d->gone_count; i++)
        if (text_equal(d->gone[i], name))
            return false;
    return true;
}

/* Whether one of the alternatives of SECURITY wants nothing of the caller. */
static bool is_open(const struct document *d, struct text security) {
    struct text alternatives = json_text_inside(security);
    struct json_part one, scheme;
    bool any = false;
    while (json_text_next(&alternatives, &one)) {
        struct text inside = json_text_inside(one.value);
        bool wants = false;
        while (json_text_next(&inside, &scheme))
            wants |= is_left(d, scheme.name);
        if (!wants)
            return true;
        any = true;
    }
    return !any;
}

/* Writing */

static void add_comma(struct document *d, bool *first) {
    if (!*first)
        buf_add_char(d->out, ',');
    *first = false;
}

static void add_name(struct document *d, struct text name, bool *first) {
    add_comma(d, first);
    buf_add_text(d->out, name);
    buf_add_char(d->out, ':');
}

static void add_member(struct document *d, const struct json_part *part, bool *first) {
    add_name(d, part->name, first);
    buf_add_text(d->out, part->value);
}

/* Begins an object in the place of VALUE, of which *INSIDE is left to walk through. False: that is
 * none, and stays as it is. */
static bool open_object(struct document *d, struct text value, struct text *inside) {
    if (!json_text_is_object(value)) {
        buf_add_text(d->out, value);
        return false;
    }
    buf_add_char(d->out, '{');
    *inside = json_text_inside(value);
    return true;
}

/* Writes a member of an object in its own way, or leaves it out. */
typedef void member_writer(struct document *d, const struct json_part *part, bool *first);

/* The object VALUE, member by member. */
static void add_object(struct document *d, struct text value, member_writer *write) {
    struct text inside;
    struct json_part part;
    bool first = true;
    if (!open_object(d, value, &inside))
        return;
    while (json_text_next(&inside, &part))
        write(d, &part, &first);
    buf_add_char(d->out, '}');
}

/* PART, of which the value is such an object. */
static void add_object_member(struct document *d, const struct json_part *part, bool *first,
                              member_writer *write) {
    add_name(d, part->name, first);
    add_object(d, part->value, write);
}

/* Schemes, by their names. */
static void write_scheme(struct document *d, const struct json_part *part, bool *first) {
    if (is_left(d, part->name))
        add_member(d, part, first);
}

static void add_security(struct document *d, struct text value) {
    struct text inside = json_text_inside(value);
    struct json_part one;
    bool first = true;
    buf_add_char(d->out, '[');
    while (json_text_next(&inside, &one)) {
        add_comma(d, &first);
        add_object(d, one.value, write_scheme);
    }
    buf_add_char(d->out, ']');
}

/* An operation says what it wants only where that is not what the whole document wants. */
static void add_operation_security(struct document *d, const struct json_part *security,
                                   bool *first) {
    bool open = is_open(d, security->value);
    if (open && !d->secured)
        return;
    add_name(d, security->name, first);
    if (open)
        buf_add_string(d->out, "[]");
    else
        add_security(d, security->value);
}

static bool says_one_of(struct text name, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (json_text_says(name, words[i]))
            return true;
    return false;
}

static void write_callback(struct document *d, const struct json_part *part, bool *first);

static void write_operation_member(struct document *d, const struct json_part *part, bool *first) {
    static const char *const elsewhere[] = {"servers", "schemes"};
    if (json_text_says(part->name, "security"))
        add_operation_security(d, part, first);
    else if (json_text_says(part->name, "callbacks"))
        add_object_member(d, part, first, write_callback);
    else if (!says_one_of(part->name, elsewhere, ARRAY_LEN(elsewhere)))
        add_member(d, part, first);
}

/* The method of an operation, or 0: NAME is that of something else. */
static unsigned method_of(struct text name) {
    static const struct {
        const char *name;
        unsigned method;
    } methods[] = {{"get", METHOD_GET},         {"head", METHOD_HEAD},   {"post", METHOD_POST},
                   {"put", METHOD_PUT},         {"patch", METHOD_PATCH}, {"delete", METHOD_DELETE},
                   {"options", METHOD_OPTIONS}, {"trace", ~0U}};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (json_text_says(name, methods[i].name))
            return methods[i].method;
    return 0;
}

/* False: none of its operations can be called. */
static bool add_path_item(struct document *d, struct text value, unsigned methods) {
    struct text inside;
    struct json_part part;
    bool first = true, called = false, any = false;
    if (!open_object(d, value, &inside))
        return true;
    while (json_text_next(&inside, &part)) {
        unsigned method = method_of(part.name);
        any |= method != 0;
        if (method == 0 && !json_text_says(part.name, "servers")) {
            add_member(d, &part, &first);
        } else if (method && (method & methods) == method) {
            called = true;
            add_object_member(d, &part, &first, write_operation_member);
        }
    }
    buf_add_char(d->out, '}');
    return called || !any;
}

/* A path item that is no path of the gateway: of all that it is, only security goes that is not
 * defined any more. */
static void write_item(struct document *d, const struct json_part *part, bool *first) {
    add_name(d, part->name, first);
    (void)add_path_item(d, part->value, ~0U);
}

/* An object of these. */
static void write_callback(struct document *d, const struct json_part *part, bool *first) {
    add_object_member(d, part, first, write_item);
}

/* What the caller writes for PATH, as the endpoint sees it: appended to LOCAL, with the methods
 * that are served there. False: it is out of reach. */
static bool find_local(struct document *d, struct text path, unsigned *methods) {
    struct buf *local = &d->local;
    const struct openapi_view *v = d->view;
    *methods = v->methods | (v->methods & METHOD_GET ? METHOD_HEAD : 0);
    struct text rest;
    bool described = text_equal(path, v->swagger);
    if (!is_scored(d, path, &rest) && !described)
        return false;
    if (described) {
        *methods = METHOD_GET | METHOD_HEAD;
        rest = TEXT("/swagger.json");
    }
    buf_clear(local);
    if (rest.len == 0 || !text_equal(v->route, TEXT("/")))
        buf_add_text(local, v->route);
    buf_add_text(local, rest);
    return true;
}

static void add_path(struct document *d, const struct json_part *part, bool *first) {
    unsigned methods;
    size_t before = d->out->len;
    bool was_first = *first;
    struct text name = read_string(d, part->name), path = at_endpoint(d, name);
    if (name.len && find_local(d, path, &methods) && buf_ok(&d->local)) {
        add_comma(d, first);
        json_add_string(d->out, buf_text(&d->local));
        buf_add_char(d->out, ':');
        if (!add_path_item(d, part->value, methods)) {
            buf_truncate(d->out, before);
            *first = was_first;
        }
    }
}

static void write_path(struct document *d, const struct json_part *part, bool *first) {
    if (text_starts(part->name, TEXT("\"x-")))
        add_member(d, part, first);
    else
        add_path(d, part, first);
}

static void write_component(struct document *d, const struct json_part *part, bool *first) {
    if (json_text_says(part->name, "securitySchemes"))
        add_object_member(d, part, first, write_scheme);
    else if (json_text_says(part->name, "pathItems"))
        add_object_member(d, part, first, write_item);
    else if (json_text_says(part->name, "callbacks"))
        add_object_member(d, part, first, write_callback);
    else
        add_member(d, part, first);
}

/* Where the gateway is. A caller that does not say whom it asks knows that. */
static void add_place(struct document *d) {
    struct text host = d->view->host;
    bool first = false;
    if (!d->v2) {
        add_name(d, TEXT("\"servers\""), &first);
        buf_add_string(d->out, "[{\"url\":");
        buf_clear(&d->whole);
        buf_addf(&d->whole, "%s%.*s", host.len ? "http://" : "/", TEXT_ARG(host));
        json_add_string(d->out, buf_text(&d->whole));
        buf_add_string(d->out, "}]");
        return;
    }
    add_name(d, TEXT("\"schemes\""), &first);
    buf_add_string(d->out, "[\"http\"]");
    if (host.len == 0)
        return;
    add_name(d, TEXT("\"host\""), &first);
    json_add_string(d->out, host);
}

/* How a member of the document that is an object is written; NULL: as it is. */
static member_writer *writer_of(const struct document *d, struct text name) {
    static const struct {
        const char *name;
        bool v2, v3;
        member_writer *write;
    } objects[] = {{"paths", true, true, write_path},
                   {"securityDefinitions", true, false, write_scheme},
                   {"components", false, true, write_component},
                   {"webhooks", false, true, write_item}};
    for (size_t i = 0; i < ARRAY_LEN(objects); i++)
        if ((d->v2 ? objects[i].v2 : objects[i].v3) && json_text_says(name, objects[i].name))
            return objects[i].write;
    return NULL;
}

static bool says_where(const struct document *d, struct text name) {
    static const char *const v2[] = {"host", "basePath", "schemes"}, *const v3[] = {"servers"};
    return d->v2 ? says_one_of(name, v2, ARRAY_LEN(v2)) : says_one_of(name, v3, ARRAY_LEN(v3));
}

static void write_root_member(struct document *d, const struct json_part *part, bool *first) {
    member_writer *write = writer_of(d, part->name);
    bool security = json_text_says(part->name, "security");
    if (says_where(d, part->name) || (security && !d->secured))
        return;
    if (write) {
        add_object_member(d, part, first, write);
    } else if (security) {
        add_name(d, part->name, first);
        add_security(d, part->value);
    } else {
        add_member(d, part, first);
    }
}

static void write_root(struct document *d) {
    struct text inside = json_text_inside(d->root);
    struct json_part part;
    bool first = true;
    buf_add_char(d->out, '{');
    while (json_text_next(&inside, &part))
        write_root_member(d, &part, &first);
    add_place(d);
    buf_add_char(d->out, '}');
}

/* Room for all that is put together on the way, so that nothing but the output can lack memory. */
static bool make_room(struct document *d) {
    struct buf *const all[] = {&d->base, &d->string, &d->whole, &d->local};
    bool ok = true;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        buf_init(all[i], 2 * STRING_MAX);
        ok &= buf_room(all[i], 2 * STRING_MAX) != NULL;
    }
    d->string.max = STRING_MAX;
    return ok;
}

static void give_room(struct document *d) {
    buf_done(&d->base);
    buf_done(&d->string);
    buf_done(&d->whole);
    buf_done(&d->local);
}

static bool rewrite(struct document *d) {
    if (!read_version(d))
        return false;
    read_base(d);
    if (!fit_base(d))
        return false;
    read_schemes(d);
    struct text security = json_text_member(d->root, "security");
    d->secured = json_text_is_array(security) && !is_open(d, security);
    write_root(d);
    return true;
}

bool openapi_rewrite(struct text text, const struct openapi_view *v, struct buf *into) {
    struct document d = {.view = v, .out = into, .root = json_trim(text)};
    if (!json_text_is_object(d.root) || !json_is_valid(d.root, DEPTH_MAX))
        return false;
    bool room = make_room(&d), fits = room && rewrite(&d);
    give_room(&d);
    into->failed |= !room;
    return fits || !room;
}
