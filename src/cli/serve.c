/* SPDX-License-Identifier: MIT */
/* scoregate serve: runs the gateway in the foreground. */
#include "cli/commands.h"
#include "cli/config_file.h"
#include "daemon/run.h"

enum { LISTEN_FILE = 256, INSECURE_PERMISSIONS };

static struct config *load(void *context, struct config_errors *errors) {
    return config_choice_reload(context, errors);
}

static int serve(struct arguments *a) {
    struct config_choice choice = {0};
    struct run_options options = {.load = load, .context = &choice};
    int id;
    while ((id = arguments_next(a)) >= 0) {
        if (id == 'c')
            choice.file = a->value;
        else if (id == LISTEN_FILE)
            options.listen_file = a->value;
        else
            choice.insecure_permissions = true;
    }
    if (id == ARGUMENTS_STOP)
        return a->status;
    struct config *config = config_choice_load(&choice);
    if (!config)
        return choice.status;
    int status = run(config, &options);
    config_unref(&config);
    return status;
}

static const struct command_option options[] = {
    {'c', "config", "FILE", "the configuration"},
    {LISTEN_FILE, "listen-file", "FILE", "write where it listens to FILE"},
    {INSECURE_PERMISSIONS, "insecure-permissions", NULL, "accept secret files open to others"},
};

const struct command command_serve = {
    .name = "serve",
    .usage = "[-c FILE] [--listen-file FILE] [--insecure-permissions]",
    .summary = "run the gateway in the foreground",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .run = serve,
};
