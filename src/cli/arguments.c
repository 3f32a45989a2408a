/* SPDX-License-Identifier: MIT */
/* Reading the options of one command with getopt_long(3), and telling people what is wrong with
 * them.
 */
#include "base/nearest.h"
#include "base/parse.h"
#include "cli/command.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

static void add_letter(struct arguments *a, int letter, bool has_value) {
    size_t n = strlen(a->shorts);
    a->shorts[n] = (char)letter;
    a->shorts[n + 1] = has_value ? ':' : '\0';
}

void arguments_init(struct arguments *a, const struct command *command, int argc, char **argv) {
    assert(command->option_count <= COMMAND_OPTIONS_MAX);
    *a = (struct arguments){.command = command, .argc = argc, .argv = argv};
    /* The colon makes getopt tell a missing value from an unknown option. */
    a->shorts[0] = ':';
    for (size_t i = 0; i < command->option_count; i++) {
        const struct command_option *o = &command->options[i];
        a->longs[i] = (struct option){.name = o->name,
                                      .has_arg = o->argument ? required_argument : no_argument,
                                      .val = o->id};
        if (o->id < 256)
            add_letter(a, o->id, o->argument);
    }
    a->longs[command->option_count] = (struct option){.name = "help", .val = 'h'};
    add_letter(a, 'h', false);
    optind = 0; /* glibc: from the beginning */
    opterr = 0;
}

int arguments_wrong(const struct arguments *a, const char *format, ...) {
    va_list list;
    fprintf(stderr, "scoregate %s: ", a->command->name);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fprintf(stderr, "; see scoregate %s --help\n", a->command->name);
    return STATUS_USAGE;
}

/* Names the option without a value that somebody gave it: that could be a secret. */
static int unknown_option(const struct arguments *a) {
    if (optopt > 0 && optopt < 256 && !strchr(a->shorts, optopt))
        return arguments_wrong(a, "unknown option -%c", optopt);
    const char *word = a->argv[optind - 1];
    struct text given = text_of(word);
    given.len = text_find(given, '=');
    for (size_t i = 0; a->longs[i].name; i++)
        if (given.len > 2 && text_equal(text_skip(given, 2), text_of(a->longs[i].name)))
            return arguments_wrong(a, "%.*s takes no value", TEXT_ARG(given));
    const char *names[COMMAND_OPTIONS_MAX + 1];
    size_t n = 0;
    while (a->longs[n].name) {
        names[n] = a->longs[n].name;
        n++;
    }
    const char *near = nearest(text_skip(given, 2), names, n);
    if (near)
        return arguments_wrong(a, "unknown option %.*s, did you mean --%s?", TEXT_ARG(given), near);
    return arguments_wrong(a, "unknown option %.*s", TEXT_ARG(given));
}

/* What is left behind the options, which getopt has moved to the front. */
static int take_operands(struct arguments *a) {
    size_t given = (size_t)(a->argc - optind), wanted = a->command->operand_count;
    a->operands = a->argv + optind;
    if (given == wanted)
        return ARGUMENTS_END;
    if (given > wanted)
        a->status = arguments_wrong(a, "unexpected argument '%s'", a->operands[wanted]);
    else
        a->status = arguments_wrong(a, "%s is missing", a->command->operands[given]);
    return ARGUMENTS_STOP;
}

int arguments_next(struct arguments *a) {
    int id = getopt_long(a->argc, a->argv, a->shorts, a->longs, NULL);
    a->value = optarg;
    switch (id) {
    case -1:
        return take_operands(a);
    case 'h':
        help_command(stdout, a->command);
        a->status = STATUS_FINE;
        return ARGUMENTS_STOP;
    case ':':
        a->status = arguments_wrong(a, "%s needs a value", a->argv[optind - 1]);
        return ARGUMENTS_STOP;
    case '?':
        a->status = unknown_option(a);
        return ARGUMENTS_STOP;
    default:
        return id;
    }
}

bool arguments_port(const struct arguments *a, uint16_t *port) {
    uint64_t number;
    if (!parse_u64(text_of(a->value), UINT16_MAX, &number)) {
        arguments_wrong(a, "'%s' is no port, which is a number from 0 to 65535", a->value);
        return false;
    }
    *port = (uint16_t)number;
    return true;
}
