/* SPDX-License-Identifier: MIT */
/* Backends of routes: what they take over, what they need of each other, how they are called; and
 * the limits, retries and breakers of a route. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "config/backend.h"
#include "config/load.h"

#include <stdio.h>
#include <stdlib.h>

#define PLACE "{ subscription = \"s\"; resource_group = \"g\"; workspace = \"w\"; name = \"n\"; };"
#define OTHER_PLACE                                                                                \
    "{ subscription = \"s\"; resource_group = \"g\"; workspace = \"w\"; name = \"o\"; };"
#define VM  "identities = { vm = { type = \"managed\"; }; pod = { type = \"workload\"; }; };\n"
#define KEY "auth = { type = \"key\"; primary = \"k\"; };"
/* A route with MORE keys, and one with these backends, which begin in line 2. */
#define ROUTE(more) "routes = ( { path = \"/a\"; scoring_uri = \"https://h/s\"; " more " } );"
#define BACKENDS(more, these)                                                                      \
    "routes = ( { path = \"/a\"; " more " backends = (\n" these "\n); } );"
#define CONFIG(name) __attribute__((cleanup(config_unref))) struct config *name

static struct config *load(const char *text) {
    const struct config_load_options options = {0};
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *config = config_load("c", text, &options, &errors);
    if (!config)
        fail_msg("%s\n%s", buf_text(&errors.text).at, text);
    config_errors_done(&errors);
    return config;
}

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

static void test_a_route_is_a_backend(void **state) {
    (void)state;
    CONFIG(c) =
        load(VM ROUTE("deployment = \"blue\"; auth = { type = \"entra\"; }; identity = \"vm\";"));
    const struct config_route *r = c->routes;
    assert_ptr_equal(r->backends, &r->own);
    assert_int_equal(r->backend_count, 1);
    assert_int_equal(c->backend_count, 1);
    assert_ptr_equal(c->backends[0], &r->own);
    assert_ptr_equal(r->own.route, r);
    assert_int_equal(r->own.index, 0);
    assert_int_equal(r->own.weight, 1);
    assert_int_equal(r->own.priority, 0);
    assert_int_equal(r->own.max_concurrent, 0);
    assert_int_equal(r->own.where.line, 2);
}

static void test_defaults(void **state) {
    (void)state;
    CONFIG(c) = load(ROUTE(""));
    const struct config_route *r = c->routes;
    assert_int_equal(r->max_concurrent, 0);
    assert_int_equal(r->max_queue, 1000);
    assert_int_equal(r->queue_timeout, 10 * USEC_PER_SEC);
    assert_int_equal(r->hedge_after, 0);
    assert_int_equal(r->wait_for_ready, 0);
    assert_int_equal(r->retry.attempts, 4);
    assert_int_equal(r->retry.backoff, 100 * USEC_PER_MS);
    assert_int_equal(r->retry.max_backoff, 2 * USEC_PER_SEC);
    assert_int_equal(r->retry.max_wait, 10 * USEC_PER_SEC);
    assert_int_equal(r->retry.status_count, 2);
    assert_int_equal(r->retry.statuses[0], 429);
    assert_int_equal(r->retry.statuses[1], 503);
    assert_int_equal(r->retry.budget_percent, 20);
    assert_int_equal(r->breaker.failures, 5);
    assert_int_equal(r->breaker.open, 500 * USEC_PER_MS);
    assert_int_equal(r->breaker.max_open, 5 * USEC_PER_SEC);
    assert_int_equal(r->breaker.recovery, 10 * USEC_PER_SEC);
}

