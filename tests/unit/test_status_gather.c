/* SPDX-License-Identifier: MIT */
/* Where the numbers and states of a status come from: configurations, tallies, gates and a keeper
 * that are real. */
#include "daemon/status.h"

#include "../scratch.h"
#include "config/load.h"
#include "fake_fetch.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants these first. */
#include <cmocka.h>

#define KEY(key) "auth = { type = \"key\"; primary = \"" key "\"; }; "

#define SEVERAL                                                                                    \
    "{ path = \"/a\"; max_concurrent = 7; backends = ("                                            \
    "  { uri = \"https://one.example/score?code=x\"; deployment = \"blue\"; " KEY(                 \
        "k1") "    weight = 3; },"                                                                 \
              "  { uri = \"https://one.example/score\"; deployment = \"blue\"; " KEY(              \
                  "k2") "    priority = 2; max_concurrent = 4; } ); }"
#define PLAIN "{ path = \"/b\"; scoring_uri = \"https://two.example:8443/score\"; }"
#define NAMED                                                                                      \
    "{ path = \"/c\"; required = false; identity = \"vm\"; online_endpoint = { subscription = "    \
    "\"s\"; resource_group = \"g\"; workspace = \"w\"; name = \"churn\"; }; }"

static struct config *config;
static struct plan *plan;
static struct keeper *keeper;
static struct status status;

/* What a scratch file with ROUTES makes of it. */
static void begin(const char *routes) {
    const struct config_load_options options = {0};
    struct config_errors errors;
    struct buf text, why;
    buf_init(&text, 65536);
    buf_init(&why, 1024);
    buf_addf(&text, "identities = { vm = { type = \"managed\"; }; };\nroutes = ( %s );\n", routes);
    config_errors_init(&errors);
    config = config_load(scratch_path("conf"), text.at, &options, &errors);
    if (config)
        plan = plan_new(config, NULL, &errors);
    if (!plan)
        fail_msg("%s\n%s", buf_text(&errors.text).at, text.at);
    config_errors_done(&errors);
    struct keeper_options keeping = {.config = config};
    keeper = keeper_new(&loop, &keeping, &why);
    assert_non_null(keeper);
    assert_true(keeper_start(keeper));
    buf_done(&text);
    buf_done(&why);
}

static void gather(void) {
    status_done(&status);
    assert_true(status_gather(&status, plan, keeper, loop.now));
}

static int set_up(void **state) {
    config = NULL;
    plan = NULL;
    keeper = NULL;
    return scratch_make(state) != 0 ? -1 : fake_set_up(state);
}

static int tear_down(void **state) {
    status_done(&status);
    keeper_free(&keeper);
    plan_unref(&plan);
    config_unref(&config);
    return fake_tear_down(state) | scratch_remove(state);
}

static void backends_are_those_of_their_route(void **state) {
    (void)state;
    begin(PLAIN "," SEVERAL "," NAMED);
    gather();
    assert_int_equal(status.route_count, 3);
    const struct status_route *b = &status.routes[0], *a = &status.routes[1],
                              *c = &status.routes[2];
    assert_string_equal(b->path, "/b");
    assert_int_equal(b->backend_count, 1);
    assert_string_equal(b->backends[0].name, "two.example:8443");
    assert_string_equal(b->backends[0].auth, "none");

    assert_int_equal(a->backend_count, 2);
    const struct status_backend *first = &a->backends[0], *second = &a->backends[1];
    assert_string_equal(first->name, "one.example/blue");
    assert_string_equal(second->name, "one.example/blue#2");
    assert_string_equal(first->scoring_uri, "https://one.example/score?code=x");
    assert_string_equal(second->scoring_uri, "https://one.example/score");
    assert_string_equal(first->deployment, "blue");
    assert_int_equal(first->weight, 3);
    assert_int_equal(second->priority, 2);
    assert_string_equal(first->auth, "key");
    assert_string_not_equal(first->fingerprints[0], second->fingerprints[0]);
    assert_int_equal(first->credential_count, 1);
    assert_string_not_equal(first->credentials[0], second->credentials[0]);

    assert_string_equal(c->backends[0].name, "churn");
    assert_null(c->backends[0].scoring_uri);
    assert_false(c->required);
}

static void a_route_is_as_ready_as_its_best_backend(void **state) {
    (void)state;
    begin("{ path = \"/a\"; identity = \"vm\"; backends = ( { online_endpoint = { subscription = "
          "\"s\"; resource_group = \"g\"; workspace = \"w\"; name = \"churn\"; }; }, "
          "{ uri = \"https://one.example/score\"; " KEY("k1") " } ); }, " NAMED);
    gather();
    assert_int_equal(status.routes[0].backends[0].state, ROUTE_WAITING);
    assert_int_equal(status.routes[0].backends[1].state, ROUTE_READY);
    assert_int_equal(status.routes[0].state, ROUTE_READY);
    assert_int_equal(status.routes[1].state, ROUTE_WAITING);
    assert_true(status_is_ready(&status));
}

static void counts_are_those_of_the_tallies(void **state) {
    (void)state;
    begin(PLAIN "," SEVERAL);
    struct tally_slot *slot = tally_slot(plan->tallies[1]), *other = tally_slot(plan->others);
    assert_non_null(slot);
    assert_non_null(other);
    tally_add(slot, TALLY_IN_FLIGHT, 2);
    tally_ended(slot, 200, REASON_answered, 5000);
    tally_backend(slot, 1, TALLY_PROBING);
    tally_ended(other, 404, REASON_no_route, 100);
    gather();
    assert_int_equal(status.routes[0].counts.duration.count, 0);
    assert_int_equal(status.routes[1].counts.duration.count, 1);
    assert_int_equal(status.routes[1].counts.gauges[TALLY_IN_FLIGHT], 2);
    assert_int_equal(status.routes[1].backends[0].breaker, TALLY_CLOSED);
    assert_int_equal(status.routes[1].backends[1].breaker, TALLY_PROBING);
    assert_true(status_is_available(&status.routes[1].backends[0]));
    assert_false(status_is_available(&status.routes[1].backends[1]));
    assert_int_equal(status.others.request_count, 1);
    assert_int_equal(status.others.requests[0].status, 404);
}

static void limits_are_those_of_the_gates(void **state) {
    (void)state;
    begin(PLAIN "," SEVERAL);
    gather();
    assert_int_equal(status.routes[0].limit, 0);
    assert_int_equal(status.routes[0].backends[0].limit, 0);
    assert_int_equal(status.routes[1].limit, 7);
    assert_int_equal(status.routes[1].backends[1].limit, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(backends_are_those_of_their_route),
        TEST(a_route_is_as_ready_as_its_best_backend),
        TEST(counts_are_those_of_the_tallies),
        TEST(limits_are_those_of_the_gates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
