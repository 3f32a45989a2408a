/* SPDX-License-Identifier: MIT */
/* The command line: which command, which options, and what people are told about the wrong ones. */
#include "base/buf.h"
#include "cli/command.h"
#include "cli/local.h"
#include "cli/try_config.h"

#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

/* What the commands under test were given. */
static struct {
    const char *command, *file;
    uint16_t port;
    bool flag;
    int versions; /* -1: verbose */
    char operands[2][16];
} seen;

static int record(struct arguments *a) {
    int id;
    while ((id = arguments_next(a)) >= 0) {
        if (id == 'c')
            seen.file = a->value;
        else if (id == 256 && !arguments_port(a, &seen.port))
            return STATUS_USAGE;
        else if (id == 257)
            seen.flag = true;
    }
    if (id == ARGUMENTS_STOP)
        return a->status;
    seen.command = a->command->name;
    for (size_t i = 0; i < a->command->operand_count; i++)
        snprintf(seen.operands[i], sizeof seen.operands[i], "%s", a->operands[i]);
    return STATUS_FINE;
}

static void record_version(bool verbose) {
    seen.versions = verbose ? -1 : 1;
}

static const struct command_option first_options[] = {
    {'c', "config", "FILE", "a file"},
    {256, "port", "N", "a port"},
    {257, "insist", NULL, "a flag"},
};
static const struct command first = {.name = "first",
                                     .usage = "[-c FILE]",
                                     .summary = "comes first",
                                     .options = first_options,
                                     .option_count = ARRAY_LEN(first_options),
                                     .run = record};
static const struct command second = {
    .name = "second", .usage = "", .summary = "comes second", .run = record};
static const char *const operands[] = {"FROM", "TO"};
static const struct command third = {.name = "third",
                                     .usage = "FROM TO",
                                     .summary = "comes third",
                                     .options = first_options,
                                     .option_count = ARRAY_LEN(first_options),
                                     .run = record,
                                     .operands = operands,
                                     .operand_count = ARRAY_LEN(operands)};
static const struct command *const commands[] = {&first, &second, &third};

static char output[4096];

/* Runs the words of LINE, split at blanks, behind the program's name; OUTPUT gets stderr. */
static int dispatch(const char *line) {
    char copy[256], *argv[16] = {copy}, *rest = NULL;
    int argc = 1, saved = dup(STDERR_FILENO);
    FILE *file = tmpfile();
    assert_non_null(file);
    snprintf(copy, sizeof copy, "scoregate %s", line);
    strtok_r(copy, " ", &rest);
    for (char *word; (word = strtok_r(NULL, " ", &rest)); argc++)
        argv[argc] = word;
    memset(&seen, 0, sizeof seen);
    fflush(stderr);
    dup2(fileno(file), STDERR_FILENO);
    int status = command_dispatch(commands, ARRAY_LEN(commands), record_version, argc, argv);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    output[fread(output, 1, sizeof output - 1, file)] = '\0';
    fclose(file);
    return status;
}

static void a_command_gets_its_options(void **state) {
    (void)state;
    assert_int_equal(dispatch("first -c a --port 65535 --insist"), STATUS_FINE);
    assert_string_equal(seen.command, "first");
    assert_int_equal(seen.port, 65535);
    assert_true(seen.flag);
    assert_int_equal(dispatch("first --config=b --port=0"), STATUS_FINE);
    assert_int_equal(seen.port, 0);
    assert_int_equal(dispatch("second"), STATUS_FINE);
    assert_string_equal(seen.command, "second");
    assert_string_equal(output, "");
}

static void operands_may_stand_anywhere(void **state) {
    static const char *const lines[] = {"third a b --insist", "third --insist a b",
                                        "third a --insist -c x b", "third --insist -- a b"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        assert_int_equal(dispatch(lines[i]), STATUS_FINE);
        assert_string_equal(seen.operands[0], "a");
        assert_string_equal(seen.operands[1], "b");
        assert_true(seen.flag);
    }
}

static void the_first_command_needs_no_name(void **state) {
    (void)state;
    assert_int_equal(dispatch(""), STATUS_FINE);
    assert_string_equal(seen.command, "first");
    assert_int_equal(dispatch("--insist -c a"), STATUS_FINE);
    assert_string_equal(seen.command, "first");
    assert_true(seen.flag);
}

