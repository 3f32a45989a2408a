/* SPDX-License-Identifier: MIT */
/* The configuration that scoregate try writes from its options. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define TRY_ORIGINS_MAX 16

struct try_options {
    const char *scoring_uri; /* required */
    const char *key_file;    /* absolute; or */
    const char *key_env;     /* or neither: no credential */
    const char *ca_file;     /* absolute, or NULL */
    const char *origins[TRY_ORIGINS_MAX];
    size_t origin_count;
    uint16_t port;
    bool allow_insecure_upstream;
};

/* Where callers find the route: the path of the scoring URI, without trailing slashes; "/score" if
 * that can be no route. */
struct text try_path(const char *scoring_uri);

void try_write_config(const struct try_options *options, struct buf *config);
