/* SPDX-License-Identifier: MIT */
/* Origins and preflights: who is served, what is said, and that nothing is reflected that the
 * configuration does not list. */
#include "policy/cors.h"

#include "../head_text.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <stdio.h>

static char ok_example[] = "https://ok.example", with_port[] = "http://localhost:3000", any[] = "*";
static char *listed[] = {ok_example, with_port};
static char *anyone[] = {any};
static char x_trace[] = "X-Trace", x_key[] = "X-Key", request_id[] = "x-request-id";
static char *asked_fields[] = {x_trace, x_key};
static char *exposed_fields[] = {request_id, x_trace};

static struct cors listed_cors(void) {
    return (struct cors){.origins = listed, .origin_count = ARRAY_LEN(listed), .max_age_s = 600};
}

static struct cors any_cors(void) {
    return (struct cors){.origins = anyone, .origin_count = 1, .max_age_s = 600};
}

/* A head with these further lines; its texts are static. */
static struct head *head_with(const char *method, const char *lines) {
    static struct head_text t;
    static char text[16384];
    snprintf(text, sizeof text, "%s /score HTTP/1.1\nHost: localhost%s%s", method,
             *lines ? "\n" : "", lines);
    head_text_read(&t, text_of(text));
    assert_int_equal(head_check(&t.head), REASON_NONE);
    return &t.head;
}

static void decides_by_the_whole_origin(void **state) {
    (void)state;
    static const struct {
        const char *lines;
        enum cors_verdict listed, any;
    } rows[] = {
        {"", CORS_NONE, CORS_NONE},
        {"Origin: https://ok.example", CORS_ALLOWED, CORS_ALLOWED},
        {"Origin: http://localhost:3000", CORS_ALLOWED, CORS_ALLOWED},
        {"Origin: null", CORS_REFUSED, CORS_ALLOWED},
        {"Origin:", CORS_REFUSED, CORS_ALLOWED},
        {"Origin: *", CORS_REFUSED, CORS_ALLOWED},
        {"Origin: https://ok.example.evil.com", CORS_REFUSED, CORS_ALLOWED},
        {"Origin: https://ok.example:444", CORS_REFUSED, CORS_ALLOWED},
        {"Origin: https://ok.example:443", CORS_REFUSED, CORS_ALLOWED},
        {"Origin: https://ok.example/", CORS_REFUSED, CORS_ALLOWED},
        {"Origin: https://ok.example.", CORS_REFUSED, CORS_ALLOWED},
        {"Origin: HTTPS://OK.EXAMPLE", CORS_REFUSED, CORS_ALLOWED},
        {"Origin: http://ok.example", CORS_REFUSED, CORS_ALLOWED},
        {"Origin: ok.example", CORS_REFUSED, CORS_ALLOWED},
        {"Origin: https://evil.example", CORS_REFUSED, CORS_ALLOWED},
        {"Origin: https://a.ok.example", CORS_REFUSED, CORS_ALLOWED},
        {"Origin: https://ok.exampl", CORS_REFUSED, CORS_ALLOWED},
        {"Origin: https://ok.example https://ok.example", CORS_REFUSED, CORS_ALLOWED},
        {"Origin: http://localhost:8080", CORS_REFUSED, CORS_ALLOWED}, /* the gateway itself */
        {"Origin: https://evil.example\nSec-Fetch-Site: same-origin", CORS_REFUSED, CORS_ALLOWED},
        {"Origin: https://ok.example\nSec-Fetch-Site: cross-site", CORS_ALLOWED, CORS_ALLOWED},
        {"Sec-Fetch-Site: cross-site", CORS_CROSS_SITE, CORS_CROSS_SITE},
        {"Sec-Fetch-Site: Cross-Site", CORS_CROSS_SITE, CORS_CROSS_SITE},
        {"Sec-Fetch-Site: same-site", CORS_CROSS_SITE, CORS_CROSS_SITE},
        {"Origin: https://ok.example\nSec-Fetch-Site: same-site", CORS_ALLOWED, CORS_ALLOWED},
        {"Sec-Fetch-Site: same-origin", CORS_NONE, CORS_NONE},
        {"Sec-Fetch-Site: none", CORS_NONE, CORS_NONE},
        {"Content-Type: text/plain\nOrigin: https://evil.example", CORS_REFUSED, CORS_ALLOWED},
    };
    const struct cors few = listed_cors(), all = any_cors();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct head *h = head_with("POST", rows[i].lines);
        enum cors_verdict none = rows[i].listed == CORS_ALLOWED ? CORS_REFUSED : rows[i].listed;
        if (cors_decide(&few, h) != rows[i].listed || cors_decide(&all, h) != rows[i].any ||
            cors_decide(NULL, h) != none)
            fail_msg("%s", rows[i].lines);
    }
    char endless[8300];
    size_t n = (size_t)snprintf(endless, sizeof endless, "Origin: https://ok.example");
    memset(endless + n, 'a', sizeof endless - n - 1);
    endless[sizeof endless - 1] = '\0';
    assert_int_equal(cors_decide(&few, head_with("POST", endless)), CORS_REFUSED);
}

