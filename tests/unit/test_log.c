/* SPDX-License-Identifier: MIT */
/* Log lines in the three formats: what is escaped, quoted, cut and left out, and where they go. */
#include "base/log.h"

#include "base/json.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static char last[LOG_LINE_MAX + 1];
static enum log_level last_level;
static unsigned lines;

static void keep(enum log_level level, const char *line, size_t len) {
    assert_in_range(len, 1, LOG_LINE_MAX);
    assert_ptr_equal(memchr(line, '\n', len), line + len - 1);
    memcpy(last, line, len);
    last[len] = '\0';
    last_level = level;
    lines++;
}

/* Starts a test in FORMAT with everything enabled. */
static void begin(enum log_format format) {
    log_setup(LOG_LEVEL_DEBUG, format, keep);
    last[0] = '\0';
    lines = 0;
}

static void the_journal_gets_a_priority_and_no_time(void **state) {
    (void)state;
    begin(LOG_FORMAT_JOURNAL);
    log_error("it broke");
    assert_string_equal(last, "<3>it broke\n");
    assert_int_equal(last_level, LOG_LEVEL_ERROR);
    log_warning("w", LOG_STRING("a", "b"));
    assert_string_equal(last, "<4>w a=b\n");
    log_info("i", LOG_NUMBER("n", -5), LOG_NUMBER("max", INT64_MAX), LOG_NUMBER("min", INT64_MIN));
    assert_string_equal(last, "<6>i n=-5 max=9223372036854775807 min=-9223372036854775808\n");
    log_debug("d", LOG_TEXT("t", TEXT("ab")), LOG_STRING("none", NULL));
    assert_string_equal(last, "<7>d t=ab none=\"\"\n");
}

static void text_begins_with_time_and_level(void **state) {
    (void)state;
    begin(LOG_FORMAT_TEXT);
    time_t before = time(NULL);
    log_warning("two words", LOG_NUMBER("n", 1));
    time_t after = time(NULL) + 1;
    struct tm date = {0};
    int ms = -1;
    char *end = strptime(last, "%Y-%m-%dT%H:%M:%S", &date);
    assert_non_null(end);
    assert_int_equal(sscanf(end, ".%3dZ", &ms), 1);
    assert_in_range(ms, 0, 999);
    assert_in_range(timegm(&date), before, after);
    assert_string_equal(end + 4, "Z warning two words n=1\n");
}

static void json_has_the_same(void **state) {
    (void)state;
    static const struct {
        enum log_level level;
        const char *name;
    } levels[] = {{LOG_LEVEL_ERROR, "error"},
                  {LOG_LEVEL_WARNING, "warning"},
                  {LOG_LEVEL_INFO, "info"},
                  {LOG_LEVEL_DEBUG, "debug"}};
    begin(LOG_FORMAT_JSON);
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        struct text text;
        double number;
        log_fields_(levels[i].level, "a \"message\"", LOG_STRING("key", "two words"),
                    LOG_NUMBER("n", -12));
        struct json *line = json_parse(text_of(last), 1);
        assert_true(json_string(json_member(line, "time"), &text));
        assert_int_equal(text.len, strlen("2026-01-31T12:00:00.123Z"));
        assert_true(json_string(json_member(line, "level"), &text));
        assert_true(text_equal(text, text_of(levels[i].name)));
        assert_true(json_string(json_member(line, "message"), &text));
        assert_true(text_equal(text, TEXT("a \"message\"")));
        assert_true(json_string(json_member(line, "key"), &text));
        assert_true(text_equal(text, TEXT("two words")));
        assert_true(json_number(json_member(line, "n"), &number) && number == -12);
        assert_null(json_member(line, "truncated"));
        json_free(&line);
    }
}

