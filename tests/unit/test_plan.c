/* SPDX-License-Identifier: MIT */
/* Plans: what limits the routes, and what goes on from one plan to the next. */
#include "gateway/plan.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants these first. */
#include <cmocka.h>

#define LIST(list) "routes = ( " list " );"
#define ROUTE(path, host, more)                                                                    \
    "{ path = \"" path "\"; scoring_uri = \"http://" host                                          \
    "/s\"; allow_insecure_upstream = true; " more " }"

static struct config *load(const char *text) {
    struct config_errors errors;
    const struct config_load_options options = {0};
    config_errors_init(&errors);
    struct config *config = config_load("c", text, &options, &errors);
    if (!config)
        fail_msg("%s\n%s", buf_text(&errors.text).at, text);
    config_errors_done(&errors);
    return config;
}

static struct plan *plan(const char *text, struct plan *before) {
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *config = load(text);
    struct plan *p = plan_new(config, before, &errors);
    if (!p)
        fail_msg("%s", buf_text(&errors.text).at);
    config_unref(&config);
    config_errors_done(&errors);
    return p;
}

static bool limits_of(const char *text, unsigned known, struct gate_limits *limits) {
    unsigned each[GATE_LANES_MAX];
    for (size_t i = 0; i < GATE_LANES_MAX; i++)
        each[i] = known;
    struct config *config = load(text);
    bool any = plan_limits(&config->routes[0], each, limits);
    config_unref(&config);
    return any;
}

static unsigned limit(struct gate *gate) {
    struct gate_figures figures;
    gate_look(gate, 0, &figures);
    return figures.limit;
}

/* The supplies of a plan with one backend, for which Azure allows KNOWN. */
static void takes_effect(struct plan *p, unsigned known) {
    struct supply *supply = supply_new();
    assert_non_null(supply);
    supply->concurrency = known;
    plan_take_effect(p, &supply);
    supply_unref(&supply);
}

/* --- limits -------------------------------------------------------------------------------------
 */

static void a_route_without_limits_has_no_gate(void **state) {
    (void)state;
    struct gate_limits limits;
    assert_false(limits_of(LIST(ROUTE("/a", "h", "")), 7, &limits));
    struct plan *p = plan(LIST(ROUTE("/a", "h", "")), NULL);
    assert_null(p->gates[0]);
    assert_non_null(p->tallies[0]);
    assert_true(p->generation == 1);
    plan_unref(&p);
}

static void a_number_is_the_limit_whatever_azure_says(void **state) {
    (void)state;
    struct gate_limits limits;
    assert_true(
        limits_of(LIST(ROUTE("/a", "h", "max_concurrent = 4; max_queue = 9;")), 7, &limits));
    assert_int_equal(limits.total ? limits.total : limits.lanes[0].known, 4);
    assert_int_equal(limits.queue, 9);
    assert_int_equal(limits.lane_count, 1);
    assert_false(limits.lanes[0].learn);
    assert_int_not_equal(limits.lanes[0].known, 7);
}

static void automatic_is_what_azure_says_and_learnt(void **state) {
    (void)state;
    struct gate_limits limits;
    assert_true(limits_of(LIST(ROUTE("/a", "h", "max_concurrent = \"auto\";")), 7, &limits));
    assert_int_equal(limits.total, 0);
    assert_int_equal(limits.lanes[0].known, 7);
    assert_true(limits.lanes[0].learn);
    assert_true(limits_of(LIST(ROUTE("/a", "h", "max_concurrent = \"auto\";")), 0, &limits));
    assert_int_equal(limits.lanes[0].known, 0);
    assert_true(limits.lanes[0].learn);
}

static void each_backend_has_its_lane(void **state) {
    (void)state;
    struct gate_limits limits;
    assert_true(limits_of(
        LIST("{ path = \"/a\"; allow_insecure_upstream = true; max_concurrent = 6; backends = ( "
             "{ uri = \"http://a/\"; max_concurrent = 2; }, "
             "{ uri = \"http://b/\"; max_concurrent = \"auto\"; }, "
             "{ uri = \"http://c/\"; } ); }"),
        3, &limits));
    assert_int_equal(limits.total, 6);
    assert_int_equal(limits.lane_count, 3);
    assert_int_equal(limits.lanes[0].known, 2);
    assert_int_equal(limits.lanes[1].known, 3);
    assert_false(limits.lanes[0].learn);
    assert_true(limits.lanes[1].learn);
    assert_int_equal(limits.lanes[2].known, 0);
}

