/* SPDX-License-Identifier: MIT */
/* Prints the table of the configuration's keys, one per line, with tabs between: group, key, and
 * what the manual has to say about type, range and default. tests/checks/docs compares. */
#include "config/options.h"

#include <inttypes.h>
#include <stdio.h>

static const char *type_name(const struct option *o) {
    switch (o->type) {
    case OPTION_BOOL:
        return "true or false";
    case OPTION_NUMBER:
    case OPTION_NUMBER_OR:
    case OPTION_PORT:
        return "number";
    case OPTION_SIZE:
        return "bytes";
    case OPTION_MS:
        return "milliseconds";
    case OPTION_CHOICE:
        return "one of";
    case OPTION_STRING:
        return "string";
    case OPTION_FILE:
        return "file";
    case OPTION_STRINGS:
        return "list of strings";
    case OPTION_NUMBERS:
        return "list of numbers";
    case OPTION_METHODS:
        return "list of methods";
    case OPTION_MODE:
        return "mode";
    case OPTION_UNIXGROUP:
        return "group of the system";
    case OPTION_CLIENTS:
        return "list of networks";
    case OPTION_USERS:
        return "list of users";
    case OPTION_SECRET:
        return "secret";
    case OPTION_URI:
    case OPTION_PROXY:
        return "URI";
    case OPTION_BASE_URL:
        return "URL";
    case OPTION_TIME:
        return "time or file";
    case OPTION_HEADERS:
        return "group of strings";
    case OPTION_GROUP:
    case OPTION_CORS:
        return "group";
    case OPTION_GROUP_LIST:
        return "list of groups";
    case OPTION_GROUP_MAP:
        return "group of groups";
    }
    return "?";
}

/* An empty group or list as a default says nothing. */
static bool is_empty(const char *initial) {
    return strcmp(initial, "{ }") == 0 || strcmp(initial, "[ ]") == 0 ||
           strcmp(initial, "( )") == 0;
}

int main(void) {
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        printf("%s\t%s\t(%s", option_group_name(o->group), o->name, type_name(o));
        if (o->max && o->type != OPTION_MODE)
            printf(" from %" PRIu64 " to %" PRIu64, o->min, o->max);
        for (const struct option_choice *c = o->choices; c && c->name; c++)
            printf("%s \"%s\"",
                   c > o->choices                ? ","
                   : o->type == OPTION_NUMBER_OR ? " or"
                                                 : "",
                   c->name);
        if (o->required)
            fputs("; required", stdout);
        else if (o->initial && !is_empty(o->initial))
            printf("; default %s", o->initial);
        puts(")");
    }
    return 0;
}
