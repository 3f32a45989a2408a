/* SPDX-License-Identifier: MIT */
/* What the tests of the exchange expect of answers. */
#pragma once

#include "fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n[]"

#define assert_contains(haystack, needle) assert_non_null(strstr(haystack, needle))
#define assert_lacks(haystack, needle)    assert_null(strstr(haystack, needle))

static inline void assert_problem(struct caller *c, unsigned status, const char *reason) {
    char wanted[128];
    snprintf(wanted, sizeof wanted, "\"reason\":\"%s\"", reason);
    assert_true(c->replied);
    assert_int_equal(c->status, status);
    assert_string_equal(reply_field(c, "Content-Type"), "application/problem+json");
    assert_contains(reply_field(c, "Proxy-Status"), "scoregate; error=");
    char body[4096];
    snprintf(body, sizeof body, "%.*s", TEXT_ARG(c->whole_body));
    for (char *from = body, *to = body;; from++) /* JSON without the blanks behind colons */
        if (*from != ' ' || from == body || from[-1] != ':')
            if (!(*to++ = *from))
                break;
    assert_contains(body, wanted);
}
