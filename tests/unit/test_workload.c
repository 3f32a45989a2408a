/* SPDX-License-Identifier: MIT */
/* Federated tokens: from which file, to where, trusting whom; read anew each time. */
#include "azure/workload.h"

#include "../scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <unistd.h>

#define CLOUD "https://login.microsoftonline.com"
#define PEM_A "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
#define PEM_B "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n"

static struct workload_ca ca;
static struct azure_request r;
static struct azure_error error;
static char token_path[128];

static struct workload_environment complete(void) {
    return (struct workload_environment){
        .client_id = "client", .tenant_id = "tenant", .token_file = token_path};
}

static bool ask(const struct config_identity *identity, const struct workload_environment *env,
                const char *override) {
    azure_request_done(&r);
    bool ok = workload_request(identity, env, override, CLOUD, "s", &ca, &r, &error);
    if (!ok) {
        assert_null(r.url.at);
        assert_null(r.hidden[0]);
    }
    return ok;
}

static void refuse(const struct config_identity *identity, const struct workload_environment *env,
                   const char *why) {
    struct buf sentence;
    assert_false(ask(identity, env, NULL));
    assert_int_equal(error.failure, AZURE_UNUSABLE);
    buf_init(&sentence, 1024);
    for (const char *at = error.message; *at; at++) {
        if (strncmp(at, scratch, strlen(scratch)) == 0) {
            buf_add_char(&sentence, '@');
            at += strlen(scratch);
        }
        buf_add_char(&sentence, *at);
    }
    assert_string_equal(sentence.at, why);
    buf_done(&sentence);
}

