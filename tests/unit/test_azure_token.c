/* SPDX-License-Identifier: MIT */
/* Tokens as each service gives them, with their lifetimes; and every answer that is refused. */
#include "azure/token.h"

#include "azure/jwt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#define NOW ((int64_t)1700000000) /* 2023-11-14T22:13:20Z */

/* What a read of BODY gives: kept until the next. */
static struct azure_token token;
static struct azure_error error;

static bool read_at(struct text body, bool managed, int64_t date_s, int64_t now_s) {
    const struct azure_answer a = {
        .status = 200, .body = body, .date_s = date_s, .retry_after_s = -1};
    azure_token_done(&token);
    return azure_token_read(&a, managed, now_s, &token, &error);
}

static bool read_token(const char *body, bool managed) {
    return read_at(text_of(body), managed, NOW, 0);
}

static bool read_endpoint(const char *body, unsigned status) {
    const struct azure_answer a = {
        .status = status, .body = text_of(body), .date_s = NOW, .retry_after_s = -1};
    azure_token_done(&token);
    return azure_endpoint_token_read(&a, 0, &token, &error);
}

static void check_token(const char *value, int64_t lifetime_s, int64_t refresh_s) {
    assert_non_null(token.value);
    assert_true(text_equal(secret_expose(token.value), text_of(value)));
    assert_int_equal(token.lifetime_s, lifetime_s);
    assert_int_equal(token.refresh_s, refresh_s);
}

static void reads_entra(void **state) {
    (void)state;
    assert_true(read_token("{\"token_type\":\"Bearer\",\"expires_in\":3599,\"ext_expires_in\":3599,"
                           "\"access_token\":\"eyJ0.e30.sig\"}",
                           false));
    check_token("eyJ0.e30.sig", 3599, 3299);
    /* v1: all strings; the relative time wins */
    assert_true(read_token("{\"token_type\":\"bearer\",\"expires_in\":\"3600\",\"ext_expires_in\":"
                           "\"3600\",\"expires_on\":\"1700009999\",\"not_before\":\"1699999700\","
                           "\"resource\":\"https://management.azure.com\",\"access_token\":\"t\"}",
                           false));
    check_token("t", 3600, 3300);
    assert_true(read_token("{\"token_type\":\"Bearer\",\"expires_in\":86399,\"refresh_in\":43199,"
                           "\"access_token\":\"t\"}",
                           false));
    check_token("t", 86399, 43199);
}

static void reads_managed_identities(void **state) {
    (void)state;
    /* IMDS */
    assert_true(read_token("{\"access_token\":\"t\",\"client_id\":\"c\",\"expires_in\":\"86399\","
                           "\"expires_on\":\"1700086399\",\"ext_expires_in\":\"86399\","
                           "\"not_before\":\"1699999999\",\"resource\":\"https://ml.azure.com\","
                           "\"token_type\":\"Bearer\"}",
                           true));
    check_token("t", 86399, 43200);
    /* App Service: no expires_in */
    assert_true(read_token("{\"access_token\":\"t\",\"client_id\":\"c\",\"expires_on\":"
                           "\"1700007200\",\"not_before\":\"1699999999\",\"resource\":\"r\","
                           "\"token_type\":\"Bearer\"}",
                           true));
    check_token("t", 7200, 3600);
    /* App Service's old API, on Linux and on Windows */
    assert_true(read_token("{\"access_token\":\"t\",\"expires_on\":\"11/14/2023 23:13:20 +00:00\","
                           "\"resource\":\"r\",\"token_type\":\"Bearer\"}",
                           true));
    check_token("t", 3600, 3300);
    assert_true(read_token("{\"access_token\":\"t\",\"expires_on\":\"11/14/2023 11:13:20 PM "
                           "+00:00\",\"resource\":\"r\",\"token_type\":\"Bearer\"}",
                           true));
    check_token("t", 3600, 3300);
    /* Arc, Azure ML: a number, or RFC 3339 */
    assert_true(read_token("{\"access_token\":\"t\",\"expires_on\":1700000100,\"token_type\":"
                           "\"Bearer\"}",
                           true));
    check_token("t", 100, 50);
    assert_true(read_token("{\"access_token\":\"t\",\"expires_on\":\"2023-11-14T22:14:20Z\","
                           "\"token_type\":\"Bearer\"}",
                           true));
    check_token("t", 60, 30);
}

