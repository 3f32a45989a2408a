/* SPDX-License-Identifier: MIT */
/* The session of cli/session.h. */
#include "cli/session.h"

#include "base/log.h"
#include "cli/advice.h"
#include "sys/process.h"
#include "upstream/dial.h"

#include <stdio.h>

#define WHY_MAX 1024

bool session_open(struct session *s, const char *command, struct config *config) {
    struct keeper_options options = {.config = config, .once = true};
    struct buf why;
    *s = (struct session){.command = command, .config = config_ref(config), .loop.epoll = -1};
    process_prepare();
    /* The command itself says what went wrong. */
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, NULL);
    buf_init(&why, WHY_MAX);
    s->dialling = dial_global_init();
    if (s->dialling && loop_init(&s->loop))
        s->keeper = keeper_new(&s->loop, &options, &why);
    if (!s->keeper)
        fprintf(stderr, "scoregate %s: %s\n", command, why.len ? why.at : "out of memory");
    buf_done(&why);
    return s->keeper;
}

void session_close(struct session *s) {
    keeper_free(&s->keeper);
    if (s->loop.epoll >= 0)
        loop_done(&s->loop);
    if (s->dialling)
        dial_global_done();
    config_unref(&s->config);
}

void session_complain(const struct session *s, const char *what, const struct azure_error *error) {
    struct buf text;
    buf_init(&text, ADVICE_MAX);
    advice_describe(&text, error);
    fprintf(stderr, "scoregate %s: %s: %.*s\n", s->command, what, TEXT_ARG(buf_text(&text)));
    const char *advice = advice_for(error, NULL);
    if (advice)
        fprintf(stderr, "  %s\n", advice);
    buf_done(&text);
}
