/* SPDX-License-Identifier: MIT */
/* Which token service the environment means, what each is asked, and Azure Arc's key file. */
#include "azure/managed.h"

#include "../scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <unistd.h>

#define RESOURCE "https://ml.azure.com"
#define ENCODED  "https%3A%2F%2Fml.azure.com"

static void detects_the_source(void **state) {
    (void)state;
    static const struct {
        struct managed_environment env;
        enum managed_source source;
    } rows[] = {
        {{0}, MANAGED_IMDS},
        {{.identity_endpoint = "e", .identity_header = "h"}, MANAGED_APP_SERVICE},
        {{.identity_endpoint = "e", .identity_header = "h", .identity_server_thumbprint = "t"},
         MANAGED_UNSUPPORTED},
        {{.identity_endpoint = "e", .imds_endpoint = "i"}, MANAGED_ARC},
        {{.arc_agent = true}, MANAGED_ARC},
        {{.identity_endpoint = "e", .identity_header = "h", .arc_agent = true},
         MANAGED_APP_SERVICE},
        {{.msi_endpoint = "m", .msi_secret = "s"}, MANAGED_ML},
        {{.msi_endpoint = "m"}, MANAGED_UNSUPPORTED},
        {{.identity_endpoint = "e", .identity_header = "h", .msi_endpoint = "m", .msi_secret = "s"},
         MANAGED_APP_SERVICE},
        {{.msi_secret = "s"}, MANAGED_IMDS},
        {{.identity_header = "h"}, MANAGED_IMDS},
        {{.identity_endpoint = "e"}, MANAGED_IMDS},
        {{.imds_endpoint = "i"}, MANAGED_IMDS},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (managed_detect(&rows[i].env) != rows[i].source)
            fail_msg("row %zu", i);
    assert_string_equal(managed_source_word(MANAGED_IMDS), "imds");
    assert_string_equal(managed_source_word(MANAGED_APP_SERVICE), "app-service");
    assert_string_equal(managed_source_word(MANAGED_ARC), "arc");
    assert_string_equal(managed_source_word(MANAGED_ML), "azure-ml");
    assert_string_equal(managed_source_word(MANAGED_UNSUPPORTED), "unsupported");
}

static void reads_the_environment(void **state) {
    (void)state;
    static const char *const names[] = {
        "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT",
        "MSI_ENDPOINT",      "MSI_SECRET",      "DEFAULT_IDENTITY_CLIENT_ID"};
    struct managed_environment env;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            if (round == 0)
                unsetenv(names[i]);
            else
                setenv(names[i], round == 1 ? "" : names[i], 1);
        }
        managed_environment_read(&env);
        const char *const values[] = {
            env.identity_endpoint, env.identity_header, env.identity_server_thumbprint,
            env.imds_endpoint,     env.msi_endpoint,    env.msi_secret,
            env.default_client_id};
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            if (round < 2)
                assert_null(values[i]);
            else
                assert_string_equal(values[i], names[i]);
        }
        assert_int_equal(env.arc_agent, access("/opt/azcmagent/bin/himds", F_OK) == 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unsetenv(names[i]);
}

/* --- requests -----------------------------------------------------------------------------------
 */

static const struct managed_environment app_service = {
    .identity_endpoint = "http://127.0.0.1:41741/MSI/token/", .identity_header = "853b9a84-5bfa"};
static const struct managed_environment arc = {
    .identity_endpoint = "http://localhost:40342/metadata/identity/oauth2/token",
    .imds_endpoint = "http://localhost:40342"};
static const struct managed_environment ml = {.msi_endpoint = "http://127.0.0.1:46808/MSI/auth",
                                              .msi_secret = "s3cret"};
static const struct managed_environment ml_default = {.msi_endpoint =
                                                          "http://127.0.0.1:46808/MSI/auth",
                                                      .msi_secret = "s3cret",
                                                      .default_client_id = "default"};
static const struct managed_environment nothing = {.arc_agent = true};

static const struct config_identity system_assigned = {.type = IDENTITY_MANAGED};
static const struct config_identity by_client = {.client_id = (char[]){"c 1"}};
static const struct config_identity by_object = {.object_id = (char[]){"o"}};
static const struct config_identity by_resource = {.resource_id = (char[]){"/sub/x"}};

