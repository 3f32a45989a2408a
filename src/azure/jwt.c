/* SPDX-License-Identifier: MIT */
/* What azure/jwt.h reads of a JWT, and base64url. */
#include "azure/jwt.h"

#include "base/json.h"

/* Larger than any token that parse_is_credential() takes. */
#define PAYLOAD_MAX ((size_t)16 * 1024)
/* Claims are flat, but for a few objects of Entra's. */
#define PAYLOAD_DEPTH 16
/* Up to here a double holds every second. */
#define SECONDS_MAX 9007199254740992.0

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_add(struct buf *b, struct text bytes) {
    while (bytes.len) {
        uint32_t group = 0;
        size_t n = bytes.len < 3 ? bytes.len : 3;
        for (size_t i = 0; i < 3; i++)
            group = group << 8 | (i < n ? (unsigned char)bytes.at[i] : 0);
        for (size_t i = 0; i <= n; i++)
            buf_add_char(b, digits[group >> (18 - 6 * i) & 63]);
        bytes = text_skip(bytes, n);
    }
}

/* The value of up to four digits, first digit highest; false if one is none. */
static bool read_group(struct text t, uint32_t *group) {
    *group = 0;
    for (size_t i = 0; i < 4; i++) {
        const char *hit = digits;
        if (i < t.len)
            hit = t.at[i] ? strchr(digits, t.at[i]) : NULL;
        if (!hit)
            return false;
        *group = *group << 6 | (uint32_t)(hit - digits);
    }
    return true;
}

bool base64url_decode(struct buf *b, struct text t) {
    while (t.len) {
        uint32_t group;
        size_t n = t.len < 4 ? t.len : 4;
        /* Of a short group the bits that stand for nothing are zero. */
        if (n == 1 || !read_group((struct text){t.at, n}, &group) || (n == 2 && group & 0xffff) ||
            (n == 3 && group & 0xff))
            return false;
        for (size_t i = 0; i + 1 < n; i++)
            buf_add_char(b, (char)(group >> (16 - 8 * i) & 0xff));
        t = text_skip(t, n);
    }
    return buf_ok(b);
}

/* The middle of the three parts of TOKEN; an encrypted token (JWE) has five. */
static bool find_payload(struct text token, struct text *payload) {
    struct text rest = text_skip(token, text_find(token, '.') + 1);
    *payload = (struct text){rest.at, text_find(rest, '.')};
    struct text signature = text_skip(rest, payload->len);
    return signature.len && text_find(text_skip(signature, 1), '.') + 1 == signature.len;
}

bool jwt_expiry(struct text token, int64_t *expiry_s) {
    struct text payload;
    struct buf claims;
    double exp = 0;
    if (!find_payload(token, &payload))
        return false;
    buf_init(&claims, PAYLOAD_MAX);
    struct json *document =
        base64url_decode(&claims, payload) ? json_parse(buf_text(&claims), PAYLOAD_DEPTH) : NULL;
    bool good = json_number(json_member(document, "exp"), &exp) && exp >= 1 && exp < SECONDS_MAX;
    if (good)
        *expiry_s = (int64_t)exp;
    json_free(&document);
    buf_wipe(&claims);
    return good;
}
