/* SPDX-License-Identifier: MIT */
/* Requests to Entra, the addresses of each cloud, and assertions, which OpenSSL verifies here. */
#include "azure/entra.h"

#include "azure/assertion.h"
#include "azure/cloud.h"
#include "azure/jwt.h"
#include "base/json.h"

#include "../scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define NOW      ((int64_t)1700000000)
#define AUDIENCE "https://login.example/tenant/oauth2/v2.0/token"

static const struct assertion_claims claims = {"client \"1\"", AUDIENCE, NOW};

/* --- keys and certificates ----------------------------------------------------------------------
 */

static EVP_PKEY *key, *other_key;
static X509 *certificate;

static X509 *make_certificate(EVP_PKEY *of) {
    X509 *x509 = X509_new();
    X509_NAME *name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"app", -1, -1, 0);
    X509_set_issuer_name(x509, name);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), 7);
    X509_gmtime_adj(X509_getm_notBefore(x509), 0);
    X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
    X509_set_pubkey(x509, of);
    assert_true(X509_sign(x509, of, EVP_sha256()) > 0);
    return x509;
}

/* Writes KEY and CERTIFICATE, those that are not NULL, to the file NAME, the key perhaps encrypted
 * with PASSPHRASE. */
static const char *write_pem(const char *name, EVP_PKEY *private, X509 *x509,
                             const char *passphrase, mode_t mode) {
    const char *path = scratch_write(name, "", mode);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    if (private)
        assert_int_equal(PEM_write_PKCS8PrivateKey(
                             file, private, passphrase ? EVP_aes_128_cbc() : NULL, passphrase,
                             passphrase ? (int)strlen(passphrase) : 0, NULL, NULL),
                         1);
    if (x509)
        assert_int_equal(PEM_write_X509(file, x509), 1);
    assert_int_equal(fclose(file), 0);
    return path;
}

static int setup(void **state) {
    key = EVP_RSA_gen(2048);
    other_key = EVP_RSA_gen(2048);
    certificate = make_certificate(key);
    return key && other_key ? scratch_make(state) : -1;
}

static int teardown(void **state) {
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
    X509_free(certificate);
    return scratch_remove(state);
}

/* --- the assertion ------------------------------------------------------------------------------
 */

/* The part of TOKEN that stands at NUMBER, decoded. */
static struct text decode_part(struct text token, unsigned number, struct buf *into) {
    buf_clear(into);
    while (number--)
        token = text_skip(token, text_find(token, '.') + 1);
    assert_true(base64url_decode(into, (struct text){token.at, text_find(token, '.')}));
    return buf_text(into);
}

static void check_string(const struct json *object, const char *name, const char *value) {
    struct text t;
    assert_true(json_string(json_member(object, name), &t));
    assert_true(text_equal(t, text_of(value)));
}

static void check_number(const struct json *object, const char *name, int64_t value) {
    double number;
    assert_true(json_number(json_member(object, name), &number));
    assert_true(number == (double)value);
}

static void check_header(struct text part) {
    unsigned char digest[32];
    unsigned len;
    struct buf thumbprint;
    struct json *header = json_parse(part, 2);
    buf_init(&thumbprint, 64);
    assert_int_equal(X509_digest(certificate, EVP_sha256(), digest, &len), 1);
    base64url_add(&thumbprint, (struct text){(const char *)digest, len});
    assert_int_equal(thumbprint.len, 43);
    check_string(header, "alg", "PS256");
    check_string(header, "typ", "JWT");
    check_string(header, "x5t#S256", thumbprint.at);
    buf_done(&thumbprint);
    json_free(&header);
}

static void check_claims(struct text part, char id[40]) {
    struct json *body = json_parse(part, 2);
    struct text t;
    check_string(body, "iss", claims.client_id);
    check_string(body, "sub", claims.client_id);
    check_string(body, "aud", AUDIENCE);
    check_number(body, "nbf", NOW);
    check_number(body, "iat", NOW);
    check_number(body, "exp", NOW + 600);
    assert_true(json_string(json_member(body, "jti"), &t));
    assert_int_equal(t.len, 36);
    memcpy(id, t.at, t.len);
    id[t.len] = '\0';
    json_free(&body);
}

