/* SPDX-License-Identifier: MIT */
/* The parsers of base/parse.h. */
#include "base/parse.h"

#include <arpa/inet.h>

#define CREDENTIAL_MAX 16384

/* Bits of what a byte may be part of. */
enum { TOKEN = 1, FIELD_VALUE = 2, HOST = 4 };

static const unsigned char kinds[256] = {
    ['\t'] = FIELD_VALUE,
    [' '] = FIELD_VALUE,
    ['!'] = TOKEN | FIELD_VALUE | HOST,
    ['"'] = FIELD_VALUE,
    ['#'] = TOKEN | FIELD_VALUE,
    ['$' ... '\''] = TOKEN | FIELD_VALUE | HOST,
    ['('] = FIELD_VALUE | HOST,
    [')'] = FIELD_VALUE | HOST,
    ['*' ... '+'] = TOKEN | FIELD_VALUE | HOST,
    [','] = FIELD_VALUE,
    ['-' ... '.'] = TOKEN | FIELD_VALUE | HOST,
    ['/'] = FIELD_VALUE,
    ['0' ... '9'] = TOKEN | FIELD_VALUE | HOST,
    [':'] = FIELD_VALUE,
    [';'] = FIELD_VALUE | HOST,
    ['<'] = FIELD_VALUE,
    ['='] = FIELD_VALUE | HOST,
    ['>' ... '@'] = FIELD_VALUE,
    ['A' ... 'Z'] = TOKEN | FIELD_VALUE | HOST,
    ['[' ... ']'] = FIELD_VALUE,
    ['^'] = TOKEN | FIELD_VALUE,
    ['_'] = TOKEN | FIELD_VALUE | HOST,
    ['`'] = TOKEN | FIELD_VALUE,
    ['a' ... 'z'] = TOKEN | FIELD_VALUE | HOST,
    ['{'] = FIELD_VALUE,
    ['|'] = TOKEN | FIELD_VALUE,
    ['}'] = FIELD_VALUE,
    ['~'] = TOKEN | FIELD_VALUE | HOST,
    [0x80 ... 0xff] = FIELD_VALUE,
};

static bool all_are(struct text t, unsigned char kind) {
    for (size_t i = 0; i < t.len; i++)
        if (!(kinds[(unsigned char)t.at[i]] & kind))
            return false;
    return true;
}

bool parse_u64(struct text t, uint64_t max, uint64_t *number) {
    uint64_t n = 0;
    if (t.len == 0)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] < '0' || t.at[i] > '9')
            return false;
        unsigned digit = (unsigned)(t.at[i] - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    if (n > max)
        return false;
    *number = n;
    return true;
}

bool parse_is_token(struct text t) {
    return t.len > 0 && all_are(t, TOKEN);
}

bool parse_is_field_value(struct text t) {
    return all_are(t, FIELD_VALUE);
}

bool parse_is_credential(struct text t) {
    if (t.len == 0 || t.len > CREDENTIAL_MAX)
        return false;
    for (size_t i = 0; i < t.len; i++)
        if (t.at[i] < 0x21 || t.at[i] > 0x7e)
            return false;
    return true;
}

/* inet_pton() for a text. A NUL inside would hide what follows it. */
static bool parse_address(int family, struct text t, unsigned char *address) {
    char string[INET6_ADDRSTRLEN];
    if (t.len >= sizeof string || text_find(t, '\0') < t.len)
        return false;
    memcpy(string, t.at, t.len);
    string[t.len] = '\0';
    return inet_pton(family, string, address) == 1;
}

/* IPv6 in brackets; *REST is what follows them. */
static bool parse_bracketed(struct text t, struct text *host, struct text *rest) {
    unsigned char address[16];
    size_t close = text_find(t, ']');
    if (close == t.len)
        return false;
    *host = (struct text){t.at + 1, close - 1};
    *rest = text_skip(t, close + 1);
    return parse_address(AF_INET6, *host, address);
}

bool parse_authority(struct text t, struct text *host, uint16_t *port) {
    struct text name, rest;
    uint64_t number = 0;
    if (t.len && t.at[0] == '[') {
        if (!parse_bracketed(t, &name, &rest))
            return false;
    } else {
        size_t colon = text_find(t, ':');
        name = (struct text){t.at, colon};
        rest = text_skip(t, colon);
        if (name.len == 0 || !all_are(name, HOST))
            return false;
    }
    if (rest.len && rest.at[0] != ':')
        return false;
    rest = text_skip(rest, 1);
    if (rest.len && (!parse_u64(rest, 65535, &number) || number == 0))
        return false;
    *host = name;
    *port = (uint16_t)number;
    return true;
}

bool parse_cidr(struct text t, struct cidr *cidr) {
    struct cidr c = {.bits = 0};
    size_t slash = text_find(t, '/');
    struct text address = {t.at, slash};
    if (slash == 0)
        return false;
    bool v4 = parse_address(AF_INET, address, c.address + 12);
    if (v4)
        memset(c.address + 10, 0xff, 2);
    else if (!parse_address(AF_INET6, address, c.address))
        return false;
    uint64_t bits = v4 ? 32 : 128;
    if (slash < t.len && !parse_u64(text_skip(t, slash + 1), bits, &bits))
        return false;
    c.bits = (unsigned)bits + (v4 ? 96 : 0);
    *cidr = c;
    return true;
}

bool cidr_has(const struct cidr *cidr, const unsigned char address[16]) {
    size_t whole = cidr->bits / 8;
    unsigned rest = cidr->bits % 8;
    if (memcmp(cidr->address, address, whole) != 0)
        return false;
    unsigned char mask = (unsigned char)(0xff00u >> rest);
    return rest == 0 || ((cidr->address[whole] ^ address[whole]) & mask) == 0;
}