static void test_values(void **state) {
    (void)state;
    CONFIG(c) = load(ROUTE("max_concurrent = 4; max_queue = 0; queue_timeout_ms = 1; "
                           "hedge_after_ms = 600000; wait_for_ready_ms = 86400000;\n"
                           "retry = { attempts = 1; backoff_ms = 1; max_backoff_ms = 1; "
                           "statuses = [ ]; budget_percent = 100; };\n"
                           "breaker = { failures = 0; open_ms = 2; max_open_ms = 2; "
                           "recovery_ms = 0; };"));
    const struct config_route *r = c->routes;
    assert_int_equal(r->max_concurrent, 4);
    assert_int_equal(r->own.max_concurrent, 0);
    assert_int_equal(r->max_queue, 0);
    assert_int_equal(r->queue_timeout, USEC_PER_MS);
    assert_int_equal(r->hedge_after, 600 * USEC_PER_SEC);
    assert_int_equal(r->wait_for_ready, 86400 * USEC_PER_SEC);
    assert_int_equal(r->retry.attempts, 1);
    assert_int_equal(r->retry.max_backoff, USEC_PER_MS);
    assert_int_equal(r->retry.status_count, 0);
    assert_int_equal(r->retry.budget_percent, 100);
    assert_int_equal(r->breaker.failures, 0);
    assert_int_equal(r->breaker.open, 2 * USEC_PER_MS);
    assert_int_equal(r->breaker.recovery, 0);
    CONFIG(one) = load(ROUTE("retry = { statuses = 599; };"));
    assert_int_equal(one->routes[0].retry.status_count, 1);
    assert_int_equal(one->routes[0].retry.statuses[0], 599);
}

static void test_wrong_values(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {ROUTE("max_concurrent = 100001;"),
         "c:1: routes.max_concurrent: expected a whole number from 0 to 100000 or \"auto\", not "
         "100001\n"},
        {ROUTE("max_concurrent = -1;"),
         "c:1: routes.max_concurrent: expected a whole number from 0 to 100000 or \"auto\", not "
         "-1\n"},
        {ROUTE("max_concurrent = \"atuo\";"),
         "c:1: routes.max_concurrent: \"atuo\" is wrong; expected a whole number from 0 to 100000 "
         "or \"auto\"; did you mean \"auto\"?\n"},
        {ROUTE("max_concurrent = \"4\";"),
         "c:1: routes.max_concurrent: \"4\" is wrong; expected a whole number from 0 to 100000 or "
         "\"auto\"\n"},
        {ROUTE("max_concurrent = true;"),
         "c:1: routes.max_concurrent: expected a whole number from 0 to 100000 or \"auto\"\n"},
        {ROUTE("max_queue = 1000001;"),
         "c:1: routes.max_queue: expected a whole number from 0 to 1000000, not 1000001\n"},
        {ROUTE("queue_timeout_ms = 0;"),
         "c:1: routes.queue_timeout_ms: expected a whole number from 1 to 86400000, not 0\n"},
        {ROUTE("retry = { attempts = 0; };"),
         "c:1: retry.attempts: expected a whole number from 1 to 20, not 0\n"},
        {ROUTE("retry = { statuses = [ 429, 399 ]; };"),
         "c:1: retry.statuses: expected a list of whole numbers from 400 to 599, not 399\n"},
        {ROUTE("retry = { statuses = [ \"429\" ]; };"),
         "c:1: retry.statuses: expected a list of whole numbers from 400 to 599\n"},
        {ROUTE("retry = { statuses = [ 429, 503, 429 ]; };"),
         "c:1: retry.statuses: 429 is here for the second time\n"},
        {ROUTE("retry = { budget_percent = 101; };"),
         "c:1: retry.budget_percent: expected a whole number from 0 to 100, not 101\n"},
        {ROUTE("retry = { backoff_ms = 5000; };"),
         "c:1: retry.max_backoff_ms is shorter than retry.backoff_ms\n"},
        {ROUTE("\nretry = { backoff_ms = 5;\nmax_backoff_ms = 4; };"),
         "c:3: retry.max_backoff_ms is shorter than retry.backoff_ms\n"},
        {ROUTE("breaker = { open_ms = 5001; };"),
         "c:1: breaker.max_open_ms is shorter than breaker.open_ms\n"},
        {ROUTE("retry = 3;"), "c:1: routes.retry: expected a group { … }, not 3\n"},
        {ROUTE("retry = { attemps = 3; };"),
         "c:1: unknown key attemps in retry; did you mean attempts?\n"},
        {ROUTE("attempts = 3;"), "c:1: unknown key attempts in routes; it belongs in retry\n"},
        {ROUTE("weight = 3;"), "c:1: unknown key weight in routes; it belongs in backends\n"},
    };
    check(cases, ARRAY_LEN(cases));
}

