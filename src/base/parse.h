/* SPDX-License-Identifier: MIT */
/* Strict parsing of small things that come from outside. Every number has its range in the call;
 * outputs are untouched on failure; nothing here allocates. */
#pragma once

#include "base/macros.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits only (no sign, no blank, at least one), not above MAX. */
bool parse_u64(struct text t, uint64_t max, uint64_t *number) MUST_CHECK;

/* A moment in seconds since 1970-01-01 UTC: digits, or a time of RFC 3339 such as
 * "2026-01-31T12:00:00Z" or "2026-01-31 13:00:00.5+01:00", of which a fraction is dropped. */
bool parse_time(struct text t, int64_t *seconds) MUST_CHECK;
/* The same of an HTTP date, in each of the three forms that RFC 9110 section 5.6.7 has a recipient
 * take. The name of the day is not compared with the date; two digits of a year mean 1970 to 2069.
 */
bool parse_http_date(struct text t, int64_t *seconds) MUST_CHECK;

/* True for a token of RFC 9110 section 5.6.2: field names, methods. False when empty. */
bool parse_is_token(struct text t);
/* True for a field value that may be passed on: bytes 0x20..0x7e, 0x80..0xff and tab. */
bool parse_is_field_value(struct text t);
/* True if T has the form of a credential that may follow "Bearer ": token68 of RFC 7235 section 2.1
 * plus the printable characters that Azure's keys use; no blank, no control, 1..16384 bytes. */
bool parse_is_credential(struct text t);

/* A host as in a Host field or an URI authority: registered name, IPv4, or IPv6 in brackets, with
 * an optional port (0 if none). Userinfo, blanks and empty hosts are refused; HOST keeps no
 * brackets. */
bool parse_authority(struct text t, struct text *host, uint16_t *port) MUST_CHECK;

/* "192.0.2.0/24", "2001:db8::/32" or a plain address. */
struct cidr {
    unsigned char address[16]; /* IPv4 is mapped: ::ffff:a.b.c.d */
    unsigned bits;             /* 0..128 */
};
bool parse_cidr(struct text t, struct cidr *cidr) MUST_CHECK;
/* Whether ADDRESS, 16 bytes with IPv4 mapped, lies in CIDR. */
bool cidr_has(const struct cidr *cidr, const unsigned char address[16]);
