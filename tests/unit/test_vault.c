/* SPDX-License-Identifier: MIT */
/* What is asked of Key Vault, and which of its secrets are used. */
#include "azure/vault.h"

#include "../azure_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#define NOW 1700000000

static void asks_for_a_secret(void **state) {
    (void)state;
    static const struct {
        const char *vault, *name, *version, *url;
    } cases[] = {
        {"https://v.vault.azure.net", "key", NULL,
         "https://v.vault.azure.net/secrets/key?api-version=7.3"},
        {"https://v.vault.azure.net/", "key", "0123abcd",
         "https://v.vault.azure.net/secrets/key/0123abcd?api-version=7.3"},
        {"https://v.vault.azure.net//", "a/b", "c?d",
         "https://v.vault.azure.net/secrets/a%2Fb/c%3Fd?api-version=7.3"},
    };
    struct secret *bearer = secret_new(TEXT("vault.token"));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct azure_request r;
        assert_true(vault_secret_get(cases[i].vault, cases[i].name, cases[i].version, bearer, &r));
        assert_int_equal(r.method, METHOD_GET);
        assert_string_equal(r.url.at, cases[i].url);
        assert_string_equal(r.fields.at, "Authorization: Bearer vault.token\r\n");
        azure_request_done(&r);
    }
    secret_unref(&bearer);
}

static void assert_reads(const char *body, int64_t date_s, const char *value, int64_t lifetime_s) {
    struct vault_secret secret;
    struct azure_error error;
    struct azure_answer a = azure_answer_of(200, body);
    a.date_s = date_s;
    if (!vault_secret_read(&a, NOW, &secret, &error))
        fail_msg("%s: %s", body, error.message);
    assert_true(text_equal(secret_expose(secret.value), text_of(value)));
    assert_int_equal(secret.lifetime_s, lifetime_s);
    secret_unref(&secret.value);
}

static void reads_a_secret(void **state) {
    (void)state;
    assert_reads("{\"value\":\"Zm9v\",\"id\":\"https://v.vault.azure.net/secrets/key/0123\","
                 "\"contentType\":\"text/plain\",\"attributes\":{\"enabled\":true,"
                 "\"nbf\":1600000000,\"exp\":1700003600,\"created\":1600000000,"
                 "\"updated\":1600000000,\"recoveryLevel\":\"Recoverable+Purgeable\","
                 "\"recoverableDays\":90},\"tags\":{}}",
                 0, "Zm9v", 3600);
    assert_reads("{\"value\":\"k\",\"attributes\":{\"enabled\":true,\"exp\":null}}", 0, "k", -1);
    assert_reads("{\"value\":\"k\"}", 0, "k", -1);
    /* Whoever pipes a key into a vault often sends a newline with it. */
    assert_reads("{\"value\":\"k\\r\\n\\n\"}", 0, "k", -1);
    /* The clock of the vault counts, not this machine's. */
    assert_reads("{\"value\":\"k\",\"attributes\":{\"exp\":1500000010}}", 1500000000, "k", 10);
    assert_reads("{\"value\":\"k\",\"attributes\":{\"nbf\":1700000000,\"exp\":1700000001}}", 0, "k",
                 1);
    assert_reads("{\"value\":\"k\",\"attributes\":{\"nbf\":1800000000}}", 1800000000, "k", -1);
}

static void refuses_a_secret(void **state) {
    (void)state;
    static const struct {
        const char *body;
        enum azure_failure failure;
        const char *says;
    } cases[] = {
        {"{\"value\":\"hunter2\",\"attributes\":{\"enabled\":false}}", AZURE_FORBIDDEN, "disabled"},
        {"{\"value\":\"hunter2\",\"attributes\":{\"exp\":1700000000}}", AZURE_FORBIDDEN, "expired"},
        {"{\"value\":\"hunter2\",\"attributes\":{\"exp\":0}}", AZURE_FORBIDDEN, "expired"},
        {"{\"value\":\"hunter2\",\"attributes\":{\"nbf\":1700000001}}", AZURE_FORBIDDEN, "nbf"},
        {"{\"value\":\"hunter2\",\"attributes\":{\"exp\":\"1800000000\"}}", AZURE_MALFORMED,
         "\"exp\""},
        {"{\"value\":\"hunter2\",\"attributes\":{\"exp\":-1}}", AZURE_MALFORMED, "\"exp\""},
        {"{\"value\":\"hunter2\",\"attributes\":{\"exp\":1e300}}", AZURE_MALFORMED, "\"exp\""},
        {"{\"value\":\"hunter2\",\"attributes\":{\"exp\":1700000000000}}", AZURE_MALFORMED,
         "\"exp\""},
        {"{\"value\":\"hunter2\",\"attributes\":{\"nbf\":[]}}", AZURE_MALFORMED, "\"nbf\""},
        {"{\"value\":\"hunter2\",\"attributes\":{\"enabled\":1}}", AZURE_MALFORMED, "\"enabled\""},
        {"{\"value\":\"hunter2 two\"}", AZURE_MALFORMED, "\"value\""},
        {"{\"value\":\"hunter2\\nX: y\"}", AZURE_MALFORMED, "\"value\""},
        {"{\"value\":\"\\n\"}", AZURE_MALFORMED, "\"value\""},
        {"{\"value\":7}", AZURE_MALFORMED, "\"value\""},
        {"{\"value\":\"\"}", AZURE_MALFORMED, "empty"},
        {"{\"value\":null}", AZURE_MALFORMED, "empty"},
        {"{}", AZURE_MALFORMED, "empty"},
        {"", AZURE_MALFORMED, "no JSON object"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct vault_secret secret;
        struct azure_error error;
        const struct azure_answer a = azure_answer_of(200, cases[i].body);
        if (vault_secret_read(&a, NOW, &secret, &error))
            fail_msg("taken: %s", cases[i].body);
        assert_int_equal(error.failure, cases[i].failure);
        assert_null(strstr(error.message, "hunter2"));
        if (!strstr(error.message, cases[i].says))
            fail_msg("\"%s\" of %s", error.message, cases[i].body);
    }
}

static void reads_the_errors_of_the_vault(void **state) {
    (void)state;
    static const struct {
        unsigned status;
        const char *body;
        enum azure_failure failure;
        const char *code;
    } cases[] = {
        {403,
         "{\"error\":{\"code\":\"Forbidden\",\"message\":\"no permission\",\"innererror\":"
         "{\"code\":\"AccessDenied\"}}}",
         AZURE_FORBIDDEN, "Forbidden"},
        {404, "{\"error\":{\"code\":\"SecretNotFound\",\"message\":\"not found\"}}", AZURE_MISSING,
         "SecretNotFound"},
        {401, "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"token\"}}", AZURE_UNAUTHORIZED,
         "Unauthorized"},
        {429, "{\"error\":{\"code\":\"Throttled\",\"message\":\"slow down\"}}", AZURE_UNAVAILABLE,
         "Throttled"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct vault_secret secret;
        struct azure_error error;
        const struct azure_answer a = azure_answer_of(cases[i].status, cases[i].body);
        assert_false(vault_secret_read(&a, NOW, &secret, &error));
        assert_int_equal(error.failure, cases[i].failure);
        assert_int_equal(error.status, cases[i].status);
        assert_string_equal(error.code, cases[i].code);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_for_a_secret),
        cmocka_unit_test(reads_a_secret),
        cmocka_unit_test(refuses_a_secret),
        cmocka_unit_test(reads_the_errors_of_the_vault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
