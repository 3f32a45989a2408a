/* SPDX-License-Identifier: MIT */
/* The only file that knows OpenSSL's API for connections: the store of trusted certificates and
 * what libcurl leaves to its SSL_CTX callback. */
#include "upstream/trust.h"

#include "upstream/crypto.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where distributions keep the bundle of CA certificates; the first that exists is taken. The
 * environment (SSL_CERT_FILE and its kin) is not asked. */
static const char *const system_bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt", /* Debian, Ubuntu */
    "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
    "/etc/ssl/ca-bundle.pem",             /* openSUSE */
    "/etc/ssl/cert.pem",                  /* Alpine */
};

/* What a file was when it was read; all zero: there was none. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

struct trust {
    atomic_int references;
    struct config_tls tls;
    X509_STORE *store;
    struct stamp authorities, certificate, key;
};

static char *copy(const char *string, bool *failed) {
    if (!string)
        return NULL;
    char *duplicate = strdup(string);
    *failed |= !duplicate;
    return duplicate;
}

static void say_openssl(struct buf *error, const char *what, const char *file) {
    unsigned long first = ERR_peek_error(), last = ERR_peek_last_error();
    const char *why = ERR_SYSTEM_ERROR(first) ? strerror(ERR_GET_REASON(first))
                      : last                  ? ERR_reason_error_string(last)
                                              : NULL;
    buf_addf(error, "%s \"%s\": %s", what, file, why ? why : "cannot be read");
    ERR_clear_error();
}

/* As libcurl does: an intermediate in the store is trusted in its own right. */
static void set_store_flags(X509_STORE *store) {
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
}

/* OpenSSL reads a certificate's extensions when it first looks at it and keeps them there: now,
 * while no other thread knows the store, and not in the midst of two handshakes. */
static void read_extensions(X509_STORE *store) {
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (certificate)
            (void)X509_check_purpose(certificate, -1, 0);
    }
}

static void prepare_store(X509_STORE *store) {
    set_store_flags(store);
    read_extensions(store);
}

/* NULL: the machine has none. */
static const char *authorities_file(const struct trust *t) {
    const char *file = t->tls.ca_file;
    for (size_t i = 0; !file && i < ARRAY_LEN(system_bundles); i++)
        if (access(system_bundles[i], R_OK) == 0)
            file = system_bundles[i];
    return file;
}

static struct stamp stamp_of(const char *file) {
    struct stat s;
    if (!file || stat(file, &s) != 0)
        return (struct stamp){0};
    return (struct stamp){s.st_dev, s.st_ino, s.st_size, s.st_mtim, s.st_ctim};
}

