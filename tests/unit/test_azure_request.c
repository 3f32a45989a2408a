/* SPDX-License-Identifier: MIT */
/* How requests are put together: encoding, ceilings, what is hidden; and which URLs are taken. */
#include "azure/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static void encodes_all_but_the_unreserved(void **state) {
    (void)state;
    struct buf url;
    buf_init(&url, 1024);
    buf_add_string(&url, "https://h");
    azure_add_segment(&url, TEXT("AZaz09-._~"));
    azure_add_segment(&url, TEXT("a b/c?d#e%f&g=h+i:@\xc3\xa9\0"));
    assert_string_equal(url.at, "https://h/AZaz09-._~/"
                                "a%20b%2Fc%3Fd%23e%25f%26g%3Dh%2Bi%3A%40%C3%A9%00");
    buf_done(&url);
}

static void begins_a_query_or_goes_on_with_it(void **state) {
    (void)state;
    struct buf url;
    buf_init(&url, 1024);
    buf_add_string(&url, "http://h/p");
    azure_add_query(&url, "api-version", TEXT("2018-02-01"));
    azure_add_query(&url, "$skip", TEXT("https://ml.azure.com"));
    assert_string_equal(url.at,
                        "http://h/p?api-version=2018-02-01&%24skip=https%3A%2F%2Fml.azure.com");
    buf_done(&url);
}

static void writes_forms(void **state) {
    (void)state;
    struct buf body;
    buf_init(&body, 1024);
    azure_add_form(&body, "a", TEXT(""));
    azure_add_form(&body, "client_secret", TEXT("p+/~= &%"));
    assert_string_equal(body.at, "a=&client_secret=p%2B%2F~%3D%20%26%25");
    buf_done(&body);
}

static void remembers_what_is_secret(void **state) {
    (void)state;
    struct azure_request r;
    struct secret *token = secret_new(TEXT("eyJ0.a.b")), *other = secret_new(TEXT("key"));
    azure_request_init(&r, METHOD_GET);
    assert_int_equal(r.reach, AZURE_REACH_CLOUD);
    assert_null(r.content_type);
    azure_add_bearer(&r, token);
    azure_add_field(&r, "Metadata", TEXT("true"));
    azure_add_secret_field(&r, "Secret", "", other);
    assert_string_equal(r.fields.at, "Authorization: Bearer eyJ0.a.b\r\nMetadata: true\r\n"
                                     "Secret: key\r\n");
    assert_ptr_equal(r.hidden[0], token);
    assert_ptr_equal(r.hidden[1], other);
    secret_unref(&token);
    secret_unref(&other);
    /* The request has references of its own. */
    assert_true(text_equal(secret_expose(r.hidden[0]), TEXT("eyJ0.a.b")));
    assert_true(azure_request_end(&r));
    azure_request_done(&r);
    assert_null(r.hidden[0]);
    assert_null(r.fields.at);
    azure_request_done(&r);
}

static void fails_as_a_whole(void **state) {
    (void)state;
    static char large[70000];
    memset(large, 'x', sizeof large);
    struct azure_request r;

    azure_request_init(&r, METHOD_GET);
    azure_add_field(&r, "Name", TEXT("a\r\nInjected: b"));
    assert_false(azure_request_ok(&r));
    azure_request_done(&r);

    struct secret *cut = secret_new(TEXT("a\nb"));
    azure_request_init(&r, METHOD_GET);
    azure_add_bearer(&r, cut);
    assert_false(azure_request_end(&r));
    assert_null(r.hidden[0]);
    secret_unref(&cut);

    azure_request_init(&r, METHOD_POST);
    azure_add_segment(&r.url, (struct text){large, 16383});
    azure_add_form(&r.body, "n", (struct text){large, 65534});
    assert_true(azure_request_ok(&r));
    azure_add_form(&r.body, "n", TEXT(""));
    assert_false(azure_request_end(&r));
    azure_request_init(&r, METHOD_POST);
    azure_add_segment(&r.url, (struct text){large, 16384});
    assert_false(azure_request_end(&r));
    assert_null(r.url.at);
}

static void knows_urls(void **state) {
    (void)state;
    static const struct {
        const char *url;
        bool good, https;
    } rows[] = {
        {"https://h", true, true},
        {"HTTPS://h:1/p?q#f", true, true},
        {"http://127.0.0.1:40342/metadata", true, false},
        {"http://[::1]:80/", true, false},
        {"https:/h", false, false},
        {"https:", false, false},
        {"https://", false, false},
        {"//h/p", false, false},
        {"/p", false, false},
        {"", false, false},
        {"ftp://h/", false, false},
        {"file:///etc/passwd", false, false},
        {"https://u@h/", false, false},
        {"https://u:p@h/", false, false},
        {"https://h:0/", false, false},
        {"https://h:65536/", false, false},
        {"https://h/a b", false, false},
        {"https://h/a\r\nX: y", false, false},
        {"https://h/\xc3\xa9", false, false},
        {"https://h\\@evil/", false, false},
        {"https://h/a\\b", false, false},
        {"https://[::1/", false, false},
        {" https://h/", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct text url = text_of(rows[i].url);
        if (azure_is_url(url) != rows[i].good || azure_is_https_url(url) != rows[i].https)
            fail_msg("\"%s\"", rows[i].url);
    }
    assert_false(azure_is_url(TEXT("https://h/\0")));
}

static void compares_origins(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"https://management.azure.com/a?b", "https://MANAGEMENT.azure.com:443/c", true},
        {"http://h", "http://h:80/", true},
        {"http://h:8080/x", "http://h:8080?y", true},
        {"https://[::1]/", "https://[::1]:443/", true},
        {"https://h/", "http://h/", false},
        {"https://h:80/", "http://h:80/", false},
        {"https://h/", "https://h:444/", false},
        {"https://h/", "https://h.evil/", false},
        {"https://h/", "https://h@evil/", false},
        {"https://h/", "https://evil/https://h/", false},
        {"https://h/", "https://evil?https://h/", false},
        {"https://h/", "https://evil#@h/", false},
        {"https://h/", "/relative", false},
        {"https://h/", "", false},
        {"nonsense", "nonsense", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (azure_same_origin(text_of(rows[i].a), text_of(rows[i].b)) != rows[i].same ||
            azure_same_origin(text_of(rows[i].b), text_of(rows[i].a)) != rows[i].same)
            fail_msg("\"%s\", \"%s\"", rows[i].a, rows[i].b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_all_but_the_unreserved),
        cmocka_unit_test(begins_a_query_or_goes_on_with_it),
        cmocka_unit_test(writes_forms),
        cmocka_unit_test(remembers_what_is_secret),
        cmocka_unit_test(fails_as_a_whole),
        cmocka_unit_test(knows_urls),
        cmocka_unit_test(compares_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
