/* SPDX-License-Identifier: MIT */
/* Reading a body of application/x-www-form-urlencoded, as RFC 6749 appendix B has token requests
 * encoded: strictly, so that nothing in it can be understood in two ways. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* More than this is no value. */
#define DEMO_FORM_VALUE_MAX 4096

/* A parameter that the reader wants: the name is set before, the rest, all zero, by the body. */
struct demo_field {
    const char *name;
    bool given;
    struct buf value; /* decoded, without NUL bytes */
};

/* Fills in FIELDS from BODY; parameters of other names are passed over. False if an escape in a
 * name or in one of their values is none, or stands for NUL, if a value is too long, or if one of
 * FIELDS is there twice. demo_form_done() in any case. */
bool demo_form_read(struct text body, struct demo_field *fields, size_t count) MUST_CHECK;
/* Wipes the values. */
void demo_form_done(struct demo_field *fields, size_t count);
