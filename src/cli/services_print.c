/* SPDX-License-Identifier: MIT */
/* The three forms of cli/services_print.h. */
#include "cli/services_print.h"

#include "base/json.h"
#include "cli/table.h"
#include "config/load.h"
#include "policy/route.h"

#include <stdlib.h>

#define TEXT_MAX       (64 * 1024 * 1024)
#define PATH_MAX_BYTES 1024

bool services_print_table(const struct services *s, FILE *out) {
    static const char *const headings[] = {"NAME", "KIND",        "STATE",
                                           "AUTH", "SCORING URI", "SWAGGER URI"};
    struct table t;
    table_init(&t, headings, ARRAY_LEN(headings));
    for (size_t i = 0; i < s->count; i++) {
        const struct azure_service *one = &s->list[i];
        table_add(&t, text_of(one->name));
        table_add(&t, text_of(one->kind));
        table_add(&t, text_of(one->state));
        table_add(&t, text_of(azure_auth_word(one->auth)));
        table_add(&t, text_of(one->scoring_uri));
        table_add(&t, text_of(one->swagger_uri));
    }
    bool ok = table_print(&t, out);
    table_done(&t);
    return ok;
}

static void add_member(struct buf *b, const char *name, const char *value) {
    buf_addf(b, "%s\"%s\":", b->at[b->len - 1] == '{' ? "" : ",", name);
    if (value)
        json_add_string(b, text_of(value));
    else
        buf_add_string(b, "null");
}

bool services_print_json(const struct services *s, FILE *out) {
    struct buf b;
    buf_init(&b, TEXT_MAX);
    buf_add_char(&b, '[');
    for (size_t i = 0; i < s->count && buf_ok(&b); i++) {
        const struct azure_service *one = &s->list[i];
        buf_add_string(&b, i ? ",\n{" : "\n{");
        add_member(&b, "name", one->name);
        add_member(&b, "generation", i < s->online ? "v2" : "v1");
        add_member(&b, "kind", one->kind);
        add_member(&b, "state", one->state);
        add_member(&b, "auth", azure_auth_word(one->auth));
        add_member(&b, "scoring_uri", one->scoring_uri);
        add_member(&b, "swagger_uri", one->swagger_uri);
        buf_add_char(&b, '}');
    }
    buf_add_string(&b, s->count ? "\n]\n" : "]\n");
    bool ok = buf_ok(&b);
    if (ok)
        fwrite(b.at, 1, b.len, out);
    buf_done(&b);
    return ok;
}

/* "/NAME", with "-2", "-3", … if a web service is called like an endpoint that came before. */
static bool write_path(struct buf *path, const char *name, struct route_table *taken) {
    for (unsigned n = 1; n < 1000; n++) {
        buf_clear(path);
        buf_addf(path, n == 1 ? "/%s" : "/%s-%u", name, n);
        if (!buf_ok(path) || !route_path_valid(buf_text(path)))
            return false;
        if (route_table_add(taken, buf_text(path), /* subpaths= */ false, n))
            return true;
    }
    return false;
}

static void add_setting(struct buf *b, const char *before, const char *name, const char *value) {
    buf_addf(b, "%s%s = ", before, name);
    config_quote(b, text_of(value));
    buf_add_char(b, ';');
}

static void write_route(struct buf *b, struct text path, const struct azure_service *service,
                        bool online, const struct services_place *place) {
    buf_add_string(b, "  {\n    path = ");
    config_quote(b, path);
    buf_addf(b, ";\n    %s = {", online ? "online_endpoint" : "web_service");
    add_setting(b, " ", "subscription", place->named->subscription);
    add_setting(b, "\n      ", "resource_group", place->named->resource_group);
    add_setting(b, " ", "workspace", place->named->workspace);
    add_setting(b, " ", "name", service->name);
    buf_add_string(b, " };\n");
    add_setting(b, "    ", "identity", place->identity->name);
    if (service->scoring_uri && strncasecmp(service->scoring_uri, "http://", 7) == 0)
        buf_add_string(b, "\n    # Its scoring URI is http: key and data can be read on the way.\n"
                          "    #allow_insecure_upstream = true;");
    buf_add_string(b, "\n  }");
}

bool services_print_routes(const struct services *s, const struct services_place *place,
                           FILE *out) {
    struct buf b, path;
    struct route_table *taken = route_table_new();
    buf_init(&b, TEXT_MAX);
    buf_init(&path, PATH_MAX_BYTES);
    buf_add_string(&b, "routes = (\n");
    const char *before = "";
    for (size_t i = 0; taken && i < s->count; i++) {
        if (!write_path(&path, s->list[i].name, taken)) {
            fprintf(stderr, "scoregate services: the name of service %zu can be no path\n", i + 1);
            continue;
        }
        buf_add_string(&b, before);
        write_route(&b, buf_text(&path), &s->list[i], i < s->online, place);
        before = ",\n";
    }
    buf_add_string(&b, "\n);\n");
    bool ok = taken && buf_ok(&b);
    if (ok)
        fwrite(b.at, 1, b.len, out);
    buf_done(&b);
    buf_done(&path);
    route_table_free(&taken);
    return ok;
}
