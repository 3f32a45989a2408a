/* SPDX-License-Identifier: MIT */
/* The figures of this very process. */
#include "base/clock.h"
#include "sys/usage.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static struct usage now(void) {
    struct usage u;
    assert_true(usage_read(&u));
    return u;
}

static void it_started_a_moment_ago(void **state) {
    (void)state;
    double wall = (double)clock_wall() / 1e6;
    assert_true(now().start_s <= wall + 2 && now().start_s > wall - 600);
}

static void descriptors_are_counted(void **state) {
    (void)state;
    uint64_t before = now().descriptors;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(now().descriptors, before + 1);
    close(fd);
    assert_int_equal(now().descriptors, before);
    assert_true(before >= 3 && now().descriptors_max > before);
}

static void memory_is_counted(void **state) {
    const size_t more = 64 * 1024 * 1024;
    (void)state;
    struct usage before = now();
    char *block = malloc(more);
    assert_non_null(block);
    memset(block, 1, more);
    __asm__ volatile("" : : "r"(block) : "memory"); /* or it need not have been written at all */
    assert_true(now().resident_bytes >= before.resident_bytes + more / 2);
    assert_true(now().virtual_bytes >= before.virtual_bytes + more / 2);
    free(block);
}

static void time_of_the_processor_is_counted(void **state) {
    (void)state;
    clock_t begin = clock();
    double before = now().cpu_s;
    while (clock() - begin < CLOCKS_PER_SEC / 10)
        continue;
    double used = now().cpu_s - before;
    assert_true(used >= 0.07 && used < 5);
}

/* The name of the program may look like what follows it. */
static void a_name_with_parentheses(void **state) {
    (void)state;
    assert_int_equal(prctl(PR_SET_NAME, ") R 1 (a b)"), 0);
    assert_true(now().start_s > 1e9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_started_a_moment_ago),
        cmocka_unit_test(descriptors_are_counted),
        cmocka_unit_test(memory_is_counted),
        cmocka_unit_test(time_of_the_processor_is_counted),
        cmocka_unit_test(a_name_with_parentheses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
