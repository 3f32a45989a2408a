/* SPDX-License-Identifier: MIT */
/* The trusts of routes: shared where the settings are the same, told once where they are wrong. */
#include "gateway/trusts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#define ROUTE(path, more) "{ path = \"" path "\"; scoring_uri = \"https://h/s\"; " more " }"
#define PLAIN(path)                                                                                \
    "{ path = \"" path "\"; scoring_uri = \"http://h/s\"; allow_insecure_upstream = true; }"
#define NEWEST "tls = { min_version = \"1.3\"; };"

static struct config_errors errors;

static struct config *load(const char *text) {
    const struct config_load_options options = {0};
    config_errors_init(&errors);
    struct config *config = config_load("c", text, &options, &errors);
    if (!config)
        fail_msg("%s\n%s", buf_text(&errors.text).at, text);
    return config;
}

static void drop(struct trust **trusts, struct config *config) {
    trusts_free(trusts, config);
    config_unref(&config);
    config_errors_done(&errors);
}

static void equal_settings_share_a_trust(void **state) {
    (void)state;
    struct config *config = load("routes = (\n" ROUTE("/a", "") "," PLAIN("/b") "," ROUTE(
        "/c", "") "," ROUTE("/d", NEWEST) "," ROUTE("/e", NEWEST) ");");
    struct trust **trusts = trusts_load(config, &errors);
    assert_non_null(trusts);
    assert_int_equal(errors.count, 0);
    assert_non_null(trusts[0]);
    assert_null(trusts[1]); /* nothing to load for http */
    assert_ptr_equal(trusts[2], trusts[0]);
    assert_ptr_not_equal(trusts[3], trusts[0]);
    assert_ptr_equal(trusts[4], trusts[3]);
    drop(trusts, config);
}

static void a_setting_that_is_wrong_is_told_once(void **state) {
    (void)state;
    struct config *config = load(
        "tls = { ca_file = \"/dev/null\"; };\nroutes = (\n" ROUTE("/a", "") ",\n" ROUTE("/b", "") ",\n" ROUTE(
            "/c",
            "tls = { ca_file = \"/nowhere/c\"; };") ",\n" ROUTE("/d",
                                                                "tls = { ca_file = \"/nowhere/d\"; "
                                                                "};") ",\n" ROUTE("/e", "") ");");
    struct trust **trusts = trusts_load(config, &errors);
    assert_int_equal(errors.count, 3);
    const char *text = buf_text(&errors.text).at;
    assert_ptr_equal(strstr(text, "c:1: tls: "), text);
    assert_non_null(strstr(text, "\nc:5: tls: "));
    assert_non_null(strstr(text, "\nc:6: tls: "));
    drop(trusts, config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_settings_share_a_trust),
        cmocka_unit_test(a_setting_that_is_wrong_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
