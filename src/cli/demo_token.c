/* SPDX-License-Identifier: MIT */
/* Making and checking the demo's tokens. */
#include "cli/demo_token.h"

#include "azure/jwt.h"
#include "base/json.h"
#include "base/random.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define TOKEN_MAX  4096
#define CLAIMS_MAX 1024
#define DEPTH_MAX  4

/* The base64url of a MAC: 32 bytes in 43 digits. */
#define SIGNATURE_MAX 43

/* Appends the signature over SIGNED, encoded. */
static bool add_signature(const struct demo_token_key *key, struct text signed_part,
                          struct buf *into) {
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = sizeof mac;
    if (!HMAC(EVP_sha256(), key->bytes, sizeof key->bytes, (const unsigned char *)signed_part.at,
              signed_part.len, mac, &len))
        return false;
    base64url_add(into, (struct text){(const char *)mac, len});
    OPENSSL_cleanse(mac, sizeof mac);
    return buf_ok(into);
}

static void add_claims(struct buf *b, const struct demo_claims *c) {
    char id[RANDOM_UUID_LEN + 1];
    random_uuid(id);
    buf_add_string(b, "{\"aud\":\"" DEMO_TOKEN_AUDIENCE "\",\"iss\":\"" DEMO_TOKEN_ISSUER "\"");
    /* Whole seconds: one more, so that it lives as long as was said from any part of this one. */
    buf_addf(b, ",\"iat\":%" PRId64 ",\"nbf\":%" PRId64 ",\"exp\":%" PRId64 ",\"appid\":", c->now_s,
             c->now_s, c->now_s + c->lifetime_s + 1);
    json_add_string(b, text_of(c->client_id));
    buf_addf(b, ",\"jti\":\"%s\"}", id);
}

bool demo_token_make(const struct demo_token_key *key, const struct demo_claims *claims,
                     struct buf *token) {
    struct buf payload, made;
    buf_init(&payload, CLAIMS_MAX);
    buf_init(&made, TOKEN_MAX);
    add_claims(&payload, claims);
    base64url_add(&made, TEXT("{\"typ\":\"JWT\",\"alg\":\"HS256\"}"));
    buf_add_char(&made, '.');
    base64url_add(&made, buf_text(&payload));
    struct text signed_part = buf_text(&made);
    struct buf signature;
    buf_init(&signature, SIGNATURE_MAX);
    bool ok = buf_ok(&payload) && buf_ok(&made) && add_signature(key, signed_part, &signature);
    buf_add_char(&made, '.');
    buf_add_text(&made, buf_text(&signature));
    buf_add_text(token, buf_text(&made));
    ok = ok && buf_ok(&made) && buf_ok(token);
    buf_done(&payload);
    buf_done(&signature);
    buf_wipe(&made);
    return ok;
}

/* The three parts of a JWT as they are encoded, and the first two with their dot. */
struct parts {
    struct text header, payload, signature, signed_part;
};

static bool split(struct text token, struct parts *p) {
    if (token.len > TOKEN_MAX)
        return false;
    p->header = (struct text){token.at, text_find(token, '.')};
    struct text rest = text_skip(token, p->header.len + 1);
    p->payload = (struct text){rest.at, text_find(rest, '.')};
    p->signature = text_skip(rest, p->payload.len + 1);
    p->signed_part = (struct text){token.at, p->header.len + 1 + p->payload.len};
    return p->payload.len < rest.len && text_find(p->signature, '.') == p->signature.len;
}

static bool signature_good(const struct demo_token_key *key, const struct parts *p) {
    struct buf right;
    buf_init(&right, SIGNATURE_MAX);
    bool good = add_signature(key, p->signed_part, &right) && right.len == p->signature.len &&
                CRYPTO_memcmp(right.at, p->signature.at, right.len) == 0;
    buf_wipe(&right);
    return good;
}

/* The JSON object that PART encodes, or NULL. */
static struct json *decode(struct text part) {
    struct buf text;
    buf_init(&text, TOKEN_MAX);
    struct json *object =
        base64url_decode(&text, part) ? json_parse(buf_text(&text), DEPTH_MAX) : NULL;
    buf_wipe(&text);
    return object;
}

static bool says(const struct json *object, const char *name, struct text what) {
    struct text said;
    return json_string(json_member(object, name), &said) && text_equal(said, what);
}

static bool header_good(struct text part) {
    struct json *header = decode(part);
    bool good = says(header, "alg", TEXT("HS256"));
    json_free(&header);
    return good;
}

static enum demo_verdict judge(const struct json *claims, int64_t now_s) {
    double nbf, exp, now = (double)now_s;
    if (!says(claims, "aud", TEXT(DEMO_TOKEN_AUDIENCE)) ||
        !says(claims, "iss", TEXT(DEMO_TOKEN_ISSUER)) ||
        !json_number(json_member(claims, "nbf"), &nbf) ||
        !json_number(json_member(claims, "exp"), &exp) || !(now >= nbf))
        return DEMO_TOKEN_DENIED;
    return now < exp ? DEMO_TOKEN_GOOD : DEMO_TOKEN_EXPIRED;
}

enum demo_verdict demo_token_check(const struct demo_token_key *key, struct text token,
                                   int64_t now_s) {
    struct parts p;
    if (!split(token, &p) || !signature_good(key, &p) || !header_good(p.header))
        return DEMO_TOKEN_DENIED;
    struct json *claims = decode(p.payload);
    enum demo_verdict verdict = judge(claims, now_s);
    json_free(&claims);
    return verdict;
}