static void any_origin_is_none_with_credentials(void **state) {
    (void)state;
    struct cors c = any_cors();
    c.credentials = true;
    assert_int_equal(cors_decide(&c, head_with("POST", "Origin: https://a.example")), CORS_REFUSED);
    assert_int_equal(cors_decide(&c, head_with("POST", "Origin: *")), CORS_REFUSED);
}

static void tells_preflights(void **state) {
    (void)state;
    static const struct {
        const char *method, *lines;
        bool preflight;
    } rows[] = {
        {"OPTIONS", "Origin: https://a\nAccess-Control-Request-Method: POST", true},
        {"OPTIONS", "Origin: https://a", false},
        {"OPTIONS", "Access-Control-Request-Method: POST", false},
        {"OPTIONS", "", false},
        {"POST", "Origin: https://a\nAccess-Control-Request-Method: POST", false},
        {"options", "Origin: https://a\nAccess-Control-Request-Method: POST", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(cors_is_preflight(head_with(rows[i].method, rows[i].lines)),
                         rows[i].preflight);
}

/* The fields as one text, "Name: value" to a line, in any case with a NUL behind each value. */
static const char *fields_of(const struct cors *c, const struct head *h, bool preflight) {
    static char into[4096];
    struct cors_field fields[CORS_FIELDS_MAX];
    struct buf scratch;
    buf_init(&scratch, 4096);
    size_t n = cors_fields(c, h, preflight, METHOD_POST | METHOD_GET, &scratch, fields);
    assert_true(n <= CORS_FIELDS_MAX);
    size_t used = 0;
    into[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(fields[i].value.at[fields[i].value.len], '\0');
        used += (size_t)snprintf(into + used, sizeof into - used, "%s: %.*s\n", fields[i].name,
                                 TEXT_ARG(fields[i].value));
    }
    buf_done(&scratch);
    return into;
}

#define PREFLIGHT(origin, rest)                                                                    \
    head_with("OPTIONS", "Origin: " origin "\nAccess-Control-Request-Method: " rest)

static void adds_fields_to_answers(void **state) {
    (void)state;
    struct cors c = listed_cors();
    const char *ok = "Origin: https://ok.example", *evil = "Origin: https://evil.example";
    assert_string_equal(fields_of(&c, head_with("POST", ok), false),
                        "Vary: Origin\nAccess-Control-Allow-Origin: https://ok.example\n");
    assert_string_equal(fields_of(&c, head_with("POST", ""), false), "Vary: Origin\n");
    assert_string_equal(fields_of(&c, head_with("POST", evil), false), "Vary: Origin\n");
    assert_string_equal(fields_of(NULL, head_with("POST", ok), false), "");
    c.credentials = true;
    c.expose = exposed_fields;
    c.expose_count = ARRAY_LEN(exposed_fields);
    assert_string_equal(fields_of(&c, head_with("POST", ok), false),
                        "Vary: Origin\nAccess-Control-Allow-Origin: https://ok.example\n"
                        "Access-Control-Allow-Credentials: true\n"
                        "Access-Control-Expose-Headers: x-request-id, X-Trace\n");
    c = any_cors();
    assert_string_equal(fields_of(&c, head_with("POST", evil), false),
                        "Access-Control-Allow-Origin: *\n");
    assert_string_equal(fields_of(&c, head_with("POST", ""), false), "");
    c.credentials = true;
    assert_string_equal(fields_of(&c, head_with("POST", evil), false), "Vary: Origin\n");
}

static void answers_preflights(void **state) {
    (void)state;
    struct cors c = listed_cors();
    assert_string_equal(fields_of(&c, PREFLIGHT("https://ok.example", "POST"), true),
                        "Vary: Origin\nAccess-Control-Allow-Origin: https://ok.example\n"
                        "Access-Control-Allow-Methods: GET, POST\n"
                        "Access-Control-Allow-Headers: Content-Type\n"
                        "Access-Control-Max-Age: 600\n");
    c.headers = asked_fields;
    c.header_count = ARRAY_LEN(asked_fields);
    c.methods = METHOD_PUT;
    c.credentials = true;
    c.expose = exposed_fields; /* not for a preflight */
    c.expose_count = ARRAY_LEN(exposed_fields);
    assert_string_equal(
        fields_of(&c,
                  PREFLIGHT("https://ok.example", "PUT\nAccess-Control-Request-Headers: "
                                                  "content-type,x-key, x-trace,,"),
                  true),
        "Vary: Origin\nAccess-Control-Allow-Origin: https://ok.example\n"
        "Access-Control-Allow-Credentials: true\n"
        "Access-Control-Allow-Methods: PUT\n"
        "Access-Control-Allow-Headers: Content-Type, X-Trace, X-Key\n"
        "Access-Control-Max-Age: 600\n");
}

static void refuses_preflights(void **state) {
    (void)state;
    struct cors c = listed_cors();
    c.headers = asked_fields;
    c.header_count = ARRAY_LEN(asked_fields);
    static const char *const lines[] = {
        "Origin: https://evil.example\nAccess-Control-Request-Method: POST",
        "Origin: null\nAccess-Control-Request-Method: POST",
        "Origin: https://ok.example\nAccess-Control-Request-Method: DELETE",
        "Origin: https://ok.example\nAccess-Control-Request-Method: post",
        "Origin: https://ok.example\nAccess-Control-Request-Method:",
        "Origin: https://ok.example\nAccess-Control-Request-Method: *",
        "Origin: https://ok.example\nAccess-Control-Request-Method: GET, POST",
        "Origin: https://ok.example\nAccess-Control-Request-Method: POST\n"
        "Access-Control-Request-Headers: x-other",
        "Origin: https://ok.example\nAccess-Control-Request-Method: POST\n"
        "Access-Control-Request-Headers: content-type, authorization",
        "Origin: https://ok.example\nAccess-Control-Request-Method: POST\n"
        "Access-Control-Request-Headers: *",
        "Origin: https://ok.example\nAccess-Control-Request-Method: POST\n"
        "Access-Control-Request-Headers: x-key x-trace",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        if (strcmp(fields_of(&c, head_with("OPTIONS", lines[i]), true), "Vary: Origin\n") != 0)
            fail_msg("%s", lines[i]);
}

static void any_field_means_those_asked_for(void **state) {
    (void)state;
    struct cors c = any_cors();
    c.headers = anyone;
    c.header_count = 1;
    assert_string_equal(
        fields_of(&c,
                  PREFLIGHT("https://a.example", "GET\nAccess-Control-Request-Headers: "
                                                 "authorization,Content-Type,x-a"),
                  true),
        "Access-Control-Allow-Origin: *\n"
        "Access-Control-Allow-Methods: GET, POST\n"
        "Access-Control-Allow-Headers: Content-Type, authorization, x-a\n"
        "Access-Control-Max-Age: 600\n");
    assert_string_equal(
        fields_of(&c, PREFLIGHT("https://a.example", "GET\nAccess-Control-Request-Headers: x-a;b"),
                  true),
        "");
}

static void tells_private_networks_only_if_asked_and_allowed(void **state) {
    (void)state;
    static const char said[] = "Access-Control-Allow-Private-Network: true\n";
    struct cors c = listed_cors();
    for (int allowed = 0; allowed < 2; allowed++) {
        c.private_network = allowed;
        assert_null(strstr(fields_of(&c, PREFLIGHT("https://ok.example", "POST"), true), said));
        const char *asked = fields_of(&c,
                                      PREFLIGHT("https://ok.example",
                                                "POST\nAccess-Control-Request-Private-Network: "
                                                "true"),
                                      true);
        assert_int_equal(strstr(asked, said) != NULL, allowed);
        asked = fields_of(
            &c,
            PREFLIGHT("https://evil.example", "POST\nAccess-Control-Request-Private-Network: true"),
            true);
        assert_null(strstr(asked, said));
    }
}

static void says_nothing_more_if_memory_is_out(void **state) {
    (void)state;
    const struct cors c = listed_cors();
    const struct head *h = PREFLIGHT("https://ok.example", "POST");
    struct cors_field fields[CORS_FIELDS_MAX];
    struct buf scratch;
    buf_init(&scratch, 20);
    assert_int_equal(cors_fields(&c, h, true, METHOD_POST, &scratch, fields), 1);
    assert_string_equal(fields[0].name, "Vary");
    buf_done(&scratch);
}

/* So many values that the buffer moves while they are put together. */
static void values_outlive_the_growth_of_the_buffer(void **state) {
    (void)state;
    enum { MANY = 200 };
    static char names[MANY][24];
    static char *list[MANY];
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "X-Field-%03zu", i);
        list[i] = names[i];
    }
    struct cors c = listed_cors();
    c.headers = list;
    c.header_count = MANY;
    const char *all = fields_of(&c, PREFLIGHT("https://ok.example", "POST"), true);
    assert_non_null(strstr(all, "Access-Control-Allow-Methods: GET, POST\n"));
    assert_non_null(strstr(all, "Headers: Content-Type, X-Field-000, X-Field-001"));
    assert_non_null(strstr(all, "X-Field-199\nAccess-Control-Max-Age: 600\n"));
}

static void knows_origins(void **state) {
    (void)state;
    static const struct {
        const char *origin;
        bool valid;
    } rows[] = {
        {"https://intranet.example", true},
        {"http://localhost", true},
        {"http://localhost:3000", true},
        {"https://ok.example:8443", true},
        {"https://xn--mnchen-3ya.example", true},
        {"http://127.0.0.1:8080", true},
        {"http://[::1]:8080", true},
        {"http://[2001:db8::1]", true},
        {"chrome-extension://abcdefghijklmnop", true},
        {"http://a_b.example", true},
        {"http://localhost:443", true},
        {"*", false},
        {"null", false},
        {"", false},
        {"https://", false},
        {"://ok.example", false},
        {"ok.example", false},
        {"//ok.example", false},
        {"https:ok.example", false},
        {"https:/ok.example", false},
        {"https://ok.example/", false},
        {"https://ok.example/app", false},
        {"https://ok.example?x", false},
        {"https://ok.example#x", false},
        {"https://user@ok.example", false},
        {"HTTPS://ok.example", false},
        {"https://OK.example", false},
        {"https://ok.example:443", false},
        {"http://ok.example:80", false},
        {"https://ok.example:", false},
        {"https://ok.example:0", false},
        {"https://ok.example:08443", false},
        {"https://ok.example:65536", false},
        {"https://ok.example:84x", false},
        {"https://*.example", false},
        {"https://.example", false},
        {"https://ok .example", false},
        {" https://ok.example", false},
        {"https://ok.example ", false},
        {"https://ok.example, https://b.example", false},
        {"https://m\xc3\xbcnchen.example", false},
        {"https://m%c3%bcnchen.example", false},
        {"http://[::1", false},
        {"http://[::g]", false},
        {"http://[::ABCD]", false},
        {"http://::1", false},
        {"http://127.1", false},
        {"http://256.0.0.1", false},
        {"1https://ok.example", false},
        {"ht_tp://ok.example", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (cors_origin_valid(text_of(rows[i].origin)) != rows[i].valid)
            fail_msg("\"%s\"", rows[i].origin);
    assert_false(cors_origin_valid(TEXT("https://a\0b")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_by_the_whole_origin),
        cmocka_unit_test(any_origin_is_none_with_credentials),
        cmocka_unit_test(tells_preflights),
        cmocka_unit_test(adds_fields_to_answers),
        cmocka_unit_test(answers_preflights),
        cmocka_unit_test(refuses_preflights),
        cmocka_unit_test(any_field_means_those_asked_for),
        cmocka_unit_test(tells_private_networks_only_if_asked_and_allowed),
        cmocka_unit_test(says_nothing_more_if_memory_is_out),
        cmocka_unit_test(values_outlive_the_growth_of_the_buffer),
        cmocka_unit_test(knows_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