/* The refresh time of a token that lives LIFETIME, where the answer says REFRESH. */
static int64_t refresh_of(bool managed, int64_t lifetime, const char *refresh) {
    struct buf body;
    buf_init(&body, 4096);
    buf_addf(&body,
             "{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":%lld,"
             "\"refresh_in\":%s}",
             (long long)lifetime, refresh);
    assert_true(read_token(body.at, managed));
    buf_done(&body);
    return token.refresh_s;
}

static void refreshes_by_the_rules(void **state) {
    (void)state;
    assert_int_equal(refresh_of(false, 3600, "null"), 3300);
    assert_int_equal(refresh_of(false, 86400, "null"), 86100);
    assert_int_equal(refresh_of(true, 86400, "null"), 43200);
    assert_int_equal(refresh_of(true, 7200, "null"), 3600);
    assert_int_equal(refresh_of(true, 7199, "null"), 6899);
    assert_int_equal(refresh_of(false, 600, "null"), 300);
    assert_int_equal(refresh_of(false, 599, "null"), 300);
    assert_int_equal(refresh_of(false, 4, "null"), 2);
    assert_int_equal(refresh_of(false, 1, "null"), 1);
    assert_int_equal(refresh_of(true, 86400, "\"1000\""), 1000);
    assert_int_equal(refresh_of(false, 3600, "3600"), 3600);
    assert_int_equal(refresh_of(false, 3600, "1"), 1);
    /* of no sense */
    assert_int_equal(refresh_of(false, 3600, "3601"), 3300);
    assert_int_equal(refresh_of(false, 3600, "0"), 3300);
    assert_int_equal(refresh_of(false, 3600, "-5"), 3300);
    assert_int_equal(refresh_of(false, 3600, "1.5"), 3300);
    assert_int_equal(refresh_of(false, 3600, "\"soon\""), 3300);
}

static void believes_no_token_to_live_long(void **state) {
    (void)state;
    assert_int_equal(refresh_of(false, AZURE_LIFETIME_MAX_S, "null"), AZURE_LIFETIME_MAX_S - 300);
    assert_int_equal(refresh_of(false, 366 * 86400, "null"), AZURE_LIFETIME_MAX_S - 300);
    assert_int_equal(token.lifetime_s, AZURE_LIFETIME_MAX_S);
    assert_int_equal(refresh_of(true, 366 * 86400, "null"), AZURE_LIFETIME_MAX_S / 2);
}

/* --- what is refused (K6, K7) -------------------------------------------------------------------
 */

static void refuse(struct text body, const char *why) {
    struct buf sentence;
    assert_false(read_at(body, true, NOW, 0));
    assert_null(token.value);
    assert_int_equal(error.failure, AZURE_MALFORMED);
    assert_int_equal(error.status, 200);
    buf_init(&sentence, 1024);
    buf_addf(&sentence, "the answer %s", why);
    assert_string_equal(error.message, sentence.at);
    buf_done(&sentence);
}

