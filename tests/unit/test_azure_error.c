/* SPDX-License-Identifier: MIT */
/* Each envelope of an error, how it is classified, and that no secret is left in it. */
#include "azure/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static struct azure_error read_error(unsigned status, struct text body, bool token) {
    const struct azure_answer a = {.status = status, .body = body, .retry_after_s = -1};
    struct azure_error e;
    azure_error_read(&e, &a, token);
    assert_int_equal(e.status, status);
    return e;
}

static void reads_entra(void **state) {
    (void)state;
    const struct azure_answer a = {
        .status = 401,
        .retry_after_s = 7,
        .body = TEXT("{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid "
                     "client secret provided.\\r\\nTrace ID: 1\\r\\n\",\"error_codes\":[7000215],"
                     "\"timestamp\":\"2024-01-01 00:00:00Z\",\"trace_id\":\"aaaa-1\","
                     "\"correlation_id\":\"bbbb-2\",\"error_uri\":\"https://login/error?code=7\"}"),
    };
    struct azure_error e;
    azure_error_read(&e, &a, true);
    assert_int_equal(e.failure, AZURE_REJECTED);
    assert_int_equal(e.retry_after_s, 7);
    assert_string_equal(e.code, "invalid_client");
    assert_string_equal(e.message, "AADSTS7000215: Invalid client secret provided. Trace ID: 1");
    assert_string_equal(e.trace_id, "aaaa-1");
    assert_string_equal(e.correlation_id, "bbbb-2");
}

