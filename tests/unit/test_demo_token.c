/* SPDX-License-Identifier: MIT */
/* The demo's tokens and the service that gives them: only its own are taken, as long as they live,
 * and only to the one application. */
#include "azure/jwt.h"
#include "base/json.h"
#include "cli/demo_entra.h"
#include "cli/demo_form.h"
#include "cli/demo_token.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#define NOW      INT64_C(1767225600) /* 2026-01-01 00:00:00 UTC */
#define LIFETIME 20
#define SECRET   "s3~cret+/=%&"

static const struct demo_token_key key = {"0123456789abcdef0123456789abcdef"};
static const struct demo_claims claims = {"an-application", NOW, LIFETIME};

/* --- tokens ---------------------------------------------------------------------------------- */

static void make(struct buf *token) {
    buf_init(token, 4096);
    assert_true(demo_token_make(&key, &claims, token));
}

static enum demo_verdict check_at(struct text token, int64_t now_s) {
    return demo_token_check(&key, token, now_s);
}

static enum demo_verdict check(const char *token) {
    return check_at(text_of(token), NOW);
}

/* HEADER and PAYLOAD, signed with the right key: what only the claims can tell from ours. */
static void sign(struct buf *token, const char *header, const char *payload) {
    unsigned char mac[32];
    buf_init(token, 8192);
    base64url_add(token, text_of(header));
    buf_add_char(token, '.');
    base64url_add(token, text_of(payload));
    assert_non_null(HMAC(EVP_sha256(), key.bytes, sizeof key.bytes,
                         (const unsigned char *)token->at, token->len, mac, NULL));
    buf_add_char(token, '.');
    base64url_add(token, (struct text){(const char *)mac, sizeof mac});
    assert_true(buf_ok(token));
}

static enum demo_verdict check_signed(const char *header, const char *payload) {
    struct buf token;
    sign(&token, header, payload);
    enum demo_verdict verdict = check_at(buf_text(&token), NOW);
    buf_done(&token);
    return verdict;
}

static struct json *part_of(const struct buf *token, int index) {
    struct text rest = buf_text(token);
    for (int i = 0; i < index; i++)
        rest = text_skip(rest, text_find(rest, '.') + 1);
    rest.len = text_find(rest, '.');
    struct buf text;
    buf_init(&text, 4096);
    assert_true(base64url_decode(&text, rest));
    struct json *document = json_parse(buf_text(&text), 4);
    assert_non_null(document);
    buf_done(&text);
    return document;
}

static void assert_says(const struct json *object, const char *name, const char *what) {
    struct text said;
    assert_true(json_string(json_member(object, name), &said));
    assert_true(text_equal(said, text_of(what)));
}

static double number_of(const struct json *object, const char *name) {
    double number = -1;
    assert_true(json_number(json_member(object, name), &number));
    return number;
}

static void a_token_says_what_entras_say(void **state) {
    struct buf token, other;
    struct text id, other_id;
    (void)state;
    make(&token);
    make(&other);
    struct json *header = part_of(&token, 0), *payload = part_of(&token, 1),
                *others = part_of(&other, 1);
    assert_says(header, "typ", "JWT");
    assert_says(header, "alg", "HS256");
    assert_says(payload, "aud", "https://ml.azure.com");
    assert_says(payload, "iss", DEMO_TOKEN_ISSUER);
    assert_says(payload, "appid", "an-application");
    assert_true((int64_t)number_of(payload, "iat") == NOW);
    assert_true((int64_t)number_of(payload, "nbf") == NOW);
    assert_true((int64_t)number_of(payload, "exp") == NOW + LIFETIME + 1);
    assert_true(json_string(json_member(payload, "jti"), &id));
    assert_true(json_string(json_member(others, "jti"), &other_id));
    assert_true(id.len == 36 && !text_equal(id, other_id));
    json_free(&header);
    json_free(&payload);
    json_free(&others);
    buf_done(&token);
    buf_done(&other);
}

