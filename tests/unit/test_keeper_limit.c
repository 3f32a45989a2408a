/* SPDX-License-Identifier: MIT */
/* Azure's own limit of requests at once, from the lookup of an endpoint and the list of its
 * deployments to the supplies of its backends; with real sources, answers that are given here, and
 * a clock that is moved by hand. */
#include "daemon/keeper_backend.h"

#include "../scratch.h"
#include "config/load.h"
#include "fake_fetch.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants these first. */
#include <cmocka.h>
#include <stdlib.h>

#define SECONDS(n) ((n)*USEC_PER_SEC)

#define NAMES "{ subscription = \"s\"; resource_group = \"g\"; workspace = \"w\"; name = \"n\"; }"
#define APP                                                                                        \
    "identities = { app = { type = \"client-secret\"; tenant = \"t\"; client_id = \"c\"; secret "  \
    "= \"s3cret\"; }; };\n"
#define ROUTE(path, kind, more)                                                                    \
    "{ path = \"" path "\"; identity = \"app\"; " kind " = " NAMES "; " more " }"
#define ENDPOINT ROUTE("/a", "online_endpoint", "")

/* What calls are told apart by. */
#define TOKEN_FOR_ARM "oauth2"
#define LOOKUP        "onlineEndpoints/n?"
#define DEPLOYMENTS   "onlineEndpoints/n/deployments?api-version=2024-10-01\n"
#define SECOND_PAGE   "onlineEndpoints/n/deployments?page=2"
#define KEYS          "onlineEndpoints/n/listKeys"

#define TOKEN "{\"token_type\": \"Bearer\", \"access_token\": \"arm\", \"expires_in\": 86400}"
#define TRAFFIC(traffic)                                                                           \
    "{\"name\": \"n\", \"properties\": {\"scoringUri\": \"https://n.example/score\", "             \
    "\"authMode\": \"Key\", \"provisioningState\": \"Succeeded\", \"traffic\": {" traffic "}}}"
#define TWO_KEYS "{\"primaryKey\": \"k1\", \"secondaryKey\": \"k2\"}"
#define DEPLOYMENT(name, instances, at_once)                                                       \
    "{\"name\": \"" name "\", \"sku\": {\"capacity\": " instances "}, \"properties\": "            \
    "{\"requestSettings\": {\"maxConcurrentRequestsPerInstance\": " at_once "}}}"
#define LIST(items) "{\"value\": [" items "]}"

static struct config *config;
static struct keeper *keeper;
static unsigned supplied;

static void on_supply(void *context, unsigned backend, struct supply *supply) {
    (void)context, (void)backend, (void)supply;
    supplied++;
}

static void load(const char *routes) {
    struct config_errors errors;
    const struct config_load_options options = {0};
    struct buf text;
    buf_init(&text, 65536);
    buf_addf(&text, "%sazure = { api_version = \"2024-10-01\"; };\nroutes = ( %s );\n", APP,
             routes);
    config_errors_init(&errors);
    config = config_load(scratch_path("conf"), text.at, &options, &errors);
    if (!config)
        fail_msg("%s\n%s", buf_text(&errors.text).at, text.at);
    config_errors_done(&errors);
    buf_done(&text);
}

/* ROUTES, of which every backend has MAX_CONCURRENT; DEPLOYMENT: of the first. */
static void begin_with(const char *routes, unsigned max_concurrent, const char *deployment,
                       bool once) {
    struct buf why;
    load(routes);
    for (size_t i = 0; i < config->backend_count; i++)
        config->backends[i]->max_concurrent = max_concurrent;
    if (deployment) {
        free(config->backends[0]->deployment);
        config->backends[0]->deployment = strdup(deployment);
    }
    buf_init(&why, 1024);
    struct keeper_options options = {.config = config, .once = once, .supplied = on_supply};
    keeper = keeper_new(&loop, &options, &why);
    assert_non_null(keeper);
    buf_done(&why);
    assert_true(keeper_start(keeper));
    answers(TOKEN_FOR_ARM, 200, TOKEN);
}

/* An endpoint with the TRAFFIC of its description, and its keys. */
static void found(const char *description) {
    answers(LOOKUP, 200, description);
    answers(KEYS, 200, TWO_KEYS);
    assert_int_equal(keeper_supply(keeper, 0)->state, SUPPLY_READY);
}

static void begin(void) {
    begin_with(ENDPOINT, CONCURRENT_AUTO, NULL, false);
    found(TRAFFIC("\"blue\": 100"));
}

