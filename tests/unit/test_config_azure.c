/* SPDX-License-Identifier: MIT */
/* Identities, endpoints found by name, credentials that are renewed, secrets of Key Vault: what a
 * right configuration of them becomes, and the words for a wrong one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "config/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX (1024 * 1024)

#define IDENTITY(more) "identities = { i = { " more " }; };"
#define MANAGED        "identities = { vm = { type = \"managed\"; }; };\n"
#define NAMES          "subscription = \"s\"; resource_group = \"g\"; workspace = \"w\"; name = \"n\";"
#define ENDPOINT       "online_endpoint = { " NAMES " }; "
#define ROUTE(more)    "routes = ( { path = \"/a\"; " more " } );"
#define SCORING(more)  ROUTE("scoring_uri = \"https://h/s\"; " more)
#define NAMED(more)    MANAGED ROUTE(ENDPOINT "identity = \"vm\"; " more)
#define VAULT(more)    "{ key_vault = \"https://v.vault.azure.net\"; name = \"k\"; " more " }"
#define APP(name, from)                                                                            \
    name " = { type = \"client-secret\"; tenant = \"t\"; client_id = \"c\"; secret = " from "; "   \
         "};\n"

struct wrong {
    const char *text, *errors;
};

static void check(const struct wrong *cases, size_t n) {
    const struct config_load_options options = {.no_files = true};
    for (size_t i = 0; i < n; i++) {
        struct config_errors errors;
        config_errors_init(&errors);
        struct config *config = config_load("c", cases[i].text, &options, &errors);
        if (config || strcmp(buf_text(&errors.text).at, cases[i].errors) != 0)
            fail_msg("%s\n--- is told as\n%s--- not as\n%s", cases[i].text,
                     buf_text(&errors.text).at, cases[i].errors);
        config_errors_done(&errors);
    }
}

static struct config *load(const char *text) {
    const struct config_load_options options = {0};
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *config = config_load("/etc/c", text, &options, &errors);
    if (!config)
        fail_msg("%s\n%s", buf_text(&errors.text).at, text);
    config_errors_done(&errors);
    return config;
}

static struct buf printed(const char *text) {
    struct buf b;
    buf_init(&b, TEXT_MAX);
    struct config *c = load(text);
    config_print(c, &b);
    config_unref(&c);
    assert_true(buf_ok(&b));
    return b;
}

static void test_identities(void **state) {
    (void)state;
    struct config *c =
        load("identities = {\n"
             "  vm = { type = \"managed\"; };\n"
             "  by-id = { type = \"managed\"; resource_id = \"/subscriptions/s/x\"; };\n" APP(
                 "app", "\"hunter2\"") "  pod = { type = \"workload\"; identity_binding = true; "
                                       "token_file = \"token\"; };\n"
                                       "};");
    assert_int_equal(c->identity_count, 4);
    const struct config_identity *i = c->identities;
    assert_string_equal(i[0].name, "vm");
    assert_int_equal(i[0].type, IDENTITY_MANAGED);
    assert_null(i[0].client_id);
    assert_string_equal(i[0].where.file, "/etc/c");
    assert_int_equal(i[0].where.line, 2);
    assert_string_equal(i[1].name, "by-id");
    assert_string_equal(i[1].resource_id, "/subscriptions/s/x");
    assert_int_equal(i[2].type, IDENTITY_CLIENT_SECRET);
    assert_string_equal(i[2].tenant, "t");
    assert_string_equal(i[2].client_id, "c");
    assert_int_equal(i[2].secret.kind, SECRET_INLINE);
    assert_true(text_equal(secret_expose(i[2].secret.value), TEXT("hunter2")));
    assert_int_equal(i[3].type, IDENTITY_WORKLOAD);
    assert_true(i[3].identity_binding);
    assert_string_equal(i[3].token_file, "/etc/token");
    config_unref(&c);
}

static void test_identity_errors(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {"identities = ( );",
         "c:1: identities: expected a group of groups with names { NAME = { … }; … }\n"},
        {"identities = { vm = \"managed\"; };",
         "c:1: identities: expected a group of groups with names { NAME = { … }; … }\n"},
        /* Of identities that cannot be read nothing more is said. */
        {"identities = ( );\n" ROUTE(ENDPOINT "identity = \"vm\";"),
         "c:1: identities: expected a group of groups with names { NAME = { … }; … }\n"},
        {"identites = { };", "c:1: unknown key identites; did you mean identities?\n"},
        {IDENTITY(""), "c:1: identities.type is missing\n"},
        {IDENTITY("type = \"manged\"; tenant = \"t\";"),
         "c:1: identities.type: \"manged\" is wrong; expected \"managed\", \"client-secret\", "
         "\"certificate\" or \"workload\"; did you mean \"managed\"?\n"},
        {IDENTITY("type = \"managed\"; clientid = \"c\";"),
         "c:1: unknown key clientid in identities; did you mean client_id?\n"},
        {IDENTITY("type = \"managed\"; tenant = \"t\";"),
         "c:1: identities.tenant is not used with type \"managed\", which takes client_id, "
         "object_id and resource_id\n"},
        {IDENTITY("type = \"managed\";\nclient_id = \"c\";\nresource_id = \"/subscriptions/s\";"),
         "c:3: identities.resource_id: the identity is named by client_id of c:2 already; expected "
         "one of client_id, object_id and resource_id\n"},
        {IDENTITY("type = \"managed\"; resource_id = \"c\";"),
         "c:1: identities.resource_id: \"c\" is wrong; expected an ID of a resource: "
         "\"/subscriptions/…\"\n"},
        {IDENTITY("type = \"client-secret\";"),
         "c:1: identities.tenant is missing: type \"client-secret\" needs it\n"
         "c:1: identities.client_id is missing: type \"client-secret\" needs it\n"
         "c:1: identities.secret is missing: type \"client-secret\" needs it\n"},
        {"identities = { " APP("a", "\"a b\"") "};",
         "c:1: identities.secret: the string has not the form of a key; expected one line of at "
         "most 16384 visible ASCII characters without blanks\n"},
        {IDENTITY("type = \"certificate\"; tenant = \"t\"; client_id = \"c\"; secret = \"s\";"),
         "c:1: identities.certificate is missing: type \"certificate\" needs it\n"
         "c:1: identities.secret is not used with type \"certificate\", which takes tenant, "
         "client_id, certificate and certificate_key\n"},
        {IDENTITY("type = \"certificate\"; tenant = \"t\"; client_id = \"c\";\n"
                  "certificate = \"/c\";\ncertificate_key = \"/k\";"),
         "c:2: identities.certificate: files are not possible here\n"
         "c:3: identities.certificate_key: files are not possible here\n"},
        {IDENTITY("type = \"workload\"; object_id = \"o\";"),
         "c:1: identities.object_id is not used with type \"workload\", which takes tenant, "
         "client_id, token_file and identity_binding\n"},
        {IDENTITY("type = \"workload\"; tenant = \"a/b\"; client_id = \"a b\";"),
         "c:1: identities.tenant: \"a/b\" is wrong; expected an ID or a domain name of a "
         "directory\n"
         "c:1: identities.client_id: \"a b\" is wrong; expected an ID such as "
         "\"00000000-0000-0000-0000-000000000000\"\n"},
        {IDENTITY("type = \"workload\"; tenant = \"..\"; client_id = \"\";"),
         "c:1: identities.tenant: \"..\" is wrong; expected an ID or a domain name of a "
         "directory\n"
         "c:1: identities.client_id: \"\" is wrong; expected an ID such as "
         "\"00000000-0000-0000-0000-000000000000\"\n"},
    };
    check(cases, ARRAY_LEN(cases));
}