static void test_automatic_limits(void **state) {
    (void)state;
    static const struct {
        const char *text;
        unsigned route, backend;
    } rows[] = {
        {ROUTE(""), 0, 0},
        {ROUTE("max_concurrent = \"auto\";"), CONCURRENT_AUTO, CONCURRENT_AUTO},
        {ROUTE("max_concurrent = { env = \"SCOREGATE_TEST_AUTO\"; };"), CONCURRENT_AUTO,
         CONCURRENT_AUTO},
        {VM "routes = { path = \"/a\"; identity = \"vm\"; online_endpoint = " PLACE " };",
         CONCURRENT_AUTO, CONCURRENT_AUTO},
        {VM "routes = { path = \"/a\"; identity = \"vm\"; web_service = " PLACE " };",
         CONCURRENT_AUTO, CONCURRENT_AUTO},
        {VM "routes = { path = \"/a\"; identity = \"vm\"; max_concurrent = 0; online_endpoint "
            "= " PLACE " };",
         0, 0},
        {VM "routes = { path = \"/a\"; identity = \"vm\"; max_concurrent = 7; online_endpoint "
            "= " PLACE " };",
         7, 0},
        {BACKENDS("", "{ uri = \"https://h/s\"; }"), 0, 0},
        {BACKENDS("max_concurrent = 7;", "{ uri = \"https://h/s\"; }"), 7, 0},
        {BACKENDS("max_concurrent = \"auto\";", "{ uri = \"https://h/s\"; }"), CONCURRENT_AUTO,
         CONCURRENT_AUTO},
        {BACKENDS("max_concurrent = \"auto\";", "{ uri = \"https://h/s\"; max_concurrent = 3; }"),
         CONCURRENT_AUTO, 3},
        {BACKENDS("max_concurrent = 9;", "{ uri = \"https://h/s\"; max_concurrent = \"auto\"; }"),
         9, CONCURRENT_AUTO},
        {VM BACKENDS("identity = \"vm\"; max_concurrent = 9;", "{ online_endpoint = " PLACE " }"),
         9, CONCURRENT_AUTO},
        {VM BACKENDS("identity = \"vm\";", "{ online_endpoint = " PLACE " max_concurrent = 0; }"),
         0, 0},
    };
    setenv("SCOREGATE_TEST_AUTO", "auto", 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CONFIG(c) = load(rows[i].text);
        if (c->routes[0].max_concurrent != rows[i].route ||
            c->backends[0]->max_concurrent != rows[i].backend)
            fail_msg("%s: %u, %u", rows[i].text, c->routes[0].max_concurrent,
                     c->backends[0]->max_concurrent);
    }
}

static void test_backends(void **state) {
    (void)state;
    CONFIG(c) = load(VM "routes = ( { path = \"/z\"; scoring_uri = \"https://z/s\"; },\n"
                        "{ path = \"/a\"; backends = (\n"
                        "{ uri = \"https://h:8443/v/score?x=y\"; weight = 0; priority = 100; },\n"
                        "{ uri = \"https://i/score\"; swagger_uri = \"https://j/d\"; " KEY " },\n"
                        "{ web_service = " PLACE " identity = \"pod\"; deployment = \"green\"; "
                        "weight = 1000; } ); } );");
    assert_int_equal(c->backend_count, 4);
    const struct config_route *r = &c->routes[1];
    assert_int_equal(r->backend_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_ptr_equal(c->backends[i + 1], &r->backends[i]);
        assert_int_equal(r->backends[i].index, i + 1);
        assert_ptr_equal(r->backends[i].route, r);
        assert_int_equal(r->backends[i].where.line, i + 4);
        assert_int_equal(config_backend_number(&r->backends[i]), i + 1);
    }
    assert_string_equal(r->backends[0].scoring.text, "https://h:8443/v/score?x=y");
    assert_string_equal(r->backends[0].swagger.text, "https://h:8443/v/swagger.json?x=y");
    assert_int_equal(r->backends[0].weight, 0);
    assert_int_equal(r->backends[0].priority, 100);
    assert_int_equal(r->backends[0].auth.type, AUTH_NONE);
    assert_string_equal(r->backends[0].auth.header, "Authorization");
    assert_string_equal(r->backends[1].swagger.text, "https://j/d");
    assert_int_equal(r->backends[1].weight, 1);
    assert_int_equal(r->backends[1].auth.type, AUTH_KEY);
    assert_null(r->backends[1].deployment);
    assert_null(r->backends[1].identity);
    assert_true(config_is_named(&r->backends[2]));
    assert_int_equal(r->backends[2].auth.type, AUTH_FOUND);
    assert_string_equal(r->backends[2].identity->name, "pod");
    assert_string_equal(r->backends[2].deployment, "green");
    assert_int_equal(r->backends[2].weight, 1000);
}

