/* SPDX-License-Identifier: MIT */
/* What people are told about errors of Azure. */
#include "base/macros.h"
#include "cli/advice.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static void assert_advice(enum azure_failure failure, unsigned status, const char *message,
                          const char *kind, const char *word) {
    struct azure_error e = {.failure = failure, .status = status, .retry_after_s = -1};
    snprintf(e.message, sizeof e.message, "%s", message);
    const char *advice = advice_for(&e, kind);
    if (!word) {
        assert_null(advice);
        return;
    }
    assert_non_null(advice);
    if (!strstr(advice, word))
        fail_msg("no \"%s\" in: %s", word, advice);
}

static void codes_of_entra(void **state) {
    (void)state;
    assert_advice(AZURE_REJECTED, 401, "AADSTS700024: Client assertion is not within its time", "",
                  "clock");
    assert_advice(AZURE_REJECTED, 401, "AADSTS7000215: Invalid client secret", "", "not its id");
    assert_advice(AZURE_REJECTED, 401, "AADSTS7000222: expired", "", "has expired");
    assert_advice(AZURE_REJECTED, 400, "x AADSTS70021.", "", "federated");
    /* A longer number that begins like a known one is another code. */
    assert_advice(AZURE_REJECTED, 401, "AADSTS700214: y", "client-secret", NULL);
}

static void roles_by_kind(void **state) {
    (void)state;
    assert_advice(AZURE_FORBIDDEN, 403, "", "endpoint-key", "listKeys/action");
    assert_advice(AZURE_FORBIDDEN, 403, "", "endpoint-token", "token/action");
    assert_advice(AZURE_FORBIDDEN, 403, "", "online-endpoint", "onlineEndpoints/read");
    assert_advice(AZURE_FORBIDDEN, 403, "", "key-vault", "Key Vault Secrets User");
    assert_advice(AZURE_FORBIDDEN, 403, "", NULL, "lacks a role");
}

static void the_rest(void **state) {
    (void)state;
    assert_advice(AZURE_UNAVAILABLE, 0, "", "managed", "managed identity");
    assert_advice(AZURE_UNAVAILABLE, 0, "", "endpoint-key", "network");
    assert_advice(AZURE_UNAVAILABLE, 503, "", "endpoint-key", NULL);
    assert_advice(AZURE_REJECTED, 400, "Identity not found", "managed", "assigned");
    assert_advice(AZURE_UNAUTHORIZED, 401, "", NULL, "azure.cloud");
    assert_advice(AZURE_MISSING, 404, "", NULL, "names");
    assert_advice(AZURE_MALFORMED, 200, "", NULL, NULL);
}

static void an_error_in_one_line(void **state) {
    struct azure_error e = {.failure = AZURE_REJECTED,
                            .status = 401,
                            .code = "invalid_client",
                            .message = "no",
                            .trace_id = "t",
                            .correlation_id = "c"};
    struct buf b;
    (void)state;
    buf_init(&b, ADVICE_MAX);
    advice_describe(&b, &e);
    assert_string_equal(b.at, "rejected (401), invalid_client: no (trace t, correlation c)");
    e.trace_id[0] = '\0';
    buf_clear(&b);
    advice_describe(&b, &e);
    assert_string_equal(b.at, "rejected (401), invalid_client: no (correlation c)");
    buf_clear(&b);
    advice_describe(&b, &(struct azure_error){.failure = AZURE_UNAVAILABLE});
    assert_string_equal(b.at, "unavailable");
    buf_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_of_entra),
        cmocka_unit_test(roles_by_kind),
        cmocka_unit_test(the_rest),
        cmocka_unit_test(an_error_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