/* A certificate, with its key APART or not, in a file with MODE: REFUSED is the key of the
 * configuration that this is told of, or NULL. */
static void check_files(mode_t mode, bool apart, bool insecure, const char *refused) {
    char key[] = "/tmp/scoregate-pem-XXXXXX", text[1024], expected[1024] = "";
    int fd = mkstemp(key);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
    snprintf(text, sizeof text,
             IDENTITY("type = \"certificate\"; tenant = \"t\"; client_id = \"c\"; "
                      "certificate = \"%s\"; %s%s%s"),
             apart ? "/etc/passwd" : key, apart ? "certificate_key = \"" : "", apart ? key : "",
             apart ? "\";" : "");
    if (refused)
        snprintf(expected, sizeof expected,
                 "c:1: identities.%s: the file \"%s\" is open to every user (mode %04o); expected "
                 "chmod o-rwx\n",
                 refused, key, mode);
    const struct config_load_options options = {.insecure_permissions = insecure};
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *c = config_load("c", text, &options, &errors);
    assert_string_equal(buf_text(&errors.text).at, expected);
    assert_int_equal(c == NULL, refused != NULL);
    config_errors_done(&errors);
    config_unref(&c);
    assert_int_equal(unlink(key), 0);
}

/* The key must be closed to others, a certificate without it need not. */
static void test_certificate_files(void **state) {
    (void)state;
    check_files(0640, false, false, NULL);
    check_files(0640, true, false, NULL);
    check_files(0644, false, true, NULL);
    check_files(0644, true, true, NULL);
    check_files(0644, false, false, "certificate");
    check_files(0602, true, false, "certificate_key");
    const struct config_load_options options = {0};
    struct config_errors errors;
    config_errors_init(&errors);
    assert_null(config_load("/etc/c",
                            IDENTITY("type = \"certificate\"; tenant = \"t\"; client_id = \"c\"; "
                                     "certificate = \"none.pem\"; certificate_key = \"/\";"),
                            &options, &errors));
    assert_string_equal(errors.text.at, "/etc/c:1: identities.certificate: the file "
                                        "\"/etc/none.pem\" cannot be opened: No such file or "
                                        "directory\n"
                                        "/etc/c:1: identities.certificate_key: the file \"/\" is a "
                                        "directory, not a regular file\n");
    config_errors_done(&errors);
}

