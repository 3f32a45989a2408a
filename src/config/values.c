/* SPDX-License-Identifier: MIT */
/* Numbers, strings and lists of strings. */
#include "config/values.h"

#include "base/nearest.h"
#include "config/expect.h"
#include "config/file.h"

#include <stdlib.h>
#include <sys/types.h>

_Static_assert(sizeof(enum log_level) == sizeof(unsigned) &&
                   sizeof(enum log_format) == sizeof(unsigned) &&
                   sizeof(enum config_auth_type) == sizeof(unsigned) &&
                   sizeof(enum config_identity_type) == sizeof(unsigned) &&
                   sizeof(enum config_cloud) == sizeof(unsigned),
               "value_choice() writes an unsigned");

#define METHODS_MAX 5

void value_bool(struct fill *f, const struct option *option, const struct node *node, void *field) {
    if (node->type == NODE_BOOL)
        *(bool *)field = node->integer != 0;
    else
        expect_type(f, option, node);
}

void value_number(struct fill *f, const struct option *option, const struct node *node,
                  void *field) {
    uint64_t n = (uint64_t)node->integer;
    if (node->type != NODE_INTEGER || node->integer < 0 || n < option->min || n > option->max)
        expect_type(f, option, node);
    else if (option->type == OPTION_SIZE)
        *(uint64_t *)field = n;
    else if (option->type == OPTION_MS)
        *(usec_t *)field = (usec_t)n * USEC_PER_MS;
    else if (option->type == OPTION_PORT)
        *(uint16_t *)field = (uint16_t)n;
    else
        *(unsigned *)field = (unsigned)n;
}

void value_number_or(struct fill *f, const struct option *option, const struct node *node,
                     void *field) {
    if (node->type == NODE_STRING || node->type == NODE_GROUP)
        value_choice(f, option, node, field);
    else
        value_number(f, option, node, field);
}

void fill_no_memory(struct fill *f) {
    f->problems->out_of_memory = true;
}

char *fill_copy(struct fill *f, struct text t) {
    char *copy = text_dup(t);
    if (!copy)
        fill_no_memory(f);
    return copy;
}

const char *fill_plain(struct fill *f, const struct option *option, const struct node *node) {
    if (node->type != NODE_STRING || scan_is_plain(text_of(node->string)))
        return node->string;
    fill_complain(f, node,
                  "%s: a control character, or bytes that are not UTF-8 (a backslash is written "
                  "\\\\)",
                  option_key(option).name);
    return NULL;
}

const char *fill_string(struct fill *f, const struct option *option, const struct node *node) {
    const struct node *env = node_member(node, "env");
    const char *plain = fill_plain(f, option, env ? env : node);
    if (node->type == NODE_STRING || (env && env->type == NODE_STRING && !plain))
        return plain;
    if (!env || node->count != 1 || env->type != NODE_STRING) {
        expect_type(f, option, node);
        return NULL;
    }
    const char *value = getenv(env->string);
    if (!value)
        fill_complain(f, env, "%s: the environment has no %s", option_key(option).name,
                      env->string);
    else if (!scan_is_plain(text_of(value)))
        fill_complain(f, env,
                      "%s: %s of the environment holds a control character or bytes that are not "
                      "UTF-8",
                      option_key(option).name, env->string);
    else
        return value;
    return NULL;
}

/* The environment's values may be secret. */
static void refuse(struct fill *f, const struct option *option, const struct node *node,
                   const char *string, const char *meant) {
    expect_string(f, option, node, node->type == NODE_STRING ? string : "***", meant);
}

void value_choice(struct fill *f, const struct option *option, const struct node *node,
                  void *field) {
    const char *names[8];
    size_t count = 0;
    const char *string = fill_string(f, option, node);
    if (!string)
        return;
    for (const struct option_choice *c = option->choices; c->name; c++) {
        if (strcmp(c->name, string) == 0) {
            *(unsigned *)field = c->value;
            return;
        }
        names[count++] = c->name;
    }
    refuse(f, option, node, string, nearest(text_of(string), names, count));
}

static char *read_string(struct fill *f, const struct option *option, const struct node *node) {
    const char *string = fill_string(f, option, node);
    if (string && option->valid(text_of(string)))
        return fill_copy(f, text_of(string));
    if (string)
        refuse(f, option, node, string, NULL);
    return NULL;
}

void value_string(struct fill *f, const struct option *option, const struct node *node,
                  void *field) {
    *(char **)field = read_string(f, option, node);
}

char *fill_path(struct fill *f, const struct node *node, const char *name) {
    char *path = file_beside(node->place.where.file, name);
    if (!path)
        fill_no_memory(f);
    return path;
}

void value_file(struct fill *f, const struct option *option, const struct node *node, void *field) {
    const char *name = fill_string(f, option, node);
    if (name && *name)
        *(char **)field = fill_path(f, node, name);
    else if (name)
        refuse(f, option, node, name, NULL);
}

const struct node *value_elements(const struct node *node, size_t *count) {
    *count = node->type == NODE_LIST ? node->count : 1;
    return node->type == NODE_LIST ? node->children : node;
}

void value_strings(struct fill *f, const struct option *option, const struct node *node,
                   char ***field, size_t *count) {
    size_t n;
    const struct node *elements = value_elements(node, &n);
    char **strings = calloc(n + 1, sizeof *strings);
    if (!strings) {
        fill_no_memory(f);
        return;
    }
    for (size_t i = 0; i < n; i++)
        strings[i] = read_string(f, option, &elements[i]);
    *field = strings;
    *count = n;
}

void value_numbers(struct fill *f, const struct option *option, const struct node *node,
                   unsigned **field, size_t *count) {
    size_t n;
    const struct node *elements = value_elements(node, &n);
    unsigned *numbers = calloc(n + 1, sizeof *numbers);
    if (!numbers) {
        fill_no_memory(f);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        value_number(f, option, &elements[i], &numbers[i]);
        for (size_t k = 0; numbers[i] && k < i; k++)
            if (numbers[k] == numbers[i])
                fill_complain(f, &elements[i], "%s: %u is here for the second time",
                              option_key(option).name, numbers[i]);
    }
    *field = numbers;
    *count = n;
}

void value_methods(struct fill *f, const struct option *option, const struct node *node,
                   void *field) {
    static const char *const names[METHODS_MAX] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    size_t n;
    const struct node *elements = value_elements(node, &n);
    unsigned set = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name = fill_string(f, option, &elements[i]);
        size_t known = 0;
        while (name && known < METHODS_MAX && strcmp(names[known], name) != 0)
            known++;
        if (name && known < METHODS_MAX)
            set |= method_lookup(text_of(name));
        else if (name)
            refuse(f, option, &elements[i], name, nearest(text_of(name), names, METHODS_MAX));
    }
    if (n == 0)
        expect_type(f, option, node);
    *(unsigned *)field = set & METHOD_GET ? set | METHOD_HEAD : set;
}

void value_mode(struct fill *f, const struct option *option, const struct node *node, void *field) {
    const char *string = fill_string(f, option, node);
    if (!string)
        return;
    size_t n = strspn(string, "01234567");
    unsigned long mode = strtoul(string, NULL, 8);
    if (n < 3 || n > 4 || string[n] || mode > option->max)
        refuse(f, option, node, string, NULL);
    else
        *(mode_t *)field = (mode_t)mode;
}
