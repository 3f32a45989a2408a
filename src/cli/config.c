/* SPDX-License-Identifier: MIT */
/* scoregate config: prints the configuration that is in effect, without its secrets. */
#include "cli/commands.h"
#include "cli/config_file.h"

/* More than any configuration that can be loaded. */
#define TEXT_MAX (64 * 1024 * 1024)

static int print(const struct config *config) {
    struct buf text;
    buf_init(&text, TEXT_MAX);
    config_print(config, &text);
    bool ok = buf_ok(&text);
    if (ok)
        fwrite(text.at, 1, text.len, stdout);
    else
        fputs("scoregate config: out of memory\n", stderr);
    buf_done(&text);
    return ok ? STATUS_FINE : STATUS_FAILED;
}

static int config(struct arguments *a) {
    struct config_choice choice = {0};
    if (!config_choice_read(&choice, a))
        return a->status;
    struct config *loaded = config_choice_load(&choice);
    if (!loaded)
        return STATUS_CONFIG;
    int status = print(loaded);
    config_unref(&loaded);
    return status;
}

const struct command command_config = {
    .name = "config",
    .usage = CONFIG_CHOICE_USAGE,
    .summary = "print the configuration with its defaults filled in and no secrets",
    .options = config_choice_options,
    .option_count = CONFIG_CHOICE_OPTIONS,
    .run = config,
};
