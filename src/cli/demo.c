/* SPDX-License-Identifier: MIT */
/* scoregate demo: a gateway in front of a scoring service and a token service of its own, to be
 * seen working, and renewing its tokens, without an Azure account. */
#include "base/parse.h"
#include "base/random.h"
#include "cli/commands.h"
#include "cli/demo_certificate.h"
#include "cli/demo_files.h"
#include "cli/demo_service.h"
#include "cli/diabetes.h"
#include "cli/local.h"

#include <signal.h>
#include <stdlib.h>

#define TEXT_MAX     (64 * 1024)
#define SECRET_BYTES 24
#define LIFETIME_S   20

enum { PORT = 256, TOKEN_LIFETIME, LISTEN_FILE };

struct demo {
    uint16_t port;
    struct demo_files files;
    char client_id[RANDOM_UUID_LEN + 1];
    struct demo_entra entra;
    struct demo_service *service;
    struct local_options local;
};

/* An application with a secret, and a key for its tokens, that nobody has seen before. False: out
 * of memory. */
static bool make_application(struct demo *d) {
    unsigned char bytes[SECRET_BYTES];
    struct buf secret;
    buf_init(&secret, 2 * sizeof bytes);
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        buf_addf(&secret, "%02x", bytes[i]);
    explicit_bzero(bytes, sizeof bytes);
    random_uuid(d->client_id);
    random_bytes(&d->entra.key, sizeof d->entra.key);
    d->entra.client_id = d->client_id;
    if (buf_ok(&secret))
        d->entra.client_secret = secret_new(buf_text(&secret));
    buf_wipe(&secret);
    if (!d->entra.client_secret)
        fputs("scoregate demo: out of memory\n", stderr);
    return d->entra.client_secret;
}

/* The service's thread inherits the mask: the signals are for the gateway. */
static void block_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGPIPE);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Nothing of the demo leaves the machine. */
static void forget_proxies(void) {
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "http_proxy",
                                        "HTTP_PROXY",  "all_proxy",   "ALL_PROXY"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unsetenv(names[i]);
}

/* Starts the service with a certificate of its own. */
static bool start_service(struct demo *d) {
    struct buf certificate, private_key;
    buf_init(&certificate, TEXT_MAX);
    buf_init(&private_key, TEXT_MAX);
    bool ok = demo_certificate_make(&certificate, &private_key);
    if (!ok)
        fputs("scoregate demo: OpenSSL cannot make a certificate\n", stderr);
    ok = ok && demo_files_make(&d->files, buf_text(&certificate), text_of(diabetes_sample));
    if (ok)
        d->service = demo_service_start(certificate.at, private_key.at, &d->entra);
    buf_done(&certificate);
    buf_wipe(&private_key);
    return d->service;
}

static void write_config(const struct demo *d, struct buf *config) {
    unsigned service = demo_service_port(d->service);
    local_add_settings(config, d->port, "info");
    buf_addf(config, "azure = { authority = \"https://127.0.0.1:%u\"; ", service);
    local_add_string(config, "ca_file", text_of(d->files.ca));
    buf_add_string(config, "};\ntls = { ");
    local_add_string(config, "ca_file", text_of(d->files.ca));
    buf_add_string(config, "};\nidentities = { demo = { type = \"client-secret\"; ");
    local_add_string(config, "tenant", TEXT(DEMO_ENTRA_TENANT));
    local_add_string(config, "client_id", text_of(d->client_id));
    local_add_string(config, "secret", secret_expose(d->entra.client_secret));
    buf_addf(config,
             "}; };\n"
             "routes = ( { path = \"/score\"; scoring_uri = \"https://127.0.0.1:%u/score\";\n"
             "default_content_type = \"application/json\";\n"
             "identity = \"demo\"; auth = { type = \"entra\"; }; } );\n",
             service);
}

