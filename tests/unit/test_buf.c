/* SPDX-License-Identifier: MIT */
/* What a buffer holds after good appends, and that a failed one holds no half of them. */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static void assert_holds(const struct buf *b, const char *string) {
    assert_true(buf_ok(b));
    assert_true(text_equal(buf_text(b), text_of(string)));
    assert_int_equal(buf_text(b).at[b->len], '\0');
}

static void allocates_nothing_before_the_first_append(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_null(b.at);
    assert_holds(&b, "");
    buf_consume(&b, 0);
    buf_clear(&b);
    buf_done(&b);
    buf_wipe(&b);
    assert_null(b.at);
    buf_add(&b, NULL, 0);
    assert_string_equal(b.at, "");
    buf_done(&b);
}

static void appends_in_every_way(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_add(&b, "ab", 2);
    buf_add_char(&b, ' ');
    buf_add_text(&b, TEXT("text"));
    buf_add_string(&b, " string ");
    buf_add_u64(&b, 0);
    buf_add_char(&b, ' ');
    buf_add_u64(&b, UINT64_MAX);
    buf_addf(&b, " %s-%d", "f", -1);
    buf_addf(&b, "%s", "");
    assert_holds(&b, "ab text string 0 18446744073709551615 f--1");
    buf_done(&b);
    assert_null(b.at);
    assert_holds(&b, "");
}

static void keeps_zero_bytes(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_add(&b, "a\0b", 3);
    assert_true(text_equal(buf_text(&b), TEXT("a\0b")));
    buf_done(&b);
}

/* Byte by byte over many reallocations. */
static void grows_to_its_ceiling_and_no_further(void **state) {
    (void)state;
    enum { MAX = 5000 };
    struct buf b;
    buf_init(&b, MAX);
    for (size_t i = 0; i < MAX; i++)
        buf_add_char(&b, (char)('a' + i % 26));
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, MAX);
    assert_in_range(b.capacity, MAX + 1, MAX + 1);
    for (size_t i = 0; i < MAX; i++)
        assert_int_equal(b.at[i], 'a' + i % 26);
    buf_add_char(&b, 'x');
    assert_false(buf_ok(&b));
    assert_int_equal(b.len, MAX);
    assert_int_equal(b.at[MAX], '\0');
    buf_done(&b);
}

static void doubles_its_memory(void **state) {
    (void)state;
    struct buf b;
    size_t changes = 0, capacity = 0;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < 1 << 20; i++) {
        buf_add_char(&b, 'x');
        changes += b.capacity != capacity;
        capacity = b.capacity;
    }
    assert_in_range(changes, 1, 16);
    buf_done(&b);
}

static void an_append_that_does_not_fit_leaves_nothing(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    for (int way = 0; way < 5; way++) {
        buf_clear(&b);
        buf_add_string(&b, "12345");
        if (way == 0)
            buf_add_string(&b, "6789");
        else if (way == 1)
            buf_addf(&b, "%d", 6789);
        else if (way == 2)
            buf_add_u64(&b, 6789);
        else if (way == 3)
            assert_null(buf_room(&b, 4));
        else
            buf_add(&b, "", SIZE_MAX);
        assert_false(buf_ok(&b));
        assert_string_equal(b.at, "12345");
        /* would fit, but the chain is broken */
        buf_add_char(&b, '6');
        buf_addf(&b, "%d", 6);
        assert_null(buf_room(&b, 0));
        assert_string_equal(b.at, "12345");
        assert_int_equal(b.len, 5);
    }
    buf_clear(&b);
    buf_add_string(&b, "12345678");
    assert_holds(&b, "12345678");
    buf_done(&b);
}

static void a_ceiling_without_limit_does_not_overflow(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, SIZE_MAX);
    buf_add_char(&b, 'x');
    assert_null(buf_room(&b, SIZE_MAX));
    assert_false(buf_ok(&b));
    buf_clear(&b);
    assert_null(buf_room(&b, SIZE_MAX - 1));
    buf_done(&b);
}

static void formats_what_is_longer_than_the_memory(void **state) {
    (void)state;
    char longer[1500];
    memset(longer, 'y', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    struct buf b;
    buf_init(&b, 2000);
    buf_add_char(&b, 'x');
    buf_addf(&b, "%s", longer);
    assert_int_equal(b.len, sizeof longer);
    assert_string_equal(b.at + 1, longer);
    buf_addf(&b, "%s", longer);
    assert_false(buf_ok(&b));
    assert_string_equal(b.at + 1, longer);
    buf_done(&b);
}

static void hands_out_room(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    buf_add_char(&b, 'a');
    char *room = buf_room(&b, 9);
    assert_non_null(room);
    memset(room, 'b', 9);
    assert_int_equal(b.len, 1);
    buf_grew(&b, 3);
    assert_holds(&b, "abbb");
    assert_null(buf_room(&b, 7));
    buf_done(&b);
}

static void drops_from_the_front(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    buf_add_string(&b, "one two");
    buf_consume(&b, 4);
    assert_holds(&b, "two");
    buf_consume(&b, 3);
    assert_holds(&b, "");
    buf_add_string(&b, "three");
    assert_holds(&b, "three");
    buf_wipe(&b);
    assert_null(b.at);
}

static void drops_from_the_end(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    buf_truncate(&b, 0);
    buf_add_string(&b, "one two");
    buf_truncate(&b, 7);
    assert_holds(&b, "one two");
    buf_truncate(&b, 3);
    assert_holds(&b, "one");
    buf_add_string(&b, " more");
    assert_holds(&b, "one more");
    buf_truncate(&b, 0);
    assert_holds(&b, "");
    buf_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocates_nothing_before_the_first_append),
        cmocka_unit_test(appends_in_every_way),
        cmocka_unit_test(keeps_zero_bytes),
        cmocka_unit_test(grows_to_its_ceiling_and_no_further),
        cmocka_unit_test(doubles_its_memory),
        cmocka_unit_test(an_append_that_does_not_fit_leaves_nothing),
        cmocka_unit_test(a_ceiling_without_limit_does_not_overflow),
        cmocka_unit_test(formats_what_is_longer_than_the_memory),
        cmocka_unit_test(hands_out_room),
        cmocka_unit_test(drops_from_the_front),
        cmocka_unit_test(drops_from_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
