/* SPDX-License-Identifier: MIT */
/* Writing the configuration of try and demo, and running it. */
#include "cli/local.h"

#include "cli/command.h"
#include "cli/config_file.h"

void local_add_settings(struct buf *config, uint16_t port, const char *log_level) {
    buf_addf(config,
             "listen = ( { address = \"127.0.0.1\"; port = %u; } );\n"
             "admin = { enabled = false; };\n"
             "log = { level = \"%s\"; };\n",
             (unsigned)port, log_level);
}

void local_add_string(struct buf *config, const char *name, struct text value) {
    buf_addf(config, "%s = ", name);
    config_quote(config, value);
    buf_add_string(config, ";\n");
}

int local_run(struct buf *config, const struct local_options *options) {
    if (!buf_ok(config)) {
        fprintf(stderr, "scoregate %s: the options are too long\n", options->command);
        return STATUS_FAILED;
    }
    struct config *loaded =
        config_text_load(options->command, config->at, options->insecure_permissions);
    buf_wipe(config);
    if (!loaded)
        return STATUS_CONFIG;
    int status = run(loaded, &options->run);
    config_unref(&loaded);
    return status;
}

static bool needs_quotes(struct text word) {
    for (size_t i = 0; i < word.len; i++) {
        char c = word.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c && strchr("/._-+:@%,=", c));
        if (!plain)
            return true;
    }
    return word.len == 0;
}

void local_add_word(struct buf *line, struct text word) {
    if (!needs_quotes(word)) {
        buf_add_text(line, word);
        return;
    }
    buf_add_char(line, '\'');
    for (size_t i = 0; i < word.len; i++) {
        if (word.at[i] == '\'')
            buf_add_string(line, "'\\''");
        else
            buf_add_char(line, word.at[i]);
    }
    buf_add_char(line, '\'');
}
