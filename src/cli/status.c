/* SPDX-License-Identifier: MIT */
/* scoregate status: asks the running gateway how it is. */
#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/status_view.h"

#define BODY_MAX  (16 * 1024 * 1024)
#define WHY_MAX   4096
#define DEPTH_MAX 8

enum { ADMIN = 256, AS_JSON };

struct status_options {
    struct config_choice choice;
    const char *admin;
    bool json;
};

/* Shows the answer; whether the gateway is ready is the exit status. */
static int show(const struct status_options *o, struct text body, const char *address) {
    struct json *status = json_parse(body, DEPTH_MAX);
    bool ready = false,
         shown = json_is_object(status) && json_bool(json_member(status, "ready"), &ready);
    if (!shown)
        fprintf(stderr, "scoregate status: what answers at %s is no scoregate\n", address);
    else if (o->json)
        fwrite(body.at, 1, body.len, stdout);
    else
        shown = status_view_print(status, address, stdout);
    json_free(&status);
    return shown && ready ? STATUS_FINE : STATUS_FAILED;
}

static int ask(const struct status_options *o, const struct admin_address *address) {
    struct buf body, why, name;
    unsigned status = 0;
    buf_init(&body, BODY_MAX);
    buf_init(&why, WHY_MAX);
    buf_init(&name, WHY_MAX);
    admin_address_print(&name, address);
    int result = STATUS_FAILED;
    bool answered = admin_call(address, "GET", "/status", &status, &body, &why);
    if (answered && status == 200) {
        result = show(o, buf_text(&body), name.at);
    } else {
        if (answered) {
            buf_addf(&why, "%s ", name.at);
            admin_add_refusal(&why, status, buf_text(&body));
        }
        fprintf(stderr, "scoregate status: %.*s\n", TEXT_ARG(buf_text(&why)));
    }
    buf_done(&body);
    buf_done(&why);
    buf_done(&name);
    return result;
}

static int status(struct arguments *a) {
    struct status_options o = {0};
    struct admin_address address;
    struct config *config = NULL;
    int id;
    while ((id = arguments_next(a)) >= 0) {
        if (id == 'c')
            o.choice.file = a->value;
        else if (id == ADMIN)
            o.admin = a->value;
        else
            o.json = true;
    }
    if (id == ARGUMENTS_STOP)
        return a->status;
    /* Whoever may not read the configuration can still ask; one that is named must be right. */
    o.choice.insecure_permissions = true;
    if (!o.admin)
        config = o.choice.file ? config_choice_load(&o.choice) : config_choice_peek(&o.choice);
    if (!o.admin && o.choice.file && !config)
        return STATUS_CONFIG;
    int chosen = admin_address_choose(a, o.admin, config, &address);
    config_unref(&config);
    return chosen == STATUS_FINE ? ask(&o, &address) : chosen;
}

static const struct command_option options[] = {
    {'c', "config", "FILE", "the configuration that says where the admin listener is"},
    {ADMIN, "admin", "URL", "where it is: http://HOST:PORT or unix:/PATH"},
    {AS_JSON, "json", NULL, "print what the gateway says as it is"},
};

const struct command command_status = {
    .name = "status",
    .usage = "[-c FILE] [--admin URL] [--json]",
    .summary = "ask the running gateway for its routes and credentials",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .run = status,
};