static void reads_every_envelope(void **state) {
    (void)state;
    static const struct {
        const char *body, *code, *message;
    } rows[] = {
        /* IMDS */
        {"{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}",
         "invalid_request", "Identity not found"},
        /* ARM, Key Vault */
        {"{\"error\":{\"code\":\"ResourceNotFound\",\"message\":\"No such endpoint.\"}}",
         "ResourceNotFound", "No such endpoint."},
        {"{\"error\":{\"code\":\"Forbidden\",\"message\":\"Caller lacks it.\",\"innererror\":"
         "{\"code\":\"ForbiddenByPolicy\"}}}",
         "Forbidden", "Caller lacks it."},
        {"{\"error\":{\"code\":\"BadRequest\",\"message\":\"Invalid.\",\"details\":[{\"code\":"
         "\"X\",\"message\":\"Really this.\"},{\"message\":\"not this\"}]}}",
         "BadRequest", "Invalid. Really this."},
        {"{\"error\":{\"code\":\"A\",\"message\":\"same\",\"details\":[{\"message\":\"same\"}]}}",
         "A", "same"},
        /* MMS */
        {"{\"code\":\"NotFound\",\"statusCode\":404,\"message\":\"The request is invalid.\","
         "\"details\":[{\"code\":\"ServiceNotFound\",\"message\":\"No service x.\"}]}",
         "NotFound", "The request is invalid. No service x."},
        {"{\"code\":404,\"message\":\"m\"}", "404", "m"},
        /* App Service */
        {"{\"statusCode\":500,\"message\":\"No Managed Identity found.\"}", "500",
         "No Managed Identity found."},
        /* the scoring server */
        {"{\"message\":\"Not found\"}", "", "Not found"},
        /* text */
        {"Unauthorized", "", "Unauthorized"},
        {"  two\r\n\tlines \n", "", "two lines"},
        {"\"Access denied\"", "", "Access denied"},
        /* nothing that could be shown */
        {"", "", ""},
        {"<html><body>token=abc</body></html>", "", ""},
        {"\r\n <!DOCTYPE html>", "", ""},
        {"{\"access_token\":\"abc", "", ""},
        {"[\"abc", "", ""},
        {"[1]", "", ""},
        {"42", "", ""},
        {"caf\xe9", "", ""},
        {"{\"error\":[1]}", "", ""},
        {"{\"error\":7}", "", ""},
        {"{\"error\":{\"code\":-1,\"message\":{}}}", "", ""},
        {"{\"error\":{\"code\":1e30}}", "", ""},
        {"{\"error\":\"a\",\"error\":\"b\"}", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct azure_error e = read_error(400, text_of(rows[i].body), false);
        if (strcmp(e.code, rows[i].code) != 0 || strcmp(e.message, rows[i].message) != 0)
            fail_msg("%s: \"%s\", \"%s\"", rows[i].body, e.code, e.message);
    }
    assert_string_equal(read_error(400, TEXT("a\0b"), false).message, "");
}

static void classifies_by_the_status(void **state) {
    (void)state;
    static const struct {
        unsigned status;
        enum azure_failure service, token;
    } rows[] = {
        {200, AZURE_MALFORMED, AZURE_MALFORMED},     {302, AZURE_MALFORMED, AZURE_MALFORMED},
        {400, AZURE_REJECTED, AZURE_REJECTED},       {401, AZURE_UNAUTHORIZED, AZURE_REJECTED},
        {403, AZURE_FORBIDDEN, AZURE_REJECTED},      {404, AZURE_MISSING, AZURE_MISSING},
        {408, AZURE_UNAVAILABLE, AZURE_UNAVAILABLE}, {409, AZURE_UNAVAILABLE, AZURE_UNAVAILABLE},
        {410, AZURE_UNAVAILABLE, AZURE_UNAVAILABLE}, {411, AZURE_REJECTED, AZURE_REJECTED},
        {429, AZURE_UNAVAILABLE, AZURE_UNAVAILABLE}, {500, AZURE_UNAVAILABLE, AZURE_UNAVAILABLE},
        {503, AZURE_UNAVAILABLE, AZURE_UNAVAILABLE}, {599, AZURE_UNAVAILABLE, AZURE_UNAVAILABLE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(read_error(rows[i].status, TEXT(""), false).failure, rows[i].service);
        assert_int_equal(read_error(rows[i].status, TEXT(""), true).failure, rows[i].token);
    }
    assert_int_equal(read_error(400, TEXT("{\"error\":\"temporarily_unavailable\"}"), true).failure,
                     AZURE_UNAVAILABLE);
    assert_string_equal(azure_failure_word(AZURE_FINE), "fine");
    assert_string_equal(azure_failure_word(AZURE_NO_MEMORY), "no_memory");
    assert_string_equal(azure_failure_word(AZURE_UNUSABLE), "unusable");
}

static void shows_texts_safely(void **state) {
    (void)state;
    struct azure_error e = read_error(
        400, TEXT("{\"message\":\" \\u001b[31mred\\u0007\\u202e \\t\\r\\n end\\u00e9 \"}"), false);
    assert_string_equal(e.message, "?[31mred?? end\xc3\xa9");
    azure_error_set(&e, AZURE_UNUSABLE, "file %s\n%d", "/a\x1b/\xff", 7);
    assert_int_equal(e.failure, AZURE_UNUSABLE);
    assert_int_equal(e.status, 0);
    assert_int_equal(e.retry_after_s, -1);
    assert_string_equal(e.message, "file /a?/? 7");
}

/* A JSON body with N times UNIT as the message, and as the code. */
static struct azure_error read_long(const char *unit, size_t n) {
    struct buf body;
    buf_init(&body, 65536);
    for (int i = 0; i < 2; i++) {
        buf_add_string(&body, i ? "\",\"message\":\"" : "{\"code\":\"");
        for (size_t j = 0; j < n; j++)
            buf_add_string(&body, unit);
    }
    buf_add_string(&body, "\"}");
    struct azure_error e = read_error(400, buf_text(&body), false);
    buf_done(&body);
    return e;
}

static void cuts_between_characters(void **state) {
    (void)state;
    struct azure_error e = read_long("x", 5000);
    assert_int_equal(strlen(e.message), sizeof e.message - 1);
    assert_int_equal(strlen(e.code), sizeof e.code - 1);
    e = read_long("\xe2\x82\xac", 500);
    assert_int_equal(strlen(e.message), (sizeof e.message - 1) / 3 * 3);
    assert_int_equal(strlen(e.code), (sizeof e.code - 1) / 3 * 3);
    e = read_long("\xe2\x82\xac ", 500);
    assert_int_equal(strlen(e.message), 383);
    /* An excerpt is short. */
    struct buf body;
    buf_init(&body, 4096);
    for (int i = 0; i < 1000; i++)
        buf_add_string(&body, "no ");
    assert_in_range(strlen(read_error(400, buf_text(&body), false).message), 100, 160);
    buf_done(&body);
}

/* --- hiding -------------------------------------------------------------------------------------
 */

static void hide(struct azure_error *e, const char *a, const char *b) {
    struct azure_request r;
    struct secret *first = secret_new(text_of(a)), *second = b ? secret_new(text_of(b)) : NULL;
    azure_request_init(&r, METHOD_GET);
    azure_hide(&r, first);
    if (second)
        azure_hide(&r, second);
    azure_error_hide(e, &r);
    secret_unref(&first);
    secret_unref(&second);
    azure_request_done(&r);
}

/* MESSAGE as it is once SECRET is hidden in it. */
static const char *hidden(const char *message, const char *secret) {
    static struct azure_error e;
    azure_error_set(&e, AZURE_REJECTED, "%s", message);
    hide(&e, secret, NULL);
    return e.message;
}

static void hides_secrets_in_every_form(void **state) {
    (void)state;
    static const char secret[] = "S3cr+t/Valu~=";
    static const struct {
        const char *message, *left;
    } rows[] = {
        {"nothing of it", "nothing of it"},
        {"key S3cr+t/Valu~= is bad", "key *** is bad"},
        {"S3cr+t/Valu~=", "***"},
        {"S3cr+t/Valu~=S3cr+t/Valu~= twice", "*** twice"},
        {"a S3cr+t/Valu~= b S3cr+t/Valu~=", "a *** b ***"},
        {"k=S3cr%2Bt%2FValu~%3D&x", "k=***&x"},
        {"k=S3cr%2bt%2fValu%7e%3d&x", "k=***&x"},
        {"k=%53%33%63%72%2b%74/Valu~%3D&x", "k=***&x"},
        /* base64 of it alone, and after "id:", "i:" and ":" */
        {"b UzNjcit0L1ZhbHV+PQ== e", "b ***== e"},
        {"b UzNjcit0L1ZhbHV-PQ e", "b *** e"},
        {"b aWQ6UzNjcit0L1ZhbHV+PQ== e", "b ***== e"},
        {"b aTpTM2NyK3QvVmFsdX49 e", "b *** e"},
        {"b OlMzY3IrdC9WYWx1fj0= e", "b ***= e"},
        {"b UzNjcit0L1ZhbHV%2BPQ%3D%3D e", "b ***%3D%3D e"},
        /* cut off */
        {"key S3cr+t", "key ***"},
        {"key S3cr+", "key S3cr+"},
        {"key S3cr+t and more", "key S3cr+t and more"},
        {"k=S3cr%2Bt", "k=***"},
        {"k=S3cr%2Bt%", "k=***"},
        {"k=S3cr%2Bt%2", "k=***"},
        {"k=S3cr%2", "k=S3cr%2"},
        {"b UzNjcit0", "b ***"},
        {"b UzNjcit", "b UzNjcit"},
        /* what only looks like an escape */
        {"100%zz S3cr+t/Valu~=%", "100%zz ***%"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(hidden(rows[i].message, secret), rows[i].left) != 0)
            fail_msg("\"%s\": \"%s\"", rows[i].message, hidden(rows[i].message, secret));
    assert_string_equal(hidden("100%25 100%2525", "100%25"), "*** ***");
    assert_string_equal(hidden("ab b a", "a"), "*b b *");
    assert_string_equal(hidden("pppppppq pppppq", "pppppq"), "pp*** ***");
    assert_string_equal(hidden("*****", "***"), "***");
    assert_string_equal(hidden("", "secret"), "");
}

static void hides_every_secret_everywhere(void **state) {
    (void)state;
    struct azure_error e;
    azure_error_set(&e, AZURE_REJECTED, "first and second");
    strcpy(e.code, "x-first");
    strcpy(e.trace_id, "second");
    strcpy(e.correlation_id, "first-second");
    hide(&e, "first", "second");
    assert_string_equal(e.message, "*** and ***");
    assert_string_equal(e.code, "x-***");
    assert_string_equal(e.trace_id, "***");
    assert_string_equal(e.correlation_id, "***-***");
}

/* The service shows the whole assertion, so much of it as there is room for. */
static void hides_what_was_cut(void **state) {
    (void)state;
    static char secret[2000];
    struct buf body;
    struct azure_error e;
    for (size_t i = 0; i + 1 < sizeof secret; i++)
        secret[i] = (char)('a' + i * i % 23);
    for (int pad = 0; pad < 400; pad += 13) {
        buf_init(&body, 4096);
        buf_add_string(&body, "{\"error_description\":\"");
        for (int i = 0; i < pad; i++)
            buf_add_char(&body, '.');
        buf_addf(&body, "%s\",\"error\":\"e\"}", secret);
        const struct azure_answer a = {.status = 400, .body = buf_text(&body)};
        azure_error_read(&e, &a, true);
        hide(&e, secret, NULL);
        assert_null(strstr(e.message, (char[]){secret[0], secret[1], secret[2], secret[3],
                                               secret[4], secret[5], '\0'}));
        buf_done(&body);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_entra),
        cmocka_unit_test(reads_every_envelope),
        cmocka_unit_test(classifies_by_the_status),
        cmocka_unit_test(shows_texts_safely),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(hides_secrets_in_every_form),
        cmocka_unit_test(hides_every_secret_everywhere),
        cmocka_unit_test(hides_what_was_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
