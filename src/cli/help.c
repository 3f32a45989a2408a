/* SPDX-License-Identifier: MIT */
/* The help texts, written from the tables of the commands. */
#include "cli/command.h"

static void print_option(FILE *out, const struct command_option *o) {
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", o->name, o->argument ? " " : "",
             o->argument ? o->argument : "");
    if (o->id < 256)
        fprintf(out, "  -%c, %-27s %s\n", o->id, left, o->help);
    else
        fprintf(out, "      %-27s %s\n", left, o->help);
}

void help_command(FILE *out, const struct command *command) {
    static const struct command_option help = {'h', "help", NULL, "print this text"};
    fprintf(out, "usage: scoregate %s%s%s\n\n%s\n\n", command->name, command->usage[0] ? " " : "",
            command->usage, command->summary);
    for (size_t i = 0; i < command->option_count; i++)
        print_option(out, &command->options[i]);
    print_option(out, &help);
}

void help_program(FILE *out, const struct command *const *commands, size_t count) {
    fputs("usage: scoregate [COMMAND] [OPTION]...\n\n"
          "A local gateway that adds Azure Machine Learning credentials to scoring requests.\n\n"
          "Commands:\n",
          out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "  %-8s %s%s\n", commands[i]->name, commands[i]->summary,
                i == 0 ? " (the command if none is given)" : "");
    fputs("\nOptions:\n"
          "  -h, --help     print this text; after a command, its options\n"
          "      --version  print the version\n"
          "  -v             with --version: the libraries and built-in features, too\n\n"
          "The manual pages scoregate(1) and scoregate.conf(5) say more.\n",
          out);
}
