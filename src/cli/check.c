/* SPDX-License-Identifier: MIT */
/* scoregate check: says whether the configuration would be accepted. */
#include "cli/commands.h"
#include "cli/config_file.h"

static int check(struct arguments *a) {
    struct config_choice choice = {0};
    if (!config_choice_read(&choice, a))
        return a->status;
    struct config *config = config_choice_load(&choice);
    if (!config)
        return STATUS_CONFIG;
    printf("%s: fine (listeners: %zu, routes: %zu)\n", config_choice_file(&choice),
           config->listen_count, config->route_count);
    config_unref(&config);
    return STATUS_FINE;
}

const struct command command_check = {
    .name = "check",
    .usage = CONFIG_CHOICE_USAGE,
    .summary = "say whether a configuration is right, with every error in it",
    .options = config_choice_options,
    .option_count = CONFIG_CHOICE_OPTIONS,
    .run = check,
};