static void assert_limit(unsigned backend, unsigned limit) {
    assert_int_equal(keeper_supply(keeper, backend)->concurrency, limit);
    assert_int_equal(keeper_supply(keeper, backend)->state, SUPPLY_READY);
}

static int set_up(void **state) {
    keeper = NULL;
    config = NULL;
    supplied = 0;
    return scratch_make(state) != 0 ? -1 : fake_set_up(state);
}

static int tear_down(void **state) {
    keeper_free(&keeper);
    config_unref(&config);
    return fake_tear_down(state) | scratch_remove(state);
}

/* --- following it ----------------------------------------------------------------------------- */

static void the_limit_is_looked_up(void **state) {
    (void)state;
    begin();
    assert_limit(0, 0); /* the route does not wait for it */
    unsigned before = supplied;
    assert_non_null(strstr(asked(DEPLOYMENTS), "Bearer arm"));
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "2", "3") "," DEPLOYMENT("green", "9", "9")));
    assert_limit(0, 12);
    assert_int_equal(supplied, before + 1);
    const char *line = last_logged("requests at once are limited");
    assert_non_null(strstr(line, "limit=12"));
    assert_non_null(strstr(line, "why=\"2 x (blue 3 x 2)\""));
    assert_string_equal(keeper_backend_credential(keeper, 0, 2), "route:/a:deployments");
}

static void a_change_of_scale_is_followed(void **state) {
    (void)state;
    begin();
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "1", "1")));
    assert_limit(0, 2);
    time_passes(SECONDS(50));
    assert_false(is_asked(DEPLOYMENTS));
    time_passes(SECONDS(11));
    unsigned before = supplied;
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "1", "1")));
    assert_int_equal(supplied, before); /* nothing is new, and nothing is told */
    assert_int_equal(logged("requests at once are limited"), 1);
    time_passes(SECONDS(61));
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "4", "1")));
    assert_limit(0, 8);
    assert_int_equal(logged("requests at once are limited"), 2);
}

static void a_shift_of_traffic_is_followed(void **state) {
    (void)state;
    begin();
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "1", "1") "," DEPLOYMENT("green", "2", "1")));
    assert_limit(0, 2);
    assert_false(is_asked(LOOKUP));
    time_passes(SECONDS(61));
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "1", "1") "," DEPLOYMENT("green", "2", "1")));
    answers(LOOKUP, 200, TRAFFIC("\"blue\": 50, \"green\": 50"));
    assert_limit(0, 6);
    time_passes(SECONDS(61));
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "1", "1") "," DEPLOYMENT("green", "2", "1")));
    answers(LOOKUP, 200, TRAFFIC("\"blue\": 0, \"green\": 100"));
    assert_limit(0, 4);
}

static void too_many_requests_are_a_reason_to_look(void **state) {
    (void)state;
    begin();
    keeper_crowded(keeper, 0); /* it is being looked at */
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "4", "1")));
    keeper_crowded(keeper, 0);
    assert_false(is_asked(DEPLOYMENTS)); /* it was, a moment ago */
    time_passes(SECONDS(9));
    assert_false(is_asked(DEPLOYMENTS));
    time_passes(SECONDS(1));
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "2", "1")));
    answers(LOOKUP, 200, TRAFFIC("\"blue\": 100"));
    assert_limit(0, 4);
    time_passes(SECONDS(20));
    assert_false(is_asked(DEPLOYMENTS));
    keeper_crowded(keeper, 0);
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "1", "1")));
    answers(LOOKUP, 200, TRAFFIC("\"blue\": 100"));
    assert_limit(0, 2);
}

static void pages_are_followed(void **state) {
    (void)state;
    begin();
    answers(DEPLOYMENTS, 200,
            "{\"value\": [" DEPLOYMENT(
                "green", "1",
                "1") "], \"nextLink\": "
                     "\"https://management.azure.com/x/onlineEndpoints/n/deployments?page=2\"}");
    assert_limit(0, 0);
    answers(SECOND_PAGE, 200, LIST(DEPLOYMENT("blue", "3", "1")));
    assert_limit(0, 6);
    /* The next time it begins with the first page, and what came before does not add up. */
    time_passes(SECONDS(61));
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "2", "1")));
    assert_limit(0, 4);
}

static void pages_that_do_not_end_are_no_list(void **state) {
    (void)state;
    begin();
    const char *page = "{\"value\": [], \"nextLink\": "
                       "\"https://management.azure.com/onlineEndpoints/n/deployments?page=2\"}";
    answers(DEPLOYMENTS, 200, page);
    for (int i = 1; i < 20; i++)
        answers(SECOND_PAGE, 200, page);
    assert_false(is_asked(SECOND_PAGE));
    assert_non_null(strstr(last_logged("cannot be fetched"), "more than 20 pages"));
    assert_limit(0, 0);
}

