/* SPDX-License-Identifier: MIT */
/* scoregate services: lists what a workspace has deployed. */
#include "cli/commands.h"
#include "cli/services_options.h"
#include "cli/services_print.h"
#include "cli/session.h"

#include <string.h>

/* Who asks */

/* Without a configuration: the identity of this machine. */
static struct config *load(const struct services_options *o) {
    struct config_choice choice = o->choice;
    if (config_choice_exists(&choice))
        return config_choice_load(&choice);
    return config_text_load("services", "identities = { managed = { type = \"managed\"; }; };\n",
                            o->choice.insecure_permissions);
}

/* The identity that is named, or the only one. NULL: stderr says why. */
static const struct config_identity *choose_identity(const struct config *config,
                                                     const char *name) {
    for (size_t i = 0; name && i < config->identity_count; i++)
        if (strcmp(config->identities[i].name, name) == 0)
            return &config->identities[i];
    if (name)
        fprintf(stderr, "scoregate services: the configuration has no identity '%s'\n", name);
    else if (config->identity_count == 1)
        return &config->identities[0];
    else if (config->identity_count == 0)
        fputs("scoregate services: the configuration has no identities\n", stderr);
    else
        fputs("scoregate services: the configuration has several identities; choose one with "
              "--identity NAME\n",
              stderr);
    return NULL;
}

/* The lists */

static bool list_online(struct session *session, const struct services_place *place,
                        const struct services_options *o, struct services *s) {
    struct azure_error error = {.retry_after_s = -1};
    if (services_list_online(session, place, &o->filter, s, &error))
        return true;
    session_complain(session, "online endpoints", &error);
    return false;
}

/* A workspace need not have web services at all: then that is told, and no failure unless only they
 * were asked for. */
static bool list_web(struct session *session, const struct services_place *place,
                     const struct services_options *o, struct services *s) {
    struct azure_error error = {.retry_after_s = -1};
    const char *base = keeper_workspace_now(session->keeper, place->named, place->identity, &error);
    if (!base) {
        session_complain(session, "web services (v1)", &error);
        return !o->web;
    }
    if (services_list_web(session, place, base, &o->filter, s, &error))
        return true;
    session_complain(session, "web services (v1)", &error);
    return false;
}

static int print(const struct services_options *o, const struct services *s,
                 const struct services_place *place) {
    bool ok = o->json     ? services_print_json(s, stdout)
              : o->routes ? services_print_routes(s, place, stdout)
                          : services_print_table(s, stdout);
    if (!ok)
        fputs("scoregate services: out of memory\n", stderr);
    return ok ? STATUS_FINE : STATUS_FAILED;
}

static int list(const struct services_options *o, struct config *config) {
    struct services_place place = {&o->named, choose_identity(config, o->identity)};
    struct services services = {0};
    struct session session;
    if (!place.identity)
        return STATUS_USAGE;
    bool ok = session_open(&session, "services", config);
    int status = STATUS_FAILED;
    if (ok) {
        ok = o->web || list_online(&session, &place, o, &services);
        ok &= o->online || list_web(&session, &place, o, &services);
        /* What was found is shown, whatever else failed. */
        if (ok || services.count)
            status = print(o, &services, &place);
    }
    services_done(&services);
    session_close(&session);
    return ok ? status : STATUS_FAILED;
}

static int run_services(const struct services_options *o) {
    struct config *config = load(o);
    if (!config)
        return STATUS_CONFIG;
    int status = list(o, config);
    config_unref(&config);
    return status;
}

static int services(struct arguments *a) {
    struct services_options o;
    int status = services_options_read(&o, a) ? run_services(&o) : a->status;
    services_options_done(&o);
    return status;
}

const struct command command_services = {
    .name = "services",
    .usage = "--subscription ID --resource-group NAME --workspace NAME [OPTION]...",
    .summary = "list the endpoints and web services of a workspace",
    .options = services_options_table,
    .option_count = SERVICES_OPTIONS,
    .run = services,
};