static void refuses_what_is_no_object(void **state) {
    (void)state;
    static const struct text rows[] = {
        TEXT(""),
        TEXT(" "),
        TEXT("garbage"),
        TEXT("<html><body>Service Unavailable</body></html>"),
        TEXT("[]"),
        TEXT("null"),
        TEXT("\"token\""),
        TEXT("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":3600"),
        TEXT("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":3600}x"),
        TEXT("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":3600}{}"),
        TEXT("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":3600}\0"),
        TEXT("{\"access_token\":\"t\0\",\"token_type\":\"Bearer\",\"expires_in\":3600}"),
        TEXT("{\"access_token\":\"t\\u0000\",\"token_type\":\"Bearer\",\"expires_in\":3600}"),
        TEXT("{\"access_token\":\"t\xff\",\"token_type\":\"Bearer\",\"expires_in\":3600}"),
        TEXT("{'access_token':'t'}"),
        TEXT("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":3600,}"),
        TEXT("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":03600}"),
        TEXT("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":+3600}"),
        TEXT("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":NaN}"),
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        refuse(rows[i], "is no JSON object");
    struct buf deep;
    buf_init(&deep, 300000);
    buf_add_string(&deep, "{\"a\":");
    for (int i = 0; i < 100000; i++)
        buf_add_char(&deep, '[');
    refuse(buf_text(&deep), "is no JSON object");
    buf_clear(&deep);
    buf_add_string(&deep, "{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":3600,"
                          "\"x\":[[[[[[[[1]]]]]]]]}");
    refuse(buf_text(&deep), "is no JSON object");
    buf_done(&deep);
}

static void refuses_other_types(void **state) {
    (void)state;
    static const char *const rows[] = {
        "{\"access_token\":\"t\",\"expires_in\":3600}",
        "{\"access_token\":\"t\",\"expires_in\":3600,\"token_type\":\"pop\"}",
        "{\"access_token\":\"t\",\"expires_in\":3600,\"token_type\":\"Bearer \"}",
        "{\"access_token\":\"t\",\"expires_in\":3600,\"token_type\":\"\"}",
        "{\"access_token\":\"t\",\"expires_in\":3600,\"token_type\":1}",
        "{\"access_token\":\"t\",\"expires_in\":3600,\"token_type\":null}",
        ("{\"access_token\":\"t\",\"expires_in\":3600,\"token_type\":\"Bearer\",\"token_type\":"
         "\"Bearer\"}"),
        "{}",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        refuse(text_of(rows[i]), "has no token_type \"Bearer\"");
}

static void refuses_other_lifetimes(void **state) {
    (void)state;
    static const char *const durations[] = {"0",
                                            "-1",
                                            "-3600",
                                            "0.5",
                                            "3600.5",
                                            "1e300",
                                            "1e10",
                                            "31622401",
                                            "99999999999999999999",
                                            "\"\"",
                                            "\"0\"",
                                            "\"-1\"",
                                            "\"1.5\"",
                                            "\" 3600\"",
                                            "\"3600s\"",
                                            "\"1e3\"",
                                            "\"99999999999999999999\"",
                                            "null",
                                            "true",
                                            "[3600]",
                                            "{}",
                                            "\"0x10\"",
                                            "\"31622401\""};
    static const char *const moments[] = {"0",
                                          "-1",
                                          "1700000000",
                                          "1699999999",
                                          "1731622401",
                                          "1e300",
                                          "\"\"",
                                          "\"soon\"",
                                          "null",
                                          "\"1700000000\"",
                                          "\"2023-11-14T22:13:20Z\"",
                                          "\"11/14/2023 10:13:20 PM +00:00\"",
                                          "\"1700003600000\"",
                                          "1700003600000",
                                          "[]",
                                          "false"};
    struct buf body;
    buf_init(&body, 4096);
    for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
        buf_clear(&body);
        buf_addf(&body, "{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":%s}",
                 durations[i]);
        refuse(buf_text(&body), "has an expires_in that is no sensible number of seconds");
    }
    for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
        buf_clear(&body);
        buf_addf(&body, "{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_on\":%s}",
                 moments[i]);
        refuse(buf_text(&body), "has an expires_on that is no sensible time in the future");
    }
    buf_done(&body);
    refuse(TEXT("{\"access_token\":\"t\",\"token_type\":\"Bearer\"}"),
           "has neither expires_in nor expires_on");
    refuse(TEXT("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":1,"
                "\"expires_in\":1}"),
           "has neither expires_in nor expires_on");
    /* A wrong relative time is not mended by a right absolute one. */
    refuse(TEXT("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":0,"
                "\"expires_on\":1700003600}"),
           "has an expires_in that is no sensible number of seconds");
}

static void refuses_other_tokens(void **state) {
    (void)state;
    static const char form[] = "holds a token that is empty, longer than 16384 bytes, or not of "
                               "visible ASCII characters";
    static const char *const values[] = {"",        "a b",      "a\\r\\nX: y", "a\\n",
                                         "\\u00e9", "a\\tb",    "\xc3\xa9",    "a\\u007f",
                                         " a",      "Bearer a", "a\\u2028"};
    struct buf body;
    buf_init(&body, 32768);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        buf_clear(&body);
        buf_addf(&body, "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":3600}",
                 values[i]);
        refuse(buf_text(&body), form);
    }
    for (size_t length = 16384; length <= 16385; length++) {
        buf_clear(&body);
        buf_add_string(&body, "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"");
        for (size_t i = 0; i < length; i++)
            buf_add_char(&body, 'k');
        buf_add_string(&body, "\"}");
        if (length > 16384)
            refuse(buf_text(&body), form);
        else
            assert_true(read_at(buf_text(&body), false, NOW, 0));
    }
    buf_done(&body);
    static const char *const rows[] = {
        "{\"token_type\":\"Bearer\",\"expires_in\":3600}",
        "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":7}",
        "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":null}",
        "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"Access_Token\":\"t\"}",
        ("{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"t\",\"access_token\":"
         "\"u\"}"),
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        refuse(text_of(rows[i]), "holds no token, or more than one");
}

