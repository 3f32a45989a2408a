/* SPDX-License-Identifier: MIT */
/* The files of the demo, in a directory that only its user can read and that goes with the demo. */
#pragma once

#include "base/macros.h"
#include "base/text.h"

#include <stdbool.h>

struct demo_files {
    char *directory, *ca, *request; /* NULL: not made */
};

/* Makes the directory under $TMPDIR, or /tmp, and the files with their contents. False if that
 * fails: stderr says why. demo_files_remove() in any case. */
bool demo_files_make(struct demo_files *files, struct text ca, struct text request) MUST_CHECK;
void demo_files_remove(struct demo_files *files);
