/* SPDX-License-Identifier: MIT */
/* Looking keys up in the table of config/option_table.c. */
#include "config/options.h"

#include "base/nearest.h"

const char *option_group_name(enum option_group group) {
    static const char *const names[] = {[OPTIONS_TOP] = "",
                                        [OPTIONS_LISTEN] = "listen",
                                        [OPTIONS_ADMIN] = "admin",
                                        [OPTIONS_LIMITS] = "limits",
                                        [OPTIONS_LOG] = "log",
                                        [OPTIONS_TLS] = "tls",
                                        [OPTIONS_ROUTE] = "routes",
                                        [OPTIONS_BACKEND] = "backends",
                                        [OPTIONS_RETRY] = "retry",
                                        [OPTIONS_BREAKER] = "breaker",
                                        [OPTIONS_AUTH] = "auth",
                                        [OPTIONS_CORS] = "cors",
                                        [OPTIONS_IDENTITY] = "identities",
                                        [OPTIONS_AZURE] = "azure",
                                        [OPTIONS_ONLINE_ENDPOINT] = "online_endpoint",
                                        [OPTIONS_WEB_SERVICE] = "web_service",
                                        [OPTIONS_KEY_VAULT] = "secret"};
    return names[group];
}

const struct option *option_find(enum option_group group, struct text name) {
    for (size_t i = 0; i < option_count; i++)
        if (option_table[i].group == group && text_equal(text_of(option_table[i].name), name))
            return &option_table[i];
    return NULL;
}

enum option_group option_elsewhere(enum option_group group, struct text name) {
    for (size_t i = 0; i < option_count; i++)
        if (option_table[i].group != group && text_equal(text_of(option_table[i].name), name))
            return option_table[i].group;
    return OPTION_GROUPS;
}

const char *option_misnamed(enum option_group group, struct text name) {
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        if (o->group == group && o->misnamed && text_equal(text_of(o->misnamed), name))
            return o->name;
    }
    return NULL;
}

const char *option_choice_name(const struct option *option, unsigned value) {
    for (const struct option_choice *c = option->choices; c->name; c++)
        if (c->value == value)
            return c->name;
    return NULL;
}

const char *option_nearest(enum option_group group, struct text name) {
    const char *names[OPTIONS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < option_count; i++)
        if (option_table[i].group == group)
            names[count++] = option_table[i].name;
    return nearest(name, names, count);
}
