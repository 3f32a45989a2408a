/* SPDX-License-Identifier: MIT */
/* What is printed loads again and means the same, and tells no secret; the sample file says of
 * every key what the table of options says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "config/load.h"
#include "config/options.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TEXT_MAX (1024 * 1024)

static struct config *load(const char *text) {
    const struct config_load_options options = {0};
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *config = config_load("c", text, &options, &errors);
    if (!config)
        fail_msg("%s\n%s", buf_text(&errors.text).at, text);
    config_errors_done(&errors);
    return config;
}

/* TEXT, loaded and printed. */
static struct buf printed(const char *text) {
    struct buf b;
    buf_init(&b, TEXT_MAX);
    struct config *c = load(text);
    config_print(c, &b);
    config_unref(&c);
    assert_true(buf_ok(&b));
    return b;
}

static const char full[] =
    "listen = ( { port = 1; allow_clients = [ \"10.1.0.0/16\", \"2001:db8::/32\", \"192.0.2.1\", "
    "\"::/0\" ]; },\n"
    "  { unix = \"/a \\\"b\\\\\"; mode = \"0600\"; group = \"4294967000\"; allow_users = [ "
    "\"root\", "
    "\"4294967000\" ]; },\n"
    "  { systemd = \"s\"; }, { address = \"::\"; allow_remote = true; } );\n"
    "admin = { enabled = false; };\n"
    "hosts = [ \"a.b\" ];\n"
    "proxy = \"http://user:hunter2@h:1\";\n"
    "tls = { ca_file = \"/ca\"; pin = \"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"; "
    "max_version = \"1.3\"; };\n"
    "log = { level = \"debug\"; format = \"json\"; access = true; };\n"
    "routes = ( { path = \"/a\"; scoring_uri = \"https://h/s?code=hunter2&x&y=hunter2=\"; "
    "subpaths = true;\n"
    "  auth = { type = \"key\"; primary = \"hunter2\"; secondary = { env = \"SCOREGATE_TEST\"; }; "
    "};\n"
    "  cors = { origins = [ \"https://a\", \"https://b\" ]; methods = [ \"GET\", \"PUT\" ]; };\n"
    "  set_headers = { X-A = \"\\\\\\\"é\"; X-Subscription-Key = \"hunter2\"; Cookie = "
    "\"hunter2\"; };\n"
    "  default_content_type = \"application/json\"; deployment = \"blue\"; body_bytes = "
    "5368709120;\n"
    "  total_timeout_ms = 86400000; },\n"
    "  { path = \"/b\"; scoring_uri = \"http://[::1]:8080/\"; allow_insecure_upstream = true; } "
    ");\n";

static void test_loads_again_and_means_the_same(void **state) {
    (void)state;
    setenv("SCOREGATE_TEST", "hunter2", 1);
    static const char *const texts[] = {"", full};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct buf once = printed(texts[i]), twice = printed(once.at);
        assert_string_equal(once.at, twice.at);
        assert_null(strstr(once.at, "hunter2"));
        buf_done(&once);
        buf_done(&twice);
    }
}

static void expect_line(const struct buf *b, const char *line) {
    if (!strstr(b->at, line))
        fail_msg("no \"%s\" in\n%s", line, b->at);
}

static void test_how_values_look(void **state) {
    (void)state;
    struct buf b = printed(full);
    expect_line(&b, "\n    allow_clients = [ \"10.1.0.0/16\", \"2001:db8::/32\", \"192.0.2.1/32\", "
                    "\"::/0\" ];\n");
    expect_line(&b, "\n    unix = \"/a \\\"b\\\\\";\n    mode = \"0600\";\n    group = "
                    "\"4294967000\";\n    allow_users = [ \"root\", \"4294967000\" ];\n");
    expect_line(&b, "\nadmin = {\n  enabled = false;\n};\n");
    expect_line(&b, "\nproxy = \"http://***@h:1\";\n");
    expect_line(&b, "\n    scoring_uri = \"https://h/s?code=***&***&y=***\";\n");
    expect_line(&b,
                "\n      primary = \"***\";\n      secondary = { env = \"SCOREGATE_TEST\"; };\n");
    expect_line(&b,
                "\n      X-A = \"\\\\\\\"é\";\n      X-Subscription-Key = \"***\";\n      Cookie = "
                "\"***\";\n");
    expect_line(&b, "\n    body_bytes = 5368709120L;\n");
    expect_line(&b, "\n    # cors is not set\n");
    expect_line(&b, "\n  ca_file = \"/ca\";\n");
    expect_line(&b, "\n      max_version = \"1.3\";\n");
    buf_done(&b);
}

static void test_quotes(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    config_quote(&b, TEXT("a\"b\\c\n\x01\x7fé"));
    assert_string_equal(b.at, "\"a\\\"b\\\\c\\x0a\\x01\\x7fé\"");
    buf_done(&b);
}