/* What OpenSSL says of the signature, made with a salt of 32 bytes. */
static void check_signature(struct text token, struct text signature) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pss;
    size_t signed_len = token.len;
    while (token.at[signed_len - 1] != '.')
        signed_len--;
    assert_int_equal(EVP_DigestVerifyInit(ctx, &pss, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pss, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pss, 32), 1);
    assert_int_equal(EVP_DigestVerify(ctx, (const unsigned char *)signature.at, signature.len,
                                      (const unsigned char *)token.at, signed_len - 1),
                     1);
    EVP_MD_CTX_free(ctx);
}

static void check_assertion(struct secret *assertion, char id[40]) {
    struct buf part;
    struct text token = secret_expose(assertion);
    buf_init(&part, 4096);
    check_header(decode_part(token, 0, &part));
    check_claims(decode_part(token, 1, &part), id);
    check_signature(token, decode_part(token, 2, &part));
    buf_done(&part);
}

static struct secret *sign(const char *certificate_file, const char *key_file, bool insecure,
                           struct buf *why) {
    buf_clear(why);
    return assertion_new(certificate_file, key_file, insecure, &claims, why);
}

static void signs_with_the_certificates_key(void **state) {
    (void)state;
    char first[40], second[40];
    struct buf why;
    buf_init(&why, 1024);
    /* In one file, the key first; in two files; the certificate may be read by all. */
    const char *both = write_pem("both.pem", key, certificate, NULL, 0640);
    struct secret *assertion = sign(both, NULL, false, &why);
    assert_non_null(assertion);
    check_assertion(assertion, first);
    secret_unref(&assertion);
    const char *public = write_pem("public.pem", NULL, certificate, NULL, 0644);
    const char *private = write_pem("private.pem", key, NULL, NULL, 0600);
    assertion = sign(public, private, false, &why);
    assert_non_null(assertion);
    check_assertion(assertion, second);
    secret_unref(&assertion);
    assert_string_not_equal(first, second);
    assert_int_equal(why.len, 0);
    assert_true(chmod(private, 0644) == 0);
    assertion = sign(public, private, true, &why);
    assert_non_null(assertion);
    secret_unref(&assertion);
    buf_done(&why);
}

static void refuse(const char *certificate_file, const char *key_file, const char *expected) {
    struct buf why, sentence;
    buf_init(&why, 1024);
    buf_init(&sentence, 1024);
    assert_null(sign(certificate_file, key_file, false, &why));
    for (const char *at = buf_text(&why).at; *at; at++) {
        if (strncmp(at, scratch, strlen(scratch)) == 0) {
            buf_add_char(&sentence, '@');
            at += strlen(scratch);
        }
        buf_add_char(&sentence, *at);
    }
    assert_string_equal(buf_text(&sentence).at, expected);
    buf_done(&why);
    buf_done(&sentence);
}

static void says_what_is_wrong_with_the_files(void **state) {
    (void)state;
    char public[128], private[128];
    strcpy(public, write_pem("public.pem", NULL, certificate, NULL, 0644));
    strcpy(private, write_pem("private.pem", key, NULL, NULL, 0600));
    refuse(scratch_path("none.pem"), NULL,
           "@/none.pem cannot be opened: No such file or directory");
    refuse(public, scratch_path("none.key"),
           "@/none.key cannot be opened: No such file or directory");
    refuse(private, NULL, "@/private.pem holds no certificate in PEM form");
    refuse(public, public, "@/public.pem is open to every user (mode 0644); expected chmod o-rwx");
    assert_true(chmod(public, 0600) == 0);
    refuse(public, NULL, "@/public.pem holds no private key in PEM form");
    refuse(scratch_write("garbage.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n", 0600), private,
           "@/garbage.pem holds no certificate in PEM form");
    refuse(public, scratch_write("empty.key", "", 0600),
           "@/empty.key holds no private key in PEM form");
    refuse(public, write_pem("other.key", other_key, NULL, NULL, 0600),
           "the key in @/other.key is not that of the certificate in @/public.pem");
    refuse(public, write_pem("open.key", key, NULL, NULL, 0604),
           "@/open.key is open to every user (mode 0604); expected chmod o-rwx");
    refuse(write_pem("open.pem", key, certificate, NULL, 0602), NULL,
           "@/open.pem is open to every user (mode 0602); expected chmod o-rwx");
}

