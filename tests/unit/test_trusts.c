/* SPDX-License-Identifier: MIT */
/* The trusts of routes: shared where the settings are the same, told once where they are wrong. */
#include "gateway/trusts.h"

#include "../scratch.h"

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
    struct trust **trusts = trusts_load(config, NULL, 0, &errors);
    assert_non_null(trusts);
    assert_int_equal(errors.count, 0);
    assert_non_null(trusts[0]);
    assert_null(trusts[1]); /* nothing to load for http */
    assert_ptr_equal(trusts[2], trusts[0]);
    assert_ptr_not_equal(trusts[3], trusts[0]);
    assert_ptr_equal(trusts[4], trusts[3]);
    drop(trusts, config);
}

/* The trust of one route with the authorities of FILE, after BEFORE. */
static struct trust *trust_after(struct trust *before, const char *file) {
    char text[512];
    snprintf(text, sizeof text, "routes = (" ROUTE("/a", "tls = { ca_file = \"%s\"; };") ");",
             file);
    struct config *config = load(text);
    struct trust **trusts = trusts_load(config, &before, 1, &errors);
    assert_int_equal(errors.count, 0);
    struct trust *t = trust_ref(trusts[0]);
    drop(trusts, config);
    return t;
}

/* Puts the first certificates of this machine's bundle into FILE, some more than BYTES. */
static void write_authorities(const char *file, size_t bytes) {
    FILE *from = fopen("/etc/ssl/certs/ca-certificates.crt", "r"), *to = fopen(file, "w");
    assert_true(from && to);
    char line[256];
    for (size_t n = 0; fgets(line, sizeof line, from); n += strlen(line)) {
        fputs(line, to);
        if (n >= bytes && strncmp(line, "-----END", 8) == 0)
            break;
    }
    fclose(from);
    fclose(to);
}

static void goes_on_until_its_files_change(void **state) {
    (void)state;
    const char *file = scratch_path("ca.pem"), *fresh = scratch_path("new.pem");
    write_authorities(file, 0);
    struct trust *first = trust_after(NULL, file), *second = trust_after(first, file);
    assert_ptr_equal(second, first);
    write_authorities(file, 3000);
    struct trust *third = trust_after(first, file);
    assert_ptr_not_equal(third, first);
    write_authorities(fresh, 3000); /* as somebody who replaces it whole */
    assert_int_equal(rename(fresh, file), 0);
    struct trust *fourth = trust_after(third, file);
    assert_ptr_not_equal(fourth, third);
    trust_unref(&first);
    trust_unref(&second);
    trust_unref(&third);
    trust_unref(&fourth);
}

static void a_setting_that_is_wrong_is_told_once(void **state) {
    (void)state;
    struct config *config = load(
        "tls = { ca_file = \"/dev/null\"; };\nroutes = (\n" ROUTE("/a", "") ",\n" ROUTE("/b", "") ",\n" ROUTE(
            "/c",
            "tls = { ca_file = \"/nowhere/c\"; };") ",\n" ROUTE("/d",
                                                                "tls = { ca_file = \"/nowhere/d\"; "
                                                                "};") ",\n" ROUTE("/e", "") ");");
    struct trust **trusts = trusts_load(config, NULL, 0, &errors);
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
        cmocka_unit_test_setup_teardown(goes_on_until_its_files_change, scratch_make,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