/* A missing endpoint is told as one, and nothing else is asked of it. */
static void an_endpoint_comes_before_its_deployments(void **state) {
    (void)state;
    begin_with(ENDPOINT, CONCURRENT_AUTO, NULL, false);
    assert_false(is_asked(DEPLOYMENTS));
    answers(LOOKUP, 404, "");
    assert_int_equal(calls_open, 0);
    assert_int_equal(logged("cannot be fetched"), 1);
    assert_int_equal(keeper_supply(keeper, 0)->why, REASON_endpoint_not_found);
    time_passes(SECONDS(500));
    found(TRAFFIC("\"blue\": 100"));
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "2", "1")));
    assert_limit(0, 4);
}

static struct credential_status credential(const char *name) {
    struct credential_status found;
    for (size_t i = 0; i < keeper_count(keeper); i++) {
        keeper_status(keeper, i, &found);
        if (strcmp(found.name, name) == 0)
            return found;
    }
    fail_msg("there is no credential %s", name);
    return (struct credential_status){0};
}

/* --- doing without ---------------------------------------------------------------------------- */

static void the_right_may_be_missing(void **state) {
    (void)state;
    begin();
    answers(DEPLOYMENTS, 403,
            "{\"error\": {\"code\": \"AuthorizationFailed\", \"message\": \"no\"}}");
    assert_limit(0, 0);
    const char *line = last_logged("cannot be fetched");
    assert_non_null(strstr(line, "name=route:/a:deployments"));
    assert_non_null(strstr(line, "code=AuthorizationFailed"));
    assert_non_null(strstr(line, "onlineEndpoints/deployments/read"));
    /* It is told once, however long it lasts; and taken up when it is given. */
    for (int i = 0; i < 20; i++) {
        time_passes(SECONDS(500));
        answers(LOOKUP, 200, TRAFFIC("\"blue\": 100"));
        if (is_asked(KEYS))
            answers(KEYS, 200, TWO_KEYS);
        assert_true(is_asked(DEPLOYMENTS));
        while (is_asked(DEPLOYMENTS))
            answers(DEPLOYMENTS, 403,
                    "{\"error\": {\"code\": \"AuthorizationFailed\", \"message\": \"no\"}}");
    }
    assert_int_equal(logged("cannot be fetched"), 1);
    keeper_crowded(keeper, 0); /* no reason to ask more often */
    assert_false(is_asked(DEPLOYMENTS));
    struct backend_status status;
    keeper_backend_status(keeper, 0, &status);
    assert_null(status.waits_for);
    struct credential_status deployments = credential("route:/a:deployments");
    assert_string_equal(deployments.state, "unavailable");
    assert_true(deployments.optional);
    time_passes(SECONDS(500));
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "2", "1")));
    assert_limit(0, 4);
    assert_string_equal(credential("route:/a:deployments").state, "usable");
}

static void a_right_that_is_taken_away_ends_what_was_known(void **state) {
    (void)state;
    begin();
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "2", "1")));
    assert_limit(0, 4);
    time_passes(SECONDS(61));
    answers(DEPLOYMENTS, 404, "");
    assert_limit(0, 0);
    assert_int_equal(logged("the limit of requests at once is learnt"), 1);
}

static void a_service_that_is_down_changes_nothing(void **state) {
    (void)state;
    begin();
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "2", "1")));
    time_passes(SECONDS(61));
    answers(DEPLOYMENTS, 503, "");
    assert_limit(0, 4);
    time_passes(SECONDS(1));
    is_unreachable(DEPLOYMENTS);
    assert_limit(0, 4);
}

static void it_may_not_follow_from_the_list(void **state) {
    (void)state;
    begin();
    answers(DEPLOYMENTS, 200,
            LIST("{\"name\": \"blue\", \"properties\": {\"endpointComputeType\": "
                 "\"Kubernetes\"}}"));
    assert_limit(0, 0);
    assert_non_null(strstr(last_logged("the limit of requests at once is learnt"),
                           "why=\"blue is not on managed compute\""));
    time_passes(SECONDS(61));
    answers(DEPLOYMENTS, 200,
            LIST("{\"name\": \"blue\", \"properties\": {\"endpointComputeType\": "
                 "\"Kubernetes\"}}"));
    assert_int_equal(logged("the limit of requests at once is learnt"), 1);
}

