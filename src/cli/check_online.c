/* SPDX-License-Identifier: MIT */
/* The checks of cli/check_online.h. */
#include "cli/check_online.h"

#include "base/duration.h"
#include "cli/advice.h"
#include "cli/check_dial.h"
#include "cli/command.h"
#include "cli/session.h"
#include "config/backend.h"
#include "config/uri.h"

#include <stdio.h>
#include <string.h>

/* All credentials together may take this long. */
#define SETTLE_TIMEOUT (60 * USEC_PER_SEC)
#define LINE_MAX_BYTES 16384

static void print_line(bool ok, const struct buf *text, const char *advice) {
    printf("%-7s %.*s\n", ok ? "ok" : "failed", TEXT_ARG(buf_text(text)));
    if (advice)
        printf("        %s\n", advice);
}

/* Turns the loop until everything has come or failed. */
static bool settle(struct session *s) {
    usec_t end = clock_monotonic() + SETTLE_TIMEOUT;
    if (!keeper_start(s->keeper))
        return false;
    while (!keeper_settled(s->keeper) && clock_monotonic() < end)
        if (!loop_turn(&s->loop, end))
            return false;
    return true;
}

static bool print_credential(const struct session *s, size_t i) {
    struct credential_status c;
    struct buf line;
    const char *advice = NULL;
    keeper_status(s->keeper, i, &c);
    bool ok = strcmp(c.state, "usable") == 0;
    buf_init(&line, LINE_MAX_BYTES);
    buf_addf(&line, "%s (%s)", c.name, c.kind);
    if (ok && c.fingerprint[0])
        buf_addf(&line, ": fingerprint %s", c.fingerprint);
    if (ok && c.expires != USEC_NEVER) {
        buf_add_string(&line, ", ends in ");
        duration_add(&line, c.expires - s->loop.now);
    }
    if (!ok && c.error) {
        buf_add_string(&line, ": ");
        advice_describe(&line, c.error);
        advice = advice_for(c.error, c.kind);
    } else if (!ok) {
        buf_add_string(&line, ": no answer in time");
    }
    print_line(ok, &line, advice);
    buf_done(&line);
    return ok;
}

/* A backend whose endpoint or kind of credential had to be found; what failed with it is told as
 * the failure of that. */
static bool print_backend(const struct session *s, unsigned i) {
    const struct config_backend *backend = s->config->backends[i];
    struct backend_status status;
    struct buf line;
    keeper_backend_status(s->keeper, i, &status);
    bool ok = status.supply->state == SUPPLY_READY;
    buf_init(&line, LINE_MAX_BYTES);
    buf_add_string(&line, backend->route->path);
    if (backend->route->backend_count > 1)
        buf_addf(&line, " (backend %u)", config_backend_number(backend));
    buf_add_string(&line, ": ");
    if (ok)
        uri_print(&line, text_of(status.supply->endpoint->scoring.text));
    else if (status.supply->state == SUPPLY_REFUSED)
        buf_add_string(&line, reason_detail(status.supply->why));
    else
        buf_addf(&line, "waits for %s", status.waits_for ? status.waits_for : "its credential");
    if (ok)
        buf_addf(&line, ", %s", status.auth);
    print_line(ok, &line, NULL);
    buf_done(&line);
    return ok;
}

static bool check_all(struct session *s) {
    bool ok = settle(s);
    if (!ok)
        fputs("scoregate check: out of memory\n", stderr);
    for (size_t i = 0; i < keeper_count(s->keeper); i++)
        ok &= print_credential(s, i);
    for (unsigned i = 0; i < s->config->backend_count; i++)
        ok &= print_backend(s, i);
    return check_dial(s) && ok;
}

int check_online(struct config *config) {
    struct session s;
    bool ok = session_open(&s, "check", config) && check_all(&s);
    session_close(&s);
    return ok ? STATUS_FINE : STATUS_FAILED;
}