static void test_what_is_taken_over(void **state) {
    (void)state;
    CONFIG(c) = load(VM BACKENDS(
        "identity = \"vm\"; deployment = \"blue\"; auth = { type = \"key\"; header = "
        "\"api-key\"; prefix = \"\"; primary = \"k\"; secondary = { key_vault = "
        "\"https://v\"; name = \"n\"; identity = \"pod\"; }; };",
        "{ uri = \"https://h/1\"; },\n"
        "{ uri = \"https://h/2\"; deployment = \"green\"; },\n"
        "{ uri = \"https://i/3\"; auth = { type = \"entra\"; }; },\n"
        "{ uri = \"https://i/4\"; auth = { type = \"entra\"; }; identity = \"pod\"; }"));
    const struct config_backend *b = c->routes[0].backends;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(b[i].auth.type, AUTH_KEY);
        assert_string_equal(b[i].auth.header, "api-key");
        assert_string_equal(b[i].auth.prefix, "");
        assert_true(text_equal(secret_expose(b[i].auth.primary.value), TEXT("k")));
        assert_int_equal(b[i].auth.secondary.kind, SECRET_KEY_VAULT);
        assert_string_equal(b[i].auth.secondary.identity->name, "pod");
        assert_null(b[i].identity); /* nobody asks Azure for anything */
        assert_null(b[i].identity_name);
    }
    assert_string_equal(b[0].deployment, "blue");
    assert_string_equal(b[1].deployment, "green");
    assert_int_equal(b[2].auth.type, AUTH_ENTRA);
    assert_string_equal(b[2].auth.header, "Authorization");
    assert_string_equal(b[2].identity->name, "vm");
    assert_string_equal(b[2].identity_name, "vm");
    assert_string_equal(b[3].identity->name, "pod");
}

static void test_the_credential_of_named_ones(void **state) {
    (void)state;
    CONFIG(c) =
        load(VM BACKENDS("identity = \"vm\"; auth = { header = \"api-key\"; };",
                         "{ online_endpoint = " PLACE " },\n"
                         "{ online_endpoint = " OTHER_PLACE " auth = { type = \"none\"; }; },\n"
                         "{ uri = \"https://h/s\"; },\n"
                         "{ online_endpoint = " PLACE " auth = { type = \"endpoint-token\"; }; }"));
    const struct config_backend *b = c->routes[0].backends;
    assert_int_equal(b[0].auth.type, AUTH_FOUND);
    assert_string_equal(b[0].auth.header, "api-key");
    assert_int_equal(b[1].auth.type, AUTH_NONE);
    assert_int_equal(b[2].auth.type, AUTH_NONE);
    assert_int_equal(b[3].auth.type, AUTH_ENDPOINT_TOKEN);
    /* What belongs to the endpoint by nature, or to the identity, may stand in the route. */
    CONFIG(shared) = load(VM BACKENDS("identity = \"vm\"; auth = { type = \"endpoint-key\"; };",
                                      "{ online_endpoint = " PLACE " },\n"
                                      "{ online_endpoint = " OTHER_PLACE " }"));
    assert_int_equal(shared->routes[0].backends[1].auth.type, AUTH_ENDPOINT_KEY);
    CONFIG(entra) = load(VM BACKENDS("identity = \"vm\"; auth = { type = \"entra\"; };",
                                     "{ uri = \"https://h/s\"; }, { uri = \"https://i/s\"; }"));
    assert_int_equal(entra->routes[0].backends[1].auth.type, AUTH_ENTRA);
}

