/* SPDX-License-Identifier: MIT */
/* From the options of scoregate try to a configuration. Whether they make sense is for
 * config_load() to say. */
#include "cli/try_config.h"

#include "cli/local.h"
#include "policy/route.h"

struct text try_path(const char *scoring_uri) {
    struct text path = text_of(scoring_uri);
    const char *authority = strstr(scoring_uri, "://");
    if (authority)
        path = text_of(authority + 3);
    path.len = text_find(path, '#');
    path.len = text_find(path, '?');
    path = text_skip(path, text_find(path, '/'));
    while (path.len > 1 && path.at[path.len - 1] == '/')
        path.len--;
    return path.len > 1 && route_path_valid(path) ? path : TEXT("/score");
}

static void add_auth(const struct try_options *o, struct buf *config) {
    if (!o->key_file && !o->key_env)
        return;
    buf_add_string(config, "auth = { type = \"key\"; primary = { ");
    if (o->key_file)
        local_add_string(config, "file", text_of(o->key_file));
    else
        local_add_string(config, "env", text_of(o->key_env));
    buf_add_string(config, "}; };\n");
}

static void add_cors(const struct try_options *o, struct buf *config) {
    if (o->origin_count == 0)
        return;
    buf_add_string(config, "cors = { origins = [ ");
    for (size_t i = 0; i < o->origin_count; i++) {
        if (i > 0)
            buf_add_string(config, ", ");
        config_quote(config, text_of(o->origins[i]));
    }
    buf_add_string(config, " ]; };\n");
}

void try_write_config(const struct try_options *o, struct buf *config) {
    local_add_settings(config, o->port, "warning");
    buf_add_string(config, "routes = ( {\n");
    local_add_string(config, "path", try_path(o->scoring_uri));
    local_add_string(config, "scoring_uri", text_of(o->scoring_uri));
    local_add_string(config, "default_content_type", TEXT("application/json"));
    add_auth(o, config);
    add_cors(o, config);
    if (o->ca_file) {
        buf_add_string(config, "tls = { ");
        local_add_string(config, "ca_file", text_of(o->ca_file));
        buf_add_string(config, "};\n");
    }
    if (o->allow_insecure_upstream)
        buf_add_string(config, "allow_insecure_upstream = true;\n");
    buf_add_string(config, "} );\n");
}
