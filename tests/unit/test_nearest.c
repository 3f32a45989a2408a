/* SPDX-License-Identifier: MIT */
/* Which spelling was meant, and that nothing is proposed where none was. */
#include "base/nearest.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static const char *const names[] = {"path",      "port",    "routes", "listen",
                                    "max_queue", "workers", "cors"};

static const char *guess(const char *word) {
    return nearest(text_of(word), names, ARRAY_LEN(names));
}

static void forgives_slips(void **state) {
    (void)state;
    static const struct {
        const char *word, *meant;
    } rows[] = {
        {"path", "path"},
        {"PATH", "path"},
        {"pat", "path"},
        {"paths", "path"},
        {"prot", "port"},
        {"route", "routes"},
        {"rotue", "routes"},
        {"lisetn", "listen"},
        {"max-queue", "max_queue"},
        {"maxqueue", "max_queue"},
        {"max_queues", "max_queue"},
        {"worker", "workers"},
        {"cros", "cors"},
        {"wrokrs", "workers"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *best = guess(rows[i].word);
        if (!best)
            fail_msg("nothing for \"%s\"", rows[i].word);
        assert_string_equal(best, rows[i].meant);
    }
}

static void proposes_no_other_word(void **state) {
    (void)state;
    static const char *const words[] = {"", "x", "pa", "timeout", "origin", "queue", "xyz"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (guess(words[i]))
            fail_msg("\"%s\" for \"%s\"", guess(words[i]), words[i]);
    assert_null(nearest(TEXT("path"), NULL, 0));
}

static void prefers_the_closest_then_the_first(void **state) {
    (void)state;
    static const char *const close[] = {"abcdefgxx", "abcdefgh", "abcdefgi"};
    assert_string_equal(nearest(TEXT("abcdefgz"), close, ARRAY_LEN(close)), "abcdefgh");
    assert_string_equal(nearest(TEXT("abcdefgi"), close, ARRAY_LEN(close)), "abcdefgi");
}

static void survives_endless_words(void **state) {
    (void)state;
    char longest[66];
    const char *const candidates[] = {longest};
    memset(longest, 'a', sizeof longest);
    longest[65] = '\0';
    assert_null(nearest((struct text){longest, 65}, names, ARRAY_LEN(names)));
    assert_null(nearest((struct text){longest, 64}, candidates, 1));
    longest[64] = '\0';
    assert_ptr_equal(nearest((struct text){longest, 63}, candidates, 1), longest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forgives_slips),
        cmocka_unit_test(proposes_no_other_word),
        cmocka_unit_test(prefers_the_closest_then_the_first),
        cmocka_unit_test(survives_endless_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
