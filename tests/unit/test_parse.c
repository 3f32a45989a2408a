/* SPDX-License-Identifier: MIT */
/* What the strict parsers take and what they refuse. */
#include "base/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static void reads_numbers_in_their_range(void **state) {
    (void)state;
    static const struct {
        const char *string;
        uint64_t max;
        bool good;
        uint64_t number;
    } rows[] = {
        {"0", 0, true, 0},
        {"007", 9, true, 7},
        {"65535", 65535, true, 65535},
        {"65536", 65535, false, 0},
        {"70000", 65535, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"184467440737095516150", UINT64_MAX, false, 0},
        {"1", 0, false, 0},
        {"", 9, false, 0},
        {"+1", 9, false, 0},
        {"-1", 9, false, 0},
        {" 1", 9, false, 0},
        {"1 ", 9, false, 0},
        {"1x", 99, false, 0},
        {"0x1", 99, false, 0},
        {":", 99, false, 0},
        {"/", 99, false, 0},
        {"\xb2", 999, false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t number = 12345;
        if (parse_u64(text_of(rows[i].string), rows[i].max, &number) != rows[i].good)
            fail_msg("\"%s\"", rows[i].string);
        assert_int_equal(number, rows[i].good ? rows[i].number : 12345);
    }
    uint64_t number;
    assert_false(parse_u64(TEXT("1\0"), 99, &number));
}

/* The text of one byte, for each of the 256. */
static void knows_each_byte(void **state) {
    (void)state;
    for (int i = 0; i < 256; i++) {
        char c = (char)i;
        struct text t = {&c, 1};
        bool visible = i > 0x20 && i < 0x7f;
        bool token = visible && !strchr("\"(),/:;<=>?@[\\]{}", i);
        assert_int_equal(parse_is_token(t), token);
        assert_int_equal(parse_is_field_value(t), visible || i == ' ' || i == '\t' || i >= 0x80);
        assert_int_equal(parse_is_credential(t), visible);
    }
}

static void looks_at_every_byte(void **state) {
    (void)state;
    assert_true(parse_is_token(TEXT("X-Name")));
    assert_false(parse_is_token(TEXT("X-Name ")));
    assert_false(parse_is_token(TEXT("")));
    assert_true(parse_is_field_value(TEXT("")));
    assert_false(parse_is_field_value(TEXT("a\r\nb")));
    assert_true(parse_is_credential(TEXT("eyJ0.abc-_~+/==")));
    assert_false(parse_is_credential(TEXT("key\n")));
}

static void credentials_have_a_length(void **state) {
    (void)state;
    static char longest[16385];
    memset(longest, 'k', sizeof longest);
    assert_false(parse_is_credential(TEXT("")));
    assert_true(parse_is_credential((struct text){longest, 16384}));
    assert_false(parse_is_credential((struct text){longest, 16385}));
}

