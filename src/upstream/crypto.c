/* SPDX-License-Identifier: MIT */
/* What upstream/crypto.h says, by way of OpenSSL's own hooks for memory. */
#include "upstream/crypto.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_ulong refusals;

static void *noted(void *at, size_t n) {
    if (!at && n)
        atomic_fetch_add_explicit(&refusals, 1, memory_order_relaxed);
    return at;
}

static void *on_malloc(size_t n, const char *file, int line) {
    (void)file, (void)line;
    return noted(malloc(n), n);
}

static void *on_realloc(void *at, size_t n, const char *file, int line) {
    (void)file, (void)line;
    return noted(realloc(at, n), n);
}

static void on_free(void *at, const char *file, int line) {
    (void)file, (void)line;
    free(at);
}

void crypto_watch_memory(void) {
    (void)CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free);
}

unsigned long crypto_refusals(void) {
    return atomic_load_explicit(&refusals, memory_order_relaxed);
}

/* A client hello that nobody gets: random numbers, groups, ciphers, signature algorithms. */
static void greet_nobody(void) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = ctx ? SSL_new(ctx) : NULL;
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    if (ssl && in && out) {
        SSL_set_bio(ssl, in, out);
        (void)SSL_connect(ssl);
    } else {
        BIO_free(in);
        BIO_free(out);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

/* The first look for one of a kind makes OpenSSL gather all of that kind. */
static void gather(void) {
    EVP_MD_free(EVP_MD_fetch(NULL, "SHA256", NULL));
    EVP_CIPHER_free(EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL));
    EVP_MAC_free(EVP_MAC_fetch(NULL, "HMAC", NULL));
    EVP_KDF_free(EVP_KDF_fetch(NULL, "TLS13-KDF", NULL));
    EVP_KEYMGMT_free(EVP_KEYMGMT_fetch(NULL, "EC", NULL));
    EVP_KEYEXCH_free(EVP_KEYEXCH_fetch(NULL, "ECDH", NULL));
    EVP_SIGNATURE_free(EVP_SIGNATURE_fetch(NULL, "RSA", NULL));
    EVP_ASYM_CIPHER_free(EVP_ASYM_CIPHER_fetch(NULL, "RSA", NULL));
}

void crypto_prepare(void) {
    greet_nobody();
    gather();
}