static void tells_of_errors(void **state) {
    (void)state;
    const struct azure_answer a = {
        .status = 400,
        .retry_after_s = -1,
        .body = TEXT("{\"error\":\"invalid_scope\",\"error_description\":\"AADSTS70011\"}")};
    assert_false(azure_token_read(&a, false, NOW, &token, &error));
    assert_int_equal(error.failure, AZURE_REJECTED);
    assert_string_equal(error.code, "invalid_scope");
    /* Only 200 gives a token. */
    const struct azure_answer odd = {
        .status = 206,
        .retry_after_s = -1,
        .body = TEXT("{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":3600}")};
    assert_false(azure_token_read(&odd, false, NOW, &token, &error));
    assert_int_equal(error.failure, AZURE_MALFORMED);
    assert_null(strstr(error.message, "t"));
}

/* --- clocks -------------------------------------------------------------------------------------
 */

/* An answer with expires_in IN (0: none) and a JWT whose exp is EXP. */
static bool read_jwt(int64_t in, int64_t exp, int64_t date_s, int64_t now_s) {
    struct buf body, claims;
    buf_init(&body, 4096);
    buf_init(&claims, 256);
    buf_addf(&claims, "{\"exp\":%lld}", (long long)exp);
    buf_add_string(&body, "{\"token_type\":\"Bearer\",\"access_token\":\"e30.");
    base64url_add(&body, buf_text(&claims));
    buf_addf(&body, ".c2ln\",\"%s\":%lld}", in ? "expires_in" : "expires_on",
             (long long)(in ? in : exp));
    bool ok = read_at(buf_text(&body), false, date_s, now_s);
    buf_done(&body);
    buf_done(&claims);
    return ok;
}

static void takes_the_earlier_end_of_a_jwt(void **state) {
    (void)state;
    assert_true(read_jwt(3600, NOW + 1000, NOW, 0));
    assert_int_equal(token.lifetime_s, 1000);
    assert_int_equal(token.refresh_s, 700);
    assert_true(read_jwt(3600, NOW + 9000, NOW, 0));
    assert_int_equal(token.lifetime_s, 3600);
    assert_true(read_jwt(3600, NOW + 1, NOW, 0));
    assert_int_equal(token.lifetime_s, 1);
    assert_false(read_jwt(3600, NOW, NOW, 0));
    assert_string_equal(error.message, "the answer holds a token whose exp claim is no sensible "
                                       "time in the future");
    assert_false(read_jwt(3600, NOW - 1, NOW, 0));
    assert_null(token.value);
}

static void goes_by_the_servers_clock(void **state) {
    (void)state;
    /* This machine is a day wrong. */
    assert_true(read_jwt(0, NOW + 3600, NOW, NOW + 86400));
    assert_int_equal(token.lifetime_s, 3600);
    assert_true(read_jwt(0, NOW + 3600, NOW, NOW - 86400));
    assert_int_equal(token.lifetime_s, 3600);
    /* The server says nothing of its own. */
    assert_true(read_jwt(0, NOW + 3600, 0, NOW));
    assert_int_equal(token.lifetime_s, 3600);
    assert_false(read_jwt(0, NOW + 3600, 0, NOW + 86400));
}

/* --- tokens of endpoints ------------------------------------------------------------------------
 */

static void reads_tokens_of_endpoints(void **state) {
    (void)state;
    /* v2 */
    assert_true(read_endpoint("{\"accessToken\":\"t\",\"tokenType\":\"Bearer\",\"expiryTimeUtc\":"
                              "1700086400,\"refreshAfterTimeUtc\":1700043200}",
                              200));
    check_token("t", 86400, 43200);
    /* v1 answers 201, and its token lives twelve hours longer than it should be used */
    assert_true(read_endpoint("{\"accessToken\":\"t\",\"tokenType\":\"Bearer\",\"expiryOn\":"
                              "1700046800,\"refreshAfter\":1700003600}",
                              201));
    check_token("t", 46800, 3600);
    assert_true(read_endpoint("{\"accessToken\":\"t\",\"expiryTimeUtc\":\"1700003600\","
                              "\"refreshAfterTimeUtc\":null}",
                              200));
    check_token("t", 3600, 3300);
    /* refresh times of no sense */
    assert_true(read_endpoint("{\"accessToken\":\"t\",\"expiryTimeUtc\":1700003600,"
                              "\"refreshAfterTimeUtc\":1699999999}",
                              200));
    check_token("t", 3600, 3300);
    assert_true(read_endpoint("{\"accessToken\":\"t\",\"expiryTimeUtc\":1700003600,"
                              "\"refreshAfterTimeUtc\":1700003601}",
                              200));
    check_token("t", 3600, 3300);
    assert_true(read_endpoint("{\"accessToken\":\"t\",\"expiryTimeUtc\":1700003600,"
                              "\"refreshAfterTimeUtc\":0}",
                              200));
    check_token("t", 3600, 3300);
    /* the end is in the token: {"exp":1700003600} */
    assert_true(read_endpoint("{\"accessToken\":\"e30.eyJleHAiOjE3MDAwMDM2MDB9.s\","
                              "\"expiryTimeUtc\":0,\"refreshAfterTimeUtc\":0}",
                              200));
    check_token("e30.eyJleHAiOjE3MDAwMDM2MDB9.s", 3600, 3300);
}

static void refuses_other_tokens_of_endpoints(void **state) {
    (void)state;
    static const struct {
        const char *body, *why;
    } rows[] = {
        {"", "is no JSON object"},
        {"{\"accessToken\":\"t\"}", "does not say when the token expires"},
        {"{\"accessToken\":\"t\",\"expiryTimeUtc\":0}", "does not say when the token expires"},
        {"{\"accessToken\":\"t\",\"expiryTimeUtc\":1700003600,\"expiryTimeUtc\":1700003600}",
         "does not say when the token expires"},
        {"{\"accessToken\":\"t\",\"expiryTimeUtc\":1700000000}",
         "has an expiry that is no sensible time in the future"},
        {"{\"accessToken\":\"t\",\"expiryTimeUtc\":1700003600000000}",
         "does not say when the token expires"},
        {"{\"accessToken\":\"t\",\"expiryTimeUtc\":17000036000}",
         "has an expiry that is no sensible time in the future"},
        {"{\"accessToken\":\"t\",\"tokenType\":\"key\",\"expiryTimeUtc\":1700003600}",
         "has a tokenType that is not \"Bearer\""},
        {"{\"accessToken\":\"a b\",\"expiryTimeUtc\":1700003600}",
         "holds a token that is empty, longer than 16384 bytes, or not of visible ASCII "
         "characters"},
        {"{\"access_token\":\"t\",\"expiryTimeUtc\":1700003600}",
         "holds no token, or more than one"},
        {"{\"accessToken\":\"e30.eyJleHAiOjF9.s\",\"expiryTimeUtc\":1700003600}",
         "holds a token whose exp claim is no sensible time in the future"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (read_endpoint(rows[i].body, 200))
            fail_msg("%s", rows[i].body);
        assert_null(token.value);
        assert_int_equal(error.failure, AZURE_MALFORMED);
        assert_string_equal(error.message + strlen("the answer "), rows[i].why);
    }
    assert_false(read_endpoint("{\"error\":{\"code\":\"TokenExpired\",\"message\":\"m\"}}", 401));
    assert_int_equal(error.failure, AZURE_UNAUTHORIZED);
    assert_string_equal(error.code, "TokenExpired");
}

static int drop(void **state) {
    (void)state;
    azure_token_done(&token);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_entra),
        cmocka_unit_test(reads_managed_identities),
        cmocka_unit_test(refreshes_by_the_rules),
        cmocka_unit_test(believes_no_token_to_live_long),
        cmocka_unit_test(refuses_what_is_no_object),
        cmocka_unit_test(refuses_other_types),
        cmocka_unit_test(refuses_other_lifetimes),
        cmocka_unit_test(refuses_other_tokens),
        cmocka_unit_test(tells_of_errors),
        cmocka_unit_test(takes_the_earlier_end_of_a_jwt),
        cmocka_unit_test(goes_by_the_servers_clock),
        cmocka_unit_test(reads_tokens_of_endpoints),
        cmocka_unit_test(refuses_other_tokens_of_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, drop);
}
