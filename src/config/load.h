/* SPDX-License-Identifier: MIT */
/* Reading, checking and printing a configuration. What libconfig gets wrong is made good here
 * (doc/architecture.md lists it): integers that overflow, @include of anything but a regular file,
 * one error at a time. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

/* Errors, in the order of the file: "FILE:LINE: what is wrong; what was expected\n" each. */
struct config_errors {
    struct buf text;
    unsigned count;
    bool out_of_memory; /* which is among them, or is why they are not all there */
};

void config_errors_init(struct config_errors *e);
void config_errors_done(struct config_errors *e);
/* Adds an error, at most 100 of them. */
void config_error(struct config_errors *e, struct config_where where, const char *format, ...)
    PRINTF_LIKE(3, 4);

struct config_load_options {
    bool insecure_permissions; /* secret files readable by others are accepted */
    bool no_files; /* includes and secret files are errors: for text that is not trusted */
};

/* Loads and checks FILE, or TEXT (with FILE as the name in messages) if TEXT is not NULL. Returns a
 * snapshot with one reference, or NULL with at least one error. */
struct config *config_load(const char *file, const char *text,
                           const struct config_load_options *options,
                           struct config_errors *errors) MUST_CHECK;

/* Appends the effective configuration in libconfig syntax: every key, defaults filled in; secrets,
 * userinfo of the proxy and query values of URIs as "***". What it prints loads again if the stars
 * are replaced. */
void config_print(const struct config *c, struct buf *into);

/* Appends VALUE as a libconfig string with its quotes, escaped so that it reads back as it was. */
void config_quote(struct buf *into, struct text value);