static void never_asks_for_a_passphrase(void **state) {
    (void)state;
    char public[128];
    strcpy(public, write_pem("public.pem", NULL, certificate, NULL, 0644));
    refuse(public, write_pem("encrypted.key", key, NULL, "passphrase", 0600),
           "@/encrypted.key holds a key that is encrypted; expected one without a passphrase");
    /* the old form, which says it in a header */
    const char *path = scratch_write("old.key", "", 0600);
    BIO *file = BIO_new_file(path, "w");
    assert_int_equal(PEM_write_bio_PrivateKey_traditional(file, key, EVP_aes_128_cbc(),
                                                          (const unsigned char *)"pass", 4, NULL,
                                                          NULL),
                     1);
    assert_int_equal(BIO_free(file), 1);
    refuse(public, path,
           "@/old.key holds a key that is encrypted; expected one without a passphrase");
}

static void takes_large_rsa_keys_only(void **state) {
    (void)state;
    EVP_PKEY *small = EVP_RSA_gen(1024), *curve = EVP_EC_gen("P-256");
    X509 *small_certificate = make_certificate(small), *curve_certificate = make_certificate(curve);
    refuse(write_pem("small.pem", small, small_certificate, NULL, 0600), NULL,
           "@/small.pem holds an RSA key of 1024 bits; expected 2048 at least");
    refuse(write_pem("curve.pem", curve, curve_certificate, NULL, 0600), NULL,
           "@/curve.pem holds a key that is not RSA, the only kind that Entra takes");
    EVP_PKEY_free(small);
    EVP_PKEY_free(curve);
    X509_free(small_certificate);
    X509_free(curve_certificate);
}

/* --- requests -----------------------------------------------------------------------------------
 */

static void asks_with_a_secret(void **state) {
    (void)state;
    struct azure_request r;
    struct secret *secret = secret_new(TEXT("a~b+c/d="));
    assert_true(entra_secret_request("https://login.microsoftonline.com", "contoso.example",
                                     "client", "https://ml.azure.com/.default", secret, &r));
    assert_int_equal(r.method, METHOD_POST);
    assert_int_equal(r.reach, AZURE_REACH_CLOUD);
    assert_string_equal(r.url.at,
                        "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token");
    assert_string_equal(r.content_type, "application/x-www-form-urlencoded");
    assert_string_equal(r.body.at, "client_id=client&grant_type=client_credentials&scope="
                                   "https%3A%2F%2Fml.azure.com%2F.default&client_secret="
                                   "a~b%2Bc%2Fd%3D");
    assert_int_equal(r.fields.len, 0);
    assert_ptr_equal(r.hidden[0], secret);
    azure_request_done(&r);
    secret_unref(&secret);
}

static void asks_with_an_assertion(void **state) {
    (void)state;
    struct azure_request r;
    struct secret *assertion = secret_new(TEXT("e30.e30.c2ln"));
    assert_true(entra_assertion_request("https://h/", "t/../x", "c&d", "s", assertion, &r));
    assert_string_equal(r.url.at, "https://h/t%2F..%2Fx/oauth2/v2.0/token");
    assert_string_equal(r.body.at,
                        "client_id=c%26d&grant_type=client_credentials&scope=s&"
                        "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type"
                        "%3Ajwt-bearer&client_assertion=e30.e30.c2ln");
    assert_ptr_equal(r.hidden[0], assertion);
    azure_request_done(&r);
    secret_unref(&assertion);
}