static void test_wrong_places(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {BACKENDS("scoring_uri = \"https://h/s\";", "{ uri = \"https://h/s\"; }"),
         "c:1: routes.backends: scoring_uri of c:1 says where the endpoint is already; expected "
         "one "
         "of scoring_uri, online_endpoint, web_service and backends\n"},
        {"routes = ( { path = \"/a\"; backends = { uri = \"https://h/s\"; };\n online_endpoint "
         "= " PLACE " } );",
         "c:2: routes.online_endpoint: backends of c:1 says where the endpoint is already; "
         "expected "
         "one of scoring_uri, online_endpoint, web_service and backends\n"},
        {BACKENDS("swagger_uri = \"https://h/d\";", "{ uri = \"https://h/s\"; }"),
         "c:1: routes.swagger_uri: each backend has its own; expected it in backends\n"},
        {BACKENDS("", ""), "c:1: routes.backends: expected at least one backend\n"},
        {BACKENDS("", "1"),
         "c:2: routes.backends: expected a list of groups ( { … }, { … } ), not 1\n"},
        {BACKENDS("", "{ weight = 1; }"),
         "c:2: backends.uri is missing; expected that, online_endpoint or web_service\n"},
        {BACKENDS("", "{ scoring_uri = \"https://h/s\"; }"),
         "c:2: backends.uri is missing; expected that, online_endpoint or web_service\n"
         "c:2: unknown key scoring_uri in backends; did you mean uri?\n"},
        {BACKENDS("", "{ uri = \"https://h/s\"; wieght = 1; }"),
         "c:2: unknown key wieght in backends; did you mean weight?\n"},
        {BACKENDS("", "{ uri = \"https://h/s\"; max_queue = 1; }"),
         "c:2: unknown key max_queue in backends; it belongs in routes\n"},
        {BACKENDS("", "{ uri = \"https://h/s\"; web_service = " PLACE " }"),
         "c:2: backends.web_service: uri of c:2 says where the endpoint is already; expected one "
         "of "
         "uri, online_endpoint and web_service\n"},
        {BACKENDS("", "{ uri = \"http://h/s\"; },\n{ uri = \"https://h/s\"; swagger_uri = "
                      "\"http://h/d\"; }"),
         "c:2: backends.uri: the scheme is http, and others could read and change what is sent; "
         "expected https, or allow_insecure_upstream = true in the route\n"
         "c:3: backends.swagger_uri: the scheme is http, and others could read and change what is "
         "sent; expected https, or allow_insecure_upstream = true in the route\n"},
        {BACKENDS("", "{ uri = \"h/s\"; }"), "c:2: backends.uri: this is no URI of an endpoint: it "
                                             "has no scheme; expected https://HOST/PATH\n"},
        {BACKENDS("", "{ uri = \"https://h/s\"; weight = 1001; priority = 101; }"),
         "c:2: backends.weight: expected a whole number from 0 to 1000, not 1001\n"
         "c:2: backends.priority: expected a whole number from 0 to 100, not 101\n"},
        {BACKENDS("", "{ uri = \"https://h/s\"; deployment = \"a b\"; }"),
         "c:2: backends.deployment: \"a b\" is wrong; expected the name of a deployment: letters, "
         "digits, '-' and '_'\n"},
        {BACKENDS("", "{ online_endpoint = { name = \"n\"; }; identity = \"vm\"; }"),
         "c:2: online_endpoint.subscription is missing\n"
         "c:2: online_endpoint.resource_group is missing\n"
         "c:2: online_endpoint.workspace is missing\n"
         "c:2: backends.identity: \"vm\" is wrong; expected the name of one of identities\n"},
    };
    check(cases, ARRAY_LEN(cases));
    CONFIG(c) = load(BACKENDS("allow_insecure_upstream = true;", "{ uri = \"http://h/s\"; }"));
    assert_false(c->backends[0]->scoring.tls);
}