static void quotes_and_escapes_values(void **state) {
    (void)state;
    static const struct {
        struct text value;
        const char *written;
    } rows[] = {
        {{"", 0}, "\"\""},
        {{"/score?a&b", 10}, "/score?a&b"},
        {{"a b", 3}, "\"a b\""},
        {{"a=b", 3}, "\"a=b\""},
        {{"a\"b", 3}, "\"a\\\"b\""},
        {{"a\\b", 3}, "\"a\\\\b\""},
        {{"a\r\n\tb", 5}, "\"a\\r\\n\\tb\""},
        {{"\x1b[31m", 5}, "\"\\x1b[31m\""},
        {{"a\0b", 3}, "\"a\\x00b\""},
        {{"\x7f", 1}, "\"\\x7f\""},
        {{"\xc3\xa4", 2}, "\xc3\xa4"},
        {{"\xe4z", 2}, "\"\\xe4z\""},
        {{"\xe2\x82", 2}, "\"\\xe2\\x82\""},
        {{"\xc2\x9b"
          "31m",
          5},
         "\"\\u009b31m\""},
        {{"\xe2\x80\xae", 3}, "\"\\u202e\""},
        {{"\xf0\x9f\x98\x80", 4}, "\xf0\x9f\x98\x80"},
    };
    begin(LOG_FORMAT_JOURNAL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char expected[100];
        snprintf(expected, sizeof expected, "<6>m k=%s\n", rows[i].written);
        log_info("m", LOG_TEXT("k", rows[i].value));
        assert_string_equal(last, expected);
    }
    log_info("one\ntwo\x1b");
    assert_string_equal(last, "<6>one\\ntwo\\x1b\n");
}

/* Every single byte, and every pair that begins with a lead byte, as message and value. */
static void is_one_line_of_json_for_any_bytes(void **state) {
    (void)state;
    begin(LOG_FORMAT_JSON);
    for (unsigned a = 1; a < 256; a++) {
        for (unsigned b = 0; b < 256; b += a < 0xc0 ? 256 : 1) {
            char bytes[] = {(char)a, (char)b, '\0'};
            log_info(bytes, LOG_TEXT("key", ((struct text){bytes, 2})));
            struct json *line = json_parse(text_of(last), 1);
            if (!line)
                fail_msg("%02x %02x: %s", a, b, last);
            json_free(&line);
            for (const char *c = last; c[1]; c++)
                assert_false((unsigned char)*c < 0x20 || *c == 0x7f);
        }
    }
}

static void cuts_long_values_between_characters(void **state) {
    (void)state;
    static const char face[] = {'\xf0', '\x9f', '\x98', '\x80'};
    char value[LOG_VALUE_MAX + 1];
    for (int shift = 0; shift < 4; shift++) {
        memset(value, 'x', sizeof value);
        for (size_t i = (size_t)shift; i + sizeof face <= sizeof value; i += sizeof face)
            memcpy(value + i, face, sizeof face);
        begin(LOG_FORMAT_JSON);
        log_info("m", LOG_TEXT("k", ((struct text){value, sizeof value})));
        struct json *line = json_parse(text_of(last), 1);
        struct text text;
        assert_true(json_string(json_member(line, "k"), &text));
        assert_in_range(text.len, LOG_VALUE_MAX - 6, LOG_VALUE_MAX);
        assert_memory_equal(text.at, value, text.len - 3);
        assert_memory_equal(text.at + text.len - 3, "\xe2\x80\xa6", 3);
        assert_true(((text.len - 3 - (size_t)shift) & 3) == 0);
        json_free(&line);
    }
    memset(value, 'x', sizeof value);
    log_info("m", LOG_TEXT("k", ((struct text){value, LOG_VALUE_MAX})));
    assert_null(strstr(last, "\xe2\x80\xa6"));
    memset(value, '\xff', sizeof value);
    begin(LOG_FORMAT_JOURNAL);
    log_info("m", LOG_TEXT("k", ((struct text){value, sizeof value})));
    assert_non_null(strstr(last, "\\xff\xe2\x80\xa6\"\n"));
}

static void leaves_out_what_does_not_fit(void **state) {
    (void)state;
    char worst[LOG_VALUE_MAX + 1];
    memset(worst, '\x01', sizeof worst - 1);
    worst[sizeof worst - 1] = '\0';
    begin(LOG_FORMAT_JSON);
    log_info(worst, LOG_STRING("big", worst), LOG_STRING("small", "fits"));
    struct json *line = json_parse(text_of(last), 1);
    struct text text;
    assert_true(json_string(json_member(line, "message"), &text) && text.len == LOG_VALUE_MAX);
    assert_null(json_member(line, "big"));
    assert_true(json_string(json_member(line, "small"), &text));
    assert_non_null(json_member(line, "truncated"));
    json_free(&line);

    memset(worst, ' ', sizeof worst - 1);
    struct log_field many[20];
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = LOG_STRING("k", worst);
    begin(LOG_FORMAT_JOURNAL);
    log_write(LOG_LEVEL_INFO, "m", many, ARRAY_LEN(many));
    const char *tail = " truncated=1\n";
    assert_string_equal(last + strlen(last) - strlen(tail), tail);
    assert_in_range(strlen(last), LOG_LINE_MAX - LOG_VALUE_MAX - 50, LOG_LINE_MAX - 1);
}