static void test_azure(void **state) {
    (void)state;
    struct config *c = load("");
    assert_int_equal(c->azure.cloud, CLOUD_PUBLIC);
    assert_null(c->azure.authority);
    assert_null(c->azure.management);
    assert_null(c->azure.imds);
    assert_null(c->azure.ca_file);
    assert_string_equal(c->azure.api_version, "2024-10-01");
    assert_int_equal(c->identity_count, 0);
    config_unref(&c);
    c = load("azure = { cloud = \"usgov\"; authority = \"https://Login.example:443/a/b//\"; "
             "management = \"https://[::1]:8443\"; imds = \"http://127.0.0.1:1/\"; ca_file = "
             "\"ca.pem\"; api_version = \"2023-04-01-preview\"; };");
    assert_int_equal(c->azure.cloud, CLOUD_USGOV);
    assert_string_equal(c->azure.authority, "https://login.example/a/b");
    assert_string_equal(c->azure.management, "https://[::1]:8443");
    assert_string_equal(c->azure.imds, "http://127.0.0.1:1");
    assert_string_equal(c->azure.ca_file, "/etc/ca.pem");
    assert_string_equal(c->azure.api_version, "2023-04-01-preview");
    config_unref(&c);
}

static void test_azure_errors(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {"azure = { cloud = \"germany\"; };",
         "c:1: azure.cloud: \"germany\" is wrong; expected \"public\", \"china\" or \"usgov\"\n"},
        {"azure = { authority = \"http://h\"; };",
         "c:1: azure.authority: this is no URL of a service: its scheme is http, and what is sent "
         "there is secret; expected https\n"},
        {"azure = { management = \"https://h/?a\"; };",
         "c:1: azure.management: this is no URL of a service: it holds a query\n"},
        {"azure = { management = \"https://h/#\"; };",
         "c:1: azure.management: this is no URL of a service: it holds a fragment (#)\n"},
        {"azure = { imds = \"https://u:p@h\"; };",
         "c:1: azure.imds: this is no URL of a service: it holds userinfo\n"},
        {"azure = { imds = 1; };",
         "c:1: azure.imds: expected a URL such as \"https://HOST\"; a string stands in quotes: "
         "\"1\"\n"},
        {"azure = { api_version = \"2024-1-1\"; };",
         "c:1: azure.api_version: \"2024-1-1\" is wrong; expected a version such as "
         "\"2024-10-01\"\n"},
        {"azure = { api_version = \"2024-10-01x\"; };",
         "c:1: azure.api_version: \"2024-10-01x\" is wrong; expected a version such as "
         "\"2024-10-01\"\n"},
        {"azure = { autority = \"https://h\"; };",
         "c:1: unknown key autority in azure; did you mean authority?\n"},
    };
    check(cases, ARRAY_LEN(cases));
}

