/* SPDX-License-Identifier: MIT */
/* The demo's token service and its endpoint out of any bytes. As a bearer none of them is good, for
 * they cannot be signed; as the claims of a token that is signed, they are judged. As a form their
 * values come out as they went in when they are encoded again. */
#include "azure/jwt.h"
#include "base/json.h"
#include "cli/demo_entra.h"
#include "cli/demo_form.h"
#include "cli/demo_token.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())
#define NOW_S           INT64_C(1767225600)

static const struct demo_token_key key = {"0123456789abcdef0123456789abcdef"};

/* A header of ours, CLAIMS, and the right signature. */
static void check_claims(struct text claims) {
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = sizeof mac;
    struct buf token;
    buf_init(&token, 2 * claims.len + 1024);
    base64url_add(&token, TEXT("{\"alg\":\"HS256\"}"));
    buf_add_char(&token, '.');
    base64url_add(&token, claims);
    MUST(HMAC(EVP_sha256(), key.bytes, sizeof key.bytes, (const unsigned char *)token.at, token.len,
              mac, &len));
    buf_add_char(&token, '.');
    base64url_add(&token, (struct text){(const char *)mac, len});
    MUST(buf_ok(&token));
    struct json *document = json_parse(claims, 4);
    enum demo_verdict verdict = demo_token_check(&key, buf_text(&token), NOW_S);
    MUST(verdict == DEMO_TOKEN_DENIED || json_is_object(document));
    json_free(&document);
    buf_done(&token);
}

enum { A, GRANT_TYPE, FIELDS };

static void add_escaped(struct buf *form, struct text value) {
    for (size_t i = 0; i < value.len; i++)
        buf_addf(form, "%%%02x", (unsigned char)value.at[i]);
}

static void check_form(struct text body) {
    struct demo_field fields[FIELDS] = {{.name = "a"}, {.name = "grant_type"}};
    struct demo_field again[FIELDS] = {{.name = "a"}, {.name = "grant_type"}};
    struct buf form;
    buf_init(&form, 8 * DEMO_FORM_VALUE_MAX);
    if (demo_form_read(body, fields, FIELDS)) {
        for (int i = 0; i < FIELDS; i++) {
            MUST(text_find(buf_text(&fields[i].value), '\0') == fields[i].value.len);
            buf_addf(&form, fields[i].given ? "&%s=" : "&b%s=", fields[i].name);
            add_escaped(&form, buf_text(&fields[i].value));
        }
        MUST(demo_form_read(buf_text(&form), again, FIELDS));
        for (int i = 0; i < FIELDS; i++)
            MUST(again[i].given == fields[i].given &&
                 text_equal(buf_text(&again[i].value), buf_text(&fields[i].value)));
    }
    demo_form_done(fields, FIELDS);
    demo_form_done(again, FIELDS);
    buf_done(&form);
}

/* Whatever is asked, the answer is JSON, and a token is only for who has the secret. */
static void check_answer(struct text body) {
    struct demo_entra entra = {
        .client_id = "id", .client_secret = secret_new(TEXT("s+")), .lifetime_s = 2, .key = key};
    struct text token;
    struct buf answer;
    buf_init(&answer, 65536);
    unsigned status =
        demo_entra_answer(&entra, TEXT("application/x-www-form-urlencoded"), body, NOW_S, &answer);
    struct json *document = json_parse(buf_text(&answer), 2);
    bool given = json_string(json_member(document, "access_token"), &token);
    MUST(json_is_object(document) && given == (status == 200));
    if (given)
        MUST(demo_token_check(&key, token, NOW_S) == DEMO_TOKEN_GOOD);
    else
        MUST(status == 400 || status == 401);
    json_free(&document);
    buf_wipe(&answer);
    secret_unref(&entra.client_secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text t = {(const char *)data, size};
    MUST(demo_token_check(&key, t, NOW_S) == DEMO_TOKEN_DENIED);
    check_claims(t);
    check_form(t);
    check_answer(t);
    return 0;
}
