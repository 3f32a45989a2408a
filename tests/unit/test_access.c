/* SPDX-License-Identifier: MIT */
/* Which Host names are ours, which callers are admitted. */
#include "policy/access.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static void bytes_of(const char *address, unsigned char into[16]) {
    struct cidr c;
    assert_true(parse_cidr(text_of(address), &c));
    memcpy(into, c.address, 16);
}

static void serves_only_its_own_hosts(void **state) {
    (void)state;
    static const char *const names[] = {"score.internal", "Gateway"};
    static const struct {
        const char *host, *local;
        bool ours;
    } rows[] = {
        {"localhost", "127.0.0.1", true},
        {"LocalHost", "127.0.0.1", true},
        {"127.0.0.1", "127.0.0.1", true},
        {"127.255.255.254", NULL, true},
        {"::1", "::1", true},
        {"0:0:0:0:0:0:0:1", NULL, true},
        {"score.internal", "10.0.0.5", true},
        {"SCORE.internal", "10.0.0.5", true},
        {"gateway", NULL, true},
        {"10.0.0.5", "10.0.0.5", true},
        {"fe80::5", "fe80::5", true},
        {"FE80:0::5", "fe80::5", true},
        /* rebinding */
        {"evil.example", "127.0.0.1", false},
        {"127.0.0.1.nip.io", "127.0.0.1", false},
        {"localhost.evil.example", "127.0.0.1", false},
        {"evil-localhost", "127.0.0.1", false},
        {"xlocalhost", NULL, false},
        {"localhos", NULL, false},
        {"localhost.", "127.0.0.1", false},
        {"127.0.0.1.", "127.0.0.1", false},
        {"score.internal.", "10.0.0.5", false},
        {"a.score.internal", "10.0.0.5", false},
        {"score.internal.evil.example", "10.0.0.5", false},
        {"score", "10.0.0.5", false},
        /* other addresses, and what is none but might be read as one */
        {"10.0.0.6", "10.0.0.5", false},
        {"10.0.0.5", NULL, false},
        {"0.0.0.0", "127.0.0.1", false},
        {"::", "::1", false},
        {"128.0.0.1", "127.0.0.1", false},
        {"126.255.255.255", NULL, false},
        {"127.1", NULL, false},
        {"0x7f.0.0.1", NULL, false},
        {"0177.0.0.1", NULL, false},
        {"2130706433", NULL, false},
        {"127.0.0.1/8", NULL, false},
        {"0.0.0.0/0", "127.0.0.1", false},
        {"::2", NULL, false},
        {"::/0", NULL, false},
        {"1::1", NULL, false},
        {"[::1]", NULL, false}, /* the brackets are gone when it gets here */
        {"", "127.0.0.1", false},
        {".", NULL, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned char local[16];
        if (rows[i].local)
            bytes_of(rows[i].local, local);
        if (access_host_is_ours(text_of(rows[i].host), names, ARRAY_LEN(names),
                                rows[i].local ? local : NULL) != rows[i].ours)
            fail_msg("\"%s\" on %s", rows[i].host, rows[i].local ? rows[i].local : "-");
    }
    assert_false(access_host_is_ours((struct text){NULL, 0}, names, ARRAY_LEN(names), NULL));
    assert_false(access_host_is_ours(TEXT("localhost\0.evil"), names, ARRAY_LEN(names), NULL));
    assert_false(access_host_is_ours(TEXT("127.0.0.1\0"), names, ARRAY_LEN(names), NULL));
    assert_false(access_host_is_ours(TEXT("gateway"), NULL, 0, NULL));
}

static void admits_everyone_without_lists(void **state) {
    (void)state;
    const struct access_list nothing = {0};
    unsigned char address[16];
    bytes_of("192.0.2.1", address);
    assert_true(access_caller_allowed(&nothing, address, -1));
    assert_true(access_caller_allowed(&nothing, NULL, 1000));
    assert_true(access_caller_allowed(&nothing, NULL, -1));
}

static void admits_listed_clients(void **state) {
    (void)state;
    static const char *const networks[] = {"10.1.0.0/16", "192.0.2.7", "2001:db8::/32"};
    static const struct {
        const char *address;
        bool allowed;
    } rows[] = {
        {"10.1.0.0", true},      {"10.1.255.255", true}, {"10.2.0.0", false},
        {"10.0.255.255", false}, {"192.0.2.7", true},    {"192.0.2.6", false},
        {"2001:db8::1", true},   {"2001:db9::1", false}, {"::ffff:10.1.2.3", true},
        {"::10.1.2.3", false},   {"127.0.0.1", false},   {"::1", false},
    };
    struct cidr clients[ARRAY_LEN(networks)];
    for (size_t i = 0; i < ARRAY_LEN(networks); i++)
        assert_true(parse_cidr(text_of(networks[i]), &clients[i]));
    const struct access_list list = {.clients = clients, .client_count = ARRAY_LEN(clients)};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned char address[16];
        bytes_of(rows[i].address, address);
        if (access_caller_allowed(&list, address, -1) != rows[i].allowed)
            fail_msg("%s", rows[i].address);
    }
    assert_false(access_caller_allowed(&list, NULL, 0)); /* a unix socket has no address */
}

static void admits_listed_users(void **state) {
    (void)state;
    uint32_t users[] = {1000, 0, UINT32_MAX};
    const struct access_list list = {.users = users, .user_count = ARRAY_LEN(users)};
    assert_true(access_caller_allowed(&list, NULL, 1000));
    assert_true(access_caller_allowed(&list, NULL, 0));
    assert_false(access_caller_allowed(&list, NULL, 1001));
    /* Unknown is nobody, not the largest uid. */
    assert_false(access_caller_allowed(&list, NULL, -1));
    assert_true(access_caller_allowed(&list, NULL, UINT32_MAX));
}

static void wants_both_lists_satisfied(void **state) {
    (void)state;
    struct cidr clients[1];
    uint32_t users[] = {1000};
    assert_true(parse_cidr(TEXT("10.0.0.0/8"), &clients[0]));
    const struct access_list list = {clients, 1, users, 1};
    unsigned char address[16];
    bytes_of("10.0.0.1", address);
    assert_false(access_caller_allowed(&list, address, -1));
    assert_false(access_caller_allowed(&list, NULL, 1000));
    assert_true(access_caller_allowed(&list, address, 1000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_only_its_own_hosts),
        cmocka_unit_test(admits_everyone_without_lists),
        cmocka_unit_test(admits_listed_clients),
        cmocka_unit_test(admits_listed_users),
        cmocka_unit_test(wants_both_lists_satisfied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
