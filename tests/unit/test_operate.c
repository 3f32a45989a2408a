/* SPDX-License-Identifier: MIT */
/* What operators tell the gateway of routes with several backends; tests/e2e/test_admin.py has the
 * rest. */
#include "daemon/operate.h"

#include "config/load.h"
#include "fake_fetch.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants these first. */
#include <cmocka.h>

#include <stdio.h>

#define TWO_KEYS(a, b) "auth = { type = \"key\"; primary = \"" a "\"; secondary = \"" b "\"; };"

static const char text[] =
    "routes = (\n"
    "{ path = \"/one\"; scoring_uri = \"https://h/1\"; " TWO_KEYS(
        "a", "b") " },\n"
                  "{ path = \"/many\"; backends = (\n"
                  "  { uri = \"https://north/s\"; " TWO_KEYS(
                      "c",
                      "d") " },\n"
                           "  { uri = \"https://h/1\"; deployment = \"blue\"; " TWO_KEYS(
                               "a",
                               "b") " },\n"
                                    "  { uri = \"https://h/2\"; deployment = \"green\"; } ); } );";

static struct config *config;
static struct plan plan; /* of which only the configuration is looked at */
static struct keeper *keeper;
static struct plan plan; /* of which the operations need the configuration */
static struct admin admin;
static struct buf answer;
static struct operation operation;

static int set_up(void **state) {
    const struct config_load_options options = {.insecure_permissions = true};
    struct config_errors errors;
    struct buf why;
    if (fake_set_up(state) != 0)
        return -1;
    config_errors_init(&errors);
    buf_init(&why, 1024);
    config = config_load("c", text, &options, &errors);
    const struct keeper_options keep = {.config = config};
    keeper = config ? keeper_new(&loop, &keep, &why) : NULL;
    plan = (struct plan){.config = config};
    admin = (struct admin){.plan = &plan, .keeper = keeper, .loop = &loop};
    buf_init(&answer, 4096);
    buf_done(&why);
    config_errors_done(&errors);
    return keeper && keeper_start(keeper) ? 0 : -1;
}

static int tear_down(void **state) {
    buf_done(&answer);
    keeper_free(&keeper);
    config_unref(&config);
    return fake_tear_down(state);
}

typedef enum reason operate_fn(struct admin *admin, const struct head *h, struct operation *o);

static enum reason tell(operate_fn *operate, const char *query) {
    struct field_line one = {.name = TEXT("X-Scoregate"), .value = TEXT("1")};
    const struct head h = {.fields = &one, .field_count = 1, .query = text_of(query)};
    buf_clear(&answer);
    operation = (struct operation){.answer = &answer};
    return operate(&admin, &h, &operation);
}

/* Which key each backend begins with, as digits in their order. */
static void assert_preferred(const char *keys) {
    for (unsigned i = 0; i < config->backend_count; i++)
        if (keeper_supply(keeper, i)->preferred != (unsigned)(keys[i] - '0'))
            fail_msg("backend %u of all has not key %c in use", i, keys[i]);
}

static void test_prefer(void **state) {
    (void)state;
    assert_preferred("0000");
    assert_int_equal(tell(operate_prefer, "route=/many&backend=1&key=secondary"), REASON_NONE);
    assert_string_equal(answer.at,
                        "{\"route\":\"/many\",\"backend\":1,\"key_in_use\":\"secondary\"}\n");
    assert_preferred("0100");
    /* Who has the same two keys goes along. */
    assert_int_equal(tell(operate_prefer, "route=/many&backend=blue&key=secondary"), REASON_NONE);
    assert_string_equal(answer.at,
                        "{\"route\":\"/many\",\"backend\":2,\"key_in_use\":\"secondary\"}\n");
    assert_preferred("1110");
    assert_int_equal(tell(operate_prefer, "key=primary&route=/one"), REASON_NONE);
    assert_string_equal(answer.at, "{\"route\":\"/one\",\"key_in_use\":\"primary\"}\n");
    assert_preferred("0100");
    assert_int_equal(tell(operate_prefer, "route=/one&backend=h&key=secondary"), REASON_NONE);
    assert_preferred("1110");
}

static void test_renew(void **state) {
    (void)state;
    assert_int_equal(tell(operate_renew, "route=/many&backend=north"), REASON_NONE);
    assert_string_equal(answer.at, "{\"route\":\"/many\",\"backend\":1,\"renewing\":true}\n");
    assert_int_equal(tell(operate_renew, "route=/many&backend=1"), REASON_renewed_lately);
    assert_int_equal(operation.retry_after_s, 5);
    /* Each for itself. */
    assert_int_equal(tell(operate_renew, "route=/many&backend=2"), REASON_NONE);
    assert_int_equal(tell(operate_renew, "route=/one"), REASON_NONE);
    assert_string_equal(answer.at, "{\"route\":\"/one\",\"renewing\":true}\n");
}

static void test_which_backend(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "route=/many",
        "route=/many&backend=",
        "route=/many&backend=0",
        "route=/many&backend=4",
        "route=/many&backend=h", /* two are there */
        "route=/many&backend=1&backend=1",
        "route=/one&backend=2",
    };
    char query[128];
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        (void)snprintf(query, sizeof query, "%s&key=secondary", wrong[i]);
        if (tell(operate_prefer, query) != REASON_bad_query ||
            tell(operate_renew, wrong[i]) != REASON_bad_query)
            fail_msg("%s is taken", wrong[i]);
        assert_true(text_starts(operation.detail, TEXT("The query needs backend=")));
        assert_int_equal(answer.len, 0);
    }
    assert_int_equal(tell(operate_prefer, "route=/many&backend=3&key=secondary"), REASON_bad_query);
    assert_true(text_starts(operation.detail, TEXT("The route does not have this key")));
    assert_preferred("0000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_prefer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_renew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_which_backend, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
