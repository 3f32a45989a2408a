/* SPDX-License-Identifier: MIT */
/* Any bytes as an answer that is an error. Its strings are one line of UTF-8 without controls, and
 * once secrets are hidden none of them shows, in no form that a service could show it in. The first
 * byte chooses the status; in the rest \x01 stands for the secret, \x02 to \x06 for its other
 * forms, so that the fuzzer need not guess them. */
#include "azure/answer.h"
#include "base/utf8.h"
#include "policy/percent.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())
#define SECRET          "q7+Zr/w~T=9&kL2#xV5"
/* What the service may know of it at the end of a text that was cut. */
#define CUT 6

/* The digits of base64 that are the same whatever follows, with nothing, one and two bytes before.
 */
#define BASE64        "cTcrWnIvd35UPTkma0wyI3hWN"
#define BASE64_AFTER1 "E3K1pyL3d+VD05JmtMMiN4Vj"
#define BASE64_AFTER2 "xNytaci93flQ9OSZrTDIjeFY1"

static const char *const forms[] = {
    [1] = SECRET,
    [2] = "q7%2BZr%2Fw~T%3D9%26kL2%23xV5",
    [3] = "%717%2bZ%72%2fw%7e%54%3d9%26k%4c2%23xV5",
    [4] = "cTcrWnIvd35UPTkma0wyI3hWNQ==",
    [5] = "aTpxNytaci93flQ9OSZrTDIjeFY1",
    [6] = "OnE3K1pyL3d-VD05JmtMMiN4VjU",
};

static void expand(struct buf *into, struct text body) {
    for (size_t i = 0; i < body.len; i++) {
        unsigned char c = (unsigned char)body.at[i];
        if (c >= 1 && c < ARRAY_LEN(forms))
            buf_add_string(into, forms[c]);
        else
            buf_add(into, body.at + i, 1);
    }
}

static void check_clean(const char *line, size_t size) {
    MUST(strnlen(line, size) < size);
    for (struct text t = text_of(line); t.len;) {
        uint32_t code;
        size_t n = utf8_next(t, &code);
        MUST(n > 0 && !utf8_is_control(code));
        t = text_skip(t, n);
    }
}

/* LINE with its escapes read. */
static void unescape(const char *line, char *into) {
    struct text t = text_of(line);
    for (size_t i = 0; i < t.len;) {
        int byte = t.at[i] == '%' ? percent_byte(t, i + 1) : -1;
        *into++ = byte > 0 ? (char)byte : t.at[i];
        i += byte > 0 ? 3 : 1;
    }
    *into = '\0';
}

static void check_hidden(const char *line) {
    char plain[512];
    struct text secret = TEXT(SECRET);
    unescape(line, plain);
    MUST(!strstr(line, SECRET) && !strstr(plain, SECRET));
    MUST(!strstr(line, BASE64) && !strstr(plain, BASE64));
    MUST(!strstr(line, BASE64_AFTER1) && !strstr(plain, BASE64_AFTER1));
    MUST(!strstr(line, BASE64_AFTER2) && !strstr(plain, BASE64_AFTER2));
    for (size_t n = CUT; n < secret.len; n++) {
        size_t len = strlen(line), plain_len = strlen(plain);
        MUST(len < n || memcmp(line + len - n, secret.at, n) != 0);
        MUST(plain_len < n || memcmp(plain + plain_len - n, secret.at, n) != 0);
    }
}

static void check_error(struct azure_error *e, const struct azure_request *r) {
    const struct {
        const char *line;
        size_t size;
    } lines[] = {
        {e->code, sizeof e->code},
        {e->message, sizeof e->message},
        {e->trace_id, sizeof e->trace_id},
        {e->correlation_id, sizeof e->correlation_id},
    };
    MUST(e->failure != AZURE_FINE);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        check_clean(lines[i].line, lines[i].size);
    azure_error_hide(e, r);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        check_clean(lines[i].line, lines[i].size);
        check_hidden(lines[i].line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const unsigned statuses[] = {400, 401, 403, 404, 429, 500, 302, 200};
    struct azure_request r;
    struct azure_error e;
    struct buf body;
    if (size == 0)
        return 0;
    struct secret *secret = secret_new(TEXT(SECRET));
    if (!secret)
        return 0;
    azure_request_init(&r, METHOD_POST);
    azure_hide(&r, secret);
    buf_init(&body, 1 << 20);
    expand(&body, (struct text){(const char *)data + 1, size - 1});
    const struct azure_answer a = {
        .status = statuses[data[0] >> 1 & 7], .body = buf_text(&body), .retry_after_s = -1};
    azure_error_read(&e, &a, data[0] & 1);
    check_error(&e, &r);
    azure_error_set(&e, AZURE_UNAVAILABLE, "%s", buf_text(&body).at);
    check_error(&e, &r);
    buf_done(&body);
    azure_request_done(&r);
    secret_unref(&secret);
    return 0;
}
