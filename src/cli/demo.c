/* SPDX-License-Identifier: MIT */
/* scoregate demo: a gateway in front of a scoring service of its own, to be seen working without an
 * Azure account. */
#include "base/random.h"
#include "cli/commands.h"
#include "cli/demo_certificate.h"
#include "cli/demo_files.h"
#include "cli/demo_service.h"
#include "cli/diabetes.h"
#include "cli/local.h"

#include <signal.h>
#include <stdlib.h>

#define TEXT_MAX  (64 * 1024)
#define KEY_BYTES 24

enum { PORT = 256, LISTEN_FILE };

struct demo {
    uint16_t port;
    struct demo_files files;
    struct demo_service *service;
    struct local_options local;
};

/* Hexadecimal digits of random bytes. */
static void make_key(struct buf *key) {
    unsigned char bytes[KEY_BYTES];
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        buf_addf(key, "%02x", bytes[i]);
    explicit_bzero(bytes, sizeof bytes);
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

/* Starts the service with a certificate and a key of its own. */
static bool start_service(struct demo *d, struct text key) {
    struct buf certificate, private_key;
    buf_init(&certificate, TEXT_MAX);
    buf_init(&private_key, TEXT_MAX);
    bool ok = demo_certificate_make(&certificate, &private_key);
    if (!ok)
        fputs("scoregate demo: OpenSSL cannot make a certificate\n", stderr);
    ok = ok && demo_files_make(&d->files, buf_text(&certificate), text_of(diabetes_sample));
    if (ok)
        d->service = demo_service_start(certificate.at, private_key.at, key.at);
    buf_done(&certificate);
    buf_wipe(&private_key);
    buf_done(&private_key);
    return d->service;
}

static void write_config(const struct demo *d, struct text key, struct buf *config) {
    local_add_settings(config, d->port);
    buf_add_string(config, "tls = { ");
    local_add_string(config, "ca_file", text_of(d->files.ca));
    buf_addf(config,
             "};\n"
             "routes = ( { path = \"/score\"; scoring_uri = \"https://127.0.0.1:%u/score\";\n"
             "default_content_type = \"application/json\";\n"
             "auth = { type = \"key\"; ",
             demo_service_port(d->service));
    local_add_string(config, "primary", key);
    buf_add_string(config, "}; } );\n");
}

/* Says what listens where, and how to see the difference that the gateway makes. */
static void hello(void *context, const struct bound *bound, size_t count UNUSED) {
    const struct demo *d = context;
    unsigned port = bound->port, service = demo_service_port(d->service);
    struct buf text;
    buf_init(&text, TEXT_MAX);
    buf_addf(&text,
             "A scoring service that wants a key listens on https://127.0.0.1:%u,\n"
             "and scoregate, which has the key, on http://127.0.0.1:%u.\n\n"
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
    buf_addf(&text, " http://127.0.0.1:%u/score\n\nStop both with Ctrl-C.\n", port);
    if (buf_ok(&text))
        fwrite(text.at, 1, text.len, stdout);
    fflush(stdout);
    buf_done(&text);
}

static int run_demo(struct demo *d) {
    struct buf key, config;
    int status = STATUS_FAILED;
    buf_init(&key, 2 * KEY_BYTES);
    buf_init(&config, TEXT_MAX);
    block_signals();
    forget_proxies();
    make_key(&key);
    if (buf_ok(&key) && start_service(d, buf_text(&key))) {
        write_config(d, buf_text(&key), &config);
        status = local_run(&config, &d->local);
    }
    demo_service_stop(&d->service);
    demo_files_remove(&d->files);
    buf_wipe(&key);
    buf_done(&key);
    buf_wipe(&config);
    buf_done(&config);
    return status;
}

static int demo(struct arguments *a) {
    struct demo d = {.local = {.command = "demo", .run.on_ready = hello}};
    int id;
    d.local.run.context = &d;
    while ((id = arguments_next(a)) >= 0) {
        if (id == LISTEN_FILE)
            d.local.run.listen_file = a->value;
        else if (!arguments_port(a, &d.port))
            return STATUS_USAGE;
    }
    if (id == ARGUMENTS_STOP)
        return a->status;
    return run_demo(&d);
}

static const struct command_option options[] = {
    {PORT, "port", "N", "listen on this port; the kernel chooses by default"},
    {LISTEN_FILE, "listen-file", "FILE", "write where it listens to FILE"},
};

const struct command command_demo = {
    .name = "demo",
    .usage = "[--port N] [--listen-file FILE]",
    .summary = "run a gateway before a scoring service of its own, to see it work",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .run = demo,
};
