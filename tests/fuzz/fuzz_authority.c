/* SPDX-License-Identifier: MIT */
/* A host, an address or a network out of any bytes: what is taken holds no byte that means
 * something elsewhere, and is taken again as it was understood. */
#include "base/parse.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())

static void check_authority(struct text t) {
    static const char forbidden[] = " \t\r\n,/?#@[]\\\"<>^`{|}\x7f";
    struct text host = TEXT("untouched"), again;
    uint16_t port = 7, port_again;
    if (!parse_authority(t, &host, &port)) {
        MUST(text_equal(host, TEXT("untouched")) && port == 7);
        return;
    }
    MUST(host.len > 0 && host.at >= t.at && host.at + host.len <= t.at + t.len);
    bool v6 = t.at[0] == '[';
    for (size_t i = 0; i < host.len; i++) {
        unsigned char c = (unsigned char)host.at[i];
        MUST(c > 0x20 && c < 0x7f && !strchr(forbidden, c) && (v6 || c != ':'));
    }
    char *written = malloc(host.len + 10);
    MUST(written);
    int n = snprintf(written, host.len + 10, v6 ? "[%.*s]:%u" : "%.*s:%u", TEXT_ARG(host), port);
    MUST(n > 0);
    size_t len = (size_t)n - (port == 0); /* "host:" stands for no port */
    MUST(parse_authority((struct text){written, len}, &again, &port_again));
    MUST(text_equal(again, host) && port_again == port);
    free(written);
}

static void check_cidr(struct text t) {
    struct cidr network = {.bits = 999}, plain;
    if (!parse_cidr(t, &network)) {
        MUST(network.bits == 999);
        return;
    }
    struct text address = {t.at, text_find(t, '/')};
    MUST(network.bits <= 128 && text_find(t, '\0') == t.len);
    MUST(cidr_has(&network, network.address));
    MUST(parse_cidr(address, &plain) && plain.bits == 128);
    MUST(memcmp(plain.address, network.address, sizeof plain.address) == 0);
    /* the last bit that counts does, the one after it does not */
    unsigned char other[16];
    memcpy(other, network.address, sizeof other);
    if (network.bits > 0) {
        unsigned bit = network.bits - 1;
        other[bit / 8] ^= (unsigned char)(0x80 >> bit % 8);
        MUST(!cidr_has(&network, other));
        other[bit / 8] ^= (unsigned char)(0x80 >> bit % 8);
    }
    if (network.bits < 128) {
        other[network.bits / 8] ^= (unsigned char)(0x80 >> network.bits % 8);
        MUST(cidr_has(&network, other));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text t = {(const char *)data, size};
    check_authority(t);
    check_cidr(t);
    return 0;
}
