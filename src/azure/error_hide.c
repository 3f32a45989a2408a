/* SPDX-License-Identifier: MIT */
/* Taking secrets out of an error: azure_error_hide(). A service may show what it was sent as it
 * was, percent-encoded, in base64, or cut off at the end. */
#include "azure/answer.h"
#include "policy/percent.h"

/* A beginning of a secret of so many bytes at the end of a text is taken for it, cut off. */
#define CUT_BYTES 6
/* Shorter runs of base64 are in every text. */
#define BASE64_DIGITS_MIN 6

/* A form of the secret: a row of units, the bytes themselves or the digits (6 bits each) of base64
 * that are the same whatever stands before and after. */
struct form {
    struct text bytes;
    bool base64;
};

static size_t form_units(const struct form *f) {
    return f->base64 ? f->bytes.len * 8 / 6 : f->bytes.len;
}

static int form_unit(const struct form *f, size_t i) {
    if (!f->base64)
        return (unsigned char)f->bytes.at[i];
    size_t bit = i * 6, byte = bit / 8;
    unsigned next = byte + 1 < f->bytes.len ? (unsigned char)f->bytes.at[byte + 1] : 0;
    unsigned pair = (unsigned)(unsigned char)f->bytes.at[byte] << 8 | next;
    return (int)(pair >> (10 - bit % 8) & 63);
}

/* The value of a digit of base64 or base64url, or -1. */
static int base64_value(int c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Takes one character off T, which may be percent-encoded if ENCODED; -1 if T ends within one. */
static int take(struct text *t, bool encoded) {
    int c = (unsigned char)t->at[0];
    size_t n = 1;
    if (encoded && c == '%') {
        c = percent_byte(*t, 1);
        n = 3;
        if (c < 0 && t->len >= 3) {
            c = '%';
            n = 1;
        }
    }
    *t = text_skip(*t, n);
    return c;
}

/* How many bytes at the start of T show the secret in form F; 0: none. */
static size_t shown(const struct form *f, struct text t, bool encoded) {
    struct text rest = t;
    size_t units = form_units(f), i = 0;
    while (i < units && rest.len) {
        struct text before = rest;
        int c = take(&rest, encoded);
        if (c < 0)
            break;
        if ((f->base64 ? base64_value(c) : c) != form_unit(f, i)) {
            rest = before;
            break;
        }
        i++;
    }
    bool cut = rest.len == 0 && i >= (f->base64 ? CUT_BYTES * 8 / 6 : CUT_BYTES);
    return units && (i == units || cut) ? t.len - rest.len : 0;
}

/* A digit of base64 beside a part that is known holds some bits of the secret, too. */
static void widen(struct text t, size_t *begin, size_t *end) {
    while (*begin && base64_value((unsigned char)t.at[*begin - 1]) >= 0)
        (*begin)--;
    while (*end < t.len && base64_value((unsigned char)t.at[*end]) >= 0)
        (*end)++;
}

/* Sets HIDE of every byte of T that shows the secret in form F. */
static void mark(bool *hide, struct text t, const struct form *f) {
    for (size_t i = 0; i < t.len; i++) {
        size_t raw = shown(f, text_skip(t, i), false);
        size_t encoded = shown(f, text_skip(t, i), true);
        size_t begin = i, end = i + (raw > encoded ? raw : encoded);
        if (end > begin && f->base64)
            widen(t, &begin, &end);
        memset(hide + begin, 1, end - begin);
    }
}

/* Puts "***" for each run of bytes that are to be hidden; for less than three bytes so many. */
static void blot(char *line, const bool *hide) {
    size_t to = 0, run = 0;
    for (size_t i = 0; line[i]; i++) {
        run = hide[i] ? run + 1 : 0;
        if (run <= 3)
            line[to++] = run ? '*' : line[i];
    }
    line[to] = '\0';
}

static void hide_in(char *line, struct text secret) {
    bool hide[sizeof((struct azure_error *)NULL)->message] = {false};
    struct text t = text_of(line);
    /* Within a longer text in base64 the secret may begin at each of three places of a group. */
    for (size_t i = 0; i < 4; i++) {
        struct form f = {i ? text_skip(secret, i - 1) : secret, i > 0};
        if (!f.base64 || form_units(&f) >= BASE64_DIGITS_MIN)
            mark(hide, t, &f);
    }
    blot(line, hide);
}

void azure_error_hide(struct azure_error *e, const struct azure_request *r) {
    for (size_t i = 0; i < ARRAY_LEN(r->hidden); i++) {
        if (!r->hidden[i])
            continue;
        struct text secret = secret_expose(r->hidden[i]);
        hide_in(e->code, secret);
        hide_in(e->message, secret);
        hide_in(e->trace_id, secret);
        hide_in(e->correlation_id, secret);
    }
}
