/* SPDX-License-Identifier: MIT */
/* Signing assertions, as azure/assertion.h says: the only file of this folder that knows OpenSSL.
 */
#include "azure/assertion.h"

#include "azure/jwt.h"
#include "base/json.h"
#include "base/random.h"
#include "config/file.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#define PEM_MAX       ((size_t)256 * 1024) /* a chain and a key */
#define ASSERTION_MAX ((size_t)16 * 1024)
#define LIFETIME_S    600
#define SALT_LEN      32 /* PS256: as long as the digest (RFC 7518 section 3.5) */
#define KEY_BITS_MIN  2048

/* --- certificate and key ------------------------------------------------------------------------
 */

/* OpenSSL would ask the terminal. */
static int refuse_passphrase(char *into, int size, int writing, void *asked) {
    (void)into;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

/* The content of PATH in CONTENT. SECRET: it holds the key, and others must not read it. */
static bool read_pem(const char *path, bool secret, struct buf *content, struct buf *why) {
    struct file_facts facts;
    struct buf reason;
    buf_init(&reason, 512);
    bool ok = file_read(path, content, &facts, &reason);
    if (!ok)
        buf_addf(why, "%s %s", path, buf_text(&reason).at);
    buf_done(&reason);
    if (!ok || !secret || !(facts.mode & (S_IROTH | S_IWOTH)))
        return ok;
    buf_addf(why, "%s is open to every user (mode %04o); expected chmod o-rwx", path,
             (unsigned)(facts.mode & 07777));
    return false;
}

static X509 *parse_certificate(const struct buf *pem, const char *path, struct buf *why) {
    BIO *bio = BIO_new_mem_buf(buf_text(pem).at, (int)pem->len);
    bool asked = false;
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, refuse_passphrase, &asked) : NULL;
    BIO_free(bio);
    if (!certificate)
        buf_addf(why, "%s holds no certificate in PEM form", path);
    return certificate;
}

static bool key_is_fit(const EVP_PKEY *key, const char *path, struct buf *why) {
    if (!EVP_PKEY_is_a(key, "RSA"))
        buf_addf(why, "%s holds a key that is not RSA, the only kind that Entra takes", path);
    else if (EVP_PKEY_get_bits(key) < KEY_BITS_MIN)
        buf_addf(why, "%s holds an RSA key of %d bits; expected %d at least", path,
                 EVP_PKEY_get_bits(key), KEY_BITS_MIN);
    else
        return true;
    return false;
}

