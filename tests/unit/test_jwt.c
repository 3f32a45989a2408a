/* SPDX-License-Identifier: MIT */
/* base64url with the vectors of RFC 4648, and the exp claim of whole and of broken tokens. */
#include "azure/jwt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static void encodes_and_decodes(void **state) {
    (void)state;
    static const struct {
        struct text bytes;
        const char *text;
    } rows[] = {
        {TEXT(""), ""},
        {TEXT("f"), "Zg"},
        {TEXT("fo"), "Zm8"},
        {TEXT("foo"), "Zm9v"},
        {TEXT("foob"), "Zm9vYg"},
        {TEXT("fooba"), "Zm9vYmE"},
        {TEXT("foobar"), "Zm9vYmFy"},
        {TEXT("\xff\xef\xbe\0"), "_---AA"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b;
        buf_init(&b, 64);
        base64url_add(&b, rows[i].bytes);
        assert_string_equal(buf_text(&b).at, rows[i].text);
        buf_clear(&b);
        assert_true(base64url_decode(&b, text_of(rows[i].text)));
        assert_true(text_equal(buf_text(&b), rows[i].bytes));
        buf_done(&b);
    }
}

static void decodes_nothing_else(void **state) {
    (void)state;
    static const char *const rows[] = {"Z",      "Zg==", "Zm9vY", "Zm 9", "Zm+v",   "Zm/v",
                                       "Zm9v\n", "Zh",   "Zm9",   "*m9v", "Zm9\xc3"};
    struct buf b;
    buf_init(&b, 64);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (base64url_decode(&b, text_of(rows[i])))
            fail_msg("\"%s\"", rows[i]);
    assert_false(base64url_decode(&b, TEXT("Zm9\0")));
    buf_done(&b);
    buf_init(&b, 2);
    assert_false(base64url_decode(&b, TEXT("Zm9v")));
    buf_done(&b);
}

/* The expiry of a token with these claims, or -1. */
static int64_t expiry_of(const char *claims) {
    struct buf token;
    int64_t expiry = -1;
    buf_init(&token, 65536);
    base64url_add(&token, TEXT("{\"typ\":\"JWT\",\"alg\":\"RS256\"}"));
    buf_add_char(&token, '.');
    base64url_add(&token, text_of(claims));
    buf_add_string(&token, ".c2ln");
    bool good = jwt_expiry(buf_text(&token), &expiry);
    assert_int_equal(good, expiry != -1);
    buf_done(&token);
    return expiry;
}

static void reads_the_expiry(void **state) {
    (void)state;
    static const struct {
        const char *claims;
        int64_t expiry;
    } rows[] = {
        {"{\"exp\":1735689600}", 1735689600},
        {"{\"aud\":\"https://ml.azure.com\",\"exp\":1735689600,\"x\":{\"y\":[1]}}", 1735689600},
        {"{\"exp\":1735689600.75}", 1735689600},
        {"{\"exp\":1.7e9}", 1700000000},
        {"{\"exp\":1}", 1},
        {"{\"exp\":0}", -1},
        {"{\"exp\":-1}", -1},
        {"{\"exp\":1e300}", -1},
        {"{\"exp\":9007199254740992}", -1},
        {"{\"exp\":\"1735689600\"}", -1},
        {"{\"exp\":null}", -1},
        {"{\"exp\":true}", -1},
        {"{\"exp\":1,\"exp\":2}", -1},
        {"{\"iat\":1735689600}", -1},
        {"[1735689600]", -1},
        {"{\"exp\":1735689600}x", -1},
        {"{\"exp\":1735689600", -1},
        {"exp", -1},
        {"", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (expiry_of(rows[i].claims) != rows[i].expiry)
            fail_msg("%s", rows[i].claims);
}

static void takes_no_other_tokens(void **state) {
    (void)state;
    /* eyJleHAiOjF9 is {"exp":1} */
    static const char *const rows[] = {
        "",
        ".",
        "..",
        "opaque",
        "e30.eyJleHAiOjF9",
        "e30.eyJleHAiOjF9.s.t",
        "e30.eyJleHAiOjF9.s.t.u",
        "e30..s",
        "e30.eyJleHAiOjF9=.s",
        "e30.ey JleHAiOjF9.s",
    };
    int64_t expiry = -1;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (jwt_expiry(text_of(rows[i]), &expiry) || expiry != -1)
            fail_msg("\"%s\"", rows[i]);
    /* An unsigned token has an empty third part. */
    assert_true(jwt_expiry(TEXT("e30.eyJleHAiOjF9."), &expiry));
    assert_true(jwt_expiry(TEXT("e30.eyJleHAiOjF9.s"), &expiry));
    assert_int_equal(expiry, 1);
}

static void gives_up_on_deep_and_long_ones(void **state) {
    (void)state;
    struct buf claims;
    buf_init(&claims, 65536);
    buf_add_string(&claims, "{\"exp\":1,\"x\":");
    for (int i = 0; i < 100; i++)
        buf_add_char(&claims, '[');
    for (int i = 0; i < 100; i++)
        buf_add_char(&claims, ']');
    buf_add_char(&claims, '}');
    assert_int_equal(expiry_of(claims.at), -1);
    buf_clear(&claims);
    buf_add_string(&claims, "{\"exp\":1,\"x\":\"");
    for (int i = 0; i < 17000; i++)
        buf_add_char(&claims, 'x');
    buf_add_string(&claims, "\"}");
    assert_int_equal(expiry_of(claims.at), -1);
    buf_done(&claims);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_and_decodes),
        cmocka_unit_test(decodes_nothing_else),
        cmocka_unit_test(reads_the_expiry),
        cmocka_unit_test(takes_no_other_tokens),
        cmocka_unit_test(gives_up_on_deep_and_long_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