static void test_named_endpoints(void **state) {
    (void)state;
    struct config *c = load(NAMED(""));
    const struct config_route *r = &c->routes[0];
    assert_true(config_is_named(&r->own));
    assert_string_equal(r->own.online_endpoint.subscription, "s");
    assert_string_equal(r->own.online_endpoint.resource_group, "g");
    assert_string_equal(r->own.online_endpoint.workspace, "w");
    assert_string_equal(r->own.online_endpoint.name, "n");
    assert_int_equal(r->own.online_endpoint.where.line, 2);
    assert_null(r->own.web_service.subscription);
    assert_null(r->own.scoring.text);
    assert_null(r->own.swagger.text);
    assert_ptr_equal(r->own.identity, &c->identities[0]);
    assert_int_equal(r->own.auth.type, AUTH_FOUND);
    config_unref(&c);

    c = load(MANAGED ROUTE("web_service = { " NAMES " }; identity = \"vm\"; swagger_uri = "
                           "\"https://h/d\"; auth = { header = \"api-key\"; prefix = \"\"; };"));
    assert_string_equal(c->routes[0].own.web_service.name, "n");
    assert_string_equal(c->routes[0].own.swagger.text, "https://h/d");
    assert_int_equal(c->routes[0].own.auth.type, AUTH_FOUND);
    assert_string_equal(c->routes[0].own.auth.header, "api-key");
    config_unref(&c);

    static const struct {
        const char *auth;
        enum config_auth_type type;
    } types[] = {{"type = \"none\";", AUTH_NONE},
                 {"type = \"key\"; primary = \"k\";", AUTH_KEY},
                 {"type = \"token\"; file = \"/t\";", AUTH_TOKEN},
                 {"type = \"endpoint-key\";", AUTH_ENDPOINT_KEY},
                 {"type = \"endpoint-token\";", AUTH_ENDPOINT_TOKEN},
                 {"type = \"entra\";", AUTH_ENTRA}};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        char text[1024];
        snprintf(text, sizeof text, NAMED("auth = { %s };"), types[i].auth);
        c = load(text);
        assert_int_equal(c->routes[0].own.auth.type, types[i].type);
        config_unref(&c);
    }
}

