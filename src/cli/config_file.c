/* SPDX-License-Identifier: MIT */
/* Loading the configuration of a command, and saying on stderr what is wrong with it. */
#include "cli/config_file.h"

#include "daemon/run.h"
#include "upstream/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_FILE SYSCONFDIR "/scoregate/scoregate.conf"

enum { INSECURE_PERMISSIONS = 256 };

const struct command_option config_choice_options[CONFIG_CHOICE_OPTIONS] = {
    {'c', "config", "FILE", "the configuration"},
    {INSECURE_PERMISSIONS, "insecure-permissions", NULL, "accept secret files open to others"},
};

bool config_choice_read(struct config_choice *choice, struct arguments *a) {
    int id;
    while ((id = arguments_next(a)) >= 0) {
        if (id == 'c')
            choice->file = a->value;
        else
            choice->insecure_permissions = true;
    }
    return id == ARGUMENTS_END;
}

static const char *from_environment(void) {
    const char *file = getenv("SCOREGATE_CONFIG");
    return file && file[0] ? file : NULL;
}

const char *config_choice_file(const struct config_choice *choice) {
    if (choice->file)
        return choice->file;
    const char *file = from_environment();
    return file ? file : DEFAULT_FILE;
}

/* Loads and asks the daemon; NULL with what is wrong in ERRORS. */
static struct config *load(const char *file, const char *text, bool insecure_permissions,
                           struct config_errors *errors) {
    struct config_load_options options = {.insecure_permissions = insecure_permissions};
    struct config *config = config_load(file, text, &options, errors);
    if (config)
        run_check(config, errors);
    if (errors->count)
        config_unref(&config);
    if (!config && crypto_refusals())
        errors->out_of_memory = true;
    return config;
}

static void print(const struct config_errors *errors) {
    if (errors->text.len)
        fprintf(stderr, "%.*s", TEXT_ARG(buf_text(&errors->text)));
    else /* not even for that */
        fputs("out of memory\n", stderr);
}

struct config *config_choice_load(struct config_choice *choice) {
    struct config_errors errors;
    const char *file = config_choice_file(choice);
    config_errors_init(&errors);
    struct config *config = load(file, NULL, choice->insecure_permissions, &errors);
    if (!config) {
        choice->status = errors.out_of_memory ? STATUS_FAILED : STATUS_CONFIG;
        print(&errors);
        if (!choice->file && !from_environment() && access(file, F_OK) != 0)
            fputs("-c FILE names another one; scoregate demo and scoregate try need none\n",
                  stderr);
    }
    config_errors_done(&errors);
    return config;
}

struct config *config_choice_reload(const struct config_choice *choice,
                                    struct config_errors *errors) {
    struct config_load_options options = {.insecure_permissions = choice->insecure_permissions};
    return config_load(config_choice_file(choice), NULL, &options, errors);
}

struct config *config_choice_peek(const struct config_choice *choice) {
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *config = config_choice_reload(choice, &errors);
    config_errors_done(&errors);
    return config;
}

bool config_choice_exists(const struct config_choice *choice) {
    return choice->file || from_environment() || access(DEFAULT_FILE, F_OK) == 0;
}

/* Nobody has seen the lines of a text that a command has written: "FILE:LINE: " is replaced. */
static void print_without_place(const char *command, struct text all) {
    while (all.len) {
        struct text line = {all.at, text_find(all, '\n')};
        struct text prefix = text_of(command);
        all = text_skip(all, line.len + 1);
        if (text_starts(line, prefix) && line.len > prefix.len && line.at[prefix.len] == ':') {
            line = text_skip(line, prefix.len + 1);
            line = text_skip(line, text_find(line, ':') + 1);
        }
        line = text_trim(line);
        fprintf(stderr, "scoregate %s: %.*s\n", command, TEXT_ARG(line));
    }
}

struct config *config_text_load(const char *command, const char *text, bool insecure_permissions) {
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *config = load(command, text, insecure_permissions, &errors);
    if (!config)
        print_without_place(command, buf_text(&errors.text));
    config_errors_done(&errors);
    return config;
}