static void the_version_is_told_briefly_or_in_full(void **state) {
    (void)state;
    assert_int_equal(dispatch("--version"), STATUS_FINE);
    assert_int_equal(seen.versions, 1);
    assert_int_equal(dispatch("-v --version"), STATUS_FINE);
    assert_int_equal(seen.versions, -1);
    assert_int_equal(dispatch("--version -v"), STATUS_FINE);
    assert_int_equal(seen.versions, -1);
    assert_null(seen.command);
}

/* LINE is refused, and what is said begins with MESSAGE. */
static void assert_refused(const char *line, const char *message) {
    assert_int_equal(dispatch(line), STATUS_USAGE);
    assert_null(seen.command);
    assert_memory_equal(output, message, strlen(message));
    assert_non_null(strstr(output, " --help\n"));
}

static void wrong_words_are_told_with_the_nearest_right_one(void **state) {
    (void)state;
    assert_refused("secnod", "scoregate: unknown command 'secnod', did you mean second?;");
    assert_refused("elephant", "scoregate: unknown command 'elephant';");
    assert_refused("first --prot 1",
                   "scoregate first: unknown option --prot, did you mean --port?;");
    assert_refused("second --elephant", "scoregate second: unknown option --elephant;");
    assert_refused("second -c x", "scoregate second: unknown option -c;");
    assert_refused("--confgi x",
                   "scoregate first: unknown option --confgi, did you mean --config?");
    assert_refused("first -c", "scoregate first: -c needs a value;");
    assert_refused("first --port", "scoregate first: --port needs a value;");
    assert_refused("first --insist=1", "scoregate first: --insist takes no value;");
    assert_refused("first --help=1", "scoregate first: --help takes no value;");
    assert_refused("first a", "scoregate first: unexpected argument 'a';");
    assert_refused("third", "scoregate third: FROM is missing;");
    assert_refused("third a", "scoregate third: TO is missing;");
    assert_refused("third a b c d", "scoregate third: unexpected argument 'c';");
}

static void ports_are_numbers_in_range(void **state) {
    static const char *const wrong[] = {"65536", "-1", "x", "1x", "99999999999999999999"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char line[64], message[64];
        snprintf(line, sizeof line, "first --port %s", wrong[i]);
        snprintf(message, sizeof message, "scoregate first: '%s' is no port", wrong[i]);
        assert_refused(line, message);
    }
}

static void the_value_of_an_unknown_option_is_not_repeated(void **state) {
    (void)state;
    assert_refused("first --key=hunter2", "scoregate first: unknown option --key");
    assert_null(strstr(output, "hunter2"));
}

static void try_serves_the_path_of_the_uri(void **state) {
    static const char *const pairs[][2] = {
        {"https://e.westeurope.inference.ml.azure.com/score", "/score"},
        {"https://a.example/api/v1/service/s/score?version=1#x", "/api/v1/service/s/score"},
        {"https://a.example/a//", "/a"},
        {"https://a.example/", "/score"},
        {"https://a.example?x=/y", "/score"},
        {"https://a.example", "/score"},
        {"https://a.example/a/../b", "/score"},
        {"https://a.example/a b", "/score"},
        {"", "/score"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct text path = try_path(pairs[i][0]);
        assert_int_equal(path.len, strlen(pairs[i][1]));
        assert_memory_equal(path.at, pairs[i][1], path.len);
    }
}

static void assert_word(const char *word, const char *quoted) {
    struct buf line;
    buf_init(&line, 256);
    local_add_word(&line, text_of(word));
    assert_true(buf_ok(&line));
    assert_string_equal(line.at, quoted);
    buf_done(&line);
}

static void words_for_a_shell_are_quoted_if_they_must(void **state) {
    (void)state;
    assert_word("http://127.0.0.1:8080/score", "http://127.0.0.1:8080/score");
    assert_word("/a b", "'/a b'");
    assert_word("/it's;&", "'/it'\\''s;&'");
    assert_word("", "''");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_gets_its_options),
        cmocka_unit_test(operands_may_stand_anywhere),
        cmocka_unit_test(the_first_command_needs_no_name),
        cmocka_unit_test(the_version_is_told_briefly_or_in_full),
        cmocka_unit_test(wrong_words_are_told_with_the_nearest_right_one),
        cmocka_unit_test(ports_are_numbers_in_range),
        cmocka_unit_test(the_value_of_an_unknown_option_is_not_repeated),
        cmocka_unit_test(try_serves_the_path_of_the_uri),
        cmocka_unit_test(words_for_a_shell_are_quoted_if_they_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