static void a_token_is_good_for_its_lifetime(void **state) {
    struct buf token;
    (void)state;
    make(&token);
    struct text t = buf_text(&token);
    assert_int_equal(check_at(t, NOW - 1), DEMO_TOKEN_DENIED);
    assert_int_equal(check_at(t, NOW), DEMO_TOKEN_GOOD);
    assert_int_equal(check_at(t, NOW + LIFETIME), DEMO_TOKEN_GOOD);
    assert_int_equal(check_at(t, NOW + LIFETIME + 1), DEMO_TOKEN_EXPIRED);
    assert_int_equal(check_at(t, INT64_MAX), DEMO_TOKEN_EXPIRED);
    buf_done(&token);
}

static void a_token_changed_anywhere_is_refused(void **state) {
    struct buf token;
    (void)state;
    make(&token);
    for (size_t i = 0; i < token.len; i++) {
        char was = token.at[i];
        token.at[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(check_at(buf_text(&token), NOW), DEMO_TOKEN_DENIED);
        /* and it is not told that it has expired */
        assert_int_equal(check_at(buf_text(&token), NOW + 100), DEMO_TOKEN_DENIED);
        token.at[i] = was;
    }
    for (size_t n = 0; n < token.len; n++)
        assert_int_equal(check_at((struct text){token.at, n}, NOW), DEMO_TOKEN_DENIED);
    assert_int_equal(check(token.at), DEMO_TOKEN_GOOD);
    buf_add_char(&token, 'A');
    assert_int_equal(check(token.at), DEMO_TOKEN_DENIED);
    buf_done(&token);
}

static void a_token_of_another_process_is_refused(void **state) {
    struct buf token;
    struct demo_token_key others = key;
    (void)state;
    others.bytes[31] ^= 1;
    buf_init(&token, 4096);
    assert_true(demo_token_make(&others, &claims, &token));
    assert_int_equal(check(token.at), DEMO_TOKEN_DENIED);
    buf_done(&token);
}

#define CLAIMS(aud, iss, nbf, exp)                                                                 \
    "{\"aud\":" aud ",\"iss\":" iss ",\"nbf\":" nbf ",\"exp\":" exp "}"
#define AUD    "\"" DEMO_TOKEN_AUDIENCE "\""
#define ISS    "\"" DEMO_TOKEN_ISSUER "\""
#define HEADER "{\"alg\":\"HS256\"}"

static void the_algorithm_is_not_the_tokens_choice(void **state) {
    static const char good[] = CLAIMS(AUD, ISS, "1767225600", "1767225601");
    static const char *const headers[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"hs256\"}",
        "{\"alg\":\"RS256\"}",
        "{\"alg\":\"HS256\",\"alg\":\"none\"}",
        "{\"typ\":\"JWT\"}",
        "{\"alg\":[\"HS256\"]}",
        "[\"HS256\"]",
        "\"HS256\"",
        "",
    };
    (void)state;
    assert_int_equal(check_signed(HEADER, good), DEMO_TOKEN_GOOD);
    for (size_t i = 0; i < ARRAY_LEN(headers); i++)
        assert_int_equal(check_signed(headers[i], good), DEMO_TOKEN_DENIED);
    /* without a signature, as {"alg":"none"} has it */
    struct buf token;
    sign(&token, "{\"alg\":\"none\"}", good);
    while (token.at[token.len - 1] != '.')
        token.at[--token.len] = '\0';
    assert_int_equal(check(token.at), DEMO_TOKEN_DENIED);
    buf_done(&token);
}

static void every_claim_counts(void **state) {
    static const struct {
        const char *payload;
        enum demo_verdict verdict;
    } cases[] = {
        {CLAIMS(AUD, ISS, "0", "1767225600.5"), DEMO_TOKEN_GOOD},
        {CLAIMS(AUD, ISS, "1767225600", "1767225600"), DEMO_TOKEN_EXPIRED},
        {CLAIMS(AUD, ISS, "0", "-1e300"), DEMO_TOKEN_EXPIRED},
        {CLAIMS(AUD, ISS, "1767225601", "1767225699"), DEMO_TOKEN_DENIED},
        {CLAIMS(AUD, ISS, "\"0\"", "1767225699"), DEMO_TOKEN_DENIED},
        {CLAIMS(AUD, ISS, "0", "\"1767225699\""), DEMO_TOKEN_DENIED},
        {CLAIMS(AUD, ISS, "0", "null"), DEMO_TOKEN_DENIED},
        {CLAIMS("\"https://management.azure.com\"", ISS, "0", "1767225699"), DEMO_TOKEN_DENIED},
        {CLAIMS("[" AUD "]", ISS, "0", "1767225699"), DEMO_TOKEN_DENIED},
        {CLAIMS(AUD, "\"https://localhost/other/\"", "0", "1767225699"), DEMO_TOKEN_DENIED},
        {"{\"aud\":" AUD ",\"iss\":" ISS ",\"nbf\":0}", DEMO_TOKEN_DENIED},
        {"{\"aud\":" AUD ",\"iss\":" ISS ",\"exp\":1767225699}", DEMO_TOKEN_DENIED},
        {"[]", DEMO_TOKEN_DENIED},
        {"", DEMO_TOKEN_DENIED},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(check_signed(HEADER, cases[i].payload), cases[i].verdict);
}

static void garbage_is_refused(void **state) {
    static const char *const words[] = {"",    ".",     "..",   "...",      "....",  "a",
                                        "a.b", "a.b.c", "a.b.", "e30.e30.", "e30..", " . . "};
    static char large[1024 * 1024];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        assert_int_equal(check(words[i]), DEMO_TOKEN_DENIED);
    memset(large, '.', sizeof large - 1);
    assert_int_equal(check(large), DEMO_TOKEN_DENIED);
    memset(large, 'A', sizeof large - 1);
    large[10] = large[20] = '.';
    assert_int_equal(check(large), DEMO_TOKEN_DENIED);
}

/* --- forms ----------------------------------------------------------------------------------- */

enum { A, B_C, WANTED };

static struct demo_field fields[WANTED];

static bool read_text(struct text body) {
    fields[A] = (struct demo_field){.name = "a"};
    fields[B_C] = (struct demo_field){.name = "b_c"};
    return demo_form_read(body, fields, WANTED);
}

static bool read_form(const char *body) {
    return read_text(text_of(body));
}

static bool value_is(int field, struct text value) {
    return fields[field].given && text_equal(buf_text(&fields[field].value), value);
}

static void a_form_is_decoded(void **state) {
    (void)state;
    assert_true(read_form("a=1+2%2B3%3d%26%25%7E&b_c=https%3A%2F%2Fml.azure.com%2F.default"));
    assert_true(value_is(A, TEXT("1 2+3=&%~")));
    assert_true(value_is(B_C, TEXT("https://ml.azure.com/.default")));
    demo_form_done(fields, WANTED);
    assert_true(read_form("x-client-SKU=a&&%62%5F%63=1=2&client_info=1&"));
    assert_true(!fields[A].given && value_is(B_C, TEXT("1=2")));
    demo_form_done(fields, WANTED);
    assert_true(read_form("a&b_c="));
    assert_true(value_is(A, TEXT("")) && value_is(B_C, TEXT("")));
    demo_form_done(fields, WANTED);
    assert_true(read_form(""));
    assert_true(!fields[A].given && !fields[B_C].given);
    demo_form_done(fields, WANTED);
    /* What nobody wants may stand there as often as it likes. */
    assert_true(read_form("x=1&x=2&=&=&A=1&A=2"));
    assert_true(!fields[A].given && !fields[B_C].given);
    demo_form_done(fields, WANTED);
}

static void a_form_that_reads_in_two_ways_is_refused(void **state) {
    static const char *const forms[] = {
        "a=1&a=1", "a=&a=1", "a&a=1", "a=1&%61=1", "b_c=1&a=1&b_c=2", "a=%", "a=%4",
        "a=%4x",   "a=%x4",  "a=%00", "%=1",       "%zz=1&a=1",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        assert_false(read_form(forms[i]));
        demo_form_done(fields, WANTED);
    }
    assert_false(read_text(TEXT("a=1\0")));
    demo_form_done(fields, WANTED);
}

static void a_value_has_its_longest(void **state) {
    static char body[2 + DEMO_FORM_VALUE_MAX + 2] = "a=";
    (void)state;
    memset(body + 2, 'x', DEMO_FORM_VALUE_MAX);
    assert_true(read_form(body));
    assert_int_equal(fields[A].value.len, DEMO_FORM_VALUE_MAX);
    demo_form_done(fields, WANTED);
    body[2 + DEMO_FORM_VALUE_MAX] = 'x';
    assert_false(read_form(body));
    demo_form_done(fields, WANTED);
    body[0] = 'z';
    assert_true(read_form(body));
    demo_form_done(fields, WANTED);
    memset(body, 'a', 1000); /* a name that is longer than any */
    assert_true(read_form(body));
    assert_false(fields[A].given);
    demo_form_done(fields, WANTED);
}

/* --- the token service ----------------------------------------------------------------------- */

static const char form[] = "application/x-www-form-urlencoded";

#define GRANT  "grant_type=client_credentials"
#define ID     "&client_id=an-application"
#define SHOWN  "&client_secret=s3~cret%2B%2F%3D%25%26"
#define SCOPE_ "&scope=https%3A%2F%2Fml.azure.com%2F.default"

static unsigned ask(const char *type, struct text body, struct buf *answer) {
    struct demo_entra entra = {.client_id = "an-application",
                               .client_secret = secret_new(TEXT(SECRET)),
                               .lifetime_s = LIFETIME,
                               .key = key};
    assert_non_null(entra.client_secret);
    buf_init(answer, 65536);
    unsigned status = demo_entra_answer(&entra, text_of(type), body, NOW, answer);
    assert_true(buf_ok(answer));
    secret_unref(&entra.client_secret);
    return status;
}

static void the_application_gets_a_token(void **state) {
    static const char *const bodies[] = {
        GRANT ID SHOWN SCOPE_,
        "x-client-SKU=x" SCOPE_ SHOWN ID "&client_info=1&" GRANT,
    };
    static const char *const types[] = {form, "application/x-www-form-urlencoded; charset=utf-8",
                                        "Application/X-WWW-Form-Urlencoded ;x"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies) * ARRAY_LEN(types); i++) {
        struct buf answer;
        struct text token;
        assert_int_equal(ask(types[i / 2], text_of(bodies[i % 2]), &answer), 200);
        struct json *document = json_parse(buf_text(&answer), 2);
        assert_non_null(document);
        assert_says(document, "token_type", "Bearer");
        assert_true((int)number_of(document, "expires_in") == LIFETIME);
        assert_true((int)number_of(document, "ext_expires_in") == LIFETIME);
        assert_true((int)number_of(document, "refresh_in") == LIFETIME / 2);
        assert_true(json_string(json_member(document, "access_token"), &token));
        assert_int_equal(check_at(token, NOW + LIFETIME), DEMO_TOKEN_GOOD);
        json_free(&document);
        buf_done(&answer);
    }
}

static void assert_refused(const char *type, struct text body, unsigned status, const char *error,
                           const char *code) {
    struct buf answer;
    struct text said, trace, correlation, timestamp;
    assert_int_equal(ask(type, body, &answer), status);
    struct json *document = json_parse(buf_text(&answer), 3);
    assert_non_null(document);
    assert_says(document, "error", error);
    assert_true(json_string(json_member(document, "error_description"), &said));
    assert_true(text_starts(said, TEXT("AADSTS")));
    assert_true(text_starts(text_skip(said, 6), text_of(code)));
    assert_int_equal(said.at[6 + strlen(code)], ':');
    double number = 0;
    assert_true(json_number(json_first(json_member(document, "error_codes")), &number));
    assert_true((long)number == strtol(code, NULL, 10));
    assert_true(json_string(json_member(document, "trace_id"), &trace) && trace.len == 36);
    assert_true(json_string(json_member(document, "correlation_id"), &correlation) &&
                correlation.len == 36 && !text_equal(trace, correlation));
    assert_true(json_string(json_member(document, "timestamp"), &timestamp) &&
                text_equal(timestamp, TEXT("2026-01-01 00:00:00Z")));
    assert_null(json_member(document, "access_token"));
    assert_null(strstr(answer.at, "s3~cret"));
    json_free(&document);
    buf_done(&answer);
}

static void others_are_told_why_not(void **state) {
    static const struct {
        const char *body;
        unsigned status;
        const char *error, *code;
    } cases[] = {
        {GRANT ID "&client_secret=wrong" SCOPE_, 401, "invalid_client", "7000215"},
        {GRANT ID "&client_secret=s3~cret%2B%2F%3D%25%27" SCOPE_, 401, "invalid_client", "7000215"},
        {GRANT ID SHOWN "x" SCOPE_, 401, "invalid_client", "7000215"},
        {GRANT ID SCOPE_, 401, "invalid_client", "7000216"},
        {GRANT ID "&client_secret=" SCOPE_, 401, "invalid_client", "7000216"},
        {GRANT "&client_id=another" SHOWN SCOPE_, 400, "unauthorized_client", "700016"},
        {GRANT SHOWN SCOPE_, 400, "invalid_request", "900144"},
        {"a=1" ID SHOWN SCOPE_, 400, "invalid_request", "900144"},
        {GRANT ID SHOWN, 400, "invalid_request", "900144"},
        {"", 400, "invalid_request", "900144"},
        {"grant_type=password" ID SHOWN SCOPE_, 400, "unsupported_grant_type", "70003"},
        {GRANT ID SHOWN "&scope=https%3A%2F%2Fmanagement.azure.com%2F.default", 400,
         "invalid_scope", "70011"},
        {GRANT ID SHOWN "&scope=https%3A%2F%2Fml.azure.com", 400, "invalid_scope", "70011"},
        {GRANT ID SHOWN SCOPE_ SHOWN, 400, "invalid_request", "90013"},
        {GRANT ID SHOWN SCOPE_ "&%=1", 400, "invalid_request", "90013"},
        {GRANT ID "&client_secret=%" SCOPE_, 400, "invalid_request", "90013"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_refused(form, text_of(cases[i].body), cases[i].status, cases[i].error,
                       cases[i].code);
}

static void only_a_form_is_read(void **state) {
    static const char *const types[] = {"application/json", "", "multipart/form-data",
                                        "application/x-www-form-urlencodedx"};
    static char large[1024 * 1024];
    struct text good = TEXT(GRANT ID SHOWN SCOPE_);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        assert_refused(types[i], good, 400, "invalid_request", "90013");
    memset(large, '&', sizeof large);
    memcpy(large, good.at, good.len);
    assert_refused(form, (struct text){large, sizeof large}, 400, "invalid_request", "90013");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_says_what_entras_say),
        cmocka_unit_test(a_token_is_good_for_its_lifetime),
        cmocka_unit_test(a_token_changed_anywhere_is_refused),
        cmocka_unit_test(a_token_of_another_process_is_refused),
        cmocka_unit_test(the_algorithm_is_not_the_tokens_choice),
        cmocka_unit_test(every_claim_counts),
        cmocka_unit_test(garbage_is_refused),
        cmocka_unit_test(a_form_is_decoded),
        cmocka_unit_test(a_form_that_reads_in_two_ways_is_refused),
        cmocka_unit_test(a_value_has_its_longest),
        cmocka_unit_test(the_application_gets_a_token),
        cmocka_unit_test(others_are_told_why_not),
        cmocka_unit_test(only_a_form_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