static void reads_authorities(void **state) {
    (void)state;
    static const struct {
        const char *string, *host; /* host NULL: refused */
        unsigned port;
    } rows[] = {
        {"localhost", "localhost", 0},
        {"Localhost:8080", "Localhost", 8080},
        {"a-b_c.example.", "a-b_c.example.", 0},
        {"a%20b!$&'()*+;=~", "a%20b!$&'()*+;=~", 0},
        {"example:", "example", 0},
        {"example:65535", "example", 65535},
        {"127.0.0.1:1", "127.0.0.1", 1},
        {"[::1]", "::1", 0},
        {"[2001:db8::1]:443", "2001:db8::1", 443},
        {"[::ffff:127.0.0.1]:", "::ffff:127.0.0.1", 0},
        {"", NULL, 0},
        {":80", NULL, 0},
        {"example:0", NULL, 0},
        {"example:65536", NULL, 0},
        {"example:-1", NULL, 0},
        {"example:80x", NULL, 0},
        {"example:80:80", NULL, 0},
        {"example: 80", NULL, 0},
        {"user@example", NULL, 0},
        {"user:secret@example", NULL, 0},
        {"a b", NULL, 0},
        {" a", NULL, 0},
        {"a,b", NULL, 0},
        {"a/b", NULL, 0},
        {"a?b", NULL, 0},
        {"a#b", NULL, 0},
        {"a\\b", NULL, 0},
        {"b\xc3\xbc"
         "cher.example",
         NULL, 0},
        {"a\r", NULL, 0},
        {"::1", NULL, 0},
        {"[::1", NULL, 0},
        {"[]", NULL, 0},
        {"[", NULL, 0},
        {"]", NULL, 0},
        {"[::1]x", NULL, 0},
        {"[::1]80", NULL, 0},
        {"[::1]]", NULL, 0},
        {"[127.0.0.1]", NULL, 0},
        {"[fe80::1%25eth0]", NULL, 0},
        {"[fe80::1%eth0]", NULL, 0},
        {"[v1.a]", NULL, 0},
        {"[name]", NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct text host = TEXT("before");
        uint16_t port = 7;
        bool good = parse_authority(text_of(rows[i].string), &host, &port);
        if (good != (rows[i].host != NULL) ||
            !text_equal(host, text_of(good ? rows[i].host : "before")) ||
            port != (good ? rows[i].port : 7))
            fail_msg("\"%s\": host \"%.*s\" port %u", rows[i].string, TEXT_ARG(host), port);
    }
}

static void refuses_authorities_that_hide_something(void **state) {
    (void)state;
    struct text host;
    uint16_t port;
    assert_false(parse_authority(TEXT("localhost\0"), &host, &port));
    assert_false(parse_authority(TEXT("[::1\0]"), &host, &port));
    assert_false(parse_authority((struct text){NULL, 0}, &host, &port));
}

static void reads_addresses_and_networks(void **state) {
    (void)state;
    static const struct {
        const char *string;
        int bits; /* -1: refused */
        const char *inside, *outside;
    } rows[] = {
        {"10.1.0.0/16", 112, "10.1.255.255", "10.2.0.0"},
        {"10.1.2.3/16", 112, "10.1.0.0", "10.2.2.3"},
        {"192.0.2.128/25", 121, "192.0.2.129", "192.0.2.127"},
        {"192.0.2.1", 128, "192.0.2.1", "192.0.2.0"},
        {"192.0.2.1/32", 128, "::ffff:192.0.2.1", "192.0.2.3"},
        {"0.0.0.0/0", 96, "255.255.255.255", "::1"},
        {"::/0", 0, "192.0.2.1", NULL},
        {"2001:db8::/32", 32, "2001:db8:ffff::1", "2001:db9::"},
        {"2001:db8::/33", 33, "2001:db8:7fff::", "2001:db8:8000::"},
        {"::1", 128, "::1", "::2"},
        {"::1/128", 128, "::1", "0.0.0.1"},
        {"::ffff:10.0.0.0/104", 104, "10.9.9.9", "11.0.0.0"},
        {"", -1, NULL, NULL},
        {"/8", -1, NULL, NULL},
        {"10.0.0.0/", -1, NULL, NULL},
        {"10.0.0.0/33", -1, NULL, NULL},
        {"10.0.0.0/-1", -1, NULL, NULL},
        {"10.0.0.0/8/8", -1, NULL, NULL},
        {"10.0.0.0/ 8", -1, NULL, NULL},
        {"10.0.0/8", -1, NULL, NULL},
        {"10.0.0.256", -1, NULL, NULL},
        {"010.0.0.1", -1, NULL, NULL},
        {"10.0.0.1 ", -1, NULL, NULL},
        {"0x0a.0.0.1", -1, NULL, NULL},
        {"167772161", -1, NULL, NULL},
        {"::/129", -1, NULL, NULL},
        {":::", -1, NULL, NULL},
        {"1::2::3", -1, NULL, NULL},
        {"fe80::1%eth0", -1, NULL, NULL},
        {"[::1]", -1, NULL, NULL},
        {"localhost", -1, NULL, NULL},
        {"1111:2222:3333:4444:5555:6666:255.255.255.2555", -1, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cidr network = {.bits = 77}, address;
        bool good = parse_cidr(text_of(rows[i].string), &network);
        if (good != (rows[i].bits >= 0))
            fail_msg("\"%s\"", rows[i].string);
        assert_int_equal(network.bits, good ? rows[i].bits : 77);
        if (rows[i].inside) {
            assert_true(parse_cidr(text_of(rows[i].inside), &address));
            assert_true(cidr_has(&network, address.address));
        }
        if (rows[i].outside) {
            assert_true(parse_cidr(text_of(rows[i].outside), &address));
            assert_false(cidr_has(&network, address.address));
        }
    }
    struct cidr network;
    assert_false(parse_cidr(TEXT("10.0.0.1\0"), &network));
    assert_false(parse_cidr((struct text){NULL, 0}, &network));
}

static void reads_moments(void **state) {
    (void)state;
    static const struct {
        const char *string;
        int64_t seconds; /* -1: none */
    } rows[] = {
        {"0", 0},
        {"1769860800", 1769860800},
        {"253402300799", 253402300799},
        {"253402300800", -1},
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59Z", -1},
        {"1970-01-01T00:00:00+00:01", -1},
        {"2026-01-31T12:00:00Z", 1769860800},
        {"2026-01-31t12:00:00z", 1769860800},
        {"2026-01-31 13:30:00.999+01:30", 1769860800},
        {"2026-01-31T06:30:00-05:30", 1769860800},
        {"2000-02-29T00:00:00Z", 951782400},
        {"2024-02-29T00:00:00Z", 1709164800},
        {"2023-02-29T00:00:00Z", -1},
        {"2100-02-29T00:00:00Z", -1},
        {"2016-12-31T23:59:60Z", 1483228800},
        {"9999-12-31T23:59:59Z", 253402300799},
        {"9999-12-31T23:59:59-00:01", -1},
        {"2026-00-10T00:00:00Z", -1},
        {"2026-13-10T00:00:00Z", -1},
        {"2026-04-31T00:00:00Z", -1},
        {"2026-04-00T00:00:00Z", -1},
        {"2026-04-30T24:00:00Z", -1},
        {"2026-04-30T00:60:00Z", -1},
        {"2026-04-30T00:00:61Z", -1},
        {"2026-04-30T00:00:00.Z", -1},
        {"2026-04-30T00:00:00", -1},
        {"2026-04-30T00:00:00+0100", -1},
        {"2026-04-30T00:00:00+24:00", -1},
        {"2026-04-30T00:00:00Zx", -1},
        {"2026-04-30T00:00:00Z ", -1},
        {"2026-4-30T00:00:00Z", -1},
        {"2026-04-30", -1},
        {"+5", -1},
        {"-5", -1},
        {"5.5", -1},
        {"", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t seconds = -1;
        bool good = parse_time(text_of(rows[i].string), &seconds);
        if (good != (rows[i].seconds >= 0) || seconds != rows[i].seconds)
            fail_msg("%s: %lld", rows[i].string, (long long)seconds);
    }
    int64_t seconds;
    assert_false(parse_time((struct text){"2026-04-30T00:00:00Z", 19}, &seconds));
    assert_false(parse_time(TEXT("2026-04-30\00000:00:00Z"), &seconds));
}

static void reads_http_dates(void **state) {
    (void)state;
    static const struct {
        const char *string;
        int64_t seconds; /* -1: none */
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"Wed Nov 16 08:49:37 1994", 784975777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Sat, 31 Jan 2026 12:00:00 GMT", 1769860800},
        {"Thu, 29 Feb 2024 23:59:60 GMT", 1709251200}, /* a leap second */
        {"Tuesday, 31-Dec-69 23:59:59 GMT", 3155759999},
        {"Thursday, 01-Jan-70 00:00:00 GMT", 0},
        {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
        {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777}, /* it was a Sunday */
        {"Fri, 31 Dec 9999 23:59:60 GMT", -1},
        {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
        {"Fri, 29 Feb 2025 00:00:00 GMT", -1},
        {"Sun, 00 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 31 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 6 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 Nov 94 08:49:37 GMT", -1},
        {"Sun, 06-Nov-94 08:49:37 GMT", -1},
        {"Sunday, 06 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 Nov 1994 24:00:00 GMT", -1},
        {"Sun, 06 Nov 1994 08:49:61 GMT", -1},
        {"Sun, 06 Nov 1994 08:49:37.5 GMT", -1},
        {"Sun, 06 Nov 1994 08:49:37 UTC", -1},
        {"Sun, 06 Nov 1994 08:49:37", -1},
        {"Sun, 06 Nov 1994 08:49:37 GMT ", -1},
        {" Sun, 06 Nov 1994 08:49:37 GMT", -1},
        {"sun, 06 nov 1994 08:49:37 gmt", -1}, /* case counts */
        {"Sun Nov 6 08:49:37 1994", -1},
        {"Sun Nov 06 08:49:37 1994 ", -1},
        {"Sun Nov  6 08:49:37 94", -1},
        {"Abc, 06 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 Abc 1994 08:49:37 GMT", -1},
        {"1994-11-06T08:49:37Z", -1},
        {"784111777", -1},
        {"", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t seconds = -1;
        bool good = parse_http_date(text_of(rows[i].string), &seconds);
        if (good != (rows[i].seconds >= 0) || seconds != rows[i].seconds)
            fail_msg("%s: %lld", rows[i].string, (long long)seconds);
    }
    /* Nothing behind the end of the text is looked at. */
    static const char date[] = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (size_t len = 0; len < sizeof date - 1; len++) {
        int64_t seconds;
        char *part = malloc(len + 1);
        assert_non_null(part);
        memcpy(part, date, len);
        assert_false(parse_http_date((struct text){part, len}, &seconds));
        free(part);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_numbers_in_their_range),
        cmocka_unit_test(knows_each_byte),
        cmocka_unit_test(looks_at_every_byte),
        cmocka_unit_test(credentials_have_a_length),
        cmocka_unit_test(reads_authorities),
        cmocka_unit_test(refuses_authorities_that_hide_something),
        cmocka_unit_test(reads_addresses_and_networks),
        cmocka_unit_test(reads_moments),
        cmocka_unit_test(reads_http_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