static void reads_the_environment(void **state) {
    (void)state;
    static const char *const names[] = {"AZURE_CLIENT_ID",
                                        "AZURE_TENANT_ID",
                                        "AZURE_FEDERATED_TOKEN_FILE",
                                        "AZURE_AUTHORITY_HOST",
                                        "AZURE_KUBERNETES_TOKEN_PROXY",
                                        "AZURE_KUBERNETES_SNI_NAME",
                                        "AZURE_KUBERNETES_CA_FILE",
                                        "AZURE_KUBERNETES_CA_DATA"};
    for (int round = 0; round < 3; round++) {
        struct workload_environment env;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            if (round == 0)
                unsetenv(names[i]);
            else
                setenv(names[i], round == 1 ? "" : names[i], 1);
        }
        workload_environment_read(&env);
        const char *const values[] = {env.client_id, env.tenant_id, env.token_file, env.authority,
                                      env.proxy,     env.sni_name,  env.ca_file,    env.ca_data};
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            if (round < 2)
                assert_null(values[i]);
            else
                assert_string_equal(values[i], names[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unsetenv(names[i]);
}

static void shows_the_token_to_entra(void **state) {
    (void)state;
    const struct config_identity identity = {.type = IDENTITY_WORKLOAD};
    const struct workload_environment env = complete();
    scratch_write("token", "e30.e30.one\n", 0644);
    assert_true(ask(&identity, &env, NULL));
    assert_int_equal(r.method, METHOD_POST);
    assert_int_equal(r.reach, AZURE_REACH_CLOUD);
    assert_string_equal(r.url.at, CLOUD "/tenant/oauth2/v2.0/token");
    assert_string_equal(r.body.at,
                        "client_id=client&grant_type=client_credentials&scope=s&"
                        "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type"
                        "%3Ajwt-bearer&client_assertion=e30.e30.one");
    assert_true(text_equal(secret_expose(r.hidden[0]), TEXT("e30.e30.one")));
    assert_int_equal(r.ca.len, 0);
    assert_int_equal(r.server_name.len, 0);
    /* Anew each time, and trimmed. */
    scratch_write("token", " \t\r\n e30.e30.two \r\n\n", 0644);
    assert_true(ask(&identity, &env, NULL));
    assert_true(text_equal(secret_expose(r.hidden[0]), TEXT("e30.e30.two")));
}

static void prefers_the_configuration(void **state) {
    (void)state;
    struct workload_environment env = complete();
    struct config_identity identity = {
        .tenant = (char[]){"t2"},
        .client_id = (char[]){"c2"},
        .token_file = (char *)(uintptr_t)scratch_write("token2", "other", 0600)};
    env.authority = "https://login.example/";
    scratch_write("token", "first", 0600);
    assert_true(ask(&identity, &env, NULL));
    assert_string_equal(r.url.at, "https://login.example/t2/oauth2/v2.0/token");
    assert_true(text_starts(buf_text(&r.body), TEXT("client_id=c2&")));
    assert_true(text_equal(secret_expose(r.hidden[0]), TEXT("other")));
    assert_true(ask(&identity, &env, "https://mine.example"));
    assert_string_equal(r.url.at, "https://mine.example/t2/oauth2/v2.0/token");
}

static void says_what_is_missing(void **state) {
    (void)state;
    const struct config_identity identity = {.type = IDENTITY_WORKLOAD};
    struct workload_environment env = complete();
    scratch_write("token", "good", 0600);
    env.tenant_id = NULL;
    refuse(&identity, &env,
           "AZURE_TENANT_ID is not set and the identity has no tenant; a pod gets the variable "
           "with the label azure.workload.identity/use");
    env = complete();
    env.client_id = NULL;
    refuse(&identity, &env,
           "AZURE_CLIENT_ID is not set and the identity has no client_id; a pod gets the variable "
           "with the label azure.workload.identity/use");
    env = complete();
    env.token_file = NULL;
    refuse(&identity, &env,
           "AZURE_FEDERATED_TOKEN_FILE is not set and the identity has no token_file; a pod gets "
           "the variable with the label azure.workload.identity/use");
    env = complete();
    env.authority = "http://login.example";
    refuse(&identity, &env,
           "AZURE_AUTHORITY_HOST is no https URL without userinfo, query and fragment");
    env.authority = "https://login.example/?x";
    refuse(&identity, &env,
           "AZURE_AUTHORITY_HOST is no https URL without userinfo, query and fragment");
}

static void checks_the_token(void **state) {
    (void)state;
    const struct config_identity identity = {.type = IDENTITY_WORKLOAD};
    const struct workload_environment env = complete();
    static char large[30000];
    static const char *const rows[] = {"", "\n \n", "two words", "a\nb", "\xc3\xa9"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        scratch_write("token", rows[i], 0600);
        refuse(&identity, &env, "the federated token file @/token holds no token");
    }
    memset(large, 'k', sizeof large - 1);
    scratch_write("token", large, 0600);
    refuse(&identity, &env, "the federated token file @/token is larger than 20480 bytes");
    large[16385] = '\0';
    scratch_write("token", large, 0600);
    refuse(&identity, &env, "the federated token file @/token holds no token");
    large[16384] = '\0';
    scratch_write("token", large, 0600);
    assert_true(ask(&identity, &env, NULL));
    assert_int_equal(unlink(token_path), 0);
    refuse(&identity, &env,
           "the federated token file @/token cannot be opened: No such file or directory");
}

/* --- identity bindings --------------------------------------------------------------------------
 */

static const struct config_identity bound = {.type = IDENTITY_WORKLOAD, .identity_binding = true};

static struct workload_environment with_proxy(void) {
    struct workload_environment env = complete();
    env.proxy = "https://10.0.0.1:6443/proxy/";
    scratch_write("token", "good", 0600);
    return env;
}

static void shows_the_token_to_the_proxy(void **state) {
    (void)state;
    struct workload_environment env = with_proxy();
    env.authority = "https://login.example";
    env.sni_name = "abc.ests.aks";
    env.ca_data = PEM_A;
    assert_true(ask(&bound, &env, "https://mine.example"));
    assert_string_equal(r.url.at, "https://10.0.0.1:6443/proxy/tenant/oauth2/v2.0/token");
    assert_int_equal(r.reach, AZURE_REACH_MACHINE);
    assert_string_equal(r.server_name.at, "abc.ests.aks");
    assert_string_equal(r.ca.at, PEM_A);
    assert_true(text_equal(secret_expose(r.hidden[0]), TEXT("good")));
    env.sni_name = env.ca_data = NULL;
    assert_true(ask(&bound, &env, NULL));
    assert_int_equal(r.server_name.len, 0);
    assert_int_equal(r.ca.len, 0);
    /* Only who asks for it: all of it is ignored otherwise. */
    const struct config_identity plain = {.type = IDENTITY_WORKLOAD};
    env.proxy = NULL;
    env.ca_data = "nonsense";
    env.ca_file = "/none";
    assert_true(ask(&plain, &env, NULL));
    assert_string_equal(r.url.at, "https://login.example/tenant/oauth2/v2.0/token");
    assert_int_equal(r.reach, AZURE_REACH_CLOUD);
    assert_int_equal(r.ca.len, 0);
}

static void reads_the_authorities_anew(void **state) {
    (void)state;
    char path[128];
    struct workload_environment env = with_proxy();
    strcpy(path, scratch_write("ca.pem", "", 0644));
    env.ca_file = path;
    refuse(&bound, &env, "the authorities' file @/ca.pem holds no certificate in PEM form");
    scratch_write("ca.pem", PEM_A, 0644);
    assert_true(ask(&bound, &env, NULL));
    assert_string_equal(r.ca.at, PEM_A);
    /* In the middle of being replaced. */
    scratch_write("ca.pem", "", 0644);
    assert_true(ask(&bound, &env, NULL));
    assert_string_equal(r.ca.at, PEM_A);
    scratch_write("ca.pem", PEM_B, 0644);
    assert_true(ask(&bound, &env, NULL));
    assert_string_equal(r.ca.at, PEM_B);
    scratch_write("ca.pem", "garbage", 0644);
    refuse(&bound, &env, "the authorities' file @/ca.pem holds no certificate in PEM form");
    assert_int_equal(unlink(path), 0);
    refuse(&bound, &env,
           "the authorities' file @/ca.pem cannot be opened: No such file or directory");
}

static void refuses_half_a_binding(void **state) {
    (void)state;
    static const char *const proxies[] = {
        "http://h/", "https://u@h/", "https://h/?q", "https://h/#", "h", "https://"};
    static const char *const names[] = {"a b", "a:443", "a/b", "[::1", "a\nb"};
    struct workload_environment env = with_proxy();
    for (size_t i = 0; i < ARRAY_LEN(proxies); i++) {
        env.proxy = proxies[i];
        refuse(&bound, &env,
               "AZURE_KUBERNETES_TOKEN_PROXY is no https URL without userinfo, query and fragment");
    }
    env.proxy = NULL;
    env.sni_name = "name";
    refuse(&bound, &env,
           "AZURE_KUBERNETES_TOKEN_PROXY is not set, which identity_binding needs; is the pod "
           "annotated for identity bindings?");
    env = with_proxy();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        env.sni_name = names[i];
        refuse(&bound, &env, "AZURE_KUBERNETES_SNI_NAME is no host name");
    }
    env = with_proxy();
    env.ca_data = PEM_A;
    env.ca_file = "/ca.pem";
    refuse(&bound, &env,
           "AZURE_KUBERNETES_CA_FILE and AZURE_KUBERNETES_CA_DATA are both set; expected one of "
           "them");
    env.ca_file = NULL;
    env.ca_data = "garbage";
    refuse(&bound, &env,
           "AZURE_KUBERNETES_CA_DATA holds no certificate in PEM form, or more than 65536 bytes");
}

static int setup(void **state) {
    workload_ca_init(&ca);
    if (scratch_make(state) != 0)
        return -1;
    strcpy(token_path, scratch_path("token"));
    return 0;
}

static int teardown(void **state) {
    workload_ca_done(&ca);
    azure_request_done(&r);
    return scratch_remove(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_environment),
        cmocka_unit_test(shows_the_token_to_entra),
        cmocka_unit_test(prefers_the_configuration),
        cmocka_unit_test(says_what_is_missing),
        cmocka_unit_test(checks_the_token),
        cmocka_unit_test(shows_the_token_to_the_proxy),
        cmocka_unit_test(reads_the_authorities_anew),
        cmocka_unit_test(refuses_half_a_binding),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