static void test_wrong_credentials(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        /* What is wrong with the route's is told once. */
        {BACKENDS("auth = { type = \"key\"; };",
                  "{ uri = \"https://h/1\"; }, { uri = \"https://h/2\"; }"),
         "c:1: auth.primary is missing: the key to send\n"},
        {BACKENDS("auth = { type = \"kye\"; };",
                  "{ uri = \"https://h/1\"; }, { uri = \"https://h/2\"; }"),
         "c:1: auth.type: \"kye\" is wrong; expected \"none\", \"key\", \"token\", "
         "\"endpoint-key\", \"endpoint-token\" or \"entra\"; did you mean \"key\"?\n"},
        {BACKENDS("auth = { type = \"key\"; primary = \"a b\"; };", "{ uri = \"https://h/1\"; }"),
         "c:1: auth.primary: the string has not the form of a key; expected one line of at most "
         "16384 visible ASCII characters without blanks\n"},
        {BACKENDS(KEY, "{ uri = \"https://h/1\"; auth = { primary = \"k\"; }; }"),
         "c:2: auth.type is missing; expected type = \"key\"\n"},
        {BACKENDS("", "{ uri = \"https://h/1\"; auth = { type = \"key\"; }; }"),
         "c:2: auth.primary is missing: the key to send\n"},
        {BACKENDS("", "{ uri = \"https://h/1\";\nauth = { type = \"endpoint-key\"; }; }"),
         "c:3: auth.type: \"endpoint-key\" needs an endpoint that is found by name; expected "
         "online_endpoint or web_service in place of uri\n"},
        {VM BACKENDS("identity = \"vm\"; auth = { type = \"endpoint-token\"; };",
                     "{ online_endpoint = " PLACE " },\n{ uri = \"https://h/1\"; }"),
         "c:4: auth.type: \"endpoint-token\" needs an endpoint that is found by name; expected "
         "online_endpoint or web_service in place of uri\n"},
        {BACKENDS("", "{ online_endpoint = " PLACE " }"),
         "c:2: backends.identity is missing: who finds the endpoint and its credential; expected "
         "the name of one of identities\n"},
        {BACKENDS("auth = { type = \"entra\"; };", "{ uri = \"https://h/1\"; }"),
         "c:2: backends.identity is missing: whose token is sent; expected the name of one of "
         "identities\n"},
        {VM BACKENDS("", "{ uri = \"https://h/1\"; identity = \"vm\"; }"),
         "c:3: backends.identity: nothing is asked of Azure here; expected online_endpoint, "
         "web_service or auth.type = \"entra\"\n"},
        {VM BACKENDS("identity = \"vm\";", "{ uri = \"https://h/1\"; }"),
         "c:2: routes.identity: none of the backends asks Azure anything with it\n"},
        {VM BACKENDS("identity = \"pdo\";", "{ online_endpoint = " PLACE " }"),
         "c:2: routes.identity: \"pdo\" is wrong; expected the name of one of identities; did you "
         "mean \"pod\"?\n"},
        {VM BACKENDS("", "{ online_endpoint = " PLACE " identity = \"pdo\"; }"),
         "c:3: backends.identity: \"pdo\" is wrong; expected the name of one of identities; did "
         "you "
         "mean \"pod\"?\n"},
        {BACKENDS(
             "set_headers = { api-key = \"x\"; azureml-model-deployment = \"y\"; };",
             "{ uri = \"https://h/1\"; }, { uri = \"https://h/2\"; deployment = \"blue\"; auth "
             "= { type = \"key\"; header = \"API-Key\"; primary = \"k\"; }; }"),
         "c:1: set_headers: api-key is the field of the credential; expected that in auth\n"
         "c:1: set_headers: azureml-model-deployment is what deployment sets\n"},
    };
    check(cases, ARRAY_LEN(cases));
}

#define SHARED(what, line, first)                                                                  \
    "c:" line ": backends.auth is missing: the route's " what " goes to the backend of c:" first   \
    ", and this one is at another origin; expected an auth of its own for each\n"