static void test_place_errors(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {MANAGED ROUTE("identity = \"vm\";"), "c:2: routes.scoring_uri is missing; expected that, "
                                              "online_endpoint, web_service or backends\n"},
        {NAMED("\nscoring_uri = \"https://h/s\";"),
         "c:3: routes.scoring_uri: online_endpoint of c:2 says where the endpoint is already; "
         "expected one of scoring_uri, online_endpoint, web_service and backends\n"},
        {NAMED("\nweb_service = { " NAMES " };"),
         "c:3: routes.web_service: online_endpoint of c:2 says where the endpoint is already; "
         "expected one of scoring_uri, online_endpoint, web_service and backends\n"},
        {MANAGED ROUTE("online_endpoint = { }; identity = \"vm\";"),
         "c:2: online_endpoint.subscription is missing\n"
         "c:2: online_endpoint.resource_group is missing\n"
         "c:2: online_endpoint.workspace is missing\n"
         "c:2: online_endpoint.name is missing\n"},
        {MANAGED ROUTE("web_service = { " NAMES " worksapce = \"w\"; }; identity = \"vm\";"),
         "c:2: unknown key worksapce in web_service; did you mean workspace?\n"},
        {MANAGED ROUTE("web_service = \"n\"; identity = \"vm\";"),
         "c:2: routes.web_service: expected a group { … }\n"},
        {MANAGED ROUTE("online_endpoint = { subscription = \"a b\"; resource_group = \"a/b\"; "
                       "workspace = \"..\"; name = \"a\\\\b\"; }; identity = \"vm\";"),
         "c:2: online_endpoint.subscription: \"a b\" is wrong; expected an ID such as "
         "\"00000000-0000-0000-0000-000000000000\"\n"
         "c:2: online_endpoint.resource_group: \"a/b\" is wrong; expected the name of a resource "
         "group\n"
         "c:2: online_endpoint.workspace: \"..\" is wrong; expected the name of a workspace\n"
         "c:2: online_endpoint.name: \"a\\\\b\" is wrong; expected the name of an endpoint\n"},
        {ROUTE(ENDPOINT),
         "c:1: routes.identity is missing: who finds the endpoint and its credential; expected the "
         "name of one of identities\n"},
        {MANAGED ROUTE(ENDPOINT "\nidentity = \"wm\";"),
         "c:3: routes.identity: \"wm\" is wrong; expected the name of one of identities\n"},
        {"identities = { machine = { type = \"managed\"; }; };\n" ROUTE(ENDPOINT
                                                                        "identity = \"machin\";"),
         "c:2: routes.identity: \"machin\" is wrong; expected the name of one of identities; did "
         "you mean \"machine\"?\n"},
        {ROUTE(ENDPOINT "identity = \"vm\";"),
         "c:1: routes.identity: \"vm\" is wrong; expected the name of one of identities\n"},
        {MANAGED SCORING("\nidentity = \"vm\";"),
         "c:3: routes.identity: nothing is asked of Azure here; expected online_endpoint, "
         "web_service or auth.type = \"entra\"\n"},
        {MANAGED SCORING("identity = \"vm\"; auth = { type = \"token\"; file = \"/t\"; };"),
         "c:2: routes.identity: nothing is asked of Azure here; expected online_endpoint, "
         "web_service or auth.type = \"entra\"\n"},
        {NAMED("swagger_uri = \"http://h/d\";"),
         "c:2: routes.swagger_uri: the scheme is http, and others could read and change what is "
         "sent; expected https, or allow_insecure_upstream = true\n"},
    };
    check(cases, ARRAY_LEN(cases));
}

static void test_auth(void **state) {
    (void)state;
    struct config *c = load(
        MANAGED
        "routes = (\n"
        "{ path = \"/a\"; scoring_uri = \"https://h/s\"; identity = \"vm\"; auth = { type = "
        "\"entra\"; }; },\n"
        "{ path = \"/b\"; scoring_uri = \"https://h/s\"; identity = \"vm\"; auth = { type = "
        "\"entra\"; scope = \"api://x/.default\"; }; },\n"
        "{ path = \"/c\"; scoring_uri = \"https://h/s\"; auth = { type = \"token\"; file = "
        "\"run/t\"; }; },\n"
        "{ path = \"/d\"; scoring_uri = \"https://h/s\"; auth = { type = \"token\"; file = \"/t\"; "
        "refresh_by = \"run/t.time\"; }; },\n"
        "{ path = \"/e\"; scoring_uri = \"https://h/s\"; auth = { type = \"token\"; file = \"/t\"; "
        "refresh_by = \"2026-01-31T12:00:00Z\"; }; },\n"
        "{ path = \"/f\"; scoring_uri = \"https://h/s\"; auth = { type = \"token\"; file = \"/t\"; "
        "refresh_by = \"1769860800\"; }; } );");
    const struct config_route *r = c->routes;
    assert_int_equal(r[0].own.auth.type, AUTH_ENTRA);
    assert_null(r[0].own.auth.scope);
    assert_ptr_equal(r[0].own.identity, c->identities);
    assert_string_equal(r[1].own.auth.scope, "api://x/.default");
    assert_int_equal(r[2].own.auth.type, AUTH_TOKEN);
    assert_string_equal(r[2].own.auth.file, "/etc/run/t");
    assert_null(r[2].own.auth.refresh_by);
    assert_null(r[2].own.identity);
    assert_string_equal(r[3].own.auth.refresh_by, "/etc/run/t.time");
    assert_string_equal(r[4].own.auth.refresh_by, "2026-01-31T12:00:00Z");
    assert_string_equal(r[5].own.auth.refresh_by, "1769860800");
    config_unref(&c);
}