/* Says what listens where, and how to see the difference that the gateway makes. */
static void hello(void *context, const struct bound *bound, size_t count UNUSED) {
    const struct demo *d = context;
    unsigned port = bound->port, service = demo_service_port(d->service);
    struct buf text;
    buf_init(&text, TEXT_MAX);
    buf_addf(&text,
             "A scoring service that wants a token listens on https://127.0.0.1:%u,\n"
             "and scoregate, which fetches the tokens, on http://127.0.0.1:%u.\n\n"
             "Without the gateway the service refuses the call with 401:\n\n"
             "  curl --cacert ",
             service, port);
    local_add_word(&text, text_of(d->files.ca));
    buf_add_string(&text, " -d @");
    local_add_word(&text, text_of(d->files.request));
    buf_addf(&text,
             " https://127.0.0.1:%u/score\n\n"
             "Through the gateway the same call returns two predictions, 217.68 and 224.79:\n\n"
             "  curl -d @",
             service);
    local_add_word(&text, text_of(d->files.request));
    buf_addf(&text, " http://127.0.0.1:%u/score\n\n", port);
    buf_addf(&text,
             "A token lives %u seconds; the log lines below show each renewal. Stop with Ctrl-C.\n",
             d->entra.lifetime_s);
    if (buf_ok(&text))
        fwrite(text.at, 1, text.len, stdout);
    fflush(stdout);
    buf_done(&text);
}

static int run_demo(struct demo *d) {
    struct buf config;
    int status = STATUS_FAILED;
    buf_init(&config, TEXT_MAX);
    block_signals();
    forget_proxies();
    if (make_application(d) && start_service(d)) {
        write_config(d, &config);
        status = local_run(&config, &d->local);
    }
    demo_service_stop(&d->service);
    demo_files_remove(&d->files);
    secret_unref(&d->entra.client_secret);
    explicit_bzero(&d->entra.key, sizeof d->entra.key);
    buf_wipe(&config);
    return status;
}

static bool take_lifetime(struct demo *d, const struct arguments *a) {
    uint64_t seconds;
    if (!parse_u64(text_of(a->value), DEMO_ENTRA_LIFETIME_MAX, &seconds) ||
        seconds < DEMO_ENTRA_LIFETIME_MIN) {
        arguments_wrong(a, "'%s' is no lifetime, which is a number of seconds from %d to %d",
                        a->value, DEMO_ENTRA_LIFETIME_MIN, DEMO_ENTRA_LIFETIME_MAX);
        return false;
    }
    d->entra.lifetime_s = (unsigned)seconds;
    return true;
}

/* Reads one option; false if its value is of no use, which stderr says. */
static bool take_option(struct demo *d, const struct arguments *a, int id) {
    switch (id) {
    case LISTEN_FILE:
        d->local.run.listen_file = a->value;
        return true;
    case TOKEN_LIFETIME:
        return take_lifetime(d, a);
    default:
        return arguments_port(a, &d->port);
    }
}

static int demo(struct arguments *a) {
    struct demo d = {.entra.lifetime_s = LIFETIME_S,
                     .local = {.command = "demo", .run.on_ready = hello}};
    int id;
    d.local.run.context = &d;
    while ((id = arguments_next(a)) >= 0)
        if (!take_option(&d, a, id))
            return STATUS_USAGE;
    if (id == ARGUMENTS_STOP)
        return a->status;
    return run_demo(&d);
}

static const struct command_option options[] = {
    {PORT, "port", "N", "listen on this port; the kernel chooses by default"},
    {TOKEN_LIFETIME, "lifetime", "SECONDS", "how long a token lives, 2 to 3600; 20 by default"},
    {LISTEN_FILE, "listen-file", "FILE", "write where it listens to FILE"},
};

const struct command command_demo = {
    .name = "demo",
    .usage = "[--port N] [--lifetime SECONDS] [--listen-file FILE]",
    .summary = "run a gateway before a scoring service of its own, to see it work",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .run = demo,
};