static bool same_time(struct timespec a, struct timespec b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_stamp(struct stamp a, struct stamp b) {
    return a.device == b.device && a.inode == b.inode && a.size == b.size &&
           same_time(a.modified, b.modified) && same_time(a.changed, b.changed);
}

bool trust_is_current(const struct trust *t) {
    return same_stamp(t->authorities, stamp_of(authorities_file(t))) &&
           same_stamp(t->certificate, stamp_of(t->tls.client_certificate)) &&
           same_stamp(t->key, stamp_of(t->tls.client_key));
}

/* Before they are read: what changes meanwhile is seen to have changed. */
static void take_stamps(struct trust *t) {
    t->authorities = stamp_of(authorities_file(t));
    t->certificate = stamp_of(t->tls.client_certificate);
    t->key = stamp_of(t->tls.client_key);
}

static bool load_store(struct trust *t, struct buf *error) {
    const char *file = authorities_file(t);
    if (!file) {
        buf_add_string(error, "no CA certificates on this machine; install ca-certificates or set "
                              "tls.ca_file");
        return false;
    }
    t->store = X509_STORE_new();
    if (!t->store || X509_STORE_load_file(t->store, file) != 1) {
        say_openssl(error, "no CA certificate can be loaded from", file);
        return false;
    }
    prepare_store(t->store);
    return true;
}

/* Tries the client certificate now, so that a wrong one is an error at the start and not a 502. */
static bool check_client(const struct config_tls *tls, struct buf *error) {
    if (!tls->client_certificate)
        return true;
    const char *key = tls->client_key ? tls->client_key : tls->client_certificate;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    bool ok = false;
    if (!ctx)
        buf_add_string(error, "out of memory");
    else if (SSL_CTX_use_certificate_chain_file(ctx, tls->client_certificate) != 1)
        say_openssl(error, "no certificate can be loaded from", tls->client_certificate);
    else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        say_openssl(error, "no private key that fits the certificate can be loaded from", key);
    else
        ok = true;
    SSL_CTX_free(ctx);
    return ok;
}

/* A certificate that OpenSSL had no memory to read whole stays in the store and is of no use. */
static bool is_whole(unsigned long refusals_before, struct buf *error) {
    if (crypto_refusals() == refusals_before)
        return true;
    buf_add_string(error, "out of memory");
    return false;
}

struct trust *trust_new(const struct config_tls *tls, struct buf *error) {
    struct trust *t = calloc(1, sizeof *t);
    bool failed = !t;
    if (t) {
        atomic_init(&t->references, 1);
        t->tls = *tls;
        t->tls.ca_file = copy(tls->ca_file, &failed);
        t->tls.client_certificate = copy(tls->client_certificate, &failed);
        t->tls.client_key = copy(tls->client_key, &failed);
        t->tls.pin = copy(tls->pin, &failed);
    }
    unsigned long before = crypto_refusals();
    if (failed)
        buf_add_string(error, "out of memory");
    else
        take_stamps(t);
    if (failed || !load_store(t, error) || !check_client(tls, error) || !is_whole(before, error))
        trust_unref(&t);
    return t;
}

/* Adds the certificates of PEM; how many, or -1 at the first thing that cannot be read. */
static int add_certificates(X509_STORE *store, BIO *pem) {
    int count = 0;
    for (X509 *x509; (x509 = PEM_read_bio_X509(pem, NULL, NULL, NULL)); count++) {
        bool added = X509_STORE_add_cert(store, x509) == 1;
        X509_free(x509);
        if (!added)
            return -1;
    }
    /* The end of the text looks like this. */
    bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return end ? count : -1;
}

struct trust *trust_new_pem(struct text pem, struct buf *error) {
    unsigned long before = crypto_refusals();
    struct trust *t = calloc(1, sizeof *t);
    BIO *bio = pem.len && pem.len <= INT_MAX ? BIO_new_mem_buf(pem.at, (int)pem.len) : NULL;
    if (t) {
        atomic_init(&t->references, 1);
        t->tls.min_version = 12;
        t->store = X509_STORE_new();
    }
    if (!t || !t->store) {
        buf_add_string(error, "out of memory");
        trust_unref(&t);
    } else if (!bio || add_certificates(t->store, bio) <= 0) {
        buf_add_string(error, "no certificate, or a broken one, where the authorities should be");
        trust_unref(&t);
    } else {
        prepare_store(t->store);
        if (!is_whole(before, error))
            trust_unref(&t);
    }
    BIO_free(bio);
    return t;
}

struct trust *trust_ref(struct trust *t) {
    atomic_fetch_add_explicit(&t->references, 1, memory_order_relaxed);
    return t;
}

void trust_unref(struct trust **pointer) {
    struct trust *t = *pointer;
    *pointer = NULL;
    if (!t || atomic_fetch_sub_explicit(&t->references, 1, memory_order_acq_rel) != 1)
        return;
    X509_STORE_free(t->store);
    free(t->tls.ca_file);
    free(t->tls.client_certificate);
    free(t->tls.client_key);
    free(t->tls.pin);
    free(t);
}

const struct config_tls *trust_tls(const struct trust *t) {
    return &t->tls;
}

bool trust_is_of(const struct trust *t, const struct config_tls *tls) {
    return t->tls.min_version == tls->min_version && t->tls.max_version == tls->max_version &&
           string_same(t->tls.ca_file, tls->ca_file) &&
           string_same(t->tls.client_certificate, tls->client_certificate) &&
           string_same(t->tls.client_key, tls->client_key) && string_same(t->tls.pin, tls->pin);
}

void trust_prepare(struct trust *t, void *ssl_ctx) {
    SSL_CTX *ctx = ssl_ctx;
    /* A verify store goes before the context's own store, which libcurl fills and caches; so
     * libcurl never writes to the one that all threads share. */
    SSL_CTX_set1_verify_cert_store(ctx, t->store);
    /* Without partial writes a send of more than a record can say "again" after bytes have left. */
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_clear_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
    /* libcurl takes a bare FIN for a good end; trust_closed_cleanly() must not. */
    SSL_CTX_clear_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
}

void trust_read_ahead(void *ssl) {
    SSL_set_read_ahead(ssl, 1);
}

bool trust_closed_cleanly(const void *ssl) {
    return ssl && (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN);
}

bool trust_has_pending(const void *ssl) {
    return ssl && SSL_has_pending(ssl);
}

/* --- the end of a connection -------------------------------------------------------------------
 */

/* The connection has a share in it, and whoever watches. Both belong to one thread. */
struct trust_end {
    unsigned references;
    bool clean;
};

static int end_index = -1;
static pthread_once_t end_index_once = PTHREAD_ONCE_INIT;

void trust_end_free(struct trust_end **pointer) {
    struct trust_end *end = *pointer;
    *pointer = NULL;
    if (end && --end->references == 0)
        free(end);
}

static void on_ssl_free(void *ssl, void *end, CRYPTO_EX_DATA *data, int index, long argl,
                        void *argp) {
    (void)ssl, (void)data, (void)index, (void)argl, (void)argp;
    trust_end_free(&(struct trust_end *){end});
}

static void make_end_index(void) {
    end_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_ssl_free);
}

static void on_info(const SSL *ssl, int where, int what) {
    struct trust_end *end = SSL_get_ex_data(ssl, end_index);
    if (end && where == SSL_CB_READ_ALERT && (what & 0xff) == SSL_AD_CLOSE_NOTIFY)
        end->clean = true;
}

struct trust_end *trust_end_watch(void *ssl) {
    pthread_once(&end_index_once, make_end_index);
    struct trust_end *old = SSL_get_ex_data(ssl, end_index);
    struct trust_end *end = calloc(1, sizeof *end);
    if (!end)
        return NULL;
    if (SSL_set_ex_data(ssl, end_index, end) != 1) {
        free(end);
        return NULL;
    }
    trust_end_free(&old);
    end->references = 2;
    SSL_set_info_callback(ssl, on_info);
    return end;
}

bool trust_end_was_clean(const struct trust_end *end) {
    return end->clean;
}
