/* SPDX-License-Identifier: MIT */
/* That the clocks run, in the unit that they say. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <time.h>

static void monotonic_never_goes_back(void **state) {
    (void)state;
    usec_t last = clock_monotonic();
    assert_true(last > 0);
    for (int i = 0; i < 1000; i++) {
        usec_t now = clock_monotonic();
        assert_true(now >= last);
        last = now;
    }
    assert_true(last < USEC_NEVER);
}

static void wall_is_in_microseconds_since_1970(void **state) {
    (void)state;
    time_t before = time(NULL);
    usec_t now = clock_wall();
    time_t after = time(NULL);
    /* time() may lag behind by a tick of the kernel */
    assert_true(now >= before * USEC_PER_SEC);
    assert_true(now < (after + 2) * USEC_PER_SEC);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_never_goes_back),
        cmocka_unit_test(wall_is_in_microseconds_since_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
