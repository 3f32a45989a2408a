/* SPDX-License-Identifier: MIT */
/* FNV-1a against the numbers of its draft (draft-eastlake-fnv, test vectors). */
#include "base/hash.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static void hashes_as_published(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t hash;
    } vectors[] = {{"", 0xcbf29ce484222325U},
                   {"a", 0xaf63dc4c8601ec8cU},
                   {"b", 0xaf63df4c8601f1a5U},
                   {"foobar", 0x85944171f73967e8U}};
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        assert_int_equal(hash_text(HASH_NOTHING, text_of(vectors[i].text)), vectors[i].hash);
}

static void goes_on_where_it_was(void **state) {
    (void)state;
    uint64_t foo = hash_text(HASH_NOTHING, TEXT("foo"));
    assert_int_equal(hash_text(foo, TEXT("bar")), hash_text(HASH_NOTHING, TEXT("foobar")));
    assert_int_equal(hash_byte(HASH_NOTHING, 'a'), hash_text(HASH_NOTHING, TEXT("a")));
    assert_int_equal(hash_text(foo, (struct text){NULL, 0}), foo);
    assert_true(hash_byte(HASH_NOTHING, 0xff) == hash_text(HASH_NOTHING, TEXT("\xff")));
    assert_true(hash_text(HASH_NOTHING, TEXT("\0")) != HASH_NOTHING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_as_published),
        cmocka_unit_test(goes_on_where_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
