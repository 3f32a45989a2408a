/* SPDX-License-Identifier: MIT */
/* From the command line to a command. */
#include "base/nearest.h"
#include "cli/command.h"

#include <string.h>

#define COMMANDS_MAX 16

static int unknown_command(const struct command *const *commands, size_t count, const char *word) {
    const char *names[COMMANDS_MAX];
    size_t n = 0;
    for (; n < count && n < COMMANDS_MAX; n++)
        names[n] = commands[n]->name;
    const char *near = nearest(text_of(word), names, n);
    if (near)
        fprintf(stderr, "scoregate: unknown command '%s', did you mean %s?", word, near);
    else
        fprintf(stderr, "scoregate: unknown command '%s'", word);
    fputs("; see scoregate --help\n", stderr);
    return STATUS_USAGE;
}

/* Whether the command line asks about the program: --help, or nothing but --version and -v. That of
 * a command without its name does not. */
static bool is_about_program(int argc, char **argv, bool *help, bool *verbose) {
    bool version = false;
    *help = *verbose = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
            return *help = true;
        if (strcmp(argv[i], "--version") == 0)
            version = true;
        else if (strcmp(argv[i], "-v") == 0)
            *verbose = true;
        else
            return false;
    }
    return version || *verbose;
}

int command_dispatch(const struct command *const *commands, size_t count,
                     void (*print_version)(bool verbose), int argc, char **argv) {
    bool help, verbose;
    if (is_about_program(argc, argv, &help, &verbose)) {
        if (help)
            help_program(stdout, commands, count);
        else
            print_version(verbose);
        return STATUS_FINE;
    }
    const struct command *command = commands[0];
    bool named = argc > 1 && argv[1][0] != '-';
    if (named) {
        size_t i = 0;
        while (i < count && strcmp(commands[i]->name, argv[1]) != 0)
            i++;
        if (i == count)
            return unknown_command(commands, count, argv[1]);
        command = commands[i];
    }
    struct arguments a;
    arguments_init(&a, command, named ? argc - 1 : argc, named ? argv + 1 : argv);
    return command->run(&a);
}
