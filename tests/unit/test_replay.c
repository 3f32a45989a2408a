/* SPDX-License-Identifier: MIT */
/* When a request may be sent again: each combination of what is known, against the rules in words.
 */
#include "policy/replay.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

enum sent { NOTHING, PART, WHOLE };

static struct replay_facts facts_of(bool reused, enum sent sent, enum method method,
                                    bool idempotent) {
    return (struct replay_facts){
        .connection_reused = reused,
        .anything_sent = sent != NOTHING,
        .whole_sent = sent == WHOLE,
        .kept = true,
        .method = method,
        .idempotent = idempotent,
        .attempts = 1,
    };
}

static const struct {
    const char *what;
    bool reused;
    enum sent sent;
    enum method method;
    bool idempotent, allowed;
} rows[] = {
    {"POST, nothing sent, fresh", false, NOTHING, METHOD_POST, false, true},
    {"POST, nothing sent, reused", true, NOTHING, METHOD_POST, false, true},
    {"unknown method, nothing sent", true, NOTHING, METHOD_OTHER, false, true},
    {"POST, tail held, reused", true, PART, METHOD_POST, false, true},
    {"PATCH, part sent, reused", true, PART, METHOD_PATCH, false, true},
    {"GET, part sent, reused", true, PART, METHOD_GET, false, true},
    {"POST, part sent, fresh", false, PART, METHOD_POST, false, false},
    {"GET, part sent, fresh", false, PART, METHOD_GET, false, false},
    {"POST, whole sent, reused", true, WHOLE, METHOD_POST, false, false},
    {"PUT, whole sent, reused", true, WHOLE, METHOD_PUT, false, false},
    {"DELETE, whole sent, reused", true, WHOLE, METHOD_DELETE, false, false},
    {"PATCH, whole sent, reused", true, WHOLE, METHOD_PATCH, false, false},
    {"unknown method, whole sent, reused", true, WHOLE, METHOD_OTHER, false, false},
    {"GET, whole sent, reused", true, WHOLE, METHOD_GET, false, true},
    {"HEAD, whole sent, reused", true, WHOLE, METHOD_HEAD, false, true},
    {"OPTIONS, whole sent, reused", true, WHOLE, METHOD_OPTIONS, false, true},
    {"POST, whole sent, reused, idempotent", true, WHOLE, METHOD_POST, true, true},
    {"PUT, whole sent, reused, idempotent", true, WHOLE, METHOD_PUT, true, true},
    {"POST, whole sent, fresh", false, WHOLE, METHOD_POST, false, false},
    {"GET, whole sent, fresh", false, WHOLE, METHOD_GET, false, false},
    {"POST, whole sent, fresh, idempotent", false, WHOLE, METHOD_POST, true, false},
};

static void follows_the_rules(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct replay_facts f =
            facts_of(rows[i].reused, rows[i].sent, rows[i].method, rows[i].idempotent);
        if (replay_allowed(&f) != rows[i].allowed)
            fail_msg("%s", rows[i].what);
    }
}

static void never_once_something_forbids_it(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct replay_facts f =
            facts_of(rows[i].reused, rows[i].sent, rows[i].method, rows[i].idempotent);
        f.answer_began = true;
        assert_false(replay_allowed(&f));
        f.answer_began = false;
        f.kept = false;
        assert_false(replay_allowed(&f));
        f.kept = true;
        f.attempts = REPLAY_ATTEMPTS_MAX;
        assert_false(replay_allowed(&f));
        f.attempts = REPLAY_ATTEMPTS_MAX - 1;
        assert_int_equal(replay_allowed(&f), rows[i].allowed);
    }
}

static void sends_three_times_at_most(void **state) {
    (void)state;
    struct replay_facts f = facts_of(true, NOTHING, METHOD_GET, true);
    unsigned sent = 1;
    while (sent < 10 && replay_allowed(&f))
        f.attempts = ++sent;
    assert_int_equal(sent, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_rules),
        cmocka_unit_test(never_once_something_forbids_it),
        cmocka_unit_test(sends_three_times_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