static void asks_with_a_certificate(void **state) {
    (void)state;
    char id[40];
    struct azure_request r;
    struct azure_error error;
    struct config_identity identity = {
        .tenant = (char[]){"tenant"},
        .client_id = (char[]){"client \"1\""},
        .certificate = (char *)(uintptr_t)write_pem("app.pem", key, certificate, NULL, 0600)};
    assert_true(
        entra_certificate_request(&identity, "https://login.example", "s", NOW, false, &r, &error));
    assert_string_equal(r.url.at, AUDIENCE);
    check_assertion(r.hidden[0], id);
    struct text assertion = secret_expose(r.hidden[0]), body = buf_text(&r.body);
    assert_true(text_equal(text_skip(body, body.len - assertion.len), assertion));
    azure_request_done(&r);

    assert_true(chmod(identity.certificate, 0644) == 0);
    assert_false(
        entra_certificate_request(&identity, "https://login.example", "s", NOW, false, &r, &error));
    assert_int_equal(error.failure, AZURE_UNUSABLE);
    assert_non_null(strstr(error.message, "app.pem is open to every user"));
    assert_null(r.url.at);
    assert_true(
        entra_certificate_request(&identity, "https://login.example", "s", NOW, true, &r, &error));
    azure_request_done(&r);

    /* A long path is told as what it is, cut. */
    static char path[4000];
    memset(path, 'p', sizeof path - 1);
    path[0] = '/';
    identity.certificate = path;
    assert_false(
        entra_certificate_request(&identity, "https://login.example", "s", NOW, false, &r, &error));
    assert_int_equal(error.failure, AZURE_UNUSABLE);
    assert_true(text_starts(text_of(error.message), TEXT("/ppp")));
}

static void fails_where_there_is_no_room(void **state) {
    (void)state;
    static char large[70000];
    memset(large, '%', sizeof large - 1);
    struct azure_request r;
    struct azure_error error;
    struct secret *secret = secret_new(text_of(large));
    assert_false(entra_secret_request("https://h", "t", "c", "s", secret, &r));
    assert_null(r.hidden[0]);
    assert_false(entra_assertion_request("https://h", large, "c", "s", secret, &r));
    assert_null(r.url.at);
    secret_unref(&secret);
    struct config_identity identity = {.tenant = large, .client_id = large, .certificate = large};
    assert_false(entra_certificate_request(&identity, "https://h", "s", NOW, false, &r, &error));
    assert_int_equal(error.failure, AZURE_NO_MEMORY);
}

/* --- clouds -------------------------------------------------------------------------------------
 */

static void knows_the_clouds(void **state) {
    (void)state;
    static const char *const rows[][5] = {
        [CLOUD_PUBLIC] = {"https://login.microsoftonline.com", "https://management.azure.com",
                          "https://management.azure.com", "https://ml.azure.com",
                          "https://vault.azure.net"},
        [CLOUD_CHINA] = {"https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn",
                         "https://management.chinacloudapi.cn", "https://ml.azure.cn",
                         "https://vault.azure.cn"},
        [CLOUD_USGOV] = {"https://login.microsoftonline.us", "https://management.usgovcloudapi.net",
                         "https://management.usgovcloudapi.net", "https://ml.azure.us",
                         "https://vault.usgovcloudapi.net"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct config_azure azure = {.cloud = (enum config_cloud)i};
        assert_string_equal(cloud_authority(&azure), rows[i][0]);
        assert_string_equal(cloud_management(&azure), rows[i][1]);
        assert_string_equal(cloud_management_resource(&azure), rows[i][2]);
        assert_string_equal(cloud_ml_resource(&azure), rows[i][3]);
        assert_string_equal(cloud_vault_resource(&azure), rows[i][4]);
        assert_string_equal(cloud_imds(&azure), "http://169.254.169.254");
    }
    const struct config_azure own = {.authority = (char[]){"https://a"},
                                     .management = (char[]){"https://m"},
                                     .imds = (char[]){"http://i"}};
    assert_string_equal(cloud_authority(&own), "https://a");
    assert_string_equal(cloud_management(&own), "https://m");
    assert_string_equal(cloud_imds(&own), "http://i");
    /* What the token is for stays. */
    assert_string_equal(cloud_management_resource(&own), "https://management.azure.com");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_with_the_certificates_key),
        cmocka_unit_test(says_what_is_wrong_with_the_files),
        cmocka_unit_test(never_asks_for_a_passphrase),
        cmocka_unit_test(takes_large_rsa_keys_only),
        cmocka_unit_test(asks_with_a_secret),
        cmocka_unit_test(asks_with_an_assertion),
        cmocka_unit_test(asks_with_a_certificate),
        cmocka_unit_test(fails_where_there_is_no_room),
        cmocka_unit_test(knows_the_clouds),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