/* --- what goes on -------------------------------------------------------------------------------
 */

#define FOUR "max_concurrent = 4;"
#define FIVE "max_concurrent = 5;"

static void a_gate_goes_on_and_is_changed_when_the_plan_takes_effect(void **state) {
    (void)state;
    struct plan *first = plan(LIST(ROUTE("/a", "h", FOUR)), NULL);
    struct gate *gate = first->gates[0];
    struct tally *tally = first->tallies[0];
    struct plan *second = plan(LIST(ROUTE("/a", "h", FIVE)), first);
    assert_true(second->generation == 2);
    assert_ptr_equal(second->gates[0], gate);
    assert_ptr_equal(second->tallies[0], tally);
    assert_int_equal(limit(gate), 4); /* it may yet be dropped */
    plan_unref(&first);
    takes_effect(second, 0);
    assert_int_equal(limit(gate), 5);
    plan_unref(&second);
}

static void a_route_to_elsewhere_has_another_gate_and_goes_on_counting(void **state) {
    (void)state;
    struct plan *first = plan(LIST(ROUTE("/a", "h", FOUR)), NULL);
    struct plan *second = plan(LIST(ROUTE("/a", "other", FOUR)), first);
    assert_ptr_not_equal(second->gates[0], first->gates[0]);
    assert_ptr_equal(second->tallies[0], first->tallies[0]);
    plan_unref(&first);
    plan_unref(&second);
}

static void routes_are_known_by_their_paths(void **state) {
    (void)state;
    struct plan *first = plan(LIST(ROUTE("/a", "h", FOUR) "," ROUTE("/b", "h", FOUR)), NULL);
    struct plan *second = plan(
        LIST(ROUTE("/c", "h", FOUR) "," ROUTE("/b", "h", FOUR) "," ROUTE("/a", "h", "")), first);
    assert_ptr_equal(second->tallies[1], first->tallies[1]);
    assert_ptr_equal(second->gates[1], first->gates[1]);
    assert_ptr_equal(second->tallies[2], first->tallies[0]);
    assert_null(second->gates[2]);
    assert_ptr_not_equal(second->tallies[0], first->tallies[0]);
    plan_unref(&second);
    plan_unref(&first);
}

static void azure_is_followed(void **state) {
    (void)state;
    struct plan *p = plan(LIST(ROUTE("/a", "h", "max_concurrent = \"auto\";")), NULL);
    takes_effect(p, 3);
    assert_int_equal(limit(p->gates[0]), 3);
    struct supply *supply = supply_new();
    assert_non_null(supply);
    supply->concurrency = 2;
    plan_follow(p, 0, supply);
    assert_int_equal(limit(p->gates[0]), 2);
    supply_unref(&supply);
    plan_unref(&p);
}

static void what_does_not_load_is_told(void **state) {
    (void)state;
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *config =
        load(LIST("\n{ path = \"/a\"; scoring_uri = \"https://h/\"; tls = { ca_file = "
                  "\"/dev/null\"; }; }"));
    assert_null(plan_new(config, NULL, &errors));
    assert_int_equal(errors.count, 1);
    assert_non_null(strstr(buf_text(&errors.text).at, "c:2: tls: "));
    assert_int_equal(config->references, 1);
    config_unref(&config);
    config_errors_done(&errors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_route_without_limits_has_no_gate),
        cmocka_unit_test(a_number_is_the_limit_whatever_azure_says),
        cmocka_unit_test(automatic_is_what_azure_says_and_learnt),
        cmocka_unit_test(each_backend_has_its_lane),
        cmocka_unit_test(a_gate_goes_on_and_is_changed_when_the_plan_takes_effect),
        cmocka_unit_test(a_route_to_elsewhere_has_another_gate_and_goes_on_counting),
        cmocka_unit_test(routes_are_known_by_their_paths),
        cmocka_unit_test(azure_is_followed),
        cmocka_unit_test(what_does_not_load_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
