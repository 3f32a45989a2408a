/* SPDX-License-Identifier: MIT */
/* Making a certificate with OpenSSL. */
#include "cli/demo_certificate.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define VALID_FOR_S  (24 * 60 * 60)
#define CLOCK_SKEW_S (60 * 60)

static const struct {
    int nid;
    const char *value;
} extensions[] = {
    {NID_basic_constraints, "critical,CA:TRUE"},
    {NID_key_usage, "critical,digitalSignature,keyCertSign"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1"},
    {NID_subject_key_identifier, "hash"},
};

static bool add_extensions(X509 *x509) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
        X509_EXTENSION *e =
            X509V3_EXT_conf_nid(NULL, &context, extensions[i].nid, extensions[i].value);
        bool ok = e && X509_add_ext(x509, e, -1);
        X509_EXTENSION_free(e);
        if (!ok)
            return false;
    }
    return true;
}

static bool set_serial(X509 *x509) {
    uint64_t serial;
    return RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial);
}

static bool set_names(X509 *x509) {
    X509_NAME *name = X509_get_subject_name(x509);
    static const unsigned char common_name[] = "scoregate demo";
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) &&
           X509_set_issuer_name(x509, name);
}

static bool fill_in(X509 *x509, EVP_PKEY *key) {
    return X509_set_version(x509, X509_VERSION_3) && set_serial(x509) &&
           X509_gmtime_adj(X509_getm_notBefore(x509), -CLOCK_SKEW_S) &&
           X509_gmtime_adj(X509_getm_notAfter(x509), VALID_FOR_S) && set_names(x509) &&
           X509_set_pubkey(x509, key) && add_extensions(x509) &&
           X509_sign(x509, key, EVP_sha256()) > 0;
}

static bool append(BIO *bio, struct buf *into) {
    char *pem;
    long n = BIO_get_mem_data(bio, &pem);
    if (n <= 0)
        return false;
    buf_add(into, pem, (size_t)n);
    return buf_ok(into);
}

bool demo_certificate_make(struct buf *certificate, struct buf *key) {
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    BIO *public = BIO_new(BIO_s_mem()), *private = BIO_new(BIO_s_secmem());
    bool ok = pair && x509 && public && private && fill_in(x509, pair) &&
              PEM_write_bio_X509(public, x509) &&
              PEM_write_bio_PKCS8PrivateKey(private, pair, NULL, NULL, 0, NULL, NULL) &&
              append(public, certificate) && append(private, key);
    BIO_free(public);
    BIO_free(private);
    X509_free(x509);
    EVP_PKEY_free(pair);
    return ok;
}
