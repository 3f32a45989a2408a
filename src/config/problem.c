/* SPDX-License-Identifier: MIT */
/* The list of problems, as config/problem.h says, and the list of errors that callers see. */
#include "config/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* More are never shown, see config_error(). */
#define PROBLEMS_MAX 1000
#define ERRORS_MAX   100
#define ERRORS_BYTES (256 * 1024)

void problem_add(struct problems *p, struct place place, const char *format, ...) {
    if (p->count == PROBLEMS_MAX)
        return;
    if (p->count == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 16;
        struct problem *list = reallocarray(p->list, capacity, sizeof *list);
        if (!list) {
            p->out_of_memory = true;
            return;
        }
        p->list = list;
        p->capacity = capacity;
    }
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int n = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (n < 0) {
        p->out_of_memory = true;
        return;
    }
    p->list[p->count] = (struct problem){.place = place, .sequence = p->count, .text = text};
    p->count++;
}

bool problems_any(const struct problems *p) {
    return p->count > 0 || p->out_of_memory;
}

static int by_place(const void *a, const void *b) {
    const struct problem *x = a, *y = b;
    if (x->place.order != y->place.order)
        return x->place.order < y->place.order ? -1 : 1;
    return x->sequence < y->sequence ? -1 : 1;
}

void problems_tell(const struct problems *p, struct config_errors *errors) {
    if (p->count)
        qsort(p->list, p->count, sizeof *p->list, by_place);
    for (size_t i = 0; i < p->count; i++)
        config_error(errors, p->list[i].place.where, "%s", p->list[i].text);
    errors->out_of_memory |= p->out_of_memory;
    if (p->out_of_memory)
        config_error(errors, (struct config_where){"", 0}, "out of memory");
}

void problems_done(struct problems *p) {
    for (size_t i = 0; i < p->count; i++)
        free(p->list[i].text);
    free(p->list);
    *p = (struct problems){0};
}

void config_errors_init(struct config_errors *e) {
    buf_init(&e->text, ERRORS_BYTES);
    e->count = 0;
    e->out_of_memory = false;
}

void config_errors_done(struct config_errors *e) {
    buf_done(&e->text);
    e->count = 0;
}

void config_error(struct config_errors *e, struct config_where where, const char *format, ...) {
    if (e->count == ERRORS_MAX)
        return;
    if (where.file && *where.file && where.line)
        buf_addf(&e->text, "%s:%u: ", where.file, where.line);
    else if (where.file && *where.file)
        buf_addf(&e->text, "%s: ", where.file);
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int n = vasprintf(&text, format, arguments);
    va_end(arguments);
    buf_add_string(&e->text, n < 0 ? "out of memory" : text);
    buf_add_char(&e->text, '\n');
    if (n >= 0)
        free(text);
    e->out_of_memory |= n < 0;
    if (++e->count == ERRORS_MAX)
        buf_add_string(&e->text, "There may be more errors; these are the first 100.\n");
}
