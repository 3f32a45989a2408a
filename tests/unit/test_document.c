/* SPDX-License-Identifier: MIT */
/* Documents that a site keeps: how long they are fresh (RFC 9111), and which of them are kept. */
#include "gateway/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#define NOW   (1000 * USEC_PER_SEC)
#define DATED "Date: Sat, 28 Nov 2026 12:00:00 GMT\n"
#define YEAR  (31536000 * USEC_PER_SEC)

struct lines {
    struct field_line at[8];
    size_t n;
};

/* "Name: value" to a line. */
static struct lines lines_of(const char *text) {
    struct lines l = {.n = 0};
    for (struct text rest = text_of(text); rest.len;) {
        struct text line = {rest.at, text_find(rest, '\n')};
        rest = text_skip(rest, line.len + 1);
        size_t colon = text_find(line, ':');
        struct text name = {line.at, colon};
        l.at[l.n++] =
            (struct field_line){name, text_trim(text_skip(line, colon + 1)), field_lookup(name)};
    }
    return l;
}

static struct document *made(const char *query, const char *body, const char *fields) {
    struct lines l = lines_of(fields);
    struct document *d = document_new(text_of(query), text_of(body), l.at, l.n, NOW);
    assert_non_null(d);
    return d;
}

static void renewed(struct document *d, const char *fields, usec_t now) {
    struct lines l = lines_of(fields);
    document_renew(d, l.at, l.n, now);
}

/* For how long a document with FIELDS is fresh; -1: it is not even kept. */
static usec_t fresh_for(const char *fields) {
    struct document *d = made("", "{}", fields);
    usec_t fresh = d->kept ? d->fresh - NOW : -1;
    document_unref(&d);
    assert_null(d);
    return fresh;
}

static void is_a_copy(void **state) {
    (void)state;
    char query[] = "version=3", body[] = "{\"a\":\0 1}",
         fields[] = "ETag: \"one\"\nLast-Modified: then\n"
                    "Cache-Control: max-age=5\nDate: x";
    struct lines l = lines_of(fields);
    struct document *d =
        document_new(text_of(query), (struct text){body, sizeof body - 1}, l.at, l.n, NOW);
    memset(query, 'x', sizeof query);
    memset(body, 'x', sizeof body);
    memset(fields, 'x', sizeof fields);
    assert_string_equal(d->query, "version=3");
    assert_int_equal(d->length, 9);
    assert_memory_equal(d->body, "{\"a\":\0 1}", 9);
    assert_string_equal(d->etag, "\"one\"");
    assert_string_equal(d->last_modified, "then");
    assert_string_equal(d->cache_control, "max-age=5");
    assert_int_equal(d->fresh, NOW + 5 * USEC_PER_SEC);
    document_unref(&d);
    d = document_new((struct text){NULL, 0}, (struct text){"", 0}, NULL, 0, NOW);
    assert_string_equal(d->query, "");
    assert_int_equal(d->length, 0);
    assert_null(d->etag);
    assert_null(d->last_modified);
    assert_null(d->cache_control);
    document_unref(&d);
    document_unref(&d);
}

static void lives_as_long_as_somebody_has_it(void **state) {
    (void)state;
    struct document *d = made("", "body", ""), *other = document_ref(d);
    document_unref(&d);
    assert_null(d);
    assert_memory_equal(other->body, "body", 4);
    document_unref(&other);
}