/* Who has said what the limit is, or that there is none, is not to be asked for more rights. */
static void nobody_asks_who_does_not_need_it(void **state) {
    (void)state;
    begin_with(ENDPOINT, 7, NULL, false);
    found(TRAFFIC("\"blue\": 100"));
    assert_false(is_asked(DEPLOYMENTS));
    assert_int_equal(calls_open, 0);
    keeper_crowded(keeper, 0);
    assert_int_equal(calls_open, 0);
}

static void a_command_does_not_ask(void **state) {
    (void)state;
    begin_with(ENDPOINT, CONCURRENT_AUTO, NULL, true);
    found(TRAFFIC("\"blue\": 100"));
    assert_int_equal(calls_open, 0);
    assert_true(keeper_settled(keeper));
}

static void web_services_are_not_asked(void **state) {
    (void)state;
    begin_with(ROUTE("/a", "web_service", ""), CONCURRENT_AUTO, NULL, false);
    answers("workspaces/w?", 200,
            "{\"properties\": {\"discoveryUrl\": \"https://ml.example/discovery\"}}");
    answers("ml.example/discovery", 200, "{\"api\": \"https://mms.example\"}");
    answers("services/n?", 200,
            "{\"name\": \"n\", \"computeType\": \"AKS\", \"state\": \"Healthy\", \"authEnabled\": "
            "true, \"scoringUri\": \"https://aks.example/score\"}");
    answers("services/n/listkeys", 200, TWO_KEYS);
    assert_limit(0, 0);
    assert_int_equal(calls_open, 0);
    keeper_crowded(keeper, 0);
    assert_int_equal(calls_open, 0);
}

/* --- several backends ------------------------------------------------------------------------- */

/* They share the list, and each has the limit of its own part of the endpoint. */
static void one_list_serves_several_backends(void **state) {
    (void)state;
    begin_with(ENDPOINT ", " ROUTE("/b", "online_endpoint", ""), CONCURRENT_AUTO, "green", false);
    found(TRAFFIC("\"blue\": 100"));
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "1", "1") "," DEPLOYMENT("green", "5", "1")));
    assert_limit(0, 10);
    assert_limit(1, 2);
    assert_string_equal(keeper_backend_credential(keeper, 0, 2),
                        keeper_backend_credential(keeper, 1, 2));
}

/* --- another configuration -------------------------------------------------------------------- */

static void reload(const char *routes, unsigned max_concurrent) {
    struct config *before = config;
    struct buf why;
    load(routes);
    for (size_t i = 0; i < config->backend_count; i++)
        config->backends[i]->max_concurrent = max_concurrent;
    buf_init(&why, 1024);
    assert_true(keeper_reload(keeper, config, &why));
    buf_done(&why);
    config_unref(&before);
}

static void a_reload_keeps_what_is_known(void **state) {
    (void)state;
    begin();
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "2", "1")));
    reload(ENDPOINT, CONCURRENT_AUTO);
    assert_limit(0, 4);
    assert_int_equal(calls_open, 0);
    time_passes(SECONDS(61));
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "3", "1")));
    assert_limit(0, 6);
}

static void a_reload_may_begin_and_end_it(void **state) {
    (void)state;
    begin_with(ENDPOINT, 3, NULL, false);
    found(TRAFFIC("\"blue\": 100"));
    reload(ENDPOINT, CONCURRENT_AUTO);
    answers(DEPLOYMENTS, 200, LIST(DEPLOYMENT("blue", "2", "1")));
    assert_limit(0, 4);
    reload(ENDPOINT, 3);
    assert_limit(0, 0);
    time_passes(SECONDS(61));
    assert_false(is_asked(DEPLOYMENTS));
}

int main(void) {
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_limit_is_looked_up),
        T(an_endpoint_comes_before_its_deployments),
        T(a_change_of_scale_is_followed),
        T(a_shift_of_traffic_is_followed),
        T(too_many_requests_are_a_reason_to_look),
        T(pages_are_followed),
        T(pages_that_do_not_end_are_no_list),
        T(the_right_may_be_missing),
        T(a_right_that_is_taken_away_ends_what_was_known),
        T(a_service_that_is_down_changes_nothing),
        T(it_may_not_follow_from_the_list),
        T(nobody_asks_who_does_not_need_it),
        T(a_command_does_not_ask),
        T(web_services_are_not_asked),
        T(one_list_serves_several_backends),
        T(a_reload_keeps_what_is_known),
        T(a_reload_may_begin_and_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
