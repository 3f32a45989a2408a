/* SPDX-License-Identifier: MIT */
/* What a right configuration becomes, and the rules for the files that it is read from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "config/load.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/scoregate-config-XXXXXX";

/* The configuration of TEXT, which must be right. */
static struct config *load(const char *text) {
    const struct config_load_options options = {0};
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *config = config_load("c", text, &options, &errors);
    if (!config)
        fail_msg("%s", buf_text(&errors.text).at);
    assert_int_equal(errors.count, 0);
    config_errors_done(&errors);
    return config;
}

static const char *path_of(const char *name) {
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % ARRAY_LEN(paths)];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

static void write_bytes(const char *name, const char *bytes, size_t n, mode_t mode) {
    const char *path = path_of(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void write_file(const char *name, const char *text, mode_t mode) {
    write_bytes(name, text, strlen(text), mode);
}

/* Loads the file NAME; its errors must be ERRORS, in which @ is the directory. */
static struct config *load_file(const char *name, const char *errors_expected, bool insecure) {
    const struct config_load_options options = {.insecure_permissions = insecure};
    struct config_errors errors;
    struct buf told;
    config_errors_init(&errors);
    buf_init(&told, 65536);
    struct config *config = config_load(path_of(name), NULL, &options, &errors);
    for (const char *at = buf_text(&errors.text).at; *at;) {
        bool here = strncmp(at, directory, strlen(directory)) == 0;
        buf_add_char(&told, here ? '@' : *at);
        at += here ? strlen(directory) : 1;
    }
    assert_string_equal(buf_text(&told).at, errors_expected);
    assert_int_equal(config == NULL, *errors_expected != '\0');
    buf_done(&told);
    config_errors_done(&errors);
    return config;
}

static void refuse_file(const char *name, const char *errors) {
    assert_null(load_file(name, errors, false));
}

static void test_defaults(void **state) {
    (void)state;
    struct config *c = load("");
    assert_int_equal(c->listen_count, 1);
    assert_int_equal(c->listen[0].kind, LISTEN_TCP);
    assert_string_equal(c->listen[0].address, "127.0.0.1");
    assert_int_equal(c->listen[0].port, 8080);
    assert_int_equal(c->admin.port, 8081);
    assert_int_equal(c->workers, 0);
    assert_int_equal(c->route_count, 0);
    assert_non_null(c->table);
    assert_int_equal(c->tls.min_version, 12);
    assert_int_equal(c->tls.max_version, 0);
    assert_null(c->proxy);
    assert_int_equal(c->header_bytes, 8192);
    assert_int_equal(c->client_idle_timeout, 75 * USEC_PER_SEC);
    assert_int_equal(c->client_header_timeout, 10 * USEC_PER_SEC);
    assert_int_equal(c->drain_timeout, 30 * USEC_PER_SEC);
    assert_int_equal(c->log_level, LOG_LEVEL_INFO);
    assert_int_equal(c->log_format, LOG_FORMAT_TEXT);
    assert_false(c->log_access);
    config_unref(&c);
    assert_null(c);
}

static void test_route_defaults(void **state) {
    (void)state;
    struct config *c = load("routes = { path = \"/a\"; scoring_uri = \"https://h/s\"; };");
    const struct config_route *r = &c->routes[0];
    assert_int_equal(r->methods, METHOD_POST | METHOD_GET | METHOD_HEAD);
    assert_int_equal(r->own.auth.type, AUTH_NONE);
    assert_string_equal(r->own.auth.header, "Authorization");
    assert_string_equal(r->own.auth.prefix, "Bearer ");
    assert_true(r->required);
    assert_false(r->subpaths || r->idempotent || r->client_deployment || r->allow_insecure);
    assert_null(r->cors);
    assert_null(r->own.deployment);
    assert_int_equal(r->connect_timeout, 5 * USEC_PER_SEC);
    assert_int_equal(r->response_timeout, 190 * USEC_PER_SEC);
    assert_int_equal(r->idle_timeout, 60 * USEC_PER_SEC);
    assert_int_equal(r->total_timeout, 0);
    assert_int_equal(r->body_bytes, 104857600);
    assert_int_equal(r->replay_bytes, 1048576);
    assert_int_equal(r->where.line, 1);
    struct route_match match;
    assert_true(route_table_find(c->table, TEXT("/a/swagger.json"), &match));
    assert_int_equal(match.index, 0);
    config_unref(&c);
}

static void test_values(void **state) {
    (void)state;
    setenv("SCOREGATE_TEST", "score.internal", 1);
    struct config *c = load(
        "\xef\xbb\xbf// a byte order mark, comments, both separators\n"
        "listen = ( { address = \"::1\", port = 0 }, { unix = \"/s\"; mode = \"600\";\n"
        "  group = \"0\"; allow_users = \"root\" }, { systemd = \"x\" } );\n"
        "admin : { enabled = FALSE; };\n"
        "hosts = ( { env = \"SCOREGATE_TEST\"; }, \"b\", \"192.0.2.1\" ); /* a list */\n"
        "routes = ( { path = \"/a\"; scoring_uri = \"https://h/s\"; body_bytes = 5368709120;\n"
        "  replay_bytes = 0x1000; methods = \"DELETE\"; set_headers = { X-A = \"1\" \"2\"; };\n"
        "  cors = { origins = \"*\"; max_age_s = 5; headers = [ \"X-B\", \"*\" ]; }; } );\n");
    assert_int_equal(c->listen_count, 3);
    assert_string_equal(c->listen[0].address, "::1");
    assert_int_equal(c->listen[1].kind, LISTEN_UNIX);
    assert_int_equal(c->listen[1].mode, 0600);
    assert_int_equal(c->listen[1].group, 0);
    assert_int_equal(c->listen[1].access.users[0], 0);
    assert_int_equal(c->listen[2].kind, LISTEN_SYSTEMD);
    assert_null(c->listen[2].address);
    assert_int_equal(c->listen[2].where.line, 3);
    assert_int_equal(c->admin.kind, LISTEN_OFF);
    assert_int_equal(c->host_count, 3);
    assert_string_equal(c->hosts[0], "score.internal");
    const struct config_route *r = &c->routes[0];
    assert_int_equal(r->body_bytes, 5368709120);
    assert_int_equal(r->replay_bytes, 4096);
    assert_int_equal(r->methods, METHOD_DELETE);
    assert_string_equal(r->set_headers[0].name, "X-A");
    assert_string_equal(r->set_headers[0].value, "12");
    assert_string_equal(r->cors->origins[0], "*");
    assert_int_equal(r->cors->max_age_s, 5);
    assert_int_equal(r->cors->methods, 0);
    assert_int_equal(r->cors->header_count, 2);
    config_unref(&c);
}

static void test_uris(void **state) {
    (void)state;
    static const struct {
        const char *given, *text, *host, *authority, *path, *query, *swagger;
        uint16_t port;
    } rows[] = {
        {"https://h/score", "https://h/score", "h", "h", "/score", NULL, "https://h/swagger.json",
         443},
        {"HTTPS://Ab.C:443", "https://ab.c/", "ab.c", "ab.c", "/", NULL,
         "https://ab.c/swagger.json", 443},
        {"https://h:8443/a/b/?x=1&y", "https://h:8443/a/b/?x=1&y", "h", "h:8443", "/a/b/", "x=1&y",
         "https://h:8443/a/b/swagger.json?x=1&y", 8443},
        {"http://[::1]:8080/a/s%2f", "http://[::1]:8080/a/s%2f", "::1", "[::1]:8080", "/a/s%2f",
         NULL, "http://[::1]:8080/a/swagger.json", 8080},
        {"http://192.0.2.1/s?", "http://192.0.2.1/s?", "192.0.2.1", "192.0.2.1", "/s", "",
         "http://192.0.2.1/swagger.json?", 80},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[512];
        snprintf(
            text, sizeof text,
            "routes = { path = \"/a\"; scoring_uri = \"%s\"; allow_insecure_upstream = true; };",
            rows[i].given);
        struct config *c = load(text);
        const struct config_uri *uri = &c->routes[0].own.scoring;
        assert_string_equal(uri->text, rows[i].text);
        assert_string_equal(uri->host, rows[i].host);
        assert_string_equal(uri->authority, rows[i].authority);
        assert_string_equal(uri->path, rows[i].path);
        assert_int_equal(uri->port, rows[i].port);
        assert_int_equal(uri->tls, rows[i].text[4] == 's');
        assert_int_equal(uri->query == NULL, rows[i].query == NULL);
        if (uri->query)
            assert_string_equal(uri->query, rows[i].query);
        assert_string_equal(c->routes[0].own.swagger.text, rows[i].swagger);
        config_unref(&c);
    }
}

static void test_tls_is_inherited_key_by_key(void **state) {
    (void)state;
    struct config *c = load(
        "routes = (\n"
        "{ path = \"/a\"; scoring_uri = \"https://h/s\"; },\n"
        "{ path = \"/b\"; scoring_uri = \"https://h/s\"; tls = { max_version = \"1.2\"; }; },\n"
        "{ path = \"/c\"; scoring_uri = \"https://h/s\"; tls = { client_certificate = \"/p\"; }; } "
        ");\n"
        "tls = { ca_file = \"/ca\"; client_certificate = \"/c\"; client_key = \"/k\"; };\n");
    const struct config_tls *a = &c->routes[0].tls, *b = &c->routes[1].tls,
                            *own = &c->routes[2].tls;
    assert_string_equal(a->ca_file, "/ca");
    assert_string_equal(a->client_key, "/k");
    assert_int_equal(a->min_version, 12);
    assert_int_equal(a->where.line, 5);
    assert_string_equal(b->ca_file, "/ca");
    assert_int_equal(b->max_version, 12);
    assert_int_equal(b->where.line, 3);
    assert_string_equal(own->client_certificate, "/p");
    assert_null(own->client_key);
    assert_string_equal(own->ca_file, "/ca");
    config_unref(&c);
}

static void test_proxy(void **state) {
    (void)state;
    setenv("https_proxy", "http://small:1", 1);
    setenv("HTTPS_PROXY", "http://capital:1", 1);
    setenv("NO_PROXY", "localhost", 1);
    struct config *c = load("");
    assert_string_equal(c->proxy, "http://small:1");
    assert_string_equal(c->no_proxy, "localhost");
    config_unref(&c);
    c = load("proxy = \"https://user:p%20w@own:3128\";");
    assert_string_equal(c->proxy, "https://user:p%20w@own:3128");
    config_unref(&c);
    c = load("proxy = \"\";");
    assert_null(c->proxy);
    config_unref(&c);
    setenv("https_proxy", "capital", 1);
    const struct config_load_options options = {0};
    struct config_errors errors;
    config_errors_init(&errors);
    assert_null(config_load("c", "", &options, &errors));
    assert_string_equal(
        errors.text.at,
        "https_proxy of the environment is no URL of a proxy: its scheme is none of "
        "http, https, socks5, socks5h; expected http://HOST:PORT, or proxy = \"\"; "
        "in the configuration\n");
    config_errors_done(&errors);
    unsetenv("https_proxy");
    unsetenv("HTTPS_PROXY");
    unsetenv("NO_PROXY");
}

#define KEYED(primary)                                                                             \
    "routes = { path = \"/a\"; scoring_uri = \"https://h/s\";\n"                                   \
    "auth = { type = \"key\"; primary = " primary "; }; };"

static void expect_key(struct config *c, const char *key, enum config_secret_kind kind) {
    const struct config_secret *primary = &c->routes[0].own.auth.primary;
    assert_true(text_equal(secret_expose(primary->value), text_of(key)));
    assert_int_equal(primary->kind, kind);
    assert_int_equal(primary->where.line, 2);
    config_unref(&c);
}

static void test_secrets(void **state) {
    (void)state;
    setenv("SCOREGATE_TEST_KEY", "from-env", 1);
    write_file("key", "from-file\r\n\n", 0640);
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    write_file("c.conf", KEYED("\"in+line/==\""), 0640);
    expect_key(load_file("c.conf", "", false), "in+line/==", SECRET_INLINE);
    write_file("c.conf", KEYED("{ env = \"SCOREGATE_TEST_KEY\"; }"), 0644);
    expect_key(load_file("c.conf", "", false), "from-env", SECRET_ENV);
    write_file("c.conf", KEYED("{ credential = \"key\"; }"), 0644);
    expect_key(load_file("c.conf", "", false), "from-file", SECRET_CREDENTIAL);
    write_file("c.conf", KEYED("{ file = \"key\"; }"), 0644);
    expect_key(load_file("c.conf", "", false), "from-file", SECRET_FILE);
    assert_int_equal(symlink("key", path_of("link")), 0);
    write_file("c.conf", KEYED("{ file = \"link\"; }"), 0644);
    expect_key(load_file("c.conf", "", false), "from-file", SECRET_FILE);
}

static void refuse_key_file(const char *why) {
    char errors[512];
    snprintf(errors, sizeof errors, "@/c.conf:2: auth.primary: the file \"@/key\" %s\n", why);
    refuse_file("c.conf", errors);
}

static void test_secret_files_that_are_refused(void **state) {
    (void)state;
    static char large[64 * 1024 + 1];
    memset(large, 'k', sizeof large);
    write_file("c.conf", KEYED("{ file = \"key\"; }"), 0644);
    write_file("key", "k\n", 0644);
    refuse_key_file("is open to every user (mode 0644); expected chmod o-rwx");
    struct config *c = load_file("c.conf", "", true);
    config_unref(&c);
    write_file("key", "k\n", 0602);
    refuse_key_file("is open to every user (mode 0602); expected chmod o-rwx");
    write_file("key", "\n\n", 0600);
    refuse_key_file("is empty");
    write_file("key", "two\nlines\n", 0600);
    refuse_key_file("has not the form of a key; expected one line of at most 16384 visible ASCII "
                    "characters without blanks");
    write_bytes("key", "a\0b", 3, 0600);
    refuse_key_file("has not the form of a key; expected one line of at most 16384 visible ASCII "
                    "characters without blanks");
    write_bytes("key", large, sizeof large, 0600);
    refuse_key_file("is larger than 65536 bytes");
    assert_int_equal(unlink(path_of("key")), 0);
    refuse_key_file("cannot be opened: No such file or directory");
    assert_int_equal(mkfifo(path_of("key"), 0600), 0);
    refuse_key_file("is a FIFO, not a regular file");
    assert_int_equal(unlink(path_of("key")), 0);
    assert_int_equal(mkdir(path_of("key"), 0700), 0);
    refuse_key_file("is a directory, not a regular file");
    assert_int_equal(rmdir(path_of("key")), 0);
    write_file("c.conf", KEYED("{ credential = \"../x\"; }"), 0644);
    refuse_file("c.conf", "@/c.conf:2: auth.primary: the credential \"../x\" is no name of a "
                          "credential; expected a file name without '/'\n");
    unsetenv("CREDENTIALS_DIRECTORY");
    write_file("c.conf", KEYED("{ credential = \"x\"; }"), 0644);
    refuse_file("c.conf",
                "@/c.conf:2: auth.primary: the credential \"x\" is not there: systemd has "
                "passed no credentials (LoadCredential=)\n");
}

static void test_who_may_read_the_configuration(void **state) {
    (void)state;
    write_file("c.conf", KEYED("\"secret\""), 0644);
    refuse_file("c.conf", "@/c.conf:2: auth.primary: a secret stands in a file that every user may "
                          "read (mode 0644); expected chmod o-rwx, or { file = \"PATH\"; }\n");
    struct config *c = load_file("c.conf", "", true);
    config_unref(&c);
    write_file("c.conf", "proxy = \"http://u:p@h:1\";", 0644);
    refuse_file("c.conf", "@/c.conf:1: proxy: a secret stands in a file that every user may read "
                          "(mode 0644); expected chmod o-rwx, or { env = \"NAME\"; }\n");
    write_file("c.conf", "workers = 1;", 0646);
    refuse_file("c.conf", "@/c.conf: every user may write to it (mode 0646); expected chmod o-w\n");
    c = load_file("c.conf", "", true);
    config_unref(&c);
    /* It is the file in which the secret stands that counts. */
    write_file("secret.conf", KEYED("\"secret\""), 0640);
    write_file("c.conf", "@include \"secret.conf\"", 0644);
    c = load_file("c.conf", "", false);
    config_unref(&c);
    write_file("secret.conf", KEYED("\"secret\""), 0644);
    write_file("c.conf", "@include \"secret.conf\"", 0600);
    refuse_file("c.conf",
                "@/secret.conf:2: auth.primary: a secret stands in a file that every user may read "
                "(mode 0644); expected chmod o-rwx, or { file = \"PATH\"; }\n");
}

static void test_includes(void **state) {
    (void)state;
    assert_int_equal(mkdir(path_of("d"), 0700), 0);
    write_file(
        "c.conf",
        "workers = 1;\nlog = {\n  @include \"d/log.conf\"\n access = true; };\nhosts = [ 1 ];",
        0644);
    write_file("d/log.conf", "level = \"debug\";\n@include \"format.conf\"\n", 0644);
    write_file("d/format.conf", "\n\nformat = \"jsn\";", 0644);
    refuse_file("c.conf",
                "@/d/format.conf:3: log.format: \"jsn\" is wrong; expected \"text\", \"json\" or "
                "\"journal\"; did you mean \"json\"?\n"
                "@/c.conf:5: hosts: expected a name or an address without a port; a string stands "
                "in quotes: \"1\"\n");
    write_file("d/format.conf", "format = \"json\"; level = \"info\";", 0644);
    refuse_file("c.conf", "@/d/format.conf:1: level is here for the second time; it is at "
                          "@/d/log.conf:1 already\n");
    write_file("c.conf", "tls = {\n@include \"d/tls.conf\"\n};", 0644);
    write_file("d/tls.conf", "ca_file = \"ca.pem\"; # beside the file that says it", 0644);
    struct config *c = load_file("c.conf", "", false);
    assert_string_equal(c->tls.ca_file, path_of("d/ca.pem"));
    config_unref(&c);
    write_file("d/tls.conf", "\n};\n", 0644);
    refuse_file("c.conf", "@/c.conf:3: nothing is open that this '}' could close\n");
    write_file("d/tls.conf", "ca_file = {", 0644);
    refuse_file("c.conf", "@/c.conf:1: the '{' that opens here is never closed; expected '}'\n");
}

static void test_includes_that_are_refused(void **state) {
    (void)state;
    write_file("c.conf",
               "\n@include \"d\"\n@include \"fifo\"\n@include \"none\"\n@include \"c.conf\"", 0644);
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    refuse_file("c.conf",
                "@/c.conf:2: the included \"@/d\" is a directory, not a regular file\n"
                "@/c.conf:3: the included \"@/fifo\" is a FIFO, not a regular file\n"
                "@/c.conf:4: the included \"@/none\" cannot be opened: No such file or directory\n"
                "@/c.conf:5: the included \"@/c.conf\" includes itself\n");
    write_file("c.conf", "@include \"b.conf\"", 0644);
    write_file("b.conf", "@include \"c.conf\"", 0644);
    refuse_file("c.conf", "@/b.conf:1: the included \"@/c.conf\" includes itself\n");
    for (int i = 0; i < 10; i++) {
        char name[32], text[64];
        snprintf(name, sizeof name, "%d.conf", i);
        snprintf(text, sizeof text, "@include \"%d.conf\"", i + 1);
        write_file(name, text, 0644);
    }
    refuse_file("0.conf", "@/8.conf:1: too many includes; at most 64 files, 8 deep\n");
}

static void test_files_that_are_refused(void **state) {
    (void)state;
    refuse_file("nowhere.conf", "@/nowhere.conf: cannot be opened: No such file or directory\n");
    refuse_file("", "@/: is a directory, not a regular file\n");
    write_bytes("c.conf", "workers = 1;\0", 13, 0644);
    refuse_file("c.conf", "@/c.conf: holds a NUL byte; expected a text in UTF-8\n");
    FILE *file = fopen(path_of("c.conf"), "w");
    assert_non_null(file);
    for (int i = 0; i < 20000; i++)
        fputs("# 0123456789012345678901234567890123456789012345678901234567890\n", file);
    fclose(file);
    refuse_file("c.conf", "@/c.conf: is larger than 1048576 bytes\n");
}

static int make_directory(void **state) {
    (void)state;
    umask(0);
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st, (void)type, (void)at;
    return remove(path);
}

static int remove_directory(void **state) {
    (void)state;
    return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_route_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_uris),
        cmocka_unit_test(test_tls_is_inherited_key_by_key),
        cmocka_unit_test(test_proxy),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_secret_files_that_are_refused),
        cmocka_unit_test(test_who_may_read_the_configuration),
        cmocka_unit_test(test_includes),
        cmocka_unit_test(test_includes_that_are_refused),
        cmocka_unit_test(test_files_that_are_refused),
    };
    static const char *const variables[] = {"https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"};
    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        unsetenv(variables[i]);
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
