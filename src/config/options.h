/* SPDX-License-Identifier: MIT */
/* The table of all keys: loading, checking, defaults, printing, "did you mean" and the test of the
 * manual follow it. A new key is a row here, a field in config/config.h and an entry in the manual.
 */
#pragma once

#include "base/macros.h"
#include "base/text.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which group of the file a key belongs to, and so which structure its offset counts from. */
enum option_group {
    OPTIONS_TOP,             /* struct config */
    OPTIONS_LISTEN,          /* struct config_listen */
    OPTIONS_ADMIN,           /* struct config_listen */
    OPTIONS_LIMITS,          /* struct config */
    OPTIONS_LOG,             /* struct config */
    OPTIONS_TLS,             /* struct config_tls */
    OPTIONS_ROUTE,           /* struct config_route */
    OPTIONS_BACKEND,         /* struct config_backend */
    OPTIONS_RETRY,           /* struct retry_rules */
    OPTIONS_BREAKER,         /* struct breaker_rules */
    OPTIONS_AUTH,            /* struct config_auth */
    OPTIONS_CORS,            /* struct cors */
    OPTIONS_IDENTITY,        /* struct config_identity */
    OPTIONS_AZURE,           /* struct config_azure */
    OPTIONS_ONLINE_ENDPOINT, /* struct config_named */
    OPTIONS_WEB_SERVICE,     /* struct config_named */
    OPTIONS_KEY_VAULT,       /* struct config_secret */
    OPTION_GROUPS
};

enum option_type {
    OPTION_BOOL,       /* bool */
    OPTION_NUMBER,     /* unsigned, min to max */
    OPTION_NUMBER_OR,  /* the same, or one of choices, written as a string */
    OPTION_SIZE,       /* uint64_t, min to max */
    OPTION_MS,         /* usec_t, written in milliseconds, min to max */
    OPTION_PORT,       /* uint16_t */
    OPTION_CHOICE,     /* an enum or unsigned: one of choices, written as a string */
    OPTION_STRING,     /* char *, checked by valid */
    OPTION_FILE,       /* char *, a path, relative to the file that says it */
    OPTION_STRINGS,    /* char ** and a size_t at count, each checked by valid */
    OPTION_METHODS,    /* unsigned, a set of enum method */
    OPTION_MODE,       /* mode_t, written in octal digits in a string */
    OPTION_UNIXGROUP,  /* gid_t, a name or a number in a string */
    OPTION_CLIENTS,    /* struct access_list, its clients */
    OPTION_USERS,      /* struct access_list, its users */
    OPTION_SECRET,     /* struct config_secret */
    OPTION_URI,        /* struct config_uri */
    OPTION_PROXY,      /* char *, the URL of an egress proxy */
    OPTION_BASE_URL,   /* char *, a URL without a slash at its end, to which paths are added */
    OPTION_TIME,       /* char *, a time as parse_time() takes it, or the path of a file with one */
    OPTION_HEADERS,    /* struct config_header * and a size_t at count */
    OPTION_NUMBERS,    /* unsigned * and a size_t at count, each min to max and there once */
    OPTION_GROUP,      /* a structure with the keys of members */
    OPTION_CORS,       /* struct cors *, NULL if not given, with the keys of members */
    OPTION_GROUP_LIST, /* an array of structures of size bytes and a size_t at count */
    OPTION_GROUP_MAP,  /* the same of groups with names of their own: a char * that each structure
                          begins with */
};

/* What a base URL may be, besides https with a host, a port and a path. */
enum option_url {
    URL_HTTPS,
    URL_HTTP, /* or http */
    URL_HOST, /* no path */
};

struct option_choice {
    const char *name;
    unsigned value;
};

struct option {
    enum option_group group;
    const char *name;
    enum option_type type;
    size_t offset, count;                /* of the field and of its counter in the structure */
    uint64_t min, max;                   /* of numbers */
    const struct option_choice *choices; /* ends with a NULL name */
    bool (*valid)(struct text);          /* of strings */
    const char *expected;                /* what a string has to be, for people */
    enum option_group members;           /* of groups */
    size_t size;                         /* of one element of OPTION_GROUP_LIST */
    enum option_url url;                 /* of base URLs */
    const char *misnamed;                /* what people may call it instead; NULL: nothing */
    bool required;
    bool inherits;       /* keys that this group does not give come from the top level's */
    const char *initial; /* the default as a user would write it; NULL: none */
    const char *doc;     /* one sentence */
};

/* There are never more. */
#define OPTIONS_MAX 192
extern const struct option option_table[];
extern const size_t option_count;

/* What a group is called in messages and in the manual: "limits", "routes", … */
const char *option_group_name(enum option_group group);
/* The row, or NULL. */
const struct option *option_find(enum option_group group, struct text name);
/* The group of another place that knows a key of that name, or OPTION_GROUPS. */
enum option_group option_elsewhere(enum option_group group, struct text name);
/* The key of the group that people may call NAME, or NULL. */
const char *option_misnamed(enum option_group group, struct text name);
/* The choice that stands for VALUE, or NULL. */
const char *option_choice_name(const struct option *option, unsigned value);
/* The key of the group that is spelt most like NAME, or NULL. */
const char *option_nearest(enum option_group group, struct text name);