static void is_fresh_for_as_long_as_said(void **state) {
    (void)state;
    static const struct {
        const char *fields;
        usec_t fresh;
    } cases[] = {
        {"", DOCUMENT_FRESH},
        {"Cache-Control: public", DOCUMENT_FRESH},
        {"Cache-Control: max-age=3600", 3600 * USEC_PER_SEC},
        {"Cache-Control: public, MAX-AGE=3600", 3600 * USEC_PER_SEC},
        {"Cache-Control: max-age=0", 0},
        {"Cache-Control: max-age=3600\nAge: 600", 3000 * USEC_PER_SEC},
        {"Age: 600\nCache-Control: max-age=3600", 3000 * USEC_PER_SEC},
        {"Age: 600", DOCUMENT_FRESH},
        {"Cache-Control: max-age=5\nCache-Control: max-age=7", 5 * USEC_PER_SEC},
        {"Cache-Control: max-age=5, s-maxage=7", 7 * USEC_PER_SEC},
        {"Cache-Control: s-maxage=7, max-age=5", 7 * USEC_PER_SEC},
        {"Cache-Control: s-maxage=x, max-age=5", 0},
        {DATED "Expires: Sat, 28 Nov 2026 12:01:30 GMT", 90 * USEC_PER_SEC},
        {DATED "Expires: Sat, 28 Nov 2026 12:01:30 GMT\nAge: 30", 60 * USEC_PER_SEC},
        {DATED "Expires: Sat, 28 Nov 2026 12:01:30 GMT\nCache-Control: max-age=5",
         5 * USEC_PER_SEC},
        {DATED "Expires: Sat, 28 Nov 2026 11:00:00 GMT", 0},
        {DATED "Expires: Sat, 28 Nov 2036 12:00:00 GMT", YEAR},
        {DATED "Expires: 0", 0},
        {"Expires: Sat, 28 Nov 2026 12:01:30 GMT", 0},
        {"Cache-Control: no-cache", 0},
        {"Cache-Control: no-cache, max-age=5", 0},
        {"Cache-Control: max-age=5\nCache-Control: No-Cache", 0},
        {"Cache-Control: no-cache=\"Set-Cookie\"", 0},
        {"Cache-Control: x-no-cache", DOCUMENT_FRESH},
        {"Cache-Control:", DOCUMENT_FRESH},
        {"Cache-Control: , ,", DOCUMENT_FRESH},
        /* what cannot be read is not relied on */
        {"Cache-Control: max-age", 0},
        {"Cache-Control: max-age=", 0},
        {"Cache-Control: max-age=-1", 0},
        {"Cache-Control: max-age=5s", 0},
        {"Cache-Control: max-age=x", 0},
        /* no longer than a year */
        {"Cache-Control: max-age=31536000", YEAR},
        {"Cache-Control: max-age=63072000", YEAR},
        {"Cache-Control: max-age=18446744073709551615", YEAR},
        {"Cache-Control: no-store", -1},
        {"Cache-Control: max-age=3600, No-Store", -1},
        {"Cache-Control: private", -1},
        {"Cache-Control: private=\"x\", max-age=5", -1},
        {"Vary: Origin", DOCUMENT_FRESH},
        {"Vary: origin, Accept-Encoding ,", DOCUMENT_FRESH},
        {"Vary: Accept", -1},
        {"Vary: Origin\nVary: Accept-Language", -1},
        {"Vary: *", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (fresh_for(cases[i].fields) != cases[i].fresh)
            fail_msg("%s: %lld", cases[i].fields, (long long)fresh_for(cases[i].fields));
    /* Older than it may be, or of an age that nobody can read. */
    assert_true(fresh_for("Cache-Control: max-age=60\nAge: 600") <= 0);
    assert_true(fresh_for("Cache-Control: max-age=60\nAge: x") <= 0);
    assert_true(fresh_for("Cache-Control: max-age=60\nAge: 99999999999") <= 0);
}

static void tells_its_age(void **state) {
    (void)state;
    struct document *d = made("", "{}", "Age: 600");
    assert_int_equal(d->born, NOW - 600 * USEC_PER_SEC);
    renewed(d, "", NOW + USEC_PER_SEC);
    assert_int_equal(d->born, NOW + USEC_PER_SEC);
    document_unref(&d);
}

static void large_ones_are_not_kept(void **state) {
    (void)state;
    char *large = calloc(1, DOCUMENT_KEPT_BYTES + 1);
    for (size_t i = 0; i < 2; i++) {
        struct document *d =
            document_new(TEXT(""), (struct text){large, DOCUMENT_KEPT_BYTES + i}, NULL, 0, NOW);
        assert_int_equal(d->kept, i == 0);
        document_unref(&d);
    }
    free(large);
}

static void is_renewed(void **state) {
    (void)state;
    struct document *d = made("", "{}", "ETag: \"one\"\nCache-Control: max-age=5");
    renewed(d, "ETag: \"two\"\nLast-Modified: then\nCache-Control: max-age=7", 2 * NOW);
    assert_string_equal(d->etag, "\"two\"");
    assert_string_equal(d->last_modified, "then");
    assert_string_equal(d->cache_control, "max-age=7");
    assert_int_equal(d->fresh, 2 * NOW + 7 * USEC_PER_SEC);
    assert_true(d->kept);
    renewed(d, "Cache-Control: public\nCache-Control:\nCache-Control: max-age=9", 2 * NOW);
    assert_string_equal(d->cache_control, "public, max-age=9");
    assert_int_equal(d->fresh, 2 * NOW + 9 * USEC_PER_SEC);
    renewed(d, "Cache-Control: no-store", 3 * NOW);
    assert_string_equal(d->etag, "\"two\"");
    assert_false(d->kept);
    document_unref(&d);
}

/* RFC 9111 section 3.2: what the new answer leaves out holds as it was said before. */
static void what_is_not_said_again_holds(void **state) {
    (void)state;
    struct document *d = made("", "{}", "ETag: \"one\"\nCache-Control: max-age=5");
    renewed(d, "", 2 * NOW);
    assert_string_equal(d->etag, "\"one\"");
    assert_string_equal(d->cache_control, "max-age=5");
    assert_int_equal(d->fresh, 2 * NOW + 5 * USEC_PER_SEC);
    document_unref(&d);
    d = made("", "{}", "Cache-Control: no-cache");
    renewed(d, "ETag: \"one\"", 2 * NOW);
    assert_int_equal(d->fresh, 2 * NOW);
    document_unref(&d);
}

/* Which are kept, as "query query …". */
static const char *kept(const struct documents *all) {
    static char names[256];
    size_t n = 0;
    names[0] = '\0';
    for (size_t i = 0; i < DOCUMENTS_MAX && all->at[i]; i++) {
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? " " : "", all->at[i]->query);
        assert_true(documents_find(all, text_of(all->at[i]->query)) == all->at[i]);
    }
    return names;
}

static void comes(struct documents *all, const char *query, const char *body, const char *fields) {
    struct document *d = made(query, body, fields);
    documents_keep(all, d);
    document_unref(&d);
}

static void the_newest_of_each_query_is_kept(void **state) {
    (void)state;
    struct documents all = {{NULL}};
    assert_null(documents_find(&all, TEXT("a")));
    comes(&all, "a", "1", "");
    comes(&all, "b", "1", "");
    assert_string_equal(kept(&all), "b a");
    comes(&all, "a", "2", "");
    assert_string_equal(kept(&all), "a b");
    assert_memory_equal(documents_find(&all, TEXT("a"))->body, "2", 1);
    comes(&all, "", "1", "");
    assert_string_equal(kept(&all), " a b");
    assert_non_null(documents_find(&all, (struct text){NULL, 0}));
    assert_null(documents_find(&all, TEXT("A")));
    assert_null(documents_find(&all, TEXT("aa")));
    documents_done(&all);
    assert_null(all.at[0]);
}

static void the_oldest_goes(void **state) {
    (void)state;
    struct documents all = {{NULL}};
    for (int i = 0; i < DOCUMENTS_MAX + 1; i++) {
        char query[2] = {(char)('a' + i)};
        comes(&all, query, "1", "");
    }
    assert_string_equal(kept(&all), "e d c b");
    comes(&all, "b", "2", "");
    assert_string_equal(kept(&all), "b e d c");
    comes(&all, "f", "1", "");
    assert_string_equal(kept(&all), "f b e d");
    documents_done(&all);
}

static void what_may_not_be_kept_is_not(void **state) {
    (void)state;
    struct documents all = {{NULL}};
    comes(&all, "a", "1", "Cache-Control: no-store");
    assert_string_equal(kept(&all), "");
    for (int i = 0; i < DOCUMENTS_MAX; i++) {
        char query[2] = {(char)('a' + i)};
        comes(&all, query, "1", "");
    }
    /* It takes the place of none of the others, ... */
    comes(&all, "x", "1", "Cache-Control: no-store");
    assert_string_equal(kept(&all), "d c b a");
    /* ... but the old one for its query is not true any more. */
    comes(&all, "c", "2", "Cache-Control: no-store");
    assert_string_equal(kept(&all), "d b a");
    comes(&all, "a", "2", "Vary: *");
    comes(&all, "d", "2", "Vary: *");
    comes(&all, "b", "2", "Vary: *");
    assert_string_equal(kept(&all), "");
}

/* Kept once more, as after 304. */
static void keeps_what_it_has(void **state) {
    (void)state;
    struct documents all = {{NULL}};
    comes(&all, "a", "1", "");
    comes(&all, "b", "1", "");
    struct document *d = document_ref(documents_find(&all, TEXT("a")));
    documents_keep(&all, d);
    assert_string_equal(kept(&all), "a b");
    assert_int_equal(d->references, 2);
    renewed(d, "Cache-Control: no-store", NOW);
    documents_keep(&all, d);
    assert_string_equal(kept(&all), "b");
    assert_int_equal(d->references, 1);
    document_unref(&d);
    documents_done(&all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_a_copy),
        cmocka_unit_test(lives_as_long_as_somebody_has_it),
        cmocka_unit_test(is_fresh_for_as_long_as_said),
        cmocka_unit_test(tells_its_age),
        cmocka_unit_test(large_ones_are_not_kept),
        cmocka_unit_test(is_renewed),
        cmocka_unit_test(what_is_not_said_again_holds),
        cmocka_unit_test(the_newest_of_each_query_is_kept),
        cmocka_unit_test(the_oldest_goes),
        cmocka_unit_test(what_may_not_be_kept_is_not),
        cmocka_unit_test(keeps_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
