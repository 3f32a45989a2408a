/* SPDX-License-Identifier: MIT */
/* Hosts and origins out of any bytes. Input: a byte that picks the configuration, then a head as in
 * tests/head_text.h. No origin is served, and none reflected, that the configuration does not list;
 * no host is ours that is not one of a few known names or an address. */
#include "policy/access.h"
#include "policy/cors.h"

#include "../head_text.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())

static char listed_origin[] = "https://ok.example", any[] = "*", field[] = "X-Trace";
static char *origins[] = {listed_origin, any};
static char *fields[] = {field, any};
static const unsigned char local[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 5};

/* Bits of PICK: which origins, credentials, private networks, which fields, exposed fields. */
static struct cors configured(uint8_t pick) {
    return (struct cors){
        .origins = pick & 1 ? origins + 1 : origins,
        .origin_count = 1,
        .credentials = pick & 2,
        .private_network = pick & 4,
        .headers = pick & 8 ? fields + 1 : fields,
        .header_count = 1,
        .expose = fields,
        .expose_count = pick & 16 ? 1 : 0,
        .max_age_s = 600,
    };
}

static void check_host(struct text host) {
    static const char *const names[] = {"score.internal"};
    char copy[64];
    unsigned char binary[16];
    if (!access_host_is_ours(host, names, 1, local))
        return;
    if (text_equal_nocase(host, TEXT("localhost")) || text_equal_nocase(host, text_of(names[0])))
        return;
    MUST(host.len < sizeof copy);
    memcpy(copy, host.at, host.len);
    copy[host.len] = '\0';
    MUST(strlen(copy) == host.len);
    if (inet_pton(AF_INET, copy, binary) == 1)
        MUST(binary[0] == 127 || memcmp(binary, local + 12, 4) == 0);
    else
        MUST(inet_pton(AF_INET6, copy, binary) == 1);
}

static void check_origin_fields(const struct cors *c, const struct head *h, bool allowed,
                                bool preflight) {
    struct cors_field got[CORS_FIELDS_MAX];
    struct buf scratch;
    buf_init(&scratch, 64 * 1024);
    size_t n = cors_fields(c, h, preflight, METHOD_GET | METHOD_POST, &scratch, got);
    MUST(n <= CORS_FIELDS_MAX);
    bool vary = false, origin = false;
    for (size_t i = 0; i < n; i++) {
        const struct text value = got[i].value;
        MUST(parse_is_field_value(value) && value.at[value.len] == '\0');
        vary = vary || strcmp(got[i].name, "Vary") == 0;
        if (strcmp(got[i].name, "Access-Control-Allow-Origin") != 0)
            continue;
        MUST(!origin);
        origin = true;
        MUST(text_equal(value, text_of(c->origins[0])));
        MUST(!(c->credentials && text_equal(value, TEXT("*"))));
    }
    MUST(vary || text_equal(text_of(c->origins[0]), TEXT("*")));
    MUST(allowed || !origin);
    MUST(origin || n == (vary ? 1 : 0));
    MUST(!allowed || preflight || origin);
    buf_done(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    const struct cors c = configured(data[0]);
    const struct text rest = {(const char *)data + 1, size - 1};
    check_host(rest);
    (void)cors_origin_valid(rest);

    struct head_text t;
    head_text_read(&t, rest);
    if (head_check(&t.head) != REASON_NONE)
        return 0;
    if (t.head.host.at)
        check_host(t.head.host);
    enum cors_verdict verdict = cors_decide(&c, &t.head);
    bool listed = text_equal(t.head.origin, text_of(listed_origin));
    if (verdict == CORS_ALLOWED)
        MUST(data[0] & 1 ? !c.credentials : listed);
    MUST((verdict == CORS_ALLOWED || verdict == CORS_REFUSED) == (t.head.origin.at != NULL));
    MUST(cors_decide(NULL, &t.head) != CORS_ALLOWED);
    check_origin_fields(&c, &t.head, verdict == CORS_ALLOWED, cors_is_preflight(&t.head));
    check_origin_fields(&c, &t.head, verdict == CORS_ALLOWED, false);
    return 0;
}
