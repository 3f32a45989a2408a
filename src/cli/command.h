/* SPDX-License-Identifier: MIT */
/* A command of the program and its options. One table per command says what it takes; parsing, the
 * help and the hints to misspellings all come from that table, so that they cannot disagree. */
#pragma once

#include "base/macros.h"

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit statuses; STATUS_CONFIG is EX_CONFIG of sysexits.h. */
enum { STATUS_FINE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_CONFIG = 78 };

struct command_option {
    int id;               /* its letter, or 256 and above if it has none */
    const char *name;     /* the long name */
    const char *argument; /* what the help calls its value; NULL: it takes none */
    const char *help;     /* one line */
};

struct arguments;

struct command {
    const char *name;
    const char *usage;   /* what follows the name on the command line; "" for nothing */
    const char *summary; /* a few words */
    const struct command_option *options; /* besides -h, --help, which every command has */
    size_t option_count;
    int (*run)(struct arguments *arguments); /* returns the exit status */
    const char *const *operands; /* what the arguments besides options are called; all required */
    size_t operand_count;
};

#define COMMAND_OPTIONS_MAX 24

/* The command line of one command while it is read. */
struct arguments {
    const struct command *command;
    int argc; /* argv[0] is the command's name */
    char **argv;
    const char *value; /* of the option that arguments_next() returned; NULL if it takes none */
    char **operands;   /* operand_count of them, once arguments_next() returned ARGUMENTS_END */
    int status;        /* to exit with when arguments_next() returned ARGUMENTS_STOP */
    struct option longs[COMMAND_OPTIONS_MAX + 2];
    char shorts[2 * COMMAND_OPTIONS_MAX + 4];
};

enum { ARGUMENTS_END = -1, ARGUMENTS_STOP = -2 };

void arguments_init(struct arguments *a, const struct command *command, int argc, char **argv);
/* The id of the next option, ARGUMENTS_END behind the last one, or ARGUMENTS_STOP if the command is
 * over: the help was asked for, or something is wrong and stderr says what. */
int arguments_next(struct arguments *a);
/* Says on stderr what is wrong with the command line; returns STATUS_USAGE. */
int arguments_wrong(const struct arguments *a, const char *format, ...) PRINTF_LIKE(2, 3);
/* The value of the option as a TCP port, 0 included. False if it is none: then stderr says so. */
bool arguments_port(const struct arguments *a, uint16_t *port) MUST_CHECK;

/* Runs the command that ARGV names, the first of the table if it names none, and answers --help and
 * --version, the latter with PRINT_VERSION. Returns the exit status. */
int command_dispatch(const struct command *const *commands, size_t count,
                     void (*print_version)(bool verbose), int argc, char **argv);

/* The help of one command; that of the program. */
void help_command(FILE *out, const struct command *command);
void help_program(FILE *out, const struct command *const *commands, size_t count);
