/* SPDX-License-Identifier: MIT */
/* scoregate try: a gateway for one endpoint, without a configuration file. */
#include "cli/commands.h"
#include "cli/local.h"
#include "cli/try_config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_MAX (256 * 1024)
#define HELLO_MAX  (64 * 1024)

enum {
    SCORING_URI = 256,
    KEY_FILE,
    KEY_ENV,
    ORIGIN,
    CA_FILE,
    PORT,
    LISTEN_FILE,
    INSECURE_PERMISSIONS,
    ALLOW_INSECURE_UPSTREAM
};

struct try {
    struct try_options options;
    struct local_options local;
    char *key_file, *ca_file; /* absolute */
};

/* Reads one option; false if its value is of no use, which stderr says. */
static bool take_option(struct try *t, const struct arguments *a, int id) {
    struct try_options *o = &t->options;
    switch (id) {
    case SCORING_URI:
        o->scoring_uri = a->value;
        return true;
    case KEY_FILE:
        o->key_file = a->value;
        return true;
    case KEY_ENV:
        o->key_env = a->value;
        return true;
    case CA_FILE:
        o->ca_file = a->value;
        return true;
    case ORIGIN:
        if (o->origin_count == TRY_ORIGINS_MAX) {
            arguments_wrong(a, "more than %d origins", TRY_ORIGINS_MAX);
            return false;
        }
        o->origins[o->origin_count++] = a->value;
        return true;
    case PORT:
        return arguments_port(a, &o->port);
    case LISTEN_FILE:
        t->local.run.listen_file = a->value;
        return true;
    case INSECURE_PERMISSIONS:
        t->local.insecure_permissions = true;
        return true;
    default:
        o->allow_insecure_upstream = true;
        return true;
    }
}

/* What config_load() would say in terms of a file that nobody has written. */
static int check_options(const struct try_options *o, const struct arguments *a) {
    if (!o->scoring_uri)
        return arguments_wrong(a, "--scoring-uri URI is required");
    if (o->key_file && o->key_env)
        return arguments_wrong(a, "--key-file and --key-env exclude each other");
    if (strncasecmp(o->scoring_uri, "http://", 7) == 0 && !o->allow_insecure_upstream)
        return arguments_wrong(a, "http:// would send key and data in the clear: use https://, or "
                                  "insist with --allow-insecure-upstream");
    return STATUS_FINE;
}

/* A file named on the command line, as seen from the current directory. NULL: errno says why. */
static char *absolute(const char *file) {
    if (file[0] == '/')
        return strdup(file);
    char *directory = getcwd(NULL, 0), *path = NULL;
    if (directory && asprintf(&path, "%s/%s", directory, file) < 0)
        path = NULL;
    free(directory);
    return path;
}

static bool resolve(const char **file, char **owned) {
    if (!*file)
        return true;
    *file = *owned = absolute(*file);
    return *owned;
}

/* Says where it listens and how to use it. */
static void hello(void *context, const struct bound *bound, size_t count UNUSED) {
    const struct try_options *o = &((const struct try *)context)->options;
    struct buf url, text;
    buf_init(&url, HELLO_MAX);
    buf_init(&text, HELLO_MAX);
    buf_addf(&url, "http://127.0.0.1:%u", (unsigned)bound->port);
    buf_add_text(&url, try_path(o->scoring_uri));
    buf_addf(&text, "scoregate listens on http://127.0.0.1:%u and calls the endpoint %s.\n\n",
             (unsigned)bound->port, o->key_file || o->key_env ? "with its key" : "without a key");
    buf_add_string(&text, "Score, with rows as your model expects them:\n\n"
                          "  curl -d '{\"data\": [[1, 2, 3]]}' ");
    local_add_word(&text, buf_text(&url));
    buf_add_string(&text, "\n\nSee what it expects, if the service tells:\n\n  curl ");
    buf_add_string(&url, "/swagger.json");
    local_add_word(&text, buf_text(&url));
    buf_add_string(&text, "\n\nStop it with Ctrl-C.\n");
    if (buf_ok(&url) && buf_ok(&text))
        fwrite(text.at, 1, text.len, stdout);
    fflush(stdout);
    buf_done(&url);
    buf_done(&text);
}

static int run_try(struct try *t) {
    struct buf config;
    if (!resolve(&t->options.key_file, &t->key_file) ||
        !resolve(&t->options.ca_file, &t->ca_file)) {
        perror("scoregate try: the current directory");
        return STATUS_FAILED;
    }
    buf_init(&config, CONFIG_MAX);
    try_write_config(&t->options, &config);
    int status = local_run(&config, &t->local);
    buf_done(&config);
    return status;
}

static int try(struct arguments *a) {
    struct try t = {.local = {.command = "try", .run.on_ready = hello}};
    int id;
    t.local.run.context = &t;
    while ((id = arguments_next(a)) >= 0)
        if (!take_option(&t, a, id))
            return STATUS_USAGE;
    if (id == ARGUMENTS_STOP)
        return a->status;
    int status = check_options(&t.options, a);
    if (status == STATUS_FINE)
        status = run_try(&t);
    free(t.key_file);
    free(t.ca_file);
    return status;
}

static const struct command_option options[] = {
    {SCORING_URI, "scoring-uri", "URI", "where the endpoint scores"},
    {KEY_FILE, "key-file", "FILE", "the file that holds its key"},
    {KEY_ENV, "key-env", "NAME", "the environment variable that does"},
    {ORIGIN, "origin", "ORIGIN", "web pages from there may call; repeatable"},
    {CA_FILE, "ca-file", "FILE", "trust these certificate authorities"},
    {PORT, "port", "N", "listen on this port; the kernel chooses by default"},
    {LISTEN_FILE, "listen-file", "FILE", "write where it listens to FILE"},
    {INSECURE_PERMISSIONS, "insecure-permissions", NULL, "accept a key file open to others"},
    {ALLOW_INSECURE_UPSTREAM, "allow-insecure-upstream", NULL, "accept an http:// URI"},
};

const struct command command_try = {
    .name = "try",
    .usage = "--scoring-uri URI [--key-file FILE | --key-env NAME] [OPTION]...",
    .summary = "run a gateway for one endpoint, without a configuration",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .run = try,
};