static void test_auth_errors(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {SCORING("\nauth = { type = \"endpoint-key\"; };"),
         "c:2: auth.type: \"endpoint-key\" needs an endpoint that is found by name; expected "
         "online_endpoint or web_service in place of scoring_uri\n"},
        {SCORING("auth = { type = \"endpoint-token\"; };"),
         "c:1: auth.type: \"endpoint-token\" needs an endpoint that is found by name; expected "
         "online_endpoint or web_service in place of scoring_uri\n"},
        {SCORING("auth = {\ntype = \"entra\"; };"),
         "c:2: routes.identity is missing: whose token is sent; expected the name of one of "
         "identities\n"},
        {MANAGED ROUTE("scoring_uri = \"http://h/s\"; identity = \"vm\"; auth = { type = "
                       "\"entra\"; };"),
         "c:2: routes.scoring_uri: the scheme is http, and others could read and change what is "
         "sent; expected https, or allow_insecure_upstream = true\n"},
        {SCORING("auth = { type = \"token\"; };"),
         "c:1: auth.file is missing: the file with the token to send\n"},
        {SCORING("auth = { type = \"token\"; file = \"/t\"; primary = \"k\"; };"),
         "c:1: auth.primary: a key is not used with type \"token\"; expected type = \"key\"\n"},
        {SCORING("auth = { type = \"key\"; primary = \"k\"; file = \"/t\"; refresh_by = \"1\"; "
                 "scope = \"a/.default\"; };"),
         "c:1: auth.file: a file is not used with type \"key\"; expected type = \"token\"\n"
         "c:1: auth.refresh_by: a time is not used with type \"key\"; expected type = \"token\"\n"
         "c:1: auth.scope: a scope is not used with type \"key\"; expected type = \"entra\"\n"},
        {SCORING("auth = { file = \"/t\"; refresh_by = \"1\"; };"),
         "c:1: auth.type is missing; expected type = \"token\"\n"},
        {NAMED("auth = { scope = \"a/.default\"; };"),
         "c:2: auth.type is missing; expected type = \"entra\"\n"},
        {NAMED("auth = { type = \"entra\"; scope = \"https://ml.azure.com\"; };"),
         "c:2: auth.scope: \"https://ml.azure.com\" is wrong; expected the scope of a resource "
         "such as \"https://ml.azure.com/.default\"\n"},
        {SCORING("auth = { type = \"token\"; file = \"/t\"; refresh_by = \"2026-13-01\"; };"),
         "c:1: auth.refresh_by: \"2026-13-01\" is wrong; expected a time such as "
         "\"2026-01-31T12:00:00Z\", seconds since 1970, or the path of a file that holds one\n"},
        {SCORING("auth = { type = \"token\"; file = \"/t\"; refresh_by = 5; };"),
         "c:1: auth.refresh_by: expected a time such as \"2026-01-31T12:00:00Z\", seconds since "
         "1970, or the path of a file that holds one; a string stands in quotes: \"5\"\n"},
        {SCORING("auth = { type = \"token\"; file = \"\"; };"),
         "c:1: auth.file: \"\" is wrong; expected the path of a file\n"},
    };
    check(cases, ARRAY_LEN(cases));
}

static void test_key_vault(void **state) {
    (void)state;
    struct config *c = load("identities = { vm = { type = \"managed\"; };\n" APP(
        "app", VAULT("identity = \"vm\"; version = \"0a\";")) "};\n" SCORING("auth = { type = "
                                                                             "\"key\"; primary "
                                                                             "= { key_vault = "
                                                                             "\"https://"
                                                                             "V.example:8443/"
                                                                             "\"; name = \"p\"; "
                                                                             "identity = "
                                                                             "\"app\"; }; };"));
    const struct config_secret *secret = &c->identities[1].secret;
    assert_int_equal(secret->kind, SECRET_KEY_VAULT);
    assert_string_equal(secret->source, "https://v.vault.azure.net");
    assert_string_equal(secret->name, "k");
    assert_string_equal(secret->version, "0a");
    assert_ptr_equal(secret->identity, &c->identities[0]);
    assert_null(secret->value);
    assert_int_equal(secret->where.line, 2);
    secret = &c->routes[0].own.auth.primary;
    assert_string_equal(secret->source, "https://v.example:8443");
    assert_null(secret->version);
    assert_ptr_equal(secret->identity, &c->identities[1]);
    config_unref(&c);
}