static void test_one_key_for_two_origins(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {BACKENDS(KEY, "{ uri = \"https://h/1\"; },\n{ uri = \"https://i/1\"; }"),
         SHARED("key", "3", "2")},
        {BACKENDS(KEY, "{ uri = \"https://h/1\"; },\n{ uri = \"https://h:444/1\"; }"),
         SHARED("key", "3", "2")},
        {BACKENDS(KEY " allow_insecure_upstream = true;",
                  "{ uri = \"https://h:80/1\"; },\n{ uri = \"http://h/1\"; }"),
         SHARED("key", "3", "2")},
        {BACKENDS("auth = { type = \"token\"; file = \"/t\"; };",
                  "{ uri = \"https://h/1\"; },\n{ uri = \"https://i/1\"; },\n"
                  "{ uri = \"https://h/2\"; }, { uri = \"https://k/1\"; " KEY " }"),
         SHARED("token", "3", "2")},
        {VM BACKENDS("identity = \"vm\";" KEY,
                     "{ online_endpoint = " PLACE " },\n{ online_endpoint = " OTHER_PLACE " }"),
         SHARED("key", "4", "3")},
        {VM BACKENDS("identity = \"vm\";" KEY,
                     "{ online_endpoint = " PLACE " },\n{ web_service = " PLACE " }"),
         SHARED("key", "4", "3")},
        {VM BACKENDS("identity = \"vm\";" KEY,
                     "{ online_endpoint = " PLACE " },\n{ uri = \"https://h/1\"; }"),
         SHARED("key", "4", "3")},
    };
    check(cases, ARRAY_LEN(cases));
    static const char *const fine[] = {
        BACKENDS(KEY, "{ uri = \"https://h/1\"; }, { uri = \"https://H:443/2\"; }"),
        BACKENDS(KEY, "{ uri = \"https://h/1\"; }, { uri = \"https://i/1\"; " KEY " }"),
        VM BACKENDS("identity = \"vm\";" KEY,
                    "{ online_endpoint = " PLACE
                    " deployment = \"a\"; }, { online_endpoint = " PLACE " }"),
    };
    for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
        CONFIG(c) = load(fine[i]);
        assert_int_equal(c->backend_count, 2);
    }
}

#define TWIN(line, first)                                                                          \
    "c:" line ": backends: the backend of c:" first                                                \
    " is the same; expected another endpoint, deployment or credential\n"

static void test_twins(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {BACKENDS("", "{ uri = \"https://h/1\"; },\n{ uri = \"https://h/1\"; weight = 2; }"),
         TWIN("3", "2")},
        {BACKENDS("deployment = \"a\";",
                  "{ uri = \"https://h/1\"; },\n{ uri = \"https://h/2\"; },\n"
                  "{ uri = \"https://h/2\"; deployment = \"a\"; }"),
         TWIN("4", "3")},
        {BACKENDS("", "{ uri = \"https://h/1\"; auth = { type = \"key\"; primary = \"k\"; }; },\n"
                      "{ uri = \"https://h/1\"; auth = { primary = \"k\"; type = \"key\"; }; }"),
         TWIN("3", "2")},
        {VM BACKENDS("identity = \"vm\";", "{ online_endpoint = " PLACE "},\n{ identity = \"vm\"; "
                                           "online_endpoint = " PLACE " }"),
         TWIN("4", "3")},
    };
    check(cases, ARRAY_LEN(cases));
    CONFIG(c) = load(
        VM BACKENDS("identity = \"vm\";",
                    "{ uri = \"https://h/1\"; },\n"
                    "{ uri = \"https://h/1\"; " KEY " },\n"
                    "{ uri = \"https://h/1\"; auth = { type = \"key\"; primary = \"l\"; }; },\n"
                    "{ uri = \"https://h/1\"; deployment = \"a\"; },\n"
                    "{ uri = \"https://h/2\"; },\n"
                    "{ online_endpoint = " PLACE " },\n"
                    "{ web_service = " PLACE " },\n"
                    "{ web_service = " PLACE " identity = \"pod\"; }"));
    assert_int_equal(c->backend_count, 8);
}

static void test_how_many(void **state) {
    (void)state;
    char text[4096];
    for (unsigned n = CONFIG_BACKENDS_MAX; n <= CONFIG_BACKENDS_MAX + 1; n++) {
        int at = snprintf(text, sizeof text, "routes = { path = \"/a\"; backends = (");
        for (unsigned i = 0; i < n; i++)
            at += snprintf(text + at, sizeof text - (size_t)at, "%s{ uri = \"https://h/%u\"; }",
                           i ? ", " : "", i);
        snprintf(text + at, sizeof text - (size_t)at, "); };");
        if (n > CONFIG_BACKENDS_MAX) {
            check(&(struct wrong){text,
                                  "c:1: routes.backends: expected at most 16 backends, not 17\n"},
                  1);
            continue;
        }
        CONFIG(c) = load(text);
        assert_int_equal(c->routes[0].backend_count, CONFIG_BACKENDS_MAX);
    }
}

