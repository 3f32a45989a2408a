/* SPDX-License-Identifier: MIT */
/* Secrets are copied, counted, gone at the last unref, and told apart by their fingerprints. */
#include "base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static struct secret *make(struct text value) {
    struct secret *s = secret_new(value);
    assert_non_null(s);
    return s;
}

static void copies_what_it_is_given(void **state) {
    (void)state;
    char value[] = "pass\0word";
    struct secret *s = make((struct text){value, sizeof value - 1});
    memset(value, 'x', sizeof value);
    assert_true(text_equal(secret_expose(s), TEXT("pass\0word")));
    secret_unref(&s);
    assert_null(s);
    secret_unref(&s);
}

static void may_be_empty_or_longer_than_a_page(void **state) {
    (void)state;
    static char value[100000];
    memset(value, 'v', sizeof value);
    struct text all = {value, sizeof value};
    struct secret *s = make(all), *none = make((struct text){NULL, 0});
    assert_true(text_equal(secret_expose(s), all));
    assert_int_equal(secret_expose(none).len, 0);
    secret_unref(&s);
    secret_unref(&none);
}

/* Whether the page of AT is still mapped. */
static bool is_mapped(const char *at) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char unused;
    if (mincore((void *)((uintptr_t)at & ~(uintptr_t)(page - 1)), 1, &unused) == 0)
        return true;
    assert_int_equal(errno, ENOMEM);
    return false;
}

static void leaves_memory_with_the_last_reference(void **state) {
    (void)state;
    struct secret *s = make(TEXT("value")), *other = secret_ref(s);
    const char *at = secret_expose(s).at;
    assert_ptr_equal(other, s);
    secret_unref(&s);
    assert_true(is_mapped(at));
    assert_true(text_equal(secret_expose(other), TEXT("value")));
    secret_unref(&other);
    assert_false(is_mapped(at));
}

static void *take_and_drop(void *secret) {
    for (int i = 0; i < 10000; i++) {
        struct secret *s = secret_ref(secret);
        secret_unref(&s);
    }
    return NULL;
}

static void is_shared_between_threads(void **state) {
    (void)state;
    struct secret *s = make(TEXT("value"));
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_drop, s), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    const char *at = secret_expose(s).at;
    assert_true(is_mapped(at));
    secret_unref(&s);
    assert_false(is_mapped(at));
}

static void is_left_out_of_core_dumps(void **state) {
    (void)state;
    struct secret *s = make(TEXT("value"));
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[4096];
    bool inside = false, dontdump = false;
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        uintptr_t begin, end;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &begin, &end) == 2)
            inside = (uintptr_t)s >= begin && (uintptr_t)s < end;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            dontdump = strstr(line, " dd") != NULL;
    }
    fclose(maps);
    assert_true(dontdump);
    secret_unref(&s);
}

static void fingerprints_tell_values_apart(void **state) {
    (void)state;
    /* the beginning of SHA-256 over the bare value, which must not be told */
    static const char bare[] = "cd42404d";
    char first[SECRET_FINGERPRINT_SIZE], same[SECRET_FINGERPRINT_SIZE],
        other[SECRET_FINGERPRINT_SIZE];
    struct secret *a = make(TEXT("value")), *b = make(TEXT("value")), *c = make(TEXT("value2"));
    secret_fingerprint(a, first);
    secret_fingerprint(b, same);
    secret_fingerprint(c, other);
    assert_int_equal(strlen(first), 8);
    assert_int_equal(strspn(first, "0123456789abcdef"), 8);
    assert_string_equal(first, same);
    assert_string_not_equal(first, other);
    assert_string_not_equal(first, bare);
    assert_true(secret_same(a, a) && secret_same(a, b) && secret_same(NULL, NULL));
    assert_false(secret_same(a, c) || secret_same(c, a) || secret_same(a, NULL) ||
                 secret_same(NULL, a));
    secret_unref(&a);
    secret_unref(&b);
    secret_unref(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_what_it_is_given),
        cmocka_unit_test(may_be_empty_or_longer_than_a_page),
        cmocka_unit_test(leaves_memory_with_the_last_reference),
        cmocka_unit_test(is_shared_between_threads),
        cmocka_unit_test(is_left_out_of_core_dumps),
        cmocka_unit_test(fingerprints_tell_values_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