static void asks_each_source_in_its_way(void **state) {
    (void)state;
    static const struct {
        enum managed_source source;
        const struct managed_environment *env;
        const struct config_identity *identity;
        const char *url, *fields;
    } rows[] = {
        {MANAGED_IMDS, &nothing, &system_assigned,
         "http://169.254.169.254/metadata/identity/oauth2/"
         "token?api-version=2018-02-01&resource=" ENCODED,
         "Metadata: true\r\n"},
        /* The default of Azure ML is for nobody else. */
        {MANAGED_IMDS, &ml_default, &system_assigned,
         "http://169.254.169.254/metadata/identity/oauth2/"
         "token?api-version=2018-02-01&resource=" ENCODED,
         "Metadata: true\r\n"},
        {MANAGED_IMDS, &nothing, &by_client,
         "http://169.254.169.254/metadata/identity/oauth2/"
         "token?api-version=2018-02-01&resource=" ENCODED "&client_id=c%201",
         "Metadata: true\r\n"},
        {MANAGED_IMDS, &nothing, &by_object,
         "http://169.254.169.254/metadata/identity/oauth2/"
         "token?api-version=2018-02-01&resource=" ENCODED "&object_id=o",
         "Metadata: true\r\n"},
        {MANAGED_IMDS, &nothing, &by_resource,
         "http://169.254.169.254/metadata/identity/oauth2/"
         "token?api-version=2018-02-01&resource=" ENCODED "&msi_res_id=%2Fsub%2Fx",
         "Metadata: true\r\n"},
        {MANAGED_APP_SERVICE, &app_service, &system_assigned,
         "http://127.0.0.1:41741/MSI/token/?api-version=2019-08-01&resource=" ENCODED,
         "X-IDENTITY-HEADER: 853b9a84-5bfa\r\n"},
        {MANAGED_APP_SERVICE, &app_service, &by_client,
         "http://127.0.0.1:41741/MSI/token/?api-version=2019-08-01&resource=" ENCODED
         "&client_id=c%201",
         "X-IDENTITY-HEADER: 853b9a84-5bfa\r\n"},
        {MANAGED_APP_SERVICE, &app_service, &by_object,
         "http://127.0.0.1:41741/MSI/token/?api-version=2019-08-01&resource=" ENCODED
         "&principal_id=o",
         "X-IDENTITY-HEADER: 853b9a84-5bfa\r\n"},
        {MANAGED_APP_SERVICE, &app_service, &by_resource,
         "http://127.0.0.1:41741/MSI/token/?api-version=2019-08-01&resource=" ENCODED
         "&mi_res_id=%2Fsub%2Fx",
         "X-IDENTITY-HEADER: 853b9a84-5bfa\r\n"},
        {MANAGED_ARC, &arc, &system_assigned,
         "http://localhost:40342/metadata/identity/oauth2/"
         "token?api-version=2020-06-01&resource=" ENCODED,
         "Metadata: true\r\n"},
        {MANAGED_ARC, &nothing, &system_assigned,
         "http://localhost:40342/metadata/identity/oauth2/"
         "token?api-version=2020-06-01&resource=" ENCODED,
         "Metadata: true\r\n"},
        {MANAGED_ML, &ml, &system_assigned,
         "http://127.0.0.1:46808/MSI/auth?api-version=2017-09-01&resource=" ENCODED,
         "Metadata: true\r\nsecret: s3cret\r\n"},
        {MANAGED_ML, &ml_default, &system_assigned,
         "http://127.0.0.1:46808/MSI/auth?api-version=2017-09-01&resource=" ENCODED
         "&clientid=default",
         "Metadata: true\r\nsecret: s3cret\r\n"},
        {MANAGED_ML, &ml_default, &by_client,
         "http://127.0.0.1:46808/MSI/auth?api-version=2017-09-01&resource=" ENCODED
         "&clientid=c%201",
         "Metadata: true\r\nsecret: s3cret\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct azure_request r;
        struct azure_error error;
        assert_true(managed_request(rows[i].source, rows[i].env, "http://169.254.169.254/",
                                    rows[i].identity, RESOURCE, &r, &error));
        assert_int_equal(r.method, METHOD_GET);
        assert_int_equal(r.reach, AZURE_REACH_MACHINE);
        assert_string_equal(r.url.at, rows[i].url);
        assert_string_equal(r.fields.at, rows[i].fields);
        const char *secret = rows[i].source == MANAGED_APP_SERVICE ? "853b9a84-5bfa"
                             : rows[i].source == MANAGED_ML        ? "s3cret"
                                                                   : NULL;
        assert_int_equal(r.hidden[0] != NULL, secret != NULL);
        if (secret)
            assert_true(text_equal(secret_expose(r.hidden[0]), text_of(secret)));
        azure_request_done(&r);
    }
}

static void says_what_cannot_be(void **state) {
    (void)state;
    static const struct managed_environment file_url = {.identity_endpoint = "file:///etc/passwd",
                                                        .identity_header = "h"};
    static const struct managed_environment userinfo = {.msi_endpoint = "http://u:p@h/",
                                                        .msi_secret = "s"};
    static const struct managed_environment fragment = {.msi_endpoint = "http://h/#",
                                                        .msi_secret = "s"};
    static const struct managed_environment injected = {.identity_endpoint = "http://h/",
                                                        .identity_header = "h\r\nX: y"};
    static const struct managed_environment blank = {.msi_endpoint = "http://h/",
                                                     .msi_secret = "a b"};
    static const struct {
        enum managed_source source;
        const struct managed_environment *env;
        const struct config_identity *identity;
        const char *why;
    } rows[] = {
        {MANAGED_ARC, &arc, &by_client,
         "the managed identity service found here (arc) has no user-assigned identities, remove "
         "client_id"},
        {MANAGED_ARC, &arc, &by_object,
         "the managed identity service found here (arc) has no user-assigned identities, remove "
         "object_id"},
        {MANAGED_ARC, &arc, &by_resource,
         "the managed identity service found here (arc) has no user-assigned identities, remove "
         "resource_id"},
        {MANAGED_ML, &ml_default, &by_object,
         "the managed identity service found here (azure-ml) takes a client_id only, not "
         "object_id"},
        {MANAGED_ML, &ml, &by_resource,
         "the managed identity service found here (azure-ml) takes a client_id only, not "
         "resource_id"},
        {MANAGED_UNSUPPORTED, &ml, &system_assigned,
         "the managed identities of Service Fabric and Cloud Shell, which the environment names, "
         "are not supported"},
        {MANAGED_APP_SERVICE, &file_url, &system_assigned,
         "the variable IDENTITY_ENDPOINT holds no http or https URL"},
        {MANAGED_ML, &userinfo, &system_assigned,
         "the variable MSI_ENDPOINT holds no http or https URL"},
        {MANAGED_ML, &fragment, &system_assigned,
         "the variable MSI_ENDPOINT holds no http or https URL"},
        {MANAGED_APP_SERVICE, &injected, &system_assigned,
         "the variable IDENTITY_HEADER is not of visible ASCII characters without blanks"},
        {MANAGED_ML, &blank, &system_assigned,
         "the variable MSI_SECRET is not of visible ASCII characters without blanks"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct azure_request r;
        struct azure_error error;
        assert_false(managed_request(rows[i].source, rows[i].env, "http://h", rows[i].identity,
                                     RESOURCE, &r, &error));
        assert_int_equal(error.failure, AZURE_UNUSABLE);
        assert_string_equal(error.message, rows[i].why);
        assert_null(r.url.at);
        assert_null(r.hidden[0]);
    }
    struct azure_request r;
    struct azure_error error;
    static char large[20000];
    memset(large, 'x', sizeof large - 1);
    assert_false(
        managed_request(MANAGED_IMDS, &nothing, "http://h", &system_assigned, large, &r, &error));
    assert_int_equal(error.failure, AZURE_NO_MEMORY);
}

/* --- Azure Arc ----------------------------------------------------------------------------------
 */

static struct azure_request answered;
static struct azure_error answer_error;

/* The fields of the request after a challenge of FORM and the file NAME (in quotes if FORM opens
 * them); NULL: refused. */
static const char *answer_challenge(const char *form, const char *name) {
    struct buf challenge;
    buf_init(&challenge, 4096);
    buf_addf(&challenge, "%s%s/%s", form, scratch, name);
    if (*form && form[strlen(form) - 1] == '"')
        buf_add_char(&challenge, '"');
    azure_request_done(&answered);
    assert_true(managed_request(MANAGED_ARC, &arc, "", &system_assigned, RESOURCE, &answered,
                                &answer_error));
    bool ok = managed_arc_answer(buf_text(&challenge), scratch, &answered, &answer_error);
    buf_done(&challenge);
    assert_int_equal(ok, answered.url.at != NULL);
    return ok ? answered.fields.at : NULL;
}

static void shows_the_key_file(void **state) {
    (void)state;
    static const char *const forms[] = {"Basic realm=", "basic Realm=", "Basic  realm=\""};
    static char content[4098];
    scratch_write("a-b.key", "a2V5/+==", 0600);
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        assert_string_equal(answer_challenge(forms[i], "a-b.key"),
                            "Metadata: true\r\nAuthorization: Basic a2V5/+==\r\n");
    assert_true(text_equal(secret_expose(answered.hidden[0]), TEXT("a2V5/+==")));
    scratch_write("line.key", "a2V5\r\n", 0600);
    assert_string_equal(answer_challenge("Basic realm=", "line.key"),
                        "Metadata: true\r\nAuthorization: Basic a2V5\r\n");
    memset(content, 'k', 4096);
    scratch_write("large.key", content, 0600);
    assert_non_null(answer_challenge("Basic realm=", "large.key"));
    content[4096] = 'k';
    scratch_write("larger.key", content, 0600);
    assert_null(answer_challenge("Basic realm=", "larger.key"));
    assert_int_equal(answer_error.failure, AZURE_UNUSABLE);
    assert_non_null(strstr(answer_error.message, "is larger than 4096 bytes"));
}

static void reads_no_other_file(void **state) {
    (void)state;
    assert_int_equal(mkdir(scratch_path("in"), 0700), 0);
    assert_int_equal(mkdir(scratch_path("directory.key"), 0700), 0);
    assert_int_equal(mkfifo(scratch_path("fifo.key"), 0600), 0);
    scratch_write("in/a.key", "a2V5", 0600);
    scratch_write("target.key", "a2V5", 0600);
    scratch_write("a.txt", "a2V5", 0600);
    scratch_write("a.key.bak", "a2V5", 0600);
    scratch_write(".key", "a2V5", 0600);
    scratch_write("empty.key", "", 0600);
    scratch_write("blank.key", "a b", 0600);
    scratch_write("lines.key", "a\nb", 0600);
    assert_int_equal(symlink(scratch_path("target.key"), scratch_path("link.key")), 0);
    assert_int_equal(symlink("in", scratch_path("linked")), 0);
    static const struct {
        const char *name;
        enum azure_failure failure;
    } rows[] = {
        {"none.key", AZURE_UNUSABLE},      {"link.key", AZURE_UNUSABLE},
        {"directory.key", AZURE_UNUSABLE}, {"fifo.key", AZURE_UNUSABLE},
        {"empty.key", AZURE_UNUSABLE},     {"blank.key", AZURE_UNUSABLE},
        {"lines.key", AZURE_UNUSABLE},     {"in/a.key", AZURE_MALFORMED},
        {"linked/a.key", AZURE_MALFORMED}, {"in/../target.key", AZURE_MALFORMED},
        {"./target.key", AZURE_MALFORMED}, {"/target.key", AZURE_MALFORMED},
        {"a.txt", AZURE_MALFORMED},        {"a.key.bak", AZURE_MALFORMED},
        {".key", AZURE_MALFORMED},         {"", AZURE_MALFORMED},
        {"a.key/", AZURE_MALFORMED},       {"target.key\x1b.key", AZURE_MALFORMED},
        {"target.KEY", AZURE_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (answer_challenge("Basic realm=", rows[i].name))
            fail_msg("\"%s\"", rows[i].name);
        assert_int_equal(answer_error.failure, rows[i].failure);
    }
    answer_challenge("Basic realm=", "none.key");
    assert_non_null(strstr(answer_error.message,
                           "none.key, which Azure Arc's agent asks for, cannot be opened: No such "
                           "file or directory; only root and the group himds can read it"));
}

static void takes_no_other_challenge(void **state) {
    (void)state;
    scratch_write("target.key", "a2V5", 0600);
    static const char *const forms[] = {"Bearer realm=",
                                        "Basic ",
                                        "Basic file=",
                                        "realm=",
                                        "",
                                        "Basicrealm=",
                                        "Basic realm=\"x\", realm="};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (answer_challenge(forms[i], "target.key"))
            fail_msg("\"%s\"", forms[i]);
        assert_int_equal(answer_error.failure, AZURE_MALFORMED);
    }
    static const struct text rows[] = {TEXT(""), TEXT("Basic"), TEXT("Basic realm="),
                                       TEXT("Basic realm=\"\""), TEXT("Basic realm=/etc/x.key")};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct azure_request r;
        azure_request_init(&r, METHOD_GET);
        assert_false(managed_arc_answer(rows[i], MANAGED_ARC_DIRECTORY, &r, &answer_error));
        assert_int_equal(answer_error.failure, AZURE_MALFORMED);
    }
    /* Neighbours whose names begin alike. */
    static const struct text neighbours[] = {
        TEXT("Basic realm=/var/opt/azcmagent/tokens2/x.key"),
        TEXT("Basic realm=/var/opt/azcmagent/tokens-x.key"),
        TEXT("Basic realm=/var/opt/azcmagent/tokens.key"),
    };
    for (size_t i = 0; i < ARRAY_LEN(neighbours); i++) {
        struct azure_request r;
        azure_request_init(&r, METHOD_GET);
        assert_false(managed_arc_answer(neighbours[i], MANAGED_ARC_DIRECTORY, &r, &answer_error));
        assert_int_equal(answer_error.failure, AZURE_MALFORMED);
    }
}

static int teardown(void **state) {
    azure_request_done(&answered);
    return scratch_remove(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(detects_the_source),          cmocka_unit_test(reads_the_environment),
        cmocka_unit_test(asks_each_source_in_its_way), cmocka_unit_test(says_what_cannot_be),
        cmocka_unit_test(shows_the_key_file),          cmocka_unit_test(reads_no_other_file),
        cmocka_unit_test(takes_no_other_challenge),
    };
    return cmocka_run_group_tests(tests, scratch_make, teardown);
}