static void test_printed_and_read_again(void **state) {
    (void)state;
    static const char text[] = VM
        "routes = ( { path = \"/a\"; identity = \"vm\"; deployment = \"blue\"; " KEY
        " max_concurrent = 9; retry = { statuses = [ 429, 424 ]; }; breaker = { failures = 0; };\n"
        "backends = ( { uri = \"https://h/1?code=hunter2\"; weight = 0; },\n"
        "{ uri = \"https://h/2\"; }, { online_endpoint = " PLACE
        " auth = { header = \"api-key\"; }; priority = 3; } ); },\n"
        "{ path = \"/b\"; identity = \"vm\"; web_service = " PLACE " } );";
    struct buf once, twice;
    buf_init(&once, 1024 * 1024);
    buf_init(&twice, 1024 * 1024);
    CONFIG(c) = load(text);
    config_print(c, &once);
    CONFIG(again) = load(once.at);
    config_print(again, &twice);
    assert_string_equal(once.at, twice.at);
    assert_null(strstr(once.at, "hunter2"));
    assert_int_equal(again->backend_count, 4);
    static const char *const lines[] = {
        "\n        uri = \"https://h/1?code=***\";\n",
        "\n        deployment = \"blue\";\n        weight = 0;\n        priority = 0;\n"
        "        max_concurrent = 0;\n",
        "\n        priority = 3;\n        max_concurrent = \"auto\";\n",
        "\n        identity = \"vm\";\n",
        "\n          primary = \"***\";\n",
        "\n    max_concurrent = 9;\n",
        "\n    max_concurrent = \"auto\";\n",
        "\n      statuses = [ 429, 424 ];\n",
        "\n      failures = 0;\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        if (!strstr(once.at, lines[i]))
            fail_msg("no \"%s\" in\n%s", lines[i], once.at);
    buf_done(&once);
    buf_done(&twice);
}

static void test_names(void **state) {
    (void)state;
    CONFIG(c) =
        load(VM BACKENDS("", "{ uri = \"https://h/1\"; },\n"
                             "{ uri = \"https://i:8443/1\"; deployment = \"blue\"; },\n"
                             "{ uri = \"https://h/3\"; },\n"
                             "{ uri = \"https://h/3\"; deployment = \"green\"; },\n"
                             "{ online_endpoint = " PLACE " identity = \"vm\"; deployment = "
                             "\"blue\"; },\n"
                             "{ web_service = " OTHER_PLACE " identity = \"vm\"; }"));
    const struct config_route *r = c->routes;
    struct buf all;
    buf_init(&all, 4096);
    config_backend_list(&all, r);
    assert_string_equal(all.at, "1 (h), 2 (i:8443/blue), 3 (h#3), 4 (h/green), 5 (n/blue), 6 (o)");
    buf_done(&all);
    static const struct {
        const char *word;
        unsigned number; /* 0: none */
    } rows[] = {
        {"1", 1},    {"6", 6},           {"7", 0},      {"0", 0},     {"-1", 0}, {"01x", 0},
        {"", 0},     {"h", 1},           {"h#3", 3},    {"h#1", 0},   {"i", 2},  {"i:8443", 2},
        {"blue", 0}, {"i:8443/blue", 2}, {"i/blue", 0}, {"green", 4}, {"n", 5},  {"n/blue", 5},
        {"o", 6},    {"o/", 0},          {"/blue", 0},  {"H", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct config_backend *b = config_backend_find(r, text_of(rows[i].word));
        if ((b ? config_backend_number(b) : 0) != rows[i].number)
            fail_msg("%s: %u", rows[i].word, b ? config_backend_number(b) : 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_route_is_a_backend),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_automatic_limits),
        cmocka_unit_test(test_backends),
        cmocka_unit_test(test_what_is_taken_over),
        cmocka_unit_test(test_the_credential_of_named_ones),
        cmocka_unit_test(test_wrong_places),
        cmocka_unit_test(test_wrong_credentials),
        cmocka_unit_test(test_one_key_for_two_origins),
        cmocka_unit_test(test_twins),
        cmocka_unit_test(test_how_many),
        cmocka_unit_test(test_printed_and_read_again),
        cmocka_unit_test(test_names),
    };
    static const char *const variables[] = {"https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"};
    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        unsetenv(variables[i]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