static EVP_PKEY *parse_key(const struct buf *pem, const char *path, struct buf *why) {
    BIO *bio = BIO_new_mem_buf(buf_text(pem).at, (int)pem->len);
    bool asked = false;
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &asked) : NULL;
    BIO_free(bio);
    if (asked)
        buf_addf(why, "%s holds a key that is encrypted; expected one without a passphrase", path);
    else if (!key)
        buf_addf(why, "%s holds no private key in PEM form", path);
    if (key && !key_is_fit(key, path, why)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

struct signer {
    X509 *certificate;
    EVP_PKEY *key;
};

static void signer_done(struct signer *s) {
    X509_free(s->certificate);
    EVP_PKEY_free(s->key);
}

static bool signer_load(struct signer *s, const char *certificate_file, const char *key_file,
                        bool insecure_permissions, struct buf *why) {
    const char *key_path = key_file ? key_file : certificate_file;
    struct buf pem, key_pem;
    buf_init(&pem, PEM_MAX);
    buf_init(&key_pem, PEM_MAX);
    bool ok = read_pem(certificate_file, !key_file && !insecure_permissions, &pem, why) &&
              (!key_file || read_pem(key_file, !insecure_permissions, &key_pem, why));
    if (ok)
        s->certificate = parse_certificate(&pem, certificate_file, why);
    if (s->certificate)
        s->key = parse_key(key_file ? &key_pem : &pem, key_path, why);
    ok = s->key && X509_check_private_key(s->certificate, s->key) == 1;
    if (s->key && !ok)
        buf_addf(why, "the key in %s is not that of the certificate in %s", key_path,
                 certificate_file);
    buf_wipe(&pem);
    buf_wipe(&key_pem);
    return ok;
}

/* --- the token ----------------------------------------------------------------------------------
 */

static bool add_header(struct buf *b, const X509 *certificate) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct buf header;
    if (X509_digest(certificate, EVP_sha256(), digest, &len) != 1)
        return false;
    buf_init(&header, ASSERTION_MAX);
    buf_add_string(&header, "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"");
    base64url_add(&header, (struct text){(const char *)digest, len});
    buf_add_string(&header, "\"}");
    bool ok = buf_ok(&header);
    base64url_add(b, buf_text(&header));
    buf_done(&header);
    return ok;
}

static bool add_claims(struct buf *b, const struct assertion_claims *claims) {
    char id[RANDOM_UUID_LEN + 1];
    struct buf json;
    random_uuid(id);
    buf_init(&json, ASSERTION_MAX);
    buf_add_string(&json, "{\"aud\":");
    json_add_string(&json, text_of(claims->audience));
    buf_add_string(&json, ",\"iss\":");
    json_add_string(&json, text_of(claims->client_id));
    buf_add_string(&json, ",\"sub\":");
    json_add_string(&json, text_of(claims->client_id));
    buf_addf(&json, ",\"jti\":\"%s\",\"nbf\":%lld,\"iat\":%lld,\"exp\":%lld}", id,
             (long long)claims->now_s, (long long)claims->now_s,
             (long long)claims->now_s + LIFETIME_S);
    bool ok = buf_ok(&json);
    base64url_add(b, buf_text(&json));
    buf_done(&json);
    return ok;
}

static bool start_pss(EVP_MD_CTX *ctx, EVP_PKEY *key) {
    EVP_PKEY_CTX *pss;
    return EVP_DigestSignInit(ctx, &pss, EVP_sha256(), NULL, key) == 1 &&
           EVP_PKEY_CTX_set_rsa_padding(pss, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(pss, SALT_LEN) == 1;
}

/* Appends "." and the signature of all that is in B. */
static bool add_signature(struct buf *b, EVP_PKEY *key) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct buf signature;
    size_t len = (size_t)EVP_PKEY_get_size(key);
    buf_init(&signature, len);
    char *at = buf_room(&signature, len);
    bool ok =
        ctx && at && buf_ok(b) && start_pss(ctx, key) &&
        EVP_DigestSign(ctx, (unsigned char *)at, &len, (const unsigned char *)b->at, b->len) == 1;
    if (ok) {
        buf_grew(&signature, len);
        buf_add_char(b, '.');
        base64url_add(b, buf_text(&signature));
    }
    EVP_MD_CTX_free(ctx);
    buf_wipe(&signature);
    return ok;
}

struct secret *assertion_new(const char *certificate_file, const char *key_file,
                             bool insecure_permissions, const struct assertion_claims *claims,
                             struct buf *why) {
    struct signer s = {NULL, NULL};
    struct secret *assertion = NULL;
    struct buf token;
    buf_init(&token, ASSERTION_MAX);
    if (signer_load(&s, certificate_file, key_file, insecure_permissions, why)) {
        bool ok = add_header(&token, s.certificate);
        buf_add_char(&token, '.');
        if (ok && add_claims(&token, claims) && add_signature(&token, s.key) && buf_ok(&token))
            assertion = secret_new(buf_text(&token));
        if (!assertion)
            buf_addf(why, "an assertion could not be signed with the key of %s", certificate_file);
    }
    buf_wipe(&token);
    signer_done(&s);
    /* What went wrong is told; other users of this thread's queue must not find it. */
    ERR_clear_error();
    return assertion;
}
