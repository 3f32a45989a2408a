/* SPDX-License-Identifier: MIT */
/* The table of known fields: every one is found by its name, and what is done with each. */
#include "policy/field.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>

static void finds_every_field_whatever_its_case(void **state) {
    (void)state;
    for (int id = FIELD_OTHER + 1; id < FIELD_COUNT; id++) {
        const char *name = field_name((enum field)id);
        char upper[64], mixed[64];
        size_t n = strlen(name);
        assert_true(n > 0 && n < sizeof upper);
        for (size_t i = 0; i <= n; i++) {
            upper[i] = (char)toupper((unsigned char)name[i]);
            mixed[i] = i % 2 ? upper[i] : name[i];
        }
        if ((int)field_lookup(text_of(name)) != id)
            fail_msg("%s is not found", name);
        assert_int_equal(field_lookup(text_of(upper)), id);
        assert_int_equal(field_lookup(text_of(mixed)), id);
    }
}

static void finds_nothing_that_is_only_similar(void **state) {
    (void)state;
    for (int id = FIELD_OTHER + 1; id < FIELD_COUNT; id++) {
        char name[64];
        size_t n = strlen(field_name((enum field)id));
        memcpy(name, field_name((enum field)id), n + 1);
        for (size_t i = 0; i < n; i++) {
            char right = name[i];
            name[i] = (char)(right ^ 0x20); /* another case of a letter, a control for others */
            assert_int_equal(field_lookup((struct text){name, n}),
                             isalpha((unsigned char)right) ? id : FIELD_OTHER);
            name[i] = '_';
            assert_int_equal(field_lookup((struct text){name, n}), FIELD_OTHER);
            name[i] = right;
        }
        name[n] = 'x';
        assert_int_equal(field_lookup((struct text){name, n + 1}), FIELD_OTHER);
        enum field shorter = field_lookup((struct text){name, n - 1});
        assert_true(shorter == FIELD_OTHER || strlen(field_name(shorter)) == n - 1);
    }
    char longest[4096];
    memset(longest, 'a', sizeof longest);
    assert_int_equal(field_lookup((struct text){longest, sizeof longest}), FIELD_OTHER);
    assert_int_equal(field_lookup((struct text){NULL, 0}), FIELD_OTHER);
    assert_int_equal(field_lookup(TEXT("traceparent")), FIELD_OTHER);
}

static void knows_what_is_done_with_each(void **state) {
    (void)state;
    static const struct {
        enum field id;
        unsigned rules;
    } rows[] = {
        {FIELD_CONNECTION, FIELD_HOP},
        {FIELD_KEEP_ALIVE, FIELD_HOP},
        {FIELD_PROXY_AUTHENTICATE, FIELD_HOP},
        {FIELD_PROXY_AUTHORIZATION, FIELD_HOP},
        {FIELD_PROXY_CONNECTION, FIELD_HOP},
        {FIELD_TE, FIELD_HOP},
        {FIELD_TRAILER, FIELD_HOP},
        {FIELD_UPGRADE, FIELD_HOP},
        {FIELD_TRANSFER_ENCODING, FIELD_HOP | FIELD_SINGLE},
        {FIELD_CONTENT_LENGTH, FIELD_NEVER_UP | FIELD_NEVER_DOWN | FIELD_SINGLE},
        {FIELD_HOST, FIELD_NEVER_UP | FIELD_SINGLE},
        {FIELD_ORIGIN, FIELD_NEVER_UP | FIELD_SINGLE},
        {FIELD_AUTHORIZATION, FIELD_NEVER_UP},
        {FIELD_API_KEY, FIELD_NEVER_UP},
        {FIELD_X_API_KEY, FIELD_NEVER_UP},
        {FIELD_OCP_APIM_SUBSCRIPTION_KEY, FIELD_NEVER_UP},
        {FIELD_COOKIE, FIELD_NEVER_UP},
        {FIELD_FORWARDED, FIELD_NEVER_UP},
        {FIELD_SET_COOKIE, FIELD_NEVER_DOWN},
        {FIELD_ALT_SVC, FIELD_NEVER_DOWN},
        {FIELD_STRICT_TRANSPORT_SECURITY, FIELD_NEVER_DOWN},
        {FIELD_ACCESS_CONTROL_ALLOW_ORIGIN, FIELD_NEVER_DOWN},
        {FIELD_CONTENT_TYPE, FIELD_SINGLE},
        {FIELD_SEC_FETCH_SITE, FIELD_SINGLE},
        {FIELD_ACCEPT, 0},
        {FIELD_OTHER, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (field_rules(rows[i].id) != rows[i].rules)
            fail_msg("rules of \"%s\" are %u, not %u", field_name(rows[i].id),
                     field_rules(rows[i].id), rows[i].rules);
    assert_int_equal(field_rules(FIELD_COUNT), 0);
    assert_string_equal(field_name(FIELD_OTHER), "");
    assert_string_equal(field_name(FIELD_COUNT), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_field_whatever_its_case),
        cmocka_unit_test(finds_nothing_that_is_only_similar),
        cmocka_unit_test(knows_what_is_done_with_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
