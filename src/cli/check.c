/* SPDX-License-Identifier: MIT */
/* scoregate check: says whether the configuration would be accepted, and with --online also whether
 * everything that it needs is there. */
#include "cli/check_online.h"
#include "cli/commands.h"
#include "cli/config_file.h"

enum { INSECURE_PERMISSIONS = 256, ONLINE };

static int check(struct arguments *a) {
    struct config_choice choice = {0};
    bool online = false;
    int id;
    while ((id = arguments_next(a)) >= 0) {
        if (id == 'c')
            choice.file = a->value;
        else if (id == ONLINE)
            online = true;
        else
            choice.insecure_permissions = true;
    }
    if (id == ARGUMENTS_STOP)
        return a->status;
    struct config *config = config_choice_load(&choice);
    if (!config)
        return choice.status;
    printf("%s: fine (listeners: %zu, routes: %zu)\n", config_choice_file(&choice),
           config->listen_count, config->route_count);
    int status = online ? check_online(config) : STATUS_FINE;
    config_unref(&config);
    return status;
}

static const struct command_option options[] = {
    {'c', "config", "FILE", "the configuration"},
    {INSECURE_PERMISSIONS, "insecure-permissions", NULL, "accept secret files open to others"},
    {ONLINE, "online", NULL, "get every credential and connect to every endpoint, too"},
};

const struct command command_check = {
    .name = "check",
    .usage = "[-c FILE] [--insecure-permissions] [--online]",
    .summary = "say whether a configuration is right, with every error in it",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .run = check,
};