/* The sample file as it is installed. */
static struct buf sample(void) {
    const char *top = getenv("abs_top_srcdir");
    char path[4096];
    snprintf(path, sizeof path, "%s/etc/scoregate.conf", top ? top : ".");
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("no %s", path);
    struct buf b;
    buf_init(&b, TEXT_MAX);
    char *room = buf_room(&b, 65536);
    assert_non_null(room);
    buf_grew(&b, fread(room, 1, 65535, file));
    buf_add_char(&b, '\n');
    fclose(file);
    return b;
}

/* Appends LINE, with the file of a setting that begins as BEFORE replaced with FILE. */
static bool replace_file(struct buf *all, struct text line, const char *before, const char *after,
                         const char *file) {
    const char *at = memmem(line.at, line.len, before, strlen(before));
    if (at)
        buf_addf(all, "%.*s%s%s%s\n", (int)(at - line.at), line.at, before, file, after);
    return at != NULL;
}

/* With the '#' taken away where it stands before a setting, and each file that is read replaced
 * with FILE. */
static struct buf with_all_settings(struct text text, const char *file) {
    struct buf all;
    buf_init(&all, TEXT_MAX);
    while (text.len) {
        struct text line = {text.at, text_find(text, '\n')}, code = text_trim(line);
        text = text_skip(text, line.len + 1);
        if (code.len > 1 && code.at[0] == '#' && code.at[1] != ' ')
            code = text_skip(code, 1);
        if (text_starts(code, TEXT("@include")))
            continue;
        if (!replace_file(&all, code, "= { file = \"", "\"; };", file) &&
            !replace_file(&all, code, "certificate = \"", "\";", file) &&
            !replace_file(&all, code, "certificate_key = \"", "\";", file))
            buf_addf(&all, "%.*s\n", TEXT_ARG(code));
    }
    return all;
}

static void test_sample_is_right_as_it_is(void **state) {
    (void)state;
    struct buf text = sample(), of_sample = printed(text.at), of_nothing = printed("");
    assert_string_equal(of_sample.at, of_nothing.at);
    buf_done(&of_nothing);
    buf_done(&of_sample);
    buf_done(&text);
}

static void test_sample_is_right_with_all_settings(void **state) {
    (void)state;
    char file[] = "/tmp/scoregate-key-XXXXXX";
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "key\n", 4), 4);
    struct buf text = sample(), all = with_all_settings(buf_text(&text), file);
    struct config *c = load(all.at);
    assert_int_equal(c->route_count, 6);
    assert_int_equal(c->identity_count, 7);
    assert_int_equal(c->listen_count, 3);
    config_unref(&c);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(file), 0);
    buf_done(&all);
    buf_done(&text);
}

/* Whether TEXT has a line "NAME = VALUE;", VALUE NULL for any. */
static bool has_setting(struct text text, const char *name, const char *value) {
    char start[300];
    snprintf(start, sizeof start, "%s = %s%s", name, value ? value : "", value ? ";" : "");
    while (text.len) {
        struct text line = {text.at, text_find(text, '\n')};
        if (text_starts(text_trim(line), text_of(start)))
            return true;
        text = text_skip(text, line.len + 1);
    }
    return false;
}

static bool is_group(const struct option *option) {
    return option->type == OPTION_GROUP || option->type == OPTION_GROUP_LIST ||
           option->type == OPTION_GROUP_MAP || option->type == OPTION_CORS;
}

static void test_sample_shows_every_default(void **state) {
    (void)state;
    struct buf text = sample(), all = with_all_settings(buf_text(&text), "x");
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        /* The sample's route has a key, so that it is of use. */
        bool own = is_group(option) ||
                   (option->group == OPTIONS_AUTH && strcmp(option->name, "type") == 0);
        if (!has_setting(buf_text(&all), option->name, own ? NULL : option->initial))
            fail_msg("the sample does not say %s = %s;", option->name,
                     option->initial ? option->initial : "…");
    }
    buf_done(&all);
    buf_done(&text);
}

static void test_the_table(void **state) {
    (void)state;
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        size_t n = strlen(option->doc);
        assert_true(n > 0 && option->doc[n - 1] == '.' && isupper((unsigned char)*option->doc));
        assert_ptr_equal(option_find(option->group, text_of(option->name)), option);
        assert_false(option->required && option->initial);
        bool choice = option->type == OPTION_CHOICE || option->type == OPTION_NUMBER_OR;
        assert_int_equal(choice, option->choices != NULL);
        bool string = option->type == OPTION_STRING || option->type == OPTION_STRINGS;
        assert_int_equal(string, option->valid && option->expected);
    }
    assert_string_equal(option_nearest(OPTIONS_TOP, TEXT("worker")), "workers");
    assert_null(option_nearest(OPTIONS_TOP, TEXT("xyzzy")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loads_again_and_means_the_same),
        cmocka_unit_test(test_how_values_look),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_sample_is_right_as_it_is),
        cmocka_unit_test(test_sample_is_right_with_all_settings),
        cmocka_unit_test(test_sample_shows_every_default),
        cmocka_unit_test(test_the_table),
    };
    static const char *const variables[] = {"https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"};
    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        unsetenv(variables[i]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