#define KEY(vault) SCORING("auth = { type = \"key\"; primary = " vault "; };")

static void test_key_vault_errors(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {KEY("{ key_vault = \"v\"; }"),
         "c:1: secret.name is missing\n"
         "c:1: secret.identity is missing\n"
         "c:1: secret.key_vault: this is no URL of a service: it has no scheme; expected "
         "https://HOST/PATH\n"},
        {MANAGED KEY("{ key_vault = \"https://h/secrets/k\"; name = \"a.b\"; identity = \"vm\"; "
                     "version = \"a/b\"; }"),
         "c:2: secret.key_vault: this is no URL of a service: it holds a path\n"
         "c:2: secret.name: \"a.b\" is wrong; expected the name of a secret: letters, digits and "
         "'-'\n"
         "c:2: secret.version: \"a/b\" is wrong; expected a version of a secret: letters and "
         "digits\n"},
        {MANAGED KEY("{ key_vault = \"http://h\"; name = \"k\"; identity = \"vm\"; }"),
         "c:2: secret.key_vault: this is no URL of a service: its scheme is http, and what is sent "
         "there is secret; expected https\n"},
        {MANAGED KEY(VAULT("identity = \"vm2\";")),
         "c:2: secret.identity: \"vm2\" is wrong; expected the name of one of identities; did you "
         "mean \"vm\"?\n"},
        {MANAGED KEY(VAULT("identity = \"vm\"; versoin = \"1\";")),
         "c:2: unknown key versoin in secret; did you mean version?\n"},
        {SCORING("auth = { type = \"key\"; primary = \"k\"; secondary = " VAULT(
             "identity = \"vm\";") "; };"),
         "c:1: secret.identity: \"vm\" is wrong; expected the name of one of identities\n"},
        {MANAGED KEY("{ key_vault = \"https://h\"; file = \"/x\"; }"),
         "c:2: auth.primary: expected a string, { file = \"PATH\"; }, { env = \"NAME\"; }, "
         "{ credential = \"NAME\"; } or { key_vault = \"https://HOST\"; name = \"NAME\"; identity "
         "= \"NAME\"; }\n"},
    };
    check(cases, ARRAY_LEN(cases));
}

static void test_circles(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {"identities = {\n" APP("a", VAULT("identity = \"a\";")) "};",
         "c:2: secret.identity: a circle, each needs the secret of the next: a -> a\n"},
        /* d leads into the circle of the others and is none of it. */
        {"identities = {\n" APP("d", VAULT("identity = \"b\";"))
             APP("a", VAULT("identity = \"b\";")) APP("b", VAULT("identity = \"c\";"))
                 APP("c", VAULT("identity = \"a\";")) "};",
         "c:3: secret.identity: a circle, each needs the secret of the next: a -> b -> c -> a\n"},
        {"identities = {\n" APP("a", VAULT("identity = \"b\";"))
             APP("b", VAULT("identity = \"a\";")) APP("c", VAULT("identity = \"c\";")) "};",
         "c:2: secret.identity: a circle, each needs the secret of the next: a -> b -> a\n"
         "c:4: secret.identity: a circle, each needs the secret of the next: c -> c\n"},
    };
    check(cases, ARRAY_LEN(cases));
    struct config *c = load("identities = {\n" APP("a", VAULT("identity = \"b\";"))
                                APP("b", VAULT("identity = \"c\";")) APP("c", "\"s\"") "};");
    assert_ptr_equal(c->identities[0].secret.identity, &c->identities[1]);
    assert_ptr_equal(c->identities[1].secret.identity, &c->identities[2]);
    config_unref(&c);
}

static void expect_line(const struct buf *b, const char *line) {
    if (!strstr(b->at, line))
        fail_msg("no \"%s\" in\n%s", line, b->at);
}