/* All lengths around the ceiling: each line is whole, ends well, and none is cut too early. */
static void fills_lines_to_the_end(void **state) {
    (void)state;
    char value[LOG_VALUE_MAX];
    memset(value, 'v', sizeof value);
    struct log_field fields[9];
    for (size_t i = 0; i < 8; i++)
        fields[i] = LOG_TEXT("k", ((struct text){value, 500}));
    begin(LOG_FORMAT_JSON);
    size_t longest = 0;
    for (size_t n = 0; n <= sizeof value; n++) {
        fields[7].text.len = n;
        fields[8] = LOG_NUMBER("end", 1);
        log_write(LOG_LEVEL_INFO, "m", fields, ARRAY_LEN(fields));
        struct json *line = json_parse(text_of(last), 1);
        assert_non_null(line);
        if (!json_member(line, "truncated") && strlen(last) > longest)
            longest = strlen(last);
        json_free(&line);
    }
    assert_in_range(longest, LOG_LINE_MAX - 32, LOG_LINE_MAX);
}

static void odd_names_do_no_harm(void **state) {
    (void)state;
    begin(LOG_FORMAT_JSON);
    log_info("m", LOG_NUMBER("a\"\n", 1));
    struct json *line = json_parse(text_of(last), 1);
    assert_non_null(json_member(line, "a\"\n"));
    json_free(&line);
    begin(LOG_FORMAT_JOURNAL);
    log_info("m", LOG_NUMBER("a b=", 1));
    assert_string_equal(last, "<6>m \"a b=\"=1\n");
}

static void the_level_decides(void **state) {
    (void)state;
    begin(LOG_FORMAT_JOURNAL);
    log_setup(LOG_LEVEL_WARNING, LOG_FORMAT_JOURNAL, keep);
    assert_true(log_enabled(LOG_LEVEL_ERROR));
    assert_true(log_enabled(LOG_LEVEL_WARNING));
    assert_false(log_enabled(LOG_LEVEL_INFO));
    log_info("no");
    log_debug("no");
    log_write(LOG_LEVEL_INFO, "no", NULL, 0);
    assert_int_equal(lines, 0);
    log_warning("yes");
    log_error("yes");
    assert_int_equal(lines, 2);
}

static void break_errno(enum log_level level, const char *line, size_t len) {
    keep(level, line, len);
    errno = EIO;
}

static void keeps_errno(void **state) {
    (void)state;
    begin(LOG_FORMAT_TEXT);
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, break_errno);
    errno = ENOENT;
    log_info("m");
    assert_int_equal(lines, 1);
    assert_int_equal(errno, ENOENT);
}

static void *log_often(void *name) {
    for (int i = 0; i < 20; i++)
        log_info("m", LOG_STRING("thread", name), LOG_STRING("again", name));
    return NULL;
}

/* By default lines go to stderr, whole, from any thread. */
static void stderr_gets_whole_lines(void **state) {
    (void)state;
    enum { THREADS = 3, LINES = THREADS * 20 };
    static char names[THREADS][2] = {"a", "b", "c"};
    pthread_t threads[THREADS];
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    fflush(stderr);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL, NULL);
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, log_often, names[i]);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    dup2(saved, STDERR_FILENO);
    close(saved);
    FILE *reader = fdopen(ends[0], "r");
    char line[100], name, again, end;
    int count = 0;
    assert_non_null(reader);
    for (; fgets(line, sizeof line, reader); count++) {
        assert_int_equal(sscanf(line, "<6>m thread=%c again=%c%c", &name, &again, &end), 3);
        assert_true(name == again && end == '\n');
    }
    fclose(reader);
    assert_int_equal(count, LINES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_journal_gets_a_priority_and_no_time),
        cmocka_unit_test(text_begins_with_time_and_level),
        cmocka_unit_test(json_has_the_same),
        cmocka_unit_test(quotes_and_escapes_values),
        cmocka_unit_test(is_one_line_of_json_for_any_bytes),
        cmocka_unit_test(cuts_long_values_between_characters),
        cmocka_unit_test(leaves_out_what_does_not_fit),
        cmocka_unit_test(fills_lines_to_the_end),
        cmocka_unit_test(odd_names_do_no_harm),
        cmocka_unit_test(the_level_decides),
        cmocka_unit_test(keeps_errno),
        cmocka_unit_test(stderr_gets_whole_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
