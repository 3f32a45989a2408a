/* SPDX-License-Identifier: MIT */
/* The secrets of base/secret.h. Each lives in pages of its own, locked into memory and left out of
 * core dumps where the kernel allows both. */
#include "base/secret.h"

#include "base/random.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct secret {
    atomic_int references;
    size_t mapped;
    size_t len;
    char bytes[];
};

struct secret *secret_new(struct text value) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = sizeof(struct secret) + value.len + 1;
    size_t mapped = (size + page - 1) / page * page;
    struct secret *s =
        mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        return NULL;
    /* Neither is a reason to fail: both are limits of the machine. */
    (void)mlock(s, mapped);
    (void)madvise(s, mapped, MADV_DONTDUMP);
    atomic_init(&s->references, 1);
    s->mapped = mapped;
    s->len = value.len;
    if (value.len)
        memcpy(s->bytes, value.at, value.len);
    s->bytes[value.len] = '\0';
    return s;
}

struct secret *secret_ref(struct secret *s) {
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}

void secret_unref(struct secret **pointer) {
    struct secret *s = *pointer;
    *pointer = NULL;
    if (!s || atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1)
        return;
    size_t mapped = s->mapped;
    explicit_bzero(s, mapped);
    munmap(s, mapped);
}

struct text secret_expose(const struct secret *s) {
    return (struct text){s->bytes, s->len};
}

bool secret_same(const struct secret *a, const struct secret *b) {
    return a == b || (a && b && text_equal(secret_expose(a), secret_expose(b)));
}

static unsigned char salt[32];

static void make_salt(void) {
    random_bytes(salt, sizeof salt);
}

void secret_fingerprint(const struct secret *s, char into[SECRET_FINGERPRINT_SIZE]) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    pthread_once(&once, make_salt);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(ctx, salt, sizeof salt) == 1 &&
              EVP_DigestUpdate(ctx, s->bytes, s->len) == 1 &&
              EVP_DigestFinal_ex(ctx, digest, &len) == 1;
    EVP_MD_CTX_free(ctx);
    if (ok)
        snprintf(into, SECRET_FINGERPRINT_SIZE, "%02x%02x%02x%02x", digest[0], digest[1], digest[2],
                 digest[3]);
    else
        snprintf(into, SECRET_FINGERPRINT_SIZE, "unknown");
}