static void test_print(void **state) {
    (void)state;
    struct buf once = printed(
        "azure = { imds = \"http://h/\"; };\n"
        "identities = { vm = { type = \"managed\"; object_id = \"o\"; };\n" APP("app",
                                                                                "\"hunter2\"")
            APP("kv",
                VAULT("identity = \"vm\";")) "};\n"
                                             "routes = ( { path = \"/a\"; " ENDPOINT
                                             " identity = \"vm\"; },\n"
                                             "{ path = \"/b\"; scoring_uri = \"https://h/s\"; auth "
                                             "= { type = \"token\"; file = \"t\"; "
                                             "refresh_by = \"1\"; }; } );");
    struct buf twice = printed(once.at);
    assert_string_equal(once.at, twice.at);
    assert_null(strstr(once.at, "hunter2"));
    expect_line(&once, "\nazure = {\n  cloud = \"public\";\n  # authority is not set\n  # "
                       "management is not set\n  imds = \"http://h\";\n  # ca_file is not set\n  "
                       "api_version = \"2024-10-01\";\n};\n");
    expect_line(&once, "\nidentities = {\n  vm = {\n    type = \"managed\";\n    # client_id is "
                       "not set\n    object_id = \"o\";\n    # resource_id is not set\n  };\n  "
                       "app = {\n    type = \"client-secret\";\n    tenant = \"t\";\n    client_id "
                       "= \"c\";\n    secret = \"***\";\n  };\n");
    expect_line(&once, "    secret = {\n      key_vault = \"https://v.vault.azure.net\";\n      "
                       "name = \"k\";\n      # version is not set\n      identity = \"vm\";\n"
                       "    };\n");
    expect_line(&once,
                "    # scoring_uri is not set\n    online_endpoint = {\n      subscription = "
                "\"s\";\n      resource_group = \"g\";\n      workspace = \"w\";\n      "
                "name = \"n\";\n    };\n    # web_service is not set\n    identity = "
                "\"vm\";\n    # swagger_uri is not set\n    auth = {\n      # type is not "
                "set\n");
    expect_line(&once, "      file = \"/etc/t\";\n      refresh_by = \"1\";\n      # scope is not "
                       "set\n");
    buf_done(&once);
    buf_done(&twice);
    struct buf nothing = printed("");
    expect_line(&nothing, "\nidentities = { };\n");
    buf_done(&nothing);
}

/* Values of the environment may be secret. */
static void test_environment_is_not_told(void **state) {
    (void)state;
    assert_int_equal(setenv("SCOREGATE_TEST", "hunter2", 1), 0);
    static const struct wrong cases[] = {
        {MANAGED ROUTE(ENDPOINT "identity = { env = \"SCOREGATE_TEST\"; };"),
         "c:2: routes.identity: \"***\" is wrong; expected the name of one of identities\n"},
        {SCORING("auth = { type = \"entra\"; scope = { env = \"SCOREGATE_TEST\"; }; };"),
         "c:1: routes.identity is missing: whose token is sent; expected the name of one of "
         "identities\n"
         "c:1: auth.scope: \"***\" is wrong; expected the scope of a resource such as "
         "\"https://ml.azure.com/.default\"\n"},
        {"azure = { authority = \"https://u:hunter2@h\"; };",
         "c:1: azure.authority: this is no URL of a service: it holds userinfo\n"},
    };
    check(cases, ARRAY_LEN(cases));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identities),
        cmocka_unit_test(test_identity_errors),
        cmocka_unit_test(test_certificate_files),
        cmocka_unit_test(test_azure),
        cmocka_unit_test(test_azure_errors),
        cmocka_unit_test(test_named_endpoints),
        cmocka_unit_test(test_place_errors),
        cmocka_unit_test(test_auth),
        cmocka_unit_test(test_auth_errors),
        cmocka_unit_test(test_key_vault),
        cmocka_unit_test(test_key_vault_errors),
        cmocka_unit_test(test_circles),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_environment_is_not_told),
    };
    unsetenv("https_proxy");
    unsetenv("HTTPS_PROXY");
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
